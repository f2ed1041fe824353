//! Values that are checked where they come in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A calendar date between 2000-01-01 and 2100-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Date, example = "2026-03-04")]
pub struct Date(pub jiff::civil::Date);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let iso = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date: jiff::civil::Date = text
            .parse()
            .ok()
            .filter(|_| iso)
            .ok_or_else(|| "impossible_date: must be a date of the calendar, as 2026-03-04".to_owned())?;
        if !(2000..=2100).contains(&date.year()) {
            return Err("out_of_range: must be between 2000-01-01 and 2100-12-31".to_owned());
        }
        Ok(Self(date))
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.0.to_string()
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
}
