//! Running handlers.

use std::panic::AssertUnwindSafe;

use axum::response::Response;
use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::{MatrixError, Result};

/// Runs a handler; what panics becomes an answer. What writes goes on to its end when the other side hangs up:
/// half of a change, or a lock let go before its commit came through, is worse than an answer that nobody
/// waits for. What only reads (`reads`) is given up.
pub async fn to_its_end(
    reads: bool,
    handler: impl Future<Output = Result<Response>> + Send + 'static,
) -> Result<Response> {
    if reads {
        return AssertUnwindSafe(handler).catch_unwind().await.unwrap_or_else(|_| Err(panicked()));
    }
    detached(handler).await
}

/// Does something to its end, also when nobody waits for it any more.
pub async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> MatrixError {
    tracing::error!("a handler panicked");
    MatrixError::internal("The server failed.")
}
