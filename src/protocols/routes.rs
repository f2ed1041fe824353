//! The library and the clinic's protocols, for staff.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{LIBRARY, Version, VersionStatus, store};
use crate::app::App;
use crate::auth::Staff;
use crate::engine::{ParameterKind, Procedure, Protocol, Text};
use crate::error::Error;
use crate::http::idempotency::{self, Key};
use crate::http::{Body, Page, PageParams, Query, text};
use crate::ids::{MemberId, VersionId};
use crate::time::Stamp;

/// The routes of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_library).service(list_protocols).service(adopt_protocol).service(activate_version);
}

/// A text in every language that it is written in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::HashMap<String, String>, example = json!({"en": "Face micro-needling"}))]
pub struct Texts(std::collections::BTreeMap<String, String>);

impl From<Text> for Texts {
    fn from(Text(texts): Text) -> Self {
        Self(texts)
    }
}

/// A built-in protocol.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LibraryProtocol {
    /// Its key.
    #[schema(example = "mn-face")]
    key: String,
    /// Its title, by language.
    title: Texts,
    /// What must be approved before use, by language.
    approval: Texts,
    /// The procedure that it is for.
    procedure: Procedure,
    /// The body areas that it is for.
    #[schema(example = json!(["face"]))]
    body_areas: Vec<String>,
    /// Its last day.
    #[schema(example = 28)]
    horizon_day: i32,
    /// What it asks of a treatment.
    parameters: Vec<ProtocolParameter>,
    /// The keys of its sources in `protocols/facts`.
    #[schema(example = json!(["IMG"]))]
    sources: Vec<String>,
    /// The assumptions that a clinician must confirm.
    #[schema(example = json!(["A1"]))]
    assumptions: Vec<String>,
}

/// Something that a protocol asks of a treatment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ProtocolParameter {
    /// Its name in `parameters`.
    #[schema(example = "needle_depth_mm")]
    key: String,
    /// What kind of value.
    kind: ParameterKind,
    /// Whether it must be there.
    #[schema(example = true)]
    required: bool,
    /// The smallest number.
    #[schema(required, example = 0.5)]
    min: Option<f64>,
    /// The largest number.
    #[schema(required, example = 2.5)]
    max: Option<f64>,
    /// The words to choose from.
    #[schema(example = json!([]))]
    choices: Vec<String>,
    /// What to call it, by language.
    label: Texts,
}

fn library_view(protocol: Protocol) -> LibraryProtocol {
    LibraryProtocol {
        key: protocol.key,
        title: Texts(protocol.title.0),
        approval: Texts(protocol.approval.0),
        procedure: protocol.procedure,
        body_areas: protocol.body_areas,
        horizon_day: protocol.horizon_day,
        parameters: protocol
            .parameters
            .into_iter()
            .map(|parameter| ProtocolParameter {
                key: parameter.key,
                kind: parameter.kind,
                required: parameter.required,
                min: parameter.min,
                max: parameter.max,
                choices: parameter.choices,
                label: Texts(parameter.label.0),
            })
            .collect(),
        sources: protocol.sources,
        assumptions: protocol.assumptions,
    }
}

/// The built-in protocols.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Library {
    /// All of them.
    items: Vec<LibraryProtocol>,
}

/// List the built-in protocols.
///
/// What can be adopted, with the sources and assumptions that a clinician must read first.
#[utoipa::path(tag = "protocols", operation_id = "list_library_protocols",
    responses((status = 200, description = "The library.", body = Library)))]
#[get("/v1/library/protocols")]
async fn list_library(_who: Staff) -> Result<HttpResponse, Error> {
    let items: Result<Vec<_>, Error> = LIBRARY.iter().map(|(_, text)| super::read(text).map(library_view)).collect();
    Ok(HttpResponse::Ok().json(Library { items: items? }))
}

/// One version of a protocol in the clinic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ProtocolVersion {
    /// Its id.
    id: VersionId,
    /// The protocol's key.
    #[schema(example = "mn-face")]
    key: String,
    /// 1, 2, 3 ...
    #[schema(example = 1)]
    version: i32,
    /// How far it is.
    status: VersionStatus,
    /// SHA-256 of the document, base64url.
    #[schema(example = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b")]
    content_hash: String,
    /// Its title, by language.
    title: Texts,
    /// What must be approved before use, by language.
    approval: Texts,
    /// When it came into the clinic.
    created_at: Stamp,
    /// Who approved it.
    #[schema(required)]
    approved_by: Option<MemberId>,
    /// When.
    #[schema(required)]
    approved_at: Option<Stamp>,
}

fn view(row: Version) -> Result<ProtocolVersion, Error> {
    let Protocol { title: Text(title), approval: Text(approval), .. } = super::read(&row.document)?;
    Ok(ProtocolVersion {
        id: row.id,
        key: row.key,
        version: row.version,
        status: row.status,
        content_hash: row.content_hash,
        title: Texts(title),
        approval: Texts(approval),
        created_at: row.created_at,
        approved_by: row.approved_by,
        approved_at: row.approved_at,
    })
}

/// List the clinic's protocol versions, newest first.
///
/// Drafts, the active one of each key, and retired ones that running plans stay on.
#[utoipa::path(tag = "protocols", operation_id = "list_protocols", params(PageParams),
    responses((status = 200, description = "A page of versions.", body = Page<ProtocolVersion>)))]
#[get("/v1/clinic/protocols")]
async fn list_protocols(
    app: web::Data<App>,
    who: Staff,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app.db.read(move |c| store::list(c, who.clinic, &wanted)).await?;
    let page = page.cut(rows, |row| row.id.0, view)?;
    let items: Result<Vec<_>, Error> = page.items.into_iter().collect();
    Ok(HttpResponse::Ok().json(Page { items: items?, next_cursor: page.next_cursor }))
}

/// A library protocol to take over.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Adoption {
    /// The key in the library.
    library_key: text::Key,
}

/// Take a library protocol over into the clinic.
///
/// It comes as a draft. A clinician reads it and activates it; until then nobody can be enrolled in it.
#[utoipa::path(tag = "protocols", operation_id = "adopt_protocol", request_body = Adoption, params(Key),
    responses((status = 201, description = "The draft; or the version that is there already, if it is the same.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols")]
async fn adopt_protocol(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    Body(new): Body<Adoption>,
) -> Result<HttpResponse, Error> {
    let m = app.moment();
    let once = key.once((who.clinic, who.account), "adopt_protocol", &new)?;
    app.db
        .write(move |c| {
            idempotency::run(c, once, &m, |c| {
                view(super::adopt(c, who.clinic, Some(who.member), new.library_key.as_str(), &m)?)
            })
        })
        .await
        .map(idempotency::Answer::created)
}

/// Approve a protocol version. Clinicians and owners only.
///
/// It becomes the active version of its key and never changes again; the one before is retired. Running plans stay on theirs.
#[utoipa::path(tag = "protocols", operation_id = "activate_protocol_version",
    params(Key, ("key" = String, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The active version.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/activate")]
async fn activate_version(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    path: web::Path<(String, i32)>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let m = app.moment();
    let (protocol, version) = path.into_inner();
    let once = key.once((who.clinic, who.account), "activate_protocol_version", &(&protocol, version))?;
    app.db
        .write(move |c| idempotency::run(c, once, &m, |c| view(super::activate(c, &who, &protocol, version, &m)?)))
        .await
        .map(idempotency::Answer::ok)
}
