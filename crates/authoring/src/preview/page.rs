//! The page to print: the patient's calendar, the approver's sheet, or both. One file, no script, nothing from elsewhere.

use clap::ValueEnum;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};

use super::PreviewError;
use super::calendar::calendar;
use super::clinic::ClinicWords;
use super::reader::Reader;
use super::sheet::sheet;
use engine::{Parameters, Protocol};
use ground::values::Date;

const TEMPLATES: [(&str, &str); 4] = [
    ("preview.html", include_str!("templates/preview.html")),
    ("preview.css", include_str!("templates/preview.css")),
    ("calendar.html", include_str!("templates/calendar.html")),
    ("sheet.html", include_str!("templates/sheet.html")),
];

/// Whom a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PagesFor {
    /// The calendar alone.
    Patient,
    /// The sheet to be signed alone.
    Approver,
    /// The calendar, then the sheet.
    Both,
}

/// A page that is wanted.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// The treatment's parameters; the approver's sheet needs none.
    pub parameters: Parameters,
    /// The date of the treatment; without it days have numbers and no dates.
    pub treated_on: Option<Date>,
    pub locale: String,
    /// What is known of the clinic.
    pub clinic: ClinicWords,
    /// Whom it is for.
    pub pages_for: PagesFor,
    /// SHA-256 of the document, base64url: the approver signs this and no other.
    pub content_hash: String,
}

/// The page of a protocol. Every text in it is the clinic's data, and is escaped.
pub fn page(protocol: &Protocol, new: &NewPage) -> Result<String, PreviewError> {
    let reader = Reader::new(protocol, &new.clinic, &new.locale, new.treated_on.map(|date| date.0));
    let calendar = match new.pages_for {
        PagesFor::Approver => None,
        PagesFor::Patient | PagesFor::Both => {
            let compiled = engine::compile(protocol, &new.parameters).map_err(PreviewError::Parameters)?;
            Some(calendar(protocol, &compiled, &new.clinic, &reader))
        }
    };
    let sheet = match new.pages_for {
        PagesFor::Patient => None,
        PagesFor::Approver | PagesFor::Both => {
            Some(sheet(protocol, new.clinic.name.clone(), new.content_hash.clone(), &reader))
        }
    };
    let title = reader.say(&protocol.title);
    render(&serde_json::json!({ "title": title, "calendar": calendar, "sheet": sheet, "words": reader.words }))
}

fn render(shown: &serde_json::Value) -> Result<String, PreviewError> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, template) in TEMPLATES {
        pages.add_template(name, template)?;
    }
    Ok(pages.get_template("preview.html")?.render(Serde(shown))?)
}
