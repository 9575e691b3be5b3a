//! Outliers: events outside of the timeline, of auth chains and of state that peers tell.

use std::sync::Arc;

use hearth_spec::Pdu;
use hearth_storage::{EventNid, StateId, schema::rooms::Standing};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    commit::{Place, Staged, StagedEvent},
    event::Event,
    order::in_order,
    room::{Room, RoomInner},
};

/// How many outliers are committed at once. A commit holds up all others while it is put together.
pub(crate) const OUTLIERS_AT_ONCE: usize = 2_000;

impl Room {
    /// Keeps events that belong to the auth chains of others; each is checked by its auth events. One whose
    /// auth events are not here is not kept. Returns the ids of those that were rejected or not kept.
    pub async fn receive_outliers(&self, pdus: Vec<Pdu>) -> Result<Vec<OwnedEventId>, RoomError> {
        let mut writer = self.0.writer.lock().await;
        let create = self.0.create_event_of(writer.head.state)?;
        let mut refused = Vec::new();
        let mut pdus = in_order(self.0.new_to_the_graph(pdus)?, Pdu::auth_events).into_iter();
        while pdus.len() > 0 {
            let mut staged = Staged::new(self.shared(), writer.head.clone());
            let some = pdus.by_ref().take(OUTLIERS_AT_ONCE);
            refused.extend(self.0.stage_outliers(&mut staged, some, create.as_deref())?);
            self.0.commit(&mut writer, staged)?.await?;
        }
        Ok(refused)
    }

    /// Those of the events that are not here, or not in the auth graph yet.
    pub fn absent(&self, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
        self.0.absent(ids)
    }
}

impl RoomInner {
    /// Those of the events that are not here, or not in the auth graph yet: nothing can be built on them.
    pub fn absent(&self, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
        let nids = self.shared.events.nids_of(ids)?;
        let placed = self.placed(&nids)?;
        let absent = ids.iter().zip(placed).filter(|(_, placed)| !placed);
        Ok(absent.map(|(id, _)| id.clone()).collect())
    }

    /// Of each event whether it was decided on: it stands in the auth graph, or never will.
    fn placed(&self, nids: &[Option<EventNid>]) -> Result<Vec<bool>, RoomError> {
        let known: Vec<EventNid> = nids.iter().copied().flatten().collect();
        let mut indexed = self.shared.reachability.contains(&known)?.into_iter();
        let mut placed = Vec::with_capacity(nids.len());
        for nid in nids {
            placed.push(match nid {
                None => false,
                Some(_) if indexed.next() == Some(true) => true,
                Some(nid) => {
                    let event = self.shared.referred(*nid)?;
                    event.standing == Standing::Rejected || !event.pdu.is_state()
                }
            });
        }
        Ok(placed)
    }

    /// Those of the events that [`placed`](Self::placed) does not have.
    pub fn new_to_the_graph(&self, pdus: Vec<Pdu>) -> Result<Vec<Pdu>, RoomError> {
        let ids: Vec<&EventId> = pdus.iter().map(Pdu::event_id).collect();
        let placed = self.placed(&self.shared.events.nids_of(&ids)?)?;
        Ok(pdus.into_iter().zip(placed).filter(|(_, placed)| !placed).map(|(pdu, _)| pdu).collect())
    }

    /// Stages outliers, in an order in which each comes after its auth events. The room has but the one create
    /// event. Returns the ids of those that were rejected or not kept.
    pub fn stage_outliers(
        &self,
        staged: &mut Staged,
        pdus: impl Iterator<Item = Pdu>,
        create: Option<&EventId>,
    ) -> Result<Vec<OwnedEventId>, RoomError> {
        let mut refused = Vec::new();
        for pdu in pdus {
            if pdu.room_id() != self.id || !self.absent(pdu.auth_events())?.is_empty() {
                refused.push(pdu.event_id().to_owned());
                continue;
            }
            let another = is_create(&pdu) && create.is_some_and(|create| create != pdu.event_id());
            let allowed = !another && self.check_by_auth_events(&pdu)?.is_ok();
            let standing = if allowed { Standing::Accepted } else { Standing::Rejected };
            if !allowed {
                refused.push(pdu.event_id().to_owned());
            }
            self.stage_outlier(staged, Arc::new(pdu), standing)?;
        }
        Ok(refused)
    }

    fn stage_outlier(&self, staged: &mut Staged, pdu: Arc<Pdu>, standing: Standing) -> Result<(), RoomError> {
        let event = self.renumbered(pdu, standing, None)?;
        if let (Some(state_key), Standing::Accepted) = (event.pdu.state_key(), standing) {
            self.index_auth(staged, &event)?;
            // It is probably part of some state: its key is written now, rather than many at once.
            staged.state_keys.push(self.shared.state_keys.intern(event.pdu.type_str(), state_key)?);
        }
        self.keep(staged, event, Place::Nowhere);
        Ok(())
    }

    /// Makes an event readable, and leaves it to the commit.
    pub fn keep(&self, staged: &mut Staged, event: Event, place: Place) -> Arc<Event> {
        let event = Arc::new(event);
        self.shared.events.stage(event.clone());
        staged.events.push(StagedEvent { event: event.clone(), place });
        event
    }

    /// A set of state from the ids of its events. What is not here, or was rejected, is left out of it.
    pub fn set_of(&self, staged: &mut Staged, ids: &[OwnedEventId]) -> Result<StateId, RoomError> {
        let nids: Vec<EventNid> = self.shared.events.nids_of(ids)?.into_iter().flatten().collect();
        let indexed = self.shared.reachability.contains(&nids)?;
        let mut entries = Vec::with_capacity(nids.len());
        for (event, indexed) in self.shared.events_of(&nids)?.into_iter().zip(indexed) {
            let Some(state_key) = event.pdu.state_key() else { continue };
            if !indexed || event.room != self.nid || event.standing == Standing::Rejected {
                continue;
            }
            let key = self.shared.state_keys.intern(event.pdu.type_str(), state_key)?;
            staged.state_keys.push(key);
            entries.push((key, event.nid));
        }
        let grown = self.shared.trees.build(entries)?;
        let root = grown.root;
        staged.grown.push(grown);
        if self.create_event_of(root)?.is_none() {
            return Err(RoomError::Invalid("the state has no create event".to_owned()));
        }
        Ok(root)
    }

    /// The id of the create event that a set of state has.
    pub fn create_event_of(&self, state: StateId) -> Result<Option<OwnedEventId>, RoomError> {
        let create = self.shared.state_event(state, "m.room.create", "")?;
        Ok(create.map(|create| create.id().to_owned()))
    }
}

pub(crate) fn is_create(pdu: &Pdu) -> bool {
    pdu.type_str() == "m.room.create" && pdu.state_key() == Some("")
}
