//! Making events: what a user of this server sends.
//!
//! One writer per room at a time. It decides, queues the commit and goes on to the next event; only the
//! acknowledgement waits for the disk.

use std::{cell::RefCell, sync::Arc};

use hearth_spec::{
    EventTemplate, Pdu, RoomPolicy, auth_event_keys, check_state, room_version::EventIdFormat,
};
use hearth_storage::{
    EventNid, StateId,
    schema::rooms::{SentByRow, Standing, StateAround},
};
use ruma::{OwnedEventId, OwnedUserId, UserId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Head, Room, RoomInner},
    },
    write::{
        staged::{Staged, TimelinePlace},
        transactions::ClientTransaction,
    },
};

/// An event to be made by this server.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub sender: OwnedUserId,
    pub event_type: String,
    /// `Some` for a state event.
    pub state_key: Option<String>,
    pub content: Box<RawValue>,
    /// For `m.room.redaction`.
    pub redacts: Option<OwnedEventId>,
    /// For how many milliseconds it is sticky.
    pub sticky: Option<u32>,
    /// Milliseconds; the clock's time if absent.
    pub origin_server_ts: Option<u64>,
}

impl NewEvent {
    /// A message event.
    pub fn message(sender: &UserId, event_type: &str, content: Box<RawValue>) -> Self {
        Self {
            sender: sender.to_owned(),
            event_type: event_type.to_owned(),
            state_key: None,
            content,
            redacts: None,
            sticky: None,
            origin_server_ts: None,
        }
    }

    /// A state event.
    pub fn state(sender: &UserId, event_type: &str, state_key: &str, content: Box<RawValue>) -> Self {
        Self { state_key: Some(state_key.to_owned()), ..Self::message(sender, event_type, content) }
    }

    /// A state event whose content is written here.
    pub fn state_json(
        sender: &UserId,
        event_type: &str,
        state_key: &str,
        content: &impl Serialize,
    ) -> Result<Self, RoomError> {
        let content = to_raw_value(content).map_err(|error| RoomError::Invalid(error.to_string()))?;
        Ok(Self::state(sender, event_type, state_key, content))
    }
}

/// As many forward extremities as a new event names at most.
pub(crate) const MAX_PREV_EVENTS: usize = 10;

impl Room {
    /// Makes and stores an event; returns when it is durable. An event that was sent under the same
    /// transaction before, or state that is already so, is returned as it is.
    #[tracing::instrument(name = "send event", level = "debug", skip_all)]
    pub async fn send(
        &self,
        event: NewEvent,
        transaction: Option<ClientTransaction>,
    ) -> Result<Arc<Event>, RoomError> {
        if RoomPolicy::concerns(&event.event_type, event.state_key.as_deref())
            && let Some(policy) = self.policy()?
        {
            return self.send_recommended(&policy, event, transaction).await;
        }
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let earlier = match &transaction {
            Some(transaction) => transaction.sent(&staged)?,
            None => None,
        };
        let earlier = match earlier {
            Some(sent) => Some(sent),
            None => same_state(&staged, &event)?,
        };
        if let Some(earlier) = earlier {
            drop((head, staged));
            return self.when_durable(&earlier).await;
        }
        self.refuse(&staged, &event)?;
        let made = self.0.make(&mut staged, event, transaction.as_ref())?.nid;
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        self.shared().referred(made)
    }

    /// Makes and stores events in one commit: all of them, or none; but one by one in a room with a policy server.
    pub async fn send_many(&self, events: Vec<NewEvent>) -> Result<Vec<Arc<Event>>, RoomError> {
        if self.policy()?.is_some() {
            let mut sent = Vec::with_capacity(events.len());
            for event in events {
                sent.push(self.send(event, None).await?);
            }
            return Ok(sent);
        }
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let made = events
            .into_iter()
            .map(|event| Ok(self.0.make(&mut staged, event, None)?.nid))
            .collect::<Result<Vec<_>, RoomError>>()?;
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        self.shared().events_of(&made)
    }

    /// An event that a writer saw, once it is durable as it was seen: another request may just be writing it.
    pub(crate) async fn when_durable(&self, seen: &Event) -> Result<Arc<Event>, RoomError> {
        if let Some(event) = self.shared().event(seen.nid)?
            && event.state == seen.state
        {
            return Ok(event);
        }
        self.shared().store.settled().await?;
        self.shared().referred(seen.nid)
    }
}

/// The event of the current state that says what `event` would say, by the same sender. One that is to be sticky says
/// besides from when on.
pub(crate) fn same_state(staged: &Staged, event: &NewEvent) -> Result<Option<Arc<Event>>, RoomError> {
    let Some(state_key) = event.state_key.as_ref().filter(|_| event.sticky.is_none()) else {
        return Ok(None);
    };
    let Some(current) = staged.state_event(staged.head.state, &event.event_type, state_key)? else {
        return Ok(None);
    };
    let same = current.pdu.sender() == event.sender
        && serde_json::from_str::<serde_json::Value>(current.pdu.content().get()).ok()
            == serde_json::from_str(event.content.get()).ok();
    Ok(same.then_some(current))
}

impl RoomInner {
    /// Makes an event on top of `staged`, checks it against the state there, and stages it.
    pub fn make(
        &self,
        staged: &mut Staged,
        event: NewEvent,
        transaction: Option<&ClientTransaction>,
    ) -> Result<Arc<Event>, RoomError> {
        refuse_create(&event)?;
        let pdu = self.seal(staged, &staged.head, event)?;
        let state = staged.head.state;
        self.check_against(staged, state, &pdu)?;
        let sent_by = transaction.map(ClientTransaction::sent_by);
        let made = self.stage(staged, pdu, Standing::Accepted, TimelinePlace::New, state, sent_by)?;
        if let Some(transaction) = transaction {
            transaction.remember(staged, &made)?;
        }
        Ok(made)
    }

    /// Makes an event on a head, and signs it.
    pub fn seal(&self, reader: &impl Reader, head: &Head, event: NewEvent) -> Result<Arc<Pdu>, RoomError> {
        let keys = auth_event_keys(
            self.version,
            &event.event_type.as_str().into(),
            &event.sender,
            event.state_key.as_deref(),
            &event.content,
        )?;
        let mut auth_events = Vec::with_capacity(keys.len());
        for (kind, key) in keys {
            if let Some(event) = reader.state_event(head.state, &kind.to_string(), &key)? {
                auth_events.push(event.id().to_owned());
            }
        }
        // The newest extremities; the next event takes the rest.
        let skip = head.extremities.len().saturating_sub(MAX_PREV_EVENTS);
        let mut prev_events = Vec::with_capacity(head.extremities.len() - skip);
        for nid in &head.extremities[skip..] {
            prev_events.push(reader.referred(*nid)?.id().to_owned());
        }
        let needs_localpart = self.version.event_id_format() == EventIdFormat::Chosen;
        let template = EventTemplate {
            event_type: event.event_type,
            state_key: event.state_key,
            content: event.content,
            sender: event.sender,
            room_id: Some(self.id.clone()),
            origin_server_ts: event.origin_server_ts.unwrap_or_else(|| self.shared.clock.now_ms()),
            prev_events,
            auth_events,
            depth: self.version.depth_after(head.depth),
            redacts: event.redacts,
            sticky: event.sticky,
            event_id_localpart: needs_localpart.then(|| self.shared.opaque_id(18)),
        };
        Ok(Arc::new(template.seal(self.version, &self.shared.server_name, &self.shared.key)?))
    }

    /// Whether a set of state allows an event.
    pub fn check_against(&self, reader: &impl Reader, state: StateId, pdu: &Pdu) -> Result<(), RoomError> {
        let failure = RefCell::new(None);
        let verdict = check_state(self.version, pdu, |kind, key| {
            reader.state_event(state, &kind.to_string(), key).map_or_else(
                |error| {
                    *failure.borrow_mut() = Some(error);
                    None
                },
                |event| event.map(|event| event.pdu.clone()),
            )
        });
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(verdict?),
        }
    }

    /// Stages an event that was decided on: its state, its place in the auth graph, and what it redacts.
    pub fn stage(
        &self,
        staged: &mut Staged,
        pdu: Arc<Pdu>,
        standing: Standing,
        place: TimelinePlace,
        before: StateId,
        sent_by: Option<SentByRow>,
    ) -> Result<Arc<Event>, RoomError> {
        let event = match place {
            // What is made just now has no number yet.
            TimelinePlace::New => Event::new(self.shared.events.allocate()?, self.nid, pdu, standing, None),
            _ => self.renumbered(staged, pdu, standing, None)?,
        };
        let mut event = self.prepare(staged, event, before)?;
        event.sent_by = sent_by;
        let after = event.state.map_or(before, |state| state.after);
        let accepted = standing == Standing::Accepted;
        // What follows it may have been taken in before it, with the state before that: then it is no end.
        let is_end = !accepted
            || place == TimelinePlace::New
            || staged.head.extremities.is_empty()
            || !self.is_named(&staged.tx, event.id())?;
        let event = self.keep(staged, event, place)?;
        self.note_partial(staged, &event)?;
        if accepted {
            self.advance(staged, &event, after, is_end)?;
            self.apply_as_redaction(staged, &event)?;
            self.note_turned_out(staged, &event)?;
        }
        Ok(event)
    }

    /// An event that was decided on, with the state around it; a state event is in the auth graph then.
    pub fn prepare(
        &self,
        staged: &mut Staged,
        mut event: Event,
        before: StateId,
    ) -> Result<Event, RoomError> {
        let after = match event.standing {
            Standing::Accepted | Standing::SoftFailed => self.after(staged, before, &event)?,
            _ => before,
        };
        event.state = Some(StateAround { before, after });
        // What is rejected is in nobody's auth chain.
        if event.pdu.is_state() && event.standing != Standing::Rejected {
            self.index_auth(staged, &event)?;
        }
        Ok(event)
    }

    /// The state after an event that counts.
    pub fn after(&self, staged: &mut Staged, before: StateId, event: &Event) -> Result<StateId, RoomError> {
        let Some(state_key) = event.pdu.state_key() else { return Ok(before) };
        let key = self.shared.state_keys.intern(event.pdu.type_str(), state_key)?;
        staged.set_state(before, &[(key, Some(event.nid))])
    }

    /// An event with a number: an outlier that becomes part of the room keeps its own, and what redacted it.
    pub fn renumbered(
        &self,
        staged: &Staged,
        pdu: Arc<Pdu>,
        standing: Standing,
        state: Option<StateAround>,
    ) -> Result<Event, RoomError> {
        let Some(nid) = staged.nid(pdu.event_id())? else {
            return Ok(Event::new(self.shared.events.allocate()?, self.nid, pdu, standing, state));
        };
        let known = staged.referred(nid)?;
        if known.room != self.nid {
            // Where senders choose ids.
            return Err(RoomError::Invalid("another room has an event of that id".to_owned()));
        }
        let mut event = Event::new(nid, self.nid, pdu, standing, state);
        if known.redacted_by.is_some() {
            event.redacted_by = known.redacted_by;
            event.pdu = known.pdu.clone();
        }
        Ok(event)
    }

    /// Puts a state event into the reachability index.
    pub fn index_auth(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let mut auth = Vec::with_capacity(event.pdu.auth_events().len());
        for id in event.pdu.auth_events() {
            if let Some(nid) = staged.nid(id)? {
                auth.push(nid);
            }
        }
        // The event it replaces first, so that a chain follows one piece of state.
        let replaced = match (event.state, event.pdu.state_key()) {
            (Some(state), Some(state_key)) => {
                staged.state_event(state.before, event.pdu.type_str(), state_key)?
            }
            _ => None,
        };
        if let Some(place) = replaced.and_then(|replaced| auth.iter().position(|nid| *nid == replaced.nid)) {
            auth.swap(0, place);
        }
        Ok(self.shared.reachability.add(&mut staged.tx, event.nid, &auth)?)
    }

    /// Moves the head over an accepted event, which is the end of the room unless something follows it already.
    fn advance(
        &self,
        staged: &mut Staged,
        event: &Event,
        after: StateId,
        is_end: bool,
    ) -> Result<(), RoomError> {
        let mut prev: Vec<EventNid> = Vec::with_capacity(event.pdu.prev_events().len());
        for id in event.pdu.prev_events() {
            if let Some(nid) = staged.nid(id)? {
                prev.push(nid);
            }
        }
        let head = &mut staged.head;
        let mut extremities = head.extremities.clone();
        extremities.retain(|nid| !prev.contains(nid));
        let alone = extremities.is_empty();
        if is_end {
            extremities.push(event.nid);
        } else if alone || extremities.len() == head.extremities.len() {
            return Ok(());
        }
        head.extremities = extremities;
        head.depth = head.depth.max(event.pdu.depth());
        let old = head.state;
        let new = if alone { after } else { self.resolve_extremities(staged)? };
        if new != old {
            self.change_state(staged, old, new)?;
        }
        Ok(())
    }
}

/// The rules on state have nothing against a create event, as the first of a room comes before all state.
pub(crate) fn refuse_create(event: &NewEvent) -> Result<(), RoomError> {
    match event.event_type == "m.room.create" {
        true => Err(RoomError::Invalid("a room is created once".to_owned())),
        false => Ok(()),
    }
}
