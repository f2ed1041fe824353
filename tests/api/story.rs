//! The story that the product exists for, and the reminders of its first evening.

use aftercare::auth::{self, MemberState, Role};
use aftercare::clinics::{self, NewMember};
use aftercare::events::Actor;
use serde_json::{Value, json};

use crate::support::people::{Clinic, Enrolled, face_treatment, new_clinic, phone_id, text};
use crate::support::{Shared, TestApp, subjects, token_in};

const PASSWORD: &str = "a sentence that only I know";

/// What a patient answers who is as well as one can be on day 0.
pub fn well() -> Value {
    json!({ "signs": [], "redness": 5, "swelling": 3, "pain": 3, "itch": 1, "worry": "none", "wants_call": false })
}

fn line<'a>(today: &'a Value, key: &str) -> &'a Value {
    let found = today["items"].as_array().unwrap().iter().find(|item| item["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} among {:?}", keys(today)))
}

fn keys(today: &Value) -> Vec<&str> {
    today["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

async fn sign_in(app: &Shared, email: &str) -> String {
    let login = json!({ "email": email, "password": PASSWORD });
    let signed_in = app.ask("POST", "/v1/auth/login").json(&login).send().await.must(200);
    signed_in["access_token"].as_str().unwrap().to_owned()
}

async fn accept(app: &Shared, token: &str) -> Value {
    let answer = json!({ "token": token, "password": PASSWORD });
    app.ask("POST", "/v1/auth/invitations/accept").json(&answer).send().await.must(200)
}

/// The command `clinic create`, without its printing.
async fn create_clinic(app: &Shared) -> String {
    let made = app.app.act(Actor::Operator, move |ctx| {
        let clinic = clinics::create(ctx, new_clinic("of the story"))?;
        let new = NewMember { name: text("Olga Invented"), email: text("olga@clinic.example"), role: Role::Owner };
        let email = new.email.clone();
        let member = clinics::add_member(ctx, &clinic, new, MemberState::Invited)?;
        auth::invite_member(ctx, &member, email.as_str(), &clinic.locale)?;
        auth::member_link(ctx, &member)
    });
    made.await.unwrap()
}

#[tokio::test]
async fn a_treated_patient_gets_the_right_day_checks_in_and_is_reminded() {
    let app = TestApp::start().await;

    // A clinic is created by a command, and its owner follows the mailed link.
    let link = create_clinic(&app).await;
    let mail = app.the_mail().await;
    assert_eq!(mail.to, "olga@clinic.example");
    assert!(mail.text.contains("/open/invitation#") && !mail.text.contains(&link), "the mail has a link of its own");
    let accepted = accept(&app, &token_in(&mail)).await;
    assert_eq!((accepted["acts_as"].as_str(), accepted["role"].as_str()), (Some("staff"), Some("owner")));
    let owner = sign_in(&app, "olga@clinic.example").await;
    let ask = |method: &str, path: &str| app.ask(method, path).bearer(&owner);

    // The owner adds a patient, records a treatment, approves a plan, enrols.
    let patient = json!({ "name": "Ada Invented", "email": "Ada@Patients.example" });
    let patient = ask("POST", "/v1/clinic/patients").json(&patient).send().await.must(201);
    insta::assert_json_snapshot!("story_patient", patient);
    let patient_path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    let treatment =
        ask("POST", &format!("{patient_path}/treatments")).json(&face_treatment("2026-03-02")).send().await.must(201);
    let enrolment = json!({ "patient_id": patient["id"], "treatment_id": treatment["id"], "protocol_key": "mn-face" });
    let too_early = ask("POST", "/v1/clinic/plans").json(&enrolment).send().await;
    too_early.must_name("/protocol_key", "not_approved");
    let draft = ask("POST", "/v1/clinic/protocols").json(&json!({ "library_key": "mn-face" })).send().await.must(201);
    assert_eq!((draft["status"].as_str(), draft["version"].as_i64()), (Some("draft"), Some(1)));
    let active = ask("POST", "/v1/clinic/protocols/mn-face/versions/1/activate").send().await.must(200);
    assert_eq!(active["status"], "active");
    let plan = ask("POST", "/v1/clinic/plans").json(&enrolment).send().await.must(201);
    insta::assert_json_snapshot!("story_plan", plan);
    ask("POST", &format!("{patient_path}/invitation")).send().await.must(201);

    // The patient follows the mailed link and signs in.
    let mail = app.the_mail().await;
    assert_eq!(mail.to, "ada@patients.example");
    let accepted = accept(&app, &token_in(&mail)).await;
    assert_eq!(accepted["acts_as"], "patient");
    let ada = sign_in(&app, "ada@patients.example").await;
    let ask = |method: &str, path: &str| app.ask(method, path).bearer(&ada);

    // Today, the timeline, a mark.
    let today = ask("GET", "/v1/me/today").send().await.must(200);
    insta::assert_json_snapshot!("story_today", today);
    let timeline_path = format!("/v1/me/plans/{}/timeline", plan["id"].as_str().unwrap());
    let timeline = ask("GET", &format!("{timeline_path}?from_day=0&limit=3")).send().await.must(200);
    let dates: Vec<&Value> = timeline["items"].as_array().unwrap().iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2026-03-02", "2026-03-03", "2026-03-04"]);
    assert_eq!(timeline["next_from_day"], 3);
    let can_be_done = |item: &&Value| item["state"] == "open" && (item["kind"] == "photo" || item["kind"] == "task");
    let task = today["items"].as_array().unwrap().iter().find(can_be_done).expect("something to do on day 0");
    let mark_path = format!("/v1/me/occurrences/{}/mark", task["occurrence_id"].as_str().unwrap());
    let marked = ask("PUT", &mark_path).json(&json!({ "state": "done" })).send().await.must(200);
    assert_eq!(marked["state"], "done");
    let today = ask("GET", "/v1/me/today").send().await.must(200);
    assert_eq!(line(&today, task["key"].as_str().unwrap())["state"], "done");

    // In the evening a check-in opens; one that is in line gets advice at once, and raises nothing.
    app.set_clock("2026-03-02T17:00:00Z");
    let ada = sign_in(&app, "ada@patients.example").await;
    let ask = |method: &str, path: &str| app.ask(method, path).bearer(&ada);
    let today = ask("GET", "/v1/me/today").send().await.must(200);
    let check_in = line(&today, "check-in-evening");
    assert_eq!(check_in["state"], "open");
    let answers = json!({ "plan_id": plan["id"], "occurrence_id": check_in["occurrence_id"], "answers": well() });
    let answered = ask("PUT", &format!("/v1/me/check-ins/{}", phone_id(1))).json(&answers).send().await.must(201);
    insta::assert_json_snapshot!("story_check_in", answered);
    let today = ask("GET", "/v1/me/today").send().await.must(200);
    assert_eq!(line(&today, "check-in-evening")["state"], "done");

    // The next day something is off track: an alert, and mails to those who can settle it.
    app.set_clock("2026-03-03T09:00:00Z");
    let ada = sign_in(&app, "ada@patients.example").await;
    let owner = sign_in(&app, "olga@clinic.example").await;
    let answers = json!({ "plan_id": plan["id"], "answers": { "redness": 9 } });
    let off_track =
        app.ask("PUT", &format!("/v1/me/check-ins/{}", phone_id(2))).bearer(&ada).json(&answers).send().await.must(201);
    assert_ne!(off_track["urgency"], Value::Null);
    let ask = |method: &str, path: &str| app.ask(method, path).bearer(&owner);
    let alerts = ask("GET", "/v1/clinic/alerts?status=open").send().await.must(200);
    assert_eq!(alerts["items"].as_array().unwrap().len(), 1);
    insta::assert_json_snapshot!("story_alert", alerts["items"][0]);
    let notice = app.the_mail().await;
    assert_eq!(notice.to, "olga@clinic.example");
    for clinical in ["Ada", "red", "needling", "Invented Clinic"] {
        assert!(!notice.subject.contains(clinical), "{}", notice.subject);
    }

    // The owner takes it and ends it with a reason.
    let alert = format!("/v1/clinic/alerts/{}", alerts["items"][0]["id"].as_str().unwrap());
    let taken = ask("POST", &format!("{alert}/acknowledge")).header("if-match", "\"v1\"").send().await;
    assert_eq!((taken.must(200)["status"].as_str(), taken.version_tag()), (Some("acknowledged"), "\"v2\"".to_owned()));
    let end = json!({ "resolution": "advised", "note": "Called, cooled, all settled." });
    let ended = ask("POST", &format!("{alert}/resolve")).header("if-match", "\"v2\"").json(&end).send().await.must(200);
    assert_eq!((ended["status"].as_str(), ended["resolution"].as_str()), (Some("resolved"), Some("advised")));
    let again = ask("POST", &format!("{alert}/resolve")).header("if-match", "\"v3\"").json(&end).send().await;
    again.must_be_problem(409, "resolved");
}

async fn evening(app: &Shared) -> (Clinic, Enrolled, String) {
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T18:00:00Z");
    let today = ada.person.get("/v1/me/today").await.must(200);
    let occurrence = line(&today, "check-in-evening")["occurrence_id"].as_str().unwrap().to_owned();
    (clinic, ada, occurrence)
}

async fn check_in(ada: &Enrolled, occurrence: &str, id: u128) {
    let body = json!({ "plan_id": ada.plan_id, "occurrence_id": occurrence, "answers": well() });
    ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(id)), body).await.must(201);
}

/// What the clinic is told about the one decision of the plan.
async fn why(clinic: &Clinic, ada: &Enrolled) -> Value {
    let decided = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders", ada.plan_id)).await.must(200);
    let items = decided["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    let id = items[0]["id"].as_str().unwrap();
    clinic.coordinator.get(&format!("/v1/clinic/reminders/{id}/why")).await.must(200)
}

#[tokio::test]
async fn the_evening_reminder_is_mailed_at_seven_when_the_check_in_is_missing() {
    let app = TestApp::start().await;
    let (clinic, ada, _) = evening(&app).await;
    app.set_clock("2026-03-02T18:59:59Z");
    assert_eq!(subjects(&app.mails().await), [], "not a second early");
    app.set_clock("2026-03-02T19:00:00Z");
    let mail = app.the_mail().await;
    assert_eq!(mail.to, ada.email);
    let unsubscribe = mail.list_unsubscribe.clone().expect("a way out");
    assert!(unsubscribe.starts_with("https://care.example/v1/unsubscribe/"), "{unsubscribe}");
    for clinical in ["Ada", "check", "skin", "needling", "Clinic one"] {
        assert!(!mail.subject.to_lowercase().contains(&clinical.to_lowercase()), "{}", mail.subject);
    }
    insta::assert_json_snapshot!("story_why", why(&clinic, &ada).await);
    app.set_clock("2026-03-02T23:00:00Z");
    assert_eq!(subjects(&app.mails().await), [], "once");
}

#[tokio::test]
async fn the_evening_reminder_is_not_mailed_when_the_check_in_is_there() {
    let app = TestApp::start().await;
    let (clinic, ada, occurrence) = evening(&app).await;
    check_in(&ada, &occurrence, 1).await;
    app.set_clock("2026-03-02T19:00:00Z");
    assert_eq!(subjects(&app.mails().await), []);
    let why = why(&clinic, &ada).await;
    assert_eq!(
        (why["reminder"]["decision"].as_str(), why["reminder"]["reason"].as_str()),
        (Some("not_mailed"), Some("done"))
    );
    assert_eq!(why["mail"], Value::Null);
}

#[tokio::test]
async fn a_check_in_between_planning_and_sending_stops_the_reminder() {
    let app = TestApp::start().await;
    let (clinic, ada, occurrence) = evening(&app).await;
    app.set_clock("2026-03-02T19:00:00Z");
    aftercare::worker::planner::plan_due(&app.app).await.unwrap();
    assert_eq!(app.database.count("outbox", "kind = 'reminder' AND state = 'pending'"), 1, "planned");
    check_in(&ada, &occurrence, 1).await;
    assert_eq!(subjects(&app.mails().await), []);
    let why = why(&clinic, &ada).await;
    assert_eq!(
        (why["reminder"]["decision"].as_str(), why["reminder"]["reason"].as_str()),
        (Some("not_mailed"), Some("done"))
    );
    assert_eq!(why["mail"]["state"], "withdrawn");
}

#[tokio::test]
async fn one_click_unsubscribes_and_opening_the_page_does_not() {
    let app = TestApp::start().await;
    let (clinic, ada, _) = evening(&app).await;
    app.set_clock("2026-03-02T19:00:00Z");
    let mail = app.the_mail().await;
    let path = mail.list_unsubscribe.unwrap().strip_prefix("https://care.example").unwrap().to_owned();
    for _ in 0..10 {
        assert_eq!(app.ask("GET", &path).send().await.status, 200);
    }
    let patient_path = format!("/v1/clinic/patients/{}", ada.patient_id);
    assert_eq!(clinic.coordinator.get(&patient_path).await.must(200)["reminders"], true);
    for _ in 0..2 {
        let click = app.ask("POST", &path).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(click.raw("List-Unsubscribe=One-Click").send().await.status, 200);
    }
    assert_eq!(clinic.coordinator.get(&patient_path).await.must(200)["reminders"], false);
    assert_eq!(app.database.count("events", "kind = 'patient.unsubscribed'"), 1, "twice is once");
    app.set_clock("2026-03-03T10:00:00Z");
    assert_eq!(subjects(&app.mails().await), []);
    let forged = format!("{}A", &path[..path.len() - 1]);
    let forged = if forged == path { format!("{}B", &path[..path.len() - 1]) } else { forged };
    app.ask("POST", &forged).send().await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn an_unsubscribe_between_planning_and_sending_counts() {
    let app = TestApp::start().await;
    let (clinic, ada, _) = evening(&app).await;
    app.set_clock("2026-03-02T19:00:00Z");
    aftercare::worker::planner::plan_due(&app.app).await.unwrap();
    let me = ada.person.get("/v1/me").await;
    ada.person.send_if("PATCH", "/v1/me", me.header("etag"), json!({ "reminders": false })).await.must(200);
    assert_eq!(subjects(&app.mails().await), []);
    assert_eq!(why(&clinic, &ada).await["reminder"]["reason"], "unsubscribed");
}
