//! F35: the outbox, by chance. The product's own rows and queries, two workers that are killed, paused and stopped between any two of their
//! steps, a relay that fails in each of its phases, and a clock that is moved by hand. One seed is one story, the same on every machine.
//!
//! The promises are checked after each step (P2 to P5 of the reliability page). Three mutants show that the check can fail.
//! `SIMULATION_SEEDS=1000000 cargo nextest run --test mail simulation` for a night; `SIMULATION_FROM` for one story that failed.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Text};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};

use aftercare::db::migrate;
use aftercare::mail::outbox::{self, Again, Claimant, Lane, MailState, NewMail, OutboxMail, Post, Turns};
use aftercare::mail::templates::Kind;
use aftercare::secrets::Secrets;
use ground::ids::{ClinicId, MailId};
use ground::sql::Conn;
use ground::time::{Entropy, Moment, Stamp};

use crate::dice::Dice;

/// Stories of one run; the reliability page asks for ten thousand in each.
const SEEDS: u64 = 10_000;
/// Threads that share them.
const THREADS: u64 = 2;
/// Steps of a story, before everything is healthy again.
const STEPS: usize = 28;
/// Seconds that pass, with a healthy worker after each, until nothing may wait any more: longer than leases, pauses and lives of mails.
const HEALTHY_ROUNDS: [i64; 4] = [1_000, 2_400, 4_000, 40_000];

/// What is taken out of the outbox to see whether anybody notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mutant {
    /// The product as it is.
    None,
    /// A result counts whoever brings it.
    Fence,
    /// Two rows may have one dedupe key.
    Unique,
    /// The mail goes before `sending` is committed.
    Order,
}

/// Where a worker is between two of its steps.
enum Doing {
    Nothing,
    /// It has claimed these and spoken to nobody yet.
    Claimed(Vec<OutboxMail>),
    /// `sending` is committed; the final dot is not said. The others wait.
    OnTheWire(OutboxMail, Vec<OutboxMail>),
    /// The relay has answered, and nothing of it is recorded.
    Answered(OutboxMail, Answer, Vec<OutboxMail>),
}

/// What a relay can do with a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Taken,
    Never,
    NotNow,
    Unreached,
    /// The line broke after the final dot: taken or not, nobody knows.
    Silence,
}

struct Worker {
    name: String,
    turns: Turns,
    doing: Doing,
}

impl Worker {
    fn new(name: String) -> Self {
        Self { name, turns: Turns::default(), doing: Doing::Nothing }
    }
}

#[derive(QueryableByName, Debug)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    dedupe_key: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Bool)]
    resent: bool,
    #[diesel(sql_type = Integer)]
    fence: i32,
    #[diesel(sql_type = BigInt)]
    expires_at: i64,
    #[diesel(sql_type = Bool)]
    has_text: bool,
}

/// What the relay has of one message id.
#[derive(Default, Clone)]
struct AtRelay {
    copies: usize,
    /// How often the outcome of a copy was lost: a worker died, was overtaken, or the line broke.
    unheard: usize,
}

struct World<'c> {
    c: &'c mut Conn,
    mutant: Mutant,
    dice: Dice,
    at: Stamp,
    post: Post,
    entropy: Entropy,
    workers: Vec<Worker>,
    relay: BTreeMap<MailId, AtRelay>,
    written: BTreeMap<String, usize>,
    settled: BTreeMap<Vec<u8>, String>,
}

/// A database in memory with the product's schema.
fn database(mutant: Mutant) -> Conn {
    let mut conn = Conn::Sqlite(SqliteConnection::establish(":memory:").unwrap());
    migrate::run(&mut conn).unwrap();
    let Conn::Sqlite(raw) = &mut conn else { unreachable!() };
    raw.batch_execute("PRAGMA foreign_keys=OFF").unwrap();
    if mutant == Mutant::Unique {
        #[derive(QueryableByName)]
        struct Sql {
            #[diesel(sql_type = Text)]
            sql: String,
        }
        let table = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'outbox'";
        let Sql { sql } = diesel::sql_query(table).get_result(raw).unwrap();
        let without = sql.replace("dedupe_key TEXT NOT NULL UNIQUE", "dedupe_key TEXT NOT NULL");
        assert_ne!(sql, without, "the schema says it in other words now");
        raw.batch_execute(&format!("DROP TABLE outbox; {without}")).unwrap();
    }
    conn
}

const KINDS: [Kind; 3] = [Kind::SignInLink, Kind::AlertNotice, Kind::Reminder];

impl<'c> World<'c> {
    fn new(c: &'c mut Conn, seed: u64, mutant: Mutant, post: &Post) -> Self {
        let Conn::Sqlite(raw) = &mut *c else { unreachable!() };
        raw.batch_execute("DELETE FROM outbox").unwrap();
        let at = Stamp::from_micros(1_800_000_000_000_000).unwrap();
        Self {
            c,
            mutant,
            dice: Dice(seed),
            at,
            post: post.clone(),
            entropy: Entropy::seeded(seed),
            workers: ["one", "two"].map(|name| Worker::new(name.to_owned())).into(),
            relay: BTreeMap::new(),
            written: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    fn play(&mut self) -> Result<(), String> {
        self.write();
        for _ in 0..STEPS {
            match self.dice.between(0, 24) {
                0 => self.write(),
                1..=5 => self.wait(),
                6 => {
                    let index = self.some_worker();
                    self.kill(index);
                }
                7 => self.stop(),
                _ => {
                    let index = self.some_worker();
                    self.step(index, None);
                }
            }
            self.check()?;
        }
        // Everything is well again: one healthy worker, and time.
        (0..self.workers.len()).for_each(|index| self.kill(index));
        self.workers = vec![Worker::new("healthy".to_owned())];
        for seconds in HEALTHY_ROUNDS {
            self.at = self.at.plus_seconds(seconds);
            loop {
                self.step(0, Some(Answer::Taken));
                if matches!(self.workers[0].doing, Doing::Nothing) {
                    break;
                }
            }
            self.check()?;
        }
        self.check_end()
    }

    /// Two planners that know nothing of each other write the same mail.
    fn write(&mut self) {
        let kind = *self.dice.one_of(&KINDS);
        let number = self.dice.between(0, 3);
        let key = format!("{}:{number}", kind.word());
        let clinic = (kind != Kind::SignInLink).then(|| ClinicId(uuid::Uuid::from_u128(7 + u128::from(number == 1))));
        for _ in 0..2 {
            let m = Moment::new(self.at, self.entropy.clone());
            let life = if kind == Kind::SignInLink { 900 } else { 6 * 3_600 };
            let mail = NewMail {
                clinic_id: clinic,
                dedupe_key: key.clone(),
                to: "ada@patients.example".to_owned(),
                expires_at: self.at.plus_seconds(life),
                ..NewMail::of(kind, &m)
            };
            outbox::put(self.c, &self.post, mail, &m).unwrap();
        }
        *self.written.entry(key).or_default() += 1;
    }

    /// A while, or long enough for leases, for a greylist, or for a mail to expire.
    fn wait(&mut self) {
        let seconds = *self.dice.one_of(&[1, 40, 91, 400, 1_000, 1_000, 1_000, 8_000]);
        self.at = self.at.plus_seconds(seconds);
    }

    /// `kill -9`: what the worker knew is gone, and another process starts in its place.
    fn kill(&mut self, index: usize) {
        if let Doing::Answered(mail, Answer::Taken, _) = &self.workers[index].doing {
            self.relay.entry(mail.id).or_default().unheard += 1;
        }
        let name = format!("{}'", self.workers[index].name);
        self.workers[index] = Worker::new(name);
    }

    fn some_worker(&mut self) -> usize {
        usize::from(self.dice.flip())
    }

    /// SIGTERM: the mail on the wire is finished, the others are given back.
    fn stop(&mut self) {
        let index = self.some_worker();
        let doing = std::mem::replace(&mut self.workers[index].doing, Doing::Nothing);
        let waiting = match doing {
            Doing::Nothing => return,
            Doing::Claimed(waiting) => waiting,
            Doing::OnTheWire(mail, waiting) => {
                let answer = self.speak(&mail, None);
                self.record(&mail, answer);
                waiting
            }
            Doing::Answered(mail, answer, waiting) => {
                self.record(&mail, answer);
                waiting
            }
        };
        let unsent: Vec<(MailId, i32)> = waiting.iter().map(|mail| (mail.id, mail.fence)).collect();
        outbox::hand_back(self.c, &unsent).unwrap();
    }

    /// One step of a worker, as `mailing.rs` makes them. In between, anything can happen.
    fn step(&mut self, index: usize, relay_says: Option<Answer>) {
        let doing = std::mem::replace(&mut self.workers[index].doing, Doing::Nothing);
        self.workers[index].doing = match doing {
            Doing::Nothing => {
                let (name, mut turns) = (self.workers[index].name.clone(), self.workers[index].turns.clone());
                let claimed =
                    outbox::claim(self.c, &Claimant { owner: name, lane: Lane::All, most: 2 }, &mut turns, self.at)
                        .unwrap();
                self.workers[index].turns = turns;
                let mails: Vec<OutboxMail> = claimed.into_iter().map(|mail| mail.unwrap()).collect();
                if mails.is_empty() { Doing::Nothing } else { Doing::Claimed(mails) }
            }
            Doing::Claimed(mut waiting) => {
                let mail = waiting.remove(0);
                if self.mutant == Mutant::Order {
                    let answer = self.speak(&mail, relay_says);
                    Doing::Answered(mail, answer, waiting)
                } else if self.mark_sending(&mail) {
                    Doing::OnTheWire(mail, waiting)
                } else {
                    next(waiting)
                }
            }
            Doing::OnTheWire(mail, waiting) => {
                let answer = self.speak(&mail, relay_says);
                Doing::Answered(mail, answer, waiting)
            }
            Doing::Answered(mail, answer, waiting) => {
                if self.mutant == Mutant::Order {
                    self.mark_sending(&mail);
                }
                self.record(&mail, answer);
                next(waiting)
            }
        };
    }

    fn mark_sending(&mut self, mail: &OutboxMail) -> bool {
        let mail = self.as_fenced(mail);
        outbox::mark_sending(self.c, &mail, &mail.to_address, self.at).unwrap()
    }

    /// The dialogue up to the answer. Whoever has no time left gives up before the final dot.
    fn speak(&mut self, mail: &OutboxMail, relay_says: Option<Answer>) -> Answer {
        if self.at.micros() >= mail.expires_at.micros() {
            return Answer::Unreached;
        }
        let by_chance =
            [Answer::Taken, Answer::Taken, Answer::Never, Answer::NotNow, Answer::Unreached, Answer::Silence];
        let answer = relay_says.unwrap_or_else(|| *self.dice.one_of(&by_chance));
        let is_taken = answer == Answer::Taken || answer == Answer::Silence && self.dice.flip();
        let id = mail.id.0.as_bytes().to_vec();
        let is_its_own =
            self.rows().iter().any(|row| row.id == id && row.fence == mail.fence && row.state == "sending");
        let at_relay = self.relay.entry(mail.id).or_default();
        at_relay.copies += usize::from(is_taken);
        // It stood still between the commit and the dot for longer than its lease (F17).
        let is_overtaken = !is_its_own && self.mutant == Mutant::None;
        at_relay.unheard += usize::from(answer == Answer::Silence || is_overtaken);
        answer
    }

    fn record(&mut self, mail: &OutboxMail, answer: Answer) {
        let mail = self.as_fenced(mail);
        let again = |again| (Some(again), MailState::Retry);
        let (again, state) = match answer {
            Answer::Taken => (None, MailState::Sent),
            Answer::Never => (None, MailState::Dead),
            Answer::NotNow => again(Again::NotNow),
            Answer::Unreached => again(Again::Unreached),
            Answer::Silence => again(Again::Unknown),
        };
        let is_recorded = match again {
            Some(again) => outbox::put_back(self.c, &mail, "simulated", again, self.at).unwrap(),
            None => outbox::settle(self.c, &mail, state, "simulated", self.at).unwrap(),
        };
        if !is_recorded && answer == Answer::Taken {
            self.relay.entry(mail.id).or_default().unheard += 1; // its lease had run out
        }
    }

    /// The mail under the fence of its claim; the mutant knows no fence: it takes the row's.
    fn as_fenced(&mut self, mail: &OutboxMail) -> OutboxMail {
        let mut mail = mail.clone();
        if self.mutant == Mutant::Fence {
            let id = mail.id.0.as_bytes().to_vec();
            mail.fence = self.rows().iter().find(|row| row.id == id).map_or(mail.fence, |row| row.fence);
        }
        mail
    }

    fn rows(&mut self) -> Vec<Row> {
        let sql =
            "SELECT id, kind, dedupe_key, state, resent, fence, expires_at, context <> 'null' AS has_text FROM outbox";
        let Conn::Sqlite(raw) = &mut *self.c else { unreachable!() };
        diesel::sql_query(sql).load(raw).unwrap()
    }

    /// What holds after every step.
    fn check(&mut self) -> Result<(), String> {
        let rows = self.rows();
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &rows {
            *keys.entry(&row.dedupe_key).or_default() += 1;
            let at_relay = self.relay.get(&id_of(row)).cloned().unwrap_or_default();
            let is_link = row.kind == Kind::SignInLink.word();
            if at_relay.copies > if is_link { 1 } else { 2 } {
                return Err(format!("P4: {} copies of {row:?}", at_relay.copies));
            }
            if at_relay.copies > 1 && at_relay.unheard == 0 && !self.is_unrecorded(id_of(row)) {
                return Err(format!("P4: a second copy though the first was heard of: {row:?}"));
            }
            // Whoever comes late with an outcome knows better than whoever found the lease over; what is known stays.
            let known = self.settled.get(&row.id).filter(|before| *before == "sent" || *before == "dead");
            if let Some(before) = known
                && *before != row.state
            {
                return Err(format!("P2: {before} became {}: {row:?}", row.state));
            }
            let is_settled = ["sent", "dead", "expired", "unknown"].contains(&row.state.as_str());
            // One that was given up can be read and sent again by somebody.
            if row.has_text == (row.state == "sent") {
                return Err(format!("P2: a mail has its text until it was sent, and no longer: {row:?}"));
            }
            if row.state == "sent" && at_relay.copies == 0 {
                return Err(format!("P3: the relay never had it: {row:?}"));
            }
            if is_settled {
                self.settled.insert(row.id.clone(), row.state.clone());
            }
        }
        match keys.iter().find(|(_, rows)| **rows > 1) {
            Some((key, rows)) => Err(format!("P4: {rows} rows of {key}")),
            None if keys.len() != self.written.len() => {
                Err(format!("P3: {} of {} mails", keys.len(), self.written.len()))
            }
            None => Ok(()),
        }
    }

    /// Whether a worker that stands still knows that the relay has taken the mail.
    fn is_unrecorded(&self, id: MailId) -> bool {
        self.workers
            .iter()
            .any(|worker| matches!(&worker.doing, Doing::Answered(mail, Answer::Taken, _) if mail.id == id))
    }

    /// What holds once everything was healthy for a while.
    fn check_end(&mut self) -> Result<(), String> {
        for row in self.rows() {
            let at_relay = self.relay.get(&id_of(&row)).cloned().unwrap_or_default();
            match row.state.as_str() {
                "sent" | "dead" | "expired" => {}
                "unknown" if at_relay.unheard > 0 || row.resent || row.kind == Kind::SignInLink.word() => {}
                _ => return Err(format!("P3: never settled: {row:?}, now {}", self.at.micros())),
            }
            if row.state == "expired" && row.expires_at > self.at.micros() {
                return Err(format!("P5: expired before its time: {row:?}"));
            }
        }
        Ok(())
    }
}

fn next(waiting: Vec<OutboxMail>) -> Doing {
    if waiting.is_empty() { Doing::Nothing } else { Doing::Claimed(waiting) }
}

fn id_of(row: &Row) -> MailId {
    MailId(uuid::Uuid::from_slice(&row.id).unwrap())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The first story of a range in which a promise was broken.
fn first_broken(mutant: Mutant, seeds: impl Iterator<Item = u64>) -> Option<(u64, String)> {
    let post = Post {
        domain: "mail.clinic.example".to_owned(),
        links_url: "https://app.clinic.example".to_owned(),
        base_url: "https://api.clinic.example".to_owned(),
        secrets: std::sync::Arc::new(Secrets::new(&"a secret of thirty-two characters or more".into())),
    };
    let mut conn = database(mutant);
    seeds.into_iter().find_map(|seed| {
        let broken = World::new(&mut conn, seed, mutant, &post).play().err()?;
        Some((seed, broken))
    })
}

#[test]
fn the_outbox_keeps_its_promises_in_ten_thousand_stories() {
    let (from, seeds) = (number("SIMULATION_FROM", 0), number("SIMULATION_SEEDS", SEEDS));
    let broken: Vec<(u64, String)> = std::thread::scope(|scope| {
        let part = |thread| scope.spawn(move || first_broken(Mutant::None, (from + thread..from + seeds).step_by(2)));
        let threads: Vec<_> = (0..THREADS).map(part).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(broken, [], "the numbers are seeds: SIMULATION_FROM=<seed> SIMULATION_SEEDS=1 plays one again");
}

#[test]
fn a_mutant_of_the_outbox_is_caught() {
    for (mutant, promise) in [(Mutant::Fence, "P"), (Mutant::Unique, "P4: 2 rows"), (Mutant::Order, "P4")] {
        let (_, broken) = first_broken(mutant, 0..2_000).unwrap_or_else(|| panic!("{mutant:?} was not caught"));
        assert!(broken.starts_with(promise), "{mutant:?}: {broken}");
    }
}
