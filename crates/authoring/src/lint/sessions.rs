//! The series of treatments: how far apart they are, and whether the plan asks in time for the next.

use std::collections::BTreeSet;

use super::Linter;
use super::contexts::Context;
use super::days::days;
use engine::{DefectCode, Sessions, listed};

impl Linter<'_, '_> {
    pub(super) fn sessions(&self) {
        let Some(sessions) = &self.protocol.sessions else { return };
        if sessions.interval_days < sessions.min_interval_days {
            let problem = format!(
                "the usual interval of {} days is shorter than the shortest allowed one of {} days",
                sessions.interval_days, sessions.min_interval_days
            );
            let fix = "exchange or mend the two";
            self.places.add("sessions.interval_days", DefectCode::SessionsTooClose, problem, fix);
        }
        self.the_next_is_asked_for(sessions);
    }

    /// Whether a next session may come is read off the answers of the last days before it: somebody must ask.
    fn the_next_is_asked_for(&self, sessions: &Sessions) {
        let last = sessions.min_interval_days;
        let first = (last - Sessions::FRESH_DAYS).max(0);
        let unasked = |context: &Context| -> BTreeSet<String> {
            let recent = || context.check_ins.iter().filter(|one| (first..=last).contains(&one.day));
            let told = context.compiled.telling_of_calm(last).into_iter().map(|question| question.key.clone());
            told.filter(|key| !recent().any(|check_in| check_in.asked.contains(key))).collect()
        };
        let Some(missed) = self.patients().map(unasked).find(|missed| !missed.is_empty()) else { return };
        let names: Vec<String> = missed.iter().map(|key| format!("`{key}`")).collect();
        let when = days(first, last);
        let problem = format!(
            "no check-in on {when} asks {}: when the shortest interval is over, nobody can be ready for a next session",
            listed(names.iter().map(String::as_str))
        );
        let fix = format!(
            "add a check-in with these questions on {when}, and lengthen `horizon_day` if the plan ends before"
        );
        self.places.add("sessions.min_interval_days", DefectCode::SessionsUnasked, problem, fix);
    }
}
