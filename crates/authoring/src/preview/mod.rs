//! A plan before anybody is enrolled in it: a calendar for the patient, every day for a terminal, a sheet for who approves it.

mod calendar;
mod clinic;
mod facts;
mod page;
mod reader;
mod sheet;
mod space;
mod terminal;
mod words;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use clinic::ClinicWords;
use engine::{Compiled, Item, ItemKind, ParameterProblem, Parameters, Protocol};
use ground::values::Date;
pub use page::{NewPage, PagesFor, page};
use reader::Reader;

/// Why a plan cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Parameters of the treatment that the protocol refuses, each named.
    #[error("the treatment's parameters do not fit the plan: {0:?}")]
    Parameters(Vec<ParameterProblem>),
    /// A defect of ours.
    #[error("the preview's page is broken: {0}")]
    Page(#[from] minijinja::Error),
}

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

/// The calendar of a plan for one treatment, with words in brackets for what only a clinic knows.
pub fn preview(protocol: &Protocol, new: &NewPreview) -> Result<Preview, PreviewError> {
    preview_of(protocol, new, &ClinicWords::default())
}

/// The same with the numbers and texts of a clinic.
pub fn preview_of(protocol: &Protocol, new: &NewPreview, clinic: &ClinicWords) -> Result<Preview, PreviewError> {
    let compiled = engine::compile(protocol, &new.parameters).map_err(PreviewError::Parameters)?;
    let locale = new.locale.as_deref().unwrap_or("en");
    let reader = Reader::new(protocol, clinic, locale, Some(new.treated_on.0));
    let every = EveryDay { compiled: &compiled, reader: &reader, treated_on: new.treated_on };
    let mut days: Vec<PreviewDay> = Vec::new();
    for next in (0..=compiled.horizon_day).filter_map(|day| every.day(day)) {
        match days.last_mut().filter(|last| last.goes_on_with(&next)) {
            Some(last) => (last.to_day, last.to_called) = (next.to_day, next.to_called),
            None => days.push(next),
        }
    }
    let exclusion = |one: &engine::Exclusion| PreviewExclusion { key: one.key.clone(), text: reader.say(&one.text) };
    Ok(Preview {
        key: compiled.key.clone(),
        title: reader.say(&compiled.title),
        approval: reader.say(&compiled.approval),
        treated_on: new.treated_on,
        last_day: compiled.horizon_day,
        variants: variants(protocol, &compiled, &reader),
        exclusions: compiled.exclusions.iter().map(exclusion).collect(),
        days,
    })
}

/// The names of the variants that apply.
fn variants(protocol: &Protocol, compiled: &Compiled, reader: &Reader) -> Vec<String> {
    let apply = protocol.variants.iter().filter(|variant| compiled.variants.contains(&variant.key));
    apply.map(|variant| reader.say(&variant.label)).collect()
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

/// Reads a plan day by day.
struct EveryDay<'a> {
    compiled: &'a Compiled,
    reader: &'a Reader<'a>,
    treated_on: Date,
}

impl EveryDay<'_> {
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
                title: self.reader.say(&phase.title),
                common: self.reader.say(&phase.common),
                advice: self.reader.say(&phase.advice),
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
            title: self.reader.say(&item.title),
            text: item.text.as_ref().map(|text| self.reader.say(text)),
            windows: windows.filter(|window| window != "00:00-24:00").collect(),
            last_day,
            last_called: last_day.map(|last| self.called(last)),
            may_last_to: holds.map(|hold| hold.to_day),
            questions: questions.iter().map(|question| self.reader.say(&question.text)).collect(),
            even_when_excluded: item.even_when_excluded,
        }
    }

    fn date(&self, day: i32) -> Date {
        Date(self.treated_on.0.saturating_add(jiff::Span::new().days(day)))
    }

    /// A date for people.
    fn called(&self, day: i32) -> String {
        self.reader.short_with_year(self.date(day).0)
    }
}
