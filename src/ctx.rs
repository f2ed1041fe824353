//! What a verb is given.

use std::collections::VecDeque;

use crate::documents::Compiled;
use crate::error::Error;
use crate::events::{self, Actor, Event, EventKind, EventSubject};
use crate::http::idempotency::{self, Answer, IdempotentRequest};
use crate::mail::outbox::Post;
use ground::ids::{AccountId, MemberId};
use ground::sql::Conn;
use ground::time::Moment;

/// One transaction: the connection and the moment, who acts, and what a verb may use.
pub struct Ctx<'a> {
    pub c: &'a mut Conn,
    /// The moment: the same for all that the verb does.
    pub m: &'a Moment,
    /// Compiled protocols.
    pub cache: &'a Compiled,
    /// What a mail needs.
    pub post: &'a Post,
    /// Who acts: every event that the verb writes is theirs.
    pub actor: Actor,
    happened: VecDeque<Event>,
}

impl<'a> Ctx<'a> {
    /// Of these. What happens in it is only reacted to by whoever takes it out (`App::act`).
    pub fn new(c: &'a mut Conn, m: &'a Moment, cache: &'a Compiled, post: &'a Post, actor: Actor) -> Self {
        Self { c, m, cache, post, actor, happened: VecDeque::new() }
    }

    /// The member who acts; what only staff may do is never done by somebody else.
    pub fn member(&self) -> Result<MemberId, Error> {
        let actor = self.actor;
        actor.member().ok_or_else(|| Error::internal("a member has to do this", format!("{actor:?}")))
    }

    /// The account of whoever acts.
    pub fn account(&self) -> Result<AccountId, Error> {
        let actor = self.actor;
        actor.account().ok_or_else(|| Error::internal("somebody has to do this", format!("{actor:?}")))
    }

    /// Keeps that something happened, in this transaction.
    pub fn happened(&mut self, kind: EventKind, subject: impl Into<EventSubject>) -> Result<(), Error> {
        self.happened_because(kind, subject, None)
    }

    /// The same with the reason that a person gave.
    pub fn happened_because<'r>(
        &mut self,
        kind: EventKind,
        subject: impl Into<EventSubject>,
        reason: impl Into<Option<&'r str>>,
    ) -> Result<(), Error> {
        let event = Event { kind, subject: subject.into() };
        events::store::insert(self.c, self.actor, &event, reason.into(), self.m.at)?;
        self.happened.push_back(event);
        Ok(())
    }

    /// The first event that nobody has reacted to.
    pub fn next_event(&mut self) -> Option<Event> {
        self.happened.pop_front()
    }

    /// Does it once under the caller's `Idempotency-Key`, or gives the answer of the first time.
    pub fn once<T: serde::Serialize>(
        &mut self,
        once: IdempotentRequest,
        operation: impl FnOnce(&mut Ctx<'_>) -> Result<T, Error>,
    ) -> Result<Answer, Error> {
        match idempotency::begin(self.c, once, self.m.at)? {
            idempotency::Begun::Before(answer) => Ok(answer),
            idempotency::Begun::First(place) => {
                let answer = serde_json::to_value(operation(self)?)?;
                idempotency::finish(self.c, place, answer)
            }
        }
    }
}
