//! Texts that protocols leave to the clinic: the name of its gel, its plan for cold sores. What it writes stands wherever a
//! protocol says `{key}`.

pub mod routes;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Clinic, store};
use crate::auth::Staff;
use crate::db::Conn;
use crate::db::types::Json;
use crate::engine::{ClinicText, Text};
use crate::error::{Error, FieldError};
use crate::http::conditions::check_version;
use crate::ids::ClinicId;
use crate::protocols::{self, VersionStatus};
use crate::time::Moment;

/// What the clinic has written, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<String, Text>);

impl Texts {
    /// As it is stored. A clinic that has written nothing costs nothing.
    pub fn read(stored: &Json) -> Result<Self, Error> {
        if stored.as_str() == "{}" { Ok(Self::default()) } else { Ok(stored.to()?) }
    }

    /// What stands for `{key}`: the clinic's own words in one of these languages, else the protocol's, else the clinic's in
    /// any language.
    pub fn word<'a>(&'a self, key: &str, locales: &[&str], declared: &'a [ClinicText]) -> Option<&'a str> {
        let own = self.0.get(key);
        let fallback = || declared.iter().find(|text| text.key == key)?.fallback.as_ref();
        own.and_then(|text| text.wanted(locales))
            .or_else(|| Some(fallback()?.in_locale(locales)))
            .or_else(|| own?.0.values().next().map(String::as_str))
    }
}

impl Clinic {
    /// What the clinic has written.
    pub fn own_texts(&self) -> Result<Texts, Error> {
        Texts::read(&self.texts)
    }

    /// What stands for a word that every protocol may use undeclared.
    pub fn word(&self, name: &str) -> Option<&str> {
        match name {
            "emergency_number" => Some(&self.emergency_number),
            "clinic_phone" => Some(&self.phone),
            "out_of_hours" => Some(&self.out_of_hours),
            _ => None,
        }
    }
}

/// The texts without which the plan cannot be used, and which the clinic has not written.
pub fn missing_texts<'a>(own: &Texts, declared: &'a [ClinicText]) -> Vec<&'a ClinicText> {
    declared.iter().filter(|text| text.required && !own.0.contains_key(&text.key)).collect()
}

/// Refuses a protocol version whose required texts the clinic has not written yet, and names each.
pub fn must_be_written(c: &mut Conn, clinic: ClinicId, declared: &[ClinicText]) -> Result<(), Error> {
    if declared.iter().all(|text| !text.required) {
        return Ok(());
    }
    let own = store::get(c, clinic)?.own_texts()?;
    let missing = |text: &ClinicText| FieldError {
        pointer: "path/version".to_owned(),
        code: format!("text_missing.{}", text.key),
        detail: format!(
            "the plan needs \"{}\": write it with PUT /v1/clinic/texts/{}",
            text.label.in_locale(&["en"]),
            text.key
        ),
    };
    let errors: Vec<FieldError> = missing_texts(&own, declared).into_iter().map(missing).collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

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
    versions.into_iter().map(|(key, document)| Ok((key, protocols::read(&document)?.clinic_texts))).collect()
}

/// Writes a text that a protocol declares. The same text again changes nothing.
pub fn write(
    c: &mut Conn,
    who: &Staff,
    key: &str,
    text: Text,
    if_match: Option<&str>,
    m: &Moment,
) -> Result<(Clinic, Line), Error> {
    let if_match = Some(if_match.ok_or(Error::VersionNeeded)?);
    let clinic = store::get(c, who.clinic)?;
    let mut line = list(c, &clinic)?.remove(key).filter(|line| !line.used_by.is_empty()).ok_or(Error::NotFound)?;
    line.own = Some(text.clone());
    let clinic = change(c, who, clinic, if_match, m, |own| {
        own.0.insert(key.to_owned(), text);
    })?;
    Ok((clinic, line))
}

/// Takes a text away: the protocol's own words stand there again. A text that a plan in use cannot be without stays.
pub fn erase(
    c: &mut Conn,
    who: &Staff,
    key: &str,
    if_match: Option<&str>,
    m: &Moment,
) -> Result<(Clinic, Line), Error> {
    let if_match = Some(if_match.ok_or(Error::VersionNeeded)?);
    let clinic = store::get(c, who.clinic)?;
    let mut line = list(c, &clinic)?.remove(key).ok_or(Error::NotFound)?;
    let in_use = declared(c, who.clinic, &[VersionStatus::Active, VersionStatus::Retired])?;
    let needs = |texts: &[ClinicText]| texts.iter().any(|text| text.required && text.key == key);
    if line.own.is_some() && in_use.iter().any(|(_, texts)| needs(texts)) {
        return Err(Error::conflict("text_required", "a plan in use cannot be without this text; write another one"));
    }
    line.own = None;
    let clinic = change(c, who, clinic, if_match, m, |own| {
        own.0.remove(key);
    })?;
    Ok((clinic, line))
}

fn change(
    c: &mut Conn,
    who: &Staff,
    clinic: Clinic,
    if_match: Option<&str>,
    m: &Moment,
    edit: impl FnOnce(&mut Texts),
) -> Result<Clinic, Error> {
    check_version(if_match, clinic.version)?;
    let before = clinic.own_texts()?;
    let mut texts = before.clone();
    edit(&mut texts);
    if texts == before {
        return Ok(clinic);
    }
    let after = Clinic { texts: Json::of(&texts)?, version: clinic.version + 1, ..clinic };
    if !store::set(c, &after, after.version - 1)? {
        return Err(Error::Stale);
    }
    crate::audit::note(c, Some(after.id), Some(who.account), "clinic_text_changed", "clinic", Some(after.id.0), m)?;
    Ok(after)
}
