//! Several plans, one day: lines that say the same are one line, and the strictest restriction counts.
//!
//! A line is what it says, and the set of occurrences that say it. Merging unites the sets of lines that say the same, and what a
//! line shows is read off its set; so the order in which plans, clinics or parts of them come together cannot matter.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::civil::Date;

use super::text::Text;
use super::words::{ItemKind, LateEnrolment, State};
use ground::ids::{OccurrenceId, PatientId, PlanId};
use ground::time::Stamp;

/// A line of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// What kind of line.
    pub kind: ItemKind,
    /// The local date that it belongs to.
    pub date: Date,
    /// Whose line it is: nothing is shared, set aside or counted across persons.
    pub person: PatientId,
    /// What it is about, if its protocol says so.
    pub meaning: Option<&'a str>,
    /// Both with the clinic's words in them, in all languages; none of a task, and if nothing of a clinic's is in them.
    pub filled: Option<(Text, Option<Text>)>,
    /// The line, as its author wrote it.
    pub title: &'a Text,
    /// More about it.
    pub text: Option<&'a Text>,
    /// The form of a check-in.
    pub form: Option<&'a str>,
    /// The views of a photo.
    pub views: &'a [String],
    /// Who says it: at least one, each once, in order.
    pub sources: Vec<Source<'a>>,
}

/// An occurrence behind a line. The order is that of the plans, then that of the plan's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source<'a> {
    pub plan: PlanId,
    /// Where it stands among the lines of its plan's day.
    pub place: usize,
    /// The occurrence.
    pub occurrence: OccurrenceId,
    /// The key of its item.
    pub key: &'a str,
    /// The key of its slot.
    pub slot: &'a str,
    /// The treated area.
    pub area: &'a str,
    /// The day of its plan.
    pub day: i32,
    /// What it is now.
    pub state: State,
    /// When its window opens.
    pub opens_at: Stamp,
    /// When its window closes.
    pub closes_at: Stamp,
    /// Until when it can still be answered.
    pub late_until: Stamp,
    /// When it begins by the hour.
    pub from_at: Option<Stamp>,
    /// When it ends by the hour.
    pub until_at: Option<Stamp>,
    /// The last date of a restriction, as far as is known; none is known: the strictest.
    pub last_on: Option<Date>,
    /// Whether a restriction is in force beyond its planned days because of the answers.
    pub held: bool,
    /// Of what was over before the enrolment and is there after all: whether anybody expects it.
    pub caught_up: Option<LateEnrolment>,
    /// Why the clinic changed it for this patient, if it did.
    pub because: Option<&'a str>,
}

/// What a line says: lines are one line exactly if this is equal. The texts are compared as they were written, in all their languages: which
/// marks are stored must not depend on the language of a request, or on what a clinic writes into a protocol. What is told, and not done, is
/// the same only if it also reads the same with the clinic's words: nobody's telephone number is lost.
#[derive(PartialEq, Eq)]
enum Saying<'l> {
    /// Of one treatment and its curve, never shared: a check-in, a photo.
    Own(OccurrenceId),
    /// In force or not, whatever the window, and for the whole patient.
    Rule(Date, Topic<'l>, Words<'l>),
    /// To be kept in mind.
    Advice(Date, Topic<'l>, Words<'l>, Hours),
    /// To be read, once a date, whenever.
    Reading(Date, Topic<'l>, Words<'l>),
    /// To be done, here: what is done to the face is not done to the back.
    Act(Date, Topic<'l>, Words<'l>, Hours, &'l str),
}

/// Title and text, and how they read with a clinic's words in them.
type Words<'l> = (&'l Text, Option<&'l Text>, Option<&'l (Text, Option<Text>)>);

/// When it is there: what is caught up on opens when its plan began, which does not matter to another one.
type Hours = (Option<Stamp>, Stamp, Stamp);

/// What a line is about: its meaning, or its key if nobody said what it means.
#[derive(PartialEq, Eq)]
enum Topic<'l> {
    Meaning(&'l str),
    Key(&'l str),
}

impl<'a> Line<'a> {
    /// The source that the line is known by: of the oldest plan.
    pub fn first(&self) -> Option<&Source<'a>> {
        self.sources.first()
    }

    /// The strongest of what is known: what is done for one plan is done, what is asked for one is asked.
    pub fn state(&self) -> Option<State> {
        self.sources.iter().map(|source| source.state).max_by_key(|state| strength(*state))
    }

    /// From the first opening.
    pub fn opens_at(&self) -> Option<Stamp> {
        self.sources.iter().map(|source| source.opens_at).min()
    }

    /// Until the last closing.
    pub fn closes_at(&self) -> Option<Stamp> {
        self.sources.iter().map(|source| source.closes_at).max()
    }

    /// Until the last that can still be answered.
    pub fn late_until(&self) -> Option<Stamp> {
        self.sources.iter().map(|source| source.late_until).max()
    }

    /// When a restriction ends: with the latest, and not known at all if one source does not know.
    pub fn ends(&self) -> Option<Ends> {
        strictest(self.sources.iter().map(Source::ends))
    }

    /// When it begins by the hour: with the first, and with its day if one source knows no hour.
    pub fn from_at(&self) -> Option<Stamp> {
        self.sources.iter().map(|source| source.from_at).min().flatten()
    }

    /// When it ends by the hour: with the last, and with its day if one source knows no hour.
    pub fn until_at(&self) -> Option<Stamp> {
        self.sources.iter().try_fold(None, |latest: Option<Stamp>, source| Some(latest.max(Some(source.until_at?))))?
    }

    /// Whether the answers keep a restriction in force, for one plan at least.
    pub fn held(&self) -> bool {
        self.sources.iter().any(|source| source.held)
    }

    /// Why it was changed, for the oldest plan for which it was.
    pub fn because(&self) -> Option<&'a str> {
        self.sources.iter().find_map(|source| source.because)
    }

    /// Whether it was over before the enrolment, for each plan: then whether anybody expects it.
    pub fn caught_up(&self) -> Option<LateEnrolment> {
        self.sources
            .iter()
            .map(|source| source.caught_up)
            .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))?
    }

    fn saying(&self) -> Option<Saying<'_>> {
        let first = self.first()?;
        let topic = self.meaning.map_or(Topic::Key(first.key), Topic::Meaning);
        let (date, words) = (self.date, (self.title, self.text, self.filled.as_ref()));
        let opens_at = Some(first.opens_at).filter(|_| first.caught_up.is_none());
        let hours = (opens_at, first.closes_at, first.late_until);
        Some(match self.kind {
            ItemKind::CheckIn | ItemKind::Photo => Saying::Own(first.occurrence),
            ItemKind::Restriction => Saying::Rule(date, topic, words),
            ItemKind::Instruction => Saying::Advice(date, topic, words, hours),
            ItemKind::Education => Saying::Reading(date, topic, words),
            ItemKind::Task => Saying::Act(date, topic, words, hours, first.area),
        })
    }

    /// Equal for lines that say the same; for others, hardly ever.
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let topic = self.meaning.or(self.first().map(|first| first.key));
        (self.kind, self.date, topic).hash(&mut hasher);
        hasher.finish()
    }

    /// Where it is shown: what is left of earlier days first, then plan by plan as each is written.
    fn place(&self) -> impl Ord + use<> {
        (self.date, self.first().map(|source| (source.plan, source.place, source.occurrence)))
    }
}

fn strength(state: State) -> u8 {
    match state {
        State::Cancelled => 0,
        State::Missed => 1,
        State::Upcoming => 2,
        State::Late => 3,
        State::Open => 4,
        State::Skipped => 5,
        State::Partial => 6,
        State::Done => 7,
    }
}

/// When a restriction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Its last date.
    pub on: Date,
    /// The instant on it, if it ends by the hour; otherwise it holds to the end of the date.
    pub at: Option<Stamp>,
}

impl Ends {
    /// What ends by the hour ends before what holds to the end of its date.
    fn order(&self) -> (Date, bool, Option<Stamp>) {
        (self.on, self.at.is_none(), self.at)
    }
}

impl Source<'_> {
    fn ends(&self) -> Option<Ends> {
        self.last_on.map(|on| Ends { on, at: self.until_at })
    }
}

fn strictest(mut ends: impl Iterator<Item = Option<Ends>>) -> Option<Ends> {
    let latest = |latest: Option<Ends>, one: Ends| match latest {
        Some(latest) if latest.order() >= one.order() => latest,
        _ => one,
    };
    ends.try_fold(None, |all, one| Some(Some(latest(all, one?))))?
}

/// Lines that say the same as one, in the order in which to show them. A line without a source says nothing.
pub fn merge(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut digests: Vec<u64> = Vec::with_capacity(lines.len());
    let mut merged: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    for line in lines.into_iter().filter(|line| !line.sources.is_empty()) {
        // The digest spares comparing words; the words decide.
        let digest = line.digest();
        let says_it = |(known, kept): (&u64, &Line<'_>)| {
            *known == digest && kept.person == line.person && kept.saying() == line.saying()
        };
        match digests.iter().zip(&merged).position(says_it).and_then(|place| merged.get_mut(place)) {
            Some(kept) => kept.sources.extend(line.sources),
            None => {
                digests.push(digest);
                merged.push(line);
            }
        }
    }
    for line in &mut merged {
        line.sources.sort_unstable();
        line.sources.dedup();
    }
    merged.sort_by_key(Line::place);
    merged
}

/// The end of the last that forbids what this line is about, in whatever words: until then it is not allowed again.
pub fn forbidden_until(line: &Line<'_>, lines: &[Line<'_>]) -> Option<Ends> {
    let is_theirs = |other: &Line<'_>| other.person == line.person && other.kind == ItemKind::Restriction;
    let alike = |other: &&Line<'_>| is_theirs(other) && other.meaning == line.meaning;
    let others = lines.iter().filter(|_| line.meaning.is_some()).filter(alike);
    strictest(others.chain([line]).map(Line::ends))
}

/// What is not asked, because a restriction of another plan forbids it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside<'a> {
    /// What is not asked.
    pub line: Line<'a>,
    /// The restriction, by the occurrence that its line is known by.
    pub by: OccurrenceId,
}

/// Of two plans for one area, where one forbids what the other says to do, the restriction counts: the other is set aside
/// for as long as their windows meet. What is recorded stays, and of one plan with itself its author has judged.
pub fn set_aside<'a>(mut lines: Vec<Line<'a>>) -> (Vec<Line<'a>>, Vec<SetAside<'a>>) {
    let with_meaning = lines.iter().filter(|line| line.kind == ItemKind::Restriction && line.meaning.is_some());
    let rules: Vec<(PatientId, Option<&str>, Vec<Source<'a>>)> =
        with_meaning.map(|line| (line.person, line.meaning, line.sources.clone())).collect();
    let mut aside = Vec::new();
    for line in lines.iter_mut().filter(|line| line.kind.tells_to_do()) {
        let own = rules.iter().filter(|(person, meaning, _)| (*person, *meaning) == (line.person, line.meaning));
        for (.., ruling) in own {
            let forbidden = |asked: &Source<'_>| ruling.iter().any(|rule| forbids(rule, asked));
            let (out, stays): (Vec<_>, Vec<_>) = line.sources.iter().copied().partition(forbidden);
            if let (Some(rule), false) = (ruling.first(), out.is_empty()) {
                aside.push(SetAside { line: Line { sources: out, ..line.clone() }, by: rule.occurrence });
                line.sources = stays;
            }
        }
    }
    lines.retain(|line| !line.sources.is_empty());
    lines.sort_by_key(Line::place);
    (lines, aside)
}

fn forbids(rule: &Source<'_>, asked: &Source<'_>) -> bool {
    let is_asked = matches!(asked.state, State::Upcoming | State::Open | State::Late);
    let meet = rule.opens_at < asked.late_until && asked.opens_at < rule.closes_at;
    is_asked && meet && rule.plan != asked.plan && rule.area == asked.area
}
