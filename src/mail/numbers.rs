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
/// Emergency numbers that stand side by side, as in "112 999".
const SHORT: usize = 3;

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

/// One number, or several short ones beside each other.
fn numbers(run: &str) -> Vec<Piece> {
    let groups: Vec<&str> = run.split(' ').collect();
    let is_short = |group: &&str| {
        group.len() == SHORT && !group.starts_with('0') && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    if groups.len() < 2 || !groups.iter().all(is_short) {
        return vec![number(run)];
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for group in groups {
        pieces.extend(Some(" ").filter(|_| !pieces.is_empty()).and_then(words));
        pieces.push(number(group));
    }
    pieces
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
    use super::pieces;

    #[test]
    fn each_number_is_dialled_by_itself() {
        for (typed, dialled) in [
            ("999", &["999"][..]),
            ("112 or 999", &["112", "999"]),
            ("112 / 999", &["112", "999"]),
            ("112/999", &["112", "999"]),
            ("112, 999", &["112", "999"]),
            ("112 999", &["112", "999"]),
            ("112 (police 110)", &["112", "110"]),
            ("112 o 061", &["112", "061"]),
            ("+44 20 7946 0018", &["+442079460018"]),
            ("+44 20 7946 0018, or +44 20 7946 0019", &["+442079460018", "+442079460019"]),
            ("(020) 7946-0018", &["02079460018"][..]),
            ("030 123 456", &["030123456"]),
            ("NHS 111", &["111"]),
            ("911 (then press 2)", &["911"]),
            ("ask at the desk", &[]),
            ("", &[]),
            ("+", &[]),
            ("1234567890123456789", &[]),
        ] {
            let found = pieces(typed);
            let digits: Vec<&str> = found.iter().filter_map(|piece| piece.digits.as_deref()).collect();
            assert_eq!(digits, dialled, "{typed}");
            let whole: String = found.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(whole, typed, "nothing of what was typed is lost");
        }
    }
}
