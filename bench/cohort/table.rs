//! What the courses add up to: per plan, per rule, per noise and per complication.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use engine::Urgency;

use super::judge::{CheckIn, Course};
use super::people::NOISES;
use super::trouble::{Kind, Trouble};

/// What became of the healthy people of one group.
#[derive(Debug, Default, Clone)]
pub struct Healthy {
    pub people: usize,
    pub alerted: usize,
    pub urgent: usize,
    pub noted: usize,
    pub flat: usize,
    pub check_ins: usize,
    pub alerted_check_ins: usize,
    pub flat_check_ins: usize,
    pub silent: usize,
    /// Alerted because they said they worry or want a call: nobody's rule is wrong there, and `alerted` leaves them out.
    pub asked: usize,
}

/// What became of the seeded complications of one group.
#[derive(Debug, Default, Clone)]
pub struct Seeded {
    pub people: usize,
    /// No finding of soon or more at the first check-in from the onset on.
    pub missed: usize,
    /// Of those, nothing at the one after it either.
    pub missed_twice: usize,
    /// Found, and less pressing than the fact sheet asks for.
    pub too_calm: usize,
    pub flat_missed: usize,
    /// Nothing was answered from the onset on.
    pub silent: usize,
}

impl Healthy {
    /// Adds up healthy courses.
    pub fn of<'a>(courses: impl IntoIterator<Item = &'a Course>) -> Self {
        let mut sum = Self::default();
        for course in courses.into_iter().filter(|course| course.person.trouble.is_none()) {
            let most = course.check_ins.iter().filter_map(CheckIn::urgency_of_skin).max();
            let count = |of: fn(&CheckIn) -> bool| course.check_ins.iter().filter(|one| of(one)).count();
            let flat = count(|one| one.flat);
            sum.people += 1;
            sum.alerted += usize::from(most >= Some(Urgency::Soon));
            sum.urgent += usize::from(most >= Some(Urgency::Urgent));
            sum.noted += usize::from(most == Some(Urgency::Note));
            sum.flat += usize::from(flat > 0);
            sum.check_ins += course.check_ins.len();
            sum.alerted_check_ins += count(|one| one.urgency_of_skin() >= Some(Urgency::Soon));
            sum.asked += usize::from(most < Some(Urgency::Soon) && count(CheckIn::alerts) > 0);
            sum.flat_check_ins += flat;
            sum.silent += usize::from(course.silent);
        }
        sum
    }

    /// By how many percent fewer check-ins are alerted than by the flat rule.
    pub fn fewer(&self) -> f64 {
        100.0 - percent(self.alerted_check_ins, self.flat_check_ins)
    }
}

impl Seeded {
    /// Adds up courses with a complication.
    pub fn of<'a>(courses: impl IntoIterator<Item = &'a Course>) -> Self {
        let mut sum = Self::default();
        for course in courses {
            let Some(trouble) = &course.person.trouble else { continue };
            sum.people += 1;
            let Some(first) = course.check_ins.first() else {
                sum.silent += 1;
                continue;
            };
            let missed = !first.alerts();
            sum.missed += usize::from(missed);
            sum.missed_twice += usize::from(missed && !course.check_ins.iter().any(CheckIn::alerts));
            sum.too_calm += usize::from(!missed && is_too_calm(first, trouble));
            sum.flat_missed += usize::from(!first.flat);
        }
        sum
    }
}

fn is_too_calm(first: &CheckIn, trouble: &Trouble) -> bool {
    first.urgency() < Some(trouble.urgency)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A share in percent; 0 of nothing.
pub fn percent(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * count(part) / count(of) }
}

type Results = [(String, Vec<Course>)];

/// The whole report as Markdown.
pub fn report(results: &Results) -> String {
    let all: Vec<&Course> = results.iter().flat_map(|(_, courses)| courses).collect();
    let mut text = String::new();
    let mut healthy: Vec<(String, Healthy)> =
        results.iter().map(|(plan, courses)| (plan.clone(), Healthy::of(courses))).collect();
    healthy.push(("all".to_owned(), Healthy::of(all.iter().copied())));
    let mut seeded: Vec<(String, Seeded)> =
        results.iter().map(|(plan, courses)| (plan.clone(), Seeded::of(courses))).collect();
    seeded.push(("all".to_owned(), Seeded::of(all.iter().copied())));
    put(&mut text, "Healthy people (a false alarm is `soon` or more)", &healthy_table("Plan", &healthy));
    put(&mut text, "Seeded complications, at the first check-in from the onset on", &seeded_table("Plan", &seeded));
    let of_kind =
        |kind: Kind| move |course: &&Course| course.person.trouble.as_ref().is_some_and(|one| one.kind == kind);
    let kinds =
        Kind::ALL.iter().map(|kind| (kind.name().to_owned(), Seeded::of(all.iter().copied().filter(of_kind(*kind)))));
    put(&mut text, "The same by complication", &seeded_table("Complication", &kinds.collect::<Vec<_>>()));
    let of_noise = |noise: f64| all.iter().copied().filter(move |course| (course.person.noise - noise).abs() < 0.01);
    let noises: Vec<(String, Healthy)> =
        NOISES.iter().map(|noise| (format!("noise {noise}"), Healthy::of(of_noise(*noise)))).collect();
    put(&mut text, "Healthy people by noise", &healthy_table("Noise", &noises));
    let noises: Vec<(String, Seeded)> =
        NOISES.iter().map(|noise| (format!("noise {noise}"), Seeded::of(of_noise(*noise)))).collect();
    put(&mut text, "Seeded complications by noise", &seeded_table("Noise", &noises));
    put(
        &mut text,
        "False alarms by rule: healthy people, check-ins, people whom it alone alerted",
        &rules_table(results),
    );
    put(&mut text, "Aims", &aims(&healthy, &seeded));
    text
}

fn put(text: &mut String, title: &str, table: &str) {
    text.push_str(&format!("### {title}\n\n{table}\n"));
}

fn healthy_table(first: &str, rows: &[(String, Healthy)]) -> String {
    let mut table = format!(
        "| {first} | People | Alerted | Urgent | Note at most | Flat rule | Check-ins | Alerted | Flat rule | Fewer | Only asked for a call | Silent (R6) |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for (name, one) in rows {
        let people = |part: usize| percent(part, one.people);
        let check_ins = |part: usize| percent(part, one.check_ins);
        let _ = writeln!(
            table,
            "| {name} | {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} | {:.2} % | {:.2} % | {:.0} % | {:.1} % | {:.1} % |",
            one.people,
            people(one.alerted),
            people(one.urgent),
            people(one.noted),
            people(one.flat),
            one.check_ins,
            check_ins(one.alerted_check_ins),
            check_ins(one.flat_check_ins),
            one.fewer(),
            people(one.asked),
            people(one.silent),
        );
    }
    table
}

fn seeded_table(first: &str, rows: &[(String, Seeded)]) -> String {
    let mut table = format!(
        "| {first} | Seeded | Never answered | Missed | Missed twice | Found too calm | Flat rule missed |\n|---|--:|--:|--:|--:|--:|--:|\n"
    );
    for (name, one) in rows {
        let _ = writeln!(
            table,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            one.people, one.silent, one.missed, one.missed_twice, one.too_calm, one.flat_missed
        );
    }
    table
}

/// What one rule did to healthy people of one plan.
#[derive(Default)]
struct Blame {
    people: usize,
    check_ins: usize,
    alone: usize,
    urgent: usize,
}

fn blame(courses: &[Course]) -> BTreeMap<String, Blame> {
    let mut blames: BTreeMap<String, Blame> = BTreeMap::new();
    for course in courses.iter().filter(|course| course.person.trouble.is_none()) {
        let alerts = |one: &&(String, Urgency)| one.1 >= Urgency::Soon;
        let mut rules: BTreeSet<&str> = BTreeSet::new();
        for check_in in &course.check_ins {
            let here: BTreeSet<&str> = check_in.found.iter().filter(alerts).map(|(rule, _)| rule.as_str()).collect();
            here.iter().for_each(|rule| blames.entry((*rule).to_owned()).or_default().check_ins += 1);
            rules.extend(here);
        }
        let found = || course.check_ins.iter().flat_map(|one| &one.found);
        for rule in &rules {
            let blame = blames.entry((*rule).to_owned()).or_default();
            blame.people += 1;
            blame.alone += usize::from(rules.len() == 1);
            let is_urgent = |one: &(String, Urgency)| one.0 == *rule && one.1 >= Urgency::Urgent;
            blame.urgent += usize::from(found().any(is_urgent));
        }
    }
    blames
}

fn rules_table(results: &Results) -> String {
    let mut table = "| Plan | Rule | People | Urgent | Check-ins | Alone |\n|---|---|--:|--:|--:|--:|\n".to_owned();
    for (plan, courses) in results {
        let mut rules: Vec<(String, Blame)> = blame(courses).into_iter().collect();
        rules.sort_by_key(|(_, blame)| std::cmp::Reverse(blame.people));
        for (rule, Blame { people, urgent, check_ins, alone }) in rules {
            let _ = writeln!(table, "| {plan} | {rule} | {people} | {urgent} | {check_ins} | {alone} |");
        }
    }
    table
}

/// The most percent of healthy people of a plan that may be alerted.
pub fn most_alerted(plan: &str) -> f64 {
    if matches!(plan, "peel-medium" | "laser-afl") { 15.0 } else { 10.0 }
}

/// The most percent of healthy people of a plan that may be told that it is urgent.
pub const MOST_URGENT: f64 = 2.0;

fn aims(healthy: &[(String, Healthy)], seeded: &[(String, Seeded)]) -> String {
    let mut table = "| Aim | Result | |\n|---|---|---|\n".to_owned();
    let mut row = |aim: String, result: String, met: bool| {
        let _ = writeln!(table, "| {aim} | {result} | {} |", if met { "met" } else { "MISSED" });
    };
    for (_, one) in seeded.iter().filter(|(plan, _)| plan == "all") {
        row(format!("missed: 0 of {}", one.people - one.silent), one.missed.to_string(), one.missed == 0);
    }
    for (plan, one) in healthy {
        if plan == "all" {
            let fewer = one.fewer();
            row(
                "60 % fewer check-ins alerted than by the flat rule".to_owned(),
                format!("{fewer:.0} %"),
                fewer >= 60.0,
            );
            continue;
        }
        let (alerted, urgent) = (percent(one.alerted, one.people), percent(one.urgent, one.people));
        let most = most_alerted(plan);
        row(format!("{plan}: alerted at most {most} %"), format!("{alerted:.1} %"), alerted <= most);
        row(format!("{plan}: urgent at most {MOST_URGENT} %"), format!("{urgent:.1} %"), urgent <= MOST_URGENT);
    }
    table
}
