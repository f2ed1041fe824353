//! The library and the clinic's protocols, for staff.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Staff;
use crate::documents::simulate::{NewSimulation, simulate};
use crate::documents::{self, Authored};
use crate::error::{Error, Problem};
use crate::http::body::AsSent;
use crate::http::idempotency::{self, Key};
use crate::http::{Body, Page, PageParams, Path, PathKey, PathNumber, Query, conditions, text};
use crate::protocols::{self, Version, VersionStatus, store};
use authoring::Diff;
use authoring::preview::{NewPreview, Preview, preview};
use authoring::{LIBRARY, SCHEMA};
use engine::{Defect, ParameterKind, Procedure, Protocol, Text};
use ground::ids::{ClinicId, MemberId, VersionId};
use ground::sql::Conn;
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_library)
        .service(get_library_document)
        .service(list_protocols)
        .service(adopt_protocol)
        .service(check_document)
        .service(list_versions)
        .service(write_version)
        .service(get_version)
        .service(get_document)
        .service(edit_document)
        .service(diff_versions)
        .service(preview_version)
        .service(simulate_version)
        .service(activate_version)
        .service(retire_version)
        .service(redraft_version)
        .service(get_schema);
}

/// A text in every language that it is written in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::HashMap<String, String>, example = json!({"en": "Face micro-needling"}))]
pub struct Texts(Arc<BTreeMap<String, String>>);

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
        title: protocol.title.into(),
        approval: protocol.approval.into(),
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
    let items: Result<Vec<_>, Error> =
        LIBRARY.iter().map(|(_, text)| documents::read(text).map(library_view)).collect();
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
    /// Who wrote it, or took it over from the library; `null` for a command.
    #[schema(required)]
    created_by: Option<MemberId>,
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
    let Protocol { title, approval, .. } = documents::read(&row.document)?;
    Ok(ProtocolVersion {
        id: row.id,
        key: row.key,
        version: row.version,
        status: row.status,
        content_hash: row.content_hash,
        title: title.into(),
        approval: approval.into(),
        created_by: row.created_by,
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
    /// The clinic's own key for it, if it is to stand beside the library's; the library's key if it is left out.
    key: Option<ProtocolName>,
}

/// A key of a protocol: small letters, digits and dashes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 2, max_length = 41, pattern = "^[a-z][a-z0-9-]*$", example = "our-face")]
struct ProtocolName(String);

impl TryFrom<String> for ProtocolName {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        let plain = key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if plain && key.starts_with(|c: char| c.is_ascii_lowercase()) && (2..=41).contains(&key.len()) {
            Ok(Self(key))
        } else {
            Err("invalid_value: use 2 to 41 small letters, digits and dashes, starting with a letter".to_owned())
        }
    }
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
    let once = key.once(who.clinic, who.account, "adopt_protocol", &new)?;
    let library_key = new.library_key;
    let own = under_own_key(&app, who.clinic, library_key.as_str(), new.key).await?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            view(match &own {
                Some(own) => protocols::write(ctx, &who, own)?,
                None => protocols::adopt(ctx, who.clinic, Some(who.member), library_key.as_str())?,
            })
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// A document of the library under the clinic's own key, read by the clinic's turn; `None`: it keeps the library's key.
async fn under_own_key(
    app: &App,
    clinic: ClinicId,
    library_key: &str,
    key: Option<ProtocolName>,
) -> Result<Option<Authored>, Error> {
    let Some(key) = key else { return Ok(None) };
    let library = documents::from_library(library_key)?;
    let rekey = move || documents::read_as(&key.0, documents::rekeyed(library, &key.0)?);
    app.documents.of(clinic, rekey).await.map(Some)
}

/// Get a built-in protocol's document.
///
/// TOML, as it is committed: to read, or to write one's own from.
#[utoipa::path(tag = "protocols", operation_id = "get_library_document", params(("key" = PathKey, Path, description = "The key in the library.")),
    responses((status = 200, description = "The document.", body = String, content_type = "application/toml")))]
#[get("/v1/library/protocols/{key}/document")]
async fn get_library_document(_who: Staff, key: Path<PathKey>) -> Result<HttpResponse, Error> {
    let document = authoring::library_document(&key).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().content_type(TOML).body(document))
}

const TOML: &str = "application/toml; charset=utf-8";

/// A protocol document.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Document {
    /// TOML, at most 200,000 bytes; kept byte for byte.
    #[schema(max_length = 200_000, example = "schema = 1\nkey = \"our-face\"\n")]
    document: String,
}

/// What is wrong in a document.
#[derive(Debug, Serialize, ToSchema)]
struct Defects {
    /// In the order of the document; empty if there is nothing.
    defects: Vec<Defect>,
}

/// Check a protocol document; nothing is kept.
///
/// Everything that is wrong in it, with line, column and how to mend it. A version with an error cannot be activated.
#[utoipa::path(tag = "protocols", operation_id = "check_protocol_document", request_body = Document,
    responses((status = 200, description = "What is wrong in it.", body = Defects)))]
#[post("/v1/clinic/protocols/check")]
async fn check_document(
    app: web::Data<App>,
    who: Staff,
    AsSent(body): AsSent<Document>,
) -> Result<HttpResponse, Error> {
    documents::must_fit(&body.document)?;
    let defects = app.documents.of(who.clinic, move || Ok(documents::defects(&body.document))).await?;
    Ok(HttpResponse::Ok().json(Defects { defects }))
}

/// List the versions of one of the clinic's protocols, newest first.
///
/// Drafts, the active one, and retired ones.
#[utoipa::path(tag = "protocols", operation_id = "list_protocol_versions", params(PageParams, ("key" = PathKey, Path, description = "The protocol's key.")),
    responses((status = 200, description = "A page of versions.", body = Page<ProtocolVersion>)))]
#[get("/v1/clinic/protocols/{key}/versions")]
async fn list_versions(
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
            store::list_of_key(c, who.clinic, &key, &wanted)
        })
        .await?;
    let page = page.cut(rows, |row| row.id.0, view)?;
    let items: Result<Vec<_>, Error> = page.items.into_iter().collect();
    Ok(HttpResponse::Ok().json(Page { items: items?, next_cursor: page.next_cursor }))
}

/// Write a new version of a protocol. Clinicians and owners only.
///
/// It is a draft until it is activated. A document that cannot be read is refused, with each defect's line and how to mend it.
/// The newest version is given back if that is its document already.
#[utoipa::path(tag = "protocols", operation_id = "write_protocol_version", request_body = Document,
    params(Key, ("key" = PathKey, Path, description = "The protocol's key; the document names the same.")),
    responses((status = 201, description = "The draft.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols/{key}/versions")]
async fn write_version(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    path: Path<PathKey>,
    AsSent(new): AsSent<Document>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let protocol = path.into_inner();
    let once = key.once(who.clinic, who.account, "write_protocol_version", &(&protocol, &new))?;
    let new = app.documents.of(who.clinic, move || documents::read_as(&protocol, new.document)).await?;
    app.act(who, move |ctx| ctx.once(once, |ctx| view(protocols::write(ctx, &who, &new)?)))
        .await
        .map(idempotency::Answer::created)
}

/// Get a version of a protocol.
///
/// Its ETag is that of its document.
#[utoipa::path(tag = "protocols", operation_id = "get_protocol_version",
    params(("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The version.", body = ProtocolVersion)))]
#[get("/v1/clinic/protocols/{key}/versions/{version}")]
async fn get_version(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
) -> Result<HttpResponse, Error> {
    let (key, PathNumber(version)) = path.into_inner();
    let row = app.db.read(move |c| protocols::version(c, who.clinic, &key, version)).await?;
    let tag = row.tag();
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(view(row)?))
}

/// Get a version's document.
///
/// TOML, byte for byte as it was written. Send its ETag with an edit.
#[utoipa::path(tag = "protocols", operation_id = "get_protocol_document",
    params(("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The document.", body = String, content_type = "application/toml")))]
#[get("/v1/clinic/protocols/{key}/versions/{version}/document")]
async fn get_document(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
) -> Result<HttpResponse, Error> {
    let (key, PathNumber(version)) = path.into_inner();
    let row = app.db.read(move |c| protocols::version(c, who.clinic, &key, version)).await?;
    Ok(HttpResponse::Ok().insert_header(("etag", row.tag())).content_type(TOML).body(row.document))
}

/// Edit a draft's document. Clinicians and owners only.
///
/// A version that was approved never changes: 409.
#[utoipa::path(tag = "protocols", operation_id = "edit_protocol_document", request_body = Document,
    params(("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number."),
        ("If-Match" = String, Header, description = "The ETag of the document that was read.")),
    responses((status = 200, description = "The draft as it is now.", body = ProtocolVersion),
        (status = 409, description = "It clashes with what is there: `not_a_draft`.", content_type = "application/problem+json", body = Problem)))]
#[put("/v1/clinic/protocols/{key}/versions/{version}/document")]
async fn edit_document(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
    request: HttpRequest,
    AsSent(new): AsSent<Document>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (tag, (key, PathNumber(version))) = (conditions::if_match(&request), path.into_inner());
    let asked = key.clone();
    app.db.read(move |c| protocols::version(c, who.clinic, &asked, version).map(|_| ())).await?;
    if tag.is_none() {
        return Err(Error::VersionNeeded); // before a document is read that may take long
    }
    let new = app.documents.of(who.clinic, move || documents::read_as(&key, new.document)).await?;
    let row = app.act(who, move |ctx| protocols::edit(ctx, &who, version, &new, tag.as_deref())).await?;
    let tag = row.tag();
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(view(row)?))
}

/// Retire a version. Clinicians and owners only.
///
/// Nobody is enrolled in it any more; running plans go on. A draft is put away; `redraft` takes either up again. Idempotent.
#[utoipa::path(tag = "protocols", operation_id = "retire_protocol_version",
    params(Key, ("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The retired version.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/retire")]
async fn retire_version(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    path: Path<(PathKey, PathNumber)>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (protocol, PathNumber(version)) = path.into_inner();
    let once = key.once(who.clinic, who.account, "retire_protocol_version", &(&protocol, version))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| view(protocols::retire(ctx, &who, &protocol, version)?)))
        .await
        .map(idempotency::Answer::ok)
}

/// Take a retired version up again. Clinicians and owners only.
///
/// A new draft with its document, byte for byte; the retired one stays as it is, with who approved it. If the newest version is such a draft
/// already, that is the answer. 409 `not_retired` for any other version.
#[utoipa::path(tag = "protocols", operation_id = "redraft_protocol_version",
    params(Key, ("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The number of the retired version.")),
    responses((status = 201, description = "The draft.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/redraft")]
async fn redraft_version(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    path: Path<(PathKey, PathNumber)>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (protocol, PathNumber(version)) = path.into_inner();
    let once = key.once(who.clinic, who.account, "redraft_protocol_version", &(&protocol, version))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| view(protocols::redraft(ctx, &who, &protocol, version)?)))
        .await
        .map(idempotency::Answer::created)
}

/// Approve a protocol version. Clinicians and owners only.
///
/// It becomes the active version of its key and never changes again; the one before is retired. Running plans stay on theirs.
#[utoipa::path(tag = "protocols", operation_id = "activate_protocol_version",
    params(Key, ("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The active version.", body = ProtocolVersion)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/activate")]
async fn activate_version(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    path: Path<(PathKey, PathNumber)>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (protocol, PathNumber(version)) = path.into_inner();
    let once = key.once(who.clinic, who.account, "activate_protocol_version", &(&protocol, version))?;
    let asked = protocol.clone();
    let document = app.db.read(move |c| Ok(protocols::version(c, who.clinic, &asked, version)?.document)).await?;
    let checked = app.documents.of(who.clinic, move || documents::check(&document)).await?;
    app.act(who, move |ctx| ctx.once(once, |ctx| view(protocols::activate(ctx, &who, &protocol, version, &checked)?)))
        .await
        .map(idempotency::Answer::ok)
}

/// The version to compare with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Against {
    /// The number of another version; the one before, if it is left out.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 1_000_000)]
    against: Option<VersionNumber>,
}

/// 1 to 1,000,000.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = i32)]
struct VersionNumber(i32);

impl TryFrom<String> for VersionNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if (1..=1_000_000).contains(&number) => Ok(Self(number)),
            _ => Err("out_of_range: `against` must be a whole number from 1 to 1000000".to_owned()),
        }
    }
}

/// Compare a version with another.
///
/// What is added, removed and changed for patients and staff, in words.
#[utoipa::path(tag = "protocols", operation_id = "diff_protocol_versions",
    params(Against, ("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "What is different.", body = Diff)))]
#[get("/v1/clinic/protocols/{key}/versions/{version}/diff")]
async fn diff_versions(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
    Query(params): Query<Against>,
) -> Result<HttpResponse, Error> {
    let (key, PathNumber(version)) = path.into_inner();
    let both = app.db.read(move |c| {
        let of = |c: &mut Conn, number| protocols::version(c, who.clinic, &key, number);
        let against = params.against.map_or(version.saturating_sub(1), |VersionNumber(number)| number);
        Ok((of(c, against)?, of(c, version)?))
    });
    let (before, after) = both.await?;
    Ok(HttpResponse::Ok()
        .json(authoring::diff(&documents::read(&before.document)?, &documents::read(&after.document)?)))
}

/// See a version as a calendar.
///
/// For one treatment: every day with its lines, what to avoid until when, and the reasons not to start that apply.
#[utoipa::path(tag = "protocols", operation_id = "preview_protocol_version", request_body = NewPreview,
    params(("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The calendar.", body = Preview)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/preview")]
async fn preview_version(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
    Body(new): Body<NewPreview>,
) -> Result<HttpResponse, Error> {
    let protocol = protocol_of(&app, who, path).await?;
    Ok(HttpResponse::Ok().json(app.documents.of(who.clinic, move || Ok(preview(&protocol, &new)?)).await?))
}

/// Play a scripted patient against a version.
///
/// Answers, silence, travel, late enrolment: every Today, reminder, alert and mail of the whole course, by the rules that the server
/// itself goes by. Nothing is kept, nobody is written to.
#[utoipa::path(tag = "protocols", operation_id = "simulate_protocol_version", request_body = NewSimulation,
    params(("key" = PathKey, Path, description = "The protocol's key."), ("version" = i32, Path, description = "The version's number.")),
    responses((status = 200, description = "The course.", body = authoring::Simulation)))]
#[post("/v1/clinic/protocols/{key}/versions/{version}/simulate")]
async fn simulate_version(
    app: web::Data<App>,
    who: Staff,
    path: Path<(PathKey, PathNumber)>,
    Body(new): Body<NewSimulation>,
) -> Result<HttpResponse, Error> {
    let protocol = protocol_of(&app, who, path).await?;
    Ok(HttpResponse::Ok().json(app.documents.of(who.clinic, move || simulate(&protocol, &new)).await?))
}

async fn protocol_of(app: &App, who: Staff, path: Path<(PathKey, PathNumber)>) -> Result<Protocol, Error> {
    let (key, PathNumber(version)) = path.into_inner();
    documents::read(&app.db.read(move |c| protocols::version(c, who.clinic, &key, version)).await?.document)
}

/// The JSON Schema of protocol documents.
///
/// Draft 2020-12, for editors that complete and check TOML.
#[utoipa::path(tag = "protocols", operation_id = "get_protocol_schema", security(()),
    responses((status = 200, description = "The schema.", body = Object, example = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}))))]
#[get("/v1/library/protocol.schema.json")]
async fn get_schema() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(SCHEMA)
}
