//! Who is signed in, kept over reloads.

use matrix_sdk::{
    SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    ruma::{OwnedDeviceId, OwnedUserId},
};
use serde::{Deserialize, Serialize};

use crate::browser;

const PLACE: &str = "hearth-session";

/// A session with a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The base URL of the client API.
    pub server: String,
    pub user: OwnedUserId,
    pub device: OwnedDeviceId,
    token: String,
}

impl Session {
    pub fn new(server: String, user: OwnedUserId, device: OwnedDeviceId, token: String) -> Self {
        Self { server, user, device, token }
    }

    /// The one that is signed in.
    pub fn load() -> Option<Self> {
        serde_json::from_str(&browser::load(PLACE)?).ok()
    }

    pub fn save(&self) {
        if let Ok(text) = serde_json::to_string(self) {
            browser::save(PLACE, &text);
        }
    }

    pub fn forget() {
        browser::forget(PLACE);
    }

    /// The name of its databases: each session has its own.
    pub fn database(&self) -> String {
        format!("hearth:{}:{}", self.user, self.device)
    }

    pub fn to_matrix(&self) -> MatrixSession {
        MatrixSession {
            meta: SessionMeta { user_id: self.user.clone(), device_id: self.device.clone() },
            tokens: SessionTokens { access_token: self.token.clone(), refresh_token: None },
        }
    }
}
