//! The phase table of the reliability page, row by row.

use aftercare::mail::{Failure, Mailer, Outcome, Phase, Reply, Timeouts};
use std::time::Duration;

use crate::{
    LONG, letter, mailer,
    relay::{Fault, Relay},
    settings,
};

const AGAIN: Outcome = Outcome::NotSent { retryable: true };

fn refused(code: u16, enhanced: Option<(u8, u16, u16)>) -> Outcome {
    Outcome::Refused { permanent: code >= 500, reply: Reply { code, enhanced } }
}

async fn failure(fault: Fault) -> (Failure, Relay) {
    let relay = Relay::with(fault).await;
    let failure = mailer(&relay.url()).send(&letter(), LONG).await.unwrap_err();
    (failure, relay)
}

#[tokio::test]
async fn each_fault_says_what_it_means_for_the_letter() {
    use Fault::{Drops, Mute, Says, Stalls};
    for (fault, phase, outcome) in [
        (Mute, Phase::Greeting, AGAIN),
        (Says("EHLO", "421 4.3.2 closing"), Phase::Greeting, AGAIN),
        (Says("MAIL", "421 4.3.2 closing"), Phase::Mail, AGAIN),
        (Says("MAIL", "550 5.7.1 sender refused"), Phase::Mail, AGAIN),
        (Says("RCPT", "451 4.7.1 greylisted"), Phase::Recipient, refused(451, Some((4, 7, 1)))),
        (Says("RCPT", "450 later"), Phase::Recipient, refused(450, None)),
        (Says("RCPT", "421 4.3.2 closing"), Phase::Recipient, refused(421, Some((4, 3, 2)))),
        (Says("RCPT", "550-5.1.1 no such\r\n550 5.1.1 user"), Phase::Recipient, refused(550, Some((5, 1, 1)))),
        (Says("DATA", "554 5.7.1 no"), Phase::Data, refused(554, Some((5, 7, 1)))),
        (Says("DATA", "452 4.3.1 full"), Phase::Data, refused(452, Some((4, 3, 1)))),
        (Says("DATA", "250 what?"), Phase::Data, AGAIN),
        (Says(".", "451 4.3.0 try later"), Phase::Dot, refused(451, Some((4, 3, 0)))),
        (Says(".", "552 5.3.4 too big"), Phase::Dot, refused(552, Some((5, 3, 4)))),
        (Says(".", "what?"), Phase::Dot, Outcome::Unknown),
        (Says(".", "354 go on"), Phase::Dot, Outcome::Unknown),
        (Drops("EHLO"), Phase::Greeting, AGAIN),
        (Drops("MAIL"), Phase::Mail, AGAIN),
        (Drops("RCPT"), Phase::Recipient, AGAIN),
        (Drops("DATA"), Phase::Data, AGAIN),
        (Drops("."), Phase::Dot, Outcome::Unknown),
        (Stalls("RCPT"), Phase::Recipient, AGAIN),
        (Stalls("DATA"), Phase::Data, AGAIN),
        (Stalls("."), Phase::Dot, Outcome::Unknown),
    ] {
        let (failure, relay) = failure(fault).await;
        assert_eq!((failure.phase, failure.outcome), (phase, outcome), "{fault:?}: {failure}");
        assert!(relay.heard("MAIL") <= 1 && relay.heard("RCPT") <= 1, "{fault:?} was tried twice");
        assert!(!failure.to_string().contains("ana.ruiz"), "{fault:?}: {failure}");
    }
}

#[tokio::test]
async fn a_break_inside_the_message_is_safe_to_try_again() {
    let relay = Relay::with(Fault::DropsInBody(64 * 1024)).await;
    let mut mail = letter();
    mail.text = "A long line of plain words, again and again.\r\n".repeat(400_000);
    let slow = Timeouts { command: Duration::from_secs(20), ..settings("memory").timeouts };
    let mut settings = settings(&relay.url());
    settings.timeouts = slow;
    let failure = Mailer::new(settings).unwrap().send(&mail, LONG).await.unwrap_err();
    assert_eq!((failure.phase, failure.outcome), (Phase::Body, AGAIN), "{failure}");
    assert!(relay.messages().is_empty());
}

#[tokio::test]
async fn nobody_listening_is_safe_to_try_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = mailer(&format!("smtp://127.0.0.1:{port}")).send(&letter(), LONG).await.unwrap_err();
    assert_eq!((failure.phase, failure.outcome), (Phase::Connect, AGAIN), "{failure}");
}

#[tokio::test]
async fn without_starttls_nothing_is_said_in_the_clear() {
    let relay = Relay::with(Fault::None).await;
    let url = format!("smtp://user:secret@127.0.0.1:{}?tls=required", relay.port);
    let failure = mailer(&url).send(&letter(), LONG).await.unwrap_err();
    assert_eq!((failure.phase, failure.outcome), (Phase::Tls, AGAIN), "{failure}");
    assert_eq!(relay.lines(), ["EHLO app.clinic.example"]);
}

#[tokio::test]
async fn a_relay_that_speaks_no_tls_gets_nothing_over_smtps() {
    let relay = Relay::with(Fault::None).await;
    let failure = mailer(&format!("smtps://127.0.0.1:{}", relay.port)).send(&letter(), LONG).await.unwrap_err();
    assert_eq!((failure.phase, failure.outcome), (Phase::Connect, AGAIN), "{failure}");
    assert_eq!(relay.heard("MAIL"), 0);
}

#[tokio::test]
async fn only_a_mailbox_that_is_gone_is_blamed_on_the_recipient() {
    for (words, blamed) in [
        ("550 5.1.1 <ana.ruiz@patients.example> unknown", true),
        ("550 5.7.1 blocked by policy", false),
        ("451 4.1.1 later", false),
        ("550 no", false),
    ] {
        let (failure, _) = failure(Fault::Says("RCPT", words)).await;
        assert_eq!(failure.blames_recipient(), blamed, "{words}");
    }
}

#[tokio::test]
async fn one_connection_carries_many_letters() {
    let relay = Relay::with(Fault::None).await;
    let mailer = mailer(&relay.url());
    for _ in 0..5 {
        let accepted = mailer.send(&letter(), LONG).await.unwrap();
        assert_eq!(accepted.reply, Some(Reply { code: 250, enhanced: Some((2, 0, 0)) }));
    }
    assert_eq!((relay.heard("EHLO"), relay.messages().len()), (1, 5));
}

#[tokio::test]
async fn a_kept_connection_that_has_died_costs_no_letter_and_makes_no_copy() {
    let relay = Relay::with(Fault::DropsWhenIdle).await;
    let mailer = mailer(&relay.url());
    for _ in 0..3 {
        mailer.send(&letter(), LONG).await.unwrap();
    }
    assert_eq!((relay.heard("EHLO"), relay.messages().len()), (3, 3));
}

#[tokio::test]
async fn after_a_hundred_letters_the_connection_is_closed() {
    let relay = Relay::with(Fault::None).await;
    let mailer = mailer(&relay.url());
    for _ in 0..101 {
        mailer.send(&letter(), LONG).await.unwrap();
    }
    assert_eq!((relay.heard("EHLO"), relay.messages().len()), (2, 101));
}

#[tokio::test]
async fn a_test_can_make_the_next_send_fail() {
    let Mailer::Memory(memory) = mailer("memory") else { panic!("not the memory mailer") };
    let mailer = Mailer::Memory(memory.clone());
    let fail = |outcome| Failure { phase: Phase::Dot, outcome, detail: "told to".into() };
    memory.fail_next(fail(AGAIN));
    memory.fail_next(fail(Outcome::Unknown));
    assert_eq!(mailer.send(&letter(), LONG).await.unwrap_err().outcome, AGAIN);
    assert_eq!(memory.sent(), []);
    assert_eq!(mailer.send(&letter(), LONG).await.unwrap_err().outcome, Outcome::Unknown);
    mailer.send(&letter(), LONG).await.unwrap();
    assert_eq!(memory.take(), [letter(), letter()]);
    assert_eq!(memory.sent(), []);
}
