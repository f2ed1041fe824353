//! Texts that protocols leave to the clinic: the name of its gel, its plan for cold sores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::ClinicText;
use crate::text::Text;

/// What the clinic has written, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClinicTexts(pub BTreeMap<String, Text>);

impl ClinicTexts {
    /// What stands for `{key}`: the clinic's own words in one of these languages, else the protocol's, else the clinic's in
    /// any language.
    pub fn word<'a>(&'a self, key: &str, locales: &[&str], declared: &'a [ClinicText]) -> Option<&'a str> {
        let own = self.0.get(key);
        let fallback = || declared.iter().find(|text| text.key == key)?.fallback.as_ref();
        own.and_then(|text| text.wanted(locales))
            .or_else(|| Some(fallback()?.in_locale(locales)))
            .or_else(|| own?.0.values().next().map(String::as_str))
    }
}
