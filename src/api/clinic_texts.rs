//! The clinic's texts, for staff.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::protocols::Texts;
use crate::app::App;
use crate::auth::Staff;
use crate::clinic_texts;
use crate::clinics::{Clinic, store};
use crate::error::{Error, FieldError};
use crate::http::conditions::{self, etag_of_version, if_match};
use crate::http::text::{Line, Locale};
use crate::http::{Body, Path, PathKey};
use engine::Text;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_clinic_texts).service(write_clinic_text).service(erase_clinic_text);
}

/// A text that protocols leave to the clinic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClinicText {
    /// Its key: a protocol's text says `{moisturiser}`.
    #[schema(example = "moisturiser")]
    key: String,
    /// What it is, by language; empty if no protocol declares it any more.
    label: Texts,
    /// Whether a protocol cannot be activated without it.
    #[schema(example = false)]
    required: bool,
    /// What stands there until the clinic writes its own, by language.
    #[schema(required)]
    fallback: Option<Texts>,
    /// What the clinic has written, by language.
    #[schema(required)]
    own: Option<Texts>,
    /// The keys of the protocols that use it, active or draft; none if it is of no use any more.
    #[schema(example = json!(["mn-face"]))]
    used_by: Vec<String>,
}

fn view(key: String, line: clinic_texts::Line) -> ClinicText {
    ClinicText {
        key,
        label: line.label.into(),
        required: line.required,
        fallback: line.fallback.map(Into::into),
        own: line.own.map(Into::into),
        used_by: line.used_by.into_iter().collect(),
    }
}

/// The texts of the clinic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClinicTexts {
    /// All of them, by key.
    items: Vec<ClinicText>,
    /// For `If-Match` of a change: the version of the clinic; the ETag is `"v` and this number and `"`.
    #[schema(example = 1)]
    clinic_version: i32,
}

/// List the texts of the clinic.
///
/// All that its active and draft protocols leave to it, with what it has written; and what it has written for protocols that
/// are gone.
#[utoipa::path(tag = "clinic", operation_id = "list_clinic_texts",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The texts.", body = ClinicTexts), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/texts")]
async fn list_clinic_texts(app: web::Data<App>, who: Staff, request: HttpRequest) -> Result<HttpResponse, Error> {
    let texts = app
        .db
        .read(move |c| {
            let clinic = store::get(c, who.clinic)?;
            let items = clinic_texts::list(c, &clinic)?.into_iter().map(|(key, line)| view(key, line)).collect();
            Ok(ClinicTexts { items, clinic_version: clinic.version })
        })
        .await?;
    conditions::answer(&request, &texts)
}

/// What the clinic writes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClinicTextBody {
    /// The text in each language, at most 300 characters each, without `{` and `}`. Where a language is missing, the
    /// clinic's own language stands, then the protocol's words.
    #[serde(deserialize_with = "crate::http::body::each_once")]
    #[schema(value_type = std::collections::HashMap<String, Line>, example = json!({"en": "Invented Balm", "es": "Bálsamo Inventado"}))]
    texts: BTreeMap<String, serde_json::Value>,
}

/// How many languages a text may have.
const MOST_LANGUAGES: usize = 20;

impl ClinicTextBody {
    fn checked(self) -> Result<Text, Error> {
        if self.texts.is_empty() {
            return Err(Error::field("/texts", "too_short", "needs the text in at least one language"));
        }
        if self.texts.len() > MOST_LANGUAGES {
            return Err(Error::field("/texts", "too_long", format!("may have at most {MOST_LANGUAGES} languages")));
        }
        let (mut texts, mut errors) = (BTreeMap::new(), Vec::new());
        for (tag, value) in self.texts {
            match checked(&tag, value).map(|(locale, text)| texts.insert(locale, text)) {
                Ok(None) => {}
                Ok(Some(_)) => errors.push((tag, "duplicate_field: this language is there twice".to_owned())),
                Err(why) => errors.push((tag, why)),
            }
        }
        let named = |(tag, why): (String, String)| {
            let (code, detail) = why.split_once(": ").unwrap_or(("invalid_value", &why));
            let pointer = format!("/texts/{}", tag.replace('~', "~0").replace('/', "~1"));
            FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }
        };
        if errors.is_empty() {
            Ok(texts.into_iter().collect())
        } else {
            Err(Error::Invalid(errors.into_iter().map(named).collect()))
        }
    }
}

fn checked(tag: &str, value: serde_json::Value) -> Result<(String, String), String> {
    let locale = Locale::try_from(tag.to_owned())?;
    let serde_json::Value::String(text) = value else {
        return Err("wrong_type: must be a text".to_owned());
    };
    let text: String = Line::try_from(text)?.into();
    if text.contains(['{', '}']) {
        return Err("brace: may not hold { or }".to_owned());
    }
    Ok((locale.as_str().to_owned(), text))
}

/// Write a text of the clinic. Clinicians and owners only.
///
/// Patients read it at once, wherever a protocol says `{key}`. `If-Match` names the version of the clinic.
#[utoipa::path(tag = "clinic", operation_id = "write_clinic_text", request_body = ClinicTextBody,
    params(("key" = PathKey, Path, description = "The text's key, from the list."), ("If-Match" = String, Header, description = "The clinic's ETag: `\"v1\"`.")),
    responses((status = 200, description = "The text as it is now.", body = ClinicText)))]
#[put("/v1/clinic/texts/{key}")]
async fn write_clinic_text(
    app: web::Data<App>,
    who: Staff,
    key: Path<PathKey>,
    request: HttpRequest,
    Body(body): Body<ClinicTextBody>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (tag, text) = (if_match(&request), body.checked()?);
    let changed = app
        .act(who, move |ctx| {
            let (clinic, line) = clinic_texts::write(ctx, &who, &key, text, tag.as_deref())?;
            Ok((clinic, view(key.into_inner().into(), line)))
        })
        .await?;
    Ok(answer(&changed.0, changed.1))
}

/// Take a text of the clinic back. Clinicians and owners only.
///
/// The protocol's own words stand there again. 409 if a plan in use cannot be without it.
#[utoipa::path(tag = "clinic", operation_id = "erase_clinic_text",
    params(("key" = PathKey, Path, description = "The text's key, from the list."), ("If-Match" = String, Header, description = "The clinic's ETag: `\"v1\"`.")),
    responses((status = 200, description = "The text as it is now.", body = ClinicText)))]
#[delete("/v1/clinic/texts/{key}")]
async fn erase_clinic_text(
    app: web::Data<App>,
    who: Staff,
    key: Path<PathKey>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let tag = if_match(&request);
    let changed = app
        .act(who, move |ctx| {
            let (clinic, line) = clinic_texts::erase(ctx, &who, &key, tag.as_deref())?;
            Ok((clinic, view(key.into_inner().into(), line)))
        })
        .await?;
    Ok(answer(&changed.0, changed.1))
}

fn answer(clinic: &Clinic, text: ClinicText) -> HttpResponse {
    HttpResponse::Ok().insert_header(("etag", etag_of_version(clinic.version))).json(text)
}
