//! A phone that is without network for two weeks: what it fetched before is what Today would have said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::people::{Clinic, Enrolled, Person, face_treatment};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp, at};

/// A patient with two plans that overlap: the face today, the scalp three days ago.
pub async fn two_plans(app: &Shared, zone: &str) -> (Clinic, Enrolled) {
    let clinic = app.clinic().await;
    let ada = clinic.enrol_in("Ada", zone).await;
    let path = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
    let treatment = json!({
        "procedure": "microneedling", "performed_on": "2026-02-27", "body_area": "scalp",
        "parameters": { "needle_depth_mm": 1.0, "skin_type": "III" }
    });
    let treatment = clinic.coordinator.post(&path, treatment).await.must(201)["id"].clone();
    let enrolment = json!({ "patient_id": ada.patient_id, "treatment_id": treatment, "protocol_key": "mn-scalp" });
    clinic.coordinator.post("/v1/clinic/plans", enrolment).await.must(201);
    app.ignore_mails();
    (clinic, ada)
}

fn list<'a>(of: &'a Value, name: &str) -> &'a Vec<Value> {
    of[name].as_array().unwrap()
}

/// What a line says, whatever became of it; by its id.
fn lines(items: &[Value]) -> BTreeMap<String, Value> {
    let line = |item: &Value| {
        let mut item = item.clone();
        assert!(item.as_object_mut().unwrap().remove("state").is_some());
        for shared in item["occurrences"].as_array_mut().unwrap() {
            assert!(shared.as_object_mut().unwrap().remove("state").is_some());
        }
        (item["occurrence_id"].as_str().unwrap().to_owned(), item)
    };
    items.iter().map(line).collect()
}

/// (plan, key, day, questions) of each form.
fn asked(today: &Value) -> BTreeSet<String> {
    let form = |form: &Value| json!([form["plan_id"], form["key"], form["day"], form["questions"]]).to_string();
    list(today, "forms").iter().map(form).collect()
}

fn asked_ahead(timeline: &Value) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for form in list(timeline, "forms") {
        for day in list(form, "days") {
            let one = json!([form["plan_id"], form["key"], day, form["questions"]]).to_string();
            assert!(asked.insert(one), "a form is there twice for day {day}");
        }
    }
    asked
}

async fn timeline(person: &Person, query: &str) -> Value {
    person.get(&format!("/v1/me/timeline{query}")).await.must(200)
}

async fn each_day_comes_as_it_was_told(zone: &str, utc: &[&str]) {
    let app = TestApp::start().await;
    let (_, ada) = two_plans(&app, zone).await;
    let told = timeline(&ada.person, "").await;
    let days = list(&told, "days");
    assert_eq!((days.len(), &told["zone"]), (14, &json!(zone)));
    let mut known = BTreeMap::new();
    let forms = asked_ahead(&told);
    let mut compared = 0;
    let tz = jiff::tz::TimeZone::get(zone).unwrap();
    for (index, day) in days.iter().enumerate() {
        known.extend(lines(list(day, "items")));
        let date: jiff::civil::Date = day["date"].as_str().unwrap().parse().unwrap();
        let midnight = date.to_zoned(tz.clone()).unwrap().timestamp();
        for (number, hour) in utc.iter().enumerate() {
            let moment = if number == 0 { midnight.into() } else { at(&format!("{date}T{hour}:00Z")) };
            if moment <= app.now() || tz.to_datetime(moment.timestamp()).date() != date {
                continue;
            }
            assert!(app.app.clock.set(moment));
            let today = ada.person.get("/v1/me/today").await.must(200);
            assert_eq!((&today["date"], &today["plans"]), (&day["date"], &day["plans"]));
            let shown = lines(list(&today, "items"));
            for (id, line) in &shown {
                assert_eq!(known.get(id), Some(line), "{date}");
            }
            if number == 0 {
                let own = lines(list(day, "items"));
                assert!(own.keys().all(|id| shown.contains_key(id)), "{date}: told, and not there");
            }
            for form in asked(&today) {
                assert!(forms.contains(&form), "{date}: {form}");
            }
            compared += shown.len() * usize::from(index > 0);
        }
    }
    assert!(compared > 500, "{compared} lines compared");
}

#[tokio::test]
async fn every_day_comes_as_it_was_told_in_london() {
    each_day_comes_as_it_was_told("Europe/London", &["", "12:00", "19:30"]).await;
}

#[tokio::test]
async fn every_day_comes_as_it_was_told_where_the_clocks_change_on_the_way() {
    each_day_comes_as_it_was_told("America/New_York", &["", "16:00", "23:30"]).await;
}

#[tokio::test]
async fn the_first_day_is_today_and_it_holds_as_long_as_it_says() {
    let app = TestApp::start().await;
    let (clinic, ada) = two_plans(&app, "Europe/London").await;
    app.set_clock("2026-03-03T10:00:00Z"); // yesterday evening's check-ins can still be answered
    let (today, told) = (ada.person.get("/v1/me/today").await.must(200), timeline(&ada.person, "?days=31").await);
    let first = &told["days"][0];
    for field in ["date", "plans", "items", "set_aside"] {
        assert_eq!(first[field], today[field], "{field}");
    }
    assert!(list(first, "items").iter().any(|item| item["state"] == "late"));
    assert_eq!((&told["clinics"], &told["zone"]), (&today["clinics"], &today["zone"]));
    assert_eq!(list(&told, "days").len(), 31);
    let opening = json!([{ "weekdays": ["tuesday"], "opens": "09:00", "closes": "13:37" }]);
    let tag = clinic.owner.get("/v1/clinic").await.header("etag").to_owned();
    clinic.owner.send_if("PATCH", "/v1/clinic", &tag, json!({ "opening_hours": opening })).await.must(200);
    let path = "/v1/me/timeline?from=2026-03-02&days=3";
    let mut ends = Vec::new();
    for _ in 0..12 {
        let reply = ada.person.get(path).await;
        let (told, tag) = (reply.must(200), reply.header("etag").to_owned());
        let end = at(told["valid_until"].as_str().unwrap());
        assert_eq!(reply.header("cache-control"), "private, no-cache");
        let again = async || {
            let ask = app.ask("GET", path).bearer(&ada.person.token().await).header("if-none-match", &tag);
            ask.send().await
        };
        assert!(app.app.clock.set(end.plus_seconds(-1)));
        assert_eq!(again().await.status, 304, "a second before {end}");
        assert!(app.app.clock.set(end));
        let next = again().await.must(200);
        assert_eq!(next["as_of"], told["valid_until"]);
        assert!(
            ["days", "clinics"].iter().any(|field| next[field] != told[field])
                || told["valid_until"].as_str().unwrap().contains("T00:00"),
            "nothing changes at {end}"
        );
        ends.push(end.to_string());
    }
    assert!(ends.contains(&"2026-03-03T13:37:00Z".to_owned()), "{ends:?}");
}

#[tokio::test]
async fn questions_that_are_the_same_on_many_days_come_once_and_name_each() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let versions = "/v1/clinic/protocols/small/versions";
    clinic.owner.post(versions, json!({ "document": small_protocol("small") })).await.must(201);
    clinic.owner.post_nothing(&format!("{versions}/1/activate")).await.must(200);
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "small", face_treatment("2026-03-02")).await;
    let told = timeline(&ada.person, "").await;
    let (always, forms): (Vec<Value>, Vec<Value>) = list(&told, "forms")
        .iter()
        .map(|form| json!([form["key"], form["days"]]))
        .partition(|form| form[0] == "danger-signs");
    let days: Vec<i64> =
        always.iter().flat_map(|form| form[1].as_array().unwrap()).map(|day| day.as_i64().unwrap()).collect();
    assert_eq!(days, (0..14).collect::<Vec<i64>>(), "danger signs can be said on every day");
    // Without the signs, the form may be answered once more on the three days after a check-in.
    let forms_wanted = [
        json!(["daily", [0]]),
        json!(["daily", [1, 2, 3, 4, 5]]),
        json!(["daily", [6]]),
        json!(["daily", [7, 10]]),
        json!(["daily", [8, 9, 11, 12, 13]]),
    ];
    assert_eq!(forms, forms_wanted);
}

#[tokio::test]
async fn days_that_are_asked_for_come_in_the_language_that_is_asked_for() {
    let app = TestApp::start().await;
    let (clinic, ada) = two_plans(&app, "Europe/London").await;
    let some = timeline(&ada.person, "?from=2026-02-25&days=5").await;
    let dates: Vec<&Value> = list(&some, "days").iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01"]);
    assert_eq!(list(&some["days"][0], "items").len(), 0, "before any treatment");
    let token = ada.person.token().await;
    let spanish = app.ask("GET", "/v1/me/timeline?days=1").bearer(&token).header("accept-language", "es").send().await;
    let english = app.ask("GET", "/v1/me/timeline?days=1").bearer(&token).header("accept-language", "en").send().await;
    assert!(spanish.text().contains("Microagujas en la cara") && english.text().contains("Face micro-needling"));
    for (query, name, code) in [
        ("?days=0", "days", "out_of_range"),
        ("?days=32", "days", "out_of_range"),
        ("?days=two", "days", "out_of_range"),
        ("?from=2026-02-30", "from", "impossible_date"),
        ("?to=2026-03-30", "to", "unknown_field"),
    ] {
        ada.person.get(&format!("/v1/me/timeline{query}")).await.must_name(&format!("query/{name}"), code);
    }
    timeline(&ada.person, "?from=2100-12-31&days=31").await;
    let none = clinic.invited("Bea").await.1.get("/v1/me/timeline").await.must(200);
    assert!(list(&none, "days").iter().all(|day| day["plans"] == json!([]) && day["items"] == json!([])), "{none}");
    assert_eq!((list(&none, "days").len(), list(&none, "forms").len()), (14, 1));
    assert_eq!((&none["forms"][0]["key"], &none["forms"][0]["plan_id"]), (&json!("danger-signs"), &json!(null)));
    assert_eq!(none["clinics"][0]["emergency_number"], "999");
}
