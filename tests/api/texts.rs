//! The texts of a clinic: what it writes stands wherever a protocol says `{key}`, and nobody ever reads a brace.

use aftercare::protocols::{self, Version, VersionStatus};
use aftercare::secrets::digest;
use ground::encoding::url_base64;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Person, phone_id};

/// A clinic's own document needs no German.
fn without_german(document: &str) -> String {
    let inline = Regex::new(r#", de = "(?:[^"\\]|\\.)*""#).unwrap();
    let lines = document.lines().filter(|line| !line.split(" = ").next().unwrap().ends_with(".de"));
    lines.map(|line| inline.replace_all(line, "").into_owned() + "\n").collect()
}

/// The face plan, with texts left to the clinic in every place where people read.
pub fn face_plan_with_texts() -> String {
    let (_, library) = authoring::LIBRARY.iter().find(|(file, _)| *file == "mn-face.toml").unwrap();
    let mut document = without_german(library);
    for (before, after) in [
        ("title.en = \"Face micro-needling\"", "title.en = \"Face micro-needling with {serum}\""),
        ("title.es = \"Microagujas en la cara\"", "title.es = \"Microagujas en la cara con {serum}\""),
        (
            "text.en = \"This holds to the end of day 1. From day 2, use what your plan says.\"",
            "text.en = \"Put only {serum} on the treated skin.\"",
        ),
        (
            "text.es = \"Esto vale hasta el final del día 1. Desde el día 2, use lo que diga su plan.\"",
            "text.es = \"Póngase solo {serum}.\"",
        ),
        ("hint.en = \"0: same as usual.", "hint.en = \"Before you put on {serum}. 0: same as usual."),
        (
            "hint.es = \"0: como siempre. 5: como una quemadura",
            "hint.es = \"Antes de ponerse {serum}. 0: como siempre. 5: como una quemadura",
        ),
        (
            "en = \"Call us now: {clinic_phone}. No answer in 2 hours, or we are closed? Call {out_of_hours}. Or go to urgent care. This is more",
            "en = \"Call us now: {clinic_phone}. Leave {serum} off. This is more",
        ),
        (
            "es = \"Llámenos ahora: {clinic_phone}. ¿Nadie responde en 2 horas o está cerrado? Llame al {out_of_hours}. O vaya a urgencias. Esto es más",
            "es = \"Llámenos ahora: {clinic_phone}. No se ponga {serum}. Esto es más",
        ),
        ("reason.en = \"The level is 3 or more", "reason.en = \"In spite of {serum}, the level is 3 or more"),
        ("reason.es = \"El nivel supera en 3", "reason.es = \"A pesar de {serum}, el nivel supera en 3"),
        ("text.en = \"The skin in the area is infected", "text.en = \"No {serum}: the skin in the area is infected"),
        (
            "text.es = \"La piel de la zona tiene infección",
            "text.es = \"Nada de {serum}: la piel de la zona tiene infección",
        ),
    ] {
        assert!(document.contains(before), "{before}");
        document = document.replacen(before, after, 1);
    }
    document + GEL
}

const GEL: &str = r#"
[[clinic_text]]
key = "serum"
label.en = "Name of the gel for the first day"
label.es = "Nombre del gel del primer día"
fallback.en = "the gel from the clinic"
fallback.es = "el gel de la clínica"
"#;

const FIRST_CALL: &str = r#"
[[clinic_text]]
key = "first_call"
required = true
label.en = "When you call on the first day"
label.es = "Cuándo llaman el primer día"
"#;

/// The list without the texts that the library's plans leave to every clinic.
fn without_library(mut listed: Value) -> Value {
    let of_the_library = ["cold_sore_plan", "gel", "moisturiser", "steroid_restart", "sunscreen"];
    listed["items"].as_array_mut().unwrap().retain(|item| !of_the_library.contains(&item["key"].as_str().unwrap()));
    listed
}

impl Clinic {
    /// A draft of a document of the clinic's own, as the next version of its key.
    pub async fn draft(&self, key: &'static str, document: String) -> i32 {
        let (clinic, m) = (self.id, self.owner.app.app.moment());
        let made = self.owner.app.app.db.write(move |c| {
            let newest = protocols::store::find_newest(c, clinic, key)?;
            let version = Version {
                clinic_id: clinic,
                id: m.id(),
                key: key.to_owned(),
                version: newest.map_or(1, |newest| newest.version + 1),
                status: VersionStatus::Draft,
                content_hash: url_base64(&digest(document.as_bytes())),
                document,
                created_by: None,
                created_at: m.at,
                approved_by: None,
                approved_at: None,
            };
            assert!(protocols::store::insert(c, &version)?);
            Ok(version.version)
        });
        made.await.unwrap()
    }

    /// A clinician approves it.
    pub async fn activate(&self, key: &str, version: i32) -> Reply {
        self.clinician.post_nothing(&format!("/v1/clinic/protocols/{key}/versions/{version}/activate")).await
    }

    async fn tag(&self) -> String {
        self.owner.get("/v1/clinic").await.header("etag").to_owned()
    }

    async fn write(&self, key: &str, texts: Value) -> Reply {
        let body = json!({ "texts": texts });
        self.clinician.send_if("PUT", &format!("/v1/clinic/texts/{key}"), &self.tag().await, body).await
    }

    async fn erase(&self, key: &str) -> Reply {
        let path = format!("/v1/clinic/texts/{key}");
        let token = self.clinician.token().await;
        let ask = self.owner.app.ask("DELETE", &path).bearer(&token).header("if-match", &self.tag().await);
        ask.send().await
    }
}

fn serum(own: Value, used_by: Value) -> Value {
    json!({
        "key": "serum",
        "label": { "en": "Name of the gel for the first day", "es": "Nombre del gel del primer día" },
        "required": false,
        "fallback": { "en": "the gel from the clinic", "es": "el gel de la clínica" },
        "own": own,
        "used_by": used_by
    })
}

#[tokio::test]
async fn what_the_clinic_writes_stands_wherever_people_read() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let version = clinic.draft("mn-face", face_plan_with_texts()).await;
    clinic.activate("mn-face", version).await.must(200);
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T18:00:00Z");
    let line = |today: &Value| {
        let items = today["items"].as_array().unwrap();
        items.iter().find(|item| item["key"] == "gel-only").unwrap()["text"].as_str().unwrap().to_owned()
    };
    let in_spanish = async || {
        let ask = app.ask("GET", "/v1/me/today").bearer(&ada.person.token().await).header("accept-language", "es-MX");
        ask.send().await.must(200)
    };

    // The protocol's own words first.
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(line(&today), "Put only the gel from the clinic on the treated skin.");
    assert_eq!(line(&in_spanish().await), "Póngase solo el gel de la clínica.");

    // The clinic's, from now on: in its language where it has not written the patient's.
    clinic.write("serum", json!({ "en": "Invented Gel" })).await.must(200);
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(line(&today), "Put only Invented Gel on the treated skin.");
    assert_eq!(line(&in_spanish().await), "Póngase solo Invented Gel.");
    clinic.write("serum", json!({ "en": "Invented Gel", "es": "Gel Inventado" })).await.must(200);
    assert_eq!(line(&in_spanish().await), "Póngase solo Gel Inventado.");
    assert_eq!(today["plans"][0]["title"], "Face micro-needling with Invented Gel");
    let hint = today["forms"][0]["questions"].as_array().unwrap();
    let hint = hint.iter().find(|question| question["key"] == "redness").unwrap()["hint"].as_str().unwrap();
    assert!(hint.starts_with("Before you put on Invented Gel. 0:"), "{hint}");
    let plan_path = format!("/v1/me/plans/{}", ada.plan_id);
    assert_eq!(ada.person.get(&plan_path).await.must(200)["title"], "Face micro-needling with Invented Gel");
    let timeline = ada.person.get(&format!("{plan_path}/timeline?from_day=0&limit=100")).await;
    assert!(timeline.text().contains("Put only Invented Gel"), "{}", timeline.text());

    // Advice and reasons are kept as they were said.
    let off_track = json!({ "plan_id": ada.plan_id, "answers": { "redness": 10 } });
    let check_in = format!("/v1/me/check-ins/{}", phone_id(1));
    let advice = ada.person.put(&check_in, off_track).await.must(201)["advice"]["text"].as_str().unwrap().to_owned();
    assert!(advice.contains("Call us now: +44 20 7946 0000. Leave Invented Gel off."), "{advice}");
    let alerts = clinic.coordinator.get("/v1/clinic/alerts").await.must(200);
    let reason = alerts["items"][0]["reason"].as_str().unwrap();
    assert!(reason.contains(" on day 0; usual 6. In spite of Invented Gel, the level"), "{reason}");
    assert_eq!(app.the_mail_to_each(2).await, ["clinician@one.example", "owner@one.example"]);
    clinic.erase("serum").await.must(200);
    assert_eq!(ada.person.get(&check_in).await.must(200)["advice"]["text"], advice);
    assert_eq!(clinic.coordinator.get("/v1/clinic/alerts").await.must(200), alerts);
    let today = ada.person.get("/v1/me/today").await;
    assert_eq!(line(&today.must(200)), "Put only the gel from the clinic on the treated skin.");
    for said in [today.text(), ada.person.get(&format!("{plan_path}/timeline?from_day=0&limit=100")).await.text()] {
        assert!(!said.contains("{serum}"), "{said}");
    }
}

#[tokio::test]
async fn a_clinic_sees_what_its_protocols_leave_to_it_and_writes_it() {
    let app = TestApp::start().await;
    let (clinic, other) = (app.clinic_named("one").await, app.clinic_named("two").await);
    let nothing = json!({ "items": [], "clinic_version": 1 });
    assert_eq!(without_library(clinic.coordinator.get("/v1/clinic/texts").await.must(200)), nothing);
    clinic.draft("mn-face", face_plan_with_texts()).await;
    let before = clinic.coordinator.get("/v1/clinic/texts").await;
    let listed =
        |own: Value, version: i32| json!({ "items": [serum(own, json!(["mn-face"]))], "clinic_version": version });
    assert_eq!(without_library(before.must(200)), listed(Value::Null, 1));
    let token = clinic.coordinator.token().await;
    let again = app.ask("GET", "/v1/clinic/texts").bearer(&token).header("if-none-match", before.header("etag"));
    assert_eq!(again.send().await.status, 304);

    // Only clinicians and owners, and only over the version that was read.
    let path = "/v1/clinic/texts/serum";
    let own = json!({ "en": "Invented Gel", "es-MX": "Gel Inventado" });
    let body = json!({ "texts": { "en": " Invented Gel ", "es-mx": "Gel Inventado" } });
    clinic.coordinator.send_if("PUT", path, "\"v1\"", body.clone()).await.must_be_problem(403, "not_allowed");
    clinic.owner.put(path, body.clone()).await.must_be_problem(428, "if_match_needed");
    clinic.owner.send_if("PUT", path, "\"v2\"", body.clone()).await.must_be_problem(412, "stale");
    let written = clinic.owner.send_if("PUT", path, "\"v1\"", body.clone()).await;
    assert_eq!((written.must(200), written.header("etag")), (serum(own.clone(), json!(["mn-face"])), "\"v2\""));
    let twice = clinic.owner.send_if("PUT", path, "\"v2\"", body.clone()).await;
    assert_eq!((twice.must(200), twice.header("etag")), (written.json(), "\"v2\""), "the same again changes nothing");
    assert_eq!(without_library(clinic.coordinator.get("/v1/clinic/texts").await.must(200)), listed(own, 2));
    assert!(clinic.owner.get("/v1/clinic").await.header("etag").starts_with("\"v2."));
    assert_eq!(app.database.count("events", "kind = 'clinic.text_changed'"), 1);

    // Nothing of it is the other clinic's.
    assert_eq!(without_library(other.owner.get("/v1/clinic/texts").await.must(200)), nothing);
    other.owner.send_if("PUT", path, "\"v1\"", body.clone()).await.must_be_problem(404, "not_found");
    let token = other.owner.token().await;
    let erase = app.ask("DELETE", path).bearer(&token).header("if-match", "\"v1\"");
    erase.send().await.must_be_problem(404, "not_found");
    clinic.owner.send_if("PUT", "/v1/clinic/texts/glue", "\"v2\"", body).await.must_be_problem(404, "not_found");

    // Back to the protocol's words; twice is once.
    let token = clinic.coordinator.token().await;
    let erase = app.ask("DELETE", path).bearer(&token).header("if-match", "\"v2\"");
    erase.send().await.must_be_problem(403, "not_allowed");
    clinic.owner.delete(path).await.must_be_problem(428, "if_match_needed");
    for _ in 0..2 {
        let erased = clinic.erase("serum").await;
        assert_eq!((erased.must(200), erased.header("etag")), (serum(Value::Null, json!(["mn-face"])), "\"v3\""));
    }
    assert_eq!(app.database.count("events", "kind = 'clinic.text_changed'"), 2);
}

#[tokio::test]
async fn a_plan_is_not_activated_before_its_required_texts_are_written() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let version = clinic.draft("mn-face", face_plan_with_texts() + FIRST_CALL).await;
    let refused = clinic.activate("mn-face", version).await;
    assert_eq!(
        refused.must(422)["errors"],
        json!([{
            "pointer": "path/version",
            "code": "text_missing.first_call",
            "detail": "the plan needs \"When you call on the first day\": write it with PUT /v1/clinic/texts/first_call"
        }])
    );
    assert_eq!(app.database.count("protocol_versions", "key = 'mn-face' AND status = 'active' AND version = 1"), 1);
    clinic.write("first_call", json!({ "en": "at noon" })).await.must(200);
    clinic.erase("first_call").await.must(200);
    assert_eq!(clinic.activate("mn-face", version).await.status, 422);
    clinic.write("first_call", json!({ "es": "a mediodía" })).await.must(200);
    clinic.activate("mn-face", version).await.must(200);
    clinic.erase("first_call").await.must_be_problem(409, "text_required");

    // A plan that goes on without it: what was written stays, is shown as of no use, and the running plans keep it.
    let next = clinic.draft("mn-face", face_plan_with_texts()).await;
    clinic.activate("mn-face", next).await.must(200);
    let texts = without_library(clinic.owner.get("/v1/clinic/texts").await.must(200));
    let left = json!({
        "key": "first_call", "label": {}, "required": false, "fallback": null,
        "own": { "es": "a mediodía" }, "used_by": []
    });
    assert_eq!(texts["items"], json!([left, serum(Value::Null, json!(["mn-face"]))]));
    clinic.write("first_call", json!({ "en": "at noon" })).await.must_be_problem(404, "not_found");
    clinic.erase("first_call").await.must_be_problem(409, "text_required");

    // One that no plan ever needed can go.
    clinic.write("serum", json!({ "en": "Invented Gel" })).await.must(200);
    let (_, library) = authoring::LIBRARY.iter().find(|(file, _)| *file == "mn-face.toml").unwrap();
    let plain = clinic.draft("mn-face", (*library).to_owned()).await;
    clinic.activate("mn-face", plain).await.must(200);
    let erased = clinic.erase("serum").await.must(200);
    assert_eq!((erased["own"].clone(), erased["used_by"].clone()), (Value::Null, json!([])));
    assert_eq!(clinic.erase("serum").await.status, 404, "now it is nothing");
}

#[tokio::test]
async fn a_text_that_patients_could_not_read_is_refused() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    clinic.draft("mn-face", face_plan_with_texts()).await;
    let before = app.database.contents();
    for (texts, pointer, code) in [
        (json!({}), "/texts", "too_short"),
        (json!({ "en": "" }), "/texts/en", "too_short"),
        (json!({ "en": "x".repeat(301) }), "/texts/en", "too_long"),
        (json!({ "en": "{clinic_phone}" }), "/texts/en", "brace"),
        (json!({ "en": "a } b" }), "/texts/en", "brace"),
        (json!({ "en": "a\u{0}b" }), "/texts/en", "control_character"),
        (json!({ "en": "two\nlines" }), "/texts/en", "control_character"),
        (json!({ "en": "\u{202E}leg" }), "/texts/en", "control_character"),
        (json!({ "en": 7 }), "/texts/en", "wrong_type"),
        (json!({ "en": null }), "/texts/en", "wrong_type"),
        (json!({ "fr": "Gel" }), "/texts/fr", "unknown_locale"),
        (json!({ "e/n": "Gel" }), "/texts/e~1n", "unknown_locale"),
        (json!({ "": "Gel" }), "/texts/", "unknown_locale"),
        (json!({ "es-MX": "Gel", "es-mx": "Gel" }), "/texts/es-mx", "duplicate_field"),
    ] {
        clinic.write("serum", texts).await.must_name(pointer, code);
    }
    let both = clinic.write("serum", json!({ "en": "", "fr": "Gel" })).await.must(422);
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "all that is wrong is named at once");
    assert_eq!(app.database.contents(), before);
}

#[tokio::test]
async fn an_owner_changes_whom_to_call_and_patients_read_it_at_once() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let before = clinic.owner.get("/v1/clinic").await;
    let patch = json!({ "emergency_number": "112", "out_of_hours": "Invented Line", "phone": "+44 20 7946 0001" });
    let send = async |person: &Person, tag: &str| person.send_if("PATCH", "/v1/clinic", tag, patch.clone()).await;
    for person in [&clinic.clinician, &clinic.coordinator] {
        send(person, "\"v1\"").await.must_be_problem(403, "not_allowed");
    }
    let token = clinic.owner.token().await;
    let unread = app.ask("PATCH", "/v1/clinic").bearer(&token).json(&patch).send().await;
    unread.must_be_problem(428, "if_match_needed");
    send(&clinic.owner, "\"v7\"").await.must_be_problem(412, "stale");
    let changed = send(&clinic.owner, before.header("etag")).await;
    let mut wanted = before.json();
    for (name, value) in patch.as_object().unwrap() {
        wanted[name] = value.clone();
    }
    assert_eq!((changed.must(200), changed.version_tag()), (wanted.clone(), "\"v2\"".to_owned()));
    assert_eq!(clinic.coordinator.get("/v1/clinic").await.must(200), wanted);
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(today["clinics"][0]["emergency_number"], "112");
    let said = today.to_string();
    assert!(said.contains("Call 112 ") && said.contains("Invented Line"), "{said}");
    let zone = clinic.owner.send_if("PATCH", "/v1/clinic", "\"v2\"", json!({ "zone": "Europe/Madrid" })).await;
    zone.must_name("/zone", "unknown_field");
}
