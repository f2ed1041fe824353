//! The words of the built-in plans: easy to read, the same in every locale and every plan, and never a promise or a blame.
//!
//! The rules are those of the fact sheet's sections on safe wording and plain language; they stand here in full.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use engine::{ItemKind, Protocol, Text, Urgency, fill};
use regex::Regex;

use crate::facts::PLANS;

/// The highest reading grade of English text.
const HIGHEST_GRADE: f64 = 6.0;
/// The least ease of Spanish text: 65 is where "fairly easy" begins on the INFLESZ scale.
const LEAST_EASE: f64 = 65.0;
/// The least ease of one Spanish text: 40 is where "somewhat hard" begins on the same scale.
const LEAST_EASE_OF_ONE: f64 = 40.0;
/// A text with fewer words is too short to be graded alone.
const FEWEST_WORDS: usize = 10;
const LONGEST_SENTENCE: usize = 15;

/// What stands for the texts that only a clinic can give.
const OF_THE_CLINIC: [(&str, &str); 3] =
    [("clinic_phone", "555-0100"), ("out_of_hours", "555-0199"), ("emergency_number", "112")];

/// Names of medicines, acids and places: a reader knows them or looks them up, so they are kept out of the grade.
const NAMES: &str = "acetaminophen adapalene adapaleno aspirin aspirina benzoilo benzoyl botulinum botulínica diclofenac diclofenaco fitzpatrick hialurónico hyaluronic hydroquinone hidroquinona ibuprofen ibuprofeno isotretinoin isotretinoína jessner \
    minoxidil naproxen naproxeno paracetamol peroxide peróxido retinol salicylic salicílico tretinoin";

/// Words the rule for English syllables gets wrong. Held against the CMU Pronouncing Dictionary once, when they were
/// written down: of the 800 words of the plans the rule missed these.
const SYLLABLES: &[(usize, &str)] = &[
    (1, "clothes"),
    (2, "acne agree being drier dryer fluid forehead going likely lukewarm needled react something whiteheads"),
    (3, "area areas medium pillowcase reaction spf tca usual uva"),
    (4, "diagnosis psoriasis radiation"),
    (6, "radiotherapy"),
];

/// Wordings that no patient may read, in any language: what they are, why.
const FORBIDDEN_EN: &[(&str, &str)] = &[
    (r"\byou have an? (infection|cold sore|allergy|keloid)\b", "names the disease; name the sign"),
    (r"\byou are fine\b|nothing to worry|\bignore\b|no need to worry|\bsafe to\b", "calms without knowing"),
    (
        r"guarantee|downtime|\bcures?\b|\bwill (heal|fade|go|be gone|vanish|improve|look better)\b|permanent|perfect",
        "promises",
    ),
    (r"\bgo(es)? away\b|\bremoves? (scar|mark)", "scars and marks may look better, not go away"),
    (r"\bapproved\b|\bcleared\b", "no device or plan is approved for every use here"),
    (r"antibiotic|aciclovir|acyclovir|valaciclovir|amoxicillin|doxycycline|\b\d+ ?(mg|ml)\b", "a medicine or dose"),
    (r"\byou failed\b|complian|\byour fault\b|\byou should have\b|\bwrongly\b", "blames"),
    (
        r"erythema|o?edema|exfoliat|(hyper|hypo)?pigmentation|\btopical\b|occlusive|herpes|retinoid|contraindicat|analgesic|\blesions?\b|\badverse\b",
        "a word for clinicians",
    ),
    (r"\b(two|three|four|five|six|seven|eight|nine|ten)\b", "write numbers as digits"),
    (
        r"\b(our|the) team\b|\b(we|the clinic|our staff) (will|calls?|looks?|reads?|checks?|answers?|sees?|contacts?|try|tries)\b",
        "the clinic may be closed, or read no answers: say what the patient does",
    ),
];
/// "Herpes labial" is the everyday Spanish for cold sores.
const FORBIDDEN_ES: &[(&str, &str)] = &[
    (r"^usted tiene|\btiene una? (infección|alergia|herpes|queloide)\b", "names the disease; name the sign"),
    (r"\busted está bien\b|\bestá todo bien\b|no se preocupe|de qué preocuparse|\bignore\b", "calms without knowing"),
    (
        r"garanti|sin tiempo de recuperación|\bcurar(á|án)\b|\bdesaparecer(á|án)\b|definitiv|\bse ir(á|án)\b|perfect",
        "promises",
    ),
    (r"\baprobad[oa]s?\b|\bautorizad[oa]s?\b", "no device or plan is approved for every use here"),
    (r"antibiótic|aciclovir|amoxicilina|doxiciclina|\b\d+ ?(mg|ml)\b", "a medicine or dose"),
    (r"incumpl|no ha cumplido|\bculpa\b|\bdebería haber\b", "blames"),
    (
        r"eritema|\bedemas?\b|exfoliación|(hiper|hipo)?pigmentación|tópic|oclusiv|herpes simple|retinoide|contraindic|analgésic|\blesi(ón|ones)\b|advers",
        "a word for clinicians",
    ),
    (r"\b(tres|cuatro|cinco|seis|siete|ocho|nueve|diez|dos veces)\b", "write numbers as digits"),
    (r"\b(tú|tus?|te|ti|contigo|vosotr[oa]s|vuestr[oa]s?|os)\b", "says usted"),
    (
        r"\b(llamare|contactare|mirare|leere|revisare|respondere|contestare|vere)mos\b|\b(llama|contacta|mira|lee|revisa|contesta|intenta)mos\b|\b(nuestro|el) equipo\b|\bla clínica (mira|llama|lee|revisa|contesta|responde)",
        "the clinic may be closed, or read no answers: say what the patient does",
    ),
];
/// "Hydrochinon" is named among what not to use, as in English.
const FORBIDDEN_DE: &[(&str, &str)] = &[
    (
        r"\bsie haben eine? (infektion|allergie|keloid)|\bsie haben (lippenherpes|fieberbläschen)",
        "names the disease; name the sign",
    ),
    (r"alles in ordnung|geht es gut\b|keine sorge|keine gedanken|unbesorgt|\bignorier", "calms without knowing"),
    (r"garant|ausfallzeit|\b(wird|werden) (heilen|verblassen|verschwinden|besser)|perfekt|für immer", "promises"),
    (r"\bzugelassen|\bzulassung|\bgenehmigt", "no device or plan is approved for every use here"),
    (r"antibiotik|aciclovir|amoxicillin|doxycyclin|\b\d+ ?(mg|ml)\b", "a medicine or dose"),
    (r"\bversäumt|\bschuld\b|sie hätten|falsch gemacht", "blames"),
    (
        r"erythem|ödem|exfoli|(hyper|hypo)?pigmentierung|topisch|okklusi|herpes simplex|retinoid|kontraindi|analgeti|läsion",
        "a word for clinicians",
    ),
    (r"\b(zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn)\b", "write numbers as digits"),
    (r"\b(du|dich|dir|dein(e[mnrs]?)?|euch|euer|eure[mnrs]?)\b", "says Sie"),
    (
        r"\b(unser|das) team\b|\bwir (rufen|lesen|sehen|melden|prüfen|antworten|kontaktieren|versuchen|werden)\b|\b(sehen|rufen|lesen|melden) wir\b|\bdie praxis (sieht|ruft|liest|meldet|prüft|antwortet)",
        "the clinic may be closed, or read no answers: say what the patient does",
    ),
];

/// Signs, rules and questions that say it in words of their own: which text, in which plans, why.
const OWN_WORDS: &[(&str, &[&str], &str)] = &[
    ("exclusion tan-or-sunburn", &["laser-afl", "laser-nafl"], "6 weeks before laser [LEE], 2 before needling [EMT]"),
    ("exclusion deep-needles", &["mn-face", "mn-pigment"], "each plan has its own usual depth"),
    ("rule F20 advice", &["mn-scalp"], "there 2 is enough, and one answer of 2 is a note"),
    ("sign F5", &["laser-afl", "peel-medium"], "ointment near the eyes blurs sight [A35]"),
    ("question dry_peel", &["laser-afl"], "its curve row is dry crust and peel"),
    ("question dry_peel hint", &["laser-afl"], "its curve row is dry crust and peel"),
    ("question ooze", &["laser-afl", "peel-medium"], "the peel's curve row is ooze and crust, the laser's ooze alone"),
    ("question ooze hint", &["laser-afl", "peel-medium"], "as the question"),
    ("question pimples few", &["laser-afl"], "white pimples are urgent on days 3-14 [RSQ]"),
    ("sign F6", &["laser-afl"], "thin clear or pale yellow fluid is common on days 0-2 [YBI]"),
    ("sign F7", &["laser-afl", "laser-nafl", "peel-medium"], "hot, swollen and sore is common at first: ask for more"),
    ("sign F7 advice", &["mn-body"], "the face and the eye are not treated"),
    ("sign F10", &["laser-afl", "laser-nafl", "peel-medium"], "crusts and ooze that are common differ"),
    ("sign F10", &["mn-scalp", "peel-superficial"], "no scab is listed as common, not even a tiny one"),
    ("sign F11", &["laser-afl", "peel-medium"], "raw skin is common at first: ask for new or growing"),
    ("sign F14", &["laser-afl", "laser-nafl", "peel-medium"], "any swelling counts, from another day on"),
    ("sign F18", &["mn-acne-scar"], "lines and dots are its own sign P2a"),
];

static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.!?]+(\s+|$)").unwrap());
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}]+(?:[.,'’-][\p{L}\p{N}]+)*").unwrap());
static VOWELS: LazyLock<Regex> = LazyLock::new(|| Regex::new("[aeiouy]+").unwrap());

/// Every text of a plan that a patient may read: where it stands, and the text.
fn patient_texts(plan: &Protocol) -> Vec<(String, &Text)> {
    let mut all: Vec<(String, &Text)> = vec![("title".to_owned(), &plan.title)];
    for one in &plan.exclusions {
        all.push((format!("exclusion {}", one.key), &one.text));
    }
    for one in &plan.phases {
        all.extend(
            [("", &one.title), (" common", &one.common), (" do", &one.advice)]
                .map(|(part, text)| (format!("phase {}{part}", one.key), text)),
        );
    }
    for one in &plan.items {
        all.push((format!("item {} title", one.key), &one.title));
        all.extend(one.text.iter().map(|text| (format!("item {}", one.key), text)));
        let timed = one.timed.iter().flat_map(|timed| timed.title.iter().chain(&timed.text));
        all.extend(timed.map(|text| (format!("item {} by the hour", one.key), text)));
    }
    for one in &plan.questions {
        all.push((format!("question {}", one.key), &one.text));
        all.extend(one.hint.iter().map(|hint| (format!("question {} hint", one.key), hint)));
        all.extend(one.choices.iter().map(|choice| (format!("question {} {}", one.key, choice.key), &choice.label)));
    }
    let signs = plan.signs.iter().map(|one| ("sign", &one.key, &one.advice, &one.escalate));
    let rules = plan.rules.iter().map(|one| ("rule", &one.key, &one.advice, &one.escalate));
    for (kind, key, advice, escalate) in signs.chain(rules) {
        all.push((format!("{kind} {key} advice"), advice));
        let told = escalate.iter().filter_map(|escalation| Some((escalation, escalation.advice.as_ref()?)));
        all.extend(told.map(|(escalation, advice)| (format!("{kind} {key} {}", escalation.urgency), advice)));
    }
    all.extend(plan.signs.iter().map(|one| (format!("sign {}", one.key), &one.text)));
    all
}

/// Every text that staff read.
fn staff_texts(plan: &Protocol) -> Vec<(String, &Text)> {
    let parameters = plan.parameters.iter().map(|one| (format!("parameter {}", one.key), &one.label));
    let variants = plan.variants.iter().map(|one| (format!("variant {}", one.key), &one.label));
    let clinic_texts = plan.clinic_texts.iter().map(|one| (format!("clinic text {}", one.key), &one.label));
    let fallbacks =
        plan.clinic_texts.iter().filter_map(|one| Some((format!("fallback of {}", one.key), one.fallback.as_ref()?)));
    let reasons = plan.rules.iter().map(|one| (format!("reason of {}", one.key), &one.reason));
    let approval = ("approval".to_owned(), &plan.approval);
    [approval]
        .into_iter()
        .chain(parameters)
        .chain(variants)
        .chain(clinic_texts)
        .chain(fallbacks)
        .chain(reasons)
        .collect()
}

/// The text as a patient reads it, with the fallbacks of the clinic's texts.
fn as_read(plan: &Protocol, text: &Text, locale: &str) -> String {
    fill(text.in_locale(&[locale]), |name| {
        let given = OF_THE_CLINIC.iter().find(|(key, _)| *key == name).map(|(_, said)| *said);
        given.or_else(|| {
            let own = plan.clinic_texts.iter().find(|one| one.key == name)?;
            Some(own.fallback.as_ref()?.in_locale(&[locale]))
        })
    })
    .into_owned()
}

fn sentences(text: &str) -> Vec<&str> {
    SENTENCE_END.split(text).filter(|sentence| WORD.is_match(sentence)).collect()
}

fn words(text: &str) -> Vec<&str> {
    WORD.find_iter(text).map(|word| word.as_str()).collect()
}

/// What the formulas count.
#[derive(Default)]
struct Counted {
    sentences: f64,
    words: f64,
    syllables: f64,
}

fn counted<'a>(texts: impl IntoIterator<Item = &'a String>, syllables: fn(&str) -> usize) -> Counted {
    let mut counted = Counted::default();
    for text in texts {
        counted.sentences += number(sentences(text).len());
        for word in
            words(text).into_iter().map(str::to_lowercase).filter(|word| !NAMES.split(' ').any(|name| name == word))
        {
            counted.words += 1.0;
            counted.syllables += number(word.split('-').map(syllables).sum());
        }
    }
    counted
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The grade of Flesch and Kincaid (1975).
fn grade(of: &Counted) -> f64 {
    0.39 * of.words / of.sentences + 11.8 * of.syllables / of.words - 15.59
}

/// The ease of Szigriszt Pazos (1993), which the INFLESZ scale grades (Barrio-Cantalejo and others, 2008).
fn ease(of: &Counted) -> f64 {
    206.835 - 62.3 * of.syllables / of.words - of.words / of.sentences
}

/// Syllables of an English word: groups of vowels, without a silent ending. A number is one.
fn english_syllables(word: &str) -> usize {
    if word.chars().any(|one| one.is_ascii_digit()) {
        return 1;
    }
    if let Some((syllables, _)) = SYLLABLES.iter().find(|(_, words)| words.split(' ').any(|one| one == word)) {
        return *syllables;
    }
    let groups = VOWELS.find_iter(word).count();
    let before = |ending: &str| word.strip_suffix(ending).and_then(|stem| stem.chars().last());
    let vowel = |one: char| "aeiouy".contains(one);
    let stem_of_le = word.strip_suffix("le").or_else(|| word.strip_suffix("les"));
    let syllabic_le = stem_of_le.and_then(|stem| stem.chars().last()).is_some_and(|one| !vowel(one));
    let silent = before("e").is_some() && !syllabic_le
        || before("ed").is_some_and(|one| !vowel(one) && !"td".contains(one))
        || before("es").is_some_and(|one| !vowel(one) && !"scxzgh".contains(one)) && !syllabic_le;
    (groups - usize::from(silent && groups > 1)).max(1)
}

/// Syllables of a Spanish word: groups of vowels, where two strong ones or a stressed weak one part. A number is one.
fn spanish_syllables(word: &str) -> usize {
    if word.chars().any(|one| one.is_ascii_digit()) {
        return 1;
    }
    let mut sounds = word.replace("qu", "k");
    for (written, heard) in [("gue", "ge"), ("gui", "gi"), ("gué", "gé"), ("guí", "gí")] {
        sounds = sounds.replace(written, heard);
    }
    if let Some(stem) = sounds.strip_suffix('y') {
        sounds = format!("{stem}i");
    }
    let strong = |one: char| "aeoáéóíú".contains(one);
    let vowel = |one: char| strong(one) || "iuü".contains(one);
    let mut last = ' ';
    let mut syllables = 0;
    for one in sounds.chars() {
        syllables += usize::from(vowel(one) && (!vowel(last) || strong(one) && strong(last)));
        last = one;
    }
    syllables.max(1)
}

/// Every advice of a plan: the key of its sign or rule, how urgent it is, and the words, with those of escalations.
fn advices(plan: &Protocol) -> impl Iterator<Item = (&str, Urgency, &Text)> {
    let signs = plan.signs.iter().map(|one| (one.key.as_str(), one.urgency, &one.advice, &one.escalate));
    let rules = plan.rules.iter().map(|one| (one.key.as_str(), one.urgency, &one.advice, &one.escalate));
    signs.chain(rules).flat_map(|(key, urgency, advice, escalate)| {
        [(key, urgency, advice)]
            .into_iter()
            .chain(escalate.iter().map(|one| (key, one.urgency, one.advice.as_ref().unwrap_or(advice))))
            .collect::<Vec<_>>()
    })
}

/// The distinct texts of a plan as a patient reads them, with where they stand.
fn read_texts(plan: &Protocol, locale: &str) -> BTreeMap<String, String> {
    patient_texts(plan).into_iter().map(|(at, text)| (as_read(plan, text, locale), at)).collect()
}

#[test]
fn syllables_of_known_words() {
    for (word, count) in [
        ("the", 1),
        ("make", 1),
        ("little", 2),
        ("flaked", 1),
        ("treated", 2),
        ("flakes", 1),
        ("patches", 2),
        ("crusts", 1),
        ("moisturiser", 4),
        ("clinician", 3),
        ("area", 3),
        ("38.0", 1),
        ("eyes", 1),
        ("bruises", 2),
    ] {
        assert_eq!(english_syllables(word), count, "{word}");
    }
    for (word, count) in [
        ("piel", 1),
        ("día", 2),
        ("cuero", 2),
        ("oscura", 3),
        ("enrojecimiento", 6),
        ("lea", 2),
        ("ciudad", 2),
        ("y", 1),
        ("quemadura", 4),
        ("siguiente", 3),
        ("muy", 1),
        ("hinchazón", 3),
        ("ahora", 3),
        ("aún", 2),
        ("vergüenza", 3),
    ] {
        assert_eq!(spanish_syllables(word), count, "{word}");
    }
}

#[test]
fn grades_of_known_texts() {
    let one = |text: &str| vec![text.to_owned()];
    let easy = grade(&counted(&one("The cat sat on the mat."), english_syllables));
    assert!((easy - -1.45).abs() < 0.01, "{easy}");
    let hard = "Discontinue topical retinoid administration until reepithelialisation is complete.";
    assert!(grade(&counted(&one(hard), english_syllables)) > 20.0);
    let easy = ease(&counted(&one("El gato duerme en la casa."), spanish_syllables));
    assert!((easy - (206.835 - 62.3 * 9.0 / 6.0 - 6.0)).abs() < 0.01, "{easy}");
}

#[test]
fn english_is_at_grade_6_or_lower() {
    for plan in PLANS.values() {
        let texts = read_texts(plan, "en");
        let all = grade(&counted(texts.keys(), english_syllables));
        assert!(all <= HIGHEST_GRADE, "{}: grade {all:.1}", plan.key);
        for (text, at) in texts.iter().filter(|(text, _)| words(text).len() >= FEWEST_WORDS) {
            let grade = grade(&counted([text], english_syllables));
            assert!(grade <= HIGHEST_GRADE, "{} {at}: grade {grade:.1}: {text}", plan.key);
        }
    }
}

#[test]
fn spanish_is_fairly_easy() {
    for plan in PLANS.values() {
        let texts = read_texts(plan, "es");
        let all = ease(&counted(texts.keys(), spanish_syllables));
        assert!(all >= LEAST_EASE, "{}: ease {all:.0}", plan.key);
        for (text, at) in texts.iter().filter(|(text, _)| words(text).len() >= FEWEST_WORDS) {
            let ease = ease(&counted([text], spanish_syllables));
            assert!(ease >= LEAST_EASE_OF_ONE, "{} {at}: ease {ease:.0}: {text}", plan.key);
        }
    }
}

#[test]
fn no_sentence_is_long() {
    for (plan, locale) in PLANS.values().flat_map(|plan| [(plan, "en"), (plan, "es"), (plan, "de")]) {
        for (text, at) in read_texts(plan, locale) {
            for sentence in sentences(&text) {
                let long = words(sentence).len();
                assert!(long <= LONGEST_SENTENCE, "{} {at}: {long} words: {sentence}", plan.key);
            }
        }
    }
}

#[test]
fn every_text_is_there_in_every_locale_with_the_same_placeholders() {
    let placeholder = Regex::new(r"\{[a-z0-9_]+\}").unwrap();
    for plan in PLANS.values() {
        for (at, text) in patient_texts(plan).into_iter().chain(staff_texts(plan)) {
            let locales: Vec<&str> = text.0.keys().map(String::as_str).collect();
            assert_eq!(locales, Text::BUILT_IN, "{} {at}", plan.key);
            let of = |said: &String| -> BTreeSet<String> {
                placeholder.find_iter(said).map(|one| one.as_str().to_owned()).collect()
            };
            let said: BTreeSet<BTreeSet<String>> = text.0.values().map(of).collect();
            assert_eq!(said.len(), 1, "{} {at}: {said:?}", plan.key);
            assert!(text.0.values().all(|said| !said.trim().is_empty()), "{} {at}", plan.key);
        }
    }
}

#[test]
fn nothing_forbidden_is_said() {
    for (locale, forbidden) in [("en", FORBIDDEN_EN), ("es", FORBIDDEN_ES), ("de", FORBIDDEN_DE)] {
        let forbidden: Vec<(Regex, &str)> =
            forbidden.iter().map(|(wording, why)| (Regex::new(&format!("(?i){wording}")).unwrap(), *why)).collect();
        for plan in PLANS.values() {
            for (text, at) in read_texts(plan, locale) {
                for (wording, why) in &forbidden {
                    assert!(!wording.is_match(&text), "{} {at}: {why}: {text}", plan.key);
                }
            }
        }
    }
}

/// Asserts of every sentence that has a word: it has another one too.
fn together(locale: &str, word: &str, other: &str, why: &str) {
    let (word, other) = (Regex::new(&format!("(?i){word}")).unwrap(), Regex::new(&format!("(?i){other}")).unwrap());
    let mut found = false;
    for plan in PLANS.values() {
        for (text, at) in read_texts(plan, locale) {
            for sentence in sentences(&text).into_iter().filter(|sentence| word.is_match(sentence)) {
                found = true;
                assert!(other.is_match(sentence), "{} {at}: {why}: {sentence}", plan.key);
            }
        }
    }
    assert!(found, "{word} is nowhere: this test looks for the wrong word");
}

#[test]
fn redness_never_stands_alone() {
    together("en", r"\bredness\b", "colour", "on darker skin redness does not show");
    together("es", "enrojecimiento|rojez", "color|tono", "on darker skin redness does not show");
    let lumps = "|lumps|bumps";
    together("en", r"\bred\b", &format!("pink|darker|purple{lumps}"), "red alone does not show on darker skin");
    together("es", r"\broj[oa]s?\b", "rosa|oscur|morado|bultos", "red alone does not show on darker skin");
}

#[test]
fn nobody_is_told_to_stop_a_prescribed_medicine() {
    together(
        "en",
        r"\bstop\b.*(medicine|taking)|stop minoxidil",
        "do not stop|stop minoxidil",
        "asks to stop a medicine",
    );
    together(
        "es",
        r"suspenda|deje de tomar|deje el minoxidil|suspenda el minoxidil",
        r"\bno suspenda\b|minoxidil",
        "asks to stop a medicine",
    );
}

#[test]
fn temperatures_are_in_both_units() {
    together("en", r"\b3[78]\.\d C\b", r"\(\d+(\.\d)? F\)", "a temperature in one unit");
    together("es", r"\b3[78],\d °C", r"\(\d+(,\d)? °F\)", "a temperature in one unit");
}

#[test]
fn the_standing_line_and_the_way_to_help_are_in_every_plan() {
    let line = "This is general information from your clinic. It is not a diagnosis and does not replace a visit. \
                If you are worried, contact us.";
    for plan in PLANS.values() {
        let item =
            |key: &str| plan.items.iter().find(|item| item.key == key && item.kind == ItemKind::Education).unwrap();
        let standing = item("standing-line");
        assert_eq!(standing.text.as_ref().unwrap().in_locale(&["en"]), line, "{}", plan.key);
        assert!(standing.days.contains(0) && standing.even_when_excluded, "{}", plan.key);
        let not_watched = item("not-watched").text.as_ref().unwrap();
        assert!(not_watched.in_locale(&["en"]).contains("not watched day and night"), "{}", plan.key);
        for locale in ["en", "es", "de"] {
            for (key, urgency, advice) in advices(plan) {
                let advice = advice.in_locale(&[locale]);
                let has = |name: &str| advice.contains(&format!("{{{name}}}"));
                let way = match urgency {
                    Urgency::Emergency => has("emergency_number") && has("clinic_phone"),
                    Urgency::Urgent => has("clinic_phone") && has("out_of_hours"),
                    Urgency::Soon => has("clinic_phone") && has("out_of_hours"),
                    _ => true,
                };
                assert!(way, "{} {key}: no number to call: {advice}", plan.key);
            }
        }
    }
}

#[test]
fn the_same_sign_rule_and_question_is_in_the_same_words() {
    let mut said: BTreeMap<String, BTreeMap<&BTreeMap<String, String>, BTreeSet<&str>>> = BTreeMap::new();
    for plan in PLANS.values() {
        let shared =
            |at: &String| ["sign ", "rule ", "question ", "exclusion "].iter().any(|kind| at.starts_with(kind));
        for (at, text) in patient_texts(plan).into_iter().filter(|(at, _)| shared(at)) {
            let own = OWN_WORDS.iter().any(|(one, plans, _)| *one == at && plans.contains(&plan.key.as_str()));
            if !own {
                said.entry(at).or_default().entry(&text.0).or_default().insert(&plan.key);
            }
        }
    }
    for (at, wordings) in said {
        assert!(wordings.len() < 2, "{at} is said in {} ways: {wordings:#?}", wordings.len());
    }
}

#[test]
fn every_exception_is_one() {
    for (at, plans, why) in OWN_WORDS {
        assert!(!why.is_empty());
        for key in *plans {
            let text = |plan: &Protocol| -> Option<Text> {
                patient_texts(plan).into_iter().find(|(one, _)| one == at).map(|(_, text)| text.clone())
            };
            let own = text(&PLANS[*key]);
            assert!(own.is_some(), "{key} has no {at}");
            let others = PLANS.values().filter(|plan| plan.key != *key).filter_map(text);
            assert!(others.clone().any(|other| Some(other) != own), "{at} of {key} is in the same words as everywhere");
        }
    }
}
