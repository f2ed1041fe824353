//! The truth and the answers of everybody, one JSON object a line, for who wants to judge them with rules of their own.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::cohort::judge::Course;

pub fn write(path: &Path, results: &[(String, Vec<Course>)]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (plan, courses) in results {
        for course in courses {
            writeln!(file, "{}", line(plan, course))?;
        }
    }
    file.flush()
}

fn line(plan: &str, course: &Course) -> Value {
    let person = &course.person;
    let truth = person.trouble.as_ref().map(|trouble| {
        json!({ "kind": trouble.kind.name(), "onset": trouble.onset, "urgency": trouble.urgency, "signs": trouble.signs,
            "rises": trouble.rises, "temperature": trouble.temperature })
    });
    let before = course.before.iter().map(|(day, answers)| json!({ "day": day, "answers": answers }));
    let judged = course
        .check_ins
        .iter()
        .map(|one| json!({ "day": one.day, "answers": one.answers, "found": one.found, "flat": one.flat }));
    json!({
        "plan": plan,
        "person": person.number,
        "part": person.part.name(),
        "set": person.set,
        "darker_skin": person.darker_skin,
        "speed": person.speed,
        "noise": person.noise,
        "reports": person.reports,
        "trouble": truth,
        "check_ins": before.chain(judged).collect::<Vec<Value>>(),
    })
}
