//! Rooms whose members are not here yet (MSC3902): what is noted of them, and how events are judged meanwhile.
//!
//! The state of such a room lacks members. An event names in its auth events those whom the rules ask for: they are
//! believed as far as they prove themselves, until the whole state is here and all is decided again (`whole.rs`).

use std::sync::Arc;

use hearth_spec::Pdu;
use hearth_storage::{
    EventNid, Position, Scan, StateId, StateKeyNid, StorageError,
    schema::{
        self,
        rooms::{PartialRoomRow, Standing},
    },
};
use ruma::{OwnedEventId, OwnedServerName, ServerName};

use crate::{
    RoomError,
    read::{event::Event, history::without_state, partial::whole_since, reading::Reader, room::RoomInner},
    write::staged::Staged,
};

/// What a server said of a room whose members it left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WithoutMembers {
    /// The server.
    pub via: OwnedServerName,
    /// The servers that it says are in the room.
    pub servers: Vec<OwnedServerName>,
}

/// What an event that is named says of a member, beside a state.
enum Named {
    /// The state has nothing of the member.
    New(StateKeyNid),
    /// It has something else.
    Other(StateKeyNid),
    Nothing,
}

impl RoomInner {
    /// How the room came without its members, as a writer sees it; `None` unless they are still missing.
    pub fn partial_row(&self, staged: &Staged) -> Result<Option<PartialRoomRow>, StorageError> {
        // Most rooms never were so: they cost no look into the store.
        if self.whole_since.borrow().is_some() {
            return Ok(None);
        }
        let row = staged.tx.get(&schema::PARTIAL_ROOMS, (self.nid,))?;
        Ok(row.filter(|row| row.whole.is_none()))
    }

    fn is_partial(&self, staged: &Staged) -> Result<bool, StorageError> {
        Ok(self.partial_row(staged)?.is_some())
    }

    /// Notes that a room comes without its members. Those of an earlier stay are wanted all the same: what came then is
    /// part of the room, and other events may follow it.
    pub fn begin_partial(
        &self,
        staged: &mut Staged,
        join: OwnedEventId,
        told: WithoutMembers,
    ) -> Result<(), RoomError> {
        let earlier = self.partial_row(staged)?;
        let servers = told.servers.iter().chain([&told.via]);
        for server in servers.filter(|server| **server != self.shared.server_name) {
            staged.tx.put(&schema::PARTIAL_SERVERS, (self.nid, server), &());
            if !staged.tx.contains(&schema::ROOM_SERVERS, (self.nid, server))? {
                staged.tx.put(&schema::ROOM_SERVERS, (self.nid, server), &0);
                staged.tx.put(&schema::SERVER_ROOMS, (server, self.nid), &());
            }
        }
        let mut joins = earlier.map_or(Vec::new(), |row| row.joins);
        joins.push(join);
        let row = PartialRoomRow { joins, via: told.via, whole: None, missed: Vec::new() };
        staged.tx.put(&schema::PARTIAL_ROOMS, (self.nid,), &row);
        // Before the room can be seen: nobody is to take it for whole.
        self.whole_since.send_replace(None);
        Ok(())
    }

    /// Takes back what [`begin_partial`](Self::begin_partial) did, where the room does not come after all.
    pub fn read_whole_since(&self) -> Result<(), StorageError> {
        let row = self.shared.store.written().get(&schema::PARTIAL_ROOMS, (self.nid,))?;
        self.whole_since.send_replace(whole_since(row));
        Ok(())
    }

    /// The state before a join to a room that everyone here had left before its members were here: where all that it
    /// follows came in, nothing was missed, and the room goes on as it was.
    pub fn state_before_return(&self, staged: &mut Staged, join: &Pdu) -> Result<Option<StateId>, RoomError> {
        let Some(row) = self.partial_row(staged)? else { return Ok(None) };
        if !without_state(staged, join.prev_events())?.is_empty() {
            return Ok(None);
        }
        // Written again, so that the members are fetched again.
        staged.tx.put(&schema::PARTIAL_ROOMS, (self.nid,), &row);
        self.state_before(staged, join).map(Some)
    }

    /// A room comes with its members. Where those of an earlier stay are missing it is whole when they are here as well.
    pub fn arrive_whole(&self, staged: &mut Staged, join: OwnedEventId) -> Result<(), RoomError> {
        match self.partial_row(staged)? {
            Some(mut row) => {
                row.joins.push(join);
                staged.tx.put(&schema::PARTIAL_ROOMS, (self.nid,), &row);
            }
            None => staged.tx.delete(&schema::PARTIAL_ROOMS, (self.nid,)),
        }
        Ok(())
    }

    /// Takes the events that were decided on by a state that lacks members, in the order in which they came.
    pub fn take_partial_events(&self, staged: &mut Staged) -> Result<Vec<Arc<Event>>, RoomError> {
        let noted = self.forget_partial_events(staged)?;
        let mut events = Vec::with_capacity(noted.len());
        for (nid, position) in noted {
            // One that was purged meanwhile has no state.
            if let Some(event) = staged.event(nid)?.filter(|event| event.state.is_some()) {
                events.push((position, event.pdu.depth(), event));
            }
        }
        // What came at once is history, of which each event is deeper than those before it.
        events.sort_by_key(|(position, depth, _)| (*position, *depth));
        Ok(events.into_iter().map(|(.., event)| event).collect())
    }

    fn forget_partial_events(&self, staged: &mut Staged) -> Result<Vec<(EventNid, Position)>, StorageError> {
        let rows = staged.tx.scan(&schema::PARTIAL_EVENTS, Scan::prefix((self.nid,)));
        let noted = rows.map(|row| row.map(|((_, event), position)| (event, position)));
        let noted = noted.collect::<Result<Vec<_>, _>>()?;
        for (event, _) in &noted {
            staged.tx.delete(&schema::PARTIAL_EVENTS, (self.nid, *event));
        }
        Ok(noted)
    }

    /// Whether a server is said to be in the room, whose members are missing.
    pub fn is_told_server(&self, staged: &Staged, server: &ServerName) -> Result<bool, StorageError> {
        Ok(self.is_partial(staged)? && staged.tx.contains(&schema::PARTIAL_SERVERS, (self.nid, server))?)
    }

    /// What is said of servers counts no longer: those of whose users nothing is known are not in the room.
    pub fn forget_told_servers(&self, staged: &mut Staged) -> Result<(), StorageError> {
        let rows = staged.tx.scan(&schema::PARTIAL_SERVERS, Scan::prefix((self.nid,)));
        for ((_, server), ()) in rows.collect::<Result<Vec<_>, _>>()? {
            staged.tx.delete(&schema::PARTIAL_SERVERS, (self.nid, &server));
            if staged.tx.get(&schema::ROOM_SERVERS, (self.nid, &server))? == Some(0) {
                staged.tx.delete(&schema::ROOM_SERVERS, (self.nid, &server));
                staged.tx.delete(&schema::SERVER_ROOMS, (&server, self.nid));
            }
        }
        Ok(())
    }

    /// Notes that an event was decided on by a state that may lack members.
    pub fn note_partial(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        if self.is_partial(staged)? {
            self.note_decided(staged, event);
        }
        Ok(())
    }

    fn note_decided(&self, staged: &mut Staged, event: &Event) {
        let position = staged.tx.next_position();
        staged.tx.put(&schema::PARTIAL_EVENTS, (self.nid, event.nid), &position);
    }

    /// The same for one of the past: the state before it lacks members if that before one of its prev events does.
    pub fn note_partial_history(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        if !self.is_partial(staged)? {
            return Ok(());
        }
        for id in event.pdu.prev_events() {
            if let Some(nid) = staged.nid(id)?
                && staged.tx.contains(&schema::PARTIAL_EVENTS, (self.nid, nid))?
            {
                self.note_decided(staged, event);
                break;
            }
        }
        Ok(())
    }

    /// A state with the members whom an event names, if the room lacks members: those of whom it has nothing, and where
    /// it has something else, what both resolve to (MSC3902).
    pub fn with_named_members(
        &self,
        staged: &mut Staged,
        state: StateId,
        pdu: &Pdu,
    ) -> Result<StateId, RoomError> {
        if !self.is_partial(staged)? {
            return Ok(state);
        }
        let (mut members, mut others) = (Vec::new(), Vec::new());
        for id in pdu.auth_events() {
            let Some(event) = staged.event_by_id(id)? else { continue };
            match self.named_member(staged, state, &event)? {
                Named::New(key) => members.push((key, Some(event.nid))),
                Named::Other(key) => others.push((key, Some(event.nid))),
                Named::Nothing => {}
            }
        }
        let state = self.with_members(staged, state, &members)?;
        let other = self.with_members(staged, state, &others)?;
        self.resolve(staged, vec![state, other])
    }

    /// A state with the users of this server of whom it has nothing, as they were known before: as far as it is known
    /// they are so still.
    pub fn with_own_members(&self, staged: &mut Staged, state: StateId) -> Result<StateId, RoomError> {
        let rows = staged.tx.scan(&schema::MEMBERSHIPS, Scan::prefix((self.nid,)));
        let mut events = Vec::new();
        for row in rows {
            let ((_, user), row) = row?;
            if user.server_name() == self.shared.server_name {
                events.push(row.event);
            }
        }
        let mut members = Vec::new();
        for event in staged.events_of(&events)? {
            if let Named::New(key) = self.named_member(staged, state, &event)? {
                members.push((key, Some(event.nid)));
            }
        }
        self.with_members(staged, state, &members)
    }

    fn with_members(
        &self,
        staged: &mut Staged,
        state: StateId,
        members: &[(StateKeyNid, Option<EventNid>)],
    ) -> Result<StateId, RoomError> {
        if members.is_empty() { Ok(state) } else { staged.set_state(state, members) }
    }

    fn named_member(&self, staged: &Staged, state: StateId, event: &Event) -> Result<Named, RoomError> {
        let good = matches!(event.standing, Standing::Accepted | Standing::SoftFailed);
        let Some(user) = event
            .pdu
            .state_key()
            .filter(|_| good && event.room == self.nid && event.pdu.type_str() == "m.room.member")
        else {
            return Ok(Named::Nothing);
        };
        let key = self.shared.state_keys.intern("m.room.member", user)?;
        let known = self.shared.trees.read(&staged.tx).get(state, key)?;
        Ok(match known {
            None => Named::New(key),
            Some(known) if known != event.nid => Named::Other(key),
            Some(_) => Named::Nothing,
        })
    }
}
