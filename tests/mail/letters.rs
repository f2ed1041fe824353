//! T22 and the words: neutral outside, complete inside, in both languages.

use aftercare::mail::templates::{ClinicLines, Context, Kind, Rendered, TemplateError, Templates, ValidFor};

fn context(kind: Kind) -> Context {
    Context {
        link: "https://app.clinic.example/open#t=3q2-7w4xJk0pVbN8sYdHf1cQ".into(),
        valid_for: (kind != Kind::Reminder).then_some(ValidFor::Minutes(10)),
        clinic: Some(ClinicLines {
            name: Some("Canary Scar Laser Clinic".into()),
            phone: "+44 20 7946 0018".into(),
            emergency_number: "999".into(),
            reply_hours: "Monday to Friday, 9:00 to 17:00".into(),
        }),
        unsubscribe_url: Some("https://app.clinic.example/stop/9fK2mQ7x".into()),
    }
}

fn all() -> Vec<(Kind, &'static str, Rendered)> {
    let templates = Templates::new().unwrap();
    let render = |kind, locale| (kind, locale, templates.render(kind, locale, &context(kind)).unwrap());
    Kind::ALL.into_iter().flat_map(|kind| ["en", "es", "de"].map(|locale| render(kind, locale))).collect()
}

#[test]
fn subject_and_preheader_show_nothing_of_the_clinic_or_the_plan() {
    let out = [
        "canary",
        "clinic",
        "clínica",
        "scar",
        "laser",
        "skin",
        "piel",
        "treatment",
        "tratamiento",
        "aftercare",
        "recovery",
        "urgent",
        "alert",
        "infection",
        "day ",
        "session",
        "999",
        "7946",
        "photo",
        "foto",
        "check-in",
    ];
    for (kind, locale, letter) in all() {
        for line in [&letter.subject, &letter.preheader] {
            let lower = line.to_lowercase();
            assert!(out.iter().all(|word| !lower.contains(word)), "{kind:?} {locale}: {line}");
            assert!(!line.is_empty() && line.len() <= 60 && !line.contains(char::is_control), "{line}");
        }
    }
}

#[test]
fn what_a_mail_list_shows_after_the_subject_is_the_preheader_and_then_nothing() {
    for (kind, locale, letter) in all() {
        let body = letter.html.split_once("<body").unwrap().1.split_once('>').unwrap().1;
        let start = body.split_once("</div>").unwrap().0;
        let shown = start.rsplit_once('>').unwrap().1.trim();
        assert!(shown.starts_with(&letter.preheader), "{kind:?} {locale}: {shown}");
        let filler = shown.strip_prefix(&letter.preheader).unwrap();
        assert_eq!(filler, "&#847;&zwnj;&nbsp;".repeat(90), "{kind:?} {locale}");
    }
}

#[test]
fn every_letter_has_one_button_and_the_link_in_both_versions() {
    for (kind, locale, letter) in all() {
        let link = context(kind).link;
        assert_eq!(letter.html.matches(&format!("href=\"{link}\"")).count(), 2, "{kind:?} {locale}");
        assert!(letter.text.lines().any(|line| line == link), "{kind:?} {locale}");
        assert!(letter.html.contains(&format!("<html lang=\"{locale}\" dir=\"ltr\"")), "{kind:?} {locale}");
        for rest in ["{{", "{%", "}}", "%}", "{ $", "<img", "src="] {
            assert!(!letter.html.contains(rest) && !letter.text.contains(rest), "{kind:?} {locale}: {rest}");
        }
        assert!(letter.html.len() < 90_000, "clipped by some mail programs: {}", letter.html.len());
    }
}

#[test]
fn a_reminder_says_whom_to_call_who_reads_and_how_to_stop() {
    for (locale, watched, stop) in [
        ("en", "Not watched day and night. We read answers: Monday to Friday, 9:00 to 17:00.", "Stop these e-mails"),
        (
            "es-MX",
            "No atendemos día y noche. Leemos las respuestas: Monday to Friday, 9:00 to 17:00.",
            "No recibir más estos correos",
        ),
    ] {
        let letter = Templates::new().unwrap().render(Kind::Reminder, locale, &context(Kind::Reminder)).unwrap();
        for version in [&letter.html, &letter.text] {
            for part in
                [watched, stop, "+44 20 7946 0018", "999", "https://app.clinic.example/stop/9fK2mQ7x", "Canary Scar"]
            {
                assert!(version.contains(part), "{locale}: {part}");
            }
        }
        assert!(letter.html.contains("href=\"tel:+442079460018\"") && letter.html.contains("href=\"tel:999\""));
    }
}

#[test]
fn a_clinic_that_did_not_agree_is_not_named() {
    let mut context = context(Kind::Reminder);
    context.clinic.as_mut().unwrap().name = None;
    let letter = Templates::new().unwrap().render(Kind::Reminder, "en", &context).unwrap();
    assert!(!letter.html.contains("Canary") && !letter.text.contains("Canary"));
}

#[test]
fn only_a_reminder_offers_to_stop() {
    for (kind, locale, letter) in all() {
        assert_eq!(letter.html.contains("/stop/"), kind == Kind::Reminder, "{kind:?} {locale}");
        assert_eq!(letter.text.contains("/stop/"), kind == Kind::Reminder, "{kind:?} {locale}");
    }
}

#[test]
fn a_letter_to_a_patient_cannot_be_made_without_whom_to_call() {
    let templates = Templates::new().unwrap();
    let render = |kind, context: Context| templates.render(kind, "en", &context).map(|letter| letter.subject);
    let mute = |kind| Context { clinic: None, ..context(kind) };
    for kind in [Kind::Reminder, Kind::PatientInvitation] {
        assert_eq!(render(kind, mute(kind)), Err(TemplateError::Missing("the clinic's phone and emergency number")));
    }
    let endless = Context { unsubscribe_url: None, ..context(Kind::Reminder) };
    assert_eq!(render(Kind::Reminder, endless), Err(TemplateError::Missing("an unsubscribe link")));
    assert_eq!(render(Kind::SignInLink, mute(Kind::SignInLink)).unwrap(), "Your sign-in link");
}

#[test]
fn the_letters_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Templates>();
    shared::<aftercare::mail::Mailer>();
}

#[test]
fn no_letter_loads_anything_from_anywhere() {
    let loading = regex::Regex::new(r"(?i)<(link|img|script|iframe|object|embed|video|audio|source|input|base)\b|\b(src|srcset|background|poster|data|action)\s*=|@import|@font-face|url\(").unwrap();
    // Links to follow, with the words that show them, and the names of vocabularies.
    let allowed = regex::Regex::new(r#"(?i)<a\s[^>]*>[^<]*</a>|xmlns(:\w+)?="[^"]*""#).unwrap();
    for (kind, locale, letter) in all() {
        let found: Vec<&str> = loading.find_iter(&letter.html).map(|found| found.as_str()).collect();
        assert!(found.is_empty(), "{kind:?} {locale}: {found:?}");
        let rest = allowed.replace_all(&letter.html, "");
        assert!(!rest.contains("//"), "{kind:?} {locale}: an address outside of a link: {rest}");
    }
}

#[test]
fn two_numbers_are_two_links() {
    let templates = Templates::new().unwrap();
    let mut context = context(Kind::Reminder);
    let clinic = context.clinic.as_mut().unwrap();
    clinic.emergency_number = "112 or 999".into();
    clinic.phone = "+44 20 7946 0018 / +44 20 7946 0019".into();
    let html = templates.render(Kind::Reminder, "en", &context).unwrap().html;
    for number in ["112", "999", "+442079460018", "+442079460019"] {
        assert_eq!(html.matches(&format!("href=\"tel:{number}\"")).count(), 1, "{number}");
    }
    assert_eq!(html.matches("href=\"tel:").count(), 4);
}
