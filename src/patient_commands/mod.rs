//! What changes of a patient's record, with what follows: invitations to an old address end, and the planner looks at the plans again.

use crate::audit::{self, Deed};
use crate::auth::Staff;
use crate::auth::store as accounts;
use crate::error::Error;
use crate::http::text::Note;
use crate::patients::{self, Patient, PatientChange, store};
use crate::plans;
use ground::ids::{AccountId, PatientId};
use ground::sql::Conn;
use ground::time::Moment;

/// Changes a patient's record, and plans their reminders again.
pub fn change(
    c: &mut Conn,
    patient: Patient,
    change: PatientChange,
    actor: AccountId,
    m: &Moment,
) -> Result<Patient, Error> {
    if change.email.is_some() && patient.account_id.is_some() {
        let detail = "the address belongs to the patient's account now: the patient changes it, or `account/move` mails a link to the new one";
        return Err(Error::conflict("account_linked", detail));
    }
    let new_address = change.email.is_some();
    if let Some(email) = &change.email {
        patients::must_be_the_only_one(c, (patient.clinic_id, patient.id), email.as_str())?;
    }
    let after = Patient {
        name: change.name.map_or(patient.name, Into::into),
        email: change.email.map_or(patient.email, |email| email.as_str().to_owned()),
        zone: change.zone.map_or(patient.zone, |zone| zone.as_str().to_owned()),
        locale: change.locale.map_or(patient.locale, |locale| locale.as_str().to_owned()),
        reminders: change.reminders.unwrap_or(patient.reminders),
        address_refused_at: patient.address_refused_at.filter(|_| !new_address),
        version: patient.version + 1,
        ..patient
    };
    if !store::set(c, &after, after.version - 1)? {
        return Err(Error::Stale);
    }
    if new_address {
        accounts::end_patient_links(c, after.clinic_id, after.id, m.at)?;
    }
    plans::wake_all(c, after.clinic_id, after.id, m.at)?;
    audit::note(c, Some(after.clinic_id), Some(actor), "patient_changed", "patient", Some(after.id.0), m)?;
    Ok(after)
}

/// Takes the account off a record, at once: it was the wrong person's, or should not see it any more. The record's address can be changed
/// then, and an invitation sent anew.
pub fn unlink(c: &mut Conn, who: &Staff, id: PatientId, reason: &Note, m: &Moment) -> Result<Patient, Error> {
    store::find(c, who.clinic, id)?.ok_or(Error::NotFound)?;
    accounts::end_patient_links(c, who.clinic, id, m.at)?;
    if store::clear_account(c, who.clinic, id)? {
        let deed = Deed { action: "account_unlinked", object_kind: "patient", object: id.0 };
        audit::note_why(c, (Some(who.clinic), Some(who.account)), deed, reason.as_str(), m)?;
        plans::wake_all(c, who.clinic, id, m.at)?;
    }
    store::find(c, who.clinic, id)?.ok_or(Error::NotFound)
}
