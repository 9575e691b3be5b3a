//! Taking in events that others made: the checks on receipt of a PDU.
//!
//! Format, signatures and hashes (checks 1 to 3) belong to whoever has the sender's keys; here follow the
//! checks that need the room: by the auth events, by the state before the event, and by the current state.

use std::{collections::HashMap, sync::Arc};

use hearth_spec::{Pdu, check_auth_events, check_state};
use hearth_storage::{
    Scan, StateId, TimelineOrder, Transaction,
    schema::{self, rooms::Standing},
};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    commit::Staged,
    event::Event,
    outliers::is_create,
    room::{Room, RoomInner},
};

/// What became of an event.
#[derive(Clone, Debug)]
pub enum Received {
    /// It is part of the room.
    Accepted(Arc<Event>),
    /// It is kept, but the state at this moment does not allow it: clients are not shown it.
    SoftFailed(Arc<Event>, String),
    /// The room's rules do not allow it: kept, and never referred to.
    Rejected(String),
    /// It was here before.
    Known(Arc<Event>),
    /// It names events that are not here; it can be taken in when they are, or with the state before it.
    Missing { prev_events: Vec<OwnedEventId>, auth_events: Vec<OwnedEventId> },
}

impl Room {
    /// Takes in an event whose signatures and hash were found good. Returns when it is durable.
    pub async fn receive(&self, pdu: Pdu) -> Result<Received, RoomError> {
        self.receive_on(pdu, None).await
    }

    /// Takes in an event with missing prev events, with the state before it as a peer told it: the ids of
    /// state events that are here, as outliers or otherwise.
    pub async fn receive_with_state(&self, pdu: Pdu, state: &[OwnedEventId]) -> Result<Received, RoomError> {
        self.receive_on(pdu, Some(state)).await
    }

    async fn receive_on(&self, pdu: Pdu, given: Option<&[OwnedEventId]>) -> Result<Received, RoomError> {
        if pdu.room_id() != self.id() {
            return Err(RoomError::Invalid("the event belongs to another room".to_owned()));
        }
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut writer = self.0.writer.lock().await;
        if let Some(known) = self.shared().event_by_id(pdu.event_id())?
            && known.state.is_some()
        {
            drop(writer);
            return Ok(Received::Known(self.when_durable(known).await?));
        }
        if is_create(&pdu)
            && self.0.create_event_of(writer.head.state)?.as_ref() != Some(pdu.event_id_owned())
        {
            // The rules see no state before it, and so nothing against a second one.
            return Ok(Received::Rejected("a room is created once".to_owned()));
        }
        let (prev_events, auth_events) = (
            if given.is_some() { Vec::new() } else { self.without_state(pdu.prev_events())? },
            self.absent(pdu.auth_events())?,
        );
        if !prev_events.is_empty() || !auth_events.is_empty() {
            return Ok(Received::Missing { prev_events, auth_events });
        }
        let mut staged = Staged::new(self.shared(), writer.head.clone());
        let before = match given {
            Some(state) => self.0.set_of(&mut staged, state)?,
            None => self.0.state_before(&mut staged, &pdu)?,
        };
        let received = self.0.judge(&mut staged, Arc::new(pdu), before)?;
        let commit = self.0.commit(&mut writer, staged)?;
        if given.is_none() {
            drop(writer);
            commit.await?;
        } else {
            // That events are missing before it is on the disk before one of them can come.
            commit.await?;
            drop(writer);
        }
        Ok(received)
    }

    /// Those of the events that are not part of the graph here.
    pub(crate) fn without_state(&self, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
        let mut missing = Vec::new();
        for id in ids {
            if self.0.is_missing(id)? {
                missing.push(id.clone());
            }
        }
        Ok(missing)
    }
}

impl RoomInner {
    /// Decides on an event by its auth events, the state before it and the current state, and stages it.
    fn judge(&self, staged: &mut Staged, pdu: Arc<Pdu>, before: StateId) -> Result<Received, RoomError> {
        let verdict = match self.check_by_auth_events(&pdu)? {
            Ok(()) => self.verdict(before, &pdu)?,
            refused => refused,
        };
        if let Err(reason) = verdict {
            self.stage(staged, pdu, Standing::Rejected, before, None)?;
            return Ok(Received::Rejected(reason));
        }
        Ok(match self.verdict(staged.head.state, &pdu)? {
            Ok(()) => Received::Accepted(self.stage(staged, pdu, Standing::Accepted, before, None)?),
            Err(reason) => {
                Received::SoftFailed(self.stage(staged, pdu, Standing::SoftFailed, before, None)?, reason)
            }
        })
    }

    /// Whether a set of state allows the event; the inner error says why not.
    pub fn verdict(&self, state: StateId, pdu: &Pdu) -> Result<Result<(), String>, RoomError> {
        match self.check_against(state, pdu) {
            Ok(()) => Ok(Ok(())),
            Err(RoomError::Forbidden(reason) | RoomError::Invalid(reason)) => Ok(Err(reason)),
            Err(error) => Err(error),
        }
    }

    /// Whether an event's own auth events allow it; the inner error says why not.
    pub fn check_by_auth_events(&self, pdu: &Pdu) -> Result<Result<(), String>, RoomError> {
        let mut ids: Vec<&EventId> = pdu.auth_events().iter().map(|id| &**id).collect();
        let create = self.create_event_id();
        ids.extend(create.as_deref());
        let mut known: HashMap<OwnedEventId, Arc<Event>> = HashMap::new();
        for id in ids {
            if let Some(event) = self.shared.event_by_id(id)? {
                known.insert(id.to_owned(), event);
            }
        }
        let fetch = |id: &EventId| {
            known.get(id).map(|event| (event.pdu.clone(), event.standing == Standing::Rejected))
        };
        if let Err(error) = check_auth_events(self.version, pdu, fetch) {
            return Ok(Err(error.to_string()));
        }
        let by_key: HashMap<(String, String), Arc<Pdu>> = known
            .values()
            .filter_map(|event| {
                let key = event.pdu.state_key()?.to_owned();
                Some(((event.pdu.type_str().to_owned(), key), event.pdu.clone()))
            })
            .collect();
        let verdict = check_state(self.version, pdu, |kind, key| {
            by_key.get(&(kind.to_string(), key.to_owned())).cloned()
        });
        Ok(verdict.map_err(|error| error.to_string()))
    }

    /// The id of the create event where the room's id tells it (version 12).
    pub fn create_event_id(&self) -> Option<OwnedEventId> {
        if !self.version.room_id_is_create_event_id() {
            return None;
        }
        OwnedEventId::try_from(format!("${}", self.id.strip_sigil())).ok()
    }

    /// The state before an event: what the states after its prev events resolve to.
    fn state_before(&self, staged: &mut Staged, pdu: &Pdu) -> Result<StateId, RoomError> {
        let after = self.states_after(pdu.prev_events())?;
        self.resolve(staged, after)
    }

    /// The states after those of the events that are part of the graph.
    pub fn states_after(&self, ids: &[OwnedEventId]) -> Result<Vec<StateId>, RoomError> {
        let mut after = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(state) = self.shared.event_by_id(id)?.and_then(|event| event.state) {
                after.push(state.after);
            }
        }
        Ok(after)
    }

    /// Whether an event of the timeline names this one, which was missing.
    pub fn is_named(&self, id: &EventId) -> Result<bool, RoomError> {
        let view = self.shared.store.view();
        let row = view.scan(&schema::MISSING_PREV, Scan::prefix((self.nid, id))).next().transpose()?;
        Ok(row.is_some())
    }

    /// Notes which prev events of one that takes its place in the timeline have none.
    pub fn note_missing(
        &self,
        tx: &mut Transaction<'_>,
        event: &Event,
        order: TimelineOrder,
    ) -> Result<(), RoomError> {
        for id in event.pdu.prev_events() {
            if self.is_missing(id)? {
                tx.put(&schema::MISSING_PREV, (self.nid, id, event.nid), &());
                tx.put(&schema::GAPS, (self.nid, order), &());
            }
        }
        Ok(())
    }

    /// An event takes its place in the timeline that others missed: where it was the last, their gap is closed.
    pub fn note_found(&self, tx: &mut Transaction<'_>, event: &Event) -> Result<(), RoomError> {
        let view = self.shared.store.view();
        for row in view.scan(&schema::MISSING_PREV, Scan::prefix((self.nid, event.id()))) {
            let ((_, found, named_by), ()) = row?;
            let named_by = self.shared.referred(named_by)?;
            tx.delete(&schema::MISSING_PREV, (self.nid, &found, named_by.nid));
            let mut others = named_by.pdu.prev_events().iter().filter(|id| **id != found);
            if let Some(order) = named_by.order()
                && !others.try_fold(false, |any, id| Ok::<_, RoomError>(any || self.is_missing(id)?))?
            {
                tx.delete(&schema::GAPS, (self.nid, order));
            }
        }
        Ok(())
    }
}
