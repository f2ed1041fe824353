//! Who may do what: every role in every state of membership against every operation, held against a table.

use std::collections::BTreeMap;

use ground::ids::MemberId;
use serde_json::json;

use crate::support::Shared;
use crate::support::contract::{Operation, operations};
use crate::support::people::Person;
use crate::support::samples::{World, fill, two_worlds};

/// `operation,role,invited,accepted,confirmed,suspended,removed`: `yes`, or the status that refuses.
const TABLE: &str = include_str!("rights.csv");
const STATES: [&str; 5] = ["invited", "accepted", "confirmed", "suspended", "removed"];

fn table() -> BTreeMap<(String, String), Vec<String>> {
    let mut lines = TABLE.lines();
    assert_eq!(lines.next(), Some("operation,role,invited,accepted,confirmed,suspended,removed"));
    let row = |line: &str| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        ((cells[0].clone(), cells[1].clone()), cells[2..].to_vec())
    };
    lines.map(row).collect()
}

/// All that a token is asked for; what ends its own session comes last.
fn asked() -> Vec<Operation> {
    let mut all: Vec<Operation> = operations().into_iter().filter(|operation| !operation.is_public()).collect();
    all.sort_by_key(|operation| operation.id == "end_sessions");
    all
}

fn set_state(app: &Shared, member: MemberId, state: &str) {
    let id = app.database.id(&member.to_string());
    app.database.run(&format!(
        "UPDATE members SET state = '{state}' WHERE id = {id}; UPDATE rights SET generation = generation + 1"
    ));
    app.app.tokens.invalidate();
}

/// `yes`, `401` or `403`. Ids are random and bodies right, so that nothing but rights refuses.
async fn verdict(app: &Shared, world: &World, operation: &Operation, token: &str) -> String {
    let path = fill(operation, |parameter| match parameter {
        "key" => "no-such-plan".to_owned(),
        "version" => "1".to_owned(),
        _ => "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11".to_owned(),
    });
    let mut ask = app.ask(&operation.method, &path).bearer(token).header("if-match", "\"v999\"");
    if let Some(body) = world.body(operation) {
        ask = ask.json(&body);
    }
    match ask.send().await.status {
        401 => "401".to_owned(),
        403 => "403".to_owned(),
        _ => "yes".to_owned(),
    }
}

#[tokio::test]
async fn t04_t05_every_cell_of_the_table_of_rights_is_true() {
    let (app, world, _) = two_worlds().await;
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let people: [(&str, &Person); 3] = [
        ("owner", &world.clinic.owner),
        ("clinician", &world.clinic.clinician),
        ("coordinator", &world.clinic.coordinator),
    ];
    for (index, (role, person)) in people.into_iter().enumerate() {
        for state in STATES {
            set_state(&app, world.clinic.members[index], "confirmed");
            let token = app.person(person.account, Some(world.clinic.id)).await.token().await;
            set_state(&app, world.clinic.members[index], state);
            for operation in asked() {
                let verdict = verdict(&app, &world, &operation, &token).await;
                found.entry((operation.id, role.to_owned())).or_default().push(verdict);
            }
        }
        set_state(&app, world.clinic.members[index], "confirmed");
    }
    let token = world.ada.person.token().await;
    for operation in asked() {
        let verdict = verdict(&app, &world, &operation, &token).await;
        found.insert((operation.id, "patient".to_owned()), vec![verdict; STATES.len()]);
    }
    app.ignore_mails();
    let wanted = table();
    let differences: Vec<String> = found
        .iter()
        .filter(|(cell, verdicts)| wanted.get(*cell) != Some(verdicts))
        .map(|((operation, role), verdicts)| format!("{operation},{role},{}", verdicts.join(",")))
        .collect();
    assert!(differences.is_empty(), "the table says otherwise, or nothing:\n{}", differences.join("\n"));
    assert_eq!(found.len(), wanted.len(), "the table has lines for operations that are gone");
}

#[tokio::test]
async fn a_token_of_no_known_account_is_refused() {
    let (app, world, _) = two_worlds().await;
    let token = world.ada.person.token().await;
    let id = app.database.id(&world.ada.person.account.to_string());
    app.database.run(&format!(
        "UPDATE accounts SET disabled_at = created_at WHERE id = {id}; UPDATE rights SET generation = generation + 1"
    ));
    app.app.tokens.invalidate();
    app.ask("GET", "/v1/me").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    let login = json!({ "email": world.ada.email, "password": "whatever it was, it is shut" });
    app.ask("POST", "/v1/auth/login").json(&login).send().await.must_be_problem(401, "sign_in_needed");
}
