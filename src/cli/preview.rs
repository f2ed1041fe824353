//! `aftercare protocol preview`: every day for a terminal, or a page to print.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::protocol::{Treatment, document_of, protocol_of, say, wrong};
use crate::clinics::Clinic;
use crate::documents::hash;
use crate::error::Error;
use authoring::preview::{ClinicWords, NewPage, NewPreview, PagesFor, page, preview_of};
use engine::{Parameters, Protocol};
use ground::time::Clock;
use ground::values::Date;

/// What to show, and of whom.
#[derive(Args)]
pub struct Preview {
    /// The key of a library plan, or a document.
    plan: String,
    #[command(flatten)]
    treatment: Treatment,
    /// The date of the treatment, as 2026-05-04. Without it the page has day numbers, and the terminal today's date.
    #[arg(long)]
    date: Option<String>,
    /// The language; that of the clinic if it is not said, else `en`.
    #[arg(long)]
    locale: Option<String>,
    /// Write a page to print into this file instead.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Whom the page is for: the patient's calendar, the sheet for who approves the plan, or both.
    #[arg(long = "for", value_enum, default_value = "both", requires = "html")]
    pages_for: PagesFor,
    #[command(flatten)]
    numbers: Numbers,
}

/// The clinic, or its numbers given by hand; what is given by hand counts.
#[derive(Args)]
struct Numbers {
    /// Take numbers, texts and language of this clinic from the database: its id or its name.
    #[arg(long, value_name = "ID-OR-NAME")]
    clinic: Option<String>,
    /// The clinic's name.
    #[arg(long, value_name = "NAME")]
    clinic_name: Option<String>,
    /// The clinic's telephone number.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// The emergency number.
    #[arg(long, value_name = "NUMBER")]
    emergency: Option<String>,
    /// Whom to call when the clinic is closed.
    #[arg(long, value_name = "WHOM")]
    out_of_hours: Option<String>,
}

impl Preview {
    /// The clinic to look up in the database first, by its id or name.
    pub fn clinic(&self) -> Option<&str> {
        self.numbers.clinic.as_deref()
    }

    /// Shows it. `clinic` is the one that `clinic()` named.
    pub fn run(self, clinic: Option<&Clinic>) -> Result<ExitCode, Error> {
        let document = document_of(&self.plan)?;
        let protocol = protocol_of(&self.plan, &document)?;
        let treated_on = self.date.as_deref().map(date).transpose()?;
        let locale = self.locale.or_else(|| clinic.map(|clinic| clinic.locale.clone())).unwrap_or("en".to_owned());
        let stored = clinic.map(words_of).transpose()?.unwrap_or_default();
        let clinic = self.numbers.words().or(stored);
        let parameters = parameters(&self.treatment, &protocol, self.html.is_some().then_some(self.pages_for))?;
        let Some(file) = self.html else {
            let treated_on = treated_on.unwrap_or_else(today);
            let new = NewPreview { parameters, treated_on, locale: Some(locale.clone()) };
            say(preview_of(&protocol, &new, &clinic)?.text(&locale).trim_end());
            return Ok(ExitCode::SUCCESS);
        };
        let new = NewPage {
            parameters,
            treated_on,
            locale,
            clinic,
            pages_for: self.pages_for,
            content_hash: hash(&document),
        };
        std::fs::write(&file, page(&protocol, &new)?)
            .map_err(|why| wrong(format!("cannot write {}: {why}", file.display())))?;
        say(&format!("wrote {}", file.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// As the clinic's record has them.
fn words_of(clinic: &Clinic) -> Result<ClinicWords, Error> {
    Ok(ClinicWords {
        name: Some(clinic.name.clone()),
        phone: Some(clinic.phone.clone()),
        emergency: Some(clinic.emergency_number.clone()),
        out_of_hours: Some(clinic.out_of_hours.clone()),
        texts: clinic.own_texts()?,
    })
}

impl Numbers {
    fn words(self) -> ClinicWords {
        ClinicWords {
            name: self.clinic_name,
            phone: self.phone,
            emergency: self.emergency,
            out_of_hours: self.out_of_hours,
            ..ClinicWords::default()
        }
    }
}

/// The treatment's parameters; the approver's sheet alone is about all treatments and needs none.
fn parameters(treatment: &Treatment, protocol: &Protocol, pages_for: Option<PagesFor>) -> Result<Parameters, Error> {
    match pages_for {
        Some(PagesFor::Approver) => Ok(Parameters::default()),
        _ => treatment.parameters(protocol, Parameters::default()),
    }
}

fn date(text: &str) -> Result<Date, Error> {
    Date::try_from(text.to_owned()).map_err(|_| wrong(format!("--date {text}: write it like 2026-05-04")))
}

fn today() -> Date {
    Date(Clock::System.now().timestamp().to_zoned(jiff::tz::TimeZone::UTC).date())
}
