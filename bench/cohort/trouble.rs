//! Seeded complications: what a person notices and answers from the day it begins, and how soon the fact sheet wants somebody to act.

use engine::Urgency;

use super::rng::Rng;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    LoudInfection,
    QuietInfection,
    ColdSore,
    Burn,
    Allergy,
    Bleeding,
    Eye,
    DarkPatches,
    BlockedVessel,
    WrongProduct,
}

impl Kind {
    pub const ALL: &'static [Self] = &[
        Self::LoudInfection,
        Self::QuietInfection,
        Self::ColdSore,
        Self::Burn,
        Self::Allergy,
        Self::Bleeding,
        Self::Eye,
        Self::DarkPatches,
        Self::BlockedVessel,
        Self::WrongProduct,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::LoudInfection => "infection, loud",
            Self::QuietInfection => "infection, quiet",
            Self::ColdSore => "cold sore",
            Self::Burn => "burn",
            Self::Allergy => "allergy",
            Self::Bleeding => "bleeding",
            Self::Eye => "eye",
            Self::DarkPatches => "dark patches",
            Self::BlockedVessel => "blocked vessel (filler)",
            Self::WrongProduct => "wrong product",
        }
    }
}

/// One complication of one person.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub kind: Kind,
    /// The day on which it can first be noticed.
    pub onset: i32,
    /// What the fact sheet asks for.
    pub urgency: Urgency,
    /// Signs that are ticked while the form asks for them: the beginning of their key.
    pub signs: Vec<&'static str>,
    /// By how many points of the scale a symptom rises above what it was; healing of it stops.
    pub rises: Vec<(&'static str, f64)>,
    pub temperature: Option<f64>,
    /// What `patches` and `patches_early` are answered with.
    pub patches: Option<&'static str>,
    pub tingles: bool,
    /// Whether the person opens the form at once instead of waiting for the next check-in.
    pub at_once: bool,
}

/// Whether a plan heals in two weeks and not in one.
fn is_deep(plan: &str) -> bool {
    matches!(plan, "peel-medium" | "laser-afl")
}

impl Trouble {
    /// A complication of this kind. `has` says whether the plan asks for a sign at all.
    pub fn draw(kind: Kind, plan: &str, rng: &mut Rng, has: impl Fn(&str) -> bool) -> Self {
        let mut trouble = Self {
            kind,
            onset: 0,
            urgency: Urgency::Urgent,
            signs: Vec::new(),
            rises: Vec::new(),
            temperature: None,
            patches: None,
            tingles: false,
            at_once: rng.chance(0.5),
        };
        match kind {
            Kind::LoudInfection => trouble.loud_infection(rng),
            Kind::QuietInfection => trouble.quiet_infection(plan, rng),
            Kind::ColdSore => trouble.cold_sore(rng),
            Kind::Burn => trouble.burn(rng),
            Kind::Allergy => trouble.allergy(rng),
            Kind::Bleeding => {
                trouble.onset = rng.day(0, 2);
                trouble.signs = vec!["F15"];
            }
            Kind::Eye => trouble.eye(rng),
            Kind::DarkPatches => trouble.dark_patches(plan, rng),
            Kind::BlockedVessel => trouble.blocked_vessel(rng, has("F5")),
            Kind::WrongProduct => trouble.wrong_product(rng),
        }
        trouble
    }

    /// Pus, spread or fever [SKP, AWS, CEM, CEL]; with fever and sorer skin it is F3.
    fn loud_infection(&mut self, rng: &mut Rng) {
        self.onset = rng.day(2, 12);
        let seen = [vec!["F6"], vec!["F7"], vec!["F6", "F7"]];
        self.signs = rng.pick(&seen).cloned().unwrap_or_default();
        self.rises = vec![
            ("pain", rng.between((3.0, 5.0))),
            ("redness", rng.between((2.0, 4.0))),
            ("swelling", rng.between((2.0, 4.0))),
        ];
        if rng.chance(0.25) {
            self.signs.push("F22");
        }
        if rng.chance(0.5) {
            self.temperature = Some(rng.between((38.0, 39.4)));
            self.signs.extend(["F3", "F4"]);
            self.urgency = Urgency::Emergency;
        }
    }

    /// No sign: pain, redness and swelling rise by 2 to 3.5 points, and some feel slightly warm. Pain had eased, so F8: urgent.
    fn quiet_infection(&mut self, plan: &str, rng: &mut Rng) {
        self.onset = rng.day(if is_deep(plan) { 6 } else { 3 }, 12);
        self.rises = ["pain", "redness", "swelling"].map(|symptom| (symptom, rng.between((2.0, 3.5)))).to_vec();
        if rng.chance(0.7) {
            self.temperature = Some(rng.between((37.2, 37.8)));
        }
    }

    /// Tingle, burning, small blisters [COL, NCA, LAB].
    fn cold_sore(&mut self, rng: &mut Rng) {
        self.onset = rng.day(1, 9);
        self.tingles = true;
        self.rises = vec![("pain", rng.between((1.0, 3.0)))];
        self.signs = vec!["F9"];
    }

    /// Blisters, or skin that turns white, grey or black [LEE, HIM, A8].
    fn burn(&mut self, rng: &mut Rng) {
        self.onset = rng.day(0, 3);
        self.signs = if rng.chance(0.6) { vec!["F10"] } else { vec!["F11"] };
        self.rises = vec![("pain", rng.between((3.0, 5.0))), ("redness", rng.between((1.0, 3.0)))];
    }

    /// Hives over much of the body, or trouble breathing [ANA, CHU].
    fn allergy(&mut self, rng: &mut Rng) {
        self.onset = rng.day(0, 7);
        self.signs = vec!["F12"];
        self.rises = vec![("itch", rng.between((3.0, 6.0))), ("redness", rng.between((1.0, 3.0)))];
        if rng.chance(0.3) {
            self.signs = vec!["F1"];
            self.urgency = Urgency::Emergency;
            self.at_once = rng.chance(0.8);
        }
    }

    /// Eye pain, light that hurts, blurred sight [NCA, COL2].
    fn eye(&mut self, rng: &mut Rng) {
        self.onset = rng.day(0, 10);
        self.signs = vec!["F5"];
        self.urgency = Urgency::Emergency;
        self.rises = vec![("pain", rng.between((1.0, 3.0)))];
    }

    /// New dark patches once flaking is over [CHU, K85]: days 10-90, after a medium peel or an ablative laser 14-90.
    fn dark_patches(&mut self, plan: &str, rng: &mut Rng) {
        self.onset = rng.day(if is_deep(plan) { 14 } else { 10 }, 28);
        self.patches = Some(if rng.chance(0.85) { "dark" } else { "both" });
        self.rises = vec![("pigment", rng.between((3.0, 6.0)))];
        self.urgency = Urgency::Soon;
        self.at_once = false;
    }

    /// Filler of the same visit closes a vessel: pain, white or grey skin, some lose sight.
    fn blocked_vessel(&mut self, rng: &mut Rng, eyes_are_asked: bool) {
        self.onset = rng.day(0, 2);
        self.signs = vec!["F11"];
        self.rises = vec![("pain", rng.between((4.0, 7.0)))];
        if eyes_are_asked && rng.chance(0.3) {
            self.signs.push("F5");
            self.urgency = Urgency::Emergency;
        }
    }

    /// A product the clinic had not named: it burns, reddens and itches within hours [CHU, GRAN1]; half of them call it a rash (F13).
    fn wrong_product(&mut self, rng: &mut Rng) {
        self.onset = rng.day(1, 9);
        self.rises = vec![
            ("redness", rng.between((3.0, 5.0))),
            ("itch", rng.between((3.0, 5.0))),
            ("pain", rng.between((2.0, 4.0))),
        ];
        if rng.chance(0.5) {
            self.signs = vec!["F13"];
        }
        self.urgency = Urgency::Soon;
    }
}
