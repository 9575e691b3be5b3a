//! Fetching the members of rooms that came without them (MSC3902).
//!
//! Which rooms these are is written down with each (`PARTIAL_ROOMS`), so that a restart begins anew. Any server in the
//! room may have the whole state; who told of the room is asked first, and the others in turn. Where none of them has the
//! state of then (who had it may be gone for good), one tells that of now, to a user here who joins the room once more.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use hearth_rooms::{Room, RoomError, ToldStates};
use hearth_spec::Pdu;
use hearth_storage::{
    RoomNid,
    schema::{self, rooms::PartialRoomRow},
};
use ruma::{
    EventId, OwnedEventId, OwnedServerName, ServerName,
    api::federation::event::{
        get_event::v1::Request as GetEvent, get_room_state::v1::Request as GetState,
        get_room_state_ids::v1::Request as GetStateIds,
    },
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};

use crate::{Federation, FederationError, Limits, intake::parse_events};

/// Of so many rooms the members are fetched at once.
const ROOMS_AT_ONCE: usize = 8;
/// So many servers are asked one after the other.
const ASKED: usize = 10;
/// After so long the next ones are asked; after twice as long the next time, up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// So often all that is missing must be had: servers that have it, or whose signatures are in it, may be away for a
/// moment. Then it is done without what cannot be had, as nobody may be there any more who has it, or who says by which
/// keys it could be verified.
const INSISTING: usize = 5;
/// For the ids of a whole state.
const IDS: Limits = Limits { timeout: Duration::from_secs(2 * 60), ..Limits::ROOM };

/// The task that fetches members. Dropped, it is ended.
pub struct FetchingMembers(JoinHandle<()>);

impl Drop for FetchingMembers {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl FetchingMembers {
    /// Begins with the rooms whose members are missing, and goes on with those that come. To be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`FederationError`] if it cannot be read which rooms these are.
    pub fn start(federation: &Federation) -> Result<Self, FederationError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let came = sender.clone();
        federation.store().observe(&schema::PARTIAL_ROOMS, move |row| {
            if row.value()?.is_some_and(|row| row.whole.is_none()) {
                // Nobody listens when the task has ended.
                let _ = came.send(row.key()?.0);
            }
            Ok(())
        });
        for room in federation.rooms().partial_rooms()? {
            let _ = sender.send(room);
        }
        Ok(Self(tokio::spawn(fetch_all(federation.clone(), receiver))))
    }
}

async fn fetch_all(federation: Federation, mut came: mpsc::UnboundedReceiver<RoomNid>) {
    let places = Arc::new(Semaphore::new(ROOMS_AT_ONCE));
    let (mut tasks, mut under_way) = (JoinSet::new(), HashSet::new());
    loop {
        tokio::select! {
            biased;
            Some(room) = came.recv() => {
                if under_way.insert(room) {
                    tasks.spawn(until_whole(federation.clone(), places.clone(), room));
                }
            }
            Some(done) = tasks.join_next() => {
                let Ok(room) = done else { continue };
                under_way.remove(&room);
                // It may have been left and joined again while its task came to an end.
                if matches!(wanted(&federation, room), Ok(Some(_))) && under_way.insert(room) {
                    tasks.spawn(until_whole(federation.clone(), places.clone(), room));
                }
            }
            else => return,
        }
    }
}

/// A room whose members are missing, as long as somebody here is in it.
fn wanted(federation: &Federation, nid: RoomNid) -> Result<Option<(Room, PartialRoomRow)>, FederationError> {
    let room = federation.rooms().room_by_nid(nid)?;
    let row = room.partial()?.filter(|_| room.is_here());
    Ok(row.map(|row| (room, row)))
}

async fn until_whole(federation: Federation, places: Arc<Semaphore>, nid: RoomNid) -> RoomNid {
    let (mut pause, mut asked) = (PAUSE, HashSet::new());
    for round in 0.. {
        let Ok(place) = places.acquire().await else { return nid };
        match fetch_once(&federation, nid, round < INSISTING, &mut asked).await {
            Ok(true) => return nid,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, room = %nid, "the members of a room were not fetched"),
        }
        drop(place);
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    nid
}

/// Asks some servers for what is missing, all of which may be insisted on. Whether nothing is left to be done.
async fn fetch_once(
    federation: &Federation,
    nid: RoomNid,
    all: bool,
    asked: &mut HashSet<OwnedServerName>,
) -> Result<bool, FederationError> {
    // The rows of a commit are told of one after the other, before the room can be read.
    federation.store().settled().await?;
    let Some((room, row)) = wanted(federation, nid)? else { return Ok(true) };
    let servers = servers(federation, &room, &row, asked)?;
    federation.fetch_members(&servers, &room, &row, all).await?;
    let done = wanted(federation, nid)?.is_none();
    if done {
        tracing::info!(room = %room.id(), "the members of a room are here");
    }
    Ok(done)
}

/// What a join follows.
fn prev_events(room: &Room, join: &EventId) -> Result<Vec<OwnedEventId>, RoomError> {
    Ok(room.event(join)?.ok_or(RoomError::UnknownEvent)?.pdu.prev_events().to_vec())
}

/// Who is asked, and is noted in `asked`: first who told of the room, then those that answer, then others; of those that
/// were asked already nobody, until all were.
fn servers(
    federation: &Federation,
    room: &Room,
    row: &PartialRoomRow,
    asked: &mut HashSet<OwnedServerName>,
) -> Result<Vec<OwnedServerName>, RoomError> {
    let mut next = others(federation, room, row, asked)?;
    if next.is_empty() {
        asked.clear();
        next = others(federation, room, row, asked)?;
    }
    asked.extend(next.iter().cloned());
    next.insert(0, row.via.clone());
    Ok(next)
}

fn others(
    federation: &Federation,
    room: &Room,
    row: &PartialRoomRow,
    asked: &HashSet<OwnedServerName>,
) -> Result<Vec<OwnedServerName>, RoomError> {
    let other =
        |server: &ServerName| !federation.is_own(server) && *server != row.via && !asked.contains(server);
    let well = |server: &ServerName| other(server) && !federation.destinations().is_failing(server);
    let mut servers = room.some_servers(ASKED - 1, well)?;
    for server in room.some_servers(ASKED - 1, other)? {
        if servers.len() < ASKED - 1 && !servers.contains(&server) {
            servers.push(server);
        }
    }
    Ok(servers)
}

impl Federation {
    /// Makes a room whole with the states before what its joins follow, each as one of the servers tells it. Nothing comes
    /// of it if `all` must be had and some was not, or if the room came otherwise meanwhile.
    async fn fetch_members(
        &self,
        servers: &[OwnedServerName],
        room: &Room,
        row: &PartialRoomRow,
        all: bool,
    ) -> Result<(), FederationError> {
        let mut events = BTreeSet::new();
        for join in &row.joins {
            events.extend(prev_events(room, join)?);
        }
        let mut told = ToldStates::new();
        for server in servers {
            for event in &events {
                if told.contains_key(event) {
                    continue;
                }
                match self.fetch_whole_state(server, room, event).await {
                    Ok(state) if all && !room.absent(&state)?.is_empty() => {
                        tracing::debug!(%server, room = %room.id(), "not all members could be verified");
                        return Ok(());
                    }
                    Ok(state) => _ = told.insert(event.clone(), state),
                    Err(error) => {
                        tracing::debug!(%server, %error, room = %room.id(), "a server did not give the members");
                    }
                }
            }
            if wanted(self, room.nid())?.is_none_or(|(_, now)| now.joins != row.joins) {
                return Ok(());
            }
            if told.len() == events.len() {
                match room.make_whole(&row.joins, &told, None).await {
                    Ok(()) => return Ok(()),
                    // Another server may tell what can be believed.
                    Err(error) => {
                        tracing::debug!(%server, %error, room = %room.id(), "the members were not believed");
                        told.clear();
                    }
                }
            }
        }
        if all {
            return Ok(());
        }
        let last = row.joins.last().ok_or(RoomError::UnknownEvent)?;
        let again = match prev_events(room, last)?.iter().all(|event| told.contains_key(event)) {
            true => None,
            false => Some(self.join_again(room, servers).await?),
        };
        room.make_whole(&row.joins, &told, again.as_deref()).await?;
        Ok(())
    }

    /// The ids of the state before an event: these events are here then, as far as they have good signatures, and so is
    /// the event itself.
    async fn fetch_whole_state(
        &self,
        server: &ServerName,
        room: &Room,
        event: &EventId,
    ) -> Result<Vec<OwnedEventId>, FederationError> {
        let request = GetStateIds::new(event.to_owned(), room.id().to_owned());
        let answer = self.client().send_with(server, request, IDS).await?;
        let mut wanted: Vec<OwnedEventId> = answer.auth_chain_ids;
        wanted.extend(answer.pdu_ids.iter().cloned());
        if !room.absent(&wanted)?.is_empty() {
            let request = GetState::new(event.to_owned(), room.id().to_owned());
            let answer = self.client().send_with(server, request, Limits::ROOM).await?;
            let events = answer.auth_chain.into_iter().chain(answer.pdus);
            let wanted: BTreeSet<OwnedEventId> = room.absent(&wanted)?.into_iter().collect();
            let mut events = parse_events(room.version(), room.id(), events);
            let mut seen = BTreeSet::new();
            events.retain(|event| {
                wanted.contains(event.event_id()) && seen.insert(event.event_id_owned().clone())
            });
            self.keep_outliers(server, room, events).await?;
        }
        if room.event(event)?.is_none() {
            let request = GetEvent::new(event.to_owned());
            let answer = self.client().send_with(server, request, Limits::ROOM).await?;
            let mut events = parse_events(room.version(), room.id(), [answer.pdu]);
            events.retain(|fetched| fetched.event_id() == event);
            self.keep_outliers(server, room, events).await?;
        }
        Ok(answer.pdu_ids)
    }

    async fn keep_outliers(
        &self,
        server: &ServerName,
        room: &Room,
        events: Vec<Pdu>,
    ) -> Result<(), FederationError> {
        let good = self.verified(server, room.version(), events).await;
        if !good.is_empty() {
            room.receive_outliers(good).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
