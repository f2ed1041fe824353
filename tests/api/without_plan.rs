//! A record that never had a plan that was right: danger signs can be said all the same, are judged at once, and reach the clinic.

use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::people::{Clinic, Person, face_treatment, phone_id};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp, subjects};

struct Care {
    app: Shared,
    clinic: Clinic,
    patient_id: String,
    ada: Person,
}

impl Care {
    /// A patient who was invited before the treatment was recorded.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let (patient_id, ada) = clinic.invited("Ada").await;
        Self { app, clinic, patient_id, ada }
    }

    /// A patient whose only plan was somebody else's.
    async fn in_error() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let ada = clinic.enrol("Ada").await;
        let path = format!("/v1/clinic/plans/{}/entered-in-error", ada.plan_id);
        clinic.owner.send_if("POST", &path, "\"v1\"", json!({ "reason": "Another patient's." })).await.must(200);
        Self { app, clinic, patient_id: ada.patient_id, ada: ada.person }
    }

    fn about(&self, answers: Value) -> Value {
        json!({ "patient_id": self.patient_id, "answers": answers })
    }

    async fn put(&self, number: u128, body: Value) -> Reply {
        self.ada.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await
    }

    async fn say(&self, number: u128, answers: Value) -> Value {
        self.put(number, self.about(answers)).await.must(201)
    }

    /// Enrols the patient, after the treatment was recorded.
    async fn enrol(&self, protocol: &str) -> Value {
        let path = format!("/v1/clinic/patients/{}/treatments", self.patient_id);
        let treatment = self.clinic.coordinator.post(&path, face_treatment("2026-03-02")).await.must(201);
        let body = json!({
            "patient_id": self.patient_id, "treatment_id": treatment["id"], "protocol_key": protocol
        });
        self.clinic.coordinator.post("/v1/clinic/plans", body).await.must(201)["id"].clone()
    }

    async fn alerts(&self) -> Vec<Value> {
        listed(self.clinic.coordinator.get("/v1/clinic/alerts").await)
    }

    async fn seen_by_staff(&self) -> Vec<Value> {
        listed(self.clinic.coordinator.get(&format!("/v1/clinic/patients/{}/check-ins", self.patient_id)).await)
    }
}

fn listed(reply: Reply) -> Vec<Value> {
    reply.must(200)["items"].as_array().unwrap().clone()
}

fn rules(check_in: &Value) -> Vec<&str> {
    check_in["advice"]["reasons"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect()
}

/// The one form of Today and of the timeline.
async fn the_form(person: &Person) -> Value {
    person.must_only_have_help().await;
    let today = person.get("/v1/me/today").await.must(200);
    let timeline = person.get("/v1/me/timeline").await.must(200);
    let (form, of_days) = (&today["forms"][0], &timeline["forms"]);
    assert_eq!((of_days.as_array().unwrap().len(), &of_days[0]["days"]), (1, &json!([0])));
    for field in ["plan_id", "patient_id", "clinic_id", "key", "questions"] {
        assert_eq!(of_days[0][field], form[field], "{field}");
    }
    form.clone()
}

#[tokio::test]
async fn from_the_form_to_the_alert_and_its_end() {
    for care in [Care::new().await, Care::in_error().await] {
        care.app.mails().await;
        let form = the_form(&care.ada).await;
        assert_eq!(
            (&form["plan_id"], &form["patient_id"], &form["clinic_id"], &form["day"]),
            (&Value::Null, &json!(care.patient_id), &json!(care.clinic.id.to_string()), &json!(0))
        );
        let sent = care.about(json!({ "signs": ["F1"] }));
        let check_in = care.put(1, sent.clone()).await.must(201);
        assert_eq!(
            (&check_in["plan_id"], &check_in["patient_id"], &check_in["occurrence_id"], &check_in["day"]),
            (&Value::Null, &json!(care.patient_id), &Value::Null, &json!(0))
        );
        assert_eq!((&check_in["urgency"], rules(&check_in)), (&json!("emergency"), vec!["F1"]));
        let advice = "Call 999 now. Do not finish the form. Then tell the clinic: +44 20 7946 0000.";
        assert_eq!(
            (&check_in["advice"]["text"], &check_in["contact"]["emergency_number"]),
            (&json!(advice), &json!("999"))
        );
        let mails = care.app.mails().await;
        let told: Vec<&str> = subjects(&mails).into_iter().map(|(to, _)| to).collect();
        assert_eq!(told, ["owner@one.example", "clinician@one.example"]);
        assert!(mails.iter().all(|mail| !mail.text.contains("breath") && !mail.subject.contains("Ada")));

        assert_eq!(care.put(1, sent).await.must(200), check_in, "a retry");
        let path = format!("/v1/me/check-ins/{}", phone_id(1));
        assert_eq!(care.ada.get(&path).await.must(200), check_in);
        assert_eq!(listed(care.ada.get("/v1/me/check-ins").await), std::slice::from_ref(&check_in));
        assert_eq!(care.seen_by_staff().await, std::slice::from_ref(&check_in));
        care.say(2, json!({ "signs": ["F1"] })).await;
        end(&care).await;
        care.say(3, json!({ "signs": ["F1"] })).await;
        let again = care.alerts().await;
        assert_eq!((again.len(), &again[0]["status"], &again[0]["times_seen"]), (2, &json!("open"), &json!(1)));
        care.app.ignore_mails();
    }
}

/// Staff takes and ends the one alert, which was seen twice.
async fn end(care: &Care) {
    let alerts = care.alerts().await;
    let alert = &alerts[0];
    assert_eq!((alerts.len(), &alert["cause"], &alert["times_seen"]), (1, &json!("F1"), &json!(2)));
    assert_eq!(
        (&alert["plan_id"], &alert["patient_id"], &alert["patient_name"], &alert["day"]),
        (&Value::Null, &json!(care.patient_id), &json!("Ada Invented"), &json!(0))
    );
    assert_eq!((&alert["urgency"], &alert["check_in_id"]), (&json!("emergency"), &json!(phone_id(2))));
    let path = format!("/v1/clinic/alerts/{}", alert["id"].as_str().unwrap());
    let token = care.clinic.clinician.token().await;
    let german = care.app.ask("GET", &path).bearer(&token).header("accept-language", "de").send().await.must(200);
    assert!(german["reason"].as_str().unwrap().starts_with("Atemnot"), "{german}");
    let tag = care.clinic.clinician.get(&path).await.version_tag();
    let taken = care.clinic.clinician.send_if("POST", &format!("{path}/acknowledge"), &tag, Value::Null).await;
    assert_eq!(taken.must(200)["status"], "acknowledged");
    let body = json!({ "resolution": "referred", "note": "An ambulance came." });
    let ended = care.clinic.clinician.send_if("POST", &format!("{path}/resolve"), &taken.version_tag(), body).await;
    assert_eq!(ended.must(200)["status"], "resolved");
}

#[tokio::test]
async fn the_form_comes_in_the_language_that_is_asked_for() {
    let care = Care::new().await;
    let form = the_form(&care.ada).await;
    insta::assert_json_snapshot!("questions_without_plan", form["questions"]);
    let token = care.ada.token().await;
    for (locale, words) in [("es", "¿Tiene algo de esto?"), ("de", "Haben Sie etwas davon?")] {
        let today = care.app.ask("GET", "/v1/me/today").bearer(&token).header("accept-language", locale).send().await;
        assert_eq!(today.must(200)["forms"][0]["questions"][0]["text"], words);
    }
}

#[tokio::test]
async fn nothing_that_is_said_is_dropped_or_called_fine() {
    let care = Care::new().await;
    care.app.ignore_mails();
    let line = json!({
        "patient_id": care.patient_id, "answers": { "redness": 3, "signs": ["F99"] },
        "occurrence_id": phone_id(7), "answered_at": "2126-03-02T10:00:00Z"
    });
    let odd = care.put(1, line).await.must(201);
    let named: Vec<(&str, &str)> = odd["not_used"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["question"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [("occurrence_id", "unknown_value"), ("redness", "unknown_question"), ("signs", "unknown_choice")]
    );
    assert_eq!((&odd["clock"], &odd["answered_at"]), (&json!("adjusted"), &json!("2026-03-02T10:00:00Z")));
    assert_eq!((rules(&odd), &odd["urgency"]), (vec!["not_used"], &json!("note")));
    let none = care.say(2, json!({ "signs": [] })).await;
    assert_eq!(rules(&none), ["not_judged"], "no sign says nothing of the skin");
    let calm = care.say(3, json!({ "worry": "none", "temperature": 36.8 })).await;
    for said in [&odd, &none, &calm] {
        assert!(!said.to_string().contains("in line with"), "{said}");
        assert!(said["advice"]["text"].as_str().unwrap().contains("+44 20 7946 0000"), "{said}");
    }
    assert_eq!(care.app.database.count("record_check_ins", "1 = 1"), 3);
    let causes: Vec<String> = care.alerts().await.iter().map(|alert| alert["cause"].to_string()).collect();
    assert_eq!(causes, ["\"not_used\"", "\"not_judged\""]);
    let before = json!({ "patient_id": care.patient_id, "answers": { "wants_call": true }, "answered_at": "2026-02-01T10:00:00Z" });
    assert_eq!(care.put(4, before).await.must(201)["clock"], "adjusted", "the record was not there then");
    care.put(5, care.about(json!({ "signs": null }))).await.must_name("/answers", "too_short");
    let path = format!("/v1/clinic/check-ins/{}/reconsider", phone_id(1));
    care.clinic.clinician.post_nothing(&path).await.must_be_problem(409, "without_plan");
    let other = care.app.clinic_named("two").await;
    other.clinician.post_nothing(&path).await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn a_temperature_and_worry_are_judged_as_in_a_plan() {
    let care = Care::new().await;
    care.app.ignore_mails();
    let fever = care.say(1, json!({ "signs": ["F7"], "temperature": { "value": 101.0, "unit": "F" } })).await;
    assert_eq!((rules(&fever)[0], &fever["urgency"]), ("F3-spreading", &json!("emergency")));
    assert_eq!(rules(&care.say(2, json!({ "worry": "very_worried" })).await), ["R5-worried"]);
    care.app.pass_seconds(40 * 24 * 3_600);
    assert_eq!(
        rules(&care.say(3, json!({ "worry": "very_worried", "wants_call": true })).await),
        ["R5-worried", "R5-call"]
    );
    assert!(care.alerts().await.iter().any(|alert| alert["cause"] == "F24"), "very worried twice in a row");
    let yesterday = json!({ "patient_id": care.patient_id, "answers": { "temperature": 38.4 }, "answered_at": "2026-04-10T08:00:00Z" });
    let late = care.put(4, yesterday).await.must(201);
    assert_eq!((rules(&late), &late["clock"]), (vec!["F4-temperature"], &json!("trusted")), "on every day");
}

#[tokio::test]
async fn a_clinic_that_has_nothing_judged_still_keeps_it() {
    let care = Care::new().await;
    care.app.database.run("UPDATE clinics SET triage = 'instructions_only'");
    the_form(&care.ada).await;
    let kept = care.say(1, json!({ "signs": ["F6"] })).await;
    assert_eq!((&kept["urgency"], rules(&kept).len()), (&Value::Null, 0));
    assert!(kept["advice"]["text"].as_str().unwrap().starts_with("Your answers are saved. They are not judged here."));
    assert_eq!(care.seen_by_staff().await, std::slice::from_ref(&kept));
    assert_eq!((care.alerts().await.len(), care.app.mails().await.len()), (0, 0));
    care.app.database.run("UPDATE clinics SET triage = 'full'");
    assert_eq!(care.seen_by_staff().await[0]["advice"], kept["advice"], "it is not called common afterwards");
}

#[tokio::test]
async fn it_says_whose_it_is_by_one_id_and_only_by_ones_own() {
    let care = Care::new().await;
    let (theirs, bea) = care.app.clinic_named("two").await.invited("Bea").await;
    let answers = json!({ "signs": ["F1"] });
    care.put(1, json!({ "answers": answers })).await.must_name("/plan_id", "missing_field");
    let both = json!({ "plan_id": phone_id(9), "patient_id": care.patient_id, "answers": answers });
    care.put(1, both).await.must_name("/patient_id", "not_both");
    let of = |record: &str| json!({ "patient_id": record, "answers": answers });
    let (foreign, unknown) = (care.put(1, of(&theirs)).await, care.put(1, of(&phone_id(9))).await);
    foreign.must_name("/patient_id", "unknown_value");
    assert_eq!(foreign.without_trace(), unknown.without_trace());
    let path = format!("/v1/me/check-ins/{}", phone_id(1));
    care.put(1, of(&care.patient_id)).await.must(201);
    bea.get(&path).await.must_be_problem(404, "not_found");
    assert_eq!(listed(bea.get("/v1/me/check-ins").await), Vec::<Value>::new());
    assert_eq!(care.app.database.count("record_check_ins", "1 = 1"), 1);
    care.app.ignore_mails();
}

#[tokio::test]
async fn an_id_is_taken_once_with_a_plan_or_without() {
    let care = Care::new().await;
    care.app.ignore_mails();
    let first = care.say(1, json!({ "signs": ["F6", "F7"], "worry": "none" })).await;
    let same = care.about(json!({ "worry": "none", "temperature": null, "signs": ["F7", "F6"] }));
    assert_eq!(care.put(1, same).await.must(200), first);
    care.put(1, care.about(json!({ "signs": ["F6"] }))).await.must_be_problem(409, "id_taken");
    let plan = care.enrol("mn-face").await;
    let of_plan = json!({ "plan_id": plan, "answers": { "signs": ["F6"] } });
    care.put(1, of_plan.clone()).await.must_be_problem(409, "id_taken");
    care.put(2, of_plan).await.must(201);
    care.put(2, care.about(json!({ "signs": ["F6"] }))).await.must_be_problem(409, "id_taken");
    assert_eq!(care.put(1, care.about(json!({ "signs": ["F6", "F7"], "worry": "none" }))).await.must(200), first);
    let twins =
        futures_util::future::join_all((0..6).map(|_| care.put(3, care.about(json!({ "signs": ["F6"] }))))).await;
    assert_eq!(twins.iter().filter(|twin| twin.status == 201).count(), 1);
    assert!(twins.iter().all(|twin| [200, 201].contains(&twin.status)));
}

#[tokio::test]
async fn what_a_phone_kept_until_there_was_a_plan_is_judged_by_the_plan_and_by_the_form_that_it_had() {
    for protocol in ["mn-face", "small"] {
        let care = Care::new().await;
        care.app.ignore_mails();
        care.clinic.approve("small", &small_protocol("small")).await;
        let plan = care.enrol(protocol).await;
        // The small plan knows no F12, and asks for worry in another way.
        let late = care.say(1, json!({ "signs": ["F12"], "wants_call": true })).await;
        assert_eq!((&late["plan_id"], &late["not_used"]), (&plan, &json!([])), "{protocol}");
        assert_eq!((rules(&late), &late["urgency"]), (vec!["F12", "R5-call"], &json!("urgent")), "{protocol}");
        assert_eq!(care.app.database.count("check_ins", "1 = 1"), 1, "{protocol}");
        let again = care.put(1, care.about(json!({ "signs": ["F12"], "wants_call": true }))).await;
        assert_eq!(again.must(200), late, "{protocol}");
        assert_eq!(care.alerts().await[0]["plan_id"], plan, "{protocol}");
        let path = format!("/v1/clinic/check-ins/{}/reconsider", phone_id(1));
        let judged = care.clinic.clinician.post_nothing(&path).await.must(201);
        assert_eq!((&judged["urgency"], &judged["not_used"]), (&json!("urgent"), &json!([])), "{protocol}");
    }
}

/// The small plan without any sign.
fn without_signs() -> String {
    let mut document = small_protocol("small").replace("\"signs\", ", "");
    for (from, to) in [("[[sign]]", "[[rule]]"), ("[[question]]\nkey = \"signs\"", "[[question]]\nkey = \"redness\"")] {
        let (start, end) = (document.find(from).unwrap(), document.find(to).unwrap());
        document.replace_range(start..end, "");
    }
    document.lines().filter(|line| !line.contains("in signs")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_plan_that_knows_no_signs_has_the_same_form() {
    let care = Care::new().await;
    care.app.ignore_mails();
    care.clinic.approve("small", &without_signs()).await;
    let plan = care.enrol("small").await;
    let today = care.ada.get("/v1/me/today").await.must(200);
    let form = today["forms"].as_array().unwrap().iter().find(|form| form["key"] == "danger-signs").unwrap();
    assert_eq!((&form["plan_id"], &form["patient_id"]), (&Value::Null, &json!(care.patient_id)));
    let said = care.say(1, json!({ "signs": ["F1"] })).await;
    assert_eq!((&said["plan_id"], &said["urgency"], rules(&said)), (&plan, &json!("emergency"), vec!["F1"]));
}

#[tokio::test]
async fn two_clinics_have_a_form_each_and_see_what_is_theirs() {
    let care = Care::new().await;
    let two = care.app.clinic_named("two").await;
    let (other_id, same) = two.invited("Ada").await;
    care.app.ignore_mails();
    assert_eq!(same.account, care.ada.account);
    let today = care.ada.get("/v1/me/today").await.must(200);
    let of: Vec<(&Value, &Value)> =
        today["forms"].as_array().unwrap().iter().map(|form| (&form["patient_id"], &form["clinic_id"])).collect();
    let (one_id, two_id) = (json!(care.clinic.id.to_string()), json!(two.id.to_string()));
    assert_eq!(of, [(&json!(care.patient_id), &one_id), (&json!(other_id), &two_id)]);
    care.say(1, json!({ "signs": ["F6"] })).await;
    care.put(2, json!({ "patient_id": other_id, "answers": { "signs": ["F7"] } })).await.must(201);
    let plan = care.enrol("mn-face").await;
    care.put(3, json!({ "plan_id": plan, "answers": { "signs": ["F4"] } })).await.must(201);
    care.put(4, json!({ "patient_id": other_id, "answers": { "signs": ["F9"] } })).await.must(201);
    let causes = |alerts: Vec<Value>| {
        alerts.into_iter().map(|alert| alert["cause"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(causes(care.alerts().await), ["F6", "F4"]);
    assert_eq!(causes(listed(two.coordinator.get("/v1/clinic/alerts").await)), ["F7", "F9"]);
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&care.seen_by_staff().await), [phone_id(3), phone_id(1)], "newest first, with a plan or without");
    let path = format!("/v1/clinic/patients/{}/check-ins", care.patient_id);
    two.coordinator.get(&path).await.must_be_problem(404, "not_found");
    let (mut cursor, mut mine) = (String::new(), Vec::new());
    loop {
        let page = care.ada.get(&format!("/v1/me/check-ins?limit=1{cursor}")).await.must(200);
        mine.extend(ids(page["items"].as_array().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(mine, [4, 3, 2, 1].map(phone_id), "page by page, each once");
}

#[tokio::test]
async fn the_schema_before_keeps_what_was_there_and_the_new_one_takes_it_back() {
    let care = Care::new().await;
    care.app.ignore_mails();
    care.say(1, json!({ "signs": ["F6"] })).await;
    let plan = care.enrol("mn-face").await;
    care.put(2, json!({ "plan_id": plan, "answers": { "signs": ["F7"] } })).await.must(201);
    let kind = if care.app.database.is_sqlite() { "sqlite" } else { "postgres" };
    let file = |file: &str| {
        let path = format!("migrations/{kind}/2026-11-30-000000_records_without_plan/{file}.sql");
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let before = care.alerts().await.into_iter().find(|alert| alert["cause"] == "F7");
    care.app.database.run(&file("down"));
    let no_plan = "UPDATE alerts SET plan_id = NULL";
    assert!(care.app.database.try_run(no_plan).is_err(), "an alert has a plan there");
    care.app.database.run(&file("up"));
    assert_eq!(care.alerts().await.into_iter().next(), before, "those of plans stay as they were");
    assert_eq!(care.alerts().await.len(), 1);
    let foreign = "UPDATE alerts SET record_check_in_id = check_in_id";
    assert!(care.app.database.try_run(foreign).is_err(), "it is a check-in of a record, or none");
}

#[tokio::test]
async fn a_plan_ends_by_itself_after_its_last_day() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let path = format!("/v1/clinic/plans/{}", ada.plan_id);
    let plan = clinic.owner.get(&path).await.must(200);
    let last_day = plan["last_day"].as_i64().unwrap();
    let noon_of = |day: i64| {
        let date = "2026-03-02".parse::<jiff::civil::Date>().unwrap().checked_add(jiff::Span::new().days(day)).unwrap();
        format!("{date}T12:00:00Z")
    };

    app.set_clock(&noon_of(last_day));
    assert_eq!(clinic.owner.get(&path).await.must(200)["status"], "active");
    assert_eq!(ada.person.get("/v1/me/today").await.must(200)["plans"][0]["status"], "active");

    // What can still be answered keeps it in Today for a few days, and no longer; nothing else does.
    app.set_clock(&noon_of(last_day + 10));
    assert_eq!(clinic.owner.get(&path).await.must(200)["status"], "completed");
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!((&today["plans"], &today["items"]), (&json!([]), &json!([])));
    assert_eq!(today["clinics"][0]["emergency_number"], "999", "help is there all the same");
    assert_eq!(today["forms"].as_array().unwrap().len(), 1, "and so is the danger-sign form: {}", today["forms"]);

    // It stays readable, as it was.
    let timeline = format!("/v1/me/plans/{}/timeline?from_day=0&limit=1", ada.plan_id);
    let first = ada.person.get(&timeline).await.must(200);
    assert_eq!(first["items"][0]["plan"]["day"], 0);
    assert!(!first["items"][0]["items"].as_array().unwrap().is_empty());
}
