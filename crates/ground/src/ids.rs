//! Newtype ids: a `PlanId` cannot be passed where a `PatientId` is meant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An id as the contract has it (`format: uuid`): 36 characters in either case. Braces, `urn:uuid:` and the form without hyphens are no ids, so
/// that each object has one URL.
fn parse(text: &str) -> Result<Uuid, &'static str> {
    let wrong = "invalid_value: must be a UUID like 0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
    if text.len() == 36 { Uuid::try_parse(text).map_err(|_| wrong) } else { Err(wrong) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = crate::sql::Uid)]
        #[serde(try_from = "String")]
        #[schema(value_type = String, format = Uuid, example = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11")]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                parse(&text).map(Self)
            }
        }

        crate::uid_value!($name);
    )+};
}

ids! {
    /// The tenant.
    ClinicId,
    /// One login.
    AccountId,
    /// An account's role in a clinic.
    MemberId,
    /// One person's record in one clinic.
    PatientId,
    /// One performed procedure.
    TreatmentId,
    /// A series of treatments.
    CourseId,
    /// One version of a protocol in one clinic.
    VersionId,
    /// A patient's enrolment.
    PlanId,
    /// The move of running plans to another version of their protocol.
    MigrationId,
    /// One change of a plan.
    RevisionId,
    /// (plan, item key, day, slot key), computed: UUIDv5.
    OccurrenceId,
    /// One recorded mark on an occurrence.
    MarkId,
    /// A patient's answers; the phone makes the id.
    CheckInId,
    /// One judgement of a check-in after the first.
    JudgementId,
    /// Something a person at the clinic must look at.
    AlertId,
    /// A decision to write to a patient.
    ReminderId,
    /// One mail, waiting or sent.
    MailId,
    /// A sign-in on one device: a family of refresh tokens.
    SessionId,
    /// A one-time link that was mailed.
    LinkId,
    /// What an event is about, of whatever kind.
    EventObjectId,
    /// One time that the database was restored from a backup.
    RestoreId,
    /// What a job could not do: a plan, a mail, a migration.
    SubjectId,
}
