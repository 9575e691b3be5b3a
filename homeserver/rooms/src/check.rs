//! Verifying what is stored: each room's graph, state, extremities and indexes. Read-only.

mod delayed;
mod relations;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{
    EventNid, Position, RoomNid, Scan, StateId, StorageError, Store, TimelineOrder, View,
    schema::{
        self,
        rooms::{EventRow, Membership, RoomHeadRow, RoomRow, Standing, UserRoomRow},
    },
};
use ruma::{OwnedServerName, OwnedUserId, UserId};

use crate::{
    RoomError,
    index::state_tree::{StateTrees, Trees},
    read::shared::version_named,
};

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The room's id, or what else it is about.
    pub subject: String,
    pub what: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub rooms: u64,
    pub events: u64,
    pub findings: Vec<Finding>,
}

/// Nodes of state trees held in memory while a folder is verified.
const TREE_CACHE_BYTES: u64 = 32 << 20;

/// Verifies all rooms of a store, telling `progress` of each room.
pub fn check(store: &Store, mut progress: impl FnMut(&str)) -> Result<Report, RoomError> {
    let view = store.snapshot();
    let trees = StateTrees::new(TREE_CACHE_BYTES);
    let mut report = Report::default();
    let end = store.published();
    for room in view.scan(&schema::ROOMS, Scan::all()) {
        let ((nid,), row) = room?;
        progress(row.room_id.as_str());
        report.rooms += 1;
        let mut room = RoomCheck { view: &view, trees: trees.read(&view), nid, end, findings: Vec::new() };
        match room.run(&row) {
            Ok(events) => report.events += events,
            // Damage in one room is a finding; the others are looked at all the same.
            Err(RoomError::Storage(StorageError::Corrupt(what))) => room.findings.push(what),
            Err(error) => return Err(error),
        }
        let subject = row.room_id.to_string();
        report
            .findings
            .extend(room.findings.into_iter().map(|what| Finding { subject: subject.clone(), what }));
    }
    for row in view.scan(&schema::SERVER_ROOMS, Scan::all()) {
        let ((server, room), ()) = row?;
        if !view.contains(&schema::ROOM_SERVERS, (room, &server))? {
            let what = format!("it is listed as in room {room}, where none of its users is joined");
            report.findings.push(Finding { subject: format!("the server {server}"), what });
        }
    }
    for row in view.scan(&schema::PARTIAL_EVENTS, Scan::all()) {
        let ((room, event), _) = row?;
        let partial = view.get(&schema::PARTIAL_ROOMS, (room,))?;
        if partial.is_none_or(|row| row.whole.is_some()) || !view.contains(&schema::EVENTS, (event,))? {
            let what = format!("event {event} waits to be decided again, in a room that lacks no members");
            report.findings.push(Finding { subject: format!("room {room}"), what });
        }
    }
    report.findings.extend(relations::waiting_redactions(&view)?);
    report.findings.extend(delayed::delayed_events(&view)?);
    for cursor in view.scan(&schema::CURSORS, Scan::all()) {
        let ((name,), position) = cursor?;
        if position > end {
            let what = format!("stands at {position}, past the end of the log at {end}");
            report.findings.push(Finding { subject: format!("the cursor {name}"), what });
        }
    }
    Ok(report)
}

struct RoomCheck<'a> {
    view: &'a View,
    trees: Trees<'a>,
    nid: RoomNid,
    end: Position,
    findings: Vec<String>,
}

impl RoomCheck<'_> {
    fn run(&mut self, row: &RoomRow) -> Result<u64, RoomError> {
        let version = version_named(row)?;
        if self.view.get(&schema::ROOM_NIDS, (&row.room_id,))? != Some(self.nid) {
            self.findings.push("its id does not lead to it".to_owned());
        }
        // One that is known by an invite or a knock, or that was on its way here, has outliers at most.
        let Some(head) = self.view.get(&schema::ROOM_HEADS, (self.nid,))? else {
            let shown = self.view.scan(&schema::TIMELINE, Scan::prefix((self.nid,))).next().transpose()?;
            self.expect(shown.is_none(), || "it has a timeline and no head".to_owned());
            let member =
                self.view.scan(&schema::MEMBERSHIPS, Scan::prefix((self.nid,))).next().transpose()?;
            self.expect(member.is_none(), || "it has members and no head".to_owned());
            return Ok(0);
        };
        let events = self.timeline(version, &head)?;
        self.threads()?;
        self.state(&head)?;
        self.span(&head)?;
        Ok(events)
    }

    /// Where it stands among the rooms by their last events: that is noted behind the log.
    fn span(&mut self, head: &RoomHeadRow) -> Result<(), RoomError> {
        let Some(span) = self.view.get(&schema::ROOM_SPANS, (self.nid,))? else { return Ok(()) };
        let listed = self.view.contains(&schema::SPAN_ROOMS, (span, self.nid))?;
        self.expect(listed, || format!("it is not listed in span {span} of the log, in which it is"));
        let reached = span <= head.position.0 / schema::SPAN_POSITIONS;
        self.expect(reached, || format!("nothing came there in span {span} of the log, in which it is"));
        Ok(())
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.findings.push(otherwise());
        }
    }

    /// The events, each by itself, and the graph they make.
    fn timeline(&mut self, version: RoomVersion, head: &RoomHeadRow) -> Result<u64, RoomError> {
        let mut count = 0;
        let mut last = None;
        let mut ends: HashMap<EventNid, TimelineOrder> = HashMap::new();
        // Events that come after one that follows them.
        let mut late: HashSet<EventNid> = HashSet::new();
        // Events that history follows which stands before them: whether they are ends depends on which of the two came
        // first, which nothing tells afterwards.
        let mut before_history: HashSet<EventNid> = HashSet::new();
        for entry in self.view.scan(&schema::TIMELINE, Scan::prefix((self.nid,))) {
            let ((_, order), nid) = entry?;
            count += 1;
            last = Some(order);
            let Some(event) = self.view.get(&schema::EVENTS, (nid,))? else {
                self.findings.push(format!("its timeline names event {nid}, which is not there"));
                continue;
            };
            self.event(version, nid, order, &event)?;
            let Ok(pdu) = Pdu::from_stored(version, event.text.as_str().into(), event.event_id.clone())
            else {
                continue;
            };
            let mut gap = false;
            for prev in pdu.prev_events() {
                let part = match self.view.get(&schema::EVENT_NIDS, (prev,))? {
                    // History that is fetched changes nothing of what the room ends with.
                    Some(prev) if !order.is_history() && ends.remove(&prev).is_some() => true,
                    Some(prev) => self.view.get(&schema::EVENTS, (prev,))?.is_some_and(|row| {
                        if row.order.is_some_and(|at| at > order) {
                            let of_which = if order.is_history() { &mut before_history } else { &mut late };
                            of_which.insert(prev);
                        }
                        row.state.is_some() || row.standing == Standing::Purged
                    }),
                    None => false,
                };
                if !part {
                    gap = true;
                    let noted = self.view.contains(&schema::MISSING_PREV, (self.nid, prev, nid))?;
                    self.expect(noted, || {
                        format!("{} follows {prev}, which is in no timeline", event.event_id)
                    });
                }
            }
            let noted = self.view.contains(&schema::GAPS, (self.nid, order))?;
            self.expect(noted == gap, || {
                format!("before {} events are missing: {gap}, but noted: {noted}", event.event_id)
            });
            if !late.remove(&nid) && !order.is_history() {
                ends.insert(nid, order);
            }
        }
        let position = TimelineOrder::from(head.position);
        // A room that was made whole stands where that was: its last event may be gone since.
        let whole = self.view.get(&schema::PARTIAL_ROOMS, (self.nid,))?.and_then(|row| row.whole);
        let stands = last == Some(position) || whole == Some(head.position) && last < Some(position);
        self.expect(count == 0 || stands, || {
            format!("its head stands at {position}, its timeline ends at {last:?}")
        });
        self.expect(head.position <= self.end, || "its head is past the end of the log".to_owned());
        let extremities: HashSet<EventNid> =
            head.extremities.iter().copied().filter(|nid| !before_history.contains(nid)).collect();
        // What was here before the room came, or was fetched from before, is no end that counts. What followed an
        // event may be purged.
        let arrived = TimelineOrder::from(head.arrived);
        let purged = self.view.get(&schema::PURGES, (self.nid,))?.unwrap_or(TimelineOrder::MIN);
        let counts = |nid: &EventNid, order: TimelineOrder| {
            order >= arrived && (order >= purged || extremities.contains(nid))
        };
        let ends = ends.into_iter().filter(|(nid, order)| counts(nid, *order)).map(|(nid, _)| nid);
        let ends: HashSet<EventNid> = ends.filter(|nid| !before_history.contains(nid)).collect();
        if extremities != ends {
            let (extremities, ends) = (self.named(extremities), self.named(ends));
            self.findings.push(format!(
                "its forward extremities are {extremities:?}, but the events that nothing follows {ends:?}"
            ));
        }
        Ok(count)
    }

    /// Events with their ids.
    fn named(&self, nids: HashSet<EventNid>) -> BTreeSet<String> {
        let id = |nid| self.view.get(&schema::EVENTS, (nid,)).ok().flatten().map(|event| event.event_id);
        nids.into_iter().map(|nid| format!("{nid} ({:?})", id(nid))).collect()
    }

    fn event(
        &mut self,
        version: RoomVersion,
        nid: EventNid,
        order: TimelineOrder,
        event: &EventRow,
    ) -> Result<(), RoomError> {
        let id = &event.event_id;
        self.expect(event.room == self.nid, || format!("{id} belongs to another room"));
        self.expect(event.order == Some(order), || {
            format!("{id} stands at {order} and says {:?}", event.order)
        });
        self.expect(event.standing == Standing::Accepted, || format!("{id} is shown but not accepted"));
        let found = self.view.get(&schema::EVENT_NIDS, (id,))?;
        self.expect(found == Some(nid), || format!("the id {id} does not lead to its event"));
        match Pdu::parse(version, &event.text) {
            Ok(pdu) => {
                self.expect(pdu.event_id() == id, || format!("{id} has the content of {}", pdu.event_id()))
            }
            Err(error) => self.findings.push(format!("{id} is no valid event: {error}")),
        }
        let Some(state) = event.state else {
            self.findings.push(format!("{id} is shown but has no state"));
            return Ok(());
        };
        for set in [state.before, state.after] {
            if set != StateId::EMPTY {
                self.trees.len(set)?;
            }
        }
        Ok(())
    }

    /// The current state, and the indexes made from it.
    fn state(&mut self, head: &RoomHeadRow) -> Result<(), RoomError> {
        let newest = self.view.scan(&schema::STATE_HISTORY, Scan::prefix((self.nid,)).reversed()).next();
        let newest = newest.transpose()?.map(|(_, state)| state);
        self.expect(newest == Some(head.state), || {
            "its current state is not the last of its history".to_owned()
        });
        if let [extremity] = head.extremities[..]
            && let Some(event) = self.view.get(&schema::EVENTS, (extremity,))?
        {
            let after = event.state.map(|state| state.after);
            self.expect(after == Some(head.state), || {
                format!("its current state is not the state after {}", event.event_id)
            });
        }
        let mut members: BTreeMap<OwnedUserId, EventNid> = BTreeMap::new();
        let mut seen: HashMap<u64, u64> = HashMap::new();
        for entry in self.trees.iter(head.state) {
            let (key, nid) = entry?;
            *seen.entry(key.0).or_default() += 1;
            let Some(name) = self.view.get(&schema::STATE_KEY_NAMES, (key,))? else {
                self.findings.push(format!("state key {key} has no name"));
                continue;
            };
            let there = self.view.contains(&schema::EVENTS, (nid,))?;
            self.expect(there, || format!("its state names event {nid}, which is not there"));
            let placed = self.view.contains(&schema::CHAINS, (nid,))?;
            self.expect(placed, || format!("state event {nid} is in no chain"));
            if name.event_type == "m.room.member"
                && let Ok(user) = UserId::parse(&*name.state_key)
            {
                members.insert(user, nid);
            }
        }
        self.expect(seen.values().all(|times| *times == 1), || "its state has a key twice".to_owned());
        let (mut joined, mut invited) = (0, 0);
        let mut servers: BTreeMap<OwnedServerName, u64> = BTreeMap::new();
        let mut by_server = HashSet::new();
        for entry in self.view.scan(&schema::MEMBERSHIPS, Scan::prefix((self.nid,))) {
            let ((_, user), row) = entry?;
            match row.membership {
                Membership::Join => {
                    joined += 1;
                    *servers.entry(user.server_name().to_owned()).or_default() += 1;
                }
                Membership::Invite => invited += 1,
                _ => {}
            }
            by_server.insert((row.membership, user.clone()));
            let in_state = members.remove(&user);
            self.expect(in_state == Some(row.event), || {
                format!("the membership of {user} is not what its state says")
            });
            let listed = self.view.get(&schema::USER_ROOMS, (&user, self.nid))?;
            // An invite or a knock may be newer than what is known of a room that everyone here has left.
            let as_it_is = |listed: UserRoomRow| listed.event == row.event || listed.position > row.position;
            self.expect(listed.is_some_and(as_it_is), || {
                format!("the room list of {user} does not have it as it is")
            });
        }
        self.servers(&servers)?;
        self.members(by_server)?;
        self.expect(members.is_empty(), || format!("these members are not indexed: {:?}", members.keys()));
        self.expect((joined, invited) == (head.joined, head.invited), || {
            format!(
                "it counts {} joined and {} invited, there are {joined} and {invited}",
                head.joined, head.invited
            )
        });
        Ok(())
    }

    /// The members by what they are, as they are listed.
    fn members(&mut self, mut expected: HashSet<(Membership, OwnedUserId)>) -> Result<(), RoomError> {
        for entry in self.view.scan(&schema::MEMBERS, Scan::prefix((self.nid,))) {
            let ((_, membership, server, user), ()) = entry?;
            self.expect(server == user.server_name(), || format!("{user} is listed as of {server}"));
            let what = format!("it lists {user} as {membership:?}");
            self.expect(expected.remove(&(membership, user)), || what);
        }
        self.expect(expected.is_empty(), || format!("these are not listed by server: {expected:?}"));
        Ok(())
    }

    /// The servers of the joined users, as they are listed.
    fn servers(&mut self, expected: &BTreeMap<OwnedServerName, u64>) -> Result<(), RoomError> {
        let mut listed = BTreeMap::new();
        for entry in self.view.scan(&schema::ROOM_SERVERS, Scan::prefix((self.nid,))) {
            let ((_, server), count) = entry?;
            let room = self.view.contains(&schema::SERVER_ROOMS, (&server, self.nid))?;
            self.expect(room, || format!("the rooms of {server} do not have it"));
            // Of one that is only said to be there no user is known.
            let told = self.view.contains(&schema::PARTIAL_SERVERS, (self.nid, &server))?;
            if count > 0 || !told {
                listed.insert(server, count);
            }
        }
        self.expect(listed == *expected, || {
            format!("it lists the servers {listed:?}, its members are of {expected:?}")
        });
        Ok(())
    }
}
