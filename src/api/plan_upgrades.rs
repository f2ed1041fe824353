//! Migrations of plans, for staff.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Staff;
use crate::error::{Error, Problem};
use crate::http::idempotency::{self, Key};
use crate::http::{Body, Page, PageParams, Path, PathKey, Query};
use crate::plan_upgrades::store::OnVersion;
use crate::plan_upgrades::{
    self, MOST_CHOSEN, Migration as Row, MigrationState, Move, NewMigration, Outcome, Preview, Previewing, store,
};
use crate::plans::PlanFile;
use crate::protocols;
use ground::ids::{MemberId, MigrationId, PlanId, VersionId};
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(migrate_plans)
        .service(list_migrations)
        .service(get_migration)
        .service(list_migration_plans)
        .service(roll_back_migration);
}

/// Plans in one read of a preview.
const CHUNK: i64 = 500;

/// The move of running plans from one version of a protocol to another.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanMigration {
    /// Its id.
    id: MigrationId,
    /// The protocol.
    #[schema(example = "mn-face")]
    key: String,
    /// From this version.
    from_version_id: VersionId,
    /// To this one.
    to_version_id: VersionId,
    /// How far it is.
    state: MigrationState,
    /// Plans on the old version when it began.
    #[schema(example = 120)]
    total: i32,
    /// Plans that went over.
    #[schema(example = 119)]
    moved: i32,
    /// Plans that stay, each for its reason.
    #[schema(example = 1)]
    conflicts: i32,
    /// Plans that went back.
    #[schema(example = 0)]
    returned: i32,
    /// Who began it.
    created_by: MemberId,
    /// When.
    created_at: Stamp,
    /// When every plan had been looked at.
    #[schema(required)]
    finished_at: Option<Stamp>,
}

fn view(row: Row) -> PlanMigration {
    let Row { id, key, from_version_id, to_version_id, state, total, moved, conflicts, returned, .. } = row;
    PlanMigration {
        id,
        key,
        from_version_id,
        to_version_id,
        state,
        total,
        moved,
        conflicts,
        returned,
        created_by: row.created_by,
        created_at: row.created_at,
        finished_at: row.finished_at,
    }
}

/// What became of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanMove {
    /// The plan.
    plan_id: PlanId,
    /// What became of it.
    outcome: Outcome,
    /// The first day of the version that it went to.
    #[schema(example = 11)]
    from_day: i32,
    /// Why it stays.
    #[schema(required, example = "parameters: needle_depth_mm: Give a number from 0.1 to 3.")]
    reason: Option<String>,
    /// When.
    at: Stamp,
}

/// Whether to do it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// `true`: say what would happen, and change nothing.
    #[serde(default)]
    #[param(value_type = bool, default = false)]
    pub dry_run: YesNo,
}

/// `true` or `false`, as a query says it.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = bool)]
pub struct YesNo(pub bool);

impl TryFrom<String> for YesNo {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "invalid_value: must be `true` or `false`".to_owned())
    }
}

/// Which protocol, and whether it is only tried.
struct OnProtocol {
    key: PathKey,
    is_dry: bool,
}

impl FromRequest for OnProtocol {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = Path::<PathKey>::from_request(request, payload).into_inner();
        let query = Query::<DryRun>::from_request(request, payload).into_inner();
        ready(key.and_then(|key| Ok(Self { key: key.into_inner(), is_dry: query?.0.dry_run.0 })))
    }
}

/// Move running plans to another version. Clinicians and owners only.
///
/// A plan goes over on its patient's next local day: days that have begun stay as they are, with everything that was answered.
/// The worker moves them in batches; `GET` the migration for its progress. With `dry_run=true` the answer (200) says for each
/// plan what would be added, removed, moved or reworded, and which plans would stay and why; nothing is changed. A plan that has ended
/// stays (`ended`).
#[utoipa::path(tag = "protocols", operation_id = "migrate_plans", request_body = NewMigration,
    params(Key, DryRun, ("key" = PathKey, Path, description = "The protocol's key.")),
    responses((status = 200, description = "What would happen.", body = Preview), (status = 201, description = "It has begun.", body = PlanMigration),
        (status = 409, description = "It clashes with what is there: `under_way`.", content_type = "application/problem+json", body = Problem)))]
#[post("/v1/clinic/protocols/{key}/migrations")]
async fn migrate_plans(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    on: OnProtocol,
    Body(new): Body<NewMigration>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    if new.plan_ids.as_ref().is_some_and(|plans| plans.len() > MOST_CHOSEN) {
        let detail = format!("may have at most {MOST_CHOSEN} plans: leave it out to move all");
        return Err(Error::field("/plan_ids", "too_long", detail));
    }
    let protocol = on.key;
    if on.is_dry {
        return Ok(HttpResponse::Ok().json(preview(&app, who, protocol.into(), new).await?));
    }
    let once = key.once(who.clinic, who.account, "migrate_plans", &(&protocol, &new))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| Ok(view(plan_upgrades::begin(ctx, &who, &protocol, &new)?))))
        .await
        .map(idempotency::Answer::created)
}

/// In chunks, each a read of its own: other requests go on in between.
async fn preview(app: &App, who: Staff, key: String, new: NewMigration) -> Result<Preview, Error> {
    let (at, asked) = (app.clock.now(), new.clone());
    let (from, to) = app.db.read(move |c| plan_upgrades::versions(c, &who, &key, &asked)).await?;
    let (mut found, mut after) = (Previewing::default(), None);
    loop {
        let (inner, only) = (app.clone(), new.plan_ids.clone());
        // From where the move itself would write.
        let chunk = app
            .db
            .read_fresh(move |c| {
                let rows = store::list_on(
                    c,
                    OnVersion { clinic: who.clinic, version: from, after, only: only.as_deref() },
                    CHUNK,
                )?;
                let plan_files: Result<Vec<PlanFile>, Error> =
                    rows.into_iter().map(|rows| PlanFile::new(c, &inner.compiled, rows)).collect();
                let plan_files = plan_files?;
                found.add(c, &inner.compiled, &plan_files, to, at)?;
                Ok((found, plan_files.last().map(|plan_file| plan_file.plan.id)))
            })
            .await?;
        found = chunk.0;
        after = match chunk.1 {
            Some(last) => Some(last),
            None => return Ok(found.done()),
        };
        tokio::task::yield_now().await;
    }
}

/// List the migrations of a protocol's plans, newest first.
///
/// Finished ones, and the one that is under way.
#[utoipa::path(tag = "protocols", operation_id = "list_plan_migrations", params(PageParams, ("key" = PathKey, Path, description = "The protocol's key.")),
    responses((status = 200, description = "A page of migrations.", body = Page<PlanMigration>)))]
#[get("/v1/clinic/protocols/{key}/migrations")]
async fn list_migrations(
    app: web::Data<App>,
    who: Staff,
    key: Path<PathKey>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app
        .db
        .read(move |c| {
            protocols::must_exist(c, who.clinic, &key)?;
            store::list(c, who.clinic, &key, &wanted)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.0, view)?))
}

/// Get a migration, with its progress.
///
/// `moved`, `conflicts` and `returned` count the plans so far, of `total`.
#[utoipa::path(tag = "protocols", operation_id = "get_plan_migration", params(("migration_id" = MigrationId, Path, description = "The migration.")),
    responses((status = 200, description = "The migration.", body = PlanMigration)))]
#[get("/v1/clinic/plan-migrations/{migration_id}")]
async fn get_migration(app: web::Data<App>, who: Staff, id: Path<MigrationId>) -> Result<HttpResponse, Error> {
    let row = app.db.read(move |c| store::find(c, who.clinic, *id)).await?.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(view(row)))
}

/// List what became of each plan of a migration.
///
/// In the order of the plans' ids.
#[utoipa::path(tag = "protocols", operation_id = "list_plan_migration_plans",
    params(PageParams, ("migration_id" = MigrationId, Path, description = "The migration.")),
    responses((status = 200, description = "A page of plans.", body = Page<PlanMove>)))]
#[get("/v1/clinic/plan-migrations/{migration_id}/plans")]
async fn list_migration_plans(
    app: web::Data<App>,
    who: Staff,
    id: Path<MigrationId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app
        .db
        .read(move |c| {
            store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            store::list_moves(c, who.clinic, *id, &wanted)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.plan_id.0, PlanMove::from)?))
}

impl From<Move> for PlanMove {
    fn from(row: Move) -> Self {
        Self { plan_id: row.plan_id, outcome: row.outcome, from_day: row.from_day, reason: row.reason, at: row.at }
    }
}

/// Take a migration back. Clinicians and owners only.
///
/// Every plan that it moved returns on its patient's next local day; on the day of the move it is as if nothing had been. Plans that
/// were moved on or have ended since then stay. Idempotent.
#[utoipa::path(tag = "protocols", operation_id = "roll_back_plan_migration", params(Key, ("migration_id" = MigrationId, Path, description = "The migration.")),
    responses((status = 200, description = "The migration, rolling back.", body = PlanMigration),
        (status = 409, description = "It clashes with what is there: `under_way`.", content_type = "application/problem+json", body = Problem)))]
#[post("/v1/clinic/plan-migrations/{migration_id}/rollback")]
async fn roll_back_migration(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<MigrationId>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let once = key.once(who.clinic, who.account, "roll_back_plan_migration", &*id)?;
    app.act(who, move |ctx| ctx.once(once, |ctx| Ok(view(plan_upgrades::roll_back(ctx, &who, *id)?))))
        .await
        .map(idempotency::Answer::ok)
}
