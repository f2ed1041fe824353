//! What a clinic puts into a plan: its name, its numbers, its own texts.

use engine::{ClinicText, ClinicTexts};

/// What is known of the clinic. What is not known stands as a word in square brackets, to be written in by hand.
#[derive(Debug, Clone, Default)]
pub struct ClinicWords {
    pub name: Option<String>,
    pub phone: Option<String>,
    /// The emergency number where it is.
    pub emergency: Option<String>,
    /// Whom to call when it is closed.
    pub out_of_hours: Option<String>,
    /// What it has written for the texts that plans leave to it.
    pub texts: ClinicTexts,
}

impl ClinicWords {
    /// These, and where one is empty that of another.
    pub fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            phone: self.phone.or(other.phone),
            emergency: self.emergency.or(other.emergency),
            out_of_hours: self.out_of_hours.or(other.out_of_hours),
            texts: if self.texts == ClinicTexts::default() { other.texts } else { self.texts },
        }
    }

    /// What stands for a word that every plan may use undeclared.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        let word = match name {
            "clinic_phone" => &self.phone,
            "out_of_hours" => &self.out_of_hours,
            "emergency_number" => &self.emergency,
            _ => &None,
        };
        word.as_deref()
    }

    /// What stands for a text that the plan leaves to the clinic: the clinic's own, else the plan's.
    pub(super) fn text<'a>(&'a self, key: &str, locale: &str, declared: &'a [ClinicText]) -> Option<&'a str> {
        self.texts.word(key, &[locale], declared)
    }
}
