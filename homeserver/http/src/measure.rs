//! Answering a request, and what is measured of each endpoint.

use std::collections::HashMap;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::Result;

/// Requests by endpoint and status, and the seconds they took. Handles are made once: the recorder has to be
/// installed before the router is built.
pub struct Measure {
    api: &'static str,
    endpoint: &'static str,
    seconds: Histogram,
    by_status: Mutex<HashMap<StatusCode, Counter>>,
}

impl Measure {
    /// Of an endpoint of an API: `client_api`, `server_api`.
    pub fn new(api: &'static str, endpoint: &'static str) -> Self {
        let seconds = histogram!(format!("hearth_{api}_seconds"), "endpoint" => endpoint);
        Self { api, endpoint, seconds, by_status: Mutex::default() }
    }

    /// The endpoint's handler.
    pub fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    /// Makes an answer of a result, within the request's span; counts it, and how long it took.
    pub async fn answer(&self, span: Span, result: impl Future<Output = Result<Response>>) -> Response {
        let started = Instant::now();
        let response = match result.instrument(span.clone()).await {
            Ok(response) => response,
            Err(error) => {
                span.in_scope(|| tracing::debug!(%error, "refused"));
                error.into_response()
            }
        };
        self.seconds.record(started.elapsed());
        self.count(response.status());
        response
    }

    fn count(&self, status: StatusCode) {
        let requests = || {
            let name = format!("hearth_{}_requests_total", self.api);
            counter!(name, "endpoint" => self.endpoint, "status" => status.as_str().to_owned())
        };
        self.by_status.lock().entry(status).or_insert_with(requests).increment(1);
    }
}
