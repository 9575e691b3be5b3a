//! Outliers: events outside of the timeline, of auth chains and of state that peers tell.

use std::sync::Arc;

use hearth_spec::Pdu;
use hearth_storage::{EventNid, StateId, schema::rooms::Standing};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    read::{
        reading::Reader,
        room::{Room, RoomInner},
    },
    write::{
        order::in_order,
        staged::{Staged, TimelinePlace},
    },
};

/// How many outliers are committed at once; the next ones wait until these are durable, so that the queue of
/// what is written stays small.
pub(crate) const OUTLIERS_AT_ONCE: usize = 2_000;

impl Room {
    /// Keeps events that belong to the auth chains of others; each is checked by its auth events. One whose
    /// auth events are not here is not kept. Returns the ids of those that were rejected or not kept.
    pub async fn receive_outliers(&self, pdus: Vec<Pdu>) -> Result<Vec<OwnedEventId>, RoomError> {
        let mut refused = Vec::new();
        let mut pdus = in_order(pdus, Pdu::auth_events).into_iter().peekable();
        while pdus.peek().is_some() {
            let some = pdus.by_ref().take(OUTLIERS_AT_ONCE).collect();
            let commit = {
                let mut head = self.0.writer.lock().await;
                let mut staged = Staged::new(self.shared(), head.clone())?;
                let create = staged.create_event_of(head.state)?;
                refused.extend(self.0.stage_outliers(&mut staged, some, create.as_deref())?);
                self.0.commit(&mut head, staged)?
            };
            commit.await?;
        }
        Ok(refused)
    }

    /// Those of the events that are not here, or not in the auth graph yet.
    pub fn absent(&self, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
        self.0.absent(&**self.shared(), ids)
    }
}

impl RoomInner {
    /// Those of the events that are not here, or not in the auth graph yet: nothing can be built on them.
    pub fn absent(&self, reader: &impl Reader, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
        let placed = self.placed(reader, &reader.nids_of(ids)?)?;
        let absent = ids.iter().zip(placed).filter(|(_, placed)| !placed);
        Ok(absent.map(|(id, _)| id.clone()).collect())
    }

    /// Of each event whether it was decided on: it stands in the auth graph, or never will.
    fn placed(&self, reader: &impl Reader, nids: &[Option<EventNid>]) -> Result<Vec<bool>, RoomError> {
        let known: Vec<EventNid> = nids.iter().copied().flatten().collect();
        let mut indexed = self.shared.reachability.read(reader.view()).contains(&known)?.into_iter();
        let mut placed = Vec::with_capacity(nids.len());
        for nid in nids {
            placed.push(match nid {
                None => false,
                Some(_) if indexed.next() == Some(true) => true,
                Some(nid) => {
                    let event = reader.event(*nid)?;
                    event.is_none_or(|event| event.standing == Standing::Rejected || !event.pdu.is_state())
                }
            });
        }
        Ok(placed)
    }

    /// Those of the events that [`placed`](Self::placed) does not have.
    fn new_to_the_graph(&self, staged: &Staged, pdus: Vec<Pdu>) -> Result<Vec<Pdu>, RoomError> {
        let ids: Vec<&EventId> = pdus.iter().map(Pdu::event_id).collect();
        let placed = self.placed(staged, &staged.nids_of(&ids)?)?;
        Ok(pdus.into_iter().zip(placed).filter(|(_, placed)| !placed).map(|(pdu, _)| pdu).collect())
    }

    /// Stages outliers, in an order in which each comes after its auth events; those that are in the auth graph are
    /// left alone. The room has but the one create event. Returns the ids of those that were rejected or not kept.
    pub fn stage_outliers(
        &self,
        staged: &mut Staged,
        pdus: Vec<Pdu>,
        create: Option<&EventId>,
    ) -> Result<Vec<OwnedEventId>, RoomError> {
        let pdus = self.new_to_the_graph(staged, pdus)?;
        // They are probably part of some state: their keys are made at once, rather than one by one later.
        let keys = pdus.iter().filter_map(|pdu| Some((pdu.type_str(), pdu.state_key()?)));
        self.shared.state_keys.intern_all(keys)?;
        let mut refused = Vec::new();
        for pdu in pdus {
            if pdu.room_id() != self.id || !self.absent(staged, pdu.auth_events())?.is_empty() {
                refused.push(pdu.event_id().to_owned());
                continue;
            }
            let another = is_create(&pdu) && create.is_some_and(|create| create != pdu.event_id());
            let allowed = !another && self.check_by_auth_events(staged, &pdu)?.is_ok();
            let standing = if allowed { Standing::Accepted } else { Standing::Rejected };
            if !allowed {
                refused.push(pdu.event_id().to_owned());
            }
            self.stage_outlier(staged, Arc::new(pdu), standing)?;
        }
        Ok(refused)
    }

    fn stage_outlier(&self, staged: &mut Staged, pdu: Arc<Pdu>, standing: Standing) -> Result<(), RoomError> {
        let event = self.renumbered(staged, pdu, standing, None)?;
        if event.pdu.is_state() && standing == Standing::Accepted {
            self.index_auth(staged, &event)?;
        }
        self.keep(staged, event, TimelinePlace::Nowhere)?;
        Ok(())
    }

    /// A set of state from the ids of its events. What is not here, or was rejected, is left out of it.
    pub fn set_of(&self, staged: &mut Staged, ids: &[OwnedEventId]) -> Result<StateId, RoomError> {
        let nids: Vec<EventNid> = staged.nids_of(ids)?.into_iter().flatten().collect();
        let indexed = self.shared.reachability.read(&staged.tx).contains(&nids)?;
        let mut entries = Vec::with_capacity(nids.len());
        for (event, indexed) in staged.events_of(&nids)?.into_iter().zip(indexed) {
            let Some(state_key) = event.pdu.state_key() else { continue };
            if !indexed || event.room != self.nid || event.standing == Standing::Rejected {
                continue;
            }
            entries.push((self.shared.state_keys.intern(event.pdu.type_str(), state_key)?, event.nid));
        }
        let root = staged.build_state(entries)?;
        if staged.create_event_of(root)?.is_none() {
            return Err(RoomError::Invalid("the state has no create event".to_owned()));
        }
        Ok(root)
    }
}

pub(crate) fn is_create(pdu: &Pdu) -> bool {
    pdu.type_str() == "m.room.create" && pdu.state_key() == Some("")
}
