//! The course as a table for people: a block a day, one for a run of days that are alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;

use super::result::{SimulatedCheckIn, SimulatedDay, SimulatedLine, SimulatedReminder, Simulation};
use engine::{AlertChange, Decision, ItemKind};

/// The rows of a day, in this order.
const ROWS: [(ItemKind, &str); 6] = [
    (ItemKind::Restriction, "avoid"),
    (ItemKind::Instruction, "do"),
    (ItemKind::Task, "tick"),
    (ItemKind::CheckIn, "answer"),
    (ItemKind::Photo, "photo"),
    (ItemKind::Education, "read"),
];

impl Simulation {
    /// The course in words: what stands on each day at its end, and what happened on it by the patient's clock.
    pub fn table(&self, locales: &[&str]) -> String {
        let mut table = format!("{}: {}\n", self.key, self.title.in_locale(locales));
        let enrolled_at = self.enrolled_at.timestamp().strftime("%Y-%m-%d %H:%M UTC");
        let none = |keys: &[String]| if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        line(&mut table, &format!("treated {}, enrolled {enrolled_at}", self.treated_on));
        line(&mut table, &format!("variants: {}", none(&self.variants)));
        line(&mut table, &format!("reasons not to start: {}", none(&self.exclusions)));
        let events = self.events(locales);
        let blocks: Vec<(&SimulatedDay, String)> =
            self.days.iter().map(|day| (day, body(day, events.get(&day.number)))).collect();
        let alike = |a: &(&SimulatedDay, String), b: &(&SimulatedDay, String)| {
            a.1 == b.1 && a.0.number + 1 == b.0.number && !events.contains_key(&b.0.number)
        };
        for run in blocks.chunk_by(alike) {
            let (Some((first, body)), Some((last, _))) = (run.first(), run.last()) else { continue };
            let mut head = format!("\nday {}", first.number);
            if last.number > first.number {
                let _ = write!(head, "-{}", last.number);
            }
            let _ = write!(head, "  {}", first.date.strftime("%a %Y-%m-%d"));
            if last.number > first.number {
                let _ = write!(head, " to {}", last.date.strftime("%a %Y-%m-%d"));
            }
            line(&mut table, &head);
            table.push_str(body);
        }
        table
    }

    /// What happened, by the day under which it is told: that of its local date, or the one before it.
    fn events(&self, locales: &[&str]) -> BTreeMap<i32, Vec<String>> {
        let mut all: Vec<(&str, i64, String)> = Vec::new();
        for one in &self.check_ins {
            all.push((&one.local, one.answered_at.micros(), answered(one, locales)));
        }
        for one in &self.alerts {
            for change in &one.changes {
                let what = match change.change {
                    AlertChange::Raised => format!("ALERT {} {}", change.urgency, one.cause),
                    AlertChange::SeenAgain => format!("again {} {}", change.urgency, one.cause),
                    AlertChange::Worsened => format!("ALERT {} {}, worse", change.urgency, one.cause),
                };
                all.push((&change.local, change.at.micros(), what));
            }
        }
        for one in &self.reminders {
            all.push((&one.local, one.decided_at.micros(), decided(one)));
        }
        for one in &self.staff_mails {
            all.push((&one.local, one.at.micros(), format!("mail to staff: {}", one.causes.join(", "))));
        }
        all.sort_by_key(|(_, at, _)| *at);
        let mut by_day: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for (local, _, what) in all {
            let (date, time) = local.split_once(' ').unwrap_or((local, ""));
            let date: Option<Date> = date.parse().ok();
            let day = self.days.iter().rev().find(|day| Some(day.date) <= date).or(self.days.first());
            by_day.entry(day.map_or(0, |day| day.number)).or_default().push(format!("{time} {what}"));
        }
        by_day
    }
}

fn body(day: &SimulatedDay, events: Option<&Vec<String>>) -> String {
    let mut body = String::new();
    line(&mut body, &format!("  {}, {}", day.phase.as_deref().unwrap_or("no phase"), day.zone));
    for (kind, name) in ROWS {
        let lines: Vec<String> = day.lines.iter().filter(|one| one.kind == kind).map(|one| told(one, day)).collect();
        if !lines.is_empty() {
            line(&mut body, &format!("  {name:6} {}", lines.join(", ")));
        }
    }
    for event in events.into_iter().flatten() {
        line(&mut body, &format!("  {event}"));
    }
    body
}

/// A line by its key, with what is not as usual.
fn told(one: &SimulatedLine, day: &SimulatedDay) -> String {
    let mut notes = Vec::new();
    if one.kind.can_be_marked() {
        notes.push(one.state.to_string());
    }
    if one.day != day.number {
        notes.push(format!("of day {}", one.day));
    }
    if let Some(last) = one.last_on {
        notes.push(format!("to {}", last.strftime("%m-%d")));
    }
    if one.held {
        notes.push("held".to_owned());
    }
    if notes.is_empty() { one.key.clone() } else { format!("{} ({})", one.key, notes.join(", ")) }
}

fn answered(one: &SimulatedCheckIn, locales: &[&str]) -> String {
    let what = one.item_key.as_deref().unwrap_or("unasked");
    let late = if one.back_filled { ", late" } else { "" };
    let mut told = format!("answers {what} of day {}{late}: ", one.day);
    match one.findings.first() {
        None => told.push_str("nothing found"),
        Some(first) => {
            let causes: Vec<&str> = one.findings.iter().map(|finding| finding.cause.as_str()).collect();
            let advice = first.advice.in_locale(locales);
            let _ = write!(told, "{}; told: {} {advice}", causes.join(", "), first.urgency);
        }
    }
    told
}

fn decided(one: &SimulatedReminder) -> String {
    let what = format!("{} of day {}", one.item_key, one.day);
    match one.decision {
        Decision::Mailed => format!("mail to patient: {what}"),
        Decision::Merged => format!("in the same mail: {what}"),
        Decision::NotMailed => format!("no mail: {what} ({})", one.reason),
    }
}

fn line(table: &mut String, text: &str) {
    table.push_str(text);
    table.push('\n');
}
