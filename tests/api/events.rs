//! What happened is kept: whole, in order, by whom; and nobody changes it unseen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aftercare::error::Error;
use aftercare::events::{Actor, Event, EventKind, EventSubject, Object, seal, store};
use diesel::Connection as _;
use ground::ids::{ClinicId, PatientId};
use ground::sql::Conn;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Person};
use crate::support::{Shared, TestApp, at, token_in};

const EVENTS: &str = "/v1/clinic/events";

async fn start() -> (Shared, Clinic) {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    (app, clinic)
}

/// The kinds behind a number, and the number to go on from.
async fn read(who: &Person, query: &str) -> (Vec<String>, i64) {
    let page = who.get(&format!("{EVENTS}?limit=100&{query}")).await.must(200);
    let kinds = page["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned());
    (kinds.collect(), page["next_after"].as_i64().unwrap())
}

#[tokio::test]
async fn a_clinic_reads_what_happened_in_order_and_goes_on_where_it_stopped() {
    let (app, clinic) = start().await;
    app.work().await;
    let (_, begun) = read(&clinic.owner, "").await;
    let ada = clinic.enrol("Ada").await;
    app.work().await;
    let (kinds, next) = read(&clinic.owner, &format!("after={begun}")).await;
    assert_eq!(kinds, ["patient.added", "treatment.recorded", "plan.enrolled", "patient.invited", "patient.accepted"]);
    assert_eq!(read(&clinic.owner, &format!("after={next}")).await, (Vec::new(), next));

    let plan = clinic.owner.get(&format!("{EVENTS}?kind=plan.enrolled")).await.must(200)["items"][0].clone();
    assert_eq!(plan["actor"]["kind"], "staff");
    assert_eq!(plan["actor"]["account_id"], json!(clinic.coordinator.account));
    assert_eq!(plan["patient_id"], json!(ada.patient_id));
    assert_eq!(plan["plan_id"], plan["object"]["id"]);
    assert_eq!(plan["object"]["kind"], "plan");
    assert_eq!(plan["at"], "2026-03-02T10:00:00Z");

    // Numbers have no gaps, whatever else is done in the process.
    let page = clinic.clinician.get(&format!("{EVENTS}?limit=100")).await.must(200);
    let numbers: Vec<i64> =
        page["items"].as_array().unwrap().iter().map(|event| event["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());

    let (of_plans, all) = read(&clinic.owner, "kind=plan.*").await;
    assert_eq!((of_plans, all), (vec!["plan.enrolled".to_owned()], next), "what does not fit is passed over for good");
    assert_eq!(read(&clinic.owner, "after=1000000").await, (Vec::new(), 1_000_000));
    assert_eq!(read(&clinic.owner, "since=2026-03-02T10:00:01Z").await.0, Vec::<String>::new());
    assert_eq!(read(&clinic.owner, "until=2026-03-02T10:00:00Z").await.0, Vec::<String>::new());
    clinic.coordinator.get(EVENTS).await.must_be_problem(403, "not_allowed");
    for (query, code) in [
        ("after=-1", "out_of_range"),
        ("after=x", "out_of_range"),
        ("kind=plan", "invalid_value"),
        ("kind=Plan.*", "invalid_value"),
        ("kind=%25.read", "invalid_value"),
        ("since=yesterday", "invalid_value"),
        ("patient_id=1", "invalid_value"),
        ("who=me", "unknown_field"),
    ] {
        let reply = clinic.owner.get(&format!("{EVENTS}?{query}")).await;
        assert_eq!((reply.status, reply.json()["errors"][0]["code"].as_str()), (422, Some(code)), "{query}");
    }
}

#[tokio::test]
async fn who_saw_a_patient_is_one_question() {
    let (app, clinic) = start().await;
    let (ada, bea) = (clinic.enrol("Ada").await, clinic.enrol("Bea").await);
    app.work().await;
    let saw = async |patient: &str| {
        app.work().await;
        let page = clinic.owner.get(&format!("{EVENTS}?patient_id={patient}&kind=*.read&limit=100")).await.must(200);
        let of = |event: &Value| {
            (event["actor"]["member_id"].as_str().unwrap().to_owned(), event["kind"].as_str().unwrap().to_owned())
        };
        page["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(saw(&ada.patient_id).await, []);
    let (clinician, coordinator) = (clinic.members[1].to_string(), clinic.members[2].to_string());
    clinic.clinician.get(&format!("/v1/clinic/patients/{}", ada.patient_id)).await.must(200);
    clinic.clinician.get(&format!("/v1/clinic/patients/{}/treatments", ada.patient_id)).await.must(200);
    clinic.coordinator.get(&format!("/v1/clinic/plans/{}/today", ada.plan_id)).await.must(200);
    let mut wanted =
        vec![(clinician.clone(), "patient.read".to_owned()), (coordinator.clone(), "plan.read".to_owned())];
    assert_eq!(saw(&ada.patient_id).await, wanted, "twice within ten minutes is once");
    assert_eq!(saw(&bea.patient_id).await, []);
    // A list shows each of its people; what was refused, or is nobody's, shows nothing.
    clinic.coordinator.get("/v1/clinic/patients").await.must(200);
    clinic.coordinator.get("/v1/clinic/patients/0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11").await.must(404);
    wanted.push((coordinator.clone(), "patient.read".to_owned()));
    assert_eq!(saw(&ada.patient_id).await, wanted);
    assert_eq!(saw(&bea.patient_id).await, [(coordinator.clone(), "patient.read".to_owned())]);
    // What would become of a plan is a look at it too.
    let pause = json!({ "days": "shift", "reason": "A journey." });
    let path = format!("/v1/clinic/plans/{}/pause?dry_run=true", bea.plan_id);
    clinic.clinician.send_if("POST", &path, "\"v1\"", pause).await.must(200);
    assert_eq!(saw(&bea.patient_id).await.last(), Some(&(clinician, "plan.read".to_owned())));
    // The patient's own looks are not the clinic's.
    ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(saw(&ada.patient_id).await, wanted);
}

fn patient_added(number: u128, chain: ClinicId) -> Event {
    let subject = EventSubject::in_clinic(chain, Object::Patient(PatientId(uuid::Uuid::from_u128(number))));
    Event { kind: EventKind::PatientAdded, subject }
}

/// Writers that pause and abort; two processes that seal; a reader with a cursor.
#[test]
fn a_reader_with_a_cursor_sees_every_event_once_and_in_order() {
    const WRITERS: u64 = 8;
    const TRANSACTIONS: u64 = 40;
    let database = Database::create();
    let chain = ClinicId(uuid::Uuid::from_u128(1));
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = |writer: u64| {
        let mut c = database.connect();
        std::thread::spawn(move || {
            let (mut dice, mut kept) = (fastrand(writer), Vec::new());
            for transaction in 0..TRANSACTIONS {
                let numbers: Vec<u128> =
                    (0..=dice(3)).map(|of| u128::from(writer * 1_000_000 + transaction * 1_000 + of)).collect();
                let aborts = dice(4) == 0;
                let done = loop {
                    let done = c.transaction::<(), Error, _>(|c| {
                        for number in &numbers {
                            store::insert(
                                c,
                                Actor::Server,
                                &patient_added(*number, chain),
                                None,
                                at("2026-03-02T10:00:00Z"),
                            )?;
                            std::thread::sleep(Duration::from_millis(dice(3)));
                        }
                        if aborts { Err(Error::Busy) } else { Ok(()) }
                    });
                    // Two writers of one file: this test has no writer's thread between them.
                    match done {
                        Err(why) if why.to_string().contains("locked") => std::thread::sleep(Duration::from_millis(1)),
                        done => break done,
                    }
                };
                assert_eq!(done.is_err(), aborts, "{done:?}");
                if !aborts {
                    kept.extend(numbers);
                }
            }
            kept
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    let sealer = |_| {
        let (mut c, is_over) = (database.connect(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            loop {
                let was_over = is_over.load(Ordering::SeqCst);
                let sealed = c.transaction::<usize, Error, _>(seal::seal);
                if was_over && matches!(sealed, Ok(0)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let sealers: Vec<_> = (0..2).map(sealer).collect();
    let reader = {
        let (mut c, is_over) = (database.connect(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let (mut seen, mut after): (Vec<u128>, i64) = (Vec::new(), 0);
            loop {
                let is_all = is_over.load(Ordering::SeqCst) && store::list_unsealed(&mut c, 1).unwrap().is_empty();
                let events = store::list_sealed(&mut c, chain, after, 7).unwrap();
                for event in &events {
                    assert_eq!(event.number, Some(after + 1), "no gap, no event twice");
                    after += 1;
                    seen.push(event.patient_id.unwrap().0.as_u128());
                }
                if is_all && events.is_empty() {
                    return seen;
                }
            }
        })
    };
    let kept: Vec<Vec<u128>> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    is_over.store(true, Ordering::SeqCst);
    let seen = reader.join().unwrap();
    sealers.into_iter().for_each(|sealer| sealer.join().unwrap());
    for of_one in &kept {
        let order: Vec<u128> = seen.iter().copied().filter(|number| of_one.contains(number)).collect();
        assert_eq!(&order, of_one, "what one writer did comes in its order");
    }
    let all: BTreeSet<u128> = kept.into_iter().flatten().collect();
    assert_eq!(seen.len(), all.len(), "each once");
    assert!(seen.iter().all(|number| all.contains(number)), "nothing that was taken back");
    let whole = seal::verify(&mut database.connect(), chain, None, &mut |_| ()).unwrap();
    assert_eq!(whole.map(|whole| whole.events), Ok(i64::try_from(seen.len()).unwrap()));
}

/// Numbers below a bound, the same for the same seed.
fn fastrand(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

fn sealed(database: &Database, chain: ClinicId, events: u128) {
    let mut c = database.connect();
    for number in 1..=events {
        store::insert(
            &mut c,
            Actor::Operator,
            &patient_added(number, chain),
            Some("Asked for."),
            at("2026-03-02T10:00:00Z"),
        )
        .unwrap();
    }
    while c.transaction::<usize, Error, _>(seal::seal).unwrap() > 0 {}
}

fn first_broken(c: &mut Conn, chain: ClinicId) -> Option<i64> {
    seal::verify(c, chain, None, &mut |_| ()).unwrap().err().map(|broken| broken.number)
}

#[test]
fn a_chain_that_grows_while_it_is_verified_is_whole() {
    let chain = ClinicId(uuid::Uuid::from_u128(1));
    let database = Database::create();
    sealed(&database, chain, 700);
    let mut turns = 0;
    let mut grow = |_| {
        turns += 1;
        if turns <= 2 {
            sealed(&database, chain, 300);
        }
    };
    let whole = seal::verify(&mut database.connect(), chain, None, &mut grow).unwrap().unwrap();
    assert!(turns > 2 && whole.events >= 1_000, "{turns} {whole:?}");
    let mut c = database.connect();
    let copy = "INSERT INTO events (seq, chain, number, hash, at, kind, actor_kind) SELECT seq + 1000000, chain, number + 1, hash, at, kind, actor_kind FROM events WHERE number = 1300";
    run(&mut c, copy);
    assert!(first_broken(&mut c, chain).is_some(), "what was written behind the end by nobody who seals");
}

#[test]
fn whatever_is_changed_of_an_event_is_named() {
    let chain = ClinicId(uuid::Uuid::from_u128(1));
    let other = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
    let database = Database::create();
    sealed(&database, chain, 20);
    let mut c = database.connect();
    assert_eq!(first_broken(&mut c, chain), None);
    let id = database.id(other);
    let instant = if database.is_sqlite() { "at + 1".to_owned() } else { "at + interval '1 microsecond'".to_owned() };
    let bytes = if database.is_sqlite() { "x'00'" } else { "'\\x00'::bytea" };
    let changes = [
        ("at", instant.as_str()),
        ("kind", "'plan.enrolled'"),
        ("actor_kind", "'server'"),
        ("account_id", &id),
        ("member_id", &id),
        ("patient_id", &id),
        ("plan_id", &id),
        ("object_kind", "'plan'"),
        ("object_kind", "NULL"),
        ("object_id", &id),
        ("reason", "'asked for.'"),
        ("reason", "NULL"),
        ("reason", "''"),
        ("hash", bytes),
    ];
    let columns: BTreeSet<&str> = changes.iter().map(|(column, _)| *column).collect();
    let placing = ["seq", "chain", "number"];
    for column in database.columns("events") {
        assert!(columns.contains(column.as_str()) || placing.contains(&column.as_str()), "{column} is in no hash");
    }
    for (column, value) in changes {
        let found = c.transaction::<Option<i64>, Error, _>(|c| {
            run(c, &format!("UPDATE events SET {column} = {value} WHERE number = 13"));
            let found = first_broken(c, chain);
            run(c, "SELECT 1");
            Err(Error::Setting(format!("{found:?}")))
        });
        assert_eq!(found.unwrap_err().to_string(), "Some(13)", "{column} = {value}");
    }
    // Taken out in the middle, at the end, put in, put elsewhere.
    for (change, number) in [
        ("DELETE FROM events WHERE number = 7", 7),
        ("DELETE FROM events WHERE number = 20", 20),
        ("DELETE FROM events WHERE number > 10", 11),
        ("UPDATE events SET number = 21 WHERE number = 3", 3),
    ] {
        let found = c.transaction::<(), Error, _>(|c| {
            run(c, change);
            Err(Error::Setting(format!("{:?}", first_broken(c, chain))))
        });
        assert_eq!(found.unwrap_err().to_string(), format!("Some({number})"), "{change}");
    }
    assert_eq!(first_broken(&mut c, chain), None);
    // Whoever may write all tables can make a whole new chain: the hash that was noted elsewhere tells.
    let whole = seal::verify(&mut c, chain, None, &mut |_| ()).unwrap().unwrap();
    let noted = ground::encoding::hex(&whole.hash);
    run(&mut c, "DELETE FROM events");
    run(&mut c, "DELETE FROM event_chains");
    sealed(&database, chain, 19);
    assert_eq!(first_broken(&mut c, chain), None);
    assert!(seal::verify(&mut c, chain, Some(&noted), &mut |_| ()).unwrap().is_err());
}

fn run(c: &mut Conn, sql: &str) {
    use diesel::connection::SimpleConnection as _;
    match c {
        Conn::Sqlite(c) => c.batch_execute(sql).unwrap(),
        Conn::Pg(c) => c.batch_execute(sql).unwrap(),
    }
}

/// What the release before writes into its own tables while it runs beside this one is kept too.
#[tokio::test]
async fn what_the_release_before_keeps_is_an_event() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let (of, member) =
        (app.database.id(&clinic.id.to_string()), app.database.id(&clinic.coordinator.account.to_string()));
    let (id, patient) = (app.database.id("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"), app.database.id(&ada.patient_id));
    let now = if app.database.is_sqlite() { "1772445600000000" } else { "'2026-03-02T10:00:00Z'" };
    app.database.run(&format!(
        "INSERT INTO audit_events (id, clinic_id, at, actor_id, action, object_kind, object_id, note) \
         VALUES ({id}, {of}, {now}, {member}, 'account_unlinked', 'patient', {patient}, 'The wrong person.')"
    ));
    app.work().await;
    let page = clinic.owner.get(&format!("{EVENTS}?kind=patient.unlinked")).await.must(200);
    let event = &page["items"][0];
    assert_eq!((&event["patient_id"], &event["reason"]), (&json!(ada.patient_id), &json!("The wrong person.")));
    assert_eq!(event["actor"]["member_id"], json!(clinic.members[2]));
}

/// Operations that the examples of the demo's reference cannot show changing something; the first three only look.
pub const KEPT_ELSEWHERE: [&str; 16] = [
    "check_protocol_document",
    "preview_protocol_version",
    "simulate_protocol_version",
    "accept_invitation",
    "add_course_treatment",
    "adopt_protocol",
    "confirm_address_change",
    "confirm_password_reset",
    "end_session",
    "erase_clinic_text",
    "exchange_sign_in_link",
    "migrate_plans",
    "refresh_session",
    "roll_back_plan_migration",
    "unmark_occurrence",
    "write_protocol_version",
];

/// Carries operations out and looks for the event of each.
struct Keeping {
    app: Shared,
    seen: BTreeSet<&'static str>,
}

impl Keeping {
    fn kinds(&self) -> Vec<String> {
        self.app.database.lines("SELECT kind AS value FROM events WHERE kind NOT LIKE '%.read' ORDER BY seq")
    }

    async fn of(&mut self, operation: &'static str, kind: &str, asked: impl Future<Output = Reply>) -> Value {
        let before = self.kinds().len();
        let reply = asked.await;
        assert!(reply.status < 300, "{operation}: {} {}", reply.status, reply.text());
        let new = self.kinds().split_off(before);
        assert!(new.iter().any(|one| one == kind), "{operation}: {new:?} and no {kind}");
        self.seen.insert(operation);
        if reply.text().is_empty() { Value::Null } else { reply.json() }
    }
}

#[tokio::test]
async fn what_needs_something_first_is_kept_too() {
    const PASSWORD: &str = "a sentence that only I know";
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let post = async |path: &str, body: Value| app.ask("POST", path).json(&body).send().await;
    let mut kept = Keeping { app: Arc::clone(&app), seen: BTreeSet::new() };

    let cora = clinic.add_patient("Cora", "Europe/London").await;
    clinic
        .owner
        .post_nothing(&format!("/v1/clinic/patients/{}/invitation", cora["id"].as_str().unwrap()))
        .await
        .must(201);
    let token = json!({ "token": token_in(&app.the_mail().await) });
    kept.of("accept_invitation", "patient.accepted", post("/v1/auth/invitations/accept", token)).await;
    let address = json!({ "email": cora["email"] });
    post("/v1/auth/sign-in-links", address.clone()).await.must(202);
    let token = json!({ "token": token_in(&app.the_mail().await) });
    let signed_in =
        kept.of("exchange_sign_in_link", "session.started", post("/v1/auth/sign-in-links/exchange", token)).await;
    let token = json!({ "refresh_token": signed_in["refresh_token"] });
    let again = kept.of("refresh_session", "session.refreshed", post("/v1/auth/refresh", token)).await;
    let token = json!({ "refresh_token": again["refresh_token"] });
    kept.of("end_session", "session.ended", post("/v1/auth/logout", token)).await;
    post("/v1/auth/password-reset", address).await.must(202);
    let reset = json!({ "token": token_in(&app.the_mail().await), "password": PASSWORD });
    let confirm = "/v1/auth/password-reset/confirm";
    kept.of("confirm_password_reset", "account.password_changed", post(confirm, reset)).await;

    let ada = clinic.enrol("Ada").await;
    app.set_password(ada.person.account, PASSWORD).await;
    let ada_now = app.person(ada.person.account, None).await;
    let change = json!({ "email": "ada.new@patients.example", "password": PASSWORD });
    ada_now.post("/v1/me/email-change", change).await.must(202);
    let token = json!({ "token": token_in(&app.the_mail().await) });
    let confirm = "/v1/auth/email-change/confirm";
    kept.of("confirm_address_change", "account.address_changed", post(confirm, token)).await;
    app.ignore_mails();
    app.set_clock("2026-03-02T17:30:00Z");
    let today = ada_now.get("/v1/me/today").await.must(200);
    let mut tasks = today["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "task");
    let task = tasks.find(|item| item["state"] == "open").unwrap();
    let mark = format!("/v1/me/occurrences/{}/mark", task["occurrence_id"].as_str().unwrap());
    ada_now.put(&mark, json!({ "state": "done" })).await.must(200);
    kept.of("unmark_occurrence", "mark.withdrawn", ada_now.delete(&mark)).await;

    let (owner, clinician) = (&clinic.owner, &clinic.clinician);
    let library = json!({ "library_key": "mn-body" });
    kept.of("adopt_protocol", "protocol.written", owner.post("/v1/clinic/protocols", library)).await;
    let texts = owner.get("/v1/clinic/texts").await.must(200);
    let text = format!("/v1/clinic/texts/{}", texts["items"][0]["key"].as_str().unwrap());
    let tag = async || owner.get("/v1/clinic").await.header("etag").to_owned();
    let own = json!({ "texts": { "en": "Our own words.", "es": "Nuestras palabras.", "de": "Unsere Worte." } });
    clinician.send_if("PUT", &text, &tag().await, own).await.must(200);
    let (token, version) = (clinician.token().await, tag().await);
    let erase = app.ask("DELETE", &text).bearer(&token).header("if-match", &version).send();
    kept.of("erase_clinic_text", "clinic.text_changed", erase).await;

    let document = owner.get("/v1/clinic/protocols/mn-face/versions/1/document").await;
    let second = json!({ "document": format!("{}
# The second.
", document.text()) });
    let versions = "/v1/clinic/protocols/mn-face/versions";
    kept.of("write_protocol_version", "protocol.written", clinician.post(versions, second)).await;
    clinician.post_nothing(&format!("{versions}/2/activate")).await.must(200);
    let wish = json!({ "from_version": 1, "to_version": 2 });
    let moves = clinician.post("/v1/clinic/protocols/mn-face/migrations", wish);
    let begun = kept.of("migrate_plans", "plan_migration.begun", moves).await;
    app.work().await;
    assert!(kept.kinds().iter().any(|kind| kind == "plan.moved"));
    let back = format!("/v1/clinic/plan-migrations/{}/rollback", begun["id"].as_str().unwrap());
    kept.of("roll_back_plan_migration", "plan_migration.rolled_back", clinician.post_nothing(&back)).await;

    let course = json!({ "patient_id": ada.patient_id, "protocol_key": "mn-face", "body_area": "face" });
    let course = clinician.post("/v1/clinic/courses", course).await.must(201);
    let path = format!("/v1/clinic/courses/{}/treatments", course["id"].as_str().unwrap());
    let added = clinician.post(&path, json!({ "treatment_id": ada.treatment_id }));
    kept.of("add_course_treatment", "course.treatment_added", added).await;

    assert_eq!(kept.seen, KEPT_ELSEWHERE[3..].iter().copied().collect());
}

#[test]
fn a_filter_that_fits_nothing_looks_through_so_many_and_says_where_to_go_on() {
    let (database, chain) = (Database::sqlite(), ClinicId(uuid::Uuid::from_u128(1)));
    let mut c = database.connect();
    c.transaction::<(), Error, _>(|c| {
        for number in 1..=20_050 {
            store::insert(c, Actor::Server, &patient_added(number, chain), None, at("2026-03-02T10:00:00Z"))?;
        }
        while seal::seal(c)? > 0 {}
        Ok(())
    })
    .unwrap();
    let mut wanted = store::Wanted {
        chain,
        after: 0,
        limit: 25,
        patient: None,
        member: None,
        kind: Some("plan.*".to_owned().try_into().unwrap()),
        since: None,
        until: None,
    };
    for next in [20_000, 20_050, 20_050] {
        let (rows, after) = store::list(&mut c, &wanted).unwrap();
        assert_eq!((rows.len(), after), (0, next));
        wanted.after = after;
    }
}
