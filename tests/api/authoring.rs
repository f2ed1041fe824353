//! Protocols as a clinic writes them: cloned, imported, edited, checked, compared, tried out, approved and retired.

use serde_json::{Value, json};

use crate::support::people::{Clinic, Person, face_treatment, phone_id};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

/// The versions of the protocol that most tests write.
const OURS: &str = "/v1/clinic/protocols/ours/versions";

/// The small plan with other words, days or rules.
pub fn changed(document: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(document.to_owned(), |document, (from, to)| {
        assert!(document.contains(from), "{from}");
        document.replacen(from, to, 1)
    })
}

/// The small plan, as this clinic's own.
fn ours() -> String {
    small_protocol("ours")
}

fn titled(title: &str) -> String {
    changed(&ours(), &[("en = \"Sound plan\"", &format!("en = \"{title}\""))])
}

async fn write(who: &Person, document: &str) -> Value {
    let written = who.post(OURS, json!({ "document": document })).await.must(201);
    who.app.pass_seconds(1); // ids run with time, and lists with ids
    written
}

async fn activate(who: &Person, version: i64) -> Value {
    who.post_nothing(&format!("{OURS}/{version}/activate")).await.must(200)
}

async fn document(who: &Person, version: i64) -> String {
    let reply = who.get(&format!("{OURS}/{version}/document")).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/toml; charset=utf-8"),
        "{}",
        reply.text()
    );
    reply.text()
}

async fn statuses(who: &Person) -> Vec<(i64, String)> {
    let page = who.get(OURS).await.must(200);
    let read = |one: &Value| (one["version"].as_i64().unwrap(), one["status"].as_str().unwrap().to_owned());
    page["items"].as_array().unwrap().iter().map(read).collect()
}

fn codes(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect()
}

/// The line of the first occurrence of a text, from 1.
fn line_of(document: &str, text: &str) -> usize {
    document[..document.find(text).expect("the text is there")].matches('\n').count() + 1
}

#[tokio::test]
async fn a_library_protocol_is_cloned_under_its_own_key_or_the_clinics() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let library = clinic.coordinator.get("/v1/library/protocols/mn-face/document").await.text();
    let adopt = async |body: Value| clinic.coordinator.post("/v1/clinic/protocols", body).await;

    // Under its own key it is there already: approved, and not once more.
    let there = adopt(json!({ "library_key": "mn-face" })).await.must(201);
    assert_eq!((&there["version"], &there["status"]), (&json!(1), &json!("active")));

    // Under another it is a draft, the same but for the line with the key.
    let ours = adopt(json!({ "library_key": "mn-face", "key": "our-face" })).await.must(201);
    assert_eq!(
        (&ours["key"], &ours["version"], &ours["status"], &ours["created_by"]),
        (&json!("our-face"), &json!(1), &json!("draft"), &json!(clinic.members[2].to_string()))
    );
    let cloned = clinic.owner.get("/v1/clinic/protocols/our-face/versions/1/document").await.text();
    let different: Vec<(&str, &str)> =
        library.split('\n').zip(cloned.split('\n')).filter(|(one, other)| one != other).collect();
    assert_eq!(different, [("key = \"mn-face\"", "key = \"our-face\"")]);
    assert_eq!(library.split('\n').count(), cloned.split('\n').count());
    assert_eq!(library.len() + 1, cloned.len(), "byte for byte");
    assert_eq!(adopt(json!({ "library_key": "mn-face", "key": "our-face" })).await.must(201), ours, "twice is once");

    // It can be approved and enrolled in, and the library's stands beside it.
    clinic.clinician.post_nothing("/v1/clinic/protocols/our-face/versions/1/activate").await.must(200);
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "our-face", face_treatment("2026-03-02")).await;
    let plan = clinic.coordinator.get(&format!("/v1/clinic/plans/{}", ada.plan_id)).await.must(200);
    assert_eq!((&plan["protocol_key"], &plan["protocol_version_id"]), (&json!("our-face"), &ours["id"]));
    clinic.enrol("Bea").await;

    for key in ["Our-face", "9lives", "our face", "our_face", "ä-face", "x", "", "-x", &"x".repeat(42)] {
        adopt(json!({ "library_key": "mn-face", "key": key })).await.must_name("/key", "invalid_value");
    }
    adopt(json!({ "library_key": "mn-feet" })).await.must_name("/library_key", "unknown_value");
    adopt(json!({ "library_key": "mn-feet", "key": "our-feet" })).await.must_name("/library_key", "unknown_value");
}

#[tokio::test]
async fn a_document_goes_in_and_comes_out_byte_for_byte() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let plain = ours();
    let windows = plain.replace('\n', "\r\n");
    let spaces = plain.replace("horizon_day = 28\n", "horizon_day = 28 \t  \n\n\n");
    let beyond_ascii = format!("{plain}# Ä, ñ, \u{301}e, 皮肤, 🩹, \u{200d}, \u{feff}\n");
    let open_end = plain.trim_end().to_owned();
    let mixed = format!("# one\r\n# two\n{open_end}\r\n\r\n# the end, without a line break");
    for (number, text) in [plain, windows, spaces, beyond_ascii, open_end, mixed].iter().enumerate() {
        let written = write(&clinic.owner, text).await;
        let version = written["version"].as_i64().unwrap();
        assert_eq!(version, i64::try_from(number).unwrap() + 1, "each is another document");
        let read = clinic.coordinator.get(&format!("{OURS}/{version}/document")).await;
        assert_eq!(read.bytes, text.as_bytes(), "version {version}");
        let hash = aftercare::documents::hash(text);
        assert_eq!(read.header("etag"), format!("\"{hash}\""));
        assert_eq!(written["content_hash"], hash);
        assert_eq!(write(&clinic.clinician, text).await, written, "written again, it is the one that is there");
        let tag = read.header("etag").to_owned();
        clinic
            .owner
            .send_if("PUT", &format!("{OURS}/{version}/document"), &tag, json!({ "document": text }))
            .await
            .must(200);
        assert_eq!(document(&clinic.owner, version).await, *text, "and edited to the same");
    }
    assert_eq!(statuses(&clinic.owner).await.len(), 6);
    activate(&clinic.clinician, 6).await;
    assert!(document(&clinic.owner, 6).await.ends_with("without a line break"), "approving changes nothing in it");
}

#[tokio::test]
async fn a_draft_is_edited_by_who_has_read_it_last() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let (first, second, third) = (ours(), titled("Second"), titled("Third"));
    let draft = write(&clinic.owner, &first).await;
    let path = format!("{OURS}/1/document");
    let tag = |document: &str| format!("\"{}\"", aftercare::documents::hash(document));

    let without = clinic.owner.put(&path, json!({ "document": second })).await;
    without.must_be_problem(428, "if_match_needed");
    for stale in [tag(&second), "\"v1\"".to_owned(), format!("W/{}", tag(&second)), "nonsense".to_owned()] {
        let refused = clinic.owner.send_if("PUT", &path, &stale, json!({ "document": second })).await;
        refused.must_be_problem(412, "stale");
    }
    assert_eq!(document(&clinic.owner, 1).await, first, "nothing was written");

    let edited = clinic.clinician.send_if("PUT", &path, &tag(&first), json!({ "document": second })).await;
    let body = edited.must(200);
    assert_eq!(edited.header("etag"), tag(&second));
    assert_eq!((&body["id"], &body["version"], &body["status"]), (&draft["id"], &json!(1), &json!("draft")));
    assert_eq!((&body["title"]["en"], &body["created_by"]), (&json!("Second"), &draft["created_by"]));
    assert_eq!(clinic.owner.get(&format!("{OURS}/1")).await.must(200), body);
    let late = clinic.owner.send_if("PUT", &path, &tag(&first), json!({ "document": third })).await;
    late.must_be_problem(412, "stale");
    assert_eq!(document(&clinic.owner, 1).await, second, "whoever came second has lost nothing of the first");

    // What cannot be read is refused here too, and so is another key.
    let broken = changed(&second, &[("kind = \"photo\"", "kind = \"picture\"")]);
    let refused = clinic.owner.send_if("PUT", &path, &tag(&second), json!({ "document": broken })).await;
    refused.must_name("/document", "defect.unknown_word");
    let other = small_protocol("theirs");
    let refused = clinic.owner.send_if("PUT", &path, &tag(&second), json!({ "document": other })).await;
    refused.must_name("/document", "wrong_key");
    assert_eq!(document(&clinic.owner, 1).await, second);

    // What was approved never changes, and neither does what was put away.
    activate(&clinic.clinician, 1).await;
    let refused = clinic.owner.send_if("PUT", &path, &tag(&second), json!({ "document": third })).await;
    refused.must_be_problem(409, "not_a_draft");
    write(&clinic.owner, &third).await;
    activate(&clinic.clinician, 2).await;
    for version in [1, 2] {
        let path = format!("{OURS}/{version}/document");
        let tag = clinic.owner.get(&path).await.header("etag").to_owned();
        let refused = clinic.owner.send_if("PUT", &path, &tag, json!({ "document": first })).await;
        refused.must_be_problem(409, "not_a_draft");
    }
    assert_eq!((document(&clinic.owner, 1).await, document(&clinic.owner, 2).await), (second, third));
    let nowhere = format!("{OURS}/3/document");
    let refused = clinic.owner.send_if("PUT", &nowhere, "\"x\"", json!({ "document": first })).await;
    refused.must_be_problem(404, "not_found");
}

async fn check(who: &Person, document: &str) -> Vec<Value> {
    let found = who.post("/v1/clinic/protocols/check", json!({ "document": document })).await.must(200);
    found["defects"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_document_is_checked_with_line_column_and_fix() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let before = app.database.contents();
    assert_eq!(check(&clinic.coordinator, &ours()).await, [] as [Value; 0]);

    // A warning: nobody reads a question.
    let unread = changed(
        &ours(),
        &[
            (
                "[[sign]]\nkey = \"F1\"",
                "[[question]]\nkey = \"sleep\"\ntype = \"flag\"\ntext = { en = \"Sleep well?\", es = \"¿Duerme bien?\" }\n\n[[sign]]\nkey = \"F1\"",
            ),
            ("\"result\", \"worried\"]", "\"result\", \"worried\", \"sleep\"]"),
        ],
    );
    let found = check(&clinic.coordinator, &unread).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!("question_unread"), &json!("warning")));

    // Errors: two of the linter's, on their lines, with what to do.
    let bad = changed(
        &ours(),
        &[
            ("days = [\"8-28\"]", "days = [\"8-20\"]"),
            (
                "days = [\"0-14\"]\nslot = \"day\"\nwhen = \"darker_skin\"",
                "days = [\"0-14\"]\nslot = \"day\"\nwhen = \"needle_depth_mm > 5.0\"",
            ),
        ],
    );
    let found = check(&clinic.coordinator, &bad).await;
    let errors: Vec<&Value> = found.iter().filter(|defect| defect["severity"] == "error").collect();
    assert!(errors.len() >= 2, "{found:?}");
    let never = errors.iter().find(|defect| defect["code"] == "never_applies").expect("the line is for nobody");
    assert_eq!(never["line"], line_of(&bad, "when = \"needle_depth_mm > 5.0\""));
    assert!(never["column"].as_u64().unwrap() >= 1);
    for defect in &found {
        assert!(!defect["problem"].as_str().unwrap().is_empty() && !defect["fix"].as_str().unwrap().is_empty());
    }
    let lines: Vec<u64> = found.iter().map(|defect| defect["line"].as_u64().unwrap()).collect();
    assert!(lines.is_sorted(), "in the order of the document: {lines:?}");

    // Not even TOML.
    let found = check(&clinic.coordinator, "key = \"ours").await;
    assert_eq!((found.len(), &found[0]["code"], &found[0]["line"]), (1, &json!("not_toml"), &json!(1)));
    assert_ne!(check(&clinic.coordinator, "").await, [] as [Value; 0]);
    assert_eq!(app.database.contents(), before, "nothing is kept");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_refused_with_each_defect() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let before = app.database.contents();
    let refuse = async |document: &str| clinic.owner.post(OURS, json!({ "document": document })).await;

    let broken = changed(
        &ours(),
        &[
            ("levels = [6, 5, 3, 2, 1, 0]", "levels = [11, 5, 3, 2, 1, 0]"),
            ("kind = \"photo\"", "kind = \"picture\""),
            ("form = \"daily\"", "form = \"weekly\""),
        ],
    );
    let problem = refuse(&broken).await.must_be_problem(422, "invalid");
    assert_eq!(codes(&problem), ["defect.out_of_range", "defect.unknown_reference", "defect.unknown_word"]);
    for (error, text) in
        problem["errors"].as_array().unwrap().iter().zip(["levels = [11", "form = \"weekly\"", "kind = \"picture\""])
    {
        let detail = error["detail"].as_str().unwrap();
        assert_eq!(error["pointer"], "/document");
        assert!(detail.starts_with(&format!("line {}, column ", line_of(&broken, text))), "{detail}");
        assert!(detail.contains(" Fix: "), "{detail}");
    }
    refuse("= nothing").await.must_name("/document", "defect.not_toml");
    refuse("").await.must_name("/document", "defect.missing_key");
    refuse(&format!("{}\0", ours())).await.must_name("/document", "defect.not_toml");
    refuse(&small_protocol("theirs")).await.must_name("/document", "wrong_key");

    // 200,000 bytes are the most, and bytes are not letters.
    let room = 200_000 - ours().len() - "# ".len();
    let longest = format!("{}# {}", ours(), "x".repeat(room));
    refuse(&format!("{longest}x")).await.must_name("/document", "too_long");
    refuse(&format!("{}# {}", ours(), "ä".repeat(room / 2 + 1))).await.must_name("/document", "too_long");
    assert_eq!(app.database.contents(), before, "nothing is kept of what was refused");
    assert_eq!(refuse(&longest).await.must(201)["version"], 1);
    assert_eq!(document(&clinic.owner, 1).await, longest);
}

#[tokio::test]
async fn a_document_that_says_two_things_on_one_day_is_not_approved() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    // "Only the gel" goes on until 8 in the morning of day 2, on which another task asks for a cream.
    let night = "\n[[slot]]\nkey = \"night\"\nopens = \"21:00\"\ncloses = \"+1 08:00\"\n";
    let gel = "kind = \"restriction\"\ndays = [\"0-1\"]\nslot = \"day\"";
    let bad = changed(&ours(), &[(gel, &gel.replace("\"day\"", "\"night\""))]) + night;
    let found = check(&clinic.owner, &bad).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!("day_says_two_things"), &json!("error")));
    let problem = found[0]["problem"].as_str().unwrap();
    assert!(problem.starts_with("on day 2, for a patient who answers nothing"), "{problem}");
    assert!(problem.contains("`moisturise` asks for what `gel-only` forbids"), "{problem}");
    write(&clinic.owner, &bad).await;
    let refused = clinic.clinician.post_nothing(&format!("{OURS}/1/activate")).await;
    assert_eq!(codes(&refused.must_be_problem(422, "invalid")), ["defect.day_says_two_things"]);
}

#[tokio::test]
async fn a_document_with_an_error_is_written_but_not_approved() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    activate(&clinic.clinician, 1).await;
    let bad = changed(
        &ours(),
        &[
            (
                "days = [\"0-14\"]\nslot = \"day\"\nwhen = \"darker_skin\"",
                "days = [\"0-14\"]\nslot = \"day\"\nwhen = \"needle_depth_mm > 5.0\"",
            ),
            ("days = [\"8-28\"]", "days = [\"8-20\"]"),
            ("\"result\", \"worried\"]", "\"result\"]"),
        ],
    );
    write(&clinic.owner, &bad).await;
    let expected: Vec<String> = check(&clinic.owner, &bad)
        .await
        .iter()
        .filter(|defect| defect["severity"] == "error")
        .map(|defect| format!("defect.{}", defect["code"].as_str().unwrap()))
        .collect();
    assert!(expected.len() >= 3, "{expected:?}");
    let before = app.database.contents();
    let refused = clinic.clinician.post_nothing(&format!("{OURS}/2/activate")).await;
    let problem = refused.must_be_problem(422, "invalid");
    assert_eq!(codes(&problem), expected, "all of it is named");
    assert_eq!(app.database.contents(), before, "nothing changed");
    assert_eq!(statuses(&clinic.owner).await, [(2, "draft".to_owned()), (1, "active".to_owned())]);

    // Mended, it can be approved; a warning is for the clinician to judge.
    let path = format!("{OURS}/2/document");
    let tag = clinic.owner.get(&path).await.header("etag").to_owned();
    clinic.owner.send_if("PUT", &path, &tag, json!({ "document": titled("Mended") })).await.must(200);
    assert_eq!(activate(&clinic.clinician, 2).await["title"]["en"], "Mended");
}

#[tokio::test]
async fn approving_a_version_retires_the_one_before_and_says_who_did_it() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let written = write(&clinic.owner, &ours()).await;
    assert_eq!((&written["approved_by"], &written["approved_at"]), (&Value::Null, &Value::Null));
    assert_eq!(written["created_by"], clinic.members[0].to_string());
    assert_eq!(written["created_at"], "2026-03-02T10:00:00Z");
    app.set_clock("2026-03-02T11:00:00Z");
    let first = activate(&clinic.clinician, 1).await;
    assert_eq!(
        (&first["status"], &first["approved_by"], &first["approved_at"], &first["created_by"]),
        (
            &json!("active"),
            &json!(clinic.members[1].to_string()),
            &json!("2026-03-02T11:00:00Z"),
            &written["created_by"]
        )
    );
    app.set_clock("2026-03-02T12:00:00Z");
    assert_eq!(activate(&clinic.owner, 1).await, first, "twice is once, and the first approver stays");

    write(&clinic.clinician, &titled("Second")).await;
    write(&clinic.clinician, &titled("Third")).await;
    activate(&clinic.owner, 3).await;
    let word = |version: i64, status: &str| (version, status.to_owned());
    assert_eq!(statuses(&clinic.owner).await, [word(3, "active"), word(2, "draft"), word(1, "retired")]);
    activate(&clinic.owner, 2).await;
    assert_eq!(statuses(&clinic.owner).await, [word(3, "retired"), word(2, "active"), word(1, "retired")]);
    let retired = clinic.owner.get(&format!("{OURS}/1")).await.must(200);
    assert_eq!((&retired["approved_by"], &retired["approved_at"]), (&first["approved_by"], &first["approved_at"]));
    assert_eq!(document(&clinic.owner, 1).await, ours());

    let before = app.database.contents();
    for version in [1, 3] {
        let refused = clinic.owner.post_nothing(&format!("{OURS}/{version}/activate")).await;
        refused.must_be_problem(409, "retired");
    }
    activate(&clinic.clinician, 2).await;
    clinic.owner.post_nothing(&format!("{OURS}/4/activate")).await.must_be_problem(404, "not_found");
    assert_eq!(app.database.contents(), before);
    assert_eq!(app.database.count("events", "kind = 'protocol.activated'"), 2 + 3, "two of the library, three");
}

#[tokio::test]
async fn a_version_that_was_retired_by_mistake_is_taken_up_again_as_a_draft() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    activate(&clinic.clinician, 1).await;
    let redraft = async |version: i64| clinic.clinician.post_nothing(&format!("{OURS}/{version}/redraft")).await;
    redraft(1).await.must_be_problem(409, "not_retired");
    redraft(7).await.must(404);
    clinic.clinician.post_nothing(&format!("{OURS}/1/retire")).await.must(200);
    let retired = clinic.owner.get(&format!("{OURS}/1")).await.must(200);

    let draft = redraft(1).await.must(201);
    assert_eq!((&draft["version"], &draft["status"]), (&json!(2), &json!("draft")));
    assert_eq!((&draft["created_by"], &draft["approved_by"]), (&json!(clinic.members[1]), &Value::Null));
    assert_eq!(document(&clinic.owner, 2).await, ours());
    assert_eq!(clinic.owner.get(&format!("{OURS}/1")).await.must(200), retired, "the retired one stays as it is");
    assert_eq!(redraft(1).await.must(201), draft, "the draft that is there is the answer");
    redraft(2).await.must_be_problem(409, "not_retired");
    assert_eq!(app.database.count("events", "kind = 'protocol.redrafted' AND account_id IS NOT NULL"), 1);

    activate(&clinic.clinician, 2).await;
    clinic.enrol_as(("Ada", "Europe/London"), "ours", face_treatment("2026-03-02")).await;
    // Newer words in between do not stand in its way, and a draft that was put away comes back like any other.
    write(&clinic.owner, &titled("Newer")).await;
    clinic.clinician.post_nothing(&format!("{OURS}/3/retire")).await.must(200);
    assert_eq!(redraft(1).await.must(201)["version"], 4);
    assert_eq!(redraft(3).await.must(201)["version"], 5);
    assert_eq!(document(&clinic.owner, 5).await, titled("Newer"));
    let word = |version: i64, status: &str| (version, status.to_owned());
    let all = [word(5, "draft"), word(4, "draft"), word(3, "retired"), word(2, "active"), word(1, "retired")];
    assert_eq!(statuses(&clinic.owner).await, all);
    app.ignore_mails();
}

#[tokio::test]
async fn a_document_with_a_control_character_is_refused_with_its_line() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let title = "en = \"Sound plan\"";
    for escape in ["\\u0000", "\\u0001", "\\u007F", "\\u0085", "\\b"] {
        let document = changed(&ours(), &[(title, &format!("en = \"Sound{escape}plan\""))]);
        let line = ours()[..ours().find(title).unwrap()].matches('\n').count() + 1;
        let body = json!({ "document": document });
        clinic.owner.post(OURS, body.clone()).await.must_name("/document", "defect.control_character");
        let found = clinic.owner.post("/v1/clinic/protocols/check", body).await.must(200);
        let named = found["defects"].as_array().unwrap().iter().find(|one| one["code"] == "control_character").unwrap();
        assert_eq!(named["line"], line, "{named}");
    }
    let tabbed = changed(&ours(), &[(title, "en = \"Sound\\tplan\"")]);
    clinic.owner.post(OURS, json!({ "document": tabbed })).await.must(201);
}

#[tokio::test]
async fn a_retired_version_takes_nobody_new_and_lets_nobody_down() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    activate(&clinic.clinician, 1).await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "ours", face_treatment("2026-03-02")).await;
    let path = format!("{OURS}/1/retire");
    let retired = clinic.clinician.post_nothing(&path).await.must(200);
    assert_eq!(retired["status"], "retired");
    let before = app.database.contents();
    assert_eq!(clinic.owner.post_nothing(&path).await.must(200), retired, "twice is once");
    assert_eq!(app.database.contents(), before);

    let bea = clinic.add_patient("Bea", "Europe/London").await["id"].clone();
    let treatments = format!("/v1/clinic/patients/{}/treatments", bea.as_str().unwrap());
    let treatment = clinic.owner.post(&treatments, face_treatment("2026-03-02")).await.must(201)["id"].clone();
    let enrolment = json!({ "patient_id": bea, "treatment_id": treatment, "protocol_key": "ours" });
    clinic.owner.post("/v1/clinic/plans", enrolment).await.must_name("/protocol_key", "not_approved");

    // Ada's plan goes on: her day, her check-in, her reminder, its rules.
    app.set_clock("2026-03-03T18:00:00Z");
    app.mails().await;
    let today = ada.person.get("/v1/me/today").await.must(200);
    let items = today["items"].as_array().unwrap();
    let check_in = items.iter().find(|item| item["key"] == "check-in" && item["day"] == 1).unwrap();
    app.set_clock("2026-03-03T19:00:00Z");
    assert_eq!(app.the_mail().await.to, ada.email);
    let answers =
        json!({ "plan_id": ada.plan_id, "occurrence_id": check_in["occurrence_id"], "answers": { "signs": ["F6"] } });
    let answered = ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(1)), answers).await.must(201);
    assert_eq!(answered["urgency"], "urgent");
    assert_eq!(app.mails().await.len(), 2, "owner and clinician are told");

    // A draft is put away: it never becomes active.
    write(&clinic.owner, &titled("Never")).await;
    clinic.owner.post_nothing(&format!("{OURS}/2/retire")).await.must(200);
    clinic.owner.post_nothing(&format!("{OURS}/2/activate")).await.must_be_problem(409, "retired");
    let document_path = format!("{OURS}/2/document");
    let tag = clinic.owner.get(&document_path).await.header("etag").to_owned();
    let edit = clinic.owner.send_if("PUT", &document_path, &tag, json!({ "document": titled("Again") })).await;
    edit.must_be_problem(409, "not_a_draft");
}

#[tokio::test]
async fn versions_are_compared_in_words() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let second = changed(
        &ours(),
        &[(
            "days = [\"2-14\"]\nslot = \"day\"\ntitle = { en = \"Put on",
            "days = [\"4-20\"]\nslot = \"day\"\ntitle = { en = \"Put on",
        )],
    );
    let third = changed(&second, &[("when = \"pain >= 4\"", "when = \"pain >= 5\"")]);
    for document in [&ours(), &second, &third] {
        write(&clinic.owner, document).await;
    }
    let diff = async |path: &str| {
        let found = clinic.coordinator.get(&format!("{OURS}/{path}")).await.must(200);
        let word = |change: &Value| {
            let details: Vec<String> = change["details"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| format!("{}: {} > {}", one["what"].as_str().unwrap(), one["before"], one["after"]))
                .collect();
            format!(
                "{} {} {}: {}",
                change["change"].as_str().unwrap(),
                change["part"].as_str().unwrap(),
                change["key"].as_str().unwrap(),
                details.join("; ")
            )
        };
        found["changes"].as_array().unwrap().iter().map(word).collect::<Vec<String>>()
    };
    let later = "changed line sunscreen: days: \"2-14\" > \"4-20\"";
    let stricter = "changed rule R3: when: \"pain >= 4\" > \"pain >= 5\"";
    assert_eq!(diff("2/diff").await, [later]);
    assert_eq!(diff("3/diff").await, [stricter]);
    assert_eq!(diff("3/diff?against=1").await, [later, stricter]);
    assert_eq!(diff("1/diff?against=2").await, ["changed line sunscreen: days: \"4-20\" > \"2-14\""]);
    assert_eq!(diff("2/diff?against=2").await, [""; 0]);
    for path in ["1/diff", "2/diff?against=9", "9/diff", "0/diff", "-2147483648/diff", "2147483647/diff"] {
        clinic.owner.get(&format!("{OURS}/{path}")).await.must_be_problem(404, "not_found");
    }
    for against in ["0", "-1", "x", "1000001"] {
        let refused = clinic.owner.get(&format!("{OURS}/2/diff?against={against}")).await;
        assert_eq!(refused.status, 422, "{against}: {}", refused.text());
    }
}

#[tokio::test]
async fn a_version_is_previewed_as_a_calendar() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    let before = app.database.contents();
    let preview = async |body: Value| clinic.coordinator.post(&format!("{OURS}/1/preview"), body).await;
    let wanted = json!({ "treated_on": "2026-03-02", "parameters": { "needle_depth_mm": 0.4, "skin_type": "V", "active_infection": true } });
    insta::assert_json_snapshot!("authoring_preview", preview(wanted).await.must(200));
    let spanish = json!({ "treated_on": "2026-03-02", "parameters": { "needle_depth_mm": 1.0 }, "locale": "es" });
    assert_eq!(preview(spanish).await.must(200)["title"], "Plan sin defectos");
    let wrong = json!({ "treated_on": "2026-03-02", "parameters": { "needle_depth_mm": 9, "colour": "red" } });
    let refused = preview(wrong).await;
    refused.must_name("/parameters/needle_depth_mm", "out_of_range");
    refused.must_name("/parameters/colour", "unknown_parameter");
    preview(json!({ "treated_on": "2026-03-02" })).await.must_name("/parameters/needle_depth_mm", "required");
    assert_eq!(app.database.contents(), before);
}

#[tokio::test]
async fn a_version_is_played_by_a_scripted_patient() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    let before = app.database.contents();
    let simulate = async |body: Value| clinic.coordinator.post(&format!("{OURS}/1/simulate"), body).await;
    let script = json!({
        "treated_on": "2026-03-02", "zone": "Europe/London", "until_day": 5,
        "days": [{ "day": 3, "answers": { "signs": ["F6"], "redness": 2 } }, { "day": 4, "skip": true }]
    });
    let plan_file = simulate(json!({ "parameters": { "needle_depth_mm": 1.0 }, "script": script })).await.must(200);
    let alerts = plan_file["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(
        (&alerts[0]["cause"], &alerts[0]["urgency"], &alerts[0]["day"], &alerts[0]["raised_at"]),
        (&json!("F6"), &json!("urgent"), &json!(3), &json!("2026-03-05T20:00:00Z"))
    );
    let decided: Vec<(i64, &str)> = plan_file["reminders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["day"].as_i64().unwrap(), one["decision"].as_str().unwrap()))
        .collect();
    assert_eq!(decided[4], (4, "mailed"), "{decided:?}");
    assert_eq!(plan_file["days"].as_array().unwrap().len(), 6);

    let wrong = json!({ "parameters": { "needle_depth_mm": 1.0 }, "script": { "zone": "Mars/Olympus" } });
    let problem = simulate(wrong).await.must_be_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/script/zone");
    simulate(json!({})).await.must_name("/parameters/needle_depth_mm", "required");
    assert_eq!(app.database.contents(), before, "nothing is kept, nobody is written to");
}

#[tokio::test]
async fn the_schema_of_documents_is_for_everybody() {
    let app = TestApp::start().await;
    let schema = app.ask("GET", "/v1/library/protocol.schema.json").send().await;
    assert_eq!(schema.must(200)["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema.text(), authoring::SCHEMA);
}

async fn pages(who: &Person, path: &str) -> Vec<(String, i64)> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = who.get(&format!("{path}?limit=2{cursor}")).await.must(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(
            items.iter().map(|one| (one["key"].as_str().unwrap().to_owned(), one["version"].as_i64().unwrap())),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn versions_are_listed_page_by_page_newest_first() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.pass_seconds(1);
    for number in 1..=3 {
        write(&clinic.owner, &titled(&format!("Number {number}"))).await;
    }
    let other = json!({ "document": small_protocol("other") });
    clinic.owner.post("/v1/clinic/protocols/other/versions", other).await.must(201);
    let named = |key: &str, version: i64| (key.to_owned(), version);
    let own = [named("ours", 3), named("ours", 2), named("ours", 1)];
    assert_eq!(pages(&clinic.coordinator, OURS).await, own);
    let all = pages(&clinic.coordinator, "/v1/clinic/protocols").await;
    assert_eq!(all[..4], [named("other", 1), own[0].clone(), own[1].clone(), own[2].clone()]);
    assert_eq!(all.len(), 4 + 2, "and the two of the library: {all:?}");
    clinic.owner.get("/v1/clinic/protocols/nobody/versions").await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn a_coordinator_reads_and_tries_out_and_writes_nothing() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    write(&clinic.owner, &ours()).await;
    let before = app.database.contents();
    let who = &clinic.coordinator;
    for path in ["", "/1", "/1/document", "/1/diff?against=1"] {
        assert_eq!(who.get(&format!("{OURS}{path}")).await.status, 200, "{path}");
    }
    let treatment = json!({ "parameters": { "needle_depth_mm": 1.0 }, "treated_on": "2026-03-02" });
    who.post(&format!("{OURS}/1/preview"), treatment).await.must(200);
    let treatment = json!({ "parameters": { "needle_depth_mm": 1.0 }, "script": { "until_day": 1 } });
    who.post(&format!("{OURS}/1/simulate"), treatment).await.must(200);
    check(who, &ours()).await;
    let body = json!({ "document": titled("Mine") });
    let tag = who.get(&format!("{OURS}/1")).await.header("etag").to_owned();
    for refused in [
        who.post(OURS, body.clone()).await,
        who.send_if("PUT", &format!("{OURS}/1/document"), &tag, body).await,
        who.post_nothing(&format!("{OURS}/1/activate")).await,
        who.post_nothing(&format!("{OURS}/1/retire")).await,
    ] {
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    assert_eq!(app.database.contents(), before);
}

#[tokio::test]
async fn another_clinic_sees_nothing_and_has_its_own() {
    let app = TestApp::start().await;
    let (one, two) = (app.clinic_named("one").await, app.clinic_named("two").await);
    write(&one.owner, &ours()).await;
    activate(&one.owner, 1).await;
    let tag = one.owner.get(&format!("{OURS}/1")).await.header("etag").to_owned();
    let body = json!({ "document": titled("Theirs") });
    let treatment = json!({ "parameters": { "needle_depth_mm": 1.0 }, "treated_on": "2026-03-02" });
    let script = json!({ "parameters": { "needle_depth_mm": 1.0 } });
    for reply in [
        two.owner.get(OURS).await,
        two.owner.get(&format!("{OURS}/1")).await,
        two.owner.get(&format!("{OURS}/1/document")).await,
        two.owner.get(&format!("{OURS}/1/diff?against=1")).await,
        two.owner.post(&format!("{OURS}/1/preview"), treatment).await,
        two.owner.post(&format!("{OURS}/1/simulate"), script).await,
        two.owner.post_nothing(&format!("{OURS}/1/activate")).await,
        two.owner.post_nothing(&format!("{OURS}/1/retire")).await,
        two.owner.send_if("PUT", &format!("{OURS}/1/document"), &tag, body.clone()).await,
    ] {
        reply.must_be_problem(404, "not_found");
    }
    assert_eq!(pages(&two.owner, "/v1/clinic/protocols").await.len(), 2, "the two of the library");
    let own = two.owner.post(OURS, body).await.must(201);
    assert_eq!((&own["version"], &own["status"], &own["title"]["en"]), (&json!(1), &json!("draft"), &json!("Theirs")));
    activate(&two.owner, 1).await;
    assert_eq!(statuses(&one.owner).await, [(1, "active".to_owned())]);
    assert_eq!(document(&one.owner, 1).await, ours());
}

async fn shown(who: &Person, version: i64) -> (String, String) {
    let treatment = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" }, "treated_on": "2026-03-02" });
    let preview = who.post(&format!("{OURS}/{version}/preview"), treatment).await.must(200);
    let script = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" }, "script": { "until_day": 0 } });
    let plan_file = who.post(&format!("{OURS}/{version}/simulate"), script).await.must(200);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    (word(&preview["title"]), word(&plan_file["title"]["en"]))
}

async fn edit(clinic: &Clinic, version: i64, document: &str) {
    let path = format!("{OURS}/{version}/document");
    let tag = clinic.owner.get(&path).await.header("etag").to_owned();
    clinic.owner.send_if("PUT", &path, &tag, json!({ "document": document })).await.must(200);
}

/// What the clinic and, where there is one, the phone are told about a plan.
async fn title_of(clinic: &Clinic, plan: &str) -> String {
    let plan = clinic.coordinator.get(&format!("/v1/clinic/plans/{plan}/today")).await.must(200);
    plan["plans"][0]["title"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_old_is_served_after_an_edit_and_running_plans_keep_what_they_have() {
    let app = TestApp::start().await;
    let second_node: Shared = TestApp::start_on(app.database.share(), |_| ()).await;
    second_node.ignore_mails();
    let clinic = app.clinic().await;
    let there = second_node.person(clinic.owner.account, Some(clinic.id)).await;
    let both = |title: &str| (title.to_owned(), title.to_owned());
    let treated = || face_treatment("2026-03-02");
    write(&clinic.owner, &titled("First")).await;
    assert_eq!(shown(&clinic.owner, 1).await, both("First"));
    assert_eq!(shown(&there, 1).await, both("First"));
    for title in ["Second", "First", "Third"] {
        edit(&clinic, 1, &titled(title)).await;
        assert_eq!(shown(&clinic.owner, 1).await, both(title), "at once");
        assert_eq!(shown(&there, 1).await, both(title), "on the other node too");
    }
    activate(&clinic.clinician, 1).await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "ours", treated()).await;
    assert_eq!(title_of(&clinic, &ada.plan_id).await, "Third");

    write(&clinic.owner, &titled("Fourth")).await;
    edit(&clinic, 2, &titled("Fifth")).await;
    assert_eq!(title_of(&clinic, &ada.plan_id).await, "Third", "a draft is nobody's");
    let bea = clinic.enrol_as(("Bea", "Europe/London"), "ours", treated()).await;
    assert_eq!(title_of(&clinic, &bea.plan_id).await, "Third", "nor of those who come");
    activate(&clinic.clinician, 2).await;
    let cleo = clinic.enrol_as(("Cleo", "Europe/London"), "ours", treated()).await;
    assert_eq!(title_of(&clinic, &cleo.plan_id).await, "Fifth");
    for running in [&ada, &bea] {
        assert_eq!(title_of(&clinic, &running.plan_id).await, "Third");
        let today = running.person.get("/v1/me/today").await.must(200);
        assert_eq!(today["plans"][0]["title"], "Third");
    }
    clinic.clinician.post_nothing(&format!("{OURS}/1/retire")).await.must(200);
    assert_eq!(title_of(&clinic, &ada.plan_id).await, "Third", "retired, and still hers");
    assert_eq!(title_of(&clinic, &cleo.plan_id).await, "Fifth");
}
