//! The planner: takes the plans whose moment has come, never all of them, and each for itself: one that cannot be planned is put off,
//! and the others do not notice.

use std::sync::atomic::Ordering;

use crate::app::App;
use crate::error::Error;
use crate::job_failures::{self, Failing};
use crate::{plans, reminders};
use ground::ids::{ClinicId, PlanId};

/// Plans that are looked up at once.
const CHUNK: i64 = 200;
/// Plans that are planned at once: on SQLite they share a commit, and requests in between do not wait for long.
const TOGETHER: usize = 16;

/// Plans everything that is due; gives how many plans were looked at.
pub async fn plan_due(app: &App) -> Result<usize, Error> {
    let mut looked_at = 0;
    loop {
        let inner = app.clone();
        // From where it is written, and never from a replica that may not know yet that they were planned.
        let due = app
            .db
            .read_fresh(move |c| {
                let at = inner.work_moment(c)?.at;
                plans::store::list_due(c, at, CHUNK)
            })
            .await?;
        for together in due.chunks(TOGETHER) {
            if app.draining.load(Ordering::SeqCst) {
                return Ok(looked_at);
            }
            let planned = together.iter().map(|(clinic, plan)| plan_alone(app, *clinic, *plan));
            futures_util::future::join_all(planned).await.into_iter().collect::<Result<(), Error>>()?;
            looked_at += together.len();
        }
        app.metrics.beat("plan_reminders"); // a herd takes minutes, and is no standstill
        if due.is_empty() {
            return Ok(looked_at);
        }
    }
}

/// Whatever is wrong with one plan is that plan's trouble; an error is one of the machine.
async fn plan_alone(app: &App, clinic: ClinicId, plan: PlanId) -> Result<(), Error> {
    let planned = app.work(move |ctx| {
        if !plans::store::lock_due(ctx.c, clinic, plan, ctx.m.at)? {
            return Ok(()); // another worker has it, or had it
        }
        reminders::plan_one(ctx, clinic, plan)?;
        job_failures::clear(ctx.c, Failing::plan(plan))
    });
    let why = match planned.await {
        Err(why) if !why.is_passing() => why,
        done => return done,
    };
    tracing::error!(plan_id = %plan, %why, "a plan could not be planned; it is put off");
    let word = why.word();
    let put_off = app.work(move |ctx| {
        let until = job_failures::note(ctx.c, Failing::plan(plan), Some(clinic), word, ctx.m.at)?;
        plans::store::put_off(ctx.c, clinic, plan, until)
    });
    put_off.await
}
