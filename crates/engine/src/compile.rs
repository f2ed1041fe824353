//! Compiles a protocol for one treatment: conditions over parameters are decided, and each day's lines are laid out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::calendar::{Age, DayOfPlan};
use super::conditions::{Condition, Known, Verdict};
use super::document::{
    Adjust, Choice, ClinicText, Exclusion, Form, Item, Phase, Protocol, Question, Rule, SIGNS, Sessions, Sign, Slot,
};
use super::judged::{self, is_for_rules};
use super::parameters::{ParameterProblem, Parameters, check};
use super::text::Text;
use super::words::{PlanStatus, Procedure, QuestionKind};

/// So many days after a check-in its form may be answered once more.
const AGAIN_FOR: i32 = 3;

/// One line on one day, as indexes into the compiled plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Index into `items`.
    pub item: usize,
    /// Index into `slots`.
    pub slot: usize,
}

/// A protocol for one treatment.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The key of the protocol.
    pub key: String,
    /// The name of the plan.
    pub title: Text,
    /// What a clinician must approve, for staff.
    pub approval: Text,
    /// What was performed.
    pub procedure: Procedure,
    /// The allowed body areas.
    pub body_areas: Vec<String>,
    /// The last day of the plan.
    pub horizon_day: i32,
    /// The series of treatments.
    pub sessions: Option<Sessions>,
    /// Texts that the clinic may set.
    pub clinic_texts: Vec<ClinicText>,
    /// The keys of the variants that apply.
    pub variants: Vec<String>,
    /// The reasons not to start that apply.
    pub exclusions: Vec<Exclusion>,
    /// The windows of a day.
    pub slots: Vec<Slot>,
    /// The stretches of the recovery, in order.
    pub phases: Vec<Phase>,
    /// The lines of the plan.
    pub items: Vec<Item>,
    /// The forms of the check-ins.
    pub forms: Vec<Form>,
    /// The questions of the forms.
    pub questions: Vec<Question>,
    /// The signs that are asked as yes or no.
    pub signs: Vec<Sign>,
    /// The rules over answers and silence.
    pub rules: Vec<Rule>,
    /// The expected levels per symptom, from day 0 on.
    pub curves: BTreeMap<String, Vec<u8>>,
    known: BTreeMap<String, Known>,
    by_day: Vec<Vec<Planned>>,
    held: Vec<usize>,
    timed: Vec<usize>,
    /// Day by day, the questions of the danger-sign form beside the signs, once they were asked for: to find them takes long.
    danger: Vec<OnceLock<Vec<usize>>>,
    reach: i32,
    /// Index of the first of its own phases.
    first_phase: usize,
    earlier: Option<Earlier>,
}

/// What the days before one belong to: the plan was moved to another version of its protocol on the way.
#[derive(Debug, Clone)]
struct Earlier {
    /// The first day that is not its own.
    until_day: i32,
    compiled: Arc<Compiled>,
}

/// Compiles a protocol for the parameters of one treatment.
pub fn compile(protocol: &Protocol, parameters: &Parameters) -> Result<Compiled, Vec<ParameterProblem>> {
    let mut known = check(protocol, parameters)?;
    let mut variants = Vec::new();
    let mut judged = Vec::new();
    for variant in &protocol.variants {
        match variant.when.judge(|name| known.get(name).cloned()) {
            Verdict::True => variants.push(variant.key.clone()),
            Verdict::False => {}
            Verdict::Unknown | Verdict::Failed => continue,
        }
        judged.push((variant.key.clone(), Known::Flag(variants.last() == Some(&variant.key))));
    }
    known.extend(judged);
    known.insert("r2_start_day".to_owned(), Known::Whole(protocol.r2_start_day));
    let applies =
        |when: Option<&Condition>| when.is_none_or(|when| when.judge(|name| known.get(name).cloned()) == Verdict::True);
    let items: Vec<Item> = kept(&protocol.items, |item| applies(item.when.as_ref()));
    let reach = protocol.slots.iter().map(|slot| slot.late_until.days).max().unwrap_or_default();
    Ok(Compiled {
        key: protocol.key.clone(),
        title: protocol.title.clone(),
        approval: protocol.approval.clone(),
        procedure: protocol.procedure,
        body_areas: protocol.body_areas.clone(),
        horizon_day: protocol.horizon_day,
        sessions: protocol.sessions.clone(),
        clinic_texts: protocol.clinic_texts.clone(),
        exclusions: kept(&protocol.exclusions, |exclusion| applies(Some(&exclusion.when))),
        slots: protocol.slots.clone(),
        phases: kept(&protocol.phases, |phase| applies(phase.when.as_ref())),
        forms: protocol.forms.clone(),
        questions: kept(&protocol.questions, |question| applies(question.when.as_ref())),
        signs: kept(&protocol.signs, |sign| applies(sign.when.as_ref())),
        rules: protocol.rules.clone(),
        curves: curves(protocol, &kept(&protocol.adjusts, |adjust| applies(adjust.when.as_ref()))),
        by_day: (0..=protocol.horizon_day).map(|day| lines_on(&items, day)).collect(),
        held: indexes(&items, |item| item.hold.is_some()),
        timed: indexes(&items, |item| item.timed.is_some()),
        danger: unknown_days(protocol.horizon_day),
        items,
        variants,
        known,
        reach,
        first_phase: 0,
        earlier: None,
    })
}

fn kept<T: Clone>(all: &[T], applies: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| applies(one)).cloned().collect()
}

fn indexes(items: &[Item], is_one: impl Fn(&Item) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| is_one(item)).map(|(index, _)| index).collect()
}

fn unknown_days(horizon_day: i32) -> Vec<OnceLock<Vec<usize>>> {
    (0..=horizon_day).map(|_| OnceLock::new()).collect()
}

fn lines_on(items: &[Item], day: i32) -> Vec<Planned> {
    let on_day = items.iter().enumerate().filter(|(_, item)| item.days.contains(day));
    on_day.flat_map(|(item, line)| line.slots.iter().map(move |slot| Planned { item, slot: *slot })).collect()
}

fn curves(protocol: &Protocol, adjusts: &[Adjust]) -> BTreeMap<String, Vec<u8>> {
    let adjusted = |symptom: &str, levels: &[u8]| {
        adjusts
            .iter()
            .filter(|adjust| adjust.symptoms.is_empty() || adjust.symptoms.iter().any(|one| one == symptom))
            .fold(levels.to_vec(), |levels, adjust| adjust.applied_to(levels))
    };
    protocol.curves.iter().map(|curve| (curve.symptom.clone(), adjusted(&curve.symptom, &curve.levels))).collect()
}

impl Adjust {
    fn applied_to(&self, mut levels: Vec<u8>) -> Vec<u8> {
        let from = usize::try_from(self.from_day).unwrap_or_default();
        let last = levels.last().copied().unwrap_or_default();
        levels.resize(levels.len().max(from + 1), last);
        for level in levels.iter_mut().skip(from) {
            *level = u8::try_from((i32::from(*level) + self.add).clamp(0, 10)).unwrap_or_default();
        }
        levels
    }
}

impl Compiled {
    /// The same without its lines laid out over the days, which are most of what it takes in memory: `lay_out` brings them back.
    pub fn without_days(self) -> Self {
        Self { by_day: Vec::new(), danger: Vec::new(), ..self }
    }

    /// Lays the lines out over the days again, after a change of them.
    pub fn lay_out(&mut self) {
        let last = self.items.iter().filter_map(|item| item.days.last()).max().unwrap_or_default();
        self.horizon_day = self.horizon_day.max(last);
        self.by_day = (0..=self.horizon_day).map(|day| lines_on(&self.items, day)).collect();
        self.held = indexes(&self.items, |item| item.hold.is_some());
        self.timed = indexes(&self.items, |item| item.timed.is_some());
        self.danger = unknown_days(self.horizon_day);
    }

    /// This plan from a day on, with the days before it as they are in `earlier`: a plan that is moved to another version keeps
    /// what has begun. Lines, slots and phases of both are there, those of `earlier` first, so that its indexes still hold;
    /// everything else depends on the day: `on`.
    pub fn from_day(mut self, day: i32, earlier: Arc<Self>) -> Self {
        let (items, slots) = (earlier.items.len(), earlier.slots.len());
        for item in &mut self.items {
            item.slots.iter_mut().for_each(|slot| *slot += slots);
        }
        for line in self.by_day.iter_mut().flatten() {
            line.item += items;
            line.slot += slots;
        }
        self.held.iter_mut().chain(&mut self.timed).for_each(|item| *item += items);
        self.first_phase += earlier.phases.len();
        self.items.splice(0..0, earlier.items.iter().cloned());
        self.slots.splice(0..0, earlier.slots.iter().cloned());
        self.phases.splice(0..0, earlier.phases.iter().cloned());
        let own: Vec<String> = self.clinic_texts.iter().map(|text| text.key.clone()).collect();
        self.clinic_texts.extend(earlier.clinic_texts.iter().filter(|text| !own.contains(&text.key)).cloned());
        self.reach = self.reach.max(earlier.reach);
        self.horizon_day = self.horizon_day.max(day - 1);
        self.danger = unknown_days(self.horizon_day);
        self.earlier = Some(Earlier { until_day: day, compiled: earlier });
        self
    }

    /// The version that a day belongs to.
    pub fn on(&self, day: DayOfPlan) -> &Self {
        match &self.earlier {
            Some(earlier) if day.0 < earlier.until_day => earlier.compiled.on(day),
            _ => self,
        }
    }

    /// The versions that it is made of, the newest first.
    pub fn versions(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |of| Some(of.earlier.as_ref()?.compiled.as_ref()))
    }

    /// The stretch of the recovery that skin of an age is in: the first that matches, of the version that the day belongs to.
    pub fn phase_on(&self, day: DayOfPlan, age: Age) -> Option<&Phase> {
        self.phases.get(self.phase_index_on(day, age)?)
    }

    /// The same as an index.
    pub fn phase_index_on(&self, day: DayOfPlan, age: Age) -> Option<usize> {
        let of = self.on(day);
        let own = of.phases.iter().enumerate().skip(of.first_phase);
        own.into_iter().find(|(_, phase)| phase.days.contains(age.0)).map(|(index, _)| index)
    }

    /// The level of a symptom that is normal at an age, by the version that the day belongs to.
    pub fn expected(&self, symptom: &str, day: DayOfPlan, age: Age) -> Option<u8> {
        self.on(day).normal(symptom, age)
    }

    /// The level of a symptom that is normal at an age, by this version alone.
    pub fn normal(&self, symptom: &str, age: Age) -> Option<u8> {
        let levels = self.curves.get(symptom)?;
        let age = usize::try_from(age.0).unwrap_or_default();
        levels.get(age).or_else(|| levels.last()).copied()
    }

    /// The questions of a form on a day, in order; the choices of `signs` are the signs asked on that day.
    pub fn form(&self, form: &str, day: i32) -> Vec<Cow<'_, Question>> {
        let of = self.on(DayOfPlan(day));
        let keys =
            of.forms.iter().find(|one| one.key == form).map(|form| form.questions.as_slice()).unwrap_or_default();
        let asked = keys.iter().filter_map(|key| of.question(key)).filter(|question| question.days.contains(day));
        asked.map(|question| of.on_day(question, day)).collect()
    }

    /// The day whose rules judge answers at an age: after the last day, those of that day go on.
    pub(super) fn judged_as(&self, age: Age) -> i32 {
        age.0.min(self.horizon_day)
    }

    /// The form of a check-in that may be answered once more, on a day that has none, in the days after one: a single answer above what is
    /// usual is a note and asks for another on the next day. `None` on other days.
    pub fn form_again(&self, day: i32) -> Option<&str> {
        let form_on = |day: i32| {
            let mut lines = self.planned_on(day).iter().filter_map(|line| self.items.get(line.item));
            lines.find_map(|item| item.form.as_deref())
        };
        if form_on(day).is_some() {
            return None;
        }
        (1..=AGAIN_FOR).find_map(|days| form_on(day - days))
    }

    /// What can be said on any day, asked or not: the danger signs of the day, a temperature on the days on which a rule judges it, and
    /// what is asked all the time and is no level (worry, a call). After the last day the signs of that day. Empty if the plan knows no signs.
    pub fn danger_form(&self, day: i32) -> Vec<Cow<'_, Question>> {
        let of = self.on(DayOfPlan(day));
        let Some(signs) = of.question(SIGNS) else { return Vec::new() };
        let signs = of.on_day(signs, day.clamp(0, of.horizon_day));
        let known = usize::try_from(day).ok().and_then(|index| of.danger.get(index));
        let beside = match known {
            Some(known) => Cow::Borrowed(known.get_or_init(|| of.beside_signs(day))),
            None => Cow::Owned(of.beside_signs(day)),
        };
        let questions = beside.iter().filter_map(|index| of.questions.get(*index));
        std::iter::once(signs).chain(questions.map(Cow::Borrowed)).collect()
    }

    /// The indexes of the questions that the danger-sign form of a day asks beside the signs.
    fn beside_signs(&self, day: i32) -> Vec<usize> {
        let always = |question: &Question| (0..=self.horizon_day).all(|day| question.days.contains(day));
        let is_asked = |question: &Question| match question.kind {
            QuestionKind::Temperature => judged::is_judged_alone(self, question, day),
            QuestionKind::Choice | QuestionKind::Flag => is_for_rules(question) && always(question),
            QuestionKind::Level | QuestionKind::Multi => false,
        };
        self.questions.iter().enumerate().filter(|(_, question)| is_asked(question)).map(|(index, _)| index).collect()
    }

    /// The questions whose answers say on a day whether the skin is calm enough for a next session: the signs, and each level with an
    /// expected curve, if they are still asked for on one of the last days. After the end of the plan those of its last day.
    pub fn telling_of_calm(&self, day: i32) -> Vec<&Question> {
        let tells = |question: &Question| {
            question.key == SIGNS || (question.kind == QuestionKind::Level && self.curves.contains_key(&question.key))
        };
        let days = || (day - Sessions::FRESH_DAYS..=day).map(|day| day.min(self.horizon_day));
        let asked = |question: &Question| days().any(|day| question.days.contains(day));
        self.questions.iter().filter(|question| tells(question) && asked(question)).collect()
    }

    /// The question with this key.
    pub fn question(&self, key: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.key == key)
    }

    /// Where a plan stands on a day by its number: one that runs is completed once its last day is over.
    pub fn status_after(&self, day: i32, status: PlanStatus) -> PlanStatus {
        if status == PlanStatus::Active && day > self.horizon_day { PlanStatus::Completed } else { status }
    }

    /// The lines that are planned on a day, holds aside.
    pub fn planned_on(&self, day: i32) -> &[Planned] {
        usize::try_from(day)
            .ok()
            .and_then(|index| self.on(DayOfPlan(day)).by_day.get(index))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The lines that stand on a day only if a hold keeps them in force.
    pub(super) fn perhaps_held_on(&self, day: i32) -> impl Iterator<Item = Planned> {
        self.perhaps_on(&self.on(DayOfPlan(day)).held, move |item| item.may_hold_on(day))
    }

    /// The lines that stand on a day that is none of their own, if their hours lie there.
    pub(super) fn perhaps_timed_on(&self, day: i32) -> impl Iterator<Item = Planned> {
        self.perhaps_on(&self.on(DayOfPlan(day)).timed, move |item| item.may_be_timed_on(day))
    }

    fn perhaps_on<'a>(
        &'a self,
        indexes: &'a [usize],
        may_stand: impl Fn(&Item) -> bool + 'a,
    ) -> impl Iterator<Item = Planned> + 'a {
        let items = indexes.iter().filter_map(|index| Some((*index, self.items.get(*index)?)));
        items
            .filter(move |(_, item)| may_stand(item))
            .flat_map(|(index, item)| item.slots.iter().map(move |slot| Planned { item: index, slot: *slot }))
    }

    /// What a parameter, a variant or `r2_start_day` is.
    pub fn known(&self, name: &str) -> Option<Known> {
        self.known.get(name).cloned()
    }

    /// What rules read where a question (`compared`, or earlier `compared_previous`) has no answer.
    pub fn unanswered(&self, name: &str) -> Option<Known> {
        let question = self.question(name).or_else(|| self.question(name.strip_suffix("_previous")?))?;
        question.unanswered.clone().map(Known::Word)
    }

    /// How many days after its own an occurrence can still be answered.
    pub fn reach(&self) -> i32 {
        self.reach
    }

    fn on_day<'a>(&'a self, question: &'a Question, day: i32) -> Cow<'a, Question> {
        if question.key != SIGNS {
            return Cow::Borrowed(question);
        }
        let asked = self.signs.iter().filter(|sign| sign.days.contains(day));
        let choices = asked
            .map(|sign| Choice { key: sign.key.clone(), label: sign.text.clone(), urgency: Some(sign.urgency) })
            .collect();
        Cow::Owned(Question { choices, ..question.clone() })
    }
}

impl Item {
    pub(super) fn may_hold_on(&self, day: i32) -> bool {
        self.hold.as_ref().is_some_and(|hold| day <= hold.to_day) && self.days.last().is_some_and(|last| day > last)
    }
}
