//! A patient's account, for staff.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Staff;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::http::idempotency::{self, Key};
use crate::http::text::{Email, Note};
use crate::http::{Body, Path};
use crate::patient_accounts::{self, Held};
use ground::ids::PatientId;
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_patient_account)
        .service(move_patient_account)
        .service(disable_patient_account)
        .service(enable_patient_account);
}

/// What a patient signs in with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PatientAccount {
    /// The record.
    patient_id: PatientId,
    /// The address to sign in with.
    #[schema(example = "ada@patients.example")]
    email: String,
    /// When the account was made.
    created_at: Stamp,
    /// Since when nobody can sign in with it; `null` if it is open.
    #[schema(required)]
    disabled_at: Option<Stamp>,
    /// On so many devices somebody is signed in.
    #[schema(example = 1)]
    open_sessions: usize,
}

fn view(held: Held) -> PatientAccount {
    PatientAccount {
        patient_id: held.patient.id,
        email: held.account.email,
        created_at: held.account.created_at,
        disabled_at: held.account.disabled_at,
        open_sessions: held.open_sessions,
    }
}

/// Get a patient's account.
///
/// For the telephone: which address the patient signs in with, and whether anybody is signed in. 409 `not_accepted` while there is none.
#[utoipa::path(tag = "patients", operation_id = "get_patient_account",
    params(("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "The account.", body = PatientAccount)))]
#[get("/v1/clinic/patients/{patient_id}/account")]
async fn get_patient_account(app: web::Data<App>, who: Staff, id: Path<PatientId>) -> Result<HttpResponse, Error> {
    let at = app.clock.now();
    let held = app.db.read_fresh(move |c| patient_accounts::find(c, &who, *id, at)).await?;
    Ok(HttpResponse::Ok().json(view(held)))
}

/// Another address for a patient's account.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountMove {
    /// The new address.
    email: Email,
    /// For the audit.
    reason: Note,
}

/// A link that is on its way to a new address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MoveLink {
    /// The record.
    patient_id: PatientId,
    /// Until when the link in the mail is good.
    expires_at: Stamp,
}

/// Move a patient's account to another address.
///
/// For somebody who has accepted and cannot read their old mail any more. A link is mailed to the new address, good for a day: whoever opens it
/// there moves the account, the clinic's record follows, and the old address is told. Until then nothing changes; asking again ends the link before. The answer is the same whether
/// somebody has the new address already or not. 409 `account_elsewhere` if the account is used in another clinic too: then only its holder or
/// the operator of the server may ask for this.
#[utoipa::path(tag = "patients", operation_id = "move_patient_account", request_body = AccountMove,
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 201, description = "The mail is on its way.", body = MoveLink)))]
#[post("/v1/clinic/patients/{patient_id}/account/move")]
async fn move_patient_account(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<PatientId>,
    Body(sent): Body<AccountMove>,
) -> Result<HttpResponse, Error> {
    let () = ();
    let once = key.once(who.clinic, who.account, "move_patient_account", &(*id, &sent))?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let expires_at = patient_accounts::ask_to_move(ctx, &who, *id, &sent.email, &sent.reason)?;
            Ok(MoveLink { patient_id: *id, expires_at })
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// Why an account is shut or opened.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    /// For the audit.
    reason: Note,
}

/// Shut a patient's account.
///
/// As after a phone was lost: every device is signed out at once, mailed links end, and nobody can sign in until it is opened again. Reminders go on.
#[utoipa::path(tag = "patients", operation_id = "disable_patient_account", request_body = AccountChange,
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "Shut.", body = PatientAccount)))]
#[post("/v1/clinic/patients/{patient_id}/account/disable")]
async fn disable_patient_account(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<PatientId>,
    Body(sent): Body<AccountChange>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "disable_patient_account", &(*id, &sent))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| set_disabled(ctx, &who, *id, true, &sent.reason)))
        .await
        .map(idempotency::Answer::ok)
}

/// Open a patient's account again.
///
/// The patient signs in as before; what had ended stays ended. 409 `shut_by_operator` if it was not a clinic that shut it.
#[utoipa::path(tag = "patients", operation_id = "enable_patient_account", request_body = AccountChange,
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "Open.", body = PatientAccount)))]
#[post("/v1/clinic/patients/{patient_id}/account/enable")]
async fn enable_patient_account(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<PatientId>,
    Body(sent): Body<AccountChange>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "enable_patient_account", &(*id, &sent))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| set_disabled(ctx, &who, *id, false, &sent.reason)))
        .await
        .map(idempotency::Answer::ok)
}

fn set_disabled(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: PatientId,
    disabled: bool,
    reason: &Note,
) -> Result<PatientAccount, Error> {
    Ok(view(patient_accounts::set_disabled(ctx, who, id, disabled, reason)?))
}
