//! An enrolment with a reason not to start: held for a clinician, who starts it after all or declines it.

use std::collections::{BTreeMap, BTreeSet};

use super::NewPlan;
use crate::alerts;
use crate::auth::Staff;
use crate::courses;
use crate::ctx::Ctx;
use crate::error::{Error, FieldError};
use crate::http::conditions::check_version;
use crate::http::text::Note;
use crate::plans::author::Subject;
use crate::plans::revisions::{self, NewRevision, RecordedCommand};
use crate::plans::{self, Plan, PlanFile, Reason};
use engine::{Finding, PlanStatus, Text, Trace, Urgency};
use ground::ids::PlanId;
use ground::sql::Json;
use ground::time::Stamp;

/// The alert's rule and cause.
const CAUSE: &str = "excluded";

/// Whether an enrolment must wait for a clinician; it is refused if nobody says what to do with its reasons not to start.
pub(super) fn must_wait(reasons: &[Reason], who: &Staff, new: &NewPlan) -> Result<bool, Error> {
    if new.send_to_clinician && new.overrule.is_some() {
        let detail = "either a clinician overrules, or it is sent to one";
        return Err(Error::field("/overrule", "not_wanted", detail));
    }
    if reasons.is_empty() {
        return Ok(false);
    }
    if new.overrule.is_some() {
        return who.must_be_clinical().map(|()| false);
    }
    if new.send_to_clinician {
        return Ok(true);
    }
    let excluded = |reason: &Reason| FieldError {
        pointer: "/treatment_id".to_owned(),
        code: format!("excluded.{}", reason.key),
        detail: format!(
            "{} A clinician must decide, and give the reason in `overrule`; or send it to one with `send_to_clinician`.",
            reason.text.in_locale(&["en"])
        ),
    };
    Err(Error::Invalid(reasons.iter().map(excluded).collect()))
}

/// Holds a plan until a clinician decides: no reminder is due.
pub(super) fn held(plan: Plan, reasons: &[Reason]) -> Result<Plan, Error> {
    Ok(Plan { status: PlanStatus::Draft, waits_for: Json::of(&reasons)?, next_due_at: None, ..plan })
}

/// Tells the clinic that an enrolment waits.
pub(super) fn send(ctx: &mut Ctx<'_>, plan_file: &PlanFile, reasons: &[Reason]) -> Result<(), Error> {
    let finding = finding(plan_file, reasons);
    alerts::raise(ctx, Subject::Plan(plan_file), &finding, None, plan_file.day_number(ctx.m.at))
}

fn finding(plan_file: &PlanFile, reasons: &[Reason]) -> Finding {
    let locales: BTreeSet<&String> = reasons.iter().flat_map(|reason| reason.text.0.keys()).collect();
    let together = |locale: &String| {
        let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.in_locale(&[locale])).collect();
        (locale.clone(), texts.join(" "))
    };
    let conditions = plan_file.compiled.exclusions.iter().map(|exclusion| &exclusion.when);
    let names: BTreeSet<&String> = conditions.clone().flat_map(|when| when.variables()).collect();
    let given: BTreeMap<String, serde_json::Value> = plan_file.plan.parameters.to().unwrap_or_default();
    let value = |name: &String| {
        let applies = || serde_json::Value::Bool(plan_file.compiled.variants.contains(name));
        (name.clone(), given.get(name).cloned().unwrap_or_else(applies))
    };
    let sources: Vec<String> = conditions.map(|when| format!("({})", when.source())).collect();
    Finding {
        because: Text::default(),
        rule: CAUSE.to_owned(),
        cause: CAUSE.to_owned(),
        urgency: Urgency::Soon,
        advice: Text::default(),
        reason: locales.into_iter().map(together).collect(),
        trace: Trace {
            expression: sources.join(" || "),
            escalated_by: None,
            values: names.into_iter().map(value).collect(),
            not_answered: Vec::new(),
        },
    }
}

/// What a clinician decides about a plan that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It runs from now on; what lies before is not expected of the patient.
    Start,
    /// It does not run.
    Decline,
}

/// A decision as it is given.
#[derive(Debug, Clone)]
pub struct Decided {
    pub decision: Decision,
    pub reason: Note,
    /// The revision of the plan that was read.
    pub if_match: Option<String>,
}

/// Starts or declines a plan that waits, with a reason. The same decision again changes nothing.
pub fn decide(ctx: &mut Ctx<'_>, who: &Staff, id: PlanId, decided: Decided) -> Result<PlanFile, Error> {
    let (decision, reason) = (decided.decision, String::from(decided.reason));
    let if_match = decided.if_match.as_deref();
    courses::lock_plan(ctx.c, who.clinic, id)?;
    let plan_file = plans::of_clinic(ctx.c, ctx.cache, who.clinic, id)?.ok_or(Error::NotFound)?;
    if if_match.is_some() && is_decided(&plan_file.plan, decision, &reason) {
        return Ok(plan_file);
    }
    check_version(if_match, plan_file.plan.revision)?;
    if plan_file.plan.status != PlanStatus::Draft {
        let detail = format!("the plan does not wait for a decision: it is {}", plan_file.plan.status);
        return Err(Error::conflict("not_waiting", detail));
    }
    let (command, after) = match decision {
        Decision::Start => (RecordedCommand::Started, started(plan_file.plan.clone(), reason.clone(), ctx.m.at)),
        Decision::Decline => {
            let declined = Some(reason.clone());
            (RecordedCommand::Declined, Plan { status: PlanStatus::Revoked, declined, ..plan_file.plan.clone() })
        }
    };
    let made_by = who.member;
    let before = &plan_file;
    revisions::save(ctx, NewRevision { before, after, body_area: None, command, reason: &reason, made_by })
}

/// A request that was sent again because its answer was lost is answered as the first one.
fn is_decided(plan: &Plan, decision: Decision, reason: &str) -> bool {
    match decision {
        Decision::Start => plan.started_at.is_some() && plan.overruled.as_deref() == Some(reason),
        Decision::Decline => plan.declined.as_deref() == Some(reason),
    }
}

fn started(plan: Plan, reason: String, at: Stamp) -> Plan {
    Plan { status: PlanStatus::Active, overruled: Some(reason), started_at: Some(at), ..plan }
}
