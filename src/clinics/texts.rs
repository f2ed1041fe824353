//! What a clinic has written for the texts that protocols leave to it.

use super::{Clinic, store};
use crate::error::{Error, FieldError};
use engine::{ClinicText, ClinicTexts};
use ground::ids::ClinicId;
use ground::sql::Conn;

impl Clinic {
    /// What the clinic has written.
    pub fn own_texts(&self) -> Result<ClinicTexts, Error> {
        if self.texts.as_str() == "{}" { Ok(ClinicTexts::default()) } else { Ok(self.texts.to()?) } // nothing written costs nothing
    }

    /// What stands for a word that every protocol may use undeclared.
    pub fn word(&self, name: &str) -> Option<&str> {
        match name {
            "emergency_number" => Some(&self.emergency_number),
            "clinic_phone" => Some(&self.phone),
            "out_of_hours" => Some(&self.out_of_hours),
            _ => None,
        }
    }
}

/// The texts without which the plan cannot be used, and which the clinic has not written.
pub fn missing_texts<'a>(own: &ClinicTexts, declared: &'a [ClinicText]) -> Vec<&'a ClinicText> {
    declared.iter().filter(|text| text.required && !own.0.contains_key(&text.key)).collect()
}

/// Refuses a protocol version whose required texts the clinic has not written yet, and names each.
pub fn must_be_written(c: &mut Conn, clinic: ClinicId, declared: &[ClinicText]) -> Result<(), Error> {
    if declared.iter().all(|text| !text.required) {
        return Ok(());
    }
    let own = store::get(c, clinic)?.own_texts()?;
    let missing = |text: &ClinicText| FieldError {
        pointer: "path/version".to_owned(),
        code: format!("text_missing.{}", text.key),
        detail: format!(
            "the plan needs \"{}\": write it with PUT /v1/clinic/texts/{}",
            text.label.in_locale(&["en"]),
            text.key
        ),
    };
    let errors: Vec<FieldError> = missing_texts(&own, declared).into_iter().map(missing).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}
