//! One form for everything that means the same, so that a request that is sent again is known however it is written.

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::error::Error;
use crate::secrets::digest;

/// The digests of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Of what it means; this one is kept.
    pub meaning: Vec<u8>,
    /// Of how the previous release wrote it down: what that kept still counts.
    spelling: Vec<u8>,
}

impl Digests {
    /// Those of a body, by what it means.
    pub fn of(body: &impl Serialize) -> Result<Self, Error> {
        let meaning = canonical(serde_json::to_value(body)?).unwrap_or_default();
        Self::of_both(&meaning, body)
    }

    /// Those of a body that has a canonical form of its own.
    pub fn of_both(meaning: &impl Serialize, body: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { meaning: digest(&serde_json::to_vec(meaning)?), spelling: digest(&serde_json::to_vec(body)?) })
    }

    /// Whether a kept digest is of a body that means the same.
    pub fn is_of(&self, kept: &[u8]) -> bool {
        self.meaning == kept || self.spelling == kept
    }
}

/// The form that everything of the same meaning has; `None` for what says nothing: `null`, a blank text, an object without a field that
/// says something. Keys are in order, lists are sets (in order, each member once), and 3.0 is 3. An empty list says "none of these".
pub fn canonical(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.trim().is_empty()).then_some(Value::String(text)),
        Value::Number(number) => Some(Value::Number(whole(number))),
        Value::Array(members) => Some(Value::Array(set(members))),
        Value::Object(fields) => Some(canonical_object(fields)).filter(|fields| !fields.is_empty()).map(Value::Object),
        Value::Bool(_) => Some(value),
    }
}

/// The same of an object; one that says nothing is empty.
pub fn canonical_object(fields: Map<String, Value>) -> Map<String, Value> {
    let mut fields: Vec<(String, Value)> =
        fields.into_iter().filter_map(|(key, value)| Some((key, canonical(value)?))).collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other)); // also if the map keeps the order of insertion
    fields.into_iter().collect()
}

/// The members of a set, in order. What says nothing stays `null`: `[null]` is not "none of these".
fn set(members: Vec<Value>) -> Vec<Value> {
    let mut members: Vec<(String, Value)> = members
        .into_iter()
        .map(|member| {
            let member = canonical(member).unwrap_or_default();
            (member.to_string(), member)
        })
        .collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members.dedup_by(|(one, _), (other, _)| one == other);
    members.into_iter().map(|(_, member)| member).collect()
}

/// The largest number of which every whole number below it is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number without a fraction, however it was written.
fn whole(number: Number) -> Number {
    let is_exact = |float: &f64| float.fract() == 0.0 && float.abs() <= EXACT;
    let float = number.as_f64().filter(|float| !number.is_i64() && !number.is_u64() && is_exact(float));
    float.and_then(|float| format!("{float:.0}").parse::<i64>().ok()).map_or(number, Number::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_means_the_same_has_one_form() {
        let plain = json!({ "level": 3, "signs": ["F1", "F6"], "unit": { "value": 37.5 } });
        for same in [
            json!({ "unit": { "value": 37.5 }, "signs": ["F6", "F1"], "level": 3.0 }),
            json!({ "level": 3, "signs": ["F6", "F1", "F6"], "unit": { "value": 37.5, "unit": null }, "note": " " }),
            json!({ "level": 3e0, "signs": ["F1", "F6"], "unit": { "value": 37.50 }, "more": {}, "other": null }),
        ] {
            assert_eq!(canonical(same.clone()), canonical(plain.clone()), "{same}");
        }
    }

    #[test]
    fn what_means_something_else_has_another_form() {
        let all = [
            json!({ "level": 3 }),
            json!({ "level": 3.5 }),
            json!({ "level": "3" }),
            json!({ "level": 3, "signs": [] }),
            json!({ "level": 3, "signs": [null] }),
            json!({ "level": 3, "signs": ["F1"] }),
            json!({ "level": 3, "signs": ["F1", "F6"] }),
            json!({ "level": 9_007_199_254_740_993_i64 }),
            json!({ "level": 9_007_199_254_740_992_i64 }),
            json!({ "level": false }),
            json!({}),
        ];
        let forms: std::collections::BTreeSet<String> =
            all.iter().map(|one| canonical(one.clone()).unwrap_or_default().to_string()).collect();
        assert_eq!(forms.len(), all.len());
        assert_eq!(canonical(json!(-0.0)), Some(json!(0)));
        assert_eq!(canonical(json!({ "a": null, "b": { "c": "" } })), None);
    }
}
