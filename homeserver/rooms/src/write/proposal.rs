//! Events that one server proposes and another makes: joins, leaves and knocks through a server in the room
//! (server-server API, "Joining Rooms").

use hearth_spec::{EventTemplate, Pdu, RoomVersion, room_version::EventIdFormat};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    RoomError,
    read::{room::Room, rooms::Rooms},
    write::writer::{NewEvent, refuse_create},
};

/// What counts of a proposal.
#[derive(Deserialize)]
struct Proposal {
    #[serde(rename = "type")]
    event_type: String,
    state_key: Option<String>,
    content: Value,
    sender: OwnedUserId,
    room_id: OwnedRoomId,
    prev_events: Vec<Reference>,
    auth_events: Vec<Reference>,
    depth: u64,
}

/// Before version 3 a reference is a pair of an id and hashes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(OwnedEventId),
    Pair(OwnedEventId, IgnoredAny),
}

impl From<Reference> for OwnedEventId {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Id(id) | Reference::Pair(id, _) => id,
        }
    }
}

impl Room {
    /// An event that a user of another server would make now, on the current extremities and with the auth
    /// events that it needs; not signed. The state at this moment allows it.
    pub fn propose(&self, event: NewEvent) -> Result<Map<String, Value>, RoomError> {
        refuse_create(&event)?;
        self.refuse_banned(&event)?;
        let head = self.head();
        // Sealed only to be judged.
        let reader = &**self.shared();
        let pdu = self.0.seal(reader, &head, event)?;
        self.0.check_against(reader, head.state, &pdu)?;
        let mut proposal: Map<String, Value> = serde_json::from_str(pdu.text()).map_err(invalid)?;
        for key in ["event_id", "hashes", "signatures"] {
            proposal.remove(key);
        }
        Ok(proposal)
    }
}

impl Rooms {
    /// Makes an event of another server's proposal: as of now, signed by this server. Whoever asks says that
    /// it is what was wanted.
    pub fn seal(&self, version: RoomVersion, proposal: &Map<String, Value>) -> Result<Pdu, RoomError> {
        let proposal: Proposal = serde_json::from_value(Value::Object(proposal.clone())).map_err(invalid)?;
        let content: Box<RawValue> = to_raw_value(&proposal.content).map_err(invalid)?;
        let needs_localpart = version.event_id_format() == EventIdFormat::Chosen;
        let template = EventTemplate {
            event_type: proposal.event_type,
            state_key: proposal.state_key,
            content,
            sender: proposal.sender,
            room_id: Some(proposal.room_id),
            origin_server_ts: self.now_ms(),
            prev_events: proposal.prev_events.into_iter().map(Into::into).collect(),
            auth_events: proposal.auth_events.into_iter().map(Into::into).collect(),
            depth: proposal.depth.min(version.max_depth()),
            redacts: None,
            sticky: None,
            event_id_localpart: needs_localpart.then(|| self.shared.opaque_id(18)),
        };
        Ok(template.seal(version, &self.shared.server_name, &self.shared.key)?)
    }
}

fn invalid(error: serde_json::Error) -> RoomError {
    RoomError::Invalid(error.to_string())
}
