//! Clinics and members: the rows.

use diesel::prelude::*;

use super::Clinic;
use crate::auth::{self, Member, MemberState, Role};
use crate::db::schema::{clinics, members, patients};
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{AccountId, ClinicId, MemberId, PatientId};
use ground::sql::Conn;

/// A new clinic.
pub fn insert(c: &mut Conn, clinic: &Clinic) -> Result<(), Error> {
    diesel::insert_into(clinics::table).values(clinic).execute(c)?;
    Ok(())
}

/// The clinic of an id that we hold ourselves.
pub fn get(c: &mut Conn, id: ClinicId) -> Result<Clinic, Error> {
    Ok(clinics::table.find(id).select(Clinic::as_select()).first(c)?)
}

/// All clinics, oldest first.
pub fn list(c: &mut Conn) -> Result<Vec<Clinic>, Error> {
    Ok(clinics::table.order(clinics::created_at).select(Clinic::as_select()).load(c)?)
}

/// The clinic as it is now, if the version is still the one that was read. Its zone stays: day 0 of every plan is a date there.
pub fn set(c: &mut Conn, clinic: &Clinic, version: i32) -> Result<bool, Error> {
    let changed = diesel::update(clinics::table.find(clinic.id).filter(clinics::version.eq(version)))
        .set((
            clinics::name.eq(&clinic.name),
            clinics::locale.eq(&clinic.locale),
            clinics::phone.eq(&clinic.phone),
            clinics::emergency_number.eq(&clinic.emergency_number),
            clinics::out_of_hours.eq(&clinic.out_of_hours),
            clinics::reply_hours.eq(&clinic.reply_hours),
            clinics::monitored.eq(clinic.monitored),
            clinics::triage.eq(clinic.triage),
            clinics::texts.eq(&clinic.texts),
            clinics::opening_hours.eq(&clinic.opening_hours),
            clinics::closed_on.eq(&clinic.closed_on),
            clinics::version.eq(clinic.version),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// A new member.
pub fn insert_member(c: &mut Conn, member: &Member) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, members::table, member) == 1)
}

/// A member of the clinic.
pub fn find_member(c: &mut Conn, clinic: ClinicId, id: MemberId) -> Result<Option<Member>, Error> {
    Ok(members::table.find((clinic, id)).select(Member::as_select()).first(c).optional()?)
}

/// The members of the clinic with their addresses, by id.
pub fn list_members(c: &mut Conn, clinic: ClinicId, page: &PageParams) -> Result<Vec<(Member, String)>, Error> {
    use crate::db::schema::accounts;
    let mut rows = members::table
        .inner_join(accounts::table.on(accounts::id.eq(members::account_id)))
        .filter(members::clinic_id.eq(clinic))
        .order(members::id)
        .limit(page.fetch())
        .select((Member::as_select(), accounts::email))
        .into_boxed();
    if let Some(after) = page.after::<MemberId>() {
        rows = rows.filter(members::id.gt(after));
    }
    Ok(rows.load(c)?)
}

/// The new rights, if the version is still the one that was read.
pub fn set_member(c: &mut Conn, member: &Member, version: i32) -> Result<bool, Error> {
    let changed =
        diesel::update(members::table.find((member.clinic_id, member.id)).filter(members::version.eq(version)))
            .set((
                members::name.eq(&member.name),
                members::role.eq(member.role),
                members::state.eq(member.state),
                members::version.eq(member.version),
            ))
            .execute(c)?;
    Ok(changed == 1)
}

/// From one state to another, if it is still in the first.
pub fn set_member_state(
    c: &mut Conn,
    clinic: ClinicId,
    id: MemberId,
    from: MemberState,
    to: MemberState,
) -> Result<bool, Error> {
    let changed = diesel::update(members::table.find((clinic, id)).filter(members::state.eq(from)))
        .set((members::state.eq(to), members::version.eq(members::version + 1)))
        .execute(c)?;
    Ok(changed == 1)
}

/// The clinic's owners, for this transaction alone: two who leave at once do not both find the other.
pub fn lock_owners(c: &mut Conn, clinic: ClinicId) -> Result<(), Error> {
    let owners = members::table.filter(members::clinic_id.eq(clinic).and(members::role.eq(Role::Owner)));
    crate::db::lock!(c, owners.order(members::id).select(members::id), MemberId);
    Ok(())
}

/// Owners who may act.
pub fn count_acting_owners(c: &mut Conn, clinic: ClinicId) -> Result<i64, Error> {
    Ok(members::table
        .filter(members::clinic_id.eq(clinic).and(members::role.eq(Role::Owner)))
        .filter(members::state.eq(MemberState::Confirmed))
        .count()
        .get_result(c)?)
}

/// The clinics of whoever has that address.
pub fn list_clinics_of_address(c: &mut Conn, address: &str) -> Result<Vec<ClinicId>, Error> {
    let account = auth::store::find_account_by_email(c, address)?;
    account.map_or(Ok(Vec::new()), |account| list_clinics_of(c, account.id))
}

/// The records of an account, each with its clinic.
pub fn list_records_of(c: &mut Conn, account: AccountId) -> Result<Vec<(ClinicId, PatientId)>, Error> {
    let of_account = patients::table.filter(patients::account_id.eq(account));
    Ok(of_account.select((patients::clinic_id, patients::id)).load(c)?)
}

/// The clinics in which an account has a record or a membership.
pub fn list_clinics_of(c: &mut Conn, account: AccountId) -> Result<Vec<ClinicId>, Error> {
    let mut clinics: Vec<ClinicId> = list_records_of(c, account)?.into_iter().map(|(clinic, _)| clinic).collect();
    let of_staff = auth::store::list_memberships(c, account)?.into_iter();
    clinics.extend(of_staff.filter(|member| member.state != MemberState::Removed).map(|member| member.clinic_id));
    clinics.sort_unstable();
    clinics.dedup();
    Ok(clinics)
}
