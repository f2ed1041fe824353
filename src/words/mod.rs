//! What the server says to people, in each language: one file a language, with its plural rules. A new language is a new file, and a line here.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::{LanguageIdentifier, langid};

/// Each language that the texts are written in. The first one is complete by definition: the others fall back to it.
const LOCALES: [(&str, LanguageIdentifier, &str); 3] = [
    ("en", langid!("en"), include_str!("en.ftl")),
    ("es", langid!("es"), include_str!("es.ftl")),
    ("de", langid!("de"), include_str!("de.ftl")),
];

/// All languages, read once.
pub struct Words(Vec<(&'static str, FluentBundle<FluentResource>)>);

impl Words {
    /// Reads the languages that are built in.
    fn new() -> Result<Self, String> {
        LOCALES
            .into_iter()
            .map(|(tag, language, text)| Ok((tag, bundle(language, text)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The language to write in: `es-MX` gives `es`, what is not there gives `en`.
    pub fn choose(&self, locale: &str) -> &'static str {
        let wanted = engine::language(locale);
        let spoken = |tag: &&str| wanted.eq_ignore_ascii_case(tag);
        self.0.iter().map(|(tag, _)| *tag).find(spoken).unwrap_or("en")
    }

    /// The words for this key, in this language or else in English.
    pub fn say(&self, tag: &str, key: &str, facts: &FluentArgs) -> Option<String> {
        let (own, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(known, _)| *known == tag);
        own.into_iter().chain(others).find_map(|(_, bundle)| phrase(bundle, key, facts))
    }
}

static WORDS: LazyLock<Result<Words, String>> = LazyLock::new(Words::new);

/// All languages, or what is wrong with one: a server does not start without them, because its letters need them.
pub fn all() -> Result<&'static Words, String> {
    WORDS.as_ref().map_err(Clone::clone)
}

/// The text of that key, in the language of a locale or else in English; with the facts that stand in it.
pub fn say(locale: &str, key: &str, facts: &[(&str, &str)]) -> String {
    let facts: FluentArgs = facts.iter().copied().collect();
    // A test finds every key that the code names, so the key itself is never read.
    let said = WORDS.as_ref().ok().and_then(|words| words.say(words.choose(locale), key, &facts));
    said.unwrap_or_else(|| key.to_owned())
}

fn bundle(language: LanguageIdentifier, text: &str) -> Result<FluentBundle<FluentResource>, String> {
    let words = FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| format!("{language}: {errors:?}"))?;
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Invisible direction marks around each value would be in the way of copying a phone number.
    bundle.set_use_isolating(false);
    bundle.add_resource(words).map_err(|errors| format!("{errors:?}"))?;
    Ok(bundle)
}

fn phrase(bundle: &FluentBundle<FluentResource>, key: &str, facts: &FluentArgs) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut errors = Vec::new();
    let phrase = bundle.format_pattern(pattern, Some(facts), &mut errors).into_owned();
    errors.is_empty().then_some(phrase)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(text: &str) -> BTreeSet<&str> {
        let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        text.lines().filter(starts).filter_map(|line| line.split_once(" =")).map(|(key, _)| key).collect()
    }

    #[test]
    fn no_key_is_missing_in_any_language() {
        let [(_, _, english), others @ ..] = LOCALES;
        assert!(keys(english).len() > 30);
        for (tag, _, text) in others {
            assert_eq!(keys(english), keys(text), "{tag}");
        }
    }

    /// Every `say(..., "key", ...)` of the server has its text, with the facts that it names.
    #[test]
    fn every_key_that_the_code_names_is_there() {
        let (mut folders, mut named) =
            (vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("words/mod.rs")
                {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let is_key = |word: &&str| {
                        word.contains('-')
                            && !word.starts_with('-')
                            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                    };
                    let arguments = text.split("say(").skip(1).filter_map(|call| call.split([')', '&']).next());
                    let calls = arguments.filter_map(|call| call.split('"').nth(1)).filter(is_key);
                    named.extend(calls.map(str::to_owned));
                }
            }
        }
        let english = keys(LOCALES[0].2);
        assert!(named.len() > 10, "{named:?}");
        for key in named {
            assert!(english.contains(key.as_str()), "{key} has no text");
        }
        assert_eq!(say("de-AT", "date", &[("day", "4"), ("month", "Mai"), ("year", "2026")]), "4. Mai 2026");
    }

    #[test]
    fn a_language_falls_back_to_its_root_and_then_to_english() {
        let words = Words::new().unwrap();
        for (asked, given) in
            [("es-MX", "es"), ("es", "es"), ("ES_ar", "es"), ("en-GB", "en"), ("fr", "en"), ("", "en"), ("?!", "en")]
        {
            assert_eq!(words.choose(asked), given, "{asked}");
        }
    }

    #[test]
    fn plurals_follow_the_count() {
        let words = Words::new().unwrap();
        let said = |tag, count: u32| {
            let mut facts = FluentArgs::new();
            facts.set("count", count);
            words.say(tag, "valid-days", &facts).unwrap()
        };
        assert_eq!(said("en", 1), "The link works once, for 1 day.");
        assert_eq!(said("es", 1), "El enlace sirve una vez, durante 1 día.");
        assert_eq!(said("es", 7), "El enlace sirve una vez, durante 7 días.");
    }
}
