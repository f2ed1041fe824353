//! Text for people, in several languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One text in several locales.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::HashMap<String, String>, example = json!({"en": "Face micro-needling"}))]
pub struct Text(pub BTreeMap<String, String>);

impl Text {
    /// The locales every text must have.
    pub const REQUIRED: &'static [&'static str] = &["en", "es"];

    /// The text in the first wanted locale there is: `es-MX` is satisfied by `es`, and English is the last resort.
    pub fn in_locale(&self, wanted: &[&str]) -> &str {
        self.wanted(wanted).or_else(|| self.0.get("en").map(String::as_str)).unwrap_or_default()
    }

    /// The same, without a last resort.
    pub fn wanted(&self, wanted: &[&str]) -> Option<&str> {
        wanted.iter().find_map(|locale| self.closest(locale))
    }

    fn closest(&self, locale: &str) -> Option<&str> {
        let language = locale.split('-').next().unwrap_or(locale);
        self.0.get(locale).or_else(|| self.0.get(language)).map(String::as_str)
    }
}

/// The text with every `{name}` that is known replaced; what is not known stays as it is written.
pub fn fill<'a>(text: &'a str, word: impl Fn(&str) -> Option<&'a str>) -> String {
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
    filled
}
