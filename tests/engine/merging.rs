//! Several plans on one day: properties of the merge, held against a pairwise definition of "the same".

use std::collections::BTreeMap;
use std::sync::LazyLock;

use engine::{Ends, ItemKind, LateEnrolment, Line, Source, State, Text, forbidden_until, merge, set_aside};
use ground::ids::{OccurrenceId, PatientId, PlanId};
use ground::time::Stamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use uuid::Uuid;

use crate::support::at;

/// The same in English and other words in Spanish are two texts; a text with a place for a clinic's words is one for each clinic.
static TITLES: LazyLock<[Text; 4]> = LazyLock::new(|| {
    [
        text("No sauna", ""),
        text("Put on the cream", ""),
        text("Put on the cream", "Use"),
        text("Call {clinic_phone}", ""),
    ]
});
static TEXTS: LazyLock<[Option<Text>; 3]> =
    LazyLock::new(|| [None, Some(text("It stings.", "")), Some(text("Take {ointment}", ""))]);

fn text(en: &str, es: &str) -> Text {
    Text::from_iter([("en".to_owned(), en.to_owned()), ("es".to_owned(), es.to_owned())])
}
const MEANINGS: [Option<&str>; 4] = [None, None, Some("heat"), Some("cream")];
const KEYS: [&str; 3] = ["heat", "cream", "care"];
const AREAS: [&str; 2] = ["face", "back"];
/// Opens, closes, can be answered until.
const WINDOWS: [[&str; 3]; 3] = [
    ["2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z", "2026-05-05T00:00:00Z"],
    ["2026-05-04T06:00:00Z", "2026-05-04T12:00:00Z", "2026-05-05T12:00:00Z"],
    ["2026-05-05T12:00:00Z", "2026-05-05T20:00:00Z", "2026-05-05T22:00:00Z"],
];
/// Where a line begins or ends by the hour.
const HOURS: [&str; 3] = ["2026-05-04T09:00:00Z", "2026-05-04T15:30:00Z", "2026-05-05T13:00:00Z"];
const DATES: [Date; 2] = [date(2026, 5, 4), date(2026, 5, 5)];
const ENDS: [Option<Date>; 4] = [None, Some(date(2026, 5, 4)), Some(date(2026, 5, 7)), Some(date(2026, 8, 1))];

fn plan(number: u128) -> PlanId {
    PlanId::from(Uuid::from_u128(number))
}

type Said = (ItemKind, Date, Option<&'static str>, &'static Text, Option<&'static Text>);

fn line((number, said, source): (usize, Said, Source<'static>)) -> Line<'static> {
    let (kind, date, meaning, title, words) = said;
    let occurrence = OccurrenceId::from(Uuid::from_u128(1_000 - u128::try_from(number).unwrap()));
    let sources = vec![Source { place: number, occurrence, ..source }];
    Line {
        kind,
        date,
        person: person(0),
        meaning,
        filled: filled(title, words, source.plan).filter(|_| kind != ItemKind::Task),
        title,
        text: words,
        form: None,
        views: &[],
        sources,
    }
}

/// A plan is one clinic's, and two of three clinics have the same words.
fn filled(title: &Text, words: Option<&Text>, plan: PlanId) -> Option<(Text, Option<Text>)> {
    let is_clinics = [Some(title), words].into_iter().flatten().any(|text| text.in_locale(&["en"]).contains('{'));
    is_clinics.then(|| (text(if plan.0.as_u128().is_multiple_of(3) { "One" } else { "Other" }, ""), None))
}

fn person(number: u128) -> PatientId {
    PatientId::from(Uuid::from_u128(number))
}

fn source() -> impl Strategy<Value = Source<'static>> {
    let ids = (1..5_u128, select(&KEYS[..]), select(&AREAS[..]));
    let stands = (select(State::ALL), select(&WINDOWS[..]), select(&ENDS[..]), any::<bool>());
    let caught_up = prop::option::of(select(&[LateEnrolment::CatchUp, LateEnrolment::StartNow][..]));
    let hours = (prop::option::of(select(&HOURS[..])), prop::option::of(select(&HOURS[..])));
    (ids, stands, caught_up, hours).prop_map(|((of, key, area), (state, window, last_on, held), caught_up, hours)| {
        let [opens_at, closes_at, late_until] = window.map(at);
        let (occurrence, slot) = (OccurrenceId::from(Uuid::nil()), "day");
        let plan = plan(of);
        Source {
            plan,
            place: 0,
            occurrence,
            key,
            slot,
            area,
            day: 3,
            state,
            opens_at,
            closes_at,
            late_until,
            from_at: hours.0.map(at),
            until_at: hours.1.map(at),
            last_on,
            held,
            caught_up,
            because: held.then_some("Invented."),
        }
    })
}

/// Lines of one source each, with few words, so that many say the same.
fn lines() -> impl Strategy<Value = Vec<Line<'static>>> {
    let kinds: Vec<ItemKind> = ItemKind::ALL.iter().copied().chain([ItemKind::Restriction, ItemKind::Task]).collect();
    let said = (select(kinds), select(&DATES[..]), select(&MEANINGS[..]), (0..TITLES.len()), (0..TEXTS.len()));
    prop::collection::vec((said, source()), 0..24).prop_map(|all| {
        let said = |(kind, date, meaning, title, text): (_, _, _, usize, usize)| {
            (kind, date, meaning, &TITLES[title], TEXTS[text].as_ref())
        };
        all.into_iter().enumerate().map(|(number, (words, source))| line((number, said(words), source))).collect()
    })
}

/// The same lines in two orders, and in two parts.
fn shuffled() -> impl Strategy<Value = (Vec<Line<'static>>, Vec<Line<'static>>, Vec<usize>)> {
    lines().prop_flat_map(|lines| {
        let places: Vec<usize> = (0..lines.len()).collect();
        let some = 0..=lines.len();
        (Just(lines.clone()), Just(lines).prop_shuffle(), subsequence(places, some))
    })
}

fn together(parts: &[&[Line<'static>]]) -> Vec<Line<'static>> {
    merge(parts.concat())
}

/// Whether two lines of one source each are the same to a patient.
fn same(one: &Line, other: &Line) -> bool {
    let (a, b) = (&one.sources[0], &other.sources[0]);
    let about = match (one.meaning, other.meaning) {
        (None, None) => a.key == b.key,
        (one, other) => one == other,
    };
    let words = one.person == other.person
        && one.kind == other.kind
        && one.date == other.date
        && one.title == other.title
        && one.text == other.text
        && one.filled == other.filled;
    let opens_at = |source: &Source| source.caught_up.is_none().then_some(source.opens_at);
    let window = (opens_at(a), a.closes_at, a.late_until) == (opens_at(b), b.closes_at, b.late_until);
    about
        && words
        && match one.kind {
            ItemKind::CheckIn | ItemKind::Photo => a.occurrence == b.occurrence,
            ItemKind::Restriction | ItemKind::Education => true,
            ItemKind::Instruction => window,
            ItemKind::Task => window && a.area == b.area,
        }
}

/// In which line of the result each source is.
fn homes<'l>(lines: impl IntoIterator<Item = &'l Line<'static>>) -> BTreeMap<Source<'static>, Vec<usize>> {
    let mut homes: BTreeMap<Source, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.into_iter().enumerate() {
        for source in &line.sources {
            homes.entry(*source).or_default().push(index);
        }
    }
    homes
}

fn ends(source: &Source) -> Option<Ends> {
    source.last_on.map(|on| Ends { on, at: source.until_at })
}

/// No end that is known is stricter than any, and no hour of a date than all of it.
fn as_strict(one: Option<Ends>, other: Option<Ends>) -> bool {
    let is_later = |one: Ends, other: Ends| match one.on.cmp(&other.on) {
        std::cmp::Ordering::Equal => one.at.is_none_or(|at| other.at.is_some_and(|other| at >= other)),
        order => order.is_gt(),
    };
    one.is_none_or(|one| other.is_some_and(|other| is_later(one, other)))
}

fn meets(one: (Stamp, Stamp), other: (Stamp, Stamp)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_192, failure_persistence: None, ..ProptestConfig::default() })]

    /// What one person's day is does not depend on whether another person's plans stand beside it.
    #[test]
    fn two_persons_are_as_if_each_were_alone((lines, _, second) in shuffled()) {
        // A plan is one person's.
        let is_second = |line: &Line| second.iter().any(|place| u128::try_from(*place).unwrap() % 4 + 1 == line.sources[0].plan.0.as_u128());
        let (mut one, mut other): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| !is_second(line));
        one.iter_mut().for_each(|line| line.person = person(1));
        other.iter_mut().for_each(|line| line.person = person(2));
        let (lines, aside) = set_aside(merge([one.clone(), other.clone()].concat()));
        for (number, own) in [(1, one), (2, other)] {
            let (own_lines, own_aside) = set_aside(merge(own));
            let of = |line: &&Line| line.person == person(number);
            let theirs: Vec<Line> = lines.iter().filter(of).cloned().collect();
            for line in theirs.iter().filter(|line| line.kind == ItemKind::Restriction) {
                prop_assert_eq!(forbidden_until(line, &lines), forbidden_until(line, &own_lines));
            }
            prop_assert_eq!(theirs, own_lines);
            let aside: Vec<_> = aside.iter().filter(|aside| of(&&aside.line)).cloned().collect();
            prop_assert_eq!(aside, own_aside);
        }
    }

    #[test]
    fn the_order_does_not_matter((lines, shuffled, _) in shuffled()) {
        prop_assert_eq!(merge(lines.clone()), merge(shuffled.clone()));
        prop_assert_eq!(set_aside(merge(lines)), set_aside(merge(shuffled)));
    }

    #[test]
    fn parts_can_be_merged_before((lines, _, chosen) in shuffled()) {
        let (one, other): (Vec<_>, Vec<_>) = lines.iter().cloned().enumerate().partition(|(index, _)| chosen.contains(index));
        let [one, other] = [one, other].map(|part| part.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
        let all = together(&[&one, &other]);
        prop_assert_eq!(&together(&[&merge(one.clone()), &other]), &all);
        prop_assert_eq!(&together(&[&one, &merge(other.clone())]), &all);
        prop_assert_eq!(&together(&[&merge(other), &merge(one)]), &all);
    }

    #[test]
    fn what_is_said_twice_is_said_once((lines, shuffled, chosen) in shuffled()) {
        let once = merge(lines.clone());
        prop_assert_eq!(&merge(once.clone()), &once);
        prop_assert_eq!(&together(&[&lines, &shuffled]), &once);
        let again: Vec<Line> = chosen.iter().map(|index| lines[*index].clone()).collect();
        prop_assert_eq!(&together(&[&once, &again]), &once);
    }

    #[test]
    fn two_lines_are_one_exactly_if_they_are_the_same(lines in lines()) {
        let merged = merge(lines.clone());
        let homes = homes(&merged);
        for one in &lines {
            for other in &lines {
                prop_assert_eq!(homes[&one.sources[0]] == homes[&other.sources[0]], same(one, other), "{:?}\n{:?}", one, other);
            }
        }
    }

    #[test]
    fn every_occurrence_is_in_one_line_and_nothing_is_invented(lines in lines()) {
        let homes = homes(&merge(lines.clone()));
        prop_assert_eq!(homes.len(), lines.len());
        for line in &lines {
            prop_assert_eq!(homes.get(&line.sources[0]).map(Vec::len), Some(1));
        }
    }

    #[test]
    fn no_restriction_becomes_weaker(lines in lines()) {
        let merged = merge(lines.clone());
        for line in lines.iter().filter(|line| line.kind == ItemKind::Restriction) {
            let source = &line.sources[0];
            let holds = merged.iter().filter(|other| {
                other.sources.contains(source)
                    && (other.kind, other.meaning, other.title, other.text) == (line.kind, line.meaning, line.title, line.text)
            });
            let holds: Vec<&Line> = holds.collect();
            prop_assert_eq!(holds.len(), 1);
            prop_assert!(as_strict(holds[0].ends(), ends(source)));
            prop_assert!(holds[0].from_at().is_none_or(|from| source.from_at.is_some_and(|own| from <= own)));
            prop_assert!(holds[0].until_at().is_none_or(|until| source.until_at.is_some_and(|own| until >= own)));
            prop_assert!(holds[0].held() || !source.held);
            prop_assert!(holds[0].opens_at().unwrap() <= source.opens_at && holds[0].closes_at().unwrap() >= source.closes_at);
            // And nothing stricter than the strictest is made up.
            prop_assert!(holds[0].sources.iter().any(|one| ends(one) == holds[0].ends()));
        }
    }

    #[test]
    fn nothing_is_allowed_again_while_any_plan_forbids_it(lines in lines()) {
        let (merged, _) = set_aside(merge(lines.clone()));
        for line in merged.iter().filter(|line| line.kind == ItemKind::Restriction) {
            let until = forbidden_until(line, &merged);
            prop_assert!(as_strict(until, line.ends()));
            let alike = |one: &&Line| one.kind == ItemKind::Restriction && one.meaning.is_some() && one.meaning == line.meaning;
            for one in lines.iter().filter(alike) {
                prop_assert!(as_strict(until, ends(&one.sources[0])));
            }
        }
    }

    #[test]
    fn what_is_done_for_one_plan_is_done_and_what_one_asks_is_asked(lines in lines()) {
        for line in merge(lines) {
            let states: Vec<State> = line.sources.iter().map(|source| source.state).collect();
            let state = line.state().unwrap();
            prop_assert!(states.contains(&state));
            prop_assert_eq!(state == State::Done, states.contains(&State::Done));
            let asked = |state: &State| matches!(state, State::Open | State::Late | State::Upcoming);
            let settled = |state: &State| matches!(state, State::Done | State::Partial | State::Skipped);
            prop_assert_eq!(settled(&state), states.iter().any(settled));
            // Expected by one is expected; of what nobody expects it is said.
            let expected = line.sources.iter().any(|source| source.caught_up != Some(LateEnrolment::CatchUp));
            prop_assert_eq!(line.caught_up() == Some(LateEnrolment::CatchUp), !expected);
            prop_assert_eq!(asked(&state), states.iter().any(asked) && !states.iter().any(settled));
        }
    }

    #[test]
    fn what_a_restriction_of_another_plan_forbids_is_set_aside_and_nothing_else(lines in lines()) {
        let (left, aside) = set_aside(merge(lines.clone()));
        let shown = homes(&left);
        let hidden = homes(aside.iter().map(|one| &one.line));
        prop_assert_eq!(shown.len() + hidden.len(), lines.len());
        for line in &lines {
            let asked = &line.sources[0];
            let does = matches!(line.kind, ItemKind::Instruction | ItemKind::Task);
            let waits = matches!(asked.state, State::Upcoming | State::Open | State::Late);
            let forbids = |rule: &&Line| {
                let ruling = &rule.sources[0];
                let windows = ((ruling.opens_at, ruling.closes_at), (asked.opens_at, asked.late_until));
                rule.kind == ItemKind::Restriction && rule.meaning.is_some() && rule.meaning == line.meaning
                    && ruling.plan != asked.plan && ruling.area == asked.area && meets(windows.0, windows.1)
            };
            let forbidden = does && waits && lines.iter().any(|rule| forbids(&rule));
            prop_assert_eq!(hidden.contains_key(asked), forbidden, "{:?}", line);
            prop_assert_eq!(shown.contains_key(asked), !forbidden);
        }
        for one in &aside {
            let rule = left.iter().find(|line| line.first().unwrap().occurrence == one.by).unwrap();
            prop_assert!(rule.kind == ItemKind::Restriction && rule.meaning == one.line.meaning);
        }
    }

    #[test]
    fn one_plan_alone_keeps_its_order(lines in lines()) {
        let mut seen = std::collections::BTreeSet::new();
        let own = |mut line: Line<'static>| { line.sources[0].plan = plan(1); line.date = DATES[0]; line };
        let distinct: Vec<Line> = lines.into_iter().map(own).filter(|line| seen.insert((line.kind, line.title.in_locale(&["en"]).to_owned()))).collect();
        prop_assert_eq!(merge(distinct.clone()), distinct);
    }
}
