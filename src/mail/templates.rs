//! The letters: one layout, three languages, eight kinds. Subject and preheader are the same words for everybody; what a
//! clinic has typed appears in the body only, always as data.

use std::collections::HashMap;

use fluent_bundle::FluentArgs;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, value::Serde};
use mrml::prelude::render::RenderOptions;
use serde::Serialize;

use super::compose::is_web_address;
use super::numbers::{Piece, pieces};
use crate::words::{self, Words};

const LAYOUT: &str = include_str!("templates/letter.mjml");
const PLAIN: &str = include_str!("templates/letter.txt");

/// What the letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A patient gets the first link to their page.
    PatientInvitation,
    /// Somebody is asked to join a clinic's team.
    MemberInvitation,
    /// A link that signs in once.
    SignInLink,
    /// A link to choose a new password.
    PasswordReset,
    /// The patient's daily note.
    Reminder,
    /// Tells the clinic's staff to look; the same words whatever it is about.
    AlertNotice,
    /// Goes to a new address: whoever can read it there confirms it.
    AddressChange,
    /// Goes to the old address: the account has moved.
    AddressChanged,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 8] = [
        Self::PatientInvitation,
        Self::MemberInvitation,
        Self::SignInLink,
        Self::PasswordReset,
        Self::Reminder,
        Self::AlertNotice,
        Self::AddressChange,
        Self::AddressChanged,
    ];

    /// The kind as a column and a file name have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::PatientInvitation => "patient_invitation",
            Self::MemberInvitation => "member_invitation",
            Self::SignInLink => "sign_in_link",
            Self::PasswordReset => "password_reset",
            Self::Reminder => "reminder",
            Self::AlertNotice => "alert_notice",
            Self::AddressChange => "address_change",
            Self::AddressChanged => "address_changed",
        }
    }

    /// Letters to patients about their plan must say whom to call.
    fn needs_clinic(self) -> bool {
        matches!(self, Self::PatientInvitation | Self::Reminder)
    }
}

/// What a letter is made from. There is no place for a patient's name or anything clinical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Where the button leads.
    pub link: String,
    /// How long the link works, if it ends.
    pub valid_for: Option<ValidFor>,
    /// Whom to call. A reminder and a patient's invitation cannot be made without it.
    pub clinic: Option<ClinicLines>,
    /// The page that stops reminders. A reminder cannot be made without it.
    pub unsubscribe_url: Option<String>,
}

/// How long a link works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidFor {
    /// Minutes.
    Minutes(u32),
    /// Hours.
    Hours(u32),
    /// Days.
    Days(u32),
}

impl ValidFor {
    /// In minutes.
    pub fn minutes(self) -> u32 {
        match self {
            Self::Minutes(minutes) => minutes,
            Self::Hours(hours) => hours * 60,
            Self::Days(days) => days * 24 * 60,
        }
    }
}

/// What the clinic has typed about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicLines {
    /// The name: the sender's name too, so that whoever gets the letter knows it. It stands in no subject and no preheader.
    pub name: Option<String>,
    /// The phone number for questions. Empty: no number is shown, because the letter is of several clinics.
    pub phone: String,
    /// The number for emergencies where the clinic is.
    pub emergency_number: String,
    /// When answers are read, in the clinic's words: "Monday to Friday, 9:00 to 17:00".
    pub reply_hours: String,
}

impl ClinicLines {
    /// Of several clinics: their names, and no number.
    pub fn of_names(names: String) -> Self {
        let (phone, emergency_number, reply_hours) = (String::new(), String::new(), String::new());
        Self { name: Some(names), phone, emergency_number, reply_hours }
    }

    /// The name on one line, without marks that turn text around.
    pub fn shown_name(&self) -> Option<String> {
        self.name.as_deref().map(shown).filter(|name| !name.is_empty())
    }
}

/// A letter in words, ready for a `Mail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The language that it is written in.
    pub locale: &'static str,
    /// Neutral: it shows on a locked screen.
    pub subject: String,
    /// The line after the subject in a list of mails; as neutral, and already inside `html`.
    pub preheader: String,
    /// The plain text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// Why there is no letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A letter of this kind must have this part.
    #[error("a letter of this kind needs {0}")]
    Missing(&'static str),
    /// A link must be a plain web address.
    #[error("the {0} is not a web address")]
    Link(&'static str),
    /// The built-in layout or words are broken.
    #[error("the letters are broken: {0}")]
    Broken(String),
}

/// The letters, read once and shared.
pub struct Templates {
    words: &'static Words,
    pages: Environment<'static>,
}

impl Templates {
    /// Reads the layout and the words that are built in.
    pub fn new() -> Result<Self, TemplateError> {
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        // MJML becomes HTML once, before anybody's words are in it: no value is ever read as markup.
        let layout = mrml::parse(LAYOUT).map_err(broken)?;
        // Without fonts: mrml would have the reader's mail program load those that it knows from a font host.
        let options = RenderOptions { fonts: HashMap::new(), ..RenderOptions::default() };
        let html = layout.element.render(&options).map_err(broken)?;
        pages.add_template_owned("letter.html", html).map_err(broken)?;
        pages.add_template("letter.txt", PLAIN).map_err(broken)?;
        Ok(Self { words: words::all().map_err(broken)?, pages })
    }

    /// Writes one letter in the language closest to the one asked for.
    pub fn render(&self, kind: Kind, locale: &str, context: &Context) -> Result<Rendered, TemplateError> {
        check(kind, context)?;
        let locale = self.words.choose(locale);
        let page = Page::new(self.words, locale, kind, context)?;
        let shown = Value::from(Serde(&page));
        let write = |name: &str| self.pages.get_template(name).and_then(|page| page.render(&shown)).map_err(broken);
        let (html, text) = (write("letter.html")?, write("letter.txt")?);
        Ok(Rendered { locale, subject: page.subject, preheader: page.preheader, text, html })
    }
}

fn check(kind: Kind, context: &Context) -> Result<(), TemplateError> {
    if !is_web_address(&context.link) {
        return Err(TemplateError::Link("link"));
    }
    if context.unsubscribe_url.as_ref().is_some_and(|url| !is_web_address(url)) {
        return Err(TemplateError::Link("unsubscribe link"));
    }
    if kind.needs_clinic() && context.clinic.is_none() {
        return Err(TemplateError::Missing("the clinic's phone and emergency number"));
    }
    if kind == Kind::Reminder && context.unsubscribe_url.is_none() {
        return Err(TemplateError::Missing("an unsubscribe link"));
    }
    Ok(())
}

/// What the layout shows.
#[derive(Serialize)]
struct Page {
    locale: &'static str,
    subject: String,
    preheader: String,
    greeting: String,
    sentence: String,
    button: String,
    note: String,
    valid: Option<String>,
    link: Link,
    link_help: String,
    clinic: Option<ClinicBox>,
    stop: Option<Stop>,
}

#[derive(Serialize)]
struct ClinicBox {
    name: Option<String>,
    phone_line: String,
    phone: String,
    phone_pieces: Vec<Piece>,
    emergency_line: String,
    emergency_number: String,
    emergency_pieces: Vec<Piece>,
    emergency_elsewhere: String,
    watched_line: String,
}

#[derive(Serialize)]
struct Stop {
    why: String,
    words: String,
    link: Link,
}

/// A checked web address: as it is for text, and with its `&` spelled out for HTML.
#[derive(Serialize)]
struct Link {
    text: String,
    html: Value,
}

impl Page {
    fn new(words: &Words, locale: &'static str, kind: Kind, context: &Context) -> Result<Self, TemplateError> {
        let about = |part: &str| say(words, locale, &format!("{}-{part}", kind.word().replace('_', "-")), &[]);
        let line = |key: &str| say(words, locale, key, &[]);
        let valid = match context.valid_for {
            Some(ValidFor::Minutes(count)) => Some(counted(words, locale, "valid-minutes", count)?),
            Some(ValidFor::Hours(count)) => Some(counted(words, locale, "valid-hours", count)?),
            Some(ValidFor::Days(count)) => Some(counted(words, locale, "valid-days", count)?),
            None => None,
        };
        let clinic = match &context.clinic {
            Some(clinic) => Some(ClinicBox::new(words, locale, clinic)?),
            None => None,
        };
        let stop = match &context.unsubscribe_url {
            Some(url) if kind == Kind::Reminder => {
                Some(Stop { why: line("unsubscribe-why")?, words: line("unsubscribe")?, link: Link::new(url) })
            }
            _ => None,
        };
        Ok(Self {
            locale,
            subject: about("subject")?,
            preheader: about("preheader")?,
            greeting: line("greeting")?,
            sentence: about("sentence")?,
            button: about("button")?,
            note: about("note")?,
            valid,
            link: Link::new(&context.link),
            link_help: line("link-help")?,
            clinic,
            stop,
        })
    }
}

impl ClinicBox {
    fn new(words: &Words, locale: &str, clinic: &ClinicLines) -> Result<Self, TemplateError> {
        let line = |key: &str| say(words, locale, key, &[]);
        let hours = shown(&clinic.reply_hours);
        Ok(Self {
            name: clinic.shown_name(),
            phone_line: line("phone-line")?,
            phone: shown(&clinic.phone),
            phone_pieces: pieces(&shown(&clinic.phone)),
            emergency_line: line("emergency-line")?,
            emergency_number: shown(&clinic.emergency_number),
            emergency_pieces: pieces(&shown(&clinic.emergency_number)),
            emergency_elsewhere: line("emergency-elsewhere")?,
            watched_line: say(words, locale, "watched-line", &[("hours", hours.trim_end_matches('.'))])?,
        })
    }
}

impl Link {
    fn new(url: &str) -> Self {
        Self { text: url.to_owned(), html: Value::from_safe_string(url.replace('&', "&amp;")) }
    }
}

fn say(words: &Words, locale: &str, key: &str, facts: &[(&str, &str)]) -> Result<String, TemplateError> {
    let facts: FluentArgs = facts.iter().copied().collect();
    words.say(locale, key, &facts).ok_or_else(|| TemplateError::Broken(format!("no words for {key}")))
}

fn counted(words: &Words, locale: &str, key: &str, count: u32) -> Result<String, TemplateError> {
    let facts: FluentArgs = [("count", count)].into_iter().collect();
    words.say(locale, key, &facts).ok_or_else(|| TemplateError::Broken(format!("no words for {key}")))
}

/// What a clinic typed, on one line, without the invisible marks that turn text around.
fn shown(typed: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = typed.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn broken(error: impl std::fmt::Display) -> TemplateError {
    TemplateError::Broken(error.to_string())
}
