//! Keyset pages: `{ "items": [..], "next_cursor": ".." | null }`, newest or smallest key first, `limit` 1 to 100.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::error::Error;
use ground::encoding::{from_url_base64, url_base64};

/// The query of every list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many items at the most.
    #[serde(default)]
    #[param(value_type = i64, default = 25, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(max_length = 64, value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// 1 to 100; 25 unless told.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = i64)]
pub struct Limit(i64);

impl Default for Limit {
    fn default() -> Self {
        Self(25)
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(limit) if (1..=100).contains(&limit) => Ok(Self(limit)),
            _ => Err("out_of_range: `limit` must be a whole number from 1 to 100".to_owned()),
        }
    }
}

impl Limit {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A place in a numbered list, from 0.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = i64, minimum = 0)]
pub struct Place(pub i64);

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let place = text.parse().ok().filter(|place| *place >= 0);
        place.map(Self).ok_or_else(|| "out_of_range: must be a whole number, not below 0".to_owned())
    }
}

/// Where the last page ended: the id of its last item. Opaque to callers. It says nothing that the caller has not seen,
/// and every query that uses it names the tenant itself.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor(Uuid);

impl TryFrom<String> for Cursor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        from_url_base64(&text)
            .and_then(|bytes| Uuid::from_slice(&bytes).ok())
            .map(Self)
            .ok_or_else(|| "invalid_value: `cursor` is not one that this server gave".to_owned())
    }
}

impl PageParams {
    /// The longest first page there is.
    pub fn whole() -> Self {
        Self { limit: Limit(100), cursor: None }
    }

    /// One more than a page holds, so that we know whether another follows.
    pub fn fetch(&self) -> i64 {
        self.limit.0 + 1
    }

    /// The id after which the page starts.
    pub fn after<T: From<Uuid>>(&self) -> Option<T> {
        self.cursor.map(|Cursor(id)| T::from(id))
    }

    /// The page after the one that was fetched; `None` if that was the last.
    pub fn next<T>(&self, fetched: &[T], id: impl Fn(&T) -> Uuid) -> Option<Self> {
        let most = usize::try_from(self.limit.0).ok()?;
        let last = fetched.get(most.checked_sub(1)?).filter(|_| fetched.len() > most)?;
        Some(Self { cursor: Some(Cursor(id(last))), ..self.clone() })
    }

    /// Cuts what was fetched to the page, and makes the cursor of the next.
    pub fn cut<T, V>(
        &self,
        mut rows: Vec<T>,
        id: impl Fn(&T) -> Uuid,
        view: impl FnMut(T) -> V,
    ) -> Result<Page<V>, Error> {
        let most = usize::try_from(self.limit.0).map_err(|why| Error::internal("page size", why))?;
        let more = rows.len() > most;
        rows.truncate(most);
        let next_cursor = rows.last().filter(|_| more).map(|row| url_base64(id(row).as_bytes()));
        Ok(Page { items: rows.into_iter().map(view).collect(), next_cursor })
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; `null` on the last.
    #[schema(required, example = "AZfy8H88fB6aRC9dHJ8rEQ")]
    pub next_cursor: Option<String>,
}
