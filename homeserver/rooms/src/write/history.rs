//! History from before what is here (server-server API, "Backfilling and retrieving missing events").

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hearth_spec::Pdu;
use hearth_storage::{EventNid, RoomNid, Scan, StateId, TimelineOrder, schema, schema::rooms::Standing};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
    },
    write::{
        order::in_order,
        receive::{Received, states_after},
        staged::{Staged, TimelinePlace},
    },
};

impl Room {
    /// Takes in events from before one of the timeline, in any order; their signatures were found good. `state` is
    /// the state before the oldest of them, as a peer told it: the ids of events that are here. They stand
    /// before the one that misses them and change nothing of the current state. An event whose auth events are not
    /// here is left out, and so is one that the rules do not allow. Returns those that are new.
    pub async fn take_in_history(
        &self,
        events: Vec<Pdu>,
        state: &[OwnedEventId],
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let events = in_order(events, Pdu::prev_events);
        let places = self.0.places_of(&staged, &events)?;
        let mut history = History { given: state, built: None };
        let mut new = Vec::new();
        for (pdu, place) in events.into_iter().zip(places) {
            if pdu.room_id() == self.id()
                && staged.is_missing(pdu.event_id())?
                && self.0.absent(&staged, pdu.auth_events())?.is_empty()
                && let Some(before) = history.state_before(&self.0, &mut staged, &pdu)?
            {
                new.extend(self.0.stage_history(&mut staged, Arc::new(pdu), before, place)?);
            }
        }
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        self.shared().events_of(&new)
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
        let mut sets = states_after(staged, pdu.prev_events())?;
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
    /// Decides on an event of the past and stages it; its number, if it is part of the room.
    fn stage_history(
        &self,
        staged: &mut Staged,
        pdu: Arc<Pdu>,
        before: StateId,
        order: TimelineOrder,
    ) -> Result<Option<EventNid>, RoomError> {
        if self.sticky_until(&pdu).is_some() && !pdu.is_state() {
            // Whoever is in the room is told of it, as if it had just come.
            return Ok(match self.judge(staged, pdu, before, None)? {
                Received::Accepted(event) => Some(event.nid),
                _ => None,
            });
        }
        let before = self.with_named_members(staged, before, &pdu)?;
        if self.verdict_on_receipt(staged, before, &pdu)?.is_err() {
            let event = self.renumbered(staged, pdu, Standing::Rejected, None)?;
            let event = self.prepare(staged, event, before)?;
            let event = self.keep(staged, event, TimelinePlace::Nowhere)?;
            self.note_partial_history(staged, &event)?;
            return Ok(None);
        }
        let event = self.renumbered(staged, pdu, Standing::Accepted, None)?;
        let event = self.prepare(staged, event, before)?;
        let event = self.keep(staged, event, TimelinePlace::At(order))?;
        self.note_partial_history(staged, &event)?;
        self.apply_as_redaction(staged, &event)?;
        Ok(Some(event.nid))
    }

    /// Where events stand that come before those that are here; they are given each after those of them that it
    /// follows. Each comes before the first event of the timeline that follows it.
    fn places_of(&self, staged: &Staged, events: &[Pdu]) -> Result<Vec<TimelineOrder>, RoomError> {
        let start = self.first_place(staged, Scan::prefix((self.nid,)))?.unwrap_or_default();
        let mut followed_by: HashMap<&EventId, TimelineOrder> = HashMap::new();
        let mut followers = vec![start; events.len()];
        let mut counts: BTreeMap<TimelineOrder, usize> = BTreeMap::new();
        for (pdu, follower) in events.iter().zip(&mut followers).rev() {
            let known = followed_by.get(pdu.event_id()).copied();
            *follower = [self.first_naming(staged, pdu)?, known].into_iter().flatten().min().unwrap_or(start);
            *counts.entry(*follower).or_default() += 1;
            for prev in pdu.prev_events() {
                let known = followed_by.entry(prev).or_insert(*follower);
                *known = (*known).min(*follower);
            }
        }
        let mut begins = HashMap::new();
        let mut next: BTreeMap<TimelineOrder, TimelineOrder> = BTreeMap::new();
        // What comes earlier stands before what was given its place already.
        for (follower, count) in counts.into_iter().rev() {
            next.insert(follower, self.room_before(staged, follower, count, &mut begins)?);
        }
        let place = |follower| {
            let next = next.entry(follower).or_default();
            let place = *next;
            next.0 += 1;
            place
        };
        Ok(followers.into_iter().map(place).collect())
    }

    /// The first place of the timeline whose event names this one, which was missing.
    fn first_naming(&self, staged: &Staged, pdu: &Pdu) -> Result<Option<TimelineOrder>, RoomError> {
        let mut first = None;
        for row in staged.tx.scan(&schema::MISSING_PREV, Scan::prefix((self.nid, pdu.event_id()))) {
            let ((.., named_by), ()) = row?;
            first = [first, staged.referred(named_by)?.order()].into_iter().flatten().min();
        }
        Ok(first)
    }

    /// Where so many events begin that stand before a place, and before what history was put there already. Where a
    /// gap has no more room for them, they go to the start of the timeline. `begins` remembers what was given.
    fn room_before(
        &self,
        staged: &Staged,
        place: TimelineOrder,
        events: usize,
        begins: &mut HashMap<TimelineOrder, TimelineOrder>,
    ) -> Result<TimelineOrder, RoomError> {
        // Nothing but history stands between two multiples.
        let bottom = TimelineOrder(place.before().0.div_euclid(TimelineOrder::APART) * TimelineOrder::APART);
        let all = || Scan::prefix((self.nid,));
        for (bottom, above) in [(bottom, all().after((self.nid, bottom))), (TimelineOrder::MIN, all())] {
            let begin = match begins.get(&bottom) {
                Some(begin) => *begin,
                None => self.first_place(staged, above)?.unwrap_or(place).min(place),
            };
            let first = TimelineOrder(begin.0.saturating_sub_unsigned(events as u64));
            if first > bottom || self.first_place(staged, all().through((self.nid, bottom)))?.is_none() {
                begins.insert(bottom, first);
                return Ok(first);
            }
        }
        Err(RoomError::Invalid("the room has no more place for history".to_owned()))
    }

    /// The first place of a part of the timeline that has an event.
    fn first_place(
        &self,
        staged: &Staged,
        part: Scan<(RoomNid, TimelineOrder)>,
    ) -> Result<Option<TimelineOrder>, RoomError> {
        let first = staged.tx.scan(&schema::TIMELINE, part).next().transpose()?;
        Ok(first.map(|((_, order), _)| order))
    }
}
