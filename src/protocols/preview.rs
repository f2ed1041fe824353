//! A plan as a calendar that a nurse can read: before anybody is enrolled in it.

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused;
use crate::engine::{self, Compiled, Item, ItemKind, Parameters, Protocol, Text};
use crate::error::Error;
use crate::http::text::Date;

const PAGE: &str = include_str!("templates/preview.html");

/// A treatment, to be shown as a calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreview {
    /// The treatment's parameters, as the protocol asks for them.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"needle_depth_mm": 1.5, "skin_type": "V"}))]
    pub parameters: Parameters,
    /// The date of the treatment: day 0.
    pub treated_on: Date,
    /// The language; English if it is not said.
    #[serde(default)]
    #[schema(example = "es")]
    pub locale: Option<String>,
}

/// A plan as a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// The protocol's key.
    #[schema(example = "mn-face")]
    pub key: String,
    /// What it is called.
    #[schema(example = "Face micro-needling")]
    pub title: String,
    /// What a clinician must do before anybody sees it.
    #[schema(example = "A clinician must check and approve this plan before any patient sees it.")]
    pub approval: String,
    /// The date of the treatment.
    pub treated_on: Date,
    /// The last day.
    #[schema(example = 168)]
    pub last_day: i32,
    /// What applies to this treatment.
    #[schema(example = json!(["Standard, 0.6 to 1.5 mm"]))]
    pub variants: Vec<String>,
    /// The reasons not to start that apply: a clinician decides first.
    pub exclusions: Vec<PreviewExclusion>,
    /// The days on which something stands; one entry for a run of days that are the same.
    pub days: Vec<PreviewDay>,
}

/// A reason not to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewExclusion {
    /// Its key.
    #[schema(example = "deep-needles")]
    pub key: String,
    /// The reason.
    #[schema(example = "Needles over 1.5 mm need the acne scar plan. A clinician decides first.")]
    pub text: String,
}

/// A day, or a run of days that are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewDay {
    /// Its number.
    #[schema(example = 3)]
    pub day: i32,
    /// Its date.
    pub date: Date,
    /// The same for people.
    #[schema(example = "Thu 7 May 2026")]
    pub called: String,
    /// The last day of the run; the same if there is one day.
    #[schema(example = 3)]
    pub to_day: i32,
    /// Its date for people.
    #[schema(example = "Thu 7 May 2026")]
    pub to_called: String,
    /// What is going on in the skin.
    #[schema(required)]
    pub phase: Option<PreviewPhase>,
    /// What to do.
    pub instructions: Vec<PreviewLine>,
    /// What to avoid.
    pub restrictions: Vec<PreviewLine>,
    /// What can be ticked off.
    pub tasks: Vec<PreviewLine>,
    /// The check-ins.
    pub check_ins: Vec<PreviewLine>,
    /// The photos.
    pub photos: Vec<PreviewLine>,
    /// What to read.
    pub education: Vec<PreviewLine>,
}

/// What is common, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewPhase {
    /// What it is called.
    #[schema(example = "Settling")]
    pub title: String,
    /// What is common on these days.
    #[schema(example = "Redness or a darker colour often lasts 1 to 3 days.")]
    pub common: String,
    /// What helps.
    #[schema(example = "Use plain moisturiser 3 to 4 times a day.")]
    pub advice: String,
}

/// A line of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewLine {
    /// The item's key.
    #[schema(example = "no-swimming-or-heat")]
    pub key: String,
    /// The line.
    #[schema(example = "No swimming, sauna, steam, hot tub or hot bath")]
    pub title: String,
    /// More about it.
    #[schema(required, example = "Warm water and steam keep the skin open to germs.")]
    pub text: Option<String>,
    /// When it can be done, if that is not all day; the windows of a line that comes several times.
    #[schema(example = json!(["17:00-24:00"]))]
    pub windows: Vec<String>,
    /// For a restriction: its last day.
    #[schema(required, example = 7)]
    pub last_day: Option<i32>,
    /// For a restriction: that date for people.
    #[schema(required, example = "Mon 11 May 2026")]
    pub last_called: Option<String>,
    /// For a restriction: to which day the patient's answers may keep it in force.
    #[schema(required, example = 28)]
    pub may_last_to: Option<i32>,
    /// For a check-in: what is asked.
    #[schema(example = json!([]))]
    pub questions: Vec<String>,
    /// Whether it is shown even while a clinician decides about a reason not to start.
    #[schema(example = false)]
    pub even_when_excluded: bool,
}

/// The calendar of a plan for one treatment.
pub fn preview(protocol: &Protocol, new: &NewPreview) -> Result<Preview, Error> {
    let compiled = engine::compile(protocol, &new.parameters).map_err(refused)?;
    let locale = new.locale.as_deref().unwrap_or("en");
    let words = Words::of(locale);
    let instead = instead(protocol, locale, words);
    let reader = Reader { compiled: &compiled, locale, words, treated_on: new.treated_on, instead };
    let labels = protocol.variants.iter().filter(|variant| compiled.variants.contains(&variant.key));
    let exclusion = |one: &engine::Exclusion| PreviewExclusion { key: one.key.clone(), text: reader.say(&one.text) };
    let mut days: Vec<PreviewDay> = Vec::new();
    for next in (0..=compiled.horizon_day).filter_map(|day| reader.day(day)) {
        match days.last_mut().filter(|last| last.goes_on_with(&next)) {
            Some(last) => (last.to_day, last.to_called) = (next.to_day, next.to_called),
            None => days.push(next),
        }
    }
    Ok(Preview {
        key: compiled.key.clone(),
        title: reader.say(&compiled.title),
        approval: reader.say(&compiled.approval),
        treated_on: new.treated_on,
        last_day: compiled.horizon_day,
        variants: labels.map(|variant| reader.say(&variant.label)).collect(),
        exclusions: compiled.exclusions.iter().map(exclusion).collect(),
        days,
    })
}

impl PreviewDay {
    fn goes_on_with(&self, next: &Self) -> bool {
        let same = Self {
            day: self.day,
            date: self.date,
            called: self.called.clone(),
            to_day: self.to_day,
            to_called: self.to_called.clone(),
            ..next.clone()
        };
        self.to_day + 1 == next.day && *self == same
    }
}

/// Reads a plan in one language.
struct Reader<'a> {
    compiled: &'a Compiled,
    locale: &'a str,
    words: &'static Words,
    treated_on: Date,
    /// What stands instead of `{name}`.
    instead: BTreeMap<String, String>,
}

/// What stands instead of the texts of a clinic, as long as no clinic has written them.
fn instead(protocol: &Protocol, locale: &str, words: &Words) -> BTreeMap<String, String> {
    let clinic = |name: &str| words.clinic.iter().find(|(other, _)| *other == name).map(|(_, instead)| *instead);
    let fixed = words.clinic.iter().map(|(name, instead)| ((*name).to_owned(), (*instead).to_owned()));
    let written = protocol.clinic_texts.iter().map(|one| {
        let instead = match &one.fallback {
            Some(fallback) => engine::fill(fallback.in_locale(&[locale]), clinic).into_owned(),
            None => format!("[{}]", one.label.in_locale(&[locale])),
        };
        (one.key.clone(), instead)
    });
    fixed.chain(written).collect()
}

impl Reader<'_> {
    /// The day, if anything stands on it.
    fn day(&self, day: i32) -> Option<PreviewDay> {
        let planned = self.compiled.planned_on(day);
        let phase = self.compiled.phase_on(engine::DayOfPlan(day), engine::Age(day));
        if planned.is_empty() && phase.is_none() {
            return None;
        }
        let mut items: Vec<usize> = planned.iter().map(|line| line.item).collect();
        items.dedup(); // one line for an item that comes several times a day
        let of = |kind: ItemKind| -> Vec<PreviewLine> {
            let items = items.iter().filter_map(|item| self.compiled.items.get(*item));
            items.filter(|item| item.kind == kind).map(|item| self.line(item, day)).collect()
        };
        let called = self.called(day);
        Some(PreviewDay {
            day,
            date: self.date(day),
            called: called.clone(),
            to_day: day,
            to_called: called,
            phase: phase.map(|phase| PreviewPhase {
                title: self.say(&phase.title),
                common: self.say(&phase.common),
                advice: self.say(&phase.advice),
            }),
            instructions: of(ItemKind::Instruction),
            restrictions: of(ItemKind::Restriction),
            tasks: of(ItemKind::Task),
            check_ins: of(ItemKind::CheckIn),
            photos: of(ItemKind::Photo),
            education: of(ItemKind::Education),
        })
    }

    fn line(&self, item: &Item, day: i32) -> PreviewLine {
        let is_restriction = item.kind == ItemKind::Restriction;
        let last_day = item.days.end_of_run(day).filter(|_| is_restriction);
        let holds = item.hold.as_ref().filter(|_| last_day == item.days.last());
        let questions = item.form.as_deref().map(|form| self.compiled.form(form, day)).unwrap_or_default();
        let slots = item.slots.iter().filter_map(|slot| self.compiled.slots.get(*slot));
        let windows = slots.map(|slot| format!("{}-{}", slot.opens, slot.closes));
        PreviewLine {
            key: item.key.clone(),
            title: self.say(&item.title),
            text: item.text.as_ref().map(|text| self.say(text)),
            windows: windows.filter(|window| window != "00:00-24:00").collect(),
            last_day,
            last_called: last_day.map(|last| self.called(last)),
            may_last_to: holds.map(|hold| hold.to_day),
            questions: questions.iter().map(|question| self.say(&question.text)).collect(),
            even_when_excluded: item.even_when_excluded,
        }
    }

    /// A text in the language of the reader. What only a clinic knows stands in square brackets.
    fn say(&self, text: &Text) -> String {
        engine::fill(text.in_locale(&[self.locale]), |name| self.instead.get(name).map(String::as_str)).into_owned()
    }

    fn date(&self, day: i32) -> Date {
        Date(self.treated_on.0.saturating_add(jiff::Span::new().days(day)))
    }

    /// A date for people.
    fn called(&self, day: i32) -> String {
        let date = self.date(day).0;
        let weekday = match date.weekday() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        let nth = |words: &[&'static str], n: i8| {
            usize::try_from(n).ok().and_then(|n| words.get(n)).copied().unwrap_or_default()
        };
        let (weekday, month) = (nth(&self.words.weekdays, weekday), nth(&self.words.months, date.month() - 1));
        format!("{weekday} {} {month} {}", date.day(), date.year())
    }
}

/// The words around a plan's own.
#[derive(Serialize)]
struct Words {
    language: &'static str,
    day: &'static str,
    days: &'static str,
    treated_on: &'static str,
    applies: &'static str,
    first: &'static str,
    meanwhile: &'static str,
    instructions: &'static str,
    restrictions: &'static str,
    tasks: &'static str,
    check_ins: &'static str,
    photos: &'static str,
    education: &'static str,
    last: &'static str,
    longer: &'static str,
    asks: &'static str,
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
    clinic: [(&'static str, &'static str); 3],
}

impl Words {
    fn of(locale: &str) -> &'static Self {
        match locale.split('-').next() {
            Some("es") => &SPANISH,
            _ => &ENGLISH,
        }
    }
}

static ENGLISH: Words = Words {
    language: "en",
    day: "Day",
    days: "Days",
    treated_on: "Treated on",
    applies: "For this treatment",
    first: "A clinician must decide first",
    meanwhile: "shown while a clinician decides",
    instructions: "Do",
    restrictions: "Avoid",
    tasks: "Tick off",
    check_ins: "Check-in",
    photos: "Photos",
    education: "Read",
    last: "to day",
    longer: "longer, if the answers say so, at most to day",
    asks: "asks",
    weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    clinic: [
        ("clinic_phone", "[clinic phone]"),
        ("out_of_hours", "[out of hours]"),
        ("emergency_number", "[emergency number]"),
    ],
};

static SPANISH: Words = Words {
    language: "es",
    day: "Día",
    days: "Días",
    treated_on: "Fecha del tratamiento",
    applies: "Para este tratamiento",
    first: "Primero debe decidir el personal clínico",
    meanwhile: "se muestra mientras decide el personal clínico",
    instructions: "Hacer",
    restrictions: "Evitar",
    tasks: "Marcar",
    check_ins: "Control",
    photos: "Fotos",
    education: "Leer",
    last: "hasta el día",
    longer: "más tiempo si las respuestas lo piden, como máximo hasta el día",
    asks: "pregunta",
    weekdays: ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
    months: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
    clinic: [
        ("clinic_phone", "[teléfono de la clínica]"),
        ("out_of_hours", "[fuera de horario]"),
        ("emergency_number", "[número de emergencias]"),
    ],
};

impl Preview {
    /// The calendar for a terminal.
    pub fn text(&self, locale: &str) -> String {
        let words = Words::of(locale);
        let mut page = vec![self.title.clone(), "=".repeat(self.title.chars().count()), String::new()];
        if !self.exclusions.is_empty() {
            page.push(format!("!! {}:", words.first));
            page.extend(self.exclusions.iter().map(|exclusion| format!("   - {}", exclusion.text)));
            if self.any_meanwhile() {
                page.push(format!("   (* = {})", words.meanwhile));
            }
            page.push(String::new());
        }
        page.push(format!("!! {}", self.approval));
        page.push(String::new());
        page.push(format!("{}: {}", words.treated_on, self.treated_on.0));
        if !self.variants.is_empty() {
            page.push(format!("{}: {}", words.applies, self.variants.join("; ")));
        }
        for day in &self.days {
            self.day_text(words, day, &mut page);
        }
        page.push(String::new());
        page.join("\n")
    }

    /// Whether the patient sees any line while a clinician decides.
    fn any_meanwhile(&self) -> bool {
        let groups = self.days.iter().flat_map(|day| day.groups(&ENGLISH));
        groups.into_iter().any(|(_, lines)| lines.iter().any(|line| line.even_when_excluded))
    }

    fn day_text(&self, words: &Words, day: &PreviewDay, page: &mut Vec<String>) {
        let head = match day.to_day {
            last if last == day.day => format!("{} {}  {}", words.day, day.day, day.called),
            last => format!("{} {}-{last}  {} - {}", words.days, day.day, day.called, day.to_called),
        };
        page.extend([String::new(), head.clone(), "-".repeat(head.chars().count())]);
        if let Some(phase) = &day.phase {
            page.push(format!("  {}: {} {}", phase.title, phase.common, phase.advice));
        }
        for (name, lines) in day.groups(words) {
            for (index, line) in lines.iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                let star = if line.even_when_excluded && !self.exclusions.is_empty() { "* " } else { "" };
                page.push(format!("  {name:9} {star}{}", line.text(words)));
            }
        }
    }

    /// The calendar as one page to print: no script, nothing from elsewhere.
    pub fn html(&self, locale: &str) -> Result<String, Error> {
        let broken = |why: minijinja::Error| Error::internal("the calendar's page is broken", why);
        let words = Words::of(locale);
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        pages.add_template("preview.html", PAGE).map_err(broken)?;
        let days: Vec<_> = self.days.iter().map(|day| (day, day.groups(words))).collect();
        let page = pages.get_template("preview.html").map_err(broken)?;
        page.render(Serde(
            serde_json::json!({ "plan": self, "days": days, "words": words, "any_meanwhile": self.any_meanwhile() }),
        ))
        .map_err(broken)
    }
}

impl PreviewDay {
    /// The groups that have lines, with their names, in the order in which to read them.
    fn groups(&self, words: &Words) -> Vec<(&'static str, &[PreviewLine])> {
        let all: [(&'static str, &[PreviewLine]); 6] = [
            (words.instructions, &self.instructions),
            (words.restrictions, &self.restrictions),
            (words.tasks, &self.tasks),
            (words.check_ins, &self.check_ins),
            (words.photos, &self.photos),
            (words.education, &self.education),
        ];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

impl PreviewLine {
    fn text(&self, words: &Words) -> String {
        let mut text = self.title.clone();
        if !self.windows.is_empty() {
            text.push_str(&format!(" [{}]", self.windows.join(", ")));
        }
        if let (Some(last), Some(called)) = (self.last_day, &self.last_called) {
            text.push_str(&format!(" ({} {last}, {called}", words.last));
            if let Some(most) = self.may_last_to {
                text.push_str(&format!("; {} {most}", words.longer));
            }
            text.push(')');
        }
        if let Some(more) = &self.text {
            text.push_str(&format!(". {more}"));
        }
        if !self.questions.is_empty() {
            text.push_str(&format!("\n            {}: {}", words.asks, self.questions.join(" | ")));
        }
        text
    }
}
