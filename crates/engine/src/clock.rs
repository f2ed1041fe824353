//! Local times of a day, and ranges of days, as protocol documents write them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A local time on a day or on one of the next days: `17:00`, `24:00`, `+1 12:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime {
    /// Days after the day of the occurrence.
    pub days: i32,
    /// Hour, 0 to 23.
    pub hour: i8,
    /// Minute.
    pub minute: i8,
}

impl LocalTime {
    /// The beginning of the day.
    pub const MIDNIGHT: Self = Self { days: 0, hour: 0, minute: 0 };
}

impl FromStr for LocalTime {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (days, clock) = match text.strip_prefix('+').and_then(|rest| rest.split_once(' ')) {
            Some((days, clock)) => (days.parse().ok().filter(|days| (1..=7).contains(days)).ok_or(())?, clock),
            None => (0, text),
        };
        if clock == "24:00" {
            return Ok(Self { days: days + 1, hour: 0, minute: 0 });
        }
        let digits = |text: &str| if text.len() == 2 { text.parse().map_err(drop) } else { Err(()) };
        let (hour, minute) = clock.split_once(':').ok_or(())?;
        let (hour, minute) = (digits(hour)?, digits(minute)?);
        let is_time = (0..24).contains(&hour) && (0..60).contains(&minute);
        if is_time { Ok(Self { days, hour, minute }) } else { Err(()) }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, hour, minute } = *self;
        if (days, hour, minute) == (1, 0, 0) {
            return f.write_str("24:00");
        }
        if days > 0 {
            write!(f, "+{days} ")?;
        }
        write!(f, "{hour:02}:{minute:02}")
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| {
            D::Error::custom(format!("{text:?} is not a local time; write it like \"17:00\" or \"+1 08:00\""))
        })
    }
}

/// Days of a plan: sorted ranges that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(Vec<RangeInclusive<i32>>);

impl Days {
    /// Days 0 to the last one.
    pub fn all(last: i32) -> Self {
        Self(vec![0..=last])
    }

    /// From ranges in any order; neighbours are joined.
    pub fn new(mut ranges: Vec<RangeInclusive<i32>>) -> Self {
        ranges.sort_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<i32>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end() + 1 => *last = *last.start()..=*last.end().max(range.end()),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// Whether the day is one of them.
    pub fn contains(&self, day: i32) -> bool {
        self.0.iter().any(|range| range.contains(&day))
    }

    /// Every day, in order.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.0.iter().cloned().flatten()
    }

    /// The last day.
    pub fn last(&self) -> Option<i32> {
        self.0.last().map(|range| *range.end())
    }

    /// The day, if it is one alone.
    pub fn only(&self) -> Option<i32> {
        match self.0.as_slice() {
            [range] if range.start() == range.end() => Some(*range.start()),
            _ => None,
        }
    }

    /// The last day of the unbroken run the day is in.
    pub fn end_of_run(&self, day: i32) -> Option<i32> {
        self.0.iter().find(|range| range.contains(&day)).map(|range| *range.end())
    }

    /// The ranges.
    pub fn ranges(&self) -> &[RangeInclusive<i32>] {
        &self.0
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}
