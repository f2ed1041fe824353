//! How much of the patient's two sheets of A4 a calendar fills, so that what does not fit is named by its title instead.

use super::calendar::{Bar, Calendar, Cell, Detail, Entry, Later, READ, Signs, Week};

/// Tenths of a line of 9 pt on a page.
const PAGE: usize = 770;
/// What is filled of two pages: less than both, because fonts differ.
const TWO_PAGES: usize = 1_530;
/// How far such an estimate may be off where a page breaks, with the first line under the days.
const DOUBT: usize = 120;
/// Letters of a line over the whole page, of a line of a column, of a line of a day.
const WHOLE: usize = 120;
const COLUMN: usize = 60;
const DAY: usize = 15;

impl Calendar {
    /// Takes explanations as long as two pages hold them. Of the rest, what to do and avoid stands under its days all the same; what is
    /// good to know is named, to be read elsewhere.
    pub(super) fn fill_up(&mut self, details: Vec<Detail>) {
        let is_to_read = |detail: &&Detail| detail.class == READ;
        self.more = details.iter().filter(is_to_read).map(|detail| detail.title.clone()).collect();
        for detail in details {
            if self.tenths() + detail.tenths() > TWO_PAGES {
                break;
            }
            self.more.retain(|title| *title != detail.title);
            self.details.push(detail);
        }
    }

    /// Its height in tenths of a line, as printed, with what a break leaves empty.
    pub(super) fn tenths(&self) -> usize {
        let later: usize = self.later.iter().map(Later::tenths).sum();
        let later = if self.later.is_empty() { 0 } else { 20 + later };
        let details: usize = self.details.iter().map(Detail::tenths).sum();
        let more = lines(&self.more.join(" · "), WHOLE) + 10;
        let weeks: usize = self.weeks.iter().map(Week::tenths).sum();
        self.top() + weeks + self.left_empty() + later + 20 + details + more + 25
    }

    /// The title, the numbers and the signs.
    fn top(&self) -> usize {
        let reasons: usize = self.exclusions.iter().map(|reason| lines(reason, WHOLE)).sum();
        let reasons = if self.exclusions.is_empty() { 0 } else { reasons + 35 };
        let signs = |group: &Signs| 16 + group.texts.iter().map(|text| lines(text, COLUMN) / 2).sum::<usize>();
        let missing = if self.numbers_missing { 20 } else { 0 };
        85 + missing + reasons + self.signs.iter().map(signs).sum::<usize>()
    }

    /// What the first page leaves empty because the days of the second week are not torn apart.
    fn left_empty(&self) -> usize {
        let mut weeks = self.weeks.iter();
        let used = self.top() + weeks.next().map_or(0, Week::tenths);
        let wanted = weeks.next().map_or(0, |week| week.head() + DOUBT);
        let left = PAGE.saturating_sub(used);
        if left < wanted { left } else { 0 }
    }
}

impl Week {
    fn head(&self) -> usize {
        45 + self.days.iter().map(Cell::tenths).max().unwrap_or_default()
    }

    fn tenths(&self) -> usize {
        self.head() + self.bars.iter().map(Bar::tenths).sum::<usize>()
    }
}

impl Later {
    /// Half of its lines: there are two columns.
    fn tenths(&self) -> usize {
        let letters: usize = self.lines.iter().map(|line| line.letters() + 3).sum();
        (self.called.chars().count() + 12 + letters).div_ceil(COLUMN) * 5 + 1
    }
}

impl Cell {
    fn tenths(&self) -> usize {
        self.lines.iter().map(|line| line.letters().div_ceil(DAY) * 10 + 1).sum()
    }
}

impl Entry {
    fn letters(&self) -> usize {
        self.text.chars().count() + self.hours.as_ref().map_or(0, |hours| hours.chars().count() + 1) + 2
    }
}

impl Bar {
    fn tenths(&self) -> usize {
        let texts = self.texts.iter().chain(&self.until).chain(&self.longer);
        let letters = texts.map(|text| text.chars().count() + 3).sum::<usize>();
        let columns = usize::try_from(8 - self.from.min(3)).unwrap_or(7);
        letters.div_ceil(WHOLE * columns / 7) * 10 + 3
    }
}

impl Detail {
    /// Half of its lines: there are two columns.
    fn tenths(&self) -> usize {
        (self.title.chars().count() + self.text.chars().count() + 4).div_ceil(COLUMN) * 5 + 2
    }
}

fn lines(text: &str, letters: usize) -> usize {
    text.chars().count().div_ceil(letters) * 10
}
