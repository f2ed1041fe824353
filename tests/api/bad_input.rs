//! Bad input: each gets a problem that names the field and the rule, never a 500, and nothing is written.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::contract::operations;
use crate::support::http::{Ask, Reply};
use crate::support::people::{face_treatment, phone_id};
use crate::support::samples::{World, fill, two_worlds};
use crate::support::{Shared, TestApp, subjects};
use crate::tenancy::body_schema;

/// A world in which nothing may change.
struct Calm {
    app: Shared,
    world: World,
    theirs: World,
    staff: String,
    patient: String,
    before: Vec<String>,
}

impl Calm {
    async fn new() -> Self {
        let (app, world, theirs) = two_worlds().await;
        let (staff, patient) = (world.clinic.owner.token().await, world.ada.person.token().await);
        let before = app.database.contents();
        Self { app, world, theirs, staff, patient, before }
    }

    fn staff(&self, method: &str, path: &str) -> Ask<'_> {
        self.app.ask(method, path).bearer(&self.staff)
    }

    fn patient(&self, method: &str, path: &str) -> Ask<'_> {
        self.app.ask(method, path).bearer(&self.patient)
    }

    /// Sends it, and nothing is written.
    async fn refused(&self, ask: Ask<'_>) -> Reply {
        let reply = ask.send().await;
        assert!((400..500).contains(&reply.status), "{} {}", reply.status, reply.text());
        assert_eq!(self.app.database.contents(), self.before, "written: {}", reply.text());
        reply
    }

    fn treatments(&self) -> String {
        format!("/v1/clinic/patients/{}/treatments", self.world.ada.patient_id)
    }

    async fn treatment(&self, change: impl FnOnce(&mut Value)) -> Reply {
        let mut body = face_treatment("2026-03-01");
        change(&mut body);
        self.refused(self.staff("POST", &self.treatments()).json(&body)).await
    }

    async fn check_in(&self, change: impl FnOnce(&mut Value)) -> Reply {
        let mut body = json!({ "plan_id": self.world.ada.plan_id, "answers": { "redness": 5 } });
        change(&mut body);
        self.refused(self.patient("PUT", &format!("/v1/me/check-ins/{}", phone_id(99))).json(&body)).await
    }
}

/// Every operation with a body, with a path on which it would work.
async fn every_body<'a>(calm: &'a Calm, mut each: impl AsyncFnMut(&str, &dyn Fn(&Value) -> Ask<'a>, Value)) {
    for operation in operations().into_iter().filter(|operation| operation.has_body()) {
        let path = fill(
            &operation,
            |parameter| if parameter == "check_in_id" { phone_id(98) } else { calm.world.id(parameter) },
        );
        let token = if path.starts_with("/v1/me") { &calm.patient } else { &calm.staff };
        let ask = |body: &Value| {
            let ask = calm.app.ask(&operation.method, &path).header("if-match", "*").json(body);
            if operation.is_public() { ask } else { ask.bearer(token) }
        };
        each(&operation.id, &ask, calm.world.body(&operation).unwrap()).await;
    }
    calm.app.ignore_mails();
}

/// Fields of what a phone sends that are no reason to drop the rest: `kept.rs` has what becomes of them.
const KEPT: [(&str, &str); 3] =
    [("put_check_in", "occurrence_id"), ("put_check_in", "answered_at"), ("mark_occurrence", "noted_at")];

#[tokio::test]
async fn every_field_of_every_body_refuses_a_wrong_type_and_is_named() {
    let calm = Calm::new().await;
    let mut tried = 0;
    every_body(&calm, async |id, ask, right| {
        for (field, value) in right.as_object().unwrap() {
            if KEPT.contains(&(id, field.as_str())) {
                continue;
            }
            let wrong = if value.is_object() { json!("text") } else { json!({ "an": "object" }) };
            for wrong in [wrong, json!([1]), json!(12345.5)] {
                let mut body = right.clone();
                body[field] = wrong.clone();
                let reply = calm.refused(ask(&body)).await;
                assert_eq!(reply.status, 422, "{id} {field} {wrong}: {}", reply.text());
                let pointer = reply.json()["errors"][0]["pointer"].as_str().unwrap().to_owned();
                let inside = pointer.strip_prefix(&format!("/{field}")).expect("the field is named");
                assert!(inside.is_empty() || inside == "/0", "{id} {wrong}: {}", reply.text());
                tried += 1;
            }
        }
    })
    .await;
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn every_required_field_of_every_body_is_named_when_it_is_missing() {
    let calm = Calm::new().await;
    every_body(&calm, async |id, ask, right| {
        let operation = crate::support::contract::operation(id);
        for field in body_schema(&operation)["required"].as_array().into_iter().flatten() {
            let mut body = right.clone();
            body.as_object_mut().unwrap().remove(field.as_str().unwrap());
            calm.refused(ask(&body)).await.must_name(&format!("/{}", field.as_str().unwrap()), "missing_field");
        }
    })
    .await;
}

#[tokio::test]
async fn t06_no_body_takes_a_field_that_it_does_not_know() {
    let calm = Calm::new().await;
    every_body(&calm, async |_, ask, right| {
        for extra in ["tenant_id", "id", "version", "created_at", "password_hash", "confirmed", "account_id"] {
            let mut body = right.clone();
            body[extra] = json!("x");
            calm.refused(ask(&body)).await.must_name(&format!("/{extra}"), "unknown_field");
        }
    })
    .await;
}

/// Where the strings of a body are.
fn strings(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| strings(item, format!("{pointer}/{at}"), found));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| strings(value, format!("{pointer}/{name}"), found));
        }
        _ => {}
    }
}

/// What is taken in as it was sent: kept whatever it says, compared only, or read for the defects that it has.
const AS_SENT: [&str; 4] = ["put_check_in", "login", "check_protocol_document", "mark_occurrence"];

#[tokio::test]
async fn a_control_character_in_any_text_is_refused_by_name_and_never_a_defect_of_ours() {
    let calm = Calm::new().await;
    let mut tried = 0;
    every_body(&calm, async |id, ask, right| {
        let mut pointers = Vec::new();
        strings(&right, String::new(), &mut pointers);
        for (pointer, control) in pointers.iter().flat_map(|one| ["\0", "\u{1}", "\u{7f}", "\u{85}"].map(|c| (one, c)))
        {
            let mut body = right.clone();
            let text = body.pointer_mut(pointer).unwrap();
            let planted: String =
                text.as_str().unwrap().chars().flat_map(|c| [c.to_string(), control.to_owned()]).collect();
            *text = json!(planted);
            let reply = ask(&body).send().await;
            assert!(reply.status < 500, "{id} {pointer} {control:?}: {}", reply.text());
            tried += 1;
            if AS_SENT.contains(&id) {
                continue;
            }
            assert_eq!(reply.status, 422, "{id} {pointer} {control:?}: {}", reply.text());
            let errors = reply.json()["errors"].as_array().unwrap().clone();
            let named = |error: &Value| pointer.starts_with(error["pointer"].as_str().unwrap());
            assert!(errors.iter().all(named), "{id} {pointer}: {errors:?}");
        }
    })
    .await;
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn a_control_character_in_a_name_a_path_or_a_query_is_no_defect_of_ours() {
    let calm = Calm::new().await;
    for control in ["\0", "\u{1}", "\u{7f}", "\u{85}"] {
        let answers =
            json!({ "redness": 3, "free": format!("a{control}b"), format!("k{control}"): format!("{control}") });
        let body =
            json!({ "plan_id": calm.world.ada.plan_id, "answers": answers, "answered_at": format!("then{control}") });
        let id = phone_id(700 + u128::from(control.chars().next().unwrap() as u32));
        let path = format!("/v1/me/check-ins/{id}");
        let kept = calm.patient("PUT", &path).json(&body).send().await.must(201);
        assert!(!kept["not_used"].as_array().unwrap().is_empty(), "{kept}");
        assert!(!kept["claimed_at"].as_str().unwrap().contains(control), "{kept}");
        let treatment = calm.staff("POST", &calm.treatments());
        let mut body = face_treatment("2026-03-01");
        body["parameters"][format!("needle{control}")] = json!(1);
        treatment.json(&body).send().await.must(422);
    }
    for code in ["%00", "%01", "%1f", "%7F"] {
        for path in [
            format!("/v1/clinic/protocols/a{code}b/versions"),
            format!("/v1/clinic/texts/a{code}"),
            format!("/v1/library/protocols/{code}/document"),
            format!("/v1/unsubscribe/{code}"),
        ] {
            let status = calm.staff("GET", &path).send().await.status;
            assert!(matches!(status, 404 | 405), "{path}: {status}");
        }
        let query = format!("/v1/clinic/plans?cursor={code}");
        calm.staff("GET", &query).send().await.must_name("query/cursor", "control_character");
    }
    calm.app.ignore_mails();
}

#[tokio::test]
async fn a_treatment_with_an_impossible_date_or_depth_is_refused() {
    let calm = Calm::new().await;
    for (date, code) in [
        ("2026-06-31", "impossible_date"),
        ("2025-02-29", "impossible_date"),
        ("2026-2-3", "impossible_date"),
        ("yesterday", "impossible_date"),
        ("", "impossible_date"),
        ("0001-01-01", "out_of_range"),
        ("2200-01-01", "out_of_range"),
        ("2026-03-03", "out_of_range"),
        ("2024-03-01", "out_of_range"),
    ] {
        calm.treatment(|body| body["performed_on"] = json!(date)).await.must_name("/performed_on", code);
    }
    for depth in [json!(0.4), json!(2.6), json!(-1), json!(1e300), json!("1.5"), json!(true)] {
        let reply = calm.treatment(|body| body["parameters"]["needle_depth_mm"] = depth).await;
        reply.must_name("/parameters/needle_depth_mm", "out_of_range");
    }
    calm.treatment(|body| body["parameters"]["skin_type"] = json!(["III"]))
        .await
        .must_name("/parameters/skin_type", "wrong_type");
    calm.treatment(|body| body["parameters"]["Skin Type"] = json!("III"))
        .await
        .must_name("/parameters", "invalid_value");
    calm.treatment(|body| body["procedure"] = json!("tattoo")).await.must_name("/procedure", "unknown_value");
    calm.treatment(|body| body["body_area"] = json!("")).await.must_name("/body_area", "too_short");
    calm.treatment(|body| body["body_area"] = json!("x".repeat(61))).await.must_name("/body_area", "too_long");
}

#[tokio::test]
async fn an_enrolment_that_does_not_fit_is_refused() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let treatments = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
    let enrol = async |change: &dyn Fn(&mut Value), protocol: &str| {
        let mut treatment = face_treatment("2026-03-01");
        change(&mut treatment);
        let treatment = clinic.owner.post(&treatments, treatment).await.must(201);
        let body = json!({ "patient_id": ada.patient_id, "treatment_id": treatment["id"], "protocol_key": protocol });
        clinic.coordinator.post("/v1/clinic/plans", body).await
    };
    enrol(&|_| (), "no-such-plan").await.must_name("/protocol_key", "not_approved");
    enrol(&|_| (), "mn-scalp").await.must_name("/protocol_key", "wrong_body_area");
    enrol(&|treatment| treatment["procedure"] = json!("peel"), "mn-face")
        .await
        .must_name("/protocol_key", "wrong_procedure");
    let unnamed = enrol(&|treatment| treatment["parameters"] = json!({ "skin_type": "III" }), "mn-face").await;
    assert_eq!(unnamed.must(422)["errors"][0]["pointer"], "/parameters/needle_depth_mm");
    let unknown = enrol(&|treatment| treatment["parameters"]["skin_type"] = json!("VII"), "mn-face").await;
    assert_eq!(unknown.must(422)["errors"][0]["pointer"], "/parameters/skin_type");
    let excluded = enrol(&|treatment| treatment["parameters"]["active_infection"] = json!(true), "mn-face").await;
    let code = excluded.must(422)["errors"][0]["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("excluded."), "{code}");
    assert_eq!(app.database.count("plans", "1 = 1"), 1);
    let again = json!({ "patient_id": ada.patient_id, "treatment_id": ada.treatment_id, "protocol_key": "mn-face" });
    clinic.coordinator.post("/v1/clinic/plans", again).await.must_be_problem(409, "already_enrolled");
}

#[tokio::test]
async fn a_patient_with_an_unknown_zone_locale_address_or_name_is_refused() {
    let calm = Calm::new().await;
    let refused = async |field: &str, value: Value| {
        let mut body = json!({ "name": "Cora Invented", "email": "cora@patients.example" });
        body[field] = value;
        calm.refused(calm.staff("POST", "/v1/clinic/patients").json(&body)).await
    };
    for zone in ["Europe/Londres", "", "+01:00", "../etc/passwd", "UTC+1", "Europe/London\u{0}"] {
        refused("zone", json!(zone)).await.must_name("/zone", "unknown_zone");
    }
    for locale in ["tlh", "", "english", "en_US_POSIX_x", "xx-XX", "e"] {
        refused("locale", json!(locale)).await.must_name("/locale", "unknown_locale");
    }
    for email in [
        "",
        "cora",
        "cora@localhost",
        "a@b@c.example",
        "cora@[127.0.0.1]",
        "cora@patients.example\r\nBcc: x@y.example",
        "\"a b\"@c.example",
        "cora @patients.example",
    ] {
        refused("email", json!(email)).await.must_name("/email", "not_an_address");
    }
    refused("email", json!(format!("{}@patients.example", "a".repeat(10_000))))
        .await
        .must_name("/email", "not_an_address");
    refused("name", json!(" ")).await.must_name("/name", "too_short");
    refused("name", json!("x".repeat(121))).await.must_name("/name", "too_long");
    refused("name", json!("Co\u{0}ra")).await.must_name("/name", "control_character");
    refused("name", json!("Cora\nBcc: x@y.example")).await.must_name("/name", "control_character");
    refused("name", json!("Cora \u{202E}txe")).await.must_name("/name", "control_character");
    let me = format!("/v1/clinic/patients/{}", calm.world.ada.patient_id);
    let patch = calm.staff("PATCH", &me).header("if-match", "*").json(&json!({ "zone": "Mars/Olympus" }));
    calm.refused(patch).await.must_name("/zone", "unknown_zone");
}

#[tokio::test]
async fn a_check_in_without_an_answer_or_of_another_plan_is_none() {
    let calm = Calm::new().await;
    let empty = [
        json!({}),
        json!({ "redness": null }),
        json!({ "note": "" }),
        json!({ "redness": null, "note": " \n", "temperature": {}, "worry": { "value": null } }),
    ];
    for answers in empty {
        let sent = |body: &mut Value| {
            body["occurrence_id"] = json!(calm.world.evening_id);
            body["answers"] = answers.clone();
        };
        calm.check_in(sent).await.must_name("/answers", "too_short");
    }
    calm.check_in(|body| body["plan_id"] = json!(calm.theirs.ada.plan_id)).await.must_name("/plan_id", "unknown_value");
    calm.check_in(|body| body["plan_id"] = json!("mine")).await.must_name("/plan_id", "invalid_value");
    calm.check_in(|body| body["answers"] = json!(["F1"])).await.must_name("/answers", "wrong_type");
}

#[tokio::test]
async fn t35_json_that_is_no_json_or_too_much_of_it_is_refused() {
    let calm = Calm::new().await;
    let path = calm.treatments();
    let send = |body: Vec<u8>| calm.staff("POST", &path).header("content-type", "application/json").raw(body);
    let with_parameters = |parameters: &str| {
        let text = format!(
            r#"{{"procedure":"microneedling","performed_on":"2026-03-01","body_area":"face","parameters":{parameters}}}"#
        );
        text.into_bytes()
    };
    for (what, body, status, code) in [
        ("nothing", Vec::new(), 400, "malformed_json"),
        ("no JSON", b"name=Ada".to_vec(), 400, "malformed_json"),
        ("half", br#"{"procedure":"micro"#.to_vec(), 400, "malformed_json"),
        ("two values", [with_parameters("{}"), b" {}".to_vec()].concat(), 400, "malformed_json"),
        ("a trailing comma", with_parameters(r#"{"a":1,}"#), 400, "malformed_json"),
        ("NaN", with_parameters(r#"{"a":NaN}"#), 400, "malformed_json"),
        ("a lone surrogate", with_parameters(r#"{"a":"\ud800"}"#), 400, "malformed_json"),
        (
            "bad UTF-8",
            with_parameters("{\"a\":\"\u{1}\"}").iter().map(|byte| if *byte == 1 { 0xFF } else { *byte }).collect(),
            400,
            "malformed_json",
        ),
        ("a raw NUL", with_parameters("{\"a\":\"\u{0}\"}"), 400, "malformed_json"),
        ("10,000 deep", with_parameters(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))), 400, "too_deep"),
        ("10,000 open", "[".repeat(10_000).into_bytes(), 400, "too_deep"),
        ("2 MB", with_parameters(&format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20))), 413, "too_large"),
    ] {
        let reply = calm.refused(send(body)).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{what}: {}", reply.text());
    }
    calm.refused(send(with_parameters(r#"{"a":"\u0000"}"#))).await.must_name("/parameters/a", "control_character");
    calm.refused(send(with_parameters(r#"{"a":1,"a":2}"#))).await.must_name("/parameters/a", "duplicate_field");
    calm.refused(send(br#"{"procedure":"microneedling","procedure":"peel"}"#.to_vec()))
        .await
        .must_name("/procedure", "duplicate_field");
    calm.refused(send(with_parameters(r#"{"a":1e999}"#))).await.must_name("/parameters/a", "out_of_range");
    calm.refused(send(b"[]".to_vec())).await.must(422);
    calm.refused(send(b"null".to_vec())).await.must(422);
    let check_ins = format!("/v1/me/check-ins/{}", phone_id(99));
    let twice = format!(r#"{{"plan_id":"{}","answers":{{"redness":1,"redness":9}}}}"#, calm.world.ada.plan_id);
    let reply =
        calm.refused(calm.patient("PUT", &check_ins).header("content-type", "application/json").raw(twice)).await;
    reply.must_name("/answers/redness", "duplicate_field");
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let calm = Calm::new().await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x", ""]
    {
        let ask = calm.staff("POST", "/v1/clinic/patients").header("content-type", kind);
        let body = json!({ "name": "Cora Invented", "email": "cora@patients.example" }).to_string();
        calm.refused(ask.raw(body)).await.must_be_problem(415, "wrong_media_type");
    }
}

#[tokio::test]
async fn a_query_with_a_wrong_value_is_refused_and_named() {
    let calm = Calm::new().await;
    let plan = &calm.world.ada.plan_id;
    let timeline = format!("/v1/me/plans/{plan}/timeline");
    let today = format!("/v1/clinic/plans/{plan}/today");
    for (path, name, code) in [
        ("/v1/clinic/patients?limit=0".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?limit=101".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?limit=-1".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?limit=1e2".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?limit=1000000000000000000".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?limit=".to_owned(), "limit", "out_of_range"),
        ("/v1/clinic/patients?cursor=abc".to_owned(), "cursor", "invalid_value"),
        ("/v1/clinic/patients?cursor=".to_owned(), "cursor", "invalid_value"),
        ("/v1/clinic/patients?sort=name".to_owned(), "sort", "unknown_field"),
        ("/v1/clinic/patients?limit=1&limit=2".to_owned(), "limit", "duplicate_field"),
        ("/v1/clinic/alerts?status=new".to_owned(), "status", "unknown_value"),
        ("/v1/clinic/plans?patient_id=7".to_owned(), "patient_id", "invalid_value"),
        (format!("{timeline}?from_day=-1"), "from_day", "out_of_range"),
        (format!("{timeline}?from_day=1001"), "from_day", "out_of_range"),
        (format!("{timeline}?from_day=one"), "from_day", "out_of_range"),
        (format!("{timeline}?from_day=99999999999"), "from_day", "out_of_range"),
        (format!("{timeline}?limit=101"), "limit", "out_of_range"),
        ("/v1/me/today?date=2026-06-31".to_owned(), "date", "impossible_date"),
        ("/v1/me/today?date=0001-01-01".to_owned(), "date", "out_of_range"),
        ("/v1/me/today?date=2200-01-01".to_owned(), "date", "out_of_range"),
        ("/v1/me/today?as_of=2026-03-02".to_owned(), "as_of", "unknown_field"),
        (format!("{today}?date=tomorrow"), "date", "impossible_date"),
    ] {
        let ask = if path.starts_with("/v1/me") { calm.patient("GET", &path) } else { calm.staff("GET", &path) };
        let reply = calm.refused(ask).await;
        let problem = reply.must_be_problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(format!("query/{name}")), &json!(code)),
            "{path}: {problem}"
        );
    }
    for bytes in ["%00", "%FF", "%ED%A0%80"] {
        let reply = calm.refused(calm.staff("GET", &format!("/v1/clinic/patients?cursor={bytes}"))).await;
        reply.must_be_problem(422, "invalid");
    }
    for date in ["2000-01-01", "2100-12-31"] {
        calm.patient("GET", &format!("/v1/me/today?date={date}")).send().await.must(200);
    }
}

#[tokio::test]
async fn a_path_with_a_wrong_id_is_as_unknown_as_any() {
    let calm = Calm::new().await;
    let normal =
        calm.staff("GET", "/v1/clinic/patients/0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11").send().await.without_trace();
    for id in ["7", "null", "%00", "..%2F..%2Fetc", "0197f2f0-7f3c-7c1e-9a44", "%27%20OR%201=1--", "%FF"] {
        let reply = calm.refused(calm.staff("GET", &format!("/v1/clinic/patients/{id}"))).await;
        reply.must_be_problem(404, "not_found");
        assert_eq!(reply.without_trace(), normal);
    }
    let activate = "/v1/clinic/protocols/mn-face/versions/99999999999/activate";
    calm.refused(calm.staff("POST", activate)).await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn a_bad_idempotency_key_is_refused() {
    let calm = Calm::new().await;
    let body = json!({ "name": "Cora Invented", "email": "cora@patients.example" });
    for key in ["", &"k".repeat(256), "a\tb", "sch\u{f6}n"] {
        let ask = calm.staff("POST", "/v1/clinic/patients").header("idempotency-key", key).json(&body);
        calm.refused(ask).await.must_be_problem(400, "bad_idempotency_key");
    }
}

#[tokio::test]
async fn a_bad_password_is_refused_and_named() {
    let calm = Calm::new().await;
    let token = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b";
    for (password, code) in [
        ("short", "too_short".to_owned()),
        (&"x".repeat(15), "too_weak".to_owned()),
        (&"long enough and then some ".repeat(6), "too_long".to_owned()),
    ] {
        let body = json!({ "token": token, "password": password });
        let ask = calm.app.ask("POST", "/v1/auth/password-reset/confirm").json(&body);
        calm.refused(ask).await.must_name("/password", &code);
    }
}

/// Sends these bytes, waits, and gives what comes back.
fn raw_exchange(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..length]);
        if length == 0 || String::from_utf8_lossy(&answer).ends_with('}') {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn t37_a_bare_lf_in_any_head_ends_the_connection() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let ask = |framing: &str, body: &str| {
        format!(
            "POST /v1/auth/password-reset HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n{body}"
        )
    };
    let body = "\n\n{\n\"email\":\n\"a@b.example\"}\n\n";
    let with_length = ask(&format!("content-length: {}", body.len()), body);
    let pieces = format!("{:x};a=b\r\n{body}\r\n0\r\nx-sum: 1\r\n\r\n", body.len());
    let in_pieces = ask("transfer-encoding: chunked", &pieces);
    let last = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let statuses = |bytes: String| {
        let mut stream = TcpStream::connect(app.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let of_line = |line: &str| line.strip_prefix("HTTP/1.1 ").map(|rest| rest[..3].to_owned());
        answer.lines().filter_map(of_line).collect::<Vec<_>>()
    };
    for first in [&with_length, &in_pieces] {
        // Line ends within a body are the body's, and the next head is found behind it.
        assert_eq!(statuses(format!("{first}{last}")), ["202", "200"]);
        for (at, _) in last.match_indices("\r\n") {
            let mut bare = last.to_owned();
            bare.replace_range(at..at + 1, "");
            assert_eq!(statuses(format!("{first}{bare}{last}")), ["202", "400"], "{bare:?}");
            assert_eq!(statuses(format!("{bare}{last}")), ["400"], "{bare:?}");
        }
    }
    assert_eq!(statuses(format!("\r\n{last}")), ["200"]);
    assert_eq!(statuses(format!("\n{last}")), ["400"]);
}

#[tokio::test]
async fn a_stalled_body_is_given_up_and_others_are_served() {
    let app = TestApp::start_with(|config| config.body_idle_seconds = 1).await;
    let clinic = app.clinic().await;
    let token = clinic.coordinator.token().await;
    let before = app.database.contents();
    let request = format!(
        "POST /v1/clinic/patients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"name\":"
    );
    let shared = std::sync::Arc::clone(&app);
    let stalled = tokio::task::spawn_blocking(move || raw_exchange(&shared, request.as_bytes()));
    clinic.coordinator.get("/v1/clinic").await.must(200);
    let answer = stalled.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("\"too_slow\""), "{answer}");
    assert_eq!(app.database.contents(), before);
    assert_eq!(subjects(&app.mails().await), []);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_in_all() {
    let app = TestApp::start_with(|config| {
        config.body_idle_seconds = 1;
        config.body_total_seconds = 2;
    })
    .await;
    let clinic = app.clinic().await;
    let token = clinic.coordinator.token().await;
    let mut stream = TcpStream::connect(app.address).unwrap();
    let head = format!(
        "POST /v1/clinic/patients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(stream.write_all(b" "));
    }
    let mut answer = [0; 16];
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}
