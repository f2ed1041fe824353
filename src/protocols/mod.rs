//! A clinic's protocols: versions of documents, approved by a clinician, retired, taken up again.

pub mod store;

use diesel::prelude::*;

use crate::auth::Staff;
use crate::clinics::Clinic;
use crate::ctx::Ctx;
use crate::db::schema::protocol_versions;
use crate::documents::{Authored, Checked, from_library, hash, read};
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::conditions::listed;
use engine::Protocol;
use ground::ids::{ClinicId, MemberId, VersionId};
use ground::sql::{Conn, MultiBackend};
use ground::time::{Moment, Stamp};
use ground::words;

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
    pub clinic_id: ClinicId,
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
    pub created_at: Stamp,
    /// Who approved it.
    pub approved_by: Option<MemberId>,
    pub approved_at: Option<Stamp>,
}

impl From<&Version> for EventSubject {
    fn from(version: &Version) -> Self {
        Self::in_clinic(version.clinic_id, Object::ProtocolVersion(version.id))
    }
}

/// The number of a version.
pub fn number(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<i32, Error> {
    store::number(c, clinic, id)
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
pub fn adopt(ctx: &mut Ctx<'_>, clinic: ClinicId, by: Option<MemberId>, key: &str) -> Result<Version, Error> {
    add(ctx, clinic, by, key, from_library(key)?)
}

/// A new draft with that document; the newest version, if that is its document already.
pub fn write(ctx: &mut Ctx<'_>, who: &Staff, new: &Authored) -> Result<Version, Error> {
    add(ctx, who.clinic, Some(who.member), &new.key, &new.document)
}

/// A draft gets another document. `if_match` names the one that was read.
pub fn edit(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    version: i32,
    new: &Authored,
    if_match: Option<&str>,
) -> Result<Version, Error> {
    let before = self::version(ctx.c, who.clinic, &new.key, version)?;
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
    if !store::set_document(ctx.c, &after, &read)? {
        return Err(Error::Stale);
    }
    ctx.happened(EventKind::ProtocolEdited, &after)?;
    Ok(after)
}

/// How often a version is looked at again that somebody approved or retired in the same moment.
const LOOKS: usize = 3;

/// No new plans; running ones go on. A draft is put away. Idempotent, and so is one that races with an approval: it retires what was approved.
pub fn retire(ctx: &mut Ctx<'_>, who: &Staff, key: &str, version: i32) -> Result<Version, Error> {
    for _ in 0..LOOKS {
        let before = self::version(ctx.c, who.clinic, key, version)?;
        if before.status == VersionStatus::Retired {
            return Ok(before);
        }
        if store::set_retired(ctx.c, who.clinic, before.id, before.status)? {
            ctx.happened(EventKind::ProtocolRetired, &before)?;
            return Ok(Version { status: VersionStatus::Retired, ..before });
        }
    }
    Err(Error::Busy)
}

/// A new draft with the document of a retired version, which stays retired; the newest version, if it is such a draft already.
pub fn redraft(ctx: &mut Ctx<'_>, who: &Staff, key: &str, version: i32) -> Result<Version, Error> {
    let retired = self::version(ctx.c, who.clinic, key, version)?;
    if retired.status != VersionStatus::Retired {
        return Err(Error::conflict("not_retired", "only a retired version is taken up again: this one is in use"));
    }
    let is_it = |newest: &Version| newest.status == VersionStatus::Draft && newest.content_hash == retired.content_hash;
    let newest = store::find_newest(ctx.c, who.clinic, key)?;
    if let Some(same) = newest.as_ref().filter(|newest| is_it(newest)) {
        return Ok(same.clone());
    }
    let version = draft(who.clinic, Some(who.member), key, &retired.document, ctx.m).after(newest.as_ref());
    if !store::insert(ctx.c, &version)? {
        return store::find_newest(ctx.c, who.clinic, key)?.filter(is_it).ok_or(Error::Busy); // somebody else was first
    }
    ctx.happened(EventKind::ProtocolRedrafted, &version)?;
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

/// A first draft of a protocol.
fn draft(clinic: ClinicId, by: Option<MemberId>, key: &str, document: &str, m: &Moment) -> Version {
    Version {
        clinic_id: clinic,
        id: m.id(),
        key: key.to_owned(),
        version: 1,
        status: VersionStatus::Draft,
        document: document.to_owned(),
        content_hash: hash(document),
        created_by: by,
        created_at: m.at,
        approved_by: None,
        approved_at: None,
    }
}

impl Version {
    /// The same as the next one after the newest of its protocol.
    fn after(self, newest: Option<&Self>) -> Self {
        Self { version: newest.map_or(1, |newest| newest.version + 1), ..self }
    }
}

fn add(ctx: &mut Ctx<'_>, clinic: ClinicId, by: Option<MemberId>, key: &str, document: &str) -> Result<Version, Error> {
    let content_hash = hash(document);
    let newest = store::find_newest(ctx.c, clinic, key)?;
    if let Some(same) = newest.as_ref().filter(|newest| newest.content_hash == content_hash) {
        return Ok(same.clone());
    }
    let version = draft(clinic, by, key, document, ctx.m).after(newest.as_ref());
    if !store::insert(ctx.c, &version)? {
        let same = store::find_newest(ctx.c, clinic, key)?.filter(|newest| newest.content_hash == version.content_hash);
        return same.ok_or(Error::Busy); // somebody else's document was first
    }
    ctx.happened(EventKind::ProtocolWritten, &version)?;
    Ok(version)
}

/// Approves a draft: it becomes the active version, and the one before is retired. Idempotent.
pub fn activate(ctx: &mut Ctx<'_>, who: &Staff, key: &str, version: i32, checked: &Checked) -> Result<Version, Error> {
    let found = store::find(ctx.c, who.clinic, key, version)?.ok_or(Error::NotFound)?;
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
    crate::clinics::must_be_written(ctx.c, who.clinic, &read(&found.document)?.clinic_texts)?;
    store::retire_active(ctx.c, who.clinic, key)?;
    if !store::set_active(ctx.c, &found, who.member, ctx.m.at)? {
        return Err(changed_meanwhile());
    }
    ctx.happened(EventKind::ProtocolActivated, &found)?;
    store::find(ctx.c, who.clinic, key, version)?.ok_or(Error::NotFound)
}

/// The protocol of a version of the clinic.
pub fn of_version(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<Protocol, Error> {
    read(&store::document(c, clinic, id)?)
}

/// The clinic's version of that number.
pub fn version(c: &mut Conn, clinic: ClinicId, key: &str, number: i32) -> Result<Version, Error> {
    store::find(c, clinic, key, number)?.ok_or(Error::NotFound)
}

/// `NotFound` unless the clinic has a protocol of that key.
pub fn must_exist(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<(), Error> {
    store::find_newest(c, clinic, key)?.map(|_| ()).ok_or(Error::NotFound)
}

/// The version to enrol in, or to make a course of: active, and approved by a clinician; a demo's plans need no approval.
pub fn approved(c: &mut Conn, clinic: &Clinic, key: &str) -> Result<Version, Error> {
    let active = store::find_active(c, clinic.id, key)?;
    active.filter(|version| version.approved_by.is_some() || clinic.demo).ok_or_else(|| {
        let detail = "no version of this protocol is active: a clinician must approve one first";
        Error::field("/protocol_key", "not_approved", detail)
    })
}
