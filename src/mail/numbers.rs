//! Telephone numbers in what a clinic typed: "112 or 999" is two numbers, "112 24/7" is one with hours, and a phone must dial what is meant.
//! Where that is not sure, nothing is a link: the text can still be read.

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
/// None without its country is longer, or shorter if it is written in groups.
const NATIONAL: std::ops::RangeInclusive<usize> = 6..=12;
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

/// Digits that stand together, and where they end.
#[derive(Debug, Clone, Copy)]
struct Group<'a> {
    digits: &'a str,
    from: usize,
    to: usize,
    /// After a `+`.
    is_international: bool,
}

/// The numbers of a text and the words between them, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let groups = groups(text);
    let mut pieces = Vec::new();
    let (mut next, mut end) = (0, 0);
    while let Some(run) = groups.get(next..).filter(|rest| !rest.is_empty()) {
        let run = run.get(..run_length(text, run)).unwrap_or(run);
        next += run.len();
        for (from, to, digits) in numbers(text, run) {
            pieces.extend(words(text.get(end..from).unwrap_or_default()));
            pieces.push(Piece { text: text.get(from..to).unwrap_or_default().to_owned(), digits: Some(digits) });
            end = to;
        }
    }
    pieces.extend(words(text.get(end..).unwrap_or_default()));
    pieces
}

fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(from) = text.get(at..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit())).map(|far| at + far) {
        let rest = text.get(from..).unwrap_or_default();
        let to = from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let is_international = text.get(..from).is_some_and(|before| before.ends_with('+'));
        groups.push(Group { digits: text.get(from..to).unwrap_or_default(), from, to, is_international });
        at = to;
    }
    groups
}

/// How many of these groups stand together as one number may: with one blank, hyphen or dot between, or an area code in brackets.
fn run_length(text: &str, groups: &[Group<'_>]) -> usize {
    let between = |one: &Group<'_>, other: &Group<'_>| text.get(one.to..other.from).unwrap_or_default();
    let first = groups.first();
    let is_opened = first.is_some_and(|first| text.get(..first.from).is_some_and(|before| before.ends_with('(')));
    let takes_brackets = first.is_some_and(|first| first.is_international || first.digits == "1");
    let joins = |place: usize, pair: &[Group<'_>]| {
        let [one, other] = pair else { return false };
        match between(one, other) {
            " " | "\u{a0}" | "\u{202f}" | "-" | "\u{2010}" | "\u{2011}" | "." => !other.is_international,
            ") " | ")" | ")-" => place == 0 && is_opened || place == 1 && takes_brackets,
            " (" | "(" => place == 0 && takes_brackets,
            // An area code, as Germans write it: "030/123456".
            "/" | " / " => {
                place == 0 && one.digits.len() >= 3 && one.digits.starts_with('0') && other.digits.len() >= 4
            }
            _ => false,
        }
    };
    1 + groups.windows(2).enumerate().take_while(|(place, pair)| joins(*place, pair)).count()
}

/// The numbers of a run of groups: where each begins and ends in the text, and what is dialled.
fn numbers(text: &str, mut run: &[Group<'_>]) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    while let Some((first, rest)) = run.split_first() {
        let next = rest.first().map(|next| next.digits);
        if let (HARMONISED, Some(next)) = (first.digits, rest.first().filter(|next| next.digits.len() == 3)) {
            found.push((first.from, next.to, format!("{}{}", first.digits, next.digits)));
            run = rest.get(1..).unwrap_or_default();
            continue;
        }
        let is_next_apart =
            next.is_none_or(|next| next.starts_with('0') || next.starts_with(HARMONISED) || SERVICES.contains(&next));
        if first.is_international || !SERVICES.contains(&first.digits) || !is_next_apart || !is_bare(text, first) {
            break;
        }
        found.push((first.from, first.to, first.digits.to_owned()));
        run = rest;
    }
    found.extend(whole(text, run));
    found
}

/// Whether no letter stands at the digits: `24h` and `1st` are none that can be dialled.
fn is_bare(text: &str, group: &Group<'_>) -> bool {
    let before = text.get(..group.from).unwrap_or_default().chars().next_back();
    let after = text.get(group.to..).unwrap_or_default().chars().next();
    !before.into_iter().chain(after).any(char::is_alphabetic)
}

/// A run of groups as one number, without the hours that may stand after it; none if it is not sure that it is one.
fn whole(text: &str, run: &[Group<'_>]) -> Option<(usize, usize, String)> {
    let words = blank_apart(text, run);
    let is_followed = |word: &[Group<'_>]| {
        let rest = word.last().and_then(|last| text.get(last.to..)).unwrap_or_default();
        rest.trim_start().starts_with(|c: char| c.is_alphabetic() || matches!(c, '.' | ')'))
    };
    // "9-17", "9.00-18.00", "24/7" and "7 days" tell when, a date tells a day, "2." is a place in a list.
    let is_time = |word: &[Group<'_>]| {
        let lengths: Vec<usize> = word.iter().map(|group| group.digits.len()).collect();
        let (Some(first), Some(last)) = (word.first(), word.last()) else { return false };
        let is_bracketed = text.get(first.to..last.from).is_some_and(|between| between.contains(')'));
        let is_short = (2..=4).contains(&word.len()) && lengths.iter().all(|length| *length <= 2);
        let is_date = matches!(lengths.as_slice(), [1 | 2, 1 | 2, 4] | [4, 2, 2]);
        (is_short || is_date) && !is_bracketed
    };
    let is_slashed = |word: &[Group<'_>]| word.iter().any(|group| beside_slash(text, group));
    let is_no_number =
        |word: &[Group<'_>]| !word.iter().all(|group| is_bare(text, group)) || is_slashed(word) || is_time(word);
    let counts = |word: &[Group<'_>]| matches!(word, [one] if one.digits.len() <= 2) && is_followed(word);
    let mut words = words.as_slice();
    while let Some((last, before)) = words.split_last()
        && !before.is_empty()
        && (is_no_number(last) || counts(last))
    {
        words = before;
    }
    if words.iter().any(|word| is_no_number(word)) {
        return None;
    }
    let run: Vec<Group<'_>> = words.iter().flat_map(|word| word.iter().copied()).collect();
    let (first, last) = (run.first()?, run.last()?);
    let from = if first.is_international { first.from.checked_sub(1)? } else { first.from };
    // The (0) of "+44 (0)20" is only dialled inside the country.
    let is_trunk = |group: &&Group<'_>| {
        first.is_international && group.digits == "0" && text.get(group.to..).is_some_and(|rest| rest.starts_with(')'))
    };
    let digits: String = run.iter().filter(|group| !is_trunk(group)).map(|group| group.digits).collect();
    let is_one = match run.as_slice() {
        [one] if !one.is_international => {
            SERVICES.contains(&one.digits) || (4..=*NATIONAL.end()).contains(&digits.len())
        }
        _ if first.is_international => (7..=LONGEST).contains(&digits.len()),
        // A service before what may be more of a number, or another one. Numbers of nine digits begin so in Spain ("911 234 567").
        [one, ..] if one.digits.len() == 3 && !one.digits.starts_with('0') && SERVICES.contains(&one.digits) => {
            one.digits.starts_with('9') && digits.len() == 9
        }
        _ => NATIONAL.contains(&digits.len()),
    };
    let plus = if first.is_international { "+" } else { "" };
    is_one.then(|| (from, last.to, format!("{plus}{digits}")))
}

/// The groups, where blanks set them apart.
fn blank_apart<'a, 'b>(text: &str, run: &'b [Group<'a>]) -> Vec<&'b [Group<'a>]> {
    let is_together = |one: &Group<'_>, other: &Group<'_>| {
        !text.get(one.to..other.from).unwrap_or_default().chars().any(char::is_whitespace)
    };
    run.chunk_by(is_together).collect()
}

/// Whether a slash sets it apart from another short group, as in "24/7".
fn beside_slash(text: &str, group: &Group<'_>) -> bool {
    let before = text.get(..group.from).unwrap_or_default();
    let after = text.get(group.to..).unwrap_or_default();
    let is_short = |digits: usize| (1..=2).contains(&digits);
    let other = if let Some(after) = after.strip_prefix('/') {
        after.chars().take_while(char::is_ascii_digit).count()
    } else if let Some(before) = before.strip_suffix('/') {
        before.chars().rev().take_while(char::is_ascii_digit).count()
    } else {
        return false;
    };
    group.digits.len() <= 2 && is_short(other)
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
