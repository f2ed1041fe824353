//! Moving running plans to another version of their protocol: previewed, in batches, and back.
//!
//! Days that have begun stay as they are: a plan goes over on the patient's next local day. So nothing that was answered or
//! marked can be lost, nothing in the past becomes "missed", and a move that is taken back on the same day leaves no trace.

pub mod store;

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Staff;
use crate::ctx::Ctx;
use crate::db::schema::{plan_migrations, plan_moves};
use crate::documents::Compiled;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::plan_upgrades::store::OnVersion;
use crate::plans::revisions::{self, NewRevision, RecordedCommand};
use crate::plans::{self, Plan, PlanFile};
use crate::protocols::{self, VersionStatus};
use engine::{Effect, PlanStatus, Stretch};
use ground::ids::{ClinicId, MemberId, MigrationId, PlanId, VersionId};
use ground::sql::Json;
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;
use ground::words;

words! {
    /// How far a migration is.
    pub enum MigrationState {
        /// Plans are being moved.
        Running = "running",
        /// Every plan was looked at.
        Done = "done",
        /// Plans are being moved back.
        RollingBack = "rolling_back",
        /// Every plan that was moved was looked at again.
        RolledBack = "rolled_back",
    }
}

words! {
    /// What became of a plan.
    pub enum Outcome {
        /// It goes over.
        Moved = "moved",
        /// It stays, for a reason.
        Conflict = "conflict",
        /// It went over, and goes back.
        Returned = "returned",
    }
}

/// The move of running plans from one version to another.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = plan_migrations, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Migration {
    pub clinic_id: ClinicId,
    pub id: MigrationId,
    pub key: String,
    /// From this version.
    pub from_version_id: VersionId,
    /// To this one.
    pub to_version_id: VersionId,
    /// Only these plans; all, if there is no list.
    pub only_plans: Option<Json>,
    /// How far it is.
    pub state: MigrationState,
    /// Plans on the old version when it began.
    pub total: i32,
    /// Plans that went over.
    pub moved: i32,
    /// Plans that stay, each for its reason.
    pub conflicts: i32,
    /// Plans that went back.
    pub returned: i32,
    /// The last plan that was looked at.
    pub after_plan: Option<PlanId>,
    /// Who began it.
    pub created_by: MemberId,
    pub created_at: Stamp,
    /// When every plan had been looked at.
    pub finished_at: Option<Stamp>,
    /// Who took it back.
    pub rolled_back_by: Option<MemberId>,
}

impl From<&Migration> for EventSubject {
    fn from(migration: &Migration) -> Self {
        Self::in_clinic(migration.clinic_id, Object::PlanMigration(migration.id))
    }
}

/// What became of one plan.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = plan_moves, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Move {
    pub clinic_id: ClinicId,
    pub migration_id: MigrationId,
    pub plan_id: PlanId,
    /// What became of it.
    pub outcome: Outcome,
    /// The first day of the new version.
    pub from_day: i32,
    /// Why it stays.
    pub reason: Option<String>,
    pub at: Stamp,
}

/// The most plans that a migration can name; more do not go into a body.
pub const MOST_CHOSEN: usize = 5_000;

/// Which plans are to move where.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMigration {
    /// The version that they are on.
    #[schema(example = 3)]
    pub from_version: i32,
    /// The version that they are to go to: the active one.
    #[schema(example = 4)]
    pub to_version: i32,
    /// Only these plans; all that are on the version if it is left out.
    #[schema(max_items = 5_000)]
    pub plan_ids: Option<Vec<PlanId>>,
}

/// Why a plan stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationConflict)]
pub struct Reason {
    /// Stable word: `parameters`, `excluded`, `wrong_treatment`, `already_there`, `ended`.
    #[schema(example = "parameters")]
    pub code: String,
    /// In a sentence.
    #[schema(example = "needle_depth_mm: Give a number from 0.1 to 3.")]
    pub detail: String,
}

/// Where a plan is to go: the versions of its days afterwards, and the first day of the new one.
struct Route {
    from_day: i32,
    earlier: Vec<Stretch>,
}

/// A plan goes over on the patient's next day. If the version that it is on has not begun, that one leaves no trace.
fn route(plan_file: &PlanFile, to: VersionId, at: Stamp) -> Result<Route, Error> {
    let mut earlier: Vec<Stretch> =
        plan_file.plan.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default();
    let tomorrow = plan_file.day_number(at) + 1;
    let begun = earlier.last().is_none_or(|last| last.until_day < tomorrow);
    if begun && tomorrow > 0 {
        earlier.push(Stretch { until_day: tomorrow, version_id: plan_file.plan.version_id });
    }
    let from_day = earlier.last().map_or(0, |last| last.until_day);
    if earlier.last().is_some_and(|last| last.version_id == to) {
        earlier.pop();
    }
    Ok(Route { from_day, earlier })
}

/// What a plan would be on another version, from a day on; or why it stays.
struct Step {
    from_day: i32,
    onto: Result<(Plan, Arc<engine::Compiled>), Reason>,
}

/// Whether a plan has no day to come on which another version could count: it has ended, was entered in error, is past its last day, or is
/// over by the day on which it would go over.
fn is_over(plan_file: &PlanFile, from_day: i32, at: Stamp) -> bool {
    let enrolment = plan_file.enrolment();
    let has_ended =
        matches!(plan_file.status(at), PlanStatus::Completed | PlanStatus::Revoked | PlanStatus::EnteredInError);
    let ends_first = enrolment.stops.over_from().zip(enrolment.date_of(from_day)).is_some_and(|(end, on)| end <= on);
    has_ended || ends_first || plan_file.day_number(at) > plan_file.compiled.horizon_day
}

/// Looks where a plan would go.
fn step(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile, to: VersionId, at: Stamp) -> Result<Step, Error> {
    let Route { from_day, earlier } = route(plan_file, to, at)?;
    let plan = Plan {
        version_id: to,
        earlier_versions: (!earlier.is_empty()).then(|| Json::of(&earlier)).transpose()?,
        ..plan_file.plan.clone()
    };
    let stays = |code: &str, detail: String| Ok(Step { from_day, onto: Err(Reason { code: code.to_owned(), detail }) });
    if is_over(plan_file, from_day, at) {
        return stays("ended", "the plan is over: it stays as it was lived".to_owned());
    }
    if store::is_taken(c, &plan)? {
        return stays("already_there", "the treatment has another plan on that version".to_owned());
    }
    let compiled = match plans::compiled(c, cache, &plan) {
        Ok(compiled) => compiled,
        Err(Error::Invalid(fields)) => {
            let named = |field: &crate::error::FieldError| {
                format!("{}: {}", field.pointer.rsplit('/').next().unwrap_or_default(), field.detail)
            };
            return stays("parameters", fields.iter().map(named).collect::<Vec<_>>().join("; "));
        }
        Err(why) => return Err(why),
    };
    let same_kind = compiled.procedure == plan_file.compiled.procedure
        && plan_file.compiled.body_areas.iter().all(|area| compiled.body_areas.contains(area));
    if !same_kind {
        return stays("wrong_treatment", "the version is for another procedure, or for fewer body areas".to_owned());
    }
    let versions: Vec<Stretch> =
        plan_file.plan.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default();
    let was_there = versions.iter().any(|stretch| stretch.version_id == to);
    let known = |key: &str| was_there || plan_file.compiled.exclusions.iter().any(|exclusion| exclusion.key == key);
    let new: Vec<&str> = compiled
        .exclusions
        .iter()
        .filter(|exclusion| !known(&exclusion.key))
        .map(|exclusion| exclusion.text.in_locale(&["en"]))
        .collect();
    if !new.is_empty() {
        return stays("excluded", new.join(" "));
    }
    Ok(Step { from_day, onto: Ok((plan, compiled)) })
}

/// The two versions of a migration: plans leave any version that was active, and go to the active one.
pub fn versions(c: &mut Conn, who: &Staff, key: &str, new: &NewMigration) -> Result<(VersionId, VersionId), Error> {
    let from = protocols::version(c, who.clinic, key, new.from_version)?;
    let to = protocols::version(c, who.clinic, key, new.to_version)?;
    if from.id == to.id {
        return Err(Error::field("/to_version", "same_version", "plans must go to another version than they are on"));
    }
    if to.status != VersionStatus::Active {
        return Err(Error::field(
            "/to_version",
            "not_approved",
            "only the active version can be moved to: activate it first",
        ));
    }
    Ok((from.id, to.id))
}

/// What a migration would do, as far as it was looked at; plans with the same changes share one entry of `effects`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationPreview)]
pub struct Preview {
    /// Plans on the old version, with those that have ended.
    #[schema(example = 2)]
    pub total: usize,
    /// Plans that would go over.
    #[schema(example = 1)]
    pub would_move: usize,
    /// Plans that would stay, each for its reason; those that have ended are among them.
    #[schema(example = 1)]
    pub conflicts: usize,
    /// The changes.
    pub effects: Vec<Effect>,
    /// Every plan.
    pub plans: Vec<PlanPreview>,
}

/// What would become of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanPreview {
    /// The plan.
    pub plan_id: PlanId,
    /// The first day of the new version: the patient's tomorrow.
    #[schema(example = 11)]
    pub from_day: i32,
    /// Its changes, as an index into `effects`.
    #[schema(required, example = 0)]
    pub effect: Option<usize>,
    /// Why it would stay.
    #[schema(required)]
    pub conflict: Option<Reason>,
}

/// Looks at one chunk of plans after another; keeps what plans share.
#[derive(Default)]
pub struct Previewing {
    preview: Preview,
    known: HashMap<Effect, usize>,
    by_compiled: HashMap<(usize, usize, i32), usize>,
    /// Kept alive, so that no other takes its address.
    seen: Vec<Arc<engine::Compiled>>,
}

impl Previewing {
    /// Adds a chunk of plans.
    pub fn add(
        &mut self,
        c: &mut Conn,
        cache: &Compiled,
        plan_files: &[PlanFile],
        to: VersionId,
        at: Stamp,
    ) -> Result<(), Error> {
        for plan_file in plan_files {
            let Step { from_day, onto } = step(c, cache, plan_file, to, at)?;
            self.preview.total += 1;
            let (effect, conflict) = match onto {
                Ok((_, compiled)) => (Some(self.effect(&plan_file.compiled, &compiled, from_day)), None),
                Err(reason) => (None, Some(reason)),
            };
            self.preview.would_move += usize::from(effect.is_some());
            self.preview.conflicts += usize::from(conflict.is_some());
            self.preview.plans.push(PlanPreview { plan_id: plan_file.plan.id, from_day, effect, conflict });
        }
        Ok(())
    }

    fn effect(&mut self, old: &Arc<engine::Compiled>, new: &Arc<engine::Compiled>, from_day: i32) -> usize {
        let key = (Arc::as_ptr(old).addr(), Arc::as_ptr(new).addr(), from_day);
        if let Some(index) = self.by_compiled.get(&key) {
            return *index;
        }
        self.seen.extend([Arc::clone(old), Arc::clone(new)]);
        let effect = engine::effect(old, new, from_day);
        let effects = &mut self.preview.effects;
        let index = *self.known.entry(effect).or_insert_with_key(|effect| {
            effects.push(effect.clone());
            effects.len() - 1
        });
        self.by_compiled.insert(key, index);
        index
    }

    /// What was found.
    pub fn done(self) -> Preview {
        self.preview
    }
}

/// Begins a migration; the worker does it, batch by batch. One at a time for each protocol.
pub fn begin(ctx: &mut Ctx<'_>, who: &Staff, key: &str, new: &NewMigration) -> Result<Migration, Error> {
    let (from_version_id, to_version_id) = versions(ctx.c, who, key, new)?;
    refuse_second(ctx.c, who.clinic, key)?;
    let only: Option<&[PlanId]> = new.plan_ids.as_deref();
    let total = store::count_on(ctx.c, who.clinic, from_version_id, only)?;
    let migration = Migration {
        clinic_id: who.clinic,
        id: ctx.m.id(),
        key: key.to_owned(),
        from_version_id,
        to_version_id,
        only_plans: only.map(|plans| Json::of(&plans)).transpose()?,
        state: MigrationState::Running,
        total: i32::try_from(total).map_err(|why| Error::internal("too many plans to count", why))?,
        moved: 0,
        conflicts: 0,
        returned: 0,
        after_plan: None,
        created_by: who.member,
        created_at: ctx.m.at,
        finished_at: None,
        rolled_back_by: None,
    };
    store::insert(ctx.c, &migration)?;
    ctx.happened(EventKind::PlanMigrationBegun, &migration)?;
    Ok(migration)
}

fn refuse_second(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<(), Error> {
    store::lock(c, clinic, key)?;
    if store::is_under_way(c, clinic, key)? {
        return Err(Error::conflict(
            "under_way",
            "plans of this protocol are being moved right now: wait until that is done",
        ));
    }
    Ok(())
}

/// Takes a migration back: every plan that it moved, that nobody moved since and that has not ended, returns. Idempotent.
pub fn roll_back(ctx: &mut Ctx<'_>, who: &Staff, id: MigrationId) -> Result<Migration, Error> {
    let Migration { key, .. } = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    store::lock(ctx.c, who.clinic, &key)?;
    let before = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    match before.state {
        MigrationState::RollingBack | MigrationState::RolledBack => return Ok(before),
        MigrationState::Running => {
            return Err(Error::conflict("under_way", "the plans are still being moved: wait until that is done"));
        }
        MigrationState::Done => refuse_second(ctx.c, who.clinic, &before.key)?,
    }
    let after = Migration {
        state: MigrationState::RollingBack,
        after_plan: None,
        finished_at: None,
        rolled_back_by: Some(who.member),
        ..before
    };
    store::set_progress(ctx.c, &after)?;
    ctx.happened(EventKind::PlanMigrationRolledBack, EventSubject::in_clinic(who.clinic, Object::PlanMigration(id)))?;
    Ok(after)
}

/// Does the next batch of a migration; gives how many plans were looked at. None: it is finished, and says so.
pub fn go_on(ctx: &mut Ctx<'_>, migration: Migration, most: i64) -> Result<usize, Error> {
    match migration.state {
        MigrationState::Running => move_batch(ctx, migration, most),
        MigrationState::RollingBack => return_batch(ctx, migration, most),
        MigrationState::Done | MigrationState::RolledBack => Ok(0),
    }
}

fn move_batch(ctx: &mut Ctx<'_>, mut migration: Migration, most: i64) -> Result<usize, Error> {
    let only: Option<Vec<PlanId>> = migration.only_plans.as_ref().map(Json::to).transpose()?;
    let (clinic, version, after) = (migration.clinic_id, migration.from_version_id, migration.after_plan);
    let rows = store::list_on(ctx.c, OnVersion { clinic, version, after, only: only.as_deref() }, most)?;
    let looked_at = rows.len();
    let reason = reason_of_move(ctx.c, &migration)?;
    for rows in rows {
        let plan_file = PlanFile::new(ctx.c, ctx.cache, rows)?;
        migration.after_plan = Some(plan_file.plan.id);
        let Some(gone) = go_over(ctx, &migration, plan_file, &reason)? else { continue };
        let Gone { plan, from_day, stays } = gone;
        let outcome = if stays.is_none() { Outcome::Moved } else { Outcome::Conflict };
        let reason = stays.map(|reason| format!("{}: {}", reason.code, reason.detail));
        migration.moved += i32::from(outcome == Outcome::Moved);
        migration.conflicts += i32::from(outcome == Outcome::Conflict);
        let (clinic_id, migration_id, plan_id) = (migration.clinic_id, migration.id, plan);
        store::insert_move(ctx.c, &Move { clinic_id, migration_id, plan_id, outcome, from_day, reason, at: ctx.m.at })?;
    }
    if looked_at == 0 {
        migration.state = MigrationState::Done;
        migration.finished_at = Some(ctx.m.at);
    }
    store::set_progress(ctx.c, &migration)?;
    Ok(looked_at)
}

/// What became of a plan that was to go over: why it stays, if it does.
struct Gone {
    plan: PlanId,
    from_day: i32,
    stays: Option<Reason>,
}

/// A plan may be changed so often between being read and being moved; then somebody else has a turn first.
const MOST_TRIES: usize = 5;

/// Moves a plan to the version that its migration goes to, and keeps that as a revision. One that was changed since it was read is looked at
/// again; one that is on another version by then is none of the migration's any more: `None`.
fn go_over(
    ctx: &mut Ctx<'_>,
    migration: &Migration,
    mut plan_file: PlanFile,
    reason: &str,
) -> Result<Option<Gone>, Error> {
    let is_back = migration.state == MigrationState::RollingBack;
    let (from, to) = (migration.from_version_id, migration.to_version_id);
    let (from, to) = if is_back { (to, from) } else { (from, to) };
    for _ in 0..MOST_TRIES {
        if plan_file.plan.version_id != from {
            return Ok(None);
        }
        let Step { from_day, onto } = step(ctx.c, ctx.cache, &plan_file, to, ctx.m.at)?;
        let id = plan_file.plan.id;
        let plan = match onto {
            Ok((plan, _)) => plan,
            Err(reason) => return Ok(Some(Gone { plan: id, from_day, stays: Some(reason) })),
        };
        let way = revisions::Move { migration: migration.id, from_on: plan_file.enrolment().date_of(from_day) };
        let command = if is_back { RecordedCommand::MovedBack(way) } else { RecordedCommand::Moved(way) };
        let made_by = migration.rolled_back_by.filter(|_| is_back).unwrap_or(migration.created_by);
        let new = NewRevision { before: &plan_file, after: plan, body_area: None, command, reason, made_by };
        match revisions::save(ctx, new) {
            Ok(_) => return Ok(Some(Gone { plan: id, from_day, stays: None })),
            Err(Error::Stale) => {}
            Err(why) => return Err(why),
        }
        let Some(now) = plans::of_clinic(ctx.c, ctx.cache, migration.clinic_id, id)? else { return Ok(None) };
        plan_file = now;
    }
    Err(Error::Busy)
}

/// What staff and the patient read of the move.
fn reason_of_move(c: &mut Conn, migration: &Migration) -> Result<String, Error> {
    let (to, word) = match migration.state {
        MigrationState::RollingBack => (migration.from_version_id, "back to"),
        _ => (migration.to_version_id, "to"),
    };
    let number = protocols::number(c, migration.clinic_id, to)?;
    Ok(format!("The plan was moved {word} version {number} of its protocol."))
}

/// A plan goes back as it came: from the patient's next day on, days under the new version stay; one that has not begun is gone.
fn return_batch(ctx: &mut Ctx<'_>, mut migration: Migration, most: i64) -> Result<usize, Error> {
    let plans = store::list_moved(ctx.c, &migration, most)?;
    let looked_at = plans.len();
    let reason = reason_of_move(ctx.c, &migration)?;
    for id in plans {
        migration.after_plan = Some(id);
        let Some(plan_file) = plans::of_clinic(ctx.c, ctx.cache, migration.clinic_id, id)? else { continue };
        // One that somebody moved on stays where it is, and one that has ended since.
        let gone = go_over(ctx, &migration, plan_file, &reason)?;
        if let Some(Gone { from_day, stays: None, .. }) = gone {
            store::set_returned(ctx.c, &migration, id, from_day, ctx.m.at)?;
            migration.returned += 1;
        }
    }
    if looked_at == 0 {
        migration.state = MigrationState::RolledBack;
        migration.finished_at = Some(ctx.m.at);
    }
    store::set_progress(ctx.c, &migration)?;
    Ok(looked_at)
}
