//! Whether one's messages are safe: this session verified, and a recovery key kept.

use futures::{Stream, StreamExt, stream};
use matrix_sdk::encryption::{VerificationState, recovery::RecoveryState};

use super::{Account, Problem};

/// What is still to be done for one's messages to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// It is not known yet.
    Unknown,
    /// This session cannot read what others can: verify it, or enter the recovery key.
    Unverified,
    /// There is no recovery key.
    NoKey,
    Safe,
}

impl Account {
    /// What is to be done, again whenever it changes.
    pub fn safety(&self) -> impl Stream<Item = Safety> + use<> {
        let encryption = self.client.encryption();
        let verification = encryption.verification_state();
        let of_verification = encryption.verification_state().map(drop);
        let recovery = encryption.recovery();
        let changes = stream::select(of_verification, recovery.state_stream().map(drop));
        let now = move || safety(verification.get(), recovery.state());
        stream::once(std::future::ready(())).chain(changes).map(move |()| now())
    }

    /// Makes a recovery key, in the place of an older one, and tells it.
    pub async fn make_recovery_key(&self) -> Result<String, Problem> {
        let recovery = self.client.encryption().recovery();
        let key = match recovery.state() {
            RecoveryState::Enabled => recovery.reset_key().await,
            _ => recovery.enable().await,
        };
        key.map_err(|error| Problem::Other(error.to_string()))
    }

    /// Takes what the recovery key opens: then this session is verified, and reads what came before it.
    pub async fn recover(&self, key: &str) -> Result<(), Problem> {
        let recovery = self.client.encryption().recovery();
        recovery.recover(key.trim()).await.map_err(|_| Problem::Known("recovery-wrong"))
    }
}

fn safety(verification: VerificationState, recovery: RecoveryState) -> Safety {
    match (verification, recovery) {
        (VerificationState::Unknown, _) | (_, RecoveryState::Unknown) => Safety::Unknown,
        (VerificationState::Unverified, _) | (_, RecoveryState::Incomplete) => Safety::Unverified,
        (VerificationState::Verified, RecoveryState::Disabled) => Safety::NoKey,
        (VerificationState::Verified, RecoveryState::Enabled) => Safety::Safe,
    }
}
