//! What a change of the log, or something ephemeral, means to other servers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hearth_rooms::{Event, Room, StickyEvent};
use hearth_storage::{Change, EventNid, Position, RoomNid, schema, schema::rooms::Membership};
use hearth_sync::Announcement;
use ruma::{OwnedUserId, ServerName, UserId};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::Driver;
use crate::{
    FederationError,
    outbox::{
        catch_up::addressee,
        exceptions::Exception,
        queues::{Ephemeral, Queued, Receipt, ServerNid},
    },
};

/// A user's presence is told to so many servers at most.
const MAX_PRESENCE_SERVERS: usize = 500;
/// For so long it is told to the same.
const PRESENCE_SERVERS_LAST: Duration = Duration::from_secs(60);
/// Of so many users it is remembered who they are told to.
const MAX_PRESENCE_USERS: usize = 10_000;

/// Which servers are told of a user's presence.
#[derive(Default)]
pub(super) struct PresenceServers(HashMap<OwnedUserId, (Instant, Arc<[ServerNid]>)>);

impl Driver {
    /// Takes in changes of the log. One that cannot be read is passed over, so that it holds nothing else up.
    pub(super) fn take_in(&mut self, changes: &[(Position, Change)]) {
        for (position, change) in changes {
            if let Err(error) = self.change(*position, change) {
                tracing::error!(%error, %position, "other servers are not told of a change");
            }
        }
        if let Some((end, _)) = changes.last() {
            self.queues.read_to(*end);
        }
    }

    fn change(&mut self, position: Position, change: &Change) -> Result<(), FederationError> {
        match change {
            Change::Event { room, event } => self.event(position, *room, *event),
            Change::Membership { room, user, membership } => {
                self.queues.forget_recipients(*room);
                if self.is_local(user) {
                    self.presence_servers.0.remove(user);
                    if *membership == Membership::Join {
                        self.joined(position, *room, user)?;
                    }
                } else if *membership == Membership::Join {
                    self.server_joined(position, *room, user)?;
                }
                Ok(())
            }
            Change::Receipt { room, user } if self.is_local(user) => self.receipt(position, *room),
            Change::DeviceList { user } if self.is_local(user) => {
                let servers = self.rooms.servers_of_user(user)?;
                let servers = self.nids(servers.iter().map(|server| &**server));
                self.queues.device_list(position, user, false, &servers);
                Ok(())
            }
            Change::Whole { room } => self.whole(position, *room),
            Change::Edu { server } => {
                let server = self.queues.nid(server);
                self.queues.edus_wait(server);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn event(&mut self, position: Position, room: RoomNid, nid: EventNid) -> Result<(), FederationError> {
        let Some(event) = self.rooms.event(nid)? else { return Ok(()) };
        let ours = match self.exceptions.take(event.id()) {
            Some(exception) => exception == Exception::Relay,
            // Who needs it asks for it: if all sent theirs, each would make more ends for the others to join.
            None => self.is_local(event.pdu.sender()) && !event.is_dummy(),
        };
        if ours {
            self.load_recipients(room)?;
            let mut also = self.goes_also_to(&event);
            // Caught up there, it hears of it.
            if let Some(server) = also
                && self.is_behind(server, room)?
            {
                also = None;
            }
            // Who sent it by this server has it.
            let sender = event.pdu.sender();
            let except = (!self.is_local(sender)).then(|| self.queues.nid(sender.server_name()));
            self.queues.event(Queued { position, room, event: nid }, also, except);
        }
        Ok(())
    }

    /// The server of a user who leaves, or is made to: it may be in the room no more. (An invite was sent there
    /// before it came here.)
    fn goes_also_to(&mut self, event: &Event) -> Option<ServerNid> {
        let gone = matches!(
            event.pdu.membership(),
            Some(hearth_spec::Membership::Leave | hearth_spec::Membership::Ban)
        );
        let server = addressee(event).filter(|server| gone && *server != self.rooms.server_name())?;
        Some(self.queues.nid(server))
    }

    /// A user of this server is joined to a room: servers there may know nothing of the user's devices.
    fn joined(
        &mut self,
        position: Position,
        room: RoomNid,
        user: &OwnedUserId,
    ) -> Result<(), FederationError> {
        let room = self.rooms.room_by_nid(room)?;
        // While members are missing nobody knows which servers these are: they ask for what they need when they see the
        // join.
        let was_whole = room.whole_since().is_some_and(|since| since < position);
        if !was_whole || !self.is_new(&room, user)? {
            return Ok(());
        }
        let servers = room.servers()?;
        let servers = self.nids(servers.iter().map(|server| &**server));
        self.queues.device_list(position, user, true, &servers);
        Ok(())
    }

    /// A user of another server is joined: if it is the first, that server knows nothing of what is sticky (MSC4354).
    fn server_joined(
        &mut self,
        position: Position,
        nid: RoomNid,
        user: &OwnedUserId,
    ) -> Result<(), FederationError> {
        let room = self.rooms.room_by_nid(nid)?;
        let sticky = room.sticky_since(Position(0), position)?;
        if sticky.is_empty()
            || !self.is_new(&room, user)?
            || room.members_of(user.server_name(), Membership::Join)?.len() > 1
        {
            return Ok(());
        }
        let server = self.queues.nid(user.server_name());
        if self.is_behind(server, nid)? {
            return Ok(());
        }
        for StickyEvent { event, .. } in sticky {
            if self.is_local(event.pdu.sender()) {
                self.queues.event_for(server, Queued { position, room: nid, event: event.nid });
            }
        }
        Ok(())
    }

    /// The members of a room are here: servers that were in it without its being known know nothing of the devices of who
    /// is there from here.
    fn whole(&mut self, position: Position, nid: RoomNid) -> Result<(), FederationError> {
        self.queues.forget_recipients(nid);
        let room = self.rooms.room_by_nid(nid)?;
        let servers = room.servers_missed()?;
        let servers = self.nids(servers.iter().map(|server| &**server));
        if !servers.is_empty() {
            for user in room.members_of(self.rooms.server_name(), Membership::Join)? {
                self.queues.device_list(position, &user, true, &servers);
            }
        }
        Ok(())
    }

    fn receipt(&mut self, position: Position, nid: RoomNid) -> Result<(), FederationError> {
        let room = self.rooms.room_by_nid(nid)?;
        // Nothing, if the receipt moved on since: then that is told.
        for (key, row) in room.receipts_since(position.before(), position)? {
            if key.receipt_type == "m.read" {
                self.load_recipients(nid)?;
                let (user, thread, event_id, ts) = (key.user, key.thread, row.event_id, row.ts);
                let receipt = Receipt { room: nid, user, thread, event_id, ts };
                self.queues.ephemeral_in(nid, &Arc::new(Ephemeral::Receipt(receipt)));
            }
        }
        Ok(())
    }

    /// Takes in what a user does, of which the log does not tell.
    pub(super) fn announced(&mut self, said: Result<Announcement, RecvError>) {
        let done = match said {
            // Other servers speak for their own users.
            Ok(Announcement::Typing { user, .. } | Announcement::Presence { user, .. })
                if !self.is_local(&user) =>
            {
                Ok(())
            }
            Ok(Announcement::Typing { room, user, typing }) => self.load_recipients(room).map(|()| {
                self.queues.ephemeral_in(room, &Arc::new(Ephemeral::Typing { room, user, typing }));
            }),
            Ok(Announcement::Presence { user, now }) => self.presence_servers_of(&user).map(|servers| {
                self.queues.ephemeral(&Arc::new(Ephemeral::Presence { user, now }), &servers);
            }),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "other servers are not told of all typing and presence");
                Ok(())
            }
            Err(RecvError::Closed) => {
                self.announcements = None;
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::error!(%error, "other servers are not told of typing or presence");
        }
    }

    /// The servers that share a room with a user, as they were lately.
    fn presence_servers_of(&mut self, user: &UserId) -> Result<Arc<[ServerNid]>, FederationError> {
        let now = Instant::now();
        if let Some((until, servers)) = self.presence_servers.0.get(user)
            && *until > now
        {
            return Ok(servers.clone());
        }
        let servers = self.rooms.servers_of_user(user)?;
        let servers: Arc<[_]> =
            self.nids(servers.iter().map(|server| &**server).take(MAX_PRESENCE_SERVERS)).into();
        if self.presence_servers.0.len() >= MAX_PRESENCE_USERS {
            self.presence_servers.0.retain(|_, (until, _)| *until > now);
            if self.presence_servers.0.len() >= MAX_PRESENCE_USERS {
                self.presence_servers.0.clear();
            }
        }
        self.presence_servers.0.insert(user.to_owned(), (now + PRESENCE_SERVERS_LAST, servers.clone()));
        Ok(servers)
    }

    /// Makes the servers of a room known to the queues.
    fn load_recipients(&mut self, room: RoomNid) -> Result<(), FederationError> {
        if !self.queues.knows_recipients(room) {
            let servers = self.rooms.room_by_nid(room)?.servers()?;
            let mut keep_up = Vec::with_capacity(servers.len());
            for server in self.nids(servers.iter().map(|server| &**server)) {
                if !self.is_behind(server, room)? {
                    keep_up.push(server);
                }
            }
            self.queues.set_recipients(room, keep_up);
        }
        Ok(())
    }

    /// Whether a server is behind in a room.
    fn is_behind(&self, server: ServerNid, room: RoomNid) -> Result<bool, FederationError> {
        match self.queues.is_behind(server, room) {
            Some(is_behind) => Ok(is_behind),
            None => {
                let row = (self.queues.name(server), room);
                Ok(self.store.view().get(&schema::DESTINATION_ROOMS, row)?.is_some())
            }
        }
    }

    /// The numbers of other servers.
    fn nids<'a>(&mut self, servers: impl Iterator<Item = &'a ServerName>) -> Vec<ServerNid> {
        let others = servers.filter(|server| *server != self.rooms.server_name());
        others.map(|server| self.queues.nid(server)).collect()
    }

    fn is_local(&self, user: &UserId) -> bool {
        user.server_name() == self.rooms.server_name()
    }

    /// Whether a user who is joined was not before: a new name or picture is a membership event as well.
    fn is_new(&self, room: &Room, user: &UserId) -> Result<bool, FederationError> {
        let Some(row) = room.membership(user)? else { return Ok(false) };
        let Some(event) = self.rooms.event(row.event)? else { return Ok(false) };
        let Some(state) = event.state else { return Ok(true) };
        Ok(room.membership_at(state.before, user)? != Some(Membership::Join))
    }
}
