//! Several plans, one Today: what two plans say in the same words is one line, in two clinics too; what is done is done for both;
//! the strictest restriction counts.

use serde_json::{Value, json};

use crate::authoring::changed;
use crate::support::people::{Clinic, Enrolled, Person, face_treatment};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

/// Another plan for a patient who has one.
pub async fn another(clinic: &Clinic, patient_id: &str, protocol: &str, treatment: Value) -> String {
    let path = format!("/v1/clinic/patients/{patient_id}/treatments");
    let treatment = clinic.coordinator.post(&path, treatment).await.must(201);
    let enrolment = json!({ "patient_id": patient_id, "treatment_id": treatment["id"], "protocol_key": protocol });
    clinic.coordinator.post("/v1/clinic/plans", enrolment).await.must(201)["id"].as_str().unwrap().to_owned()
}

fn scalp_treatment(performed_on: &str) -> Value {
    let mut treatment = face_treatment(performed_on);
    treatment["body_area"] = json!("scalp");
    treatment
}

fn items(today: &Value) -> &Vec<Value> {
    today["items"].as_array().unwrap()
}

fn of_key<'a>(today: &'a Value, key: &str) -> Vec<&'a Value> {
    items(today).iter().filter(|item| item["key"] == key).collect()
}

fn the<'a>(today: &'a Value, key: &str) -> &'a Value {
    let found = of_key(today, key);
    assert_eq!(found.len(), 1, "{key}: {found:?}");
    found[0]
}

async fn today(person: &Person) -> Value {
    person.get("/v1/me/today").await.must(200)
}

/// The state of a line in the timeline of one plan, which is never merged.
async fn in_timeline(person: &Person, plan: &str, day: i32, key: &str) -> String {
    let path = format!("/v1/me/plans/{plan}/timeline?from_day={day}&limit=1");
    let days = person.get(&path).await.must(200);
    let line = the(&days["items"][0], key);
    assert_eq!((&line["plan_ids"], &line["occurrences"]), (&json!([plan]), &json!([])));
    line["state"].as_str().unwrap().to_owned()
}

/// Marks an occurrence.
async fn mark(person: &Person, id: &Value, body: Value) -> Value {
    person.put(&format!("/v1/me/occurrences/{}/mark", id.as_str().unwrap()), body).await.must(200)
}

/// Ada, after needling of the face in two clinics, one day apart, on the Wednesday after: day 7 in one, day 6 in the other.
struct TwoClinics {
    app: Shared,
    ada: Person,
    plans: [String; 2],
    clinics: [Clinic; 2],
}

impl TwoClinics {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.ignore_mails();
        let (one, two) = (app.clinic().await, app.clinic_named("two").await);
        let first = one.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-25")).await;
        let second = two.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-26")).await;
        assert_eq!(first.person.account, second.person.account, "one account, two records");
        app.set_clock("2026-03-04T10:00:00Z");
        let ada = app.person(first.person.account, None).await;
        Self { app, ada, plans: [first.plan_id, second.plan_id], clinics: [one, two] }
    }
}

#[tokio::test]
async fn two_clinics_are_one_today() {
    let world = TwoClinics::new().await;
    let today = today(&world.ada).await;
    insta::assert_json_snapshot!("merged_two_clinics", today);

    // The strictest counts, and says when it is over: "allowed again on Friday, in 2 days".
    let sauna = the(&today, "no-swimming-or-heat");
    assert_eq!(sauna["plan_ids"], json!(world.plans));
    assert_eq!((&sauna["last_on"], &sauna["allowed_on"]), (&json!("2026-03-05"), &json!("2026-03-06")));
    assert_eq!(sauna["in_days"], 2);

    // Every occurrence of every plan's day is in one line; check-ins, photos and their forms stay apart.
    let mut merged: Vec<&str> = Vec::new();
    for line in items(&today) {
        let shared: Vec<&str> = line["occurrences"].as_array().unwrap().iter().map(id_of).collect();
        assert!(shared.is_empty() || shared[0] == id_of(line), "its own first");
        merged.extend(if shared.is_empty() { vec![id_of(line)] } else { shared });
        let own = ["check_in", "photo"].contains(&line["kind"].as_str().unwrap());
        assert!(!own || line["plan_ids"].as_array().unwrap().len() == 1, "{line}");
    }
    let mut each: Vec<String> = Vec::new();
    for (clinic, plan) in world.clinics.iter().zip(&world.plans) {
        let alone = clinic.coordinator.get(&format!("/v1/clinic/plans/{plan}/today")).await.must(200);
        assert!(items(&alone).iter().all(|line| line["plan_ids"] == json!([plan]) && line["occurrences"] == json!([])));
        each.extend(items(&alone).iter().map(|line| id_of(line).to_owned()));
        assert!(alone["valid_until"].as_str() >= today["valid_until"].as_str());
        assert!(alone["as_of"].as_str() <= today["as_of"].as_str());
    }
    merged.sort_unstable();
    each.sort_unstable();
    assert_eq!(merged, each);

    // It holds until `valid_until`, and not longer.
    let until = crate::support::at(today["valid_until"].as_str().unwrap());
    world.app.pass_seconds(until.seconds_since(world.app.now()) - 1);
    assert_eq!(world.ada.get("/v1/me/today").await.must(200), today);
    world.app.pass_seconds(1);
    assert_ne!(world.ada.get("/v1/me/today").await.must(200), today);
}

fn id_of(line: &Value) -> &str {
    line["occurrence_id"].as_str().unwrap()
}

#[tokio::test]
async fn which_marks_are_stored_depends_on_no_language() {
    let mut stored: Vec<Vec<String>> = Vec::new();
    for language in ["en", "es", "de", "fr, de;q=0.1"] {
        let world = TwoClinics::new().await;
        let read = world.app.ask("GET", "/v1/me/today").bearer(&world.ada.token().await);
        let seen = read.header("accept-language", language).send().await.must(200);
        let id = id_of(the(&seen, "moisturise"));
        let put = world.app.ask("PUT", &format!("/v1/me/occurrences/{id}/mark")).bearer(&world.ada.token().await);
        put.header("accept-language", language).json(&json!({ "state": "done" })).send().await.must(200);
        let rows = world.app.database.contents().into_iter().filter(|row| row.starts_with("marks: "));
        stored.push(rows.collect());
    }
    assert_eq!(stored[0].len(), 2, "one act, in both plans");
    assert!(stored.iter().all(|rows| *rows == stored[0]), "{stored:?}");
}

#[tokio::test]
async fn what_a_clinician_wrote_for_this_patient_stays_a_line_of_its_own() {
    let world = TwoClinics::new().await;
    let set = json!({
        "set": { "key": "moisturise", "title": { "en": "Only petrolatum." } }, "reason": "You react to the cream.",
    });
    let path = format!("/v1/clinic/plans/{}/override", world.plans[0]);
    world.clinics[0].owner.send_if("POST", &path, "\"v1\"", set).await.must(200);
    let seen = today(&world.ada).await;
    let said: Vec<(&Value, &Value)> =
        of_key(&seen, "moisturise").into_iter().map(|line| (&line["title"], &line["because"])).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.contains(&(&json!("Only petrolatum."), &json!("You react to the cream."))), "{said:?}");
    assert_eq!(said.iter().filter(|(_, because)| because.is_null()).count(), 1, "{said:?}");
}

#[tokio::test]
async fn what_is_done_once_is_done_for_both_clinics() {
    let world = TwoClinics::new().await;
    let (ada, [one, two]) = (&world.ada, &world.plans);
    let before = today(ada).await;
    let line = the(&before, "moisturise");
    assert_eq!((&line["state"], line["occurrences"].as_array().unwrap().len()), (&json!("open"), 2));
    let second = &line["occurrences"][1]["occurrence_id"];
    let rows = || world.app.database.count("marks", "1 = 1");

    // By the second plan's occurrence: the answer is the line of both.
    let marked = mark(ada, second, json!({ "state": "done" })).await;
    insta::assert_json_snapshot!("merged_mark", marked);
    assert_eq!((&marked, rows()), (the(&today(ada).await, "moisturise"), 2));
    assert_eq!(in_timeline(ada, one, 7, "moisturise").await, "done");
    assert_eq!(in_timeline(ada, two, 6, "moisturise").await, "done");

    // Again, by either: nothing changes.
    for id in [&line["occurrence_id"], second] {
        assert_eq!(mark(ada, id, json!({ "state": "done" })).await, marked);
    }
    assert_eq!(rows(), 2);

    // Skipped with a reason, for both; taken back by the first plan's occurrence, for both.
    world.app.pass_seconds(1);
    mark(ada, &line["occurrence_id"], json!({ "state": "skipped", "reason": "It stung." })).await;
    assert_eq!((rows(), world.app.database.count("marks", "reason = 'It stung.'")), (4, 2));
    world.app.pass_seconds(1);
    let path = format!("/v1/me/occurrences/{}/mark", id_of(line));
    assert_eq!(&ada.delete(&path).await.must(200), line);
    assert_eq!((ada.delete(&path).await.must(200), rows()), (line.clone(), 6));
    assert_eq!(today(ada).await, before);
    assert_eq!(in_timeline(ada, one, 7, "moisturise").await, "open");
    assert_eq!(in_timeline(ada, two, 6, "moisturise").await, "open");
}

#[tokio::test]
async fn a_photo_and_a_check_in_are_of_one_plan_alone() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let second = another(&clinic, &ada.patient_id, "mn-face", face_treatment("2026-03-02")).await;
    let day_zero = today(&ada.person).await;
    let photos = of_key(&day_zero, "photo");
    assert_eq!((photos.len(), of_key(&day_zero, "check-in-evening").len()), (2, 2));
    let of = |key: &str| -> Vec<Value> {
        let forms = day_zero["forms"].as_array().unwrap().iter().filter(|form| form["key"] == key);
        forms.map(|form| form["plan_id"].clone()).collect()
    };
    assert_eq!(of("daily"), [json!(ada.plan_id), json!(second)]);
    assert_eq!(of("danger-signs"), [json!(ada.plan_id), json!(second)]);
    mark(&ada.person, &photos[1]["occurrence_id"], json!({ "state": "done" })).await;
    let after = today(&ada.person).await;
    let states: Vec<&Value> = of_key(&after, "photo").iter().map(|photo| &photo["state"]).collect();
    assert_eq!(states, ["open", "done"]);
}

#[tokio::test]
async fn a_restriction_of_a_newer_plan_sets_aside_what_the_older_one_asks() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-20")).await;
    let alone = today(&ada.person).await;
    let sunscreen = the(&alone, "sunscreen").clone();
    assert_eq!((&sunscreen["state"], &alone["set_aside"]), (&json!("open"), &json!([])));

    // Needled again today: no sunscreen yet.
    another(&clinic, &ada.patient_id, "mn-face", face_treatment("2026-03-02")).await;
    let both = today(&ada.person).await;
    let rule = the(&both, "no-sunscreen-yet");
    assert_eq!((&rule["allowed_on"], &rule["in_days"]), (&json!("2026-03-04"), &json!(2)));
    assert_eq!(of_key(&both, "sunscreen").len(), 0);
    let tasks = |day: &Value| -> Vec<Value> {
        day["set_aside"].as_array().unwrap().iter().filter(|line| line["kind"] == "task").cloned().collect()
    };
    assert_eq!(
        json!(tasks(&both)),
        json!([{
            "occurrence_id": sunscreen["occurrence_id"], "plan_id": ada.plan_id, "kind": "task",
            "title": sunscreen["title"], "forbidden_by": rule["occurrence_id"]
        }])
    );

    // It is still there in its own plan, and what is recorded is shown.
    assert_eq!(in_timeline(&ada.person, &ada.plan_id, 10, "sunscreen").await, "open");
    mark(&ada.person, &sunscreen["occurrence_id"], json!({ "state": "done" })).await;
    let marked = today(&ada.person).await;
    assert_eq!((&the(&marked, "sunscreen")["state"], tasks(&marked).len()), (&json!("done"), 0));

    // On the first day without the restriction it is asked for again, once for both plans.
    let later = ada.person.get("/v1/me/today?date=2026-03-04").await.must(200);
    assert_eq!(the(&later, "sunscreen")["plan_ids"].as_array().unwrap().len(), 2);
    assert_eq!(tasks(&later).len(), 0);
}

#[tokio::test]
async fn what_is_done_to_one_area_is_neither_done_to_another_nor_forbidden_there() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let version = clinic.draft("laser-nafl", include_str!("../../protocols/laser-nafl.toml").to_owned()).await;
    clinic.activate("laser-nafl", version).await.must(200);
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-20")).await;
    let neck = json!({
        "procedure": "laser", "performed_on": "2026-03-02", "body_area": "neck",
        "parameters": { "skin_type": "III", "treated_area": "neck" }
    });
    let laser = another(&clinic, &ada.patient_id, "laser-nafl", neck).await;
    let both = today(&ada.person).await;
    assert_eq!(the(&both, "no-sunscreen-yet")["plan_ids"], json!([laser]));
    assert_eq!(the(&both, "sunscreen")["plan_ids"], json!([ada.plan_id]), "the face is not the neck");
    assert_eq!(both["set_aside"], json!([]));
    let later = ada.person.get("/v1/me/today?date=2026-03-04").await.must(200);
    assert_eq!(of_key(&later, "sunscreen").len(), 2, "two acts");
}

#[tokio::test]
async fn another_area_shares_what_is_to_be_read_and_every_rule() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let scalp = another(&clinic, &ada.patient_id, "mn-scalp", scalp_treatment("2026-02-28")).await;
    let both = json!([ada.plan_id, scalp]);
    let seen = today(&ada.person).await;
    assert_eq!(the(&seen, "no-picking")["plan_ids"], both);
    let exercise = the(&seen, "no-sweaty-exercise");
    assert_eq!((&exercise["plan_ids"], &exercise["last_on"]), (&both, &json!("2026-03-08")), "not the scalp's 2 March");
    assert_eq!(of_key(&seen, "clean-hands").len(), 2, "the words name the area");

    // Two rules in different words about the same thing: neither says "allowed again" before the other is over.
    let heat = of_key(&seen, "no-swimming-or-heat");
    let ends: Vec<[&Value; 3]> =
        heat.iter().map(|line| ["last_on", "allowed_on", "in_days"].map(|name| &line[name])).collect();
    let (wanted, days) = (json!("2026-03-10"), json!(8));
    assert_eq!(ends, [[&json!("2026-03-09"), &wanted, &days], [&json!("2026-03-07"), &wanted, &days]]);
}

#[tokio::test]
async fn a_plan_that_began_later_is_not_marked_for_what_was_over_by_then() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-26")).await;
    app.set_clock("2026-03-03T10:00:00Z");
    let late = another(&clinic, &ada.patient_id, "mn-face", face_treatment("2026-02-27")).await;
    let yesterday = ada.person.get("/v1/me/today?date=2026-03-02").await.must(200);
    let line = the(&yesterday, "moisturise");
    let states: Vec<&Value> = line["occurrences"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!((states[1], &line["state"]), (&json!("cancelled"), states[0]));
    for one in line["occurrences"].as_array().unwrap() {
        assert_eq!(mark(&ada.person, &one["occurrence_id"], json!({ "state": "done" })).await["state"], "done");
    }
    assert_eq!(app.database.count("marks", "1 = 1"), 1);
    assert_eq!(in_timeline(&ada.person, &late, 3, "moisturise").await, "cancelled");
    assert_eq!(in_timeline(&ada.person, &ada.plan_id, 4, "moisturise").await, "done");
}

#[tokio::test]
async fn five_plans_are_one_today_that_stays_as_it_is() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-27")).await;
    for (protocol, treatment) in [
        ("mn-face", face_treatment("2026-02-26")),
        ("mn-scalp", scalp_treatment("2026-03-01")),
        ("mn-face", face_treatment("2026-02-25")),
        ("mn-scalp", scalp_treatment("2026-02-27")),
    ] {
        another(&clinic, &ada.patient_id, protocol, treatment).await;
    }
    let reply = ada.person.get("/v1/me/today").await;
    let seen = reply.must(200);
    assert_eq!(seen["plans"].as_array().unwrap().len(), 5);
    let words = |line: &Value| format!("{} {} {} {}", line["kind"], line["slot"], line["title"], line["text"]);
    // A clean pillowcase for the face, and one for the scalp, are two acts.
    let is_of_an_area = |line: &Value| line["key"] == "clean-pillowcase";
    let said = items(&seen).iter().filter(|line| line["kind"] != "check_in" && line["kind"] != "photo");
    let mut lines: Vec<String> = said.filter(|line| !is_of_an_area(line)).map(words).collect();
    let all = lines.len();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), all, "nothing is said twice");
    let unchanged = app.ask("GET", "/v1/me/today").bearer(&ada.person.token().await);
    assert_eq!(unchanged.header("if-none-match", reply.header("etag")).send().await.status, 304);
    let Enrolled { person, .. } = ada;
    let task = the(&seen, "moisturise");
    assert_eq!(task["plan_ids"].as_array().unwrap().len(), 3);
    mark(&person, &task["occurrence_id"], json!({ "state": "partial" })).await;
    assert_eq!(app.database.count("marks", "state = 'partial'"), 3);
}

/// What was expected of a plan's tasks, done, skipped and missed.
async fn of_tasks(clinic: &Clinic, plan: &str) -> Value {
    let progress = clinic.coordinator.get(&format!("/v1/clinic/plans/{plan}/progress")).await.must(200);
    let task = progress["kinds"].as_array().unwrap().iter().find(|one| one["kind"] == "task").unwrap().clone();
    json!(["expected", "done", "skipped", "missed"].map(|field| &task[field]))
}

#[tokio::test]
async fn what_another_plan_forbids_is_not_expected_in_whatever_clinic() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let (one, two) = (app.clinic().await, app.clinic_named("two").await);
    let old = |name| one.enrol_as((name, "Europe/London"), "mn-face", face_treatment("2026-02-20"));
    let (ada, bea, cleo, dora) = (old("Ada").await, old("Bea").await, old("Cleo").await, old("Dora").await);
    let (eve, fay) = (old("Eve").await, old("Fay").await);
    // All but Dora are needled again in another clinic: no sunscreen today and tomorrow. Fay's is noted with a wrong date.
    let mut again = Vec::new();
    for (name, on) in
        ["Ada", "Bea", "Cleo", "Eve"].map(|name| (name, "2026-03-02")).into_iter().chain([("Fay", "2026-02-25")])
    {
        again.push(two.enrol_as((name, "Europe/London"), "mn-face", face_treatment(on)).await);
    }
    let order = async |again: &Enrolled, command: &str, body: Value| {
        let path = format!("/v1/clinic/plans/{}/{command}", again.plan_id);
        two.owner.send_if("POST", &path, "\"v1\"", body).await.must(200);
    };
    let voided = json!({ "reason": "Another person." });
    // In the middle of the day, and of the sunscreen's window, Eve's is taken away, and Fay's date is put right.
    app.set_clock("2026-03-02T12:00:00Z");
    order(&again[3], "entered-in-error", voided.clone()).await;
    order(&again[4], "correct", json!({ "performed_on": "2026-03-02", "reason": "Typed wrong." })).await;
    for (of, count) in [(&ada, 1), (&eve, 0), (&fay, 1)] {
        let aside = today(&app.person(of.person.account, None).await).await["set_aside"].clone();
        let tasks = aside.as_array().unwrap().iter().filter(|line| line["kind"] == "task");
        assert_eq!(tasks.count(), count);
    }
    let tomorrow = "2026-03-03T10:00:00Z";
    app.set_clock(tomorrow);
    let aside = today(&app.person(ada.person.account, None).await).await["set_aside"].clone();
    assert_eq!(aside.as_array().unwrap().len(), 1);
    for (of, state) in [(&bea, "done"), (&cleo, "skipped")] {
        let person = app.person(of.person.account, None).await;
        let id = today(&person).await["set_aside"][0]["occurrence_id"].clone();
        mark(&person, &id, json!({ "state": state })).await;
    }
    app.set_clock("2026-03-05T10:00:00Z");
    let alone = of_tasks(&one, &dora.plan_id).await;
    let [expected, missed] = [0, 3].map(|place| alone[place].as_u64().unwrap());
    assert_eq!(alone, json!([expected, 0, 0, missed]));
    assert_eq!(of_tasks(&one, &ada.plan_id).await, json!([expected - 2, 0, 0, missed - 2]), "not on two days");
    assert_eq!(of_tasks(&one, &bea.plan_id).await, json!([expected - 1, 1, 0, missed - 2]), "done all the same");
    assert_eq!(
        of_tasks(&one, &cleo.plan_id).await,
        json!([expected - 2, 0, 0, missed - 2]),
        "skipped, as it should be"
    );
    let mine = format!("/v1/me/plans/{}/progress", ada.plan_id);
    let theirs = one.coordinator.get(&format!("/v1/clinic/plans/{}/progress", ada.plan_id)).await.must(200);
    assert_eq!(app.person(ada.person.account, None).await.get(&mine).await.must(200), theirs);
    assert_eq!(of_tasks(&one, &eve.plan_id).await, alone, "asked again when the window closed, and on the second day");
    assert_eq!(of_tasks(&one, &fay.plan_id).await, json!([expected - 2, 0, 0, missed - 2]), "not from noon on");
    // That the other treatment was another day, or never, does not make anybody have asked.
    order(&again[0], "entered-in-error", voided).await;
    assert_eq!(of_tasks(&one, &ada.plan_id).await, json!([expected - 2, 0, 0, missed - 2]));
    order(&again[1], "correct", json!({ "performed_on": "2026-02-25", "reason": "Typed wrong." })).await;
    assert_eq!(of_tasks(&one, &bea.plan_id).await, json!([expected - 1, 1, 0, missed - 2]));
}

#[tokio::test]
async fn what_another_plan_forbids_elsewhere_on_the_body_is_expected() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let areas = ("body_areas = [\"face\"]", "body_areas = [\"face\", \"neck\"]");
    clinic.approve("areas", &changed(&small_protocol("areas"), &[areas])).await;
    // Nothing but the gel on the day of the treatment and the next; moisturiser on days 2 to 7.
    let old = |name| clinic.enrol_as((name, "Europe/London"), "areas", face_treatment("2026-02-25"));
    let (ada, bea, cleo, dora) = (old("Ada").await, old("Bea").await, old("Cleo").await, old("Dora").await);
    let again = async |of: &Enrolled, area: &str| {
        let mut treatment = face_treatment("2026-03-02");
        treatment["body_area"] = json!(area);
        another(&clinic, &of.patient_id, "areas", treatment).await
    };
    again(&ada, "neck").await;
    let on_the_face = again(&bea, "face").await;
    again(&cleo, "face").await;
    // Two days later one area of each pair is corrected: Today was what it was.
    app.set_clock("2026-03-04T10:00:00Z");
    for plan in [&on_the_face, &cleo.plan_id] {
        let correction = json!({ "body_area": "neck", "reason": "Typed wrong." });
        let path = format!("/v1/clinic/plans/{plan}/correct");
        clinic.owner.send_if("POST", &path, "\"v1\"", correction).await.must(200);
    }
    app.set_clock("2026-03-05T10:00:00Z");
    let alone = of_tasks(&clinic, &dora.plan_id).await;
    let [expected, missed] = [0, 3].map(|place| alone[place].as_u64().unwrap());
    assert_eq!(of_tasks(&clinic, &ada.plan_id).await, alone, "the neck is no reason to leave the face without");
    assert_eq!(of_tasks(&clinic, &bea.plan_id).await, json!([expected - 2, 0, 0, missed - 2]), "then on the face");
    assert_eq!(of_tasks(&clinic, &cleo.plan_id).await, json!([expected - 2, 0, 0, missed - 2]), "then of the face");
}

#[tokio::test]
async fn what_was_done_before_a_plan_began_is_done_for_it_too() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-25")).await;
    app.set_clock("2026-03-03T10:00:00Z");
    let alone = today(&ada.person).await;
    let (cream, gone) = (the(&alone, "moisturise"), the(&alone, "sunscreen"));
    mark(&ada.person, &cream["occurrence_id"], json!({ "state": "partial", "noted_at": "2026-03-03T09:30:00Z" })).await;
    mark(&ada.person, &gone["occurrence_id"], json!({ "state": "done" })).await;
    app.pass_seconds(1);
    let path = format!("/v1/me/occurrences/{}/mark", id_of(gone));
    ada.person.delete(&path).await.must(200);

    app.set_clock("2026-03-03T10:30:00Z");
    let second = another(&clinic, &ada.patient_id, "mn-face", face_treatment("2026-02-26")).await;
    let both = today(&ada.person).await;
    let line = the(&both, "moisturise");
    let states = |line: &Value| -> Vec<Value> {
        line["occurrences"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect()
    };
    assert_eq!((&line["state"], states(line)), (&json!("partial"), vec![json!("partial"); 2]), "it is not asked again");
    assert_eq!(states(the(&both, "sunscreen")), ["open", "open"], "what was taken back is asked of both");
    assert_eq!(in_timeline(&ada.person, &second, 5, "moisturise").await, "partial");
    let kept = app.database.rows("marks", "state = 'partial'");
    assert_eq!(kept.len(), 2);
    let noted = "state = 'partial' AND noted_at = (SELECT min(noted_at) FROM marks WHERE state = 'partial')";
    assert_eq!(app.database.count("marks", noted), 2, "as it was noted");

    // One act: taken back by either plan's occurrence, it is taken back for both.
    app.pass_seconds(1);
    let own = &line["occurrences"][1]["occurrence_id"];
    let path = format!("/v1/me/occurrences/{}/mark", own.as_str().unwrap());
    ada.person.delete(&path).await.must(200);
    assert_eq!(states(the(&today(&ada.person).await, "moisturise")), ["open", "open"]);
    app.pass_seconds(1);
    mark(&ada.person, own, json!({ "state": "done" })).await;

    // A plan that goes on after a pause finds what was done meanwhile.
    let pause = |plan: &str| format!("/v1/clinic/plans/{plan}/pause");
    let body = json!({ "days": "pass", "reason": "A journey." });
    clinic.owner.send_if("POST", &pause(&second), "\"v1\"", body).await.must(200);
    app.pass_seconds(60);
    mark(&ada.person, &gone["occurrence_id"], json!({ "state": "done" })).await;
    assert_eq!(in_timeline(&ada.person, &second, 5, "sunscreen").await, "cancelled");
    let path = format!("/v1/clinic/plans/{second}/resume");
    clinic.owner.send_if("POST", &path, "\"v2.on_hold\"", json!({ "reason": "Back." })).await.must(200);
    assert_eq!(in_timeline(&ada.person, &second, 5, "sunscreen").await, "done");
    app.set_clock("2026-03-05T10:00:00Z");
    assert_eq!(of_tasks(&clinic, &second).await[1], 2);
}

#[tokio::test]
async fn what_was_done_is_done_for_a_plan_that_is_started_and_for_another_clinics_record_that_is_accepted() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let (one, two) = (app.clinic().await, app.clinic_named("two").await);
    // A plan that waits does not ask for this line.
    let library = include_str!("../../protocols/mn-face.toml");
    let (before, line) = library.split_once("key = \"moisturise\"\n").unwrap();
    let line = line.replacen("even_when_excluded = true\n", "", 1);
    let version = one.draft("mn-face", format!("{before}key = \"moisturise\"\n{line}")).await;
    one.activate("mn-face", version).await.must(200);
    let ada = one.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-25")).await;
    let mut infected = face_treatment("2026-02-26");
    infected["parameters"]["active_infection"] = json!(true);
    let path = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
    let treatment = one.coordinator.post(&path, infected).await.must(201);
    let enrolment = json!({
        "patient_id": ada.patient_id, "treatment_id": treatment["id"], "protocol_key": "mn-face", "send_to_clinician": true
    });
    let waiting =
        one.coordinator.post("/v1/clinic/plans", enrolment).await.must(201)["id"].as_str().unwrap().to_owned();
    app.set_clock("2026-03-03T10:00:00Z");
    let id = the(&today(&ada.person).await, "moisturise")["occurrence_id"].clone();
    mark(&ada.person, &id, json!({ "state": "done" })).await;
    assert_eq!(app.database.count("marks", "1 = 1"), 1);
    let start = format!("/v1/clinic/plans/{waiting}/start");
    one.clinician.send_if("POST", &start, "\"v1\"", json!({ "reason": "It has healed." })).await.must(200);
    let third = two.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-27")).await;
    let person = app.person(third.person.account, None).await;
    let line = the(&today(&person).await, "moisturise").clone();
    assert_eq!((&line["state"], line["plan_ids"].as_array().unwrap().len()), (&json!("done"), 3));
    assert_eq!(in_timeline(&person, &waiting, 5, "moisturise").await, "done");
    assert_eq!(in_timeline(&person, &third.plan_id, 4, "moisturise").await, "done");
    assert_eq!(app.database.count("marks", "state = 'done'"), 3);
}

#[tokio::test]
async fn of_two_marks_in_one_millisecond_the_later_one_counts() {
    let app = TestApp::start_by_chance().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-26")).await;
    let id = the(&today(&ada.person).await, "moisturise")["occurrence_id"].clone();
    for state in ["done", "skipped", "partial"].into_iter().cycle().take(18) {
        assert_eq!(mark(&ada.person, &id, json!({ "state": state })).await["state"], state);
        assert_eq!(the(&today(&ada.person).await, "moisturise")["state"], state);
    }
    assert_eq!(app.database.count("marks", "1 = 1"), 18);
}

#[test]
fn ids_of_one_process_rise_also_within_a_millisecond() {
    use ground::ids::MarkId;
    use ground::time::{Entropy, Moment};
    let moment = |text: &str| Moment::new(crate::support::at(text), Entropy::System);
    let (now, before) = (moment("2026-03-02T10:00:00Z"), moment("2026-03-02T09:59:59.5Z"));
    let ids: Vec<MarkId> = (0..10_000).map(|n| if n % 3 == 0 { before.id() } else { now.id() }).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "also for a verb that took its moment earlier");
    let millis = |id: MarkId| id.0.as_u128() >> 80;
    assert!(millis(ids[9_999]) - millis(ids[0]) < 10_000);
    assert!(ids.iter().all(|id| id.0.get_version_num() == 7 && id.0.get_variant() == uuid::Variant::RFC4122));
    let long_ago: MarkId = moment("2026-02-02T10:00:00Z").id();
    assert!(long_ago < ids[0], "a clock that was set back is believed");
    let seeded = || Moment::new(crate::support::at("2026-03-02T10:00:00Z"), Entropy::seeded(7));
    assert_eq!(seeded().id::<MarkId>(), seeded().id(), "and chance that repeats itself does");
}
