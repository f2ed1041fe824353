//! The clinic and its members, for staff.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::{self, Member as MemberRow, MemberState, Role, Staff};
use crate::clinics::{self, MemberChange, NewMember as Invite, store};
use crate::error::Error;
use crate::http::conditions::{answer_version, edited, if_match};
use crate::http::idempotency::{self, Key};
use crate::http::text::{Email, Line, Locale, Name, Phone, TimeOfDay};
use crate::http::{Body, Page, PageParams, Path, Query};
use engine::Weekday;
use ground::ids::{AccountId, ClinicId, MemberId};
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_clinic)
        .service(change_clinic)
        .service(list_members)
        .service(invite_member)
        .service(invite_member_again)
        .service(change_member);
    crate::api::clinic_texts::routes(config);
}

/// The clinic that the token acts for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Clinic {
    /// Its id.
    id: ClinicId,
    /// Its name.
    #[schema(example = "Invented Skin Clinic")]
    name: String,
    /// Its IANA zone: day 0 of a plan is a date there.
    #[schema(example = "Europe/London")]
    zone: String,
    /// Its language.
    #[schema(example = "en")]
    locale: String,
    /// Its telephone number.
    #[schema(example = "+44 20 7946 0000")]
    phone: String,
    /// The emergency number where it is.
    #[schema(example = "999")]
    emergency_number: String,
    /// Whom to call when it is closed.
    #[schema(example = "NHS 111")]
    out_of_hours: String,
    /// When answers are read.
    #[schema(example = "Mon-Fri 9:00-17:00")]
    reply_hours: String,
    /// Whether anybody reads answers at all.
    #[schema(example = true)]
    monitored: bool,
    /// Whether answers are judged.
    triage: clinics::TriageMode,
    /// A demo clinic.
    #[schema(example = false)]
    demo: bool,
    /// When a person looks, in the clinic's zone. Empty: it has not said.
    opening_hours: Vec<OpeningHours>,
    /// The dates on which nobody does, whatever day of the week it is.
    closed_on: Vec<ClosedDates>,
}

/// Open on these days of the week.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct OpeningHours {
    /// The days of the week.
    weekdays: Vec<Weekday>,
    /// From when, by the clinic's clock.
    #[schema(example = "09:00")]
    opens: String,
    /// Until when; `24:00` is the end of the day.
    #[schema(example = "17:00")]
    closes: String,
}

/// Closed all day, from one date to another.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClosedDates {
    /// The first date.
    from_on: Date,
    /// The last.
    to_on: Date,
}

/// Get the clinic that I act for.
///
/// The clinic of the token: no address names one.
#[utoipa::path(tag = "clinic", operation_id = "get_clinic",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The clinic.", body = Clinic), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic")]
async fn get_clinic(app: web::Data<App>, who: Staff, request: HttpRequest) -> Result<HttpResponse, Error> {
    let row = app.db.read(move |c| store::get(c, who.clinic)).await?;
    let version = row.version;
    answer_version(&request, &clinic_view(row)?, version)
}

fn clinic_view(row: clinics::Clinic) -> Result<Clinic, Error> {
    let opening = |line: clinics::OpeningHours| OpeningHours {
        weekdays: line.weekdays,
        opens: line.opens.into(),
        closes: line.closes.into(),
    };
    let closed = |dates: clinics::ClosedDates| ClosedDates { from_on: dates.from_on, to_on: dates.to_on };
    Ok(Clinic {
        opening_hours: row.opening_hours()?.into_iter().map(opening).collect(),
        closed_on: row.closed_on()?.into_iter().map(closed).collect(),
        id: row.id,
        name: row.name,
        zone: row.zone,
        locale: row.locale,
        phone: row.phone,
        emergency_number: row.emergency_number,
        out_of_hours: row.out_of_hours,
        reply_hours: row.reply_hours,
        monitored: row.monitored,
        triage: row.triage,
        demo: row.demo,
    })
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClinicPatch {
    /// Its name.
    name: Option<Name>,
    /// Its language.
    locale: Option<Locale>,
    /// Its telephone number.
    phone: Option<Phone>,
    /// The emergency number where it is.
    emergency_number: Option<Phone>,
    /// Whom to call when it is closed.
    out_of_hours: Option<Line>,
    /// When answers are read.
    reply_hours: Option<Line>,
    /// Whether anybody reads answers at all.
    #[schema(example = true)]
    monitored: Option<bool>,
    /// Whether answers are judged.
    triage: Option<clinics::TriageMode>,
    /// When a person looks, all of it anew, in the clinic's zone. Lines of one day may not overlap; hours past midnight are two lines.
    /// Empty: nothing is said about that.
    #[schema(max_items = 21)]
    opening_hours: Option<Vec<NewOpeningHours>>,
    /// The dates on which nobody does, all of them anew.
    #[schema(max_items = 100)]
    closed_on: Option<Vec<NewClosedDates>>,
}

/// To be open on these days of the week.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOpeningHours {
    /// The days of the week.
    #[schema(min_items = 1, max_items = 7)]
    weekdays: Vec<Weekday>,
    /// From when, by the clinic's clock.
    #[schema(example = "09:00")]
    opens: TimeOfDay,
    /// Until when; later than `opens`.
    closes: TimeOfDay,
}

/// To be closed all day, from one date to another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClosedDates {
    /// The first date.
    from_on: Date,
    /// The last; not earlier.
    to_on: Date,
}

impl From<ClinicPatch> for clinics::ClinicChange {
    fn from(patch: ClinicPatch) -> Self {
        let opening = |line: NewOpeningHours| clinics::OpeningHours {
            weekdays: line.weekdays,
            opens: line.opens,
            closes: line.closes,
        };
        let closed = |dates: NewClosedDates| clinics::ClosedDates { from_on: dates.from_on, to_on: dates.to_on };
        Self {
            name: patch.name,
            locale: patch.locale,
            phone: patch.phone,
            emergency_number: patch.emergency_number,
            out_of_hours: patch.out_of_hours,
            reply_hours: patch.reply_hours,
            monitored: patch.monitored,
            triage: patch.triage,
            opening_hours: patch.opening_hours.map(|lines| lines.into_iter().map(opening).collect()),
            closed_on: patch.closed_on.map(|lines| lines.into_iter().map(closed).collect()),
        }
    }
}

/// Change the clinic. Owners only.
///
/// Patients read it at once, in Today and in advice from now on. The zone cannot be changed: day 0 of every plan is a date there.
#[utoipa::path(tag = "clinic", operation_id = "change_clinic", request_body = ClinicPatch,
    params(("If-Match" = String, Header, description = "The ETag of the clinic that was read: `\"v1\"`.")),
    responses((status = 200, description = "The clinic as it is now.", body = Clinic)))]
#[patch("/v1/clinic")]
async fn change_clinic(
    app: web::Data<App>,
    who: Staff,
    request: HttpRequest,
    Body(patch): Body<ClinicPatch>,
) -> Result<HttpResponse, Error> {
    who.must_own()?;
    let tag = if_match(&request);
    let row = app.act(who, move |ctx| clinics::change(ctx, &who, patch.into(), tag.as_deref())).await?;
    let version = row.version;
    edited(&clinic_view(row)?, version)
}

/// A member of the clinic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Member {
    /// Its id.
    id: MemberId,
    /// The account; `null` until the invitation is accepted.
    #[schema(required)]
    account_id: Option<AccountId>,
    /// The name that colleagues see.
    #[schema(example = "Nia Invented")]
    name: String,
    /// Its address.
    #[schema(example = "nia@clinic.example")]
    email: String,
    /// What it may do.
    role: Role,
    /// Whether it may.
    state: MemberState,
    /// When it was made.
    created_at: Stamp,
    /// For `If-Match`: the ETag is `"v` and this number and `"`.
    #[schema(example = 1)]
    version: i32,
}

fn view(row: MemberRow, email: String) -> Member {
    Member {
        id: row.id,
        account_id: (row.state != MemberState::Invited).then_some(row.account_id),
        name: row.name,
        email,
        role: row.role,
        state: row.state,
        created_at: row.created_at,
        version: row.version,
    }
}

/// List the members.
///
/// Everybody who acts for the clinic, has been invited, or has left.
#[utoipa::path(tag = "clinic", operation_id = "list_members", params(PageParams),
    responses((status = 200, description = "A page of members.", body = Page<Member>)))]
#[get("/v1/clinic/members")]
async fn list_members(app: web::Data<App>, who: Staff, Query(page): Query<PageParams>) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app.db.read(move |c| store::list_members(c, who.clinic, &wanted)).await?;
    Ok(HttpResponse::Ok().json(page.cut(rows, |(row, _)| row.id.0, |(row, email)| view(row, email))?))
}

/// Somebody to invite.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMember {
    /// The name that colleagues will see.
    name: Name,
    /// Where the invitation goes.
    email: Email,
    /// What the member may do.
    role: Role,
}

/// Invite a member. Owners only.
///
/// The invitation is mailed and good for seven days; accepting it confirms the membership.
#[utoipa::path(tag = "clinic", operation_id = "invite_member", request_body = NewMember, params(Key),
    responses((status = 201, description = "Invited.", body = Member)))]
#[post("/v1/clinic/members")]
async fn invite_member(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    Body(new): Body<NewMember>,
) -> Result<HttpResponse, Error> {
    who.must_own()?;
    let () = ();
    let once = key.once(who.clinic, who.account, "invite_member", &new)?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let email = new.email.as_str().to_owned();
            let member =
                clinics::invite_member(ctx, &who, Invite { name: new.name, email: new.email, role: new.role })?;
            Ok(view(member, email))
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// An invitation of a member that is on its way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TeamInvitation {
    /// The member.
    member_id: MemberId,
    /// Until when the link in the mail is good.
    expires_at: Stamp,
}

/// Mail a member another invitation. Owners only.
///
/// For one that was lost or has run out; the older ones end. 409 `already_accepted` unless the member is `invited`.
#[utoipa::path(tag = "clinic", operation_id = "invite_member_again",
    params(Key, ("member_id" = MemberId, Path, description = "The member.")),
    responses((status = 201, description = "The mail is on its way.", body = TeamInvitation)))]
#[post("/v1/clinic/members/{member_id}/invitation")]
async fn invite_member_again(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<MemberId>,
) -> Result<HttpResponse, Error> {
    who.must_own()?;
    let () = ();
    let once = key.once(who.clinic, who.account, "invite_member_again", &*id)?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let (member, expires_at) = clinics::invite_again(ctx, who.clinic, *id)?;
            Ok(TeamInvitation { member_id: member.id, expires_at })
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// New rights of a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberPatch {
    /// The new role.
    role: Option<Role>,
    /// The new state.
    state: Option<MemberState>,
}

/// Change a member's rights. Owners only.
///
/// Counts at once: a token that the member holds is judged by the new rights from the next request on.
#[utoipa::path(tag = "clinic", operation_id = "change_member", request_body = MemberPatch,
    params(("member_id" = MemberId, Path, description = "The member."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "Changed.", body = Member)))]
#[patch("/v1/clinic/members/{member_id}")]
async fn change_member(
    app: web::Data<App>,
    who: Staff,
    id: Path<MemberId>,
    request: HttpRequest,
    Body(patch): Body<MemberPatch>,
) -> Result<HttpResponse, Error> {
    who.must_own()?;
    let tag = if_match(&request);
    let change = MemberChange { role: patch.role, state: patch.state };
    let member = app
        .act(who, move |ctx| {
            let member = clinics::change_member(ctx, &who, id.into_inner(), change, tag.as_deref())?;
            let account = auth::store::find_account(ctx.c, member.account_id)?.ok_or(Error::NotFound)?;
            Ok((member, account.email))
        })
        .await?;
    let version = member.0.version;
    edited(&view(member.0, member.1), version)
}
