//! Synthetic people: how each heals, reports, keeps silent and travels. One seed gives the same people whatever the rules say.

use engine::Compiled;

use super::Settings;
use super::rng::Rng;
use super::shapes::{Drawn, courses};
use super::trouble::{Kind, Trouble};

/// Which third a person belongs to: two are for whoever tunes rules, one is only for measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Tune,
    HeldOut,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tune => "tune",
            Self::HeldOut => "held-out",
        }
    }
}

/// The deviations of an answer in points, one of which a person has.
pub const NOISES: [f64; 3] = [0.4, 0.8, 1.2];

/// A stretch of days on another clock.
#[derive(Debug, Clone, Copy)]
struct Travel {
    first: i32,
    last: i32,
    days: f64,
}

/// One person after one treatment.
#[derive(Debug, Clone)]
pub struct Person {
    pub number: usize,
    pub part: Part,
    /// Index of the plan's set of parameters.
    pub set: usize,
    pub darker_skin: bool,
    pub speed: f64,
    pub noise: f64,
    /// How much of its noise an answer keeps where there is nothing to report, or everything.
    noise_at_ends: f64,
    /// Over-reporters have more than 1, under-reporters less.
    pub reports: f64,
    pub misses: f64,
    pub trouble: Option<Trouble>,
    /// Whether the person has a few spots, and from which day to which.
    pub spots: Option<(f64, f64)>,
    /// Until when skin is open after what opens it.
    pub open_until: f64,
    /// The day minoxidil is taken again, if it is used.
    pub minoxidil_from: f64,
    travel: Option<Travel>,
    courses: Vec<Drawn>,
    seed: u64,
}

impl Person {
    /// The person of a plan with this number; `kind` seeds a complication.
    pub fn draw(settings: Settings, number: usize, kind: Option<Kind>, plans: &[Compiled]) -> Option<Self> {
        let Settings { seed, noise_at_ends, .. } = settings;
        let key = &plans.first()?.key;
        let what = if kind.is_some() { "trouble" } else { "healthy" };
        let mut rng = Rng::of(seed, &format!("{key} {what} {number}"));
        let sets: Vec<usize> = (0..plans.len()).collect();
        let set = *rng.pick(&sets)?;
        let plan = plans.get(set)?;
        let speed = rng.factor(0.2);
        let mut person = Self {
            number,
            part: if number % 3 == 2 { Part::HeldOut } else { Part::Tune },
            set,
            darker_skin: has(plan, "darker_skin"),
            speed,
            noise: *rng.pick(&NOISES)?,
            noise_at_ends,
            reports: *rng.pick(&[0.75, 1.0, 1.0, 1.0, 1.0, 1.25])?,
            misses: *rng.pick(&[0.03, 0.03, 0.03, 0.03, 0.15, 0.15, 0.4])?,
            trouble: None,
            spots: None,
            open_until: 0.0,
            minoxidil_from: 1000.0,
            travel: rng.chance(0.1).then(|| Travel::draw(&mut rng)),
            courses: courses(key).iter().map(|course| course.draw(&mut rng, speed)).collect(),
            seed: seed ^ u64::try_from(number).unwrap_or_default().rotate_left(40),
        };
        person.adapt(plan, &mut rng);
        let has_sign = |key: &str| plan.signs.iter().any(|sign| is_part(&sign.key, key));
        person.trouble = kind.map(|kind| Trouble::draw(kind, key, &mut rng, has_sign));
        Some(person)
    }

    /// What of the treatment changes the course.
    fn adapt(&mut self, plan: &Compiled, rng: &mut Rng) {
        for course in &mut self.courses {
            let (shallow, aha) = (has(plan, "shallow"), has(plan, "aha"));
            match course.symptom {
                "dry_peel" if aha => course.level *= 0.4, // little or no visible flaking [BAK]
                _ if shallow => course.level *= 0.6,      // quick recovery [DN]
                "dry_peel" if has(plan, "off_face") => course.slow_down(1.5), // 7-10 days chest, 10-14 hands [REN, BEL]
                "redness" if self.darker_skin => course.level *= 0.75, // redness is seen less [BSC]
                "pigment" if self.darker_skin => course.level *= 1.2,
                _ => {}
            }
        }
        if rng.chance(0.25) {
            let from = rng.between((1.5, 8.0));
            self.spots = Some((from, from + rng.between((2.0, 6.0))));
        }
        self.open_until = match plan.key.as_str() {
            "peel-medium" | "laser-afl" => rng.between((6.5, 10.0)), // closed day 7-10 [MUS, MAY]
            "mn-scalp" => rng.between((0.3, 2.2)),
            _ => 0.0,
        };
        if has(plan, "with_minoxidil") {
            // Allowed from day 3 on a calm scalp; this person looks once a day.
            let calm =
                (3..30).map(f64::from).find(|day| self.level("redness", *day) < 1.0 && self.level("pain", *day) < 0.8);
            self.minoxidil_from = calm.unwrap_or(30.0) + f64::from(rng.day(0, 2));
        }
    }

    /// The level as the person would report it without noise.
    pub fn level(&self, symptom: &str, at: f64) -> f64 {
        let healing = |at: f64| {
            let levels = self.courses.iter().filter(|course| course.symptom == symptom).map(|course| course.at(at));
            levels.fold(0.0, f64::max) * self.reports
        };
        let trouble = self.trouble.as_ref().filter(|trouble| at >= f64::from(trouble.onset));
        let Some((trouble, rise)) = trouble.and_then(|trouble| {
            let rise = trouble.rises.iter().find(|(rising, _)| *rising == symptom)?;
            Some((trouble, rise.1))
        }) else {
            return healing(at).clamp(0.0, 10.0);
        };
        let since = at - f64::from(trouble.onset);
        let seen = if symptom == "redness" && self.darker_skin { 0.75 } else { 1.0 };
        // Healing stops, and what began goes on.
        let from = healing(f64::from(trouble.onset)).max(healing(at));
        (from + rise * seen * (1.0 + 0.1 * since.min(5.0))).clamp(0.0, 10.0)
    }

    /// How it is on the whole: the three that people mind most count double.
    pub fn overall(&self, at: f64) -> f64 {
        let parts = [("redness", 1.0), ("swelling", 1.0), ("pain", 1.0), ("itch", 0.5), ("dry_peel", 0.5)];
        parts.iter().map(|(symptom, weight)| weight * self.level(symptom, at)).sum::<f64>() / 4.0
    }

    /// An answer on the scale for what is felt.
    pub fn report(&self, felt: f64, rng: &mut Rng) -> u8 {
        let from_end = (felt.min(10.0 - felt) / 3.0).clamp(0.0, 1.0);
        let noise = self.noise * (self.noise_at_ends + (1.0 - self.noise_at_ends) * from_end);
        let said = felt + noise * rng.normal();
        (1..=10).rev().find(|level| said >= f64::from(*level) - 0.5).unwrap_or(0)
    }

    /// How old the skin is when the answers of a day come, in days and parts of them: late, early or on another clock.
    pub fn age_on(&self, day: i32) -> f64 {
        let shift =
            self.travel.filter(|travel| (travel.first..=travel.last).contains(&day)).map_or(0.0, |travel| travel.days);
        (f64::from(day) + self.chances(day, "hour").between((0.0, 0.4)) + shift).max(0.1)
    }

    /// Whether the planned check-in of this day is not answered. Who has something that hurts or frightens does not miss the next one.
    pub fn is_silent_on(&self, day: i32) -> bool {
        let pressing = self.trouble.as_ref().is_some_and(|trouble| trouble.onset <= day && !trouble.signs.is_empty());
        !pressing && self.chances(day, "silence").chance(self.misses)
    }

    /// The chances of one day, for one purpose: an answer more does not change the others.
    pub fn chances(&self, day: i32, purpose: &str) -> Rng {
        let what = self.trouble.as_ref().map_or("healthy", |trouble| trouble.kind.name());
        Rng::of(self.seed, &format!("{what} {} {day} {purpose} {}", self.number, self.speed))
    }
}

impl Travel {
    fn draw(rng: &mut Rng) -> Self {
        let first = rng.day(1, 9);
        Self { first, last: first + rng.day(1, 6), days: rng.between((-0.5, 0.8)) }
    }
}

/// Whether a variant applies.
pub fn has(plan: &Compiled, variant: &str) -> bool {
    plan.variants.iter().any(|one| one == variant)
}

/// Whether a sign is this one or a part of it, like `F10-late` of `F10`. `F10-burning` is another feeling.
pub fn is_part(sign: &str, of: &str) -> bool {
    sign == of
        || (sign.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'))
            && sign != "F10-burning"
            && sign != "F14-eyes")
}
