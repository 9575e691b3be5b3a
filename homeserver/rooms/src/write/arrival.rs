//! Rooms that come here from elsewhere: the answer to a join (server-server API, "Joining Rooms").

use std::sync::Arc;

use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{
    StorageError, blocking,
    schema::{
        self,
        rooms::{RoomRow, Standing},
    },
};
use ruma::{OwnedEventId, OwnedRoomId};

use crate::{
    RoomError,
    read::{
        reading::Reader,
        room::{Head, Room, RoomInner},
        rooms::Rooms,
    },
    write::{
        order::in_order,
        outliers::{OUTLIERS_AT_ONCE, is_create},
        partial::WithoutMembers,
        staged::{Staged, TimelinePlace},
    },
};

/// A room as a peer tells it, and the join that was sent there. All signatures were found good.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub room_id: OwnedRoomId,
    pub version: RoomVersion,
    /// The auth chain of the state and of the join, in any order.
    pub auth_chain: Vec<Pdu>,
    /// The state before the join.
    pub state: Vec<Pdu>,
    /// The join.
    pub event: Pdu,
    /// Where members were left out of the state: by whom, and what takes their place.
    pub without_members: Option<WithoutMembers>,
}

impl Rooms {
    /// Takes in a room that a user of this server has joined at another. Where nobody from here is in the
    /// room, the state that the peer tells takes the place of what was known of it; else it counts for the
    /// join, which is one more event. Returns when all is durable.
    ///
    /// The room's past comes in as outliers, in commits of bounded size; the last one makes the room visible,
    /// so that what a crash leaves before it is never seen. It goes on to the end if it is not waited for.
    pub async fn take_in(&self, arrival: Arrival) -> Result<Room, RoomError> {
        let rooms = self.clone();
        let taken = tokio::spawn(async move { rooms.take_in_to_the_end(arrival).await }).await;
        taken.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StorageError::Stopped("the server is stopping".to_owned()).into()),
        })
    }

    async fn take_in_to_the_end(&self, arrival: Arrival) -> Result<Room, RoomError> {
        let Arrival { room_id, version, auth_chain, state, event, without_members } = arrival;
        let room = self.entrance(&room_id, version, true)?;
        if event.room_id() != room_id || room.version() != version || event.version() != version {
            return Err(RoomError::Invalid("the join does not belong to that room".to_owned()));
        }
        let mut head = room.0.writer.lock().await;
        let mut staged = self.begin_arrival(&room, &head)?;
        if let Some(known) = staged.event_by_id(event.event_id())?
            && known.order().is_some()
        {
            drop((head, staged));
            self.shared.store.settled().await?;
            return Ok(room);
        }
        let create = match staged.create_event_of(head.state)? {
            Some(create) => Some(create),
            None => state.iter().find(|pdu| is_create(pdu)).map(|pdu| pdu.event_id().to_owned()),
        };
        let ids: Vec<OwnedEventId> = state.iter().map(|pdu| pdu.event_id().to_owned()).collect();
        let past = auth_chain.into_iter().chain(state).collect();
        // A large room is seconds of work.
        let mut past = blocking(|| in_order(past, Pdu::auth_events)).into_iter().peekable();
        while past.peek().is_some() {
            let some = past.by_ref().take(OUTLIERS_AT_ONCE).collect();
            let commit = blocking(|| {
                room.0.stage_outliers(&mut staged, some, create.as_deref())?;
                let next = self.begin_arrival(&room, &head)?;
                room.0.commit(&mut head, std::mem::replace(&mut staged, next))
            })?;
            commit.await?;
        }
        let commit = blocking(|| {
            room.0.arrive(&mut staged, Arc::new(event), &ids, without_members)?;
            room.0.commit(&mut head, staged)
        });
        if commit.is_err() {
            room.0.read_whole_since()?;
        }
        drop(head);
        commit?.await?;
        self.register(&room);
        Ok(room)
    }

    /// What is staged for a room that may not be here.
    pub(crate) fn begin_arrival(&self, room: &Room, head: &Head) -> Result<Staged, RoomError> {
        let mut staged = Staged::new(&self.shared, head.clone())?;
        let row = RoomRow { room_id: room.id().to_owned(), version: room.version().id().to_string() };
        if staged.tx.get(&schema::ROOMS, (room.nid(),))?.as_ref() != Some(&row) {
            room.0.write_room(&mut staged, &row);
        }
        Ok(staged)
    }
}

impl RoomInner {
    /// Stages the join with the state before it.
    fn arrive(
        &self,
        staged: &mut Staged,
        join: Arc<Pdu>,
        state: &[OwnedEventId],
        without_members: Option<WithoutMembers>,
    ) -> Result<(), RoomError> {
        let mut arrives = !self.is_live(&staged.tx)?;
        let mut before = self.set_of(staged, state)?;
        match without_members {
            // The room came by another way meanwhile.
            Some(_) if !arrives => return Err(RoomError::Busy),
            Some(told) => match self.state_before_return(staged, &join)? {
                Some(known) => {
                    arrives = false;
                    before = self.with_named_members(staged, known, &join)?;
                }
                None => {
                    self.begin_partial(staged, join.event_id_owned().clone(), told)?;
                    before = self.with_named_members(staged, before, &join)?;
                    before = self.with_own_members(staged, before)?;
                }
            },
            None if arrives => self.arrive_whole(staged, join.event_id_owned().clone())?,
            None => {}
        }
        if !self.absent(staged, join.auth_events())?.is_empty() {
            return Err(RoomError::Invalid("the auth events of the join are not all there".to_owned()));
        }
        self.verdict_on_receipt(staged, before, &join)?.map_err(RoomError::Forbidden)?;
        if arrives {
            staged.head.extremities.clear();
            staged.head.depth = 0;
        }
        self.stage(staged, join, Standing::Accepted, TimelinePlace::End, before, None)?;
        if arrives {
            staged.head.arrived = staged.head.position;
        }
        Ok(())
    }
}
