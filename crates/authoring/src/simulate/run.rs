//! Plays a script: one event after the other, each decided by the functions that the server uses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::calm;
use super::result::{
    SimulatedAlert, SimulatedChange, SimulatedCheckIn, SimulatedDay, SimulatedFinding, SimulatedLine,
    SimulatedReminder, SimulatedStaffMail, Simulation,
};
use super::script::{Behaviour, Checked, CheckedDay, ItemKey, Script, ScriptProblem, check};
use engine::Answers;
use engine::LocalTime;
use engine::day_rules;
use engine::silence;
use engine::{Age, DayOfPlan, date_of, day_number, local_instant, next_date_change};
use engine::{AlertChange, Decision, ItemKind, MarkState, Reason, State, Trigger, Urgency};
use engine::{Changes, CheckInFact, Enrolment, Facts, MarkFact, line_of};
use engine::{Compiled, Planned};
use engine::{Due, Reader, batch_key, due_reminders, look_from, next_due, reason_of};
use engine::{Finding, LOOK_BACK, Triage, TriageInput, triage};
use engine::{Occurrence, Seen, Windows, today};
use engine::{Office, Standing, should_raise};
use ground::ids::{OccurrenceId, PatientId, PlanId};
use ground::time::Stamp;

/// Where the ids of simulated plans and patients come from: the same protocol always has the same ones.
const NAMESPACE: Uuid = Uuid::from_u128(0x9f2c_5a41_6d0e_4b7c_8a13_51e2_7c40_0d96);

/// Plays a script against a plan, to its end.
pub fn simulate(compiled: &Compiled, script: &Script) -> Result<Simulation, Vec<ScriptProblem>> {
    let checked = check(compiled, script)?;
    Ok(Run::new(compiled, &checked).play())
}

/// What happens at one instant; of several at the same instant, the first of these is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The patient's day is over.
    Midnight,
    /// The patient is somewhere else.
    Travel,
    /// The patient does something.
    Act,
    /// The planner looks.
    Plan,
}

/// Something that the patient will do.
#[derive(Debug, Clone)]
struct Act {
    day: i32,
    at: LocalTime,
    /// Not before its window opens.
    line: Option<Planned>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Answer(Option<Answers>),
    Write(Answers),
    Mark(MarkState),
}

struct Run<'a> {
    compiled: &'a Compiled,
    checked: &'a Checked<'a>,
    enrolment: Enrolment,
    patient: PatientId,
    /// Where the patient is.
    zone: TimeZone,
    zone_name: &'a str,
    now: Stamp,
    travelled: usize,
    /// With the instant at which each will be, the latest first.
    acts: Vec<(Stamp, Act)>,
    planned_to: Stamp,
    next_plan: Option<Stamp>,
    decided: BTreeSet<OccurrenceId>,
    letters: BTreeSet<String>,
    marks: Vec<MarkFact>,
    check_ins: Vec<CheckInFact>,
    earlier: Vec<Answers>,
    days: BTreeMap<i32, SimulatedDay>,
    done: Simulation,
}

impl<'a> Run<'a> {
    fn new(compiled: &'a Compiled, checked: &'a Checked<'a>) -> Self {
        let plan = PlanId::from(Uuid::new_v5(&NAMESPACE, compiled.key.as_bytes()));
        let (day_zero, enrolled_at) = (checked.script.treated_on, checked.enrolled_at);
        let enrolment =
            Enrolment { performed_at: checked.script.performed_at, ..Enrolment::running(plan, day_zero, enrolled_at) };
        let mut run = Self {
            compiled,
            checked,
            enrolment,
            patient: PatientId::from(Uuid::new_v5(&NAMESPACE, b"patient")),
            zone: checked.zone.clone(),
            zone_name: &checked.script.zone,
            now: enrolled_at,
            travelled: 0,
            acts: Vec::new(),
            planned_to: enrolled_at,
            next_plan: Some(enrolled_at),
            decided: BTreeSet::new(),
            letters: BTreeSet::new(),
            marks: Vec::new(),
            check_ins: Vec::new(),
            earlier: Vec::new(),
            days: BTreeMap::new(),
            done: Simulation {
                key: compiled.key.clone(),
                title: compiled.title.clone(),
                plan_id: plan,
                variants: compiled.variants.clone(),
                exclusions: compiled.exclusions.iter().map(|exclusion| exclusion.key.clone()).collect(),
                treated_on: day_zero,
                enrolled_at,
                days: Vec::new(),
                reminders: Vec::new(),
                check_ins: Vec::new(),
                alerts: Vec::new(),
                staff_mails: Vec::new(),
            },
        };
        // Where the patient is on enrolment: earlier journeys are over.
        while run.next_journey().is_some_and(|at| at <= enrolled_at) {
            run.travel();
        }
        run.acts = (0..=checked.until_day).flat_map(|day| run.acts_of(day)).map(|act| (enrolled_at, act)).collect();
        run.place_acts();
        run
    }

    fn play(mut self) -> Simulation {
        let mut midnight = next_date_change(&self.zone, self.now);
        loop {
            let journey = self.next_journey().map(|at| (at, Event::Travel));
            let act = self.acts.last().map(|(at, _)| (*at, Event::Act));
            let plan = self.next_plan.map(|at| (at, Event::Plan));
            let events = [journey, act, plan].into_iter().flatten().chain([(midnight, Event::Midnight)]);
            let Some((at, event)) = events.min() else { break };
            if at > self.end() {
                break;
            }
            self.now = at;
            match event {
                Event::Midnight => {
                    self.close_day();
                    midnight = next_date_change(&self.zone, at);
                }
                Event::Travel => {
                    self.close_day();
                    self.travel();
                    self.place_acts();
                    midnight = next_date_change(&self.zone, at);
                    self.next_plan = Some(at); // a change of zone wakes the planner
                }
                Event::Act => self.act(),
                Event::Plan => self.plan(),
            }
        }
        self.done.days = self.days.into_values().collect();
        self.done
    }

    /// When the last day ends where the patient is.
    fn end(&self) -> Stamp {
        let after = date_of(self.enrolment.day_zero, self.checked.until_day + 1);
        local_instant(after, LocalTime::MIDNIGHT, &self.zone)
    }

    fn next_journey(&self) -> Option<Stamp> {
        self.checked.travel.get(self.travelled).map(|(at, ..)| *at)
    }

    fn travel(&mut self) {
        if let Some((_, name, zone)) = self.checked.travel.get(self.travelled) {
            (self.zone_name, self.zone) = (name, zone.clone());
        }
        self.travelled += 1;
    }

    /// Today, as it was just before now: after a journey west a day comes again, and its later end counts.
    fn close_day(&mut self) {
        let just_before = self.now.plus_seconds(-1);
        let facts = Facts { marks: &self.marks, check_ins: &self.check_ins };
        let day = today(self.compiled, &self.enrolment, &facts, &self.zone, just_before);
        if day.number < 0 || day.number > self.checked.until_day || just_before < self.enrolment.enrolled_at {
            return;
        }
        let phase = day.phase.and_then(|index| self.compiled.phases.get(index)).map(|phase| phase.key.clone());
        let lines = day.occurrences.iter().filter_map(|one| self.line(one)).collect();
        let (number, date, zone) = (day.number, day.date, self.zone_name.to_owned());
        self.days.insert(number, SimulatedDay { number, date, zone, phase, lines });
    }

    fn line(&self, one: &Occurrence) -> Option<SimulatedLine> {
        let (item, slot) = line_of(self.compiled, Planned { item: one.item, slot: one.slot })?;
        Some(SimulatedLine {
            occurrence_id: one.id,
            key: item.key.clone(),
            kind: item.kind,
            slot: slot.key.clone(),
            day: one.day,
            state: one.state,
            last_on: one.last_day.map(|last| date_of(self.enrolment.day_zero, last)),
            held: one.held,
        })
    }

    /// What the patient will do about a day.
    fn acts_of(&self, day: i32) -> Vec<Act> {
        let script = self.checked.script;
        let scripted: Option<&CheckedDay> = self.checked.days.iter().find(|one| one.day.day == day);
        let at = scripted.and_then(|one| one.day.at).unwrap_or(script.answers_at);
        let mut acts = Vec::new();
        for line in self.compiled.planned_on(day) {
            let Some((item, _)) = line_of(self.compiled, *line) else { continue };
            let what = if item.kind == ItemKind::CheckIn {
                let given = scripted.map(|one| &one.answers).filter(|answers| !answers.0.is_empty());
                let answers = !scripted.is_some_and(|one| one.day.skip)
                    && (given.is_some() || script.answers == Behaviour::AsExpected);
                answers.then(|| What::Answer(given.cloned()))
            } else {
                let listed = |keys: fn(&CheckedDay<'a>) -> &'a [ItemKey]| {
                    scripted.is_some_and(|one| keys(one).iter().any(|key| key.0 == item.key))
                };
                let done = listed(|one| &one.day.done).then_some(MarkState::Done);
                done.or_else(|| listed(|one| &one.day.skipped).then_some(MarkState::Skipped)).map(What::Mark)
            };
            acts.extend(what.map(|what| Act { day, at, line: Some(*line), what }));
        }
        let unasked = scripted.into_iter().flat_map(|one| &one.ad_hoc);
        acts.extend(unasked.map(|(at, answers)| Act { day, at: *at, line: None, what: What::Write(answers.clone()) }));
        acts
    }

    /// Gives every act its instant where the patient is now: never before now, never before its window opens.
    fn place_acts(&mut self) {
        let mut acts = std::mem::take(&mut self.acts);
        for (at, act) in &mut acts {
            let wished = local_instant(date_of(self.enrolment.day_zero, act.day), act.at, &self.zone);
            let opens_at = act.line.and_then(|line| self.unanswered(line, act.day)).map(|one| one.opens_at);
            *at = wished.max(self.now).max(opens_at.unwrap_or(wished));
        }
        acts.sort_by_key(|(at, act)| std::cmp::Reverse((*at, act.day)));
        self.acts = acts;
    }

    /// A line as it is now if nothing is recorded.
    fn unanswered(&self, line: Planned, day: i32) -> Option<Occurrence> {
        let (compiled, enrolment, facts) = (self.compiled, &self.enrolment, &Facts::default());
        let seen = Seen { compiled, enrolment, facts, zone: &self.zone };
        let mut windows = Windows::new(&seen, enrolment.date_of(day)?);
        seen.occurrence(&mut windows, line, day, false, &mut Changes::seen_at(self.now))
    }

    fn act(&mut self) {
        let Some((_, act)) = self.acts.pop() else { return };
        let Some(line) = act.line else {
            if let What::Write(answers) = act.what {
                let day = day_number(self.enrolment.day_zero, &self.zone, self.now);
                self.check_in(None, day, answers, false);
            }
            return;
        };
        let unanswered = self.unanswered(line, act.day).filter(|one| matches!(one.state, State::Open | State::Late));
        let (Some((item, _)), Some(one)) = (line_of(self.compiled, line), unanswered) else {
            return; // over before the enrolment, or flown past
        };
        let id = one.id;
        match act.what {
            What::Mark(state) => self.marks.push(MarkFact { occurrence: id, state }),
            What::Answer(given) => {
                let form = item.form.as_deref().unwrap_or_default();
                let mut answers = match self.checked.script.answers {
                    Behaviour::AsExpected => calm::answers(self.compiled, form, act.day, self.looked_back_at()),
                    Behaviour::Silent => Answers::default(),
                };
                answers.0.extend(given.unwrap_or_default().0);
                self.check_in(Some((id, item.key.clone())), act.day, answers, self.now >= one.closes_at);
            }
            What::Write(_) => {}
        }
    }

    fn looked_back_at(&self) -> &[Answers] {
        let from = self.earlier.len().saturating_sub(LOOK_BACK);
        self.earlier.get(from..).unwrap_or_default()
    }

    fn check_in(&mut self, asked: Option<(OccurrenceId, String)>, day: i32, answers: Answers, back_filled: bool) {
        let earlier = self.looked_back_at();
        let triage = match self.checked.script.triage {
            true => triage(
                self.compiled,
                &TriageInput { day: DayOfPlan(day), age: Age(day), answers: &answers, earlier, beside: &[] },
            ),
            false => Triage::default(),
        };
        let (occurrence, item_key) = asked.unzip();
        self.check_ins.push(CheckInFact { occurrence, day, answered_at: self.now, answers: answers.clone() });
        self.earlier.push(answers.clone());
        for finding in &triage.findings {
            self.raise(finding, day);
        }
        if triage.findings.iter().any(|finding| finding.urgency > Urgency::Note) {
            self.tell_staff(triage.findings.iter().map(|finding| finding.cause.clone()).collect());
        }
        self.done.check_ins.push(SimulatedCheckIn {
            occurrence_id: occurrence,
            item_key,
            day,
            answered_at: self.now,
            local: self.local(self.now),
            back_filled,
            answers: answers.0,
            urgency: triage.urgency,
            findings: triage.findings.into_iter().map(finding_view).collect(),
            not_judged: triage.not_judged.into_iter().map(|rule| rule.cause).collect(),
        });
    }

    /// The planner's turn, as the server's.
    fn plan(&mut self) {
        let facts = Facts { marks: &self.marks, check_ins: &self.check_ins };
        let after = look_from(self.planned_to, self.enrolment.enrolled_at);
        let due = due_reminders(self.compiled, &self.enrolment, &facts, &self.zone, after, self.now);
        if self.checked.script.triage {
            let today = day_number(self.enrolment.day_zero, &self.zone, self.now);
            let silences = silence(self.compiled, &self.enrolment, &facts, &self.zone, self.now);
            for finding in &silences {
                self.find(Trigger::Silence, finding, today);
            }
            for found in day_rules(self.compiled, &self.enrolment, &self.zone, self.now) {
                self.find(Trigger::Day, &found.finding, found.day);
            }
        }
        for due in &due {
            self.decide(due);
        }
        self.planned_to = self.now;
        self.next_plan = next_due(self.compiled, &self.enrolment, &self.zone, self.now);
    }

    fn decide(&mut self, due: &Due) {
        let occurrence = &due.occurrence;
        let line = line_of(self.compiled, Planned { item: occurrence.item, slot: occurrence.slot });
        let Some((item, slot)) = line.filter(|_| self.decided.insert(occurrence.id)) else { return };
        let reason = reason_of(
            due,
            Reader { accepted: true, wants: self.checked.script.wants_reminders, refused: false },
            self.now,
        );
        let decision = if reason != Reason::Missing {
            Decision::NotMailed
        } else if self.letters.insert(batch_key(self.patient, due.date, &slot.key)) {
            Decision::Mailed
        } else {
            Decision::Merged
        };
        self.done.reminders.push(SimulatedReminder {
            occurrence_id: occurrence.id,
            item_key: item.key.clone(),
            slot: slot.key.clone(),
            day: occurrence.day,
            due_at: due.due_at,
            decided_at: self.now,
            local: self.local(self.now),
            decision,
            reason,
        });
    }

    /// Raises an alert that no check-in has raised, if it is news.
    fn find(&mut self, on: Trigger, finding: &Finding, day: i32) {
        // Nobody ends an alert here: one that ever was is open.
        let open = self.done.alerts.iter().any(|alert| alert.cause == finding.cause);
        if should_raise(on, open, open) {
            self.raise(finding, day);
            self.tell_staff(vec![finding.cause.clone()]);
        }
    }

    fn raise(&mut self, finding: &Finding, day: i32) {
        let (at, local) = (self.now, self.local(self.now));
        let found = Standing::raised(finding.urgency, Office { zone: &self.checked.clinic_zone, hours: None }, at);
        let open = self.done.alerts.iter_mut().find(|alert| alert.cause == finding.cause);
        let urgency = finding.urgency;
        match open {
            Some(alert) => {
                let standing = Standing { urgency: alert.urgency, due_at: alert.due_at, times_seen: alert.times_seen };
                let (merged, change) = standing.again(found);
                (alert.urgency, alert.due_at, alert.times_seen) = (merged.urgency, merged.due_at, merged.times_seen);
                (alert.day, alert.reason) = (day, finding.reason.clone());
                alert.changes.push(SimulatedChange { at, local, day, change, urgency });
            }
            None => self.done.alerts.push(SimulatedAlert {
                cause: finding.cause.clone(),
                urgency,
                day,
                raised_at: at,
                due_at: found.due_at,
                times_seen: found.times_seen,
                reason: finding.reason.clone(),
                changes: vec![SimulatedChange { at, local, day, change: AlertChange::Raised, urgency }],
            }),
        }
    }

    fn tell_staff(&mut self, causes: Vec<String>) {
        let (at, local) = (self.now, self.local(self.now));
        self.done.staff_mails.push(SimulatedStaffMail { at, local, causes });
    }

    fn local(&self, at: Stamp) -> String {
        self.zone.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

fn finding_view(finding: Finding) -> SimulatedFinding {
    SimulatedFinding {
        cause: finding.cause,
        urgency: finding.urgency,
        advice: finding.advice,
        reason: finding.reason,
        expression: finding.trace.expression,
        escalated_by: finding.trace.escalated_by,
        values: finding.trace.values.into_iter().collect(),
    }
}
