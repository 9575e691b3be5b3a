//! Reading events and state, as readers see them and as a writer does.

use std::{collections::HashMap, sync::Arc};

use hearth_spec::PowerLevels;
use hearth_storage::{EventNid, StateId, View, schema, schema::rooms::Standing};
use ruma::{EventId, OwnedEventId};
use serde_json::Value;

use crate::{
    RoomError,
    read::{
        event::{Event, is_gone, missing_event},
        shared::Shared,
    },
};

/// So many bytes of a room's type are kept with each of its users at most.
const MAX_ROOM_TYPE: usize = 255;

/// Who reads: [`Shared`] stands for everyone and sees what is durable, `Staged` for a writer, which sees what is queued and what it has made itself.
pub(crate) trait Reader {
    fn shared(&self) -> &Shared;

    fn view(&self) -> &View;

    /// What a writer has made; `None` for everyone else.
    fn made(&self) -> Option<&Made> {
        None
    }

    /// Up to which commit what is remembered may be of.
    fn upto(&self) -> u64;

    fn event(&self, nid: EventNid) -> Result<Option<Arc<Event>>, RoomError> {
        if let Some(event) = self.at_hand(nid) {
            return Ok(Some(event));
        }
        let shared = self.shared();
        let (reading, upto) = (shared.events.read(nid), self.upto());
        let row = self.view().get(&schema::EVENTS, (nid,))?.filter(|row| !is_gone(row));
        let Some(row) = row else { return Ok(None) };
        shared.events.keep(reading, upto, nid, row, &shared.versions).map(Some)
    }

    /// The event behind a number that something here refers to.
    fn referred(&self, nid: EventNid) -> Result<Arc<Event>, RoomError> {
        self.event(nid)?.ok_or_else(|| missing_event(nid))
    }

    /// The events behind `nids`, in their order, without those that are purged. One that is missing is damage.
    fn events_of(&self, nids: &[EventNid]) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut found: Vec<Option<Arc<Event>>> = nids.iter().map(|nid| self.at_hand(*nid)).collect();
        let absent: Vec<usize> = (0..nids.len()).filter(|at| found[*at].is_none()).collect();
        if !absent.is_empty() {
            let shared = self.shared();
            let upto = self.upto();
            let readings: Vec<_> = absent.iter().map(|at| shared.events.read(nids[*at])).collect();
            let rows = self.view().multi_get(&schema::EVENTS, absent.iter().map(|at| (nids[*at],)))?;
            for ((at, reading), row) in absent.into_iter().zip(readings).zip(rows) {
                let row = row.ok_or_else(|| missing_event(nids[at]))?;
                if !is_gone(&row) {
                    found[at] = Some(shared.events.keep(reading, upto, nids[at], row, &shared.versions)?);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn nid(&self, id: &EventId) -> Result<Option<EventNid>, RoomError> {
        if let Some(nid) = self.nid_at_hand(id) {
            return Ok(Some(nid));
        }
        let upto = self.upto();
        let nid = self.view().get(&schema::EVENT_NIDS, (id,))?;
        if let Some(nid) = nid {
            self.shared().events.keep_nid(id, upto, nid);
        }
        Ok(nid)
    }

    /// The numbers of these ids, in their order, with one read for all that are not at hand.
    fn nids_of<I: AsRef<EventId>>(&self, ids: &[I]) -> Result<Vec<Option<EventNid>>, RoomError> {
        let mut nids: Vec<Option<EventNid>> = ids.iter().map(|id| self.nid_at_hand(id.as_ref())).collect();
        let absent: Vec<usize> = (0..ids.len()).filter(|at| nids[*at].is_none()).collect();
        if !absent.is_empty() {
            let upto = self.upto();
            let keys = absent.iter().map(|at| (ids[*at].as_ref(),));
            let stored = self.view().multi_get(&schema::EVENT_NIDS, keys)?;
            for (at, nid) in absent.into_iter().zip(stored) {
                nids[at] = nid;
                if let Some(nid) = nid {
                    self.shared().events.keep_nid(ids[at].as_ref(), upto, nid);
                }
            }
        }
        Ok(nids)
    }

    fn event_by_id(&self, id: &EventId) -> Result<Option<Arc<Event>>, RoomError> {
        match self.nid(id)? {
            Some(nid) => self.event(nid),
            None => Ok(None),
        }
    }

    /// The event that a set of state has for a pair.
    fn state_event(
        &self,
        state: StateId,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<Arc<Event>>, RoomError> {
        let shared = self.shared();
        let Some(key) = shared.state_keys.find(self.view(), event_type, state_key)? else { return Ok(None) };
        match shared.trees.read(self.view()).get(state, key)? {
            Some(nid) => self.referred(nid).map(Some),
            None => Ok(None),
        }
    }

    /// Who may do what in a set of state.
    fn power_levels(&self, state: StateId) -> Result<PowerLevels, RoomError> {
        let create = self.state_event(state, "m.room.create", "")?.ok_or(RoomError::UnknownRoom)?;
        let levels = self.state_event(state, "m.room.power_levels", "")?;
        Ok(PowerLevels::new(&create.pdu, levels.as_ref().map(|event| &*event.pdu))?)
    }

    /// The type that the create event of a set of state gives to the room.
    fn room_type(&self, state: StateId) -> Result<Option<String>, RoomError> {
        let create = self.state_event(state, "m.room.create", "")?;
        let content = create.map(|create| serde_json::from_str(create.pdu.content_str()).unwrap_or_default());
        Ok(content.and_then(|content| type_of(&content)))
    }

    /// The id of the create event that a set of state has.
    fn create_event_of(&self, state: StateId) -> Result<Option<OwnedEventId>, RoomError> {
        let create = self.state_event(state, "m.room.create", "")?;
        Ok(create.map(|create| create.id().to_owned()))
    }

    /// Whether an event is in no timeline and has no known state: it is not here, or an outlier. One that is purged is
    /// not missed.
    fn is_missing(&self, id: &EventId) -> Result<bool, RoomError> {
        Ok(self.lacks_state(id)? && !self.is_purged(id)?)
    }

    /// Whether the state at an event is not known.
    fn lacks_state(&self, id: &EventId) -> Result<bool, RoomError> {
        Ok(self.event_by_id(id)?.is_none_or(|event| event.state.is_none()))
    }

    /// Whether an event was here once.
    fn is_purged(&self, id: &EventId) -> Result<bool, RoomError> {
        let Some(nid) = self.nid(id)? else { return Ok(false) };
        Ok(self.event(nid)?.is_none_or(|event| event.standing == Standing::Purged))
    }

    fn at_hand(&self, nid: EventNid) -> Option<Arc<Event>> {
        let made = self.made().and_then(|made| made.events.get(&nid).cloned());
        made.or_else(|| self.shared().events.remembered(nid, self.upto()))
    }

    fn nid_at_hand(&self, id: &EventId) -> Option<EventNid> {
        let made = self.made().and_then(|made| made.nids.get(id).copied());
        made.or_else(|| self.shared().events.remembered_nid(id, self.upto()))
    }
}

/// The type that the content of a create event gives to a room. One that is too long to be asked for is none.
pub(crate) fn type_of(content: &Value) -> Option<String> {
    let room_type = content.get("type")?.as_str()?;
    (room_type.len() <= MAX_ROOM_TYPE).then(|| room_type.to_owned())
}

impl Reader for Shared {
    fn shared(&self) -> &Shared {
        self
    }

    fn view(&self) -> &View {
        &self.view
    }

    fn upto(&self) -> u64 {
        self.store.durable()
    }
}

/// Events that a writer has made, as they are now, and their numbers.
#[derive(Default)]
pub(crate) struct Made {
    pub events: HashMap<EventNid, Arc<Event>>,
    pub nids: HashMap<OwnedEventId, EventNid>,
}
