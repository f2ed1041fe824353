//! The JSON Schema of the document: it takes what the reader takes, and knows the same keys.

use std::collections::BTreeSet;
use std::path::Path;

use engine::parse;
use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../protocols/protocol.schema.json");
const SOUND: &str = include_str!("fixtures/lint/base.toml");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

fn json(source: &str) -> Value {
    serde_json::to_value(source.parse::<toml::Table>().unwrap()).unwrap()
}

/// The sound plan, with what only a clinic's own plan has.
fn full() -> String {
    let own = "\n[[source]]\nkey = \"OWN\"\ntitle = \"Own\"\n\n[[assumption]]\nkey = \"OWN\"\ntext = \"Own\"\n";
    format!("{SOUND}{own}")
}

#[test]
fn every_plan_is_valid() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let plans: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .chain([full(), crate::support::SMALL.to_owned()])
        .collect();
    assert!(plans.len() >= 4);
    for plan in plans {
        let plan = json(&plan);
        let errors: Vec<String> =
            validator.iter_errors(&plan).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {}", plan["key"], errors.join("\n"));
    }
}

#[test]
fn what_the_schema_refuses_the_reader_refuses_too() {
    let wrong = [
        ("horizon_day = 28\n", ""),
        ("horizon_day = 28", "horizon_day = \"28\""),
        ("horizon_day = 28", "horizon_day = 1000"),
        ("horizon_day = 28", "horizon_day = 28\nunknown = 1"),
        ("kind = \"photo\"", "kind = \"picture\""),
        ("views = [\"front\"]\n", ""),
        ("form = \"daily\"\n", ""),
        ("hold_to_day = 14\n", ""),
        ("min = 0.1\n", ""),
        ("levels = [4, 2, 1, 0]", "levels = [4, 2, 1, 11]"),
        ("levels = [4, 2, 1, 0]", "levels = []"),
        ("days = [0, 3]", "days = [\"0 to 3\"]"),
        ("opens = \"17:00\"", "opens = \"25:00\""),
        ("title = { en = \"Photo\", es = \"Foto\" }", "title = { en = \"Photo\" }"),
        ("title = { en = \"Photo\", es = \"Foto\" }", "title = { en = \"Photo\", es = \"\" }"),
        ("title = { en = \"Photo\", es = \"Foto\" }", "title = \"Photo\""),
        (
            "title = { en = \"Photo\", es = \"Foto\" }\nassumptions = [\"A1\"]",
            "title = { en = \"Photo\", es = \"Foto\" }",
        ),
        ("{ key = \"pale\", label", "{ key = \"pale\", colour = 1, label"),
        ("on = \"silence\"", "on = \"noise\""),
        ("key = \"sound\"", "key = \"Sound\""),
    ];
    let validator = validator();
    for (from, to) in wrong {
        assert_eq!(SOUND.matches(from).count(), 1, "`{from}` must be there once");
        let changed = SOUND.replace(from, to);
        assert!(parse(&changed).is_err(), "the reader takes {to}");
        assert!(!validator.is_valid(&json(&changed)), "the schema takes {to}");
    }
}

/// The keys that the reader says it knows in the table that has the unknown key: the first ten, and how many more.
fn known_to_the_reader(source: &str) -> (BTreeSet<String>, usize) {
    let defects = parse(source).unwrap_err();
    let known = defects.iter().find_map(|defect| defect.fix.strip_prefix("remove it; known here are: "));
    let (named, more) = known.unwrap().rsplit_once(" and ").unwrap_or((known.unwrap(), "0 more"));
    let more: usize = more.strip_suffix(" more").unwrap().parse().unwrap();
    (named.split(", ").map(str::to_owned).collect(), more)
}

fn known_to_the_schema(table: &Value) -> BTreeSet<String> {
    table["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn schema_and_reader_know_the_same_keys() {
    const STRANGE: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    let (schema, full) = (schema(), full());
    let with_strange = |place: &str, before: &str, after: &str| {
        assert!(full.contains(place), "{place}");
        full.replacen(place, &format!("{place}{before}{STRANGE} = 1{after}"), 1)
    };
    let same = |(named, more): (BTreeSet<String>, usize), known: BTreeSet<String>, of: &str| {
        assert!(named.is_subset(&known), "{of}: {named:?} {known:?}");
        assert_eq!(named.len() + more, known.len(), "{of}: {named:?} {known:?}");
    };
    same(known_to_the_reader(&format!("{STRANGE} = 1\n{full}")), known_to_the_schema(&schema), "the document");
    let mut tables: BTreeSet<&str> = BTreeSet::new();
    for (name, table) in schema["$defs"].as_object().unwrap() {
        if table.get("properties").is_none() {
            continue;
        }
        let changed = match name.as_str() {
            "sessions" => with_strange("[sessions]", "\n", ""),
            "choice" => with_strange("choices = [\n  { ", "", ", "),
            "escalation" => with_strange("escalate = [{ ", "", ", "),
            _ => with_strange(&format!("[[{name}]]"), "\n", ""),
        };
        same(known_to_the_reader(&changed), known_to_the_schema(table), name);
        tables.insert(name);
    }
    assert_eq!(tables.len(), 18, "{tables:?}");
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    let tables = schema["$defs"].as_object().unwrap().iter().map(|(name, table)| (name.as_str(), table));
    for (name, table) in tables.chain([("the document", &schema)]) {
        assert!(table["description"].is_string(), "{name}");
        for (key, value) in table["properties"].as_object().into_iter().flatten() {
            assert!(value["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}.{key}");
        }
    }
}

#[test]
fn the_manual_names_every_key_and_every_code() {
    let manual = include_str!("../../docs/PROTOCOLS.md");
    let schema = schema();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.filter_map(|table| table["properties"].as_object()).flatten().map(|(key, _)| key) {
        assert!(manual.contains(&format!("`{key}`")), "{key} is not in docs/PROTOCOLS.md");
    }
    for code in engine::DefectCode::ALL {
        let grave = code.severity() == engine::Severity::Error;
        let row = format!("| `{code}` | {} |", if grave { "error" } else { "warning" });
        assert!(manual.contains(&row), "`{row}` is not in docs/PROTOCOLS.md");
    }
    let counted = format!("every defect with file, line and fix: {} kinds", engine::DefectCode::ALL.len());
    assert!(include_str!("../../README.md").contains(&counted), "README.md does not say: {counted}");
}
