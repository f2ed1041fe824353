//! What is on the wire and in the folder.

use mail_parser::MessageParser;

use crate::{
    LONG, letter, mailer,
    relay::{Fault, Relay},
};

async fn on_the_wire(mail: &aftercare::mail::Mail) -> (Relay, String) {
    let relay = Relay::with(Fault::None).await;
    mailer(&relay.url()).send(mail, LONG).await.unwrap();
    let raw = String::from_utf8(relay.messages().remove(0)).unwrap();
    (relay, raw)
}

fn head(raw: &str) -> &str {
    raw.split_once("\r\n\r\n").unwrap().0
}

#[tokio::test]
async fn the_headers_are_these_and_no_others() {
    let (relay, raw) = on_the_wire(&letter()).await;
    let lines: Vec<&str> = head(&raw).split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "Message-ID: <0197c2a0-5b7e-7c3a-9d51-3f0e6a1b2c4d@mail.clinic.example>",
            "Date: Thu, 14 May 2026 09:00:00 +0000",
            "From: \"Harbour House\" <notes@clinic.example>",
            "To: ana.ruiz@patients.example",
            "Subject: Your daily note is ready",
            "Auto-Submitted: auto-generated",
            "Reply-To: desk@clinic.example",
            "List-Unsubscribe: <https://app.clinic.example/v1/unsubscribe/9fK2mQ7x>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative;",
            " boundary=\"=_0197c2a05b7e7c3a9d513f0e6a1b2c4dmailclinicexample_=\"",
        ]
    );
    assert_eq!(
        relay.lines(),
        [
            "EHLO app.clinic.example",
            "MAIL FROM:<bounces@clinic.example>",
            "RCPT TO:<ana.ruiz@patients.example>",
            "DATA",
        ]
    );
}

#[tokio::test]
async fn both_versions_arrive_whole_text_first() {
    let (_, raw) = on_the_wire(&letter()).await;
    assert!(raw.is_ascii() && raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    let undotted = raw.trim_end_matches(".\r\n").replace("\r\n..", "\r\n.");
    let parsed = MessageParser::default().parse(undotted.as_bytes()).unwrap();
    assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), letter().text.trim_end());
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), letter().html);
    assert!(raw.find("text/plain").unwrap() < raw.find("text/html").unwrap());
}

#[tokio::test]
async fn a_second_try_is_the_same_letter_to_the_byte() {
    let (_, first) = on_the_wire(&letter()).await;
    let (_, second) = on_the_wire(&letter()).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_long_unsubscribe_link_stays_in_one_piece() {
    let mut mail = letter();
    let url = format!("https://app.clinic.example/v1/unsubscribe/{}", "x".repeat(400));
    mail.list_unsubscribe = Some(url.clone());
    let (_, raw) = on_the_wire(&mail).await;
    assert!(head(&raw).contains(&format!("List-Unsubscribe: <{url}>\r\n")));
}

#[tokio::test]
async fn a_name_beyond_ascii_is_encoded_and_comes_back() {
    let mut mail = letter();
    mail.from_name = "Clínica Peña, \"Mar\" <norte>".into();
    mail.subject = "Su nota diaria está lista".into();
    let (_, raw) = on_the_wire(&mail).await;
    assert!(head(&raw).is_ascii());
    let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some(mail.from_name.as_str()), Some("notes@clinic.example")));
    assert_eq!(parsed.subject(), Some("Su nota diaria está lista"));
}

#[tokio::test]
async fn a_folder_gets_each_letter_once_under_a_name_without_address() {
    let folder = std::env::temp_dir().join(format!("aftercare-mail-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let transport = format!("folder:{}", folder.display());
    let first = mailer(&transport);
    let mut again = letter();
    again.sent_at = ground::time::Stamp::from("2026-05-15T09:00:00Z".parse::<jiff::Timestamp>().unwrap());
    first.send(&letter(), LONG).await.unwrap();
    first.send(&again, LONG).await.unwrap();
    let (one, two) = (first.clone(), mailer(&transport));
    let (one, two) = (one.send(&again, LONG), two.send(&again, LONG));
    let (one, two) = tokio::join!(one, two);
    assert!(one.is_ok() && two.is_ok());

    let names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected = "20260514T090000Z-0197c2a0-5b7e-7c3a-9d51-3f0e6a1b2c4d+mail.clinic.example.eml";
    assert_eq!(names, [expected]);
    let (_, sent) = on_the_wire(&letter()).await;
    let written = std::fs::read_to_string(folder.join(expected)).unwrap();
    assert_eq!(head(&written), head(&sent));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(expected))), (0o700, 0o600));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
