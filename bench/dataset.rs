//! Invented patients by the hundred thousand: accounts, plans on days 0 to 89, about 15 marks and 8 check-ins each.

use aftercare::documents;
use std::path::Path;
use std::time::Instant;

use aftercare::app::App;
use aftercare::auth::{self, MemberState, Role, Staff};
use aftercare::clinics::{self, NewClinic, NewMember, TriageMode};
use aftercare::ctx::Ctx;
use aftercare::db::schema::{accounts, members, plans as plan_rows, sessions};
use aftercare::db::{self, migrate};
use aftercare::events::{self, Actor, Event, EventKind, EventSubject, Object};
use aftercare::mail::outbox::Post;
use aftercare::plan_upgrades::{self, store::OnVersion};
use aftercare::plans::{self, PlanFile};
use aftercare::secrets::Secrets;
use aftercare::{check_ins, patients, protocols, reactions, worker};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use engine::{Age, DayOfPlan, ItemKind, Parameters, PlanStatus, Procedure};
use ground::ids::{AccountId, CheckInId, ClinicId, MarkId, PatientId, PlanId};
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::{Clock, Entropy, Moment};
use serde_json::json;

const ZONES: [&str; 8] = [
    "Europe/London",
    "Europe/Madrid",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Africa/Lagos",
    "Australia/Sydney",
    "Asia/Kolkata",
];
const DAYS: usize = 90;
const CLINICS: usize = 20;

fn text<T: TryFrom<String, Error = String>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

/// Builds the data set, unless the file is there with as many patients.
pub fn build_once(path: &Path, patients: usize) {
    let url = format!("sqlite:{}", path.display());
    if path.exists() {
        let mut conn = db::connect(&url).unwrap();
        let there: i64 = plan_rows::table.count().get_result(&mut conn).unwrap_or(0);
        if usize::try_from(there).unwrap() == patients
            && migrate::state(&mut conn).is_ok_and(|state| state.check().is_ok())
        {
            return;
        }
        drop(conn);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            drop(std::fs::remove_file(name));
        }
    }
    println!("building {patients} patients in {} ...", path.display());
    let begun = Instant::now();
    let mut conn = db::create(&url).unwrap();
    migrate::run(&mut conn).unwrap();
    conn.batch_execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000").unwrap();
    let moment = Moment::new(Clock::System.now(), Entropy::System);
    let with = With { cache: documents::Compiled::new(), post: post() };
    let staff = conn.transaction(|c| with.act(c, Actor::Operator, &moment, found_clinics)).unwrap();
    let mut counts = (0, 0);
    for chunk in 0..patients.div_ceil(2_000) {
        conn.transaction::<_, aftercare::error::Error, _>(|c| {
            for index in chunk * 2_000..((chunk + 1) * 2_000).min(patients) {
                let made = live(c, &with, &staff, index, &moment)?;
                counts = (counts.0 + made.0, counts.1 + made.1);
            }
            Ok(())
        })
        .unwrap();
        if chunk % 5 == 4 {
            println!("  {} patients, {:.0} s", (chunk + 1) * 2_000, begun.elapsed().as_secs_f64());
        }
    }
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    println!(
        "built: {patients} patients, {} marks, {} check-ins, {:.0} s",
        counts.0,
        counts.1,
        begun.elapsed().as_secs_f64()
    );
}

fn found_clinics(ctx: &mut Ctx<'_>) -> Result<Vec<Staff>, aftercare::error::Error> {
    (0..CLINICS)
        .map(|index| {
            let new = NewClinic {
                name: text("Bench Clinic"),
                zone: text("Europe/London"),
                locale: text("en"),
                phone: text("+44 20 7946 0000"),
                emergency_number: text("999"),
                out_of_hours: text("NHS 111"),
                reply_hours: text("Mon-Fri 9:00-17:00"),
                monitored: true,
                triage: TriageMode::Full,
                demo: false,
                opening_hours: Vec::new(),
            };
            let clinic = clinics::create(ctx, new)?;
            let email = text(&format!("owner{index}@clinic.example"));
            let new = NewMember { name: text("Olive"), email, role: Role::Owner };
            let member = clinics::add_member(ctx, &clinic, new, MemberState::Confirmed)?;
            let staff = Staff { clinic: clinic.id, member: member.id, account: member.account_id, role: Role::Owner };
            for key in ["mn-face", "mn-scalp"] {
                let version = protocols::adopt(ctx, clinic.id, Some(member.id), key)?;
                protocols::activate(ctx, &staff, key, version.version, &documents::check(&version.document)?)?;
            }
            Ok(staff)
        })
        .collect()
}

/// What verbs need that are carried out without an app.
struct With {
    cache: documents::Compiled,
    post: Post,
}

impl With {
    fn act<T>(
        &self,
        c: &mut Conn,
        actor: Actor,
        m: &Moment,
        verb: impl FnOnce(&mut Ctx<'_>) -> Result<T, aftercare::error::Error>,
    ) -> Result<T, aftercare::error::Error> {
        Ok(reactions::act(Ctx::new(c, m, &self.cache, &self.post, actor), verb)?.0)
    }
}

/// Nobody gets mail.
fn post() -> Post {
    Post {
        domain: "bench.example".to_owned(),
        links_url: "https://bench.example".to_owned(),
        base_url: "https://bench.example".to_owned(),
        secrets: std::sync::Arc::new(Secrets::new(&"0123456789 abcdefghijklmnopqrstuvwxyz".to_owned().into())),
    }
}

/// One patient with a past: rows as the verbs would have written them.
fn live(
    c: &mut Conn,
    with: &With,
    staff: &[Staff],
    index: usize,
    now: &Moment,
) -> Result<(usize, usize), aftercare::error::Error> {
    let who = &staff[index % staff.len()];
    let days = i64::try_from(index % DAYS).unwrap();
    let m = Moment::new(now.at.plus_seconds(-days * 86_400 - 7_200), Entropy::System);
    let email = format!("p{index}@patients.example");
    let is_face = !index.is_multiple_of(3);
    let new = patients::NewPatient {
        name: text("Ada Invented"),
        email: text(&email),
        zone: Some(text(ZONES[index % ZONES.len()])),
        locale: Some(text("en")),
    };
    let (plan_file, account) = with.act(c, (*who).into(), &m, |ctx| {
        let account = auth::account_for(ctx, &email, "en", None)?;
        let patient = patients::add(ctx, who, new)?;
        patients::store::set_account(ctx.c, who.clinic, patient.id, account.id)?;
        Ok((treat(ctx, who, patient.id, is_face, skin_type(index))?, account))
    })?;
    let made = past(c, &plan_file, account.id, now)?;
    let next = engine::next_due(&plan_file.compiled, plan_file.enrolment(), &plan_file.zone, now.at);
    plans::store::set_planned(c, &plan_file.plan, now.at, next)?;
    Ok(made)
}

fn skin_type(index: usize) -> &'static str {
    ["I", "II", "III", "IV", "V", "VI"][index % 6]
}

/// A treatment at that moment, and its plan.
fn treat(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    patient: PatientId,
    is_face: bool,
    skin: &str,
) -> Result<PlanFile, aftercare::error::Error> {
    let new = patients::NewTreatment {
        procedure: Procedure::Microneedling,
        performed_on: ctx.m.at.timestamp().to_zoned(aftercare::zones::zone("Europe/London")?).date().into(),
        performed_at: None,
        body_area: text(if is_face { "face" } else { "scalp" }),
        parameters: Parameters(serde_json::from_value(json!({"needle_depth_mm": 1.0, "skin_type": skin}))?),
    };
    let treatment = patients::record_treatment(ctx, who, patient, new)?;
    let new = aftercare::enrolment::NewPlan {
        patient,
        treatment: treatment.id,
        protocol: text(if is_face { "mn-face" } else { "mn-scalp" }),
        overrule: None,
        send_to_clinician: false,
    };
    aftercare::enrolment::enrol(ctx, who, new)
}

fn past(
    c: &mut Conn,
    plan_file: &PlanFile,
    account: AccountId,
    now: &Moment,
) -> Result<(usize, usize), aftercare::error::Error> {
    let today = plan_file.day_number(now.at);
    let (mut marks, mut check_ins) = (0, 0);
    for number in 0..=today.min(28) {
        let day = engine::day(
            &plan_file.compiled,
            plan_file.enrolment(),
            &engine::Facts::default(),
            &plan_file.zone,
            now.at,
            number,
        );
        for occurrence in day.occurrences.iter().filter(|occurrence| occurrence.closes_at < now.at) {
            let item = today::item(plan_file, occurrence.item);
            let at = Moment::new(occurrence.opens_at.plus_seconds(3_600), Entropy::System);
            match item.kind {
                ItemKind::CheckIn => {
                    insert_check_in(c, plan_file, occurrence, &at)?;
                    check_ins += 1;
                }
                ItemKind::Task | ItemKind::Photo if marks < 22 => {
                    plans::store::insert_mark(
                        c,
                        &plans::store::NewMark {
                            clinic_id: plan_file.plan.clinic_id,
                            plan_id: plan_file.plan.id,
                            day: number,
                            id: at.id::<MarkId>(),
                            occurrence_id: occurrence.id,
                            item_key: item.key.clone(),
                            slot_key: plan_file.compiled.slots[occurrence.slot].key.clone(),
                            state: "done".to_owned(),
                            reason: None,
                            noted_at: at.at,
                            received_at: at.at,
                            made_by: account,
                            counted_from: None,
                            claimed_at: None,
                        },
                    )?;
                    marks += 1;
                }
                _ => {}
            }
        }
    }
    Ok((marks, check_ins))
}

mod today {
    pub fn item(plan_file: &aftercare::plans::PlanFile, index: usize) -> &engine::Item {
        &plan_file.compiled.items[index]
    }
}

fn answers(plan_file: &PlanFile, day: i32) -> serde_json::Value {
    let mut answers = serde_json::Map::new();
    answers.insert("signs".to_owned(), json!([]));
    for symptom in plan_file.compiled.curves.keys().filter(|symptom| plan_file.compiled.question(symptom).is_some()) {
        answers.insert(
            symptom.clone(),
            json!(plan_file.compiled.expected(symptom, DayOfPlan(day), Age(day)).unwrap_or_default()),
        );
    }
    answers.insert("worry".to_owned(), json!("none"));
    answers.insert("wants_call".to_owned(), json!(false));
    serde_json::Value::Object(answers)
}

fn insert_check_in(
    c: &mut Conn,
    plan_file: &PlanFile,
    occurrence: &engine::Occurrence,
    m: &Moment,
) -> Result<(), aftercare::error::Error> {
    check_ins::store::insert(
        c,
        &check_ins::CheckIn {
            clinic_id: plan_file.plan.clinic_id,
            plan_id: plan_file.plan.id,
            entry_id: m.id(),
            id: m.id::<CheckInId>(),
            patient_id: plan_file.patient.id,
            version_id: plan_file.plan.version_id,
            occurrence_id: Some(occurrence.id),
            day: occurrence.day,
            form: "daily".to_owned(),
            answers: Json::of(&answers(plan_file, occurrence.day)).unwrap(),
            body_hash: vec![0; 32],
            answered_at: m.at,
            received_at: m.at,
            zone: plan_file.patient.zone.clone(),
            back_filled: false,
            urgency: None,
            findings: Json::of(&json!([])).unwrap(),
            counted_from: None,
            sent: None,
            claimed_at: None,
            not_used: None,
            not_judged: None,
        },
    )?;
    Ok(())
}

/// Some accounts of patients, spread over the whole set.
pub fn accounts(path: &Path, most: usize) -> Vec<AccountId> {
    let mut conn = db::connect(&format!("sqlite:{}", path.display())).unwrap();
    let all: Vec<AccountId> = accounts::table
        .filter(accounts::email.like("p%@patients.example"))
        .order(accounts::email)
        .select(accounts::id)
        .load(&mut conn)
        .unwrap();
    // Patients were treated on one of 90 days in turn: a step that shares a factor with it would meet few of these.
    let mut step = (all.len() / most).max(1);
    while [2, 3, 5].iter().any(|factor| step.is_multiple_of(*factor)) {
        step -= 1;
    }
    all.into_iter().step_by(step).take(most).collect()
}

fn data_path(app: &App) -> std::path::PathBuf {
    app.config.database_url.strip_prefix("sqlite:").unwrap().into()
}

/// A session and an access token for each of some accounts.
pub fn tokens(app: &App, most: usize) -> Vec<String> {
    let accounts = accounts(&data_path(app), most);
    actix_web::rt::System::new().block_on(async {
        app.make_first_key().await.unwrap();
        let sessions: Vec<auth::store::Session> = app
            .act(Actor::Operator, move |ctx| {
                diesel::delete(sessions::table).execute(ctx.c)?;
                let sign_in = |account| {
                    let account = auth::store::find_account(ctx.c, account)?.unwrap();
                    Ok(auth::sign_in(ctx, &account, None)?.session)
                };
                accounts.into_iter().map(sign_in).collect()
            })
            .await
            .unwrap();
        let mut tokens = Vec::new();
        for session in &sessions {
            tokens.push(app.tokens.issue(&app.moment(), session, 0).await.unwrap());
        }
        tokens
    })
}

/// One Today of each of many patients, and check-ins of theirs that nobody has sent yet.
pub fn check_in_requests(app: &App, count: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let tokens = tokens(app, 10_000);
    let accounts = accounts(&data_path(app), 10_000);
    let mut conn = db::connect(&app.config.database_url).unwrap();
    let plan_files: Vec<PlanFile> = accounts
        .iter()
        .map(|account| {
            let rows = plans::store::list_shown_of_account(&mut conn, *account).unwrap().remove(0);
            PlanFile::new(&mut conn, &app.compiled, rows).unwrap()
        })
        .collect();
    let m = app.moment();
    let warm = tokens.iter().map(|token| super::load::get("/v1/me/today", Some(token))).collect();
    let check_in = |index: usize| {
        let (token, plan_file) = (&tokens[index % tokens.len()], &plan_files[index % plan_files.len()]);
        let body = json!({"plan_id": plan_file.plan.id, "answers": answers(plan_file, plan_file.day_number(m.at))});
        super::load::put(&format!("/v1/me/check-ins/{}", m.id::<CheckInId>()), token, &body.to_string())
    };
    (warm, (0..count).map(check_in).collect())
}

/// Inserts a second, one row a transaction, durable, on one thread: the floor of SQL itself.
pub fn insert_floor(path: &Path) -> f64 {
    let mut conn = db::connect(&format!("sqlite:{}", path.display())).unwrap();
    let cache = documents::Compiled::new();
    let account = accounts(path, 1)[0];
    let rows = plans::store::list_shown_of_account(&mut conn, account).unwrap().remove(0);
    let plan_file = PlanFile::new(&mut conn, &cache, rows).unwrap();
    let m = Moment::new(Clock::System.now(), Entropy::System);
    let day =
        engine::today(&plan_file.compiled, plan_file.enrolment(), &engine::Facts::default(), &plan_file.zone, m.at);
    let occurrence = day.occurrences.first().expect("a day has a line").clone();
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed().as_secs() < 3 {
        conn.transaction::<_, aftercare::error::Error, _>(|c| insert_check_in(c, &plan_file, &occurrence, &m)).unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// Microseconds of a check-in from the verb to its rows, judged and with its event, and of the event alone with its place; in groups as the
/// writer makes them, without HTTP and without waiting for the disk.
pub fn events_cost(app: &App, count: usize) -> (f64, f64) {
    const GROUP: usize = 50;
    let mut conn = db::connect(&app.config.database_url).unwrap();
    conn.batch_execute("PRAGMA synchronous=OFF").unwrap();
    let accounts = accounts(&data_path(app), 2_000);
    let m = app.moment();
    let sent: Vec<(AccountId, ClinicId, check_ins::NewCheckIn)> = (0..count)
        .map(|index| {
            let account = accounts[index % accounts.len()];
            let rows = plans::store::list_shown_of_account(&mut conn, account).unwrap().remove(0);
            let plan_file = PlanFile::new(&mut conn, &app.compiled, rows).unwrap();
            let answers = answers(&plan_file, plan_file.day_number(m.at));
            let new = check_ins::NewCheckIn::now(plan_file.plan.id, None, answers.as_object().cloned().unwrap());
            (account, plan_file.plan.clinic_id, new)
        })
        .collect();
    let per_one = |begun: Instant| begun.elapsed().as_secs_f64() * 1e6 / count as f64;
    let begun = Instant::now();
    for group in sent.chunks(GROUP) {
        let record = |c: &mut Conn| {
            for (account, _, new) in group {
                let who = auth::Patient { account: *account };
                let record = |ctx: &mut Ctx<'_>| check_ins::record(ctx, &who, m.id(), new, None);
                app.act_in(c, who.into(), &m, record)?;
            }
            Ok(())
        };
        conn.transaction::<(), aftercare::error::Error, _>(record).unwrap();
    }
    let whole = per_one(begun);
    while conn.transaction(events::seal::seal).unwrap() > 0 {}
    let begun = Instant::now();
    for group in sent.chunks(GROUP) {
        let write = |c: &mut Conn| {
            for (account, clinic, new) in group {
                let check_ins::About::Plan(plan) = new.about else { continue };
                let subject = EventSubject::in_clinic(*clinic, Object::CheckIn(m.id())).of_plan(plan);
                let event =
                    Event { kind: EventKind::CheckInRecorded, subject: subject.of_patient(PatientId(account.0)) };
                events::store::insert(c, Actor::Account(*account), &event, None, m.at)?;
            }
            Ok(())
        };
        conn.transaction::<(), aftercare::error::Error, _>(write).unwrap();
    }
    while conn.transaction(events::seal::seal).unwrap() > 0 {}
    (whole, per_one(begun))
}

/// Makes so many plans due now and lets the planner work; microseconds a due plan, and how many plans there are.
pub fn planner_cost(app: &App, due: usize) -> (f64, i64) {
    let mut conn = db::connect(&app.config.database_url).unwrap();
    let all: i64 =
        plan_rows::table.filter(plan_rows::status.eq(PlanStatus::Active)).count().get_result(&mut conn).unwrap();
    let at = app.clock.now();
    diesel::update(plan_rows::table)
        .set(plan_rows::next_due_at.eq(at.plus_seconds(86_400)))
        .execute(&mut conn)
        .unwrap();
    let mut best = f64::MAX;
    for _ in 0..3 {
        let ids: Vec<PlanId> = plan_rows::table
            .order(plan_rows::id.desc())
            .limit(i64::try_from(due).unwrap())
            .select(plan_rows::id)
            .load(&mut conn)
            .unwrap();
        diesel::update(plan_rows::table.filter(plan_rows::id.eq_any(ids)))
            .set(plan_rows::next_due_at.eq(at))
            .execute(&mut conn)
            .unwrap();
        let begun = Instant::now();
        let looked = actix_web::rt::System::new().block_on(worker::planner::plan_due(app)).unwrap();
        assert_eq!(looked, due);
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / due as f64);
    }
    (best, all)
}

/// Four more plans for each of some accounts, a few days apart, with the past that they would have.
pub fn add_plans(app: &App, accounts: &[AccountId]) {
    let mut conn = db::connect(&app.config.database_url).unwrap();
    conn.batch_execute("PRAGMA synchronous=OFF").unwrap();
    let now = app.moment();
    conn.transaction::<_, aftercare::error::Error, _>(|c| {
        for (index, account) in accounts.iter().enumerate() {
            let (plan, patient, clinic) = plans::store::list_shown_of_account(c, *account)?.remove(0);
            let email: String = members::table
                .inner_join(accounts::table.on(accounts::id.eq(members::account_id)))
                .filter(members::clinic_id.eq(clinic.id))
                .select(accounts::email)
                .first(c)?;
            let who = auth::staff_of(c, clinic.id, &text(&email))?.unwrap();
            let begun = now.at.seconds_since(plan.enrolled_at) / 86_400;
            for more in 1..5_i64 {
                let days = (begun + 3 * more) % i64::try_from(DAYS).unwrap();
                let m = Moment::new(now.at.plus_seconds(-days * 86_400 - 7_200), Entropy::System);
                let is_face = more % 2 == 0;
                let treat = |ctx: &mut Ctx<'_>| treat(ctx, &who, patient.id, is_face, skin_type(index));
                let (plan_file, _) = app.act_in(c, who.into(), &m, treat)?;
                past(c, &plan_file, *account, &now)?;
            }
        }
        Ok(())
    })
    .unwrap();
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap(); // or the new rows alone would be read from the log
}

/// What moving running plans took.
pub struct Moved {
    /// Plans that were looked at, and went over, and came back.
    pub plans: usize,
    /// Seconds of the preview, of the move, and of the way back.
    pub seconds: (f64, f64, f64),
}

/// Moves at least so many running plans of the face to a second version, clinic by clinic, and back again.
pub fn move_plans(app: &App, at_least: usize) -> Moved {
    fn act_in<T>(
        app: &App,
        c: &mut Conn,
        who: &Staff,
        m: &Moment,
        verb: impl FnOnce(&mut Ctx<'_>) -> Result<T, aftercare::error::Error>,
    ) -> T {
        app.act_in(c, (*who).into(), m, verb).unwrap().0
    }
    let mut conn = db::connect(&app.config.database_url).unwrap();
    let m = app.moment();
    let clinics: Vec<ClinicId> = clinics::store::list(&mut conn).unwrap().into_iter().map(|clinic| clinic.id).collect();
    let mut moved = Moved { plans: 0, seconds: (0.0, 0.0, 0.0) };
    for clinic in clinics {
        if moved.plans >= at_least {
            break;
        }
        let email: String = members::table
            .inner_join(accounts::table.on(accounts::id.eq(members::account_id)))
            .filter(members::clinic_id.eq(clinic))
            .select(accounts::email)
            .first(&mut conn)
            .unwrap();
        let who = auth::staff_of(&mut conn, clinic, &text(&email)).unwrap().unwrap();
        let first = protocols::version(&mut conn, clinic, "mn-face", 1).unwrap();
        let later = first.document.replacen("days = [\"0-2\"]", "days = [\"0-3\"]", 1);
        assert_ne!(later, first.document);
        let second = act_in(app, &mut conn, &who, &m, |ctx| {
            protocols::write(ctx, &who, &documents::read_as("mn-face", later.clone())?)
        });
        let checked = documents::check(&later).unwrap();
        act_in(app, &mut conn, &who, &m, |ctx| protocols::activate(ctx, &who, "mn-face", second.version, &checked));
        let wish = plan_upgrades::NewMigration { from_version: 1, to_version: 2, plan_ids: None };
        let previewed = Instant::now();
        let (mut found, mut after) = (plan_upgrades::Previewing::default(), None);
        loop {
            let rows = plan_upgrades::store::list_on(
                &mut conn,
                OnVersion { clinic, version: first.id, after, only: None },
                500,
            )
            .unwrap();
            let plan_files: Vec<PlanFile> =
                rows.into_iter().map(|rows| PlanFile::new(&mut conn, &app.compiled, rows).unwrap()).collect();
            let Some(last) = plan_files.last().map(|plan_file| plan_file.plan.id) else { break };
            found.add(&mut conn, &app.compiled, &plan_files, second.id, m.at).unwrap();
            after = Some(last);
        }
        let preview = found.done();
        assert_eq!((preview.total, preview.conflicts), (preview.would_move, 0));
        moved.seconds.0 += previewed.elapsed().as_secs_f64();
        let work = || {
            let begun = Instant::now();
            let looked = actix_web::rt::System::new().block_on(worker::upgrades::go_on(app)).unwrap();
            assert_eq!(looked, preview.total);
            begun.elapsed().as_secs_f64()
        };
        let begun = act_in(app, &mut conn, &who, &m, |ctx| plan_upgrades::begin(ctx, &who, "mn-face", &wish));
        moved.seconds.1 += work();
        act_in(app, &mut conn, &who, &m, |ctx| plan_upgrades::roll_back(ctx, &who, begun.id));
        moved.seconds.2 += work();
        moved.plans += preview.total;
    }
    moved
}
