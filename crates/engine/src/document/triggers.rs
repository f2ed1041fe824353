//! Reads what raises an alert: signs and rules, with the variables their conditions may use.

use std::collections::BTreeSet;

use super::codes::DefectCode;
use super::lines::SIGNS;
use super::parts::{Reading, Style, condition, escalations, keys, must_be_known, text, unique_key, urgency};
use super::reader::Fields;
use super::{Curve, Question, QuestionKind, Rule, Sign, Trigger};
use crate::conditions::{Kind, Scope};

/// The keys of the questions that ask for a level.
pub(super) fn levels(questions: &[Question]) -> impl Iterator<Item = &str> {
    questions.iter().filter(|question| question.kind == QuestionKind::Level).map(|question| question.key.as_str())
}

/// The variables that can be read where answers are known.
pub(super) fn answers_scope(root: &Fields, plan: &Scope, questions: &[Question], curves: &[Curve]) -> Scope {
    let signs = root
        .tables("sign")
        .iter()
        .filter_map(|sign| sign.optional("key")?.string())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let mut scope = day_scope(plan);
    for question in questions {
        let choices = if question.key == SIGNS {
            signs.clone()
        } else {
            question.choices.iter().map(|choice| choice.key.clone()).collect()
        };
        let kind = match question.kind {
            QuestionKind::Level => Kind::Whole,
            QuestionKind::Choice => Kind::Word(Some(choices)),
            QuestionKind::Multi => Kind::List(Box::new(Kind::Word(Some(choices)))),
            QuestionKind::Flag => Kind::Flag,
            QuestionKind::Temperature => Kind::Decimal,
        };
        if question.key == SIGNS {
            scope.insert("previous_signs".to_owned(), kind.clone());
        }
        scope.insert(format!("{}_previous", question.key), kind.clone());
        scope.insert(question.key.clone(), kind);
    }
    for curve in curves {
        scope.insert(format!("{}_expected", curve.symptom), Kind::Whole);
    }
    scope
}

fn day_scope(plan: &Scope) -> Scope {
    let mut scope = plan.clone();
    scope.insert("day".to_owned(), Kind::Whole);
    scope.insert("r2_start_day".to_owned(), Kind::Whole);
    scope
}

fn silence_scope(plan: &Scope) -> Scope {
    let mut scope = day_scope(plan);
    scope.insert("missed_in_a_row".to_owned(), Kind::Whole);
    scope.insert("answered_any".to_owned(), Kind::Flag);
    scope
}

pub(super) fn signs(root: &Fields, reading: &Reading, answers: &Scope) -> Vec<Sign> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let sign = Sign {
            key: unique_key(fields, "key", Style::Label, &mut taken),
            days: reading.days_or_all(fields),
            when: reading.when(fields),
            text: text(fields, "text"),
            urgency: urgency(fields),
            escalate: escalations(fields, answers),
            advice: text(fields, "advice"),
            grounds: reading.grounds(fields, true),
        };
        fields.finish();
        sign
    };
    root.tables("sign").iter().map(&mut read).collect()
}

pub(super) fn rules(
    root: &Fields,
    reading: &Reading,
    answers: &Scope,
    questions: &[Question],
    curves: &[Curve],
) -> Vec<Rule> {
    let (day, silence) = (day_scope(&reading.plan), silence_scope(&reading.plan));
    let signs = root.tables("sign");
    let mut taken: BTreeSet<String> =
        signs.iter().filter_map(|sign| sign.optional("key")?.string()).map(str::to_owned).collect();
    let mut read = |fields: &Fields| {
        let key = unique_key(fields, "key", Style::Label, &mut taken);
        let on = fields.required("on").and_then(|node| node.word()).unwrap_or(Trigger::Answers);
        let for_each = for_each(fields, on, questions);
        let mut scope = match on {
            Trigger::Answers => answers.clone(),
            Trigger::Silence => silence.clone(),
            Trigger::Day => day.clone(),
        };
        if !for_each.is_empty() {
            let with_curve = for_each.iter().all(|symptom| curves.iter().any(|curve| curve.symptom == *symptom));
            symptom_variables(&mut scope, &for_each, with_curve);
        }
        let (days, when) = (reading.days_or_all(fields), condition(fields, "when", &scope));
        let (urgency, escalate) = (urgency(fields), escalations(fields, &scope));
        let (advice, reason, grounds) = (text(fields, "advice"), text(fields, "reason"), reading.grounds(fields, true));
        fields.finish();
        when.map(|when| Rule { key, on, for_each, days, when, urgency, escalate, advice, reason, grounds })
    };
    root.tables("rule").iter().filter_map(&mut read).collect()
}

fn for_each(fields: &Fields, on: Trigger, questions: &[Question]) -> Vec<String> {
    let symptoms = keys(fields, "for_each", Style::Variable);
    let Some(node) = fields.optional("for_each") else { return symptoms };
    if on != Trigger::Answers {
        node.wrong(DefectCode::Misplaced, "only answers have symptoms", "remove `for_each`");
    }
    for (element, symptom) in node.list().iter().zip(&symptoms) {
        must_be_known(element, symptom, "level question", levels(questions));
    }
    symptoms
}

/// What a rule can read about the symptom it is judged for; `expected` only if each of them has a curve.
fn symptom_variables(scope: &mut Scope, symptoms: &[String], with_curve: bool) {
    scope.insert("level".to_owned(), Kind::Whole);
    scope.insert("previous".to_owned(), Kind::Whole);
    scope.insert("symptom".to_owned(), Kind::Word(Some(symptoms.to_vec())));
    if with_curve {
        scope.insert("expected".to_owned(), Kind::Whole);
    }
}
