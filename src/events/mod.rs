//! What happened: one row for each thing that somebody did, written in the transaction of the thing itself, never changed.
//!
//! An event holds ids and words, and the reason that a person had to give; never what a patient said. It is written with its actor
//! (`Ctx::happened`), and gets its place later (`seal`): a number in its clinic without gaps, and a hash over the one before.

pub mod reads;
pub mod seal;
pub mod store;

use diesel::prelude::*;
use serde::Deserialize;

use crate::db::schema::events;
use ground::ids::{
    AccountId, AlertId, CheckInId, ClinicId, CourseId, EventObjectId, MailId, MemberId, MigrationId, OccurrenceId,
    PatientId, PlanId, ReminderId, SessionId, TreatmentId, VersionId,
};
use ground::sql::MultiBackend;
use ground::time::Stamp;
use ground::words;

words! {
    /// What happened. The words are public and stay; new ones come.
    pub enum EventKind {
        /// A clinic was made.
        ClinicCreated = "clinic.created",
        /// Its settings were changed.
        ClinicChanged = "clinic.changed",
        /// A text that it writes into its protocols was changed.
        ClinicTextChanged = "clinic.text_changed",
        /// A member was invited, or invited again.
        MemberInvited = "member.invited",
        /// A member accepted.
        MemberAccepted = "member.accepted",
        /// A member's role or state was changed.
        MemberChanged = "member.changed",
        /// A link to sign in was asked for; whether anybody has the address is not said.
        SignInLinkRequested = "account.sign_in_link_requested",
        /// A link to set a new password was asked for; whether anybody has the address is not said.
        PasswordResetRequested = "account.password_reset_requested",
        /// A password was set.
        PasswordChanged = "account.password_changed",
        /// Another address was asked for.
        AddressChangeRequested = "account.address_change_requested",
        /// The account has another address.
        AddressChanged = "account.address_changed",
        /// The account was shut.
        AccountDisabled = "account.disabled",
        /// The account was opened again.
        AccountEnabled = "account.enabled",
        /// A session began.
        SessionStarted = "session.started",
        /// A session got new tokens.
        SessionRefreshed = "session.refreshed",
        /// A session ended.
        SessionEnded = "session.ended",
        /// A refresh token came a second time: its session ended.
        SessionTokenReused = "session.token_reused",
        /// All sessions of the account ended.
        SessionsEnded = "account.sessions_ended",
        /// A key that signs tokens was made.
        KeyRotated = "signing_key.rotated",
        /// A key that signs tokens was removed.
        KeyRemoved = "signing_key.removed",
        /// A record was made.
        PatientAdded = "patient.added",
        /// A record was changed.
        PatientChanged = "patient.changed",
        /// A patient was invited, or invited again.
        PatientInvited = "patient.invited",
        /// A patient accepted: the record has an account.
        PatientAccepted = "patient.accepted",
        /// The account was taken off the record.
        PatientUnlinked = "patient.unlinked",
        /// A patient wants no more reminders.
        PatientUnsubscribed = "patient.unsubscribed",
        /// A mail relay said that the record's address does not exist.
        PatientAddressRefused = "patient.address_refused",
        /// A treatment was recorded.
        TreatmentRecorded = "treatment.recorded",
        /// A treatment that was there became part of a course.
        TreatmentAddedToCourse = "course.treatment_added",
        /// A course was made.
        CourseMade = "course.made",
        /// A course was changed.
        CourseChanged = "course.changed",
        /// A version of a protocol was written.
        ProtocolWritten = "protocol.written",
        /// A draft was edited.
        ProtocolEdited = "protocol.edited",
        /// A version was approved, and is given from now on.
        ProtocolActivated = "protocol.activated",
        /// A version is given no more.
        ProtocolRetired = "protocol.retired",
        /// A version that was retired is a draft again.
        ProtocolRedrafted = "protocol.redrafted",
        /// A treatment got a plan.
        PlanEnrolled = "plan.enrolled",
        /// A clinician let a plan begin that waited.
        PlanStarted = "plan.started",
        /// A clinician declined a plan that waited.
        PlanDeclined = "plan.declined",
        /// A plan was paused.
        PlanPaused = "plan.paused",
        /// A plan goes on.
        PlanResumed = "plan.resumed",
        /// A plan was completed or revoked.
        PlanEnded = "plan.ended",
        /// A plan never should have been.
        PlanEnteredInError = "plan.entered_in_error",
        /// What was recorded of a plan's treatment was corrected.
        PlanCorrected = "plan.corrected",
        /// Something is different for this patient.
        PlanOverridden = "plan.overridden",
        /// The plan of a later session took a plan's place.
        PlanSuperseded = "plan.superseded",
        /// It does not take the plan's place after all.
        PlanReinstated = "plan.reinstated",
        /// A revision was taken back.
        PlanRevisionUndone = "plan.revision_undone",
        /// A plan moved to another version of its protocol, or back.
        PlanMoved = "plan.moved",
        /// A move of many plans began.
        PlanMigrationBegun = "plan_migration.begun",
        /// A move of many plans is taken back.
        PlanMigrationRolledBack = "plan_migration.rolled_back",
        /// A patient answered.
        CheckInRecorded = "check_in.recorded",
        /// Answers were judged again.
        CheckInReconsidered = "check_in.reconsidered",
        /// A line was marked.
        MarkMade = "mark.made",
        /// A mark was taken back.
        MarkWithdrawn = "mark.withdrawn",
        /// A mark was kept that counts for nothing now.
        MarkKept = "mark.kept",
        /// An alert was raised.
        AlertRaised = "alert.raised",
        /// Its cause was found again.
        AlertSeenAgain = "alert.seen_again",
        /// Its cause was found again, more pressing.
        AlertWorsened = "alert.worsened",
        /// Somebody took it.
        AlertAcknowledged = "alert.acknowledged",
        /// Somebody ended it.
        AlertResolved = "alert.resolved",
        /// A mail that was given up is sent again.
        MailSentAgain = "mail.sent_again",
        /// A member looked at a record, or at something of it.
        PatientRead = "patient.read",
        /// A member looked at a plan.
        PlanRead = "plan.read",
        /// A member looked at a course.
        CourseRead = "course.read",
        /// A member looked at an alert.
        AlertRead = "alert.read",
        /// A member looked at a decision to remind.
        ReminderRead = "reminder.read",
        /// A member looked at a mail.
        MailRead = "mail.read",
    }
}

impl EventKind {
    /// Whether it changes who may do what: every process then forgets which tokens it verified.
    pub fn changes_rights(self) -> bool {
        matches!(
            self,
            Self::MemberInvited
                | Self::MemberAccepted
                | Self::MemberChanged
                | Self::PasswordChanged
                | Self::AddressChanged
                | Self::AccountDisabled
                | Self::AccountEnabled
                | Self::SessionEnded
                | Self::SessionTokenReused
                | Self::SessionsEnded
                | Self::KeyRotated
                | Self::KeyRemoved
                | Self::PatientAccepted
                | Self::PatientUnlinked
                | Self::ClinicCreated
        )
    }
}

words! {
    /// What kind of thing an event is about.
    pub enum ObjectKind {
        /// A clinic.
        Clinic = "clinic",
        /// A member.
        Member = "member",
        /// An account.
        Account = "account",
        /// A session.
        Session = "session",
        /// A key that signs tokens.
        SigningKey = "signing_key",
        /// A record.
        Patient = "patient",
        /// A treatment.
        Treatment = "treatment",
        /// A course.
        Course = "course",
        /// A version of a protocol.
        ProtocolVersion = "protocol_version",
        /// A plan.
        Plan = "plan",
        /// A move of many plans.
        PlanMigration = "plan_migration",
        /// A check-in.
        CheckIn = "check_in",
        /// A line of a day.
        Occurrence = "occurrence",
        /// An alert.
        Alert = "alert",
        /// A decision to remind.
        Reminder = "reminder",
        /// A mail.
        Mail = "mail",
    }
}

words! {
    /// Who acted.
    pub enum ActorKind {
        /// A member, for the clinic.
        Staff = "staff",
        /// An account, for itself.
        Account = "account",
        /// Somebody who is not signed in.
        Anonymous = "anonymous",
        /// Whoever runs the server, by a command.
        Operator = "operator",
        /// The server's recurring work.
        Server = "server",
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A member, for the clinic.
    Staff {
        /// The membership.
        member: MemberId,
        /// Its account.
        account: AccountId,
    },
    /// An account, for itself.
    Account(AccountId),
    /// Somebody who is not signed in: a mailed link is the proof, or there is none.
    Anonymous,
    /// Whoever runs the server, by a command.
    Operator,
    /// The server's recurring work.
    Server,
}

impl Actor {
    fn kind(self) -> ActorKind {
        match self {
            Self::Staff { .. } => ActorKind::Staff,
            Self::Account(_) => ActorKind::Account,
            Self::Anonymous => ActorKind::Anonymous,
            Self::Operator => ActorKind::Operator,
            Self::Server => ActorKind::Server,
        }
    }

    /// Whose account it is, if somebody is signed in.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Staff { account, .. } | Self::Account(account) => Some(account),
            Self::Anonymous | Self::Operator | Self::Server => None,
        }
    }

    /// In which membership, if it is for a clinic.
    pub fn member(self) -> Option<MemberId> {
        match self {
            Self::Staff { member, .. } => Some(member),
            _ => None,
        }
    }
}

/// What an event is about: ids only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventSubject {
    /// The clinic that it concerns, if one.
    pub clinic: Option<ClinicId>,
    /// The record, if one.
    pub patient: Option<PatientId>,
    /// The plan, if one.
    pub plan: Option<PlanId>,
    /// The thing itself.
    pub object: Option<Object>,
}

macro_rules! objects {
    ($($kind:ident($id:ty)),+ $(,)?) => {
        /// A thing that events are about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Object {
            $(#[doc = "Of that kind."] $kind($id)),+
        }

        impl Object {
            fn kind(self) -> ObjectKind {
                match self { $(Self::$kind(_) => ObjectKind::$kind),+ }
            }

            fn id(self) -> EventObjectId {
                match self { $(Self::$kind(id) => EventObjectId(id.0)),+ }
            }
        }
    };
}
objects! {
    Clinic(ClinicId), Member(MemberId), Account(AccountId), Session(SessionId), Patient(PatientId), Treatment(TreatmentId),
    Course(CourseId), ProtocolVersion(VersionId), Plan(PlanId), PlanMigration(MigrationId), CheckIn(CheckInId),
    Occurrence(OccurrenceId), Alert(AlertId), Reminder(ReminderId), Mail(MailId),
}

impl EventSubject {
    /// The server itself.
    pub const SERVER: Self = Self { clinic: None, patient: None, plan: None, object: None };

    /// A thing of no clinic.
    pub fn of(object: Object) -> Self {
        let whole = Self { object: Some(object), ..Self::SERVER };
        match object {
            Object::Patient(id) => whole.of_patient(id),
            Object::Plan(id) => whole.of_plan(id),
            _ => whole,
        }
    }

    /// A thing of a clinic.
    pub fn in_clinic(clinic: ClinicId, object: Object) -> Self {
        Self { clinic: Some(clinic), ..Self::of(object) }
    }

    /// The same, about that record.
    pub fn of_patient(self, patient: PatientId) -> Self {
        Self { patient: Some(patient), ..self }
    }

    /// The same, about that plan.
    pub fn of_plan(self, plan: PlanId) -> Self {
        Self { plan: Some(plan), ..self }
    }
}

/// Kinds of events: one, or those of a thing (`plan.*`), or of a deed (`*.read`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct KindPattern(String);

impl KindPattern {
    /// For LIKE, with `\\` as its escape.
    fn like(&self) -> String {
        self.0.replace('_', "\\_").replace('*', "%")
    }
}

impl TryFrom<String> for KindPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_word = |word: &str| {
            word == "*" || !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        match text.split_once('.') {
            Some((thing, deed)) if text.len() <= 64 && is_word(thing) && is_word(deed) => Ok(Self(text)),
            _ => Err("invalid_value: must be a kind like `plan.enrolled`, or many: `plan.*`, `*.read`"),
        }
    }
}

/// Something that happened, for whoever reacts to it.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub subject: EventSubject,
}

/// An event as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(MultiBackend))]
pub struct StoredEvent {
    /// In the order of writing; has gaps.
    pub seq: i64,
    /// The clinic whose chain it stands in; nil for what concerns the server.
    pub chain: ClinicId,
    /// Its place in the chain, from 1; `None` until it is sealed.
    pub number: Option<i64>,
    /// SHA-256 over the hash before it and all that is kept of this one; `None` until it is sealed.
    pub hash: Option<Vec<u8>>,
    pub at: Stamp,
    /// What, as a word: a newer release may have written one that this one does not know.
    pub kind: String,
    /// Who, as a word.
    pub actor_kind: String,
    /// Whose account.
    pub account_id: Option<AccountId>,
    /// In which membership.
    pub member_id: Option<MemberId>,
    pub patient_id: Option<PatientId>,
    pub plan_id: Option<PlanId>,
    /// What kind of thing.
    pub object_kind: Option<String>,
    pub object_id: Option<EventObjectId>,
    /// The reason that a person gave.
    pub reason: Option<String>,
}
