//! Who must be told what, decided without I/O: what happens goes in, transactions and rows to be written come out.
//!
//! A destination that keeps up has a queue in memory. One that fails, or whose queue is full, is *behind*: each
//! room in which it misses something is written down once, and what happens there later costs nothing. When it is
//! caught up in a room, it is sent what happens there from that moment on, and the row stays until it has what
//! caught it up.

mod destination;
mod ephemeral;
mod names;
mod pending;
mod recipients;
mod rows;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hearth_storage::{Position, RoomNid};
use ruma::{OwnedServerName, OwnedUserId, ServerName};

pub(super) use self::{
    destination::Queued,
    ephemeral::{Ephemeral, Receipt},
    names::ServerNid,
    rows::Rows,
};
use self::{
    destination::{Destination, ListWork, Sending},
    names::Names,
    pending::Pending,
    recipients::Recipients,
};

/// The most PDUs of a transaction, as the specification says.
pub(super) const MAX_PDUS: usize = 50;
/// How many transactions are under way at once to destinations that took their last one, and as many to all others, so
/// that those that never answer do not hold up those that do.
const MAX_SENDING: usize = 256;
/// How many events wait for one destination.
const MAX_QUEUED: usize = 10_000;
/// How many events wait for all destinations together; beyond that, at most [`FEW`] wait for each.
const MAX_QUEUED_IN_ALL: usize = 200_000;
/// How many events wait for a destination that did not answer yet: if many never do, each event costs memory for each.
const FEW: usize = MAX_PDUS;
/// So many users' device lists wait for one destination in memory.
const MAX_LISTS: usize = 500;
/// A transaction tells of so many device lists, and of so much that is ephemeral.
const LISTS_AT_ONCE: usize = 10;
const EPHEMERAL_AT_ONCE: usize = 30;
/// A transaction catches up in so many rooms.
pub(super) const ROOMS_AT_ONCE: usize = 10;
/// So many rooms in which a destination is behind are held in memory; of the others only the store knows.
pub(super) const MAX_MISSED: usize = 64;

/// What is to be put into a transaction.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Order {
    pub events: Vec<Queued>,
    /// Rooms to catch up in, each with the first position that was missed.
    pub rooms: Vec<(RoomNid, Position)>,
    /// Users whose device lists changed, and where; nowhere for what changed last.
    pub lists: Vec<(OwnedUserId, Vec<Position>)>,
    pub ephemeral: Vec<Arc<Ephemeral>>,
    /// Also what the store has for the destination.
    pub stored_edus: bool,
    pub stored_lists: bool,
}

/// What is to be done for a destination.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    /// To see whether it answers: by what it did not acknowledge, or by connecting to it.
    Reach,
    /// To read in which rooms it is behind, from this one on ([`Queues::rooms_read`]).
    ReadRooms(RoomNid),
    Send(Order),
}

/// All destinations that have something to be told.
pub(super) struct Queues {
    names: Names,
    destinations: HashMap<ServerNid, Destination>,
    recipients: Recipients,
    pending: Pending,
    rows: Rows,
    /// Those that can be connected to, which says little: they may not answer.
    reached: HashSet<ServerNid>,
    /// Those of them that took what they were sent last.
    proven: HashSet<ServerNid>,
    to_proven: Lane,
    to_others: Lane,
    /// The events in all queues.
    queued: usize,
    /// How many rows of each destination and room are not written yet: what the store says of it is out of date.
    unwritten: HashMap<(ServerNid, RoomNid), usize>,
    /// [`MAX_MISSED`], but for tests.
    max_missed: usize,
}

/// Destinations that share a bound on what is on its way.
#[derive(Default)]
struct Lane {
    /// Those that may be ready, in the order in which they became so.
    ready: VecDeque<ServerNid>,
    sending: usize,
}

impl Lane {
    fn next(&mut self) -> Option<ServerNid> {
        if self.sending < MAX_SENDING { self.ready.pop_front() } else { None }
    }
}

impl Queues {
    /// Queues for what comes after a position.
    pub fn new(after: Position) -> Self {
        Self {
            names: Names::default(),
            destinations: HashMap::new(),
            recipients: Recipients::default(),
            pending: Pending::new(after),
            rows: Rows::default(),
            reached: HashSet::new(),
            proven: HashSet::new(),
            to_proven: Lane::default(),
            to_others: Lane::default(),
            queued: 0,
            unwritten: HashMap::new(),
            max_missed: MAX_MISSED,
        }
    }

    pub fn nid(&mut self, server: &ServerName) -> ServerNid {
        self.names.nid(server)
    }

    pub fn name(&self, server: ServerNid) -> &OwnedServerName {
        self.names.name(server)
    }

    /// A destination is behind in rooms that stand in the store.
    pub fn rooms_wait(&mut self, server: ServerNid) {
        self.destinations.entry(server).or_default().stored_rooms = Some(RoomNid(0));
        self.settle(server);
    }

    /// The next rooms in which a destination is behind, as the store has them, and from which room on it has more.
    pub fn rooms_read(
        &mut self,
        server: ServerNid,
        rooms: impl IntoIterator<Item = (RoomNid, Position)>,
        more: Option<RoomNid>,
    ) {
        let Some(known) = self.destinations.get_mut(&server) else { return };
        known.stored_rooms = more;
        for (room, first) in rooms {
            if !self.unwritten.contains_key(&(server, room)) {
                known.missed.entry(room).or_insert(first);
            }
        }
        self.settle(server);
    }

    /// Whether a destination is behind in a room; `None` if only the store knows.
    pub fn is_behind(&self, server: ServerNid, room: RoomNid) -> Option<bool> {
        let Some(known) = self.destinations.get(&server) else { return Some(false) };
        if known.missed.contains_key(&room) {
            return Some(true);
        }
        let is_known = known.stored_rooms.is_none()
            || known.catches_up(room)
            || self.unwritten.contains_key(&(server, room));
        is_known.then_some(false)
    }

    /// EDUs wait in the store for a destination.
    pub fn edus_wait(&mut self, server: ServerNid) {
        self.destinations.entry(server).or_default().stored_edus = true;
        self.settle(server);
    }

    /// Device lists that a destination must be told of stand in the store.
    pub fn lists_wait(&mut self, server: ServerNid) {
        self.destinations.entry(server).or_default().stored_lists = true;
        self.settle(server);
    }

    /// Whether the servers of a room are known.
    pub fn knows_recipients(&self, room: RoomNid) -> bool {
        self.recipients.is_known(room)
    }

    /// The servers of a room that are not behind there, without this one.
    pub fn set_recipients(&mut self, room: RoomNid, servers: Vec<ServerNid>) {
        self.recipients.insert(room, servers);
    }

    /// Who is in a room may have changed.
    pub fn forget_recipients(&mut self, room: RoomNid) {
        self.recipients.take(room);
    }

    /// An event came that the servers of its room must get, which are known, and another besides them that is not
    /// behind there; but for one that has it.
    pub fn event(&mut self, event: Queued, also: Option<ServerNid>, except: Option<ServerNid>) {
        let mut servers = self.recipients.take(event.room).unwrap_or_default();
        if let Some(also) = also.filter(|also| !servers.contains(also) && Some(*also) != except) {
            self.enqueue(also, event);
        }
        servers.retain(|server| Some(*server) == except || self.enqueue(*server, event));
        self.recipients.insert(event.room, servers);
    }

    /// An event that came earlier is to be sent to a destination that is not behind in its room, because of what happened at
    /// its position.
    pub fn event_for(&mut self, server: ServerNid, event: Queued) {
        self.enqueue(server, event);
    }

    /// The device list of a user of this server changed, which these servers must be told. With `whole` they may
    /// know nothing of it yet.
    pub fn device_list(
        &mut self,
        position: Position,
        user: &OwnedUserId,
        whole: bool,
        servers: &[ServerNid],
    ) {
        for server in servers {
            let known = self.destinations.entry(*server).or_default();
            if known.resting || (known.lists.len() >= MAX_LISTS && !known.lists.contains_key(user)) {
                self.pending.hold(position, 1);
                self.store_list(*server, user.clone(), position);
            } else if let Some(work) = known.lists.get_mut(user) {
                work.add(position, whole);
            } else {
                known.lists.insert(user.clone(), ListWork::new(position, whole));
                self.pending.hold(position, 1);
            }
            self.settle(*server);
        }
    }

    /// Something ephemeral happened, of which those of these servers are told that keep up.
    pub fn ephemeral(&mut self, ephemeral: &Arc<Ephemeral>, servers: &[ServerNid]) {
        for server in servers {
            let known = self.destinations.entry(*server).or_default();
            if !known.resting {
                known.ephemeral.push(ephemeral);
            }
            self.settle(*server);
        }
    }

    /// The same, to the servers of a room, which are known.
    pub fn ephemeral_in(&mut self, room: RoomNid, ephemeral: &Arc<Ephemeral>) {
        let servers = self.recipients.take(room).unwrap_or_default();
        self.ephemeral(ephemeral, &servers);
        self.recipients.insert(room, servers);
    }

    /// Everything up to here was taken in.
    pub fn read_to(&mut self, position: Position) {
        self.pending.read_to(position);
    }

    /// A destination can be connected to.
    pub fn reached(&mut self, server: ServerNid) {
        if self.end(server).is_some() {
            self.reached.insert(server);
            self.settle(server);
        }
    }

    /// A destination has what it did not acknowledge before, so it knows these rooms up to there. In each it goes on
    /// to catch up: more may have happened. For the same reason it is told of the device lists again, as they are now.
    pub fn told(&mut self, server: ServerNid, rooms: &BTreeMap<RoomNid, Position>) {
        for (room, up_to) in rooms {
            let missed = self.destinations.get(&server).and_then(|known| known.missed.get(room));
            if missed.is_some_and(|first| first < up_to) {
                self.go_on(server, *room, *up_to);
            }
        }
    }

    /// A destination has what it was sent last. `listed` are the users whose lists the store wanted it told, `more`
    /// the rooms in which more is to be caught up, and from where.
    pub fn delivered(&mut self, server: ServerNid, listed: &[OwnedUserId], more: &[(RoomNid, Position)]) {
        let Some(sending) = self.end(server) else { return };
        self.proven.insert(server);
        let lists = sending.lists.values().map(|work| work.held);
        for position in sending.events.iter().map(|event| event.position).chain(lists) {
            self.pending.release(position);
        }
        for (room, _) in sending.rooms {
            if let Some((_, rest)) = more.iter().find(|(known, _)| *known == room) {
                self.go_on(server, room, *rest);
                continue;
            }
            // Missed again meanwhile: the row stays as it is.
            let known = self.destinations.get(&server);
            if known.is_none_or(|known| !known.missed.contains_key(&room)) {
                self.write_room(server, room, None);
            }
        }
        let name = self.names.name(server);
        for user in listed {
            if !sending.relisted.contains(user) {
                self.rows.lists.push((name.clone(), user.clone(), false));
            }
        }
        self.settle(server);
    }

    /// A destination did not take what it was sent, or may not be tried: what it has to be told is written down,
    /// and it is left alone until it is woken.
    pub fn failed(&mut self, server: ServerNid) {
        let sending = self.end(server);
        self.reached.remove(&server);
        self.proven.remove(&server);
        let known = self.destinations.entry(server).or_default();
        known.resting = true;
        known.ephemeral.clear();
        if let Some(sending) = sending {
            // Their rows are still there.
            for (room, first) in sending.rooms {
                let missed = known.missed.entry(room).or_insert(first);
                *missed = first.min(*missed);
            }
            known.stored_edus |= sending.stored_edus;
            known.stored_lists |= sending.stored_lists;
            self.queued += sending.events.len();
            for event in sending.events.into_iter().rev() {
                known.queue.push_front(event);
            }
            for (user, work) in sending.lists {
                self.store_list(server, user, work.held);
            }
        }
        self.shed(server);
    }

    /// A destination may be tried again.
    pub fn wake(&mut self, server: ServerNid) {
        if let Some(known) = self.destinations.get_mut(&server) {
            known.resting = false;
            self.settle(server);
        }
    }

    /// Rows were written: what hung on them is dealt with, and of the rooms in which a destination is behind no more
    /// than some are kept in memory.
    pub fn written(&mut self, rows: Rows) {
        rows.held.into_iter().for_each(|position| self.pending.release(position));
        for (name, room, missed) in rows.rooms {
            let server = self.names.nid(&name);
            if let Some(count) = self.unwritten.get_mut(&(server, room)) {
                *count -= 1;
                if *count == 0 {
                    self.unwritten.remove(&(server, room));
                }
            }
            let Some(known) = self.destinations.get_mut(&server) else { continue };
            let in_store = missed.is_some() && known.missed.get(&room) == missed.as_ref();
            if in_store && known.missed.len() > self.max_missed && !known.catches_up(room) {
                known.missed.remove(&room);
                known.stored_rooms = Some(RoomNid(0));
                // It is made anew with what the store says.
                self.recipients.take(room);
            }
        }
    }

    /// The next destination that something is to be done for, and what. Nothing else is before this is delivered or
    /// fails. One that was not reached yet, or failed since, is to be reached first: for one that cannot be reached,
    /// nothing is taken out of where it waits, and the recipients of no room change.
    pub fn next(&mut self) -> Option<(ServerNid, Step)> {
        loop {
            let server = self.to_proven.next().or_else(|| self.to_others.next())?;
            let Some(known) = self.destinations.get_mut(&server) else { continue };
            known.enlisted = false;
            if !known.is_ready() {
                continue;
            }
            if !self.reached.contains(&server) {
                known.sending = Some(Sending::default());
                self.lane(server).sending += 1;
                return Some((server, Step::Reach));
            }
            if let Some(from) = known.stored_rooms.filter(|_| known.missed.is_empty()) {
                return Some((server, Step::ReadRooms(from)));
            }
            let events: Vec<_> = known.queue.drain(..known.queue.len().min(MAX_PDUS)).collect();
            self.queued -= events.len();
            let slots = (MAX_PDUS - events.len()).min(ROOMS_AT_ONCE);
            let rooms: Vec<_> =
                known.missed.iter().take(slots).map(|(room, first)| (*room, *first)).collect();
            for (room, _) in &rooms {
                known.missed.remove(room);
                // From now on it is sent what happens there.
                self.recipients.take(*room);
            }
            let mut sending = Sending {
                events: events.clone(),
                rooms: rooms.clone(),
                stored_edus: std::mem::take(&mut known.stored_edus),
                stored_lists: std::mem::take(&mut known.stored_lists),
                ..Sending::default()
            };
            while sending.lists.len() < LISTS_AT_ONCE
                && let Some((user, work)) = known.lists.pop_first()
            {
                sending.lists.insert(user, work);
            }
            let order = Order {
                events,
                rooms,
                lists: sending
                    .lists
                    .iter()
                    .map(|(user, work)| (user.clone(), work.changes.clone()))
                    .collect(),
                ephemeral: known.ephemeral.take(EPHEMERAL_AT_ONCE),
                stored_edus: sending.stored_edus,
                stored_lists: sending.stored_lists,
            };
            known.sending = Some(sending);
            self.lane(server).sending += 1;
            return Some((server, Step::Send(order)));
        }
    }

    /// The rows that are to be written, if there are any.
    pub fn rows(&mut self) -> Option<Rows> {
        (!self.rows.is_empty()).then(|| std::mem::take(&mut self.rows))
    }

    /// Everything up to here is delivered or written down.
    pub fn settled(&self) -> Position {
        self.pending.settled()
    }

    /// The destinations that have something to be told, those that are behind among them.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = ServerNid> {
        self.destinations.keys().copied()
    }

    /// Puts an event into a destination's queue, unless it is behind in the room or falls behind. Says whether it
    /// is in the queue.
    fn enqueue(&mut self, server: ServerNid, event: Queued) -> bool {
        let few = self.queued >= MAX_QUEUED_IN_ALL || !self.proven.contains(&server);
        let known = self.destinations.entry(server).or_default();
        if !known.resting && known.queue.len() >= if few { FEW } else { MAX_QUEUED } {
            self.shed(server);
        }
        let known = self.destinations.entry(server).or_default();
        let behind = known.missed.contains_key(&event.room);
        if !behind {
            self.pending.hold(event.position, 1);
            if known.resting {
                self.miss(server, event);
            } else {
                known.queue.push_back(event);
                self.queued += 1;
            }
        }
        self.settle(server);
        self.destinations.get(&server).is_some_and(|known| !known.missed.contains_key(&event.room))
    }

    /// Writes down what waits for a destination, and forgets it.
    fn shed(&mut self, server: ServerNid) {
        let Some(known) = self.destinations.get_mut(&server) else { return };
        let (queue, lists) = (std::mem::take(&mut known.queue), std::mem::take(&mut known.lists));
        self.queued -= queue.len();
        for event in queue {
            self.miss(server, event);
        }
        for (user, work) in lists {
            self.store_list(server, user, work.held);
        }
    }

    /// A destination misses an event, which holds its position until that is written down.
    fn miss(&mut self, server: ServerNid, event: Queued) {
        let known = self.destinations.entry(server).or_default();
        let catching_up = known.catches_up(event.room);
        let new = !known.missed.contains_key(&event.room);
        if new {
            known.missed.insert(event.room, event.position);
        }
        if new && !catching_up {
            self.write_room(server, event.room, Some(event.position));
            self.rows.held.push(event.position);
        } else {
            // An earlier row says it, which is written, or holds an earlier position until it is.
            self.pending.release(event.position);
        }
    }

    /// A destination goes on to catch up in a room. What happened there meanwhile comes with the rest, in order.
    fn go_on(&mut self, server: ServerNid, room: RoomNid, rest: Position) {
        let known = self.destinations.entry(server).or_default();
        known.missed.insert(room, rest);
        let before = known.queue.len();
        known.queue.retain(|event| {
            if event.room == room {
                // The row says it, with an earlier position.
                self.pending.release(event.position);
            }
            event.room != room
        });
        self.queued -= before - known.queue.len();
        self.write_room(server, room, Some(rest));
    }

    /// Writes down from where on a destination is behind in a room, or that it is no more.
    fn write_room(&mut self, server: ServerNid, room: RoomNid, missed: Option<Position>) {
        *self.unwritten.entry((server, room)).or_default() += 1;
        self.rows.rooms.push((self.names.name(server).clone(), room, missed));
    }

    /// Writes down that a destination must be told of a device list. The position is held until that is so.
    fn store_list(&mut self, server: ServerNid, user: OwnedUserId, held: Position) {
        let known = self.destinations.entry(server).or_default();
        known.stored_lists = true;
        if let Some(sending) = &mut known.sending {
            sending.relisted.insert(user.clone());
        }
        self.rows.lists.push((self.names.name(server).clone(), user, true));
        self.rows.held.push(held);
    }

    /// Puts a destination where it belongs after a change: among those that are ready, or nowhere.
    fn settle(&mut self, server: ServerNid) {
        let Some(known) = self.destinations.get_mut(&server) else { return };
        if known.is_idle() {
            self.destinations.remove(&server);
        } else if known.is_ready() && !known.enlisted {
            known.enlisted = true;
            self.lane(server).ready.push_back(server);
        }
    }

    fn lane(&mut self, server: ServerNid) -> &mut Lane {
        if self.proven.contains(&server) { &mut self.to_proven } else { &mut self.to_others }
    }

    /// What was on its way to a destination.
    fn end(&mut self, server: ServerNid) -> Option<Sending> {
        let sending = self.destinations.get_mut(&server)?.sending.take()?;
        self.lane(server).sending -= 1;
        Some(sending)
    }
}

#[cfg(test)]
mod tests;
