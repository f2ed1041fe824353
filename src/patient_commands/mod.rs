//! What changes of a patient's record, with what follows: invitations to an old address end, and the planner looks at the plans again.

use crate::auth::Staff;
use crate::auth::store as accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::text::Note;
use crate::patients::{self, Patient, PatientChange, store};
use ground::ids::PatientId;

/// Changes a patient's record, and plans their reminders again.
pub fn change(ctx: &mut Ctx<'_>, patient: Patient, change: PatientChange) -> Result<Patient, Error> {
    if change.email.is_some() && patient.account_id.is_some() {
        let detail = "the address belongs to the patient's account now: the patient changes it, or `account/move` mails a link to the new one";
        return Err(Error::conflict("account_linked", detail));
    }
    let new_address = change.email.is_some();
    if let Some(email) = &change.email {
        patients::must_be_the_only_one(ctx.c, patient.clinic_id, patient.id, email.as_str())?;
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
    if !store::set(ctx.c, &after, after.version - 1)? {
        return Err(Error::Stale);
    }
    if new_address {
        accounts::end_patient_links(ctx.c, after.clinic_id, after.id, ctx.m.at)?;
    }
    ctx.happened(EventKind::PatientChanged, &after)?;
    Ok(after)
}

/// Takes the account off a record, at once: it was the wrong person's, or should not see it any more. The record's address can be changed
/// then, and an invitation sent anew.
pub fn unlink(ctx: &mut Ctx<'_>, who: &Staff, id: PatientId, reason: &Note) -> Result<Patient, Error> {
    store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    accounts::end_patient_links(ctx.c, who.clinic, id, ctx.m.at)?;
    if store::clear_account(ctx.c, who.clinic, id)? {
        ctx.happened_because(
            EventKind::PatientUnlinked,
            EventSubject::in_clinic(who.clinic, Object::Patient(id)),
            reason.as_str(),
        )?;
    }
    store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)
}
