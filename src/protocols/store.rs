//! Protocol versions: the rows.

use diesel::prelude::*;

use super::{Version, VersionStatus};
use crate::db::schema::protocol_versions;
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{ClinicId, MemberId, VersionId};
use ground::sql::Conn;
use ground::time::Stamp;

/// A new version; `false` if its number is taken: somebody else was first.
pub fn insert(c: &mut Conn, version: &Version) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, protocol_versions::table, version) == 1)
}

/// A version of the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, key: &str, version: i32) -> Result<Option<Version>, Error> {
    Ok(protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .filter(protocol_versions::version.eq(version))
        .select(Version::as_select())
        .first(c)
        .optional()?)
}

/// The newest version of that key.
pub fn find_newest(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<Option<Version>, Error> {
    Ok(protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .order(protocol_versions::version.desc())
        .select(Version::as_select())
        .first(c)
        .optional()?)
}

/// The active version of that key.
pub fn find_active(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<Option<Version>, Error> {
    Ok(protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .filter(protocol_versions::status.eq(VersionStatus::Active))
        .select(Version::as_select())
        .first(c)
        .optional()?)
}

/// The document of a version.
pub fn document(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<String, Error> {
    Ok(protocol_versions::table.find((clinic, id)).select(protocol_versions::document).first(c)?)
}

/// Key and document of the versions in these states, by key, newest first.
pub fn list_documents(
    c: &mut Conn,
    clinic: ClinicId,
    states: &[VersionStatus],
) -> Result<Vec<(String, String)>, Error> {
    Ok(protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic))
        .filter(protocol_versions::status.eq_any(states.to_vec()))
        .order((protocol_versions::key, protocol_versions::version.desc()))
        .select((protocol_versions::key, protocol_versions::document))
        .load(c)?)
}

/// The documents of a protocol's versions that are or were active, the newest first.
pub fn list_ever_approved(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<Vec<String>, Error> {
    Ok(protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .filter(protocol_versions::status.ne(VersionStatus::Draft))
        .order(protocol_versions::version.desc())
        .select(protocol_versions::document)
        .load(c)?)
}

/// The number of a version.
pub fn number(c: &mut Conn, clinic: ClinicId, id: VersionId) -> Result<i32, Error> {
    Ok(protocol_versions::table.find((clinic, id)).select(protocol_versions::version).first(c)?)
}

/// The versions of the clinic, newest first.
pub fn list(c: &mut Conn, clinic: ClinicId, page: &PageParams) -> Result<Vec<Version>, Error> {
    let mut rows = protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic))
        .order(protocol_versions::id.desc())
        .limit(page.fetch())
        .select(Version::as_select())
        .into_boxed();
    if let Some(after) = page.after::<VersionId>() {
        rows = rows.filter(protocol_versions::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The active version makes room.
pub fn retire_active(c: &mut Conn, clinic: ClinicId, key: &str) -> Result<(), Error> {
    diesel::update(
        protocol_versions::table
            .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
            .filter(protocol_versions::status.eq(VersionStatus::Active)),
    )
    .set(protocol_versions::status.eq(VersionStatus::Retired))
    .execute(c)?;
    Ok(())
}

/// A draft becomes active, if it still is one and has the document that was checked.
pub fn set_active(c: &mut Conn, version: &Version, by: MemberId, at: Stamp) -> Result<bool, Error> {
    let draft = protocol_versions::table
        .find((version.clinic_id, version.id))
        .filter(protocol_versions::status.eq(VersionStatus::Draft))
        .filter(protocol_versions::content_hash.eq(&version.content_hash));
    let changed = diesel::update(draft)
        .set((
            protocol_versions::status.eq(VersionStatus::Active),
            protocol_versions::approved_by.eq(by),
            protocol_versions::approved_at.eq(at),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// A draft's document changes, if it still is a draft with the document that was read.
pub fn set_document(c: &mut Conn, version: &Version, read: &str) -> Result<bool, Error> {
    let draft = protocol_versions::table
        .find((version.clinic_id, version.id))
        .filter(protocol_versions::status.eq(VersionStatus::Draft))
        .filter(protocol_versions::content_hash.eq(read));
    let changed = diesel::update(draft)
        .set((
            protocol_versions::document.eq(&version.document),
            protocol_versions::content_hash.eq(&version.content_hash),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// A version is for nobody new, if it is still in the state that was read.
pub fn set_retired(c: &mut Conn, clinic: ClinicId, id: VersionId, read: VersionStatus) -> Result<bool, Error> {
    let version = protocol_versions::table.find((clinic, id)).filter(protocol_versions::status.eq(read));
    let changed = diesel::update(version).set(protocol_versions::status.eq(VersionStatus::Retired)).execute(c)?;
    Ok(changed == 1)
}

/// The versions of one protocol, newest first.
pub fn list_of_key(c: &mut Conn, clinic: ClinicId, key: &str, page: &PageParams) -> Result<Vec<Version>, Error> {
    let mut rows = protocol_versions::table
        .filter(protocol_versions::clinic_id.eq(clinic).and(protocol_versions::key.eq(key)))
        .order(protocol_versions::id.desc())
        .limit(page.fetch())
        .select(Version::as_select())
        .into_boxed();
    if let Some(after) = page.after::<VersionId>() {
        rows = rows.filter(protocol_versions::id.lt(after));
    }
    Ok(rows.load(c)?)
}
