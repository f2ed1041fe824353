//! A patient's answers: kept whatever happens, judged at once, answered with advice.

pub mod records;
pub mod rules;
mod sent;
pub mod store;

use std::sync::Arc;

use diesel::prelude::*;
use serde::Serialize;

use self::records::{Entry, RecordCheckIn};
use self::rules::{Accepted, JudgedBy, OtherPlan};
pub use self::sent::{About, NewCheckIn, NotUsed, plain};
use crate::clinics::TriageMode;
use crate::ctx::Ctx;
use crate::db::schema::{check_in_judgements, check_ins};
use crate::documents::{Compiled, general};
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::body::Said;
use crate::http::canonical::Digests;
use crate::plans::author::{Author, Subject};
use crate::plans::history;
use crate::plans::{self, PlanFile};
use crate::{alerts, auth};
use engine::{Answers, Finding};
use ground::ids::{CheckInId, ClinicId, JudgementId, MemberId, OccurrenceId, PatientId, PlanId, VersionId};
use ground::sql::{Conn, MultiBackend};
use ground::sql::{DateColumn, Json};
use ground::time::{Moment, Stamp};

/// One check-in, as it was sent and as it was judged.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = check_ins, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct CheckIn {
    pub clinic_id: ClinicId,
    /// The plan that it is about.
    pub plan_id: PlanId,
    /// Ours; runs with time.
    pub entry_id: CheckInId,
    /// The phone's.
    pub id: CheckInId,
    pub patient_id: PatientId,
    /// The protocol version by which it was judged.
    pub version_id: VersionId,
    /// The scheduled check-in that it answers; `None` if the patient wrote unasked.
    pub occurrence_id: Option<OccurrenceId>,
    /// The day that it is about.
    pub day: i32,
    pub form: String,
    /// The answers, in canonical form.
    pub answers: Json,
    /// SHA-256 of what was sent.
    pub body_hash: Vec<u8>,
    /// When the patient answered.
    pub answered_at: Stamp,
    /// When it reached us.
    pub received_at: Stamp,
    /// Where the patient was.
    pub zone: String,
    /// Whether it came after its window had closed.
    pub back_filled: bool,
    /// The most pressing finding.
    pub urgency: Option<String>,
    /// What the rules found, with advice and trace.
    pub findings: Json,
    /// The date that the day was counted from; none: the plan's first.
    pub counted_from: Option<DateColumn>,
    /// The whole body as it was sent (`NewCheckIn`); as text, because JSON columns cannot keep all that JSON can say.
    pub sent: Option<String>,
    /// What the phone said of the time, if ours was taken instead.
    pub claimed_at: Option<String>,
    /// What could not be used (`NotUsed`s); none: all of it was.
    pub not_used: Option<Json>,
    /// The rules whose conditions have no result; none: all were judged.
    pub not_judged: Option<Json>,
}

impl From<&Entry> for EventSubject {
    fn from(entry: &Entry) -> Self {
        let whole = Self::in_clinic(entry.clinic_id, Object::CheckIn(entry.id)).of_patient(entry.patient_id);
        Self { plan: entry.plan_id, ..whole }
    }
}

impl From<&CheckIn> for EventSubject {
    fn from(check_in: &CheckIn) -> Self {
        Self::in_clinic(check_in.clinic_id, Object::CheckIn(check_in.id))
            .of_patient(check_in.patient_id)
            .of_plan(check_in.plan_id)
    }
}

/// A check-in that was judged again. The first judgement stays as it was.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = check_in_judgements, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Judgement {
    pub clinic_id: ClinicId,
    /// The check-in.
    pub check_in_id: CheckInId,
    /// Runs with time.
    pub id: JudgementId,
    pub plan_id: PlanId,
    /// The protocol version by which it was judged.
    pub version_id: VersionId,
    /// The day that it is about.
    pub day: i32,
    /// What could be used of the answers.
    pub answers: Json,
    /// What could not (`NotUsed`s).
    pub not_used: Json,
    /// The rules whose conditions have no result.
    pub not_judged: Json,
    /// What the rules found.
    pub findings: Json,
    /// The most pressing of them.
    pub urgency: Option<String>,
    /// Who asked for it.
    pub judged_by: MemberId,
    pub judged_at: Stamp,
}

/// A check-in that was judged, and what it was judged by: if that has changed, it is judged again.
pub struct Judged {
    author: Author,
    row: Row,
    seen: Option<store::Seen>,
}

/// What is to be written.
enum Row {
    /// Nothing: it is the first one again.
    Known(Box<Entry>),
    OfPlan(Box<CheckIn>),
    OfRecord(Box<RecordCheckIn>),
}

/// Finds the plan and judges the answers; writes nothing, so that it can be done beside the one writer of SQLite. What is said of a record
/// is judged by its newest plan: the clinic may have enrolled the patient since the phone asked for the form.
pub fn prepare(ctx: &mut Ctx<'_>, who: &auth::Patient, id: CheckInId, new: &NewCheckIn) -> Result<Judged, Error> {
    let author = match new.about {
        About::Plan(plan) => plans::ever_of_account(ctx.c, ctx.cache, who.account, plan)?
            .map(|plan_file| Author::Plan(Box::new(plan_file)))
            .ok_or_else(|| Error::field("/plan_id", "unknown_value", "there is no such plan of yours"))?,
        About::Record(record) => plans::of_record(ctx.c, ctx.cache, who.account, record)?
            .ok_or_else(|| Error::field("/patient_id", "unknown_value", "there is no such record of yours"))?,
    };
    if !rules::has_answers(&new.answers) {
        return Err(Error::field("/answers", "too_short", "needs at least one answer"));
    }
    let digests = new.digests()?;
    if let Some(first) = first_again(ctx.c, author.subject(), id, &digests)? {
        return Ok(Judged { author, row: Row::Known(Box::new(first)), seen: None });
    }
    let (row, seen) = match &author {
        Author::Plan(plan_file) => {
            let seen = store::seen(ctx.c, who.account, plan_file.plan.id)?;
            let earlier = earlier(ctx.c, plan_file, None)?;
            let accepted = accept(ctx, plan_file, new, &earlier, ctx.m.at)?;
            (
                Row::OfPlan(Box::new(row(
                    plan_file,
                    Received { id, body_hash: digests.meaning, new },
                    accepted,
                    ctx.m,
                )?)),
                seen,
            )
        }
        Author::Record(record) => {
            let (patient, clinic) = (&record.0, &record.1);
            let accepted = written(author.subject(), records::accept(ctx.c, patient, clinic, new, ctx.m.at)?);
            (
                Row::OfRecord(Box::new(records::row(
                    patient,
                    clinic,
                    Received { id, body_hash: digests.meaning, new },
                    accepted,
                    ctx.m,
                )?)),
                None,
            )
        }
    };
    Ok(Judged { author, row, seen })
}

/// Records a check-in once by its id, and raises alerts. `true`: it is new; `false`: it is the first one again. What was
/// prepared is used only if all that it was judged by is as it was.
pub fn record(
    ctx: &mut Ctx<'_>,
    who: &auth::Patient,
    id: CheckInId,
    new: &NewCheckIn,
    prepared: Option<Judged>,
) -> Result<(Entry, Author, bool), Error> {
    let Judged { author, row, .. } = match prepared {
        Some(judged) if is_current(ctx.c, who, id, new, &judged)? => judged,
        _ => prepare(ctx, who, id, new)?,
    };
    let (is_new, entry) = match row {
        Row::Known(first) => return Ok((*first, author, false)),
        Row::OfPlan(row) => (store::insert(ctx.c, &row)?, Entry::from(*row)),
        Row::OfRecord(row) => (store::insert_of_record(ctx.c, &row)?, Entry::from(*row)),
    };
    if !is_new {
        // A twin in flight was first.
        let first = first_again(ctx.c, author.subject(), id, &new.digests()?)?.ok_or(Error::Busy)?;
        return Ok((first, author, false));
    }
    ctx.happened(EventKind::CheckInRecorded, &entry)?;
    let findings: Vec<Finding> = entry.findings.to()?;
    raise(ctx, author.subject(), findings.iter(), entry.id, entry.day)?;
    Ok((entry, author, true))
}

/// Whether a check-in of a plan would be judged now as it was.
fn is_current(
    c: &mut Conn,
    who: &auth::Patient,
    id: CheckInId,
    new: &NewCheckIn,
    judged: &Judged,
) -> Result<bool, Error> {
    let (About::Plan(plan), Some(seen)) = (new.about, &judged.seen) else { return Ok(false) };
    let is_as_seen = store::seen(c, who.account, plan)?.as_ref() == Some(seen);
    // Its id may have been taken since, by one of a record.
    Ok(is_as_seen && store::find_of_record(c, judged.author.subject().clinic().id, id)?.is_none())
}

/// Raises what was found in a check-in about a day, the most pressing first.
fn raise<'a>(
    ctx: &mut Ctx<'_>,
    subject: Subject,
    findings: impl Iterator<Item = &'a Finding>,
    check_in: CheckInId,
    day: i32,
) -> Result<(), Error> {
    let mut findings: Vec<&Finding> = findings.collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.urgency));
    for finding in findings {
        alerts::raise(ctx, subject, finding, Some(check_in), day)?;
    }
    Ok(())
}

/// The check-in of that id, if it means the same as this one; an error if it is another.
fn first_again(c: &mut Conn, subject: Subject, id: CheckInId, digests: &Digests) -> Result<Option<Entry>, Error> {
    match store::find_entry(c, subject.clinic().id, id)? {
        Some(first) if !digests.is_of(&first.body_hash) || first.patient_id != subject.patient().id => {
            Err(Error::conflict("id_taken", "a check-in with this id was sent before with another body"))
        }
        first => Ok(first),
    }
}

/// What was answered before in the plan, as it counts now; before that check-in, if one is given.
fn earlier(c: &mut Conn, plan_file: &PlanFile, before: Option<CheckInId>) -> Result<Vec<Answers>, Error> {
    match plan_file.clinic.triage {
        TriageMode::Full => {
            store::list_earlier(c, plan_file.plan.clinic_id, plan_file.plan.id, before, engine::LOOK_BACK)
        }
        TriageMode::InstructionsOnly => Ok(Vec::new()),
    }
}

/// The patient's other plans for the same skin, and what was answered in those of a fresher treatment: only theirs may judge.
fn beside(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<OtherPlan>, Error> {
    let (day_zero, others) = (plan_file.plan.day_zero.0, plans::of_same_skin(c, cache, plan_file)?);
    let beside = |other: PlanFile| {
        let is_fresher = other.plan.day_zero.0 > day_zero;
        let earlier = if is_fresher { earlier(c, &other, None)? } else { Vec::new() };
        Ok(OtherPlan { earlier, plan_file: other })
    };
    others.into_iter().map(beside).collect()
}

/// Judges what was sent by the plan as it is now. What the plan was before is asked only if something cannot be used: that is rare, and
/// takes long.
fn accept(
    ctx: &mut Ctx<'_>,
    plan_file: &PlanFile,
    new: &NewCheckIn,
    earlier: &[Answers],
    at: Stamp,
) -> Result<Accepted, Error> {
    let enrolment = plan_file.enrolment();
    let clinic_zone = crate::zones::zone(&plan_file.clinic.zone)?;
    let beside = beside(ctx.c, ctx.cache, plan_file)?;
    let by = JudgedBy {
        compiled: &plan_file.compiled,
        enrolment,
        zone: &plan_file.zone,
        day_zero_at: engine::local_instant(plan_file.plan.day_zero.0, engine::LocalTime::MIDNIGHT, &clinic_zone),
        earliest: plan_file.begun_at()?,
        others: &[],
        once: None,
        earlier,
        beside: &beside,
        is_triaged: plan_file.clinic.triage == TriageMode::Full,
    };
    let (accepted, subject) = (rules::accept(&by, new, at), Subject::Plan(plan_file));
    if accepted.not_used.is_empty() {
        return Ok(written(subject, accepted));
    }
    let mut others = history::versions(ctx.c, ctx.cache, plan_file)?;
    if matches!(new.about, About::Record(_)) {
        others.push(Arc::clone(&general::danger_signs()?.compiled));
    }
    let once = match new.occurrence_id.as_ref().and_then(Said::right) {
        Some(id) if accepted.place.answers.is_none() => history::ever_asked(plan_file, *id),
        _ => None,
    };
    Ok(written(subject, rules::accept(&JudgedBy { others: &others, once: once.as_ref(), ..by }, new, at)))
}

/// With the clinic's words in the advice.
fn written(subject: Subject, accepted: Accepted) -> Accepted {
    let said = |finding: Finding| Finding { advice: subject.written(&finding.advice), ..finding };
    Accepted { findings: accepted.findings.into_iter().map(said).collect(), ..accepted }
}

/// A list as a column that is empty most of the time.
fn some<T: Serialize>(list: &[T]) -> Result<Option<Json>, Error> {
    Ok(if list.is_empty() { None } else { Some(Json::of(&list)?) })
}

/// A body under its id.
struct Received<'a> {
    id: CheckInId,
    body_hash: Vec<u8>,
    new: &'a NewCheckIn,
}

fn row(plan_file: &PlanFile, received: Received<'_>, accepted: Accepted, m: &Moment) -> Result<CheckIn, Error> {
    let Received { id, body_hash, new } = received;
    Ok(CheckIn {
        clinic_id: plan_file.plan.clinic_id,
        plan_id: plan_file.plan.id,
        entry_id: m.id(),
        id,
        patient_id: plan_file.patient.id,
        version_id: plan_file.version_on(accepted.place.day)?,
        occurrence_id: accepted.place.answers,
        day: accepted.place.day,
        urgency: accepted.urgency().map(|urgency| urgency.as_str().to_owned()),
        form: accepted.place.form,
        answers: Json::of(&accepted.answers)?,
        body_hash,
        answered_at: accepted.answered_at,
        received_at: m.at,
        zone: plan_file.patient.zone.clone(),
        back_filled: accepted.place.back_filled,
        findings: Json::of(&accepted.findings)?,
        counted_from: plan_file.counted_from(),
        sent: Some(serde_json::to_string(new)?),
        claimed_at: accepted.claimed_at,
        not_used: some(&accepted.not_used)?,
        not_judged: some(&accepted.not_judged)?,
    })
}

impl CheckIn {
    /// The body as it was sent. Of a row of an earlier release, as it was understood.
    fn sent(&self) -> Result<NewCheckIn, Error> {
        if let Some(sent) = &self.sent {
            return Ok(serde_json::from_str::<NewCheckIn>(sent)?.meant());
        }
        Ok(NewCheckIn {
            answered_at: Some(Said::Right(self.answered_at)),
            ..NewCheckIn::now(self.plan_id, self.occurrence_id, self.answers.to()?)
        })
    }
}

/// Judges a check-in of the clinic again, by the plan as it is now, as if it had reached us when it did: the plan or its protocol was
/// repaired meanwhile. What was found before is not raised again.
pub fn reconsider(
    ctx: &mut Ctx<'_>,
    who: &auth::Staff,
    id: CheckInId,
) -> Result<(CheckIn, Judgement, PlanFile), Error> {
    let Some(check_in) = store::find(ctx.c, who.clinic, id)? else {
        store::find_of_record(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
        let detail = "it is of no plan: the built-in danger signs judged it, and no repair of a plan changes that";
        return Err(Error::conflict("without_plan", detail));
    };
    let plan_file = plans::of_clinic(ctx.c, ctx.cache, who.clinic, check_in.plan_id)?.ok_or(Error::NotFound)?;
    let earlier = earlier(ctx.c, &plan_file, Some(check_in.entry_id))?;
    let accepted = accept(ctx, &plan_file, &check_in.sent()?, &earlier, check_in.received_at)?;
    let mut known: Vec<Finding> = check_in.findings.to()?;
    for judgement in store::list_judgements(ctx.c, who.clinic, id)? {
        known.extend(judgement.findings.to::<Vec<Finding>>()?);
    }
    let judgement = Judgement {
        clinic_id: who.clinic,
        check_in_id: id,
        id: ctx.m.id(),
        plan_id: plan_file.plan.id,
        version_id: plan_file.version_on(accepted.place.day)?,
        day: accepted.place.day,
        answers: Json::of(&accepted.answers)?,
        not_used: Json::of(&accepted.not_used)?,
        not_judged: Json::of(&accepted.not_judged)?,
        findings: Json::of(&accepted.findings)?,
        urgency: accepted.urgency().map(|urgency| urgency.as_str().to_owned()),
        judged_by: who.member,
        judged_at: ctx.m.at,
    };
    store::insert_judgement(ctx.c, &judgement)?;
    let is_known = |new: &Finding| known.iter().any(|old| old.cause == new.cause && old.urgency >= new.urgency);
    let new = accepted.findings.iter().filter(|finding| !is_known(finding));
    raise(ctx, Subject::Plan(&plan_file), new, check_in.id, accepted.place.day)?;
    ctx.happened(EventKind::CheckInReconsidered, &check_in)?;
    Ok((check_in, judgement, plan_file))
}
