//! `GET` and `PATCH /v1/me`: what an account says about itself.

use actix_web::{HttpRequest, HttpResponse, get, patch, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Anybody;
use crate::app::App;
use crate::auth::{self, Patient as Asker, Role};
use crate::clinics;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::http::Body;
use crate::http::conditions::{self, etag_of, if_match};
use crate::http::text::{Locale, Zone};
use crate::patient_commands;
use crate::patients::{PatientChange, store};
use ground::ids::{AccountId, ClinicId, MemberId, PatientId};
use ground::sql::Conn;

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_me).service(change_me);
}

/// An account, with all that it is linked to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Me {
    /// The account.
    account_id: AccountId,
    /// Its address.
    #[schema(example = "ada@patients.example")]
    email: String,
    /// The patient records that are linked to it.
    patients: Vec<MyRecord>,
    /// The clinics that it may act for.
    memberships: Vec<MyMembership>,
}

/// A patient record of mine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyRecord {
    /// The record.
    patient_id: PatientId,
    /// The clinic that keeps it.
    clinic_id: ClinicId,
    /// Its name.
    #[schema(example = "Invented Skin Clinic")]
    clinic_name: String,
    /// My name there.
    #[schema(example = "Ada Invented")]
    name: String,
    /// The zone where I am.
    #[schema(example = "Europe/London")]
    zone: String,
    /// The language of texts and mails.
    #[schema(example = "en")]
    locale: String,
    /// Whether reminders are mailed.
    #[schema(example = true)]
    reminders: bool,
}

/// A clinic that I may act for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyMembership {
    /// The clinic.
    clinic_id: ClinicId,
    /// Its name.
    #[schema(example = "Invented Skin Clinic")]
    clinic_name: String,
    /// My membership.
    member_id: MemberId,
    /// My role.
    role: Role,
}

fn describe(c: &mut Conn, account: AccountId) -> Result<Me, Error> {
    let row = auth::store::find_account(c, account)?.ok_or(Error::SignInNeeded)?;
    let mut patients = Vec::new();
    for record in store::list_of_account(c, account)? {
        let clinic = clinics::store::get(c, record.clinic_id)?;
        patients.push(MyRecord {
            patient_id: record.id,
            clinic_id: record.clinic_id,
            clinic_name: clinic.name,
            name: record.name,
            zone: record.zone,
            locale: record.locale,
            reminders: record.reminders,
        });
    }
    let mut memberships = Vec::new();
    for member in auth::store::list_memberships(c, account)?.into_iter().filter(|member| member.state.may_act()) {
        memberships.push(MyMembership {
            clinic_id: member.clinic_id,
            clinic_name: clinics::store::get(c, member.clinic_id)?.name,
            member_id: member.id,
            role: member.role,
        });
    }
    Ok(Me { account_id: account, email: row.email, patients, memberships })
}

/// Get my account.
///
/// What this account is linked to: its patient records, and the clinics that it may act for.
#[utoipa::path(tag = "me", operation_id = "get_me",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The account, its records and memberships.", body = Me), (status = 304, description = "You have it already.")))]
#[get("/v1/me")]
async fn get_me(app: web::Data<App>, me: Anybody, request: HttpRequest) -> Result<HttpResponse, Error> {
    let view = app.db.read(move |c| describe(c, me.account)).await?;
    conditions::answer(&request, &view)
}

/// Changes of what I am and want; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MePatch {
    /// Where I am now: a phone sends it when it lands.
    zone: Option<Zone>,
    /// The language of texts and mails.
    locale: Option<Locale>,
    /// Whether reminders are mailed.
    #[schema(example = true)]
    reminders: Option<bool>,
}

/// Change my zone, language or reminders.
///
/// Holds for my records in every clinic. Today and the reminders follow the new zone at once; what is done stays done.
#[utoipa::path(tag = "me", operation_id = "change_me", request_body = MePatch,
    params(("If-Match" = String, Header, description = "The ETag of `GET /v1/me`.")),
    responses((status = 200, description = "Changed.", body = Me)))]
#[patch("/v1/me")]
async fn change_me(
    app: web::Data<App>,
    me: Asker,
    request: HttpRequest,
    Body(patch): Body<MePatch>,
) -> Result<HttpResponse, Error> {
    let tag = if_match(&request).ok_or(Error::VersionNeeded)?;
    let view = app.act(me, move |ctx| change(ctx, me.account, &patch, &tag)).await?;
    let tag = etag_of(&serde_json::to_vec(&view)?);
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(view))
}

/// Changes every record of the account, if it is as it was read.
fn change(ctx: &mut Ctx<'_>, account: AccountId, patch: &MePatch, tag: &str) -> Result<Me, Error> {
    auth::store::lock_account(ctx.c, account)?; // of two with one tag the second sees what the first has changed
    let before = etag_of(&serde_json::to_vec(&describe(ctx.c, account)?)?);
    if !conditions::listed(tag, &before) {
        return Err(Error::Stale);
    }
    for record in store::list_of_account(ctx.c, account)? {
        let change = PatientChange {
            zone: patch.zone.clone(),
            locale: patch.locale.clone(),
            reminders: patch.reminders,
            ..PatientChange::default()
        };
        patient_commands::change(ctx, record, change)?;
    }
    describe(ctx.c, account)
}
