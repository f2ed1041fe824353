//! Migrations of plans, batch by batch: after a crash the next batch goes on where the last one was committed.

use crate::app::App;
use crate::error::Error;

/// Plans in one transaction: few, so that requests in between do not wait.
const BATCH: i64 = 100;

/// Does everything that is to be moved; gives how many plans were looked at.
pub async fn go_on(app: &App) -> Result<usize, Error> {
    let mut looked_at = 0;
    loop {
        let (inner, m) = (app.clone(), app.moment());
        let batch = app
            .db
            .write(move |c| {
                let Some(migration) = super::store::claim(c)? else { return Ok(None) };
                super::go_on(c, &inner.compiled, migration, BATCH, &m).map(Some)
            })
            .await?;
        match batch {
            Some(plans) => looked_at += plans,
            None => return Ok(looked_at),
        }
    }
}
