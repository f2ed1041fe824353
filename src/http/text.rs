//! Words that come from outside, as types that cannot hold a wrong one: parse once at the door, trust inside.
//!
//! An error reads `code: sentence`; `http::body` splits it into the problem's `code` and `detail`.

use language_tags::{LanguageTag, ValidationError};
use serde::{Deserialize, Serialize};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};
use utoipa::ToSchema;

use engine::LocalTime;

/// The codes that our own types give.
pub const CODES: &[&str] = &[
    "too_short",
    "too_long",
    "control_character",
    "not_an_address",
    "unknown_zone",
    "unknown_locale",
    "out_of_range",
    "impossible_date",
    "impossible_time",
    "invalid_value",
    "too_weak",
];

fn clean(text: &str, least: usize, most: usize) -> Result<String, String> {
    // Lines end as the sender's system ends them.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    let length = text.chars().count();
    if length < least {
        Err(format!("too_short: needs at least {least} character{}", if least == 1 { "" } else { "s" }))
    } else if length > most {
        Err(format!("too_long: may have at most {most} characters"))
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) || text.chars().any(is_bidi_control) {
        Err("control_character: may not hold control characters".to_owned())
    } else if !text.chars().any(is_visible) {
        Err("too_short: needs a character that can be seen".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Characters that turn the reading direction: they can make a text read as another.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character leaves a mark of its own on a screen.
fn is_visible(c: char) -> bool {
    // Letters and symbols that Unicode draws as nothing: fillers of Hangul, the empty pattern of braille, blanks of hieroglyphs, the empty
    // note head, and what stands for an object that is not there.
    const BLANK: [char; 9] =
        ['\u{115F}', '\u{1160}', '\u{3164}', '\u{FFA0}', '\u{2800}', '\u{13441}', '\u{13442}', '\u{1D159}', '\u{FFFC}'];
    let group = c.general_category_group();
    !BLANK.contains(&c)
        && !matches!(group, GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator | GeneralCategoryGroup::Mark)
}

macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident: $least:tt ..= $most:tt, one_line = $one_line:tt, example = $example:tt;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String")]
        #[schema(value_type = String, min_length = $least, max_length = $most, example = $example)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let text = clean(&text, $least, $most)?;
                if $one_line && text.contains(['\n', '\t']) {
                    return Err("control_character: must be one line".to_owned());
                }
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    )+};
}

text_types! {
    /// A name of a person or a clinic.
    Name: 1..=120, one_line = true, example = "Ada Invented";
    /// A reason or a note.
    Note: 1..=2000, one_line = false, example = "Called back, advised, all settled.";
    /// A telephone number as people write it.
    Phone: 3..=40, one_line = true, example = "+44 20 7946 0000";
    /// Opening hours, reply hours and the like, as people write them.
    Line: 1..=300, one_line = true, example = "Mon-Fri 9:00-17:00";
    /// A word that names a thing of a protocol.
    Key: 1..=60, one_line = true, example = "mn-face";
}

/// An e-mail address, in lower case, with nothing in it that cannot be seen. Its domain is kept as mail servers know it: `münchen.example` is
/// `xn--mnchen-3ya.example`, so that both spellings are one address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = "email", max_length = 254, example = "ada@patients.example")]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "not_an_address: must be one e-mail address, like name@example.org".to_owned();
        let text = nfc(&text.trim().to_lowercase());
        let is_mark = |c: char| c.general_category_group() == GeneralCategoryGroup::Mark;
        if !text.chars().all(|c| c != '"' && (is_visible(c) || is_mark(c))) {
            return Err(wrong());
        }
        let (name, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| wrong())?;
        let text = format!("{name}@{domain}");
        let address: lettre::Address = text.parse().map_err(|_| wrong())?;
        let top = address.domain().rsplit_once('.').map(|(_, top)| top);
        // No top-level domain is a number (RFC 3696, 2): `127.0.0.1` is a host's address and no mail domain.
        if text.len() > 254 || top.is_none_or(|top| top.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(wrong());
        }
        Ok(Self(text))
    }
}

/// An IANA time zone that the bundled database knows, under the name that was given: renamed places keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 64, example = "Europe/London")]
pub struct Zone(String);

impl Zone {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        // Entries of the database that are no place and no offset: what a machine says that does not know where it is.
        const NOWHERE: [&str; 4] = ["Etc/Unknown", "Factory", "localtime", "posixrules"];
        let zone = jiff::tz::TimeZone::get(&name).ok().filter(|zone| !zone.is_unknown());
        let known = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name).filter(|known| !NOWHERE.contains(known));
        known
            .map(|known| Self(known.to_owned()))
            .ok_or_else(|| "unknown_zone: must be an IANA time zone, like Europe/London".to_owned())
    }
}

/// A language that patient texts can be asked in (BCP 47). Texts that are not there in it come in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 100, example = "en")]
pub struct Locale(String);

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters of a tag with its extensions.
const MOST_OF_TAG: usize = 100;
/// The languages that the texts are written in.
pub const LANGUAGES: &[&str] = &["en", "es", "de"];

impl TryFrom<String> for Locale {
    type Error = String;

    fn try_from(tag: String) -> Result<Self, String> {
        let wrong = || format!("unknown_locale: must be a BCP 47 tag of one of the languages {}", LANGUAGES.join(", "));
        let parsed = LanguageTag::parse(&tag).ok().filter(|_| tag.len() <= MOST_OF_TAG).ok_or_else(wrong)?;
        // Whether its parts are registered is not asked: the registry grows. None may stand twice.
        let is_doubled =
            matches!(parsed.validate(), Err(ValidationError::DuplicateVariant | ValidationError::DuplicateExtension));
        if is_doubled || !LANGUAGES.contains(&language_of(&parsed)) {
            return Err(wrong());
        }
        Ok(Self(parsed.into_string()))
    }
}

/// The language of a tag. The one irregular tag of ours (RFC 5646, 2.2.8) is whole to the crate.
pub(super) fn language_of(tag: &LanguageTag) -> &str {
    if tag.as_str() == "en-GB-oed" { "en" } else { tag.primary_language() }
}

/// A time of day, to the minute; `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 5, max_length = 5, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", example = "17:00")]
pub struct TimeOfDay(pub LocalTime);

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = text.parse().ok().filter(|_| text.len() == 5);
        time.map(Self).ok_or_else(|| "impossible_time: must be a time of day, from 00:00 to 24:00".to_owned())
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.0.to_string()
    }
}

/// A new password: 15 to 128 characters, compared in NFC. Never printed.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 15, max_length = 128, example = "a long sentence that only you know")]
pub struct NewPassword(secrecy::SecretString);

impl NewPassword {
    /// The password, for hashing.
    pub fn secret(&self) -> &secrecy::SecretString {
        &self.0
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword([REDACTED])")
    }
}

impl TryFrom<String> for NewPassword {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = nfc(&text);
        let length = text.chars().count();
        let distinct = text.chars().collect::<std::collections::BTreeSet<_>>().len();
        if length < 15 {
            Err("too_short: needs at least 15 characters; a sentence is a good password".to_owned())
        } else if length > 128 {
            Err("too_long: may have at most 128 characters".to_owned())
        } else if distinct < 5 {
            Err("too_weak: must have at least 5 different characters".to_owned())
        } else {
            Ok(Self(text.into()))
        }
    }
}

/// A password or token that somebody shows, of so many characters at the most. Never printed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Shown<const MOST: usize>(secrecy::SecretString);

impl<const MOST: usize> Shown<MOST> {
    /// The text.
    pub fn expose(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }
}

impl<const MOST: usize> TryFrom<String> for Shown<MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.chars().count() > MOST {
            return Err(format!("too_long: may have at most {MOST} characters"));
        }
        Ok(Self(text.into()))
    }
}

/// The same text however the keyboard composed it.
pub fn nfc(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: TryFrom<String, Error = String>>(text: &str) -> Result<T, String> {
        T::try_from(text.to_owned()).map_err(|why| why.split(':').next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_zone_is_a_place_under_the_name_that_was_given() {
        for name in ["Europe/London", "Asia/Calcutta", "Asia/Kolkata", "Europe/Kiev", "US/Pacific", "Etc/UTC", "UTC"] {
            assert_eq!(read::<Zone>(name).unwrap().as_str(), name);
        }
        assert_eq!(read::<Zone>("europe/LONDON").unwrap().as_str(), "Europe/London");
        for name in ["Etc/Unknown", "etc/unknown", "Factory", "localtime", "posixrules", "Mars/Base", "", " ", "+02:00"]
        {
            assert_eq!(read::<Zone>(name).unwrap_err(), "unknown_zone", "{name}");
        }
    }

    #[test]
    fn a_locale_may_have_all_parts_of_bcp_47() {
        for (tag, kept) in [
            ("en", "en"),
            ("ES-mx", "es-MX"),
            ("de-Latn-DE-1996", "de-Latn-DE-1996"),
            ("es-419", "es-419"),
            ("de-DE-u-co-phonebk", "de-DE-u-co-phonebk"),
            ("es-x-clinic", "es-x-clinic"),
            ("en-gb-OED", "en-GB-oed"),
            ("en-GB-oxendict", "en-GB-oxendict"),
        ] {
            assert_eq!(read::<Locale>(tag).unwrap().as_str(), kept);
        }
        for tag in [
            "",
            "e",
            "en_GB",
            "en-",
            "fr",
            "zh-Hant",
            "x-en",
            "i-klingon",
            "en--GB",
            "de-DE-1996-1996",
            "en-a-bb-a-cc",
            &format!("en-x-{}", "a".repeat(100)),
        ] {
            assert_eq!(read::<Locale>(tag).unwrap_err(), "unknown_locale", "{tag}");
        }
    }

    #[test]
    fn a_name_has_a_character_that_can_be_seen() {
        for name in ["Å", "李", "O’Neil", "Nguyễn", "א", "7", "👩‍⚕️"] {
            assert!(read::<Name>(name).is_ok(), "{name}");
        }
        for name in [
            "",
            " ",
            "\u{200B}",
            "\u{FEFF}\u{2060}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{00AD}",
            "\u{0301}",
            "\u{E000}",
            "\u{13441}",
            "\u{1D159}\u{FFFC}",
        ] {
            assert_eq!(read::<Name>(name).unwrap_err(), "too_short", "{name:?}");
        }
    }

    #[test]
    fn lines_end_in_a_note_as_its_sender_ends_them() {
        assert_eq!(read::<Note>("Called.\r\n\tAll fine.\rDone.").unwrap().as_str(), "Called.\n\tAll fine.\nDone.");
        for text in ["two\rlines", "two\tparts", "\u{7}ring"] {
            assert_eq!(read::<Name>(text).unwrap_err(), "control_character", "{text:?}");
        }
    }

    #[test]
    fn an_address_is_kept_as_it_was_checked() {
        for (address, kept) in [
            (" Ada@Patients.Example ", "ada@patients.example"),
            ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
            ("ada@XN--MNCHEN-3YA.example", "ada@xn--mnchen-3ya.example"),
            ("ada@mu\u{0308}nchen.example", "ada@xn--mnchen-3ya.example"),
            ("ada@例え.example", "ada@xn--r8jz45g.example"),
            ("josé@patients.example", "josé@patients.example"),
        ] {
            assert_eq!(read::<Email>(address).unwrap().as_str(), kept);
            assert_eq!(read::<Email>(kept).unwrap().as_str(), kept, "what is stored can be read again");
        }
        for address in [
            "ada",
            "ada@localhost",
            "ada\u{200B}@patients.example",
            "ada@patients\u{200B}.example",
            "\u{FEFF}\u{2060}@patients.example",
            "ada @patients.example",
            "\"ada\"@patients.example",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@patients.1",
            "ada@pa tients.example",
            "ada@-patients.example",
            "ada@patients..example",
            "ada\u{202E}@patients.example",
            "ada\u{13441}@patients.example",
            "ada@p\u{13442}.example",
            "ada@bob@patients.example",
        ] {
            assert_eq!(read::<Email>(address).unwrap_err(), "not_an_address", "{address:?}");
        }
    }
}
