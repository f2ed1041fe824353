//! What becomes of a check-in that a phone sends: nothing is dropped, what can be used is judged, the rest is named. And what is said
//! when nothing was found, and under every answer (fact sheet 8.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{NewCheckIn, NotUsed};
use crate::http::body::Said;
use crate::plans::PlanFile;
use crate::plans::history::EverAsked;
use crate::words;
use engine::{
    Acting, Age, AnswerProblem, Answers, Compiled, DayOfPlan, Enrolment, Facts, Finding, ItemKind, NotJudged,
    PlanStatus, SIGNS, Slot, State, Taken, Text, Trace, Triage, TriageInput, Urgency,
};
use ground::ids::OccurrenceId;
use ground::time::{Stamp, trusted};

/// All that a check-in is judged by.
pub struct JudgedBy<'a> {
    /// The plan's protocol as it is now.
    pub compiled: &'a Compiled,
    /// The plan as it stands now.
    pub enrolment: &'a Enrolment,
    /// Where the patient is.
    pub zone: &'a TimeZone,
    /// When the treatment's date began, at the clinic.
    pub day_zero_at: Stamp,
    /// The same of the earliest date that the treatment ever had: nobody answers before it.
    pub earliest: Stamp,
    /// Other versions whose form the phone may hold, the likeliest first.
    pub others: &'a [Arc<Compiled>],
    /// What the plan asked under the occurrence's id at any time.
    pub once: Option<&'a EverAsked>,
    /// Earlier answers, the newest last.
    pub earlier: &'a [Answers],
    /// The patient's other plans for the same area, of whatever clinic.
    pub beside: &'a [OtherPlan],
    /// Whether the clinic has answers judged.
    pub is_triaged: bool,
}

/// Another plan for the same area.
#[derive(Clone)]
pub struct OtherPlan {
    pub plan_file: PlanFile,
    /// What was answered in it, the newest last; left empty if its treatment is not fresher.
    pub earlier: Vec<Answers>,
}

/// What became of a check-in.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// When it was answered, by the phone's clock if that can be right.
    pub answered_at: Stamp,
    /// What the phone said, if its clock cannot be right.
    pub claimed_at: Option<String>,
    /// Where in the plan it belongs.
    pub place: Place,
    /// What could be used.
    pub answers: Answers,
    /// What could not.
    pub not_used: Vec<NotUsed>,
    /// What the rules found, the most pressing first.
    pub findings: Vec<Finding>,
    /// The rules whose conditions have no result.
    pub not_judged: Vec<String>,
}

impl Accepted {
    /// The most pressing of the findings.
    pub fn urgency(&self) -> Option<Urgency> {
        self.findings.iter().map(|finding| finding.urgency).max()
    }
}

/// Where in the plan a check-in belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The day of the plan.
    pub day: i32,
    /// How old the skin was.
    pub age: Age,
    pub form: String,
    /// Whether it came after its window had closed.
    pub back_filled: bool,
    /// The occurrence that it answers.
    pub answers: Option<OccurrenceId>,
}

/// The form of a check-in that nobody asked for.
const AD_HOC: &str = "ad-hoc";

/// Whether anything was answered at all.
pub fn has_answers(sent: &Map<String, Value>) -> bool {
    sent.values().any(engine::is_answer)
}

/// When something was answered or noted.
#[derive(Debug, Clone)]
pub struct NotedAt {
    /// By the phone's clock, if it can be right.
    pub at: Stamp,
    /// What the phone said, if its clock cannot be right.
    pub claimed: Option<String>,
}

impl NotedAt {
    /// By what a phone said of it: not before `earliest`, and not after `at`, when it reached us.
    pub fn of(said: Option<&Said<Stamp>>, earliest: Stamp, at: Stamp) -> Self {
        let right = said.and_then(Said::right).copied();
        let (noted_at, is_trusted) = trusted(right, earliest, at);
        let is_wrong = !is_trusted || right.is_none();
        Self { at: noted_at, claimed: said.filter(|_| is_wrong).map(|said| super::plain(&said.to_string())) }
    }
}

/// Takes a check-in that reached us at an instant, whatever is wrong with it, and judges what can be judged.
pub fn accept(by: &JudgedBy, new: &NewCheckIn, at: Stamp) -> Accepted {
    let mut not_used = Vec::new();
    let said = new.answered_at.as_ref();
    let NotedAt { at: answered_at, claimed: claimed_at } = NotedAt::of(said, by.earliest, at);
    if said.is_some_and(|said| said.right().is_none()) {
        not_used.push(NotUsed::new("answered_at", "invalid_value", "This is no instant."));
    }
    let (place, unplaced) = by.place(new.occurrence_id.as_ref(), answered_at, at);
    not_used.extend(unplaced);
    let mut taking = by.take(DayOfPlan(place.day), &new.answers);
    not_used.append(&mut taking.not_used);
    not_used.truncate(MOST_LISTED);
    let Judgement { mut findings, failed, unjudged, has_level } =
        if by.is_triaged { by.judge(&place, &taking) } else { Judgement::default() };
    let is_silent = findings.is_empty() && !has_level && by.is_triaged;
    if is_silent || !not_used.is_empty() || !failed.is_empty() || !unjudged.is_empty() {
        // Before the other notes: nothing reassures of what nobody has judged.
        let place = findings.iter().take_while(|finding| finding.urgency > Urgency::Note).count();
        findings.insert(place, by.kept(&not_used, &failed, &unjudged));
    }
    Accepted { answered_at, claimed_at, place, answers: taking.answers, not_used, findings, not_judged: failed }
}

/// What the rules say.
#[derive(Default)]
struct Judgement {
    /// The most pressing first.
    findings: Vec<Finding>,
    /// The rules whose conditions have no result.
    failed: Vec<String>,
    /// The questions whose answer no rule of the day looks at.
    unjudged: Vec<String>,
    /// Whether anything was said of how strong a symptom is.
    has_level: bool,
}

impl Judgement {
    /// What holds where a fresher treatment acts on the same area: what its rules find; and of these, danger signs and what only this plan
    /// asks about.
    fn with_fresher(self, fresh: Triage, version: &Compiled) -> Self {
        let is_theirs = |question: &str| version.question(question).is_some();
        let is_own = |finding: &Finding| {
            let reads_theirs = finding.trace.values.iter().any(|(name, _)| is_theirs(name));
            let of_symptom = finding.cause.split_once(':').is_some_and(|(_, symptom)| is_theirs(symptom));
            finding.is_sign() || !(reads_theirs || of_symptom)
        };
        let mut findings = fresh.findings;
        for finding in self.findings.into_iter().filter(is_own) {
            match findings.iter_mut().find(|known| known.cause == finding.cause) {
                Some(known) if known.urgency < finding.urgency => *known = finding,
                Some(_) => {}
                None => findings.push(finding),
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.urgency));
        let mut unjudged = fresh.unjudged;
        unjudged.extend(self.unjudged.into_iter().filter(|question| !is_theirs(question)));
        let failed = fresh.not_judged.into_iter().filter_map(|rule| rule.failed.then_some(rule.cause));
        Self {
            findings,
            failed: self.failed.into_iter().chain(failed).collect(),
            unjudged,
            has_level: self.has_level || fresh.has_level,
        }
    }
}

impl OtherPlan {
    /// The treatment as it acts on a date, if it still does.
    fn acts_on(&self, date: jiff::civil::Date) -> Option<Acting<'_>> {
        let (compiled, enrolment) = (&*self.plan_file.compiled, self.plan_file.enrolment());
        let (day, age) = (enrolment.day_on(date), enrolment.age_on(date));
        let acts = enrolment.status_on(date) != PlanStatus::Draft && (0..=compiled.horizon_day).contains(&day);
        acts.then_some(Acting { compiled, day: DayOfPlan(day), age })
    }
}

/// What of the answers can be used, and by which versions.
struct Taking<'a> {
    answers: Answers,
    /// Versions that asked what the day's version does not ask, with the questions and signs that only they know.
    others: Vec<(&'a Compiled, Vec<String>)>,
    sent: Map<String, Value>,
    not_used: Vec<NotUsed>,
}

impl<'a> JudgedBy<'a> {
    fn ad_hoc(&self, answered_at: Stamp) -> Place {
        // Where the patient is, the treatment's date at the clinic may not have begun when they write.
        let first = if answered_at < self.day_zero_at { i32::MIN } else { 0 };
        let date = engine::local_date(self.zone, answered_at);
        Place {
            day: self.enrolment.day_on(date).max(first),
            age: self.enrolment.age_on(date).max(Age(first)),
            form: AD_HOC.to_owned(),
            back_filled: false,
            answers: None,
        }
    }

    /// Where it belongs, and why not where it says.
    fn place(
        &self,
        occurrence: Option<&Said<OccurrenceId>>,
        answered_at: Stamp,
        at: Stamp,
    ) -> (Place, Option<NotUsed>) {
        let elsewhere = |why: &'static str, detail: &str| {
            (self.ad_hoc(answered_at), Some(NotUsed::new("occurrence_id", why, detail)))
        };
        let unknown = || elsewhere("unknown_value", "There was never such a check-in.");
        let Some(said) = occurrence else { return (self.ad_hoc(answered_at), None) };
        let Some(line) = said.right().and_then(|id| self.line(*id, at)) else { return unknown() };
        if !line.is_check_in {
            return unknown();
        }
        let by = engine::at_the_latest(answered_at, at);
        let was_asked = || line.slots.iter().any(|slot| self.enrolment.may_have_asked(slot, line.day, self.zone, by));
        if !line.is_open && !was_asked() {
            return elsewhere("not_open_yet", "This check-in had not been asked yet.");
        }
        let has_closed = |slot: &&Slot| self.enrolment.has_closed(slot, line.day, self.zone, at);
        let place = Place {
            day: line.day,
            age: self.enrolment.age_of(DayOfPlan(line.day)),
            form: line.form.to_owned(),
            back_filled: line.slots.iter().all(has_closed),
            answers: said.right().copied(),
        };
        (place, None)
    }

    /// What an occurrence's id is of, now or at any time.
    fn line(&self, id: OccurrenceId, at: Stamp) -> Option<Line<'_>> {
        let (compiled, enrolment) = (self.compiled, self.enrolment);
        let near = enrolment.day_at(self.zone, at);
        let Some((item, day, slot)) = engine::find(compiled, enrolment, id, near) else {
            return self.once.map(|once| Line {
                is_check_in: once.kinds.contains(&ItemKind::CheckIn),
                form: once.form.as_deref().unwrap_or_default(),
                day: once.day,
                slots: once.slots.iter().collect(),
                is_open: false,
            });
        };
        let item = compiled.items.get(item)?;
        let seen = engine::day(compiled, enrolment, &Facts::default(), self.zone, at, day);
        let mut shown = seen.occurrences.iter().filter(|one| one.id == id);
        Some(Line {
            is_check_in: item.kind == ItemKind::CheckIn,
            form: item.form.as_deref().unwrap_or_default(),
            day,
            slots: compiled.slots.get(slot).into_iter().collect(),
            is_open: shown.any(|one| one.state != State::Upcoming),
        })
    }

    /// Every version that may have asked, that of the day first.
    fn versions(&self, day: DayOfPlan) -> impl Iterator<Item = &'a Compiled> {
        let own = self.compiled.on(day);
        let others = self.compiled.versions().chain(self.others.iter().flat_map(|other| other.versions()));
        std::iter::once(own).chain(others.filter(move |other| !std::ptr::eq(*other, own)))
    }

    fn take(&self, day: DayOfPlan, sent: &Map<String, Value>) -> Taking<'a> {
        let mut versions = self.versions(day);
        let own = versions.next().unwrap_or(self.compiled);
        let sent = self.with_signs(day, sent);
        let Taken { mut answers, mut problems } = own.take_answers(&sent);
        let mut others = Vec::new();
        for version in versions {
            let open: BTreeSet<&str> = problems.iter().map(|problem| problem.question.as_str()).collect();
            let left = sent.iter().filter(|(key, _)| open.contains(key.as_str()));
            let left: Map<String, Value> = left.map(|(key, value)| (key.clone(), value.clone())).collect();
            if left.is_empty() {
                break;
            }
            let taken = version.take_answers(&left);
            let unknown: BTreeSet<(&str, Option<&str>)> = taken.problems.iter().map(about).collect();
            let (still, solved): (Vec<AnswerProblem>, Vec<AnswerProblem>) =
                problems.into_iter().partition(|problem| unknown.contains(&about(problem)));
            let known: Vec<String> =
                solved.into_iter().map(|one| one.choice.unwrap_or(one.question).trim().to_owned()).collect();
            taken.answers.0.into_iter().for_each(|(key, value)| add(&mut answers, key, value));
            if !known.is_empty() {
                others.push((version, known));
            }
            problems = still;
        }
        Taking { answers, others, sent, not_used: problems.into_iter().map(NotUsed::from).collect() }
    }

    /// The answers with the signs that are said elsewhere: `"F6": true` is a yes, whatever form has it.
    fn with_signs(&self, day: DayOfPlan, sent: &Map<String, Value>) -> Map<String, Value> {
        let mut sent = sent.clone();
        let is_sign = |key: &str| self.versions(day).any(|version| version.signs.iter().any(|sign| sign.key == key));
        let yes = sent.iter().filter(|(_, value)| value.as_bool() == Some(true)).map(|(key, _)| key.trim());
        let said: Vec<Value> = yes.filter(|key| is_sign(key)).map(Value::from).collect();
        if said.is_empty() {
            return sent;
        }
        match sent.get_mut(SIGNS) {
            Some(Value::Array(signs)) => signs.extend(said),
            Some(one @ Value::String(_)) => *one = said.into_iter().chain([one.clone()]).collect(),
            Some(other) if engine::is_answer(other) => {}
            _ => drop(sent.insert(SIGNS.to_owned(), Value::Array(said))),
        }
        sent
    }

    /// What the version of the day finds, and what older ones find in what only they asked.
    fn judge(&self, place: &Place, taking: &Taking) -> Judgement {
        let own = Acting { compiled: self.compiled, day: DayOfPlan(place.day), age: place.age };
        let date = self.enrolment.date_of(place.day);
        let others: Vec<(&OtherPlan, Acting)> =
            self.beside.iter().filter_map(|one| Some((one, one.acts_on(date?)?))).collect();
        let all: Vec<Acting> = others.iter().map(|(_, other)| *other).collect();
        let judged = self.judge_as(own, taking, self.earlier, &all);
        let fresher = others.iter().enumerate().filter(|(_, (_, other))| other.age < own.age);
        let Some((index, (beside, fresh))) = fresher.min_by_key(|(_, (_, other))| other.age) else { return judged };
        let rest = all.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| *other);
        let around: Vec<Acting> = rest.chain([own]).collect();
        // The newest treatment says what is to be expected, and since when things rise.
        let version = fresh.compiled.on(fresh.day);
        let answers = version.take_answers(&taking.sent).answers;
        let input = TriageInput {
            day: fresh.day,
            age: fresh.age,
            answers: &answers,
            earlier: &beside.earlier,
            beside: &around,
        };
        judged.with_fresher(engine::triage(fresh.compiled, &input), version)
    }

    /// What the version of the day finds, and what older ones find in what only they asked.
    fn judge_as(&self, own: Acting, taking: &Taking, earlier: &[Answers], beside: &[Acting]) -> Judgement {
        let input = TriageInput { day: own.day, age: own.age, answers: &taking.answers, earlier, beside };
        let own = engine::triage(self.compiled, &input);
        let (mut findings, mut not_judged, mut unjudged) = (own.findings, own.not_judged, own.unjudged);
        let mut has_level = own.has_level;
        for (version, known) in &taking.others {
            let answers = version.take_answers(&taking.sent).answers;
            let found = engine::triage_by(version, &TriageInput { answers: &answers, ..input });
            let is_new = |finding: &Finding| findings.iter().all(|other| other.cause != finding.cause);
            let new: Vec<Finding> =
                found.findings.into_iter().filter(|finding| is_new(finding) && reads(finding, known)).collect();
            findings.extend(new);
            not_judged.extend(found.not_judged);
            unjudged.extend(found.unjudged.into_iter().filter(|question| known.contains(question)));
            has_level |= found.has_level;
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.urgency));
        let failed = |rule: NotJudged| rule.failed.then_some(rule.cause);
        Judgement { findings, failed: not_judged.into_iter().filter_map(failed).collect(), unjudged, has_level }
    }

    /// That something was kept and could not be judged, for the patient and for the clinic.
    fn kept(&self, not_used: &[NotUsed], failed: &[String], unjudged: &[String]) -> Finding {
        let mut questions: Vec<&str> = not_used.iter().map(|one| one.question.as_str()).collect();
        questions.extend(unjudged.iter().map(String::as_str));
        questions.dedup();
        let named = |locale: &str| {
            let labels = questions.iter().take(MOST_NAMED).map(|question| self.label(question, locale));
            labels.collect::<Vec<String>>().join("; ")
        };
        let said = |question: &str, why: &str| (question.to_owned(), Value::from(why));
        let whys = not_used.iter().map(|one| said(&one.question, &one.why)).take(MOST_NAMED);
        let failures = failed.iter().map(|rule| said(rule, "failed")).take(MOST_NAMED);
        let others = unjudged.iter().map(|question| said(question, "not_judged")).take(MOST_NAMED);
        let cause = if not_used.is_empty() && failed.is_empty() { NOT_JUDGED } else { NOT_USED };
        Finding {
            rule: cause.to_owned(),
            cause: cause.to_owned(),
            urgency: Urgency::Note,
            advice: Text::in_each(|locale| kept(locale, &named(locale))),
            reason: Text::in_each(|locale| kept_for_staff(locale, failed)),
            because: Text::in_each(|locale| not_judged_words(locale, &named(locale))),
            trace: Trace {
                expression: cause.to_owned(),
                escalated_by: None,
                values: whys.chain(failures).chain(others).collect(),
                not_answered: Vec::new(),
            },
        }
    }

    /// A question in the words of whoever asked it.
    fn label(&self, question: &str, locale: &str) -> String {
        let all = self.compiled.versions().chain(self.others.iter().flat_map(|other| other.versions()));
        let asked = all.into_iter().find_map(|version| version.question(question));
        asked.map_or_else(
            || {
                words_for(question, locale)
                    .unwrap_or_else(|| question.to_owned())
                    .replace(['{', '}'], "")
                    .replace('_', " ")
            },
            |asked| asked.name.as_ref().unwrap_or(&asked.text).in_locale(&[locale]).to_owned(),
        )
    }
}

/// What an id is of.
struct Line<'a> {
    is_check_in: bool,
    form: &'a str,
    day: i32,
    slots: Vec<&'a Slot>,
    /// Whether it is asked now, or was.
    is_open: bool,
}

/// The cause of what is raised when something could not be used.
pub const NOT_USED: &str = "not_used";
/// The cause of what is raised when all could be used, and no rule looks at it on that day.
pub const NOT_JUDGED: &str = "not_judged";
/// So many are named in an alert.
const MOST_NAMED: usize = 10;
/// So many are listed in the answer; the row has the whole body.
const MOST_LISTED: usize = 500;

/// What a problem is about: a question, or one choice of a list.
fn about(problem: &AnswerProblem) -> (&str, Option<&str>) {
    (problem.question.as_str(), problem.choice.as_deref())
}

/// Adds an answer, or more choices to one.
fn add(answers: &mut Answers, key: String, value: Value) {
    let entry = answers.0.entry(key).or_insert(Value::Null);
    match (entry, value) {
        (Value::Array(words), Value::Array(more)) => {
            words.extend(more);
            words.sort_by_key(ToString::to_string);
            words.dedup();
        }
        (entry @ Value::Null, value) => *entry = value,
        _ => {}
    }
}

/// Whether a finding comes from one of these questions or signs.
fn reads(finding: &Finding, known: &[String]) -> bool {
    let names = |name: &str| known.iter().any(|known| name == known);
    let of_symptom = finding.cause.split_once(':').is_some_and(|(_, symptom)| names(symptom));
    let values = || finding.trace.values.iter();
    let reads_sign = || {
        values().any(|(_, value)| value.as_array().is_some_and(|all| all.iter().filter_map(Value::as_str).any(names)))
    };
    if finding.is_sign() && !names(&finding.rule) && !names(SIGNS) {
        return false; // a sign that the version of the day knows as well; one that asks for no sign knows none
    }
    names(&finding.rule) || of_symptom || values().any(|(name, _)| names(name)) || reads_sign()
}

impl From<AnswerProblem> for NotUsed {
    fn from(problem: AnswerProblem) -> Self {
        let AnswerProblem { question, code, detail, choice } = problem;
        match choice {
            Some(choice) => Self::new(&question, code, &format!("`{}`: {detail}", super::plain(&choice))),
            None => Self::new(&question, code, &detail),
        }
    }
}

/// What is sent beside the answers, in words.
fn words_for(field: &str, locale: &str) -> Option<String> {
    match field {
        "occurrence_id" => Some(words::say(locale, "check-in-occurrence", &[])),
        "answered_at" => Some(words::say(locale, "check-in-answered-at", &[])),
        _ => None,
    }
}

/// What is said instead of "in line with what is common".
fn kept(locale: &str, questions: &str) -> String {
    words::say(locale, "check-in-kept", &[("what", &not_judged_words(locale, questions))])
}

fn not_judged_words(locale: &str, questions: &str) -> String {
    if questions.is_empty() {
        return words::say(locale, "check-in-too-little", &[]);
    }
    words::say(locale, "check-in-not-judged-parts", &[("questions", questions)])
}

fn kept_for_staff(locale: &str, failed: &[String]) -> String {
    let kept = words::say(locale, "check-in-kept-for-staff", &[]);
    if failed.is_empty() {
        return kept;
    }
    let rules = failed.iter().take(MOST_NAMED).cloned().collect::<Vec<String>>().join(", ");
    format!("{kept} {}", words::say(locale, "check-in-rules-failed", &[("rules", &rules)]))
}

/// "In line with what is common", never "you are fine".
pub fn in_line(locale: &str, day: i32) -> String {
    words::say(locale, "check-in-in-line", &[("day", &day.to_string())])
}

/// What is said where no rule is judged.
pub fn not_judged(locale: &str) -> String {
    words::say(locale, "check-in-not-judged", &[])
}

/// The standing line of the fact sheet: under every advice.
pub fn standing(locale: &str) -> String {
    words::say(locale, "standing-line", &[])
}
