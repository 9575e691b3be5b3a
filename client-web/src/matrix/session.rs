//! Who is signed in, kept over reloads: several sessions, and in each tab one that is open.

use matrix_sdk::{
    SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    ruma::{OwnedDeviceId, OwnedUserId},
};
use serde::{Deserialize, Serialize};

use crate::browser;

/// All sessions, the one that was opened last first.
const PLACE: &str = "hearth-sessions";
/// The database of the session that this tab has open.
const OPEN: &str = "hearth-open";
/// Said in its place: this tab signs in with one more.
const ONE_MORE: &str = "one more";

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

    /// All that are signed in, the one that was opened last first.
    pub fn all() -> Vec<Self> {
        browser::load(PLACE).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// The one that this tab has open.
    pub fn load() -> Option<Self> {
        let mut all = Self::all().into_iter();
        match browser::load_in_tab(OPEN) {
            Some(open) if open == ONE_MORE => None,
            Some(open) => all.clone().find(|session| session.database() == open).or_else(|| all.next()),
            None => all.next(),
        }
    }

    /// Opens it in this tab from its next start on, and in new tabs.
    pub fn save(&self) {
        let others = Self::all().into_iter().filter(|other| other.database() != self.database());
        save_all(&std::iter::once(self.clone()).chain(others).collect::<Vec<_>>());
        browser::save_in_tab(OPEN, &self.database());
    }

    /// At its next start this tab asks who signs in.
    pub fn ask_for_one_more() {
        browser::save_in_tab(OPEN, ONE_MORE);
    }

    pub fn forget(&self) {
        let others = Self::all().into_iter().filter(|other| other.database() != self.database());
        save_all(&others.collect::<Vec<_>>());
        browser::drafts::forget_drafts(&self.database());
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

fn save_all(sessions: &[Session]) {
    if let Ok(text) = serde_json::to_string(sessions) {
        browser::save(PLACE, &text);
    }
}
