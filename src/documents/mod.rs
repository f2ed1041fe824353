//! Protocol documents, without a database: the built-in library, what somebody wrote, and their compiled forms.

pub mod desk;
pub mod general;
pub mod simulate;

use std::sync::Arc;

use crate::error::{Error, FieldError};
use crate::secrets::digest;
use authoring::preview::PreviewError;
use authoring::{LIBRARY, library_document};
use engine::{Parameters, Protocol};
use ground::encoding::url_base64;
use ground::ids::VersionId;
use ground::sql::Json;

/// Reads a document; a stored or built-in one that cannot be read is a defect of ours.
pub fn read(document: &str) -> Result<Protocol, Error> {
    engine::parse(document).map_err(|defects| {
        let all: Vec<String> = defects.iter().map(ToString::to_string).collect();
        Error::internal("a stored protocol cannot be read", all.join("; "))
    })
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
    match authoring::lint(document) {
        Ok(linted) => linted.warnings,
        Err(defects) => defects,
    }
}

/// A document that can be read and has this key: read before any write, because a long one takes a while.
pub struct Authored {
    /// The protocol's key.
    pub key: String,
    /// The text, byte for byte.
    pub document: String,
    /// SHA-256 of it, base64url.
    pub content_hash: String,
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

/// SHA-256 of a document, base64url.
pub fn hash(document: &str) -> String {
    url_base64(&digest(document.as_bytes()))
}

/// A document in which the linter found no error; warnings are for a clinician to judge.
pub struct Checked {
    /// SHA-256 of the document, base64url.
    pub content_hash: String,
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
        stored_parameters: &Json,
        earlier: Option<&Json>,
        overrides: Option<&Json>,
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

impl From<PreviewError> for Error {
    fn from(why: PreviewError) -> Self {
        match why {
            PreviewError::Parameters(problems) => refused(problems),
            PreviewError::Page(why) => Self::internal("the preview's page is broken", why),
        }
    }
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
