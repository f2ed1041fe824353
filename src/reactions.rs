//! What follows from what happened, and the one way in which anything is done.

use crate::app::App;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{Actor, Event, EventKind, Object};
use crate::{alerts, auth, plan_commands, plans, today};
use ground::ids::{ClinicId, PlanId};
use ground::sql::Conn;
use ground::time::Moment;

/// What follows from an event, in its transaction. What follows is kept as an event too, and is reacted to in turn.
pub fn react(ctx: &mut Ctx<'_>, event: &Event) -> Result<(), Error> {
    use EventKind as Kind;
    match (event.kind, event.subject.clinic, event.subject.object) {
        // The clinic is told that there is something to look at.
        (Kind::AlertRaised | Kind::AlertSeenAgain | Kind::AlertWorsened, Some(clinic), Some(Object::Alert(id))) => {
            alerts::tell_staff(ctx, clinic, id)
        }
        (kind, Some(clinic), Some(Object::Plan(id))) => plan_changed(ctx, kind, clinic, id),
        // Zone, address or wishes may be others: the planner looks at the plans again.
        (Kind::PatientChanged | Kind::PatientUnlinked, Some(clinic), Some(Object::Patient(id))) => {
            plans::wake_all(ctx.c, clinic, id, ctx.m.at)
        }
        // What was done for one clinic's plan counts for the other's.
        (Kind::PatientAccepted, _, _) => match ctx.actor {
            Actor::Account(account) => today::share_all_marks(ctx, account),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What follows from a change of a plan, whatever it was.
fn plan_changed(ctx: &mut Ctx<'_>, kind: EventKind, clinic: ClinicId, id: PlanId) -> Result<(), Error> {
    use EventKind as Kind;
    match kind {
        // The plan of the session before may be superseded by it. After a command that was done in the command, whose answer shows it.
        Kind::PlanEnrolled | Kind::PlanStarted | Kind::PlanMoved => plan_commands::follow_sessions(ctx, clinic, id)?,
        // Alerts that were raised before say so, and so their tags are others.
        Kind::PlanCorrected | Kind::PlanEnteredInError | Kind::PlanRevisionUndone => {
            alerts::store::touch_of_plan(ctx.c, clinic, id)?
        }
        _ => {}
    }
    if kind == Kind::PlanMoved {
        return Ok(()); // it asks something else from tomorrow on
    }
    // What was done today, for this plan or for one that is gone by now, counts for the plans that ask it now.
    today::share_marks(ctx, clinic, id)
}

/// Carries a verb out, with what follows from it; `true`: it changed who may do what.
pub fn act<T>(mut ctx: Ctx<'_>, verb: impl FnOnce(&mut Ctx<'_>) -> Result<T, Error>) -> Result<(T, bool), Error> {
    let result = verb(&mut ctx)?;
    let mut rights_changed = false;
    while let Some(event) = ctx.next_event() {
        rights_changed |= event.kind.changes_rights();
        react(&mut ctx, &event)?;
    }
    if rights_changed {
        auth::store::raise_rights(ctx.c)?;
    }
    Ok((result, rights_changed))
}

impl App {
    /// Carries a verb out in one transaction, with what follows from it: durable when it returns, or nothing of it is there.
    pub async fn act<T, F>(&self, actor: impl Into<Actor>, verb: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Ctx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (app, actor, m) = (self.clone(), actor.into(), self.moment());
        let acted = self.db.write(move |c| app.act_in(c, actor, &m, verb)).await?;
        Ok(self.acted(acted))
    }

    /// The same for the recurring work, at the moment that the database's clock says.
    pub async fn work<T, F>(&self, verb: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Ctx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let app = self.clone();
        let acted = self.db.write(move |c| {
            let m = app.work_moment(c)?;
            app.act_in(c, Actor::Server, &m, verb)
        });
        Ok(self.acted(acted.await?))
    }

    /// What [`App::act`] would give: nothing of it is kept.
    pub async fn rehearse<T, F>(&self, actor: impl Into<Actor>, verb: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Ctx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (app, actor, m) = (self.clone(), actor.into(), self.moment());
        Ok(self.db.rehearse(move |c| app.act_in(c, actor, &m, verb)).await?.0)
    }

    /// Judges beside the writer, which reads only, and then acts (`Db::judged_write`).
    pub async fn judge_and_act<J, T, R, W>(&self, actor: impl Into<Actor>, judge: R, verb: W) -> Result<T, Error>
    where
        R: FnOnce(&mut Ctx<'_>) -> Result<J, Error> + Clone + Send + 'static,
        W: FnOnce(&mut Ctx<'_>, Option<J>) -> Result<T, Error> + Send + 'static,
        J: Send + 'static,
        T: Send + 'static,
    {
        let (actor, m) = (actor.into(), self.moment());
        let judge = {
            let (app, m) = (self.clone(), m.clone());
            move |c: &mut Conn| judge(&mut Ctx::new(c, &m, &app.compiled, &app.post(), actor))
        };
        let app = self.clone();
        let act = move |c: &mut Conn, judged| app.act_in(c, actor, &m, |ctx| verb(ctx, judged));
        Ok(self.acted(self.db.judged_write(judge, act).await?))
    }

    /// Makes the key that signs tokens, if there is none yet.
    pub async fn make_first_key(&self) -> Result<(), Error> {
        self.act(Actor::Server, auth::keys::ensure).await?;
        self.tokens.invalidate();
        Ok(())
    }

    /// Carries a verb out in a transaction that is open; `true`: it changed who may do what.
    pub fn act_in<T>(
        &self,
        c: &mut Conn,
        actor: Actor,
        m: &Moment,
        verb: impl FnOnce(&mut Ctx<'_>) -> Result<T, Error>,
    ) -> Result<(T, bool), Error> {
        act(Ctx::new(c, m, &self.compiled, &self.post(), actor), verb)
    }

    fn acted<T>(&self, acted: (T, bool)) -> T {
        let (result, rights_changed) = acted;
        if rights_changed {
            self.tokens.invalidate();
        }
        result
    }
}
