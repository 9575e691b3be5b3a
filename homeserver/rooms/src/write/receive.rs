//! Taking in events that others made: the checks on receipt of a PDU.
//!
//! Format, signatures and hashes (checks 1 to 3) belong to whoever has the sender's keys; here follow the
//! checks that need the room: by the auth events, by the state before the event, and by the current state.

use std::{collections::HashMap, sync::Arc};

use hearth_spec::{Pdu, check_auth_events, check_state};
use hearth_storage::{
    Scan, StateId, StorageError, TimelineOrder, View,
    schema::{
        self,
        rooms::{SentByRow, Standing},
    },
};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    read::{
        event::Event,
        history::{missing, without_state},
        reading::Reader,
        room::{Room, RoomInner},
    },
    write::{
        outliers::is_create,
        staged::{Staged, TimelinePlace},
    },
};

/// What became of an event.
#[derive(Clone, Debug)]
pub enum Received {
    /// It is part of the room.
    Accepted(Arc<Event>),
    /// It is kept, but the state at this moment does not allow it: clients are not shown it.
    SoftFailed(Arc<Event>, String),
    /// The room's rules do not allow it: kept, as long as there are not too many, and never referred to.
    Rejected(String),
    /// It was here before.
    Known(Arc<Event>),
    /// It was here before, and was purged.
    Purged,
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

    #[tracing::instrument(name = "receive event", level = "debug", skip_all)]
    async fn receive_on(&self, pdu: Pdu, given: Option<&[OwnedEventId]>) -> Result<Received, RoomError> {
        if pdu.room_id() != self.id() {
            return Err(RoomError::Invalid("the event belongs to another room".to_owned()));
        }
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        if let Some(known) = staged.event_by_id(pdu.event_id())?
            && known.state.is_some()
        {
            drop((head, staged));
            return Ok(Received::Known(self.when_durable(&known).await?));
        }
        if staged.is_purged(pdu.event_id())? {
            return Ok(Received::Purged);
        }
        if is_create(&pdu) && staged.create_event_of(head.state)?.as_ref() != Some(pdu.event_id_owned()) {
            // The rules see no state before it, and so nothing against a second one.
            return Ok(Received::Rejected("a room is created once".to_owned()));
        }
        let (prev_events, auth_events) = (
            if given.is_some() { Vec::new() } else { without_state(&staged, pdu.prev_events())? },
            self.0.absent(&staged, pdu.auth_events())?,
        );
        if !prev_events.is_empty() || !auth_events.is_empty() {
            return Ok(Received::Missing { prev_events, auth_events });
        }
        let before = match given {
            Some(state) => self.0.set_of(&mut staged, state)?,
            None => self.0.state_before(&mut staged, &pdu)?,
        };
        let received = self.0.judge(&mut staged, Arc::new(pdu), before, None)?;
        // Rejected, and not kept.
        if staged.made.events.is_empty() {
            return Ok(received);
        }
        self.join_extremities(&mut staged)?;
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        // As it is in its place.
        Ok(match received {
            Received::Accepted(event) => Received::Accepted(self.shared().referred(event.nid)?),
            other => other,
        })
    }
}

impl RoomInner {
    /// Decides on an event by its auth events, the state before it, the current state, the bans of this server and the room's policy
    /// server, and
    /// stages it.
    pub fn judge(
        &self,
        staged: &mut Staged,
        pdu: Arc<Pdu>,
        before: StateId,
        sent_by: Option<SentByRow>,
    ) -> Result<Received, RoomError> {
        let before = self.with_named_members(staged, before, &pdu)?;
        if let Err(reason) = self.verdict_on_receipt(staged, before, &pdu)? {
            if !self.rejections.one_more(self.shared.clock.now_ms()) {
                return Ok(Received::Rejected(reason));
            }
            self.stage(staged, pdu, Standing::Rejected, TimelinePlace::Nowhere, before, None)?;
            return Ok(Received::Rejected(reason));
        }
        let now = self.with_named_members(staged, staged.head.state, &pdu)?;
        let by_state = self.verdict(staged, now, &pdu)?;
        let may_be_allowed_later = by_state.is_err();
        let verdict = match by_state {
            Ok(()) => self.check_advice(staged, &pdu)?,
            refused => refused,
        };
        Ok(match verdict {
            Ok(()) => Received::Accepted(self.stage(
                staged,
                pdu,
                Standing::Accepted,
                TimelinePlace::End,
                before,
                sent_by,
            )?),
            Err(reason) => {
                let event =
                    self.stage(staged, pdu, Standing::SoftFailed, TimelinePlace::Nowhere, before, None)?;
                if may_be_allowed_later {
                    self.note_refused_sticky(staged, &event)?;
                }
                Received::SoftFailed(event, reason)
            }
        })
    }

    /// Whether a set of state allows the event; the inner error says why not.
    pub fn verdict(
        &self,
        staged: &Staged,
        state: StateId,
        pdu: &Pdu,
    ) -> Result<Result<(), String>, RoomError> {
        match self.check_against(staged, state, pdu) {
            Ok(()) => Ok(Ok(())),
            Err(RoomError::Forbidden(reason) | RoomError::Invalid(reason)) => Ok(Err(reason)),
            Err(error) => Err(error),
        }
    }

    /// Whether an event's own auth events and the state before it allow it (checks 4 and 5 on receipt of a PDU); the
    /// inner error says why not.
    pub fn verdict_on_receipt(
        &self,
        staged: &Staged,
        before: StateId,
        pdu: &Pdu,
    ) -> Result<Result<(), String>, RoomError> {
        match self.check_by_auth_events(staged, pdu)? {
            Ok(()) => self.verdict(staged, before, pdu),
            refused => Ok(refused),
        }
    }

    /// Whether an event's own auth events allow it; the inner error says why not.
    pub fn check_by_auth_events(&self, staged: &Staged, pdu: &Pdu) -> Result<Result<(), String>, RoomError> {
        let mut ids: Vec<&EventId> = pdu.auth_events().iter().map(|id| &**id).collect();
        let create = self.create_event_id();
        ids.extend(create.as_deref());
        let mut known: HashMap<OwnedEventId, Arc<Event>> = HashMap::new();
        for id in ids {
            if let Some(event) = staged.event_by_id(id)? {
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
    pub fn state_before(&self, staged: &mut Staged, pdu: &Pdu) -> Result<StateId, RoomError> {
        let after = states_after(staged, pdu.prev_events())?;
        self.resolve(staged, after)
    }

    /// Whether an event of the timeline names this one, which was missing.
    pub fn is_named(&self, view: &View, id: &EventId) -> Result<bool, RoomError> {
        let row = view.scan(&schema::MISSING_PREV, Scan::prefix((self.nid, id))).next().transpose()?;
        Ok(row.is_some())
    }

    /// Notes which prev events of one that takes its place in the timeline have none.
    pub fn note_missing(
        &self,
        staged: &mut Staged,
        event: &Event,
        order: TimelineOrder,
    ) -> Result<(), RoomError> {
        for id in event.pdu.prev_events() {
            if staged.is_missing(id)? {
                staged.tx.put(&schema::MISSING_PREV, (self.nid, id, event.nid), &());
                staged.tx.put(&schema::GAPS, (self.nid, order), &());
            }
        }
        Ok(())
    }

    /// An event comes that others missed: where it was the last one that they missed, their gap is closed.
    pub fn note_found(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let rows = staged.tx.scan(&schema::MISSING_PREV, Scan::prefix((self.nid, event.id())));
        for ((_, found, named_by), ()) in rows.collect::<Result<Vec<_>, StorageError>>()? {
            let named_by = staged.referred(named_by)?;
            staged.tx.delete(&schema::MISSING_PREV, (self.nid, &found, named_by.nid));
            if let Some(order) = named_by.order()
                && missing(staged, named_by.pdu.prev_events())?.is_empty()
            {
                staged.tx.delete(&schema::GAPS, (self.nid, order));
            }
        }
        Ok(())
    }
}

/// The states after those of the events that are part of the graph.
pub(crate) fn states_after(staged: &Staged, ids: &[OwnedEventId]) -> Result<Vec<StateId>, RoomError> {
    let mut after = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(state) = staged.event_by_id(id)?.and_then(|event| event.state) {
            after.push(state.after);
        }
    }
    Ok(after)
}
