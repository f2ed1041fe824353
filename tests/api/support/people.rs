//! Invented people: a clinic with its staff, patients with their plans. Made with the verbs that the commands use, and
//! over HTTP where the way there is worth testing.

use aftercare::documents;
use aftercare::events::{Actor, EventKind, EventSubject, Object};
use std::sync::{Arc, Mutex};

use aftercare::auth::{self, MemberState, Role, store};
use aftercare::clinics::{self, NewClinic, NewMember, TriageMode};
use aftercare::error::Error;
use aftercare::protocols;
use ground::ids::{AccountId, ClinicId, MemberId};
use ground::time::Stamp;
use serde_json::{Value, json};

use super::http::Reply;
use super::{Shared, TestApp, token_in};

/// Somebody who is signed in. The token is made anew when the clock has passed it.
#[derive(Clone)]
pub struct Person {
    /// Where they are.
    pub app: Shared,
    /// Their account.
    pub account: AccountId,
    /// Their session.
    pub session: store::Session,
    epoch: i32,
    token: Arc<Mutex<Option<(Stamp, String)>>>,
}

/// A clinic with one of each role, and the face plan approved.
#[derive(Clone)]
pub struct Clinic {
    /// Its id.
    pub id: ClinicId,
    /// Who runs it.
    pub owner: Person,
    /// Who treats.
    pub clinician: Person,
    /// Who keeps the records.
    pub coordinator: Person,
    /// The members: owner, clinician, coordinator.
    pub members: [MemberId; 3],
}

/// A patient with a face plan whose day 0 is the day on which they were enrolled.
#[derive(Clone)]
pub struct Enrolled {
    /// Their record.
    pub patient_id: String,
    /// What was done.
    pub treatment_id: String,
    /// Their plan.
    pub plan_id: String,
    /// Where their mail goes.
    pub email: String,
    /// They, signed in.
    pub person: Person,
}

/// A text that cannot be wrong.
pub fn text<T: TryFrom<String, Error = String>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

impl TestApp {
    /// A clinic in London.
    pub async fn clinic(self: &Shared) -> Clinic {
        self.clinic_named("one").await
    }

    /// A clinic whose staff are `owner@NAME.example` and so on.
    pub async fn clinic_named(self: &Shared, name: &str) -> Clinic {
        let domain = name.to_owned();
        let made = self.app.act(Actor::Operator, move |ctx| {
            let clinic = clinics::create(ctx, new_clinic(&domain))?;
            let mut people = Vec::new();
            for role in [Role::Owner, Role::Clinician, Role::Coordinator] {
                let email = text(&format!("{}@{domain}.example", role.as_str()));
                let name = text(&format!("{} Invented", role.as_str()));
                let new = NewMember { name, email, role };
                let member = clinics::add_member(ctx, &clinic, new, MemberState::Confirmed)?;
                people.push((member.account_id, member.id));
            }
            for key in ["mn-face", "mn-scalp"] {
                let draft = protocols::adopt(ctx, clinic.id, Some(people[1].1), key)?;
                let who =
                    auth::Staff { clinic: clinic.id, member: people[1].1, account: people[1].0, role: Role::Clinician };
                protocols::activate(ctx, &who, key, draft.version, &documents::check(&draft.document)?)?;
            }
            Ok((clinic.id, people))
        });
        let (id, people) = made.await.unwrap();
        Clinic {
            id,
            owner: self.person(people[0].0, Some(id)).await,
            clinician: self.person(people[1].0, Some(id)).await,
            coordinator: self.person(people[2].0, Some(id)).await,
            members: [people[0].1, people[1].1, people[2].1],
        }
    }

    /// Signs an account in past the password.
    pub async fn person(self: &Shared, account: AccountId, clinic: Option<ClinicId>) -> Person {
        let signed_in = self.app.act(Actor::Anonymous, move |ctx| {
            let account = store::find_account(ctx.c, account)?.ok_or(Error::NotFound)?;
            auth::sign_in(ctx, &account, clinic)
        });
        let signed_in = signed_in.await.unwrap();
        Person {
            app: Arc::clone(self),
            account,
            session: signed_in.session,
            epoch: signed_in.epoch,
            token: Arc::default(),
        }
    }

    /// Gives an account a password.
    pub async fn set_password(&self, account: AccountId, password: &str) {
        let hash = self.app.passwords.hash(&password.to_owned().into(), self.app.moment().secret()).await.unwrap();
        let set = self.app.act(Actor::Account(account), move |ctx| {
            store::set_password(ctx.c, account, &hash)?;
            ctx.happened(EventKind::PasswordChanged, EventSubject::of(Object::Account(account)))
        });
        set.await.unwrap();
    }
}

/// What the command `clinic create` is given.
pub fn new_clinic(name: &str) -> NewClinic {
    NewClinic {
        name: text(&format!("Invented Clinic {name}")),
        zone: text("Europe/London"),
        locale: text("en"),
        phone: text("+44 20 7946 0000"),
        emergency_number: text("999"),
        out_of_hours: text("NHS 111"),
        reply_hours: text("Mon-Fri 9:00-17:00"),
        monitored: true,
        triage: TriageMode::Full,
        demo: false,
        opening_hours: Vec::new(),
    }
}

impl Person {
    /// Today holds no plan and no line, and still says whom to call and lets danger signs be said.
    pub async fn must_only_have_help(&self) {
        let today = self.get("/v1/me/today").await.must(200);
        assert_eq!((&today["plans"], &today["items"]), (&serde_json::json!([]), &serde_json::json!([])), "{today}");
        assert_eq!(today["clinics"][0]["emergency_number"], "999", "{today}");
        let forms: Vec<&str> =
            today["forms"].as_array().unwrap().iter().filter_map(|form| form["key"].as_str()).collect();
        assert_eq!(forms, ["danger-signs"]);
        let signs = today["forms"][0]["questions"][0]["choices"].as_array().unwrap();
        assert!(signs.iter().any(|sign| sign["urgency"] == "emergency"), "{today}");
    }

    /// A token that counts now.
    pub async fn token(&self) -> String {
        let m = self.app.app.moment();
        let known = self.token.lock().unwrap().clone();
        if let Some((_, token)) = known.filter(|(made_at, _)| (0..200).contains(&m.at.seconds_since(*made_at))) {
            return token;
        }
        let token = self.app.app.tokens.issue(&m, &self.session, self.epoch).await.unwrap();
        *self.token.lock().unwrap() = Some((m.at, token.clone()));
        token
    }

    /// Asks for something.
    pub async fn get(&self, path: &str) -> Reply {
        self.app.ask("GET", path).bearer(&self.token().await).send().await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.app.ask("POST", path).bearer(&self.token().await).json(&body).send().await
    }

    /// Posts nothing.
    pub async fn post_nothing(&self, path: &str) -> Reply {
        self.app.ask("POST", path).bearer(&self.token().await).send().await
    }

    /// Puts a body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.app.ask("PUT", path).bearer(&self.token().await).json(&body).send().await
    }

    /// Takes something away.
    pub async fn delete(&self, path: &str) -> Reply {
        self.app.ask("DELETE", path).bearer(&self.token().await).send().await
    }

    /// Sends a body, if the object is still the one that was read.
    pub async fn send_if(&self, method: &str, path: &str, tag: &str, body: Value) -> Reply {
        self.app.ask(method, path).bearer(&self.token().await).header("if-match", tag).json(&body).send().await
    }
}

/// A treatment of the face on that day.
pub fn face_treatment(performed_on: &str) -> Value {
    json!({
        "procedure": "microneedling",
        "performed_on": performed_on,
        "body_area": "face",
        "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" }
    })
}

impl Clinic {
    /// Writes a version of the clinic's own protocol of that key, approves it, and gives it.
    pub async fn approve(&self, key: &str, document: &str) -> Value {
        let versions = format!("/v1/clinic/protocols/{key}/versions");
        let written = self.owner.post(&versions, json!({ "document": document })).await.must(201);
        self.clinician.post_nothing(&format!("{versions}/{}/activate", written["version"])).await.must(200)
    }

    /// Adds a patient, and nothing else.
    pub async fn add_patient(&self, name: &str, zone: &str) -> Value {
        let email = format!("{}@patients.example", name.to_lowercase());
        let body = json!({ "name": format!("{name} Invented"), "email": email, "zone": zone, "locale": "en" });
        self.coordinator.post("/v1/clinic/patients", body).await.must(201)
    }

    /// A patient in London with an account, and without a plan; the record, and they, signed in.
    pub async fn invited(&self, name: &str) -> (String, Person) {
        let patient = self.add_patient(name, "Europe/London").await;
        let patient_id = patient["id"].as_str().unwrap().to_owned();
        let account = self.accept(&patient_id).await;
        (patient_id, self.coordinator.app.person(account, None).await)
    }

    /// Invites somebody here who has an account elsewhere; gives their record here, and the token that was mailed.
    pub async fn invite_too(&self, person: &Enrolled) -> (String, String) {
        let record = json!({ "name": "Ada Invented", "email": person.email, "zone": "Europe/London" });
        let record = self.coordinator.post("/v1/clinic/patients", record).await.must(201);
        let id = record["id"].as_str().unwrap().to_owned();
        self.coordinator.post_nothing(&format!("/v1/clinic/patients/{id}/invitation")).await.must(201);
        (id, token_in(&self.coordinator.app.the_mail().await))
    }

    /// A patient in London who was treated today, has a plan, and has accepted the mailed invitation.
    pub async fn enrol(&self, name: &str) -> Enrolled {
        self.enrol_in(name, "Europe/London").await
    }

    /// The same in another zone.
    pub async fn enrol_in(&self, name: &str, zone: &str) -> Enrolled {
        let now = self.coordinator.app.now().timestamp();
        let today = now.to_zoned(jiff::tz::TimeZone::get("Europe/London").unwrap()).date();
        self.enrol_as((name, zone), "mn-face", face_treatment(&today.to_string())).await
    }

    /// The same in another protocol, after any treatment.
    pub async fn enrol_as(&self, (name, zone): (&str, &str), protocol: &str, treatment: Value) -> Enrolled {
        let app = &self.coordinator.app;
        let patient = self.add_patient(name, zone).await;
        let patient_id = patient["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/clinic/patients/{patient_id}/treatments");
        let treatment = self.coordinator.post(&path, treatment).await.must(201);
        let treatment_id = treatment["id"].as_str().unwrap().to_owned();
        let enrolment = json!({ "patient_id": patient_id, "treatment_id": treatment_id, "protocol_key": protocol });
        let plan = self.coordinator.post("/v1/clinic/plans", enrolment).await.must(201);
        let account = self.accept(&patient_id).await;
        Enrolled {
            patient_id,
            treatment_id,
            plan_id: plan["id"].as_str().unwrap().to_owned(),
            email: patient["email"].as_str().unwrap().to_owned(),
            person: app.person(account, None).await,
        }
    }

    /// Invites the patient and follows the mailed link.
    pub async fn accept(&self, patient_id: &str) -> AccountId {
        let app = &self.coordinator.app;
        self.coordinator.post_nothing(&format!("/v1/clinic/patients/{patient_id}/invitation")).await.must(201);
        let token = token_in(&app.the_mail().await);
        let path = "/v1/auth/invitations/accept";
        let body = json!({ "token": token });
        let mut accepted = app.ask("POST", path).json(&body).send().await;
        if accepted.status == 409 {
            // The address has an account: its person signs in first.
            let record = self.coordinator.get(&format!("/v1/clinic/patients/{patient_id}")).await.must(200);
            let email = record["email"].as_str().unwrap().to_owned();
            let found = app.app.db.read(move |c| store::find_account_by_email(c, &email)).await.unwrap().unwrap();
            accepted = app.person(found.id, None).await.post(path, body).await;
        }
        let accepted = accepted.must(200);
        AccountId(accepted["account_id"].as_str().unwrap().parse().unwrap())
    }
}

/// A new id, as a phone makes it.
pub fn phone_id(number: u128) -> String {
    uuid::Builder::from_random_bytes((number + (1_u128 << 100)).to_be_bytes()).into_uuid().to_string()
}
