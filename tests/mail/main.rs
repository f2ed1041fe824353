//! Mail, from outside: what each fault means for a letter, what is on the wire, and what the letters say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::allow_attributes
)]

#[path = "../engine/dice.rs"]
mod dice;
mod faults;
mod injection;
mod letters;
mod relay;
mod simulation;
mod wire;

use aftercare::mail::{Mail, MailSettings, Mailer, Timeouts, Transport};
use ground::time::Stamp;
use std::time::Duration;

/// More time than any letter here needs.
const LONG: Duration = Duration::from_secs(60);

/// A letter to an invented person.
fn letter() -> Mail {
    Mail {
        message_id: "<0197c2a0-5b7e-7c3a-9d51-3f0e6a1b2c4d@mail.clinic.example>".into(),
        to: "ana.ruiz@patients.example".into(),
        from_name: "Harbour House".into(),
        from_address: "notes@clinic.example".into(),
        reply_to: Some("desk@clinic.example".into()),
        subject: "Your daily note is ready".into(),
        text: "Hello,\n\n.a line that starts with a dot\n".into(),
        html: "<p>Hello, señora</p>".into(),
        list_unsubscribe: Some("https://app.clinic.example/v1/unsubscribe/9fK2mQ7x".into()),
        sent_at: Stamp::from("2026-05-14T09:00:00Z".parse::<jiff::Timestamp>().unwrap()),
    }
}

fn settings(transport: &str) -> MailSettings {
    MailSettings {
        hello_name: Some("app.clinic.example".into()),
        timeouts: Timeouts {
            connect: Duration::from_millis(400),
            command: Duration::from_millis(400),
            final_dot: Duration::from_millis(400),
        },
        ..MailSettings::new(transport.parse::<Transport>().unwrap(), "Clinic mail <bounces@clinic.example>")
    }
}

fn mailer(transport: &str) -> Mailer {
    Mailer::new(settings(transport)).unwrap()
}
