//! Telephone numbers in what a clinic typed: "112 or 999" is two numbers, and a phone must dial one of them.

use serde::Serialize;

/// A part of a text: a number that can be dialled, or the words between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    /// As it was typed.
    pub(super) text: String,
    /// What a phone dials; none of words.
    pub(super) digits: Option<String>,
}

/// No number is longer (ITU-T E.164).
const LONGEST: usize = 15;
/// Numbers of emergency and help services that people write beside others. `src/pages/numbers.js` has the same list and rule.
const SERVICES: &[&str] = &[
    "000", "061", "062", "065", "066", "080", "085", "088", "091", "092", "100", "101", "102", "103", "104", "105",
    "106", "107", "108", "110", "111", "112", "113", "114", "115", "117", "118", "119", "120", "122", "123", "128",
    "131", "132", "133", "140", "141", "142", "143", "144", "15", "150", "155", "158", "17", "171", "18", "190", "191",
    "192", "193", "196", "197", "199", "911", "988", "990", "991", "992", "993", "994", "995", "996", "997", "998",
    "999",
];
/// Begins six digits that are one number all over Europe, as in "116 117".
const HARMONISED: &str = "116";

/// The numbers of a text and the words between them, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let (before, run) = rest.split_at(start);
        let end = run.find(|c: char| !is_of_number(c)).unwrap_or(run.len());
        let run = run.get(..end).unwrap_or_default().trim_end_matches(|c: char| !c.is_ascii_digit());
        if run.is_empty() {
            break;
        }
        pieces.extend(words(before));
        pieces.extend(numbers(run));
        rest = rest.get(start + run.len()..).unwrap_or_default();
    }
    pieces.extend(words(rest));
    pieces
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | ' ' | '(' | ')' | '.' | '-')
}

/// One number, after those of services that stand before it: each of them is dialled by itself, however it is set apart.
fn numbers(run: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = run;
    while let Some((group, after)) = first_group(rest) {
        let next = after.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '+');
        let is_alone = next.is_empty()
            || next.starts_with(['0', '+'])
            || first_group(next).is_some_and(|(next, _)| next == HARMONISED || SERVICES.contains(&next));
        if !SERVICES.contains(&group) || !is_alone {
            break;
        }
        pieces.push(number(group));
        pieces.extend(after.strip_suffix(next).and_then(words));
        rest = next;
    }
    pieces.extend((!rest.is_empty()).then(|| number(rest)));
    pieces
}

/// The digits that a text begins with, and what follows.
fn first_group(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(group, _)| !group.is_empty())
}

fn number(text: &str) -> Piece {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let is_one = (2..=LONGEST + 1).contains(&digits.len()) && digits.rfind('+').is_none_or(|at| at == 0);
    Piece { text: text.to_owned(), digits: Some(digits).filter(|_| is_one) }
}

fn words(text: &str) -> Option<Piece> {
    (!text.is_empty()).then(|| Piece { text: text.to_owned(), digits: None })
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, pieces};

    #[test]
    fn each_number_is_dialled_by_itself() {
        let shared: serde_json::Value = serde_json::from_str(include_str!("../../tests/numbers.json")).unwrap();
        assert_eq!(shared["codes"], serde_json::json!(SERVICES));
        for case in shared["cases"].as_array().unwrap() {
            let typed = case[0].as_str().unwrap();
            let found = pieces(typed);
            let digits: Vec<&str> = found.iter().filter_map(|piece| piece.digits.as_deref()).collect();
            assert_eq!(case[1], serde_json::json!(digits), "{typed}");
            let whole: String = found.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(whole, typed, "nothing of what was typed is lost");
        }
    }
}
