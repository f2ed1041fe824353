//! Moves of running plans, batch by batch: after a crash the next batch goes on where the last one was committed.

use crate::app::App;
use crate::error::Error;
use crate::plan_upgrades::{self, store};

/// Plans in one transaction: few, so that requests in between do not wait.
const BATCH: i64 = 100;

/// Does everything that is to be moved; gives how many plans were looked at.
pub async fn go_on(app: &App) -> Result<usize, Error> {
    let mut looked_at = 0;
    loop {
        let batch = app.work(|ctx| {
            let Some(migration) = store::claim(ctx.c)? else { return Ok(None) };
            plan_upgrades::go_on(ctx, migration, BATCH).map(Some)
        });
        match batch.await? {
            Some(plans) => looked_at += plans,
            None => return Ok(looked_at),
        }
    }
}
