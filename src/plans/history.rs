//! How a plan stood before it was changed, and what it ever asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clinics::Clinic;
use crate::ctx::Ctx;
use crate::documents::Compiled;
use crate::error::Error;
use crate::plans::{Plan, PlanFile, compiled, store};
use crate::protocols;
use engine::{Enrolment, Epoch, History, ItemKind, LocalTime, Parameters, PlanState, Slot};
use ground::ids::OccurrenceId;
use ground::sql::Conn;
use ground::time::Stamp;

/// How a plan stood before each of its changes.
pub(super) fn load(c: &mut Conn, cache: &Compiled, plan: &Plan, clinic: &Clinic) -> Result<History, Error> {
    if plan.revision == 1 {
        return Ok(History::default());
    }
    let mut before: Vec<(Stamp, PlanState)> = Vec::new();
    for row in store::list_revisions(c, plan.clinic_id, plan.id)? {
        let state = row.state(&row.before_state, plan)?;
        match before.last_mut() {
            Some((until, same)) if *same == state => *until = row.made_at,
            _ => before.push((row.made_at, state)),
        }
    }
    let mut epochs = Vec::with_capacity(before.len());
    for (until, state) in before {
        let plan = plan.with_state(&state)?;
        let compiled = match compiled(c, cache, &plan) {
            Ok(compiled) => compiled,
            // What was sound once and is not to this release must not take the plan of today away.
            Err(Error::Invalid(_)) => continue,
            Err(why) => return Err(why),
        };
        epochs.push(Epoch { until, enrolment: plan.enrolment(clinic)?, compiled, body_area: state.body_area });
    }
    Ok(epochs.into_iter().collect())
}

impl PlanFile {
    /// The same patient's plan, changed.
    pub(super) fn changed_to(&self, ctx: &mut Ctx<'_>, after: Plan) -> Result<Self, Error> {
        PlanFile::new(ctx.c, ctx.cache, (after, self.patient.clone(), self.clinic.clone()))
    }

    /// The plan's days as they were ever counted, the newest first.
    fn ever_counted(&self) -> impl Iterator<Item = (&Arc<engine::Compiled>, &Enrolment)> {
        let before = self.enrolment.history.iter().rev().map(|epoch| (&epoch.compiled, &epoch.enrolment));
        std::iter::once((&self.compiled, &self.enrolment)).chain(before)
    }

    /// The beginning of the earliest date that ever was the plan's day 0, at the clinic: nobody can have answered before it.
    pub fn begun_at(&self) -> Result<Stamp, Error> {
        let day_zeros = self.ever_counted().map(|(_, enrolment)| enrolment.day_zero);
        let earliest = day_zeros.fold(self.plan.day_zero.0, jiff::civil::Date::min);
        Ok(engine::local_instant(earliest, LocalTime::MIDNIGHT, &crate::zones::zone(&self.clinic.zone)?))
    }
}

/// The plan as it stood at an instant; a change that was made at it counts only afterwards.
pub fn as_it_stood(ctx: &mut Ctx<'_>, plan_file: &PlanFile, at: Stamp) -> Result<PlanFile, Error> {
    let revisions = store::list_revisions(ctx.c, plan_file.plan.clinic_id, plan_file.plan.id)?;
    let Some(next) = revisions.iter().find(|revision| at <= revision.made_at) else { return Ok(plan_file.clone()) };
    let state = next.state(&next.before_state, &plan_file.plan)?;
    plan_file.changed_to(ctx, plan_file.plan.with_state(&state)?)
}

/// Every version that a phone of this patient may hold the form of: those that the plan was ever on, the newest first, and then all
/// that the protocol ever had. One that does not fit the treatment is left out.
pub fn versions(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<Arc<engine::Compiled>>, Error> {
    let mut versions: Vec<Arc<engine::Compiled>> =
        plan_file.ever_counted().map(|(compiled, _)| Arc::clone(compiled)).collect();
    let parameters = Parameters(plan_file.plan.parameters.to()?);
    for document in protocols::ever_approved(c, plan_file.plan.clinic_id, &plan_file.compiled.key)? {
        versions.extend(cache.of(&document, &parameters).ok());
    }
    let mut seen = BTreeSet::new();
    versions.retain(|version| seen.insert(Arc::as_ptr(version)));
    Ok(versions)
}

/// What a plan asked once.
#[derive(Debug, Clone)]
pub struct EverAsked {
    /// The key of the line.
    pub item: String,
    /// The key of the window.
    pub slot: String,
    /// The day, as days are counted now.
    pub day: i32,
    /// What kinds of line had this key.
    pub kinds: BTreeSet<ItemKind>,
    /// The form of the newest of them.
    pub form: Option<String>,
    /// The windows that had this key.
    pub slots: Vec<Slot>,
}

/// What this plan asked at any time under an id, as it stood then; `None` if it never had such an occurrence.
pub fn ever_asked(plan_file: &PlanFile, id: OccurrenceId) -> Option<EverAsked> {
    let now = &plan_file.enrolment;
    let mut ever: Option<EverAsked> = None;
    for (compiled, then) in plan_file.ever_counted() {
        let Some((item, day, slot)) = engine::find(compiled, then, id, 0) else { continue };
        let (Some(item), Some(slot)) = (compiled.items.get(item), compiled.slots.get(slot)) else { continue };
        let known = ever.get_or_insert_with(|| EverAsked {
            item: item.key.clone(),
            slot: slot.key.clone(),
            // It stays with its date.
            day: then.date_of(day).filter(|_| now.day_zero != then.day_zero).map_or(day, |date| now.day_on(date)),
            kinds: BTreeSet::new(),
            form: None,
            slots: Vec::new(),
        });
        known.kinds.insert(item.kind);
        known.form = known.form.take().or_else(|| item.form.clone());
        known.slots.push(slot.clone());
    }
    ever
}
