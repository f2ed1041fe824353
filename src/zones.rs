//! Time zones as records have them.

use jiff::tz::TimeZone;

use crate::error::Error;

/// The zone of a stored name.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::get(name).map_err(|why| Error::internal("a stored zone is unknown", why))
}
