//! Documents without a mistake that would keep the server busy: within the length that the API takes, and refused by name.

use std::fmt::Write as _;

use authoring::lint;
use engine::DefectCode;

/// Parameters, each told apart by a variant of its own: 16,384 kinds of patients.
const TOLD_APART: usize = 14;
/// The longest document that the API takes.
const LONGEST: usize = 200_000;

const HEAD: &str = r#"schema = 1
key = "heavy-plan"
procedure = "peel"
body_areas = ["face"]
horizon_day = 731
r2_start_day = 3
sources = []
assumptions = ["A1"]
title = { en = "t", es = "t" }
approval = { en = "a", es = "a" }
"#;

const LINES: &str = r#"
[[slot]]
key = "evening"
opens = "18:00"
closes = "23:00"
remind = "20:00"
[[phase]]
key = "recovery"
days = ["0-731"]
title = { en = "t", es = "t" }
common = { en = "t", es = "t" }
do = { en = "t", es = "t" }
assumptions = ["A1"]
[[curve]]
symptom = "redness"
levels = [5, 4, 3, 2, 1, 0]
assumptions = ["A1"]
[[curve]]
symptom = "pain"
levels = [5, 4, 3, 2, 1, 0]
assumptions = ["A1"]
[[item]]
key = "rest"
kind = "instruction"
days = ["0-731"]
slot = "evening"
title = { en = "t", es = "t" }
assumptions = ["A1"]
[[item]]
key = "check"
kind = "check_in"
days = ["0-731"]
slot = "evening"
form = "daily"
title = { en = "t", es = "t" }
assumptions = ["A1"]
[[question]]
key = "redness"
type = "level"
text = { en = "t", es = "t" }
[[question]]
key = "pain"
type = "level"
text = { en = "t", es = "t" }
"#;

/// A sound plan with these questions in its daily form, and this repeated until it is as long as it may be.
fn plan(own: &str, most: usize, part: impl Fn(usize) -> (String, Option<String>)) -> String {
    let mut text = HEAD.to_owned();
    for number in 0..TOLD_APART {
        writeln!(text, "[[parameter]]\nkey = \"p{number}\"\ntype = \"flag\"\nlabel = {{ en = \"p\", es = \"p\" }}")
            .unwrap();
        writeln!(text, "[[variant]]\nkey = \"v{number}\"\nwhen = \"p{number}\"\nlabel = {{ en = \"v\", es = \"v\" }}")
            .unwrap();
    }
    text.push_str(LINES);
    text.push_str(own);
    let mut questions = vec!["redness".to_owned(), "pain".to_owned()];
    if own.contains("signs") {
        questions.push("signs".to_owned());
    }
    for number in 0..most {
        let (part, question) = part(number);
        if text.len() + part.len() + 16 * (questions.len() + 2) > LONGEST {
            break;
        }
        text.push_str(&part);
        questions.extend(question);
    }
    write!(text, "[[form]]\nkey = \"daily\"\nquestions = {questions:?}\n").unwrap();
    text
}

fn rule(key: &str, more: &str, when: &str) -> String {
    let words = "{ en = \"r\", es = \"r\" }";
    format!(
        "[[rule]]\nkey = \"{key}\"\non = \"answers\"\n{more}when = \"{when}\"\nurgency = \"soon\"\nreason = {words}\nadvice = {words}\nassumptions = [\"A1\"]\n"
    )
}

fn heavy() -> Vec<(&'static str, String)> {
    let judged = rule("a", "", "redness > 5") + &rule("b", "", "pain > 5");
    let variants: Vec<String> = (0..TOLD_APART).map(|number| format!("v{number}")).collect();
    let words = "{ en = \"w\", es = \"w\" }";
    let question = |number: usize| {
        let choices: Vec<String> =
            (0..20).map(|choice| format!("{{ key = \"c{choice}\", label = {words} }}")).collect();
        let asked = format!(
            "[[question]]\nkey = \"q{number}\"\ntype = \"choice\"\ntext = {words}\nchoices = [{}]\n",
            choices.join(", ")
        );
        let key = format!("q{number}");
        (asked + &rule(&format!("r{number}"), "", &format!("{key} == 'c1' || {key}_previous == 'c2'")), Some(key))
    };
    let sign = |number: usize| {
        let variant = number % TOLD_APART;
        let sign = format!(
            "[[sign]]\nkey = \"s{number}\"\nurgency = \"soon\"\ntext = {words}\nadvice = {words}\nwhen = \"v{variant}\"\nassumptions = [\"A1\"]\n"
        );
        (sign, None)
    };
    let wide = |number: usize| {
        let when = format!("redness >= 3 && redness_previous < 3 && {} && day > {number}", variants.join(" && "));
        (rule(&format!("r{number}"), "", &when), None)
    };
    let steep = |number: usize| {
        let when = format!("level - expected > {} && previous < level && v{}", number % 10, number % TOLD_APART);
        (rule(&format!("r{number}"), "for_each = [\"redness\", \"pain\"]\n", &when), None)
    };
    let signs = format!("[[question]]\nkey = \"signs\"\ntype = \"multi\"\ntext = {words}\n{judged}");
    vec![
        ("questions asked every day", plan(&judged, 280, question)),
        ("signs asked every day", plan(&signs, 280, sign)),
        ("rules that hold for few", plan(&judged, 280, wide)),
        ("rules for each symptom", plan(&judged, 280, steep)),
    ]
}

#[test]
fn a_plan_that_makes_too_much_work_is_refused_by_name_and_by_nothing_else() {
    let threads: Vec<_> = heavy()
        .into_iter()
        .map(|(name, text)| {
            std::thread::spawn(move || {
                let found = lint(&text).map_or_else(|defects| defects, |linted| linted.warnings);
                let codes: Vec<DefectCode> = found.iter().map(|defect| defect.code).collect();
                assert_eq!(codes, [DefectCode::TooComplex], "{name}: {} bytes", text.len());
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn the_same_plan_for_fewer_kinds_of_patients_is_checked_to_the_end() {
    let judged = rule("a", "", "redness > 5") + &rule("b", "", "pain > 5");
    let text =
        plan(&judged, 20, |number| (rule(&format!("r{number}"), "", &format!("redness > {}", 5 + number % 5)), None));
    let found = lint(&text).map_or_else(|defects| defects, |linted| linted.warnings);
    assert!(found.iter().all(|defect| defect.code != DefectCode::TooComplex), "{}", found[0]);
}

#[test]
fn more_lines_than_are_read_are_refused_where_they_stand() {
    let text = HEAD.to_owned() + LINES + &"[[item]]\n".repeat(400);
    let defects = lint(&text).unwrap_err();
    let found = defects.iter().find(|defect| defect.path == "item").unwrap();
    assert_eq!(found.problem, "there are 402 of these; at most 300 are read");
}
