//! What every route shares: reading a body, conditions (`ETag`, `If-Match`), pages, and the edge that wraps each request.

pub mod body;
pub mod canonical;
pub mod compress;
pub mod conditions;
pub mod connections;
pub mod cors;
pub mod idempotency;
pub mod language;
pub mod limits;
pub mod line_ends;
pub mod media;
pub mod page;
pub mod path;
pub mod text;

pub use body::{Body, Query};
pub use page::{Page, PageParams};
pub use path::{Path, PathKey, PathNumber};
