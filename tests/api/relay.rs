//! The reminder through a real SMTP server, as it is on the wire.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::TestApp;
use crate::support::database::variable;

/// A server that ends with its test.
struct Mailbox {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: String,
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `None`, with a line that says so, where Python or aiosmtpd is missing; scripts/test.sh names a Python that has it.
fn open() -> Option<Mailbox> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/support/mailbox.py");
    let python = variable("AFTERCARE_TEST_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let Ok(mut child) = Command::new(python).arg(script).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.next().unwrap().unwrap();
    let mailbox = Mailbox { child, lines, port };
    if mailbox.port == "missing" {
        eprintln!("skipped: python3 has no aiosmtpd (pip install aiosmtpd)");
        return None;
    }
    Some(mailbox)
}

/// A header's value, unfolded.
fn header(letter: &str, name: &str) -> String {
    let head = letter.replace("\r\n", "\n").split("\n\n").next().unwrap().replace("\n ", " ").replace("\n\t", " ");
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

#[tokio::test]
async fn the_reminder_goes_over_smtp_with_a_neutral_subject_and_one_click_to_stop() {
    let Some(mut mailbox) = open() else { return };
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let relay = format!("smtp://127.0.0.1:{}", mailbox.port);
    let sender = TestApp::start_on(app.database.share(), |config| config.mail = relay.into()).await;
    sender.set_clock("2026-03-02T19:00:00Z");
    sender.work().await;
    let line = tokio::task::spawn_blocking(move || (mailbox.lines.next().unwrap().unwrap(), mailbox)).await.unwrap().0;
    let got: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(got["to"], serde_json::json!([ada.email]));
    let letter = got["letter"].as_str().unwrap();
    let unsubscribe = header(letter, "List-Unsubscribe");
    assert!(
        unsubscribe.starts_with("<https://care.example/v1/unsubscribe/") && unsubscribe.ends_with('>'),
        "{unsubscribe}"
    );
    assert_eq!(header(letter, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let ids = app.database.lines("SELECT message_id AS value FROM outbox WHERE kind = 'reminder'");
    assert_eq!(header(letter, "Message-ID"), format!("<{}>", ids[0]));
    let subject = header(letter, "Subject");
    for clinical in ["Ada", "skin", "needling", "Clinic one", "redness"] {
        assert!(!subject.to_lowercase().contains(&clinical.to_lowercase()), "{subject}");
    }
    assert_eq!(app.database.count("outbox", "kind = 'reminder' AND state = 'sent'"), 1);
    let path = unsubscribe.trim_matches(['<', '>']).strip_prefix("https://care.example").unwrap().to_owned();
    app.ask("POST", &path).raw("List-Unsubscribe=One-Click").send().await;
    let record = clinic.owner.get(&format!("/v1/clinic/patients/{}", ada.patient_id)).await.must(200);
    assert_eq!(record["reminders"], false);
}
