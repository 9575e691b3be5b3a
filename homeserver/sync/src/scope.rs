//! What a response is computed from.

use std::{collections::HashSet, sync::Arc};

use hearth_push::{EvaluatedRoom, EvaluatedRooms, PushUser, ReadRoom, UnreadCounts};
use hearth_rooms::{Room, Rooms};
use hearth_storage::{Position, RoomNid};
use hearth_users::{Erased, Users};
use ruma::{DeviceId, OwnedUserId, UserId, push::Ruleset};

use crate::{
    ClientEvents, Recipient, SyncError, SyncToken, filter::EventFilter, hub::Hub, online::Online, token::UpTo,
};

/// All that does not change while one response is computed.
pub(crate) struct Scope<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub hub: &'a Hub,
    pub evaluated: &'a EvaluatedRooms,
    pub online: &'a Online,
    pub user: &'a UserId,
    pub device: &'a DeviceId,
    pub wanted: Wanted<'a>,
    /// What the client was told; `None` for a first sync.
    pub since: Option<SyncToken>,
    /// What it is told now reaches up to here.
    pub upto: UpTo,
    pub ignored: Arc<HashSet<OwnedUserId>>,
    pub erased: Arc<Erased>,
    pub push_rules: Arc<Ruleset>,
}

/// What is asked of rooms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub timeline: EventFilter<'a>,
    pub state: EventFilter<'a>,
    pub ephemeral: EventFilter<'a>,
    pub account_data: EventFilter<'a>,
    /// The state at the end of the timeline, not that at its start.
    pub state_after: bool,
    /// All of the state, also what the client knows.
    pub full_state: bool,
    /// In a first sync, also the rooms that the user has left.
    pub left_rooms: bool,
}

impl Wanted<'static> {
    /// All that can be told of rooms, and only of those that are not left.
    pub fn everything() -> Self {
        let all = EventFilter::everything();
        Self {
            timeline: all,
            state: all,
            ephemeral: all,
            account_data: all,
            state_after: true,
            full_state: false,
            left_rooms: false,
        }
    }
}

impl<'a> Scope<'a> {
    /// What push rules make of the newest events of a room.
    pub fn evaluated(&self, room: RoomNid) -> Arc<EvaluatedRoom> {
        self.evaluated.room(room)
    }

    /// How much the user, who joined a room at a position, has not read there.
    pub fn unread(&self, room: &Room, joined: Position) -> Result<UnreadCounts, SyncError> {
        let user = PushUser {
            rooms: self.rooms,
            users: self.users,
            user: self.user,
            rules: self.push_rules.clone(),
            evaluated: self.evaluated,
            ignored: &self.ignored,
        };
        let evaluated = self.evaluated(room.nid());
        let read = ReadRoom { room, evaluated: &evaluated, joined };
        self.online.unread(&user, read, self.upto.log)
    }

    /// A writer of events of a room.
    pub fn client_events<'b>(&'b self, room: &'b Room) -> ClientEvents<'b> {
        let recipient = Recipient {
            user: self.user,
            device: Some(self.device),
            ignored: self.ignored.clone(),
            erased: self.erased.clone(),
        };
        ClientEvents::new(self.rooms, room, recipient)
    }
}
