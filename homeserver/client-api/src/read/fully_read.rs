//! The fully read marker (client-server API, "Fully read markers").

use hearth_rooms::{Event, Room};
use ruma::{OwnedEventId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::{ClientApi, Result};

/// The account data in which the fully read marker is kept.
const FULLY_READ: &str = "m.fully_read";

#[derive(Serialize, Deserialize)]
struct FullyRead {
    event_id: OwnedEventId,
}

/// Moves the fully read marker of a user, back only where that is allowed.
pub(super) async fn set_fully_read(
    api: &ClientApi,
    user: &UserId,
    room: &Room,
    event: &Event,
    allow_backward: bool,
) -> Result<()> {
    let account_data = &api.users.account_data;
    let marker = account_data.get(user, Some(room.id()), FULLY_READ)?;
    let marker = marker.and_then(|marker| serde_json::from_str::<FullyRead>(marker.get()).ok());
    if let Some(FullyRead { event_id }) = marker
        && let Some(marked) = room.event(&event_id)?
        && (marked.order() == event.order() || marked.order() > event.order() && !allow_backward)
    {
        return Ok(());
    }
    let content = to_raw_value(&FullyRead { event_id: event.id().to_owned() })?;
    account_data.set(user, Some(room.id()), FULLY_READ, &content).await?;
    Ok(())
}
