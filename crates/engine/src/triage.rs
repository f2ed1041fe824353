//! Triage: what the answers of a check-in mean, by the rules the clinic wrote.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::answers::{Answers, known_answer};
use super::because::because;
use super::calendar::{Age, DayOfPlan};
use super::compile::Compiled;
use super::conditions::{Condition, Known, Verdict};
use super::document::{Escalation, Rule, SIGNS, Sign};
use super::judged;
use super::text::Text;
use super::words::{QuestionKind, Urgency};

/// Rules look back at so many check-ins.
pub const LOOK_BACK: usize = 30;

/// The answers to judge.
#[derive(Debug, Clone, Copy)]
pub struct TriageInput<'a> {
    /// The day of the plan that the answers are about: it says which version asked.
    pub day: DayOfPlan,
    /// How old the skin was: it says what was normal, and which rules apply.
    pub age: Age,
    pub answers: &'a Answers,
    /// Earlier answers about the same treatment, the newest last.
    pub earlier: &'a [Answers],
    /// The other treatments of the area that still act: what one of them makes common is common.
    pub beside: &'a [Acting<'a>],
}

/// A treatment that still acts on an area.
#[derive(Debug, Clone, Copy)]
pub struct Acting<'a> {
    /// The protocol of its plan.
    pub compiled: &'a Compiled,
    /// The day of its plan.
    pub day: DayOfPlan,
    /// How old its skin is.
    pub age: Age,
}

/// The level of a symptom that is common: the highest that any treatment of the area makes so.
pub(super) fn usual(compiled: &Compiled, input: &TriageInput, symptom: &str) -> Option<u8> {
    let beside = input.beside.iter().filter_map(|acting| acting.compiled.expected(symptom, acting.day, acting.age));
    compiled.normal(symptom, input.age).into_iter().chain(beside).max()
}

/// What triage found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// The most pressing of the findings.
    pub urgency: Option<Urgency>,
    /// The findings, the most pressing first.
    pub findings: Vec<Finding>,
    /// The rules that could not be judged; the others were.
    pub not_judged: Vec<NotJudged>,
    /// The questions whose answer no rule of the day compares with anything.
    pub unjudged: Vec<String>,
    /// Whether a level was judged: what says nothing about the skin says nothing of what is common.
    pub has_level: bool,
}

impl Triage {
    /// Whether it may be said that the answers are in line with what is common: every one was judged, and nothing was found.
    pub fn is_in_line(&self) -> bool {
        let has_failed = self.not_judged.iter().any(|rule| rule.failed);
        self.findings.is_empty() && self.unjudged.is_empty() && self.has_level && !has_failed
    }
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The key of the rule or sign.
    pub rule: String,
    /// What it is about, like `R1:redness` or `F6`: one alert is open per cause.
    pub cause: String,
    /// How soon a person must act.
    pub urgency: Urgency,
    /// What the patient is told.
    pub advice: Text,
    /// Why, for staff.
    pub reason: Text,
    /// What of the answers it was, with the numbers, for everybody; empty if it was none.
    #[serde(default)]
    pub because: Text,
    /// How it came about.
    pub trace: Trace,
}

impl Finding {
    /// Whether it is a danger sign that was said.
    pub fn is_sign(&self) -> bool {
        self.rule == self.cause && self.trace.expression == sign_expression(&self.rule)
    }
}

fn sign_expression(sign: &str) -> String {
    format!("\"{sign}\" in {SIGNS}")
}

/// How a finding came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The condition that held.
    pub expression: String,
    /// The condition that raised the urgency.
    pub escalated_by: Option<String>,
    /// The values the conditions read.
    pub values: Vec<(String, Json)>,
    /// What they would have read but was not answered.
    pub not_answered: Vec<String>,
}

/// A rule that could not be judged, or of which it is not known whether it is more pressing than it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotJudged {
    /// The cause it would have had.
    pub cause: String,
    /// What was not answered.
    pub not_answered: Vec<String>,
    /// Everything was answered, and its condition has no result: the rule is to be mended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// Judges the answers of one check-in by the version that asked on its day.
pub fn triage(compiled: &Compiled, input: &TriageInput) -> Triage {
    triage_by(compiled.on(input.day), input)
}

/// Judges the answers of one check-in by this version, whatever version its day belongs to.
pub fn triage_by(compiled: &Compiled, input: &TriageInput) -> Triage {
    let known = |name: &str| variable(compiled, input, name);
    let said = |name: &str| said(compiled, input, name);
    let sign_finding = |sign| sign_finding(sign, known, said);
    let mut findings: Vec<Finding> = signs(compiled, input).map(sign_finding).collect();
    let unsure = signs(compiled, input).filter(|sign| fails(&sign.escalate, known));
    let failed = |sign: &Sign| NotJudged { cause: sign.key.clone(), not_answered: Vec::new(), failed: true };
    let mut not_judged: Vec<NotJudged> = unsure.map(failed).collect();
    for rule in judged::on_day(&compiled.rules, compiled.judged_as(input.age)) {
        let symptoms = rule.for_each.iter().map(|symptom| Some(symptom.as_str()));
        let once = rule.for_each.is_empty().then_some(None);
        for symptom in symptoms.chain(once) {
            let of_symptom = |name: &str| symptom_variable(compiled, input, symptom?, name);
            let known = |name: &str| of_symptom(name).or_else(|| known(name));
            let said = |name: &str| of_symptom(name).or_else(|| said(name));
            let verdict = rule.when.judge(known);
            if verdict == Verdict::True {
                let found = finding(rule, symptom, known, said);
                findings.push(Finding { because: because(compiled, input, (rule, symptom), &found.trace), ..found });
            }
            // One rule that cannot be judged says nothing about the others.
            let failed = verdict == Verdict::Failed || (verdict == Verdict::True && fails(&rule.escalate, known));
            if failed || verdict == Verdict::Unknown {
                let not_answered = rule.when.reading(known).1;
                not_judged.push(NotJudged { cause: cause(rule, symptom), not_answered, failed });
            }
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.urgency));
    let urgency = findings.first().map(|finding| finding.urgency);
    let (unjudged, has_level) = unjudged(compiled, input);
    Triage { urgency, findings, not_judged, unjudged, has_level }
}

/// The answers that no rule of the day looks at, and whether a level is among those that one does. Signs are judged on every day.
fn unjudged(compiled: &Compiled, input: &TriageInput) -> (Vec<String>, bool) {
    let rules = judged::Rules {
        rules: judged::on_day(&compiled.rules, compiled.judged_as(input.age)),
        other: |name: &str| variable(compiled, input, name),
    };
    let (mut unjudged, mut has_level) = (Vec::new(), false);
    for (key, answer) in input.answers.0.iter().filter(|(key, _)| key.as_str() != SIGNS) {
        let Some(question) = compiled.question(key) else { continue };
        let value = known_answer(question.kind, answer);
        if !judged::is_for_rules(question) {
            // It is for people. One that is not as it should be must not stand beside "in line with what is common".
            unjudged.extend(value.filter(|value| judged::is_unusual(question, value)).map(|_| key.clone()));
            continue;
        }
        match value {
            Some(value) if rules.judge(question, &value) => has_level |= question.kind == QuestionKind::Level,
            _ => unjudged.push(key.clone()),
        }
    }
    (unjudged, has_level)
}

/// The signs that were answered yes, whatever the day: a yes is never lost.
fn signs<'a>(compiled: &'a Compiled, input: &TriageInput) -> impl Iterator<Item = &'a Sign> {
    let answered = input.answers.0.get(SIGNS).and_then(Json::as_array);
    let yes: BTreeSet<String> = answered.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
    compiled.signs.iter().filter(move |sign| yes.contains(&sign.key))
}

fn sign_finding(sign: &Sign, known: impl Fn(&str) -> Option<Known>, said: impl Fn(&str) -> Option<Known>) -> Finding {
    let mut trace = Trace {
        expression: sign_expression(&sign.key),
        escalated_by: None,
        values: Vec::new(),
        not_answered: Vec::new(),
    };
    trace.values.extend(said(SIGNS).map(|signs| (SIGNS.to_owned(), signs.to_json())));
    let (urgency, advice) = raise((sign.urgency, &sign.advice), &sign.escalate, &mut trace, known, said);
    Finding {
        rule: sign.key.clone(),
        cause: sign.key.clone(),
        urgency,
        advice: advice.clone(),
        reason: sign.text.clone(),
        because: sign.text.clone(),
        trace,
    }
}

/// The finding of a rule that fired: by what is `known`, of which only what was `said` is told.
pub(super) fn finding(
    rule: &Rule,
    symptom: Option<&str>,
    known: impl Fn(&str) -> Option<Known>,
    said: impl Fn(&str) -> Option<Known>,
) -> Finding {
    let (values, not_answered) = rule.when.reading(&said);
    let mut trace = Trace { expression: rule.when.source().to_owned(), escalated_by: None, values, not_answered };
    let (urgency, advice) = raise((rule.urgency, &rule.advice), &rule.escalate, &mut trace, known, said);
    Finding {
        rule: rule.key.clone(),
        cause: cause(rule, symptom),
        urgency,
        advice: advice.clone(),
        reason: rule.reason.clone(),
        because: Text::default(),
        trace,
    }
}

fn cause(rule: &Rule, symptom: Option<&str>) -> String {
    symptom.map_or_else(|| rule.key.clone(), |symptom| format!("{}:{symptom}", rule.key))
}

/// The first escalation that holds raises the urgency; none lowers it.
fn raise<'a>(
    (urgency, advice): (Urgency, &'a Text),
    escalations: &'a [Escalation],
    trace: &mut Trace,
    known: impl Fn(&str) -> Option<Known>,
    said: impl Fn(&str) -> Option<Known>,
) -> (Urgency, &'a Text) {
    for Escalation { when, urgency: higher, advice: other } in escalations {
        read_into(trace, when, &said);
        if when.judge(&known) == Verdict::True {
            trace.escalated_by = Some(when.source().to_owned());
            return (urgency.max(*higher), other.as_ref().unwrap_or(advice));
        }
    }
    (urgency, advice)
}

/// Whether it is not known if the finding is more pressing, because a condition that would say so has no result.
fn fails(escalations: &[Escalation], known: impl Fn(&str) -> Option<Known>) -> bool {
    let verdicts = escalations.iter().map(|escalation| escalation.when.judge(&known));
    verdicts.take_while(|verdict| *verdict != Verdict::True).any(|verdict| verdict == Verdict::Failed)
}

fn read_into(trace: &mut Trace, when: &Condition, known: impl Fn(&str) -> Option<Known>) {
    let (values, missing) = when.reading(known);
    for value in values {
        if !trace.values.contains(&value) {
            trace.values.push(value);
        }
    }
    for name in missing {
        if !trace.not_answered.contains(&name) {
            trace.not_answered.push(name);
        }
    }
}

fn symptom_variable(compiled: &Compiled, input: &TriageInput, symptom: &str, name: &str) -> Option<Known> {
    match name {
        "symptom" => Some(Known::Word(symptom.to_owned())),
        "level" => now(compiled, input, symptom),
        "previous" => previous(compiled, input, symptom),
        "expected" => usual(compiled, input, symptom).map(|level| Known::Whole(i32::from(level))),
        _ => None,
    }
}

/// What conditions read: what was said, and where a question has no answer, what its plan takes for one.
fn variable(compiled: &Compiled, input: &TriageInput, name: &str) -> Option<Known> {
    said(compiled, input, name).or_else(|| compiled.unanswered(name))
}

fn said(compiled: &Compiled, input: &TriageInput, name: &str) -> Option<Known> {
    match name {
        "day" => return Some(Known::Whole(input.age.0)),
        "previous_signs" => return previous(compiled, input, SIGNS),
        _ => {}
    }
    let earlier = || previous(compiled, input, name.strip_suffix("_previous")?);
    let expected =
        || usual(compiled, input, name.strip_suffix("_expected")?).map(|level| Known::Whole(i32::from(level)));
    compiled.known(name).or_else(|| now(compiled, input, name)).or_else(earlier).or_else(expected)
}

fn now(compiled: &Compiled, input: &TriageInput, key: &str) -> Option<Known> {
    known_answer(compiled.question(key)?.kind, input.answers.0.get(key)?)
}

fn previous(compiled: &Compiled, input: &TriageInput, key: &str) -> Option<Known> {
    let question = compiled.question(key)?;
    let latest = input.earlier.iter().rev().find_map(|answers| answers.0.get(key))?;
    known_answer(question.kind, latest)
}
