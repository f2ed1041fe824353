//! How days look from outside.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::forms::{Form, danger_form, form_again, form_view};
use super::{Away, Days, PlanDay, item_of, slot_of};
use crate::clinics::Clinic;
use crate::error::Error;
use crate::plans::InCourse;
use crate::plans::PlanFile;
use crate::plans::author::Subject;
use engine::{Desk, Ends, ItemKind, LateEnrolment, Line, PlanStatus, SetAside, Source, State, Text};
use ground::ids::{ClinicId, OccurrenceId, PlanId};
use ground::time::Stamp;
use ground::values::Date;

/// What to do today.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Today {
    /// The instant for which this was computed: the latest at or before the request at which it changed by itself.
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
    /// The lines, in the order in which to show them. What several plans say in the same words is one line.
    pub items: Vec<Item>,
    /// What a plan would ask, and is not asked because another plan forbids it for the same area.
    pub set_aside: Vec<NotAsked>,
    /// The forms of the check-ins among the lines; up to three days after a check-in the same form once more, on days that have none; and
    /// of each plan, on every day, the form `danger-signs`: what is sent with these two needs no line (`occurrence_id` is left out). The
    /// latter is there between check-ins, in a pause, while a plan waits, after its end, and of each record that has no plan.
    pub forms: Vec<Form>,
    /// Whom to call, and who is watching.
    pub clinics: Vec<ClinicContact>,
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
    /// The occurrence: the same wherever the patient flies. Of a merged line that of the oldest plan; a mark on it counts for all.
    pub occurrence_id: OccurrenceId,
    /// The plans that this line comes from.
    pub plan_ids: Vec<PlanId>,
    /// Of a line that several plans share: the occurrence of each, this line's own first. Empty if it is of one plan alone.
    pub occurrences: Vec<SharedOccurrence>,
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
    /// When it begins, if it begins a number of hours after the treatment and the time of the treatment is known; `opens_at` is not before it.
    #[schema(required)]
    pub from_at: Option<Stamp>,
    /// When it ends, if it ends a number of hours after the treatment and the time of the treatment is known: until then, and no longer. It
    /// counts before `last_on` and `allowed_on`, which know days alone.
    #[schema(required)]
    pub until_at: Option<Stamp>,
    /// For a restriction: the last date on which it holds, as known now.
    #[schema(required)]
    pub last_on: Option<Date>,
    /// For a restriction: the first date on which no plan that runs today forbids this any more, in whatever words, as known now.
    #[schema(required)]
    pub allowed_on: Option<Date>,
    /// The days from the shown date to `allowed_on`.
    #[schema(required, example = 2)]
    pub in_days: Option<i32>,
    /// For a restriction: it holds on past its own last day because of the latest answers. Ask the clinic.
    #[schema(example = false)]
    pub held: bool,
    /// Of a line that comes once and was over when the patient was enrolled: `catch_up` if it is shown all the same and nobody expects
    /// it, `start_now` if it is asked now. `null` for every other line.
    #[schema(required)]
    pub late_enrolment: Option<LateEnrolment>,
    /// Why the line is not what its protocol says, if the clinic changed it for this patient.
    #[schema(required, max_length = 1000, example = "The skin was more irritated than usual.")]
    pub because: Option<String>,
    /// For a check-in: the form in `forms`.
    #[schema(required, example = "daily")]
    pub form: Option<String>,
    /// For a photo: the views to take.
    #[schema(example = json!([]))]
    pub views: Vec<String>,
}

/// An occurrence behind a line that several plans share.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SharedOccurrence {
    /// The occurrence.
    pub occurrence_id: OccurrenceId,
    /// Its plan.
    pub plan_id: PlanId,
    /// The day number of its plan.
    #[schema(example = 3)]
    pub day: i32,
    /// Where it stands in its plan.
    pub state: State,
}

/// What is not asked today.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NotAsked {
    /// Its occurrence; it stays in the timeline of its plan.
    pub occurrence_id: OccurrenceId,
    /// Its plan.
    pub plan_id: PlanId,
    /// What kind of line it would be.
    pub kind: ItemKind,
    /// The line.
    #[schema(example = "Put on a sunscreen of SPF 50.")]
    pub title: String,
    /// The `occurrence_id` of the restriction that forbids it.
    pub forbidden_by: OccurrenceId,
}

/// Whom to call, and whether anybody is watching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClinicContact {
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
    /// Whether a person at the clinic looks at answers now, by its opening hours and closed dates. `false` if nobody ever does
    /// (`monitored`); `null` if the clinic has not said its hours: show `reply_hours`.
    #[schema(required, example = true)]
    pub staffed_now: Option<bool>,
    /// When a person looks next, if nobody does now.
    #[schema(required)]
    pub next_staffed_at: Option<Stamp>,
    /// Until when a person looks, if one does now; `null` also where that has no end.
    #[schema(required)]
    pub until: Option<Stamp>,
}

/// Whom to call, and when that changed and changes.
pub struct Watched {
    /// What is said of the clinic.
    pub watch: ClinicContact,
    desk: Option<Desk>,
}

/// A text of the protocol as the patient reads it, with the clinic's words in it.
pub fn say(text: &Text, locales: &[&str], plan_file: &PlanFile) -> String {
    engine::fill(text.in_locale(locales), |name| plan_file.word(name, locales)).into_owned()
}

/// The languages to try: the request's, the patient's, the clinic's.
pub fn locales<'a>(asked: Option<&'a str>, plan_file: &'a PlanFile) -> Vec<&'a str> {
    Subject::Plan(plan_file).locales(asked)
}

/// Whom to call, and whether a person looks at that instant.
pub fn watch(clinic: &Clinic, at: Stamp) -> Result<Watched, Error> {
    let desk = if clinic.monitored { clinic.desk(at)? } else { None };
    let open = desk.map(|desk| desk.open);
    let change = desk.and_then(|desk| desk.changes_at);
    let watch = ClinicContact {
        clinic_id: clinic.id,
        name: clinic.name.clone(),
        emergency_number: clinic.emergency_number.clone(),
        phone: clinic.phone.clone(),
        out_of_hours: clinic.out_of_hours.clone(),
        monitored: clinic.monitored,
        reply_hours: clinic.reply_hours.clone(),
        staffed_now: if clinic.monitored { open } else { Some(false) },
        next_staffed_at: change.filter(|_| open == Some(false)),
        until: change.filter(|_| open == Some(true)),
    };
    Ok(Watched { watch, desk })
}

/// Today, of all plans together; without a plan whom to call all the same. `None` if there is neither plan nor record.
pub fn today(
    Days { plans: days, away }: &Days,
    date: Option<Date>,
    asked: Option<&str>,
    at: Stamp,
) -> Result<Option<Today>, Error> {
    let (as_of, zone, date, valid_until) = match (days.first(), away.first()) {
        (Some(first), _) => {
            let day = &first.day;
            (day.changed_at, first.plan_file.patient.zone.clone(), day.date.into(), day.valid_until)
        }
        (None, Some(Away { patient, .. })) => {
            let zone = crate::zones::zone(&patient.zone)?;
            let today = engine::local_date(&zone, at);
            let began = engine::local_instant(today, engine::LocalTime::MIDNIGHT, &zone);
            let date = date.unwrap_or(Date(today));
            (began.min(at), patient.zone.clone(), date, engine::next_date_change(&zone, at))
        }
        (None, None) => return Ok(None),
    };
    let mut today = Today {
        as_of,
        zone,
        date,
        valid_until,
        plans: Vec::new(),
        items: Vec::new(),
        set_aside: Vec::new(),
        forms: Vec::new(),
        clinics: Vec::new(),
    };
    for plan_day in days {
        let PlanDay { plan_file, day, .. } = plan_day;
        let locales = locales(asked, plan_file);
        today.valid_until = today.valid_until.min(day.valid_until);
        today.as_of = today.as_of.max(day.changed_at).max(plan_file.enrolment().enrolled_at);
        if day.status.is_shown() {
            today.plans.push(plan_view(plan_file, day, &locales));
        }
        for occurrence in day.occurrences.iter().filter(|occurrence| occurrence.state != State::Done) {
            let Some(form) = item_of(plan_file, occurrence)?.form.as_deref() else { continue };
            today.offer(form_view(plan_file, form, occurrence.day, asked));
        }
        // One check-in of the same skin is enough: that of its freshest treatment counts.
        if !days.iter().any(|other| other.is_of_same_skin(plan_day) && other.asks())
            && let Some(form) = form_again(plan_file, day, asked)
        {
            today.offer(form);
        }
        today.offer(danger_form(Subject::Plan(plan_file), day.number, asked)?);
        today.name(&plan_file.clinic, at)?;
    }
    for one in away {
        let day = one.last.as_ref().map_or(0, |plan_file| plan_file.enrolment().day_on(today.date.0));
        today.offer(danger_form(one.subject(), day, asked)?);
        today.name(&one.clinic, at)?;
    }
    let (lines, aside) = engine::set_aside(engine::merge(lines(days)?));
    let reader = Reader { days, asked };
    let views = lines.iter().filter_map(|line| reader.line(line, end_of(line, &lines), today.date));
    today.items = views.collect();
    today.set_aside = aside.iter().flat_map(|aside| reader.not_asked(aside)).collect();
    Ok(Some(today))
}

impl Today {
    /// Offers a form once.
    fn offer(&mut self, form: Form) {
        if !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// Names a clinic once, with who is watching there.
    fn name(&mut self, clinic: &Clinic, at: Stamp) -> Result<(), Error> {
        if self.clinics.iter().any(|known| known.clinic_id == clinic.id) {
            return Ok(());
        }
        let Watched { watch, desk } = watch(clinic, at)?;
        self.as_of = desk.and_then(|desk| desk.changed_at).map_or(self.as_of, |changed| changed.max(self.as_of));
        self.valid_until =
            desk.and_then(|desk| desk.changes_at).map_or(self.valid_until, |at| at.min(self.valid_until));
        self.clinics.push(watch);
        Ok(())
    }
}

/// The lines of all plans, each by itself.
fn lines(days: &[PlanDay]) -> Result<Vec<Line<'_>>, Error> {
    let mut lines = Vec::with_capacity(days.iter().map(|of| of.day.occurrences.len()).sum());
    for PlanDay { plan_file, day, area, person } in days.iter().filter(|of| of.day.status.is_shown()) {
        let enrolment = plan_file.enrolment();
        for (place, occurrence) in day.occurrences.iter().enumerate() {
            let (item, slot) = (item_of(plan_file, occurrence)?, slot_of(plan_file, occurrence)?);
            let is_timed = occurrence.instants.are_known();
            let (title, text) = (item.title_if(is_timed), item.text_if(is_timed));
            lines.push(Line {
                kind: item.kind,
                date: date_of(enrolment, occurrence, day),
                person: *person,
                meaning: item.meaning.as_deref(),
                filled: if days.len() > 1 && item.kind != ItemKind::Task {
                    filled(plan_file, title, text)
                } else {
                    None
                },
                title,
                text,
                form: item.form.as_deref(),
                views: &item.views,
                sources: vec![Source {
                    plan: plan_file.plan.id,
                    place,
                    occurrence: occurrence.id,
                    key: &item.key,
                    slot: &slot.key,
                    area: area.as_deref().unwrap_or_default(),
                    day: occurrence.day,
                    state: occurrence.state,
                    opens_at: occurrence.opens_at,
                    closes_at: occurrence.closes_at,
                    late_until: occurrence.late_until,
                    from_at: occurrence.instants.from_at,
                    until_at: occurrence.instants.until_at,
                    last_on: occurrence.last_on,
                    held: occurrence.held,
                    caught_up: occurrence.caught_up,
                    because: because(plan_file, &item.key, occurrence.day),
                }],
            });
        }
    }
    Ok(lines)
}

/// A title and a text with the clinic's words in them, if they have a place for any.
fn filled(plan_file: &PlanFile, title: &Text, text: Option<&Text>) -> Option<(Text, Option<Text>)> {
    let has_place = |text: &Text| text.0.values().any(|words| words.contains('{'));
    let is_clinics = has_place(title) || text.is_some_and(has_place);
    is_clinics.then(|| (plan_file.written(title), text.map(|text| plan_file.written(text))))
}

/// The date that a line belongs to: what is caught up on, to that on which it is shown.
fn date_of(of: &engine::Enrolment, occurrence: &engine::Occurrence, shown: &engine::Day) -> jiff::civil::Date {
    let own = if occurrence.caught_up.is_some() { None } else { of.date_of(occurrence.day) };
    own.unwrap_or(shown.date)
}

/// The task that an occurrence is part of, among the lines of several plans' days.
pub fn line_of(days: &[PlanDay], id: OccurrenceId, asked: Option<&str>) -> Result<Option<Item>, Error> {
    let lines = engine::merge(lines(days)?);
    let found = lines.iter().find(|line| line.sources.iter().any(|source| source.occurrence == id));
    Ok(found.and_then(|line| Reader { days, asked }.line(line, None, line.date.into())))
}

/// What is not asked, because another plan forbids it for the same area.
pub fn set_aside(days: &[PlanDay]) -> Result<Vec<OccurrenceId>, Error> {
    let (_, aside) = engine::set_aside(engine::merge(lines(days)?));
    Ok(aside.iter().flat_map(|aside| &aside.line.sources).map(|source| source.occurrence).collect())
}

/// An occurrence that is asked, and the plan and occurrence of the mark that counts for it too.
pub type DoneElsewhere = (OccurrenceId, (PlanId, OccurrenceId));

/// What of a plan is asked and was marked for another plan with the same line.
pub fn done_for_others(days: &[PlanDay], plan: PlanId) -> Result<Vec<DoneElsewhere>, Error> {
    let is_marked = |source: &&Source<'_>| matches!(source.state, State::Done | State::Partial | State::Skipped);
    let is_asked = |source: &&Source<'_>| matches!(source.state, State::Upcoming | State::Open | State::Late);
    let lines = engine::merge(lines(days)?).into_iter().filter(|line| line.kind == ItemKind::Task);
    let shared = lines.filter_map(|line| {
        let own = line.sources.iter().find(|source| source.plan == plan && is_asked(source))?.occurrence;
        let strongest = line.state()?;
        let done = line.sources.iter().filter(is_marked).find(|source| source.state == strongest)?;
        Some((own, (done.plan, done.occurrence)))
    });
    Ok(shared.collect())
}

/// When what a restriction forbids is allowed again.
fn end_of(line: &Line<'_>, lines: &[Line<'_>]) -> Option<Ends> {
    let rule = Some(line).filter(|line| line.kind == ItemKind::Restriction)?;
    engine::forbidden_until(rule, lines)
}

/// Who reads the lines of some plans: in the words of the plan that a line is known by, and of its clinic.
struct Reader<'a> {
    days: &'a [PlanDay],
    asked: Option<&'a str>,
}

impl Reader<'_> {
    fn say(&self, line: &Line<'_>, text: &Text) -> Option<String> {
        let plan = line.first()?.plan;
        let PlanDay { plan_file, .. } = self.days.iter().find(|of| of.plan_file.plan.id == plan)?;
        Some(say(text, &locales(self.asked, plan_file), plan_file))
    }

    fn line(&self, line: &Line<'_>, end: Option<Ends>, shown: Date) -> Option<Item> {
        let first = *line.first()?;
        let mut plan_ids: Vec<PlanId> = line.sources.iter().map(|source| source.plan).collect();
        plan_ids.dedup();
        let allowed = Allowed::after(end.map(|end| Date(end.on)), shown);
        let until_at = if line.kind == ItemKind::Restriction { end.and_then(|end| end.at) } else { line.until_at() };
        Some(Item {
            from_at: line.from_at(),
            until_at,
            occurrence_id: first.occurrence,
            plan_ids,
            occurrences: if line.sources.len() > 1 { line.sources.iter().map(shared).collect() } else { Vec::new() },
            key: first.key.to_owned(),
            kind: line.kind,
            state: line.state()?,
            day: first.day,
            slot: first.slot.to_owned(),
            opens_at: line.opens_at()?,
            closes_at: line.closes_at()?,
            late_until: line.late_until()?,
            last_on: line.ends().map(|end| Date(end.on)),
            allowed_on: allowed.on,
            in_days: allowed.in_days,
            held: line.held(),
            late_enrolment: line.caught_up(),
            because: line.because().map(str::to_owned),
            form: line.form.map(str::to_owned),
            views: line.views.to_vec(),
            title: self.say(line, line.title)?,
            text: line.text.and_then(|text| self.say(line, text)),
        })
    }

    fn not_asked(&self, aside: &SetAside<'_>) -> Vec<NotAsked> {
        let view = |source: &Source<'_>| {
            Some(NotAsked {
                occurrence_id: source.occurrence,
                plan_id: source.plan,
                kind: aside.line.kind,
                title: self.say(&aside.line, aside.line.title)?,
                forbidden_by: aside.by,
            })
        };
        aside.line.sources.iter().filter_map(view).collect()
    }
}

fn shared(source: &Source<'_>) -> SharedOccurrence {
    SharedOccurrence { occurrence_id: source.occurrence, plan_id: source.plan, day: source.day, state: source.state }
}

/// When something is allowed again.
struct Allowed {
    on: Option<Date>,
    in_days: Option<i32>,
}

impl Allowed {
    fn after(last_on: Option<Date>, shown: Date) -> Self {
        let on = last_on.and_then(|last| last.0.tomorrow().ok());
        let in_days = on.and_then(|on| shown.0.until(on).ok()).map(|span| span.get_days());
        Self { on: on.map(Date), in_days }
    }
}

/// A plan's header.
pub fn plan_view(plan_file: &PlanFile, day: &engine::Day, locales: &[&str]) -> TodayPlan {
    let phase = day.phase.and_then(|index| plan_file.compiled.phases.get(index));
    TodayPlan {
        plan_id: plan_file.plan.id,
        clinic_id: plan_file.plan.clinic_id,
        title: say(&plan_file.compiled.title, locales, plan_file),
        status: day.status,
        day: day.number,
        last_day: plan_file.compiled.horizon_day,
        course: plan_file.plan.in_course(),
        phase: phase.map(|phase| Phase {
            key: phase.key.clone(),
            title: say(&phase.title, locales, plan_file),
            common: say(&phase.common, locales, plan_file),
            advice: say(&phase.advice, locales, plan_file),
        }),
    }
}

/// One line of one plan, as it is on the day that is shown.
pub fn item_view(
    plan_file: &PlanFile,
    occurrence: &engine::Occurrence,
    shown: Date,
    locales: &[&str],
) -> Result<Item, Error> {
    let item = item_of(plan_file, occurrence)?;
    let last_on = occurrence.last_on.map(Date);
    let is_timed = occurrence.instants.are_known();
    let allowed = Allowed::after(last_on, shown);
    Ok(Item {
        occurrence_id: occurrence.id,
        plan_ids: vec![plan_file.plan.id],
        occurrences: Vec::new(),
        key: item.key.clone(),
        kind: item.kind,
        state: occurrence.state,
        day: occurrence.day,
        slot: slot_of(plan_file, occurrence)?.key.clone(),
        title: say(item.title_if(is_timed), locales, plan_file),
        text: item.text_if(is_timed).map(|text| say(text, locales, plan_file)),
        from_at: occurrence.instants.from_at,
        until_at: occurrence.instants.until_at,
        opens_at: occurrence.opens_at,
        closes_at: occurrence.closes_at,
        late_until: occurrence.late_until,
        last_on,
        allowed_on: allowed.on,
        in_days: allowed.in_days,
        held: occurrence.held,
        late_enrolment: occurrence.caught_up,
        because: because(plan_file, &item.key, occurrence.day).map(str::to_owned),
        form: item.form.clone(),
        views: item.views.clone(),
    })
}

/// Why a line is not what its protocol says.
fn because<'a>(plan_file: &'a PlanFile, key: &str, day: i32) -> Option<&'a str> {
    engine::behind(&plan_file.overrides, key, day).map(|one| one.reason.as_str())
}
