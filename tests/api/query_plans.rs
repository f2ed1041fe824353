//! Every query of the hot paths finds its rows by a key or an index, on an empty database without statistics: SQLite plans by the
//! schema alone, and a plan that walks over a clinic (or over all) is only seen when there are many patients.

use std::sync::{Arc, Mutex};

use aftercare::courses::Course;
use aftercare::db::{self, migrate};
use aftercare::error::Error;
use aftercare::{alerts, auth, check_ins, courses, events, mail, patients, plans, reminders};
use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use engine::Procedure;
use ground::ids::{
    AccountId, AlertId, CheckInId, ClinicId, CourseId, MailId, MemberId, OccurrenceId, PatientId, PlanId, SessionId,
    TreatmentId,
};
use ground::sql::Conn;
use ground::time::Stamp;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What SQLite would do for each statement of the work.
fn plan_of(name: &str, work: impl FnOnce(&mut Conn) -> Result<(), Error>) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("aftercare-plans-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut conn = db::create(&format!("sqlite:{}/db", folder.display())).unwrap();
    migrate::run(&mut conn).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let Conn::Sqlite(inner) = &mut conn else { panic!("not SQLite") };
    let sink = Arc::clone(&seen);
    inner.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            sink.lock().unwrap().push(query.to_string());
        }
    });
    work(&mut conn).unwrap();
    let statements: Vec<String> = seen.lock().unwrap().drain(..).collect();
    let mut steps = Vec::new();
    for statement in statements {
        let sql = statement.split(" -- binds").next().unwrap().to_owned();
        let Conn::Sqlite(inner) = &mut conn else { panic!("not SQLite") };
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(inner).unwrap();
        steps.extend(plan.into_iter().map(|step| step.detail));
    }
    std::fs::remove_dir_all(folder).unwrap();
    assert!(!steps.is_empty(), "{name}: no statement was seen");
    steps
}

/// The steps that walk over a table, or over a clinic.
fn walks(name: &str, work: impl FnOnce(&mut Conn) -> Result<(), Error>) -> Vec<String> {
    let is_walk = |step: &String| step.starts_with("SCAN ") || step.ends_with("(clinic_id=?)");
    plan_of(name, work).into_iter().filter(is_walk).map(|step| format!("{name}: {step}")).collect()
}

fn a_course(clinic_id: ClinicId, id: CourseId, created_at: Stamp) -> Course {
    Course {
        clinic_id,
        id,
        patient_id: PatientId(id.0),
        protocol_key: "mn-face".to_owned(),
        procedure: Procedure::Microneedling,
        body_area: "face".to_owned(),
        sessions: 3,
        min_interval_days: 42,
        interval_days: 42,
        done: 0,
        created_by: MemberId(id.0),
        created_at,
        version: 1,
    }
}

#[test]
fn hot_queries_find_their_rows_by_a_key_without_statistics() {
    let id = Uuid::nil();
    let at: Stamp = "2026-03-04T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
    let clinic = ClinicId(id);
    let mut found = Vec::new();
    found.extend(walks("today_plans", |c| plans::store::list_shown_of_account(c, AccountId(id)).map(drop)));
    found.extend(walks("ever_plans", |c| plans::store::list_ever_of_account(c, AccountId(id)).map(drop)));
    found.extend(walks("today_areas", |c| plans::store::list_areas_of_account(c, AccountId(id)).map(drop)));
    found.extend(walks("plan_of_account", |c| plans::store::find_of_account(c, AccountId(id), PlanId(id)).map(drop)));
    found.extend(walks("plan_of_clinic", |c| plans::store::find_of_clinic(c, clinic, PlanId(id)).map(drop)));
    found.extend(walks("marks", |c| plans::store::list_marks(c, clinic, PlanId(id), 0, 9).map(drop)));
    found.extend(walks("plan_check_ins", |c| plans::store::list_check_ins(c, clinic, PlanId(id), 0).map(drop)));
    found.extend(walks("wake", |c| plans::store::wake_all(c, clinic, PatientId(id), at)));
    found.extend(walks("due_plans", |c| plans::store::list_due(c, at, 20).map(drop)));
    let (course, treatment) = (CourseId(id), TreatmentId(id));
    found.extend(walks("link", |c| courses::store::find_link(c, clinic, treatment).map(drop)));
    found.extend(walks("replaced", |c| courses::store::is_replaced(c, clinic, treatment).map(drop)));
    found.extend(walks("links", |c| courses::store::list_links(c, clinic, PatientId(id)).map(drop)));
    found.extend(walks("course", |c| courses::store::find_whole(c, clinic, course).map(drop)));
    found.extend(walks("my_course", |c| courses::store::find_of_account(c, AccountId(id), course).map(drop)));
    found.extend(walks("sessions", |c| courses::store::list_done(c, clinic, course).map(drop)));
    let row = a_course(clinic, course, at);
    found.extend(walks("course_plans", |c| courses::store::list_plans(c, &row).map(drop)));
    let plans = [PlanId(id), PlanId(id)];
    found.extend(walks("course_alerts", |c| courses::store::list_open_alerts(c, clinic, &plans).map(drop)));
    found.extend(walks("check_in", |c| check_ins::store::find(c, clinic, CheckInId(id)).map(drop)));
    found
        .extend(walks("my_check_in", |c| check_ins::store::find_of_account(c, AccountId(id), CheckInId(id)).map(drop)));
    found.extend(walks("earlier", |c| check_ins::store::list_earlier(c, clinic, PlanId(id), None, 30).map(drop)));
    found.extend(walks("earlier_than", |c| {
        check_ins::store::list_earlier(c, clinic, PlanId(id), Some(CheckInId(id)), 30).map(drop)
    }));
    found.extend(walks("judgements", |c| check_ins::store::list_judgements(c, clinic, CheckInId(id)).map(drop)));
    found.extend(walks("marks_on", |c| plans::store::list_marks_on(c, clinic, PlanId(id), OccurrenceId(id)).map(drop)));
    found.extend(walks("kept_marks", |c| plans::store::count_kept_marks(c, clinic, PlanId(id)).map(drop)));
    found.extend(walks("plan_of", |c| plans::store::has_plan_of(c, clinic, TreatmentId(id), "mn-face").map(drop)));
    found.extend(walks("seen", |c| check_ins::store::seen(c, AccountId(id), PlanId(id)).map(drop)));
    found.extend(walks("patient", |c| patients::store::find(c, clinic, PatientId(id)).map(drop)));
    found.extend(walks("records", |c| patients::store::list_of_account(c, AccountId(id)).map(drop)));
    found.extend(walks("open_alert", |c| alerts::store::find_open(c, clinic, PlanId(id), "R1:redness").map(drop)));
    found.extend(walks("open_alert_of_record", |c| {
        alerts::store::find_open_of_record(c, clinic, PatientId(id), "F1").map(drop)
    }));
    found.extend(walks("check_in_of_record", |c| check_ins::store::find_of_record(c, clinic, CheckInId(id)).map(drop)));
    found.extend(walks("earlier_of_record", |c| {
        check_ins::store::list_earlier_of_record(c, clinic, PatientId(id), 30).map(drop)
    }));
    let wanted = |patient| events::store::Wanted {
        chain: clinic,
        after: 0,
        limit: 25,
        patient,
        member: None,
        kind: Some("*.read".to_owned().try_into().unwrap()),
        since: Some(at),
        until: None,
    };
    found.extend(walks("events", |c| events::store::list(c, &wanted(None)).map(drop)));
    found.extend(walks("events_of_patient", |c| events::store::list(c, &wanted(Some(PatientId(id)))).map(drop)));
    found.extend(walks("revisions_of", |c| plans::store::list_revisions_of(c, clinic, &plans).map(drop)));
    found.extend(walks("touched_alerts", |c| alerts::store::touch_of_plan(c, clinic, PlanId(id))));
    found.extend(walks("alert", |c| alerts::store::find(c, clinic, AlertId(id)).map(drop)));
    found.extend(walks("decided", |c| reminders::store::is_decided(c, clinic, OccurrenceId(id), 1).map(drop)));
    found.extend(walks("told", |c| reminders::store::list_of_mail(c, clinic, MailId(id)).map(drop)));
    found.extend(walks("account", |c| auth::store::find_account(c, AccountId(id)).map(drop)));
    found.extend(walks("session", |c| auth::store::find_session(c, SessionId(id)).map(drop)));
    found.extend(walks("membership", |c| auth::store::find_member_of(c, clinic, AccountId(id)).map(drop)));
    found.extend(walks("claim", |c| {
        let by = mail::outbox::Claimant { owner: "w".to_owned(), lane: mail::outbox::Lane::All, most: 20 };
        mail::outbox::claim(c, &by, &mut mail::outbox::Turns::default(), at).map(drop)
    }));
    found.extend(walks("old_mails", |c| mail::outbox::list_settled_before(c, at, 500).map(drop)));
    found.extend(walks("forget_mails", |c| reminders::store::forget_mails(c, &[MailId(id)])));
    found.extend(walks("forget_reminders", |c| reminders::store::forget_before(c, at, 500).map(drop)));
    found.extend(walks("forget_links", |c| auth::store::forget_links(c, at, 500).map(drop)));
    found.extend(walks("forget_sessions", |c| auth::store::forget_sessions(c, at, 500).map(drop)));
    assert_eq!(found, Vec::<String>::new());
}
