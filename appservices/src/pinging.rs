//! Whether this server reaches a service, as the service wants to know (application service API, "Pinging").

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::{AppServices, AskError, Service, wire::Limits};

/// Where services are pinged.
pub(crate) const PING: &str = "/_matrix/app/v1/ping";

const LIMITS: Limits = Limits { timeout: Duration::from_secs(30), body_bytes: 64 << 10 };

impl AppServices {
    /// Pings a service, and says how long it took. Then what it did not take before is sent again at once.
    pub async fn ping(&self, service: &Service, transaction_id: Option<&str>) -> Result<Duration, AskError> {
        let body = match transaction_id {
            Some(id) => json!({ "transaction_id": id }),
            None => json!({}),
        };
        let begun = Instant::now();
        let body = Bytes::from(body.to_string());
        self.wire().ask(service, Method::POST, &[PING], body, LIMITS).await?;
        service.wake.notify_one();
        Ok(begun.elapsed())
    }
}
