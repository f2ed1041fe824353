//! A plan as every day, for a terminal.

use super::reader::filled;
use super::words::Words;
use super::{Preview, PreviewDay, PreviewLine};

impl Preview {
    /// Every day, for a terminal.
    pub fn text(&self, locale: &str) -> String {
        let words = Words::of(locale);
        let mut page = vec![self.title.clone(), "=".repeat(self.title.chars().count()), String::new()];
        if !self.exclusions.is_empty() {
            page.push(format!("!! {}:", words.first));
            page.extend(self.exclusions.iter().map(|exclusion| format!("   - {}", exclusion.text)));
            if self.any_meanwhile() {
                page.push(format!("   (* = {})", words.meanwhile));
            }
            page.push(String::new());
        }
        page.push(format!("!! {}", self.approval));
        page.push(String::new());
        page.push(format!("{}: {}", words.treated_on, self.treated_on.0));
        if !self.variants.is_empty() {
            page.push(format!("{}: {}", words.applies, self.variants.join("; ")));
        }
        for day in &self.days {
            self.day_text(words, day, &mut page);
        }
        page.push(String::new());
        page.join("\n")
    }

    /// Whether the patient sees any line while a clinician decides.
    fn any_meanwhile(&self) -> bool {
        let groups = self.days.iter().flat_map(|day| day.groups(Words::of("en")));
        groups.into_iter().any(|(_, lines)| lines.iter().any(|line| line.even_when_excluded))
    }

    fn day_text(&self, words: &Words, day: &PreviewDay, page: &mut Vec<String>) {
        let head = match day.to_day {
            last if last == day.day => format!("{} {}  {}", words.day, day.day, day.called),
            last => format!("{} {}-{last}  {} - {}", words.days, day.day, day.called, day.to_called),
        };
        page.extend([String::new(), head.clone(), "-".repeat(head.chars().count())]);
        if let Some(phase) = &day.phase {
            page.push(format!("  {}: {} {}", phase.title, phase.common, phase.advice));
        }
        for (name, lines) in day.groups(words) {
            for (index, line) in lines.iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                let star = if line.even_when_excluded && !self.exclusions.is_empty() { "* " } else { "" };
                page.push(format!("  {name:10} {star}{}", line.text(words)));
            }
        }
    }
}

impl PreviewDay {
    /// The groups that have lines, with their names, in the order in which to read them.
    fn groups(&self, words: &Words) -> Vec<(&'static str, &[PreviewLine])> {
        let all: [(&'static str, &[PreviewLine]); 6] = [
            (words.instructions, &self.instructions),
            (words.restrictions, &self.restrictions),
            (words.tasks, &self.tasks),
            (words.check_ins, &self.check_ins),
            (words.photos, &self.photos),
            (words.education, &self.education),
        ];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

impl PreviewLine {
    fn text(&self, words: &Words) -> String {
        let mut text = self.title.clone();
        if !self.windows.is_empty() {
            text.push_str(&format!(" [{}]", self.windows.join(", ")));
        }
        if let Some(called) = &self.last_called {
            text.push_str(&format!(" ({}", filled(words.until, &[("date", called)])));
            if let Some(most) = self.may_last_to {
                let most = filled(words.a_day, &[("day", &most.to_string())]);
                text.push_str(&format!("; {}", filled(words.longer_until, &[("date", &most)])));
            }
            text.push(')');
        }
        if let Some(more) = &self.text {
            text.push_str(&format!(". {more}"));
        }
        if !self.questions.is_empty() {
            text.push_str(&format!("\n            {}: {}", words.asks, self.questions.join(" | ")));
        }
        text
    }
}
