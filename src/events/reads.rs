//! What staff have looked at: gathered in memory, written in batches beside the requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::prelude::*;

use super::{Actor, Event, EventKind, EventSubject, Object, store};
use crate::db::schema::{alerts, courses, outbox, plans, reminders};
use crate::error::Error;
use ground::ids::{ClinicId, EventObjectId, MemberId, PatientId};
use ground::sql::Conn;
use ground::time::Stamp;

/// Whoever looks at the same thing again within this time has looked once.
const AGAIN: Duration = Duration::from_secs(600);
/// So many (member, thing) are remembered; beyond that the same look may be written twice.
const REMEMBERED: u64 = 50_000;
/// So many looks wait at the most: a request that finds them waits until they are written.
const MOST_WAITING: usize = 2_000;

/// A look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Who looked.
    pub actor: Actor,
    /// `*.read`.
    pub kind: EventKind,
    /// At what.
    pub subject: EventSubject,
    pub at: Stamp,
}

type Same = (Option<MemberId>, EventKind, Option<EventObjectId>, Option<PatientId>);

/// The looks that are not written yet.
pub struct Reads {
    waiting: Mutex<Vec<Look>>,
    known: moka::sync::Cache<Same, ()>,
}

impl Default for Reads {
    fn default() -> Self {
        let known = moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(AGAIN).build();
        Self { waiting: Mutex::default(), known }
    }
}

impl Reads {
    /// Keeps looks to be written; `true`: so many wait that they must be written before anybody is answered.
    pub fn note(&self, looks: impl IntoIterator<Item = Look>) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for look in looks {
            let subject = &look.subject;
            let same = (look.actor.member(), look.kind, subject.object.map(Object::id), subject.patient);
            if !self.known.contains_key(&same) {
                self.known.insert(same, ());
                waiting.push(look);
            }
        }
        waiting.len() >= MOST_WAITING
    }

    /// Takes what waits.
    pub fn take(&self) -> Vec<Look> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be written.
    pub fn give_back(&self, mut looks: Vec<Look>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        looks.append(&mut waiting);
        *waiting = looks;
    }
}

/// Writes looks as events, each with the record that its thing is about.
pub fn write(c: &mut Conn, looks: &[Look]) -> Result<(), Error> {
    for look in looks {
        let mut subject = look.subject;
        if let (None, Some(clinic), Some(object)) = (subject.patient, subject.clinic, subject.object) {
            subject.patient = patient_of(c, clinic, object)?;
        }
        store::insert(c, look.actor, &Event { kind: look.kind, subject }, None, look.at)?;
    }
    Ok(())
}

fn patient_of(c: &mut Conn, clinic: ClinicId, object: Object) -> Result<Option<PatientId>, Error> {
    let found = match object {
        Object::Plan(id) => plans::table.find((clinic, id)).select(plans::patient_id).first(c).optional()?,
        Object::Course(id) => courses::table.find((clinic, id)).select(courses::patient_id).first(c).optional()?,
        Object::Alert(id) => alerts::table.find((clinic, id)).select(alerts::patient_id).first(c).optional()?,
        Object::Reminder(id) => {
            reminders::table.find((clinic, id)).select(reminders::patient_id).first(c).optional()?
        }
        Object::Mail(id) => outbox::table.find(id).select(outbox::patient_id).first(c).optional()?.flatten(),
        _ => None,
    };
    Ok(found)
}
