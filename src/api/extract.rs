//! `Patient` and `Staff` as handler arguments: a handler that has one knows who asks, and a tenant id can only come from there.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};

use crate::app::App;
use crate::auth::{Patient, Rights, Staff, Who};
use crate::error::Error;
use crate::events::{Actor, EventKind, EventSubject, Object};
use crate::http::limits::source_of;
use ground::ids::{AccountId, PatientId, SessionId};

/// Anybody who is signed in.
#[derive(Debug, Clone, Copy)]
pub struct Anybody {
    pub account: AccountId,
    /// The session of the token.
    pub session: SessionId,
}

impl From<Anybody> for Actor {
    fn from(who: Anybody) -> Self {
        Self::Account(who.account)
    }
}

/// Who asks, and what they are shown: the edge reads it when the answer goes, and keeps it as events.
#[derive(Debug, Clone, Default)]
pub struct Shown(Rc<RefCell<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    staff: Option<Staff>,
    things: Vec<(EventKind, EventSubject)>,
}

impl Shown {
    /// That of a request.
    pub fn of(request: &HttpRequest) -> Self {
        let mut extensions = request.extensions_mut();
        if let Some(shown) = extensions.get::<Self>() {
            return shown.clone();
        }
        let shown = Self::default();
        extensions.insert(shown.clone());
        shown
    }

    fn insert(&self, staff: Staff) {
        self.0.borrow_mut().staff = Some(staff);
    }

    /// Keeps that something of a record is shown: for lists, whose path names nobody.
    pub fn note(&self, kind: EventKind, patient: PatientId) {
        let mut looks = self.0.borrow_mut();
        let Some(clinic) = looks.staff.map(|staff| staff.clinic) else { return };
        looks.things.push((kind, EventSubject::in_clinic(clinic, Object::Patient(patient))));
    }

    /// Who asks, if it is staff, and what they are shown beside what the path names.
    pub fn take(&self) -> Option<(Staff, Vec<(EventKind, EventSubject)>)> {
        let mut looks = self.0.borrow_mut();
        Some((looks.staff?, std::mem::take(&mut looks.things)))
    }
}

type Found<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

fn who(request: &HttpRequest) -> impl Future<Output = Result<Who, Error>> + use<> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned());
    let source = app.as_ref().and_then(|app| source_of(request, app.config.trusted_proxies));
    async move {
        let (Some(app), Some(token)) = (app, token) else { return Err(Error::SignInNeeded) };
        let verified = app.tokens.verify(&token, app.clock.now()).await;
        if matches!(verified, Err(Error::SignInNeeded)) {
            app.refusals.note("access_token", source);
        }
        verified
    }
}

impl FromRequest for Shown {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::of(request)))
    }
}

impl FromRequest for Patient {
    type Error = Error;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Found<Self> {
        let who = who(request);
        Box::pin(async move {
            let who = who.await?;
            match who.rights {
                Rights::Patient => Ok(Self { account: who.account }),
                Rights::Staff { .. } => Err(Error::NotAllowed("This is for patients; the token acts for a clinic.")),
            }
        })
    }
}

impl FromRequest for Staff {
    type Error = Error;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Found<Self> {
        let (who, shown) = (who(request), Shown::of(request));
        Box::pin(async move {
            let who = who.await?;
            match who.rights {
                Rights::Staff { clinic, member, role } => {
                    let staff = Self { clinic, member, role, account: who.account };
                    shown.insert(staff);
                    Ok(staff)
                }
                Rights::Patient => {
                    Err(Error::NotAllowed("This is for the clinic's staff; the token acts for a patient."))
                }
            }
        })
    }
}

impl FromRequest for Anybody {
    type Error = Error;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Found<Self> {
        let who = who(request);
        Box::pin(async move { who.await.map(|who| Self { account: who.account, session: who.session }) })
    }
}
