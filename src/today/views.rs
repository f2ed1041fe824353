//! How days look from outside.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PlanDay, item_of, slot_of};
use crate::clinics::Clinic;
use crate::courses::InCourse;
use crate::engine::{self, ItemKind, PlanStatus, QuestionKind, State, Text};
use crate::error::Error;
use crate::http::text::Date;
use crate::ids::{ClinicId, OccurrenceId, PlanId};
use crate::plans::Dossier;
use crate::time::Stamp;

/// What to do today.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Today {
    /// The instant for which this was computed: the latest change of these lines at or before the request.
    pub as_of: Stamp,
    /// The zone in which the day was taken.
    #[schema(example = "Europe/London")]
    pub zone: String,
    /// The local date.
    pub date: Date,
    /// The next instant at which this changes by itself. Ask again then, or after sending something.
    pub valid_until: Stamp,
    /// The plans whose lines these are.
    pub plans: Vec<TodayPlan>,
    /// The lines, in the order in which to show them.
    pub items: Vec<Item>,
    /// The forms of the check-ins among the lines; of a plan that waits for a person, the one that asks for danger signs.
    pub forms: Vec<Form>,
    /// Whom to call, and who is watching.
    pub clinics: Vec<Watch>,
}

/// A plan of today.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TodayPlan {
    /// The plan.
    pub plan_id: PlanId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// What it is called.
    #[schema(example = "Face micro-needling")]
    pub title: String,
    /// Where it is. `draft`: a clinician decides first, and only what is safe in any case is shown.
    pub status: PlanStatus,
    /// The day number; the day of the treatment is 0.
    #[schema(example = 3)]
    pub day: i32,
    /// The last day of the plan.
    #[schema(example = 28)]
    pub last_day: i32,
    /// The session of a course that it belongs to: which of how many.
    #[schema(required)]
    pub course: Option<InCourse>,
    /// What is going on in the skin around this day.
    #[schema(required)]
    pub phase: Option<Phase>,
}

/// A stretch of days.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Phase {
    /// Its key in the protocol.
    #[schema(example = "settling")]
    pub key: String,
    /// What it is called.
    #[schema(example = "Settling")]
    pub title: String,
    /// What is common on these days.
    #[schema(example = "Redness like a sunburn, tightness, slight swelling.")]
    pub common: String,
    /// What helps.
    #[schema(example = "Keep the skin clean and moist, and out of the sun.")]
    pub advice: String,
}

/// One line of a day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// The occurrence: the same wherever the patient flies.
    pub occurrence_id: OccurrenceId,
    /// The plans that this line comes from.
    pub plan_ids: Vec<PlanId>,
    /// Its stable key in the protocol.
    #[schema(example = "no-swimming")]
    pub key: String,
    /// What kind of line.
    pub kind: ItemKind,
    /// Where it stands.
    pub state: State,
    /// The day number that it belongs to; before today's if it is late.
    #[schema(example = 3)]
    pub day: i32,
    /// Its slot of the day.
    #[schema(example = "evening")]
    pub slot: String,
    /// The line.
    #[schema(example = "No swimming, sauna, steam or hot tub.")]
    pub title: String,
    /// More about it.
    #[schema(required, example = "Warm water and steam keep the skin open to germs.")]
    pub text: Option<String>,
    /// From when it can be done.
    pub opens_at: Stamp,
    /// Until when it should be done.
    pub closes_at: Stamp,
    /// Until when it can still be done late.
    pub late_until: Stamp,
    /// For a restriction: the last date on which it holds, as known now.
    #[schema(required)]
    pub last_on: Option<Date>,
    /// For a restriction: it holds on past its own last day because of the latest answers. Ask the clinic.
    #[schema(example = false)]
    pub held: bool,
    /// For a check-in: the form in `forms`.
    #[schema(required, example = "daily")]
    pub form: Option<String>,
    /// For a photo: the views to take.
    #[schema(example = json!([]))]
    pub views: Vec<String>,
}

/// A form, with the questions of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Form {
    /// The plan.
    pub plan_id: PlanId,
    /// The day number that it is about.
    #[schema(example = 3)]
    pub day: i32,
    /// Its key.
    #[schema(example = "daily")]
    pub key: String,
    /// The questions, in the order in which to ask them.
    pub questions: Vec<Question>,
}

/// A question of a check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// Its key in `answers`.
    #[schema(example = "redness")]
    pub key: String,
    /// What kind of answer: `level` is 0 to 10, `temperature` is `{"value": 37.2, "unit": "C"}` (or `"F"`),
    /// or the number alone.
    pub kind: QuestionKind,
    /// The question.
    #[schema(example = "How red, pink or darker than usual is the area now?")]
    pub text: String,
    /// A hint.
    #[schema(required, example = "0 is none, 10 is the most that you can think of.")]
    pub hint: Option<String>,
    /// The answers to choose from.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// Its key in `answers`.
    #[schema(example = "better")]
    pub key: String,
    /// What it says.
    #[schema(example = "Better")]
    pub label: String,
}

/// Whom to call, and whether anybody is watching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Watch {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// Its name.
    #[schema(example = "Invented Skin Clinic")]
    pub name: String,
    /// Show it first, large.
    #[schema(example = "999")]
    pub emergency_number: String,
    /// The clinic's telephone.
    #[schema(example = "+44 20 7946 0000")]
    pub phone: String,
    /// Whom to call when it is closed.
    #[schema(example = "NHS 111")]
    pub out_of_hours: String,
    /// Whether anybody reads answers at all.
    #[schema(example = true)]
    pub monitored: bool,
    /// When answers are read.
    #[schema(example = "Mon-Fri 9:00-17:00")]
    pub reply_hours: String,
}

/// A text of the protocol as the patient reads it, with the clinic's words in it.
pub fn say(text: &Text, locales: &[&str], dossier: &Dossier) -> String {
    engine::fill(text.in_locale(locales), |name| dossier.word(name, locales))
}

/// The languages to try: the request's, the patient's, the clinic's.
pub fn locales<'a>(asked: Option<&'a str>, dossier: &'a Dossier) -> Vec<&'a str> {
    asked.into_iter().chain([dossier.patient.locale.as_str(), dossier.clinic.locale.as_str()]).collect()
}

/// Whom to call.
pub fn watch(clinic: &Clinic) -> Watch {
    Watch {
        clinic_id: clinic.id,
        name: clinic.name.clone(),
        emergency_number: clinic.emergency_number.clone(),
        phone: clinic.phone.clone(),
        out_of_hours: clinic.out_of_hours.clone(),
        monitored: clinic.monitored,
        reply_hours: clinic.reply_hours.clone(),
    }
}

/// Today, of all plans together. `None` if there is no plan.
pub fn today(days: &[PlanDay], asked: Option<&str>, at: Stamp) -> Result<Option<Today>, Error> {
    let Some(first) = days.first() else { return Ok(None) };
    let mut today = Today {
        as_of: first.dossier.enrolment().enrolled_at,
        zone: first.dossier.patient.zone.clone(),
        date: first.day.date.into(),
        valid_until: first.day.valid_until,
        plans: Vec::new(),
        items: Vec::new(),
        forms: Vec::new(),
        clinics: Vec::new(),
    };
    for PlanDay { dossier, day } in days {
        let locales = locales(asked, dossier);
        today.valid_until = today.valid_until.min(day.valid_until);
        let midnight =
            engine::local_instant(day.date, engine::LocalTime { days: 0, hour: 0, minute: 0 }, &dossier.zone);
        let boundaries = day.occurrences.iter().flat_map(|o| [o.opens_at, o.closes_at, o.late_until]).chain([midnight]);
        let latest = boundaries.filter(|boundary| *boundary <= at).max();
        today.as_of = latest.map_or(today.as_of, |latest| latest.max(today.as_of));
        today.plans.push(plan_view(dossier, day, &locales));
        for occurrence in &day.occurrences {
            let item = item_view(dossier, occurrence, &locales)?;
            if let Some(form) = item.form.as_deref().filter(|_| item.state != State::Done) {
                let form = form_view(dossier, form, occurrence.day, &locales);
                if !today.forms.contains(&form) {
                    today.forms.push(form);
                }
            }
            today.items.push(item);
        }
        let waiting = Some(&dossier.compiled).filter(|_| dossier.plan.status == PlanStatus::Draft);
        if let Some(form) = waiting.and_then(|compiled| compiled.form_for_signs()) {
            today.forms.push(form_view(dossier, &form.key, day.number, &locales));
        }
        let watch = watch(&dossier.clinic);
        if !today.clinics.contains(&watch) {
            today.clinics.push(watch);
        }
    }
    Ok(Some(today))
}

/// A plan's header.
pub fn plan_view(dossier: &Dossier, day: &engine::Day, locales: &[&str]) -> TodayPlan {
    let phase = day.phase.and_then(|index| dossier.compiled.phases.get(index));
    TodayPlan {
        plan_id: dossier.plan.id,
        clinic_id: dossier.plan.clinic_id,
        title: say(&dossier.compiled.title, locales, dossier),
        status: dossier.plan.status,
        day: day.number,
        last_day: dossier.compiled.horizon_day,
        course: dossier.plan.in_course(),
        phase: phase.map(|phase| Phase {
            key: phase.key.clone(),
            title: say(&phase.title, locales, dossier),
            common: say(&phase.common, locales, dossier),
            advice: say(&phase.advice, locales, dossier),
        }),
    }
}

/// One line.
pub fn item_view(dossier: &Dossier, occurrence: &engine::Occurrence, locales: &[&str]) -> Result<Item, Error> {
    let item = item_of(dossier, occurrence)?;
    let last_on = occurrence.last_day.and_then(|last| date_of(dossier, last));
    Ok(Item {
        occurrence_id: occurrence.id,
        plan_ids: vec![dossier.plan.id],
        key: item.key.clone(),
        kind: item.kind,
        state: occurrence.state,
        day: occurrence.day,
        slot: slot_of(dossier, occurrence)?.key.clone(),
        title: say(&item.title, locales, dossier),
        text: item.text.as_ref().map(|text| say(text, locales, dossier)),
        opens_at: occurrence.opens_at,
        closes_at: occurrence.closes_at,
        late_until: occurrence.late_until,
        last_on,
        held: occurrence.held,
        form: item.form.clone(),
        views: item.views.clone(),
    })
}

/// The date of a numbered day.
pub fn date_of(dossier: &Dossier, day: i32) -> Option<Date> {
    let span = jiff::Span::new().try_days(day).ok()?;
    dossier.plan.day_zero.0.checked_add(span).ok().map(Date)
}

/// A form of the plan on a day.
pub fn form_view(dossier: &Dossier, form: &str, day: i32, locales: &[&str]) -> Form {
    let questions = dossier.compiled.form(form, day);
    Form {
        plan_id: dossier.plan.id,
        day,
        key: form.to_owned(),
        questions: questions
            .into_iter()
            .map(|question| Question {
                key: question.key.clone(),
                kind: question.kind,
                text: say(&question.text, locales, dossier),
                hint: question.hint.as_ref().map(|hint| say(hint, locales, dossier)),
                choices: question
                    .choices
                    .iter()
                    .map(|choice| Choice { key: choice.key.clone(), label: say(&choice.label, locales, dossier) })
                    .collect(),
            })
            .collect(),
    }
}
