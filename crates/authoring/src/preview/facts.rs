//! The library's sources and assumptions, as their tables have them.

const SOURCES: &str = include_str!("../../../../protocols/facts/sources.csv");
const ASSUMPTIONS: &str = include_str!("../../../../protocols/facts/assumptions.csv");

/// A source of the library.
pub(super) struct Source {
    pub(super) grade: String,
    /// Title, publisher and address.
    pub(super) words: String,
}

/// A source by its key.
pub(super) fn source(key: &str) -> Option<Source> {
    let row = row(SOURCES, key)?;
    let mut words: Vec<&str> = row.iter().skip(2).filter(|cell| !cell.is_empty()).collect();
    words.dedup(); // some pages have no publisher but their address
    Some(Source { grade: row.get(1)?.to_owned(), words: words.join(". ") })
}

/// What an assumption says, by its key.
pub(super) fn assumption(key: &str) -> Option<String> {
    row(ASSUMPTIONS, key)?.get(1).map(str::to_owned)
}

fn row(table: &str, key: &str) -> Option<csv::StringRecord> {
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records().filter_map(Result::ok);
    rows.into_iter().find(|row| row.get(0) == Some(key))
}
