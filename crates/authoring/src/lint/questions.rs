//! Check-ins, forms, questions, slots and curves: what is asked, when, and who reads it.

use super::Linter;
use super::budget::JUDGED;
use super::contexts::{CheckIn, Context, Contexts, read_names};
use super::days::days;
use engine::ItemKind;
use engine::{Curve, DefectCode, Question};

/// The most levels a curve may rise or fall from one day to the next.
const STEEPEST: u8 = 4;
/// From this level on an expected level is worth a question.
const NOTICEABLE: u8 = 3;

impl Linter<'_, '_> {
    pub(super) fn questions(&self) {
        self.questions_are_asked();
        self.questions_are_read();
        self.check_ins_ask();
        self.forms_and_slots_are_used();
        self.holds_are_answered();
        for (index, curve) in self.protocol.curves.iter().enumerate() {
            self.curve_is_smooth(index, curve);
            self.curve_is_asked(index, curve);
        }
    }

    fn asked_somewhere(&self, key: &str) -> bool {
        self.check_ins().any(|(_, check_in)| check_in.asked.contains(key))
    }

    fn check_ins(&self) -> impl Iterator<Item = (&Context, &CheckIn)> {
        let all = self.patients().flat_map(|context| context.check_ins.iter().map(move |check_in| (context, check_in)));
        all.take_while(|_| self.budget.work(1))
    }

    fn questions_are_asked(&self) {
        for (index, question) in self.protocol.questions.iter().enumerate() {
            let path = format!("question[{index}]");
            let key = &question.key;
            if !self.protocol.forms.iter().any(|form| form.questions.contains(key)) {
                let problem = format!("the question `{key}` is in no form");
                self.places.add(&path, DefectCode::QuestionInNoForm, problem, "add it to a form, or remove it");
            } else if !self.asked_somewhere(key) && self.applies(question) {
                let problem = format!("no check-in asks `{key}` on any of its days");
                let fix = "give it days of a check-in, or use its form in one";
                self.places.add(&format!("{path}.days"), DefectCode::QuestionNeverAsked, problem, fix);
            }
        }
    }

    fn applies(&self, question: &Question) -> bool {
        self.holds_together(&[question.when.as_ref()])
    }

    fn questions_are_read(&self) {
        let read = read_names(self.protocol);
        for (index, question) in self.protocol.questions.iter().enumerate() {
            let kept = question.scale.is_some() || question.purpose.is_some();
            if !kept && !read.contains(question.key.as_str()) {
                let problem = format!("no rule or hold reads the answer to `{}`", question.key);
                let fix = "read it in a rule, say what it is for with `purpose`, or do not ask";
                self.places.add(&format!("question[{index}]"), DefectCode::QuestionUnread, problem, fix);
            }
        }
    }

    fn check_ins_ask(&self) {
        for (index, item) in self.protocol.items.iter().enumerate() {
            if item.kind != ItemKind::CheckIn {
                continue;
            }
            let mut empty = self.check_ins().filter(|(_, one)| one.item == item.key && one.asked.is_empty());
            if let Some((_, check_in)) = empty.next() {
                let problem = format!("on {} `{}` asks nothing", days(check_in.day, check_in.day), item.key);
                let fix = "add a question that is asked on that day, or drop the day";
                self.places.add(&format!("item[{index}].days"), DefectCode::CheckInEmpty, problem, fix);
            }
            let slots = item.slots.iter().filter_map(|slot| self.protocol.slots.get(*slot));
            if slots.into_iter().all(|slot| slot.remind.is_none()) {
                let problem = format!("nothing reminds of the check-in `{}`", item.key);
                let fix = "use a slot with `remind`";
                self.places.add(&format!("item[{index}].slot"), DefectCode::CheckInSilent, problem, fix);
            }
        }
    }

    fn forms_and_slots_are_used(&self) {
        for (index, form) in self.protocol.forms.iter().enumerate() {
            if !self.protocol.items.iter().any(|item| item.form.as_ref() == Some(&form.key)) {
                let problem = format!("no check-in uses the form `{}`", form.key);
                let fix = "use it in a check-in, or remove it";
                self.places.add(&format!("form[{index}]"), DefectCode::FormUnused, problem, fix);
            }
        }
        for (index, slot) in self.protocol.slots.iter().enumerate() {
            if !self.protocol.items.iter().any(|item| item.slots.contains(&index)) {
                let problem = format!("no line uses the slot `{}`", slot.key);
                self.places.add(&format!("slot[{index}]"), DefectCode::SlotUnused, problem, "use it, or remove it");
            }
        }
    }

    /// What a hold reads must be asked between the last planned day and the last day it may reach.
    fn holds_are_answered(&self) {
        for (index, item) in self.protocol.items.iter().enumerate() {
            let (Some(hold), Some(last)) = (&item.hold, item.days.last()) else { continue };
            let questions = hold.when.variables().iter().map(|name| name.strip_suffix("_previous").unwrap_or(name));
            for key in questions.filter(|key| self.protocol.questions.iter().any(|question| question.key == *key)) {
                let asked = |context: &Context| {
                    let check_ins = context.check_ins.iter().take_while(|_| self.budget.work(1));
                    let mut between = check_ins.filter(|one| (last..=hold.to_day).contains(&one.day));
                    between.any(|check_in| check_in.asked.contains(key))
                };
                let applying = self
                    .patients()
                    .filter(|context| self.budget.work(JUDGED) && Contexts::holds(context, item.when.as_ref()));
                if !applying.into_iter().any(asked) {
                    let window = days(last, hold.to_day);
                    let problem = format!("`{}` is held by `{key}`, which no check-in asks on {window}", item.key);
                    let fix = format!("ask `{key}` in a check-in on {window}, or hold by another answer");
                    self.places.add(&format!("item[{index}].hold"), DefectCode::HoldNeverAnswered, problem, fix);
                }
            }
        }
    }

    fn curve_is_smooth(&self, index: usize, curve: &Curve) {
        let adjusted = self
            .patients()
            .filter_map(|context| Some((Some(context), context.compiled.curves.get(&curve.symptom)?.as_slice())));
        for (context, levels) in std::iter::once((None, curve.levels.as_slice())).chain(adjusted) {
            let jump = levels.windows(2).position(|pair| matches!(pair, [a, b] if a.abs_diff(*b) > STEEPEST));
            let Some(day) = jump else { continue };
            let who = context.map(|context| format!(" with {}", context.name())).unwrap_or_default();
            let problem = format!(
                "`{}` jumps by more than {STEEPEST} levels from day {day} to day {}{who}",
                curve.symptom,
                day + 1
            );
            let fix = "check the two numbers: skin changes more slowly";
            self.places.add(&format!("curve[{index}].levels[{}]", day + 1), DefectCode::CurveJumps, problem, fix);
            return;
        }
    }

    fn curve_is_asked(&self, index: usize, curve: &Curve) {
        let symptom = &curve.symptom;
        let in_form = |item: &str| {
            let item = self.protocol.items.iter().find(|one| one.key == item);
            let form =
                self.protocol.forms.iter().find(|form| item.is_some_and(|item| item.form.as_ref() == Some(&form.key)));
            form.is_some_and(|form| form.questions.contains(symptom))
        };
        let missed = self.check_ins().find_map(|(context, check_in)| {
            let levels = context.compiled.curves.get(symptom)?;
            let level = *usize::try_from(check_in.day).ok().and_then(|day| levels.get(day))?;
            let asked_that_day =
                context.check_ins.iter().any(|one| one.day == check_in.day && one.asked.contains(symptom));
            (level >= NOTICEABLE && !asked_that_day && in_form(&check_in.item)).then_some((check_in.day, level))
        });
        if let Some((day, level)) = missed {
            let problem =
                format!("on day {day} level {level} of `{symptom}` is expected, and the check-in does not ask for it");
            let fix = format!("add day {day} to the days of the question `{symptom}`");
            self.places.add(&format!("curve[{index}]"), DefectCode::CurveDayUnasked, problem, fix);
        }
    }
}
