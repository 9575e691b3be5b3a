//! Whether one's messages are safe: this session verified, and a recovery key kept.

use futures::{Stream, StreamExt, stream};
use matrix_sdk::encryption::{CrossSigningResetAuthType, VerificationState, recovery::RecoveryState};

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

    /// Begins anew with keys of one's own: what only the old ones open stays closed.
    pub async fn reset_identity(&self, password: &str) -> Result<(), Problem> {
        let other = |error: &dyn std::fmt::Display| Problem::Other(error.to_string());
        let asked = self.client.encryption().recovery().reset_identity().await;
        let Some(asked) = asked.map_err(|error| other(&error))? else { return Ok(()) };
        let proof = match asked.auth_type() {
            CrossSigningResetAuthType::Uiaa(uiaa) => self.proof(uiaa, password),
            // Its page asks for more than a password.
            CrossSigningResetAuthType::OAuth(_) => return Err(Problem::Known("reset-elsewhere")),
        };
        asked.reset(Some(proof)).await.map_err(|_| Problem::Known("error-password"))
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
