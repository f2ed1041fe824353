//! What a phone sends is never dropped: what can be used is judged at once, the rest is kept, named, shown, and can be judged again.

use serde_json::{Value, json};

use crate::authoring::changed;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Enrolled, face_treatment, phone_id};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

struct Care {
    app: Shared,
    clinic: Clinic,
    ada: Enrolled,
}

impl Care {
    /// A patient of the face plan on the evening of day 2.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let ada = clinic.enrol("Ada").await;
        Self { app, clinic, ada }.on_day_2()
    }

    /// The same in a small plan of the clinic's own.
    async fn small(document: &str) -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        clinic.approve("small", document).await;
        let ada = clinic.enrol_as(("Ada", "Europe/London"), "small", face_treatment("2026-03-02")).await;
        Self { app, clinic, ada }.on_day_2()
    }

    fn on_day_2(self) -> Self {
        self.app.ignore_mails();
        self.app.set_clock("2026-03-04T18:00:00Z");
        self
    }

    async fn put(&self, number: u128, body: Value) -> Reply {
        self.ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await
    }

    async fn answer(&self, number: u128, answers: Value) -> Value {
        self.put(number, json!({ "plan_id": self.ada.plan_id, "answers": answers })).await.must(201)
    }

    async fn answer_line(&self, number: u128, id: &str, answers: Value) -> Value {
        let body = json!({ "plan_id": self.ada.plan_id, "occurrence_id": id, "answers": answers });
        self.put(number, body).await.must(201)
    }

    async fn order(&self, command: &str, body: Value) -> Value {
        let path = format!("/v1/clinic/plans/{}", self.ada.plan_id);
        let tag = self.clinic.owner.get(&path).await.header("etag").to_owned();
        self.clinic.owner.send_if("POST", &format!("{path}/{command}"), &tag, body).await.must(200)
    }

    async fn line(&self, key: &str, date: &str) -> Option<Value> {
        let today = self.ada.person.get(&format!("/v1/me/today?date={date}")).await.must(200);
        let is_it = |item: &&Value| item["key"] == key || item["kind"] == key;
        today["items"].as_array().unwrap().iter().rfind(is_it).cloned() // what is left of earlier days comes first
    }

    async fn id(&self, key: &str, date: &str) -> String {
        self.line(key, date).await.unwrap()["occurrence_id"].as_str().unwrap().to_owned()
    }

    async fn mark(&self, id: &str, body: Value) -> Reply {
        self.ada.person.put(&format!("/v1/me/occurrences/{id}/mark"), body).await
    }

    async fn reconsider(&self, number: u128) -> Value {
        let path = format!("/v1/clinic/check-ins/{}/reconsider", phone_id(number));
        self.clinic.clinician.post_nothing(&path).await.must(201)
    }

    /// What staff see, newest first.
    async fn seen_by_staff(&self) -> Vec<Value> {
        let path = format!("/v1/clinic/patients/{}/check-ins", self.ada.patient_id);
        self.clinic.coordinator.get(&path).await.must(200)["items"].as_array().unwrap().clone()
    }

    fn alerts(&self, condition: &str) -> usize {
        self.app.database.count("alerts", condition)
    }
}

fn whys(check_in: &Value) -> Vec<(String, String)> {
    let word = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    check_in["not_used"].as_array().unwrap().iter().map(|one| (word(one, "question"), word(one, "why"))).collect()
}

fn named(question: &str, why: &str) -> Vec<(String, String)> {
    vec![(question.to_owned(), why.to_owned())]
}

fn rules(check_in: &Value) -> Vec<String> {
    let rule = |one: &Value| one["rule"].as_str().unwrap().to_owned();
    let found: Vec<String> = check_in["advice"]["reasons"].as_array().unwrap().iter().map(rule).collect();
    if found.is_empty() { vec!["none".to_owned()] } else { found }
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_kept_and_named_and_the_others_are_judged() {
    let care = Care::new().await;
    let check_in = care.answer(1, json!({ "redness": 11, "pain": 9, "signs": ["F1", "F99"] })).await;
    assert_eq!(check_in["answers"], json!({ "pain": 9, "signs": ["F1"] }));
    assert_eq!(check_in["urgency"], "emergency");
    assert_eq!(
        whys(&check_in),
        [("redness".to_owned(), "out_of_range".to_owned()), ("signs".to_owned(), "unknown_choice".to_owned())]
    );
    assert_eq!(check_in["not_used"][0]["detail"], "Give a whole number from 0 to 10.");
    assert!(check_in["not_used"][1]["detail"].as_str().unwrap().starts_with("`F99`: Give one of: F1, "));
    assert_eq!(rules(&check_in), ["F1", "R1", "not_used"]);
    assert_eq!(
        check_in["advice"],
        json!({
            "urgency": "emergency", "text": check_in["advice"]["text"], "answer_by": null,
            "reasons": [
                { "rule": "F1", "urgency": "emergency", "text": check_in["advice"]["reasons"][0]["text"] },
                { "rule": "R1", "urgency": "urgent", "text": "Pain 9 on day 2; usual 1" },
                {
                    "rule": "not_used", "urgency": "note",
                    "text": "This could not be judged: Redness or change in colour; Danger signs."
                },
            ]
        })
    );
    assert_eq!(care.alerts("cause = 'F1' AND urgency = 'emergency'"), 1);
    assert_eq!(care.alerts("cause = 'not_used' AND urgency = 'note'"), 1);
    let sent: Value = serde_json::from_str(&care.app.database.lines("SELECT sent AS value FROM check_ins")[0]).unwrap();
    assert_eq!(sent["answers"], json!({ "redness": 11, "pain": 9, "signs": ["F1", "F99"] }), "stored whole");
    let staff = &care.seen_by_staff().await[0];
    assert_eq!((&staff["not_used"], &staff["clock"]), (&check_in["not_used"], &json!("trusted")));
}

#[tokio::test]
async fn whatever_is_wrong_with_an_answer_it_is_no_reassurance() {
    let care = Care::new().await;
    for (number, (question, value, why)) in (1..).zip([
        ("redness", json!(11), "out_of_range"),
        ("redness", json!(-1), "out_of_range"),
        ("redness", json!(1e300), "wrong_type"),
        ("redness", json!(1.5), "wrong_type"),
        ("redness", json!("5"), "wrong_type"),
        ("redness", json!({ "level": 5 }), "wrong_type"),
        ("redness", json!([]), "wrong_type"),
        ("temperature", json!("hot"), "wrong_type"),
        ("worry", json!("a bit"), "unknown_choice"),
        ("signs", json!(["F99"]), "unknown_choice"),
        ("signs", json!(5), "wrong_type"),
        ("signs", json!([null]), "wrong_type"),
        ("wants_call", json!("yes"), "wrong_type"),
        ("favourite_colour", json!("blue \u{0}"), "unknown_question"),
    ]) {
        let check_in = care.answer(number, json!({ question: value })).await;
        assert_eq!(whys(&check_in), named(question, why), "{value}");
        assert_eq!((&check_in["answers"], rules(&check_in)), (&json!({}), vec!["not_used".to_owned()]), "{value}");
        assert!(!check_in.to_string().contains("in line with"), "{check_in}");
    }
    let odd = care.answer(90, json!({ "a\u{0}b": 1, "redness": 2 })).await;
    assert_eq!(whys(&odd), named("a\u{fffd}b", "unknown_question"));
    assert_eq!(care.alerts("cause = 'not_used'"), 1, "one open alert");
    let token = care.ada.person.token().await;
    let path = format!("/v1/me/check-ins/{}", phone_id(1));
    let spanish = care.app.ask("GET", &path).bearer(&token).header("accept-language", "es").send().await.must(200);
    let said = spanish["advice"]["text"].as_str().unwrap().to_owned();
    assert!(
        said.starts_with("Hemos guardado sus respuestas, y la clínica puede verlas. Esto no se ha podido valorar: ")
            && said.contains("+44 20 7946 0000"),
        "{said}"
    );
    assert_eq!(rules(&care.answer(91, json!({ "signs": [] })).await), ["not_judged"], "of the skin it says nothing");
}

#[tokio::test]
async fn a_danger_sign_is_judged_whatever_else_is_wrong() {
    let care = Care::new().await;
    for (number, (signs, why)) in (1..).zip([
        (json!({ "signs": "F6" }), Some("wrong_type")),
        (json!({ "signs": { "F6": true, "F1": false } }), Some("wrong_type")),
        (json!({ "signs": ["F99", 7, null, " F6"] }), Some("unknown_choice")),
        (json!({ "F6": true, "signs": [] }), Some("unknown_question")),
        (json!({ "F6": true }), Some("unknown_question")),
        (json!({ "signs": ["F6"], "old": "question" }), Some("unknown_question")),
        (json!({ "signs": ["F6"] }), None),
    ]) {
        let body = json!({
            "plan_id": care.ada.plan_id, "answers": signs, "occurrence_id": "none", "answered_at": "2126-03-02T10:00:00Z"
        });
        let check_in = care.put(number, body).await.must(201);
        assert_eq!(check_in["advice"]["reasons"][0]["rule"], "F6", "{signs}");
        assert_eq!(check_in["answers"], json!({ "signs": ["F6"] }), "{signs}");
        let whys = whys(&check_in);
        assert_eq!(whys[0], ("occurrence_id".to_owned(), "unknown_value".to_owned()));
        assert_eq!(whys.get(1).map(|(_, why)| why.as_str()), why, "{signs}");
    }
    assert_eq!(care.alerts("cause = 'F6'"), 1);
}

#[tokio::test]
async fn a_clock_that_cannot_be_right_is_not_believed_and_what_it_said_is_kept() {
    let care = Care::new().await;
    let now = "2026-03-04T18:00:00Z";
    for (number, (said, clock, day)) in (1..).zip([
        (json!("2026-03-04T18:05:00Z"), "trusted", 2),
        (json!("2026-03-04T18:05:01Z"), "adjusted", 2),
        (json!("2036-03-04T18:00:00Z"), "adjusted", 2),
        (json!("2026-03-01T23:59:59Z"), "adjusted", 2),
        (json!("1970-01-01T00:00:00Z"), "adjusted", 2),
        (json!("-008000-01-02T00:00:00Z"), "adjusted", 2),
        (json!("2026-03-03T10:00:00Z"), "trusted", 1),
    ]) {
        let body = json!({ "plan_id": care.ada.plan_id, "answers": { "redness": 1 }, "answered_at": said });
        let check_in = care.put(number, body).await.must(201);
        assert_eq!((&check_in["clock"], &check_in["day"]), (&json!(clock), &json!(day)), "{said}");
        let is_adjusted = clock == "adjusted";
        assert_eq!(check_in["answered_at"], if is_adjusted { json!(now) } else { said.clone() });
        assert_eq!(check_in["claimed_at"], if is_adjusted { said } else { Value::Null });
        assert_eq!(check_in["not_used"], json!([]), "the answers were judged");
        let staff = care.seen_by_staff().await;
        let staff = staff.iter().find(|one| one["id"] == check_in["id"]).unwrap();
        assert_eq!((&staff["clock"], &staff["claimed_at"]), (&check_in["clock"], &check_in["claimed_at"]));
    }
    for (number, said) in
        (20..).zip([json!("yesterday"), json!(1_772_647_200), json!("2026-02-30T10:00:00Z"), json!([1])])
    {
        let body = json!({ "plan_id": care.ada.plan_id, "answers": { "redness": 1 }, "answered_at": said });
        let check_in = care.put(number, body).await.must(201);
        assert_eq!((&check_in["clock"], &check_in["answered_at"]), (&json!("adjusted"), &json!(now)), "{said}");
        assert_eq!(whys(&check_in), named("answered_at", "invalid_value"));
        let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        assert_eq!(check_in["claimed_at"], json!(text));
    }
}

#[tokio::test]
async fn an_occurrence_that_was_never_asked_marks_nothing_done_on_any_plan() {
    let care = Care::new().await;
    care.app.mails().await;
    let theirs = care.app.clinic_named("two").await.enrol("Bea").await;
    let foreign = theirs.person.get("/v1/me/today").await.must(200);
    let foreign = foreign["items"].as_array().unwrap().iter().find(|item| item["kind"] == "check_in").unwrap().clone();
    let task = care.id("sunscreen", "2026-03-04").await;
    let tomorrow = care.id("check_in", "2026-03-05").await;
    let mut number = 0;
    for changed in [false, true] {
        if changed {
            care.order("override", json!({ "remove": "moisturise", "reason": "Another one." })).await;
        }
        for (id, why) in [
            (json!(phone_id(7)), "unknown_value"),
            (foreign["occurrence_id"].clone(), "unknown_value"),
            (json!(task), "unknown_value"),
            (json!("seven"), "unknown_value"),
            (json!(tomorrow), "not_open_yet"),
        ] {
            number += 1;
            let body = json!({ "plan_id": care.ada.plan_id, "occurrence_id": id, "answers": { "redness": 2 } });
            let check_in = care.put(number, body).await.must(201);
            assert_eq!((&check_in["occurrence_id"], &check_in["day"]), (&Value::Null, &json!(2)), "{id}");
            assert_eq!(whys(&check_in), named("occurrence_id", why), "{id}");
            assert_eq!(check_in["answers"], json!({ "redness": 2 }), "what can be judged is");
        }
        let mark = care.mark(&phone_id(7), json!({ "state": "done" })).await;
        mark.must_be_problem(404, "not_found");
    }
    for (date, state) in [("2026-03-04", "open"), ("2026-03-05", "upcoming")] {
        assert_eq!(care.line("check_in", date).await.unwrap()["state"], state);
    }
}

#[tokio::test]
async fn a_check_in_that_the_clinic_removed_meanwhile_counts_when_it_is_back() {
    let care = Care::small(&small_protocol("small")).await;
    let id = care.id("check-in", "2026-03-04").await;
    care.order("override", json!({ "remove": "check-in", "reason": "Too many questions." })).await;
    let left = care.line("check-in", "2026-03-04").await;
    assert!(left.is_none_or(|line| line["occurrence_id"] != id));
    let check_in = care.answer_line(1, &id, json!({ "redness": 9 })).await;
    assert_eq!(
        (&check_in["occurrence_id"], &check_in["day"], &check_in["not_used"]),
        (&json!(id), &json!(2), &json!([]))
    );
    assert_eq!(rules(&check_in), ["R1"]);
    care.order("undo", json!({ "revision": 2, "reason": "She likes them." })).await;
    assert_eq!(care.line("check-in", "2026-03-04").await.unwrap()["state"], "done");
}

#[tokio::test]
async fn a_plan_that_is_over_or_never_was_still_hears_a_danger_sign() {
    for (command, body) in [
        ("complete", json!({ "reason": "Healed." })),
        ("revoke", json!({ "reason": "Stopped." })),
        ("pause", json!({ "days": "shift", "reason": "A journey." })),
        ("entered-in-error", json!({ "reason": "Another patient's." })),
    ] {
        let care = Care::new().await;
        let id = care.id("check_in", "2026-03-04").await;
        care.order(command, body).await;
        let sent = json!({ "signs": ["F1"], "redness": 99 });
        let check_in = care.answer_line(1, &id, sent).await;
        assert_eq!(
            (&check_in["urgency"], whys(&check_in)),
            (&json!("emergency"), named("redness", "out_of_range")),
            "{command}"
        );
        assert_eq!(care.alerts("cause = 'F1' AND urgency = 'emergency'"), 1, "{command}");
        assert_eq!(care.put(1, json!({ "plan_id": care.ada.plan_id, "occurrence_id": id, "answers": { "signs": ["F1"], "redness": 99 } })).await.must(200), check_in);
    }
}

#[tokio::test]
async fn a_form_of_any_version_of_the_protocol_is_judged() {
    let document = small_protocol("small");
    let care = Care::small(&document).await;
    let other = changed(
        &document,
        &[
            ("key = \"F6\"", "key = \"F21\""),
            ("\"result\", \"worried\"]", "\"result\", \"tight\"]"),
            (
                "key = \"worried\"\ntype = \"flag\"\ntext = { en = \"Are you worried?\", es = \"¿Siente preocupación?\" }",
                "key = \"tight\"\ntype = \"flag\"\ntext = { en = \"Is it tight?\", es = \"¿Está tirante?\" }",
            ),
            ("key = \"R5\"\non = \"answers\"\nwhen = \"worried\"", "key = \"T1\"\non = \"answers\"\nwhen = \"tight\""),
        ],
    );
    let other = other.replace("\\\"F6\\\"", "\\\"F21\\\"");
    let unknown = care.answer(1, json!({ "signs": ["F21"], "tight": true })).await;
    assert_eq!((rules(&unknown), whys(&unknown).len()), (vec!["not_used".to_owned()], 2), "no version asks that yet");
    care.clinic.approve("small", &other).await;
    let judged = care.answer(2, json!({ "signs": ["F21", "F1"], "tight": true, "worried": true })).await;
    assert_eq!(judged["not_used"], json!([]), "the plan is on version 1, and version 2 asks it");
    for cause in ["F1", "F21", "R5", "T1"] {
        assert_eq!(care.alerts(&format!("cause = '{cause}'")), 1, "{cause}");
    }
    assert_eq!(judged["answers"], json!({ "signs": ["F1", "F21"], "tight": true, "worried": true }));
}

#[tokio::test]
async fn a_check_in_is_judged_again_after_repair_and_the_first_judgement_stays() {
    let document = small_protocol("small");
    let care = Care::small(&document).await;
    let first = care.answer(1, json!({ "tight": true, "redness": 2 })).await;
    assert_eq!((rules(&first), whys(&first)), (vec!["not_used".to_owned()], named("tight", "unknown_question")));
    let same = care.reconsider(1).await;
    assert_eq!((&same["not_used"], &same["urgency"]), (&first["not_used"], &json!("note")), "nothing was repaired");
    let repaired = changed(
        &document,
        &[
            ("\"result\", \"worried\"]", "\"result\", \"tight\", \"worried\"]"),
            (
                "[[question]]\nkey = \"worried\"",
                "[[question]]\nkey = \"tight\"\ntype = \"flag\"\ntext = { en = \"Is it tight?\", es = \"¿Está tirante?\" }\n\n[[question]]\nkey = \"worried\"",
            ),
            (
                "[[rule]]\nkey = \"R5\"",
                "[[rule]]\nkey = \"T1\"\non = \"answers\"\nwhen = \"tight\"\nurgency = \"urgent\"\nadvice = { en = \"Call {clinic_phone}.\", es = \"Llame al {clinic_phone}.\" }\nreason = { en = \"Tight.\", es = \"Tirante.\" }\nsources = [\"CW\"]\n\n[[rule]]\nkey = \"R5\"",
            ),
        ],
    );
    care.clinic.approve("small", &repaired).await;
    care.app.set_clock("2026-03-05T09:00:00Z");
    let events = care.app.database.count("events", "object_kind = 'alert'");
    let again = care.reconsider(1).await;
    let version =
        care.clinic.owner.get("/v1/clinic/protocols/small/versions").await.must(200)["items"][1]["id"].clone();
    assert_eq!(
        again,
        json!({
            "id": again["id"], "check_in_id": first["id"], "protocol_version_id": version,
            "judged_by": care.clinic.members[1].to_string(), "judged_at": "2026-03-05T09:00:00Z", "day": 2,
            "answers": { "redness": 2, "tight": true }, "not_used": [], "not_judged": [], "urgency": "urgent",
            "advice": {
                "urgency": "urgent", "text": "Call +44 20 7946 0000.",
                "answer_by": null, "reasons": [{ "rule": "T1", "urgency": "urgent", "text": "Is it tight? yes" }]
            }
        })
    );
    assert_eq!(care.alerts("cause = 'T1' AND urgency = 'urgent'"), 1);
    assert_eq!(
        care.app.database.count("events", "object_kind = 'alert'"),
        events + 1,
        "what was found before is not raised again"
    );
    let seen = &care.seen_by_staff().await[0];
    assert_eq!(seen["judged_again"], json!([same, again]));
    for field in ["answers", "advice", "urgency", "not_used", "received_at"] {
        assert_eq!(seen[field], first[field], "{field}");
    }
    care.reconsider(1).await;
    assert_eq!(care.app.database.count("events", "object_kind = 'alert'"), events + 1);
    let path = format!("/v1/clinic/check-ins/{}/reconsider", phone_id(1));
    let other = care.app.clinic_named("two").await;
    other.owner.post_nothing(&path).await.must_be_problem(404, "not_found");
    care.clinic.coordinator.post_nothing(&path).await.must(403);
}

#[tokio::test]
async fn what_was_repaired_counts_for_the_answers_after_it() {
    let document = small_protocol("small");
    let care = Care::small(&document).await;
    let steep = json!({ "redness": 1, "warm": 1 });
    care.answer(1, steep).await;
    let more = changed(
        &document,
        &[
            ("\"result\", \"worried\"]", "\"result\", \"warm\", \"worried\"]"),
            (
                "[[question]]\nkey = \"worried\"",
                "[[question]]\nkey = \"warm\"\ntype = \"level\"\ntext = { en = \"How warm?\", es = \"¿Cuánto calor?\" }\n\n[[question]]\nkey = \"worried\"",
            ),
            (
                "[[rule]]\nkey = \"R5\"",
                "[[rule]]\nkey = \"W0\"\non = \"answers\"\nwhen = \"warm >= 10\"\nurgency = \"soon\"\nadvice = { en = \"Hot.\", es = \"Caliente.\" }\nreason = { en = \"Hot.\", es = \"Caliente.\" }\nsources = [\"CW\"]\n\n[[rule]]\nkey = \"W1\"\non = \"answers\"\nwhen = \"warm >= warm_previous + 2\"\nurgency = \"soon\"\nadvice = { en = \"Warmer.\", es = \"Más calor.\" }\nreason = { en = \"Warmer.\", es = \"Más calor.\" }\nsources = [\"CW\"]\n\n[[rule]]\nkey = \"R5\"",
            ),
        ],
    );
    care.clinic.approve("small", &more).await;
    assert_eq!(rules(&care.answer(2, json!({ "warm": 5 })).await), ["none"], "there is nothing to compare with");
    care.reconsider(1).await;
    assert_eq!(rules(&care.answer(3, json!({ "warm": 9 })).await), ["W1"]);
}

#[tokio::test]
async fn a_rule_without_a_result_is_named_and_the_others_are_judged() {
    let broken = changed(
        &small_protocol("small"),
        &[(
            "[[rule]]\nkey = \"R5\"",
            "[[rule]]\nkey = \"X1\"\non = \"answers\"\nwhen = \"redness * 9223372036854775807 < 0\"\nurgency = \"urgent\"\nadvice = { en = \"Call.\", es = \"Llame.\" }\nreason = { en = \"X.\", es = \"X.\" }\nsources = [\"CW\"]\n\n[[rule]]\nkey = \"R5\"",
        )],
    );
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let versions = "/v1/clinic/protocols/small/versions";
    clinic.owner.post(versions, json!({ "document": broken })).await.must(201);
    // The linter would refuse it; an earlier release did not.
    app.database.run("UPDATE protocol_versions SET status = 'active', approved_by = created_by, approved_at = created_at WHERE key = 'small'");
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "small", face_treatment("2026-03-02")).await;
    let care = Care { app, clinic, ada }.on_day_2();
    let check_in = care.answer(1, json!({ "redness": 9, "worried": true })).await;
    assert_eq!(check_in["not_judged"], json!(["X1"]));
    let mut found = rules(&check_in);
    found.sort();
    assert_eq!(found, ["R1", "R5", "not_used"]);
    let calm = care.answer(2, json!({ "redness": 0 })).await;
    assert_eq!((&calm["not_judged"], rules(&calm)), (&json!([]), vec!["none".to_owned()]));
    let alone = care.answer(3, json!({ "redness": 3 })).await;
    assert_eq!((&alone["not_judged"], rules(&alone)), (&json!(["X1"]), vec!["not_used".to_owned()]), "no reassurance");
}

#[tokio::test]
async fn a_retry_is_the_same_if_it_means_the_same() {
    let care = Care::new().await;
    let path = format!("/v1/me/check-ins/{}", phone_id(1));
    let plan = &care.ada.plan_id;
    let first = format!(
        r#"{{"plan_id":"{plan}","answers":{{"redness":3,"signs":["F6","F1"],"pain":1}},"answered_at":"2026-03-04T10:00:00Z"}}"#
    );
    let token = care.ada.person.token().await;
    let put = async |body: String| {
        care.app.ask("PUT", &path).bearer(&token).header("content-type", "application/json").raw(body).send().await
    };
    let wanted = put(first).await.must(201);
    for same in [
        r#"{"answers":{"signs":["F1","F6"],"pain":1.0,"redness":3.0},"answered_at":"2026-03-04T10:00:00+00:00","plan_id":"PLAN"}"#,
        r#"{"answers":{"signs":["F1","F6","F1"],"pain":1e0,"redness":3,"worry":null,"note":" "},"answered_at":"2026-03-04T11:00:00+01:00","plan_id":"PLAN","occurrence_id":null}"#,
        r#"{"answers":{"signs":["F1","F6"],"pain":1,"redness":3,"temperature":{}},"answered_at":"2026-03-04T10:00:00.000000400Z","plan_id":"PLAN","occurrence_id":""}"#,
    ] {
        assert_eq!(put(same.replace("PLAN", plan)).await.must(200), wanted, "{same}");
    }
    for other in [
        r#"{"answers":{"signs":["F1"],"pain":1,"redness":3},"answered_at":"2026-03-04T10:00:00Z","plan_id":"PLAN"}"#,
        r#"{"answers":{"signs":["F1","F6"],"pain":1,"redness":3},"plan_id":"PLAN"}"#,
        r#"{"answers":{"signs":["F1","F6"],"pain":1,"redness":3,"worry":"none"},"answered_at":"2026-03-04T10:00:00Z","plan_id":"PLAN"}"#,
    ] {
        put(other.replace("PLAN", plan)).await.must_be_problem(409, "id_taken");
    }
    assert_eq!(care.app.database.count("check_ins", "1 = 1"), 1);
    // What the release before kept was the digest of how a body was written.
    let body = json!({ "plan_id": plan, "answers": { "redness": 3.0 } });
    care.put(2, body.clone()).await.must(201);
    let spelled =
        format!(r#"{{"plan_id":"{plan}","occurrence_id":null,"answers":{{"redness":3.0}},"answered_at":null}}"#);
    let digest: String =
        aftercare::secrets::digest(spelled.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let literal =
        if care.app.database.url.starts_with("sqlite") { format!("X'{digest}'") } else { format!("'\\x{digest}'") };
    let id = care.app.database.id(&phone_id(2));
    care.app.database.run(&format!("UPDATE check_ins SET body_hash = {literal} WHERE id = {id}"));
    care.put(2, body).await.must(200);
}

#[tokio::test]
async fn a_key_stands_for_what_a_body_means() {
    let care = Care::new().await;
    let path = format!("/v1/clinic/patients/{}/treatments", care.ada.patient_id);
    let token = care.clinic.coordinator.token().await;
    let post = async |body: &str| {
        let ask = care.app.ask("POST", &path).bearer(&token).header("idempotency-key", "k-1");
        ask.header("content-type", "application/json").raw(body.to_owned()).send().await
    };
    let first = post(r#"{"procedure":"microneedling","performed_on":"2026-03-04","body_area":"face","parameters":{"needle_depth_mm":1,"skin_type":"III"}}"#).await.must(201);
    let same = r#"{"parameters":{"skin_type":"III","needle_depth_mm":1.0},"course_id":null,"body_area":"face","performed_on":"2026-03-04","procedure":"microneedling"}"#;
    assert_eq!(post(same).await.must(201), first);
    let other = same.replace("1.0", "1.5");
    post(&other).await.must_name("header/Idempotency-Key", "key_reused");
}

#[tokio::test]
async fn the_mark_that_was_noted_last_counts_however_late_another_one_comes() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    let marks = || care.app.database.count("marks", "1 = 1");
    let state = async || care.line("sunscreen", "2026-03-04").await.unwrap()["state"].clone();
    care.mark(&id, json!({ "state": "done", "noted_at": "2026-03-04T12:00:00Z" })).await.must(200);
    care.mark(&id, json!({ "state": "skipped", "noted_at": "2026-03-04T13:00:00Z" })).await.must(200);
    for _ in 0..2 {
        let late = care.mark(&id, json!({ "state": "done", "noted_at": "2026-03-04T12:00:00Z" })).await.must(200);
        assert_eq!(late["state"], "skipped", "repeated late");
    }
    assert_eq!((state().await, marks()), (json!("skipped"), 2));
    let older = care.mark(&id, json!({ "state": "partial", "noted_at": "2026-03-04T12:30:00Z" })).await.must(200);
    assert_eq!((&older["state"], marks()), (&json!("skipped"), 3), "kept, and it does not count");
    care.app.set_clock("2026-03-07T09:00:00Z");
    let days_later = care.mark(&id, json!({ "state": "done", "noted_at": "2026-03-04T14:00:00Z" })).await.must(200);
    assert_eq!(days_later["state"], "done");
    let path = format!("/v1/me/occurrences/{id}/mark");
    assert_eq!(care.ada.person.delete(&path).await.must(200)["state"], "missed");
    care.mark(&id, json!({ "state": "done", "noted_at": "2026-03-04T14:00:00Z" })).await.must(200);
    assert_eq!(state().await, "missed", "a retry of what was taken back since");
}

#[tokio::test]
async fn a_mark_of_a_wrong_clock_is_taken_from_ours() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    for (state, said) in [
        ("done", json!("2036-03-04T12:00:00Z")),
        ("skipped", json!("1970-01-01T00:00:00Z")),
        ("partial", json!("noon")),
    ] {
        assert_eq!(care.mark(&id, json!({ "state": state, "noted_at": said })).await.must(200)["state"], state);
        care.app.pass_seconds(1);
    }
    let kept = care.app.database.lines("SELECT claimed_at AS value FROM marks ORDER BY noted_at");
    assert_eq!(kept, ["2036-03-04T12:00:00Z", "1970-01-01T00:00:00Z", "noon"]);
    let tomorrow = care.id("sunscreen", "2026-03-05").await;
    let early = care.mark(&tomorrow, json!({ "state": "done", "noted_at": "2036-03-04T12:00:00Z" })).await.must(202);
    assert_eq!((&early["why"], &early["claimed_at"]), (&json!("not_open_yet"), &json!("2036-03-04T12:00:00Z")));
    assert_eq!((&early["noted_at"], &early["state"]), (&json!("2026-03-04T18:00:03Z"), &json!("done")));
    care.mark(&tomorrow, json!({ "state": "done", "noted_at": "2036-03-04T12:00:00Z" })).await.must(202);
    assert_eq!(care.app.database.count("kept_marks", "why = 'not_open_yet'"), 1, "once");
    assert_eq!(care.line("sunscreen", "2026-03-05").await.unwrap()["state"], "upcoming");
}

#[tokio::test]
async fn a_line_that_was_caught_up_on_in_its_window_counts_days_later() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.ignore_mails();
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-10")).await;
    let today = ada.person.get("/v1/me/today").await.must(200);
    let task = today["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["kind"] == "task" && !item["late_enrolment"].is_null())
        .unwrap()
        .clone();
    app.set_clock("2026-03-09T10:00:00Z");
    let path = format!("/v1/me/occurrences/{}/mark", task["occurrence_id"].as_str().unwrap());
    let after = json!({ "state": "done", "noted_at": "2026-03-06T10:00:00Z" });
    assert_eq!(ada.person.put(&path, after).await.must(202)["why"], "cancelled");
    let within = json!({ "state": "done", "noted_at": "2026-03-03T10:00:00Z" });
    assert_eq!(ada.person.put(&path, within).await.must(200)["state"], "done");
}

#[tokio::test]
async fn after_corrections_to_and_fro_everything_can_still_be_marked() {
    let care = Care::new().await;
    care.app.set_clock("2026-03-05T18:00:00Z");
    let id = care.id("sunscreen", "2026-03-05").await;
    care.mark(&id, json!({ "state": "done" })).await.must(200);
    care.order("correct", json!({ "performed_on": "2026-03-03", "reason": "A day later." })).await;
    care.app.pass_seconds(60);
    assert_eq!(
        care.mark(&id, json!({ "state": "skipped" })).await.must(200)["state"],
        "skipped",
        "an older mark is changed"
    );
    care.app.pass_seconds(60);
    assert_eq!(care.ada.person.delete(&format!("/v1/me/occurrences/{id}/mark")).await.must(200)["state"], "open");
    // Three days earlier, and back: the phone holds what the days before had.
    care.order("correct", json!({ "performed_on": "2026-02-27", "reason": "Earlier." })).await;
    let early = care.id("sunscreen", "2026-03-01").await;
    care.order("correct", json!({ "performed_on": "2026-03-02", "reason": "It was right." })).await;
    let kept = care.mark(&early, json!({ "state": "done", "noted_at": "2026-03-04T17:00:00Z" })).await;
    assert_eq!(kept.must(202)["occurrence_id"], json!(early));
    care.app.pass_seconds(60);
    assert_eq!(care.mark(&id, json!({ "state": "done" })).await.must(200)["state"], "done");
    care.mark(&phone_id(5), json!({ "state": "done" })).await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn a_treatment_has_one_plan_of_a_protocol_whatever_version_is_active() {
    let care = Care::small(&small_protocol("small")).await;
    care.clinic.approve("small", &(small_protocol("small") + "\n# 2\n")).await;
    let again =
        json!({ "patient_id": care.ada.patient_id, "treatment_id": care.ada.treatment_id, "protocol_key": "small" });
    care.clinic.coordinator.post("/v1/clinic/plans", again).await.must_be_problem(409, "already_enrolled");
    assert_eq!(care.app.database.count("plans", "1 = 1"), 1);
}

#[tokio::test]
async fn after_a_pause_that_shifts_days_the_version_goes_by_the_day_and_the_curve_by_the_date() {
    let document = small_protocol("small");
    let care = Care::small(&document).await;
    // Paused for ten days on day 2: the twelfth date after the treatment is day 2 again.
    care.order("pause", json!({ "days": "shift", "reason": "A journey." })).await;
    care.app.set_clock("2026-03-14T18:00:00Z");
    care.order("resume", json!({ "reason": "Back again." })).await;
    let other = changed(
        &document,
        &[("key = \"R5\"\non = \"answers\"\nwhen = \"worried\"", "key = \"N5\"\non = \"answers\"\nwhen = \"worried\"")],
    );
    care.clinic.approve("small", &other).await;
    care.clinic
        .clinician
        .post("/v1/clinic/protocols/small/migrations", json!({ "from_version": 1, "to_version": 2 }))
        .await
        .must(201);
    while aftercare::worker::upgrades::go_on(&care.app.app).await.unwrap() > 0 {}
    // The plan goes over on day 3; today is day 2, and the skin is 12 days old.
    let check_in =
        care.answer_line(1, &care.id("check-in", "2026-03-14").await, json!({ "worried": true, "redness": 3 })).await;
    assert_eq!(check_in["day"], 2);
    let mut found = rules(&check_in);
    found.sort();
    assert_eq!(
        found,
        ["R1", "R5"],
        "version 1 asked; at 12 days a redness of 3 is above the curve, on day 2 it is not"
    );
}

#[tokio::test]
async fn a_mark_with_a_reason_that_nobody_asked_for_is_taken() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    let mark = care.mark(&id, json!({ "state": "done", "reason": "It was easy." })).await;
    assert_eq!(mark.must(200)["state"], "done");
    assert_eq!(care.app.database.lines("SELECT reason AS value FROM marks"), ["It was easy."]);
    let asked = care.id("check_in", "2026-03-04").await;
    care.mark(&asked, json!({ "state": "done" })).await.must_be_problem(409, "cannot_be_marked");
}

#[tokio::test]
async fn a_body_full_of_nonsense_is_kept_whole_and_its_danger_sign_judged() {
    let care = Care::new().await;
    let mut answers: serde_json::Map<String, Value> = (0..8_000).map(|n| (format!("q{n}"), json!(n))).collect();
    let signs: Vec<String> = (0..8_000).map(|n| format!("X{n}")).chain(["F1".to_owned()]).collect();
    answers.insert("signs".to_owned(), json!(signs));
    let check_in = care.answer(1, Value::Object(answers.clone())).await;
    assert_eq!((&check_in["urgency"], &check_in["answers"]), (&json!("emergency"), &json!({ "signs": ["F1"] })));
    assert_eq!(check_in["not_used"].as_array().unwrap().len(), 500, "so many are listed");
    let sent: Value = serde_json::from_str(&care.app.database.lines("SELECT sent AS value FROM check_ins")[0]).unwrap();
    assert_eq!(sent["answers"], Value::Object(answers), "and all of it is kept");
}
