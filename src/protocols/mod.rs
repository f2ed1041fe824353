//! The plans' templates: the built-in library, the clinic's own versions, and their compiled form.

pub mod routes;
pub mod store;

use std::sync::Arc;

use diesel::prelude::*;

use crate::auth::Staff;
use crate::db::schema::protocol_versions;
use crate::db::types::{Json, words};
use crate::db::{Conn, MultiBackend};
use crate::engine::{self, Parameters, Protocol};
use crate::error::{Error, FieldError};
use crate::http::text::url_base64;
use crate::ids::{ClinicId, MemberId, VersionId};
use crate::secrets::digest;
use crate::time::{Moment, Stamp};

/// The built-in plans: file name and text.
pub const LIBRARY: &[(&str, &str)] = &[
    ("mn-face.toml", include_str!("../../protocols/mn-face.toml")),
    ("mn-scalp.toml", include_str!("../../protocols/mn-scalp.toml")),
];

words! {
    /// How far a version is. Only an active one can be enrolled in.
    pub enum VersionStatus {
        /// May change; nobody is enrolled.
        Draft = "draft",
        /// Approved by a clinician; never changes again.
        Active = "active",
        /// No new plans; running ones go on.
        Retired = "retired",
    }
}

/// One version of a protocol in one clinic.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = protocol_versions, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Version {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// Its id.
    pub id: VersionId,
    /// The protocol's key.
    pub key: String,
    /// 1, 2, 3 ...
    pub version: i32,
    /// How far it is.
    pub status: VersionStatus,
    /// The document, byte for byte.
    pub document: String,
    /// SHA-256 of the document, base64url.
    pub content_hash: String,
    /// Who took it over.
    pub created_by: Option<MemberId>,
    /// When.
    pub created_at: Stamp,
    /// Who approved it.
    pub approved_by: Option<MemberId>,
    /// When.
    pub approved_at: Option<Stamp>,
}

/// The library's document of that key.
pub fn library_document(key: &str) -> Option<&'static str> {
    LIBRARY.iter().find(|(file, _)| file.strip_suffix(".toml") == Some(key)).map(|(_, text)| *text)
}

/// Reads a document; a stored or built-in one that cannot be read is a defect of ours.
pub fn read(document: &str) -> Result<Protocol, Error> {
    engine::parse(document).map_err(|defects| {
        let all: Vec<String> = defects.iter().map(ToString::to_string).collect();
        Error::internal("a stored protocol cannot be read", all.join("; "))
    })
}

/// The documents of the clinic's versions in these states, with the protocols' keys, in their order.
pub fn documents(c: &mut Conn, clinic: ClinicId, states: &[VersionStatus]) -> Result<Vec<(String, String)>, Error> {
    store::list_documents(c, clinic, states)
}

/// Takes a library protocol over into the clinic, as a draft that a clinician must approve.
pub fn adopt(c: &mut Conn, clinic: ClinicId, by: Option<MemberId>, key: &str, m: &Moment) -> Result<Version, Error> {
    let document = library_document(key)
        .ok_or_else(|| Error::field("/library_key", "unknown_value", "there is no such protocol in the library"))?;
    let content_hash = url_base64(&digest(document.as_bytes()));
    let newest = store::find_newest(c, clinic, key)?;
    if let Some(same) = newest.as_ref().filter(|newest| newest.content_hash == content_hash) {
        return Ok(same.clone());
    }
    let version = Version {
        clinic_id: clinic,
        id: m.id(),
        key: key.to_owned(),
        version: newest.map_or(1, |newest| newest.version + 1),
        status: VersionStatus::Draft,
        document: document.to_owned(),
        content_hash,
        created_by: by,
        created_at: m.at,
        approved_by: None,
        approved_at: None,
    };
    if !store::insert(c, &version)? {
        let same = store::find_newest(c, clinic, key)?.filter(|newest| newest.content_hash == version.content_hash);
        return same.ok_or(Error::Stale);
    }
    crate::audit::note(c, Some(clinic), None, "protocol_adopted", "protocol_version", Some(version.id.0), m)?;
    Ok(version)
}

/// Approves a draft: it becomes the active version, and the one before is retired. Twice is once.
pub fn activate(c: &mut Conn, who: &Staff, key: &str, version: i32, m: &Moment) -> Result<Version, Error> {
    let found = store::find(c, who.clinic, key, version)?.ok_or(Error::NotFound)?;
    match found.status {
        VersionStatus::Active => return Ok(found),
        VersionStatus::Retired => {
            return Err(Error::conflict("retired", "a retired version cannot become active again"));
        }
        VersionStatus::Draft => {}
    }
    crate::clinics::must_be_written(c, who.clinic, &read(&found.document)?.clinic_texts)?;
    store::retire_active(c, who.clinic, key)?;
    store::set_active(c, who.clinic, found.id, who.member, m.at)?;
    crate::audit::note(
        c,
        Some(who.clinic),
        Some(who.account),
        "protocol_approved",
        "protocol_version",
        Some(found.id.0),
        m,
    )?;
    store::find(c, who.clinic, key, version)?.ok_or(Error::NotFound)
}

/// Compiled protocols, shared by all plans with the same document and parameters. The key is their content, so that
/// nothing stale can be served: another document or parameter is another key.
pub struct Compiled {
    by_content: moka::sync::Cache<[u8; 32], Arc<engine::Compiled>>,
    by_plan: moka::sync::Cache<(VersionId, u64), Arc<engine::Compiled>>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self::new()
    }
}

impl Compiled {
    /// Empty.
    pub fn new() -> Self {
        Self { by_content: moka::sync::Cache::new(1_000), by_plan: moka::sync::Cache::new(10_000) }
    }

    /// The compiled form of a document with a treatment's parameters; a parameter that it refuses is named.
    pub fn of(&self, document: &str, parameters: &Parameters) -> Result<Arc<engine::Compiled>, Error> {
        let mut content = document.as_bytes().to_vec();
        content.push(0);
        content.extend(serde_json::to_vec(parameters)?);
        let key: [u8; 32] = digest(&content).try_into().map_err(|_| Error::internal("digest", "wrong length"))?;
        if let Some(compiled) = self.by_content.get(&key) {
            return Ok(compiled);
        }
        let compiled = Arc::new(engine::compile(&read(document)?, parameters).map_err(refused)?);
        self.by_content.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// The compiled form for a running plan: found by the version, which never changes once it is active, and the
    /// parameters as they are stored; the document is read only when it is not there.
    pub fn of_plan(
        &self,
        version: VersionId,
        stored_parameters: &Json,
        document: impl FnOnce() -> Result<String, Error>,
    ) -> Result<Arc<engine::Compiled>, Error> {
        let key = (version, hash_of(stored_parameters.as_str()));
        if let Some(compiled) = self.by_plan.get(&key) {
            return Ok(compiled);
        }
        let parameters = Parameters(stored_parameters.to()?);
        let compiled = self.of(&document()?, &parameters)?;
        self.by_plan.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

fn hash_of(value: &str) -> u64 {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn refused(problems: Vec<engine::ParameterProblem>) -> Error {
    Error::Invalid(
        problems
            .into_iter()
            .map(|problem| FieldError {
                pointer: format!("/parameters/{}", problem.key),
                code: problem.code.to_owned(),
                detail: problem.detail,
            })
            .collect(),
    )
}
