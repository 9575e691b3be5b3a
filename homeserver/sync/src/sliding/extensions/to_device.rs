//! Messages to the device (MSC3885): told until the client says by a token of their own that it has them.

use hearth_storage::Position;

use super::Limited;
use crate::{
    SyncError,
    json::{Array, Object},
    scope::Scope,
    token::{Base36, base36},
};

/// Writes the messages after what the client has. Says whether there were any.
pub fn write_to_device(
    scope: &Scope<'_>,
    asked: &Limited,
    after: Position,
    object: &mut Object<'_>,
) -> Result<bool, SyncError> {
    let mut waiting = scope.users.to_device.list(scope.user, scope.device, after, scope.upto.log)?;
    let limit = asked.limit(usize::MAX);
    if waiting.messages.len() > limit {
        waiting.messages.truncate(limit);
        waiting.through = waiting.messages.last().map_or(after, |(position, _)| *position);
    }
    object.text("next_batch", &format!("d1_{}", Base36(waiting.through.max(after).0)));
    if waiting.messages.is_empty() {
        return Ok(false);
    }
    let mut events = Array::open(object.key("events"));
    waiting.messages.iter().for_each(|(_, message)| events.item().push_str(message.json().get()));
    events.close();
    Ok(true)
}

/// Up to where a client has the messages, by the token that it was given.
pub(crate) fn told_to_device(since: Option<&str>) -> Result<Position, SyncError> {
    let Some(since) = since else { return Ok(Position(0)) };
    let position = since.strip_prefix("d1_").and_then(|text| base36(text).ok());
    position
        .map(Position)
        .ok_or_else(|| SyncError::InvalidRequest("the since of to_device is no token".to_owned()))
}
