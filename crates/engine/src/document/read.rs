//! Reads a whole document: the head, then each kind of entry, in an order in which what is referred to is known.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::codes::DefectCode;
use super::defect::{Defect, Report};
use super::parts::{self, Reading, Style, condition, key_of, keys, must_be_known, optional_text, text, unique_key};
use super::reader::{Fields, Node};
use super::{
    Adjust, ClinicText, Curve, Exclusion, Known, LateEnrolment, LocalTime, OwnGround, Parameter, ParameterKind, Phase,
    Procedure, Protocol, Sessions, Slot, Variant,
};
use super::{lines, triggers};
use crate::conditions::{Kind, Scope};

/// The greatest horizon a plan may have: two years.
const LONGEST_PLAN: i32 = 731;

/// Reads a protocol document; every defect says where it is and how to mend it.
pub fn parse(source: &str) -> Result<Protocol, Vec<Defect>> {
    let report = Report::new(source);
    let (table, syntax) = DeTable::parse_recoverable(source);
    for error in &syntax {
        let at = error.span().map_or(0, |span| span.start);
        report.add(
            at,
            "",
            DefectCode::NotToml,
            format!("this is not TOML: {}", error.message().trim()),
            "mend the line, see toml.io",
        );
    }
    if !syntax.is_empty() {
        return Err(report.finish());
    }
    let root = Fields::root(&report, table.get_ref());
    root.refuse_controls();
    let protocol = read(&root);
    let defects = report.finish();
    if defects.is_empty() { Ok(protocol) } else { Err(defects) }
}

fn read(root: &Fields) -> Protocol {
    if let Some(schema) = root.required("schema") {
        schema.integer_in(1..=1);
    }
    let mut reading = Reading {
        horizon_day: root
            .required("horizon_day")
            .and_then(|node| node.integer_in(0..=LONGEST_PLAN))
            .unwrap_or(LONGEST_PLAN),
        sources: keys(root, "sources", Style::Label),
        assumptions: keys(root, "assumptions", Style::Label),
        late_enrolment: root.optional("late_enrolment").and_then(|node| node.word()).unwrap_or(LateEnrolment::Skip),
        plan: Scope::new(),
    };
    let own_sources = own(root, "source", "title");
    let own_assumptions = own(root, "assumption", "text");
    let parameters = parameters(root, &mut reading.plan);
    let clinic_texts = clinic_texts(root);
    let variants = variants(root, &mut reading.plan);
    let exclusions = exclusions(root, &reading);
    let slots = slots(root);
    let phases = phases(root, &reading);
    let questions = lines::questions(root, &reading);
    let forms = lines::forms(root, &questions);
    let curves = curves(root, &reading, &questions);
    let answers = triggers::answers_scope(root, &reading.plan, &questions, &curves);
    let protocol = Protocol {
        key: root.required("key").map(|node| plan_key(&node)).unwrap_or_default(),
        procedure: root.required("procedure").and_then(|node| node.word()).unwrap_or(Procedure::Microneedling),
        body_areas: body_areas(root),
        horizon_day: reading.horizon_day,
        r2_start_day: root
            .required("r2_start_day")
            .and_then(|node| node.integer_in(0..=reading.horizon_day))
            .unwrap_or_default(),
        sessions: sessions(root, &reading),
        title: text(root, "title"),
        approval: text(root, "approval"),
        adjusts: adjusts(root, &reading, &curves),
        items: lines::items(root, &reading, &answers, (&slots, &forms, &phases)),
        signs: triggers::signs(root, &reading, &answers),
        rules: triggers::rules(root, &reading, &answers, &questions, &curves),
        sources: reading.sources,
        assumptions: reading.assumptions,
        own_sources,
        own_assumptions,
        parameters,
        clinic_texts,
        variants,
        exclusions,
        slots,
        phases,
        curves,
        forms,
        questions,
    };
    root.finish();
    protocol
}

/// `[[source]]` or `[[assumption]]`: what the library does not know, in the words of the author.
fn own(root: &Fields, name: &'static str, words: &'static str) -> Vec<OwnGround> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let ground = OwnGround {
            key: unique_key(fields, "key", Style::Label, &mut taken),
            words: fields.required(words).and_then(|node| node.string()).unwrap_or_default().to_owned(),
        };
        fields.finish();
        ground
    };
    root.tables(name).iter().map(&mut read).collect()
}

fn plan_key(node: &Node) -> String {
    let key = key_of(node, Style::Dashes);
    if !(2..=41).contains(&key.len()) {
        node.wrong(
            DefectCode::BadKey,
            "the key of a plan has 2 to 41 characters",
            "choose a short name like `mn-face`",
        );
    }
    key
}

fn body_areas(root: &Fields) -> Vec<String> {
    let areas = root.required("body_areas").map(|node| (parts::key_list(&node, Style::Label), node));
    let Some((areas, node)) = areas else { return Vec::new() };
    if areas.is_empty() {
        node.wrong(DefectCode::OutOfRange, "there is no body area", "name at least one, like [\"face\"]");
    }
    areas
}

fn sessions(root: &Fields, reading: &Reading) -> Option<Sessions> {
    let fields = root.optional("sessions")?.fields()?;
    let days = |name| fields.required(name).and_then(|node| node.integer_in(1..=LONGEST_PLAN)).unwrap_or_default();
    let sessions = Sessions {
        default: fields.optional("default").and_then(|node| node.integer_in(1..=100)),
        interval_days: days("interval_days"),
        min_interval_days: days("min_interval_days"),
        replaces_tail_when_sooner: fields
            .optional("replaces_tail_when_sooner")
            .and_then(|node| node.flag())
            .unwrap_or(false),
        range: fields.optional("range").and_then(|node| node.string()).map(str::to_owned),
        grounds: reading.grounds(&fields, true),
    };
    fields.finish();
    Some(sessions)
}

/// Adds a variable; a name can stand for one thing only.
fn declare(scope: &mut Scope, fields: &Fields, name: &str, kind: Kind) {
    if RESERVED.contains(&name) || scope.insert(name.to_owned(), kind).is_some() {
        fields.wrong(
            DefectCode::Duplicate,
            format!("the name `{name}` is taken"),
            "choose another key: parameters, variants and questions share one set of names",
        );
    }
}

/// Variables that the engine gives; no key may take their names.
pub(super) const RESERVED: &[&str] = &[
    "day",
    "r2_start_day",
    "level",
    "expected",
    "previous",
    "symptom",
    "previous_signs",
    "missed_in_a_row",
    "answered_any",
    "true",
    "false",
    "in",
    "null",
];

fn parameters(root: &Fields, scope: &mut Scope) -> Vec<Parameter> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let key = unique_key(fields, "key", Style::Variable, &mut taken);
        let given = fields.required("type").and_then(|node| node.word());
        let kind = given.unwrap_or(ParameterKind::Flag);
        let bound = |name| fields.optional(name).and_then(|node| node.decimal());
        let choices = keys(fields, "choices", Style::Label);
        let default = fields.optional("default").and_then(|node| parameter_default(&node, kind, &choices));
        let parameter = Parameter {
            kind,
            min: bound("min"),
            max: bound("max"),
            required: fields.optional("required").and_then(|node| node.flag()).unwrap_or(false),
            default: default.or((kind == ParameterKind::Flag).then_some(Known::Flag(false))),
            choices,
            label: text(fields, "label"),
            key,
        };
        if given.is_some() {
            parameter_is_sound(fields, &parameter);
        }
        fields.finish();
        declare(scope, fields, &parameter.key, variable_kind(&parameter));
        parameter
    };
    root.tables("parameter").iter().map(&mut read).collect()
}

/// What `{...}` stands for in every plan: the clinic cannot be used without these.
pub const CLINIC_WORDS: &[&str] = &["emergency_number", "clinic_phone", "out_of_hours"];

fn clinic_texts(root: &Fields) -> Vec<ClinicText> {
    let mut taken: BTreeSet<String> = CLINIC_WORDS.iter().map(|name| (*name).to_owned()).collect();
    let mut read = |fields: &Fields| {
        let clinic_text = ClinicText {
            key: unique_key(fields, "key", Style::Variable, &mut taken),
            required: fields.optional("required").and_then(|node| node.flag()).unwrap_or(false),
            label: text(fields, "label"),
            fallback: optional_text(fields, "fallback"),
        };
        if clinic_text.required == clinic_text.fallback.is_some() {
            fields.wrong(
                DefectCode::Misplaced,
                "`fallback` belongs to a text that is not `required`",
                "give it one of the two",
            );
        }
        fields.finish();
        clinic_text
    };
    root.tables("clinic_text").iter().map(&mut read).collect()
}

fn parameter_default(node: &Node, kind: ParameterKind, choices: &[String]) -> Option<Known> {
    match kind {
        ParameterKind::Flag => node.flag().map(Known::Flag),
        ParameterKind::Decimal => node.decimal().map(Known::Decimal),
        ParameterKind::Choice => {
            let word = node.string()?;
            must_be_known(node, word, "choice", choices.iter().map(String::as_str));
            Some(Known::Word(word.to_owned()))
        }
    }
}

fn parameter_is_sound(fields: &Fields, parameter: &Parameter) {
    let is_decimal = parameter.kind == ParameterKind::Decimal;
    if is_decimal != (parameter.min.is_some() && parameter.max.is_some()) {
        fields.wrong(
            DefectCode::Misplaced,
            "`min` and `max` belong to a decimal, both",
            "give both to a decimal and none to the others",
        );
    }
    if parameter.min.zip(parameter.max).is_some_and(|(min, max)| min > max) {
        fields.wrong(DefectCode::OutOfRange, "`min` is greater than `max`", "exchange them");
    }
    if (parameter.kind == ParameterKind::Choice) == parameter.choices.is_empty() {
        fields.wrong(
            DefectCode::Misplaced,
            "`choices` belong to a choice",
            "give a choice at least one, and the others none",
        );
    }
    if parameter.required && parameter.default.is_some() {
        fields.wrong(
            DefectCode::Misplaced,
            "a required parameter has no default",
            "remove `required`, or make it a choice or a decimal without default",
        );
    }
}

fn variable_kind(parameter: &Parameter) -> Kind {
    match parameter.kind {
        ParameterKind::Decimal => Kind::Decimal,
        ParameterKind::Choice => Kind::Word(Some(parameter.choices.clone())),
        ParameterKind::Flag => Kind::Flag,
    }
}

fn variants(root: &Fields, scope: &mut Scope) -> Vec<Variant> {
    let parameters = scope.clone();
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let key = unique_key(fields, "key", Style::Variable, &mut taken);
        let when = condition(fields, "when", &parameters);
        let label = text(fields, "label");
        fields.finish();
        declare(scope, fields, &key, Kind::Flag);
        when.map(|when| Variant { key, when, label })
    };
    root.tables("variant").iter().filter_map(&mut read).collect()
}

fn exclusions(root: &Fields, reading: &Reading) -> Vec<Exclusion> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let key = unique_key(fields, "key", Style::Dashes, &mut taken);
        let when = condition(fields, "when", &reading.plan);
        let (text, grounds) = (text(fields, "text"), reading.grounds(fields, false));
        fields.finish();
        when.map(|when| Exclusion { key, when, text, grounds })
    };
    root.tables("exclusion").iter().filter_map(&mut read).collect()
}

fn slots(root: &Fields) -> Vec<Slot> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let key = unique_key(fields, "key", Style::Dashes, &mut taken);
        let opens = fields.required("opens").and_then(|node| local_time(&node));
        let closes = fields.required("closes").and_then(|node| local_time(&node));
        let remind = fields.optional("remind").and_then(|node| local_time(&node));
        let late_until = fields.optional("late_until").and_then(|node| local_time(&node));
        fields.finish();
        let (opens, closes) = opens.zip(closes)?;
        let slot = Slot { key, opens, remind, closes, late_until: late_until.unwrap_or(closes) };
        slot_is_sound(fields, &slot);
        Some(slot)
    };
    root.tables("slot").iter().filter_map(&mut read).collect()
}

fn local_time(node: &Node) -> Option<LocalTime> {
    let text = node.string()?;
    let time = text.parse().ok();
    if time.is_none() {
        node.wrong(
            DefectCode::BadWindow,
            format!("`{text}` is not a local time"),
            "write it like \"17:00\", \"24:00\", or \"+1 12:00\" for the next day",
        );
    }
    time
}

fn slot_is_sound(fields: &Fields, slot: &Slot) {
    if slot.opens.days > 0 {
        fields.wrong(DefectCode::BadWindow, "`opens` is not on the day itself", "use a time from 00:00 to 23:59");
    }
    if slot.closes <= slot.opens {
        fields.wrong(
            DefectCode::BadWindow,
            "`closes` is not after `opens`",
            "use a later time; \"24:00\" is the next midnight",
        );
    }
    if slot.late_until < slot.closes {
        fields.wrong(DefectCode::BadWindow, "`late_until` is before `closes`", "use a later time, like \"+1 12:00\"");
    }
    if slot.remind.is_some_and(|remind| remind < slot.opens || remind >= slot.late_until) {
        fields.wrong(
            DefectCode::BadWindow,
            "`remind` is not inside the window",
            "use a time from `opens` to `late_until`",
        );
    }
}

fn phases(root: &Fields, reading: &Reading) -> Vec<Phase> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let phase = Phase {
            key: unique_key(fields, "key", Style::Dashes, &mut taken),
            days: reading.days(fields),
            when: reading.when(fields),
            title: text(fields, "title"),
            common: text(fields, "common"),
            advice: text(fields, "do"),
            grounds: reading.grounds(fields, true),
        };
        fields.finish();
        phase
    };
    root.tables("phase").iter().map(&mut read).collect()
}

fn curves(root: &Fields, reading: &Reading, questions: &[super::Question]) -> Vec<Curve> {
    let mut taken = BTreeSet::new();
    let mut read = |fields: &Fields| {
        let symptom = unique_key(fields, "symptom", Style::Variable, &mut taken);
        if let Some(node) = fields.optional("symptom") {
            must_be_known(&node, &symptom, "level question", triggers::levels(questions));
        }
        let levels = fields.required("levels").map(|node| node.list()).unwrap_or_default();
        let levels: Vec<u8> = levels.iter().filter_map(|node| u8::try_from(node.integer_in(0..=10)?).ok()).collect();
        if levels.is_empty() {
            fields.wrong(DefectCode::OutOfRange, "the curve has no level", "write levels like [6, 5, 3, 0]");
        }
        let grounds = reading.grounds(fields, true);
        fields.finish();
        Curve { symptom, levels, grounds }
    };
    root.tables("curve").iter().map(&mut read).collect()
}

fn adjusts(root: &Fields, reading: &Reading, curves: &[Curve]) -> Vec<Adjust> {
    let read = |fields: &Fields| {
        let symptoms = keys(fields, "symptoms", Style::Variable);
        if let Some(node) = fields.optional("symptoms") {
            for symptom in &symptoms {
                must_be_known(&node, symptom, "curve", curves.iter().map(|curve| curve.symptom.as_str()));
            }
        }
        let adjust = Adjust {
            when: reading.when(fields),
            symptoms,
            from_day: fields
                .optional("from_day")
                .and_then(|node| node.integer_in(0..=reading.horizon_day))
                .unwrap_or_default(),
            add: fields.required("add").and_then(|node| node.integer_in(-10..=10)).unwrap_or_default(),
            grounds: reading.grounds(fields, true),
        };
        fields.finish();
        adjust
    };
    root.tables("adjust").iter().map(read).collect()
}
