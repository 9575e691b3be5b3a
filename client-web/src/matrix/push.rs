//! Being told of new messages while no tab is open: the server speaks to the browser's push service itself (MSC4174).

use matrix_sdk::{
    reqwest::Method,
    ruma::api::client::push::{Pusher, PusherIds},
};
use serde_json::{Value, json};

use super::{Account, Problem};
use crate::browser;

/// The kind of such pushers, until the proposal is part of the specification.
const KIND: &str = "org.matrix.msc4174.webpush";

/// What the server calls this client.
const APP: &str = "app.hearth.web";

/// Where the browser's push service takes what is for this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    pub url: String,
    /// The keys by which only this browser reads it, as base64url.
    pub p256dh: String,
    pub auth: String,
}

impl Account {
    /// The key that the server signs with, if it speaks to push services.
    pub async fn push_key(&self) -> Option<String> {
        // ruma keeps what it does not know of capabilities to itself.
        let url = self.client.homeserver().join("_matrix/client/v3/capabilities").ok()?;
        let request = self.client.http_client().request(Method::GET, url);
        let answer = request.bearer_auth(self.client.access_token()?).send().await.ok()?;
        let told: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        let capabilities = &told["capabilities"];
        let stable = Some(&capabilities["m.webpush"]).filter(|stable| stable.is_object());
        let told = stable.unwrap_or(&capabilities["org.matrix.msc4174.webpush"]);
        told["vapid"].as_str().map(ToOwned::to_owned)
    }

    /// Lets the server tell this browser of new messages.
    pub async fn push_to(&self, subscription: &Subscription) -> Result<(), Problem> {
        let pusher = json!({
            "kind": KIND,
            "app_id": APP,
            "pushkey": subscription.p256dh,
            "app_display_name": "Hearth",
            "device_display_name": "Hearth",
            "lang": browser::languages().into_iter().next().unwrap_or_else(|| "en".to_owned()),
            "data": {
                "url": subscription.url,
                "auth": subscription.auth,
                // What is shown is fetched by whoever opens it: nothing of it goes through others.
                "format": "event_id_only",
            },
        });
        let pusher: Pusher =
            serde_json::from_value(pusher).map_err(|error| Problem::Other(error.to_string()))?;
        Ok(self.client.pusher().set(pusher, false).await?)
    }

    /// Says that a push of the server came, which it waits for before it sends others.
    pub async fn acknowledge_push(&self, token: &str) -> Result<(), Problem> {
        let url = self.client.homeserver().join("_matrix/client/unstable/org.matrix.msc4174/pushers/ack");
        let (Ok(url), Some(access)) = (url, self.client.access_token()) else { return Ok(()) };
        let body = json!({ "app_id": APP, "ack_token": token }).to_string();
        let request = self.client.http_client().request(Method::POST, url).bearer_auth(access).body(body);
        request.send().await.map(drop).map_err(|error| Problem::Other(error.to_string()))
    }

    pub async fn push_no_more(&self, pushkey: &str) -> Result<(), Problem> {
        Ok(self.client.pusher().delete(PusherIds::new(pushkey.to_owned(), APP.to_owned())).await?)
    }
}
