//! `GET /_matrix/client/v3/keys/changes`

use std::collections::BTreeSet;

use axum::extract::State;
use hearth_rooms::{Room, RoomError};
use hearth_spec::Membership as InEvent;
use hearth_storage::{Position, StateId, blocking, schema::rooms::Membership};
use hearth_sync::SyncToken;
use ruma::{
    OwnedUserId, UserId,
    api::client::keys::get_key_changes::v3::{Request as GetKeyChanges, Response},
};

use crate::{Answer, ClientApi, Request, Result};

/// Whose devices the user has to look at anew, and whose no more, between two syncs
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges)).
pub async fn get_key_changes(
    State(api): State<ClientApi>,
    request: Request<GetKeyChanges>,
) -> Result<Answer<Response>> {
    let from = request.body.from.parse::<SyncToken>()?.log();
    let to = request.body.to.parse::<SyncToken>()?.log();
    // It looks at all rooms of the user: aside from the async threads.
    blocking(|| changes(&api, &request.who.user, from, to)).map(Answer)
}

fn changes(api: &ClientApi, user: &UserId, from: Position, to: Position) -> Result<Response> {
    let Circle { came, gone } = Circle::changed(api, user, from, to)?;
    let mut changed = came;
    changed.extend(api.sync.device_lists_changed(user, from, to)?);
    let mut left = Vec::new();
    for other in gone {
        if !api.sync.shares_room(user, &other)? {
            changed.remove(&other);
            left.push(other);
        }
    }
    Ok(Response::new(changed.into_iter().collect(), left))
}

/// Who came into a room that the user is in, and who left one, or was left.
#[derive(Default)]
struct Circle {
    came: BTreeSet<OwnedUserId>,
    gone: BTreeSet<OwnedUserId>,
}

impl Circle {
    fn changed(api: &ClientApi, user: &UserId, from: Position, to: Position) -> Result<Self> {
        let mut circle = Self::default();
        for (nid, _) in api.rooms.rooms_of(user)? {
            let room = match api.rooms.room_by_nid(nid) {
                Ok(room) => room,
                Err(RoomError::UnknownRoom) => continue,
                Err(error) => return Err(error.into()),
            };
            let (old, new) = (room.state_at_position(from)?, room.state_at_position(to)?);
            if old == new {
                continue;
            }
            let joined = |state: StateId| -> Result<bool> {
                Ok(room.membership_at(state, user)? == Some(Membership::Join))
            };
            match (joined(old)?, joined(new)?) {
                (true, true) => circle.differ(&room, old, new)?,
                (false, true) => circle.came.extend(joined_others(&room, user)?),
                (true, false) => circle.gone.extend(joined_others(&room, user)?),
                (false, false) => {}
            }
        }
        Ok(circle)
    }

    /// Takes in who came and went between two states.
    fn differ(&mut self, room: &Room, old: StateId, new: StateId) -> Result<()> {
        for event in room.state_diff(old, new)? {
            let Some(Ok(member)) = event
                .pdu
                .state_key()
                .filter(|_| event.pdu.type_str() == "m.room.member")
                .map(OwnedUserId::try_from)
            else {
                continue;
            };
            let was = room.membership_at(old, &member)? == Some(Membership::Join);
            let is = event.pdu.membership() == Some(InEvent::Join);
            match (was, is) {
                (false, true) => drop(self.came.insert(member)),
                (true, false) => drop(self.gone.insert(member)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn joined_others(room: &Room, user: &UserId) -> Result<impl Iterator<Item = OwnedUserId>> {
    Ok(room.members_with(Membership::Join)?.into_iter().filter(move |member| member != user))
}

#[cfg(test)]
mod tests;
