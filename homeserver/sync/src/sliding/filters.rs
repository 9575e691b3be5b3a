//! Which rooms belong into a list (MSC4186, "`SlidingRoomFilter`").

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Room, RoomError, Rooms};
use hearth_storage::{RoomNid, StateId, schema::rooms::Membership};
use hearth_users::Users;
use ruma::{OwnedRoomId, RoomId, UserId};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    SyncError,
    online::{RoomKind, UserRoom},
};

const ENCRYPTION: &str = "m.room.encryption";

/// The filters of a list. What is absent lets everything pass.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Deserialize)]
pub(crate) struct Filters {
    pub is_dm: Option<bool>,
    pub spaces: Option<Vec<OwnedRoomId>>,
    pub is_encrypted: Option<bool>,
    #[serde(alias = "is_invite")]
    pub is_invited: Option<bool>,
    pub room_types: Option<Vec<Option<String>>>,
    #[serde(default)]
    pub not_room_types: Vec<Option<String>>,
    pub tags: Option<Vec<String>>,
    #[serde(default)]
    pub not_tags: Vec<String>,
}

/// What is looked at for all rooms of a user alike.
pub(super) struct Judge<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub user: &'a UserId,
    pub filters: &'a Filters,
    /// The user's direct chats, where the filters ask for them.
    pub direct: Arc<HashSet<OwnedRoomId>>,
    /// The rooms of the spaces that the filters name.
    pub children: Option<&'a HashSet<OwnedRoomId>>,
}

impl Judge<'_> {
    /// Whether a room belongs into the list: the user is in it, is to be, or was thrown out, and the filters let it
    /// pass.
    pub fn takes(&self, nid: RoomNid, is: UserRoom) -> Result<bool, SyncError> {
        let filters = self.filters;
        match is.membership {
            Membership::Leave | Membership::Ban if !self.was_thrown_out(nid)? => return Ok(false),
            _ => {}
        }
        if filters.is_invited.is_some_and(|wanted| wanted != (is.membership == Membership::Invite)) {
            return Ok(false);
        }
        if !self.takes_kind(nid, is.kind)? {
            return Ok(false);
        }
        if filters.ask_for_names() {
            let Some(id) = self.rooms.id_of(nid)? else { return Ok(false) };
            if !self.takes_name(&id)? {
                return Ok(false);
            }
        }
        match filters.is_encrypted {
            // Last: it looks into the room.
            Some(wanted) => Ok(self.is_encrypted(nid)? == wanted),
            None => Ok(true),
        }
    }

    /// By what type the room is of.
    fn takes_kind(&self, nid: RoomNid, kind: RoomKind) -> Result<bool, SyncError> {
        let filters = self.filters;
        if filters.room_types.is_none() && filters.not_room_types.is_empty() {
            return Ok(true);
        }
        let room_type = match kind {
            RoomKind::Plain => None,
            RoomKind::Space => Some("m.space".to_owned()),
            RoomKind::Other => self.rooms.user_room(self.user, nid)?.and_then(|row| row.room_type),
        };
        Ok(!filters.not_room_types.contains(&room_type)
            && filters.room_types.as_ref().is_none_or(|wanted| wanted.contains(&room_type)))
    }

    /// By what the user, or a space, says of a room.
    fn takes_name(&self, id: &RoomId) -> Result<bool, SyncError> {
        let filters = self.filters;
        if filters.is_dm.is_some_and(|wanted| wanted != self.direct.contains(id))
            || self.children.is_some_and(|children| !children.contains(id))
        {
            return Ok(false);
        }
        if filters.tags.is_some() || !filters.not_tags.is_empty() {
            let tags = self.users.account_data.tags(self.user, id)?;
            let has = |tag: &String| tags.keys().any(|name| name.as_ref() == tag.as_str());
            if filters.not_tags.iter().any(has)
                || filters.tags.as_ref().is_some_and(|tags| !tags.iter().any(has))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// By the room's state, or by what came with an invite.
    fn is_encrypted(&self, nid: RoomNid) -> Result<bool, SyncError> {
        if let Some(room) = self.room(nid)? {
            return Ok(room.state_event(ENCRYPTION, "")?.is_some());
        }
        let came = self.rooms.user_room(self.user, nid)?.and_then(|row| row.stripped_state);
        let stripped: Vec<Value> = came.and_then(|came| serde_json::from_str(&came).ok()).unwrap_or_default();
        Ok(stripped.iter().any(|event| event.get("type").is_some_and(|name| name == ENCRYPTION)))
    }

    /// Whether the user was in a room, and another one has ended that; and the user has not forgotten it.
    fn was_thrown_out(&self, nid: RoomNid) -> Result<bool, SyncError> {
        let Some(row) = self.rooms.user_room(self.user, nid)?.filter(|row| !row.forgotten) else {
            return Ok(false);
        };
        let Some(leave) = self.rooms.event(row.event)?.filter(|leave| leave.pdu.sender() != self.user) else {
            return Ok(false);
        };
        let (Some(around), Some(room)) = (leave.state, self.room(nid)?) else { return Ok(false) };
        Ok(room.membership_at(around.before, self.user)? == Some(Membership::Join))
    }

    fn room(&self, nid: RoomNid) -> Result<Option<Room>, RoomError> {
        match self.rooms.room_by_nid(nid) {
            Ok(room) => Ok(Some(room)),
            Err(RoomError::UnknownRoom) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Filters {
    /// Whether they need to know which room it is.
    fn ask_for_names(&self) -> bool {
        self.is_dm.is_some() || self.spaces.is_some() || self.tags.is_some() || !self.not_tags.is_empty()
    }

    /// The rooms of the named spaces to which the user is joined.
    pub fn children(&self, rooms: &Rooms, user: &UserId) -> Result<HashSet<OwnedRoomId>, SyncError> {
        let mut children = HashSet::new();
        for (space, state) in self.joined_spaces(rooms, user)? {
            for child in space.state_of_type(state, "m.space.child")? {
                // Without servers it is one that was taken out.
                let content: Option<Value> = serde_json::from_str(child.pdu.content_str()).ok();
                let has_via = content.is_some_and(|content| content.get("via").is_some_and(Value::is_array));
                let id = child.pdu.state_key().and_then(|id| OwnedRoomId::try_from(id).ok());
                children.extend(id.filter(|_| has_via));
            }
        }
        Ok(children)
    }

    /// The states of the named spaces to which the user is joined: which rooms they have follows from it.
    pub fn space_states(&self, rooms: &Rooms, user: &UserId) -> Result<Vec<StateId>, SyncError> {
        Ok(self.joined_spaces(rooms, user)?.into_iter().map(|(_, state)| state).collect())
    }

    fn joined_spaces(&self, rooms: &Rooms, user: &UserId) -> Result<Vec<(Room, StateId)>, SyncError> {
        let mut spaces = Vec::new();
        for id in self.spaces.iter().flatten() {
            if let Some(room) = rooms.find_room(id)?
                && room.is_joined(user)?
            {
                let state = room.head().state;
                spaces.push((room, state));
            }
        }
        Ok(spaces)
    }
}

/// The rooms that an account data `m.direct` names, in whatever shape clients write it.
pub(super) fn direct_chats(content: Option<&str>) -> HashSet<OwnedRoomId> {
    let content: Option<Value> = content.and_then(|content| serde_json::from_str(content).ok());
    let chats = content.as_ref().and_then(Value::as_object).into_iter().flat_map(|chats| chats.values());
    let rooms = chats.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    rooms.filter_map(|room| RoomId::parse(room).ok()).collect()
}
