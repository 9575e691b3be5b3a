//! Who must be told what, decided without I/O: what happens goes in, transactions and rows to be written come out.
//!
//! A destination that keeps up has a queue in memory. One that fails, or whose queue is full, is *behind*: each
//! room in which it misses something is written down once, and what happens there later costs nothing. When it is
//! caught up in a room, it is sent what happens there from that moment on, and the row stays until it has what
//! caught it up.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hearth_storage::{Position, RoomNid};
use ruma::{OwnedServerName, OwnedUserId, ServerName};

use super::{
    audiences::Audiences,
    destination::{Destination, ListWork, Queued, Sending},
    ledger::Ledger,
    names::{Names, ServerNid},
    passing::Passing,
    rows::Rows,
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
/// A transaction tells of so many device lists, and of so many things that pass.
const LISTS_AT_ONCE: usize = 10;
const PASSING_AT_ONCE: usize = 30;
/// A transaction catches up in so many rooms.
pub(super) const ROOMS_AT_ONCE: usize = 10;

/// What is to be put into a transaction.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Order {
    pub events: Vec<Queued>,
    /// Rooms to catch up in, each with the first position that was missed.
    pub rooms: Vec<(RoomNid, Position)>,
    /// Users whose device lists changed, and where; nowhere for what changed last.
    pub lists: Vec<(OwnedUserId, Vec<Position>)>,
    pub passing: Vec<Arc<Passing>>,
    /// Also what the store has for the destination.
    pub stored_edus: bool,
    pub stored_lists: bool,
}

/// All destinations that have something to be told.
pub(super) struct Queues {
    names: Names,
    destinations: HashMap<ServerNid, Destination>,
    audiences: Audiences,
    ledger: Ledger,
    rows: Rows,
    /// Those that can be connected to, which says little: they may not answer.
    reached: HashSet<ServerNid>,
    /// Those of them that took what they were sent last.
    proven: HashSet<ServerNid>,
    to_proven: Lane,
    to_others: Lane,
    /// The events in all queues.
    queued: usize,
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
            audiences: Audiences::default(),
            ledger: Ledger::new(after),
            rows: Rows::default(),
            reached: HashSet::new(),
            proven: HashSet::new(),
            to_proven: Lane::default(),
            to_others: Lane::default(),
            queued: 0,
        }
    }

    pub fn nid(&mut self, server: &ServerName) -> ServerNid {
        self.names.nid(server)
    }

    pub fn name(&self, server: ServerNid) -> &OwnedServerName {
        self.names.name(server)
    }

    /// A destination is behind in a room, the store says.
    pub fn restore(&mut self, server: ServerNid, room: RoomNid, first: Position) {
        self.destinations.entry(server).or_default().missed.insert(room, first);
        self.settle(server);
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
    pub fn knows_audience(&self, room: RoomNid) -> bool {
        self.audiences.is_known(room)
    }

    /// The servers of a room but for this one.
    pub fn set_audience(&mut self, room: RoomNid, mut servers: Vec<ServerNid>) {
        servers.retain(|server| {
            self.destinations.get(server).is_none_or(|known| !known.missed.contains_key(&room))
        });
        self.audiences.insert(room, servers);
    }

    /// Who is in a room may have changed.
    pub fn forget_audience(&mut self, room: RoomNid) {
        self.audiences.take(room);
    }

    /// An event came that the servers of its room must get, which are known, and another besides them.
    pub fn event(&mut self, event: Queued, also: Option<ServerNid>) {
        let mut servers = self.audiences.take(event.room).unwrap_or_default();
        if let Some(also) = also.filter(|also| !servers.contains(also)) {
            self.enqueue(also, event);
        }
        servers.retain(|server| self.enqueue(*server, event));
        self.audiences.insert(event.room, servers);
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
                self.ledger.hold(position, 1);
                self.store_list(*server, user.clone(), position);
            } else if let Some(work) = known.lists.get_mut(user) {
                work.add(position, whole);
            } else {
                known.lists.insert(user.clone(), ListWork::new(position, whole));
                self.ledger.hold(position, 1);
            }
            self.settle(*server);
        }
    }

    /// Something passes that those servers are told that keep up.
    pub fn passing(&mut self, passing: &Arc<Passing>, servers: &[ServerNid]) {
        for server in servers {
            let known = self.destinations.entry(*server).or_default();
            if !known.resting {
                known.passing.push(passing);
            }
            self.settle(*server);
        }
    }

    /// The same, to the servers of a room, which are known.
    pub fn passing_in(&mut self, room: RoomNid, passing: &Arc<Passing>) {
        let servers = self.audiences.take(room).unwrap_or_default();
        self.passing(passing, &servers);
        self.audiences.insert(room, servers);
    }

    /// Everything up to here was taken in.
    pub fn read_to(&mut self, position: Position) {
        self.ledger.read_to(position);
    }

    /// A destination can be connected to.
    pub fn reached(&mut self, server: ServerNid) {
        if self.end(server).is_some() {
            self.reached.insert(server);
            self.settle(server);
        }
    }

    /// A destination has what it was sent last. `listed` are the users whose lists the store wanted it told, `more`
    /// the rooms in which more is to be caught up, and from where.
    pub fn delivered(&mut self, server: ServerNid, listed: &[OwnedUserId], more: &[(RoomNid, Position)]) {
        let Some(sending) = self.end(server) else { return };
        self.proven.insert(server);
        let lists = sending.lists.values().map(|work| work.held);
        for position in sending.events.iter().map(|event| event.position).chain(lists) {
            self.ledger.release(position);
        }
        for (room, _) in sending.rooms {
            if let Some((_, rest)) = more.iter().find(|(known, _)| *known == room) {
                self.go_on(server, room, *rest);
                continue;
            }
            // Missed again meanwhile: the row stays as it is.
            let known = self.destinations.get(&server);
            if known.is_none_or(|known| !known.missed.contains_key(&room)) {
                self.rows.rooms.push((self.names.name(server).clone(), room, None));
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
        known.passing.clear();
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

    /// Rows were written on which these positions hung.
    pub fn written(&mut self, held: Vec<Position>) {
        held.into_iter().for_each(|position| self.ledger.release(position));
    }

    /// The next destination to send to, and what. It is sent nothing else before this is delivered or fails. One that
    /// was not reached yet, or failed since, is to be reached first: an order of nothing. For one that cannot be
    /// reached, nothing is taken out of where it waits, and no audience changes.
    pub fn next(&mut self) -> Option<(ServerNid, Order)> {
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
                return Some((server, Order::default()));
            }
            let events: Vec<_> = known.queue.drain(..known.queue.len().min(MAX_PDUS)).collect();
            self.queued -= events.len();
            let slots = (MAX_PDUS - events.len()).min(ROOMS_AT_ONCE);
            let rooms: Vec<_> =
                known.missed.iter().take(slots).map(|(room, first)| (*room, *first)).collect();
            for (room, _) in &rooms {
                known.missed.remove(room);
                // From now on it is sent what happens there.
                self.audiences.take(*room);
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
                passing: known.passing.take(PASSING_AT_ONCE),
                stored_edus: sending.stored_edus,
                stored_lists: sending.stored_lists,
            };
            known.sending = Some(sending);
            self.lane(server).sending += 1;
            return Some((server, order));
        }
    }

    /// The rows that are to be written, if there are any.
    pub fn rows(&mut self) -> Option<Rows> {
        (!self.rows.is_empty()).then(|| std::mem::take(&mut self.rows))
    }

    /// Everything up to here is delivered or written down.
    pub fn settled(&self) -> Position {
        self.ledger.settled()
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
            self.ledger.hold(event.position, 1);
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
        let catching_up = known.sending.as_ref().is_some_and(|sending| sending.catches_up(event.room));
        let new = !known.missed.contains_key(&event.room);
        if new {
            known.missed.insert(event.room, event.position);
        }
        if new && !catching_up {
            self.rows.rooms.push((self.names.name(server).clone(), event.room, Some(event.position)));
            self.rows.held.push(event.position);
        } else {
            // An earlier row says it, which is written, or holds an earlier position until it is.
            self.ledger.release(event.position);
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
                self.ledger.release(event.position);
            }
            event.room != room
        });
        self.queued -= before - known.queue.len();
        self.rows.rooms.push((self.names.name(server).clone(), room, Some(rest)));
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
