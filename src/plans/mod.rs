//! A patient's enrolment: treatment + pinned protocol version + status, and what is known about its days.

pub mod author;
pub mod history;
pub mod revisions;
pub mod store;

use std::sync::Arc;

use diesel::prelude::*;
use jiff::tz::TimeZone;

use self::author::{Author, Subject};
use crate::clinics::Clinic;
use crate::db::schema::plans;
use crate::documents::Compiled;
use crate::error::Error;
use crate::events::{EventSubject, Object};
use crate::patients::{self, Patient};
use crate::protocols::{self};
use engine::ClinicTexts;
use engine::{CheckInFact, Enrolment, Facts, ItemKind, MarkFact, Override, PlanStatus, Text};
use ground::ids::{AccountId, ClinicId, CourseId, MemberId, PatientId, PlanId, TreatmentId, VersionId};
use ground::sql::{Conn, MultiBackend};
use ground::sql::{DateColumn, Json};
use ground::time::Stamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A patient's enrolment.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = plans, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Plan {
    pub clinic_id: ClinicId,
    pub id: PlanId,
    pub patient_id: PatientId,
    /// What was done.
    pub treatment_id: TreatmentId,
    /// The protocol version that it stays on.
    pub version_id: VersionId,
    /// Where it is.
    pub status: PlanStatus,
    /// The treatment's local date at the clinic.
    pub day_zero: DateColumn,
    /// The treatment's parameters, as they were compiled in.
    pub parameters: Json,
    /// When the patient was enrolled.
    pub enrolled_at: Stamp,
    /// Who enrolled them.
    pub enrolled_by: MemberId,
    /// Why reasons not to start were overruled.
    pub overruled: Option<String>,
    /// Reminders were decided up to here.
    pub planned_to: Stamp,
    /// The next instant at which a reminder or a silence rule could be due.
    pub next_due_at: Option<Stamp>,
    /// Rises with every change.
    pub revision: i32,
    /// The versions that its earlier days belong to, if it was moved (`engine::Stretch`).
    pub earlier_versions: Option<Json>,
    /// The reasons not to start that it waits for, or has waited for.
    pub waits_for: Json,
    /// When a clinician started it, if it waited.
    pub started_at: Option<Stamp>,
    /// Why a clinician did not start it.
    pub declined: Option<String>,
    /// Its pauses and its end (`engine::Stops`), if it has any.
    pub stops: Option<Json>,
    /// What is different for this patient (`engine::Override`s), if anything is.
    pub overrides: Option<Json>,
    /// The date that its days were counted from before the treatment's date was corrected.
    pub first_day_zero: Option<DateColumn>,
    /// The session of a course that it belongs to (`courses::InCourse`).
    pub course: Option<Json>,
    /// When the treatment was, if that is known.
    pub performed_at: Option<Stamp>,
}

impl From<&Plan> for EventSubject {
    fn from(plan: &Plan) -> Self {
        Self::in_clinic(plan.clinic_id, Object::Plan(plan.id)).of_patient(plan.patient_id)
    }
}

/// A plan with its patient and clinic, as one query reads them.
pub type PlanRows = (Plan, Patient, Clinic);

/// A plan with all that its days are computed from.
#[derive(Clone)]
pub struct PlanFile {
    pub plan: Plan,
    pub patient: Patient,
    pub clinic: Clinic,
    /// What the clinic has written for the protocol's texts.
    pub texts: ClinicTexts,
    /// The protocol, compiled with the parameters.
    pub compiled: Arc<engine::Compiled>,
    /// As the engine takes it, with how it stood before its changes.
    enrolment: Enrolment,
    /// What is different for this patient.
    pub overrides: Vec<Override>,
    /// Where the patient is.
    pub zone: TimeZone,
}

/// What the patient has done, owned.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Marks, oldest first.
    pub marks: Vec<MarkFact>,
    /// Check-ins, oldest first.
    pub check_ins: Vec<CheckInFact>,
}

impl Known {
    /// As the engine takes it.
    pub fn facts(&self) -> Facts<'_> {
        Facts { marks: &self.marks, check_ins: &self.check_ins }
    }
}

/// The patient's other plans that run for the same area, of whatever clinic.
pub fn of_same_skin(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<PlanFile>, Error> {
    let Some(account) = plan_file.patient.account_id else { return Ok(Vec::new()) };
    let mut rows = store::list_shown_of_account(c, account)?;
    rows.retain(|(plan, ..)| plan.id != plan_file.plan.id && plan.status == PlanStatus::Active);
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let areas = store::list_areas_of_account(c, account)?;
    let area = |plan: PlanId| areas.iter().find(|(of, _)| *of == plan).map(|(_, area)| area.as_str());
    let (own, several) = (area(plan_file.plan.id), crate::patients::are_several(c, account)?);
    let is_same = |(plan, patient, _): &(Plan, Patient, Clinic)| {
        (!several || patient.id == plan_file.patient.id) && own.is_some() && area(plan.id) == own
    };
    rows.into_iter().filter(is_same).map(|rows| PlanFile::new(c, cache, rows)).collect()
}

impl PlanFile {
    /// Completes a plan's rows.
    pub fn new(c: &mut Conn, cache: &Compiled, rows: PlanRows) -> Result<Self, Error> {
        let (plan, patient, clinic) = rows;
        let compiled = compiled(c, cache, &plan)?;
        let (zone, texts) = (crate::zones::zone(&patient.zone)?, clinic.own_texts()?);
        let overrides = plan.overrides.as_ref().map(Json::to).transpose()?.unwrap_or_default();
        let history = history::load(c, cache, &plan, &clinic)?;
        let enrolment = Enrolment { history, ..plan.enrolment(&clinic)? };
        Ok(Self { plan, patient, clinic, texts, compiled, enrolment, overrides, zone })
    }

    /// What stands for `{name}` in a text of the protocol.
    pub fn word(&self, name: &str, locales: &[&str]) -> Option<&str> {
        self.clinic.word(name).or_else(|| self.texts.word(name, locales, &self.compiled.clinic_texts))
    }

    /// A text of the protocol with the clinic's words in it, in each of its languages: to be kept as it was said.
    pub fn written(&self, text: &Text) -> Text {
        Subject::Plan(self).written(text)
    }

    /// As the engine takes it.
    pub fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// Where the plan stands at an instant: after its last day it is completed, without anybody's doing.
    pub fn status(&self, at: Stamp) -> PlanStatus {
        self.compiled.status_after(self.day_number(at), self.enrolment().status_at(&self.zone, at))
    }

    /// What days are counted from in what is recorded from now on; `None`: what they were always counted from.
    pub fn counted_from(&self) -> Option<DateColumn> {
        self.plan.first_day_zero.map(|_| self.plan.day_zero)
    }

    /// The day that something recorded belongs to now: it stays with its date when the treatment's date is corrected.
    pub fn day_now(&self, day: i32, counted_from: Option<DateColumn>) -> i32 {
        let Some(first) = self.plan.first_day_zero else { return day };
        self.enrolment.stops.recounted(day, counted_from.unwrap_or(first).0, self.plan.day_zero.0)
    }

    /// The patient's day number.
    pub fn day_number(&self, at: Stamp) -> i32 {
        self.enrolment().day_at(&self.zone, at)
    }

    /// What must be known to tell the day `number`: marks of the days that can still be late, and the check-ins that a
    /// restriction may be held by.
    pub fn known(&self, c: &mut Conn, number: i32) -> Result<Known, Error> {
        if self.plan.first_day_zero.is_some() {
            return self.known_all(c);
        }
        let enrolment = self.enrolment();
        let late_days = self.compiled.slots.iter().map(|slot| slot.late_until.days).max().unwrap_or_default();
        // At first, what comes once and was over before the enrolment can be there, too.
        let is_new = number <= enrolment.day_at(&self.zone, enrolment.enrolled_at) + 2;
        let from = (number - late_days).min(if is_new { 0 } else { i32::MAX });
        let held_from = self
            .compiled
            .items
            .iter()
            .filter_map(|item| Some((item.days.last()?, item.hold.as_ref()?.to_day)))
            .filter(|(last, to)| *last < number && number <= *to + 1)
            .map(|(last, _)| last)
            .min();
        let (clinic, plan) = (self.plan.clinic_id, self.plan.id);
        let asks = |kinds: &[ItemKind]| {
            let is_one = |item: &engine::Item| kinds.contains(&item.kind);
            let mut lines = (from..=number).flat_map(|day| self.compiled.lines_on(enrolment, day));
            lines.any(|line| self.compiled.items.get(line.item).is_some_and(is_one))
        };
        // What nothing asks for is not looked up: half of the days of a long plan.
        let check_ins = match held_from {
            Some(day) => store::list_check_ins(c, clinic, plan, day.min(from))?,
            None if asks(&[ItemKind::CheckIn]) => store::list_answered(c, clinic, plan, from)?,
            None => Vec::new(),
        };
        let is_marked = asks(&[ItemKind::Task, ItemKind::Photo]);
        let marks = if is_marked { store::list_marks(c, clinic, plan, from, number)? } else { Vec::new() };
        Ok(Known { marks, check_ins })
    }

    /// The protocol version that a day belongs to.
    pub fn version_on(&self, day: i32) -> Result<VersionId, Error> {
        let earlier: Vec<engine::Stretch> =
            self.plan.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default();
        let stretch = earlier.iter().find(|stretch| day < stretch.until_day);
        Ok(stretch.map_or(self.plan.version_id, |stretch| stretch.version_id))
    }

    /// Everything that is known, for the whole plan.
    pub fn known_all(&self, c: &mut Conn) -> Result<Known, Error> {
        if self.plan.first_day_zero.is_some() {
            let marks = store::list_marks(c, self.plan.clinic_id, self.plan.id, i32::MIN, i32::MAX)?;
            return Ok(Known { marks, check_ins: store::list_recounted(c, self)? });
        }
        Ok(Known {
            marks: store::list_marks(c, self.plan.clinic_id, self.plan.id, i32::MIN, i32::MAX)?,
            check_ins: store::list_check_ins(c, self.plan.clinic_id, self.plan.id, i32::MIN)?,
        })
    }
}

/// The plan's protocol, compiled with its parameters; of several versions, if it was moved.
pub fn compiled(c: &mut Conn, cache: &Compiled, plan: &Plan) -> Result<Arc<engine::Compiled>, Error> {
    let (earlier, overrides) = (plan.earlier_versions.as_ref(), plan.overrides.as_ref());
    let document = |version| protocols::store::document(c, plan.clinic_id, version);
    cache.of_plan(plan.version_id, &plan.parameters, earlier, overrides, document)
}

/// The account's plan of that id, complete.
pub fn of_account(c: &mut Conn, cache: &Compiled, account: AccountId, id: PlanId) -> Result<Option<PlanFile>, Error> {
    let rows = store::find_of_account(c, account, id)?;
    rows.map(|rows| PlanFile::new(c, cache, rows)).transpose()
}

/// The same, also one that was entered in error: what a patient says of it is kept.
pub fn ever_of_account(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    id: PlanId,
) -> Result<Option<PlanFile>, Error> {
    let rows = store::find_ever_of_account(c, account, id)?;
    rows.map(|rows| PlanFile::new(c, cache, rows)).transpose()
}

/// The newest plan of a record, complete; none if it never had one that was right.
pub fn last_of_record(
    c: &mut Conn,
    cache: &Compiled,
    patient: &Patient,
    clinic: &Clinic,
) -> Result<Option<PlanFile>, Error> {
    let plan = store::find_last_of_patient(c, clinic.id, patient.id)?;
    plan.map(|plan| PlanFile::new(c, cache, (plan, patient.clone(), clinic.clone()))).transpose()
}

/// The account's record of that id: its newest plan, if it ever had one that was right.
pub fn of_record(c: &mut Conn, cache: &Compiled, account: AccountId, id: PatientId) -> Result<Option<Author>, Error> {
    let records = patients::store::list_of_account(c, account)?;
    let Some(patient) = records.into_iter().find(|record| record.id == id) else { return Ok(None) };
    let clinic = crate::clinics::store::get(c, patient.clinic_id)?;
    let last = last_of_record(c, cache, &patient, &clinic)?;
    Ok(Some(
        last.map_or_else(|| Author::Record(Box::new((patient, clinic))), |plan_file| Author::Plan(Box::new(plan_file))),
    ))
}

/// Whether the clinic's plan was entered in error: then it never was the patient's.
pub fn is_in_error(c: &mut Conn, clinic: ClinicId, id: PlanId) -> Result<bool, Error> {
    Ok(store::find_status(c, clinic, id)? == Some(PlanStatus::EnteredInError))
}

/// The clinic's plan of that id, complete.
pub fn of_clinic(c: &mut Conn, cache: &Compiled, clinic: ClinicId, id: PlanId) -> Result<Option<PlanFile>, Error> {
    let rows = store::find_of_clinic(c, clinic, id)?;
    rows.map(|rows| PlanFile::new(c, cache, rows)).transpose()
}

impl Plan {
    /// As the engine takes it, but for how it stood before.
    fn enrolment(&self, clinic: &Clinic) -> Result<Enrolment, Error> {
        let zone = crate::zones::zone(&clinic.zone)?;
        // A time on another date than day 0 (a clinic can change its zone) is not known any more: the days count then.
        let is_on_day_zero = |at: &Stamp| engine::local_date(&zone, *at) == self.day_zero.0;
        let counted_later = self.first_day_zero.map_or(0, |first| engine::days_between(first.0, self.day_zero.0));
        Ok(Enrolment {
            plan: self.id,
            day_zero: self.day_zero.0,
            performed_at: self.performed_at.filter(is_on_day_zero),
            enrolled_at: self.started_at.unwrap_or(self.enrolled_at),
            status: self.status,
            stops: self.stops.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
            counted_later,
            history: engine::History::default(),
        })
    }

    /// The session of a course that it belongs to.
    pub fn in_course(&self) -> Option<InCourse> {
        self.course.as_ref()?.to().ok()
    }
}

/// Plans the patient's reminders again: the planner looks at them with its next turn. What was decided stays decided.
pub fn wake_all(c: &mut Conn, clinic: ClinicId, patient: PatientId, at: Stamp) -> Result<(), Error> {
    store::wake_all(c, clinic, patient, at)
}

/// The session that a plan belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanCourse)]
pub struct InCourse {
    /// The course.
    pub course_id: CourseId,
    /// Which session.
    #[schema(example = 2)]
    pub session: i32,
    /// Of how many.
    #[schema(example = 3)]
    pub of: i32,
}

impl InCourse {
    /// As a plan keeps it.
    pub fn kept(this: Option<Self>) -> Result<Option<Json>, Error> {
        Ok(this.map(|this| Json::of(&this)).transpose()?)
    }
}

/// A reason not to start, as it was when the enrolment was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its key in the protocol.
    pub key: String,
    /// What it says.
    pub text: Text,
}

impl PlanFile {
    /// The reasons not to start that apply to this treatment.
    pub fn exclusions(&self) -> Vec<Reason> {
        let reason =
            |exclusion: &engine::Exclusion| Reason { key: exclusion.key.clone(), text: self.written(&exclusion.text) };
        self.compiled.exclusions.iter().map(reason).collect()
    }

    /// What the plan waits for, or has waited for.
    pub fn waits_for(&self) -> Result<Vec<Reason>, Error> {
        Ok(self.plan.waits_for.to()?)
    }
}
