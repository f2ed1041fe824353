//! Reads what a patient is shown: items, forms and questions.

use std::collections::BTreeSet;

use super::codes::DefectCode;
use super::parts::{self, Reading, Style, condition_of, keys, must_be_known, optional_text, text, unique_key};
use super::reader::{Fields, Node};
use super::{Form, Hold, Item, ItemKind, LateEnrolment, Phase, Question, QuestionKind, Slot, timed};
use crate::conditions::Scope;

/// The question whose choices are the signs in force.
pub const SIGNS: &str = "signs";

pub(super) fn questions(root: &Fields, reading: &Reading) -> Vec<Question> {
    let mut taken: BTreeSet<String> = reading.plan.keys().cloned().collect();
    taken.extend(super::read::RESERVED.iter().map(|name| (*name).to_owned()));
    let mut read = |fields: &Fields| {
        let kind: Option<QuestionKind> = fields.required("type").and_then(|node| node.word());
        let question = Question {
            key: unique_key(fields, "key", Style::Variable, &mut taken),
            kind: kind.unwrap_or(QuestionKind::Flag),
            days: reading.days_or_all(fields),
            when: reading.when(fields),
            name: optional_text(fields, "name"),
            text: text(fields, "text"),
            hint: optional_text(fields, "hint"),
            choices: parts::choices(fields),
            usual: keys(fields, "usual", Style::Label),
            unanswered: fields.optional("unanswered").and_then(|node| node.string()).map(str::to_owned),
            purpose: fields.optional("purpose").and_then(|node| node.word()),
            scale: fields.optional("scale").and_then(|node| node.string()).map(str::to_owned),
        };
        let usual = fields.optional("usual").map(|usual| usual.list()).unwrap_or_default();
        for node in usual.into_iter().chain(fields.optional("unanswered")) {
            let Some(word) = node.string() else { continue };
            must_be_known(&node, word, "choice", question.choices.iter().map(|choice| choice.key.as_str()));
        }
        if kind.is_some() {
            question_is_sound(fields, &question);
        }
        fields.finish();
        question
    };
    root.tables("question").iter().map(&mut read).collect()
}

fn question_is_sound(fields: &Fields, question: &Question) {
    let has_choices = !question.choices.is_empty();
    if question.key == SIGNS {
        if question.kind != QuestionKind::Multi || has_choices {
            fields.wrong(
                DefectCode::Misplaced,
                "the question `signs` takes its choices from [[sign]]",
                "make it `type = \"multi\"` without `choices`",
            );
        }
        return;
    }
    if question.unanswered.is_some() && question.kind != QuestionKind::Choice {
        fields.wrong(
            DefectCode::Misplaced,
            "only a question of `type = \"choice\"` can have `unanswered`",
            "remove `unanswered`: a level, a temperature or a list that nobody gave must not be made up",
        );
    }
    let takes_choices = matches!(question.kind, QuestionKind::Choice | QuestionKind::Multi);
    if takes_choices != has_choices {
        fields.wrong(
            DefectCode::Misplaced,
            "`choices` belong to the types choice and multi",
            "give these at least one, and the others none",
        );
    }
}

pub(super) fn forms(root: &Fields, questions: &[Question]) -> Vec<Form> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let form = Form {
            key: unique_key(fields, "key", Style::Dashes, &mut taken),
            questions: keys(fields, "questions", Style::Variable),
        };
        let elements = fields.required("questions").map(|node| node.list()).unwrap_or_default();
        for (element, key) in elements.iter().zip(&form.questions) {
            must_be_known(element, key, "question", questions.iter().map(|question| question.key.as_str()));
        }
        fields.finish();
        form
    };
    root.tables("form").iter().map(&mut read).collect()
}

pub(super) fn items(
    root: &Fields,
    reading: &Reading,
    answers: &Scope,
    (slots, forms, phases): (&[Slot], &[Form], &[Phase]),
) -> Vec<Item> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let kind: Option<ItemKind> = fields.required("kind").and_then(|node| node.word());
        let late_enrolment = fields.optional("late_enrolment");
        let item = Item {
            key: unique_key(fields, "key", Style::Dashes, &mut taken),
            kind: kind.unwrap_or(ItemKind::Instruction),
            days: reading.days(fields),
            slots: item_slots(fields, slots),
            timed: timed::timed(fields),
            when: reading.when(fields),
            title: text(fields, "title"),
            text: optional_text(fields, "text"),
            form: fields.optional("form").and_then(|node| item_form(&node, forms)),
            views: keys(fields, "views", Style::Dashes),
            meaning: fields.optional("meaning").map(|node| parts::key_of(&node, Style::Dashes)),
            hold: hold(fields, reading, answers),
            protects_from: fields.optional("protects_from").and_then(|node| protected_phase(&node, phases)),
            late_enrolment: late_enrolment.as_ref().and_then(Node::word).unwrap_or(reading.late_enrolment),
            even_when_excluded: fields.optional("even_when_excluded").and_then(|node| node.flag()).unwrap_or(false),
            grounds: reading.grounds(fields, true),
            range: fields.optional("range").and_then(|node| node.string()).map(str::to_owned),
        };
        if kind.is_some() {
            item_is_sound(fields, &item);
            timed::is_sound(fields, &item);
            late_enrolment.iter().for_each(|node| late_enrolment_is_sound(node, &item));
        }
        fields.finish();
        item
    };
    root.tables("item").iter().map(&mut read).collect()
}

fn item_form(node: &Node, forms: &[Form]) -> Option<String> {
    let key = node.string()?;
    must_be_known(node, key, "form", forms.iter().map(|form| form.key.as_str()));
    Some(key.to_owned())
}

fn protected_phase(node: &Node, phases: &[Phase]) -> Option<String> {
    let key = node.string()?;
    must_be_known(node, key, "phase", phases.iter().map(|phase| phase.key.as_str()));
    Some(key.to_owned())
}

fn item_slots(fields: &Fields, slots: &[Slot]) -> Vec<usize> {
    let named = match (fields.optional("slot"), fields.optional("slots")) {
        (Some(one), None) => vec![one],
        (None, Some(several)) => several.list(),
        (None, None) => {
            fields.wrong(
                DefectCode::MissingKey,
                "`slot` is missing",
                "add `slot = \"...\"` or `slots = [\"...\", \"...\"]`",
            );
            return Vec::new();
        }
        (Some(_), Some(several)) => {
            several.wrong(DefectCode::Misplaced, "`slot` and `slots` are both there", "keep one of them");
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for node in &named {
        let Some(key) = node.string() else { continue };
        must_be_known(node, key, "slot", slots.iter().map(|slot| slot.key.as_str()));
        let Some(index) = slots.iter().position(|slot| slot.key == key) else { continue };
        if found.contains(&index) {
            node.wrong(DefectCode::Duplicate, format!("the slot `{key}` is there twice"), "remove one of them");
        }
        found.push(index);
    }
    found
}

fn hold(fields: &Fields, reading: &Reading, answers: &Scope) -> Option<Hold> {
    let when = fields.optional("hold");
    let if_unknown = fields.optional("hold_if_unknown");
    let to_day = fields.optional("hold_to_day");
    let Some(when) = when else {
        if let Some(alone) = if_unknown.or(to_day) {
            alone.wrong(DefectCode::Misplaced, "there is no `hold`", "add `hold = \"...\"`, or remove this");
        }
        return None;
    };
    if to_day.is_none() {
        when.wrong(DefectCode::MissingKey, "`hold` needs `hold_to_day`", "add the last day it may reach");
    }
    Some(Hold {
        when: condition_of(&when, answers)?,
        if_unknown: if_unknown.and_then(|node| node.flag()).unwrap_or(false),
        to_day: to_day.and_then(|node| node.integer_in(0..=reading.horizon_day))?,
    })
}

fn late_enrolment_is_sound(node: &Node, item: &Item) {
    let comes_back = Item { late_enrolment: LateEnrolment::CatchUp, ..item.clone() }.caught_up().is_some();
    if !comes_back {
        node.wrong(
            DefectCode::Misplaced,
            "`late_enrolment` belongs to a task, a photo or education of one day",
            "remove it, or give the line one day",
        );
    }
}

fn item_is_sound(fields: &Fields, item: &Item) {
    if (item.kind == ItemKind::CheckIn) != item.form.is_some() {
        fields.wrong(
            DefectCode::Misplaced,
            "`form` belongs to a check_in",
            "give a check_in its form, and the others none",
        );
    }
    if (item.kind == ItemKind::Photo) == item.views.is_empty() {
        fields.wrong(DefectCode::Misplaced, "`views` belong to a photo", "give a photo its views, and the others none");
    }
    if item.protects_from.is_some() && item.kind != ItemKind::Restriction {
        fields.wrong(
            DefectCode::Misplaced,
            "`protects_from` belongs to a restriction",
            "remove it, or make the item a restriction",
        );
    }
    let Some(hold) = &item.hold else { return };
    if item.kind != ItemKind::Restriction {
        fields.wrong(
            DefectCode::Misplaced,
            "`hold` belongs to a restriction",
            "remove it, or make the item a restriction",
        );
    }
    if item.days.last().is_some_and(|last| hold.to_day <= last) {
        fields.wrong(
            DefectCode::OutOfRange,
            "`hold_to_day` is not after the last day",
            "use a later day, or remove `hold`",
        );
    }
}
