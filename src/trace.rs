//! The id that names a request in its response and in the log.

tokio::task_local! {
    static TRACE: String;
}

/// The id of the request that is being answered; empty outside one.
pub fn current() -> String {
    TRACE.try_with(Clone::clone).unwrap_or_default()
}

/// Runs a request under its id.
pub async fn within<F: Future>(id: String, request: F) -> F::Output {
    TRACE.scope(id, request).await
}
