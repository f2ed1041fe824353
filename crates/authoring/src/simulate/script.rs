//! What a scripted patient does.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use engine::Answers;
use engine::Compiled;
use engine::ItemKind;
use engine::LocalTime;
use engine::nearest;
use engine::{day_number, local_date, local_instant};
use ground::time::Stamp;

/// What a scripted patient does. An empty script is a patient who was treated on Monday 4 May 2026 in London, was enrolled
/// at noon, and answers every check-in at 20:00 as the plan expects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(default = Script::default)]
pub struct Script {
    /// The date of the treatment at the clinic: day 0.
    #[schema(value_type = String, format = Date, example = "2026-05-04")]
    pub treated_on: Date,
    /// When the treatment was, on that date at the clinic; without it, hours after the treatment are whole days.
    pub performed_at: Option<Stamp>,
    /// Where the patient is at first.
    #[schema(max_length = 64, example = "Europe/London")]
    pub zone: String,
    /// Where the clinic is, for deadlines; where the patient is at first if it is not said.
    #[schema(max_length = 64, example = "Europe/London")]
    pub clinic_zone: Option<String>,
    /// When the patient is enrolled; noon of day 0 at the clinic if it is not said.
    pub enrolled_at: Option<Stamp>,
    /// Journeys.
    #[schema(max_items = 50)]
    pub travel: Vec<Travel>,
    /// What the patient does with check-ins of which `days` says nothing.
    pub answers: Behaviour,
    /// The patient's local time of answering and marking; the opening of the window, if that is later.
    #[schema(value_type = String, max_length = 8, example = "20:00")]
    pub answers_at: LocalTime,
    /// Days on which the patient does something else.
    #[schema(max_items = 400)]
    pub days: Vec<ScriptedDay>,
    /// Whether the patient wants reminders.
    #[schema(example = true)]
    pub wants_reminders: bool,
    /// Whether the clinic has its rules judged.
    #[schema(example = true)]
    pub triage: bool,
    /// The last day to look at; the last day of the plan if it is not said.
    #[schema(example = 28)]
    pub until_day: Option<i32>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            treated_on: jiff::civil::date(2026, 5, 4),
            performed_at: None,
            zone: "Europe/London".to_owned(),
            clinic_zone: None,
            enrolled_at: None,
            travel: Vec::new(),
            answers: Behaviour::default(),
            answers_at: LocalTime { days: 0, hour: 20, minute: 0 },
            days: Vec::new(),
            wants_reminders: true,
            triage: true,
            until_day: None,
        }
    }
}

/// What a scripted patient does with check-ins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Answers each with what the plan expects on that day: the curve, and the calmest choices.
    #[default]
    AsExpected,
    /// Answers none.
    Silent,
}

/// From then on the patient is somewhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Travel {
    /// When the patient's phone says so.
    pub at: Stamp,
    /// Where the patient is then.
    #[schema(max_length = 64, example = "Asia/Tokyo")]
    pub zone: String,
}

/// What the patient does about one day of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedDay {
    /// The day number.
    #[schema(required, example = 3)]
    pub day: i32,
    /// The local time of answering and marking; `+1 08:00` is the next morning.
    #[schema(value_type = Option<String>, max_length = 8, example = "+1 08:00")]
    pub at: Option<LocalTime>,
    /// Does not answer this day's check-ins.
    #[schema(example = false)]
    pub skip: bool,
    /// Answers this day's check-ins with these; the other questions as on any day.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"redness": 7, "signs": ["F6"]}))]
    pub answers: Map<String, Json>,
    /// Writes unasked.
    #[schema(max_items = 20)]
    pub ad_hoc: Vec<AdHoc>,
    /// Marks these items as done.
    #[schema(max_items = 100, example = json!(["moisturise"]))]
    pub done: Vec<ItemKey>,
    /// Marks these items as skipped.
    #[schema(max_items = 100, example = json!(["sunscreen"]))]
    pub skipped: Vec<ItemKey>,
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 64, example = "moisturise")]
pub struct ItemKey(pub String);

/// A check-in that nobody asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdHoc {
    /// The patient's local time.
    #[schema(value_type = String, max_length = 8, example = "13:30")]
    pub at: LocalTime,
    /// The answers.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"worry": "worried"}))]
    pub answers: Map<String, Json>,
}

/// Something in a script that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct ScriptProblem {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// `unknown_zone`, `unknown_value`, `out_of_range`, `too_long`, or the code of an answer's problem.
    pub code: &'static str,
    /// One sentence for people.
    pub detail: String,
}

/// A script whose every word is known to fit the plan.
pub(super) struct Checked<'a> {
    pub(super) script: &'a Script,
    pub(super) zone: TimeZone,
    pub(super) clinic_zone: TimeZone,
    pub(super) enrolled_at: Stamp,
    /// In the order of time.
    pub(super) travel: Vec<(Stamp, &'a str, TimeZone)>,
    /// The days with their answers, checked.
    pub(super) days: Vec<CheckedDay<'a>>,
    pub(super) until_day: i32,
}

/// A day of the script, its answers checked.
pub(super) struct CheckedDay<'a> {
    pub(super) day: &'a ScriptedDay,
    pub(super) answers: Answers,
    pub(super) ad_hoc: Vec<(LocalTime, Answers)>,
}

/// Checks a script against a plan.
pub(super) fn check<'a>(compiled: &Compiled, script: &'a Script) -> Result<Checked<'a>, Vec<ScriptProblem>> {
    let mut problems = Problems::default();
    let zone = problems.zone("/zone", &script.zone);
    let clinic_zone = match &script.clinic_zone {
        Some(name) => problems.zone("/clinic_zone", name),
        None => zone.clone(),
    };
    if !(2000..=2100).contains(&script.treated_on.year()) {
        problems.add("/treated_on", "out_of_range", "must be between the years 2000 and 2100");
    }
    if script.performed_at.is_some_and(|at| local_date(&clinic_zone, at) != script.treated_on) {
        problems.add("/performed_at", "not_on_date", "must fall on `treated_on`, by the clock at the clinic");
    }
    let until_day = script.until_day.unwrap_or(compiled.horizon_day);
    if !(0..=compiled.horizon_day).contains(&until_day) {
        problems.add("/until_day", "out_of_range", format!("must be a day from 0 to {}", compiled.horizon_day));
    }
    let noon = LocalTime { days: 0, hour: 12, minute: 0 };
    let enrolled_at = script.enrolled_at.unwrap_or_else(|| local_instant(script.treated_on, noon, &clinic_zone));
    let enrolled_on = day_number(script.treated_on, &zone, enrolled_at);
    if !(-1..=until_day).contains(&enrolled_on) {
        let detail = format!("is day {enrolled_on}; must be on a day from 0 to {until_day}");
        problems.add("/enrolled_at", "out_of_range", detail);
    }
    for (list, length, most) in [("/travel", script.travel.len(), 50), ("/days", script.days.len(), 400)] {
        if length > most {
            problems.add(list, "too_long", format!("may have at most {most} entries"));
        }
    }
    let mut travel: Vec<(Stamp, &str, TimeZone)> = Vec::new();
    for (index, journey) in script.travel.iter().enumerate() {
        let zone = problems.zone(&format!("/travel/{index}/zone"), &journey.zone);
        travel.push((journey.at, &journey.zone, zone));
    }
    travel.sort_by_key(|(at, ..)| *at);
    let days = script.days.iter().enumerate();
    let days = days.map(|(index, day)| problems.day(compiled, index, day, &script.days)).collect();
    match problems.0.is_empty() {
        true => Ok(Checked { script, zone, clinic_zone, enrolled_at, travel, days, until_day }),
        false => Err(problems.0),
    }
}

#[derive(Default)]
struct Problems(Vec<ScriptProblem>);

impl Problems {
    fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(ScriptProblem { pointer: pointer.into(), code, detail: detail.into() });
    }

    fn zone(&mut self, pointer: &str, name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or_else(|_| {
            self.add(pointer, "unknown_zone", format!("`{name}` is not a time zone; write it like Europe/London"));
            TimeZone::UTC
        })
    }

    fn answers(&mut self, compiled: &Compiled, pointer: &str, given: &Map<String, Json>) -> Answers {
        compiled.check_answers(given).unwrap_or_else(|wrong| {
            for problem in wrong {
                self.add(format!("{pointer}/{}", problem.question), problem.code, problem.detail);
            }
            Answers::default()
        })
    }

    fn day<'a>(
        &mut self,
        compiled: &Compiled,
        index: usize,
        day: &'a ScriptedDay,
        all: &[ScriptedDay],
    ) -> CheckedDay<'a> {
        let here = format!("/days/{index}");
        if !(0..=compiled.horizon_day).contains(&day.day) {
            self.add(
                format!("{here}/day"),
                "out_of_range",
                format!("must be a day from 0 to {}", compiled.horizon_day),
            );
        }
        if all.iter().take(index).any(|other| other.day == day.day) {
            self.add(format!("{here}/day"), "unknown_value", format!("day {} is there twice: join the two", day.day));
        }
        let planned = |kind: fn(ItemKind) -> bool| {
            let lines = compiled.planned_on(day.day).iter().filter_map(|line| compiled.items.get(line.item));
            lines.filter(move |item| kind(item.kind)).map(|item| item.key.as_str())
        };
        if (day.skip || !day.answers.is_empty()) && planned(|kind| kind == ItemKind::CheckIn).next().is_none() {
            let detail = format!("no check-in is planned on day {}; use `ad_hoc` to write unasked", day.day);
            self.add(format!("{here}/answers"), "unknown_value", detail);
        }
        let markable = |kind: ItemKind| kind.can_be_marked() && kind != ItemKind::CheckIn;
        for (list, keys) in [("done", &day.done), ("skipped", &day.skipped)] {
            for ItemKey(key) in keys.iter().filter(|key| !planned(markable).any(|known| known == key.0)) {
                let meant = nearest(key, planned(markable)).map(|key| format!("; did you mean `{key}`?"));
                let detail =
                    format!("nothing to mark is called `{key}` on day {}{}", day.day, meant.unwrap_or_default());
                self.add(format!("{here}/{list}"), "unknown_value", detail);
            }
        }
        if day.ad_hoc.len() > 20 {
            self.add(format!("{here}/ad_hoc"), "too_long", "may have at most 20 entries");
        }
        let answers = self.answers(compiled, &format!("{here}/answers"), &day.answers);
        let unasked = day.ad_hoc.iter().enumerate();
        let ad_hoc = unasked
            .map(|(n, one)| (one.at, self.answers(compiled, &format!("{here}/ad_hoc/{n}/answers"), &one.answers)));
        CheckedDay { day, answers, ad_hoc: ad_hoc.collect() }
    }
}
