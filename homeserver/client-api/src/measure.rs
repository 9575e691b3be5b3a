//! What is measured of each endpoint.

use std::{collections::HashMap, time::Duration};

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;

/// Requests by endpoint and status, and the seconds they took. Handles are made once: the recorder has to be
/// installed before the router is built.
pub(crate) struct Measure {
    endpoint: &'static str,
    seconds: Histogram,
    by_status: Mutex<HashMap<StatusCode, Counter>>,
}

impl Measure {
    pub(crate) fn new(endpoint: &'static str) -> Self {
        let seconds = histogram!("hearth_client_api_seconds", "endpoint" => endpoint);
        Self { endpoint, seconds, by_status: Mutex::default() }
    }

    /// The endpoint's handler.
    pub(crate) fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    pub(crate) fn record(&self, status: StatusCode, took: Duration) {
        self.seconds.record(took);
        let requests = |endpoint| counter!("hearth_client_api_requests_total", "endpoint" => endpoint, "status" => status.as_str().to_owned());
        self.by_status.lock().entry(status).or_insert_with(|| requests(self.endpoint)).increment(1);
    }
}
