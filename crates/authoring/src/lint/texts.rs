//! Texts: placeholders that stand for something, sentences that can be read, words that are not said.

use std::collections::BTreeSet;

use super::Linter;
use engine::Text;
use engine::{CLINIC_WORDS, DefectCode, Escalation, listed, nearest};

/// The most words of a sentence for patients.
const LONGEST: usize = 15;

/// What is not said to patients: it promises, blames or plays down.
const FORBIDDEN: &[&str] = &[
    "you are fine",
    "you're fine",
    "nothing to worry about",
    "no need to worry",
    "do not worry",
    "don't worry",
    "ignore",
    "guarantee",
    "guaranteed",
    "we promise",
    "risk free",
    "risk-free",
    "completely safe",
    "100% safe",
    "your fault",
    "fda approved",
    "fda-approved",
    "approved by the fda",
    "usted está bien",
    "nada de qué preocuparse",
    "no hay de qué preocuparse",
    "no se preocupe",
    "ignore esto",
    "garantizamos",
    "garantizado",
    "prometemos",
    "sin riesgo",
    "sin riesgos",
    "totalmente seguro",
    "su culpa",
    "aprobado por la fda",
    "ihnen geht es gut",
    "alles in ordnung",
    "keine sorge",
    "kein grund zur sorge",
    "machen sie sich keine sorgen",
    "machen sie sich keine gedanken",
    "unbesorgt",
    "ignorieren",
    "garantiert",
    "garantieren",
    "garantie",
    "wir versprechen",
    "ohne risiko",
    "risikofrei",
    "völlig sicher",
    "100% sicher",
    "100 % sicher",
    "ihre schuld",
    "selbst schuld",
    "von der fda zugelassen",
];

/// A text, where it stands, and whether patients read it.
struct Written<'p> {
    path: String,
    text: &'p Text,
    for_patients: bool,
}

impl Linter<'_, '_> {
    pub(super) fn texts(&self) {
        let known: Vec<&str> = CLINIC_WORDS
            .iter()
            .copied()
            .chain(self.protocol.clinic_texts.iter().map(|clinic_text| clinic_text.key.as_str()))
            .collect();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for written in self.written() {
            self.placeholders(&written, &known);
            used.extend(written.text.0.values().flat_map(|words| placeholders(words)).map(str::to_owned));
            if written.for_patients {
                self.wording(&written);
            }
        }
        for (index, clinic_text) in self.protocol.clinic_texts.iter().enumerate() {
            if !used.contains(&clinic_text.key) {
                let problem = format!("no text uses `{{{}}}`", clinic_text.key);
                let fix = "use it in a text, or remove it";
                self.places.add(&format!("clinic_text[{index}]"), DefectCode::ClinicTextUnused, problem, fix);
            }
        }
    }

    fn placeholders(&self, Written { path, text, .. }: &Written, known: &[&str]) {
        let everywhere: BTreeSet<&str> = text.0.values().flat_map(|words| placeholders(words)).collect();
        for (locale, words) in text.0.iter() {
            let path = format!("{path}.{locale}");
            let here: BTreeSet<&str> = placeholders(words).into_iter().collect();
            for name in here.iter().filter(|name| !known.contains(name)) {
                let fix = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("write `{{{meant}}}`, or declare `{name}` as a [[clinic_text]]"),
                    None => {
                        format!("declare it as a [[clinic_text]], or use one of: {}", listed(known.iter().copied()))
                    }
                };
                let problem = format!("`{{{name}}}` stands for nothing");
                self.places.add(&path, DefectCode::PlaceholderUnknown, problem, fix);
            }
            for name in everywhere.difference(&here).filter(|name| known.contains(name)) {
                let problem = format!("`{{{name}}}` is missing in `{locale}` and there in another locale");
                self.places.add(&path, DefectCode::PlaceholderDiffers, problem, "say the same in each locale");
            }
        }
    }

    fn wording(&self, Written { path, text, .. }: &Written) {
        for (locale, words) in text.0.iter() {
            let path = format!("{path}.{locale}");
            if let Some(phrase) = FORBIDDEN.iter().find(|phrase| says(words, phrase)) {
                let fix = "say what to look for and whom to call instead";
                let problem = format!("\"{phrase}\" promises, blames or plays down");
                self.places.add(&path, DefectCode::ForbiddenWording, problem, fix);
            }
            let longest = sentences(words).max_by_key(|sentence| count(sentence));
            if let Some((sentence, words)) = longest.map(|one| (one, count(one))).filter(|(_, words)| *words > LONGEST)
            {
                let start: String = sentence.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
                let problem = format!("the sentence \"{start} ...\" has {words} words");
                let fix = format!("make two of it, each with at most {LONGEST} words");
                self.places.add(&path, DefectCode::LongSentence, problem, fix);
            }
        }
    }

    /// Every text of the document.
    fn written(&self) -> Vec<Written<'_>> {
        let protocol = self.protocol;
        let mut all = Vec::new();
        let mut add = |path: String, text, for_patients| all.push(Written { path, text, for_patients });
        add("title".to_owned(), &protocol.title, true);
        add("approval".to_owned(), &protocol.approval, false);
        for (index, one) in protocol.parameters.iter().enumerate() {
            add(format!("parameter[{index}].label"), &one.label, false);
        }
        for (index, one) in protocol.clinic_texts.iter().enumerate() {
            add(format!("clinic_text[{index}].label"), &one.label, false);
            if let Some(fallback) = &one.fallback {
                add(format!("clinic_text[{index}].fallback"), fallback, true);
            }
        }
        for (index, one) in protocol.variants.iter().enumerate() {
            add(format!("variant[{index}].label"), &one.label, false);
        }
        for (index, one) in protocol.exclusions.iter().enumerate() {
            add(format!("exclusion[{index}].text"), &one.text, false);
        }
        for (index, one) in protocol.phases.iter().enumerate() {
            add(format!("phase[{index}].title"), &one.title, true);
            add(format!("phase[{index}].common"), &one.common, true);
            add(format!("phase[{index}].do"), &one.advice, true);
        }
        for (index, one) in protocol.items.iter().enumerate() {
            add(format!("item[{index}].title"), &one.title, true);
            if let Some(text) = &one.text {
                add(format!("item[{index}].text"), text, true);
            }
            if let Some(title) = one.timed.as_ref().and_then(|timed| timed.title.as_ref()) {
                add(format!("item[{index}].timed_title"), title, true);
            }
            if let Some(text) = one.timed.as_ref().and_then(|timed| timed.text.as_ref()) {
                add(format!("item[{index}].timed_text"), text, true);
            }
        }
        for (index, one) in protocol.questions.iter().enumerate() {
            add(format!("question[{index}].text"), &one.text, true);
            if let Some(hint) = &one.hint {
                add(format!("question[{index}].hint"), hint, true);
            }
            for (choice, one) in one.choices.iter().enumerate() {
                add(format!("question[{index}].choices[{choice}].label"), &one.label, true);
            }
        }
        for (index, one) in protocol.signs.iter().enumerate() {
            add(format!("sign[{index}].text"), &one.text, true);
            add(format!("sign[{index}].advice"), &one.advice, true);
            escalated(&format!("sign[{index}]"), &one.escalate, &mut add);
        }
        for (index, one) in protocol.rules.iter().enumerate() {
            add(format!("rule[{index}].advice"), &one.advice, true);
            add(format!("rule[{index}].reason"), &one.reason, false);
            escalated(&format!("rule[{index}]"), &one.escalate, &mut add);
        }
        all
    }
}

fn escalated<'p>(path: &str, escalations: &'p [Escalation], add: &mut impl FnMut(String, &'p Text, bool)) {
    for (index, escalation) in escalations.iter().enumerate() {
        if let Some(advice) = &escalation.advice {
            add(format!("{path}.escalate[{index}].advice"), advice, true);
        }
    }
}

/// What stands in braces; a brace that is not closed stands for the rest.
pub(super) fn placeholders(words: &str) -> Vec<&str> {
    let opened = words.split('{').skip(1);
    opened.map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name)).collect()
}

/// Whether a text says a phrase, as whole words.
fn says(words: &str, phrase: &str) -> bool {
    let words = words.to_lowercase().replace('\u{2019}', "'");
    words.match_indices(phrase).any(|(at, _)| {
        let before = words.get(..at).and_then(|before| before.chars().next_back());
        let after = words.get(at + phrase.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// A text cut at full stops, question and exclamation marks, colons and semicolons that a space follows.
fn sentences(words: &str) -> impl Iterator<Item = &str> {
    let ends = |part: &str| part.trim_end_matches(['"', '\'', ')']).ends_with(['.', '!', '?', ':', ';']);
    let mut start = 0;
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for (at, _) in words.match_indices(char::is_whitespace) {
        if words.get(start..at).is_some_and(ends) {
            cuts.push((start, at));
            start = at;
        }
    }
    cuts.push((start, words.len()));
    cuts.into_iter().filter_map(|(start, end)| words.get(start..end))
}

fn count(sentence: &str) -> usize {
    sentence.split_whitespace().count()
}
