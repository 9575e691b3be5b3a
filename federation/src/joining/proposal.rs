//! The member event that a server in a room proposes.

use hearth_rooms::RoomError;
use hearth_spec::{Pdu, RoomVersion};
use ruma::{RoomId, RoomVersionId, UserId};
use serde_json::{Map, Value, json};

use crate::{Federation, FederationError};

/// A member event that a user of this server wants.
pub(crate) struct Member<'a> {
    pub room: &'a RoomId,
    pub user: &'a UserId,
    pub membership: &'a str,
    /// The rest of its content.
    pub content: &'a Map<String, Value>,
}

/// The version that a server names, or the first if it names none.
pub(crate) fn supported(version: Option<RoomVersionId>) -> Result<RoomVersion, FederationError> {
    let id = version.unwrap_or(RoomVersionId::V1);
    RoomVersion::of(&id).ok_or_else(|| RoomError::UnsupportedVersion(id.to_string()).into())
}

impl Member<'_> {
    /// Makes the event with the prev events, auth events and depth that another server proposes.
    pub fn at(
        &self,
        federation: &Federation,
        version: RoomVersion,
        proposed: &str,
    ) -> Result<Pdu, FederationError> {
        let proposed = serde_json::from_str(proposed)
            .map_err(|error: serde_json::Error| FederationError::Invalid(error.to_string()))?;
        match federation.rooms().seal(version, &self.placed(&proposed)) {
            Ok(event) => Ok(event),
            // This server's own part of the event is valid, so the proposal is not.
            Err(RoomError::Invalid(reason)) => Err(FederationError::Invalid(reason)),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the event with one other as its only prev and auth event, as nothing else of the room is known.
    pub fn after(&self, federation: &Federation, event: &Pdu) -> Result<Pdu, FederationError> {
        let proposed = json!({
            "prev_events": [event.event_id()],
            "auth_events": [event.event_id()],
            "depth": event.version().depth_after(event.depth()),
        });
        self.at(federation, event.version(), &proposed.to_string())
    }

    /// The event that is wanted. Only where it stands is taken from the proposal, and who vouches for a join by a
    /// `restricted` rule: what it says is ours to say.
    fn placed(&self, proposed: &Map<String, Value>) -> Map<String, Value> {
        let mut content = self.content.clone();
        content.insert("membership".to_owned(), self.membership.into());
        let authoriser =
            proposed.get("content").and_then(|content| content.get("join_authorised_via_users_server"));
        if let Some(authoriser) = authoriser.filter(|it| it.is_string() && self.membership == "join") {
            content.insert("join_authorised_via_users_server".to_owned(), authoriser.clone());
        }
        let mut event = Map::new();
        for key in ["prev_events", "auth_events", "depth"] {
            event.extend(proposed.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        event.insert("type".to_owned(), "m.room.member".into());
        event.insert("state_key".to_owned(), self.user.as_str().into());
        event.insert("sender".to_owned(), self.user.as_str().into());
        event.insert("room_id".to_owned(), self.room.as_str().into());
        event.insert("content".to_owned(), content.into());
        event
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};

    use super::*;

    #[test]
    fn only_the_place_is_taken_from_a_proposal() {
        let content = json!({ "displayname": "A" });
        let member = Member {
            room: room_id!("!r:x"),
            user: user_id!("@a:here"),
            membership: "join",
            content: content.as_object().unwrap(),
        };
        let proposed = json!({
            "type": "m.room.power_levels", "sender": "@mallory:x", "state_key": "", "room_id": "!other:x",
            "prev_events": ["$p"], "auth_events": ["$q"], "depth": 7, "origin_server_ts": 1, "unsigned": {},
            "content": { "displayname": "M", "join_authorised_via_users_server": "@mod:x" },
        });
        assert_eq!(
            Value::Object(member.placed(proposed.as_object().unwrap())),
            json!({
                "type": "m.room.member", "sender": "@a:here", "state_key": "@a:here", "room_id": "!r:x",
                "prev_events": ["$p"], "auth_events": ["$q"], "depth": 7,
                "content": {
                    "membership": "join", "displayname": "A", "join_authorised_via_users_server": "@mod:x",
                },
            })
        );
    }
}
