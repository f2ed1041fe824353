//! Text for people, in several languages.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

// Shared, so that what is asked on a day can be copied without its words.
/// One text in several locales.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::HashMap<String, String>, example = json!({"en": "Face micro-needling"}))]
pub struct Text(pub Arc<BTreeMap<String, String>>);

impl FromIterator<(String, String)> for Text {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(texts: T) -> Self {
        Self(Arc::new(texts.into_iter().collect()))
    }
}

impl Text {
    /// The locales that every text of a document must have.
    pub const REQUIRED: &'static [&'static str] = &["en", "es"];
    /// The locales of the texts that are built in, the library's and ours, in order.
    pub const BUILT_IN: &'static [&'static str] = &["de", "en", "es"];

    /// A text that is made in each of the locales that are built in.
    pub fn in_each(make: impl Fn(&str) -> String) -> Self {
        Self::BUILT_IN.iter().map(|locale| ((*locale).to_owned(), make(locale))).collect()
    }

    /// Without what does not pass, by locale.
    pub fn filter(self, pass: impl Fn(&str) -> bool) -> Self {
        let of_each = self.0.iter().filter(|(_, text)| pass(text));
        of_each.map(|(locale, text)| (locale.clone(), text.clone())).collect()
    }

    /// This, and another text after it, in each locale that either has.
    pub fn and(&self, other: &Self) -> Self {
        let locales: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let both = |locale: &str| {
            let first = self.wanted(&[locale]).unwrap_or_default();
            let second = other.wanted(&[locale]).unwrap_or_default();
            match (first, second) {
                (one, "") | ("", one) => one.to_owned(),
                (first, second) if first == second => first.to_owned(),
                (first, second) if first.ends_with(['.', '?', '!']) => format!("{first} {second}"),
                (first, second) => format!("{first}. {second}"),
            }
        };
        locales.into_iter().map(|locale| (locale.clone(), both(locale))).collect()
    }

    /// The text in the first wanted locale there is: `es-MX` is satisfied by `es`, and English is the last resort.
    pub fn in_locale(&self, wanted: &[&str]) -> &str {
        self.wanted(wanted).or_else(|| self.0.get("en").map(String::as_str)).unwrap_or_default()
    }

    /// The same, without a last resort.
    pub fn wanted(&self, wanted: &[&str]) -> Option<&str> {
        wanted.iter().find_map(|locale| self.closest(locale))
    }

    /// The text of this locale, else of the same without its last part, and so on: a look-up by RFC 4647.
    fn closest(&self, locale: &str) -> Option<&str> {
        let mut tags = std::iter::successors(Some(locale), |tag| Some(tag.rsplit_once('-')?.0));
        tags.find_map(|tag| self.0.get(tag)).map(String::as_str)
    }
}

/// The language of a BCP 47 tag: `es` of `es-MX`, and of `es_MX` as POSIX writes it.
pub fn language(locale: &str) -> &str {
    locale.split(['-', '_']).next().unwrap_or_default()
}

/// The text with every `{name}` that is known replaced; what is not known stays as it is written.
pub fn fill<'a>(text: &'a str, word: impl Fn(&str) -> Option<&'a str>) -> Cow<'a, str> {
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after.split_once('}').and_then(|(name, after)| Some((word(name)?, after)));
        let (said, after) = known.unwrap_or(("{", after));
        filled.push_str(said);
        rest = after;
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}

/// Whether a text has control characters that none may have, long or short: all but the ends of lines and tabs.
pub fn has_controls(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}
