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
        wanted
            .iter()
            .find_map(|locale| self.closest(locale))
            .or_else(|| self.0.get("en").map(String::as_str))
            .unwrap_or_default()
    }

    fn closest(&self, locale: &str) -> Option<&str> {
        let language = locale.split('-').next().unwrap_or(locale);
        self.0.get(locale).or_else(|| self.0.get(language)).map(String::as_str)
    }
}
