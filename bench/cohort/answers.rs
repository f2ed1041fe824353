//! What a person answers to the form of a day: every question that is asked, in the values the form offers.

use engine::{Answers, Compiled, Question, QuestionKind, SIGNS};
use serde_json::{Value, json};

use super::people::{Person, is_part};
use super::rng::Rng;

/// The answers of a day, and when the skin was how old. `before` is how old it was at the answers before these.
pub fn answer(plan: &Compiled, form: &str, person: &Person, day: i32, before: Option<f64>) -> Answers {
    let at = person.age_on(day);
    let mut given = Answers::default();
    for question in plan.form(form, day) {
        let mut rng = person.chances(day, &question.key);
        let moment = Moment { person, day, at, before };
        if let Some(answer) = moment.answer(&question, &mut rng) {
            given.0.insert(question.key.clone(), answer);
        }
    }
    given
}

struct Moment<'a> {
    person: &'a Person,
    day: i32,
    at: f64,
    before: Option<f64>,
}

impl Moment<'_> {
    fn answer(&self, question: &Question, rng: &mut Rng) -> Option<Value> {
        let ill = self.person.trouble.as_ref().filter(|trouble| f64::from(trouble.onset) <= self.at);
        Some(match question.key.as_str() {
            SIGNS => {
                let of = |key: &str| ill.is_some_and(|ill| ill.signs.iter().any(|sign| is_part(key, sign)));
                question.choices.iter().filter(|sign| of(&sign.key)).map(|sign| sign.key.clone()).collect()
            }
            key if question.kind == QuestionKind::Level => {
                json!(self.person.report(self.person.level(key, self.at), rng))
            }
            "compared" => json!(self.compared(rng)),
            "temperature" => json!(self.temperature(ill.and_then(|ill| ill.temperature), rng)?),
            "pimples" => json!(self.pimples(question)),
            "patches" | "patches_early" => json!(ill.and_then(|ill| ill.patches).unwrap_or_else(|| self.patches(rng))),
            "lip_tingle" => json!(ill.is_some_and(|ill| ill.tingles)),
            "open_skin" | "open_points" => json!(self.at < self.person.open_until),
            "minoxidil_restarted" => json!(self.person.minoxidil_from <= f64::from(self.day)),
            "minoxidil_restart_day" if self.person.minoxidil_from > f64::from(self.day) => return None,
            "minoxidil_restart_day" => json!(format!("day_{:.0}", self.person.minoxidil_from)),
            "worry" => json!(if ill.is_none() && rng.chance(0.004) { "worried" } else { "none" }),
            "wants_call" => json!(ill.is_none() && rng.chance(0.002)),
            "sun_rule" => json!(rng.pick(&["yes", "yes", "yes", "yes", "partly", "no"])?),
            _ => json!(rng.pick(&question.choices)?.key),
        })
    }

    /// Better, the same or worse than at the answers before: a feeling on the whole, not a difference of two numbers.
    fn compared(&self, rng: &mut Rng) -> &'static str {
        let before = self.person.overall(self.before.unwrap_or(0.1));
        let change = self.person.overall(self.at) - before + 0.4 * self.person.noise * rng.normal();
        match change {
            change if change > 0.7 => "worse",
            change if change < -0.3 => "better",
            _ => "same",
        }
    }

    /// Asked of those who feel hot or shivery; some of the others take it all the same. Healthy people have no fever.
    fn temperature(&self, fever: Option<f64>, rng: &mut Rng) -> Option<f64> {
        let usual = (36.7 + 0.25 * rng.normal()).clamp(35.8, 37.4);
        let tenths = |degrees: f64| (degrees * 10.0).round() / 10.0;
        fever.or_else(|| rng.chance(0.12).then_some(usual)).map(tenths)
    }

    /// A few spots are common, small white ones after ointment too; many or sore ones are not.
    fn pimples(&self, question: &Question) -> &'static str {
        let spotted = self.person.spots.is_some_and(|(from, to)| (from..=to).contains(&self.at));
        let white = question.choices.iter().any(|choice| choice.key == "white") && self.at > 6.0;
        match (spotted, white) {
            (false, _) => "none",
            (true, true) => "white",
            (true, false) => "few",
        }
    }

    /// A bronzed or brown look is common early and is sometimes called a dark patch; later some are not sure.
    fn patches(&self, rng: &mut Rng) -> &'static str {
        let bronzed = self.day < 10 && self.person.level("pigment", self.at) >= 1.5;
        match rng.unit() {
            chance if bronzed && chance < 0.3 => "dark",
            chance if chance > 0.985 => "unsure",
            _ => "no",
        }
    }
}
