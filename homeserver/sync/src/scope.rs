//! What a response is computed from.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Room, Rooms};
use hearth_storage::RoomNid;
use hearth_users::{Erased, Users};
use quick_cache::sync::Cache;
use ruma::{
    DeviceId, OwnedUserId, UserId,
    api::client::filter::{EventFormat, FilterDefinition},
    push::Ruleset,
};

use crate::{
    ClientEvents, EventForm, Recipient, StateAfter, SyncRequest, SyncToken, filter::EventFilter, hub::Hub,
    notices::RoomNotices, online::Online, token::UpTo,
};

/// What the newest events of rooms are to those who count them, for the rooms used lately.
pub(crate) type NoticesCache = Cache<RoomNid, Arc<RoomNotices>>;

/// All that does not change while one response is computed.
pub(crate) struct Scope<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub hub: &'a Hub,
    pub notices: &'a NoticesCache,
    pub online: &'a Online,
    pub request: &'a SyncRequest,
    /// What the client was told; `None` for a first sync.
    pub since: Option<SyncToken>,
    /// What it is told now reaches up to here.
    pub upto: UpTo,
    pub ignored: Arc<HashSet<OwnedUserId>>,
    pub erased: Arc<Erased>,
    pub push_rules: Arc<Ruleset>,
}

impl<'a> Scope<'a> {
    pub fn user(&self) -> &'a UserId {
        &self.request.user
    }

    pub fn device(&self) -> &'a DeviceId {
        &self.request.device
    }

    pub fn filter(&self) -> &'a FilterDefinition {
        &self.request.filter
    }

    pub fn timeline_filter(&self) -> EventFilter<'a> {
        EventFilter::of(&self.request.filter.room.timeline)
    }

    pub fn state_filter(&self) -> EventFilter<'a> {
        EventFilter::of(&self.request.filter.room.state)
    }

    /// A writer of events of a room.
    pub fn client_events<'b>(&'b self, room: &'b Room) -> ClientEvents<'b> {
        let recipient = Recipient {
            user: self.user(),
            device: Some(self.device()),
            ignored: self.ignored.clone(),
            erased: self.erased.clone(),
        };
        ClientEvents::new(self.rooms, room, recipient)
    }

    /// The form in which events are wanted.
    pub fn form(&self) -> EventForm {
        match self.request.filter.event_format {
            EventFormat::Federation => EventForm::Federation,
            _ => EventForm::WithoutRoomId,
        }
    }

    /// Under which name the state is told, and whether it is that at the end of the timeline.
    pub fn state_key(&self) -> (&'static str, bool) {
        match self.request.state_after {
            None => ("state", false),
            Some(StateAfter::Stable) => ("state_after", true),
            Some(StateAfter::Unstable) => ("org.matrix.msc4222.state_after", true),
        }
    }

    /// The notices of a room.
    pub fn notices(&self, room: RoomNid) -> Arc<RoomNotices> {
        notices_of(self.notices, room)
    }
}

/// The notices of a room, new ones if there are none.
pub(crate) fn notices_of(cache: &NoticesCache, room: RoomNid) -> Arc<RoomNotices> {
    if let Some(notices) = cache.get(&room) {
        return notices;
    }
    // Two may come here at once; one of them reads the newest events in vain.
    let notices = Arc::new(RoomNotices::default());
    cache.insert(room, notices.clone());
    notices
}
