//! Upgrading a room to another version (client-server API, "Room Upgrades").

use hearth_spec::{RoomVersion, canonical_json::MAX_INTEGER, power_levels::to_integers};
use hearth_storage::schema::rooms::Membership;
use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::{Map, Value, json};

use crate::{
    RoomError,
    read::{reading::Reader, room::Room, rooms::Rooms},
    write::writer::NewEvent,
};

/// An upgrade to be made.
#[derive(Clone, Debug)]
pub struct Upgrade {
    pub user: OwnedUserId,
    pub version: RoomVersion,
    /// More creators, from version 12.
    pub additional_creators: Vec<OwnedUserId>,
    /// The upgrader's profile, as it stands in member events.
    pub member_content: Map<String, Value>,
}

/// State that moves to the new room as it is.
const COPIED: &[&str] = &[
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.join_rules",
    "m.room.policy",
];

impl Rooms {
    /// Makes the successor of a room, moves over what belongs to it, and closes the old one.
    pub async fn upgrade(&self, old: &Room, upgrade: Upgrade) -> Result<OwnedRoomId, RoomError> {
        let user = &*upgrade.user;
        let tombstone = |successor: &str| {
            let content = json!({ "body": "This room has been replaced", "replacement_room": successor });
            NewEvent::state_json(user, "m.room.tombstone", "", &content)
        };
        let levels = old.power_levels()?;
        if levels.for_user(user) < levels.required_for_event("m.room.tombstone", true)
            || !old.is_joined(user)?
        {
            return Err(RoomError::Forbidden("you may not upgrade this room".to_owned()));
        }
        let (new, mut staged) = self.begin_room(upgrade.version, user, create_content(old, &upgrade)?)?;
        for event in self.successor_events(old, &upgrade)? {
            new.0.make(&mut staged, event, None)?;
        }
        self.finish_room(&new, staged, None, false).await?;
        old.send(tombstone(new.id().as_str())?, None).await?;
        self.move_aliases(old, &new).await?;
        if let Some(alias) = old.state_event("m.room.canonical_alias", "")? {
            let content = alias.pdu.content().to_owned();
            new.send(NewEvent::state(user, "m.room.canonical_alias", "", content), None).await?;
            let empty = NewEvent::state_json(user, "m.room.canonical_alias", "", &json!({}))?;
            // Without the power for it the old alias stays named there: no reason to stop.
            tolerate(old.send(empty, None).await)?;
        }
        // The old room falls silent, where the upgrader may do that.
        if let Some(quiet) = quiet_levels(old)? {
            tolerate(old.send(NewEvent::state_json(user, "m.room.power_levels", "", &quiet)?, None).await)?;
        }
        Ok(new.id().to_owned())
    }

    fn successor_events(&self, old: &Room, upgrade: &Upgrade) -> Result<Vec<NewEvent>, RoomError> {
        let user = &*upgrade.user;
        let mut member = upgrade.member_content.clone();
        member.insert("membership".to_owned(), "join".into());
        let mut events = vec![NewEvent::state_json(user, "m.room.member", user.as_str(), &member)?];
        let mut own_levels = None;
        if let Some(levels) = levels_of(old)? {
            let mut levels = successor_levels(levels, old, upgrade)?;
            // The upgrader needs the power to set all that follows; what was given up comes back last.
            let needed = highest_state_level(&levels);
            let power =
                levels.get("users").and_then(|users| users.get(user.as_str())).and_then(Value::as_i64);
            let infinite = upgrade.version.rules().authorization.explicitly_privilege_room_creators;
            if !infinite && power.unwrap_or(0) < needed {
                own_levels = Some(levels.clone());
                let users = levels.entry("users").or_insert_with(|| json!({}));
                users[user.as_str()] = needed.into();
            }
            events.push(NewEvent::state_json(user, "m.room.power_levels", "", &levels)?);
        }
        for event_type in COPIED {
            if let Some(event) = old.state_event(event_type, "")? {
                events.push(NewEvent::state(user, event_type, "", event.pdu.content().to_owned()));
            }
        }
        for child in old.state_of_type(old.head().state, "m.space.child")? {
            let (Some(key), content) = (child.pdu.state_key(), child.pdu.content()) else { continue };
            events.push(NewEvent::state(user, "m.space.child", key, content.to_owned()));
        }
        for banned in old.members_with(Membership::Ban)? {
            let ban = json!({ "membership": "ban" });
            events.push(NewEvent::state_json(user, "m.room.member", banned.as_str(), &ban)?);
        }
        if let Some(levels) = own_levels {
            events.push(NewEvent::state_json(user, "m.room.power_levels", "", &levels)?);
        }
        Ok(events)
    }
}

fn create_content(old: &Room, upgrade: &Upgrade) -> Result<Map<String, Value>, RoomError> {
    let mut content = old.state_content::<Map<String, Value>>("m.room.create", "")?.unwrap_or_default();
    for key in ["creator", "additional_creators", "room_version"] {
        content.remove(key);
    }
    let rules = &upgrade.version.rules().authorization;
    content.insert("room_version".to_owned(), upgrade.version.id().as_str().into());
    if !rules.use_room_create_sender {
        content.insert("creator".to_owned(), upgrade.user.as_str().into());
    }
    if rules.explicitly_privilege_room_creators && !upgrade.additional_creators.is_empty() {
        content.insert("additional_creators".to_owned(), json!(upgrade.additional_creators));
    }
    let mut predecessor = json!({ "room_id": old.id() });
    // Whoever has a room of version 12 has its predecessor by the id alone (MSC4291), as other servers tell it.
    if !upgrade.version.room_id_is_create_event_id()
        && let Some(last) = old.head().extremities.last()
    {
        predecessor["event_id"] = old.shared().referred(*last)?.id().as_str().into();
    }
    content.insert("predecessor".to_owned(), predecessor);
    Ok(content)
}

/// The levels of a room as every version takes them.
fn levels_of(room: &Room) -> Result<Option<Map<String, Value>>, RoomError> {
    let mut levels = room.state_content::<Map<String, Value>>("m.room.power_levels", "")?;
    if let Some(levels) = &mut levels {
        to_integers(levels);
    }
    Ok(levels)
}

/// The old room's levels as they fit the new version: whether creators are above all levels, and not listed, or
/// have a level as everyone else.
fn successor_levels(
    mut levels: Map<String, Value>,
    old: &Room,
    upgrade: &Upgrade,
) -> Result<Map<String, Value>, RoomError> {
    let privileged = |version: RoomVersion| version.rules().authorization.explicitly_privilege_room_creators;
    if privileged(upgrade.version) {
        if let Some(Value::Object(users)) = levels.get_mut("users") {
            users.remove(upgrade.user.as_str());
            users.retain(|user, _| !upgrade.additional_creators.iter().any(|creator| creator == user));
        }
        let state_default = levels.get("state_default").and_then(Value::as_i64).unwrap_or(50);
        let events = levels.entry("events").or_insert_with(|| json!({}));
        events["m.room.tombstone"] = (state_default + 1).clamp(150, MAX_INTEGER).into();
    } else if privileged(old.version()) {
        let highest = highest_state_level(&levels).max(100);
        let users = levels.entry("users").or_insert_with(|| json!({}));
        for creator in old.power_levels()?.creators() {
            users[creator.as_str()] = highest.into();
        }
    }
    Ok(levels)
}

fn highest_state_level(levels: &Map<String, Value>) -> i64 {
    let level = |key: &str, default| levels.get(key).and_then(Value::as_i64).unwrap_or(default);
    let events = levels.get("events").and_then(Value::as_object);
    let of_events = events.into_iter().flatten().filter_map(|(_, level)| level.as_i64()).max().unwrap_or(0);
    of_events.max(level("state_default", 50)).max(level("ban", 50))
}

/// Levels at which only moderators still write.
fn quiet_levels(old: &Room) -> Result<Option<Map<String, Value>>, RoomError> {
    let Some(mut levels) = levels_of(old)? else { return Ok(None) };
    let default = levels.get("users_default").and_then(Value::as_i64).unwrap_or(0);
    let quiet = (default + 1).clamp(50, MAX_INTEGER);
    let mut changed = false;
    for key in ["events_default", "invite"] {
        if levels.get(key).and_then(Value::as_i64).unwrap_or(0) < quiet {
            levels.insert(key.to_owned(), quiet.into());
            changed = true;
        }
    }
    Ok(changed.then_some(levels))
}

fn tolerate<T>(result: Result<T, RoomError>) -> Result<(), RoomError> {
    match result {
        Ok(_) | Err(RoomError::Forbidden(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Room {
    /// The room that took this one's place.
    pub fn successor(&self) -> Result<Option<OwnedRoomId>, RoomError> {
        let content = self.state_content::<Value>("m.room.tombstone", "")?;
        Ok(content.and_then(|content| content["replacement_room"].as_str()?.try_into().ok()))
    }
}
