//! Memberships in rooms that are not here: invites, knocks, and their end (server-server API, "Inviting to a
//! room", "Knocking upon a room").

use std::sync::Arc;

use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{
    Change, RoomNid, View,
    schema::{
        self,
        rooms::{Membership, Standing, UserRoomRow},
    },
};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::Value;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::{Reader, type_of},
        rooms::Rooms,
    },
    write::staged::TimelinePlace,
};

/// What became of a user of this server in a room that is not here.
#[derive(Clone, Debug)]
pub struct OutOfRoom {
    pub room_id: OwnedRoomId,
    pub version: RoomVersion,
    /// The member event. Its signatures were found good.
    pub event: Pdu,
    pub user: OwnedUserId,
    pub membership: Membership,
    /// What came with an invite or a knock: a JSON array of stripped state.
    pub stripped_state: Option<String>,
}

impl Rooms {
    /// Notes an invite, a knock or a leave of a user of this server in a room that is not here, or in which
    /// nobody from here is any more. In a room that is here it changes nothing: there the event itself must be
    /// received. Returns when it is durable.
    pub async fn note_membership(&self, note: OutOfRoom) -> Result<(), RoomError> {
        let OutOfRoom { room_id, version, event, user, membership, stripped_state } = note;
        if matches!(membership, Membership::Invite | Membership::Knock) {
            self.may_be_entered(&room_id)?;
        }
        let room = self.entrance(&room_id, version, false)?;
        if event.room_id() != room_id || event.version() != room.version() {
            return Err(RoomError::Invalid("the event does not belong to that room".to_owned()));
        }
        let mut head = room.0.writer.lock().await;
        let mut staged = self.begin_arrival(&room, &head)?;
        if room.0.is_live(&staged.tx)? && membership_out_of_room(&staged.tx, &user, room.nid())?.is_none() {
            return Ok(());
        }
        let nid = match staged.nid(event.event_id())? {
            Some(nid) => nid,
            // It is in no auth graph: its auth events are not here.
            None => {
                let event = room.0.renumbered(&staged, Arc::new(event), Standing::Accepted, None)?;
                room.0.keep(&mut staged, event, TimelinePlace::Nowhere)?.nid
            }
        };
        let change = Change::Membership { room: room.nid(), user: user.clone(), membership };
        let position = staged.tx.append(&change);
        let room_type = stripped_state.as_deref().and_then(stripped_type);
        let row =
            UserRoomRow { membership, event: nid, position, forgotten: false, stripped_state, room_type };
        staged.tx.put(&schema::USER_ROOMS, (&user, room.nid()), &row);
        let commit = room.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        Ok(())
    }

    /// Gives up a room that is not here after a leave.
    pub async fn forget_out_of_room(&self, user: &UserId, room_id: &RoomId) -> Result<(), RoomError> {
        let (version, ..) = self.out_of_room(user, room_id)?.ok_or(RoomError::UnknownRoom)?;
        self.entrance(room_id, version, false)?.forget(user).await
    }

    /// A user's membership in a room that is not here, or that the room's state does not tell: the room's
    /// version, the member event, and what came with it.
    pub fn out_of_room(
        &self,
        user: &UserId,
        room_id: &RoomId,
    ) -> Result<Option<(RoomVersion, Arc<Event>, UserRoomRow)>, RoomError> {
        let view = &self.shared.view;
        let Some(nid) = view.get(&schema::ROOM_NIDS, (room_id,))? else { return Ok(None) };
        let Some(row) = membership_out_of_room(view, user, nid)? else { return Ok(None) };
        let event = self.shared.referred(row.event)?;
        Ok(Some((event.pdu.version(), event, row)))
    }
}

/// The type of a room that stripped state tells.
fn stripped_type(stripped_state: &str) -> Option<String> {
    let events: Vec<Value> = serde_json::from_str(stripped_state).ok()?;
    let create =
        events.into_iter().find(|event| event.get("type").is_some_and(|name| name == "m.room.create"));
    type_of(create?.get("content")?)
}

/// What a user has to do with a room by other than the room's state.
fn membership_out_of_room(
    view: &View,
    user: &UserId,
    room: RoomNid,
) -> Result<Option<UserRoomRow>, RoomError> {
    let Some(row) = view.get(&schema::USER_ROOMS, (user, room))? else { return Ok(None) };
    let by_state = view.get(&schema::MEMBERSHIPS, (room, user))?;
    Ok(by_state.is_none_or(|by_state| by_state.event != row.event).then_some(row))
}
