//! Commands on running plans: pure, repeatable, reversible, and nothing that was answered is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use engine::{
    AddedLine, Age, Command, Compiled, DayOfPlan, DayRange, Enrolment, Epoch, Facts, ItemKind, MarkFact, MarkState,
    Now, Occurrence, Override, OverrideChange, Parameters, PausedDays, PlanInput, PlanState, PlanStatus, Refusal,
    Revision, SetLine, SlotKey, State, Stops, Successor, Tally, Text, UndoRefusal, adherence, apply, check_override,
    days_between, due_reminders, local_date, next_date_change, next_due, on_date, silence, today, undo,
};
use ground::ids::{OccurrenceId, PlanId, VersionId};
use ground::time::Stamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::dice::Dice;
use crate::support::{TIMED as PLAN, at, enrolment, zone};

static BASE: LazyLock<Arc<Compiled>> = LazyLock::new(|| Arc::new(PLAN.clone()));

fn begun() -> PlanState {
    PlanState {
        status: PlanStatus::Active,
        day_zero: date(2026, 5, 4),
        performed_at: None,
        body_area: "face".to_owned(),
        parameters: Parameters::default(),
        version_id: VersionId(uuid::Uuid::nil()),
        earlier_versions: Vec::new(),
        stops: Stops::default(),
        overrides: Vec::new(),
        overruled: None,
    }
}

fn enrolled(state: &PlanState) -> Enrolment {
    Enrolment {
        day_zero: state.day_zero,
        performed_at: state.performed_at,
        status: state.status,
        stops: state.stops.clone(),
        counted_later: days_between(date(2026, 5, 4), state.day_zero),
        ..enrolment()
    }
}

/// A plan with how it stood before.
struct Lived {
    state: PlanState,
    before: Vec<Epoch>,
}

fn epoch(until: Stamp, state: &PlanState) -> Epoch {
    Epoch { until, enrolment: enrolled(state), compiled: compiled(state), body_area: state.body_area.clone() }
}

impl Lived {
    fn new(state: &PlanState, before: &[(&str, &PlanState)]) -> Self {
        let before = before.iter().map(|(until, state)| epoch(at(until), state)).collect();
        Self { state: state.clone(), before }
    }

    fn enrolled(&self) -> Enrolment {
        Enrolment { history: self.before.iter().cloned().collect(), ..enrolled(&self.state) }
    }
}

fn compiled(state: &PlanState) -> Arc<Compiled> {
    Compiled::of_stretches([(Arc::clone(&BASE), None)], &state.overrides).unwrap()
}

fn now(state: &PlanState, moment: Stamp, zone: &TimeZone, answered: BTreeMap<String, i32>) -> Now {
    let today = local_date(zone, moment);
    Now { at: moment, today, day: enrolled(state).day_on(today), answered }
}

fn pause(from: Date, until: Option<Date>, days: PausedDays) -> Command {
    Command::Pause { from_on: from, until_on: until, days }
}

fn corrected_to(performed_on: Option<Date>, performed_at: Option<Stamp>) -> Command {
    let time_unknown = false;
    Command::Correct { performed_on, performed_at, time_unknown, body_area: None, parameters: None, overruled: None }
}

fn did(state: &PlanState, command: &Command, moment: &str) -> PlanState {
    apply(state, command, &now(state, at(moment), &zone("Europe/Madrid"), BTreeMap::new())).unwrap()
}

#[test]
fn days_wait_during_a_pause_that_shifts_them_and_each_comes_once() {
    let state =
        did(&begun(), &pause(date(2026, 5, 7), Some(date(2026, 5, 10)), PausedDays::Shift), "2026-05-06T10:00:00Z");
    let plan = enrolled(&state);
    let dates: Vec<Option<Date>> = (0..6).map(|day| plan.date_of(day)).collect();
    let may = |day| Some(date(2026, 5, day));
    assert_eq!(dates, [may(4), may(5), may(6), may(10), may(11), may(12)]);
    for day in 0..20 {
        assert_eq!(plan.day_on(plan.date_of(day).unwrap()), day);
    }
    assert_eq!((plan.day_on(date(2026, 5, 8)), plan.status_on(date(2026, 5, 8))), (3, PlanStatus::OnHold));
    let open = did(&begun(), &pause(date(2026, 5, 7), None, PausedDays::Shift), "2026-05-06T10:00:00Z");
    assert_eq!((enrolled(&open).date_of(2), enrolled(&open).date_of(3)), (may(6), None));
    assert_eq!(next_due(&PLAN, &enrolled(&open), &zone("Europe/Madrid"), at("2026-05-07T10:00:00Z")), None);
}

#[test]
fn day_0_is_the_treatments_date_whatever_is_paused() {
    let state =
        did(&begun(), &pause(date(2026, 5, 4), Some(date(2026, 5, 6)), PausedDays::Shift), "2026-05-04T10:00:00Z");
    let plan = enrolled(&state);
    assert_eq!((plan.day_on(date(2026, 5, 4)), plan.date_of(0)), (0, Some(date(2026, 5, 4))));
    assert_eq!(plan.date_of(1), Some(date(2026, 5, 6)));
}

#[test]
fn a_paused_plan_asks_nothing_and_its_restrictions_stand() {
    let madrid = zone("Europe/Madrid");
    for days in [PausedDays::Shift, PausedDays::Pass] {
        let state = did(&begun(), &pause(date(2026, 5, 5), None, days), "2026-05-05T06:00:00Z");
        let plan = enrolled(&state);
        for moment in ["2026-05-05T10:00:00Z", "2026-05-05T20:30:00Z"] {
            let seen = today(&PLAN, &plan, &Facts::default(), &madrid, at(moment));
            assert_eq!(seen.status, PlanStatus::OnHold);
            let kinds: BTreeSet<ItemKind> = seen.occurrences.iter().map(|one| PLAN.items[one.item].kind).collect();
            assert_eq!(kinds, BTreeSet::from([ItemKind::Restriction]), "{days:?} at {moment}");
        }
        let due = due_reminders(
            &PLAN,
            &plan,
            &Facts::default(),
            &madrid,
            at("2026-05-05T06:00:00Z"),
            at("2026-05-05T21:00:00Z"),
        );
        assert!(due.iter().all(|due| due.occurrence.state == State::Cancelled), "{days:?}");
    }
}

#[test]
fn resuming_releases_no_reminder_that_was_due_before() {
    let madrid = zone("Europe/Madrid");
    let paused = did(&begun(), &pause(date(2026, 5, 5), None, PausedDays::Shift), "2026-05-05T06:00:00Z");
    let resumed = did(&paused, &Command::Resume { on: date(2026, 5, 8) }, "2026-05-08T18:30:00Z"); // 20:30 in Madrid
    let before = [("2026-05-05T06:00:00Z", &begun()), ("2026-05-08T18:30:00Z", &paused)];
    let plan = Lived::new(&resumed, &before).enrolled();
    assert_eq!(plan.day_on(date(2026, 5, 8)), 1);
    let due =
        due_reminders(&PLAN, &plan, &Facts::default(), &madrid, at("2026-05-05T06:00:00Z"), at("2026-05-08T22:00:00Z"));
    assert_eq!(due.len(), 0, "the evening's reminder was due at 19:00, before the plan was resumed");
    let next = next_due(&PLAN, &plan, &madrid, at("2026-05-08T18:31:00Z")).unwrap();
    assert!(next > at("2026-05-08T18:30:00Z"));
}

#[test]
fn a_plan_that_is_over_asks_nothing_and_keeps_its_past() {
    let madrid = zone("Europe/Madrid");
    for status in [PlanStatus::Completed, PlanStatus::Revoked] {
        let state = did(&begun(), &Command::End { on: date(2026, 5, 7), status }, "2026-05-05T06:00:00Z");
        let plan = enrolled(&state);
        assert!(!today(&PLAN, &plan, &Facts::default(), &madrid, at("2026-05-06T10:00:00Z")).occurrences.is_empty());
        let after = today(&PLAN, &plan, &Facts::default(), &madrid, at("2026-05-07T10:00:00Z"));
        assert_eq!((after.status, after.occurrences.len()), (status, 0));
        assert_eq!(next_due(&PLAN, &plan, &madrid, at("2026-05-07T00:00:00Z")), None);
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let madrid = zone("Europe/Madrid");
    let try_it = |state: &PlanState, command: Command, moment: &str| {
        apply(state, &command, &now(state, at(moment), &madrid, BTreeMap::new())).unwrap_err()
    };
    let moment = "2026-05-06T10:00:00Z";
    let (fifth, seventh, ninth) = (date(2026, 5, 5), date(2026, 5, 7), date(2026, 5, 9));
    assert_eq!(try_it(&begun(), pause(fifth, None, PausedDays::Shift), moment), Refusal::InThePast);
    assert_eq!(try_it(&begun(), pause(ninth, Some(seventh), PausedDays::Pass), moment), Refusal::EndsBeforeItBegins);
    assert_eq!(try_it(&begun(), Command::Resume { on: seventh }, moment), Refusal::NotPaused);
    let paused = did(&begun(), &pause(seventh, None, PausedDays::Shift), moment);
    assert_eq!(try_it(&paused, pause(ninth, None, PausedDays::Pass), moment), Refusal::AlreadyPaused);
    let over = did(&begun(), &Command::End { on: seventh, status: PlanStatus::Revoked }, moment);
    assert_eq!(try_it(&over, pause(ninth, None, PausedDays::Pass), moment), Refusal::NotRunning);
    let error = did(&begun(), &Command::EnterInError, moment);
    assert_eq!(try_it(&error, pause(ninth, None, PausedDays::Pass), moment), Refusal::EnteredInError);
}

#[test]
fn a_corrected_date_moves_what_was_recorded_to_the_day_of_its_date() {
    assert_eq!(Stops::default().recounted(3, date(2026, 5, 4), date(2026, 5, 5)), 2);
    assert_eq!(Stops::default().recounted(3, date(2026, 5, 4), date(2026, 5, 2)), 5);
    let mut state = begun();
    state.overrides.push(Override { from_day: 4, change: OverrideChange::Remove("x".into()), reason: "y".into() });
    let correct = corrected_to(Some(date(2026, 5, 5)), None);
    let after = did(&state, &correct, "2026-05-08T10:00:00Z");
    assert_eq!((after.day_zero, after.overrides[0].from_day), (date(2026, 5, 5), 3));
}

#[test]
fn an_override_holds_from_its_day_and_days_before_stay() {
    let state = begun();
    let key = PLAN.items.iter().find(|item| item.kind == ItemKind::Restriction).map(|item| item.key.clone()).unwrap();
    let set = SetLine { key: key.clone(), days: Some(vec![DayRange { from: 0, to: 9 }]), ..SetLine::default() };
    let longer = Command::Override { change: OverrideChange::Set(set), reason: "72 hours".to_owned() };
    let after = did(&state, &longer, "2026-05-05T10:00:00Z");
    assert_eq!(did(&after, &longer, "2026-05-06T10:00:00Z"), after, "the same once more changes nothing");
    let plan = compiled(&after);
    let last = |compiled: &Compiled, day| {
        let seen = on_date(
            compiled,
            &enrolled(&after),
            &Facts::default(),
            &zone("Europe/Madrid"),
            at("2026-05-05T10:00:00Z"),
            day,
        );
        seen.occurrences.iter().find(|one| compiled.items[one.item].key == key).and_then(|one| one.last_day)
    };
    assert_eq!(last(&plan, date(2026, 5, 5)), Some(9));
    assert_eq!(last(&plan, date(2026, 5, 4)), last(&BASE, date(2026, 5, 4)));
    let restored = did(
        &after,
        &Command::Override { change: OverrideChange::Restore(key.clone()), reason: "fine".into() },
        "2026-05-06T10:00:00Z",
    );
    let plan = compiled(&restored);
    assert_eq!(last(&plan, date(2026, 5, 7)), last(&BASE, date(2026, 5, 7)));
    let unknown = OverrideChange::Remove("no-such-line".to_owned());
    assert_eq!(check_override(&BASE, &[], &unknown).unwrap_err().code, "unknown_value");
}

/// The state after a command, and the plan after its undo at a later moment.
fn undone(command: &Command, made: &str, taken_back: &str) -> (PlanState, Lived) {
    let after = did(&begun(), command, made);
    let before = undo(&after, &[revision(2, None, &begun(), &after)], 2).unwrap();
    let lived = Lived::new(&before, &[(made, &begun()), (taken_back, &after)]);
    (after, lived)
}

/// What became of the washing of the evening on each date from 5 to 12 May, of which nothing was answered.
fn evenings(plan: &Lived, moment: &str) -> Vec<State> {
    let (compiled, enrolled) = (compiled(&plan.state), plan.enrolled());
    let of = |day| {
        let (zone, moment) = (zone("Europe/Madrid"), at(moment));
        let seen = on_date(&compiled, &enrolled, &Facts::default(), &zone, moment, date(2026, 5, day));
        let is_evening = |one: &&Occurrence| {
            (compiled.items[one.item].key.as_str(), compiled.slots[one.slot].key.as_str()) == ("wash", "evening")
        };
        seen.occurrences.iter().find(is_evening).unwrap().state
    };
    (5..13).map(of).collect()
}

#[test]
fn days_that_asked_nothing_are_not_missed_when_what_silenced_them_is_undone() {
    let (m, c) = (State::Missed, State::Cancelled);
    let (fifth, seventh) = (date(2026, 5, 5), date(2026, 5, 7));
    let end = Command::End { on: seventh, status: PlanStatus::Revoked };
    // Made on the 6th, taken back on the 10th at noon, seen when all of it is over.
    for command in [
        pause(seventh, None, PausedDays::Pass),
        pause(seventh, None, PausedDays::Shift),
        pause(seventh, Some(date(2026, 5, 30)), PausedDays::Shift),
        end,
    ] {
        let (_, plan) = undone(&command, "2026-05-06T10:00:00Z", "2026-05-10T10:00:00Z");
        assert_eq!(evenings(&plan, "2026-06-30T10:00:00Z"), [m, m, c, c, c, m, m, m], "{command:?}");
        assert_eq!(plan.state, begun());
    }
    // A silence that was over by itself: the dates after it were asked.
    let passed = pause(seventh, Some(date(2026, 5, 9)), PausedDays::Pass);
    let (_, state) = undone(&passed, "2026-05-06T10:00:00Z", "2026-05-11T10:00:00Z");
    assert_eq!(evenings(&state, "2026-06-30T10:00:00Z"), [m, m, c, c, m, m, m, m]);
    // After days have waited, later dates asked other days than they have now.
    let waited = pause(seventh, Some(date(2026, 5, 9)), PausedDays::Shift);
    let (_, state) = undone(&waited, "2026-05-06T10:00:00Z", "2026-05-11T10:00:00Z");
    assert_eq!(evenings(&state, "2026-06-30T10:00:00Z"), [m, m, c, c, c, c, m, m]);
    // From one instant to another: the evening of the 6th was over at 22:00 UTC, the one of the 8th is not when it is taken back.
    for (made, sixth) in [("2026-05-06T19:00:00Z", c), ("2026-05-06T22:00:00Z", m)] {
        let (_, state) = undone(&Command::EnterInError, made, "2026-05-08T21:00:00Z");
        assert_eq!(evenings(&state, "2026-06-30T10:00:00Z"), [m, sixth, c, m, m, m, m, m], "{made}");
    }
    // Undone in the same moment, nothing is left behind.
    let (_, plan) = undone(&pause(fifth, None, PausedDays::Pass), "2026-05-05T10:00:00Z", "2026-05-05T10:00:00Z");
    assert_eq!(evenings(&plan, "2026-06-30T10:00:00Z"), [m; 8]);
}

#[test]
fn a_command_that_is_given_again_after_its_undo_is_undone_by_itself() {
    let (again_at, back_at) = ("2026-05-08T10:00:00Z", "2026-05-10T10:00:00Z");
    let (paused, mut plan) = undone(&pause(date(2026, 5, 6), None, PausedDays::Pass), "2026-05-06T10:00:00Z", again_at);
    let again = did(&plan.state, &pause(date(2026, 5, 8), None, PausedDays::Pass), again_at);
    let revisions = [
        revision(2, None, &begun(), &paused),
        revision(3, Some(2), &paused, &plan.state),
        revision(4, None, &plan.state, &again),
    ];
    plan.state = undo(&again, &revisions, 4).unwrap();
    plan.before.push(epoch(at(back_at), &again));
    let (m, c) = (State::Missed, State::Cancelled);
    assert_eq!(evenings(&plan, "2026-06-30T10:00:00Z"), [m, c, c, c, c, m, m, m]);
}

#[test]
fn nobody_is_reminded_of_silent_days_and_their_silence_raises_nothing() {
    let madrid = zone("Europe/Madrid");
    let (paused, lived) =
        undone(&pause(date(2026, 5, 6), None, PausedDays::Pass), "2026-05-06T06:00:00Z", "2026-05-09T06:00:00Z");
    let (plan, (always, lived)) = (compiled(&lived.state), (enrolled(&begun()), lived.enrolled()));
    let (from, until) = (at("2026-05-05T22:00:00Z"), at("2026-05-09T06:00:00Z"));
    let due = |enrolled: &Enrolment| due_reminders(&plan, enrolled, &Facts::default(), &madrid, from, until);
    assert!(!due(&always).is_empty() && !due(&enrolled(&paused)).is_empty());
    assert_eq!(due(&lived), []);
    let heard_nothing =
        |enrolled: &Enrolment, moment| silence(&plan, enrolled, &Facts::default(), &madrid, at(moment)).len();
    assert!(heard_nothing(&always, "2026-05-09T06:00:00Z") > 0);
    assert_eq!(heard_nothing(&lived, "2026-05-09T06:00:00Z"), 0);
    let next = next_due(&plan, &lived, &madrid, at("2026-05-09T06:00:00Z")).unwrap();
    assert!(next > at("2026-05-09T06:00:00Z"), "and then it goes on");
    assert!(heard_nothing(&lived, "2026-05-12T06:00:00Z") > 0);
}

#[test]
fn what_was_answered_while_days_waited_keeps_its_answer_when_they_no_longer_do() {
    // The evening of day 2 was answered on the 8th, after the days had waited for two dates.
    let waited = pause(date(2026, 5, 6), Some(date(2026, 5, 8)), PausedDays::Shift);
    let (after, Lived { state, .. }) = undone(&waited, "2026-05-06T06:00:00Z", "2026-05-09T06:00:00Z");
    let madrid = zone("Europe/Madrid");
    let evening = crate::support::id("check-in", 2, "evening");
    let answers = [crate::support::check_in(Some(evening), 2, "2026-05-08T18:00:00Z", serde_json::json!({}))];
    let facts = Facts { marks: &[], check_ins: &answers };
    let on = |state: &PlanState, day| {
        let seen = on_date(
            &compiled(state),
            &enrolled(state),
            &facts,
            &madrid,
            at("2026-05-09T06:00:00Z"),
            date(2026, 5, day),
        );
        let found = seen.occurrences.into_iter().find(|one| one.id == evening);
        found.map(|one| one.state)
    };
    assert_eq!((on(&after, 8), on(&after, 6)), (Some(State::Done), None));
    assert_eq!((on(&state, 8), on(&state, 6)), (None, Some(State::Done)), "it is of day 2, and day 2 was the 6th");
    let now = today(&compiled(&state), &enrolled(&state), &facts, &madrid, at("2026-05-09T06:00:00Z"));
    assert!(!now.occurrences.iter().any(|one| one.id == evening && one.state != State::Done));
    let (compiled, enrolment) = (compiled(&state), enrolled(&state));
    let plan =
        PlanInput { compiled: &compiled, enrolment: &enrolment, facts: &facts, zone: &madrid, body_area: "face" };
    let seen = adherence(&plan, &[], &[], at("2026-05-09T06:00:00Z"));
    let check_ins = seen.kinds.iter().find(|(kind, _)| *kind == ItemKind::CheckIn).unwrap().1;
    let expected = Tally { expected: check_ins.missed + 1, done: 1, ..check_ins };
    assert_eq!(check_ins, expected);
}

fn any_command(random: &mut Dice, state: &PlanState, today: Date) -> Command {
    let soon = |random: &mut Dice| today.saturating_add(jiff::Span::new().days(random.between(0, 6)));
    let days = |random: &mut Dice| if random.flip() { PausedDays::Shift } else { PausedDays::Pass };
    let line = |random: &mut Dice| random.one_of(&PLAN.items).key.clone();
    match random.between(0, 11) {
        0 | 1 => {
            let from = soon(random);
            let until = random.flip().then(|| from.saturating_add(jiff::Span::new().days(random.between(1, 5))));
            pause(from, until, days(random))
        }
        2 | 3 => Command::Resume { on: soon(random) },
        4 => Command::End { on: soon(random), status: PlanStatus::Completed },
        5 => {
            let days = random.between(-2, 3);
            let day = state.day_zero.saturating_add(jiff::Span::new().days(days));
            let at = format!("{day}T{:02}:30:00Z", random.between(8, 20));
            let time = random.flip().then(|| self::at(&at));
            corrected_to(random.flip().then_some(day).or(time.map(|_| day)), time)
        }
        6 => Command::EnterInError,
        7 if random.flip() => {
            let set = SetLine {
                key: "own-cool-pack".to_owned(),
                title: Some(Text::from_iter([("en".to_owned(), "Cool pack, twice.".to_owned())])),
                ..SetLine::default()
            };
            Command::Override { change: OverrideChange::Set(set), reason: "Seen.".to_owned() }
        }
        7 => {
            let change = OverrideChange::Remove(line(random));
            Command::Override { change, reason: "Seen.".to_owned() }
        }
        8 => {
            let from = random.between(0, 9);
            let range = DayRange { from, to: from + random.between(0, 9) };
            let set = SetLine { key: line(random), days: Some(vec![range]), ..SetLine::default() };
            Command::Override { change: OverrideChange::Set(set), reason: "Seen.".to_owned() }
        }
        9 => {
            let later = Successor { day_zero: soon(random), plan: PlanId(uuid::Uuid::from_u128(7)) };
            Command::Supersede(random.flip().then_some(later))
        }
        _ => {
            let change = if random.flip() {
                OverrideChange::Restore(line(random))
            } else {
                OverrideChange::Add(AddedLine {
                    key: "own-cool-pack".to_owned(),
                    kind: ItemKind::Task,
                    days: vec![DayRange { from: 0, to: 20 }],
                    slots: vec![SlotKey(random.one_of(&PLAN.slots).key.clone())],
                    title: Text::from_iter([("en".to_owned(), "Cool pack.".to_owned())]),
                    text: None,
                })
            };
            Command::Override { change, reason: "Seen.".to_owned() }
        }
    }
}

/// Something the patient marked, as it is stored.
struct Mark {
    id: OccurrenceId,
    item: String,
    day: i32,
    counted_from: Date,
}

/// One patient's story: time goes by, the patient marks, the clinic commands and takes back.
struct Story {
    state: PlanState,
    revisions: Vec<Revision>,
    marks: Vec<Mark>,
    /// Whether days were counted again, or changes taken back: lines may be gone, marks may not.
    is_rewritten: bool,
    commands: usize,
    /// How the plan stood before each of its changes.
    before: Vec<Epoch>,
}

fn revision(number: i32, undoes: Option<i32>, before: &PlanState, after: &PlanState) -> Revision {
    Revision { number, undoes, before: before.clone(), after: after.clone() }
}

impl Story {
    fn new() -> Self {
        Self {
            state: begun(),
            revisions: Vec::new(),
            marks: Vec::new(),
            is_rewritten: false,
            commands: 0,
            before: Vec::new(),
        }
    }

    fn enrolled(&self) -> Enrolment {
        Enrolment { history: self.before.iter().cloned().collect(), ..enrolled(&self.state) }
    }

    /// What the plan, as it is in the end, asks of all dates until then, and nobody answered; with its state, once it is known how the
    /// plan stood before.
    fn left(&self, zone: &TimeZone, end: Stamp) -> Vec<(Occurrence, State)> {
        let marks: Vec<MarkFact> = self.marks_now().into_iter().map(|(mark, _)| mark).collect();
        let (plan, facts) = (compiled(&self.state), Facts { marks: &marks, check_ins: &[] });
        let dates = date(2026, 5, 4).series(jiff::Span::new().days(1)).take_while(|on| *on <= local_date(zone, end));
        let (as_ever, lived) = (enrolled(&self.state), self.enrolled());
        let mut left = Vec::new();
        for date in dates {
            let seen = |enrolled: &Enrolment| on_date(&plan, enrolled, &facts, zone, end, date).occurrences;
            let (as_ever, lived) = (seen(&as_ever), seen(&lived));
            let both = as_ever.into_iter().zip(lived).filter(|(one, _)| one.state == State::Missed);
            left.extend(both.map(|(one, lived)| (one, lived.state)));
        }
        left
    }

    /// Whether Today, as the plan stood when the window closed, asked it; of a window that reaches into the next date, on its own.
    fn was_asked(&self, one: &Occurrence, zone: &TimeZone) -> bool {
        let then = self.before.iter().find(|epoch| one.closes_at <= epoch.until);
        let then = then.cloned().unwrap_or_else(|| epoch(one.closes_at, &self.state));
        let midnight = next_date_change(zone, one.opens_at);
        let just_before = one.closes_at.min(midnight).plus_seconds(-1);
        let seen = today(&then.compiled, &then.enrolment, &Facts::default(), zone, just_before);
        seen.occurrences.iter().any(|other| other.state == State::Open && other.id == one.id)
    }

    fn marks_now(&self) -> Vec<(MarkFact, i32)> {
        let of = |mark: &Mark| {
            let day = self.state.stops.recounted(mark.day, mark.counted_from, self.state.day_zero);
            (MarkFact { occurrence: mark.id, state: MarkState::Done }, day)
        };
        self.marks.iter().map(of).collect()
    }

    fn today(&self, zone: &TimeZone, moment: Stamp) -> String {
        let marks: Vec<MarkFact> = self.marks_now().into_iter().map(|(mark, _)| mark).collect();
        let facts = Facts { marks: &marks, check_ins: &[] };
        let seen = today(&compiled(&self.state), &self.enrolled(), &facts, zone, moment);
        serde_json::to_string(&seen).unwrap()
    }

    fn command(&mut self, random: &mut Dice, zone: &TimeZone, moment: Stamp, answered: &BTreeMap<String, i32>) {
        let now = now(&self.state, moment, zone, answered.clone());
        let command = any_command(random, &self.state, now.today);
        if let Command::Override { change, .. } = &command
            && check_override(&BASE, &self.state.overrides, change).is_err()
        {
            return;
        }
        let Ok(after) = apply(&self.state, &command, &now) else { return };
        assert_eq!(apply(&after, &command, &now).as_ref(), Ok(&after), "twice is once: {command:?}");
        self.commands += 1;
        if after == self.state {
            return;
        }
        self.is_rewritten |= matches!(command, Command::Correct { .. } | Command::EnterInError);
        let number = i32::try_from(self.revisions.len()).unwrap() + 2;
        let before = std::mem::replace(&mut self.state, after.clone());
        self.revisions.push(revision(number, None, &before, &after));
        self.before.push(epoch(moment, &before));
    }

    fn take_back(&mut self, zone: &TimeZone, moment: Stamp, seen_before: Option<&str>) {
        let undone = |number: i32| self.revisions.iter().any(|one| one.undoes == Some(number));
        let standing = self.revisions.iter().filter(|one| one.undoes.is_none() && !undone(one.number));
        let Some(number) = standing.map(|one| one.number).max() else { return };
        let before = undo(&self.state, &self.revisions, number).unwrap();
        let after = std::mem::replace(&mut self.state, before.clone());
        let next = i32::try_from(self.revisions.len()).unwrap() + 2;
        self.revisions.push(revision(next, Some(number), &after, &before));
        self.before.push(epoch(moment, &after));
        assert_eq!(undo(&self.state, &self.revisions, number).as_ref(), Ok(&self.state), "twice is once");
        if let Some(seen) = seen_before {
            assert_eq!(self.today(zone, moment), seen, "an undo restores Today byte for byte");
        } else {
            self.is_rewritten = true;
        }
    }
}

const STORIES: u64 = 100_000;

#[test]
fn a_hundred_thousand_random_stories_lose_no_answer_and_can_be_taken_back() {
    let zones: Vec<TimeZone> = ["Europe/Madrid", "Pacific/Kiritimati", "America/Los_Angeles"].map(zone).into();
    let (mut commands, mut undone, mut marked, mut spared, mut missed) = (0, 0, 0, 0, 0);
    for seed in 0..STORIES {
        let mut random = Dice(seed);
        let mut story = Story::new();
        let mut moment = at("2026-05-04T12:00:00Z");
        let home = (seed % 2 == 0).then(|| random.one_of(&zones));
        for _ in 0..random.between(2, 5) {
            moment = moment.plus_seconds(i64::from(random.between(0, 40)) * 3_600);
            let zone = home.unwrap_or_else(|| random.one_of(&zones));
            let facts: Vec<MarkFact> = story.marks_now().into_iter().map(|(mark, _)| mark).collect();
            let (plan, enrolled) = (compiled(&story.state), story.enrolled());
            let seen = today(&plan, &enrolled, &Facts { marks: &facts, check_ins: &[] }, zone, moment);
            let open = seen
                .occurrences
                .iter()
                .find(|one| one.state == State::Open && plan.items[one.item].kind == ItemKind::Task);
            if let Some(one) = open {
                let (id, item) = (one.id, plan.items[one.item].key.clone());
                story.marks.push(Mark { id, item, day: one.day, counted_from: story.state.day_zero });
                marked += 1;
            }
            let days = story.marks.iter().map(|mark| {
                (mark.item.clone(), story.state.stops.recounted(mark.day, mark.counted_from, story.state.day_zero))
            });
            let mut answered: BTreeMap<String, i32> = BTreeMap::new();
            for (item, day) in days.filter(|(_, day)| *day >= seen.number) {
                answered.entry(item).and_modify(|last| *last = day.max(*last)).or_insert(day);
            }
            if random.between(0, 4) == 0 {
                story.take_back(zone, moment, None);
            } else {
                let (before, revisions) = (story.today(zone, moment), story.revisions.len());
                story.command(&mut random, zone, moment, &answered);
                if story.revisions.len() > revisions && random.between(0, 3) == 0 {
                    let is_rewritten = story.is_rewritten;
                    story.take_back(zone, moment, Some(&before));
                    story.is_rewritten = is_rewritten;
                    undone += 1;
                }
            }
        }
        commands += story.commands;
        if let Some(zone) = home.filter(|_| seed % 4 == 0 && !story.before.is_empty()) {
            let end = moment.plus_seconds(86_400);
            for (one, state) in story.left(zone, end) {
                let is_missed = state == State::Missed;
                assert_eq!(
                    is_missed,
                    story.was_asked(&one, zone),
                    "seed {seed}: missed, if and only if it was asked: {one:?}"
                );
                (missed, spared) = (missed + usize::from(is_missed), spared + usize::from(!is_missed));
            }
        }
        if story.is_rewritten {
            continue;
        }
        let (plan, enrolled) = (compiled(&story.state), story.enrolled());
        let marks = story.marks_now();
        let facts: Vec<MarkFact> = marks.iter().map(|(mark, _)| *mark).collect();
        for (mark, day) in &marks {
            let Some(date) = enrolled.date_of(*day) else { continue }; // it waits with its day
            let seen = on_date(&plan, &enrolled, &Facts { marks: &facts, check_ins: &[] }, &zones[0], moment, date);
            let found = seen.occurrences.iter().find(|one| one.id == mark.occurrence);
            assert_eq!(found.map(|one| one.state), Some(State::Done), "seed {seed}: a mark of day {day} is lost");
        }
    }
    assert!(commands > 100_000 && marked > 50_000 && undone > 10_000, "{commands} {marked} {undone}");
    assert!(spared > 5_000 && missed > 50_000, "{spared} {missed}");
}

/// The states of a line on some dates of May, seen at the end of the last.
fn states_of(plan: &Lived, key: &str, dates: std::ops::RangeInclusive<i8>) -> Vec<State> {
    let (compiled, enrolled, madrid) = (compiled(&plan.state), plan.enrolled(), zone("Europe/Madrid"));
    let end = at(&format!("2026-05-{:02}T21:00:00Z", dates.end() + 3));
    let seen = |day| on_date(&compiled, &enrolled, &Facts::default(), &madrid, end, date(2026, 5, day));
    let lines = dates.flat_map(|day| seen(day).occurrences);
    lines.filter(|one| compiled.items[one.item].key == key).map(|one| one.state).collect()
}

#[test]
fn a_line_that_was_not_asked_is_not_missed_when_its_removal_is_undone() {
    let remove = Command::Override { change: OverrideChange::Remove("wash".to_owned()), reason: "Sore.".to_owned() };
    let (_, plan) = undone(&remove, "2026-05-06T12:00:00Z", "2026-05-08T08:00:00Z");
    // Mornings until 12:00 and evenings from 17:00 in Madrid, where it was removed at 14:00 and is back at 10:00.
    let (missed, never) = (State::Missed, State::Cancelled);
    assert_eq!(states_of(&plan, "wash", 5..=8), [missed, missed, missed, never, never, never, missed, missed]);
    let (madrid, facts) = (zone("Europe/Madrid"), Facts::default());
    let (from, until) = (at("2026-05-06T12:00:00Z"), at("2026-05-08T08:00:00Z"));
    let due = due_reminders(&PLAN, &plan.enrolled(), &facts, &madrid, from, until);
    assert!(due.iter().all(|due| PLAN.items[due.occurrence.item].key != "wash"), "nor reminded of: {due:?}");
}

#[test]
fn of_the_days_before_a_correction_those_are_missed_that_were_asked_then_and_are_now() {
    let correct = corrected_to(Some(date(2026, 5, 1)), None);
    let (corrected_at, undone_at) = ("2026-05-08T08:00:00Z", "2026-05-10T08:00:00Z");
    let (corrected, back) = undone(&correct, corrected_at, undone_at);
    let corrected = Lived::new(&corrected, &[(corrected_at, &begun())]);
    // Check-ins are on days 0 to 5 and 7: from the 1st to the 6th and on the 8th now, from the 4th to the 9th and on the 11th before.
    let (missed, never) = (State::Missed, State::Cancelled);
    assert_eq!(states_of(&corrected, "check-in", 1..=8), [never, never, never, missed, missed, missed, missed]);
    // The evening of the 8th was asked by the corrected plan, that of the 9th was not.
    assert_eq!(states_of(&back, "check-in", 4..=11), [missed, missed, missed, missed, missed, never, missed]);
}

#[test]
fn what_a_plan_did_not_ask_while_it_was_superseded_for_some_hours_is_not_missed() {
    let (over_at, back_at) = ("2026-05-06T03:30:00Z", "2026-05-06T11:00:00Z");
    let over = did(&begun(), &Command::Supersede(successor(6)), over_at);
    let back = did(&over, &Command::Supersede(None), back_at);
    assert_eq!(back, begun());
    let plan = Lived::new(&back, &[(over_at, &begun()), (back_at, &over)]);
    assert_eq!(states_of(&plan, "wash", 6..=6), [State::Cancelled, State::Missed]);
    let (madrid, facts) = (zone("Europe/Madrid"), Facts::default());
    let (from, until) = (at("2026-05-06T03:00:00Z"), at("2026-05-06T11:00:00Z"));
    assert!(due_reminders(&PLAN, &plan.enrolled(), &facts, &madrid, from, until).is_empty());
}

#[test]
fn a_line_that_is_added_is_not_missed_where_it_was_over_already() {
    let own = AddedLine {
        key: "own-cool-pack".to_owned(),
        kind: ItemKind::Task,
        days: vec![DayRange { from: 0, to: 3 }],
        slots: vec![SlotKey("morning".to_owned()), SlotKey("evening".to_owned())],
        title: Text::from_iter([("en".to_owned(), "Cool pack.".to_owned())]),
        text: None,
    };
    let add = Command::Override { change: OverrideChange::Add(own), reason: "It is warm.".to_owned() };
    let state = did(&begun(), &add, "2026-05-06T12:00:00Z");
    let plan = Lived::new(&state, &[("2026-05-06T12:00:00Z", &begun())]);
    let (missed, never) = (State::Missed, State::Cancelled);
    assert_eq!(states_of(&plan, "own-cool-pack", 5..=7), [never, missed, missed, missed]);
}

#[test]
fn a_change_of_a_changed_line_keeps_what_it_does_not_say() {
    let key = PLAN.items.iter().find(|item| item.kind == ItemKind::Restriction).map(|item| item.key.clone()).unwrap();
    let words = |text: &str| Text::from_iter([("en".to_owned(), text.to_owned())]);
    let command = |change| Command::Override { change, reason: "Seen.".to_owned() };
    let longer = SetLine { key: key.clone(), days: Some(vec![DayRange { from: 0, to: 9 }]), ..SetLine::default() };
    let worded = SetLine { key: key.clone(), title: Some(words("Not yet.")), ..SetLine::default() };
    let own = AddedLine {
        key: "own-no-gym".to_owned(),
        kind: ItemKind::Restriction,
        days: vec![DayRange { from: 0, to: 14 }],
        slots: vec![SlotKey(PLAN.slots[0].key.clone())],
        title: words("No gym."),
        text: None,
    };
    let own_worded = SetLine { key: own.key.clone(), title: Some(words("No gym, no running.")), ..SetLine::default() };
    let mut state = begun();
    for change in [
        OverrideChange::Set(longer),
        OverrideChange::Set(worded),
        OverrideChange::Add(own),
        OverrideChange::Set(own_worded),
    ] {
        check_override(&BASE, &state.overrides, &change).unwrap();
        state = did(&state, &command(change), "2026-05-05T10:00:00Z");
    }
    let plan = compiled(&state);
    let moment = at("2026-05-05T10:00:00Z");
    let seen = on_date(&plan, &enrolled(&state), &Facts::default(), &zone("Europe/Madrid"), moment, date(2026, 5, 6));
    let said = |key: &str| {
        let one = seen.occurrences.iter().find(|one| plan.items[one.item].key == key).unwrap();
        (plan.items[one.item].title.in_locale(&["en"]).to_owned(), one.last_day)
    };
    assert_eq!(said(&key), ("Not yet.".to_owned(), Some(9)));
    assert_eq!(said("own-no-gym"), ("No gym, no running.".to_owned(), Some(14)));
}

#[test]
fn a_pause_up_to_the_next_is_resumed_in_the_next() {
    let (sixth, eighth, ninth) = (date(2026, 5, 6), date(2026, 5, 8), date(2026, 5, 9));
    let one = did(&begun(), &pause(sixth, Some(eighth), PausedDays::Pass), "2026-05-06T10:00:00Z");
    let two = did(&one, &pause(eighth, Some(ninth), PausedDays::Pass), "2026-05-06T10:00:00Z");
    let resumed = did(&two, &Command::Resume { on: eighth }, "2026-05-08T10:00:00Z");
    assert_eq!(enrolled(&resumed).status_on(eighth), PlanStatus::Active);
}

#[test]
fn skin_does_not_wait_while_a_plan_does() {
    let state =
        did(&begun(), &pause(date(2026, 5, 6), Some(date(2026, 5, 16)), PausedDays::Shift), "2026-05-06T06:00:00Z");
    let plan = enrolled(&state);
    assert_eq!(
        (plan.day_on(date(2026, 5, 16)), plan.age_of(DayOfPlan(2)), plan.age_on(date(2026, 5, 10))),
        (2, Age(12), Age(6))
    );
    assert_eq!((plan.repetition(1), plan.repetition(2)), (1, 2), "day 2 comes a second time, and is reminded of again");
}

#[test]
fn only_the_newest_standing_revision_can_be_taken_back() {
    let one =
        did(&begun(), &pause(date(2026, 5, 7), Some(date(2026, 5, 8)), PausedDays::Shift), "2026-05-06T10:00:00Z");
    let two = did(&one, &Command::End { on: date(2026, 5, 20), status: PlanStatus::Revoked }, "2026-05-06T10:00:00Z");
    let mut revisions = vec![revision(2, None, &begun(), &one), revision(3, None, &one, &two)];
    assert_eq!(undo(&two, &revisions, 2), Err(UndoRefusal::NotNewest));
    assert_eq!(undo(&two, &revisions, 9), Err(UndoRefusal::Unknown));
    assert_eq!(undo(&two, &revisions, 3).as_ref(), Ok(&one));
    revisions.push(revision(4, Some(3), &two, &one));
    assert_eq!(undo(&one, &revisions, 3).as_ref(), Ok(&one), "it was taken back already");
    assert_eq!(undo(&one, &revisions, 2).as_ref(), Ok(&begun()));
}

fn successor(day: i8) -> Option<Successor> {
    Some(Successor { day_zero: date(2026, 5, day), plan: PlanId(uuid::Uuid::from_u128(7)) })
}

#[test]
fn a_plan_is_superseded_and_reinstated_and_what_was_not_asked_meanwhile_is_not_missed() {
    let madrid = zone("Europe/Madrid");
    let ahead = did(&begun(), &Command::Supersede(successor(9)), "2026-05-08T10:00:00Z");
    assert_eq!(ahead.stops.over_from(), Some(date(2026, 5, 9)));
    let sooner = did(&ahead, &Command::Supersede(successor(7)), "2026-05-08T10:00:00Z");
    assert_eq!(sooner.stops.over_from(), Some(date(2026, 5, 8)), "never in the past");
    assert_eq!(did(&sooner, &Command::Supersede(successor(6)), "2026-05-10T10:00:00Z"), sooner, "what has begun stays");
    assert_eq!(did(&ahead, &Command::Supersede(None), "2026-05-08T10:00:00Z"), begun());
    let (over, active) = (PlanStatus::Completed, PlanStatus::Active);
    assert_eq!([7, 8, 10].map(|day| enrolled(&sooner).status_on(date(2026, 5, day))), [active, over, over]);
    let again = did(&sooner, &Command::Supersede(None), "2026-05-11T10:00:00Z");
    assert_eq!(again, begun());
    let plan = Lived::new(&again, &[("2026-05-08T10:00:00Z", &begun()), ("2026-05-11T10:00:00Z", &sooner)]).enrolled();
    let moment = at("2026-05-13T18:30:00Z");
    for day in 8..=10 {
        let seen = on_date(&PLAN, &plan, &Facts::default(), &madrid, moment, date(2026, 5, day)).occurrences;
        let mut asked = seen
            .iter()
            .filter(|one| PLAN.items[one.item].kind.can_be_marked() && one.closes_at > at("2026-05-08T10:00:00Z"));
        assert!(asked.all(|one| one.state == State::Cancelled), "nothing was asked on {day} May");
    }
    let due =
        due_reminders(&PLAN, &plan, &Facts::default(), &madrid, at("2026-05-08T10:00:00Z"), at("2026-05-11T10:00:00Z"));
    assert_eq!(due.len(), 0, "and nothing is reminded of afterwards");
    assert!(plan.day_on(date(2026, 5, 11)) == 7, "its days went by");
}

#[test]
fn that_a_plan_is_superseded_is_taken_back_apart_from_what_else_was_done() {
    let pause = pause(date(2026, 5, 6), Some(date(2026, 5, 7)), PausedDays::Pass);
    let (early, late) = ("2026-05-06T06:00:00Z", "2026-05-06T10:00:00Z");
    let one = did(&begun(), &pause, early);
    let two = did(&one, &Command::Supersede(successor(9)), late);
    let revisions = [revision(2, None, &begun(), &one), revision(3, None, &one, &two)];
    assert_eq!(undo(&two, &revisions, 3).as_ref(), Ok(&one));
    let superseded_only = did(&begun(), &Command::Supersede(successor(9)), late);
    assert_eq!(undo(&two, &revisions, 2), Ok(superseded_only), "the pause is gone, and the plan is still superseded");
}

/// The date and the id of every day, where the date is known.
fn dated(state: &PlanState) -> BTreeMap<Date, OccurrenceId> {
    let plan = enrolled(state);
    (0..30).filter_map(|day| Some((plan.date_of(day)?, plan.occurrence_id("check-in", day, "evening")))).collect()
}

#[test]
fn whatever_was_paused_a_corrected_date_leaves_every_id_on_its_date() {
    let madrid = zone("Europe/Madrid");
    let (mut corrected, mut around_a_pause) = (0, 0);
    for seed in 0..3_000 {
        let mut random = Dice(seed);
        let mut state = begun();
        let mut moment = at("2026-05-04T08:00:00Z");
        for _ in 0..random.between(2, 8) {
            moment = moment.plus_seconds(i64::from(random.between(0, 60)) * 3_600);
            let today = local_date(&madrid, moment);
            let ahead = |random: &mut Dice, most| today.saturating_add(jiff::Span::new().days(random.between(0, most)));
            let command = match random.between(0, 5) {
                0 | 1 => {
                    let from = ahead(&mut random, 2);
                    let until =
                        random.flip().then(|| from.saturating_add(jiff::Span::new().days(random.between(1, 4))));
                    pause(from, until, PausedDays::Shift)
                }
                2 => Command::Resume { on: ahead(&mut random, 2) },
                _ => {
                    let performed_on = Some(today.saturating_sub(jiff::Span::new().days(random.between(0, 9))));
                    corrected_to(performed_on, None)
                }
            };
            let Ok(after) = apply(&state, &command, &now(&state, moment, &madrid, BTreeMap::new())) else { continue };
            let (old, new) = (dated(&state), dated(&after));
            if matches!(command, Command::Correct { .. }) && after != state {
                corrected += 1;
                around_a_pause += usize::from(state.stops.pauses.iter().any(|pause| pause.from_on <= after.day_zero));
                for (date, id) in &new {
                    let before = old.get(date).filter(|_| *date >= state.day_zero);
                    assert!(before.is_none_or(|before| before == id), "seed {seed}: {date} has another id");
                }
                // What was recorded on a date belongs to the day that this date is now.
                let (plan, earlier) = (enrolled(&after), enrolled(&state));
                for day in 0..40 {
                    let Some(date) = earlier.date_of(day) else { break };
                    let day = after.stops.recounted(day, state.day_zero, after.day_zero);
                    assert_eq!(day, plan.day_on(date), "seed {seed}: {date}");
                }
            } else {
                // A pause moves days, and their ids with them; resuming leaves what was lived.
                let id = |state: &PlanState, day| enrolled(state).occurrence_id("check-in", day, "evening");
                let (earlier, is_pause) = (enrolled(&state), matches!(command, Command::Pause { .. }));
                let was_lived = |date: Date| date < today && earlier.status_on(date) == PlanStatus::Active;
                let stays = |day: &i32| {
                    let is_known = enrolled(&after).date_of(*day).is_some();
                    earlier.date_of(*day).is_some_and(|date| is_known && (is_pause || was_lived(date)))
                };
                assert!(
                    (0..30).filter(stays).all(|day| id(&state, day) == id(&after, day)),
                    "seed {seed}: {command:?}"
                );
            }
            assert_eq!(new.values().collect::<BTreeSet<_>>().len(), new.len(), "seed {seed}: two days with one id");
            let plan = enrolled(&after);
            for day in 0..60 {
                assert!(plan.date_of(day).is_none_or(|date| plan.day_on(date) == day), "seed {seed}: day {day}");
            }
            state = after;
        }
    }
    assert!(corrected > 3_000 && around_a_pause > 400, "{corrected} {around_a_pause}");
}
