//! The queues alone, and in a simulation with failures and crashes.

use std::collections::{BTreeMap, HashMap};

use hearth_storage::{EventNid, Random, SeededRandom};
use ruma::{owned_user_id, server_name};

use super::*;

fn event(position: u64, room: u64) -> Queued {
    Queued { position: Position(position), room: RoomNid(room), event: EventNid(position) }
}

fn queues() -> (Queues, ServerNid, ServerNid) {
    let mut queues = Queues::new(Position(0));
    let (a, b) = (queues.nid(server_name!("a")), queues.nid(server_name!("b")));
    queues.reached.extend([a, b]);
    queues.proven.extend([a, b]);
    for room in 0..1000 {
        queues.set_recipients(RoomNid(room), vec![a, b]);
    }
    (queues, a, b)
}

/// Takes in an event as the driver does; nothing is in the store but in memory.
fn happens(queues: &mut Queues, position: u64, room: u64, servers: &[ServerNid]) {
    happens_with(queues, position, room, servers, |_| false);
}

/// The same with a store that says who is behind in the room.
fn happens_with(
    queues: &mut Queues,
    position: u64,
    room: u64,
    servers: &[ServerNid],
    in_store: impl Fn(ServerNid) -> bool,
) {
    let nid = RoomNid(room);
    if !queues.knows_recipients(nid) {
        let keeps_up =
            |server: &ServerNid| !queues.is_behind(*server, nid).unwrap_or_else(|| in_store(*server));
        let servers = servers.iter().copied().filter(keeps_up).collect();
        queues.set_recipients(nid, servers);
    }
    queues.event(event(position, room), None, None);
    queues.read_to(Position(position));
}

/// The next that is sent something, and what.
fn next_sent(queues: &mut Queues) -> (ServerNid, Order) {
    match queues.next().unwrap() {
        (server, Step::Send(order)) => (server, order),
        other => panic!("{other:?}"),
    }
}

/// What a destination is sent that failed and is woken: it is reached first.
fn order_after_all(queues: &mut Queues, server: ServerNid) -> Order {
    let mut steps: BTreeMap<_, _> = std::iter::from_fn(|| queues.next()).collect();
    assert_eq!(steps.remove(&server), Some(Step::Reach));
    queues.reached(server);
    let (next, order) = next_sent(queues);
    assert_eq!(next, server);
    order
}

#[test]
fn who_has_an_event_is_not_sent_it() {
    let (mut queues, a, b) = queues();
    queues.event(event(1, 1), None, Some(a));
    assert_eq!(next_sent(&mut queues).0, b);
    assert!(queues.next().is_none());
    // It is in the room all the same.
    queues.event(event(2, 1), Some(b), Some(b));
    assert_eq!(next_sent(&mut queues).0, a);
    assert!(queues.next().is_none());
}

#[test]
fn one_transaction_at_a_time_and_no_more_than_fifty_events() {
    let (mut queues, a, b) = queues();
    for position in 1..=60 {
        happens(&mut queues, position, 1, &[a, b]);
    }
    let orders = [next_sent(&mut queues), next_sent(&mut queues)];
    assert!(queues.next().is_none());
    assert!(orders.iter().all(|(_, order)| order.events.len() == MAX_PDUS));
    queues.delivered(a, &[], &[]);
    assert_eq!(queues.settled(), Position(0));
    queues.delivered(b, &[], &[]);
    assert_eq!(queues.settled(), Position(50));
    let (server, order) = next_sent(&mut queues);
    assert_eq!((server, order.events.len()), (a, 10));
}

#[test]
fn one_that_was_not_heard_of_yet_is_reached_before_anything_is_made_for_it() {
    let mut queues = Queues::new(Position(0));
    let (a, b) = (queues.nid(server_name!("a")), queues.nid(server_name!("b")));
    happens(&mut queues, 1, 1, &[a, b]);
    assert_eq!([queues.next(), queues.next()], [a, b].map(|server| Some((server, Step::Reach))));
    for position in 2..=FEW as u64 {
        happens(&mut queues, position, 1, &[]);
    }
    queues.reached(a);
    let (server, order) = next_sent(&mut queues);
    assert_eq!((server, order.events.len()), (a, FEW));
    queues.delivered(a, &[], &[]);
    // No more than a few wait for the other: it is behind, and what happens then costs nothing.
    happens(&mut queues, FEW as u64 + 1, 1, &[]);
    assert_eq!(queues.rows().unwrap().rooms, [(queues.name(b).clone(), RoomNid(1), Some(Position(1)))]);
    assert_eq!((queues.queued, queues.recipients.take(RoomNid(1))), (1, Some(vec![a])));
}

#[test]
fn a_destination_that_does_not_answer_costs_nothing_where_it_is_tried_again() {
    let (mut queues, a, b) = queues();
    happens(&mut queues, 1, 1, &[a, b]);
    for (server, _) in std::iter::from_fn(|| queues.next()).collect::<Vec<_>>() {
        if server == a { queues.failed(a) } else { queues.delivered(b, &[], &[]) }
    }
    let rows = queues.rows().unwrap();
    queues.written(rows);
    for position in 2..10 {
        queues.wake(a);
        assert_eq!(queues.next(), Some((a, Step::Reach)));
        // What happens meanwhile is sent to who answers, and read from nowhere.
        assert!(queues.knows_recipients(RoomNid(1)));
        happens(&mut queues, position, 1, &[]);
        let (server, order) = next_sent(&mut queues);
        assert_eq!((server, order.events), (b, vec![event(position, 1)]));
        queues.delivered(b, &[], &[]);
        queues.failed(a);
        assert_eq!((queues.rows(), queues.settled()), (None, Position(position)));
    }
}

#[test]
fn a_destination_that_keeps_up_is_forgotten_when_it_has_all() {
    let (mut queues, a, b) = queues();
    happens(&mut queues, 1, 1, &[a, b]);
    for _ in 0..2 {
        let (server, _) = queues.next().unwrap();
        queues.delivered(server, &[], &[]);
    }
    assert_eq!((queues.destinations().len(), queues.settled()), (0, Position(1)));
    assert_eq!(queues.rows(), None);
}

#[test]
fn those_that_do_not_answer_keep_nobody_waiting_who_does() {
    let mut queues = Queues::new(Position(0));
    let well = queues.nid(server_name!("well"));
    let name = |number| ruma::ServerName::parse(format!("silent{number}")).unwrap();
    let silent: Vec<_> = (0..MAX_SENDING + 10).map(|number| queues.nid(&name(number))).collect();
    queues.reached.insert(well);
    queues.proven.insert(well);
    happens(&mut queues, 1, 2, &silent);
    assert_eq!(std::iter::from_fn(|| queues.next()).count(), MAX_SENDING);
    happens(&mut queues, 2, 1, &[well]);
    assert_eq!(queues.next().unwrap().0, well);
    queues.delivered(well, &[], &[]);
    // One that failed makes way for another of its kind, and so does one that can be reached: it may not answer.
    queues.failed(silent[0]);
    assert_eq!(queues.next().unwrap().0, silent[MAX_SENDING]);
    queues.reached(silent[1]);
    assert_eq!(queues.next().unwrap().0, silent[MAX_SENDING + 1]);
    assert!(queues.next().is_none());
    happens(&mut queues, 3, 1, &[well]);
    assert_eq!(queues.next().unwrap().0, well);
}

#[test]
fn one_that_fails_costs_one_row_a_room_and_then_nothing() {
    let (mut queues, a, b) = queues();
    happens(&mut queues, 1, 1, &[a, b]);
    queues.next().unwrap();
    queues.next().unwrap();
    happens(&mut queues, 2, 1, &[a, b]);
    queues.failed(a);
    queues.delivered(b, &[], &[]);
    let rows = queues.rows().unwrap();
    assert_eq!(rows.rooms, [(queues.name(a).clone(), RoomNid(1), Some(Position(1)))]);
    assert_eq!(queues.settled(), Position(0));
    queues.written(rows);
    queues.next().unwrap();
    queues.delivered(b, &[], &[]);
    assert_eq!(queues.settled(), Position(2));
    // Another room, once; the same again, not at all.
    happens(&mut queues, 3, 2, &[a, b]);
    let rows = queues.rows().unwrap();
    assert_eq!((rows.rooms.len(), &rows.held[..]), (1, &[Position(3)][..]));
    for position in 4..100 {
        happens(&mut queues, position, position % 2 + 1, &[a, b]);
    }
    assert_eq!(queues.rows(), None);
}

#[test]
fn what_happens_while_it_catches_up_is_sent_after() {
    let (mut queues, a, b) = queues();
    queues.failed(a);
    happens(&mut queues, 1, 1, &[a, b]);
    let rows = queues.rows().unwrap();
    queues.written(rows);
    queues.wake(a);
    let order = order_after_all(&mut queues, a);
    assert_eq!((order.rooms, order.events), (vec![(RoomNid(1), Position(1))], vec![]));
    happens(&mut queues, 2, 1, &[a, b]);
    queues.delivered(a, &[], &[]);
    assert_eq!(queues.rows().unwrap().rooms, [(queues.name(a).clone(), RoomNid(1), None)]);
    let (server, order) = next_sent(&mut queues);
    assert_eq!((server, order.events), (a, vec![event(2, 1)]));
    // It fails now: behind again, from there.
    queues.failed(a);
    assert_eq!(queues.rows().unwrap().rooms, [(queues.name(a).clone(), RoomNid(1), Some(Position(2)))]);
}

#[test]
fn it_catches_up_in_steps_and_what_happens_meanwhile_comes_in_its_turn() {
    let (mut queues, a, _) = queues();
    queues.failed(a);
    happens(&mut queues, 1, 1, &[a]);
    queues.wake(a);
    assert_eq!(order_after_all(&mut queues, a).rooms, [(RoomNid(1), Position(1))]);
    happens(&mut queues, 60, 1, &[a]);
    happens(&mut queues, 61, 2, &[a]);
    queues.delivered(a, &[], &[(RoomNid(1), Position(51))]);
    let rows = queues.rows().unwrap();
    assert_eq!(rows.rooms.last().unwrap(), &(queues.name(a).clone(), RoomNid(1), Some(Position(51))));
    queues.written(rows);
    let mut steps: BTreeMap<_, _> = std::iter::from_fn(|| queues.next()).collect();
    let Some(Step::Send(order)) = steps.remove(&a) else { panic!("{steps:?}") };
    assert_eq!((order.rooms, order.events), (vec![(RoomNid(1), Position(51))], vec![event(61, 2)]));
    queues.delivered(a, &[], &[]);
    assert_eq!(queues.rows().unwrap().rooms, [(queues.name(a).clone(), RoomNid(1), None)]);
}

#[test]
fn a_full_queue_falls_behind_without_being_left_alone() {
    let (mut queues, a, _) = queues();
    for position in 1..=MAX_QUEUED as u64 + 1 {
        happens(&mut queues, position, 1, &[a]);
    }
    assert_eq!(queues.rows().unwrap().rooms.len(), 2, "both destinations");
    let (server, order) = next_sent(&mut queues);
    assert_eq!((server, order.rooms), (a, vec![(RoomNid(1), Position(1))]));
    assert_eq!(queues.queued, 0);
}

#[test]
fn one_that_is_behind_in_many_rooms_takes_no_more_memory_than_one_that_is_in_some() {
    let (mut queues, a, _) = queues();
    queues.failed(a);
    let mut store = BTreeMap::new();
    for room in 0..1000 {
        happens(&mut queues, room + 1, room, &[a]);
        let rows = queues.rows().unwrap();
        store.extend(rows.rooms.iter().map(|(_, room, first)| (*room, first.unwrap())));
        queues.written(rows);
    }
    assert_eq!((store.len(), queues.destinations[&a].missed.len()), (1000, MAX_MISSED));
    queues.wake(a);
    while let Some((server, step)) = queues.next() {
        match step {
            Step::Reach => queues.reached(server),
            Step::ReadRooms(from) => {
                let rows: Vec<_> =
                    store.range(from..).take(MAX_MISSED).map(|(room, first)| (*room, *first)).collect();
                let more =
                    rows.last().filter(|_| rows.len() == MAX_MISSED).map(|(last, _)| RoomNid(last.0 + 1));
                queues.rooms_read(server, rows, more);
            }
            Step::Send(_) => queues.delivered(server, &[], &[]),
        }
        for (_, room, first) in queues.rows().into_iter().flat_map(|rows| rows.rooms) {
            assert!(store.remove(&room).is_some() && first.is_none());
        }
        assert!(queues.destinations.get(&a).is_none_or(|known| known.missed.len() <= 2 * MAX_MISSED));
    }
    assert!(store.is_empty());
}

#[test]
fn what_was_not_acknowledged_is_not_told_twice_when_it_is() {
    let (mut queues, a, _) = queues();
    happens(&mut queues, 1, 1, &[a]);
    let (_, order) = next_sent(&mut queues);
    assert_eq!(order.events, [event(1, 1)]);
    queues.failed(a);
    happens(&mut queues, 2, 1, &[a]);
    queues.wake(a);
    let steps: BTreeMap<_, _> = std::iter::from_fn(|| queues.next()).collect();
    assert_eq!(steps[&a], Step::Reach);
    // The same goes out again, and is acknowledged now.
    queues.told(a, &[(RoomNid(1), Position(2))].into());
    queues.reached(a);
    let (server, order) = next_sent(&mut queues);
    assert_eq!((server, order.rooms, order.events), (a, vec![(RoomNid(1), Position(2))], vec![]));
}

#[test]
fn a_device_list_is_told_until_it_is_known() {
    let (mut queues, a, _) = queues();
    let alice = owned_user_id!("@alice:here");
    queues.device_list(Position(1), &alice, false, &[a]);
    queues.read_to(Position(1));
    let (_, order) = next_sent(&mut queues);
    assert_eq!(order.lists, [(alice.clone(), vec![Position(1)])]);
    queues.failed(a);
    let rows = queues.rows().unwrap();
    assert_eq!(rows.lists, [(queues.name(a).clone(), alice.clone(), true)]);
    assert_eq!(queues.settled(), Position(0));
    queues.written(rows);
    assert_eq!(queues.settled(), Position(1));
    queues.wake(a);
    let order = order_after_all(&mut queues, a);
    assert!(order.stored_lists && order.lists.is_empty());
    queues.delivered(a, std::slice::from_ref(&alice), &[]);
    assert_eq!(queues.rows().unwrap().lists, [(queues.name(a).clone(), alice, false)]);
    assert_eq!(queues.destinations().len(), 0);
}

const SERVERS: usize = 3;
const ROOMS: u64 = 4;

/// A server with its disk, and what others know.
struct World {
    random: SeededRandom,
    queues: Queues,
    servers: Vec<ServerNid>,
    cursor: Position,
    missed: BTreeMap<(usize, RoomNid), Position>,
    written: VecDeque<Rows>,
    sending: HashMap<ServerNid, (Step, u64)>,
    /// What was not acknowledged.
    kept: HashMap<ServerNid, (Order, u64)>,
    resting: Vec<ServerNid>,
    /// The rooms of all events, from position 1.
    log: Vec<u64>,
    /// How far each server knows each room: all its events up to a position.
    caught_up: BTreeMap<(usize, u64), u64>,
    got: BTreeMap<(usize, u64), Vec<u64>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: SeededRandom::new(seed),
            queues: Queues::new(Position(0)),
            servers: Vec::new(),
            cursor: Position(0),
            missed: BTreeMap::new(),
            written: VecDeque::new(),
            sending: HashMap::new(),
            kept: HashMap::new(),
            resting: Vec::new(),
            log: Vec::new(),
            caught_up: BTreeMap::new(),
            got: BTreeMap::new(),
        };
        world.start();
        world
    }

    fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % n
    }

    /// All that is in memory is lost.
    fn start(&mut self) {
        for (server, (step, head)) in std::mem::take(&mut self.sending) {
            if let Step::Send(order) = step
                && self.below(2) == 0
            {
                self.receive(server, &order, head);
            }
        }
        self.written.clear();
        self.resting.clear();
        self.kept.clear();
        self.queues = Queues::new(self.cursor);
        // Not all rooms are in memory.
        self.queues.max_missed = 2;
        let names = ["a", "b", "c"].map(|name| ruma::OwnedServerName::try_from(name).unwrap());
        self.servers = names.iter().map(|name| self.queues.nid(name)).collect();
        for (server, _) in self.missed.keys() {
            self.queues.rooms_wait(self.servers[*server]);
        }
        for position in self.cursor.0 + 1..=self.log.len() as u64 {
            self.happens(position);
        }
    }

    fn happens(&mut self, position: u64) {
        let room = self.log[position as usize - 1];
        let (servers, missed) = (self.servers.clone(), &self.missed);
        let place = |server| servers.iter().position(|known| *known == server).unwrap();
        let in_store = |server| missed.contains_key(&(place(server), RoomNid(room)));
        happens_with(&mut self.queues, position, room, &servers, in_store);
    }

    /// The next step, after all that the store is read for.
    fn next(&mut self) -> Option<(ServerNid, Step)> {
        loop {
            let (server, from) = match self.queues.next()? {
                (server, Step::ReadRooms(from)) => (server, from),
                other => return Some(other),
            };
            let place = self.place(server);
            let rows = self.missed.range((place, from)..(place + 1, RoomNid(0)));
            let rows: Vec<_> = rows.take(2).map(|((_, room), first)| (*room, *first)).collect();
            let more = rows.last().filter(|_| rows.len() == 2).map(|(last, _)| RoomNid(last.0 + 1));
            self.queues.rooms_read(server, rows, more);
        }
    }

    fn place(&self, server: ServerNid) -> usize {
        self.servers.iter().position(|known| *known == server).unwrap()
    }

    /// A server takes what it is sent; gives the rooms in which there is more.
    fn receive(&mut self, server: ServerNid, order: &Order, head: u64) -> Vec<(RoomNid, Position)> {
        let server = self.place(server);
        for event in &order.events {
            self.got.entry((server, event.room.0)).or_default().push(event.position.0);
        }
        let mut more = Vec::new();
        for (room, first) in &order.rooms {
            if first.0 < head && self.below(2) == 0 {
                let rest = first.0 + 1 + self.below((head - first.0) as usize) as u64;
                let there = (first.0..rest).filter(|position| self.log[*position as usize - 1] == room.0);
                self.got.entry((server, room.0)).or_default().extend(there);
                more.push((*room, Position(rest)));
            } else {
                let known = self.caught_up.entry((server, room.0)).or_default();
                *known = head.max(*known);
            }
        }
        more
    }

    fn write(&mut self) {
        if let Some(rows) = self.queues.rows() {
            self.written.push_back(rows);
        }
        if let Some(rows) = self.written.pop_front() {
            for (name, room, first) in &rows.rooms {
                let server = self.queues.nid(name);
                match first {
                    Some(first) => self.missed.insert((self.place(server), *room), *first),
                    None => self.missed.remove(&(self.place(server), *room)),
                };
            }
            self.queues.written(rows);
        }
    }

    fn end(&mut self, well: bool) {
        let Some(server) = self.sending.keys().min().copied() else { return };
        let Some((step, head)) = self.sending.remove(&server) else { return };
        match step {
            Step::Send(order) if well => {
                let more = self.receive(server, &order, head);
                self.queues.delivered(server, &[], &more);
            }
            Step::Reach if well => {
                if let Some((order, head)) = self.kept.remove(&server) {
                    // The same again, which the server may have got the first time.
                    let more = self.receive(server, &order, head);
                    let mut told: BTreeMap<_, _> =
                        order.events.iter().map(|event| (event.room, event.position.next())).collect();
                    told.extend(order.rooms.iter().map(|(room, _)| (*room, Position(head + 1))));
                    told.extend(more);
                    self.queues.told(server, &told);
                }
                self.queues.reached(server);
            }
            step => {
                if let Step::Send(order) = step {
                    if self.below(2) == 0 {
                        self.receive(server, &order, head);
                    }
                    self.kept.insert(server, (order, head));
                }
                self.queues.failed(server);
                self.resting.push(server);
            }
        }
    }

    fn step(&mut self) {
        match self.below(12) {
            0..4 => {
                let room = self.below(ROOMS as usize) as u64;
                self.log.push(room);
                self.happens(self.log.len() as u64);
            }
            4..6 => {
                if let Some((server, step)) = self.next() {
                    if let Step::Send(order) = &step {
                        assert!(order.events.len() + order.rooms.len() <= MAX_PDUS);
                    }
                    let head = self.log.len() as u64;
                    assert!(self.sending.insert(server, (step, head)).is_none());
                }
            }
            6 => self.end(true),
            7 => self.end(false),
            8 => {
                if let Some(server) = self.resting.pop() {
                    self.queues.wake(server);
                }
            }
            9 => self.write(),
            10 => {
                let settled = self.queues.settled();
                assert!(settled >= self.cursor);
                self.cursor = settled;
            }
            _ => match self.below(20) {
                0 => self.start(),
                // As when it is full.
                1..6 => {
                    let server = self.servers[self.below(SERVERS)];
                    self.queues.shed(server);
                    self.queues.settle(server);
                }
                _ => {}
            },
        }
    }

    fn rows_are_written(&self) -> bool {
        self.written.is_empty() && self.queues.rows.is_empty()
    }

    /// Lets everything succeed.
    fn finish(&mut self) {
        for server in std::mem::take(&mut self.resting) {
            self.queues.wake(server);
        }
        while self.queues.destinations().len() > 0 || !self.rows_are_written() {
            while let Some((server, step)) = self.next() {
                self.sending.insert(server, (step, self.log.len() as u64));
            }
            self.end(true);
            self.write();
        }
        assert_eq!(self.queues.destinations().len(), 0);
        assert_eq!(self.queues.settled(), Position(self.log.len() as u64));
        assert!(self.missed.is_empty());
        for (at, room) in self.log.iter().enumerate() {
            let position = at as u64 + 1;
            for server in 0..SERVERS {
                let caught_up = self.caught_up.get(&(server, *room)).is_some_and(|upto| *upto >= position);
                let got = self.got.get(&(server, *room)).is_some_and(|got| got.contains(&position));
                assert!(caught_up || got, "server {server} never hears of {position} in {room}");
            }
        }
    }
}

#[test]
fn nothing_is_lost_whatever_fails() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for _ in 0..600 {
            world.step();
        }
        world.finish();
    }
}
