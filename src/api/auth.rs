//! Sign-in, refresh, one-time links, sessions.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::address_changes;
use crate::api::extract::Anybody;
use crate::app::App;
use crate::auth::tokens::Jwks;
use crate::auth::tries::Tries;
use crate::auth::{self, ActsAs, Purpose, Role, SignedIn, store};
use crate::error::Error;
use crate::events::Actor;
use crate::http::Body;
use crate::http::body::AsSent;
use crate::http::limits::source_of;
use crate::http::text::{Email, NewPassword, Shown, nfc};
use crate::invitations::{self, Accepting};
use ground::ids::{AccountId, ClinicId, SessionId};
use ground::time::{Moment, Stamp};

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(login)
        .service(refresh)
        .service(logout)
        .service(request_password_reset)
        .service(confirm_password_reset)
        .service(request_sign_in_link)
        .service(exchange_sign_in_link)
        .service(accept_invitation)
        .service(request_address_change)
        .service(confirm_address_change)
        .service(list_sessions)
        .service(end_sessions)
        .service(get_jwks);
}

/// An address and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLogin {
    /// The address of the account.
    email: Email,
    /// Its password.
    #[schema(value_type = String, format = Password, max_length = 1024, example = "a long sentence that only you know")]
    password: Shown<1024>,
    /// The clinic to act for, when the account is a member of one. A patient leaves it out.
    clinic_id: Option<ClinicId>,
}

/// A session: use the access token until it expires, then refresh.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct SignIn {
    /// Goes into `Authorization: Bearer ...`.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln")]
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: String,
    /// Seconds until the access token expires.
    #[schema(example = 300)]
    expires_in: i64,
    /// For one refresh. Keep it where only the app can read it.
    #[schema(example = "AZfy8H88fB6aRC9dHJ8rEQAAAACk2n7l4m5Xc1bJ0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1w")]
    refresh_token: String,
    /// The session ends then in any case.
    session_ends_at: Stamp,
    /// The account.
    account_id: AccountId,
    /// Whether the tokens act for a patient or for a clinic's member.
    acts_as: ActsAs,
    /// The clinic, for staff.
    #[schema(required)]
    clinic_id: Option<ClinicId>,
    /// The role, for staff.
    #[schema(required)]
    role: Option<Role>,
}

async fn answer(app: &App, m: &Moment, signed_in: SignedIn) -> Result<HttpResponse, Error> {
    let access_token = app.tokens.issue(m, &signed_in.session, signed_in.epoch).await?;
    Ok(HttpResponse::Ok().json(SignIn {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: app.tokens.life(),
        refresh_token: signed_in.refresh_token,
        session_ends_at: signed_in.session.ends_at,
        account_id: signed_in.session.account_id,
        acts_as: if signed_in.session.clinic_id.is_some() { ActsAs::Staff } else { ActsAs::Patient },
        clinic_id: signed_in.session.clinic_id,
        role: signed_in.role,
    }))
}

/// Sign in with a password.
///
/// An unknown address and a wrong password give the same answer in the same time. Ten failed tries a minute from one place; then
/// 429, before anything is judged.
/// A member of several clinics names one: 422 `clinic_needed` lists them.
#[utoipa::path(tag = "sign-in", operation_id = "login", request_body = NewLogin, security(()),
    responses((status = 200, description = "Signed in.", body = SignIn)))]
#[post("/v1/auth/login")]
async fn login(
    app: web::Data<App>,
    request: HttpRequest,
    AsSent(new): AsSent<NewLogin>,
) -> Result<HttpResponse, Error> {
    let source = source_of(&request, app.config.trusted_proxies);
    let judged = judge(&app, &new.email, new.password.expose(), source, new.clinic_id).await?;
    let Some(account) = judged.filter(auth::Account::is_open) else {
        app.refusals.note("wrong_password", source);
        return Err(Error::SignInNeeded);
    };
    let m = app.moment();
    let signed_in = app.act(Actor::Anonymous, move |ctx| auth::sign_in(ctx, &account, new.clinic_id)).await?;
    answer(&app, &m, signed_in).await
}

/// The account, if that is its password: counted before the hashing, given back if it was right or could not be judged.
async fn judge(
    app: &App,
    email: &Email,
    password: &str,
    source: Option<std::net::IpAddr>,
    clinic: Option<ClinicId>,
) -> Result<Option<auth::Account>, Error> {
    let (tries, at) = (Tries::sign_in(email, source, clinic), app.clock.now());
    let counted = tries.clone();
    let before = app.db.write(move |c| counted.begin(c, at)).await.inspect_err(|why| {
        if matches!(why, Error::TooMany(_)) {
            app.refusals.note("too_many_tries", source);
        }
    })?;
    if !before.delay.is_zero() {
        tokio::time::sleep(before.delay).await;
    }
    let address = email.as_str().to_owned();
    let account = app.db.read_fresh(move |c| store::find_account_by_email(c, &address)).await?;
    let password: SecretString = nfc(password).into();
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = app.passwords.verify(&password, hash, before.of_source).await;
    if !matches!(right, Ok(false)) {
        app.db.write(move |c| tries.give_back(c, at)).await?;
    }
    Ok(account.filter(|_| matches!(right, Ok(true)))).and_then(|account| right.map(|_| account))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshToken {
    /// The newest one that the session gave.
    #[schema(value_type = String, max_length = 512, example = "AZfy8H88fB6aRC9dHJ8rEQAAAACk2n7l4m5Xc1bJ0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1w")]
    refresh_token: Shown<512>,
}

/// Exchange a refresh token for the next pair.
///
/// Each refresh token works once. If the response was lost, the same request within 10 seconds gives the same next token.
/// A token that is used again later ends the whole session: somebody else may have it.
#[utoipa::path(tag = "sign-in", operation_id = "refresh_session", request_body = RefreshToken, security(()),
    responses((status = 200, description = "The next pair.", body = SignIn)))]
#[post("/v1/auth/refresh")]
async fn refresh(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<RefreshToken>,
) -> Result<HttpResponse, Error> {
    let m = app.moment();
    let signed_in = app.act(Actor::Anonymous, move |ctx| auth::refresh(ctx, sent.refresh_token.expose())).await?;
    match signed_in {
        Some(signed_in) => answer(&app, &m, signed_in).await,
        None => {
            app.tokens.invalidate();
            app.refusals.note("refresh_token", source_of(&request, app.config.trusted_proxies));
            Err(Error::SignInNeeded)
        }
    }
}

/// End the session of a refresh token.
///
/// Its access tokens stop at once. A token that does not count changes nothing.
#[utoipa::path(tag = "sign-in", operation_id = "end_session", request_body = RefreshToken, security(()),
    responses((status = 204, description = "The session has ended.")))]
#[post("/v1/auth/logout")]
async fn logout(app: web::Data<App>, Body(sent): Body<RefreshToken>) -> Result<HttpResponse, Error> {
    app.act(Actor::Anonymous, move |ctx| auth::sign_out(ctx, sent.refresh_token.expose())).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The address of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountAddress {
    /// The address.
    email: Email,
}

/// Ask for a mail that sets a new password.
///
/// The answer is the same whether the address is known or not. The link in the mail works once, for ten minutes.
#[utoipa::path(tag = "sign-in", operation_id = "request_password_reset", request_body = AccountAddress, security(()),
    responses((status = 202, description = "If the address is known, a mail is on its way.")))]
#[post("/v1/auth/password-reset")]
async fn request_password_reset(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<AccountAddress>,
) -> Result<HttpResponse, Error> {
    mail_link(&app, &request, sent.email, Purpose::PasswordReset).await
}

/// Ask for a mail that signs in.
///
/// For those who never set a password. The link in the mail works once, for ten minutes.
#[utoipa::path(tag = "sign-in", operation_id = "request_sign_in_link", request_body = AccountAddress, security(()),
    responses((status = 202, description = "If the address is known, a mail is on its way.")))]
#[post("/v1/auth/sign-in-links")]
async fn request_sign_in_link(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<AccountAddress>,
) -> Result<HttpResponse, Error> {
    mail_link(&app, &request, sent.email, Purpose::SignIn).await
}

async fn mail_link(app: &App, request: &HttpRequest, email: Email, purpose: Purpose) -> Result<HttpResponse, Error> {
    let tries = Tries::link(&email, source_of(request, app.config.trusted_proxies));
    app.act(Actor::Anonymous, move |ctx| {
        tries.begin(ctx.c, ctx.m.at)?;
        auth::mail_link(ctx, email.as_str(), purpose)
    })
    .await?;
    Ok(HttpResponse::Accepted().finish())
}

/// A mailed token and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasswordByLink {
    /// The token: what stands behind `#` in the mailed link.
    #[schema(value_type = String, max_length = 128, example = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b")]
    token: Shown<128>,
    /// The new password.
    password: NewPassword,
}

/// Set a new password with a mailed token.
///
/// Ends every session of the account. A link that was used or has run out is a 400 `link_used_up`. A common password, or one that is little
/// more than the person's name or address or the clinic's name, is a 422 `too_common`, and the link stays good.
#[utoipa::path(tag = "sign-in", operation_id = "confirm_password_reset", request_body = NewPasswordByLink, security(()),
    responses((status = 204, description = "The password is set; sign in with it.")))]
#[post("/v1/auth/password-reset/confirm")]
async fn confirm_password_reset(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<NewPasswordByLink>,
) -> Result<HttpResponse, Error> {
    let m = app.moment();
    let refused = |why: &Error| {
        if matches!(why, Error::Unreadable { .. }) {
            app.refusals.note("mailed_link", source_of(&request, app.config.trusted_proxies));
        }
    };
    let hash = hash_new(&app, &sent.token, &[Purpose::PasswordReset], &sent.password, &m).await.inspect_err(refused)?;
    app.act(Actor::Anonymous, move |ctx| auth::reset_password(ctx, sent.token.expose(), &hash))
        .await
        .inspect_err(refused)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The hash of a password that is set with this link, unless it is easy to guess: looked at before any hashing, and after the link.
async fn hash_new(
    app: &App,
    token: &Shown<128>,
    purposes: &'static [Purpose],
    password: &NewPassword,
    m: &Moment,
) -> Result<String, Error> {
    let (token, at) = (token.clone(), m.at);
    let names = app.db.read_fresh(move |c| invitations::names_around(c, token.expose(), purposes, at)).await?;
    app.passwords.must_be_hard_to_guess(password.secret(), names).await?;
    app.passwords.hash(password.secret(), m.secret()).await
}

/// A mailed token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MailedToken {
    /// The token: what stands behind `#` in the mailed link.
    #[schema(value_type = String, max_length = 128, example = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b")]
    token: Shown<128>,
    /// The clinic to act for, when the account is a member of one.
    clinic_id: Option<ClinicId>,
}

/// Sign in with a mailed token.
///
/// The token works once (400 `link_used_up` after that). It gives the same session as a password does.
#[utoipa::path(tag = "sign-in", operation_id = "exchange_sign_in_link", request_body = MailedToken, security(()),
    responses((status = 200, description = "Signed in.", body = SignIn)))]
#[post("/v1/auth/sign-in-links/exchange")]
async fn exchange_sign_in_link(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<MailedToken>,
) -> Result<HttpResponse, Error> {
    let m = app.moment();
    let signed_in = app
        .act(Actor::Anonymous, move |ctx| auth::sign_in_by_link(ctx, sent.token.expose(), sent.clinic_id))
        .await
        .inspect_err(|_| app.refusals.note("mailed_link", source_of(&request, app.config.trusted_proxies)))?;
    answer(&app, &m, signed_in).await
}

/// A new address for the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    /// The new address; a link is mailed there.
    email: Email,
    /// The account's password, if it has one: a phone that was left open is not enough.
    #[schema(value_type = Option<String>, format = Password, max_length = 1024, example = "a long sentence that only you know")]
    password: Option<Shown<1024>>,
}

/// Ask for a mail that moves my account to another address.
///
/// The link goes to the new address, works once, for ten minutes. Until it is used nothing changes. The answer is the same whether
/// somebody has that address already or not.
#[utoipa::path(tag = "me", operation_id = "request_address_change", request_body = NewAddress,
    responses((status = 202, description = "A mail is on its way to the new address.")))]
#[post("/v1/me/email-change")]
async fn request_address_change(
    app: web::Data<App>,
    me: Anybody,
    request: HttpRequest,
    Body(sent): Body<NewAddress>,
) -> Result<HttpResponse, Error> {
    let source = source_of(&request, app.config.trusted_proxies);
    must_know_password(&app, me.account, sent.password.as_ref(), source).await?;
    let tries = Tries::link(&sent.email, source);
    app.act(me, move |ctx| {
        tries.begin(ctx.c, ctx.m.at)?;
        let account = store::find_account(ctx.c, me.account)?.ok_or(Error::SignInNeeded)?;
        address_changes::mail_address_change(ctx, &account, sent.email.as_str(), address_changes::MoveAsked::ByHolder)
    })
    .await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Whoever has a session may not move the account with it alone: a password that there is must be given.
async fn must_know_password(
    app: &App,
    account: AccountId,
    password: Option<&Shown<1024>>,
    source: Option<std::net::IpAddr>,
) -> Result<(), Error> {
    let account = app.db.read_fresh(move |c| store::find_account(c, account)).await?.ok_or(Error::SignInNeeded)?;
    if account.password_hash.is_none() {
        return Ok(());
    }
    let email = Email::try_from(account.email).map_err(|why| Error::internal("a stored address", why))?;
    let judged = judge(app, &email, password.map(Shown::expose).unwrap_or_default(), source, None).await?;
    let wrong = || Error::field("/password", "wrong_password", "this account has a password; give it");
    judged.map(|_| ()).ok_or_else(wrong)
}

/// A token that was mailed to a new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressToken {
    /// The token: what stands behind `#` in the mailed link.
    #[schema(value_type = String, max_length = 128, example = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b")]
    token: Shown<128>,
}

/// Move my account to the address that the token was mailed to.
///
/// Holds for my records in every clinic; every other open link of the account ends. 409 `address_taken` if another account has the address.
#[utoipa::path(tag = "sign-in", operation_id = "confirm_address_change", request_body = AddressToken, security(()),
    responses((status = 204, description = "The account has the new address.")))]
#[post("/v1/auth/email-change/confirm")]
async fn confirm_address_change(
    app: web::Data<App>,
    request: HttpRequest,
    Body(sent): Body<AddressToken>,
) -> Result<HttpResponse, Error> {
    let () = ();
    app.act(Actor::Anonymous, move |ctx| address_changes::confirm_address(ctx, sent.token.expose()))
        .await
        .inspect_err(|_| app.refusals.note("mailed_link", source_of(&request, app.config.trusted_proxies)))?;
    Ok(HttpResponse::NoContent().finish())
}

/// A mailed invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvitationAnswer {
    /// The token: what stands behind `#` in the mailed link.
    #[schema(value_type = String, max_length = 128, example = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b")]
    token: Shown<128>,
    /// A new account's password; `too_common` if it is easy to guess. A patient may leave it out and sign in by mailed links. If the
    /// account has a password already, it must be that one, or an access token of the account is sent instead.
    password: Option<NewPassword>,
}

/// Accept a mailed invitation and sign in.
///
/// Links the patient record (or the membership) to the account of the invited address; makes the account if there is none. An account
/// that somebody has already is never signed in to by an invitation: give its password, or sign in first and send the access token
/// (409 `account_exists` without, and the token stays good). The token works once: 400 `link_used_up` after that.
#[utoipa::path(tag = "sign-in", operation_id = "accept_invitation", request_body = InvitationAnswer, security((), ("bearer" = [])),
    responses((status = 200, description = "Accepted, and signed in.", body = SignIn)))]
#[post("/v1/auth/invitations/accept")]
async fn accept_invitation(
    app: web::Data<App>,
    request: HttpRequest,
    signed_in: Option<Anybody>,
    Body(sent): Body<InvitationAnswer>,
) -> Result<HttpResponse, Error> {
    let (m, source) = (app.moment(), source_of(&request, app.config.trusted_proxies));
    let accepting = accepting(&app, signed_in, &sent, source, &m).await?;
    let signed_in =
        app.act(Actor::Anonymous, move |ctx| invitations::accept(ctx, sent.token.expose(), &accepting)).await?;
    answer(&app, &m, signed_in).await
}

/// How whoever accepts has shown who they are.
async fn accepting(
    app: &App,
    signed_in: Option<Anybody>,
    sent: &InvitationAnswer,
    source: Option<std::net::IpAddr>,
    m: &Moment,
) -> Result<Accepting, Error> {
    let (token, at) = (sent.token.clone(), m.at);
    let known =
        app.db.read_fresh(move |c| invitations::invited_account(c, token.expose(), at)).await.inspect_err(|_| {
            app.refusals.note("mailed_link", source);
        })?;
    Ok(match (signed_in, known, &sent.password) {
        (Some(me), _, _) => Accepting::As(me.account),
        (None, Some(account), Some(password)) if account.password_hash.is_some() => {
            let email =
                Email::try_from(account.email.clone()).map_err(|why| Error::internal("a stored address", why))?;
            let judged = judge(app, &email, password.secret().expose_secret(), source, None).await?;
            let wrong =
                || Error::field("/password", "wrong_password", "this address has an account; give its password");
            Accepting::As(judged.ok_or_else(wrong)?.id)
        }
        (None, Some(account), None) if account.password_hash.is_some() => {
            return Err(Error::field("/password", "missing_field", "this address has an account; give its password"));
        }
        (None, Some(_), _) => return Err(invitations::account_exists()),
        (None, None, Some(password)) => {
            let invitations = &[Purpose::PatientInvitation, Purpose::MemberInvitation];
            Accepting::New(Some(hash_new(app, &sent.token, invitations, password, m).await?))
        }
        (None, None, None) => Accepting::New(None),
    })
}

/// A session that goes on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Session {
    /// Its id.
    id: SessionId,
    /// Whether it is the one of this request's token.
    #[schema(example = true)]
    current: bool,
    /// When it began.
    created_at: Stamp,
    /// When it was refreshed last.
    refreshed_at: Stamp,
    /// It ends then in any case.
    ends_at: Stamp,
}

/// The account's sessions.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Sessions {
    /// All that go on.
    items: Vec<Session>,
}

/// List my sessions.
///
/// One for each sign-in that has neither ended nor run out.
#[utoipa::path(tag = "me", operation_id = "list_sessions",
    responses((status = 200, description = "The sessions that go on.", body = Sessions)))]
#[get("/v1/me/sessions")]
async fn list_sessions(app: web::Data<App>, me: Anybody) -> Result<HttpResponse, Error> {
    let at = app.clock.now();
    let sessions = app.db.read_fresh(move |c| store::list_sessions(c, me.account, at)).await?;
    let items = sessions
        .into_iter()
        .map(|session| Session {
            current: session.id == me.session,
            id: session.id,
            created_at: session.created_at,
            refreshed_at: session.rotated_at,
            ends_at: session.ends_at,
        })
        .collect();
    Ok(HttpResponse::Ok().json(Sessions { items }))
}

/// End all my sessions, this one too.
///
/// For a lost phone: access tokens stop at once, refresh tokens too.
#[utoipa::path(tag = "me", operation_id = "end_sessions",
    responses((status = 204, description = "All sessions have ended; every token stops at once.")))]
#[delete("/v1/me/sessions")]
async fn end_sessions(app: web::Data<App>, me: Anybody) -> Result<HttpResponse, Error> {
    app.act(me, move |ctx| auth::end_sessions(ctx, me.account)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The public keys of access tokens.
///
/// For services of the clinic that verify tokens themselves (RFC 7517). May be kept for half a minute.
#[utoipa::path(tag = "service", operation_id = "get_jwks", security(()),
    responses((status = 200, description = "The keys in force, and the next one.", body = Jwks)))]
#[get("/.well-known/jwks.json")]
async fn get_jwks(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let jwks = app.tokens.jwks().await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "public, max-age=30")).json(jwks))
}
