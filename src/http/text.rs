//! Words that come from outside, as types that cannot hold a wrong one: parse once at the door, trust inside.
//!
//! An error reads `code: sentence`; `http::body` splits it into the problem's `code` and `detail`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::LocalTime;

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

/// Base64 for URLs, without padding.
pub fn url_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// And back.
pub fn from_url_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn clean(text: &str, least: usize, most: usize) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least {
        Err(format!("too_short: needs at least {least} character{}", if least == 1 { "" } else { "s" }))
    } else if length > most {
        Err(format!("too_long: may have at most {most} characters"))
    } else if text.chars().any(|c| c.is_control() && c != '\n') || text.chars().any(is_bidi_control) {
        Err("control_character: may not hold control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Characters that turn the reading direction: they can make a text read as another.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
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
                if $one_line && text.contains('\n') {
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

/// An e-mail address, in lower case.
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
        let text = text.trim().to_lowercase();
        if text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"') {
            return Err(wrong());
        }
        let address: lettre::Address = text.parse().map_err(|_| wrong())?;
        if address.domain().starts_with('[') || !address.domain().contains('.') {
            return Err(wrong());
        }
        Ok(Self(text))
    }
}

/// An IANA time zone that the bundled database knows.
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
        match jiff::tz::TimeZone::get(&name) {
            Ok(zone) => Ok(Self(zone.iana_name().unwrap_or(&name).to_owned())),
            Err(_) => Err("unknown_zone: must be an IANA time zone, like Europe/London".to_owned()),
        }
    }
}

/// A language that patient texts can be asked in (BCP 47). Texts that are not there in it come in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 35, example = "en")]
pub struct Locale(String);

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The languages that the texts are written in.
pub const LANGUAGES: &[&str] = &["en", "es", "de"];

impl TryFrom<String> for Locale {
    type Error = String;

    fn try_from(tag: String) -> Result<Self, String> {
        let wrong = || format!("unknown_locale: must be a BCP 47 tag of one of the languages {}", LANGUAGES.join(", "));
        if tag.len() > 35 {
            return Err(wrong());
        }
        let parsed: unic_langid::LanguageIdentifier = tag.parse().map_err(|_| wrong())?;
        if !LANGUAGES.contains(&parsed.language.as_str()) {
            return Err(wrong());
        }
        Ok(Self(parsed.to_string()))
    }
}

/// A calendar date between 2000-01-01 and 2100-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Date, example = "2026-03-04")]
pub struct Date(pub jiff::civil::Date);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let iso = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date: jiff::civil::Date = text
            .parse()
            .ok()
            .filter(|_| iso)
            .ok_or_else(|| "impossible_date: must be a date of the calendar, as 2026-03-04".to_owned())?;
        if !(2000..=2100).contains(&date.year()) {
            return Err("out_of_range: must be between 2000-01-01 and 2100-12-31".to_owned());
        }
        Ok(Self(date))
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.0.to_string()
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
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
