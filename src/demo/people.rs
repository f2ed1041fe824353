//! Invented people: nobody here exists. Their past is made with the same verbs that a clinic uses, at earlier moments.

use crate::documents;
use crate::events::Actor;
use crate::invitations;
use diesel::prelude::*;
use jiff::Span;
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::auth::{self, MemberState, Role, Staff};
use crate::check_ins::{self, NewCheckIn};
use crate::clinics::{self, NewClinic, NewMember, OpeningHours, TriageMode};
use crate::courses::{self, Belongs, NewCourse};
use crate::ctx::Ctx;
use crate::enrolment::{self, NewPlan};
use crate::error::Error;
use crate::mail::outbox::{self, MailState};
use crate::patients::{self, self as patients_mod, NewPatient, NewTreatment};
use crate::plan_commands::{self, NewCommand, PlanCommand};
use crate::plan_upgrades;
use crate::plans::{self, self as plans_mod, PlanFile};
use crate::protocols;
use engine::{ItemKind, Parameters, PausedDays, Procedure, Weekday};
use ground::ids::{AccountId, CheckInId, PatientId};
use ground::sql::Conn;
use ground::time::{Entropy, Moment, Stamp};

/// A patient to invent: name, zone, language, protocol, day, parameters, and what goes wrong.
struct Story {
    name: &'static str,
    zone: &'static str,
    locale: &'static str,
    protocol: &'static str,
    day: i32,
    parameters: &'static str,
    goes: Goes,
}

/// How a patient's answers go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    /// As expected.
    Well,
    /// Redder than expected in the last check-in.
    Red,
    /// A sign of infection in the last check-in.
    Sign,
    /// Worried in the last check-in.
    Worried,
    /// Stopped answering.
    Silent,
}

const STORIES: &[Story] = &[
    Story {
        name: "Ada Invented",
        zone: "Europe/London",
        locale: "en",
        protocol: "mn-face",
        day: 0,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"II"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Bruno Invented",
        zone: "Europe/Madrid",
        locale: "es",
        protocol: "mn-face",
        day: 1,
        parameters: r#"{"needle_depth_mm":1.5,"skin_type":"III"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Chidi Invented",
        zone: "Africa/Lagos",
        locale: "en",
        protocol: "mn-face",
        day: 3,
        parameters: r#"{"needle_depth_mm":1.2,"skin_type":"VI"}"#,
        goes: Goes::Red,
    },
    Story {
        name: "Dalia Invented",
        zone: "America/New_York",
        locale: "en",
        protocol: "mn-face",
        day: 5,
        parameters: r#"{"needle_depth_mm":0.5,"skin_type":"IV"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Elif Invented",
        zone: "Europe/Istanbul",
        locale: "en",
        protocol: "mn-face",
        day: 7,
        parameters: r#"{"needle_depth_mm":1.5,"skin_type":"III","cold_sore_history":true}"#,
        goes: Goes::Sign,
    },
    Story {
        name: "Farid Invented",
        zone: "Asia/Tokyo",
        locale: "en",
        protocol: "mn-face",
        day: 14,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"V"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Greta Invented",
        zone: "Australia/Lord_Howe",
        locale: "en",
        protocol: "mn-face",
        day: 4,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"I"}"#,
        goes: Goes::Silent,
    },
    Story {
        name: "Hugo Invented",
        zone: "America/Mexico_City",
        locale: "es",
        protocol: "mn-scalp",
        day: 1,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"III","uses_minoxidil":true}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Ines Invented",
        zone: "Europe/London",
        locale: "es",
        protocol: "mn-scalp",
        day: 2,
        parameters: r#"{"needle_depth_mm":1.5,"skin_type":"II","uses_minoxidil":true}"#,
        goes: Goes::Worried,
    },
    Story {
        name: "Jomo Invented",
        zone: "Africa/Nairobi",
        locale: "en",
        protocol: "mn-scalp",
        day: 5,
        parameters: r#"{"needle_depth_mm":0.8,"skin_type":"VI"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Kiri Invented",
        zone: "Pacific/Auckland",
        locale: "en",
        protocol: "mn-scalp",
        day: 9,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"III"}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Liv Invented",
        zone: "America/Los_Angeles",
        locale: "en",
        protocol: "mn-scalp",
        day: 28,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"II","uses_minoxidil":true}"#,
        goes: Goes::Well,
    },
];

/// Somebody in session 2 of 3: day 30 of the first is day 2 of the second, in one Today.
const SERIES: Story = Story {
    name: "Mara Invented",
    zone: "Europe/Lisbon",
    locale: "en",
    protocol: "mn-pigment",
    day: 2,
    parameters: r#"{"needle_depth_mm":0.5,"kind_of_marks":"after_acne","skin_type":"IV"}"#,
    goes: Goes::Well,
};
/// Days from her first session to her second.
const BETWEEN: i32 = 28;

/// Changed by the clinic since: each plan has a second revision.
const PAUSED: [&str; 2] = ["kiri@patients.example", "liv@patients.example"];

/// Somebody who was treated today, has not accepted yet, and has no plan; the invitation was refused by the relay.
const NEW: Story = Story {
    name: "Nils Invented",
    zone: "Europe/London",
    locale: "en",
    protocol: "mn-face",
    day: 0,
    parameters: r#"{"needle_depth_mm":1.0,"skin_type":"III"}"#,
    goes: Goes::Well,
};
/// Two whose plans wait for a clinician: their skin has healed badly before.
const WAITING: [Story; 2] = [
    Story {
        name: "Olu Invented",
        zone: "Europe/London",
        locale: "en",
        protocol: "mn-face",
        day: 0,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"VI","keloid_or_poor_healing":true}"#,
        goes: Goes::Well,
    },
    Story {
        name: "Pia Invented",
        zone: "Europe/Berlin",
        locale: "de",
        protocol: "mn-face",
        day: 0,
        parameters: r#"{"needle_depth_mm":1.0,"skin_type":"II","keloid_or_poor_healing":true}"#,
        goes: Goes::Well,
    },
];
/// A protocol of the clinic's own that nobody has approved yet.
pub const DRAFT: &str = "our-face";
/// A protocol that the clinic has in two versions.
pub const TWICE: &str = "mn-scalp";
/// A text that the clinic fills in.
pub const OWN_TEXT: &str = "moisturiser";

const CLINIC_ZONE: &str = "Europe/London";

const STAFF: &[(&str, &str, Role)] = &[
    ("Olive Invented", "owner@clinic.example", Role::Owner),
    ("Nia Invented", "clinician@clinic.example", Role::Clinician),
    ("Paul Invented", "coordinator@clinic.example", Role::Coordinator),
];

/// Makes the clinic, its staff and its patients, with their past.
pub async fn seed(app: &App) -> Result<(), Error> {
    let now = app.moment();
    let hash = app.passwords.hash(&super::PASSWORD.to_owned().into(), now.secret()).await?;
    let (inner, password) = (app.clone(), hash.clone());
    let staff = app.db.write(move |c| open_clinic(c, &inner, &password, now.at)).await?;
    for story in STORIES {
        let (inner, password, at) = (app.clone(), hash.clone(), now.at);
        let history =
            move |c: &mut Conn| Stage { c, app: &inner, staff, password: &password, now: at }.simulate_history(story);
        app.db.write(history).await?;
    }
    let inner = app.clone();
    app.db
        .write(move |c| {
            let mut stage = Stage { c, app: &inner, staff, password: &hash, now: now.at };
            stage.simulate_series(&SERIES)?;
            for email in PAUSED {
                stage.pause(email)?;
            }
            for story in &WAITING {
                stage.wait(story)?;
            }
            stage.create_unreachable()?;
            stage.write_draft()?;
            stage.write_second()
        })
        .await?;
    app.tokens.invalidate();
    Ok(())
}

/// Where the past is played: each verb of it at its own moment.
struct Stage<'a> {
    c: &'a mut Conn,
    app: &'a App,
    staff: Staff,
    password: &'a str,
    now: Stamp,
}

impl Stage<'_> {
    fn at<T>(&mut self, m: &Moment, verb: impl FnOnce(&mut Ctx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        Ok(self.app.act_in(self.c, self.staff.into(), m, verb)?.0)
    }

    fn now(&self) -> Moment {
        moment(&self.app.entropy, self.now)
    }

    /// Day 0, so many dates ago at the clinic, two hours before the time that it is there now.
    fn begun(&self, day: i32) -> Result<Moment, Error> {
        let local = self.now.plus_seconds(-7_200).timestamp().to_zoned(crate::zones::zone(CLINIC_ZONE)?);
        let begun = local.checked_sub(Span::new().days(day)).map_err(|why| Error::internal("demo", why))?;
        Ok(moment(&self.app.entropy, Stamp::from(begun.timestamp())))
    }

    /// The plan stands still for five days.
    fn pause(&mut self, email: &str) -> Result<(), Error> {
        let plan = self.plan_of(email)?;
        let new = NewCommand {
            command: PlanCommand::Pause { from_on: None, until_on: None, days: PausedDays::Shift },
            reason: text("A journey.")?,
            overrule: None,
            if_match: Some("*".to_owned()),
        };
        let (staff, now) = (self.staff, self.now());
        self.at(&now, |ctx| plan_commands::carry_out(ctx, &staff, plan.id, &new)).map(|_| ())
    }

    /// Enrolled, and waiting for a clinician's approval.
    fn wait(&mut self, story: &Story) -> Result<(), Error> {
        let (staff, m) = (self.staff, self.begun(story.day)?);
        let (patient, _) = self.create_patient(story, &m)?;
        self.at(&m, |ctx| {
            let session = patients::record_treatment(ctx, &staff, patient, treatment(story, &m)?)?;
            let new = NewPlan {
                patient,
                treatment: session.id,
                protocol: text(story.protocol)?,
                overrule: None,
                send_to_clinician: true,
            };
            enrolment::enrol(ctx, &staff, new).map(|_| ())
        })
    }

    /// Treated, and invited to an address that the relay did not take.
    fn create_unreachable(&mut self) -> Result<(), Error> {
        let (staff, m) = (self.staff, self.begun(NEW.day)?);
        self.at(&m, |ctx| {
            let patient = patients::add(ctx, &staff, record(&NEW)?)?;
            patients::record_treatment(ctx, &staff, patient.id, treatment(&NEW, &m)?)?;
            invitations::invite(ctx, &staff, patient.id)?;
            let mail = outbox::find_newest_of_patient(ctx.c, patient.id)?;
            let mail = mail.ok_or_else(|| Error::internal("demo", "no mail"))?;
            outbox::settle(ctx.c, &mail, MailState::Dead, "550 5.7.1 invented: not taken from this sender", m.at)?;
            let (name, email) = (text("Rosa Invented")?, text("rosa@clinic.example")?);
            let invited = NewMember { name, email, role: Role::Clinician };
            clinics::invite_member(ctx, &staff, invited).map(|_| ())
        })
    }

    fn write_draft(&mut self) -> Result<(), Error> {
        let document = documents::rekeyed(documents::from_library("mn-face")?, DRAFT)?;
        let written = documents::read_as(DRAFT, document)?;
        let (staff, now) = (self.staff, self.now());
        self.at(&now, |ctx| protocols::write(ctx, &staff, &written)).map(|_| ())
    }

    /// A second version of a plan in use; one of its two patients goes over to it.
    fn write_second(&mut self) -> Result<(), Error> {
        let (staff, now, key) = (self.staff, self.now(), TWICE);
        let title = "title.en = \"Scalp micro-needling";
        let document = documents::from_library(key)?.replacen(title, &format!("{title}, our way"), 1);
        let plan = self.plan_of(PAUSED[0])?;
        self.at(&now, |ctx| {
            let second = protocols::write(ctx, &staff, &documents::read_as(key, document)?)?;
            protocols::activate(ctx, &staff, key, second.version, &documents::check(&second.document)?)?;
            let wish = plan_upgrades::NewMigration {
                from_version: 1,
                to_version: second.version,
                plan_ids: Some(vec![plan.id]),
            };
            plan_upgrades::begin(ctx, &staff, key, &wish).map(|_| ())
        })
    }

    fn plan_of(&mut self, email: &str) -> Result<plans_mod::Plan, Error> {
        let named = crate::db::schema::patients::table.filter(crate::db::schema::patients::email.eq(email));
        let patient: PatientId = named.select(crate::db::schema::patients::id).first(self.c)?;
        let plan = plans::store::find_last_of_patient(self.c, self.staff.clinic, patient)?;
        plan.ok_or_else(|| Error::internal("demo", "no plan"))
    }

    /// Enrols the patient on the evening of day 0 and lives through the days until now.
    fn simulate_history(&mut self, story: &Story) -> Result<(), Error> {
        let (staff, begun) = (self.staff, self.begun(story.day)?);
        let (patient, account) = self.create_patient(story, &begun)?;
        let session =
            self.at(&begun, |ctx| patients::record_treatment(ctx, &staff, patient, treatment(story, &begun)?))?;
        self.follow(story, story.goes, &session, account, &begun)
    }

    /// The same with a first session before that one, both in a course of three.
    fn simulate_series(&mut self, story: &Story) -> Result<(), Error> {
        let (staff, first) = (self.staff, self.begun(story.day + BETWEEN)?);
        let (patient, account) = self.create_patient(story, &first)?;
        let wish = NewCourse {
            patient,
            protocol: text(story.protocol)?,
            body_area: text(area(story))?,
            sessions: Some(3),
            min_interval_days: None,
            interval_days: None,
        };
        let course = self.at(&first, |ctx| courses::make(ctx, &staff, wish))?;
        for (m, goes) in [(first, Goes::Well), (self.begun(story.day)?, story.goes)] {
            let belongs = Belongs { course: Some(course.id), replaces: None, overrule_interval: None };
            let (session, _) =
                self.at(&m, |ctx| courses::record_treatment(ctx, &staff, patient, treatment(story, &m)?, belongs))?;
            self.follow(story, goes, &session, account, &m)?;
        }
        Ok(())
    }

    /// The record and the login.
    fn create_patient(&mut self, story: &Story, m: &Moment) -> Result<(PatientId, AccountId), Error> {
        let (staff, password) = (self.staff, self.password);
        self.at(m, |ctx| {
            let new = record(story)?;
            let email = new.email.clone();
            let patient = patients::add(ctx, &staff, new)?;
            let account = auth::account_for(ctx, email.as_str(), story.locale, Some(password))?;
            patients::store::set_account(ctx.c, staff.clinic, patient.id, account.id)?;
            Ok((patient.id, account.id))
        })
    }

    /// The plan of a treatment, and its days until now.
    fn follow(
        &mut self,
        story: &Story,
        goes: Goes,
        session: &patients::Treatment,
        account: AccountId,
        m: &Moment,
    ) -> Result<(), Error> {
        let new = NewPlan {
            patient: session.patient_id,
            treatment: session.id,
            protocol: text(story.protocol)?,
            overrule: None,
            send_to_clinician: false,
        };
        let staff = self.staff;
        let plan_file = self.at(m, |ctx| enrolment::enrol(ctx, &staff, new))?;
        self.answer_past(&plan_file, goes, account)?;
        // What lies behind was lived through: the planner starts here.
        plans::store::set_planned(self.c, &plan_file.plan, self.now, Some(self.now))
    }

    fn answer_past(&mut self, plan_file: &PlanFile, goes: Goes, account: AccountId) -> Result<(), Error> {
        let (today, nothing) = (plan_file.day_number(self.now), engine::Facts::default());
        let mut past = Vec::new();
        for number in 0..=today {
            let enrolment = plan_file.enrolment();
            let day = engine::day(&plan_file.compiled, enrolment, &nothing, &plan_file.zone, self.now, number);
            past.extend(day.occurrences.into_iter().filter(|occurrence| {
                let item = plan_file.compiled.items.get(occurrence.item);
                item.is_some_and(|item| item.kind == ItemKind::CheckIn) && occurrence.closes_at <= self.now
            }));
        }
        let answered = if goes == Goes::Silent { past.len().saturating_sub(3) } else { past.len() };
        for (index, occurrence) in past.iter().take(answered).enumerate() {
            let is_last = index + 1 == past.len();
            let m = moment(&self.app.entropy, occurrence.opens_at.plus_seconds(3_600));
            if m.at < plan_file.enrolment().enrolled_at {
                continue;
            }
            let answers = answers(plan_file, occurrence.day, if is_last { goes } else { Goes::Well });
            let new = NewCheckIn::now(plan_file.plan.id, Some(occurrence.id), answers);
            let who = auth::Patient { account };
            let answer = |ctx: &mut Ctx<'_>| check_ins::record(ctx, &who, m.id::<CheckInId>(), &new, None);
            self.app.act_in(self.c, who.into(), &m, answer)?;
        }
        Ok(())
    }
}

fn moment(entropy: &Entropy, at: Stamp) -> Moment {
    Moment::new(at, entropy.clone())
}

fn text<T: TryFrom<String, Error = String>>(text: &str) -> Result<T, Error> {
    T::try_from(text.to_owned()).map_err(|why| Error::internal("demo", why))
}

fn open_clinic(c: &mut Conn, app: &App, password: &str, at: Stamp) -> Result<Staff, Error> {
    let m = moment(&app.entropy, at.plus_seconds(-60 * 86_400));
    let new = NewClinic {
        name: text("Invented Skin Clinic")?,
        zone: text(CLINIC_ZONE)?,
        locale: text("en")?,
        phone: text("+44 20 7946 0000")?,
        emergency_number: text("999")?,
        out_of_hours: text("NHS 111")?,
        reply_hours: text("Mon-Fri 9:00-17:00")?,
        monitored: true,
        triage: TriageMode::Full,
        demo: true,
        opening_hours: vec![OpeningHours {
            weekdays: Weekday::ALL.iter().copied().filter(|day| *day < Weekday::Saturday).collect(),
            opens: text("09:00")?,
            closes: text("17:00")?,
        }],
    };
    let owner = app.act_in(c, Actor::Operator, &m, |ctx| {
        let clinic = clinics::create(ctx, new)?;
        let mut owner = None;
        for (name, email, role) in STAFF {
            let new = NewMember { name: text(name)?, email: text(email)?, role: *role };
            let member = clinics::add_member(ctx, &clinic, new, MemberState::Confirmed)?;
            auth::store::set_password(ctx.c, member.account_id, password)?;
            let staff = Staff { clinic: clinic.id, member: member.id, account: member.account_id, role: *role };
            owner = owner.or(Some(staff));
        }
        owner.ok_or_else(|| Error::internal("demo", "no owner"))
    });
    let owner = owner?.0;
    let adopt = |ctx: &mut Ctx<'_>| {
        for (file, _) in authoring::LIBRARY {
            let key = file.trim_end_matches(".toml");
            let version = protocols::adopt(ctx, owner.clinic, Some(owner.member), key)?;
            protocols::activate(ctx, &owner, key, version.version, &documents::check(&version.document)?)?;
        }
        Ok(())
    };
    app.act_in(c, owner.into(), &m, adopt)?;
    Ok(owner)
}

fn record(story: &Story) -> Result<NewPatient, Error> {
    let first = story.name.split(' ').next().unwrap_or_default().to_lowercase();
    Ok(NewPatient {
        name: text(story.name)?,
        email: text(&format!("{first}@patients.example"))?,
        zone: Some(text(story.zone)?),
        locale: Some(text(story.locale)?),
    })
}

fn area(story: &Story) -> &'static str {
    if story.protocol == "mn-scalp" { "scalp" } else { "face" }
}

/// What was done on that day.
fn treatment(story: &Story, m: &Moment) -> Result<NewTreatment, Error> {
    let performed_on = m.at.timestamp().to_zoned(crate::zones::zone(CLINIC_ZONE)?).date();
    Ok(NewTreatment {
        procedure: Procedure::Microneedling,
        performed_on: performed_on.into(),
        performed_at: Some(m.at),
        body_area: text(area(story))?,
        parameters: Parameters(serde_json::from_str(story.parameters)?),
    })
}

/// The expected level of every symptom, and what goes wrong on top.
fn answers(plan_file: &PlanFile, day: i32, goes: Goes) -> serde_json::Map<String, serde_json::Value> {
    let mut answers = serde_json::Map::new();
    answers.insert("signs".to_owned(), if goes == Goes::Sign { json!(["F6"]) } else { json!([]) });
    for symptom in plan_file.compiled.curves.keys().filter(|symptom| plan_file.compiled.question(symptom).is_some()) {
        let expected =
            plan_file.compiled.expected(symptom, engine::DayOfPlan(day), engine::Age(day)).unwrap_or_default();
        let level =
            if goes == Goes::Red && symptom == "redness" { expected.saturating_add(4).min(10) } else { expected };
        answers.insert(symptom.clone(), json!(level));
    }
    answers.insert("worry".to_owned(), json!(if goes == Goes::Worried { "worried" } else { "none" }));
    answers.insert("wants_call".to_owned(), json!(goes == Goes::Worried));
    answers
}

/// Who lives here, for the one who looks.
#[derive(Debug, Serialize)]
pub struct People {
    /// The clinic's staff.
    pub staff: Vec<Login>,
    /// The patients.
    pub patients: Vec<DemoPatient>,
}

/// A member's login.
#[derive(Debug, Serialize)]
pub struct Login {
    pub role: String,
    /// The address to sign in with.
    pub email: String,
}

/// A patient's login, and where they are in their plan.
#[derive(Debug, Serialize)]
pub struct DemoPatient {
    /// The address to sign in with.
    pub email: String,
    pub zone: String,
    pub locale: String,
    pub protocol: String,
    /// The day number in the patient's zone when the demo was started.
    pub day: i32,
    pub plan_id: String,
}

/// Lists them from the database, so that a second start says the same.
pub fn list(c: &mut Conn, at: Stamp) -> Result<People, Error> {
    use crate::db::schema::{accounts, members, patients, plans, protocol_versions};
    let staff: Vec<(Role, String)> = members::table
        .inner_join(accounts::table.on(accounts::id.eq(members::account_id)))
        .filter(members::state.eq(MemberState::Confirmed))
        .order(members::id)
        .select((members::role, accounts::email))
        .load(c)?;
    let rows: Vec<(plans_mod::Plan, patients_mod::Patient, String)> = plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(
            protocol_versions::table
                .on(protocol_versions::clinic_id.eq(plans::clinic_id).and(protocol_versions::id.eq(plans::version_id))),
        )
        .order(patients::id)
        .select((plans_mod::Plan::as_select(), patients_mod::Patient::as_select(), protocol_versions::key))
        .load(c)?;
    let patient = |(plan, patient, protocol): (plans_mod::Plan, patients_mod::Patient, String)| {
        let zone = crate::zones::zone(&patient.zone)?;
        Ok(DemoPatient {
            day: engine::day_number(plan.day_zero.0, &zone, at),
            plan_id: plan.id.to_string(),
            email: patient.email,
            zone: patient.zone,
            locale: patient.locale,
            protocol,
        })
    };
    Ok(People {
        staff: staff.into_iter().map(|(role, email)| Login { role: role.as_str().to_owned(), email }).collect(),
        patients: rows.into_iter().map(patient).collect::<Result<_, Error>>()?,
    })
}
