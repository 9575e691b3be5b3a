//! Whether what leads to a delayed event leads to one that waits.

use std::collections::BTreeSet;

use hearth_storage::{RoomNid, Scan, View, schema};
use ruma::OwnedUserId;

use super::Finding;
use crate::RoomError;

/// Whose a delayed event is, and its delay id.
type Waiting = (OwnedUserId, String);

/// Delayed events that wait without being found, and indexes of those that do not.
pub(super) fn delayed_events(view: &View) -> Result<Vec<Finding>, RoomError> {
    let mut waiting: BTreeSet<Waiting> = BTreeSet::new();
    let mut of_state: BTreeSet<(RoomNid, String, String, Waiting)> = BTreeSet::new();
    for row in view.scan(&schema::DELAYED_EVENTS, Scan::all()) {
        let (key, row) = row?;
        if row.ended.is_none() {
            of_state
                .extend(row.state_key.map(|state_key| (row.room, row.event_type, state_key, key.clone())));
            waiting.insert(key);
        }
    }
    let mut by_id: BTreeSet<Waiting> = BTreeSet::new();
    for row in view.scan(&schema::DELAYED_EVENT_USERS, Scan::all()) {
        let ((delay_id,), user) = row?;
        by_id.insert((user.0, delay_id));
    }
    let mut by_state = BTreeSet::new();
    for row in view.scan(&schema::DELAYED_STATE, Scan::all()) {
        let ((room, event_type, state_key, delay_id), user) = row?;
        by_state.insert((room, event_type, state_key, (user.0, delay_id)));
    }
    let by_id = waiting.symmetric_difference(&by_id);
    let by_state = of_state.symmetric_difference(&by_state).map(|(.., waiting)| waiting);
    let wrong: BTreeSet<&Waiting> = by_id.chain(by_state).collect();
    let finding = |(user, delay_id): &Waiting| Finding {
        subject: format!("the delayed event {delay_id}"),
        what: format!("of {user}: what leads to it does not agree with whether it waits"),
    };
    Ok(wrong.into_iter().map(finding).collect())
}
