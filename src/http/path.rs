//! What stands in paths, as types that cannot hold a wrong word. What is no such word names nothing: 404, like a random id.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;

/// The ids and keys of a path. Like actix's own, but a read that has it can be repeated (`Db::read`).
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(T);

impl<T> Path<T> {
    /// What it holds.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = web::Path::<T>::from_request(request, payload).into_inner();
        ready(read.map(|path| Self(path.into_inner())).map_err(|_| Error::NotFound))
    }
}

/// A number in a path, as it is printed: `+1` and `01` name nothing, so each thing has one URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathNumber(pub i32);

impl TryFrom<String> for PathNumber {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number: i32 = text.parse().map_err(|_| "invalid_value: must be a whole number")?;
        if number.to_string() == text { Ok(Self(number)) } else { Err("invalid_value: must be a whole number") }
    }
}

/// The key of a protocol or of a clinic's text in a path, byte for byte: blanks around it are not taken off, so each thing has one URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$", example = "mn-face")]
pub struct PathKey(String);

impl TryFrom<String> for PathKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_of_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(is_of_key) {
            Ok(Self(text))
        } else {
            Err("invalid_value: has 1 to 64 small letters, digits, dashes and underscores")
        }
    }
}

impl From<PathKey> for String {
    fn from(key: PathKey) -> Self {
        key.0
    }
}

impl Deref for PathKey {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::PathNumber;

    #[test]
    fn a_number_has_one_way_to_be_written() {
        assert_eq!(PathNumber::try_from("12".to_owned()), Ok(PathNumber(12)));
        for text in ["+1", "01", "1.0", " 1", "1 ", "", "-0", "\u{661}", "2147483648"] {
            assert!(PathNumber::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
