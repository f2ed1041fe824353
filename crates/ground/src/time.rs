//! The only source of time and chance: `Clock`, `Entropy`, and the `Moment` that a verb is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sql::Instant;

/// An instant, in whole microseconds: what both databases store.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    ToSchema,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = Instant)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime, example = "2026-03-04T17:00:00Z")]
pub struct Stamp(jiff::Timestamp);

impl Stamp {
    /// The instant as jiff has it.
    pub fn timestamp(self) -> jiff::Timestamp {
        self.0
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Whole seconds since 1970, as tokens count.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }

    /// From microseconds since 1970; an error outside the years -9999 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, jiff::Error> {
        jiff::Timestamp::from_microsecond(micros).map(Self)
    }

    /// So many seconds later (earlier, if negative); stays at the end of time when it would run over.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let later = self.0.saturating_add(jiff::SignedDuration::from_secs(seconds));
        Self(later.unwrap_or(if seconds < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX }))
    }

    /// Seconds from `earlier` to this instant.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_secs()
    }
}

/// From the door on, an instant has the precision that it is kept with: what comes with nanoseconds is the same when it is read again.
impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(from).map(Self::from)
    }
}

impl From<jiff::Timestamp> for Stamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What time it is. Cheap to clone; clones share a moved clock.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// Stands still until it is moved: tests.
    Fixed(Arc<AtomicI64>),
    /// The machine's, so many microseconds ahead: the demo.
    Shifted(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn fixed(at: Stamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.micros())))
    }

    /// A clock that runs on from `at`.
    pub fn starting(at: Stamp) -> Self {
        Self::Shifted(Arc::new(AtomicI64::new(at.micros() - system_micros())))
    }

    /// Now.
    pub fn now(&self) -> Stamp {
        let micros = match self {
            Self::System => system_micros(),
            Self::Fixed(at) => at.load(Ordering::SeqCst),
            Self::Shifted(ahead) => system_micros() + ahead.load(Ordering::SeqCst),
        };
        Stamp::from_micros(micros).unwrap_or(Stamp(jiff::Timestamp::MAX))
    }

    /// Moves a fixed or shifted clock to `at`; the machine's clock cannot be moved and gives `false`.
    pub fn set(&self, at: Stamp) -> bool {
        match self {
            Self::System => return false,
            Self::Fixed(now) => now.store(at.micros(), Ordering::SeqCst),
            Self::Shifted(ahead) => ahead.store(at.micros() - system_micros(), Ordering::SeqCst),
        }
        true
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
fn system_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A clock that is farther off than so many seconds is not worked by.
pub const CLOCK_TOLERANCE: i64 = 5;

/// By how many seconds the machine's clock was set forward (back, if negative) since this process first asked: against the time since
/// boot, which nobody can set and which goes on while the machine sleeps.
pub fn clock_was_set_by() -> i64 {
    static AT_START: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since_boot = boot.tv_sec * 1_000_000 + boot.tv_nsec / 1_000;
    let ahead = system_micros() - since_boot;
    (ahead - *AT_START.get_or_init(|| ahead)) / 1_000_000
}

/// A stopwatch, for how long something took; never for what time it is.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// Where chance comes from.
#[derive(Debug, Clone)]
pub enum Entropy {
    /// The operating system's.
    System,
    /// The same bytes again for the same seed: tests.
    Seeded(Arc<AtomicU64>),
}

impl Entropy {
    /// Repeats itself for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed << 32)))
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => fill_from_system(&mut bytes),
            Self::Seeded(counter) => {
                for chunk in bytes.chunks_mut(32) {
                    let block = counter.fetch_add(1, Ordering::SeqCst).to_be_bytes();
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &block);
                    for (to, from) in chunk.iter_mut().zip(digest.as_ref()) {
                        *to = *from;
                    }
                }
            }
        }
        bytes
    }
}

#[expect(clippy::panic, reason = "without randomness no id and no secret can be made: stop rather than go on")]
fn fill_from_system(bytes: &mut [u8]) {
    if aws_lc_rs::rand::fill(bytes).is_err() {
        panic!("the operating system gives no random bytes");
    }
}

/// The millisecond and the 12 bits after it of the newest id.
static NEWEST: AtomicU64 = AtomicU64::new(0);
/// A verb takes its moment before its turn to write: so many milliseconds behind the newest id, the next one comes after it all the
/// same. Farther behind, somebody has set the clock back.
const BEHIND: u64 = 60_000;

/// The millisecond and the 12 bits after it of an id: the next after the newest, or by chance in a millisecond of its own.
fn rising(millis: u64, chance: u16) -> u64 {
    let own = millis << 12 | u64::from(chance & 0x7ff); // the upper half is left to count in
    let next = |newest: u64| {
        let is_behind = newest >= own && newest - own < BEHIND << 12;
        if is_behind { newest + 1 } else { own }
    };
    NEWEST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |newest| Some(next(newest))).map_or(own, next)
}

/// The moment in which a verb runs: the instant, and the chance for the ids it makes.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The instant: the same for everything that the verb does.
    pub at: Stamp,
    entropy: Entropy,
}

/// A phone's clock may be ahead by so much.
const AHEAD_SECONDS: i64 = 300;

/// What a phone says of an instant that is over, if its clock can be right: not before `earliest`, and not after `at`, which is now, but
/// for a few minutes. Otherwise now is taken, and `false` says so: a clock that is wrong by years is no reason to refuse anything.
pub fn trusted(said: Option<Stamp>, earliest: Stamp, at: Stamp) -> (Stamp, bool) {
    match said {
        Some(said) if said < earliest || said > at.plus_seconds(AHEAD_SECONDS) => (at, false),
        said => (said.unwrap_or(at), true),
    }
}

impl Moment {
    /// A moment of these.
    pub fn new(at: Stamp, entropy: Entropy) -> Self {
        Self { at, entropy }
    }

    /// A new id (UUIDv7: time first, so that rows of a time lie together). Those that one process makes by the system's chance rise in
    /// the order in which they are made, also within a millisecond: of two marks the later one has the higher id.
    pub fn id<T: From<Uuid>>(&self) -> T {
        let millis = u64::try_from(self.at.timestamp().as_millisecond()).unwrap_or_default();
        let mut bytes = self.entropy.bytes::<10>();
        let [high, low, next_high, next_low, ..] = &mut bytes;
        let millis = match &self.entropy {
            // These rise too, and are the same for the same seed: they count what was drawn so far.
            Entropy::Seeded(drawn) => {
                let drawn = drawn.load(Ordering::SeqCst);
                let part = |bits: u64| u16::try_from(bits & 0xfff).unwrap_or_default().to_be_bytes();
                [*high, *low] = part(drawn >> 12);
                [*next_high, *next_low] = part(drawn);
                millis
            }
            Entropy::System => {
                let place = rising(millis, u16::from_be_bytes([*high, *low]));
                [*high, *low] = u16::try_from(place & 0xfff).unwrap_or_default().to_be_bytes();
                place >> 12
            }
        };
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }

    /// Random bytes for a secret.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        self.entropy.bytes()
    }
}
