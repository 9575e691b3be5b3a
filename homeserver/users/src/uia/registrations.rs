//! Registrations of late: a client whose answer was lost registers again, and gets the same account.

use std::collections::HashMap;

use ruma::{OwnedDeviceId, OwnedUserId};
use sha2::{Digest, Sha256};

/// How long a registration is known, in milliseconds.
const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// How many are known at once; beyond that the oldest is forgotten.
const MAX_REGISTRATIONS: usize = 1000;

/// What a registration has made: an account, and the device that was logged in.
pub type Registered = (OwnedUserId, Option<OwnedDeviceId>);

/// An attempt to register: its session, which nobody else knows, and its body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RegistrationAttempt([u8; 32]);

impl RegistrationAttempt {
    /// An attempt within a session of user-interactive authentication. Equal bodies are the same JSON.
    pub fn new(session: &str, body: &str) -> Self {
        let hash = Sha256::new().chain_update(session).chain_update([0]).chain_update(body);
        Self(hash.finalize().into())
    }
}

/// The registrations of late, and when they are forgotten.
#[derive(Default)]
pub(super) struct Registrations(HashMap<RegistrationAttempt, (u64, Registered)>);

impl Registrations {
    pub(super) fn get(&self, attempt: RegistrationAttempt, now: u64) -> Option<Registered> {
        self.0.get(&attempt).filter(|(until, _)| *until > now).map(|(_, registered)| registered.clone())
    }

    pub(super) fn put(&mut self, attempt: RegistrationAttempt, registered: Registered, now: u64) {
        if self.0.len() >= MAX_REGISTRATIONS {
            self.0.retain(|_, (until, _)| *until > now);
        }
        if self.0.len() >= MAX_REGISTRATIONS {
            let oldest = self.0.iter().min_by_key(|(attempt, (until, _))| (*until, attempt.0));
            if let Some(oldest) = oldest.map(|(attempt, _)| *attempt) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(attempt, (now + LIFETIME_MS, registered));
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    #[test]
    fn they_are_known_for_a_while_and_bounded() {
        let mut registrations = Registrations::default();
        let first = RegistrationAttempt::new("session", "{}");
        registrations.put(first, (owned_user_id!("@alice:here"), None), 0);
        assert!(registrations.get(first, LIFETIME_MS - 1).is_some());
        assert!(registrations.get(first, LIFETIME_MS).is_none());
        assert!(registrations.get(RegistrationAttempt::new("session", r#"{"a":1}"#), 0).is_none());
        for number in 0..MAX_REGISTRATIONS {
            let attempt = RegistrationAttempt::new(&number.to_string(), "{}");
            registrations.put(attempt, (owned_user_id!("@bob:here"), None), 1);
        }
        assert!(registrations.get(first, 1).is_none());
        assert_eq!(registrations.0.len(), MAX_REGISTRATIONS);
    }
}
