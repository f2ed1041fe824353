//! The months in each language of the texts, January first: for dates that people read.

use crate::language;

/// In English.
pub const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// In Spanish: written small.
pub const SPANISH: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
/// In German.
pub const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// In the language of a locale; English if there are none in it.
pub fn of(locale: &str) -> &'static [&'static str; 12] {
    match language(locale) {
        "es" => &SPANISH,
        "de" => &GERMAN,
        _ => &ENGLISH,
    }
}
