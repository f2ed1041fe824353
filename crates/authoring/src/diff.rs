//! What changes for patients and staff between two documents of a protocol, in words.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use engine::Condition;
use engine::Text;
use engine::{
    Adjust, Choice, ClinicText, Curve, Escalation, Exclusion, Form, Grounds, Item, Parameter, Phase, Protocol,
    Question, Rule, Sign, Slot, Variant,
};

/// What is different between two documents. Comments, and the way a document is written, are not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProtocolDiff)]
pub struct Diff {
    /// Each part that was added, removed or changed, in the order of a document.
    pub changes: Vec<Change>,
}

/// A part of a document that is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProtocolChange)]
pub struct Change {
    /// What kind of part: `plan`, `parameter`, `clinic text`, `variant`, `reason not to start`, `window`, `phase`, `curve`,
    /// `curve change`, `line`, `form`, `question`, `sign` or `rule`.
    #[schema(example = "line")]
    pub part: String,
    /// Its key.
    #[schema(example = "no-swimming-or-heat")]
    pub key: String,
    /// What it says, in English; empty if it has no words of its own.
    #[schema(example = "No swimming, sauna, steam, hot tub or hot bath")]
    pub title: String,
    /// What happened to it.
    pub change: ChangeKind,
    /// What is different about it; of an added part, all of it.
    pub details: Vec<Detail>,
}

/// What happened to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProtocolChangeKind)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

/// Something that is different about a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProtocolChangeDetail)]
pub struct Detail {
    /// What.
    #[schema(example = "days")]
    pub what: String,
    /// As it was.
    #[schema(required, example = "0-7")]
    pub before: Option<String>,
    /// As it is now.
    #[schema(required, example = "0-10")]
    pub after: Option<String>,
}

/// Compares two documents.
pub fn diff(before: &Protocol, after: &Protocol) -> Diff {
    let (before, after) = (parts(before), parts(after));
    let mut changes = Vec::new();
    for new in &after {
        match before.iter().find(|old| old.is(new)) {
            None => changes.push(new.became(ChangeKind::Added, new.against(&[]))),
            Some(old) => {
                let details = new.against(&old.facts);
                if !details.is_empty() {
                    changes.push(new.became(ChangeKind::Changed, details));
                }
            }
        }
    }
    let gone = before.iter().filter(|old| !after.iter().any(|new| new.is(old)));
    changes.extend(gone.map(|old| old.became(ChangeKind::Removed, Vec::new())));
    changes.extend(moved(&before, &after));
    changes.sort_by_key(|change| PARTS.iter().position(|part| *part == change.part));
    Diff { changes }
}

/// The kinds of parts, in the order of a document.
const PARTS: [&str; 14] = [
    "plan",
    "parameter",
    "clinic text",
    "variant",
    "reason not to start",
    "window",
    "phase",
    "curve",
    "curve change",
    "line",
    "form",
    "question",
    "sign",
    "rule",
];

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| write!(f, "{change}"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.change {
            ChangeKind::Added => "Added",
            ChangeKind::Removed => "Removed",
            ChangeKind::Changed => "Changed",
        };
        write!(f, "{word} {} `{}`", self.part, self.key)?;
        if !self.title.is_empty() {
            write!(f, ": {}", self.title)?;
        }
        writeln!(f)?;
        for Detail { what, before, after } in &self.details {
            match (before, after) {
                (Some(before), Some(after)) => writeln!(f, "    {what}: was {before}, now {after}")?,
                (None, Some(after)) => writeln!(f, "    {what}: {after}")?,
                (Some(before), None) => writeln!(f, "    {what}: no longer {before}")?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

/// One part of a document as a list of facts about it.
struct Part {
    kind: &'static str,
    key: String,
    title: String,
    facts: Vec<(String, String)>,
}

impl Part {
    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.key == other.key
    }

    fn became(&self, change: ChangeKind, details: Vec<Detail>) -> Change {
        Change { part: self.kind.to_owned(), key: self.key.clone(), title: self.title.clone(), change, details }
    }

    /// The facts that are not among the others, and the others that are gone.
    fn against(&self, others: &[(String, String)]) -> Vec<Detail> {
        let now = self.facts.iter().filter_map(|(what, after)| {
            let before = others.iter().find(|(other, _)| other == what).map(|(_, before)| before.clone());
            let detail = Detail { what: what.clone(), after: Some(after.clone()), before };
            (detail.before != detail.after).then_some(detail)
        });
        let gone = others.iter().filter(|(what, _)| !self.facts.iter().any(|(other, _)| other == what));
        let gone = gone.map(|(what, before)| Detail { what: what.clone(), before: Some(before.clone()), after: None });
        now.chain(gone).collect()
    }
}

/// The order of lines, questions and phases is what a patient sees: a part that moved among those that stayed.
fn moved(before: &[Part], after: &[Part]) -> Vec<Change> {
    let mut changes = Vec::new();
    for kind in ["phase", "line", "sign"] {
        let keys = |these: &[Part], others: &[Part]| -> Vec<String> {
            let stayed = these.iter().filter(|one| one.kind == kind && others.iter().any(|other| other.is(one)));
            stayed.map(|one| one.key.clone()).collect()
        };
        let (was, now) = (keys(before, after), keys(after, before));
        if let Some((old, new)) = was.iter().zip(&now).find(|(old, new)| old != new) {
            let detail = Detail {
                what: format!("order of the {kind}s, from the first that moved"),
                before: Some(old.clone()),
                after: Some(new.clone()),
            };
            changes.push(Change {
                part: "plan".to_owned(),
                key: "order".to_owned(),
                title: String::new(),
                change: ChangeKind::Changed,
                details: vec![detail],
            });
        }
    }
    changes
}

fn parts(protocol: &Protocol) -> Vec<Part> {
    let mut parts = vec![plan(protocol)];
    parts.extend(protocol.parameters.iter().map(parameter));
    parts.extend(protocol.clinic_texts.iter().map(clinic_text));
    parts.extend(protocol.variants.iter().map(variant));
    parts.extend(protocol.exclusions.iter().map(exclusion));
    parts.extend(protocol.slots.iter().map(slot));
    parts.extend(protocol.phases.iter().map(phase));
    parts.extend(protocol.curves.iter().map(curve));
    parts.extend(protocol.adjusts.iter().map(adjust));
    parts.extend(protocol.items.iter().map(|item| line(item, &protocol.slots)));
    parts.extend(protocol.forms.iter().map(form));
    parts.extend(protocol.questions.iter().map(question));
    parts.extend(protocol.signs.iter().map(sign));
    parts.extend(protocol.rules.iter().map(rule));
    parts
}

/// Collects the facts of a part.
struct Facts(Part);

impl Facts {
    fn of(kind: &'static str, key: &str, title: Option<&Text>) -> Self {
        let title = title.map(|text| text.in_locale(&["en"]).to_owned()).unwrap_or_default();
        Self(Part { kind, key: key.to_owned(), title, facts: Vec::new() })
    }

    fn fact(mut self, what: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        if !value.is_empty() {
            self.0.facts.push((what.to_owned(), value));
        }
        self
    }

    fn maybe(self, what: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.fact(what, value),
            None => self,
        }
    }

    fn list(self, what: &str, values: &[String]) -> Self {
        self.fact(what, values.join(", "))
    }

    fn flag(self, what: &str, flag: bool) -> Self {
        self.maybe(what, flag.then_some("yes"))
    }

    fn days(self, what: &str, days: &engine::Days) -> Self {
        let range = |range: &std::ops::RangeInclusive<i32>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        self.fact(what, days.ranges().iter().map(range).collect::<Vec<_>>().join(", "))
    }

    fn when(self, when: Option<&Condition>) -> Self {
        self.maybe("only when", when.map(Condition::source))
    }

    fn text(mut self, what: &str, text: &Text) -> Self {
        for (locale, said) in text.0.iter() {
            self = self.fact(&format!("{what} ({locale})"), format!("\"{said}\""));
        }
        self
    }

    fn choices(mut self, choices: &[Choice]) -> Self {
        self = self.list("choices", &choices.iter().map(|choice| choice.key.clone()).collect::<Vec<_>>());
        for choice in choices {
            self = self.text(&format!("choice `{}`", choice.key), &choice.label);
        }
        self
    }

    fn escalations(mut self, escalations: &[Escalation]) -> Self {
        for one in escalations {
            let what = format!("raised when {}", one.when.source());
            self = self.fact(&what, one.urgency);
            if let Some(advice) = &one.advice {
                self = self.text(&format!("{what}, advice"), advice);
            }
        }
        self
    }

    fn grounds(self, grounds: &Grounds) -> Part {
        self.list("sources", &grounds.sources).list("assumptions", &grounds.assumptions).0
    }
}

fn plan(one: &Protocol) -> Part {
    let mut facts = Facts::of("plan", &one.key, Some(&one.title))
        .fact("key", &one.key)
        .fact("procedure", one.procedure)
        .list("body areas", &one.body_areas)
        .fact("last day", one.horizon_day)
        .fact("a rise counts from day", one.r2_start_day)
        .text("title", &one.title)
        .text("approval", &one.approval);
    if let Some(sessions) = &one.sessions {
        facts = facts
            .maybe("sessions", sessions.default)
            .fact("days between sessions", sessions.interval_days)
            .fact("fewest days between sessions", sessions.min_interval_days)
            .flag("a sooner session replaces the rest", sessions.replaces_tail_when_sooner)
            .maybe("sessions, what the sources said", sessions.range.as_ref())
            .list("sessions, sources", &sessions.grounds.sources)
            .list("sessions, assumptions", &sessions.grounds.assumptions);
    }
    let mut part = facts.grounds(&Grounds { sources: one.sources.clone(), assumptions: one.assumptions.clone() });
    part.key = "plan".to_owned(); // the key itself may change
    part
}

fn parameter(one: &Parameter) -> Part {
    Facts::of("parameter", &one.key, Some(&one.label))
        .fact("type", one.kind)
        .maybe("least", one.min)
        .maybe("most", one.max)
        .list("choices", &one.choices)
        .flag("required", one.required)
        .maybe("if not given", one.default.as_ref().map(|value| value.to_json()))
        .text("label", &one.label)
        .0
}

fn clinic_text(one: &ClinicText) -> Part {
    let facts =
        Facts::of("clinic text", &one.key, Some(&one.label)).flag("required", one.required).text("label", &one.label);
    match &one.fallback {
        Some(fallback) => facts.text("until the clinic writes it", fallback).0,
        None => facts.0,
    }
}

fn variant(one: &Variant) -> Part {
    Facts::of("variant", &one.key, Some(&one.label)).fact("when", one.when.source()).text("label", &one.label).0
}

fn exclusion(one: &Exclusion) -> Part {
    let facts = Facts::of("reason not to start", &one.key, Some(&one.text)).fact("when", one.when.source());
    facts.text("text", &one.text).grounds(&one.grounds)
}

fn slot(one: &Slot) -> Part {
    Facts::of("window", &one.key, None)
        .fact("opens", one.opens)
        .maybe("reminder", one.remind)
        .fact("closes", one.closes)
        .fact("still accepted until", one.late_until)
        .0
}

fn phase(one: &Phase) -> Part {
    Facts::of("phase", &one.key, Some(&one.title))
        .days("days", &one.days)
        .when(one.when.as_ref())
        .text("title", &one.title)
        .text("what is common", &one.common)
        .text("what to do", &one.advice)
        .grounds(&one.grounds)
}

fn curve(one: &Curve) -> Part {
    let levels = one.levels.iter().enumerate();
    let facts = levels.fold(Facts::of("curve", &one.symptom, None), |facts, (day, level)| {
        facts.fact(&format!("level on day {day}"), level)
    });
    facts.grounds(&one.grounds)
}

/// Changes of curves have no key of their own: the condition and the symptoms tell them apart.
fn adjust(one: &Adjust) -> Part {
    let when = one.when.as_ref().map_or("always", Condition::source);
    let of = if one.symptoms.is_empty() { "all".to_owned() } else { one.symptoms.join(", ") };
    Facts::of("curve change", &format!("{when}: {of}"), None)
        .fact("from day", one.from_day)
        .fact("added to each level", one.add)
        .grounds(&one.grounds)
}

fn line(one: &Item, slots: &[Slot]) -> Part {
    let slot = |index: &usize| slots.get(*index).map(|slot| slot.key.clone());
    let mut facts = Facts::of("line", &one.key, Some(&one.title))
        .fact("kind", one.kind)
        .days("days", &one.days)
        .list("windows", &one.slots.iter().filter_map(slot).collect::<Vec<_>>())
        .when(one.when.as_ref())
        .text("title", &one.title);
    if let Some(text) = &one.text {
        facts = facts.text("text", text);
    }
    if let Some(timed) = &one.timed {
        facts = facts.maybe("from hour", timed.from_hour).maybe("until hour", timed.until_hour);
        facts = timed.title.iter().fold(facts, |facts, title| facts.text("title with a known time", title));
        facts = timed.text.iter().fold(facts, |facts, text| facts.text("text with a known time", text));
    }
    if let Some(hold) = &one.hold {
        facts = facts
            .fact("goes on while", hold.when.source())
            .fact("goes on at most to day", hold.to_day)
            .flag("goes on without answers", hold.if_unknown);
    }
    facts
        .maybe("form", one.form.as_ref())
        .list("views", &one.views)
        .maybe("meaning", one.meaning.as_ref())
        .maybe("protects from", one.protects_from.as_ref())
        .maybe("for those enrolled late", one.caught_up())
        .flag("shown while a clinician decides", one.even_when_excluded)
        .maybe("what the sources said", one.range.as_ref())
        .grounds(&one.grounds)
}

fn form(one: &Form) -> Part {
    Facts::of("form", &one.key, None).list("questions", &one.questions).0
}

fn question(one: &Question) -> Part {
    let mut facts = Facts::of("question", &one.key, Some(&one.text))
        .fact("type", one.kind)
        .days("days", &one.days)
        .when(one.when.as_ref())
        .text("text", &one.text);
    if let Some(hint) = &one.hint {
        facts = facts.text("hint", hint);
    }
    facts.maybe("scale", one.scale.as_ref()).choices(&one.choices).0
}

fn sign(one: &Sign) -> Part {
    Facts::of("sign", &one.key, Some(&one.text))
        .days("days", &one.days)
        .when(one.when.as_ref())
        .text("text", &one.text)
        .fact("urgency", one.urgency)
        .escalations(&one.escalate)
        .text("advice", &one.advice)
        .grounds(&one.grounds)
}

fn rule(one: &Rule) -> Part {
    Facts::of("rule", &one.key, Some(&one.reason))
        .fact("set off by", one.on)
        .list("for each of", &one.for_each)
        .days("days", &one.days)
        .fact("when", one.when.source())
        .fact("urgency", one.urgency)
        .escalations(&one.escalate)
        .text("advice", &one.advice)
        .text("reason", &one.reason)
        .grounds(&one.grounds)
}
