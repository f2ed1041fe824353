//! Every kind of defect, with its stable code, how grave it is, and what it means.

use serde::{Serialize, Serializer};

/// How grave a defect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DefectSeverity)]
pub enum Severity {
    /// Worth a look; the plan can be used.
    Warning,
    /// The plan is refused.
    Error,
}

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// The kind of a defect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DefectCode { $($(#[doc = $meaning])+ $name),+ }

        impl DefectCode {
            /// Every kind: first what the reader refuses, then what the linter finds.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it is written everywhere; it never changes.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// How grave it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),+ }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+).trim_ascii_start()),+ }
            }
        }
    };
}

codes! {
    // The reader.
    /// This is not TOML.
    NotToml = "not_toml", Error;
    /// A key that must be there is not.
    MissingKey = "missing_key", Error;
    /// A key that the format does not have.
    UnknownKey = "unknown_key", Error;
    /// A value of another type than the key takes.
    WrongType = "wrong_type", Error;
    /// A number or a list outside what the key takes.
    OutOfRange = "out_of_range", Error;
    /// A word that is not one of those the key takes.
    UnknownWord = "unknown_word", Error;
    /// A source, assumption, question, symptom, form, slot or phase that is declared nowhere.
    UnknownReference = "unknown_reference", Error;
    /// Two entries with one key, or a key that has another meaning.
    Duplicate = "duplicate", Error;
    /// A key with letters or signs that its place does not take.
    BadKey = "bad_key", Error;
    /// Days that are none, run backwards, are out of order or outside the plan.
    BadDays = "bad_days", Error;
    /// A time or a window of a day that cannot be.
    BadWindow = "bad_window", Error;
    /// A text without one of the required locales.
    MissingLocale = "missing_locale", Error;
    /// A text that is empty, or in a locale that cannot be.
    BadText = "bad_text", Error;
    /// A control character other than the end of a line or a tab.
    ControlCharacter = "control_character", Error;
    /// A statement with neither a source nor an assumption.
    NoGrounds = "no_grounds", Error;
    /// A condition that cannot be read, or reads what does not exist.
    BadCondition = "bad_condition", Error;
    /// A key that does not belong to this kind of entry, or needs another one beside it.
    Misplaced = "misplaced", Error;
    /// Hours after the treatment that do not fit the days of the line.
    HoursDiffer = "hours_differ", Error;

    // The linter.
    /// A plan that makes more work for the checks than one document may.
    TooComplex = "too_complex", Error;
    // What a patient sees on each day.
    /// A day on which the plan says nothing to the patient.
    DayWithoutInstruction = "day_without_instruction", Error;
    /// A day of the first two weeks that belongs to no phase.
    DayWithoutPhase = "day_without_phase", Warning;
    /// A phase that an earlier phase hides on each of its days.
    PhaseHidden = "phase_hidden", Warning;
    /// Two lines of one meaning that cannot both be followed.
    Contradiction = "contradiction", Error;
    /// A day that, when the plan is played, forbids and asks for the same thing at the same time, or names two last days of it.
    DaySaysTwoThings = "day_says_two_things", Error;
    /// A line that starts while a hold can keep a restriction of the same name in force, and nothing says whether they are about the same thing.
    HoldWithoutMeaning = "hold_without_meaning", Error;
    /// An instruction or a task that whoever heals as expected never sees, because a hold forbids it on each of its days.
    LineNeverShown = "line_never_shown", Warning;
    /// A restriction that ends before what it protects from begins.
    ProtectionEndsEarly = "protection_ends_early", Error;
    /// Two lines that look the same on the same day.
    DuplicateLine = "duplicate_line", Warning;
    /// An entry whose `when` holds for no patient.
    NeverApplies = "never_applies", Error;

    // Variants, parameters, exclusions.
    /// A variant that applies to nobody.
    VariantUnreachable = "variant_unreachable", Error;
    /// A variant that applies to everybody.
    VariantAlways = "variant_always", Error;
    /// A variant that nothing reads.
    VariantUnused = "variant_unused", Warning;
    /// A parameter that nothing reads.
    ParameterUnused = "parameter_unused", Warning;
    /// An exclusion that applies to nobody.
    ExclusionUnreachable = "exclusion_unreachable", Error;
    /// An exclusion that applies to everybody.
    ExclusionAlways = "exclusion_always", Error;
    /// Sessions whose usual interval is shorter than the shortest allowed one.
    SessionsTooClose = "sessions_too_close", Error;
    /// A series of sessions without a check-in that says, when the shortest interval is over, whether the skin is ready.
    SessionsUnasked = "sessions_unasked", Warning;

    // Check-ins and questions.
    /// A question in no form.
    QuestionInNoForm = "question_in_no_form", Error;
    /// A question that no check-in asks on any of its days.
    QuestionNeverAsked = "question_never_asked", Error;
    /// A question whose answer nothing reads.
    QuestionUnread = "question_unread", Warning;
    /// A question of a check-in with an answer that no rule of that day looks at: the patient could be told neither this nor that.
    AnswerNotJudged = "answer_not_judged", Error;
    /// A check-in without a question on one of its days.
    CheckInEmpty = "check_in_empty", Error;
    /// A check-in that reminds nobody.
    CheckInSilent = "check_in_silent", Warning;
    /// A form that no check-in uses.
    FormUnused = "form_unused", Warning;
    /// A slot that no line uses.
    SlotUnused = "slot_unused", Warning;

    // Signs and rules.
    /// A sign that no check-in asks about.
    SignNeverAsked = "sign_never_asked", Error;
    /// A red flag whose advice names no number to call.
    RedFlagWithoutAdvice = "red_flag_without_advice", Error;
    /// A rule over answers on days without a check-in.
    RuleWithoutCheckIn = "rule_without_check_in", Error;
    /// A rule whose condition no patient can meet.
    RuleNeverFires = "rule_never_fires", Error;
    /// A rule that fires on the expected curve itself.
    RuleFiresOnCurve = "rule_fires_on_curve", Error;
    /// A rule over silence that fires when every check-in is answered.
    RuleFiresWithoutSilence = "rule_fires_without_silence", Error;
    /// An escalation that can never hold when its rule fires.
    EscalationNeverHolds = "escalation_never_holds", Warning;
    /// An escalation to an urgency that is not higher.
    EscalationNeverRaises = "escalation_never_raises", Warning;
    /// A restriction held by an answer that is not asked for while it could hold.
    HoldNeverAnswered = "hold_never_answered", Error;

    // Curves.
    /// A curve that jumps by more than 4 levels from one day to the next.
    CurveJumps = "curve_jumps", Error;
    /// A day on which a level of 3 or more is expected and the check-in does not ask for it.
    CurveDayUnasked = "curve_day_unasked", Warning;

    // Texts.
    /// A placeholder that stands for nothing.
    PlaceholderUnknown = "placeholder_unknown", Error;
    /// A placeholder that is in one locale and not in another.
    PlaceholderDiffers = "placeholder_differs", Error;
    /// A text of the clinic that no text uses.
    ClinicTextUnused = "clinic_text_unused", Warning;
    /// Words that promise, blame or play down.
    ForbiddenWording = "forbidden_wording", Warning;
    /// A sentence for patients with more than 15 words.
    LongSentence = "long_sentence", Warning;

    // Where statements come from.
    /// A source key that exists neither in the library nor in the document.
    SourceUnknown = "source_unknown", Error;
    /// An assumption key that exists neither in the library nor in the document.
    AssumptionUnknown = "assumption_unknown", Error;
    /// A source that is declared and not used.
    SourceUnused = "source_unused", Warning;
    /// An assumption that is declared and not used.
    AssumptionUnused = "assumption_unused", Warning;
}

impl std::fmt::Display for DefectCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DefectCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
