//! Sources and assumptions: every key exists, and is used.

use std::collections::BTreeSet;

use super::Linter;
use engine::{DefectCode, Grounds, OwnGround, nearest};

const SOURCES: &str = include_str!("../../../../protocols/facts/sources.csv");
const ASSUMPTIONS: &str = include_str!("../../../../protocols/facts/assumptions.csv");

/// The codes of one kind of grounds.
struct Kind {
    word: &'static str,
    unknown: DefectCode,
    unused: DefectCode,
}

impl Linter<'_, '_> {
    pub(super) fn sources(&self) {
        let protocol = self.protocol;
        let statements = self.grounds();
        let sources = statements.iter().flat_map(|grounds| &grounds.sources).map(String::as_str).collect();
        let assumptions = statements.iter().flat_map(|grounds| &grounds.assumptions).map(String::as_str).collect();
        let kind = Kind { word: "source", unknown: DefectCode::SourceUnknown, unused: DefectCode::SourceUnused };
        self.grounds_of(&kind, (&protocol.sources, &protocol.own_sources), SOURCES, &sources);
        let kind =
            Kind { word: "assumption", unknown: DefectCode::AssumptionUnknown, unused: DefectCode::AssumptionUnused };
        self.grounds_of(&kind, (&protocol.assumptions, &protocol.own_assumptions), ASSUMPTIONS, &assumptions);
    }

    fn grounds_of(
        &self,
        Kind { word, unknown, unused }: &Kind,
        (declared, own): (&[String], &[OwnGround]),
        table: &str,
        used: &BTreeSet<&str>,
    ) {
        let library: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        for (index, key) in declared.iter().enumerate() {
            let path = format!("{word}s[{index}]");
            if !library.contains(&key.as_str()) && !own.iter().any(|one| one.key == *key) {
                let known = library.iter().copied().chain(own.iter().map(|one| one.key.as_str()));
                let fix = match nearest(key, known) {
                    Some(meant) => format!("write `{meant}`, or describe `{key}` in a [[{word}]]"),
                    None => format!("describe it in a [[{word}]], or use a key of protocols/facts/{word}s.csv"),
                };
                self.places.add(&path, *unknown, format!("the {word} `{key}` does not exist"), fix);
            }
            if !used.contains(key.as_str()) {
                let fix = format!("use it where it says something, or remove it from `{word}s`");
                self.places.add(&path, *unused, format!("the {word} `{key}` is declared and not used"), fix);
            }
        }
        for (index, ground) in own.iter().enumerate().filter(|(_, one)| !declared.contains(&one.key)) {
            let problem = format!("the {word} `{}` is described and not declared", ground.key);
            let fix = format!("add it to `{word}s` at the top, or remove it");
            self.places.add(&format!("{word}[{index}]"), *unused, problem, fix);
        }
    }

    fn grounds(&self) -> Vec<&Grounds> {
        let protocol = self.protocol;
        let sessions = protocol.sessions.iter().map(|one| &one.grounds);
        let exclusions = protocol.exclusions.iter().map(|one| &one.grounds);
        let phases = protocol.phases.iter().map(|one| &one.grounds);
        let curves = protocol.curves.iter().map(|one| &one.grounds);
        let adjusts = protocol.adjusts.iter().map(|one| &one.grounds);
        let items = protocol.items.iter().map(|one| &one.grounds);
        let signs = protocol.signs.iter().map(|one| &one.grounds);
        let rules = protocol.rules.iter().map(|one| &one.grounds);
        let lines = sessions.chain(exclusions).chain(phases).chain(curves).chain(adjusts);
        lines.chain(items).chain(signs).chain(rules).collect()
    }
}
