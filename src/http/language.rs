//! The language in which an answer is wanted.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, AcceptLanguage, Preference, Quality, QualityItem};

use language_tags::LanguageTag;

use super::text::{LANGUAGES, language_of};

/// The first tag of `Accept-Language` (RFC 9110) whose language the texts are written in. Where any will do but one of ours is refused
/// (`de;q=0, *`), the first that is not. `None` if none is asked for: the record's own counts then.
pub fn asked_language(request: &HttpRequest) -> Option<String> {
    // Each range for itself: one that cannot be read takes none of the others away.
    let lines = request.headers().get_all(ACCEPT_LANGUAGE).map(|line| String::from_utf8_lossy(line.as_bytes()));
    let ranges: Vec<QualityItem<Preference<LanguageTag>>> = lines
        .flat_map(|line| line.split(',').filter_map(|range| range.trim().parse().ok()).collect::<Vec<_>>())
        .collect();
    let (refused, wanted): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|range| range.quality == Quality::ZERO);
    let refused: Vec<String> =
        refused.into_iter().filter_map(|range| range.item.into_item()).filter_map(ours).collect();
    let takes_any = wanted.iter().any(|range| range.item.is_any());
    let mut tags = AcceptLanguage(wanted).ranked().into_iter().filter_map(Preference::into_item);
    tags.find_map(ours).or_else(|| {
        let mut left = LANGUAGES.iter().filter(|language| !refused.iter().any(|tag| tag == *language));
        left.next().filter(|_| takes_any && !refused.is_empty()).map(|language| (*language).to_owned())
    })
}

fn ours(tag: LanguageTag) -> Option<String> {
    LANGUAGES.contains(&language_of(&tag)).then(|| tag.into_string())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::asked_language;

    fn asked(lines: &[&str]) -> Option<String> {
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header(("Accept-Language", *line));
        }
        asked_language(&request.to_http_request())
    }

    #[test]
    fn the_best_language_that_there_is_counts_however_it_is_written() {
        for (lines, wanted) in [
            (&["es"][..], Some("es")),
            (&["DE"], Some("de")),
            (&["de-at"], Some("de-AT")),
            (&["fr, es;q=0.8, en;q=0.1"], Some("es")),
            (&["en;q=0.1 , es ; q=0.8"], Some("es")),
            (&["  de-CH-1996 ; q=1.0 ,fr"], Some("de-CH-1996")),
            (&["es-419;q=0.7", "de;q=0.9"], Some("de")),
            (&["de;q=0, es;q=0.001"], Some("es")),
            (&["de;q=0"], None),
            (&["*"], None),
            (&["*;q=0.9, de;q=0.5"], Some("de")),
            (&["es-MX-u-ca-gregory"], Some("es-MX-u-ca-gregory")),
            (&["zh-Hant, de-x-private;q=0.2"], Some("de-x-private")),
            (&["nonsense!, ,;q=2, es"], Some("es")),
            (&["\u{e9}, es"], Some("es")),
            (&["\u{e9}", "de"], Some("de")),
            (&["en;q=0, *"], Some("es")),
            (&["*, es;q=0, en;q=0"], Some("de")),
            (&["en;q=0, es;q=0, de;q=0, *"], None),
            (&["fr;q=0, *"], None),
            (&["en-GB-oed, es"], Some("en-GB-oed")),
            (&["fr"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(asked(lines).as_deref(), wanted, "{lines:?}");
        }
    }
}
