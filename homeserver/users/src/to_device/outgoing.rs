//! Messages to devices of users of other servers (server-server API, "Send-to-device messaging").

use std::collections::BTreeMap;

use hearth_storage::schema;
use ruma::{OwnedServerName, UserId, to_device::DeviceIdOrAllDevices};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Contents;
use crate::{UsersError, shared::Shared};

/// An EDU takes no more messages when it has so many bytes: as large as an event may be.
const EDU_BYTES: usize = 60_000;

/// What one request sends.
pub(super) struct Outgoing<'a> {
    pub sender: &'a UserId,
    pub event_type: &'a str,
    pub contents: &'a Contents<'a>,
}

/// The messages of one EDU.
type Messages<'a> = BTreeMap<&'a UserId, BTreeMap<&'a DeviceIdOrAllDevices, &'a RawValue>>;

/// `m.direct_to_device`.
#[derive(Serialize)]
struct Edu<'a> {
    edu_type: &'static str,
    content: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    sender: &'a UserId,
    #[serde(rename = "type")]
    event_type: &'a str,
    message_id: String,
    messages: &'a Messages<'a>,
}

impl Outgoing<'_> {
    /// The EDUs for other servers, as JSON. Each has an id that it keeps however often it is sent.
    pub fn edus(&self, shared: &Shared) -> Result<Vec<(OwnedServerName, String)>, UsersError> {
        let own = self.sender.server_name();
        let mut servers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (user, by_device) in self.contents {
            if user.server_name() != own {
                servers.entry(user.server_name()).or_default().push((*user, by_device));
            }
        }
        // A message that came from elsewhere goes no further.
        if servers.is_empty() || !shared.store.view().contains(&schema::ACCOUNTS, (self.sender,))? {
            return Ok(Vec::new());
        }
        let mut edus = Vec::new();
        for (server, users) in servers {
            let (mut messages, mut bytes) = (Messages::new(), 0);
            for (user, by_device) in users {
                for (device, content) in by_device {
                    let content: &RawValue = content;
                    if bytes > 0 && bytes + content.get().len() > EDU_BYTES {
                        edus.push((server.to_owned(), self.edu(shared, &messages)?));
                        (messages, bytes) = (Messages::new(), 0);
                    }
                    bytes += content.get().len();
                    messages.entry(user).or_default().insert(device, content);
                }
            }
            if bytes > 0 {
                edus.push((server.to_owned(), self.edu(shared, &messages)?));
            }
        }
        Ok(edus)
    }

    fn edu(&self, shared: &Shared, messages: &Messages<'_>) -> Result<String, UsersError> {
        let mut id = [0; 16];
        shared.random.fill(&mut id);
        let message_id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let content = Content { sender: self.sender, event_type: self.event_type, message_id, messages };
        let edu = Edu { edu_type: "m.direct_to_device", content };
        serde_json::to_string(&edu).map_err(UsersError::bad_json)
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::Scan;
    use serde_json::{Value as JsonValue, json};

    use super::*;
    use crate::testing::{World, raw};

    fn waiting(world: &World, server: &str) -> Vec<JsonValue> {
        let server: OwnedServerName = server.try_into().unwrap();
        let view = world.store.view();
        let rows = view.scan(&schema::DESTINATION_EDUS, Scan::prefix((&server,)));
        rows.map(|row| serde_json::from_str(&row.unwrap().1).unwrap()).collect()
    }

    #[tokio::test]
    async fn messages_to_other_servers_wait_for_them() {
        let world = World::new();
        let alice = world.register("alice").await;
        let (zoe, yan) = (ruma::user_id!("@zoe:there"), ruma::user_id!("@yan:elsewhere"));
        let one = || BTreeMap::from([(DeviceIdOrAllDevices::AllDevices, raw(json!({"n": 1})))]);
        let messages = BTreeMap::from([(zoe.to_owned(), one()), (yan.to_owned(), one())]);
        world.users.to_device.send(&alice, "m.test", &messages, None).await.unwrap();
        let edus = waiting(&world, "there");
        assert_eq!(edus[0]["edu_type"], "m.direct_to_device");
        let content = &edus[0]["content"];
        assert_eq!((&content["sender"], &content["type"]), (&json!("@alice:here"), &json!("m.test")));
        assert_eq!(content["messages"], json!({"@zoe:there": {"*": {"n": 1}}}));
        let other = waiting(&world, "elsewhere");
        assert_ne!(other[0]["content"]["message_id"], content["message_id"]);
        // What another server sends is for users of this one.
        world.users.to_device.send(zoe, "m.test", &messages, None).await.unwrap();
        assert_eq!((waiting(&world, "there").len(), waiting(&world, "elsewhere").len()), (1, 1));
    }

    #[tokio::test]
    async fn many_messages_make_several_edus() {
        let world = World::new();
        let alice = world.register("alice").await;
        let long = "x".repeat(1000);
        let devices = (0..150).map(|number| {
            let device = DeviceIdOrAllDevices::DeviceId(format!("D{number}").into());
            (device, raw(json!({"long": long})))
        });
        let messages = BTreeMap::from([(ruma::owned_user_id!("@zoe:there"), devices.collect())]);
        world.users.to_device.send(&alice, "m.test", &messages, None).await.unwrap();
        let edus = waiting(&world, "there");
        assert_eq!(edus.len(), 3);
        let all = edus.iter().map(|edu| edu["content"]["messages"]["@zoe:there"].as_object().unwrap().len());
        assert_eq!(all.sum::<usize>(), 150);
    }
}
