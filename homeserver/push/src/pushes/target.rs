//! Where a pusher is, and in which form it is told.

use ruma::{api::push_gateway::send_event_notification::v1::PusherData, push::PushFormat, serde::JsonObject};
use serde::Deserialize;

/// What a pusher says of itself.
pub(super) struct Target {
    pub url: String,
    /// The host and port that are asked.
    pub gateway: String,
    /// What the gateway is told of it: all but the URL.
    pub data: PusherData,
}

#[derive(Deserialize)]
struct Content {
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    url: String,
    format: Option<PushFormat>,
    #[serde(flatten)]
    rest: JsonObject,
}

impl Target {
    /// By what a client said of a pusher; `None` if it is of no kind that is told anything.
    pub fn of(pusher: &str) -> Option<Self> {
        let Content { kind, data: Data { url, format, rest } } = serde_json::from_str(pusher).ok()?;
        if kind != "http" {
            return None;
        }
        let uri: http::Uri = url.parse().ok()?;
        let gateway = uri.authority()?.as_str().to_ascii_lowercase();
        let mut data = PusherData::new();
        (data.format, data.data) = (format, rest);
        Some(Self { url, gateway, data })
    }

    /// Whether it is told the ids of events alone.
    pub fn ids_only(&self) -> bool {
        self.data.format == Some(PushFormat::EventIdOnly)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gateway_is_told_all_but_the_url() {
        let pusher = json!({
            "kind": "http",
            "data": {"url": "https://Push.example:8443/_matrix/push/v1/notify", "format": "event_id_only", "x": 1},
        });
        let target = Target::of(&pusher.to_string()).unwrap();
        assert_eq!(target.gateway, "push.example:8443");
        assert!(target.ids_only());
        assert_eq!(serde_json::to_value(&target.data).unwrap(), json!({"format": "event_id_only", "x": 1}));
        assert!(
            Target::of(&json!({"kind": "other", "data": {"url": "https://a.example/"}}).to_string())
                .is_none()
        );
    }
}
