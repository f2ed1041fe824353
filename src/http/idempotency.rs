//! `Idempotency-Key`: a POST that is sent again gives the first answer again (`Ctx::once`).

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::IntoParams;

use crate::db::schema::idempotency_keys;
use crate::error::Error;
use crate::http::canonical::Digests;
use ground::ids::{AccountId, ClinicId};
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::Stamp;

/// Keys are kept so long.
pub const KEPT_SECONDS: i64 = 24 * 3_600;

/// The header.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Key {
    /// Made by the client, new for each operation; the same request with the same key gives the same answer for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"
    )]
    key: Option<String>,
}

impl FromRequest for Key {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = match request.headers().get("idempotency-key").map(|value| value.to_str()) {
            None => Ok(None),
            Some(Ok(key)) if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(key.to_owned()))
            }
            Some(_) => Err(Error::Unreadable {
                code: "bad_idempotency_key",
                detail: "Idempotency-Key must be 1 to 255 visible ASCII characters".to_owned(),
            }),
        };
        std::future::ready(key.map(|key| Self { key }))
    }
}

/// An operation that is carried out once.
pub struct IdempotentRequest {
    account: AccountId,
    route: String,
    key: Option<String>,
    body: Digests,
}

impl Key {
    /// The operation of this account, acting for this clinic, on this route with this body.
    pub fn once(
        self,
        clinic: ClinicId,
        account: AccountId,
        route: &str,
        body: &impl Serialize,
    ) -> Result<IdempotentRequest, Error> {
        Ok(IdempotentRequest { account, route: format!("{clinic} {route}"), key: self.key, body: Digests::of(body)? })
    }
}

/// What is answered: the first answer, or the same again.
pub struct Answer(serde_json::Value);

impl Answer {
    /// 201 with the body.
    pub fn created(self) -> HttpResponse {
        HttpResponse::Created().json(self.0)
    }

    /// 200 with the body.
    pub fn ok(self) -> HttpResponse {
        HttpResponse::Ok().json(self.0)
    }
}

/// What is known of a key.
pub enum Begun {
    /// The request was answered before, and so it is again.
    Before(Answer),
    /// It is the first: its answer belongs there.
    First(Option<Place>),
}

/// Where the first answer is kept.
pub struct Place(AccountId, String, String);

/// Takes the key, in the operation's own transaction, so that of many at once exactly one carries it out. 422 if the same key came with a
/// body that means something else.
pub fn begin(c: &mut Conn, once: IdempotentRequest, at: Stamp) -> Result<Begun, Error> {
    let Some(key) = once.key else { return Ok(Begun::First(None)) };
    let row = (
        idempotency_keys::account_id.eq(once.account),
        idempotency_keys::route.eq(&once.route),
        idempotency_keys::key.eq(&key),
        idempotency_keys::body_hash.eq(&once.body.meaning),
        idempotency_keys::response.eq(Json::null()),
        idempotency_keys::created_at.eq(at),
    );
    // On PostgreSQL this waits for a twin in flight; on SQLite there is one writer. Either way the loser reads the answer.
    if crate::db::insert_once!(c, idempotency_keys::table, row) == 1 {
        return Ok(Begun::First(Some(Place(once.account, once.route, key))));
    }
    let place = idempotency_keys::table.find((once.account, once.route, key));
    let (hash, response): (Vec<u8>, Json) =
        place.select((idempotency_keys::body_hash, idempotency_keys::response)).first(c)?;
    if !once.body.is_of(&hash) {
        let detail = "this key came before with another body; make a new one";
        return Err(Error::field("header/Idempotency-Key", "key_reused", detail));
    }
    Ok(Begun::Before(Answer(response.to()?)))
}

/// Keeps the first answer.
pub fn finish(c: &mut Conn, place: Option<Place>, answer: serde_json::Value) -> Result<Answer, Error> {
    if let Some(Place(account, route, key)) = place {
        let place = idempotency_keys::table.find((account, route, key));
        diesel::update(place).set(idempotency_keys::response.eq(Json::of(&answer)?)).execute(c)?;
    }
    Ok(Answer(answer))
}

/// Forgets old keys.
pub fn forget_before(c: &mut Conn, at: Stamp) -> Result<usize, Error> {
    Ok(diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(at))).execute(c)?)
}
