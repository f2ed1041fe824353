//! A course: a series of treatments of one patient, each with its own plan and its own count of days.

pub mod rules;
pub mod store;

use crate::ctx::Ctx;
use crate::documents;
use crate::events::{EventKind, EventSubject, Object};
use diesel::prelude::*;
use jiff::civil::Date;

use crate::auth::Staff;
use crate::clinics::Clinic;
use crate::db::schema::{courses, treatment_links};
use crate::documents::Compiled;
use crate::error::{Error, FieldError};
use crate::http::conditions::check_version;
use crate::http::text::{Key, Note};
use crate::patients::{self, NewTreatment, Treatment};
use crate::plans::revisions::{self, NewRevision, RecordedCommand};
use crate::plans::{self, InCourse, Plan, PlanFile};
use crate::protocols;
use crate::today;
use engine::{LocalTime, PlanStatus, Procedure};
use ground::ids::{AccountId, ClinicId, CourseId, MemberId, PatientId, PlanId, TreatmentId};
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;
use rules::{Done, Known, Misplaced, Place, Readiness, Terms};

/// A series of treatments.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = courses, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Course {
    pub clinic_id: ClinicId,
    pub id: CourseId,
    pub patient_id: PatientId,
    /// The protocol that its sessions follow.
    pub protocol_key: String,
    /// What is done.
    pub procedure: Procedure,
    /// Where on the body.
    pub body_area: String,
    /// How many sessions.
    pub sessions: i32,
    /// The fewest days from one to the next.
    pub min_interval_days: i32,
    /// The usual days from one to the next.
    pub interval_days: i32,
    /// How many sessions have been.
    pub done: i32,
    /// Who made it.
    pub created_by: MemberId,
    pub created_at: Stamp,
    /// Rises with every change, and with every session.
    pub version: i32,
}

impl From<&Course> for EventSubject {
    fn from(course: &Course) -> Self {
        Self::in_clinic(course.clinic_id, Object::Course(course.id)).of_patient(course.patient_id)
    }
}

/// What a treatment belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = treatment_links, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Link {
    pub clinic_id: ClinicId,
    pub treatment_id: TreatmentId,
    /// Its course.
    pub course_id: Option<CourseId>,
    /// Which session of it.
    pub session: Option<i32>,
    /// The treatment that it was done again for.
    pub replaces: Option<TreatmentId>,
    /// Why a clinician did not wait for the shortest interval.
    pub interval_overruled: Option<String>,
}

/// A course to be made; what is left out comes from the protocol.
#[derive(Debug, Clone)]
pub struct NewCourse {
    pub patient: PatientId,
    /// The protocol's key; its active version is read.
    pub protocol: Key,
    /// Where on the body.
    pub body_area: Key,
    /// How many sessions.
    pub sessions: Option<i32>,
    /// The fewest days from one to the next.
    pub min_interval_days: Option<i32>,
    /// The usual days from one to the next.
    pub interval_days: Option<i32>,
}

/// A course may have so many sessions.
pub const MOST_SESSIONS: i32 = 100;
/// And so many days between two.
pub const MOST_DAYS: i32 = 731;

/// Makes a course; no session has been yet. An interval below the protocol's shortest is a clinician's approval.
pub fn make(ctx: &mut Ctx<'_>, who: &Staff, new: NewCourse) -> Result<Course, Error> {
    let (patient, clinic) = store::find_patient(ctx.c, who.clinic, new.patient)?
        .ok_or_else(|| Error::field("/patient_id", "unknown_value", "the clinic has no such patient"))?;
    let protocol = documents::read(&protocols::approved(ctx.c, &clinic, new.protocol.as_str())?.document)?;
    if !protocol.body_areas.iter().any(|area| area == new.body_area.as_str()) {
        let detail = format!("this protocol is for {}", protocol.body_areas.join(", "));
        return Err(Error::field("/body_area", "wrong_body_area", detail));
    }
    let usual = protocol.sessions;
    let said = |given: Option<i32>, usual: Option<i32>, pointer: &str| {
        let missing = || Error::field(pointer, "missing_field", "the protocol does not say: say it here");
        given.or(usual).ok_or_else(missing)
    };
    let least = usual.as_ref().map(|usual| usual.min_interval_days);
    let min_interval_days = said(new.min_interval_days, least, "/min_interval_days")?;
    if least.is_some_and(|least| min_interval_days < least) {
        who.must_be_clinical()?;
    }
    let usual_days = usual.as_ref().map(|usual| usual.interval_days.max(min_interval_days));
    let course = Course {
        clinic_id: who.clinic,
        id: ctx.m.id(),
        patient_id: patient.id,
        protocol_key: protocol.key,
        procedure: protocol.procedure,
        body_area: new.body_area.into(),
        sessions: said(new.sessions, usual.as_ref().and_then(|usual| usual.default), "/sessions")?,
        min_interval_days,
        interval_days: said(new.interval_days, usual_days, "/interval_days")?,
        done: 0,
        created_by: who.member,
        created_at: ctx.m.at,
        version: 1,
    };
    check(&course)?;
    store::insert(ctx.c, &course)?;
    ctx.happened(EventKind::CourseMade, &course)?;
    Ok(course)
}

fn check(course: &Course) -> Result<(), Error> {
    let wrong = |pointer: &str, least: i32, most: i32| {
        let detail = format!("must be a whole number from {least} to {most}");
        FieldError { pointer: pointer.to_owned(), code: "out_of_range".to_owned(), detail }
    };
    let rules = [
        ("/sessions", course.sessions, course.done.max(1), MOST_SESSIONS),
        ("/min_interval_days", course.min_interval_days, 1, MOST_DAYS),
        ("/interval_days", course.interval_days, course.min_interval_days, MOST_DAYS),
    ];
    let broken = rules.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
    let errors: Vec<FieldError> = broken.map(|(pointer, _, least, most)| wrong(pointer, least, most)).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// A change of a course; what is `None` stays.
#[derive(Debug, Clone, Copy)]
pub struct CourseChange {
    /// How many sessions.
    pub sessions: Option<i32>,
    /// The fewest days from one to the next.
    pub min_interval_days: Option<i32>,
    /// The usual days from one to the next.
    pub interval_days: Option<i32>,
}

/// Changes a course. A shorter interval than it has is a clinician's approval.
pub fn change(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: CourseId,
    change: CourseChange,
    if_match: Option<&str>,
) -> Result<Course, Error> {
    store::lock(ctx.c, who.clinic, id)?;
    let before = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    check_version(if_match, before.version)?;
    let after = Course {
        sessions: change.sessions.unwrap_or(before.sessions),
        min_interval_days: change.min_interval_days.unwrap_or(before.min_interval_days),
        interval_days: change.interval_days.unwrap_or(before.interval_days),
        version: before.version + 1,
        ..before.clone()
    };
    if after.min_interval_days < before.min_interval_days {
        who.must_be_clinical()?;
    }
    check(&after)?;
    if !store::set(ctx.c, &after, before.version)? {
        return Err(Error::Stale);
    }
    if after.sessions != before.sessions {
        for plan_file in every_plan_file(ctx, &after)? {
            let in_course = plan_file.plan.in_course().map(|place| InCourse { of: after.sessions, ..place });
            set_place(ctx, &plan_file, in_course, "The course has another number of sessions.")?;
        }
    }
    ctx.happened(EventKind::CourseChanged, &after)?;
    Ok(after)
}

/// What a new treatment belongs to.
#[derive(Debug, Clone)]
pub struct Belongs {
    /// Its course; that of what it replaces, if it is left out.
    pub course: Option<CourseId>,
    /// The treatment that is done again.
    pub replaces: Option<TreatmentId>,
    /// Why the shortest interval is not waited for; a clinician's approval.
    pub overrule_interval: Option<Note>,
}

/// Records a treatment, with what it belongs to.
pub fn record_treatment(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    patient: PatientId,
    new: NewTreatment,
    belongs: Belongs,
) -> Result<(Treatment, Option<Link>), Error> {
    let treatment = patients::record_treatment(ctx, who, patient, new)?;
    let replaced = match belongs.replaces {
        Some(id) => Some(replaced(ctx.c, who.clinic, patient, id)?),
        None => None,
    };
    let of_replaced = replaced.as_ref().and_then(|(_, link)| link.as_ref()?.course_id);
    let mut link = Link {
        clinic_id: who.clinic,
        treatment_id: treatment.id,
        course_id: None,
        session: None,
        replaces: replaced.map(|(id, _)| id),
        interval_overruled: None,
    };
    if let Some(id) = belongs.course.or(of_replaced) {
        store::lock(ctx.c, who.clinic, id)?;
        let course = store::find(ctx.c, who.clinic, id)?
            .filter(|course| course.patient_id == patient)
            .ok_or_else(|| Error::field("/course_id", "unknown_value", "the patient has no such course"))?;
        link = join(ctx.c, who, &course, &treatment, Joining { link, overrule: belongs.overrule_interval })?;
    } else if belongs.overrule_interval.is_some() {
        return Err(Error::field("/overrule_interval", "not_wanted", "it belongs to no course that has an interval"));
    } else if link.replaces.is_none() {
        return Ok((treatment, None));
    }
    if !store::insert_link(ctx.c, &link)? {
        return Err(Error::Busy);
    }
    Ok((treatment, Some(link)))
}

/// Makes a treatment that was recorded before a session of the course, and its plans plans of that session; gives those that are new to it.
/// The sessions are added in order. Idempotent.
pub fn add_treatment(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: CourseId,
    treatment: TreatmentId,
    overrule_interval: Option<Note>,
) -> Result<(Treatment, Link, Vec<Plan>), Error> {
    store::lock(ctx.c, who.clinic, id)?;
    let course = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    patients::lock_treatment(ctx.c, who.clinic, treatment)?;
    let treatment = patients::treatment(ctx.c, who.clinic, treatment)?
        .filter(|treatment| treatment.patient_id == course.patient_id)
        .ok_or_else(|| Error::field("/treatment_id", "unknown_value", "the patient has no such treatment"))?;
    if treatment.entered_in_error_at.is_some() {
        return Err(Error::field("/treatment_id", "entered_in_error", "this treatment was entered in error"));
    }
    let known = store::find_link(ctx.c, who.clinic, treatment.id)?;
    match known.as_ref().and_then(|link| link.course_id) {
        Some(of) if of == id => return Ok((treatment, known.ok_or(Error::NotFound)?, Vec::new())),
        Some(_) => {
            return Err(Error::field("/treatment_id", "of_another_course", "it is a session of another course"));
        }
        None => {}
    }
    let link = known.clone().unwrap_or(Link {
        clinic_id: who.clinic,
        treatment_id: treatment.id,
        course_id: None,
        session: None,
        replaces: None,
        interval_overruled: None,
    });
    let link =
        join(ctx.c, who, &course, &treatment, Joining { link, overrule: overrule_interval }).map_err(of_added)?;
    let is_linked = if known.is_some() { store::set_link(ctx.c, &link)? } else { store::insert_link(ctx.c, &link)? };
    if !is_linked {
        return Err(Error::Busy);
    }
    let in_course = of_treatment(ctx.c, who.clinic, treatment.id)?;
    let mut plans = Vec::new();
    for plan_file in every_plan_file(ctx, &course)?.iter().filter(|one| one.plan.treatment_id == treatment.id) {
        plans.push(set_place(ctx, plan_file, in_course, "The treatment is a session of a course.")?.plan);
    }
    ctx.happened(EventKind::TreatmentAddedToCourse, &treatment)?;
    Ok((treatment, link, plans))
}

/// The plans of a course, also those that were entered in error.
fn every_plan_file(ctx: &mut Ctx<'_>, course: &Course) -> Result<Vec<PlanFile>, Error> {
    let rows = store::find_whole(ctx.c, course.clinic_id, course.id)?;
    let (_, patient, clinic) = rows.ok_or_else(|| Error::internal("a course without a patient", course.id))?;
    let plans = store::list_plans(ctx.c, course)?.into_iter();
    complete(ctx.c, ctx.cache, plans, &patient, &clinic)
}

/// The plan is told which session it is of.
fn set_place(
    ctx: &mut Ctx<'_>,
    before: &PlanFile,
    in_course: Option<InCourse>,
    reason: &str,
) -> Result<PlanFile, Error> {
    let after = Plan { course: InCourse::kept(in_course)?, ..before.plan.clone() };
    let (command, made_by) = (RecordedCommand::InCourse(in_course), ctx.member()?);
    let saved = revisions::save(ctx, NewRevision { before, after, body_area: None, command, reason, made_by });
    saved.map_err(Error::busy_if_stale)
}

/// What does not fit is not said here, but was recorded with the treatment.
fn of_added(why: Error) -> Error {
    let named = |field: FieldError| match field.pointer.as_str() {
        "/course_id" => FieldError { pointer: String::new(), ..field },
        _ => FieldError { pointer: "/treatment_id".to_owned(), ..field },
    };
    match why {
        Error::Invalid(fields) => Error::Invalid(fields.into_iter().map(named).collect()),
        why => why,
    }
}

/// The patient's treatment that is done again.
fn replaced(
    c: &mut Conn,
    clinic: ClinicId,
    patient: PatientId,
    id: TreatmentId,
) -> Result<(TreatmentId, Option<Link>), Error> {
    if store::find_patient_of(c, clinic, id)? != Some(patient) {
        return Err(Error::field("/replaces", "unknown_value", "the patient has no such treatment"));
    }
    if store::is_replaced(c, clinic, id)? {
        return Err(replaced_already());
    }
    Ok((id, store::find_link(c, clinic, id)?))
}

fn replaced_already() -> Error {
    Error::field("/replaces", "replaced_already", "another treatment replaces it: replace that one")
}

/// How a treatment becomes a session.
struct Joining {
    /// What links it so far.
    link: Link,
    /// Why the shortest interval was not waited for.
    overrule: Option<Note>,
}

/// Makes the treatment a session of the course, if it fits.
fn join(c: &mut Conn, who: &Staff, course: &Course, treatment: &Treatment, joining: Joining) -> Result<Link, Error> {
    let Joining { link, overrule } = joining;
    if treatment.procedure != course.procedure {
        let detail = format!("the course is of {}", course.procedure);
        return Err(Error::field("/procedure", "wrong_procedure", detail));
    }
    if treatment.body_area != course.body_area {
        return Err(Error::field(
            "/body_area",
            "wrong_body_area",
            format!("the course is of the {}", course.body_area),
        ));
    }
    let done = done(c, course)?;
    let Place { session, replaces, too_soon } =
        rules::place(&done, course.terms(), treatment.performed_on.0, link.replaces)
            .map_err(|why| misplaced(course, why))?;
    if let Some(days) = too_soon {
        let Some(_) = overrule else {
            let detail = format!(
                "only {days} days from another session, and the course asks for {}: a clinician may give the reason in `overrule_interval`",
                course.min_interval_days
            );
            return Err(Error::field("/performed_on", "too_soon", detail));
        };
        who.must_be_clinical()?;
    }
    let after = Course { done: course.done.max(session), version: course.version + 1, ..course.clone() };
    if !store::set(c, &after, course.version)? {
        return Err(Error::Busy);
    }
    let interval_overruled = overrule.filter(|_| too_soon.is_some()).map(Into::into);
    Ok(Link { course_id: Some(course.id), session: Some(session), replaces, interval_overruled, ..link })
}

fn misplaced(course: &Course, why: Misplaced) -> Error {
    match why {
        Misplaced::Complete => {
            let detail =
                format!("all {} sessions have been done: change the course, or say what is replaced", course.sessions);
            Error::field("/course_id", "course_complete", detail)
        }
        Misplaced::OutOfOrder => Error::field(
            "/performed_on",
            "out_of_order",
            "must lie after the session before it and before the one after it",
        ),
        Misplaced::NotOfCourse => Error::field("/replaces", "wrong_course", "it is no session of this course"),
        Misplaced::ReplacedAlready => replaced_already(),
    }
}

impl Course {
    fn terms(&self) -> Terms {
        Terms { sessions: self.sessions, min_interval_days: self.min_interval_days }
    }
}

/// The treatments of a course, with day 0 of their plans where that was corrected, and with those that never were.
fn done(c: &mut Conn, course: &Course) -> Result<Vec<Done>, Error> {
    let plans = store::list_plans(c, course)?;
    let seen = |one: Done| {
        let mut of_session = plans.iter().filter(|plan| plan.treatment_id == one.treatment).peekable();
        let has_plans = of_session.peek().is_some();
        let newest = of_session.rfind(|plan| plan.status != PlanStatus::EnteredInError);
        Done { on: newest.map_or(one.on, |plan| plan.day_zero.0), voided: has_plans && newest.is_none(), ..one }
    };
    Ok(store::list_done(c, course.clinic_id, course.id)?.into_iter().map(seen).collect())
}

/// Counts the sessions of a treatment's course again: one of its plans was entered in error, or that was taken back.
pub fn recount(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<(), Error> {
    let Some(place) = of_treatment(c, clinic, treatment)? else { return Ok(()) };
    let Some(course) = store::find(c, clinic, place.course_id)? else { return Ok(()) };
    let last = rules::effective(&done(c, &course)?).last().map_or(0, |last| last.session);
    let after = Course { done: last, version: course.version + 1, ..course.clone() };
    if last != course.done && !store::set(c, &after, course.version)? {
        return Err(Error::Busy);
    }
    Ok(())
}

/// The session that a treatment is, if it is one.
pub fn of_treatment(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<Option<InCourse>, Error> {
    let Some(link) = store::find_link(c, clinic, treatment)? else { return Ok(None) };
    let (Some(course_id), Some(session)) = (link.course_id, link.session) else { return Ok(None) };
    let course = store::find(c, clinic, course_id)?;
    Ok(course.map(|course| InCourse { course_id, session, of: course.sessions }))
}

/// Nobody else enrols for this treatment, corrects it, or changes its course, before this transaction has ended.
pub fn lock(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<(), Error> {
    let course = |c: &mut Conn| Ok::<_, Error>(store::find_link(c, clinic, treatment)?.and_then(|link| link.course_id));
    let before = course(c)?;
    if let Some(course) = before {
        store::lock(c, clinic, course)?;
    }
    patients::lock_treatment(c, clinic, treatment)?;
    // It may have come into a course while this waited.
    if course(c)? == before { Ok(()) } else { Err(Error::Busy) }
}

/// The plans of a course that were not entered in error, complete.
pub fn plan_files(c: &mut Conn, cache: &Compiled, rows: &store::Rows) -> Result<Vec<PlanFile>, Error> {
    let (course, patient, clinic) = rows;
    let plans = store::list_plans(c, course)?.into_iter().filter(|plan| plan.status != PlanStatus::EnteredInError);
    complete(c, cache, plans, patient, clinic)
}

fn complete(
    c: &mut Conn,
    cache: &Compiled,
    plans: impl Iterator<Item = Plan>,
    patient: &patients::Patient,
    clinic: &Clinic,
) -> Result<Vec<PlanFile>, Error> {
    plans.map(|plan| PlanFile::new(c, cache, (plan, patient.clone(), clinic.clone()))).collect()
}

/// Of a session's plans the one that tells of it: the newest that was begun, of the course's protocol before others.
fn plan_of<'a>(plan_files: &'a [PlanFile], course: &Course, session: &Done) -> Option<&'a PlanFile> {
    let was_begun =
        |plan_file: &&PlanFile| plan_file.plan.status != PlanStatus::Draft && plan_file.plan.declined.is_none();
    let of_session = plan_files.iter().filter(|plan_file| plan_file.plan.treatment_id == session.treatment);
    of_session.filter(was_begun).max_by_key(|one| (one.compiled.key == course.protocol_key, one.plan.id))
}

/// Whether the next session may come.
pub struct Ready {
    pub course: Course,
    pub patient: patients::Patient,
    /// The answer.
    pub readiness: Readiness,
    /// The last instant until now at which it changed by itself.
    pub as_of: Stamp,
    /// The next instant at which it changes by itself.
    pub valid_until: Stamp,
}

/// Whether the clinic's course is ready for its next session.
pub fn readiness_for_clinic(
    c: &mut Conn,
    cache: &Compiled,
    clinic: ClinicId,
    id: CourseId,
    at: Stamp,
) -> Result<Ready, Error> {
    let rows = store::find_whole(c, clinic, id)?.ok_or(Error::NotFound)?;
    readiness(c, cache, rows, at)
}

/// Whether the account's course is ready for its next session.
pub fn readiness_for_account(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    id: CourseId,
    at: Stamp,
) -> Result<Ready, Error> {
    let rows = store::find_of_account(c, account, id)?.ok_or(Error::NotFound)?;
    readiness(c, cache, rows, at)
}

fn readiness(c: &mut Conn, cache: &Compiled, rows: store::Rows, at: Stamp) -> Result<Ready, Error> {
    let plan_files = plan_files(c, cache, &rows)?;
    let (course, patient, clinic) = rows;
    let ids: Vec<PlanId> = plan_files.iter().map(|plan_file| plan_file.plan.id).collect();
    let effective = rules::effective(&done(c, &course)?);
    let last = effective.last().and_then(|last| plan_of(&plan_files, &course, last));
    let skin = last.filter(|last| last.status(at) != PlanStatus::Revoked).map(|last| skin(c, last, at)).transpose()?;
    let (at_clinic, at_patient) = (crate::zones::zone(&clinic.zone)?, crate::zones::zone(&patient.zone)?);
    let known = Known {
        effective,
        today: at.timestamp().to_zoned(at_clinic.clone()).date(),
        alerts: store::list_open_alerts(c, course.clinic_id, &ids)?,
        waits: plan_files.iter().any(|plan_file| plan_file.plan.status == PlanStatus::Draft),
        skin,
    };
    let midnight = |zone: &jiff::tz::TimeZone, later: i32| {
        let date: Date = rules::later(at.timestamp().to_zoned(zone.clone()).date(), later);
        engine::local_instant(date, LocalTime::MIDNIGHT, zone)
    };
    let as_of = midnight(&at_clinic, 0).max(midnight(&at_patient, 0)).max(course.created_at);
    let valid_until = midnight(&at_clinic, 1).min(midnight(&at_patient, 1));
    let readiness = rules::readiness(course.terms(), known);
    Ok(Ready { course, patient, readiness, as_of, valid_until })
}

/// What the latest answers say of the skin.
fn skin(c: &mut Conn, plan_file: &PlanFile, at: Stamp) -> Result<rules::Skin, Error> {
    let known = plan_file.known_all(c)?;
    let number = plan_file.day_number(at);
    let day = today::occurrences_on(c, plan_file, number, at)?;
    let held = day.iter().filter(|occurrence| occurrence.held);
    let keys: Result<Vec<String>, Error> =
        held.map(|occurrence| today::item_of(plan_file, occurrence).map(|item| item.key.clone())).collect();
    Ok(rules::skin(&plan_file.compiled, &known.check_ins, number, keys?))
}

/// How a session went.
pub struct SessionHealing {
    pub done: Done,
    /// Its plan, if one was begun, and where that stands now.
    pub plan: Option<(PlanId, PlanStatus)>,
    /// Its symptoms.
    pub symptoms: Vec<rules::Healing>,
}

/// How the sessions of a course went, each by its own check-ins; those that were done again, and those that never were, are left out.
pub fn healing(
    c: &mut Conn,
    cache: &Compiled,
    clinic: ClinicId,
    id: CourseId,
    at: Stamp,
) -> Result<(Course, Vec<SessionHealing>), Error> {
    let rows = store::find_whole(c, clinic, id)?.ok_or(Error::NotFound)?;
    let plan_files = plan_files(c, cache, &rows)?;
    let course = rows.0;
    let mut sessions = Vec::new();
    let effective = rules::effective(&done(c, &course)?);
    // From the next session on, the skin heals from that one.
    let ends = effective.iter().skip(1).map(|next| Some(next.on)).chain([None]).collect::<Vec<Option<Date>>>();
    for (done, end) in effective.into_iter().zip(ends) {
        let plan_file = plan_of(&plan_files, &course, &done);
        let symptoms = match plan_file {
            Some(plan_file) => {
                let (enrolment, known) = (plan_file.enrolment(), plan_file.known_all(c)?);
                let of_session = known.check_ins.iter().filter(|check_in| {
                    let date = enrolment.date_of(check_in.day);
                    end.is_none_or(|end| date.is_some_and(|date| date < end))
                });
                rules::healing(&plan_file.compiled, enrolment, of_session)
            }
            None => Vec::new(),
        };
        sessions.push(SessionHealing {
            done,
            plan: plan_file.map(|plan_file| (plan_file.plan.id, plan_file.status(at))),
            symptoms,
        });
    }
    Ok((course, sessions))
}

/// What the treatments of a patient belong to.
pub fn links_of(c: &mut Conn, clinic: ClinicId, patient: PatientId) -> Result<Vec<Link>, Error> {
    store::list_links(c, clinic, patient)
}

/// Nobody else enrols for the plan's treatment, corrects it, or changes its course, before this transaction has ended.
pub fn lock_plan(c: &mut Conn, clinic: ClinicId, id: PlanId) -> Result<(), Error> {
    match plans::store::find_treatment_of(c, clinic, id)? {
        Some(treatment) => lock(c, clinic, treatment),
        None => Ok(()),
    }
}
