//! A patient's answers: kept whatever happens, judged at once, answered with advice.

pub mod routes;
pub mod rules;
pub mod store;

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::rules::{Accepted, Beside, JudgedBy};
use crate::clinics::TriageMode;
use crate::db::schema::{check_in_judgements, check_ins};
use crate::db::types::{DateColumn, Json};
use crate::db::{Conn, MultiBackend};
use crate::engine::{self, Answers, Finding, Urgency};
use crate::error::Error;
use crate::http::body::Said;
use crate::http::canonical::{Digests, canonical_object};
use crate::ids::{CheckInId, ClinicId, JudgementId, MemberId, OccurrenceId, PatientId, PlanId, VersionId};
use crate::mail::outbox::Post;
use crate::plans::revising::history;
use crate::plans::{self, Dossier};
use crate::protocols::Compiled;
use crate::time::{Moment, Stamp};
use crate::{alerts, audit, auth};

/// One check-in, as it was sent and as it was judged.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = check_ins, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct CheckIn {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The plan that it is about.
    pub plan_id: PlanId,
    /// Ours; runs with time.
    pub entry_id: CheckInId,
    /// The phone's.
    pub id: CheckInId,
    /// Who.
    pub patient_id: PatientId,
    /// The protocol version by which it was judged.
    pub version_id: VersionId,
    /// The scheduled check-in that it answers; `None` if the patient wrote unasked.
    pub occurrence_id: Option<OccurrenceId>,
    /// The day that it is about.
    pub day: i32,
    /// The form.
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

/// A check-in that was judged again. The first judgement stays as it was.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = check_in_judgements, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Judgement {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The check-in.
    pub check_in_id: CheckInId,
    /// Runs with time.
    pub id: JudgementId,
    /// The plan.
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
    /// When.
    pub judged_at: Stamp,
}

/// A check-in to be recorded, as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewCheckIn {
    /// The plan that it is about.
    pub plan_id: PlanId,
    /// The scheduled check-in that it answers.
    pub occurrence_id: Option<Said<OccurrenceId>>,
    /// The answers, by question.
    pub answers: serde_json::Map<String, serde_json::Value>,
    /// When the patient answered; now if it is not said.
    pub answered_at: Option<Said<Stamp>>,
}

impl NewCheckIn {
    /// Answers of now.
    pub fn now(
        plan_id: PlanId,
        occurrence: Option<OccurrenceId>,
        answers: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        Self { plan_id, occurrence_id: occurrence.map(Said::Right), answers, answered_at: None }
    }

    /// The same without what says nothing: `"answered_at": ""` is not there.
    pub fn meant(self) -> Self {
        Self {
            occurrence_id: self.occurrence_id.filter(says_something),
            answered_at: self.answered_at.filter(says_something),
            ..self
        }
    }

    /// A retry is the same if it means the same: order of keys and of choices, 3 and 3.0, absent and empty make no difference.
    pub fn digests(&self) -> Result<Digests, Error> {
        let mut meaning = self.clone().meant();
        meaning.answers = canonical_object(meaning.answers);
        Digests::of_both(&meaning, self)
    }
}

fn says_something<T>(said: &Said<T>) -> bool {
    match said {
        Said::Right(_) => true,
        Said::Odd(value) => engine::is_answer(value),
    }
}

/// A part of a check-in that could not be used. It is kept as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotUsed {
    /// The question; `occurrence_id` or `answered_at` if it is that field.
    #[schema(example = "redness")]
    pub question: String,
    /// Stable word: `unknown_question`, `unknown_choice`, `wrong_type`, `out_of_range`, `unknown_value`, `not_open_yet` or
    /// `invalid_value`; there may be more.
    #[schema(example = "out_of_range")]
    pub why: String,
    /// In a sentence.
    #[schema(example = "Give a whole number from 0 to 10.")]
    pub detail: String,
}

impl NotUsed {
    /// One part, and why. Names that a phone made up are cut to what can be shown.
    pub fn new(question: &str, why: &str, detail: &str) -> Self {
        Self { question: plain(question), why: why.to_owned(), detail: detail.to_owned() }
    }
}

/// The most characters of a word of a phone that is shown to people.
const LONGEST_WORD: usize = 60;

/// A word of a phone that can be shown and stored: no control characters, and not too long.
pub fn plain(word: &str) -> String {
    word.chars()
        .take(LONGEST_WORD)
        .map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one })
        .collect()
}

/// A check-in that was judged, and what it was judged by: if that has changed, it is judged again.
pub struct Judged {
    dossier: Dossier,
    check_in: CheckIn,
    /// `false`: it is the first one again, and nothing is to be written.
    is_new: bool,
    seen: Option<store::Seen>,
}

/// Finds the plan and judges the answers; writes nothing, so that it can be done beside the one writer of SQLite.
pub fn prepare(
    c: &mut Conn,
    cache: &Compiled,
    who: &auth::Patient,
    id: CheckInId,
    new: &NewCheckIn,
    m: &Moment,
) -> Result<Judged, Error> {
    let dossier = plans::ever_of_account(c, cache, who.account, new.plan_id)?
        .ok_or_else(|| Error::field("/plan_id", "unknown_value", "there is no such plan of yours"))?;
    if !rules::has_answers(&new.answers) {
        return Err(Error::field("/answers", "too_short", "needs at least one answer"));
    }
    let digests = new.digests()?;
    if let Some(check_in) = first_again(c, &dossier, id, &digests)? {
        return Ok(Judged { dossier, check_in, is_new: false, seen: None });
    }
    let seen = store::seen(c, who.account, dossier.plan.id)?;
    let earlier = earlier(c, &dossier, None)?;
    let accepted = accept(c, cache, &dossier, (new, &earlier), m.at)?;
    let check_in = row(&dossier, (id, digests.meaning), new, accepted, m)?;
    Ok(Judged { dossier, check_in, is_new: true, seen })
}

/// Records a check-in once by its id, and raises alerts. `true`: it is new; `false`: it is the first one again. What was
/// prepared is used only if all that it was judged by is as it was.
pub fn record(
    c: &mut Conn,
    cache: &Compiled,
    (who, post): (&auth::Patient, &Post),
    (id, new): (CheckInId, &NewCheckIn),
    prepared: Option<Judged>,
    m: &Moment,
) -> Result<(CheckIn, Dossier, bool), Error> {
    let judged = match prepared {
        Some(judged) if judged.seen.is_some() && judged.seen == store::seen(c, who.account, new.plan_id)? => judged,
        _ => prepare(c, cache, who, id, new, m)?,
    };
    let Judged { dossier, check_in, is_new, .. } = judged;
    if !is_new {
        return Ok((check_in, dossier, false));
    }
    if !store::insert(c, &check_in)? {
        // A twin in flight was first.
        let first = first_again(c, &dossier, id, &new.digests()?)?.ok_or(Error::Busy)?;
        return Ok((first, dossier, false));
    }
    let findings: Vec<Finding> = check_in.findings.to()?;
    raise(c, post, &dossier, (findings.iter(), &check_in, check_in.day), m)?;
    Ok((check_in, dossier, true))
}

/// Raises what was found in a check-in about a day; the staff is told by mail of what is more than a note.
fn raise<'a>(
    c: &mut Conn,
    post: &Post,
    dossier: &Dossier,
    (findings, check_in, day): (impl Iterator<Item = &'a Finding>, &CheckIn, i32),
    m: &Moment,
) -> Result<(), Error> {
    let mut most = Urgency::Note;
    for finding in findings {
        alerts::raise(c, dossier, finding, Some(check_in), day, m)?;
        most = most.max(finding.urgency);
    }
    if most > Urgency::Note { alerts::tell_staff(c, post, dossier, most, m) } else { Ok(()) }
}

/// The check-in of that id, if it means the same as this one; an error if it is another.
fn first_again(c: &mut Conn, dossier: &Dossier, id: CheckInId, digests: &Digests) -> Result<Option<CheckIn>, Error> {
    match store::find(c, dossier.plan.clinic_id, id)? {
        Some(first) if !digests.is_of(&first.body_hash) || first.patient_id != dossier.patient.id => {
            Err(Error::conflict("id_taken", "a check-in with this id was sent before with another body"))
        }
        first => Ok(first),
    }
}

/// The answers of the plan's check-ins that were judged again, as they were understood last: these count.
pub fn repaired(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<BTreeMap<CheckInId, Json>, Error> {
    store::repaired(c, clinic, plan)
}

/// What was answered before in the plan, as it counts now; before that check-in, if one is given.
fn earlier(c: &mut Conn, dossier: &Dossier, before: Option<CheckInId>) -> Result<Vec<Answers>, Error> {
    match dossier.clinic.triage {
        TriageMode::Full => {
            store::list_earlier(c, dossier.plan.clinic_id, dossier.plan.id, (before, engine::LOOK_BACK))
        }
        TriageMode::InstructionsOnly => Ok(Vec::new()),
    }
}

/// The patient's other plans for the same skin, and what was answered in those of a fresher treatment: only theirs may judge.
fn beside(c: &mut Conn, cache: &Compiled, dossier: &Dossier) -> Result<Vec<Beside>, Error> {
    let (day_zero, others) = (dossier.plan.day_zero.0, plans::of_same_skin(c, cache, dossier)?);
    let beside = |other: Dossier| {
        let is_fresher = other.plan.day_zero.0 > day_zero;
        let earlier = if is_fresher { earlier(c, &other, None)? } else { Vec::new() };
        Ok(Beside { earlier, dossier: other })
    };
    others.into_iter().map(beside).collect()
}

/// Judges what was sent by the plan as it is now. What the plan was before is asked only if something cannot be used: that is rare, and
/// takes long.
fn accept(
    c: &mut Conn,
    cache: &Compiled,
    dossier: &Dossier,
    (new, earlier): (&NewCheckIn, &[Answers]),
    at: Stamp,
) -> Result<Accepted, Error> {
    let enrolment = dossier.enrolment();
    let clinic_zone = plans::zone(&dossier.clinic.zone)?;
    let beside = beside(c, cache, dossier)?;
    let by = JudgedBy {
        compiled: &dossier.compiled,
        enrolment: &enrolment,
        zone: &dossier.zone,
        day_zero_at: engine::local_instant(dossier.plan.day_zero.0, engine::LocalTime::MIDNIGHT, &clinic_zone),
        earliest: history::begun_at(c, dossier)?,
        others: &[],
        once: None,
        earlier,
        beside: &beside,
        is_triaged: dossier.clinic.triage == TriageMode::Full,
    };
    let accepted = rules::accept(&by, new, at);
    let written = |accepted: Accepted| {
        let said = |finding: Finding| Finding { advice: dossier.written(&finding.advice), ..finding };
        Accepted { findings: accepted.findings.into_iter().map(said).collect(), ..accepted }
    };
    if accepted.not_used.is_empty() {
        return Ok(written(accepted));
    }
    let others = history::versions(c, cache, dossier)?;
    let once = match new.occurrence_id.as_ref().and_then(Said::right) {
        Some(id) if accepted.place.answers.is_none() => history::ever_asked(c, dossier, *id)?,
        _ => None,
    };
    Ok(written(rules::accept(&JudgedBy { others: &others, once: once.as_ref(), ..by }, new, at)))
}

fn row(
    dossier: &Dossier,
    (id, body_hash): (CheckInId, Vec<u8>),
    new: &NewCheckIn,
    accepted: Accepted,
    m: &Moment,
) -> Result<CheckIn, Error> {
    let some = |is: bool, json: Result<Json, serde_json::Error>| if is { json.map(Some) } else { Ok(None) };
    Ok(CheckIn {
        clinic_id: dossier.plan.clinic_id,
        plan_id: dossier.plan.id,
        entry_id: m.id(),
        id,
        patient_id: dossier.patient.id,
        version_id: dossier.version_on(accepted.place.day)?,
        occurrence_id: accepted.place.answers,
        day: accepted.place.day,
        urgency: accepted.urgency().map(|urgency| urgency.as_str().to_owned()),
        form: accepted.place.form,
        answers: Json::of(&accepted.answers)?,
        body_hash,
        answered_at: accepted.answered_at,
        received_at: m.at,
        zone: dossier.patient.zone.clone(),
        back_filled: accepted.place.back_filled,
        findings: Json::of(&accepted.findings)?,
        counted_from: dossier.counted_from(),
        sent: Some(serde_json::to_string(new)?),
        claimed_at: accepted.claimed_at,
        not_used: some(!accepted.not_used.is_empty(), Json::of(&accepted.not_used))?,
        not_judged: some(!accepted.not_judged.is_empty(), Json::of(&accepted.not_judged))?,
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
    c: &mut Conn,
    cache: &Compiled,
    (who, post): (&auth::Staff, &Post),
    id: CheckInId,
    m: &Moment,
) -> Result<(CheckIn, Judgement, Dossier), Error> {
    let check_in = store::find(c, who.clinic, id)?.ok_or(Error::NotFound)?;
    let dossier = plans::of_clinic(c, cache, who.clinic, check_in.plan_id)?.ok_or(Error::NotFound)?;
    let earlier = earlier(c, &dossier, Some(check_in.entry_id))?;
    let accepted = accept(c, cache, &dossier, (&check_in.sent()?, &earlier), check_in.received_at)?;
    let mut known: Vec<Finding> = check_in.findings.to()?;
    for judgement in store::list_judgements(c, who.clinic, id)? {
        known.extend(judgement.findings.to::<Vec<Finding>>()?);
    }
    let judgement = Judgement {
        clinic_id: who.clinic,
        check_in_id: id,
        id: m.id(),
        plan_id: dossier.plan.id,
        version_id: dossier.version_on(accepted.place.day)?,
        day: accepted.place.day,
        answers: Json::of(&accepted.answers)?,
        not_used: Json::of(&accepted.not_used)?,
        not_judged: Json::of(&accepted.not_judged)?,
        findings: Json::of(&accepted.findings)?,
        urgency: accepted.urgency().map(|urgency| urgency.as_str().to_owned()),
        judged_by: who.member,
        judged_at: m.at,
    };
    store::insert_judgement(c, &judgement)?;
    let is_known = |new: &Finding| known.iter().any(|old| old.cause == new.cause && old.urgency >= new.urgency);
    let new = accepted.findings.iter().filter(|finding| !is_known(finding));
    raise(c, post, &dossier, (new, &check_in, accepted.place.day), m)?;
    audit::note(c, Some(who.clinic), Some(who.account), "reconsidered", "check_in", Some(id.0), m)?;
    Ok((check_in, judgement, dossier))
}
