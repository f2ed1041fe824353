//! Texts that protocols leave to the clinic: the name of its gel, its plan for cold sores. What it writes stands wherever a
//! protocol says `{key}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::auth::Staff;
use crate::clinics::{Clinic, store};
use crate::ctx::Ctx;
use crate::documents;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::check_version;
use crate::protocols::{self, VersionStatus};
use engine::{ClinicText, ClinicTexts, Text};
use ground::ids::ClinicId;
use ground::sql::Conn;
use ground::sql::Json;

/// A text of the clinic, with what the protocols say of it.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// What it is, for staff; empty if no protocol declares it any more.
    pub label: Text,
    /// Whether a protocol cannot be used without it.
    pub required: bool,
    /// What stands there until the clinic has written it.
    pub fallback: Option<Text>,
    /// The protocols that use it.
    pub used_by: BTreeSet<String>,
    /// What the clinic has written.
    pub own: Option<Text>,
}

/// All texts that the clinic's protocols declare, and what it has written for others; by key.
pub fn list(c: &mut Conn, clinic: &Clinic) -> Result<BTreeMap<String, Line>, Error> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for (protocol, declared) in declared(c, clinic.id, &[VersionStatus::Active, VersionStatus::Draft])? {
        for text in declared {
            let line = lines.entry(text.key).or_default();
            if line.used_by.is_empty() {
                line.label = text.label;
            }
            line.required |= text.required;
            line.fallback = line.fallback.take().or(text.fallback);
            line.used_by.insert(protocol.clone());
        }
    }
    for (key, own) in clinic.own_texts()?.0 {
        lines.entry(key).or_default().own = Some(own);
    }
    Ok(lines)
}

/// What the clinic's protocol versions of these states declare, by the protocol's key.
fn declared(c: &mut Conn, clinic: ClinicId, states: &[VersionStatus]) -> Result<Vec<(String, Vec<ClinicText>)>, Error> {
    let versions = protocols::documents(c, clinic, states)?;
    versions.into_iter().map(|(key, document)| Ok((key, documents::read(&document)?.clinic_texts))).collect()
}

/// Writes a text that a protocol declares. The same text again changes nothing.
pub fn write(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    key: &str,
    text: Text,
    if_match: Option<&str>,
) -> Result<(Clinic, Line), Error> {
    let if_match = Some(if_match.ok_or(Error::VersionNeeded)?);
    let clinic = store::get(ctx.c, who.clinic)?;
    let mut line = list(ctx.c, &clinic)?.remove(key).filter(|line| !line.used_by.is_empty()).ok_or(Error::NotFound)?;
    line.own = Some(text.clone());
    let clinic = change(ctx, clinic, if_match, |own| {
        own.0.insert(key.to_owned(), text);
    })?;
    Ok((clinic, line))
}

/// Takes a text away: the protocol's own words stand there again. A text that a plan in use cannot be without stays.
pub fn erase(ctx: &mut Ctx<'_>, who: &Staff, key: &str, if_match: Option<&str>) -> Result<(Clinic, Line), Error> {
    let if_match = Some(if_match.ok_or(Error::VersionNeeded)?);
    let clinic = store::get(ctx.c, who.clinic)?;
    let mut line = list(ctx.c, &clinic)?.remove(key).ok_or(Error::NotFound)?;
    let in_use = declared(ctx.c, who.clinic, &[VersionStatus::Active, VersionStatus::Retired])?;
    let needs = |texts: &[ClinicText]| texts.iter().any(|text| text.required && text.key == key);
    if line.own.is_some() && in_use.iter().any(|(_, texts)| needs(texts)) {
        return Err(Error::conflict("text_required", "a plan in use cannot be without this text; write another one"));
    }
    line.own = None;
    let clinic = change(ctx, clinic, if_match, |own| {
        own.0.remove(key);
    })?;
    Ok((clinic, line))
}

fn change(
    ctx: &mut Ctx<'_>,
    clinic: Clinic,
    if_match: Option<&str>,
    edit: impl FnOnce(&mut ClinicTexts),
) -> Result<Clinic, Error> {
    check_version(if_match, clinic.version)?;
    let before = clinic.own_texts()?;
    let mut texts = before.clone();
    edit(&mut texts);
    if texts == before {
        return Ok(clinic);
    }
    let after = Clinic { texts: Json::of(&texts)?, version: clinic.version + 1, ..clinic };
    if !store::set(ctx.c, &after, after.version - 1)? {
        return Err(Error::Stale);
    }
    ctx.happened(EventKind::ClinicTextChanged, &after)?;
    Ok(after)
}
