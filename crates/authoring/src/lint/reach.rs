//! What can never be, always is, or is read by nothing: variants, parameters, exclusions, conditions of entries.

use std::collections::BTreeSet;

use super::Linter;
use super::contexts::{all_conditions, outcomes};
use engine::Condition;
use engine::DefectCode;

impl Linter<'_, '_> {
    pub(super) fn reach(&self) {
        let read: BTreeSet<&str> =
            all_conditions(self.protocol).into_iter().flat_map(Condition::variables).map(String::as_str).collect();
        for (index, variant) in self.protocol.variants.iter().enumerate() {
            let (key, path) = (&variant.key, format!("variant[{index}]"));
            let at = format!("{path}.when");
            match outcomes(self.protocol, &variant.when, self.budget) {
                Some((false, _)) => self.places.add(
                    &at,
                    DefectCode::VariantUnreachable,
                    format!("the variant `{key}` applies to nobody"),
                    "mend its condition, or remove it with what reads it",
                ),
                Some((_, false)) => self.places.add(
                    &at,
                    DefectCode::VariantAlways,
                    format!("the variant `{key}` applies to everybody"),
                    "mend its condition, or remove it: what it is for is the plan itself",
                ),
                _ => {}
            }
            if !read.contains(key.as_str()) {
                let problem = format!("nothing reads the variant `{key}`");
                self.places.add(&path, DefectCode::VariantUnused, problem, "use it in a `when`, or remove it");
            }
        }
        for (index, parameter) in self.protocol.parameters.iter().enumerate() {
            if !read.contains(parameter.key.as_str()) {
                let problem = format!("nothing reads the parameter `{}`", parameter.key);
                let fix = "use it in a variant, an exclusion or a `when`, or remove it";
                self.places.add(&format!("parameter[{index}]"), DefectCode::ParameterUnused, problem, fix);
            }
        }
        self.exclusions();
        self.conditions_of_entries();
    }

    fn exclusions(&self) {
        for (index, exclusion) in self.protocol.exclusions.iter().enumerate() {
            let at = format!("exclusion[{index}].when");
            match outcomes(self.protocol, &exclusion.when, self.budget) {
                Some((false, _)) => self.places.add(
                    &at,
                    DefectCode::ExclusionUnreachable,
                    format!("the exclusion `{}` applies to nobody", exclusion.key),
                    "mend its condition, or remove it",
                ),
                Some((_, false)) => self.places.add(
                    &at,
                    DefectCode::ExclusionAlways,
                    format!("the exclusion `{}` applies to everybody", exclusion.key),
                    "mend its condition: with it the plan never starts",
                ),
                _ => {}
            }
        }
    }

    fn conditions_of_entries(&self) {
        if !self.contexts.complete {
            return;
        }
        let protocol = self.protocol;
        self.must_apply("phase", protocol.phases.iter().map(|one| one.when.as_ref()));
        self.must_apply("adjust", protocol.adjusts.iter().map(|one| one.when.as_ref()));
        self.must_apply("item", protocol.items.iter().map(|one| one.when.as_ref()));
        self.must_apply("question", protocol.questions.iter().map(|one| one.when.as_ref()));
        self.must_apply("sign", protocol.signs.iter().map(|one| one.when.as_ref()));
    }

    fn must_apply<'c>(&self, list: &str, conditions: impl Iterator<Item = Option<&'c Condition>>) {
        for (index, when) in conditions.enumerate() {
            if when.is_some() && !self.holds_together(&[when]) {
                let fix = "mend the condition, or remove the entry";
                let problem = format!("this {list} applies to nobody");
                self.places.add(&format!("{list}[{index}].when"), DefectCode::NeverApplies, problem, fix);
            }
        }
    }
}
