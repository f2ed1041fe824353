//! The words of the letters in each language, with the plural rules of each.

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::{LanguageIdentifier, langid};

/// Each language that the letters are written in. The first one is complete by definition: the others fall back to it.
pub(super) const LOCALES: [(&str, LanguageIdentifier, &str); 3] = [
    ("en", langid!("en"), include_str!("locales/en.ftl")),
    ("es", langid!("es"), include_str!("locales/es.ftl")),
    ("de", langid!("de"), include_str!("locales/de.ftl")),
];

/// All languages, read once.
pub(super) struct Words(Vec<(&'static str, FluentBundle<FluentResource>)>);

impl Words {
    /// Reads the languages that are built in.
    pub(super) fn new() -> Result<Self, String> {
        LOCALES
            .into_iter()
            .map(|(tag, language, text)| Ok((tag, bundle(language, text)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The language to write in: `es-MX` gives `es`, what is not there gives `en`.
    pub(super) fn choose(&self, locale: &str) -> &'static str {
        let wanted = engine::language(locale);
        let spoken = |tag: &&str| wanted.eq_ignore_ascii_case(tag);
        self.0.iter().map(|(tag, _)| *tag).find(spoken).unwrap_or("en")
    }

    /// The words for this key, in this language or else in English.
    pub(super) fn say(&self, tag: &str, key: &str, facts: &FluentArgs) -> Option<String> {
        let (own, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(known, _)| *known == tag);
        own.into_iter().chain(others).find_map(|(_, bundle)| phrase(bundle, key, facts))
    }
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
