//! The page to print: the patient's calendar and the sheet for whoever approves the plan.

use std::path::{Path, PathBuf};
use std::process::Command;

use aftercare::documents::hash;
use authoring::preview::{ClinicWords, NewPage, PagesFor};
use authoring::{LIBRARY, library_document};
use engine::{Parameters, parse};
use ground::values::Date;
use serde_json::json;

use crate::facts;
use crate::support::{SMALL, page, parameters_of};

fn clinic() -> ClinicWords {
    ClinicWords {
        name: Some("Invented Skin Clinic".to_owned()),
        phone: Some("+44 20 7946 0000".to_owned()),
        emergency: Some("999".to_owned()),
        out_of_hours: Some("NHS 111".to_owned()),
        ..ClinicWords::default()
    }
}

fn wanted(parameters: Parameters, locale: &str, pages_for: PagesFor) -> NewPage {
    let treated_on = Some(Date(jiff::civil::date(2026, 3, 2)));
    NewPage {
        parameters,
        treated_on,
        locale: locale.to_owned(),
        clinic: clinic(),
        pages_for,
        content_hash: String::new(),
    }
}

fn face_parameters() -> Parameters {
    parameters_of(json!({ "needle_depth_mm": 1.0, "skin_type": "V" }))
}

fn face(locale: &str, pages_for: PagesFor) -> String {
    page(library_document("mn-face").unwrap(), &wanted(face_parameters(), locale, pages_for))
}

/// The page without its style.
fn body(page: &str) -> &str {
    page.split("</style>").last().unwrap()
}

#[test]
fn a_restriction_ends_with_its_last_day_in_words_and_never_with_a_number_in_brackets() {
    let whole = face("en", PagesFor::Patient);
    assert!(whole.contains("No make-up · No alcohol <em>up to and including Wednesday 4 March</em>"), "{whole}");
    assert!(
        whole.contains("longer if your answers call for it, at most up to and including Monday 30 March"),
        "{whole}"
    );
    assert!(face("es", PagesFor::Patient).contains("hasta el miércoles 4 de marzo inclusive"));
    assert!(face("de", PagesFor::Patient).contains("bis einschließlich Mittwoch, 4. März"));
    for (file, document) in LIBRARY {
        let protocol = parse(document).unwrap();
        for (name, parameters) in facts::combos(&protocol.key) {
            let page = page(document, &wanted(parameters, "en", PagesFor::Patient));
            assert!(!page.contains("(to day"), "{file} {name}");
            assert!(!body(&page).contains('{'), "{file} {name}: a placeholder is left");
        }
    }
}

#[test]
fn without_a_date_days_have_numbers() {
    let new = NewPage { treated_on: None, ..wanted(face_parameters(), "en", PagesFor::Patient) };
    let page = page(library_document("mn-face").unwrap(), &new);
    assert!(page.contains("<h3>Day 3</h3>") && page.contains("up to and including day 7"), "{page}");
    assert!(!page.contains("March") && page.contains("Day 0 is the day of the treatment."));
}

#[test]
fn a_year_is_said_if_it_is_another_than_that_of_the_treatment() {
    let treated_on = Some(Date(jiff::civil::date(2026, 12, 28)));
    let new = NewPage { treated_on, ..wanted(face_parameters(), "en", PagesFor::Patient) };
    let page = page(library_document("mn-face").unwrap(), &new);
    assert!(page.contains("up to and including Monday 4 January 2027"), "{page}");
    assert!(page.contains("up to and including Wednesday 30 December</em>"), "{page}");
}

#[test]
fn the_numbers_of_the_clinic_stand_on_top_and_in_the_texts() {
    let page = face("en", PagesFor::Both);
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} in {page}"));
    assert!(place("<b>999</b>") < place("Call 999 at once for any of these"));
    assert!(place("Call 999 at once for any of these") < place("Week 1"));
    assert!(place("<b>+44 20 7946 0000</b>") < place("Week 1") && place("<b>NHS 111</b>") < place("Week 1"));
    assert!(page.contains("Invented Skin Clinic") && page.contains("call us: +44 20 7946 0000"));
    assert!(!page.contains("[clinic phone]") && !page.contains("Numbers are missing"));
    let unknown = NewPage { clinic: ClinicWords::default(), ..wanted(face_parameters(), "en", PagesFor::Patient) };
    let unknown = crate::support::page(library_document("mn-face").unwrap(), &unknown);
    assert!(unknown.contains("[clinic phone]") && unknown.contains("Numbers are missing"));
}

#[test]
fn every_statement_of_every_plan_stands_in_the_approvers_sheet_with_its_grounds() {
    for (file, document) in LIBRARY {
        let protocol = parse(document).unwrap();
        // The sheet is about all treatments: it needs no parameters.
        let page = page(document, &wanted(Parameters::default(), "en", PagesFor::Approver));
        assert!(!page.contains("(to day") && !body(&page).contains('{'), "{file}");
        let mut keys: Vec<&str> = Vec::new();
        keys.extend(protocol.exclusions.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.signs.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.rules.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.items.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.phases.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.curves.iter().map(|one| one.symptom.as_str()));
        keys.extend(protocol.parameters.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.variants.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.questions.iter().map(|one| one.key.as_str()));
        keys.extend(protocol.assumptions.iter().chain(&protocol.sources).map(String::as_str));
        for key in keys {
            assert!(page.contains(&format!("<th scope=\"row\">{key}</th>")), "{file}: {key}");
        }
        let rows = page.matches("<td class=\"agreed\">").count();
        assert!(rows > protocol.rules.len() + protocol.items.len(), "{file}");
        for rule in &protocol.rules {
            let row = row(&page, &rule.key);
            let grounds: Vec<String> = rule.grounds.sources.iter().chain(&rule.grounds.assumptions).cloned().collect();
            assert!(row.contains(&format!("<td class=\"grounds\">{}</td>", grounds.join(", "))), "{row}");
            assert!(row.contains(&format!("<td class=\"when\">{}</td>", rule.days)), "{row}");
            assert!(row.contains(&format!("level {}", rule.urgency)), "{row}");
        }
    }
}

/// A row of the sheet.
fn row<'p>(page: &'p str, key: &str) -> &'p str {
    let from = page.find(&format!("<th scope=\"row\">{key}</th>")).unwrap();
    page[from..].split("</tr>").next().unwrap()
}

#[test]
fn the_sheet_tells_thresholds_holds_assumptions_and_days_on_which_nothing_is_judged() {
    let page = face("en", PagesFor::Approver);
    assert!(row(&page, "R3").contains("“Pain” is 4 or more"), "{}", row(&page, "R3"));
    let hold = row(&page, "no-strong-products");
    assert!(hold.contains("“Dryness or flaking” is more than 0") && hold.contains("at most to day 28"), "{hold}");
    assert!(hold.contains("3 days [JOT]"), "{hold}");
    assert!(row(&page, "deep-needles").contains("“Deep, over 1.5 mm” applies"), "{}", row(&page, "deep-needles"));
    assert!(row(&page, "A4").contains("2-hour reply limit") && row(&page, "A4").contains("F4"));
    assert!(
        row(&page, "CW").contains("Chelsea and Westminster Hospital NHS")
            && row(&page, "CW").contains("Grade:</span> A")
    );
    let kept = page.split("Days on which an answer is kept and not judged (").nth(1).unwrap();
    let kept = kept.split("</tbody>").next().unwrap();
    assert!(kept.contains("<th scope=\"row\">temperature</th>") && kept.contains("22-168"), "{kept}");
    for line in ["Name", "Role and registration number", "Date", "Signature"] {
        assert!(page.contains(&format!("\">{line}</p>")), "{line}");
    }
    assert!(page.contains(&hash(library_document("mn-face").unwrap())), "which document was signed");
}

#[test]
fn each_part_comes_alone_or_both_do() {
    let (patient, approver) = ("<main class=\"patient\">", "<main class=\"sheet\">");
    let parts = |pages_for| {
        let page = face("en", pages_for);
        (page.contains(patient), page.contains(approver))
    };
    assert_eq!(parts(PagesFor::Patient), (true, false));
    assert_eq!(parts(PagesFor::Approver), (false, true));
    assert_eq!(parts(PagesFor::Both), (true, true));
}

#[test]
fn the_page_is_one_file_and_its_words_are_data() {
    let evil = SMALL.replace("Small plan", "<script>alert(1)</script>");
    let mut new = wanted(parameters_of(json!({ "needle_depth_mm": 1.0 })), "en", PagesFor::Both);
    new.clinic.name = Some("</style><script>alert(2)</script>".to_owned());
    new.clinic.phone = Some("\"><img src=x onerror=alert(3)>".to_owned());
    let page = page(&evil, &new);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains("<img"), "{page}");
    let page = face("en", PagesFor::Both);
    // The sheet names addresses of sources, and links to none.
    for outside in ["href=", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_reason_not_to_start_stands_before_the_numbers() {
    let parameters = parameters_of(json!({ "needle_depth_mm": 2.0, "skin_type": "V" }));
    let page = page(library_document("mn-face").unwrap(), &wanted(parameters, "en", PagesFor::Patient));
    let reason = page.find("Needles over 1.5 mm need the acne scar plan").unwrap();
    assert!(reason < page.find("class=\"numbers\"").unwrap());
}

/// Every plan with every named set of parameters, in each language.
fn calendars() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (_, document) in LIBRARY {
        let protocol = parse(document).unwrap();
        for (name, parameters) in facts::combos(&protocol.key) {
            for locale in ["en", "es", "de"] {
                let new = wanted(parameters.clone(), locale, PagesFor::Patient);
                all.push((format!("{} {name} {locale}", protocol.key), page(document, &new)));
            }
        }
    }
    all
}

/// Letters that are read, without the style and the tags.
fn letters(page: &str) -> usize {
    let pieces = body(page).split('<').filter_map(|piece| piece.split_once('>'));
    pieces.map(|(_, text)| text.trim().chars().count()).sum()
}

/// By what it holds, and the longest one of each plan as a browser prints it.
#[test]
fn every_calendar_fits_on_two_pages_of_paper() {
    let all = calendars();
    for (name, page) in &all {
        assert!(letters(page) < 10_800, "{name}: {}", letters(page));
    }
    let browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let Some(browser) = browsers.into_iter().find(|browser| Path::new(browser).exists()) else {
        eprintln!("not printed: there is no browser");
        return;
    };
    for (file, _) in LIBRARY {
        let plan = file.strip_suffix(".toml").unwrap();
        let own = all.iter().filter(|(name, _)| name.starts_with(&format!("{plan} ")));
        let (name, page) = own.max_by_key(|(_, page)| letters(page)).unwrap();
        let pages = printed(browser, plan, page);
        assert!((1..=2).contains(&pages), "{name}: {pages} pages");
    }
}

/// How many pages of A4 it is.
fn printed(browser: &str, name: &str, page: &str) -> usize {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("printing-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    let (html, pdf) = (folder.join("page.html"), folder.join("page.pdf"));
    std::fs::write(&html, page).unwrap();
    Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", html.display()))
        .output()
        .unwrap();
    let bytes = std::fs::read(&pdf).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count()
}
