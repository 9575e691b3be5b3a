//! Where a pusher is, and in which form it is told.

use hearth_users::Pusher;
use ruma::{api::push_gateway::send_event_notification::v1::PusherData, push::PushFormat, serde::JsonObject};
use serde::Deserialize;

use super::webpush::Subscription;
use crate::mail::EMAIL;

/// The kind of pushers of web push, also as it was called first.
pub const WEB_PUSH: [&str; 2] = ["webpush", "org.matrix.msc4174.webpush"];

/// What a pusher says of itself.
pub(super) struct Target {
    pub url: String,
    /// The host and port that are asked.
    pub gateway: String,
    /// What the gateway is told of it: all but the URL, and the secret of web push.
    pub data: PusherData,
    pub kind: Kind,
}

/// Who is asked.
pub(super) enum Kind {
    /// A push gateway.
    Http,
    /// The client's push service (MSC4174).
    WebPush(Subscription),
    /// Whoever reads the mails of an address.
    Mail,
}

/// The name that the mail server has among gateways; no host can have it.
pub(super) const MAIL: &str = "the mail server";

#[derive(Deserialize)]
struct Content {
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    url: String,
    format: Option<PushFormat>,
    auth: Option<String>,
    #[serde(flatten)]
    rest: JsonObject,
}

impl Target {
    /// By what a client said of a pusher; `None` if it is of no kind that is told anything.
    pub fn of(pusher: &Pusher) -> Option<Self> {
        #[derive(Deserialize)]
        struct OfKind {
            kind: String,
        }
        let OfKind { kind } = serde_json::from_str(&pusher.row.pusher).ok()?;
        if kind == EMAIL {
            let (url, data) = (String::new(), PusherData::new());
            return Some(Self { url, gateway: MAIL.to_owned(), data, kind: Kind::Mail });
        }
        let content = serde_json::from_str(&pusher.row.pusher).ok()?;
        let Content { kind, data: Data { url, format, auth, mut rest } } = content;
        let kind = match &*kind {
            "http" => {
                if let Some(auth) = auth {
                    rest.insert("auth".to_owned(), auth.into());
                }
                Kind::Http
            }
            kind if WEB_PUSH.contains(&kind) => {
                Kind::WebPush(Subscription::of(&pusher.pushkey, &auth?).ok()?)
            }
            _ => return None,
        };
        let uri: http::Uri = url.parse().ok()?;
        let gateway = uri.authority()?.as_str().to_ascii_lowercase();
        let mut data = PusherData::new();
        (data.format, data.data) = (format, rest);
        Some(Self { url, gateway, data, kind })
    }

    /// Whether it is told the ids of events alone.
    pub fn ids_only(&self) -> bool {
        self.data.format == Some(PushFormat::EventIdOnly)
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::schema::users::PusherRow;
    use serde_json::json;

    use super::*;

    fn target(pusher: serde_json::Value) -> Option<Target> {
        let row = PusherRow {
            device: "D".into(),
            pusher: pusher.to_string(),
            set_at: 0,
            enabled: true,
            awaits: None,
        };
        Target::of(&Pusher { app_id: "app".to_owned(), pushkey: "key".to_owned(), row })
    }

    #[test]
    fn the_gateway_is_told_all_but_the_url() {
        let data = json!({
            "url": "https://Push.example:8443/_matrix/push/v1/notify", "format": "event_id_only", "x": 1,
        });
        let http = target(json!({"kind": "http", "data": data})).unwrap();
        assert_eq!(http.gateway, "push.example:8443");
        assert!(http.ids_only());
        assert_eq!(serde_json::to_value(&http.data).unwrap(), json!({"format": "event_id_only", "x": 1}));
        assert!(target(json!({"kind": "other", "data": data})).is_none());
        assert!(target(json!({"kind": "webpush", "data": data})).is_none(), "it has no keys");
    }
}
