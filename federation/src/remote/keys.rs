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
            get_keys::v1::{Request as GetKeys, Response as Keys},
        },
    },
    serde::Raw,
};

use super::kept_devices::KeptDevices;
use crate::{BackOff, Federation, FederationError, Limits, Purpose};

/// How many servers are asked at once.
const SERVERS_AT_ONCE: usize = 32;
/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(30);
/// For all devices of a user.
const DEVICES: Limits = Limits {
    purpose: Purpose::UserKeys,
    timeout: Duration::from_secs(15),
    back_off: BackOff::Ignored,
    ..Limits::USUAL
};

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
                    if let Err(error) = self.keep_devices(&server, told(&users, &answer)).await {
                        tracing::debug!(%server, %error, "the devices of a server's users were not kept");
                    }
                    let asked = |user: &OwnedUserId| users.contains_key(user);
                    found.keys.device_keys.extend(only(answer.device_keys, asked));
                    found.keys.master_keys.extend(only(answer.master_keys, asked));
                    found.keys.self_signing_keys.extend(only(answer.self_signing_keys, asked));
                }
                Err(error) => {
                    if !self.add_kept(users, &mut found.keys) {
                        found.failures.insert(server, error);
                    }
                }
            }
        }
        found
    }

    /// Adds what is kept of users whose server does not answer. Says whether it is there of all of them.
    fn add_kept(&self, users: BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>, found: &mut QueriedKeys) -> bool {
        let mut complete = true;
        for (user, wanted) in users {
            let kept = match self.kept_devices(&user) {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::error!(%user, %error, "the devices of a user cannot be read");
                    None
                }
            };
            let Some(kept) = kept else {
                complete = false;
                continue;
            };
            let wanted = |(device, _): &(OwnedDeviceId, _)| wanted.is_empty() || wanted.contains(device);
            let devices = kept.devices.into_iter().filter(wanted);
            let devices = devices.map(|(device, keys)| (device, Raw::from_json(keys))).collect();
            found.device_keys.insert(user.clone(), devices);
            let master_key = kept.master_key.map(|key| (user.clone(), Raw::from_json(key)));
            found.master_keys.extend(master_key);
            found.self_signing_keys.extend(kept.self_signing_key.map(|key| (user, Raw::from_json(key))));
        }
        complete
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

/// What a server says of all devices of users, of those of whom all were asked for.
fn told(users: &BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>, answer: &Keys) -> Vec<(OwnedUserId, KeptDevices)> {
    let of_user = |(user, _): (&OwnedUserId, _)| {
        let devices = answer.device_keys.get(user).into_iter().flatten();
        let kept = KeptDevices {
            devices: devices.map(|(device, keys)| (device.clone(), keys.json().to_owned())).collect(),
            master_key: answer.master_keys.get(user).map(|key| key.json().to_owned()),
            self_signing_key: answer.self_signing_keys.get(user).map(|key| key.json().to_owned()),
        };
        (user.clone(), kept)
    };
    users.iter().filter(|(_, devices)| devices.is_empty()).map(of_user).collect()
}

fn within(timeout: Option<Duration>) -> Limits {
    // A server that does not answer fails at once the next time: clients ask for many at once, and often.
    let timeout = timeout.unwrap_or(Duration::from_secs(10)).min(LONGEST);
    Limits { purpose: Purpose::UserKeys, timeout, ..Limits::USUAL }
}

fn only<T>(
    answered: BTreeMap<OwnedUserId, T>,
    asked: impl Fn(&OwnedUserId) -> bool,
) -> impl Iterator<Item = (OwnedUserId, T)> {
    answered.into_iter().filter(move |(user, _)| asked(user))
}
