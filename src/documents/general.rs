//! The danger signs of a record without a plan: one built-in document, outside of the library. Nobody enrols in it, and no clinic changes it.

use std::sync::{Arc, LazyLock};

use super::hash;
use crate::error::Error;
use engine::Parameters;

/// The document.
pub const DANGER_SIGNS: &str = include_str!("../../protocols/general/danger-signs.toml");

/// The document, compiled.
#[derive(Debug, Clone)]
pub struct General {
    /// Its signs, questions and rules, all of day 0.
    pub compiled: Arc<engine::Compiled>,
    /// SHA-256 of the document, base64url: by which words something was judged.
    pub content_hash: String,
}

static GENERAL: LazyLock<Result<General, String>> = LazyLock::new(|| {
    let protocol = super::read(DANGER_SIGNS).map_err(|why| why.to_string())?;
    let compiled = engine::compile(&protocol, &Parameters::default()).map_err(|why| format!("{why:?}"))?;
    Ok(General { compiled: Arc::new(compiled), content_hash: hash(DANGER_SIGNS) })
});

/// The danger signs that mean the same whatever was treated, or if nothing was.
pub fn danger_signs() -> Result<&'static General, Error> {
    GENERAL.as_ref().map_err(|why| Error::internal("the built-in danger signs cannot be read", why))
}
