//! Who says something, and about whom something is found: a patient in a plan, or in a record that has none.

use super::PlanFile;
use crate::clinics::Clinic;
use crate::error::Error;
use crate::patients::Patient;
use engine::Text;
use ground::ids::{PlanId, VersionId};

/// A plan, or a record without one that is right.
pub enum Author {
    /// A plan.
    Plan(Box<PlanFile>),
    /// A record that never had a plan that was right.
    Record(Box<(Patient, Clinic)>),
}

impl Author {
    /// The same, borrowed.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::Plan(plan_file) => Subject::Plan(plan_file),
            Self::Record(record) => Subject::Record(&record.0, &record.1),
        }
    }
}

/// The same as `Author`, borrowed.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A plan.
    Plan(&'a PlanFile),
    /// A record that never had a plan that was right.
    Record(&'a Patient, &'a Clinic),
}

impl<'a> Subject<'a> {
    /// Whose it is.
    pub fn patient(self) -> &'a Patient {
        match self {
            Self::Plan(plan_file) => &plan_file.patient,
            Self::Record(patient, _) => patient,
        }
    }

    /// The clinic.
    pub fn clinic(self) -> &'a Clinic {
        match self {
            Self::Plan(plan_file) => &plan_file.clinic,
            Self::Record(_, clinic) => clinic,
        }
    }

    /// The plan, if there is one.
    pub fn plan(self) -> Option<&'a PlanFile> {
        match self {
            Self::Plan(plan_file) => Some(plan_file),
            Self::Record(..) => None,
        }
    }

    /// The plan's id.
    pub fn plan_id(self) -> Option<PlanId> {
        self.plan().map(|plan_file| plan_file.plan.id)
    }

    /// The protocol version that a day belongs to; none without a plan.
    pub fn version_on(self, day: i32) -> Result<Option<VersionId>, Error> {
        self.plan().map(|plan_file| plan_file.version_on(day)).transpose()
    }

    /// The languages to try: the one that is asked for, the patient's, the clinic's.
    pub fn locales(self, asked: Option<&'a str>) -> Vec<&'a str> {
        asked.into_iter().chain([self.patient().locale.as_str(), self.clinic().locale.as_str()]).collect()
    }

    /// What stands for `{name}` in a text.
    pub fn word(self, name: &str, locales: &[&str]) -> Option<&'a str> {
        match self {
            Self::Plan(plan_file) => plan_file.word(name, locales),
            Self::Record(_, clinic) => clinic.word(name),
        }
    }

    /// A text with the clinic's words in it, in each of its languages: to be kept as it was said.
    pub fn written(self, text: &Text) -> Text {
        let fill = |(locale, text): (&String, &String)| {
            let locales = self.locales(Some(locale));
            (locale.clone(), engine::fill(text, |name| self.word(name, &locales)).into_owned())
        };
        text.0.iter().map(fill).collect()
    }
}
