//! What to do today, and every other day of a plan: the engine's days, put into words for one reader.

pub mod forms;
pub mod late_marks;
pub mod views;

use std::collections::BTreeSet;

use crate::auth;
use crate::check_ins::rules::NotedAt;
use crate::clinics::Clinic;
use crate::ctx::Ctx;
use crate::documents::Compiled;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::body::Said;
use crate::http::text::Note;
use crate::patients::{self, Patient};
use crate::plans::author::Subject;
use crate::plans::history;
use crate::plans::{self, PlanFile, store};
use engine::State;
use ground::ids::{AccountId, ClinicId, MarkId, OccurrenceId, PatientId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;
use ground::values::Date;

/// A plan's day, with what it was computed from.
pub struct PlanDay {
    pub plan_file: PlanFile,
    pub day: engine::Day,
    /// The treated area, if other plans stand beside it.
    pub area: Option<String>,
    /// Whose plan it is: of one person, by the oldest of their records.
    pub person: PatientId,
}

impl PlanDay {
    /// Whether both are about the same area of the same person.
    fn is_of_same_skin(&self, other: &Self) -> bool {
        self.person == other.person && self.area == other.area
    }

    /// Whether a check-in is among its lines.
    fn asks(&self) -> bool {
        let mut items = self.day.occurrences.iter().filter_map(|one| self.plan_file.compiled.items.get(one.item));
        items.any(|item| item.kind == engine::ItemKind::CheckIn)
    }

    /// A plan's day, before it is told apart from others.
    pub fn new(plan_file: PlanFile, day: engine::Day) -> Self {
        Self { person: plan_file.patient.id, plan_file, day, area: None }
    }
}

/// A record without a plan that is shown: whom to call, and the plan to which danger signs can still be said.
pub struct Away {
    pub patient: Patient,
    pub clinic: Clinic,
    /// Its newest plan, if there ever was one that was right.
    pub last: Option<PlanFile>,
}

/// What an account has in every clinic.
pub struct Days {
    /// The plans that are shown.
    pub plans: Vec<PlanDay>,
    /// The other records.
    pub away: Vec<Away>,
}

/// The day of every plan of the account that runs or waits for a person, seen from `at`; of the date, if one is asked for. And the records
/// that have no such plan.
pub fn days_of(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    date: Option<Date>,
    at: Stamp,
) -> Result<Days, Error> {
    let (plan_files, mut away) = records_of(c, cache, account)?;
    let mut days = Vec::new();
    for plan_file in plan_files {
        let day = day_of(c, &plan_file, date, at)?;
        if day.status.is_shown() {
            days.push(PlanDay::new(plan_file, day));
        } else {
            away.push(Away::over(plan_file));
        }
    }
    tell_apart(c, account, &mut days)?;
    Ok(Days { away: not_shown(away, &days), plans: days })
}

/// The account's plans that run or wait for a person, and its records without one.
pub fn records_of(c: &mut Conn, cache: &Compiled, account: AccountId) -> Result<(Vec<PlanFile>, Vec<Away>), Error> {
    let (mut plan_files, mut away) = (Vec::new(), Vec::new());
    for (plan, patient, clinic) in store::list_records_of_account(c, account)? {
        match plan {
            Some(plan) => plan_files.push(PlanFile::new(c, cache, (plan, patient, clinic))?),
            None => away.push(Away::new(c, cache, patient, clinic)?),
        }
    }
    Ok((plan_files, away))
}

/// Of the records, those of which no plan is shown, each with its newest plan.
fn not_shown(mut away: Vec<Away>, shown: &[PlanDay]) -> Vec<Away> {
    let of = |away: &Away| (away.clinic.id, away.patient.id);
    away.retain(|away| shown.iter().all(|plan| (plan.plan_file.clinic.id, plan.plan_file.patient.id) != of(away)));
    let newest = |away: &Away| std::cmp::Reverse(away.last.as_ref().map(|plan_file| plan_file.plan.id));
    away.sort_by_key(|one| (of(one), newest(one)));
    away.dedup_by_key(|one| of(one));
    away
}

impl Away {
    /// A record of which no plan runs or waits.
    fn new(c: &mut Conn, cache: &Compiled, patient: Patient, clinic: Clinic) -> Result<Self, Error> {
        let last = plans::last_of_record(c, cache, &patient, &clinic)?;
        Ok(Self { patient, clinic, last })
    }

    /// Its newest plan; without one that was right, the record itself.
    pub fn subject(&self) -> Subject<'_> {
        self.last.as_ref().map_or(Subject::Record(&self.patient, &self.clinic), Subject::Plan)
    }

    /// The record of a plan that has ended.
    fn over(plan_file: PlanFile) -> Self {
        Self { patient: plan_file.patient.clone(), clinic: plan_file.clinic.clone(), last: Some(plan_file) }
    }
}

/// Whether the account's Today says that the occurrence is not asked, because another plan forbids it for the same area.
pub fn is_set_aside(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    id: OccurrenceId,
    at: Stamp,
) -> Result<bool, Error> {
    let days = days_of(c, cache, account, None, at)?;
    Ok(views::set_aside(&days.plans)?.contains(&id))
}

/// Several plans are told apart by whose they are, and by what was treated. Most protocols are for one area; only for others the treatments are asked.
pub fn tell_apart(c: &mut Conn, account: AccountId, days: &mut [PlanDay]) -> Result<(), Error> {
    if days.len() < 2 {
        return Ok(());
    }
    if !patients::are_several(c, account)? {
        let oldest = days.iter().map(|day| day.plan_file.patient.id).min();
        days.iter_mut().for_each(|day| day.person = oldest.unwrap_or(day.person));
    }
    for PlanDay { plan_file, area, .. } in days.iter_mut() {
        if let [only] = plan_file.compiled.body_areas.as_slice() {
            *area = Some(only.clone());
        }
    }
    if days.iter().any(|day| day.area.is_none()) {
        let areas = store::list_areas_of_account(c, account)?;
        let of = |plan: PlanId| areas.iter().find(|(of, _)| *of == plan).map(|(_, area)| area.clone());
        days.iter_mut().for_each(|day| day.area = of(day.plan_file.plan.id));
    }
    Ok(())
}

/// The plan's day, seen from `at`; of the date, if one is asked for.
pub fn day_of(c: &mut Conn, plan_file: &PlanFile, date: Option<Date>, at: Stamp) -> Result<engine::Day, Error> {
    let date = date.map_or_else(|| engine::local_date(&plan_file.zone, at), |date| date.0);
    let known = plan_file.known(c, plan_file.enrolment().day_on(date))?;
    Ok(seen(plan_file, &known, date, at))
}

/// A date of the plan, seen from `at`: today with what can still be done of earlier days.
pub fn seen(plan_file: &PlanFile, known: &plans::Known, date: jiff::civil::Date, at: Stamp) -> engine::Day {
    let (compiled, enrolment, facts) = (&plan_file.compiled, plan_file.enrolment(), known.facts());
    if date == engine::local_date(&plan_file.zone, at) {
        engine::today(compiled, enrolment, &facts, &plan_file.zone, at)
    } else {
        engine::ahead(compiled, enrolment, &facts, &plan_file.zone, at, date)
    }
}

/// What a patient says of an occurrence.
#[derive(Debug, Clone)]
pub struct NewMark {
    /// Done, in part, or skipped; `None` takes the mark back.
    pub state: Option<engine::MarkState>,
    /// Why it was skipped.
    pub reason: Option<Note>,
    /// When the patient noted it; now if it is not said.
    pub noted_at: Option<Said<Stamp>>,
}

fn noted_at(ctx: &mut Ctx<'_>, plan_file: &PlanFile, new: &NewMark) -> Result<NotedAt, Error> {
    Ok(NotedAt::of(new.noted_at.as_ref(), plan_file.begun_at()?, ctx.m.at))
}

/// Marks an occurrence of one of the account's plans, and with it those of other plans that say the same: it is one act. A mark
/// that says what the newest one says changes nothing. Gives the line as it is then. What no plan asks now is not found: `late_marks`.
pub fn mark(
    ctx: &mut Ctx<'_>,
    who: &auth::Patient,
    id: OccurrenceId,
    asked: Option<&str>,
    new: NewMark,
) -> Result<views::Item, Error> {
    let (mut days, own) = days_around(ctx.c, ctx.cache, who.account, id, ctx.m.at)?.ok_or(Error::NotFound)?;
    let of = days.iter().find(|of| of.plan_file.plan.id == own.plan).ok_or(Error::NotFound)?;
    let noted = noted_at(ctx, &of.plan_file, &new)?;
    let kind = item_of(&of.plan_file, &own.occurrence)?.kind;
    if !kind.can_be_marked() || kind == engine::ItemKind::CheckIn {
        return Err(Error::conflict(
            "cannot_be_marked",
            "only a task or a photo can be marked; a check-in is answered",
        ));
    }
    let line = line_around(&days, id, asked)?;
    let is_in_line =
        |one: &engine::Occurrence| one.id == id || line.occurrences.iter().any(|shared| shared.occurrence_id == one.id);
    let acts = |of| -> Vec<engine::Occurrence> {
        let of: &PlanDay = of;
        let counts = |one: &&engine::Occurrence| {
            is_in_line(one) && can_be_marked(&of.plan_file, one, one.id == id, noted.at, ctx.m.at)
        };
        of.day.occurrences.iter().filter(counts).cloned().collect()
    };
    let acts: Vec<Vec<engine::Occurrence>> = days.iter().map(acts).collect();
    if acts.iter().all(Vec::is_empty) {
        return Err(match own.occurrence.state {
            State::Cancelled => {
                Error::conflict("cancelled", "it is not asked: the plan had not begun yet, or was paused or over")
            }
            _ => Error::conflict("not_open_yet", format!("it opens at {}", own.occurrence.opens_at)),
        });
    }
    for (of, acts) in days.iter_mut().zip(&acts) {
        for occurrence in acts {
            record(ctx, &of.plan_file, occurrence, &new, &noted)?;
        }
        for own_day in acts.iter().map(|act| act.day).collect::<BTreeSet<i32>>() {
            let fresh = occurrences_on(ctx.c, &of.plan_file, own_day, ctx.m.at)?;
            let marked = of.day.occurrences.iter_mut().filter(|one| acts.iter().any(|act| act.id == one.id));
            for one in marked {
                one.state = fresh.iter().find(|fresh| fresh.id == one.id).map_or(one.state, |fresh| fresh.state);
            }
        }
    }
    line_around(&days, id, asked)
}

/// Whether a mark that was noted at an instant counts: of what is open, and of what is named itself and may have been open then, before
/// the patient flew on, or the clinic changed the plan, or while it was caught up on.
fn can_be_marked(plan_file: &PlanFile, one: &engine::Occurrence, is_named: bool, noted_at: Stamp, at: Stamp) -> bool {
    let asked_by = |noted_at| {
        let slot = plan_file.compiled.slots.get(one.slot);
        slot.is_some_and(|slot| plan_file.enrolment().may_have_asked(slot, one.day, &plan_file.zone, noted_at))
    };
    let was_caught_up = one.caught_up.is_some() && (one.opens_at..one.closes_at).contains(&noted_at);
    let asked = match one.state {
        // Hours after the treatment are over everywhere at once: no flight brings them nearer.
        State::Upcoming => {
            let hours_are_over = one.instants.from_at.is_none_or(|from| from <= noted_at);
            is_named && hours_are_over && (asked_by(noted_at) || asked_by(engine::at_the_latest(noted_at, at)))
        }
        State::Cancelled => is_named && (asked_by(noted_at) || was_caught_up),
        _ => true,
    };
    asked && plan_file.day_number(noted_at) >= 0
}

/// Writes a mark, unless it says what is known.
fn record(
    ctx: &mut Ctx<'_>,
    plan_file: &PlanFile,
    occurrence: &engine::Occurrence,
    new: &NewMark,
    noted_at: &NotedAt,
) -> Result<(), Error> {
    let noted = Noted {
        occurrence: occurrence.id,
        day: occurrence.day,
        item: item_of(plan_file, occurrence)?.key.clone(),
        slot: slot_of(plan_file, occurrence)?.key.clone(),
    };
    write(ctx, plan_file, noted, new, noted_at)
}

/// What is marked.
struct Noted {
    occurrence: OccurrenceId,
    day: i32,
    item: String,
    slot: String,
}

/// Writes a mark, unless it is there already, or says what the newest one says and was not noted after it. One that was noted before the
/// newest is written too, and does not count: it came late.
fn write(
    ctx: &mut Ctx<'_>,
    plan_file: &PlanFile,
    noted: Noted,
    new: &NewMark,
    noted_at: &NotedAt,
) -> Result<(), Error> {
    let (clinic_id, plan_id) = (plan_file.plan.clinic_id, plan_file.plan.id);
    let state = state_word(new);
    let reason: Option<String> = new.reason.clone().map(Into::into);
    let before = store::list_marks_on(ctx.c, clinic_id, plan_id, noted.occurrence)?;
    let is_same = |one: &store::NewMark| one.noted_at == noted_at.at && one.state == state && one.reason == reason;
    let is_there = new.noted_at.is_some() && before.iter().any(is_same);
    let is_known = match before.last() {
        Some(newest) => newest.state == state && reason.is_none() && noted_at.at <= newest.noted_at,
        None => new.state.is_none(),
    };
    if is_there || is_known {
        return Ok(());
    }
    let kind = if new.state.is_some() { EventKind::MarkMade } else { EventKind::MarkWithdrawn };
    ctx.happened(kind, marked(plan_file, noted.occurrence))?;
    let made_by = ctx.account()?;
    store::insert_mark(
        ctx.c,
        &store::NewMark {
            clinic_id,
            plan_id,
            day: noted.day,
            id: ctx.m.id::<MarkId>(),
            occurrence_id: noted.occurrence,
            item_key: noted.item,
            slot_key: noted.slot,
            state: state.to_owned(),
            reason,
            noted_at: noted_at.at,
            received_at: ctx.m.at,
            made_by,
            counted_from: plan_file.counted_from(),
            claimed_at: noted_at.claimed.clone(),
        },
    )
}

/// What a mark is about.
fn marked(plan_file: &PlanFile, id: OccurrenceId) -> EventSubject {
    let occurrence = EventSubject::in_clinic(plan_file.plan.clinic_id, Object::Occurrence(id));
    occurrence.of_patient(plan_file.plan.patient_id).of_plan(plan_file.plan.id)
}

/// The word by which a mark is stored.
fn state_word(new: &NewMark) -> &'static str {
    new.state.map_or("withdrawn", engine::MarkState::as_str)
}

/// What was done already counts for a plan that begins, or goes on, now: of the lines that it shares with the patient's other plans, and
/// with those that are gone by the same act, as they were, the marks are recorded for it too, as they were noted. Today showed one act, and
/// it is not asked for again.
pub fn share_marks(ctx: &mut Ctx<'_>, clinic: ClinicId, begun: PlanId) -> Result<(), Error> {
    let Some(begun) = plans::of_clinic(ctx.c, ctx.cache, clinic, begun)? else { return Ok(()) };
    let Some(account) = begun.patient.account_id else { return Ok(()) };
    let mut days = Vec::new();
    for rows in store::list_ever_of_account(ctx.c, account)? {
        if rows.0.revision == 1 && !rows.0.status.is_shown() {
            continue;
        }
        let plan_file = PlanFile::new(ctx.c, ctx.cache, rows)?;
        if plan_file.status(ctx.m.at).is_shown() {
            days.push(plan_file);
            continue;
        }
        let before = history::as_it_stood(ctx, &plan_file, ctx.m.at)?;
        if before.status(ctx.m.at).is_shown() && before.plan.id != begun.plan.id {
            days.push(before);
        }
    }
    days.sort_by_key(|plan_file| plan_file.plan.id);
    if days.len() < 2 || days.iter().all(|plan_file| plan_file.plan.id != begun.plan.id) {
        return Ok(());
    }
    let today = engine::local_date(&begun.zone, ctx.m.at);
    // A window of yesterday may reach into today.
    for date in today.yesterday().into_iter().chain([today]) {
        let mut seen = Vec::with_capacity(days.len());
        for plan_file in &days {
            seen.push(PlanDay::new(plan_file.clone(), date_at(ctx.c, plan_file, date, ctx.m.at)?));
        }
        tell_apart(ctx.c, account, &mut seen)?;
        for (own, done) in views::done_for_others(&seen, begun.plan.id)? {
            share(ctx, &seen, own, done)?;
        }
    }
    Ok(())
}

/// The same for every plan of an account: a record of another clinic became the account's.
pub fn share_all_marks(ctx: &mut Ctx<'_>, account: AccountId) -> Result<(), Error> {
    for rows in store::list_shown_of_account(ctx.c, account)? {
        share_marks(ctx, rows.0.clinic_id, rows.0.id)?;
    }
    Ok(())
}

/// Records for one plan what was marked for another.
fn share(ctx: &mut Ctx<'_>, days: &[PlanDay], own: OccurrenceId, done: (PlanId, OccurrenceId)) -> Result<(), Error> {
    let of = |id: OccurrenceId| {
        let of_day = |of: &PlanDay| of.day.occurrences.iter().find(|one| one.id == id).cloned();
        days.iter().find_map(|of| Some((&of.plan_file, of_day(of)?)))
    };
    let (Some((plan_file, occurrence)), Some((other, _))) = (of(own), of(done.1)) else { return Ok(()) };
    let Some(mark) = store::find_mark(ctx.c, other.plan.clinic_id, done.0, done.1)? else { return Ok(()) };
    ctx.happened(EventKind::MarkMade, marked(plan_file, own))?;
    store::insert_mark(
        ctx.c,
        &store::NewMark {
            clinic_id: plan_file.plan.clinic_id,
            plan_id: plan_file.plan.id,
            day: occurrence.day,
            id: ctx.m.id::<MarkId>(),
            occurrence_id: own,
            item_key: item_of(plan_file, &occurrence)?.key.clone(),
            slot_key: slot_of(plan_file, &occurrence)?.key.clone(),
            received_at: ctx.m.at,
            counted_from: plan_file.counted_from(),
            ..mark
        },
    )
}

/// The line that an occurrence is part of, among the days around it.
fn line_around(days: &[PlanDay], id: OccurrenceId, asked: Option<&str>) -> Result<views::Item, Error> {
    views::line_of(days, id, asked)?.ok_or(Error::NotFound)
}

/// An occurrence, and whose it is.
struct Own {
    plan: PlanId,
    occurrence: engine::Occurrence,
}

/// The day that an occurrence of the account's plans belongs to, and the same date of all other plans if it can be a part of
/// their lines.
fn days_around(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    id: OccurrenceId,
    at: Stamp,
) -> Result<Option<(Vec<PlanDay>, Own)>, Error> {
    let mut plan_files = Vec::new();
    for rows in store::list_shown_of_account(c, account)? {
        plan_files.push(PlanFile::new(c, cache, rows)?);
    }
    let find = |plan_file: &PlanFile| {
        let (item, number, _) = engine::find(&plan_file.compiled, plan_file.enrolment(), id, plan_file.day_number(at))?;
        Some((plan_file.plan.id, plan_file.compiled.items.get(item)?.kind, plan_file.enrolment().date_of(number)?))
    };
    let Some((plan, kind, date)) = plan_files.iter().find_map(find) else { return Ok(None) };
    let mut days = Vec::new();
    for plan_file in plan_files {
        if plan_file.plan.id == plan || kind == engine::ItemKind::Task {
            let day = date_at(c, &plan_file, date, at)?;
            days.push(PlanDay::new(plan_file, day));
        }
    }
    let find = |days: &[PlanDay]| days.iter().flat_map(|of| &of.day.occurrences).find(|one| one.id == id).cloned();
    let found = find(&days);
    if found.as_ref().is_some_and(|one| one.caught_up.is_some() && one.state == State::Open) {
        // It stands among the lines of today.
        for of in &mut days {
            of.day = day_of(c, &of.plan_file, None, at)?;
        }
    }
    tell_apart(c, account, &mut days)?;
    Ok(found.map(|occurrence| (days, Own { plan, occurrence })))
}

/// A date of the plan without what is left of earlier days, as it is at `at`.
fn date_at(c: &mut Conn, plan_file: &PlanFile, date: jiff::civil::Date, at: Stamp) -> Result<engine::Day, Error> {
    let (enrolment, known) = (plan_file.enrolment(), plan_file.known(c, plan_file.enrolment().day_on(date))?);
    Ok(engine::on_date(&plan_file.compiled, enrolment, &known.facts(), &plan_file.zone, at, date))
}

/// The occurrences of a numbered day of the plan, as they are at `at`; none while the plan's days wait.
pub fn occurrences_on(
    c: &mut Conn,
    plan_file: &PlanFile,
    number: i32,
    at: Stamp,
) -> Result<Vec<engine::Occurrence>, Error> {
    let known = plan_file.known(c, number)?;
    let day = engine::day(&plan_file.compiled, plan_file.enrolment(), &known.facts(), &plan_file.zone, at, number);
    Ok(day.occurrences)
}

/// The item of an occurrence.
pub fn item_of<'a>(plan_file: &'a plans::PlanFile, occurrence: &engine::Occurrence) -> Result<&'a engine::Item, Error> {
    plan_file
        .compiled
        .items
        .get(occurrence.item)
        .ok_or_else(|| Error::internal("an occurrence without an item", occurrence.id))
}

/// The slot of an occurrence.
pub fn slot_of<'a>(plan_file: &'a plans::PlanFile, occurrence: &engine::Occurrence) -> Result<&'a engine::Slot, Error> {
    plan_file
        .compiled
        .slots
        .get(occurrence.slot)
        .ok_or_else(|| Error::internal("an occurrence without a slot", occurrence.id))
}
