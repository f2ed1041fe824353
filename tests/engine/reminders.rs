//! When reminders are due.

use engine::{Enrolment, Facts, MarkState, PlanStatus, State, due_reminders, next_due};
use ground::time::Stamp;

use crate::support::{PLAN, at, enrolment, id, mark, marked, zone};

fn due(facts: &Facts, after: &str, until: &str) -> Vec<String> {
    let due = due_reminders(&PLAN, &enrolment(), facts, &zone("Europe/Madrid"), at(after), at(until));
    let line = |one: &engine::Due| {
        let occurrence = &one.occurrence;
        format!(
            "{}/{} {} {}",
            PLAN.items[occurrence.item].key,
            occurrence.day,
            one.due_at.timestamp(),
            one.expires_at.timestamp()
        )
    };
    due.iter().map(line).collect()
}

#[test]
fn a_reminder_is_due_after_the_first_and_up_to_the_second_moment() {
    let morning = "wash/1 2026-05-05T06:00:00Z 2026-05-05T10:00:00Z";
    assert_eq!(due(&Facts::default(), "2026-05-05T05:59:59Z", "2026-05-05T06:00:00Z"), [morning]);
    assert!(due(&Facts::default(), "2026-05-05T06:00:00Z", "2026-05-05T16:59:59Z").is_empty());
    let evening =
        ["wash/1 2026-05-05T17:00:00Z 2026-05-05T22:00:00Z", "check-in/1 2026-05-05T17:00:00Z 2026-05-05T22:00:00Z"];
    assert_eq!(
        due(&Facts::default(), "2026-05-05T05:59:59Z", "2026-05-06T00:00:00Z"),
        [&[morning][..], &evening].concat()
    );
}

#[test]
fn what_is_done_is_still_told_with_its_state() {
    let marks = [mark(id("wash", 1, "morning"), MarkState::Done)];
    let due = due_reminders(
        &PLAN,
        &enrolment(),
        &marked(&marks),
        &zone("Europe/Madrid"),
        at("2026-05-05T05:00:00Z"),
        at("2026-05-05T07:00:00Z"),
    );
    assert_eq!(due.iter().map(|one| one.occurrence.state).collect::<Vec<_>>(), [State::Done]);
}

#[test]
fn nothing_is_due_before_enrolment_or_while_the_plan_does_not_run() {
    assert!(due(&Facts::default(), "2026-05-04T00:00:00Z", "2026-05-04T12:00:00Z").is_empty());
    let paused = Enrolment { status: PlanStatus::OnHold, ..enrolment() };
    let madrid = zone("Europe/Madrid");
    assert!(
        due_reminders(
            &PLAN,
            &paused,
            &Facts::default(),
            &madrid,
            at("2026-05-05T00:00:00Z"),
            at("2026-05-09T00:00:00Z")
        )
        .is_empty()
    );
    assert_eq!(next_due(&PLAN, &paused, &madrid, at("2026-05-05T00:00:00Z")), None);
}

#[test]
fn walking_from_due_to_due_finds_every_reminder_and_every_end_of_a_check_in() {
    let madrid = zone("Europe/Madrid");
    let (mut moment, mut stops) = (at("2026-05-04T00:00:00Z"), Vec::<Stamp>::new());
    while let Some(next) = next_due(&PLAN, &enrolment(), &madrid, moment) {
        assert!(next > moment);
        stops.push(next);
        moment = next;
    }
    let all = due_reminders(
        &PLAN,
        &enrolment(),
        &Facts::default(),
        &madrid,
        at("2026-05-04T00:00:00Z"),
        at("2026-08-01T00:00:00Z"),
    );
    assert_eq!(all.len(), 30 + 31 + 9, "mornings after the enrolment, evenings, check-ins");
    assert!(all.iter().all(|one| stops.contains(&one.due_at)));
    assert!(stops.contains(&at("2026-05-05T22:00:00Z")), "the check-in of day 1 closes");
    assert!(!stops.contains(&at("2026-05-04T22:00:00Z")), "day 0 is not silence");
    assert_eq!(stops.len(), 30 + 31 + 8);
}
