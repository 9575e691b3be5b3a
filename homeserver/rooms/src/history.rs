//! History from before what is here (server-server API, "Backfilling and retrieving missing events").

use std::sync::Arc;

use hearth_spec::Pdu;
use hearth_storage::{EventNid, Scan, StateId, TimelineOrder, schema, schema::rooms::Standing};
use ruma::OwnedEventId;

use crate::{
    RoomError,
    commit::{Place, Staged},
    event::Event,
    order::in_order,
    room::{Room, RoomInner},
    writer::Writer,
};

impl Room {
    /// Takes in events from before those that are here, in any order; their signatures were found good.
    /// `state` is the state before the oldest of them, as a peer told it: the ids of events that are here.
    /// They come before the whole timeline and change nothing of the current state. An event whose auth events
    /// are not here is left out, and so is one that the rules do not allow. Returns those that are new.
    pub async fn take_in_history(
        &self,
        events: Vec<Pdu>,
        state: &[OwnedEventId],
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut writer = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), writer.head.clone());
        let mut history = History { given: state, built: None };
        let mut new = Vec::new();
        for pdu in in_order(events, Pdu::prev_events) {
            if pdu.room_id() == self.id()
                && self.0.is_missing(pdu.event_id())?
                && self.0.absent(pdu.auth_events())?.is_empty()
                && let Some(before) = history.state_before(&self.0, &mut staged, &pdu)?
            {
                new.extend(self.0.stage_history(&mut staged, Arc::new(pdu), before)?);
            }
        }
        let commit = self.0.commit(&mut writer, staged)?;
        // As they are with what redacts them.
        let new = self.shared().events_of(&new)?;
        drop(writer);
        commit.await?;
        Ok(new)
    }
}

/// The state that a peer told, built when it is needed.
struct History<'a> {
    given: &'a [OwnedEventId],
    built: Option<StateId>,
}

impl History<'_> {
    /// The state before an event, by its prev events and by what was told where some are missing; `None`
    /// where nothing was told.
    fn state_before(
        &mut self,
        room: &RoomInner,
        staged: &mut Staged,
        pdu: &Pdu,
    ) -> Result<Option<StateId>, RoomError> {
        let mut sets = room.states_after(pdu.prev_events())?;
        if sets.len() < pdu.prev_events().len() {
            if self.given.is_empty() {
                return Ok(None);
            }
            let given = match self.built {
                Some(given) => given,
                None => *self.built.insert(room.set_of(staged, self.given)?),
            };
            sets.push(given);
        }
        room.resolve(staged, sets).map(Some)
    }
}

impl RoomInner {
    /// Whether an event is in no timeline and has no known state: it is not here, or an outlier.
    pub fn is_missing(&self, id: &ruma::EventId) -> Result<bool, RoomError> {
        Ok(self.shared.event_by_id(id)?.is_none_or(|event| event.state.is_none()))
    }

    /// Decides on an event of the past and stages it; its number, if it is part of the room.
    fn stage_history(
        &self,
        staged: &mut Staged,
        pdu: Arc<Pdu>,
        before: StateId,
    ) -> Result<Option<EventNid>, RoomError> {
        let verdict = match self.check_by_auth_events(&pdu)? {
            Ok(()) => self.verdict(before, &pdu)?,
            refused => refused,
        };
        if verdict.is_err() {
            let event = self.prepare(staged, pdu, Standing::Rejected, before)?;
            self.keep(staged, event, Place::Nowhere);
            return Ok(None);
        }
        let event = self.prepare(staged, pdu, Standing::Accepted, before)?;
        let event = self.keep(staged, event, Place::Start);
        self.apply_redactions(staged, &event)?;
        Ok(Some(event.nid))
    }

    /// Makes room for so many events before the timeline; the order of the first.
    pub fn orders_before(&self, writer: &mut Writer, events: usize) -> Result<TimelineOrder, RoomError> {
        let oldest = match writer.oldest {
            Some(oldest) => oldest,
            None => {
                let view = self.shared.store.view();
                let first = view.scan(&schema::TIMELINE, Scan::prefix((self.nid,))).next().transpose()?;
                first.map_or(TimelineOrder(0), |((_, order), _)| order.min(TimelineOrder(0)))
            }
        };
        let first = TimelineOrder(oldest.0 - events as i64);
        writer.oldest = Some(first);
        Ok(first)
    }
}
