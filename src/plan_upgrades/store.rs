//! Migrations of plans: the rows.

use diesel::prelude::*;

use super::{Migration, MigrationState, Move, Outcome};
use crate::clinics::Clinic;
use crate::db::direct;
use crate::db::schema::{clinics, patients, plan_migrations, plan_moves, plans, protocol_versions};
use crate::error::Error;
use crate::http::PageParams;
use crate::patients::Patient;
use crate::plans::{Plan, PlanRows};
use ground::ids::{ClinicId, MigrationId, PlanId, VersionId};
use ground::sql::Conn;
use ground::time::Stamp;

/// A new migration.
pub fn insert(c: &mut Conn, migration: &Migration) -> Result<(), Error> {
    diesel::insert_into(plan_migrations::table).values(migration).execute(c)?;
    Ok(())
}

/// The clinic's migration of that id.
pub fn find(c: &mut Conn, clinic: ClinicId, id: MigrationId) -> Result<Option<Migration>, Error> {
    Ok(plan_migrations::table.find((clinic, id)).select(Migration::as_select()).first(c).optional()?)
}

/// The migrations of a protocol, newest first.
pub fn list(c: &mut Conn, clinic: ClinicId, key: &str, page: &PageParams) -> Result<Vec<Migration>, Error> {
    let mut rows = plan_migrations::table
        .filter(plan_migrations::clinic_id.eq(clinic).and(plan_migrations::key.eq(key)))
        .order(plan_migrations::id.desc())
        .limit(page.fetch())
        .select(Migration::as_select())
        .into_boxed();
    if let Some(after) = page.after::<MigrationId>() {
        rows = rows.filter(plan_migrations::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// Nobody else begins a migration of the protocol, or takes one back, before this transaction has ended.
pub fn lock(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<(), Error> {
    let versions = protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .order(protocol_versions::id)
        .select(protocol_versions::id);
    crate::db::lock!(c, versions, VersionId);
    Ok(())
}

/// Whether plans of the protocol are being moved.
pub fn is_under_way(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<bool, Error> {
    let one: Option<MigrationId> = plan_migrations::table
        .filter(plan_migrations::clinic_id.eq(clinic).and(plan_migrations::key.eq(key)))
        .filter(plan_migrations::state.eq_any([MigrationState::Running, MigrationState::RollingBack]))
        .select(plan_migrations::id)
        .first(c)
        .optional()?;
    Ok(one.is_some())
}

/// An unfinished migration, for this worker alone: on PostgreSQL another one takes another.
pub fn claim(c: &mut Conn) -> Result<Option<Migration>, Error> {
    let found = crate::db::first_unlocked!(
        c,
        plan_migrations::table
            .filter(plan_migrations::state.eq_any([MigrationState::Running, MigrationState::RollingBack]))
            .order(plan_migrations::id)
            .limit(1)
            .select(Migration::as_select())
    );
    Ok(found.optional()?)
}

/// How far it is.
pub fn set_progress(c: &mut Conn, migration: &Migration) -> Result<(), Error> {
    diesel::update(plan_migrations::table.find((migration.clinic_id, migration.id)))
        .set((
            plan_migrations::state.eq(migration.state),
            plan_migrations::moved.eq(migration.moved),
            plan_migrations::conflicts.eq(migration.conflicts),
            plan_migrations::returned.eq(migration.returned),
            plan_migrations::after_plan.eq(migration.after_plan),
            plan_migrations::finished_at.eq(migration.finished_at),
            plan_migrations::rolled_back_by.eq(migration.rolled_back_by),
        ))
        .execute(c)?;
    Ok(())
}

/// How many plans are on a version, with those that have ended.
pub fn count_on(c: &mut Conn, clinic: ClinicId, version: VersionId, only: Option<&[PlanId]>) -> Result<i64, Error> {
    let mut plans =
        plans::table.filter(plans::clinic_id.eq(clinic).and(plans::version_id.eq(version))).count().into_boxed();
    if let Some(only) = only {
        plans = plans.filter(plans::id.eq_any(only.to_vec()));
    }
    Ok(plans.get_result(c)?)
}

/// Plans on a version.
#[derive(Debug, Clone, Copy)]
pub struct OnVersion<'a> {
    pub clinic: ClinicId,
    pub version: VersionId,
    /// Behind this plan.
    pub after: Option<PlanId>,
    /// Of these only.
    pub only: Option<&'a [PlanId]>,
}

/// The plans on a version, also those that have ended, in the order of their ids.
pub fn list_on(c: &mut Conn, wanted: OnVersion<'_>, most: i64) -> Result<Vec<PlanRows>, Error> {
    let OnVersion { clinic, version, after, only } = wanted;
    let mut rows = plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(plans::clinic_id)))
        .filter(plans::version_id.eq(version).and(plans::clinic_id.eq(clinic)))
        .order(plans::id)
        .limit(most)
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(plans::id.gt(after));
    }
    if let Some(only) = only {
        rows = rows.filter(plans::id.eq_any(only.to_vec()));
    }
    Ok(rows.load(c)?)
}

/// Whether the plan's treatment has another plan on its version.
pub fn is_taken(c: &mut Conn, plan: &Plan) -> Result<bool, Error> {
    let other: Option<PlanId> = direct!(c, |c| plans::table
        .filter(plans::treatment_id.eq(plan.treatment_id).and(plans::clinic_id.eq(plan.clinic_id)))
        .filter(plans::version_id.eq(plan.version_id).and(plans::id.ne(plan.id)))
        .select(plans::id)
        .first(c))
    .optional()?;
    Ok(other.is_some())
}

/// What became of a plan.
pub fn insert_move(c: &mut Conn, row: &Move) -> Result<(), Error> {
    crate::db::insert_once!(c, plan_moves::table, row);
    Ok(())
}

/// The next plans that a migration moved.
pub fn list_moved(c: &mut Conn, migration: &Migration, most: i64) -> Result<Vec<PlanId>, Error> {
    let mut rows = plan_moves::table
        .filter(plan_moves::clinic_id.eq(migration.clinic_id).and(plan_moves::migration_id.eq(migration.id)))
        .filter(plan_moves::outcome.eq(Outcome::Moved))
        .order(plan_moves::plan_id)
        .limit(most)
        .select(plan_moves::plan_id)
        .into_boxed();
    if let Some(after) = migration.after_plan {
        rows = rows.filter(plan_moves::plan_id.gt(after));
    }
    Ok(rows.load(c)?)
}

/// A plan went back.
pub fn set_returned(c: &mut Conn, migration: &Migration, plan: PlanId, from_day: i32, at: Stamp) -> Result<(), Error> {
    diesel::update(plan_moves::table.find((migration.clinic_id, migration.id, plan)))
        .set((plan_moves::outcome.eq(Outcome::Returned), plan_moves::from_day.eq(from_day), plan_moves::at.eq(at)))
        .execute(c)?;
    Ok(())
}

/// What became of each plan, in the order of their ids.
pub fn list_moves(c: &mut Conn, clinic: ClinicId, id: MigrationId, page: &PageParams) -> Result<Vec<Move>, Error> {
    let mut rows = plan_moves::table
        .filter(plan_moves::clinic_id.eq(clinic).and(plan_moves::migration_id.eq(id)))
        .order(plan_moves::plan_id)
        .limit(page.fetch())
        .select(Move::as_select())
        .into_boxed();
    if let Some(after) = page.after::<PlanId>() {
        rows = rows.filter(plan_moves::plan_id.gt(after));
    }
    Ok(rows.load(c)?)
}
