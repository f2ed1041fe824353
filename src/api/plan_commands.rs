//! Commands on a plan, and what became of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Shown;
use crate::api::plan_upgrades::DryRun;
use crate::api::plans::{Plan, view};
use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::{etag_of_version, if_match};
use crate::http::language::asked_language;
use crate::http::text::{Key, Note};
use crate::http::{Body, Page, PageParams, Path, Query};
use crate::patients;
use crate::plan_commands::rules::ChangedDay;
use crate::plan_commands::{self, ChangedPlan, ChangedPlans, NewCommand, PlanCommand, store};
use crate::plans::revisions::{RecordedCommand, Revision};
use crate::plans::{self, PlanFile};
use crate::today::{self, views};
use engine::{AddedLine, Command, ItemKind, OverrideChange, PausedDays, PlanStatus, SetLine, Threshold};
use ground::ids::{MemberId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(pause_plan)
        .service(resume_plan)
        .service(complete_plan)
        .service(revoke_plan)
        .service(correct_plan)
        .service(override_plan)
        .service(enter_plan_in_error)
        .service(undo_plan_revision)
        .service(list_plan_revisions)
        .service(list_my_plan_changes);
}

/// What a command does, or would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanChange {
    /// Whether it was done: `false` for a dry run.
    #[schema(example = true)]
    applied: bool,
    /// Whether anything is different: the same command a second time changes nothing.
    #[schema(example = true)]
    changed: bool,
    /// The plan afterwards.
    plan: Plan,
    /// Every date from today on that is different.
    days: Vec<PlanDayChange>,
    /// The plans that change with it, each with a revision of its own: those of the same treatment, and those of the course that are
    /// superseded by the plan of another session, or reinstated.
    others: Vec<OtherPlanChange>,
}

/// What a command on one plan does to another, or would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct OtherPlanChange {
    /// The plan afterwards.
    plan: Plan,
    /// Every date from today on that is different.
    days: Vec<PlanDayChange>,
}

/// A date that is different.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanDayChange {
    /// The patient's local date.
    date: Date,
    /// The plan's day number before.
    #[schema(example = 5)]
    day_before: i32,
    /// The plan's day number afterwards.
    #[schema(example = 3)]
    day_after: i32,
    /// Where the plan was on that date.
    status_before: PlanStatus,
    /// Where it is afterwards.
    status_after: PlanStatus,
    /// Lines that are new on that date.
    added: Vec<ChangedLine>,
    /// Lines that are gone from it.
    removed: Vec<ChangedLine>,
    /// Lines with other words, other hours or another last day, as they are afterwards.
    reworded: Vec<ChangedLine>,
}

/// A line of a day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ChangedLine {
    /// Its key.
    #[schema(example = "no-make-up")]
    key: String,
    /// What kind of line.
    kind: ItemKind,
    /// Its slot.
    #[schema(example = "evening")]
    slot: String,
    /// What it says.
    #[schema(example = "No make-up today.")]
    title: String,
    /// For a restriction: the last date on which it holds.
    #[schema(required)]
    last_on: Option<Date>,
}

fn line_view(plan_file: &PlanFile, occurrence: &engine::Occurrence) -> Result<ChangedLine, Error> {
    let item = today::item_of(plan_file, occurrence)?;
    Ok(ChangedLine {
        key: item.key.clone(),
        kind: item.kind,
        slot: today::slot_of(plan_file, occurrence)?.key.clone(),
        title: views::say(item.title_if(occurrence.instants.are_known()), &["en"], plan_file),
        last_on: occurrence.last_on.map(Into::into),
    })
}

fn days_view(changed: &ChangedPlan, at: Stamp) -> Result<Vec<PlanDayChange>, Error> {
    changed.days(at).iter().map(|day| day_view(changed, day)).collect()
}

fn day_view(changed: &ChangedPlan, day: &ChangedDay) -> Result<PlanDayChange, Error> {
    let lines = |plan_file: &PlanFile, of: &engine::Day, indexes: &mut dyn Iterator<Item = usize>| {
        indexes.filter_map(|index| of.occurrences.get(index)).map(|one| line_view(plan_file, one)).collect()
    };
    let added: Result<Vec<_>, Error> = lines(&changed.after, &day.after, &mut day.added.iter().copied());
    let removed: Result<Vec<_>, Error> = lines(&changed.before, &day.before, &mut day.removed.iter().copied());
    let reworded: Result<Vec<_>, Error> =
        lines(&changed.after, &day.after, &mut day.changed.iter().map(|(_, after)| *after));
    Ok(PlanDayChange {
        date: day.date.into(),
        day_before: day.before.number,
        day_after: day.after.number,
        status_before: day.before.status,
        status_after: day.after.status,
        added: added?,
        removed: removed?,
        reworded: reworded?,
    })
}

/// A command on a plan as it comes in: who gives it, on which plan, as it was read, and whether it is only tried.
struct OnPlan {
    who: Staff,
    id: PlanId,
    is_dry: bool,
    if_match: Option<String>,
    shown: Shown,
}

impl FromRequest for OnPlan {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (who, id) = (Staff::from_request(request, payload), Path::<PlanId>::from_request(request, payload));
        let query = Query::<DryRun>::from_request(request, payload);
        let (if_match, shown) = (if_match(request), Shown::of(request));
        Box::pin(async move {
            let (who, id, Query(DryRun { dry_run })) = (who.await?, id.await?.into_inner(), query.await?);
            Ok(Self { who, id, is_dry: dry_run.0, if_match, shown })
        })
    }
}

impl OnPlan {
    async fn carry_out(
        self,
        app: &App,
        command: PlanCommand,
        reason: Note,
        overrule: Option<Note>,
    ) -> Result<HttpResponse, Error> {
        let (who, id) = (self.who, self.id);
        let new = NewCommand { command, reason, overrule, if_match: self.if_match };
        let carry_out = move |ctx: &mut Ctx<'_>| Ok((plan_commands::carry_out(ctx, &who, id, &new)?, ctx.m.at));
        let (ChangedPlans { plan, others }, at) =
            if self.is_dry { app.rehearse(who, carry_out).await? } else { app.act(who, carry_out).await? };
        if self.is_dry {
            self.shown.note(EventKind::PlanRead, plan.before.plan.patient_id);
        }
        let stored = if self.is_dry { &plan.before } else { &plan.after };
        let others: Result<Vec<_>, Error> = others.iter().map(|other| other_view(other, at)).collect();
        let body = PlanChange {
            applied: !self.is_dry,
            changed: plan.is_change(),
            plan: view(&plan.after, None, at)?,
            days: days_view(&plan, at)?,
            others: others?,
        };
        Ok(HttpResponse::Ok().insert_header(("etag", etag_of_version(stored.plan.revision))).json(body))
    }
}

fn other_view(other: &ChangedPlan, at: Stamp) -> Result<OtherPlanChange, Error> {
    Ok(OtherPlanChange { plan: view(&other.after, None, at)?, days: days_view(other, at)? })
}

/// A pause.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PauseOrder {
    /// The first date, where the patient is; today if it is not said.
    from_on: Option<Date>,
    /// The first date after it; until somebody resumes the plan if it is not said.
    until_on: Option<Date>,
    /// What becomes of the plan's days meanwhile.
    days: PausedDays,
    /// Why. The patient reads it.
    reason: Note,
}

/// Pause a plan.
///
/// Nothing is asked and no reminder is sent; restrictions stand. With `days: shift` the plan goes on afterwards where it
/// stopped, with `days: pass` what it would have asked meanwhile is cancelled.
#[utoipa::path(tag = "plans", operation_id = "pause_plan", request_body = PauseOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/pause")]
async fn pause_plan(app: web::Data<App>, on: OnPlan, Body(body): Body<PauseOrder>) -> Result<HttpResponse, Error> {
    let (from_on, until_on) = (body.from_on.map(|date| date.0), body.until_on.map(|date| date.0));
    let command = PlanCommand::Pause { from_on, until_on, days: body.days };
    on.carry_out(&app, command, body.reason, None).await
}

/// A date and a reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResumeOrder {
    /// The first date that is not paused, where the patient is; today if it is not said.
    on: Option<Date>,
    /// Why. The patient reads it.
    reason: Note,
}

/// Resume a paused plan.
///
/// What would have been reminded of meanwhile is not reminded of now.
#[utoipa::path(tag = "plans", operation_id = "resume_plan", request_body = ResumeOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/resume")]
async fn resume_plan(app: web::Data<App>, on: OnPlan, Body(body): Body<ResumeOrder>) -> Result<HttpResponse, Error> {
    let command = PlanCommand::Resume(body.on.map(|date| date.0));
    on.carry_out(&app, command, body.reason, None).await
}

/// The end of a plan before its last day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndOrder {
    /// The first date on which it is over, where the patient is; today if it is not said.
    from_on: Option<Date>,
    /// Why. The patient reads it.
    reason: Note,
}

/// Complete a plan. Clinicians and owners only.
///
/// It is over before its last day because everything is done: the patient sees it in the list of plans, and in Today no more.
#[utoipa::path(tag = "plans", operation_id = "complete_plan", request_body = EndOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/complete")]
async fn complete_plan(app: web::Data<App>, on: OnPlan, Body(body): Body<EndOrder>) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    let command = PlanCommand::End(body.from_on.map(|date| date.0), PlanStatus::Completed);
    on.carry_out(&app, command, body.reason, None).await
}

/// Revoke a plan. Clinicians and owners only.
///
/// It is not right for the patient, or the patient wants it no more. What was answered stays.
#[utoipa::path(tag = "plans", operation_id = "revoke_plan", request_body = EndOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/revoke")]
async fn revoke_plan(app: web::Data<App>, on: OnPlan, Body(body): Body<EndOrder>) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    let command = PlanCommand::End(body.from_on.map(|date| date.0), PlanStatus::Revoked);
    on.carry_out(&app, command, body.reason, None).await
}

/// The treatment as it really was; what is left out was right.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Correction {
    /// The local date at the clinic.
    performed_on: Option<Date>,
    /// The instant at which it was, on its date by the clock at the clinic (`not_on_date`). Left out, it stays; with another `performed_on` it
    /// is not known any more.
    performed_at: Option<Stamp>,
    /// It is not known at which instant it was; not together with `performed_at`.
    #[serde(default)]
    #[schema(example = false)]
    time_unknown: bool,
    /// Where on the body.
    body_area: Option<Key>,
    /// All parameters: needle depth, skin type, and what the screening asked.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, example = json!({"needle_depth_mm": 1.5, "skin_type": "V"}))]
    parameters: Option<engine::Parameters>,
    /// Why reasons not to start that the correction brings are overruled.
    overrule: Option<Note>,
    /// Why. The patient reads it.
    reason: Note,
}

/// Correct the treatment of a plan. Clinicians and owners only.
///
/// Answers keep what they said and when; the days are counted again, for every plan of the treatment. Reminders to come are
/// planned again, those that were sent stay sent; alerts say what happened.
#[utoipa::path(tag = "plans", operation_id = "correct_plan", request_body = Correction,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/correct")]
async fn correct_plan(app: web::Data<App>, on: OnPlan, Body(body): Body<Correction>) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    if let Some(parameters) = &body.parameters {
        patients::check_parameters(parameters)?;
    }
    if body.time_unknown && body.performed_at.is_some() {
        let detail = "cannot be there together with `performed_at`";
        return Err(Error::field("/time_unknown", "invalid_value", detail));
    }
    let Correction { performed_at, time_unknown, parameters, overrule, reason, .. } = body;
    let (performed_on, body_area) = (body.performed_on.map(|date| date.0), body.body_area.map(Into::into));
    let command = PlanCommand::Correct { performed_on, performed_at, time_unknown, body_area, parameters };
    on.carry_out(&app, command, reason, overrule).await
}

/// Something that is different for this patient: exactly one of the five.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OverrideOrder {
    /// A line gets other days, slots or words.
    set: Option<SetLine>,
    /// The line of this key is left out.
    remove: Option<Key>,
    /// A line is added.
    add: Option<AddedLine>,
    /// The line of this key is again as the protocol has it.
    restore: Option<Key>,
    /// Another level of a symptom is normal.
    threshold: Option<Threshold>,
    /// Why. The patient reads it.
    reason: Note,
}

/// Override a plan for its patient. Clinicians and owners only.
///
/// From today on; a line that was answered or marked today is different from tomorrow on. The protocol stays as it is.
#[utoipa::path(tag = "plans", operation_id = "override_plan", request_body = OverrideOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/override")]
async fn override_plan(
    app: web::Data<App>,
    on: OnPlan,
    Body(body): Body<OverrideOrder>,
) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    if on.if_match.is_none() {
        return Err(Error::VersionNeeded);
    }
    let reason = body.reason.clone();
    let change = body.only_change()?;
    plan_commands::check_shape(&change)?;
    on.carry_out(&app, PlanCommand::Override(change), reason, None).await
}

impl OverrideOrder {
    fn only_change(self) -> Result<OverrideChange, Error> {
        let changes = [
            self.set.map(OverrideChange::Set),
            self.remove.map(|key| OverrideChange::Remove(key.into())),
            self.add.map(OverrideChange::Add),
            self.restore.map(|key| OverrideChange::Restore(key.into())),
            self.threshold.map(OverrideChange::Threshold),
        ];
        let mut changes = changes.into_iter().flatten();
        match (changes.next(), changes.next()) {
            (Some(change), None) => Ok(change),
            _ => {
                let detail = "say exactly one of `set`, `remove`, `add`, `restore` and `threshold`";
                Err(Error::field("", "required", detail))
            }
        }
    }
}

/// A reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErrorOrder {
    /// Why. The patient reads it if this is undone.
    reason: Note,
}

/// Say that the treatment of a plan never happened. Clinicians and owners only.
///
/// Every plan of the treatment is gone from the patient and from statistics; the clinic still sees it, and it can be undone.
#[utoipa::path(tag = "plans", operation_id = "enter_plan_in_error", request_body = ErrorOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/entered-in-error")]
async fn enter_plan_in_error(
    app: web::Data<App>,
    on: OnPlan,
    Body(body): Body<ErrorOrder>,
) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    on.carry_out(&app, PlanCommand::EnterInError, body.reason, None).await
}

/// A revision to take back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UndoOrder {
    /// Its number: the newest that stands.
    #[schema(minimum = 1, example = 2)]
    revision: i32,
    /// Why. The patient reads it.
    reason: Note,
}

/// Undo a revision of a plan. Clinicians and owners only.
///
/// The plan is as it was before for all that is still to come; what was recorded meanwhile stays. What closed while the revision stood, and
/// was not asked because of it, stays `cancelled` and is never `missed`, and nobody is reminded of it afterwards; what of it can still
/// be answered is `late`. The undo of a pause that shifted days gives each day back the date that it had; to let the days wait as long
/// as they did, resume the plan. The newest first: to undo an older one, undo those after it.
#[utoipa::path(tag = "plans", operation_id = "undo_plan_revision", request_body = UndoOrder,
    params(DryRun, ("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "What is different.", body = PlanChange)))]
#[post("/v1/clinic/plans/{plan_id}/undo")]
async fn undo_plan_revision(
    app: web::Data<App>,
    on: OnPlan,
    Body(body): Body<UndoOrder>,
) -> Result<HttpResponse, Error> {
    on.who.must_be_clinical()?;
    if on.if_match.is_some() && body.revision < 1 {
        return Err(Error::field("/revision", "out_of_range", "must be 1 or more"));
    }
    on.carry_out(&app, PlanCommand::Undo(body.revision), body.reason, None).await
}

/// One change of a plan, for staff.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanRevision {
    /// The plan's revision that it made.
    #[schema(example = 2)]
    revision: i32,
    /// What was done; there may be more.
    kind: RevisionKind,
    /// The revision that it takes back.
    #[schema(required, example = json!(null))]
    undoes: Option<i32>,
    /// Why.
    #[schema(example = "The patient travels.")]
    reason: String,
    /// Who.
    made_by: MemberId,
    /// When.
    made_at: Stamp,
    /// What was different, field by field.
    #[schema(example = json!({"day_zero": {"before": "2026-05-04", "after": "2026-05-05"}}))]
    differences: BTreeMap<String, Difference>,
}

/// A field before and after.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Difference {
    /// Before.
    #[schema(value_type = serde_json::Value, example = "2026-05-04")]
    before: serde_json::Value,
    /// After.
    #[schema(value_type = serde_json::Value, example = "2026-05-05")]
    after: serde_json::Value,
}

/// What was done to a plan.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RevisionKind {
    /// It was paused.
    Paused,
    /// It was resumed.
    Resumed,
    /// It was ended as completed.
    Completed,
    /// It was revoked.
    Revoked,
    /// Its treatment was corrected.
    Corrected,
    /// Something is different for this patient.
    Overridden,
    /// Its treatment never happened.
    EnteredInError,
    /// The plan of a later session took its place.
    Superseded,
    /// It goes on, because that session was none after all.
    Reinstated,
    /// It was moved to another version of its protocol.
    Moved,
    /// It was moved back.
    MovedBack,
    /// A change was taken back.
    Undone,
    /// It waited, and a clinician started it.
    Started,
    /// It waited, and a clinician declined it.
    Declined,
    /// Its treatment became a session of a course, or the course has another number of sessions.
    CourseChanged,
}

fn kind_of(recorded: &RecordedCommand) -> RevisionKind {
    match recorded {
        RecordedCommand::Undo(_) => RevisionKind::Undone,
        RecordedCommand::Command(Command::Pause { .. }) => RevisionKind::Paused,
        RecordedCommand::Command(Command::Resume { .. }) => RevisionKind::Resumed,
        RecordedCommand::Command(Command::End { status: PlanStatus::Completed, .. }) => RevisionKind::Completed,
        RecordedCommand::Command(Command::End { .. }) => RevisionKind::Revoked,
        RecordedCommand::Command(Command::Correct { .. }) => RevisionKind::Corrected,
        RecordedCommand::Command(Command::Override { .. }) => RevisionKind::Overridden,
        RecordedCommand::Command(Command::EnterInError) => RevisionKind::EnteredInError,
        RecordedCommand::Command(Command::Supersede(Some(_))) => RevisionKind::Superseded,
        RecordedCommand::Command(Command::Supersede(None)) => RevisionKind::Reinstated,
        RecordedCommand::Moved(_) => RevisionKind::Moved,
        RecordedCommand::MovedBack(_) => RevisionKind::MovedBack,
        RecordedCommand::Started => RevisionKind::Started,
        RecordedCommand::Declined => RevisionKind::Declined,
        RecordedCommand::InCourse(_) => RevisionKind::CourseChanged,
    }
}

fn revision_view(row: Revision) -> Result<PlanRevision, Error> {
    let differences = plan_commands::differences(&row)?.into_iter();
    Ok(PlanRevision {
        revision: row.revision,
        kind: kind_of(&row.command.to()?),
        undoes: row.undoes,
        made_by: row.made_by,
        made_at: row.made_at,
        differences: differences.map(|(key, (before, after))| (key, Difference { before, after })).collect(),
        reason: row.reason,
    })
}

/// List what was done to a plan, newest first.
///
/// Each change with its author, reason and diff.
#[utoipa::path(tag = "plans", operation_id = "list_plan_revisions", params(PageParams, ("plan_id" = PlanId, Path, description = "The plan.")),
    responses((status = 200, description = "A page of changes.", body = Page<PlanRevision>)))]
#[get("/v1/clinic/plans/{plan_id}/revisions")]
async fn list_plan_revisions(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let (wanted, inner) = (page.clone(), app.clone());
    let rows = app
        .db
        .read(move |c| {
            plans::of_clinic(c, &inner.compiled, who.clinic, *id)?.ok_or(Error::NotFound)?;
            store::list_page(c, who.clinic, *id, &wanted)
        })
        .await?;
    let page = page.cut(rows, |row| row.id.0, revision_view)?;
    let items: Result<Vec<PlanRevision>, Error> = page.items.into_iter().collect();
    Ok(HttpResponse::Ok().json(Page { items: items?, next_cursor: page.next_cursor }))
}

/// One change of a plan, for its patient.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyPlanChange {
    /// What was done.
    kind: RevisionKind,
    /// When.
    made_at: Stamp,
    /// Why, in the clinic's words.
    #[schema(example = "Your skin needs one more day.")]
    reason: String,
    /// Whether it was taken back since.
    #[schema(example = false)]
    undone: bool,
    /// The first date that it is about, if it is about dates.
    #[schema(required)]
    from_on: Option<Date>,
    /// The first date after it, if that was said.
    #[schema(required)]
    until_on: Option<Date>,
    /// The line that is different, as it reads now.
    #[schema(required, example = "No make-up.")]
    line: Option<String>,
}

/// From when on a plan is over, or goes on, for another one.
fn superseded_from(plan_file: &PlanFile, row: &Revision) -> Result<jiff::civil::Date, Error> {
    let superseded = row.after_state.to::<engine::PlanState>()?.stops.superseded;
    Ok(superseded.map_or_else(|| engine::local_date(&plan_file.zone, row.made_at), |one| one.from_on))
}

fn my_change(plan_file: &PlanFile, row: &Revision, all: &[Revision], locales: &[&str]) -> Result<MyPlanChange, Error> {
    let recorded: RecordedCommand = row.command.to()?;
    let (from_on, until_on) = match &recorded {
        RecordedCommand::Command(Command::Pause { from_on, until_on, .. }) => (Some(*from_on), *until_on),
        RecordedCommand::Command(Command::Resume { on } | Command::End { on, .. }) => (Some(*on), None),
        RecordedCommand::Command(Command::Correct { performed_on, .. }) => (*performed_on, None),
        RecordedCommand::Command(Command::Supersede(_)) => (Some(superseded_from(plan_file, row)?), None),
        RecordedCommand::Moved(way) | RecordedCommand::MovedBack(way) => (way.from_on, None),
        _ => (None, None),
    };
    let about = match &recorded {
        RecordedCommand::Command(Command::Override { change, .. }) => Some(change.about()),
        _ => None,
    };
    // The newest form of a line stands last: overrides and versions add to what was there before.
    let item = about.and_then(|key| plan_file.compiled.items.iter().rev().find(|item| item.key == key));
    Ok(MyPlanChange {
        kind: kind_of(&recorded),
        made_at: row.made_at,
        reason: plan_commands::rules::own_words(&recorded, locales.first().copied().unwrap_or_default())
            .unwrap_or_else(|| row.reason.clone()),
        undone: all.iter().any(|other| other.undoes == Some(row.revision)),
        from_on: from_on.map(Into::into),
        until_on: until_on.map(Into::into),
        line: item.map(|item| views::say(&item.title, locales, plan_file)),
    })
}

/// The newest changes, the last one first. That a plan was started, or is another session, is no change of what it asks.
fn my_changes(c: &mut Conn, plan_file: &PlanFile, locales: &[&str]) -> Result<Vec<MyPlanChange>, Error> {
    let rows = plans::store::list_revisions(c, plan_file.plan.clinic_id, plan_file.plan.id)?;
    let mut items = Vec::new();
    for row in rows.iter().rev() {
        if items.len() < 100 && row.command.to::<RecordedCommand>()?.is_command() {
            items.push(my_change(plan_file, row, &rows, locales)?);
        }
    }
    Ok(items)
}

/// List what the clinic changed in a plan of mine, newest first, and why.
///
/// At most the 100 newest.
#[utoipa::path(tag = "me", operation_id = "list_my_plan_changes",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The changes.", body = MyPlanChanges)))]
#[get("/v1/me/plans/{plan_id}/changes")]
async fn list_my_plan_changes(
    app: web::Data<App>,
    me: Patient,
    id: Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (inner, asked) = (app.clone(), asked_language(&request));
    let items = app
        .db
        .read(move |c| {
            let plan_file = plans::of_account(c, &inner.compiled, me.account, *id)?.ok_or(Error::NotFound)?;
            my_changes(c, &plan_file, &views::locales(asked.as_deref(), &plan_file))
        })
        .await?;
    Ok(HttpResponse::Ok().json(MyPlanChanges { items }))
}

/// What the clinic changed in a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyPlanChanges {
    /// The changes, newest first.
    items: Vec<MyPlanChange>,
}
