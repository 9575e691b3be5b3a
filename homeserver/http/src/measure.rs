//! What is measured of each endpoint.

use std::{collections::HashMap, time::Duration};

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;

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

    /// Counts one request.
    pub fn record(&self, status: StatusCode, took: Duration) {
        self.seconds.record(took);
        let requests = || {
            let name = format!("hearth_{}_requests_total", self.api);
            counter!(name, "endpoint" => self.endpoint, "status" => status.as_str().to_owned())
        };
        self.by_status.lock().entry(status).or_insert_with(requests).increment(1);
    }
}
