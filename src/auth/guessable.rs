//! Whether a password is one of those that are tried first: a common one, or what anybody knows of the person, however it is repeated,
//! reversed, padded, leet-spelled or put together. A sentence of ordinary words is not.
//!
//! zxcvbn takes a password apart and knows the lists; what it makes of the parts is too kind to many short ones ("Ada.Invented.1990"), so
//! the parts are weighed here.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use zxcvbn::matching::patterns::{DictionaryPattern, MatchPattern};
use zxcvbn::{Match, zxcvbn};

/// Fewer guesses than these are few for somebody who has the hash.
const LEAST: u128 = 100_000_000;
/// What is known of the person is among the first things tried.
const OF_A_NAME: u128 = 2;
/// Of a sign or a space between words.
const OF_A_SIGN: u128 = 4;
/// Of digits at the most: they are dates, telephone numbers and padding.
const OF_DIGITS: u128 = 1_000_000;
/// Of an ordinary word at the least: it is among others in a sentence.
const OF_A_WORD: u128 = 200;

/// Published by us or everywhere, so hard to guess no more.
const KNOWN: &[&str] = &[
    "aftercare",
    "a long sentence that only you know",
    "a sentence is a good password",
    "correct horse battery staple",
    "correcthorsebatterystaple",
];

/// Whether the password is too easy to guess for somebody who knows these names and addresses.
pub fn is_guessable(password: &str, names: &[String]) -> bool {
    let mut known: Vec<String> = KNOWN.iter().map(|text| (*text).to_owned()).collect();
    known.extend(names.iter().flat_map(|name| words(name)));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let password = plain(password);
    // As a whole ("p@ssw0rd"), and by its words: the crate would rather guess letters than look at both sides of many gaps.
    let gaps: [fn(char) -> bool; 3] = [|_| false, |c| !c.is_alphanumeric(), |c| " -_.,;:/".contains(c)];
    gaps.iter().any(|is_gap| guesses(&password, *is_gap, &known) < LEAST)
}

/// The guesses that the parts between the gaps take.
fn guesses(password: &str, is_gap: fn(char) -> bool, known: &[&str]) -> u128 {
    let mut parts = BTreeMap::new();
    if password.contains(is_gap) {
        parts.insert(String::new(), OF_A_SIGN);
    }
    for word in password.split(is_gap).filter(|word| !word.is_empty()) {
        weigh(zxcvbn(word, known).sequence(), &mut parts);
    }
    parts.into_values().fold(1_u128, u128::saturating_mul)
}

/// In lower case and without accents.
fn plain(text: &str) -> String {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect()
}

/// A name or an address as a whole, without its gaps, and in its words.
fn words(name: &str) -> Vec<String> {
    let whole = plain(name);
    let mut words: Vec<String> = whole.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    words.push(words.concat());
    words.push(whole);
    words.retain(|word| word.chars().count() > 2);
    words
}

/// The guesses that each different part takes: the second of the same part takes none.
fn weigh(found: &[Match], parts: &mut BTreeMap<String, u128>) {
    for part in found {
        let guesses = part.guesses.map_or(u128::MAX, u128::from);
        let (name, guesses) = match &part.pattern {
            MatchPattern::Dictionary(word) => (word.matched_word.clone(), of_word(word)),
            MatchPattern::Repeat(repeated) => {
                weigh(&repeated.base_matches, parts);
                continue;
            }
            MatchPattern::BruteForce => (part.token.clone(), of_letters(&part.token, guesses)),
            _ => (part.token.clone(), guesses),
        };
        parts.insert(name, guesses);
    }
}

fn of_word(word: &DictionaryPattern) -> u128 {
    // The crate does not let its lists' names out, but for what they are called.
    match format!("{:?}", word.dictionary_name).as_str() {
        "UserInputs" => OF_A_NAME,
        "Passwords" => u128::from(word.base_guesses),
        _ => u128::from(word.base_guesses).max(OF_A_WORD),
    }
}

fn of_letters(token: &str, guesses: u128) -> u128 {
    let mut letters = token.chars();
    match (letters.next(), letters.next()) {
        (Some(sign), None) if !sign.is_alphanumeric() => OF_A_SIGN,
        _ if token.chars().all(|c| c.is_ascii_digit()) => guesses.min(OF_DIGITS),
        _ => guesses,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ada() -> Vec<String> {
        ["ada.invented@patients.example", "Ada Inventéd", "Invented Clinic one"].map(str::to_owned).to_vec()
    }

    #[test]
    fn t15_common_passwords_and_the_persons_own_words_are_guessable() {
        for password in [
            "password1234567",
            "passwordpassword",
            "PasswordPassword2026!",
            "P@ssw0rdP@ssw0rd",
            "drowssapdrowssap",
            "password83920174",
            "password1password2",
            "monkey-dragon-sunshine",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "123456789012345",
            "447700900123456",
            "aaaaabbbbbcccccddddd",
            "abcdefghijklmnopqrstuvwxyz",
            "iloveyouiloveyou",
            "letmeinletmein1990",
            "thisismypassword",
            "ada.invented@patients.example",
            "AdaInvented1990!",
            "adaInventédadainvented",
            "detnevni ada 12.05.1984",
            "Ada @ Invented Clinic one",
            "InventedClinicOne2026",
            "1nv3nt3d cl1n1c 0n3",
            "a long sentence that only you know",
            "correct horse battery staple",
            "aftercareaftercare",
        ] {
            assert!(is_guessable(password, &ada()), "{password}");
        }
    }

    #[test]
    fn a_sentence_and_what_a_machine_made_are_not() {
        for password in [
            "a sentence that only I know",
            "a long sentence that only nora knows",
            "una frase que solo yo conozco",
            "my cat sleeps on the piano",
            "monkey trampoline umbrella",
            "Ada eats seventeen green plums",
            "kR7#vQz2mW9!tB4x",
            "zxkvwqjpybnhtrm",
            "Grüße aus dem Schwarzwald",
        ] {
            assert!(!is_guessable(password, &ada()), "{password}");
        }
    }

    #[test]
    fn the_thousands_that_are_tried_first_are_known() {
        // Seventeen lists' worth would be too slow here: some from all over the most common ones, as they are used, twice in a row.
        for common in
            ["123456", "dragon", "trustno1", "charlie", "andrew", "ginger", "silver", "banana", "compaq", "boomer"]
        {
            assert!(is_guessable(&common.repeat(3), &[]), "{common}");
            assert!(is_guessable(&format!("{common}{common}2024"), &[]), "{common}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_weighed(password in ".{15,128}", name in ".{0,40}") {
            is_guessable(&password, &[name]);
        }
    }
}
