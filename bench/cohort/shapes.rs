//! How healthy skin recovers: what public sources say of each symptom, and shapes between those days. Nothing here reads a plan's curve.
//!
//! The words of the sources for how strong it is became points by the usual bands of the 0-10 scale [NRS]: mild 1 to 3, moderate
//! 4 to 6, severe 7 to 10. The letters in `source` are the keys of `protocols/facts/sources.csv`.

use std::fmt::Write;

use super::rng::Rng;

/// The form of a course after its peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Falls by the same share each day.
    Decay,
    /// Stays, then drops.
    Plateau,
    /// Most of it goes fast, a rest stays long.
    SlowTail,
    /// Rises and falls evenly around its peak.
    Bell,
    /// Comes twice: first dry, then the flakes.
    TwoWaves,
    /// The same from the first to the last day.
    Level,
}

/// What sources say of one symptom after one treatment.
#[derive(Debug)]
pub struct Course {
    pub symptom: &'static str,
    /// How much of the peak is there on the day itself.
    pub at_first: f64,
    pub peak_day: (f64, f64),
    /// When it can no longer be noticed: half a point.
    pub end_day: (f64, f64),
    /// Nobody whose recovery the sources call common has it later.
    pub latest: f64,
    pub level: (f64, f64),
    pub shapes: &'static [Shape],
    pub source: &'static str,
}

/// The course of one person.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub symptom: &'static str,
    shape: Shape,
    at_first: f64,
    peak: f64,
    end: f64,
    pub level: f64,
}

use Shape::{Bell, Decay, Level, Plateau, SlowTail, TwoWaves};

const EASES: &[Shape] = &[Decay, Plateau, SlowTail];
const PEELS: &[Shape] = &[Bell, TwoWaves, Plateau];
const LINGERS: &[Shape] = &[Decay, Plateau, Bell];
const NONE: f64 = 1000.0;

macro_rules! course {
    ($symptom:literal, $at_first:expr, $peak:expr, $end:expr, $latest:expr, $level:expr, $shapes:expr, $source:literal) => {
        Course {
            symptom: $symptom,
            at_first: $at_first,
            peak_day: $peak,
            end_day: $end,
            latest: $latest,
            level: $level,
            shapes: $shapes,
            source: $source,
        }
    };
}

// symptom, share on day 0, peak day, end day, latest, level, shapes, source
const FACE: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 1.0),
        (3.0, 5.0),
        7.0,
        (3.5, 6.5),
        EASES,
        "like moderate sunburn; 1-3, 3-5 days [CW, ACN, GRAN1]; all within 7 [CHU]"
    ),
    course!("swelling", 0.9, (0.0, 1.0), (1.0, 3.0), 4.0, (1.0, 3.0), EASES, "mild; 1-2 days [DTQ]"),
    course!(
        "pain",
        1.0,
        (0.0, 0.4),
        (1.0, 3.0),
        5.0,
        (2.0, 5.0),
        EASES,
        "like sunburn [CW, IMG]; most gone within 72 h [ACN]"
    ),
    course!(
        "itch",
        0.2,
        (1.0, 3.0),
        (4.0, 7.0),
        8.0,
        (1.0, 3.0),
        LINGERS,
        "tight, itchy days 1-3 [ACN, DTQ]; all within 7 [CHU]"
    ),
    course!("dry_peel", 0.2, (3.0, 4.5), (6.0, 8.0), 10.0, (2.0, 5.0), PEELS, "dry, light flaking days 2-7 [IMG, DRP]"),
];
const SCARS: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 1.0),
        (5.0, 9.0),
        10.0,
        (6.0, 9.0),
        EASES,
        "very red [CW]; 3 days, to 7 [ACN, CHU]; clear by day 10 [DTQ, DSG]"
    ),
    course!(
        "swelling",
        0.8,
        (0.0, 1.5),
        (3.0, 5.0),
        7.0,
        (3.0, 6.0),
        EASES,
        "swollen; up to 3 days, to 7 in the review [ACN, CHU]"
    ),
    course!(
        "pain",
        1.0,
        (0.0, 0.6),
        (3.0, 5.0),
        7.0,
        (3.5, 6.5),
        EASES,
        "sore [CW]; needling 5.2 of 10 on average [NSP]"
    ),
    course!("itch", 0.2, (2.0, 4.0), (6.0, 9.0), 10.0, (1.0, 4.0), LINGERS, "tight, itchy [ACN, CHU]"),
    course!(
        "dry_peel",
        0.2,
        (3.0, 5.5),
        (7.0, 10.0),
        11.0,
        (3.0, 6.0),
        PEELS,
        "crusts and flakes days 3-7, tail to 10 [ACN, DTQ]"
    ),
    course!(
        "bruise_scab",
        0.9,
        (0.0, 2.0),
        (7.0, 10.0),
        11.0,
        (1.0, 4.0),
        LINGERS,
        "bruises and scabs clear days 7-10 [DTQ, DSG]"
    ),
];
const PIGMENT: &[Course] = &[
    course!("redness", 0.9, (0.0, 1.0), (3.0, 5.0), 7.0, (3.0, 6.0), EASES, "as mn-face [CW, DSG, ACN]"),
    course!("swelling", 0.9, (0.0, 1.0), (1.0, 3.0), 4.0, (1.0, 3.0), EASES, "mild; 1-2 days [DTQ]"),
    course!("pain", 1.0, (0.0, 0.4), (1.0, 3.0), 5.0, (2.0, 4.5), EASES, "like sunburn [CW, IMG]"),
    course!("itch", 0.2, (1.0, 3.0), (4.0, 7.0), 8.0, (1.0, 3.0), LINGERS, "tight, itchy [ACN, DTQ]"),
    course!("dry_peel", 0.2, (3.0, 4.5), (6.0, 8.0), 10.0, (2.0, 5.0), PEELS, "flaking days 2-7 [IMG]"),
    course!(
        "pigment",
        0.1,
        (3.0, 5.0),
        (7.0, 10.0),
        11.0,
        (1.0, 3.0),
        LINGERS,
        "marks look darker, peppery, days 2-7 [IMG, EMT]"
    ),
];
const SCALP: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 0.8),
        (3.0, 5.0),
        6.0,
        (3.0, 6.0),
        EASES,
        "a few days, most gone by day 5 [LMD, LEG]"
    ),
    course!("swelling", 0.9, (0.0, 1.0), (1.0, 2.5), 4.0, (0.5, 2.5), EASES, "tender, slight [MLH]"),
    course!("pain", 1.0, (0.0, 0.6), (2.0, 4.5), 6.0, (2.0, 5.0), EASES, "tender, by day 5 [MLH, LMD]"),
    course!("itch", 0.2, (1.0, 3.0), (4.0, 6.0), 7.0, (1.0, 3.0), LINGERS, "itch [LEG, LMD]"),
    course!("dry_peel", 0.1, (2.0, 4.0), (5.0, 7.0), 8.0, (1.0, 3.0), PEELS, "fine flakes days 2-5 [A1]"),
    course!(
        "shedding",
        1.0,
        (0.0, 0.0),
        (900.0, 901.0),
        NONE,
        (0.0, 2.0),
        &[Level],
        "no link with needling; some each day [LIA]"
    ),
];
const BODY: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 1.0),
        (3.0, 7.0),
        10.0,
        (4.0, 7.0),
        EASES,
        "3 days on average [NSP]; slower than the face [BEL, REN]"
    ),
    course!("swelling", 0.9, (0.0, 1.0), (2.0, 4.0), 5.0, (1.5, 4.0), EASES, "as mn-face, slower [CW, NSP]"),
    course!("pain", 1.0, (0.0, 0.6), (2.0, 5.0), 6.0, (3.5, 6.5), EASES, "5.2 of 10 on average [NSP]"),
    course!("itch", 0.2, (2.0, 4.0), (6.0, 9.0), 11.0, (1.5, 4.0), LINGERS, "dry, itchy days 3-10 [CW, REN]"),
    course!(
        "dry_peel",
        0.1,
        (4.0, 6.0),
        (8.0, 12.0),
        13.0,
        (2.0, 5.0),
        PEELS,
        "flaking 7-10 days chest, 10-14 hands [REN, BEL]"
    ),
];
const LIGHT_PEEL: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 1.0),
        (2.0, 6.0),
        7.0,
        (2.5, 5.0),
        EASES,
        "pink 1-3 days [SKR, BAK, ABP]; healing 1-7 days [AAD]"
    ),
    course!("swelling", 1.0, (0.0, 0.5), (0.5, 2.0), 3.0, (0.0, 2.0), EASES, "tight for some hours [NHP, ABP]"),
    course!("pain", 1.0, (0.0, 0.3), (0.8, 2.5), 4.0, (1.5, 4.0), EASES, "mild sting, tight for some hours [NHP, ABP]"),
    course!("itch", 0.3, (2.0, 4.0), (5.0, 7.0), 9.0, (1.0, 3.0), LINGERS, "as it flakes [AAD]"),
    course!(
        "dry_peel",
        0.1,
        (3.0, 5.0),
        (7.0, 10.0),
        11.0,
        (2.5, 5.0),
        PEELS,
        "scaling days 3-7 [AAD], salicylic to 10 [BAK]"
    ),
    course!("pigment", 0.1, (2.0, 4.0), (5.0, 7.0), 9.0, (0.5, 2.5), LINGERS, "may look slightly brown [ABP]"),
];
const MEDIUM_PEEL: &[Course] = &[
    course!(
        "redness",
        0.8,
        (1.0, 2.5),
        (9.0, 13.0),
        15.0,
        (6.0, 9.0),
        EASES,
        "red like sunburn; new skin days 7-14 [MUS, NOO, CEV]"
    ),
    course!("redness", 0.5, (6.0, 10.0), (21.0, 42.0), 42.0, (1.0, 3.0), EASES, "pink, usual colour by 6 weeks [NHO]"),
    course!(
        "swelling",
        0.5,
        (1.7, 2.4),
        (4.5, 7.0),
        7.4,
        (5.0, 8.0),
        EASES,
        "peaks at 48 h [MUS, NOO]; none after day 7 [LEE]"
    ),
    course!(
        "pain",
        0.9,
        (0.0, 1.5),
        (2.5, 5.0),
        10.0,
        (4.0, 7.0),
        EASES,
        "tight, hot like sunburn days 0-2 [MUS, NOO]"
    ),
    course!("pain", 0.5, (4.0, 6.0), (7.0, 9.0), 10.0, (1.0, 3.0), LINGERS, "new skin tender days 4-8 [DOB, MUS]"),
    course!("itch", 0.2, (3.0, 6.0), (9.0, 13.0), 14.0, (2.5, 5.0), LINGERS, "new skin itchy [DOB, MUS]"),
    course!(
        "dry_peel",
        0.1,
        (4.0, 6.0),
        (9.0, 12.0),
        14.0,
        (6.0, 9.0),
        PEELS,
        "worst days 3-4, sheets days 4-8 [DOB, MUS]; to 14 [CEV]"
    ),
    course!("ooze", 0.0, (3.0, 4.0), (5.0, 6.3), 6.4, (1.0, 4.0), &[Bell], "some clear fluid days 2-6 [MUS]"),
    course!(
        "pigment",
        0.4,
        (2.0, 3.5),
        (7.0, 10.0),
        12.0,
        (4.0, 8.0),
        LINGERS,
        "brown, leathery, worst days 3-4 [NOO, DOB]"
    ),
];
const SOFT_LASER: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 2.0),
        (6.0, 9.0),
        10.0,
        (4.5, 7.0),
        EASES,
        "hot like sunburn, may look redder first [BEL, HIM]"
    ),
    course!("redness", 0.5, (4.0, 7.0), (14.0, 28.0), 28.0, (0.5, 1.5), EASES, "light pink, weeks 2-4 [LOS, UQU]"),
    course!("swelling", 0.7, (0.6, 1.4), (2.5, 3.5), 4.2, (3.0, 6.0), EASES, "most the first morning, 2-3 days [BEL]"),
    course!("pain", 1.0, (0.0, 0.3), (1.5, 4.0), 6.0, (3.0, 6.0), EASES, "hot for hours [BEL, CON]"),
    course!("itch", 0.2, (3.0, 5.0), (6.5, 9.0), 10.0, (2.0, 4.0), LINGERS, "dry, itchy days 3-7 [BEL, LOS]"),
    course!(
        "dry_peel",
        0.2,
        (3.0, 5.0),
        (6.5, 8.5),
        10.0,
        (3.0, 6.0),
        PEELS,
        "sandpaper, flaking days 3-7 [BEL, LOS, RHO]"
    ),
    course!(
        "pigment",
        0.1,
        (3.0, 4.5),
        (8.0, 12.0),
        14.0,
        (2.0, 5.0),
        LINGERS,
        "bronzed, dark dots; fades week 2 [HIM, UQU, LOS]"
    ),
];
const STRONG_LASER: &[Course] = &[
    course!(
        "redness",
        0.9,
        (0.0, 2.0),
        (9.0, 14.0),
        16.0,
        (7.0, 10.0),
        EASES,
        "very red; highest in 2 weeks [UQU, ACC]"
    ),
    course!("redness", 0.5, (7.0, 12.0), (21.0, 70.0), 84.0, (1.0, 3.0), EASES, "pink weeks 2-12 [DEN, MAY, DSP]"),
    course!(
        "swelling",
        0.7,
        (1.8, 3.2),
        (5.0, 7.0),
        7.4,
        (5.0, 8.0),
        EASES,
        "peaks day 2-3 [LAB]; none after day 7 [LEE]"
    ),
    course!(
        "pain",
        1.0,
        (0.0, 0.3),
        (0.5, 1.5),
        3.0,
        (5.0, 8.0),
        EASES,
        "burning for 30 minutes to 4 hours [UQU, DSP, NMO]"
    ),
    course!(
        "pain",
        1.0,
        (0.0, 2.0),
        (4.0, 8.0),
        9.5,
        (2.0, 5.0),
        EASES,
        "raw, tight days 0-4 [UQU, LAB]; closed by 7-10 [MAY]"
    ),
    course!(
        "itch",
        0.2,
        (4.0, 6.0),
        (10.0, 13.0),
        14.0,
        (3.0, 6.0),
        LINGERS,
        "itchy as it bronzes and peels [LAB, DSP]"
    ),
    course!(
        "dry_peel",
        0.3,
        (3.5, 5.5),
        (8.0, 11.0),
        13.0,
        (5.0, 8.0),
        PEELS,
        "crusts, flaking days 5-7 on the face [REN, DSP, LAB]"
    ),
    course!("ooze", 1.0, (0.0, 0.3), (1.2, 2.3), 2.4, (3.0, 6.0), EASES, "mostly 24 h, done by day 2 [UQU, DSP]"),
    course!("pigment", 0.1, (3.0, 4.5), (7.0, 10.0), 12.0, (2.0, 5.0), LINGERS, "bronzed [LAB, DSP]"),
];

/// What sources say of a plan's treatment; nothing for a plan that is not of the library.
pub fn courses(plan: &str) -> &'static [Course] {
    match plan {
        "mn-face" => FACE,
        "mn-acne-scar" => SCARS,
        "mn-pigment" => PIGMENT,
        "mn-scalp" => SCALP,
        "mn-body" => BODY,
        "peel-superficial" => LIGHT_PEEL,
        "peel-medium" => MEDIUM_PEEL,
        "laser-nafl" => SOFT_LASER,
        "laser-afl" => STRONG_LASER,
        _ => &[],
    }
}

/// The courses of these plans as Markdown.
pub fn listed(plans: impl Iterator<Item = String>) -> String {
    let mut table = "| Plan | Symptom | Peak (points) | Peak (day) | Gone (day) | Latest | What the sources say |\n|---|---|---|---|---|--:|---|\n".to_owned();
    for plan in plans {
        for course in courses(&plan) {
            let range = |(from, to): (f64, f64)| format!("{from}-{to}");
            let Course { symptom, latest, source, .. } = course;
            let (level, peak) = (range(course.level), range(course.peak_day));
            let end = range(course.end_day);
            let _ = writeln!(table, "| {plan} | {symptom} | {level} | {peak} | {end} | {latest} | {source} |");
        }
    }
    table
}

impl Course {
    /// The course of one person who heals at this speed: 1 is usual, 2 takes twice as long.
    pub fn draw(&self, rng: &mut Rng, speed: f64) -> Drawn {
        let own = speed * rng.factor(0.1);
        let peak = rng.between(self.peak_day) * own;
        let end = (rng.between(self.end_day) * own).min(self.latest).max(peak + 0.4);
        let shape = rng.pick(self.shapes).copied().unwrap_or(Decay);
        let level = (rng.between(self.level) * rng.factor(0.1)).clamp(0.0, 10.0);
        Drawn { symptom: self.symptom, shape, at_first: self.at_first, peak, end, level }
    }
}

impl Drawn {
    /// Takes so many times as long to end.
    pub fn slow_down(&mut self, times: f64) {
        self.end *= times;
    }

    /// The level after so many days.
    pub fn at(&self, days: f64) -> f64 {
        if days < self.peak {
            let rising = self.at_first + (1.0 - self.at_first) * smooth(days / self.peak);
            return self.level * if self.shape == TwoWaves { rising.max(self.waves(days)) } else { rising };
        }
        let gone = (days - self.peak) / (self.end - self.peak);
        // Half a point is left at the end: it is what an answer still tells from nothing.
        let rest = (0.5 / self.level.max(0.5)).min(1.0);
        let share = match self.shape {
            Level => 1.0,
            Decay => rest.powf(gone),
            Plateau => 1.0 - (1.0 - rest) * smooth((gone - 0.4) / 0.6) - rest * smooth(gone - 1.0),
            SlowTail => 0.65 * (rest * 0.5).powf(gone * 2.0) + 0.35 * rest.powf(gone * 0.9),
            Bell => rest.powf(gone * gone),
            TwoWaves => self.waves(days),
        };
        self.level * share
    }

    /// Dry skin at first, a pause, then the flakes.
    fn waves(&self, days: f64) -> f64 {
        let wave = |at: f64, width: f64| (-((days - at) / width).powi(2)).exp();
        let span = (self.end - self.peak).max(1.0);
        (0.7 * wave(self.peak * 0.6, self.peak.max(1.0) * 0.45)).max(wave(self.peak + span * 0.3, span * 0.45))
    }
}

/// From 0 to 1 without a corner.
fn smooth(share: f64) -> f64 {
    let share = share.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
