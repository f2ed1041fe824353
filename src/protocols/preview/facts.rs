//! The library's sources and assumptions, as their tables have them.

const SOURCES: &str = include_str!("../../../protocols/facts/sources.csv");
const ASSUMPTIONS: &str = include_str!("../../../protocols/facts/assumptions.csv");

/// A source of the library.
pub(super) struct Source {
    pub(super) grade: String,
    /// Title, publisher and address.
    pub(super) words: String,
}

/// A source by its key.
pub(super) fn source(key: &str) -> Option<Source> {
    let mut cells = row(SOURCES, key)?.into_iter().skip(1);
    let grade = cells.next()?;
    let mut words: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
    words.dedup(); // some pages have no publisher but their address
    Some(Source { grade, words: words.join(". ") })
}

/// What an assumption says, by its key.
pub(super) fn assumption(key: &str) -> Option<String> {
    row(ASSUMPTIONS, key)?.into_iter().nth(1)
}

fn row(table: &str, key: &str) -> Option<Vec<String>> {
    table.lines().skip(1).map(cells).find(|cells| cells.first().is_some_and(|first| first == key))
}

/// The cells of a line of CSV: what stands in quotes may hold commas, and a quote as two.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut quoted, mut letters) = (false, line.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => push(&mut cells, '"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => push(&mut cells, letter),
        }
    }
    cells
}

fn push(cells: &mut [String], letter: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(letter);
    }
}
