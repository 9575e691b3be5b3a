//! What comes for one room.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use hearth_rooms::{Received, Room, RoomError};
use hearth_spec::Pdu;
use hearth_storage::schema::rooms::Standing;
use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedServerName, RoomId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    BackOff, Federation, FederationError, Limits,
    intake::{effort::Effort, order, transaction::Outcome},
};

/// How long what comes for a room waits for the end of a join to it.
const JOINING: Duration = Duration::from_secs(45);
/// How many events of a transaction are on their way into the room at once: it has room for those of many servers.
const AT_ONCE: usize = 16;
/// How many servers are asked at most for what is missing.
const ASKED: usize = 3;

/// What became of each event.
type Outcomes = Vec<(OwnedEventId, Outcome)>;

/// Taking in what one server sends into one room.
pub(crate) struct RoomIntake<'a> {
    pub federation: &'a Federation,
    pub room: &'a Room,
    /// Who is asked first for what is missing.
    pub first: OwnedServerName,
    pub effort: Effort,
}

impl Federation {
    /// Takes in what a transaction brings for a room: what became of each event.
    ///
    /// # Errors
    /// Nothing is to be acknowledged then.
    pub(crate) async fn take_in_pdus(
        &self,
        origin: &ServerName,
        room_id: OwnedRoomId,
        texts: Vec<Box<RawValue>>,
    ) -> Result<Vec<(OwnedEventId, Outcome)>, FederationError> {
        let _turn = self.under_way().intake.acquire((room_id.clone(), origin.to_owned())).await?;
        let Some(room) = self.room_after_join(&room_id).await? else {
            return self.take_in_outside(origin, &room_id, texts).await;
        };
        let (pdus, mut outcomes) = parsed(&room, texts);
        if !room.may_take_part(origin)? {
            let refused = || Err("the room's server ACL does not allow this server".to_owned());
            outcomes.extend(pdus.into_iter().map(|pdu| (pdu.event_id_owned().clone(), refused())));
            return Ok(outcomes);
        }
        let (pdus, outside) = self.split_outside(origin, &room, pdus)?;
        outcomes.extend(outside);
        let ids: Vec<OwnedEventId> = pdus.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
        let mut good = Vec::with_capacity(pdus.len());
        let verified = self.keys().verify_soon(origin, room.version(), pdus).await;
        for (id, verified) in ids.iter().cloned().zip(verified) {
            match verified {
                Ok(pdu) => good.push(pdu),
                Err(error) => outcomes.push((id, Err(error.to_string()))),
            }
        }
        let good = self.recommended(&room, good).await?;
        let mut intake = RoomIntake::new(self, &room, origin);
        let in_order = order::sorted(good, Pdu::prev_events);
        outcomes.extend(circular(&ids, &outcomes, &in_order));
        // They come into the room in their order, and wait for the disk together.
        let receptions: Vec<Reception> = stream::iter(in_order.clone())
            .map(|pdu| intake.receive(pdu))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for (pdu, reception) in in_order.into_iter().zip(receptions) {
            let id = pdu.event_id_owned().clone();
            let outcome = match reception {
                Reception::Decided(outcome) => outcome,
                Reception::Missing { .. } => intake.take_in(pdu).await?,
            };
            if let Err(reason) = &outcome {
                tracing::debug!(%origin, event = %id, reason, "an event was not taken in");
            }
            outcomes.push((id, outcome));
        }
        Ok(outcomes)
    }

    /// Of a server that is not in a room, whatever follows only what is here is none of the room's. What follows
    /// something else may show that the server is in the room by now.
    fn split_outside(
        &self,
        origin: &ServerName,
        room: &Room,
        pdus: Vec<Pdu>,
    ) -> Result<(Vec<Pdu>, Outcomes), FederationError> {
        if room.has_server(origin)? {
            return Ok((pdus, Vec::new()));
        }
        let is_here = |id: &OwnedEventId| -> Result<bool, RoomError> {
            Ok(room.event(id)?.is_some_and(|event| event.state.is_some()))
        };
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for pdu in pdus {
            let id = pdu.event_id_owned();
            let follows_others = pdu.prev_events().iter().map(is_here).any(|here| !matches!(here, Ok(true)));
            match follows_others || is_here(id)? {
                true => inside.push(pdu),
                false => outside.push((id.clone(), Err("your server is not in the room".to_owned()))),
            }
        }
        Ok((inside, outside))
    }

    /// The room, if some user of this server is in it: after a join to it, if one is under way. What comes
    /// meanwhile belongs to it when the join is through.
    async fn room_after_join(&self, room_id: &RoomId) -> Result<Option<Room>, FederationError> {
        let joins = &self.under_way().joins;
        let here = self.room_here(room_id)?;
        if here.is_some() || !joins.is_taken(&room_id.to_owned()) {
            return Ok(here);
        }
        match tokio::time::timeout(JOINING, joins.acquire(room_id.to_owned())).await {
            Ok(turn) => drop(turn?),
            // To be sent again.
            Err(_) => return Err(RoomError::Busy.into()),
        }
        Ok(self.room_here(room_id)?)
    }

    /// Some servers that may have what is missing here of a room: those that answer, if there are any.
    pub(crate) fn servers_to_ask(&self, room: &Room) -> Result<Vec<OwnedServerName>, RoomError> {
        let others = |server: &ServerName| !self.is_own(server);
        let well = |server: &ServerName| others(server) && !self.destinations().is_failing(server);
        let servers = room.some_servers(ASKED, well)?;
        if servers.is_empty() { room.some_servers(ASKED, others) } else { Ok(servers) }
    }

    /// The room of this id, if some user of this server is in it.
    pub(crate) fn room_here(&self, room_id: &RoomId) -> Result<Option<Room>, RoomError> {
        match self.rooms().find_room(room_id) {
            Ok(room) => Ok(room.filter(Room::is_here)),
            // One of which only an invite or a knock is known.
            Err(RoomError::UnknownRoom) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<'a> RoomIntake<'a> {
    pub fn new(federation: &'a Federation, room: &'a Room, first: &ServerName) -> Self {
        Self { federation, room, first: first.to_owned(), effort: Effort::new() }
    }

    /// Who may have what is missing. It is found out when something is: most of what comes follows what is here,
    /// and a room may be on thousands of servers.
    pub fn servers(&self) -> Result<Vec<OwnedServerName>, RoomError> {
        let others = self.federation.servers_to_ask(self.room)?.into_iter();
        let mut servers = vec![self.first.clone()];
        servers.extend(others.filter(|server| *server != self.first));
        servers.truncate(ASKED);
        Ok(servers)
    }

    /// What asking for what is missing may take. Who sent the event is asked whatever it did not answer lately: it is
    /// there, and may fail at one thing (`get_missing_events`) and not at another (the state).
    pub fn limits(&self, server: &ServerName, limits: Limits) -> Limits {
        match server == self.first {
            true => Limits { back_off: BackOff::Ignored, ..limits },
            false => limits,
        }
    }

    /// Gives an event whose signatures are good to the room.
    pub async fn receive(&self, pdu: Pdu) -> Result<Reception, FederationError> {
        self.reception(self.room.receive(pdu).await)
    }

    /// The same with the state before it.
    pub async fn receive_with_state(
        &self,
        pdu: Pdu,
        state: &[OwnedEventId],
    ) -> Result<Reception, FederationError> {
        self.reception(self.room.receive_with_state(pdu, state).await)
    }

    fn reception(&self, received: Result<Received, RoomError>) -> Result<Reception, FederationError> {
        Ok(Reception::Decided(match received {
            // That it was soft-failed is nothing to tell: it is kept, and others may follow it.
            Ok(Received::Accepted(_) | Received::SoftFailed(..) | Received::Purged) => Ok(()),
            // It is decided on again when the members of the room are here.
            Ok(Received::Rejected(_)) if self.room.is_partial() => Ok(()),
            Ok(Received::Known(event)) => known_outcome(event.standing),
            Ok(Received::Rejected(reason)) => Err(reason),
            Ok(Received::Missing { prev_events, auth_events }) => {
                return Ok(Reception::Missing { prev_events, auth_events });
            }
            Err(error @ (RoomError::Storage(_) | RoomError::Busy)) => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        }))
    }
}

/// What the room says of an event.
pub(crate) enum Reception {
    Decided(Outcome),
    /// It follows, or stands on, events that are not here.
    Missing {
        prev_events: Vec<OwnedEventId>,
        auth_events: Vec<OwnedEventId>,
    },
}

fn known_outcome(standing: Standing) -> Outcome {
    match standing {
        Standing::Rejected => Err("the event was rejected before".to_owned()),
        Standing::Accepted | Standing::SoftFailed | Standing::Purged => Ok(()),
    }
}

/// What is to be said of the events that were not decided on and have no place in the order of the others.
fn circular(
    ids: &[OwnedEventId],
    decided: &[(OwnedEventId, Outcome)],
    in_order: &[Pdu],
) -> Vec<(OwnedEventId, Outcome)> {
    let known: HashSet<&EventId> =
        decided.iter().map(|(id, _)| &**id).chain(in_order.iter().map(Pdu::event_id)).collect();
    let circular = ids.iter().filter(|id| !known.contains(&***id));
    circular.map(|id| (id.clone(), Err("the event follows itself".to_owned()))).collect()
}

/// The events of a room, and what is to be said of those that are none.
fn parsed(room: &Room, texts: Vec<Box<RawValue>>) -> (Vec<Pdu>, Vec<(OwnedEventId, Outcome)>) {
    #[derive(Deserialize)]
    struct Named {
        event_id: OwnedEventId,
    }
    let (mut pdus, mut outcomes) = (Vec::with_capacity(texts.len()), Vec::new());
    for text in texts {
        match Pdu::parse(room.version(), text.get()) {
            Ok(pdu) => pdus.push(pdu),
            // Since room version 3 what is no event has no id either.
            Err(error) => match serde_json::from_str::<Named>(text.get()) {
                Ok(named) => outcomes.push((named.event_id, Err(error.to_string()))),
                Err(_) => tracing::debug!(%error, "a PDU is no event of its room's version"),
            },
        }
    }
    (pdus, outcomes)
}
