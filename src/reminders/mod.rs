//! Decisions to write to a patient: made when their moment comes, each with its reason.

pub mod store;

use diesel::prelude::*;

use crate::clinics::TriageMode;
use crate::ctx::Ctx;
use crate::db::schema::reminders;
use crate::documents::Compiled;
use crate::error::Error;
use crate::mail::outbox::SendDecision;
use crate::mail::outbox::{self, NewMail, OutboxMail};
use crate::mail::templates::Kind;
use crate::patients::Patient;
use crate::plans::{self, PlanFile};
use crate::today::{self, item_of, slot_of};
use crate::{alerts, patients};
pub use engine::{Decision, Reason};
use engine::{Due, ItemKind, Occurrence, PlanStatus, Reader, State};
use ground::ids::{ClinicId, MailId, OccurrenceId, PatientId, PlanId, ReminderId};
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;

/// A decision.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reminders, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Reminder {
    pub clinic_id: ClinicId,
    pub id: ReminderId,
    pub plan_id: PlanId,
    pub patient_id: PatientId,
    /// About which occurrence.
    pub occurrence_id: OccurrenceId,
    /// `email`.
    pub channel: String,
    /// 1; a day that comes again because the plan was paused is decided about again, as 2.
    pub step: i32,
    /// The occurrence's item.
    pub item_key: String,
    pub slot_key: String,
    pub day: i32,
    /// When it was due.
    pub due_at: Stamp,
    /// When it was decided.
    pub decided_at: Stamp,
    /// What was decided.
    pub decision: Decision,
    pub reason: Reason,
    pub outbox_id: Option<MailId>,
}

/// Decides what is due in one plan, raises alerts for silence and for days, and says when to come back.
pub fn plan_one(ctx: &mut Ctx<'_>, clinic: ClinicId, id: PlanId) -> Result<(), Error> {
    let Some(plan_file) = plans::of_clinic(ctx.c, ctx.cache, clinic, id)? else { return Ok(()) };
    if plan_file.plan.status != PlanStatus::Active {
        return plans::store::set_planned(ctx.c, &plan_file.plan, ctx.m.at, None);
    }
    let enrolment = plan_file.enrolment();
    let known = plan_file.known_all(ctx.c)?;
    let after = engine::look_from(plan_file.plan.planned_to, enrolment.enrolled_at);
    for due in engine::due_reminders(&plan_file.compiled, enrolment, &known.facts(), &plan_file.zone, after, ctx.m.at) {
        decide(ctx, &plan_file, &due)?;
    }
    if plan_file.clinic.triage == TriageMode::Full {
        for finding in engine::silence(&plan_file.compiled, enrolment, &known.facts(), &plan_file.zone, ctx.m.at) {
            let day = plan_file.day_number(ctx.m.at);
            alerts::raise_silence(ctx, &plan_file, &finding, day)?;
        }
        for found in engine::day_rules(&plan_file.compiled, enrolment, &plan_file.zone, ctx.m.at) {
            alerts::raise_day(ctx, &plan_file, &found)?;
        }
    }
    let next = engine::next_due(&plan_file.compiled, enrolment, &plan_file.zone, ctx.m.at);
    plans::store::set_planned(ctx.c, &plan_file.plan, ctx.m.at, next)
}

fn decide(ctx: &mut Ctx<'_>, plan_file: &PlanFile, due: &Due) -> Result<(), Error> {
    if store::is_decided(
        ctx.c,
        plan_file.plan.clinic_id,
        due.occurrence.id,
        plan_file.enrolment().repetition(due.occurrence.day),
    )? {
        return Ok(());
    }
    let patient = &plan_file.patient;
    let reader = reader(patient);
    let reason = match engine::reason_of(due, reader, ctx.m.at) {
        // It went out in the time that the backup does not know.
        Reason::Missing if store::restored_at(ctx.c)?.is_some_and(|at| due.due_at <= at) => Reason::Restored,
        Reason::Missing if is_set_aside(ctx.c, ctx.cache, plan_file, &due.occurrence, ctx.m.at)? => Reason::NotAsked,
        reason => reason,
    };
    let (decision, outbox_id) = match reason {
        Reason::Missing => write(ctx, plan_file, due)?,
        _ => (Decision::NotMailed, None),
    };
    store::insert(
        ctx.c,
        &Reminder {
            clinic_id: plan_file.plan.clinic_id,
            id: ctx.m.id(),
            plan_id: plan_file.plan.id,
            patient_id: plan_file.patient.id,
            occurrence_id: due.occurrence.id,
            channel: "email".to_owned(),
            step: plan_file.enrolment().repetition(due.occurrence.day),
            item_key: item_of(plan_file, &due.occurrence)?.key.clone(),
            slot_key: slot_of(plan_file, &due.occurrence)?.key.clone(),
            day: due.occurrence.day,
            due_at: due.due_at,
            decided_at: ctx.m.at,
            decision,
            reason,
            outbox_id,
        },
    )
}

fn reader(patient: &Patient) -> Reader {
    Reader {
        accepted: patient.account_id.is_some(),
        wants: patient.reminders,
        refused: patient.address_refused_at.is_some(),
    }
}

/// Whether Today says that it is not asked now, because another plan forbids it.
fn is_set_aside(
    c: &mut Conn,
    cache: &Compiled,
    plan_file: &PlanFile,
    occurrence: &Occurrence,
    at: Stamp,
) -> Result<bool, Error> {
    let item = item_of(plan_file, occurrence)?;
    let Some(account) = plan_file.patient.account_id.filter(|_| item.kind == ItemKind::Task && item.meaning.is_some())
    else {
        return Ok(false);
    };
    today::is_set_aside(c, cache, account, occurrence.id, at)
}

/// One mail a patient, day and slot: what is due with it joins it.
fn write(ctx: &mut Ctx<'_>, plan_file: &PlanFile, due: &Due) -> Result<(Decision, Option<MailId>), Error> {
    let slot = &slot_of(plan_file, &due.occurrence)?.key;
    let key = engine::batch_key(plan_file.patient.id, due.date, slot);
    let mail = NewMail {
        clinic_id: Some(plan_file.plan.clinic_id),
        patient_id: Some(plan_file.patient.id),
        kind: Kind::Reminder,
        dedupe_key: key.clone(),
        to: plan_file.patient.email.clone(),
        locale: plan_file.patient.locale.clone(),
        link: format!("{}/open/today", ctx.post.links_url),
        valid_for: None,
        unsubscribe: true,
        account: None,
        available_at: ctx.m.at,
        expires_at: due.expires_at,
    };
    match outbox::put_once(ctx.c, ctx.post, mail, ctx.m)? {
        Some(id) => Ok((Decision::Mailed, Some(id))),
        None => Ok((Decision::Merged, outbox::find_by_key(ctx.c, &key)?)),
    }
}

/// The last look before a reminder goes out: done, unsubscribed, refused or paused meanwhile? It goes to the record's address of now.
pub fn before_sending(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let withdraw = |reason: Reason| Ok(SendDecision::Withdraw(reason.as_str()));
    let (Some(clinic), Some(id)) = (mail.clinic_id, mail.patient_id) else { return Ok(SendDecision::as_it_is(mail)) };
    let Some(patient) = patients::store::find(ctx.c, clinic, id)? else { return withdraw(Reason::Unsubscribed) };
    let told = store::list_of_mail(ctx.c, clinic, mail.id)?;
    let why_not = match reader(&patient).reason() {
        None => still_missing(ctx.c, ctx.cache, clinic, &told, ctx.m.at)?,
        reason => reason,
    };
    match why_not {
        None => Ok(SendDecision::Send { to: patient.email, locale: patient.locale, link: None }),
        Some(reason) => {
            store::set_not_mailed(ctx.c, clinic, mail.id, reason, ctx.m.at)?;
            withdraw(reason)
        }
    }
}

/// `None` if at least one occurrence still wants the mail.
fn still_missing(
    c: &mut Conn,
    cache: &Compiled,
    clinic: ClinicId,
    told: &[Reminder],
    at: Stamp,
) -> Result<Option<Reason>, Error> {
    let (mut done, mut set_aside) = (false, false);
    for reminder in told {
        let Some(plan_file) = plans::of_clinic(c, cache, clinic, reminder.plan_id)? else { continue };
        if plan_file.status(at) != PlanStatus::Active {
            continue;
        }
        // Its day may have another number than when this was decided: the treatment's date was corrected.
        let id = reminder.occurrence_id;
        let Some((_, number, _)) = engine::find(&plan_file.compiled, plan_file.enrolment(), id, reminder.day) else {
            continue;
        };
        let day = today::occurrences_on(c, &plan_file, number, at)?;
        let Some(occurrence) = day.iter().find(|occurrence| occurrence.id == id) else { continue };
        match occurrence.state {
            State::Cancelled => {}
            State::Done | State::Partial | State::Skipped | State::Missed => done = true,
            _ if is_set_aside(c, cache, &plan_file, occurrence, at)? => set_aside = true,
            _ => return Ok(None),
        }
    }
    Ok(Some(match (done, set_aside) {
        (true, _) => Reason::Done,
        (false, true) => Reason::NotAsked,
        (false, false) => Reason::PlanNotActive,
    }))
}
