//! Keys and devices of users of other servers ("End-to-End Encryption").

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use hearth_users::QueriedKeys;
use ruma::{
    OwnedDeviceId, OwnedServerName, OwnedUserId, UserId,
    api::federation::{
        device::get_devices::v1::{Request as GetDevices, Response as Devices},
        keys::{
            claim_keys::v1::{OneTimeKeyClaims, OneTimeKeys, Request as ClaimKeys},
            get_keys::v1::Request as GetKeys,
        },
    },
};

use crate::{BackOff, Federation, FederationError, Limits};

/// How many servers are asked at once.
const SERVERS_AT_ONCE: usize = 32;
/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(30);
/// For all devices of a user.
const DEVICES: Limits =
    Limits { timeout: Duration::from_secs(15), back_off: BackOff::Ignored, ..Limits::USUAL };

/// Keys of users of other servers.
#[derive(Debug, Default)]
pub struct RemoteKeys {
    pub keys: QueriedKeys,
    /// The servers that gave none.
    pub failures: BTreeMap<OwnedServerName, FederationError>,
}

/// One-time keys of devices of other servers.
#[derive(Debug, Default)]
pub struct RemoteClaims {
    pub one_time_keys: OneTimeKeys,
    /// The servers that gave none.
    pub failures: BTreeMap<OwnedServerName, FederationError>,
}

impl Federation {
    /// Asks for the keys of users of other servers, all servers at once. Users of this server are passed over.
    pub async fn query_keys(
        &self,
        wanted: BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>,
        timeout: Option<Duration>,
    ) -> RemoteKeys {
        let limits = within(timeout);
        let ask = |(server, users): (OwnedServerName, BTreeMap<OwnedUserId, _>)| async move {
            let answer = self.client().send_with(&server, GetKeys::new(users.clone()), limits).await;
            (server, users, answer)
        };
        let mut found = RemoteKeys::default();
        let mut answers = stream::iter(self.by_server(wanted)).map(ask).buffer_unordered(SERVERS_AT_ONCE);
        while let Some((server, users, answer)) = answers.next().await {
            match answer {
                // A server speaks for its own users, of whom it was asked.
                Ok(answer) => {
                    let asked = |user: &OwnedUserId| users.contains_key(user);
                    found.keys.device_keys.extend(only(answer.device_keys, asked));
                    found.keys.master_keys.extend(only(answer.master_keys, asked));
                    found.keys.self_signing_keys.extend(only(answer.self_signing_keys, asked));
                }
                Err(error) => {
                    found.failures.insert(server, error);
                }
            }
        }
        found
    }

    /// Claims one-time keys of devices of other servers, all servers at once. Users of this server are passed over.
    pub async fn claim_keys(&self, wanted: OneTimeKeyClaims, timeout: Option<Duration>) -> RemoteClaims {
        let limits = within(timeout);
        let ask = |(server, users): (OwnedServerName, OneTimeKeyClaims)| async move {
            let answer = self.client().send_with(&server, ClaimKeys::new(users.clone()), limits).await;
            (server, users, answer)
        };
        let mut found = RemoteClaims::default();
        let mut answers = stream::iter(self.by_server(wanted)).map(ask).buffer_unordered(SERVERS_AT_ONCE);
        while let Some((server, users, answer)) = answers.next().await {
            match answer {
                Ok(answer) => {
                    let asked = |user: &OwnedUserId| users.contains_key(user);
                    found.one_time_keys.extend(only(answer.one_time_keys, asked));
                }
                Err(error) => {
                    found.failures.insert(server, error);
                }
            }
        }
        found
    }

    /// All devices of a user of another server, with their keys.
    pub async fn devices(&self, user: &UserId) -> Result<Devices, FederationError> {
        self.client().send_with(user.server_name(), GetDevices::new(user.to_owned()), DEVICES).await
    }

    /// What is asked of each other server.
    fn by_server<T>(
        &self,
        wanted: BTreeMap<OwnedUserId, T>,
    ) -> BTreeMap<OwnedServerName, BTreeMap<OwnedUserId, T>> {
        let mut servers: BTreeMap<OwnedServerName, BTreeMap<OwnedUserId, T>> = BTreeMap::new();
        for (user, what) in wanted.into_iter().filter(|(user, _)| !self.is_own(user.server_name())) {
            servers.entry(user.server_name().to_owned()).or_default().insert(user, what);
        }
        servers
    }
}

fn within(timeout: Option<Duration>) -> Limits {
    // A server that does not answer fails at once the next time: clients ask for many at once, and often.
    Limits { timeout: timeout.unwrap_or(Duration::from_secs(10)).min(LONGEST), ..Limits::USUAL }
}

fn only<T>(
    answered: BTreeMap<OwnedUserId, T>,
    asked: impl Fn(&OwnedUserId) -> bool,
) -> impl Iterator<Item = (OwnedUserId, T)> {
    answered.into_iter().filter(move |(user, _)| asked(user))
}
