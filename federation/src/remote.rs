//! What users of this server ask of others: each a method of [`Federation`](crate::Federation), for the client API.

mod directory;
mod kept_devices;
mod keys;
mod media;
mod openid;
mod profile;
mod rooms;

use std::time::Duration;

use ruma::{ServerName, api::federation::discovery::get_server_version::v1::Request as GetVersion};

pub use self::keys::{RemoteClaims, RemoteKeys};
use crate::{AskedBy, BackOff, Federation, FederationError, Limits, Purpose};

/// For a look-up at one server, of which nothing but a name may be known.
const LOOKUP: Limits = Limits {
    purpose: Purpose::Lookups,
    timeout: Duration::from_secs(10),
    body_bytes: 2 << 20,
    back_off: BackOff::OfStrangers,
    ..Limits::USUAL
};
/// How long a look-up takes at most, with what it waits: clients give up after 30 seconds.
const LONGEST: Duration = Duration::from_secs(20);

impl Federation {
    /// Asks a server for its version, also if it failed lately: for who wants to know why it does not answer.
    pub async fn try_now(&self, server: &ServerName) -> Result<(), FederationError> {
        let limits = Limits { back_off: BackOff::Ignored, ..LOOKUP };
        self.client().send_with(server, GetVersion::new(), limits).await.map(drop)
    }

    /// Looks something up for who asks: within that one's share of what is asked of others at once.
    async fn look_up<T>(
        &self,
        asked_by: AskedBy,
        look_up: impl Future<Output = Result<T, FederationError>>,
    ) -> Result<T, FederationError> {
        let in_turn = async {
            let _permit = self.under_way().lookups.acquire(asked_by).await?;
            look_up.await
        };
        tokio::time::timeout(LONGEST, in_turn)
            .await
            .unwrap_or_else(|_| Err(FederationError::Unreachable("no server answered in time".to_owned())))
    }
}

/// Limits for what this one names a server for: a user waits for it, so a server that failed lately is tried again.
fn lookup_for(asked_by: &AskedBy) -> Limits {
    match asked_by {
        AskedBy::User(_) => Limits { back_off: BackOff::Ignored, ..LOOKUP },
        AskedBy::Address(_) => LOOKUP,
    }
}

#[cfg(test)]
mod tests;
