//! Reads the hours of a line: they must fit its kind and its days.

use super::codes::DefectCode;
use super::parts::optional_text;
use super::reader::Fields;
use super::{Item, ItemKind, Timed};

/// So many hours after the treatment at the most: a week. Longer times are counted in days.
const MOST_HOURS: i32 = 168;
const HOURS_OF_DAY: i32 = 24;

pub(super) fn timed(fields: &Fields) -> Option<Timed> {
    let hour = |name| fields.optional(name).and_then(|node| node.integer_in(1..=MOST_HOURS));
    let timed = Timed {
        from_hour: hour("from_hour"),
        until_hour: hour("until_hour"),
        title: optional_text(fields, "timed_title"),
        text: optional_text(fields, "timed_text"),
    };
    (timed != Timed::default()).then_some(timed)
}

pub(super) fn is_sound(fields: &Fields, item: &Item) {
    let Some(timed) = &item.timed else { return };
    let misplaced = |problem: &str, fix: &str| fields.wrong(DefectCode::Misplaced, problem.to_owned(), fix.to_owned());
    if timed.from_hour.is_none() && timed.until_hour.is_none() {
        misplaced("there is neither `from_hour` nor `until_hour`", "add one of them, or remove the timed words");
    }
    if timed.from_hour.is_some() && !matches!(item.kind, ItemKind::Task | ItemKind::Instruction) {
        misplaced("`from_hour` belongs to a task or an instruction", "remove it: the line begins with its first day");
    }
    if timed.until_hour.is_some() && !matches!(item.kind, ItemKind::Restriction | ItemKind::Instruction) {
        misplaced("`until_hour` belongs to a restriction or an instruction", "remove it: a window ends with its slot");
    }
    if item.hold.is_some() {
        misplaced("a line with a `hold` ends by the answers, not by the hour", "remove the hours, or the `hold`");
    }
    if let (Some(from), Some(until)) = (timed.from_hour, timed.until_hour)
        && from >= until
    {
        let fix = "exchange or mend the two";
        fields.wrong(DefectCode::OutOfRange, format!("it begins after {from} hours and ends after {until}"), fix);
    }
    days_fit(fields, item, timed);
}

/// Without a time of treatment the days count: what is so many hours away is on one of two days, by the hour of the treatment, and the
/// safe reading is the end of the later one (fact sheet 1: hours become days by rounding up).
fn days_fit(fields: &Fields, item: &Item, timed: &Timed) {
    let (Some(first), Some(last)) = (item.days.iter().next(), item.days.last()) else { return };
    let wrong = |hour: i32, problem: String, fix: String| {
        fields.wrong(DefectCode::HoursDiffer, format!("{hour} hours after the treatment {problem}"), fix);
    };
    if let Some(hour) = timed.until_hour {
        let (earlier, later) = (later_day(hour) - 1, later_day(hour));
        if !(earlier..=later).contains(&last) {
            let problem = format!("are on day {later} at the latest, and the last day is {last}");
            wrong(hour, problem, format!("let the days end on day {later}; on day {earlier} if another line goes on"));
        }
    }
    if let Some(hour) = timed.from_hour {
        let (earliest, later) = (hour / HOURS_OF_DAY, later_day(hour));
        // What is to be done must not be asked before; an instruction may announce it.
        let is_early = item.kind == ItemKind::Task && first < earliest;
        if is_early || first > later + 1 || last < later {
            let problem = format!("are on day {earliest} or {later}, and its days are {}", item.days);
            wrong(
                hour,
                problem,
                format!("let the days begin on day {} at the latest, and hold day {later}", later + 1),
            );
        }
    }
}

/// The later of the two days that so many hours can lead to.
fn later_day(hour: i32) -> i32 {
    hour / HOURS_OF_DAY + i32::from(hour % HOURS_OF_DAY > 0)
}
