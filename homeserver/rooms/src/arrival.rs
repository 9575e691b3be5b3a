//! Rooms that come here from elsewhere: the answer to a join (server-server API, "Joining Rooms").

use std::sync::Arc;

use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{
    StorageError, blocking,
    schema::rooms::{RoomRow, Standing},
};
use ruma::{OwnedEventId, OwnedRoomId};

use crate::{
    RoomError,
    commit::{NewRoom, Staged},
    order::in_order,
    outliers::{OUTLIERS_AT_ONCE, is_create},
    room::{Room, RoomInner},
    rooms::Rooms,
    writer::Writer,
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
        let Arrival { room_id, version, auth_chain, state, event } = arrival;
        let room = self.entrance(&room_id, version, true)?;
        if event.room_id() != room_id || room.version() != version || event.version() != version {
            return Err(RoomError::Invalid("the join does not belong to that room".to_owned()));
        }
        let mut writer = room.0.writer.lock().await;
        if let Some(known) = self.shared.event_by_id(event.event_id())?
            && known.order().is_some()
        {
            let commit = self.shared.store.begin()?.submit();
            commit.await?;
            drop(writer);
            return Ok(room);
        }
        let create = match room.0.create_event_of(writer.head.state)? {
            Some(create) => Some(create),
            None => state.iter().find(|pdu| is_create(pdu)).map(|pdu| pdu.event_id().to_owned()),
        };
        let ids: Vec<OwnedEventId> = state.iter().map(|pdu| pdu.event_id().to_owned()).collect();
        // A large room is seconds of work.
        let past = blocking(|| room.0.new_to_the_graph(auth_chain.into_iter().chain(state).collect()))?;
        let mut past = blocking(|| in_order(past, Pdu::auth_events)).into_iter();
        while past.len() > 0 {
            let commit = blocking(|| {
                let mut staged = self.begin_arrival(&room, &writer)?;
                room.0.stage_outliers(
                    &mut staged,
                    past.by_ref().take(OUTLIERS_AT_ONCE),
                    create.as_deref(),
                )?;
                room.0.commit(&mut writer, staged)
            })?;
            commit.await?;
        }
        let commit = blocking(|| {
            let mut staged = self.begin_arrival(&room, &writer)?;
            room.0.arrive(&mut staged, Arc::new(event), &ids)?;
            room.0.commit(&mut writer, staged)
        })?;
        // As for an event with missing prev events (`receive.rs`), the next one waits until it is on the disk.
        commit.await?;
        drop(writer);
        self.register(&room);
        Ok(room)
    }

    /// What is staged for a room that may not be here.
    pub(crate) fn begin_arrival(&self, room: &Room, writer: &Writer) -> Result<Staged, RoomError> {
        let mut staged = Staged::new(&self.shared, writer.head.clone());
        let row = RoomRow { room_id: room.id().to_owned(), version: room.version().id().to_string() };
        let view = self.shared.store.view();
        let known = view.get(&hearth_storage::schema::ROOMS, (room.nid(),))?;
        if known.as_ref() != Some(&row) {
            staged.created = Some(NewRoom { row, alias: None, published: false });
        }
        Ok(staged)
    }
}

impl RoomInner {
    /// Stages the join with the state before it.
    fn arrive(&self, staged: &mut Staged, join: Arc<Pdu>, state: &[OwnedEventId]) -> Result<(), RoomError> {
        let before = self.set_of(staged, state)?;
        if !self.absent(join.auth_events())?.is_empty() {
            return Err(RoomError::Invalid("the auth events of the join are not all there".to_owned()));
        }
        let verdict = match self.check_by_auth_events(&join)? {
            Ok(()) => self.verdict(before, &join)?,
            refused => refused,
        };
        verdict.map_err(RoomError::Forbidden)?;
        if !self.is_live()? {
            staged.head.extremities.clear();
            staged.head.depth = 0;
            staged.arrives = true;
        }
        self.stage(staged, join, Standing::Accepted, before, None)?;
        Ok(())
    }
}
