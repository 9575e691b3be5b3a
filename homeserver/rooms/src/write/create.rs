//! Making rooms (client-server API, "Creation").

use std::sync::Arc;

use hearth_spec::{EventTemplate, RoomVersion, check_auth_events, room_version::EventIdFormat};
use hearth_storage::{
    Change, Position, StateId,
    schema::{
        self,
        rooms::{AliasRow, RoomRow, Standing},
    },
};
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, UserId};
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{
    RoomError,
    read::{
        room::{Head, Room, RoomInner},
        rooms::Rooms,
    },
    write::{
        staged::{Staged, TimelinePlace},
        writer::NewEvent,
    },
};

/// A named set of first state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preset {
    PrivateChat,
    TrustedPrivateChat,
    PublicChat,
}

/// A room to be made.
#[derive(Clone, Debug)]
pub struct CreateRoom {
    pub creator: OwnedUserId,
    /// The default version if absent.
    pub version: Option<RoomVersion>,
    pub preset: Preset,
    /// Whether it appears in the published directory.
    pub published: bool,
    pub alias: Option<OwnedRoomAliasId>,
    pub name: Option<String>,
    pub topic: Option<String>,
    /// Whom a preset may trust. Those of other servers are yet to be invited when the room is there, as their
    /// servers sign the invites.
    pub invite: Vec<OwnedUserId>,
    pub is_direct: bool,
    /// More state: (type, state key, content).
    pub initial_state: Vec<(String, String, Value)>,
    /// More of the create event's content.
    pub creation_content: Map<String, Value>,
    /// Laid over the content of the first `m.room.power_levels`, key by key.
    pub power_levels: Map<String, Value>,
    /// The creator's profile, as it stands in member events.
    pub member_content: Map<String, Value>,
}

impl CreateRoom {
    /// A room of the default version, with what its preset says and nothing else.
    pub fn new(creator: OwnedUserId, preset: Preset) -> Self {
        Self {
            creator,
            version: None,
            preset,
            published: false,
            alias: None,
            name: None,
            topic: None,
            invite: Vec::new(),
            is_direct: false,
            initial_state: Vec::new(),
            creation_content: Map::new(),
            power_levels: Map::new(),
            member_content: Map::new(),
        }
    }
}

impl Rooms {
    /// Makes a room, all its first events in one commit. Returns when it is durable.
    pub async fn create_room(&self, request: CreateRoom) -> Result<OwnedRoomId, RoomError> {
        let version = request.version.unwrap_or(self.default_version);
        let (room, mut staged) =
            self.begin_room(version, &request.creator, create_content(version, &request))?;
        for event in first_events(version, &request)? {
            room.0.make(&mut staged, event, None)?;
        }
        let alias = request.alias.map(|alias| {
            (alias, AliasRow { room_id: room.id().to_owned(), creator: request.creator.clone() })
        });
        self.finish_room(&room, staged, alias, request.published).await?;
        Ok(room.id().to_owned())
    }

    /// A new room with its create event staged.
    pub(crate) fn begin_room(
        &self,
        version: RoomVersion,
        creator: &UserId,
        content: Map<String, Value>,
    ) -> Result<(Room, Staged), RoomError> {
        let id_is_hash = version.room_id_is_create_event_id();
        let room_id = match id_is_hash {
            true => None,
            false => {
                let id = format!("!{}:{}", self.shared.opaque_id(18), self.server_name());
                Some(OwnedRoomId::try_from(id).map_err(|error| RoomError::Invalid(error.to_string()))?)
            }
        };
        let template = EventTemplate {
            event_type: "m.room.create".to_owned(),
            state_key: Some(String::new()),
            content: to_raw_value(&content).map_err(|error| RoomError::Invalid(error.to_string()))?,
            sender: creator.to_owned(),
            room_id,
            origin_server_ts: self.creation_ts(),
            prev_events: Vec::new(),
            auth_events: Vec::new(),
            depth: 1,
            redacts: None,
            sticky: None,
            event_id_localpart: (version.event_id_format() == EventIdFormat::Chosen)
                .then(|| self.shared.opaque_id(18)),
        };
        let create = Arc::new(template.seal(version, self.server_name(), &self.shared.key)?);
        let nid = self.allocate_nid()?;
        self.shared.versions.insert(nid, version);
        let id = create.room_id().to_owned();
        let (head, whole) = (Head::default(), Some(Position(0)));
        let inner = RoomInner::new(self.shared.clone(), nid, id, version, head.clone(), head, whole);
        let room = Room(Arc::new(inner));
        let mut staged = Staged::new(&self.shared, Head::default())?;
        check_auth_events(version, &create, |_| None)?;
        room.0.stage(&mut staged, create, Standing::Accepted, TimelinePlace::New, StateId::EMPTY, None)?;
        Ok((room, staged))
    }

    /// Commits a new room.
    pub(crate) async fn finish_room(
        &self,
        room: &Room,
        mut staged: Staged,
        alias: Option<(OwnedRoomAliasId, AliasRow)>,
        published: bool,
    ) -> Result<(), RoomError> {
        let row = RoomRow { room_id: room.id().to_owned(), version: room.version().id().to_string() };
        room.0.write_room(&mut staged, &row);
        let mut head = room.0.writer.lock().await;
        let commit = {
            let _aliases = self.shared.aliases.lock();
            if let Some((alias, row)) = alias {
                if staged.tx.contains(&schema::ALIASES, (&alias,))? {
                    return Err(RoomError::AliasTaken);
                }
                staged.tx.put(&schema::ALIASES, (&alias,), &row);
                staged.tx.put(&schema::ROOM_ALIASES, (room.nid(), &alias), &());
                staged.tx.append(&Change::Alias { alias });
            }
            if published {
                staged.tx.put(&schema::DIRECTORY, (room.nid(),), &());
                staged.tx.append(&Change::Directory { room: room.nid() });
            }
            self.register(room);
            room.0.commit(&mut head, staged)?
        };
        drop(head);
        commit.await?;
        Ok(())
    }
}

impl RoomInner {
    /// Writes what never changes about a room.
    pub fn write_room(&self, staged: &mut Staged, row: &RoomRow) {
        staged.tx.put(&schema::ROOMS, (self.nid,), row);
        staged.tx.put(&schema::ROOM_NIDS, (&self.id,), &self.nid);
    }
}

fn creators_have_infinite_power(version: RoomVersion) -> bool {
    version.rules().authorization.explicitly_privilege_room_creators
}

fn create_content(version: RoomVersion, request: &CreateRoom) -> Map<String, Value> {
    let mut content = request.creation_content.clone();
    content.insert("room_version".to_owned(), version.id().as_str().into());
    if !version.rules().authorization.use_room_create_sender {
        content.insert("creator".to_owned(), request.creator.as_str().into());
    }
    if creators_have_infinite_power(version) && request.preset == Preset::TrustedPrivateChat {
        let mut creators: Vec<Value> =
            content.get("additional_creators").and_then(Value::as_array).cloned().unwrap_or_default();
        for invitee in &request.invite {
            if !creators.iter().any(|creator| creator == invitee.as_str()) {
                creators.push(invitee.as_str().into());
            }
        }
        content.insert("additional_creators".to_owned(), creators.into());
    }
    content
}

/// Everything after the create event, in the order that the specification gives.
fn first_events(version: RoomVersion, request: &CreateRoom) -> Result<Vec<NewEvent>, RoomError> {
    let creator = &request.creator;
    let mut events = Vec::new();
    let mut state = |event_type: &str, state_key: &str, content: Value| {
        events.push(NewEvent::state_json(creator, event_type, state_key, &content)?);
        Ok::<(), RoomError>(())
    };
    let mut member = request.member_content.clone();
    member.insert("membership".to_owned(), "join".into());
    state("m.room.member", creator.as_str(), member.into())?;
    state("m.room.power_levels", "", power_levels(version, request).into())?;
    if let Some(alias) = &request.alias {
        state("m.room.canonical_alias", "", json!({ "alias": alias }))?;
    }
    let join_rule = match request.preset {
        Preset::PublicChat => "public",
        Preset::PrivateChat | Preset::TrustedPrivateChat => "invite",
    };
    let mut preset = vec![
        ("m.room.join_rules", json!({ "join_rule": join_rule })),
        ("m.room.history_visibility", json!({ "history_visibility": "shared" })),
    ];
    // Where nothing is said guests are kept out, as they are from public rooms.
    if request.preset != Preset::PublicChat {
        preset.push(("m.room.guest_access", json!({ "guest_access": "can_join" })));
    }
    for (event_type, content) in preset {
        // What the request brings itself takes the preset's place.
        if !request.initial_state.iter().any(|(other, key, _)| other == event_type && key.is_empty()) {
            state(event_type, "", content)?;
        }
    }
    for (event_type, state_key, content) in &request.initial_state {
        state(event_type, state_key, content.clone())?;
    }
    if let Some(name) = &request.name {
        state("m.room.name", "", json!({ "name": name }))?;
    }
    if let Some(topic) = &request.topic {
        let text = json!([{ "body": topic, "mimetype": "text/plain" }]);
        state("m.room.topic", "", json!({ "topic": topic, "m.topic": { "m.text": text } }))?;
    }
    let invited = request.invite.iter().filter(|invitee| invitee.server_name() == creator.server_name());
    for invitee in invited {
        let mut content = json!({ "membership": "invite" });
        if request.is_direct {
            content["is_direct"] = true.into();
        }
        state("m.room.member", invitee.as_str(), content)?;
    }
    Ok(events)
}

/// The first power levels of a room.
fn power_levels(version: RoomVersion, request: &CreateRoom) -> Map<String, Value> {
    let mut users = Map::new();
    let infinite = creators_have_infinite_power(version);
    if !infinite {
        users.insert(request.creator.to_string(), 100.into());
        if request.preset == Preset::TrustedPrivateChat {
            users.extend(request.invite.iter().map(|invitee| (invitee.to_string(), 100.into())));
        }
    }
    let invite = if request.preset == Preset::PublicChat { 50 } else { 0 };
    let levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            // Where creators stand above everyone, an upgrade is theirs alone.
            "m.room.tombstone": if infinite { 150 } else { 100 },
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": invite,
    });
    let Value::Object(mut levels) = levels else { return Map::new() };
    for (key, value) in &request.power_levels {
        levels.insert(key.clone(), value.clone());
    }
    levels
}
