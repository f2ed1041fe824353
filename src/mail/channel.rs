//! The way to the relay as a whole. While it is down one mail tries it from time to time and the others wait; a relay that refuses
//! everybody is down too, whatever it says of each.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outbox::OutboxMail;
use super::{Failure, Outcome, Phase};
use crate::db::Db;
use crate::job_failures;
use ground::ids::MailId;
use ground::time::{Stamp, Stopwatch};

/// After a failure of the way itself the next mail tries it so much later; the last one is where it stays.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(30)];
/// So many different people refused one after another, and nobody taken: it is not they.
const REFUSED_IN_A_ROW: usize = 10;

/// What a mail's fate says about the way.
pub enum ChannelNews {
    /// Nothing new.
    Fine,
    /// The way broke, or refuses what comes from us.
    Broke,
    /// The relay refuses everybody: these were settled as refused, wrongly.
    RefusesEverybody(Vec<OutboxMail>),
}

/// The way's state, of this process.
#[derive(Default)]
pub struct Channel(Mutex<State>);

#[derive(Default)]
struct State {
    failures: usize,
    failed: Option<Stopwatch>,
    refused: Vec<OutboxMail>,
}

impl Channel {
    /// Whether a mail may try it now. While the way is down, whoever gets `true` is the one who tries.
    pub fn is_open(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pause) = state.failures.checked_sub(1).and_then(|past| PAUSES.get(past.min(PAUSES.len() - 1))) else {
            return true;
        };
        let is_time = state.failed.as_ref().is_none_or(|since| since.elapsed() >= *pause);
        if is_time {
            state.failed = Some(Stopwatch::start());
        }
        is_time
    }

    /// Whether the last mail found the way open.
    pub fn is_fine(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failures == 0
    }

    /// A clock that is moved by hand does not wait for the way to come back.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// What the relay said to a mail, or how the way broke; `None`: it took it.
    pub fn heard(&self, mail: &OutboxMail, failure: Option<&Failure>) -> ChannelNews {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failure) = failure else {
            *state = State::default();
            return ChannelNews::Fine;
        };
        let is_broken = failure.blames_channel()
            || failure.phase < Phase::Recipient && failure.outcome == Outcome::NotSent { retryable: true };
        if is_broken {
            return state.broke();
        }
        if !matches!(failure.outcome, Outcome::Refused { permanent: true, .. }) {
            return ChannelNews::Fine;
        }
        state.refused.push(mail.clone());
        let people: BTreeSet<&str> = state.refused.iter().map(|mail| mail.to_address.as_str()).collect();
        if people.len() < REFUSED_IN_A_ROW {
            return ChannelNews::Fine;
        }
        let refused = std::mem::take(&mut state.refused);
        state.broke();
        ChannelNews::RefusesEverybody(refused)
    }

    /// Writes it where `aftercare doctor` reads it: mail is the one way on which nobody can be told.
    pub async fn tell_operator(&self, db: &Db, mail: MailId, at: Stamp) {
        tracing::error!(outbox_id = %mail, "the way to the relay is broken, or the relay refuses what we send; mail waits");
        let told = db.write(move |c| job_failures::note(c, job_failures::CHANNEL, None, "mail_channel", at)).await;
        if let Err(why) = told {
            tracing::warn!(%why, "the state of the way to the relay could not be written down");
        }
    }
}

impl State {
    fn broke(&mut self) -> ChannelNews {
        self.failures += 1;
        self.failed = Some(Stopwatch::start());
        ChannelNews::Broke
    }
}
