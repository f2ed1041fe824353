//! The linter: of every kind of defect an example it finds, and a near miss it lets pass.

#[path = "fixtures/lint/kinds.rs"]
mod kinds;

use std::collections::BTreeSet;

use authoring::lint;
use engine::{Defect, DefectCode, Severity};

use kinds::KINDS;

const SOUND: &str = include_str!("fixtures/lint/base.toml");

/// One change of the sound plan: in the only place with this text, or at the end if it is empty.
pub type Edit = (&'static str, &'static str);

/// A kind of defect, with a change that has it and one that nearly has it.
pub struct Kind {
    code: DefectCode,
    hit: &'static [Edit],
    /// The source that starts where the defect is reported.
    at: &'static str,
    near_miss: &'static [Edit],
}

fn edited(edits: &[Edit]) -> String {
    let mut source = SOUND.to_owned();
    for (from, to) in edits {
        if from.is_empty() {
            source.push_str(to);
            continue;
        }
        assert_eq!(source.matches(from).count(), 1, "`{from}` must be there once");
        source = source.replace(from, to);
    }
    source
}

fn defects(source: &str) -> Vec<Defect> {
    lint(source).map_or_else(|defects| defects, |linted| linted.warnings)
}

/// The source from where a defect is reported.
fn at<'s>(source: &'s str, defect: &Defect) -> &'s str {
    let line_start: usize = source.split_inclusive('\n').take(defect.line - 1).map(str::len).sum();
    let in_line: usize = source[line_start..].chars().take(defect.column - 1).map(char::len_utf8).sum();
    &source[line_start + in_line..]
}

fn shown(defects: &[Defect]) -> String {
    defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sound_plan_has_no_defect() {
    let linted = lint(SOUND).unwrap_or_else(|defects| panic!("{}", shown(&defects)));
    assert_eq!(linted.protocol.key, "sound");
    assert!(linted.warnings.is_empty(), "{}", shown(&linted.warnings));
}

#[test]
fn every_kind_is_found_where_it_stands_and_nothing_else() {
    let mut wrong = Vec::new();
    for kind in KINDS {
        let source = edited(kind.hit);
        let found = defects(&source);
        let of_kind: Vec<&Defect> = found.iter().filter(|defect| defect.code == kind.code).collect();
        let others: Vec<&Defect> = found.iter().filter(|defect| defect.code != kind.code).collect();
        let stands = of_kind.iter().any(|defect| at(&source, defect).starts_with(kind.at));
        let refused = lint(&source).is_err() == (kind.code.severity() == Severity::Error);
        let sound = of_kind.iter().all(|defect| {
            defect.severity == kind.code.severity() && !defect.problem.is_empty() && !defect.fix.is_empty()
        });
        if !(stands && refused && sound && others.is_empty()) {
            wrong.push(format!("{} {:?}: {}", kind.code, kind.hit, shown(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_near_miss_passes() {
    let mut wrong = Vec::new();
    for kind in KINDS {
        let found = defects(&edited(kind.near_miss));
        if !found.is_empty() {
            wrong.push(format!("{} {:?}: {}", kind.code, kind.near_miss, shown(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_code_has_an_example() {
    let mut shown: BTreeSet<DefectCode> = KINDS.iter().map(|kind| kind.code).collect();
    shown.insert(DefectCode::TooComplex); // in heavy.rs: no small change of a plan has it
    let missing: Vec<&DefectCode> = DefectCode::ALL.iter().filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(DefectCode::ALL.iter().all(|code| code.meaning().ends_with('.')));
}

#[test]
fn a_defect_is_written_with_its_code_and_severity() {
    let found = defects(&edited(&[("key = \"worried\"", "key = \"wurried\"")]));
    let json = serde_json::to_value(&found).unwrap();
    let codes: BTreeSet<&str> = json.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, BTreeSet::from(["bad_condition", "unknown_reference"]));
    assert_eq!(json[0]["severity"], "error");
    let found = defects(&edited(&[("interval_days = 42\nmin", "interval_days = 7\nmin")]));
    assert_eq!(
        shown(&found),
        "line 14, column 17: the usual interval of 7 days is shorter than the shortest allowed one of 28 days \
         (in sessions.interval_days). Fix: exchange or mend the two. [sessions_too_close]"
    );
}

#[test]
fn the_library_has_no_error() {
    for (_, source) in authoring::LIBRARY {
        let linted = lint(source).unwrap_or_else(|defects| panic!("{}", shown(&defects)));
        assert!(linted.warnings.iter().all(|defect| defect.severity == Severity::Warning));
        // Who answers can be ready as soon as the shortest interval is over.
        let unasked = linted.warnings.iter().filter(|defect| defect.code == DefectCode::SessionsUnasked);
        assert_eq!(unasked.count(), 0, "{}", linted.protocol.key);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Whatever is done to a sound plan, the linter ends, and each of its defects stands in the document.
    #[test]
    fn a_damaged_plan_is_judged(cut in 0_usize..300, length in 1_usize..12, moved in 0_usize..300) {
        let lines: Vec<&str> = SOUND.lines().collect();
        let (cut, moved) = (cut.min(lines.len() - length), moved.min(lines.len() - length));
        let mut damaged = lines.clone();
        let taken: Vec<&str> = damaged.drain(cut..cut + length).collect();
        damaged.splice(moved.min(damaged.len())..moved.min(damaged.len()), taken);
        let damaged = damaged.join("\n");
        for defect in defects(&damaged) {
            let line = damaged.split('\n').nth(defect.line - 1);
            proptest::prop_assert!(line.is_some_and(|line| defect.column <= line.chars().count() + 1), "{defect}");
            proptest::prop_assert!(!defect.problem.is_empty() && !defect.fix.is_empty());
        }
    }
}
