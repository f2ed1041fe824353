//! Signs and rules: they can fire, they do not fire on what is common, and what they advise can be done.

use std::collections::BTreeSet;

use super::Linter;
use super::contexts::{CheckIn, Context};
use super::search::{Outcome, Search, Setting};
use super::texts::placeholders;
use engine::Text;
use engine::{Condition, Known};
use engine::{DefectCode, Escalation, Rule, Sign};
use engine::{Trigger, Urgency};

impl Linter<'_, '_> {
    pub(super) fn triggers(&self) {
        for (index, sign) in self.protocol.signs.iter().enumerate() {
            let path = format!("sign[{index}]");
            self.sign(&path, sign);
            self.advice(&path, sign.urgency, &sign.advice, &sign.escalate);
        }
        for (index, rule) in self.protocol.rules.iter().enumerate() {
            let path = format!("rule[{index}]");
            match rule.on {
                Trigger::Answers => self.rule_over_answers(&path, rule),
                Trigger::Silence => self.rule_over_silence(&path, rule),
                Trigger::Day => self.rule_of_a_day(&path, rule),
            }
            if rule.on != Trigger::Day {
                self.advice(&path, rule.urgency, &rule.advice, &rule.escalate);
            }
        }
    }

    fn sign(&self, path: &str, sign: &Sign) {
        let applies = self.holds_together(&[sign.when.as_ref()]);
        let contexts: Vec<&Context> = self.patients().collect();
        let asks = |(_, check_in): &(&Context, &CheckIn)| check_in.signs.contains(&sign.key);
        if !self.check_ins_of(&contexts).any(|one| asks(&one)) {
            if applies {
                let problem = format!("no check-in asks about the sign `{}` on any of its days", sign.key);
                let fix = "put the question `signs` in a form of a check-in on one of these days";
                self.places.add(&format!("{path}.days"), DefectCode::SignNeverAsked, problem, fix);
            }
            return;
        }
        let settings = || {
            let sign = Some(sign.key.as_str());
            let one =
                move |(context, check_in)| Setting { context, check_in, symptom: None, sign, budget: self.budget };
            self.check_ins_of(&contexts).filter(asks).map(one)
        };
        for (index, escalation) in sign.escalate.iter().enumerate() {
            let outcome = Search::new(vec![&escalation.when], self.budget).any(settings());
            self.escalation(&format!("{path}.escalate[{index}]"), sign.urgency, escalation, outcome);
        }
    }

    fn rule_over_answers(&self, path: &str, rule: &Rule) {
        let conditions: Vec<&Condition> =
            std::iter::once(&rule.when).chain(rule.escalate.iter().map(|escalation| &escalation.when)).collect();
        let contexts = self.contexts.told_apart_by(&conditions, &rule.for_each, self.budget);
        let on_its_days: Vec<(&Context, &CheckIn)> =
            self.check_ins_of(&contexts).filter(|(_, check_in)| rule.days.contains(check_in.day)).collect();
        if on_its_days.is_empty() {
            let problem = format!("no check-in is on a day of the rule `{}`", rule.key);
            let fix = "give it days of a check-in, or add a check-in";
            self.places.add(&format!("{path}.days"), DefectCode::RuleWithoutCheckIn, problem, fix);
            return;
        }
        let settings = |symptom| {
            let one =
                move |(context, check_in)| Setting { context, check_in, symptom, sign: None, budget: self.budget };
            on_its_days.iter().copied().map(one)
        };
        let symptoms: Vec<Option<&str>> = match rule.for_each.as_slice() {
            [] => vec![None],
            symptoms => symptoms.iter().map(|symptom| Some(symptom.as_str())).collect(),
        };
        let mut fires = BTreeSet::new();
        for (index, symptom) in symptoms.iter().copied().enumerate() {
            let mut search = Search::new(vec![&rule.when], self.budget);
            match search.any(settings(symptom)) {
                Outcome::Never => {
                    let missing: Vec<String> = search.never_known(settings(symptom)).into_iter().collect();
                    let path = match symptom {
                        Some(_) => format!("{path}.for_each[{index}]"),
                        None => format!("{path}.when"),
                    };
                    self.never_fires(&path, rule, symptom, &missing);
                }
                Outcome::Found | Outcome::NotProven => drop(fires.insert(symptom)),
            }
        }
        for symptom in symptoms.iter().copied().filter(|symptom| fires.contains(symptom)) {
            let mut search = Search::new(vec![&rule.when], self.budget);
            if let Some(setting) = settings(symptom).find(|setting| search.calm(setting)) {
                let about = symptom.map(|symptom| format!(" for `{symptom}`")).unwrap_or_default();
                let day = setting.check_in.day;
                let problem = format!("on day {day} the rule `{}` fires{about} when all is as expected", rule.key);
                let fix = "raise its threshold, change its days, or mend the curve";
                self.places.add(&format!("{path}.when"), DefectCode::RuleFiresOnCurve, problem, fix);
                break;
            }
        }
        if fires.is_empty() {
            return;
        }
        for (index, escalation) in rule.escalate.iter().enumerate() {
            let outcomes = symptoms
                .iter()
                .filter(|symptom| fires.contains(*symptom))
                .map(|symptom| Search::new(vec![&rule.when, &escalation.when], self.budget).any(settings(*symptom)));
            let outcome = outcomes.fold(Outcome::Never, |one, other| match (one, other) {
                (Outcome::Found, _) | (_, Outcome::Found) => Outcome::Found,
                (Outcome::Never, other) => other,
                (one, _) => one,
            });
            self.escalation(&format!("{path}.escalate[{index}]"), rule.urgency, escalation, outcome);
        }
    }

    fn never_fires(&self, path: &str, rule: &Rule, symptom: Option<&str>, missing: &[String]) {
        let about = symptom.map(|symptom| format!(" for `{symptom}`")).unwrap_or_default();
        let (problem, fix) = if missing.is_empty() {
            let problem = format!("the rule `{}` can never fire{about}: no answer makes its condition true", rule.key);
            (problem, "mend its condition or its days, or remove it".to_owned())
        } else {
            let missing = missing.join("`, `");
            let problem =
                format!("the rule `{}` can never fire{about}: `{missing}` is not asked on its days", rule.key);
            (problem, format!("ask it in a check-in on these days, or do not read `{missing}`"))
        };
        self.places.add(path, DefectCode::RuleNeverFires, problem, fix);
    }

    fn escalation(&self, path: &str, urgency: Urgency, escalation: &Escalation, outcome: Outcome) {
        if outcome == Outcome::Never {
            let problem = "this escalation can never hold when its rule fires";
            let fix = "mend its condition, or remove it";
            self.places.add(&format!("{path}.when"), DefectCode::EscalationNeverHolds, problem, fix);
        }
        if escalation.urgency <= urgency {
            let problem = format!("this escalation to {} does not raise {urgency}", escalation.urgency);
            let fix = "give it a higher urgency, or remove it";
            self.places.add(&format!("{path}.urgency"), DefectCode::EscalationNeverRaises, problem, fix);
        }
    }

    fn rule_over_silence(&self, path: &str, rule: &Rule) {
        let silent = |count: Option<i32>| {
            let conditions = vec![&rule.when];
            let mut search = Search::new(conditions, self.budget);
            let mut fires = false;
            for context in self.patients() {
                let days: BTreeSet<i32> = context.check_ins.iter().map(|one| one.day).filter(|day| *day >= 1).collect();
                let on_its_days = days.into_iter().filter(|day| rule.days.contains(*day));
                for day in on_its_days.take_while(|_| self.budget.work(1 + context.check_ins.len())) {
                    let until = context.check_ins.iter().filter(|one| (1..=day).contains(&one.day));
                    let most = until.map(|one| one.times).sum::<usize>();
                    let most = i32::try_from(most).unwrap_or(i32::MAX);
                    let given =
                        |name: &str| match name {
                            "day" => Some(vec![Known::Whole(day)]),
                            "missed_in_a_row" => Some(count.map_or_else(
                                || (1..=most).map(Known::Whole).collect(),
                                |count| vec![Known::Whole(count)],
                            )),
                            "answered_any" if count.is_some() => Some(vec![Known::Flag(true)]),
                            "answered_any" => Some([true, false].map(Known::Flag).into()),
                            _ => context.compiled.known(name).map(|value| vec![value]),
                        };
                    fires |= match count {
                        Some(_) => search.always_of(&given),
                        None => search.any_of(&given),
                    };
                }
            }
            fires
        };
        let at = format!("{path}.when");
        if !silent(None) {
            let problem =
                format!("the rule `{}` can never fire: so many check-ins cannot be missed on its days", rule.key);
            let fix = "mend its condition or its days, or remove it";
            self.places.add(&at, DefectCode::RuleNeverFires, problem, fix);
        } else if silent(Some(0)) {
            let problem = format!("the rule `{}` fires when every check-in is answered", rule.key);
            let fix = "ask for silence, like `missed_in_a_row >= 2`";
            self.places.add(&at, DefectCode::RuleFiresWithoutSilence, problem, fix);
        }
        self.escalations_raise(path, rule);
    }

    fn rule_of_a_day(&self, path: &str, rule: &Rule) {
        let fires = self.patients().any(|context| rule.days.iter().any(|day| self.judged(context, &rule.when, day)));
        if !fires && self.contexts.complete {
            let problem = format!("the rule `{}` can never fire: it holds for nobody on its days", rule.key);
            let fix = "mend its condition or its days, or remove it";
            self.places.add(&format!("{path}.when"), DefectCode::RuleNeverFires, problem, fix);
        }
        self.escalations_raise(path, rule);
    }

    fn escalations_raise(&self, path: &str, rule: &Rule) {
        for (index, escalation) in rule.escalate.iter().enumerate() {
            self.escalation(&format!("{path}.escalate[{index}]"), rule.urgency, escalation, Outcome::NotProven);
        }
    }

    /// The check-ins of kinds of patients, each with the patient, until the budget is spent.
    fn check_ins_of<'c>(&self, contexts: &'c [&'c Context]) -> impl Iterator<Item = (&'c Context, &'c CheckIn)> {
        let all = contexts.iter().flat_map(|context| context.check_ins.iter().map(|check_in| (*context, check_in)));
        all.take_while(|_| self.budget.work(1))
    }

    fn judged(&self, context: &Context, when: &Condition, day: i32) -> bool {
        Search::new(vec![when], self.budget).any_of(&|name| match name {
            "day" => Some(vec![Known::Whole(day)]),
            _ => context.compiled.known(name).map(|value| vec![value]),
        })
    }

    /// What is urgent names a number to call, and an emergency the emergency number.
    fn advice(&self, path: &str, urgency: Urgency, advice: &Text, escalations: &[Escalation]) {
        let raised = escalations.iter().enumerate().map(|(index, escalation)| {
            let own = escalation.advice.as_ref();
            let path =
                if own.is_some() { format!("{path}.escalate[{index}].advice") } else { format!("{path}.advice") };
            (path, escalation.urgency.max(urgency), own.unwrap_or(advice))
        });
        let mut told = BTreeSet::new();
        for (path, urgency, text) in std::iter::once((format!("{path}.advice"), urgency, advice)).chain(raised) {
            for (locale, words) in text.0.iter() {
                if let Some(needed) = missing_number(urgency, words)
                    && told.insert((path.clone(), locale))
                {
                    let problem = format!("this advice is {urgency} and names no number to call in `{locale}`");
                    let fix = format!("say whom to call, with {needed}");
                    self.places.add(&format!("{path}.{locale}"), DefectCode::RedFlagWithoutAdvice, problem, fix);
                }
            }
        }
    }
}

/// The placeholder an advice needs and does not have.
fn missing_number(urgency: Urgency, words: &str) -> Option<&'static str> {
    let named = placeholders(words);
    match urgency {
        Urgency::Emergency if !named.contains(&"emergency_number") => Some("{emergency_number}"),
        Urgency::Urgent
            if !["clinic_phone", "out_of_hours", "emergency_number"].iter().any(|one| named.contains(one)) =>
        {
            Some("{clinic_phone}")
        }
        _ => None,
    }
}
