//! Which state of a room is asked for (MSC4186, "`RequiredStateRequest`"), and reading it.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::StateId;
use serde::{Deserialize, Serialize};

const MEMBER: &str = "m.room.member";

/// The state of which some is to be told.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RequiredState {
    #[serde(default)]
    pub include: Vec<Pattern>,
    #[serde(default)]
    pub exclude: Vec<Pattern>,
    /// Members are told as far as the timeline needs them, unless they are named one by one.
    #[serde(default)]
    pub lazy_members: bool,
}

/// Pieces of state by type and state key; what is absent stands for all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pattern {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
}

impl Pattern {
    fn takes(&self, event_type: &str, state_key: &str) -> bool {
        self.event_type.as_deref().is_none_or(|wanted| wanted == event_type)
            && self.state_key.as_deref().is_none_or(|wanted| wanted == state_key)
    }

    /// Whether it takes all that another one does.
    fn covers(&self, other: &Self) -> bool {
        let covers = |one: &Option<String>, other: &Option<String>| one.is_none() || one == other;
        covers(&self.event_type, &other.event_type) && covers(&self.state_key, &other.state_key)
    }
}

impl RequiredState {
    pub fn takes(&self, event_type: &str, state_key: &str) -> bool {
        let takes = |pattern: &Pattern| {
            let whole_members = self.lazy_members && event_type == MEMBER && pattern.state_key.is_none();
            !whole_members && pattern.takes(event_type, state_key)
        };
        self.include.iter().any(takes)
            && !self.exclude.iter().any(|pattern| pattern.takes(event_type, state_key))
    }

    /// Whether it surely takes all that another one does.
    pub fn covers(&self, other: &Self) -> bool {
        self.lazy_members == other.lazy_members
            && other.include.iter().all(|wanted| self.include.iter().any(|pattern| pattern.covers(wanted)))
            && self.exclude.iter().all(|gone| other.exclude.iter().any(|pattern| pattern.covers(gone)))
    }

    /// Its events in a set of state. What is named is looked up; for the rest the set is walked.
    pub fn read(&self, room: &Room, state: StateId) -> Result<Vec<Arc<Event>>, RoomError> {
        if self.include.iter().any(|pattern| pattern.event_type.is_none() || pattern.state_key.is_none()) {
            return room.state_where(state, |event_type, state_key| self.takes(event_type, state_key));
        }
        let mut events = Vec::new();
        let named: HashSet<&Pattern> = self.include.iter().collect();
        for pattern in named {
            if let Pattern { event_type: Some(event_type), state_key: Some(state_key) } = pattern
                && self.takes(event_type, state_key)
            {
                events.extend(room.state_event_at(state, event_type, state_key)?);
            }
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn required(json: serde_json::Value) -> RequiredState {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_absent_stands_for_all_and_what_is_excluded_is_not_told() {
        let state =
            required(json!({"include": [{}], "exclude": [{"type": "m.room.create", "state_key": ""}]}));
        assert!(state.takes("m.room.name", "") && state.takes(MEMBER, "@a:h.org"));
        assert!(!state.takes("m.room.create", "") && state.takes("m.room.create", "x"));
        let by_key = required(json!({"include": [{"state_key": "@a:h.org"}]}));
        assert!(by_key.takes(MEMBER, "@a:h.org") && by_key.takes("other", "@a:h.org"));
        assert!(!by_key.takes(MEMBER, "@b:h.org"));
        assert!(!required(json!({})).takes("m.room.name", ""));
    }

    #[test]
    fn lazy_members_are_told_with_the_timeline_but_for_those_who_are_named() {
        let named = json!({"type": MEMBER, "state_key": "@me:h.org"});
        let state = required(json!({"include": [{}, named], "lazy_members": true}));
        assert!(state.takes("m.room.name", "") && state.takes(MEMBER, "@me:h.org"));
        assert!(!state.takes(MEMBER, "@other:h.org"));
    }

    #[test]
    fn more_covers_less() {
        let all = required(json!({"include": [{}]}));
        let names = required(json!({"include": [{"type": "m.room.name", "state_key": ""}]}));
        let but_names = required(json!({"include": [{}], "exclude": [{"type": "m.room.name"}]}));
        assert!(all.covers(&names) && !names.covers(&all) && all.covers(&all));
        assert!(all.covers(&but_names) && !but_names.covers(&all) && !but_names.covers(&names));
        let lazy = required(json!({"include": [{}], "lazy_members": true}));
        assert!(!lazy.covers(&all) && !all.covers(&lazy));
    }
}
