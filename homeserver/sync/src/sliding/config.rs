//! How a room is asked for: by each rule, and by all that match it together (MSC4186, "Combining room configs").

use std::sync::Arc;

use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::StateId;
use serde::{Deserialize, Serialize};

use super::required_state::RequiredState;

/// What is asked of a room.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RoomConfig {
    /// How many events of the timeline are told at most.
    pub timeline_limit: u64,
    /// The state that any of these takes.
    pub required_state: Vec<RequiredState>,
}

impl RoomConfig {
    /// Adds what another rule asks for.
    pub fn add(&mut self, other: &Self) {
        self.timeline_limit = self.timeline_limit.max(other.timeline_limit);
        for required in &other.required_state {
            if !self.required_state.contains(required) {
                self.required_state.push(required.clone());
            }
        }
    }

    pub fn takes(&self, event_type: &str, state_key: &str) -> bool {
        self.required_state.iter().any(|required| required.takes(event_type, state_key))
    }

    /// Whether an event is of the state that is asked for.
    pub fn takes_event(&self, event: &Event) -> bool {
        event.pdu.state_key().is_some_and(|state_key| self.takes(event.pdu.type_str(), state_key))
    }

    pub fn lazy_members(&self) -> bool {
        self.required_state.iter().any(|required| required.lazy_members)
    }

    /// Whether it surely asks for all the state that another one does.
    pub fn covers_state(&self, other: &Self) -> bool {
        let covers = |wanted| self.required_state.iter().any(|required| required.covers(wanted));
        other.required_state.iter().all(covers)
    }

    /// The state that is asked for, each piece once.
    pub fn read(&self, room: &Room, state: StateId) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut events: Vec<Arc<Event>> = Vec::new();
        for required in &self.required_state {
            for event in required.read(room, state)? {
                if self.required_state.len() == 1 || events.iter().all(|known| known.nid != event.nid) {
                    events.push(event);
                }
            }
        }
        events.sort_unstable_by_key(|event| event.nid);
        Ok(events)
    }
}
