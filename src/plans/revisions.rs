//! Revisions: each change of a plan, as it was made. Together they say how the plan stood at any time.

use std::collections::BTreeMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{InCourse, Plan, PlanFile, store};
use crate::ctx::Ctx;
use crate::db::schema::plan_revisions;
use crate::error::Error;
use crate::events::EventKind;
use crate::patients;
use engine::{Command, PlanState, PlanStatus};
use ground::ids::{ClinicId, MemberId, MigrationId, PlanId, RevisionId};
use ground::sql::{Json, MultiBackend};
use ground::time::Stamp;

/// One change of a plan.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = plan_revisions, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Revision {
    pub clinic_id: ClinicId,
    pub plan_id: PlanId,
    /// The plan's revision that it made.
    pub revision: i32,
    /// Its id; runs with time.
    pub id: RevisionId,
    /// What was done (`RecordedCommand`).
    pub command: Json,
    /// Why; the patient reads it.
    pub reason: String,
    /// The revision that it takes back.
    pub undoes: Option<i32>,
    /// The plan before (`engine::PlanState`).
    pub before_state: Json,
    /// The plan after.
    pub after_state: Json,
    pub made_by: MemberId,
    pub made_at: Stamp,
}

/// What was done to a plan, as a revision keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedCommand {
    #[serde(rename = "did")]
    Command(Command),
    /// The revision of this number was taken back.
    #[serde(rename = "undid")]
    Undo(i32),
    /// It moved to another version of its protocol.
    Moved(Move),
    MovedBack(Move),
    /// It waited, and a clinician started it.
    Started,
    /// It waited, and a clinician declined it.
    Declined,
    /// Its treatment became a session of a course, or the course has another number of sessions.
    InCourse(Option<InCourse>),
}

/// A move of many plans, of which this one was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub migration: MigrationId,
    /// The first date of the version that it went to, if that is known.
    pub from_on: Option<Date>,
}

impl RecordedCommand {
    /// Whether it was a command on the plan itself, which can be repeated and taken back.
    pub fn is_command(&self) -> bool {
        !matches!(self, Self::Started | Self::Declined | Self::InCourse(_))
    }

    fn event(&self) -> Option<EventKind> {
        Some(match self {
            Self::Command(Command::Pause { .. }) => EventKind::PlanPaused,
            Self::Command(Command::Resume { .. }) => EventKind::PlanResumed,
            Self::Command(Command::End { .. }) => EventKind::PlanEnded,
            Self::Command(Command::EnterInError) => EventKind::PlanEnteredInError,
            Self::Command(Command::Correct { .. }) => EventKind::PlanCorrected,
            Self::Command(Command::Override { .. }) => EventKind::PlanOverridden,
            Self::Command(Command::Supersede(Some(_))) => EventKind::PlanSuperseded,
            Self::Command(Command::Supersede(None)) => EventKind::PlanReinstated,
            Self::Undo(_) => EventKind::PlanRevisionUndone,
            Self::Moved(_) | Self::MovedBack(_) => EventKind::PlanMoved,
            Self::Started => EventKind::PlanStarted,
            Self::Declined => EventKind::PlanDeclined,
            Self::InCourse(_) => return None, // the course's own event says so
        })
    }
}

/// A change of a plan that is to be saved.
pub struct NewRevision<'a> {
    pub before: &'a PlanFile,
    /// The plan afterwards; its revision is not looked at.
    pub after: Plan,
    /// The treated area afterwards, if the change corrects it.
    pub body_area: Option<&'a str>,
    pub command: RecordedCommand,
    pub reason: &'a str,
    pub made_by: MemberId,
}

/// Writes a plan's row, and the revision that says what was different before: nothing else changes one. Gives the plan as it is then.
///
/// # Errors
/// `Error::Stale` if somebody else changed the plan since it was read.
pub fn save(ctx: &mut Ctx<'_>, new: NewRevision<'_>) -> Result<PlanFile, Error> {
    let NewRevision { before, after, body_area, command, reason, made_by } = new;
    let area = before.body_area(ctx.c)?;
    let states = (before.plan.state(&area)?, after.state(body_area.unwrap_or(&area))?);
    let runs = after.status == PlanStatus::Active;
    let after = Plan { revision: before.plan.revision + 1, next_due_at: runs.then_some(ctx.m.at), ..after };
    if !store::update(ctx.c, &after, before.plan.revision)? {
        return Err(Error::Stale);
    }
    let undoes = match command {
        RecordedCommand::Undo(number) => Some(number),
        RecordedCommand::MovedBack(way) => moved_by(ctx, &after, way.migration)?,
        _ => None,
    };
    let revision = Revision {
        clinic_id: after.clinic_id,
        plan_id: after.id,
        revision: after.revision,
        id: ctx.m.id(),
        command: Json::of(&command)?,
        reason: reason.to_owned(),
        undoes,
        before_state: Json::of(&states.0)?,
        after_state: Json::of(&states.1)?,
        made_by,
        made_at: ctx.m.at,
    };
    store::insert_revision(ctx.c, &revision)?;
    if let Some(event) = command.event() {
        ctx.happened_because(event, &after, reason)?;
    }
    before.changed_to(ctx, after)
}

fn moved_by(ctx: &mut Ctx<'_>, plan: &Plan, by: MigrationId) -> Result<Option<i32>, Error> {
    for row in store::list_revisions(ctx.c, plan.clinic_id, plan.id)? {
        if matches!(row.command.to()?, RecordedCommand::Moved(way) if way.migration == by) {
            return Ok(Some(row.revision));
        }
    }
    Ok(None)
}

impl PlanFile {
    /// Where on the body, as the treatment is recorded now.
    pub fn body_area(&self, c: &mut ground::sql::Conn) -> Result<String, Error> {
        let treatment = patients::treatment(c, self.plan.clinic_id, self.plan.treatment_id)?;
        let treatment = treatment.ok_or_else(|| Error::internal("a plan without a treatment", self.plan.id))?;
        Ok(treatment.body_area)
    }
}

impl Revision {
    /// A state that it holds. One from before `overruled`, or the time of treatment, was kept says nothing of that: it is taken as it is now.
    pub fn state(&self, stored: &Json, now: &Plan) -> Result<PlanState, Error> {
        let kept = stored.to::<BTreeMap<String, serde_json::Value>>()?;
        let state: PlanState = stored.to()?;
        let overruled = if kept.contains_key("overruled") { state.overruled } else { now.overruled.clone() };
        let performed_at = if kept.contains_key("performed_at") { state.performed_at } else { now.performed_at };
        Ok(PlanState { overruled, performed_at, ..state })
    }
}

impl Plan {
    /// All that commands change of a plan.
    pub fn state(&self, body_area: &str) -> Result<PlanState, Error> {
        Ok(PlanState {
            status: self.status,
            day_zero: self.day_zero.0,
            performed_at: self.performed_at,
            body_area: body_area.to_owned(),
            parameters: self.parameters.to()?,
            version_id: self.version_id,
            earlier_versions: self.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
            stops: self.stops.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
            overrides: self.overrides.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
            overruled: self.overruled.clone(),
        })
    }

    /// The plan with another state.
    pub fn with_state(&self, wanted: &PlanState) -> Result<Self, Error> {
        let some = |is: bool, json: Result<Json, serde_json::Error>| if is { json.map(Some) } else { Ok(None) };
        let is_moved = self.day_zero.0 != wanted.day_zero;
        let has_parameters = self.parameters.to::<engine::Parameters>()? == wanted.parameters;
        Ok(Self {
            status: wanted.status,
            version_id: wanted.version_id,
            earlier_versions: some(!wanted.earlier_versions.is_empty(), Json::of(&wanted.earlier_versions))?,
            day_zero: wanted.day_zero.into(),
            performed_at: wanted.performed_at,
            parameters: if has_parameters { self.parameters.clone() } else { Json::of(&wanted.parameters)? },
            stops: some(wanted.stops != engine::Stops::default(), Json::of(&wanted.stops))?,
            overrides: some(!wanted.overrides.is_empty(), Json::of(&wanted.overrides))?,
            first_day_zero: if is_moved { self.first_day_zero.or(Some(self.day_zero)) } else { self.first_day_zero },
            overruled: wanted.overruled.clone(),
            started_at: self.started_at.filter(|_| wanted.status != PlanStatus::Draft),
            ..self.clone()
        })
    }
}
