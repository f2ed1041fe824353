//! Marks on lines that are not asked: a phone was without network while the clinic changed the plan, or its clock is wrong. They are
//! kept with their occurrence. Those that may have been asked when they were noted count as soon as the line is there again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NewMark, Noted, state_word, write};
use crate::ctx::Ctx;
use crate::documents::Compiled;
use crate::error::Error;
use crate::events::EventKind;
use crate::plans::history::{self, EverAsked};
use crate::plans::{self, PlanFile, store};
use engine::{ItemKind, MarkState, PlanStatus};
use ground::ids::{AccountId, MarkId, OccurrenceId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;

/// A mark on a line that is not asked any more. It counts if the line comes back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StoredMark {
    /// The occurrence that was marked.
    pub occurrence_id: OccurrenceId,
    /// Its plan.
    pub plan_id: PlanId,
    /// What was recorded; `null`: a mark was taken back.
    #[schema(required)]
    pub state: Option<MarkState>,
    /// When it was noted; by the server's clock if the phone's cannot be right.
    pub noted_at: Stamp,
    /// What the phone said instead, if its clock cannot be right.
    #[schema(required, example = "2036-03-02T18:30:00Z")]
    pub claimed_at: Option<String>,
    /// When it reached us.
    pub received_at: Stamp,
    /// Why it does not count: `not_open_yet` or `cancelled`; there may be more. `null`: it counts if the line comes back.
    #[schema(required, example = "not_open_yet")]
    pub why: Option<String>,
}

/// What one of an account's plans asked at any time.
pub struct Once {
    plan: PlanId,
    id: OccurrenceId,
    asked: EverAsked,
}

/// Finds what one of the account's plans asked at any time, and could be marked; `None` if none ever had such an occurrence.
pub fn find(c: &mut Conn, cache: &Compiled, account: AccountId, id: OccurrenceId) -> Result<Option<Once>, Error> {
    let can_be_marked = |kind: &ItemKind| kind.can_be_marked() && *kind != ItemKind::CheckIn;
    for rows in store::list_ever_of_account(c, account)? {
        let plan_file = PlanFile::new(c, cache, rows)?;
        if let Some(asked) = history::ever_asked(&plan_file, id).filter(|one| one.kinds.iter().any(can_be_marked)) {
            return Ok(Some(Once { plan: plan_file.plan.id, id, asked }));
        }
    }
    Ok(None)
}

/// Keeps a mark on it.
pub fn keep(ctx: &mut Ctx<'_>, account: AccountId, once: Once, new: &NewMark) -> Result<StoredMark, Error> {
    let Once { plan, id, asked } = once;
    let plan_file = plans::ever_of_account(ctx.c, ctx.cache, account, plan)?.ok_or(Error::NotFound)?;
    let noted_at = super::noted_at(ctx, &plan_file, new)?;
    let why = why_not(&plan_file, id, &asked, noted_at.at, ctx.m.at);
    let noted = Noted { occurrence: id, day: asked.day, item: asked.item, slot: asked.slot };
    match why {
        None => write(ctx, &plan_file, noted, new, &noted_at)?,
        Some(why) => {
            let mark = store::UncountedMark {
                clinic_id: plan_file.plan.clinic_id,
                plan_id: plan,
                id: ctx.m.id::<MarkId>(),
                day: noted.day,
                occurrence_id: id,
                item_key: noted.item,
                slot_key: noted.slot,
                state: state_word(new).to_owned(),
                reason: new.reason.clone().map(Into::into),
                why: why.to_owned(),
                noted_at: noted_at.at,
                claimed_at: noted_at.claimed.clone(),
                received_at: ctx.m.at,
                made_by: account,
            };
            store::keep_mark(ctx.c, &mark)?;
            ctx.happened(EventKind::MarkKept, super::marked(&plan_file, id))?;
        }
    }
    Ok(StoredMark {
        occurrence_id: id,
        plan_id: plan,
        state: new.state,
        noted_at: noted_at.at,
        claimed_at: noted_at.claimed,
        received_at: ctx.m.at,
        why: why.map(str::to_owned),
    })
}

/// Why a mark does not count, if it does not: it had not been asked when it was noted. A line that is there now, and did not take it, was
/// not asked either.
fn why_not(
    plan_file: &PlanFile,
    id: OccurrenceId,
    asked: &EverAsked,
    noted_at: Stamp,
    at: Stamp,
) -> Option<&'static str> {
    let (enrolment, zone) = (plan_file.enrolment(), &plan_file.zone);
    let line = plan_file.compiled.items.iter().rev().find(|item| item.key == asked.item);
    if line.and_then(|line| enrolment.instants(line).from_at).is_some_and(|from_at| noted_at < from_at) {
        return Some("not_open_yet"); // hours after the treatment are not over anywhere
    }
    let is_shown = matches!(plan_file.plan.status, PlanStatus::Active | PlanStatus::Draft);
    let is_there = is_shown
        && enrolment.date_of(asked.day).is_some()
        && engine::find(&plan_file.compiled, enrolment, id, asked.day).is_some();
    let by = engine::at_the_latest(noted_at, at);
    let mut slots = asked.slots.iter();
    if !is_there && slots.clone().any(|slot| enrolment.may_have_asked(slot, asked.day, zone, by)) {
        return None;
    }
    let has_opened = slots.any(|slot| enrolment.has_opened(slot, asked.day, zone, noted_at));
    Some(if has_opened { "cancelled" } else { "not_open_yet" })
}
