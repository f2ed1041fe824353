//! What is different between two documents, in words.

use authoring::{ChangeKind, diff};
use engine::parse;

use crate::support::{PROTOCOL, SMALL};

/// The lines that tell the difference between the small plan and the same with one text replaced.
fn told(from: &str, to: &str) -> Vec<String> {
    assert!(SMALL.contains(from), "{from}");
    let other = parse(&SMALL.replacen(from, to, 1)).unwrap();
    diff(&PROTOCOL, &other).to_string().lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_same_plan_is_no_difference_however_it_is_written() {
    assert_eq!(told("# A small invented plan", "# Another comment"), [""; 0]);
    assert_eq!(told("schema = 1\nkey = \"small\"", "key = \"small\"\nschema = 1"), [""; 0]);
    assert_eq!(told("days = [\"7-30\"]", "days = [\"7-8\", \"9-30\"]"), [""; 0]);
}

#[test]
fn a_change_is_named_with_what_it_was_and_what_it_is() {
    assert_eq!(
        told("horizon_day = 30", "horizon_day = 40")[..2],
        ["Changed plan `plan`: Small plan", "last day: was 30, now 40"]
    );
    assert_eq!(
        told("when = \"pain >= 4\"\nurgency = \"urgent\"", "when = \"pain >= 5\"\nurgency = \"soon\""),
        [
            "Changed rule `R3`: Pain on a late day.",
            "when: was pain >= 4, now pain >= 5",
            "urgency: was urgent, now soon"
        ]
    );
    assert_eq!(
        told("when = \"level >= 7\", urgency = \"urgent\"", "when = \"level >= 8\", urgency = \"urgent\""),
        [
            "Changed rule `R1`: 3 or more above the curve.",
            "raised when level >= 8: urgent",
            "raised when level >= 7: no longer urgent"
        ]
    );
    assert_eq!(
        told(
            "en = \"Call now.\", es = \"Llame ahora.\" }\nreason = { en = \"Fever.\"",
            "en = \"Call us.\", es = \"Llame ahora.\" }\nreason = { en = \"Fever.\""
        ),
        ["Changed rule `F4`: Fever.", "advice (en): was \"Call now.\", now \"Call us.\""]
    );
}

#[test]
fn what_is_added_is_told_whole_and_what_is_gone_by_name() {
    let rule = SMALL.split("[[rule]]").find(|rule| rule.contains("\"R5\"")).unwrap();
    let without = parse(&SMALL.replace(&format!("[[rule]]{rule}"), "")).unwrap();
    let gone = diff(&PROTOCOL, &without);
    assert_eq!(gone.to_string(), "Removed rule `R5`: The patient is worried.\n");
    let added = diff(&without, &PROTOCOL);
    assert_eq!((added.changes.len(), added.changes[0].change), (1, ChangeKind::Added));
    let told = added.to_string();
    assert!(told.starts_with("Added rule `R5`: The patient is worried.\n    set off by: answers\n"), "{told}");
    assert!(told.contains("    when: worried\n"), "{told}");
}

#[test]
fn the_order_of_lines_is_a_difference() {
    let items: Vec<&str> = SMALL.split("[[item]]").collect();
    let mut swapped = items.clone();
    swapped.swap(1, 2);
    let other = parse(&swapped.join("[[item]]")).unwrap();
    let told = diff(&PROTOCOL, &other).to_string();
    assert!(
        told.starts_with("Changed plan `order`\n    order of the lines, from the first that moved: was "),
        "{told}"
    );
}
