//! Who is signed in, in this tab alone: the token is never anywhere but in its storage, which goes with the tab.
//!
//! Access tokens live for minutes, and only this page can refresh them: a tab that is closed leaves nothing by which one
//! could go on. Its device is removed when the same person signs in here again.

use hearth_client_design::{page, words::t};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{self, Problem, SYNAPSE, encoded};

/// Where it is kept over reloads.
const PLACE: &str = "hearth-admin";
/// A device of this page that nobody used for so long was left without signing out, in milliseconds.
const LEFT_MS: i64 = 30 * 60_000;
/// An access token is renewed when it has no more than this left, in milliseconds.
const NEARLY_MS: i64 = 30_000;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    #[serde(rename = "user_id")]
    pub user: String,
    #[serde(rename = "device_id")]
    device: String,
    access_token: String,
    refresh_token: Option<String>,
    /// As it was told.
    expires_in_ms: Option<i64>,
    /// When it was told.
    #[serde(default = "page::now")]
    told_at: i64,
}

impl Session {
    /// The one that this tab has.
    pub fn load() -> Option<Self> {
        serde_json::from_str(&page::load_in_tab(PLACE)?).ok()
    }

    fn save(&self) {
        page::save_in_tab(PLACE, &serde_json::to_string(self).unwrap_or_default());
    }

    /// Signs in by a password, with a device of its own.
    pub async fn begin(name: &str, password: &str) -> Result<Self, Problem> {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": name.trim() },
            "password": password,
            "initial_device_display_name": t("device-name"),
            "refresh_token": true,
        });
        let answer = api::ask("POST", "/_matrix/client/v3/login", Some(&body), None).await?;
        let session: Self =
            serde_json::from_value(answer).map_err(|error| Problem::Strange(error.to_string()))?;
        session.save();
        Ok(session)
    }

    pub fn token(&self) -> &str {
        &self.access_token
    }

    /// Whether its token is valid for moments only.
    pub fn is_ending(&self) -> bool {
        self.expires_in_ms.is_some_and(|ms| self.told_at + ms - NEARLY_MS < page::now())
    }

    /// The same with a new token.
    pub async fn renewed(&self) -> Result<Self, Problem> {
        let body = json!({ "refresh_token": self.refresh_token });
        let answer = api::ask("POST", "/_matrix/client/v3/refresh", Some(&body), None).await?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let session = Self {
            access_token: text("access_token").ok_or(Problem::SignedOut)?,
            refresh_token: text("refresh_token").or_else(|| self.refresh_token.clone()),
            expires_in_ms: answer["expires_in_ms"].as_i64(),
            told_at: page::now(),
            ..self.clone()
        };
        session.save();
        Ok(session)
    }

    /// Ends it here, and on the server as far as that answers.
    pub async fn end(self) {
        page::save_in_tab(PLACE, "");
        let token = match self.is_ending() {
            true => self.renewed().await.map(|session| session.access_token),
            false => Ok(self.access_token),
        };
        page::save_in_tab(PLACE, "");
        if let Ok(token) = token {
            let _ = api::ask("POST", "/_matrix/client/v3/logout", Some(&json!({})), Some(&token)).await;
        }
    }

    /// Removes devices of tabs that were closed.
    pub async fn tidy(self) {
        let token = self.access_token.as_str();
        let path = format!("{SYNAPSE}/v2/users/{}/devices", encoded(&self.user));
        let Ok(answer) = api::ask("GET", &path, None, Some(token)).await else { return };
        let is_left = |device: &&Value| {
            device["display_name"] == t("device-name")
                && device["device_id"] != self.device
                && device["last_seen_ts"].as_i64().is_some_and(|seen| seen + LEFT_MS < page::now())
        };
        for device in answer["devices"].as_array().into_iter().flatten().filter(is_left) {
            let id = encoded(device["device_id"].as_str().unwrap_or_default());
            let _ = api::ask("DELETE", &format!("{path}/{id}"), None, Some(token)).await;
        }
    }
}
