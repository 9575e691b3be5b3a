//! The state of a room in a response: what a client that knows one set of state, and is told a timeline, has to
//! be told besides. The cost follows the difference.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::StateId;

/// What is asked.
pub(crate) struct StateRequest<'a> {
    pub room: &'a Room,
    /// What the client knows; `None` for nothing.
    pub known: Option<StateId>,
    /// What it shall know at the end of the timeline.
    pub current: StateId,
    /// What it is told.
    pub timeline: &'a [Arc<Event>],
    /// The state at the end of the timeline is asked for (`state_after`), not that at its start.
    pub after: bool,
    /// Members are wanted where nothing is known.
    pub with_members: bool,
}

/// What is told of a state.
#[derive(Debug, Default)]
pub(crate) struct StateChange {
    /// For the response.
    pub events: Vec<Arc<Event>>,
    /// All of the current state that is not in what the client knew.
    pub changed: Vec<Arc<Event>>,
}

impl StateRequest<'_> {
    pub fn read(&self) -> Result<StateChange, RoomError> {
        let changed = match self.known {
            Some(known) if known == self.current => Vec::new(),
            Some(known) => self.room.state_diff(known, self.current)?,
            None => {
                let mut state = self.room.full_state(self.current)?;
                state.retain(|event| self.with_members || event.pdu.type_str() != "m.room.member");
                state
            }
        };
        let events = if self.after { changed.clone() } else { self.at_start(&changed)? };
        Ok(StateChange { events, changed })
    }

    /// What leads to the state at the end when the timeline is applied to it: what changed without being told,
    /// and what was there before the changes that are told.
    fn at_start(&self, changed: &[Arc<Event>]) -> Result<Vec<Arc<Event>>, RoomError> {
        let told: HashSet<_> = self.timeline.iter().map(|event| event.nid).collect();
        let mut events: Vec<_> = changed.iter().filter(|event| !told.contains(&event.nid)).cloned().collect();
        let start = self.timeline.first().and_then(|event| event.state).map(|state| state.before);
        let Some(start) = start.filter(|start| Some(*start) != self.known) else { return Ok(events) };
        let keys: HashSet<_> = self.timeline.iter().filter_map(|event| key(event)).collect();
        if keys.is_empty() {
            return Ok(events);
        }
        let before = match self.known {
            Some(known) => {
                let mut before = self.room.state_diff(known, start)?;
                before.retain(|event| key(event).is_some_and(|key| keys.contains(&key)));
                before
            }
            None => {
                let mut before = Vec::new();
                for (event_type, state_key) in &keys {
                    if self.with_members || *event_type != "m.room.member" {
                        before.extend(self.room.state_event_at(start, event_type, state_key)?);
                    }
                }
                before
            }
        };
        let others: HashSet<_> = events.iter().filter_map(|event| key(event)).collect();
        let missing: Vec<_> = before
            .iter()
            .filter(|event| {
                !told.contains(&event.nid) && key(event).is_some_and(|key| !others.contains(&key))
            })
            .cloned()
            .collect();
        events.extend(missing);
        Ok(events)
    }
}

/// Which piece of state an event is.
fn key(event: &Event) -> Option<(&str, &str)> {
    Some((event.pdu.type_str(), event.pdu.state_key()?))
}
