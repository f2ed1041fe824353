//! Something a person at the clinic must look at, with a deadline. One open alert a cause; it ends with a person and a reason.

pub mod store;

use diesel::prelude::*;

use crate::auth::Staff;
use crate::ctx::Ctx;
use crate::db::schema::alerts;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::conditions::check_version;
use crate::http::text::Note;
use crate::mail::outbox::SendDecision;
use crate::mail::outbox::{self, NewMail, OutboxMail};
use crate::mail::templates::Kind;
use crate::plans::PlanFile;
use crate::plans::author::Subject;
use engine::{AlertChange, DayFinding, Finding, Standing, Trigger, Urgency};
use ground::ids::{AlertId, CheckInId, ClinicId, MemberId, PatientId, PlanId, VersionId};
use ground::sql::Json;
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;
use ground::words;

words! {
    /// Where an alert is.
    pub enum AlertStatus {
        /// Nobody has seen it.
        Open = "open",
        /// Acknowledged.
        Acknowledged = "acknowledged",
        /// It ended, with a person and a reason.
        Resolved = "resolved",
    }
}

words! {
    /// What became of an alert.
    pub enum Resolution {
        /// The patient was advised.
        Advised = "advised",
        /// The patient was seen, or has an appointment.
        Seen = "seen",
        /// The patient was sent to other care.
        Referred = "referred",
        /// It passed without help.
        Settled = "settled",
        /// There was nothing: a slip, or a rule that is too strict.
        FalseAlarm = "false_alarm",
        /// The patient could not be reached.
        NotReached = "not_reached",
    }
}

/// An alert.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = alerts, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Alert {
    pub clinic_id: ClinicId,
    pub id: AlertId,
    /// Whom it is about.
    pub patient_id: PatientId,
    /// The plan; none for a record that never had one that was right.
    pub plan_id: Option<PlanId>,
    /// The protocol version whose rule raised it; none without a plan: the built-in danger signs did.
    pub version_id: Option<VersionId>,
    /// The newest check-in of the plan that raised it; `None` for silence.
    pub check_in_id: Option<CheckInId>,
    /// The newest check-in of the record that raised it, if there is no plan.
    pub record_check_in_id: Option<CheckInId>,
    /// The rule and its symptom: one open alert each.
    pub cause: String,
    pub rule_key: String,
    /// How soon a person must act.
    pub urgency: Urgency,
    /// Where it is.
    pub status: AlertStatus,
    /// The day number.
    pub day: i32,
    /// Why, for staff, by language.
    pub reason: Json,
    /// What the rule saw.
    pub trace: Json,
    /// How often the cause was found.
    pub times_seen: i32,
    /// When it was raised.
    pub raised_at: Stamp,
    /// When the cause was found last.
    pub last_seen_at: Stamp,
    /// Until when a person must answer.
    pub due_at: Stamp,
    /// Who took it.
    pub acknowledged_by: Option<MemberId>,
    pub acknowledged_at: Option<Stamp>,
    /// Who ended it.
    pub resolved_by: Option<MemberId>,
    pub resolved_at: Option<Stamp>,
    pub resolution: Option<Resolution>,
    /// In their words.
    pub note: Option<String>,
    /// Rises with every change.
    pub version: i32,
}

impl From<&Alert> for EventSubject {
    fn from(alert: &Alert) -> Self {
        Self {
            plan: alert.plan_id,
            ..Self::in_clinic(alert.clinic_id, Object::Alert(alert.id)).of_patient(alert.patient_id)
        }
    }
}

/// Raises an alert for a finding, or adds it to the open alert of the same cause; a worse one makes that more pressing,
/// and open again.
pub fn raise(
    ctx: &mut Ctx<'_>,
    subject: Subject,
    finding: &Finding,
    check_in: Option<CheckInId>,
    day: i32,
) -> Result<(), Error> {
    let (of_plan, of_record) = if subject.plan().is_some() { (check_in, None) } else { (None, check_in) };
    let new = Alert {
        clinic_id: subject.clinic().id,
        id: ctx.m.id(),
        patient_id: subject.patient().id,
        plan_id: subject.plan_id(),
        version_id: subject.version_on(day)?,
        check_in_id: of_plan,
        record_check_in_id: of_record,
        cause: finding.cause.clone(),
        rule_key: finding.rule.clone(),
        urgency: finding.urgency,
        status: AlertStatus::Open,
        day,
        reason: Json::of(&subject.written(&finding.because.and(&finding.reason)))?,
        trace: Json::of(&finding.trace)?,
        times_seen: 1,
        raised_at: ctx.m.at,
        last_seen_at: ctx.m.at,
        due_at: subject.clinic().due_at(finding.urgency, ctx.m.at)?,
        acknowledged_by: None,
        acknowledged_at: None,
        resolved_by: None,
        resolved_at: None,
        resolution: None,
        note: None,
        version: 1,
    };
    if let Some(open) = store::find_open_like(ctx.c, &new)? {
        return see_again(ctx, open, new);
    }
    if store::insert(ctx.c, &new)? {
        return ctx.happened(EventKind::AlertRaised, &new);
    }
    let open = store::find_open_like(ctx.c, &new)?.ok_or(Error::Busy)?;
    see_again(ctx, open, new)
}

fn see_again(ctx: &mut Ctx<'_>, open: Alert, new: Alert) -> Result<(), Error> {
    let (Standing { urgency, due_at, times_seen }, change) = open.standing().again(new.standing());
    let merged = Alert {
        check_in_id: new.check_in_id.or(open.check_in_id),
        record_check_in_id: new.record_check_in_id.or(open.record_check_in_id),
        day: new.day,
        reason: new.reason,
        trace: new.trace,
        times_seen,
        last_seen_at: ctx.m.at,
        urgency,
        status: if change == AlertChange::Worsened { AlertStatus::Open } else { open.status },
        due_at,
        version: open.version + 1,
        ..open
    };
    if !store::set(ctx.c, &merged, merged.version - 1)? {
        return Err(Error::Busy);
    }
    ctx.happened(event_of(change), &merged)
}

impl Alert {
    fn standing(&self) -> Standing {
        Standing { urgency: self.urgency, due_at: self.due_at, times_seen: self.times_seen }
    }
}

fn event_of(change: AlertChange) -> EventKind {
    match change {
        AlertChange::Raised => EventKind::AlertRaised,
        AlertChange::SeenAgain => EventKind::AlertSeenAgain,
        AlertChange::Worsened => EventKind::AlertWorsened,
    }
}

/// The same for a patient who is silent, unless an alert for that is open already: silence goes on.
pub fn raise_silence(ctx: &mut Ctx<'_>, plan_file: &PlanFile, finding: &Finding, day: i32) -> Result<(), Error> {
    let open = store::find_open(ctx.c, plan_file.plan.clinic_id, plan_file.plan.id, &finding.cause)?.is_some();
    if engine::should_raise(Trigger::Silence, open, open) {
        raise(ctx, Subject::Plan(plan_file), finding, None, day)?;
    }
    Ok(())
}

/// The same for a day that has come, unless an alert for that was ever raised, even if it has ended.
pub fn raise_day(ctx: &mut Ctx<'_>, plan_file: &PlanFile, found: &DayFinding) -> Result<(), Error> {
    let ever = store::was_ever(ctx.c, plan_file.plan.clinic_id, plan_file.plan.id, &found.finding.cause)?;
    if engine::should_raise(Trigger::Day, ever, ever) {
        raise(ctx, Subject::Plan(plan_file), &found.finding, None, found.day)?;
    }
    Ok(())
}

/// One mail about a patient to one member in so many seconds; what comes meanwhile joins it.
const NOTICE_PAUSE: i64 = 600;

/// Tells the clinic's owners and clinicians by mail that there is something to look at, unless it is a note; nothing of what it is. Of one
/// patient a member gets one mail in ten minutes: what comes before it goes is told by it, what comes after it went is told when the ten
/// minutes are over. An emergency does not wait for the mail of something less; something less waits for that of an emergency.
pub fn tell_staff(ctx: &mut Ctx<'_>, clinic: ClinicId, id: AlertId) -> Result<(), Error> {
    let alert = store::find(ctx.c, clinic, id)?.ok_or(Error::NotFound)?;
    if alert.urgency == Urgency::Note {
        return Ok(());
    }
    for (address, locale) in store::list_clinical_addresses(ctx.c, clinic)? {
        let class = |name: &str| format!("{name}:{}:{address}", alert.patient_id);
        let Some((emergency, emergency_at)) = next_notice(ctx.c, &class("emergency"), ctx.m.at)? else { continue };
        let (key, available_at) = if alert.urgency == Urgency::Emergency {
            (emergency, emergency_at)
        } else {
            let Some(next) = next_notice(ctx.c, &class("alert"), ctx.m.at)? else { continue };
            next
        };
        let mail = NewMail {
            clinic_id: Some(clinic),
            dedupe_key: key,
            to: address,
            locale,
            link: format!("{}/open/clinic", ctx.post.links_url),
            available_at,
            expires_at: available_at.plus_seconds(24 * 3_600),
            ..NewMail::of(Kind::AlertNotice, ctx.m)
        };
        outbox::put(ctx.c, ctx.post, mail, ctx.m)?;
    }
    Ok(())
}

/// The key of the next mail of that name and when it may go; `None` if one that waits will tell of this too.
fn next_notice(c: &mut Conn, name: &str, at: Stamp) -> Result<Option<(String, Stamp)>, Error> {
    let now = at.seconds().div_euclid(NOTICE_PAUSE);
    let mut available_at = at;
    // The mail of the ten minutes before, of these, and of the next, each if there is one, in turn.
    for bucket in now - 1..=now + 2 {
        let key = format!("{name}:{bucket}");
        match outbox::find_standing(c, &key)? {
            Some((state, _)) if state.still_waits() => return Ok(None),
            Some((_, went_at)) => available_at = available_at.max(went_at.plus_seconds(NOTICE_PAUSE)),
            None if bucket >= now => return Ok(Some((key, available_at))),
            None => {}
        }
    }
    Ok(Some((format!("{name}:{}", at.micros()), available_at)))
}

/// Whether the notice still goes: to a member who may still act for the clinic.
pub fn before_sending(c: &mut Conn, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let Some(clinic) = mail.clinic_id else { return Ok(SendDecision::as_it_is(mail)) };
    let addresses = store::list_clinical_addresses(c, clinic)?;
    Ok(match addresses.into_iter().find(|(address, _)| *address == mail.to_address) {
        Some((to, locale)) => SendDecision::Send { to, locale, link: None },
        None => SendDecision::Withdraw("no_member"),
    })
}

/// Acknowledged. Idempotent.
pub fn acknowledge(ctx: &mut Ctx<'_>, who: &Staff, id: AlertId, if_match: Option<&str>) -> Result<Alert, Error> {
    let before = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    check_version(if_match, before.version)?;
    match before.status {
        AlertStatus::Acknowledged => return Ok(before),
        AlertStatus::Resolved => return Err(Error::conflict("resolved", "the alert has ended already")),
        AlertStatus::Open => {}
    }
    let after = Alert {
        status: AlertStatus::Acknowledged,
        acknowledged_by: Some(who.member),
        acknowledged_at: Some(ctx.m.at),
        version: before.version + 1,
        ..before
    };
    change(ctx, after, EventKind::AlertAcknowledged)
}

/// How an alert ends.
#[derive(Debug, Clone)]
pub struct End {
    /// What became of it.
    pub resolution: Resolution,
    /// In the member's words.
    pub note: Option<Note>,
}

/// It ends, with a person and a reason. Clinicians and owners only.
pub fn resolve(ctx: &mut Ctx<'_>, who: &Staff, id: AlertId, end: End, if_match: Option<&str>) -> Result<Alert, Error> {
    let before = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    check_version(if_match, before.version)?;
    if before.status == AlertStatus::Resolved {
        return Err(Error::conflict("resolved", "the alert has ended already"));
    }
    let after = Alert {
        status: AlertStatus::Resolved,
        resolved_by: Some(who.member),
        resolved_at: Some(ctx.m.at),
        resolution: Some(end.resolution),
        note: end.note.map(Into::into),
        version: before.version + 1,
        ..before
    };
    change(ctx, after, EventKind::AlertResolved)
}

fn change(ctx: &mut Ctx<'_>, after: Alert, kind: EventKind) -> Result<Alert, Error> {
    if !store::set(ctx.c, &after, after.version - 1)? {
        return Err(Error::Stale);
    }
    ctx.happened_because(kind, &after, after.note.as_deref())?;
    Ok(after)
}
