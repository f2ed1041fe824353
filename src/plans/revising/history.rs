//! How a plan stood before it was changed.

use super::{store, with_state};
use crate::db::Conn;
use crate::engine::PlanState;
use crate::error::Error;
use crate::patients;
use crate::plans::Dossier;
use crate::protocols::Compiled;
use crate::time::Stamp;

/// A plan as it stood for a time.
pub struct Epoch {
    /// The plan as it stood.
    pub dossier: Dossier,
    /// Where on the body.
    pub body_area: String,
    /// The instant at which it came to stand so; since the enrolment if `None`.
    pub from: Option<Stamp>,
    /// The instant at which it was changed; it stands so if `None`.
    pub until: Option<Stamp>,
}

/// A plan as it stood from its enrolment on, oldest first.
pub fn history(c: &mut Conn, cache: &Compiled, now: Dossier) -> Result<Vec<Epoch>, Error> {
    let treatment = patients::treatment(c, now.plan.clinic_id, now.plan.treatment_id)?
        .ok_or_else(|| Error::internal("a plan without a treatment", now.plan.id))?;
    let (mut epochs, mut from) = (Vec::new(), None);
    let rows = if now.plan.revision > 1 { store::list(c, now.plan.clinic_id, now.plan.id)? } else { Vec::new() };
    for row in rows {
        let until = Some(row.made_at);
        if from != until {
            let state: PlanState = row.before_state.to()?;
            let plan = with_state(&now.plan, &state)?;
            let dossier = Dossier::new(c, cache, (plan, now.patient.clone(), now.clinic.clone()))?;
            epochs.push(Epoch { dossier, body_area: state.body_area, from, until });
        }
        from = until;
    }
    epochs.push(Epoch { dossier: now, body_area: treatment.body_area, from, until: None });
    Ok(epochs)
}
