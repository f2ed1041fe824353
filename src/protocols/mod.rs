//! The plans' templates: the built-in library, the clinic's own versions, and their compiled form.

pub mod clinic_commands;
pub mod commands;
pub mod desk;
pub mod general;
pub mod preview;
pub mod routes;
pub mod simulate;
pub mod store;

use std::sync::Arc;

use diesel::prelude::*;

use crate::auth::Staff;
use crate::db::schema::protocol_versions;
use crate::db::types::{Json, words};
use crate::db::{Conn, MultiBackend};
use crate::engine::{self, Parameters, Protocol};
use crate::error::{Error, FieldError};
use crate::http::conditions::listed;
use crate::http::text::url_base64;
use crate::ids::{ClinicId, MemberId, VersionId};
use crate::secrets::digest;
use crate::time::{Moment, Stamp};

/// The built-in plans: file name and text.
pub const LIBRARY: &[(&str, &str)] = &[
    ("laser-afl.toml", include_str!("../../protocols/laser-afl.toml")),
    ("laser-nafl.toml", include_str!("../../protocols/laser-nafl.toml")),
    ("mn-acne-scar.toml", include_str!("../../protocols/mn-acne-scar.toml")),
    ("mn-body.toml", include_str!("../../protocols/mn-body.toml")),
    ("mn-face.toml", include_str!("../../protocols/mn-face.toml")),
    ("mn-pigment.toml", include_str!("../../protocols/mn-pigment.toml")),
    ("mn-scalp.toml", include_str!("../../protocols/mn-scalp.toml")),
    ("peel-medium.toml", include_str!("../../protocols/peel-medium.toml")),
    ("peel-superficial.toml", include_str!("../../protocols/peel-superficial.toml")),
];

/// The JSON Schema of the documents.
pub const SCHEMA: &str = include_str!("../../protocols/protocol.schema.json");

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

/// The number of a version.
pub fn number(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<i32, Error> {
    store::number(c, clinic, id)
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

/// The documents of the versions of a protocol that anybody was ever enrolled in, the newest first.
pub fn ever_approved(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<Vec<String>, Error> {
    store::list_ever_approved(c, clinic, key)
}

/// Takes a library protocol over into the clinic, as a draft that a clinician must approve.
pub fn adopt(c: &mut Conn, clinic: ClinicId, by: Option<MemberId>, key: &str, m: &Moment) -> Result<Version, Error> {
    add(c, (clinic, by), key, from_library(key)?, m)
}

/// The library's document of that key; the field is named if there is none.
pub fn from_library(key: &str) -> Result<&'static str, Error> {
    library_document(key)
        .ok_or_else(|| Error::field("/library_key", "unknown_value", "there is no such protocol in the library"))
}

/// The same document under another key, byte for byte but for the line that names the key.
pub fn rekeyed(document: &str, key: &str) -> Result<String, Error> {
    let old = read_authored(document)?.key;
    let line = document.lines().find(|line| {
        let mut parts = line.splitn(2, '=').map(str::trim);
        parts.next() == Some("key") && parts.next().is_some_and(|value| value.trim_matches(['"', '\'']) == old)
    });
    let line = line.ok_or_else(|| Error::internal("a document without a key line", &old))?;
    Ok(document.replacen(line, &format!("key = \"{key}\""), 1))
}

/// The most bytes of a document.
const LONGEST_DOCUMENT: usize = 200_000;

/// An error if the document is longer than one may be.
pub fn must_fit(document: &str) -> Result<(), Error> {
    if document.len() > LONGEST_DOCUMENT {
        return Err(Error::field("/document", "too_long", format!("may have at most {LONGEST_DOCUMENT} bytes")));
    }
    Ok(())
}

/// Reads a document that somebody wrote: every defect is named, with its line and how to mend it.
pub fn read_authored(document: &str) -> Result<Protocol, Error> {
    must_fit(document)?;
    engine::parse(document).map_err(|defects| {
        let named = |defect: &engine::Defect| FieldError {
            pointer: "/document".to_owned(),
            code: format!("defect.{}", defect.code),
            detail: defect.to_string(),
        };
        Error::Invalid(defects.iter().map(named).collect())
    })
}

/// Everything that is wrong in a document, warnings included.
pub fn defects(document: &str) -> Vec<engine::Defect> {
    match engine::lint(document) {
        Ok(linted) => linted.warnings,
        Err(defects) => defects,
    }
}

/// A document that can be read and has this key: read before any write, because a long one takes a while.
pub struct Authored {
    key: String,
    document: String,
    content_hash: String,
}

/// Reads a document for a version of that key; every defect is named.
pub fn read_as(key: &str, document: String) -> Result<Authored, Error> {
    let protocol = read_authored(&document)?;
    if protocol.key != key {
        let detail = format!("the document's key is `{}`, and this is `{key}`: make them the same", protocol.key);
        return Err(Error::field("/document", "wrong_key", detail));
    }
    Ok(Authored { key: protocol.key, content_hash: hash(&document), document })
}

/// A new draft with that document; the newest version, if that is its document already.
pub fn write(c: &mut Conn, who: &Staff, new: &Authored, m: &Moment) -> Result<Version, Error> {
    add(c, (who.clinic, Some(who.member)), &new.key, &new.document, m)
}

/// A draft gets another document. `if_match` names the one that was read.
pub fn edit(
    c: &mut Conn,
    who: &Staff,
    version: i32,
    new: &Authored,
    if_match: Option<&str>,
    m: &Moment,
) -> Result<Version, Error> {
    let before = self::version(c, who.clinic, &new.key, version)?;
    match if_match {
        None => return Err(Error::VersionNeeded),
        Some(tags) if listed(tags, &before.tag()) => {}
        Some(_) => return Err(Error::Stale),
    }
    if before.status != VersionStatus::Draft {
        return Err(Error::conflict("not_a_draft", "an approved version never changes: write a new one"));
    }
    let read = before.content_hash.clone();
    let after = Version { document: new.document.clone(), content_hash: new.content_hash.clone(), ..before };
    if !store::set_document(c, &after, &read)? {
        return Err(Error::Stale);
    }
    let (clinic, by) = (Some(who.clinic), Some(who.account));
    crate::audit::note(c, clinic, by, "protocol_edited", "protocol_version", Some(after.id.0), m)?;
    Ok(after)
}

/// No new plans; running ones go on. A draft is put away. Twice is once.
pub fn retire(c: &mut Conn, who: &Staff, key: &str, version: i32, m: &Moment) -> Result<Version, Error> {
    let before = self::version(c, who.clinic, key, version)?;
    if before.status == VersionStatus::Retired {
        return Ok(before);
    }
    if !store::set_retired(c, who.clinic, before.id, before.status)? {
        return Err(changed_meanwhile());
    }
    let (clinic, by) = (Some(who.clinic), Some(who.account));
    crate::audit::note(c, clinic, by, "protocol_retired", "protocol_version", Some(before.id.0), m)?;
    Ok(Version { status: VersionStatus::Retired, ..before })
}

/// A new draft with the document of a retired version, which stays retired; the newest version, if it is such a draft already.
pub fn redraft(c: &mut Conn, who: &Staff, key: &str, version: i32, m: &Moment) -> Result<Version, Error> {
    let retired = self::version(c, who.clinic, key, version)?;
    if retired.status != VersionStatus::Retired {
        return Err(Error::conflict("not_retired", "only a retired version is taken up again: this one is in use"));
    }
    let is_it = |newest: &Version| newest.status == VersionStatus::Draft && newest.content_hash == retired.content_hash;
    let newest = store::find_newest(c, who.clinic, key)?;
    if let Some(same) = newest.as_ref().filter(|newest| is_it(newest)) {
        return Ok(same.clone());
    }
    let version = next(newest.as_ref(), (who.clinic, Some(who.member)), (key, &retired.document), m);
    if !store::insert(c, &version)? {
        return store::find_newest(c, who.clinic, key)?.filter(is_it).ok_or(Error::Busy); // somebody else was first
    }
    let (clinic, by) = (Some(who.clinic), Some(who.account));
    crate::audit::note(c, clinic, by, "protocol_redrafted", "protocol_version", Some(version.id.0), m)?;
    Ok(version)
}

/// Somebody else was first: what was decided was decided about something that is not so any more.
fn changed_meanwhile() -> Error {
    Error::conflict("edited", "the version was changed a moment ago: read it again")
}

impl Version {
    /// The tag of its document.
    pub fn tag(&self) -> String {
        format!("\"{}\"", self.content_hash)
    }
}

/// SHA-256 of a document, base64url.
pub fn hash(document: &str) -> String {
    url_base64(&digest(document.as_bytes()))
}

/// The draft after the newest version of a protocol.
fn next(
    newest: Option<&Version>,
    (clinic, by): (ClinicId, Option<MemberId>),
    (key, document): (&str, &str),
    m: &Moment,
) -> Version {
    Version {
        clinic_id: clinic,
        id: m.id(),
        key: key.to_owned(),
        version: newest.map_or(1, |newest| newest.version + 1),
        status: VersionStatus::Draft,
        document: document.to_owned(),
        content_hash: hash(document),
        created_by: by,
        created_at: m.at,
        approved_by: None,
        approved_at: None,
    }
}

fn add(
    c: &mut Conn,
    (clinic, by): (ClinicId, Option<MemberId>),
    key: &str,
    document: &str,
    m: &Moment,
) -> Result<Version, Error> {
    let content_hash = hash(document);
    let newest = store::find_newest(c, clinic, key)?;
    if let Some(same) = newest.as_ref().filter(|newest| newest.content_hash == content_hash) {
        return Ok(same.clone());
    }
    let version = next(newest.as_ref(), (clinic, by), (key, document), m);
    if !store::insert(c, &version)? {
        let same = store::find_newest(c, clinic, key)?.filter(|newest| newest.content_hash == version.content_hash);
        return same.ok_or(Error::Busy); // somebody else's document was first
    }
    crate::audit::note(c, Some(clinic), None, "protocol_written", "protocol_version", Some(version.id.0), m)?;
    Ok(version)
}

/// Approves a draft: it becomes the active version, and the one before is retired. Twice is once.
pub fn activate(
    c: &mut Conn,
    who: &Staff,
    (key, version): (&str, i32),
    checked: &Checked,
    m: &Moment,
) -> Result<Version, Error> {
    let found = store::find(c, who.clinic, key, version)?.ok_or(Error::NotFound)?;
    match found.status {
        VersionStatus::Active => return Ok(found),
        VersionStatus::Retired => {
            return Err(Error::conflict("retired", "a retired version cannot become active again"));
        }
        VersionStatus::Draft => {}
    }
    if found.content_hash != checked.content_hash {
        return Err(changed_meanwhile());
    }
    crate::clinics::must_be_written(c, who.clinic, &read(&found.document)?.clinic_texts)?;
    store::retire_active(c, who.clinic, key)?;
    if !store::set_active(c, (who.clinic, found.id), &checked.content_hash, who.member, m.at)? {
        return Err(changed_meanwhile());
    }
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

/// The protocol of a version of the clinic.
pub fn of_version(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<Protocol, Error> {
    read(&store::document(c, clinic, id)?)
}

/// The clinic's version of that number.
pub fn version(c: &mut Conn, clinic: ClinicId, key: &str, number: i32) -> Result<Version, Error> {
    store::find(c, clinic, key, number)?.ok_or(Error::NotFound)
}

/// A document in which the linter found no error; warnings are for a clinician to judge.
pub struct Checked {
    content_hash: String,
}

/// Checks a document; the linter takes a while, so not inside a write. The library's own were checked when they were built.
pub fn check(document: &str) -> Result<Checked, Error> {
    let is_ours = LIBRARY.iter().any(|(_, text)| *text == document);
    let found = if is_ours { Vec::new() } else { defects(document) };
    let errors: Vec<FieldError> = found
        .iter()
        .filter(|defect| defect.severity == engine::Severity::Error)
        .map(|defect| FieldError {
            pointer: "/document".to_owned(),
            code: format!("defect.{}", defect.code),
            detail: defect.to_string(),
        })
        .collect();
    if errors.is_empty() { Ok(Checked { content_hash: hash(document) }) } else { Err(Error::Invalid(errors)) }
}

/// `NotFound` unless the clinic has a protocol of that key.
pub fn must_exist(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<(), Error> {
    store::find_newest(c, clinic, key)?.map(|_| ()).ok_or(Error::NotFound)
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

    /// The compiled form for a running plan: found by the version, which never changes once it is active, the versions of
    /// its earlier days, and the parameters as they are stored; documents are read only when it is not there.
    pub fn of_plan(
        &self,
        version: VersionId,
        (stored_parameters, earlier, overrides): (&Json, Option<&Json>, Option<&Json>),
        mut document: impl FnMut(VersionId) -> Result<String, Error>,
    ) -> Result<Arc<engine::Compiled>, Error> {
        let stored = (stored_parameters.as_str(), earlier.map(Json::as_str), overrides.map(Json::as_str));
        let key = (version, hash_of(&stored));
        if let Some(compiled) = self.by_plan.get(&key) {
            return Ok(compiled);
        }
        let parameters = Parameters(stored_parameters.to()?);
        let stretches: Vec<engine::Stretch> = earlier.map(Json::to).transpose()?.unwrap_or_default();
        let overrides: Vec<engine::Override> = overrides.map(Json::to).transpose()?.unwrap_or_default();
        let ends = stretches.iter().map(|stretch| (stretch.version_id, Some(stretch.until_day)));
        let stretches: Result<Vec<_>, Error> = ends
            .chain([(version, None)])
            .map(|(version, until_day)| Ok((self.of(&document(version)?, &parameters)?, until_day)))
            .collect();
        let compiled = engine::Compiled::of_stretches(stretches?, &overrides);
        let compiled = compiled.ok_or_else(|| Error::internal("a plan without a version", version))?;
        self.by_plan.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

fn hash_of(value: &impl std::hash::Hash) -> u64 {
    use std::hash::Hasher as _;
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
