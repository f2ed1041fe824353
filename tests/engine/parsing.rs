//! Defects of documents: where they are, what they say, how to mend them.

use engine::parse;

use crate::support::SMALL;

/// The defects of the small plan after one change, each as `line:column problem | fix` with the line relative to the change.
fn defects_after(from: &str, to: &str) -> Vec<String> {
    assert_eq!(SMALL.matches(from).count(), 1, "`{from}` must be there once");
    let changed = SMALL.replace(from, to);
    let line_of_change = SMALL[..SMALL.find(from).unwrap()].matches('\n').count() + 1;
    let defects = parse(&changed).unwrap_err();
    let relative = |line: usize| i64::try_from(line).unwrap() - i64::try_from(line_of_change).unwrap();
    defects.iter().map(|one| format!("{:+}:{} {} | {}", relative(one.line), one.column, one.problem, one.fix)).collect()
}

#[test]
fn the_small_plan_is_sound() {
    let protocol = parse(SMALL).unwrap();
    assert_eq!(protocol.key, "small");
    assert_eq!(protocol.items.len(), 8);
    assert_eq!(protocol.items[0].range.as_deref(), Some("6-8 h [DSG]; 24 h [CW]"));
}

#[test]
fn a_defect_reads_like_a_sentence() {
    let defects = parse(&SMALL.replace("horizon_day = 30", "horizon_days = 30")).unwrap_err();
    let shown: Vec<String> = defects.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "line 1, column 1: `horizon_day` is missing. Fix: add `horizon_day = ...` here. [missing_key]",
            "line 6, column 1: unknown key `horizon_days`. Fix: write `horizon_day`, or remove it. [unknown_key]",
        ]
    );
}

#[test]
fn an_unknown_key_is_refused_and_the_near_one_proposed() {
    assert_eq!(
        defects_after("hold_if_unknown = false", "hold_if_unkown = false"),
        ["+0:1 unknown key `hold_if_unkown` | write `hold_if_unknown`, or remove it"]
    );
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    assert_eq!(
        defects_after("r2_start_day = 3", "r2_start_day = \"3\""),
        ["+0:16 expected a whole number, found a string | write it like 7"]
    );
    assert_eq!(
        defects_after("meaning = \"acids\"", "meaning = 7"),
        ["+0:11 expected a string, found a whole number | write it like \"text\""]
    );
}

#[test]
fn days_outside_the_plan_or_out_of_order_are_refused() {
    assert_eq!(
        defects_after("days = [0, \"2-3\"]", "days = [0, \"2-31\"]"),
        ["+0:12 this is outside the plan | use days from 0 to 30 (horizon_day)"]
    );
    assert_eq!(
        defects_after("days = [0, \"2-3\"]", "days = [0, \"3-2\"]"),
        ["+0:12 the range 3-2 runs backwards | write the smaller day first"]
    );
    assert_eq!(
        defects_after("days = [0, \"2-3\"]", "days = [4, \"2-3\"]"),
        ["+0:12 these days are not after the ones before | write days in order, each only once"]
    );
    assert_eq!(
        defects_after("days = [0, \"2-3\"]", "days = [0, \"soon\"]"),
        ["+0:12 this is not a day or a range of days | write a day like 7, or a range like \"0-3\""]
    );
}

#[test]
fn a_source_must_be_declared_and_every_statement_needs_grounds() {
    assert_eq!(
        defects_after("range = \"6-8 h [DSG]; 24 h [CW]\"", "assumptions = [\"A2\"]"),
        ["+0:16 unknown assumption `A2` | write `A1`, or declare `A2`"]
    );
    assert_eq!(
        defects_after("sources = [\"DSG\"]", ""),
        ["-7:1 there is neither a source nor an assumption | add `sources = [\"...\"]` or `assumptions = [\"...\"]`"]
    );
}

#[test]
fn an_unknown_variable_is_shown_at_its_place_inside_the_expression() {
    assert_eq!(
        defects_after("when = \"pain >= 4\"", "when = \"day > 2 && pian >= 4\""),
        ["+0:20 unknown variable `pian` | write `pain`"]
    );
}

#[test]
fn items_do_not_see_answers() {
    let defects = defects_after("when = \"!shallow\"", "when = \"pain > 2\"");
    assert_eq!(defects.len(), 1);
    assert!(defects[0].starts_with("+0:9 unknown variable `pain` | known here are: "), "{defects:?}");
}

#[test]
fn an_expression_that_cannot_be_read_is_shown_at_its_place() {
    let defects = defects_after("when = \"pain >= 4\"", "when = \"pain >= \"");
    assert_eq!(defects.len(), 1);
    assert!(defects[0].starts_with("+0:17 this expression cannot be read"), "{defects:?}");
}

#[test]
fn an_expression_with_the_wrong_kinds_is_refused() {
    assert_eq!(
        defects_after("when = \"worried\"", "when = \"worried > 3\""),
        ["+0:17 true or false is compared with a whole number | use `<` and `>` only between numbers"]
    );
    assert_eq!(
        defects_after("when = \"worried\"", "when = \"pain\""),
        ["+0:9 this expression gives a whole number | make it a comparison, like `level >= 3`"]
    );
    assert_eq!(
        defects_after("when = \"worried\"", "when = \"trend == \\\"bad\\\"\""),
        ["+0:15 \"bad\" can never be an answer here | use one of: better, worse"]
    );
    assert_eq!(
        defects_after("when = \"worried\"", "when = '\"F9\" in signs'"),
        ["+0:14 \"F9\" can never be an answer here | use one of: F1, F6, F16"]
    );
}

#[test]
fn a_text_must_be_there_in_every_required_language() {
    assert_eq!(
        defects_after(
            "title = { en = \"Only the gel\", es = \"Solo el gel\" }",
            "title = { en = \"Only the gel\", es_MX = \"Solo el gel\" }"
        ),
        [
            "+0:9 the text in `es` is missing | add `es = \"...\"`",
            "+0:40 `es_MX` is not a locale | use a language like `en`, or language and country like `es-MX`",
        ]
    );
}

#[test]
fn names_that_do_not_exist_are_refused_with_the_near_one() {
    assert_eq!(
        defects_after("slots = [\"morning\", \"evening\"]", "slots = [\"morning\", \"evning\"]"),
        ["+0:21 unknown slot `evning` | write `evening`, or declare `evning`"]
    );
    assert_eq!(
        defects_after("form = \"daily\"", "form = \"dayly\""),
        ["+0:8 unknown form `dayly` | write `daily`, or declare `dayly`"]
    );
    assert_eq!(
        defects_after("kind = \"photo\"", "kind = \"picture\"")[0].split(" | ").next(),
        Some("+0:8 `picture` is not known here")
    );
    assert_eq!(
        defects_after("key = \"gel-only\"", "key = \"wash\"")[0].split(" | ").next(),
        Some("+50:7 `wash` is there already")
    );
}

#[test]
fn one_name_means_one_thing() {
    let defects = defects_after("key = \"shallow\"", "key = \"day\"");
    assert!(defects.iter().any(|one| one.contains("the name `day` is taken")), "{defects:?}");
    let defects = defects_after("key = \"worried\"", "key = \"skin_type\"");
    assert!(defects.iter().any(|one| one.contains("`skin_type` is there already")), "{defects:?}");
}

#[test]
fn windows_must_be_in_order() {
    assert_eq!(
        defects_after("opens = \"21:00\"", "opens = \"25:00\"")[0],
        "+0:9 `25:00` is not a local time | write it like \"17:00\", \"24:00\", or \"+1 12:00\" for the next day"
    );
    assert_eq!(
        defects_after("late_until = \"+1 06:00\"", "late_until = \"11:00\"")[0],
        "-5:1 `late_until` is before `closes` | use a later time, like \"+1 12:00\""
    );
}

#[test]
fn late_enrolment_is_for_what_comes_once() {
    let slot = "slot = \"overnight\"";
    assert_eq!(
        defects_after(slot, "slot = \"overnight\"\nlate_enrolment = \"start_now\""),
        [
            "+1:18 `late_enrolment` belongs to a task, a photo or education of one day | remove it, or give the line one day"
        ]
    );
    assert_eq!(
        defects_after("r2_start_day = 3", "r2_start_day = 3\nlate_enrolment = \"later\""),
        ["+1:18 `later` is not known here | use one of: skip, catch_up, start_now"]
    );
}

#[test]
fn a_hold_must_reach_beyond_the_last_day() {
    assert_eq!(
        defects_after(
            "hold = \"redness > 0\"\nhold_if_unknown = false\nhold_to_day = 20",
            "hold = \"redness > 0\"\nhold_if_unknown = false\nhold_to_day = 7"
        ),
        ["-5:1 `hold_to_day` is not after the last day | use a later day, or remove `hold`"]
    );
    assert_eq!(
        defects_after("hold = \"redness > 0\"\nhold_if_unknown = false\nhold_to_day = 20", "hold_to_day = 20"),
        ["+0:15 there is no `hold` | add `hold = \"...\"`, or remove this"]
    );
}

#[test]
fn broken_toml_is_shown_where_it_breaks() {
    let defects = defects_after("kind = \"photo\"", "kind = \"photo");
    assert!(defects[0].starts_with("+0:") && defects[0].contains("this is not TOML"), "{defects:?}");
}

#[test]
fn all_defects_are_told_at_once() {
    let changed =
        SMALL.replace("kind = \"photo\"", "kind = \"picture\"").replace("when = \"worried\"", "when = \"wurried\"");
    assert_eq!(parse(&changed).unwrap_err().len(), 2);
}

#[test]
fn only_a_choice_can_count_as_answered() {
    assert_eq!(
        defects_after(
            "key = \"trend\"\ntype = \"choice\"",
            "key = \"trend\"\ntype = \"choice\"\nunanswered = \"bettr\""
        ),
        ["+2:14 unknown choice `bettr` | write `better`, or declare `bettr`"]
    );
    assert_eq!(
        defects_after("key = \"pain\"\ntype = \"level\"", "key = \"pain\"\ntype = \"level\"\nunanswered = \"none\""),
        [
            "-1:1 only a question of `type = \"choice\"` can have `unanswered` | remove `unanswered`: a level, a temperature or a list that nobody gave must not be made up",
            "+2:14 unknown choice `none` | declare it, or use one of: "
        ]
    );
}
