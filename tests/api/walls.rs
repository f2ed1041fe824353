//! The walls of the house, read off the source: who may import what, and that what is written down is true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aftercare::config::Config;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file: its path below `src/` or from `crates/` on, and its text without comments and without its own tests.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    collect(&root().join("crates"), &mut files);
    let read = |path: PathBuf| {
        let below = path.strip_prefix(root().join("src")).or_else(|_| path.strip_prefix(root())).unwrap();
        let name = below.to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        (name, lines.collect::<Vec<_>>().join("\n"))
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// What the engine may not speak of: it decides, and nothing else.
const IMPURE: [&str; 9] =
    ["actix", "tokio", "async ", "std::fs", "std::env", "SystemTime", "Instant::now", "Zoned::now", "Timestamp::now"];

/// What a file of that name may not speak of.
fn forbidden(file: &str) -> &'static [&'static str] {
    match file {
        "mod.rs" => &["actix", "crate::app", "crate::config", "Clock", "Mailer"],
        "store.rs" => &["actix", "crate::app", "crate::config", "Mailer", "outbox::put"],
        "rules.rs" => &["actix", "crate::app", "crate::db", "diesel", "async ", "now()"],
        _ => &[],
    }
}

#[test]
fn every_file_stays_behind_its_wall() {
    let mut breaches = BTreeSet::new();
    for (path, text) in sources() {
        let is_pure = path.starts_with("crates/engine/") || path.starts_with("crates/authoring/");
        let file = path.rsplit('/').next().unwrap();
        let is_outside = ["api/", "server/", "http/", "mail/", "pages/", "demo/", "cli/", "crates/"]
            .iter()
            .any(|top| path.starts_with(top));
        let walls: &[&str] = if is_pure {
            &IMPURE
        } else if path.starts_with("worker/") {
            &["diesel", "actix"]
        } else if is_outside {
            &[]
        } else {
            forbidden(file)
        };
        breaches.extend(walls.iter().filter(|word| text.contains(**word)).map(|word| format!("{path} -> {word}")));
    }
    assert!(breaches.is_empty(), "over the wall: {breaches:#?}");
}

#[test]
fn every_module_says_what_it_is_and_nothing_is_left_to_do() {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    collect(&root().join("crates"), &mut files);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no sentence", path.display());
        for word in ["TODO", "FIXME", "XXX", "HACK", "todo!", "unimplemented!"] {
            assert!(!text.contains(word), "{} holds {word}", path.display());
        }
    }
}

#[test]
fn only_the_clock_asks_for_the_time_and_only_the_settings_for_the_environment() {
    for (path, text) in sources() {
        for (word, home) in [
            ("SystemTime::now", "crates/ground/src/time.rs"),
            ("Timestamp::now", "crates/ground/src/time.rs"),
            ("Instant::now", "crates/ground/src/time.rs"),
            ("env::var", "config/variables.rs"),
            ("new_v4", "crates/ground/src/time.rs"),
            ("now_v7", "crates/ground/src/time.rs"),
        ] {
            assert!(path == home || !text.contains(word), "{path} uses {word}");
        }
    }
}

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let path = root().join("openapi/aftercare.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let made = aftercare::openapi::json().unwrap();
    assert!(committed == made, "openapi/aftercare.json is stale: run `aftercare openapi > openapi/aftercare.json`");
}

#[test]
fn the_settings_table_of_the_readme_lists_every_setting_and_no_other() {
    let Ok(readme) = std::fs::read_to_string(root().join("README.md")) else {
        eprintln!("skipped: there is no README.md yet");
        return;
    };
    let settings: BTreeSet<String> =
        serde_json::to_value(Config::default()).unwrap().as_object().unwrap().keys().cloned().collect();
    let rows = readme
        .lines()
        .skip_while(|line| !line.starts_with("| Setting"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let named = |row: &str| row.split('`').nth(1).map(str::to_owned);
    let listed: BTreeSet<String> = rows.filter_map(named).collect();
    assert_eq!(listed, settings, "the table whose head begins with `| Setting`");
}

#[test]
fn no_committed_file_of_ours_names_a_path_of_this_machine() {
    for folder in ["src", "crates", "tests", "migrations", "protocols"] {
        let mut files = Vec::new();
        collect(&root().join(folder), &mut files);
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")] {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn the_table_of_threats_is_whole_and_every_test_that_it_names_is_there() {
    let page = std::fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let mut files = Vec::new();
    for folder in ["tests", "src", "crates"] {
        collect(&root().join(folder), &mut files);
    }
    let faults = std::fs::read_dir(root().join("tests/faults")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(faults.filter(|path| path.extension().is_some_and(|extension| extension == "py")));
    let code: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut rows = Vec::new();
    let (mut tested, mut not_yet) = (0, 0);
    for line in page.lines().filter(|line| line.starts_with("| T")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        rows.push(cells[0].to_owned());
        let state = cells[3].trim_end_matches('|').trim();
        if let Some(names) = state.strip_prefix("test: ") {
            tested += 1;
            for name in names.split(", ").map(|name| name.trim_matches('`')) {
                let is_there = code.contains(&format!("fn {name}(")) || code.contains(&format!("def {name}("));
                assert!(is_there, "{}: there is no test {name}", cells[0]);
            }
        } else {
            not_yet += 1;
            assert!(state.starts_with("not yet: "), "{line}");
        }
    }
    let wanted: Vec<String> = (1..=57).map(|number| format!("T{number}")).collect();
    assert_eq!(rows, wanted);
    assert!(page.contains(&format!("{tested} rows have a test, {not_yet} not yet")), "{tested} and {not_yet}");
}

#[test]
fn the_dockerfile_copies_all_that_the_build_needs() {
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with('-'));
    let copied: BTreeSet<&str> = copies.flat_map(|line| line.split(' ').rev().skip(1)).collect();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let targets = manifest.lines().filter_map(|line| line.strip_prefix("path = \"")?.split('/').next());
    let mut needed: BTreeSet<String> =
        targets.chain(["src", "crates", ".cargo", "Cargo.lock"]).map(str::to_owned).collect();
    for (path, text) in sources() {
        for named in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let base = if path.starts_with("crates/") { root().to_owned() } else { root().join("src") };
            let file = base.join(&path).parent().unwrap().join(named).canonicalize().unwrap();
            let first = file.strip_prefix(root().canonicalize().unwrap()).unwrap().components().next().unwrap();
            needed.insert(first.as_os_str().to_str().unwrap().to_owned());
        }
        let migrations = text.split("embed_migrations!(\"").skip(1).filter_map(|rest| rest.split('/').next());
        needed.extend(migrations.map(str::to_owned));
    }
    assert!(needed.contains("openapi") && needed.contains("migrations") && needed.contains("bench"), "{needed:?}");
    let missing: Vec<&String> = needed.iter().filter(|name| !copied.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "the Dockerfile does not copy {missing:?}");
}
