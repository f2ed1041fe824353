//! T20, T21: nothing that a person typed becomes a header, a recipient or markup.

use aftercare::mail::{
    Mail, Outcome, Phase,
    templates::{ClinicLines, Context, Kind, Templates},
};

use crate::{
    LONG, letter, mailer,
    relay::{Fault, Relay},
};

fn with(change: impl FnOnce(&mut Mail)) -> Mail {
    let mut mail = letter();
    change(&mut mail);
    mail
}

#[tokio::test]
async fn what_could_break_out_of_a_header_never_reaches_the_relay() {
    let relay = Relay::with(Fault::None).await;
    let mailer = mailer(&relay.url());
    let bcc = "x\r\nBcc: eve@evil.example";
    let addresses = [
        "",
        "ana",
        "@x.example",
        "ana@",
        "ana@x.example\r\nRCPT TO:<eve@evil.example>",
        "ana@x.example\n",
        "ana@x.example\0",
        "ana@x.example, eve@evil.example",
        "<ana@x.example>",
        "\"ana ruiz\"@x.example",
        "\"a\\\"b\"@x.example",
        "ana@x.example>",
        "ana(c)@x.example",
        "a@b@c.example",
        "ana ruiz@x.example",
        "ana@x.example SIZE=1",
        "ana@[127.0.0.1]",
    ];
    let mut wrong: Vec<Mail> = addresses.into_iter().map(|to| with(|mail| mail.to = to.into())).collect();
    wrong.extend(addresses.into_iter().map(|reply| with(|mail| mail.reply_to = Some(reply.into()))));
    wrong.push(with(|mail| mail.to = format!("{}@x.example", "a".repeat(10_000))));
    for text in [bcc, "x\ny", "x\ry", "x\0y", "x\u{85}y"] {
        wrong.push(with(|mail| mail.subject = text.into()));
        wrong.push(with(|mail| mail.from_name = text.into()));
        wrong.push(with(|mail| mail.from_address = format!("{text}@clinic.example")));
        wrong.push(with(|mail| mail.message_id = format!("<{text}@clinic.example>")));
        wrong.push(with(|mail| mail.list_unsubscribe = Some(format!("https://app.example/{text}"))));
    }
    for url in
        ["javascript:alert(1)", "mailto:eve@evil.example", "https://a.example/>,<https://evil.example/", "https://"]
    {
        wrong.push(with(|mail| mail.list_unsubscribe = Some(url.into())));
    }
    let fit = with(|_| ()).to;
    for mail in wrong {
        let failure = mailer.send(&mail, LONG).await.expect_err(&format!("{} {}", mail.to, mail.subject));
        let is_address = mail.to != fit;
        let phase = if is_address { Phase::Recipient } else { Phase::Compose };
        assert_eq!((failure.phase, failure.outcome), (phase, Outcome::NotSent { retryable: false }));
        assert_eq!(failure.blames_recipient(), is_address, "the clinic is told of an address, and of nothing else");
        assert!(!failure.detail.contains('@') && !failure.detail.contains("evil"), "{failure}");
    }
    assert!(relay.lines().is_empty());
}

#[tokio::test]
async fn a_body_cannot_end_the_message_or_add_a_recipient() {
    let relay = Relay::with(Fault::None).await;
    let end = "hello\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<eve@evil.example>\r\n";
    let mail = with(|mail| (mail.text, mail.html) = (end.into(), end.into()));
    mailer(&relay.url()).send(&mail, LONG).await.unwrap();
    let bare = with(|mail| mail.text = "hello\n.\nQUIT\n\r.\rQUIT".into());
    mailer(&relay.url()).send(&bare, LONG).await.unwrap();
    assert_eq!((relay.heard("MAIL"), relay.heard("RCPT"), relay.heard("QUIT"), relay.messages().len()), (2, 2, 0, 2));
    for message in relay.messages() {
        let raw = String::from_utf8(message).unwrap();
        assert!(raw.split("\r\n").all(|line| !line.contains(['\r', '\n'])), "a bare line break is on the wire");
    }
}

#[test]
fn what_a_clinic_typed_stays_text() {
    let templates = Templates::new().unwrap();
    let typed = "{{7*7}} {% raw %} <script>alert('x')</script> <mj-raw> & \u{202e}evil\u{2066}\r\nBcc: eve";
    let clinic = ClinicLines {
        name: Some(typed.into()),
        phone: format!("{typed} 020"),
        emergency_number: "\"><img src=x onerror=alert(1)> 112".into(),
        reply_hours: format!("{typed} {{ $count }}"),
    };
    let context = Context {
        link: "https://app.clinic.example/open?a=1&b=2#t=x".into(),
        clinic: Some(clinic),
        unsubscribe_url: Some("https://app.clinic.example/stop/x".into()),
        ..Context::default()
    };
    let letter = templates.render(Kind::Reminder, "en", &context).unwrap();
    assert!(letter.html.contains("{{7*7}} {% raw %} &lt;script&gt;alert(&#x27;x&#x27;)"), "{}", letter.html);
    for broken_out in ["<script", "<img", "<mj-raw", "49", "\u{202e}", "\u{2066}", "onerror=alert(1)\""] {
        assert!(!letter.html.contains(broken_out), "{broken_out}");
    }
    assert!(letter.html.contains("href=\"https://app.clinic.example/open?a=1&amp;b=2#t=x\""));
    assert!(letter.text.contains("{{7*7}} {% raw %} <script>alert('x')</script> <mj-raw> & evil Bcc: eve"));
    assert!(letter.text.contains("https://app.clinic.example/open?a=1&b=2#t=x"));
    assert!(!letter.text.contains("\nBcc") && !letter.text.contains('\u{202e}'));
}

#[test]
fn a_link_that_is_no_web_address_makes_no_letter() {
    let templates = Templates::new().unwrap();
    for link in [
        "",
        "javascript:alert(1)",
        "https://x.example/\"onclick=\"alert(1)",
        "https://x.example/<b>",
        "//x.example",
        "https://x.example/ y",
    ] {
        let context = Context { link: link.into(), ..Context::default() };
        assert!(templates.render(Kind::SignInLink, "en", &context).is_err(), "{link}");
    }
}
