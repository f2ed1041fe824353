//! The small closed vocabularies of the engine: in the API, in the database and in protocol documents they read the same.

use serde::{Deserialize, Serialize};

/// A word from outside that is not in the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of: {allowed}")]
pub struct UnknownWord {
    /// What was read.
    pub word: String,
    /// What could have been read.
    pub allowed: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[derive(utoipa::ToSchema, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* $word),+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as it is written everywhere.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text),+ }
            }
        }

        ground::text_value!($name);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($text => Ok(Self::$word),)+
                    _ => Err(UnknownWord { word: word.to_owned(), allowed: [$($text),+].join(", ") }),
                }
            }
        }
    )+};
}

words! {
    /// How soon a person must act; ordered from the calmest to the most pressing.
    Urgency {
        /// Staff see it at the next review.
        Note = "note",
        /// Contact within one working day.
        Soon = "soon",
        /// Phone the clinic now, same day.
        Urgent = "urgent",
        /// The emergency number first.
        Emergency = "emergency",
    }

    /// What an occurrence is at one moment; computed, never stored.
    State {
        /// Its window has not opened.
        Upcoming = "upcoming",
        /// Its window is open.
        Open = "open",
        /// Its window closed, an answer is still accepted.
        Late = "late",
        /// Marked done, or answered.
        Done = "done",
        /// Marked as done in part.
        Partial = "partial",
        /// Marked as skipped, with a reason.
        Skipped = "skipped",
        /// Nothing came in time.
        Missed = "missed",
        /// Its window had closed before the patient was enrolled.
        Cancelled = "cancelled",
    }

    /// What a person recorded about an occurrence.
    MarkState {
        /// All of it.
        Done = "done",
        /// A part of it.
        Partial = "partial",
        /// None of it, on purpose.
        Skipped = "skipped",
    }

    /// Where a plan stands.
    PlanStatus {
        /// Not started: waits for a person.
        Draft = "draft",
        /// Running.
        Active = "active",
        /// Paused.
        OnHold = "on_hold",
        /// Ended as planned.
        Completed = "completed",
        /// Ended early.
        Revoked = "revoked",
        /// Should never have been.
        EnteredInError = "entered_in_error",
    }

    /// What kind of line an item is.
    ItemKind {
        /// Do this.
        Instruction = "instruction",
        /// Avoid this.
        Restriction = "restriction",
        /// Do this and say so.
        Task = "task",
        /// Answer a form.
        CheckIn = "check_in",
        /// Take pictures.
        Photo = "photo",
        /// Read this.
        Education = "education",
    }

    /// What becomes of a line that comes once and was over when the patient was enrolled.
    LateEnrolment {
        /// It is left out.
        Skip = "skip",
        /// It is shown at first, and nobody expects it.
        CatchUp = "catch_up",
        /// It is asked at first, like any other.
        StartNow = "start_now",
    }

    /// What was performed.
    Procedure {
        /// Needling of the skin.
        Microneedling = "microneedling",
        /// A chemical peel.
        Peel = "peel",
        /// A fractional laser.
        Laser = "laser",
    }

    /// The type of a parameter of the treatment.
    ParameterKind {
        /// A decimal number between `min` and `max`.
        Decimal = "decimal",
        /// One of `choices`.
        Choice = "choice",
        /// Yes or no.
        Flag = "flag",
    }

    /// The type of a question.
    QuestionKind {
        /// 0 to 10.
        Level = "level",
        /// One of the choices.
        Choice = "choice",
        /// Any number of the choices.
        Multi = "multi",
        /// Yes or no.
        Flag = "flag",
        /// Degrees Celsius, or Fahrenheit to be converted.
        Temperature = "temperature",
    }

    /// Why a question is asked that no rule reads.
    Purpose {
        /// How the treatment turned out.
        Result = "result",
        /// Whether the plan could be followed.
        Adherence = "adherence",
        /// Staff read it themselves.
        Record = "record",
    }

    /// What sets a rule off.
    Trigger {
        /// The answers of a check-in.
        Answers = "answers",
        /// Check-ins that did not come.
        Silence = "silence",
        /// A day that has come: staff act for every patient.
        Day = "day",
    }

    /// What was decided.
    Decision {
        /// A mail of its own.
        Mailed = "mailed",
        /// Told by a mail that was written already.
        #[serde(rename = "joined")]
        Merged = "joined",
        /// No mail.
        NotMailed = "not_mailed",
    }

    /// Why it was decided so.
    Reason {
        /// Nothing is there yet.
        Missing = "missing",
        /// Done or answered already.
        Done = "done",
        /// The patient has not accepted the invitation: nobody has shown whose address it is.
        NotAccepted = "not_accepted",
        /// The patient wants no reminders.
        Unsubscribed = "unsubscribed",
        /// A relay said that the address does not exist.
        AddressRefused = "address_refused",
        /// The window was over when the planner came.
        TooLate = "too_late",
        /// The plan is not running.
        PlanNotActive = "plan_not_active",
        /// Today did not ask for it.
        NotAsked = "not_asked",
        /// It was due before the database was restored from a backup.
        Restored = "restored",
    }

    /// A day of the week.
    Weekday {
        /// The first.
        Monday = "monday",
        /// The second.
        Tuesday = "tuesday",
        /// The third.
        Wednesday = "wednesday",
        /// The fourth.
        Thursday = "thursday",
        /// The fifth.
        Friday = "friday",
        /// The sixth.
        Saturday = "saturday",
        /// The last.
        Sunday = "sunday",
    }

    /// What a finding does to the alerts of its cause.
    AlertChange {
        /// There is one now.
        Raised = "raised",
        /// The same cause was found again.
        SeenAgain = "seen_again",
        /// The same cause was found again, more pressing.
        Worsened = "worsened",
    }
}

impl PlanStatus {
    /// Whether the patient sees lines of the plan: all of them; while it waits for a person those that are safe whatever it waits
    /// for; while it is paused its restrictions.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Active | Self::Draft | Self::OnHold)
    }
}

impl ItemKind {
    /// Whether it says what to do.
    pub fn tells_to_do(self) -> bool {
        matches!(self, Self::Instruction | Self::Task)
    }

    /// Whether somebody can mark it; the others only inform.
    pub fn can_be_marked(self) -> bool {
        matches!(self, Self::Task | Self::CheckIn | Self::Photo)
    }
}

impl From<MarkState> for State {
    fn from(mark: MarkState) -> Self {
        match mark {
            MarkState::Done => Self::Done,
            MarkState::Partial => Self::Partial,
            MarkState::Skipped => Self::Skipped,
        }
    }
}
