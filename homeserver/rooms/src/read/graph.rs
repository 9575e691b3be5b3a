//! Reading the event graph, as other servers ask for it: auth chains, and what came before an event
//! (server-server API, "Retrieving events" and "Backfilling and retrieving missing events").

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

use hearth_storage::{EventNid, schema::rooms::Standing};
use ruma::OwnedEventId;

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::Room},
};

impl Room {
    /// The auth chain of these events, as far as it is here: each event after its own auth events. In rooms
    /// whose id is their create event's that is part of it, though no event names it.
    pub fn auth_chain(&self, of: &[OwnedEventId]) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut seen: HashSet<OwnedEventId> = HashSet::new();
        let mut chain = Vec::new();
        let mut level = self.known(of)?;
        let mut unnamed = self.0.create_event_id().filter(|_| !level.is_empty());
        while !level.is_empty() {
            let mut ids: Vec<OwnedEventId> = unnamed.take().into_iter().collect();
            ids.extend(level.iter().flat_map(|event| event.pdu.auth_events()).cloned());
            ids.retain(|id| seen.insert(id.clone()));
            level = self.known(&ids)?;
            chain.extend(level.iter().cloned());
        }
        // Events are numbered as they come, and an event comes after its auth events.
        chain.sort_unstable_by_key(|event| event.nid);
        Ok(chain)
    }

    /// The events of the state before an event of the graph.
    pub fn state_before(&self, event: &Event) -> Result<Vec<Arc<Event>>, RoomError> {
        match event.state {
            Some(state) => self.full_state(state.before),
            // Of an outlier it is not known.
            None => Err(RoomError::UnknownEvent),
        }
    }

    /// These events and what came before them, the deepest first, at most `limit`.
    pub fn backfill(&self, from: &[OwnedEventId], limit: usize) -> Result<Vec<Arc<Event>>, RoomError> {
        self.walk_back(from.to_vec(), HashSet::new(), 0, limit)
    }

    /// What came between two sets of events, neither included: at most `limit`, those nearest to `latest`, the
    /// oldest first.
    pub fn missing_between(
        &self,
        latest: &[OwnedEventId],
        earliest: &[OwnedEventId],
        min_depth: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let latest = self.known(latest)?;
        let from = latest.iter().flat_map(|event| event.pdu.prev_events()).cloned().collect();
        let known = earliest.iter().cloned().chain(latest.iter().map(|event| event.id().to_owned()));
        let mut events = self.walk_back(from, known.collect(), min_depth, limit)?;
        events.reverse();
        Ok(events)
    }

    /// Those of the events that are here.
    fn known(&self, ids: &[OwnedEventId]) -> Result<Vec<Arc<Event>>, RoomError> {
        let nids: Vec<EventNid> = self.shared().nids_of(ids)?.into_iter().flatten().collect();
        let mut events = self.shared().events_of(&nids)?;
        events.retain(|event| event.room == self.nid());
        Ok(events)
    }

    /// Events of the graph, back from some of them, the deepest first. What was rejected is not among them.
    fn walk_back(
        &self,
        from: Vec<OwnedEventId>,
        mut seen: HashSet<OwnedEventId>,
        min_depth: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut found = Vec::new();
        let mut ahead: BinaryHeap<(u64, EventNid)> = BinaryHeap::new();
        let mut events: HashMap<EventNid, Arc<Event>> = HashMap::new();
        let mut next = from;
        loop {
            next.retain(|id| seen.insert(id.clone()));
            for event in self.known(&next)? {
                let part = event.state.is_some() && event.standing != Standing::Rejected;
                if part && event.pdu.depth() >= min_depth {
                    ahead.push((event.pdu.depth(), event.nid));
                    events.insert(event.nid, event);
                }
            }
            if found.len() == limit {
                break;
            }
            let Some(event) = ahead.pop().and_then(|(_, nid)| events.remove(&nid)) else { break };
            next = event.pdu.prev_events().to_vec();
            found.push(event);
        }
        Ok(found)
    }
}
