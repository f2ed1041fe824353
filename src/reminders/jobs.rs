//! The planner: takes the plans whose moment has come, never all of them.

use crate::app::App;
use crate::error::Error;

/// Plans in one transaction: few, so that requests in between do not wait.
const CHUNK: i64 = 20;

/// Plans everything that is due; gives how many plans were looked at.
pub async fn plan_due(app: &App) -> Result<usize, Error> {
    let mut looked_at = 0;
    loop {
        let (inner, m, post) = (app.clone(), app.moment(), app.post());
        let looked = app
            .db
            .write(move |c| {
                let due = crate::plans::store::claim_due(c, m.at, CHUNK)?;
                for (clinic, plan) in &due {
                    super::plan_one(c, &inner.compiled, &post, *clinic, *plan, &m)?;
                }
                Ok(due.len())
            })
            .await?;
        looked_at += looked;
        if looked == 0 {
            return Ok(looked_at);
        }
    }
}
