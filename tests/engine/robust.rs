//! Documents nobody would write: they are refused, they never bring the reader down.

use engine::parse;
use proptest::prelude::*;

use crate::support::SMALL;

/// Pieces of expressions, sound and unsound.
const PIECES: &[&str] = &[
    "pain",
    "redness",
    "signs",
    "day",
    "trend",
    "worried",
    "\"F6\"",
    "\"better\"",
    "3",
    "1.5",
    "-1",
    "true",
    "null",
    "b\"x\"",
    "3u",
    "99999999999999999999",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
    "!",
    "in",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "size(signs)",
    "has(a.b)",
    "signs.exists(x, x == \"F1\")",
    "signs.map(x, x)",
    "[1, \"a\"]",
    "[]",
    "matches",
    "é",
    "\\",
    "'",
    "day.pain",
    "type(day)",
    "duration(\"1h\")",
];

fn with_condition(expression: &str) -> String {
    SMALL.replace("when = \"pain >= 4\"", &format!("when = {}", toml::Value::from(expression)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_document_is_read_or_refused_with_places_inside_it(cut in 0..SMALL.len(), length in 0..40_usize, put in "[\\[\\]{}\"=,.a-z0-9 \n#é-]{0,12}") {
        let from = (0..=cut).rev().find(|at| SMALL.is_char_boundary(*at)).unwrap();
        let to = (cut + length..=SMALL.len()).find(|at| SMALL.is_char_boundary(*at)).unwrap_or(SMALL.len());
        let damaged = format!("{}{put}{}", &SMALL[..from], &SMALL[to..]);
        for defect in parse(&damaged).err().unwrap_or_default() {
            let line = damaged.split('\n').nth(defect.line - 1);
            prop_assert!(line.is_some_and(|line| defect.column <= line.chars().count() + 1), "{defect}");
            prop_assert!(!defect.problem.is_empty() && !defect.fix.is_empty());
        }
    }

    #[test]
    fn any_expression_is_read_or_refused_where_it_stands(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8)) {
        let expression = pieces.join(" ");
        let document = with_condition(&expression);
        for defect in parse(&document).err().unwrap_or_default() {
            prop_assert!(defect.path.starts_with("rule[2]"), "{defect} for {expression}");
        }
    }
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    for depth in [9, 24, 240, 100_000] {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("!(", ")"), ("worried ? ", " : worried"), ("signs.exists(x, ", ")")]
        {
            let expression = format!("{}worried{}", open.repeat(depth), close.repeat(depth));
            let defects = parse(&with_condition(&expression)).unwrap_err();
            assert!(defects[0].problem.starts_with("there are more than 8 brackets"), "{:?}", defects[0]);
        }
    }
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse(&SMALL.replace("views = [\"front\", \"left-45\"]", &format!("views = {nested}"))).is_err());
}

#[test]
fn what_is_within_the_limits_is_read_on_a_small_stack() {
    let chain = |term: &str, by: &str, times: usize| vec![term; times].join(by);
    let sound = [
        "(".repeat(8) + "worried" + &")".repeat(8),
        "!".repeat(490) + "worried",
        chain("worried", " && ", 40),
        chain("1", "+", 240) + " > 0",
    ];
    for expression in sound {
        let document = with_condition(&expression);
        let read = std::thread::Builder::new().stack_size(2 << 20).spawn(move || parse(&document).is_ok());
        assert!(read.unwrap().join().unwrap(), "{expression}");
    }
}

#[test]
fn work_that_grows_with_a_power_is_refused() {
    let defects = parse(&with_condition("signs.exists(a, signs.exists(b, a == b))")).unwrap_err();
    assert_eq!(defects[0].problem, "a list is looked through for each element of another list");
    assert!(parse(&with_condition("signs.filter(a, a != \"F1\").exists(b, b == \"F6\")")).is_ok());
    let defects = parse(&with_condition(&"worried && ".repeat(50))).unwrap_err();
    assert_eq!(defects[0].problem, "this expression is longer than 500 characters");
}

/// Documents of the longest length that are wrong in as many ways as fit.
fn as_wrong_as_fits() -> Vec<(&'static str, String)> {
    const LONGEST: usize = 200_000;
    let fill = |head: &str, line: &dyn Fn(usize) -> String| {
        let mut text = head.to_owned();
        let mut number = 0;
        while text.len() < LONGEST - 200 {
            text.push_str(&line(number));
            number += 1;
        }
        text
    };
    let base = include_str!("fixtures/lint/base.toml");
    vec![
        ("unknown keys", fill(base, &|number| format!("unknown_{number} = 1\n"))),
        (
            "unknown keys in a table",
            fill(&format!("{base}\n[[item]]\nkey = \"x\"\n"), &|number| format!("u{number} = 1\n")),
        ),
        ("empty lines of the plan", fill(base, &|_| "[[item]]\n".to_owned())),
        ("empty questions", fill(base, &|_| "[[question]]\n".to_owned())),
        (
            "rules that know nothing",
            fill(base, &|number| {
                format!("[[rule]]\nkey = \"r{number}\"\nwhen = \"nothing_{number} > 3 && nobody_{number}\"\n")
            }),
        ),
        (
            "questions, and a rule that asks for another",
            fill(base, &|number| {
                format!(
                    "[[question]]\nkey = \"question_{number}\"\n[[rule]]\nkey = \"r{number}\"\nwhen = \"question_x{number} > 3\"\n"
                )
            }),
        ),
        ("one long word", format!("{base}\n{} = 1\n", "x".repeat(LONGEST - base.len() - 10))),
        ("one long line of defects", format!("{base}\nlist = [{}]\n", "{ a = 1 },".repeat(10_000))),
        ("no TOML", "[".repeat(LONGEST)),
        ("quotes", "\"".repeat(LONGEST)),
    ]
}

#[test]
fn what_is_said_of_a_document_stays_short_however_much_is_wrong_in_it() {
    for (name, text) in as_wrong_as_fits() {
        let (parsed, linted) = (parse(&text), authoring::lint(&text));
        let defects = parsed.err().unwrap_or_default();
        let warned = linted.map_or_else(|defects| defects, |linted| linted.warnings);
        for found in [defects, warned] {
            assert!(found.len() <= 100, "{name}: {} defects", found.len());
            let said: usize = found.iter().map(|defect| defect.to_string().len()).sum();
            assert!(said < 60_000 + text.len(), "{name}: {said} bytes");
            for defect in &found {
                // Ten of what the document declares; the keys of a table are ours, and few.
                assert!(defect.fix.matches(", ").count() <= 40, "{name}: {}", defect.fix);
            }
        }
    }
}
