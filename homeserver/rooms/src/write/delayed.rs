//! Delayed events ([MSC4140](https://github.com/matrix-org/matrix-spec-proposals/pull/4140)): what this server sends for
//! a user at a later time, unless it is restarted, cancelled or sent before.
//!
//! An event that waits is a row and a timer. Whoever changes it holds the writer of its room, so that it is sent once:
//! the event and the end of its waiting are one commit. What is done with is kept for a while, to be looked at, and
//! so that a client that asks again under the same transaction gets the same id.

use std::sync::Arc;

use hearth_storage::{
    Commit, EventNid, Scan, StorageError, Transaction, View,
    schema::{
        self,
        rooms::{DelayedEventEnd, DelayedEventRow, StateKeyRow},
        timers::Timer,
        users::OwnedUserIdValue,
    },
};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::{
    RoomError,
    read::{
        reading::Reader,
        room::{Room, RoomInner},
        rooms::Rooms,
        shared::Shared,
    },
    write::{
        staged::Staged,
        transactions::ClientTransaction,
        writer::{NewEvent, same_state},
    },
};

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How long an event can be delayed, in milliseconds.
pub const MAX_DELAY_MS: u64 = 30 * DAY_MS;
/// How many may wait for one user.
pub const MAX_DELAYED_EVENTS: usize = 100;
/// How large the contents of all that wait for one user may be together, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// When what is asked of a policy server is tried again, in milliseconds.
const AGAIN_AFTER_MS: u64 = 60_000;
/// How many that are done with are kept for one user.
const MAX_ENDED: usize = 20;

/// A delayed event as it stands.
#[derive(Clone, Debug)]
pub struct DelayedEvent {
    pub delay_id: String,
    pub room_id: OwnedRoomId,
    pub row: DelayedEventRow,
}

impl Room {
    /// Lets an event wait for so many milliseconds before it is sent, and gives the delay id by which it can be managed:
    /// whoever knows it may. Whether the room allows the event is asked when it is sent.
    ///
    /// # Errors
    /// [`RoomError::DelayTooLong`], [`RoomError::TooManyDelayedEvents`], and what is no valid event.
    pub async fn send_later(
        &self,
        event: NewEvent,
        delay_ms: u64,
        transaction: Option<&ClientTransaction>,
    ) -> Result<String, RoomError> {
        if delay_ms > MAX_DELAY_MS {
            return Err(RoomError::DelayTooLong);
        }
        let shared = self.shared();
        // What makes no event now makes none later.
        self.0.seal(&**shared, &self.head(), event.clone())?;
        let user = event.sender;
        let row = DelayedEventRow {
            room: self.nid(),
            event_type: event.event_type,
            state_key: event.state_key,
            redacts: event.redacts,
            sticky: event.sticky,
            content: event.content.get().to_owned(),
            delay: delay_ms,
            running_since: shared.clock.now_ms(),
            transaction: transaction.map(ClientTransaction::text),
            ended: None,
        };
        let (delay_id, commit) = {
            let _delaying = shared.delaying.lock();
            let mut tx = shared.store.begin()?;
            match place_for(&tx, &user, &row)? {
                Place::Taken(earlier) => (earlier, None),
                Place::Free => {
                    let delay_id = shared.opaque_id(32);
                    tx.put(&schema::DELAYED_EVENT_USERS, (&delay_id,), &OwnedUserIdValue(user.clone()));
                    if let Some(state_key) = &row.state_key {
                        let key = (row.room, &row.event_type, state_key, &delay_id);
                        tx.put(&schema::DELAYED_STATE, key, &OwnedUserIdValue(user.clone()));
                    }
                    let timer = Timer::SendDelayedEvent { user: user.clone(), delay_id: delay_id.clone() };
                    tx.set_timer(row.due(), &timer);
                    tx.put(&schema::DELAYED_EVENTS, (&user, &delay_id), &row);
                    (delay_id, Some(tx.submit()))
                }
            }
        };
        match commit {
            Some(commit) => commit.await.map(drop)?,
            // The other request may just be writing it.
            None => shared.store.settled().await?,
        }
        Ok(delay_id)
    }

    /// Sends an event that waits and is due by that time; or ends it, if the room does not take it, with the error.
    async fn send_waiting(
        &self,
        user: &UserId,
        delay_id: &str,
        by: u64,
    ) -> Result<Option<(Commit, Result<(), RoomError>)>, RoomError> {
        if self.policy()?.is_some() {
            return self.send_waiting_recommended(user, delay_id, by).await;
        }
        let shared = self.shared();
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(shared, head.clone())?;
        let Some(row) = waiting(&staged.tx, user, delay_id)?.filter(|row| row.due() <= by) else {
            return Ok(None);
        };
        match self.make_delayed(&mut staged, user, &row) {
            Ok(event) => {
                end(shared, &mut staged.tx, user, delay_id, row, DelayedEventEnd::Sent(event))?;
                Ok(Some((self.0.commit(&mut head, staged)?, Ok(()))))
            }
            Err(error) => {
                // What was staged may be half of an event.
                drop(staged);
                let mut tx = shared.store.begin()?;
                end(shared, &mut tx, user, delay_id, row, failed(&error)?)?;
                Ok(Some((tx.submit(), Err(error))))
            }
        }
    }

    /// The same in a room with a policy server, which is asked first: should the event be sent and its end not be written
    /// down, it is found by its transaction.
    async fn send_waiting_recommended(
        &self,
        user: &UserId,
        delay_id: &str,
        by: u64,
    ) -> Result<Option<(Commit, Result<(), RoomError>)>, RoomError> {
        let shared = self.shared();
        let Some(row) = waiting(&shared.view, user, delay_id)?.filter(|row| row.due() <= by) else {
            return Ok(None);
        };
        let transaction = ClientTransaction {
            user: user.to_owned(),
            device: "delayed".into(),
            endpoint: "delayed".to_owned(),
            transaction_id: delay_id.to_owned(),
        };
        let (how, outcome) = match self.send(new_event(user, &row)?, Some(transaction)).await {
            Ok(event) => (DelayedEventEnd::Sent(event.id().to_owned()), Ok(())),
            Err(error) => (failed(&error)?, Err(error)),
        };
        let _writer = self.0.writer.lock().await;
        let mut tx = shared.store.begin()?;
        // It may have been cancelled meanwhile.
        let Some(row) = waiting(&tx, user, delay_id)? else { return Ok(None) };
        end(shared, &mut tx, user, delay_id, row, how)?;
        Ok(Some((tx.submit(), outcome)))
    }

    fn make_delayed(
        &self,
        staged: &mut Staged,
        user: &UserId,
        row: &DelayedEventRow,
    ) -> Result<OwnedEventId, RoomError> {
        let event = new_event(user, row)?;
        if let Some(earlier) = same_state(staged, &event)? {
            return Ok(earlier.id().to_owned());
        }
        self.refuse(staged, &event)?;
        Ok(self.0.make(staged, event, None)?.id().to_owned())
    }
}

impl Room {
    /// Sends a delayed event whose time has come by then.
    async fn send_in_time(&self, user: &UserId, delay_id: &str, by: u64) -> Result<(), RoomError> {
        if let Some((_, Err(error))) = self.send_waiting(user, delay_id, by).await? {
            tracing::info!(%error, %user, room = %self.id(), "a delayed event was not sent");
        }
        Ok(())
    }
}

impl Rooms {
    /// The delayed events of a user, those that wait and those that are done with.
    pub fn delayed_events(&self, user: &UserId) -> Result<Vec<DelayedEvent>, RoomError> {
        let mut events = Vec::new();
        for row in self.shared.view.scan(&schema::DELAYED_EVENTS, Scan::prefix((user,))) {
            let ((_, delay_id), row) = row?;
            let room_id = self.room_by_nid(row.room)?.id().to_owned();
            events.push(DelayedEvent { delay_id, room_id, row });
        }
        Ok(events)
    }

    /// Lets a delayed event wait for its whole time again.
    ///
    /// # Errors
    /// [`RoomError::UnknownDelayedEvent`] if it does not wait: it may just have been sent.
    pub async fn restart_delayed(&self, delay_id: &str) -> Result<(), RoomError> {
        let (user, room) = self.find_delayed(delay_id)?;
        let commit = {
            let _place = room.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
            let _writer = room.0.writer.lock().await;
            let mut tx = self.shared.store.begin()?;
            let mut row = waiting(&tx, &user, delay_id)?.ok_or(RoomError::UnknownDelayedEvent)?;
            let timer = Timer::SendDelayedEvent { user: user.clone(), delay_id: delay_id.to_owned() };
            tx.cancel_timer(row.due(), &timer);
            row.running_since = self.now_ms();
            tx.set_timer(row.due(), &timer);
            tx.put(&schema::DELAYED_EVENTS, (&user, delay_id), &row);
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Lets a delayed event not be sent. Errors as [`restart_delayed`](Self::restart_delayed).
    pub async fn cancel_delayed(&self, delay_id: &str) -> Result<(), RoomError> {
        let (user, room) = self.find_delayed(delay_id)?;
        let commit = {
            let _place = room.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
            let _writer = room.0.writer.lock().await;
            let mut tx = self.shared.store.begin()?;
            let row = waiting(&tx, &user, delay_id)?.ok_or(RoomError::UnknownDelayedEvent)?;
            end(&self.shared, &mut tx, &user, delay_id, row, DelayedEventEnd::Cancelled)?;
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Sends a delayed event now. Errors as [`restart_delayed`](Self::restart_delayed), and those of sending.
    pub async fn send_delayed(&self, delay_id: &str) -> Result<(), RoomError> {
        let (user, room) = self.find_delayed(delay_id)?;
        let _place = room.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let sent = room.send_waiting(&user, delay_id, u64::MAX).await?;
        let (commit, outcome) = sent.ok_or(RoomError::UnknownDelayedEvent)?;
        commit.await?;
        outcome
    }

    /// Sends a delayed event whose time has come, if it still waits. It does not wait for the disk: the timer is
    /// forgotten by a later commit.
    pub(crate) async fn send_due(&self, user: &UserId, delay_id: &str) -> Result<(), RoomError> {
        let now = self.now_ms();
        let (_, room) = match self.find_delayed(delay_id) {
            Err(RoomError::UnknownDelayedEvent) => return Ok(()),
            found => found?,
        };
        if room.policy()?.is_none() {
            return room.send_in_time(user, delay_id, now).await;
        }
        // It is asked elsewhere, and other timers do not wait for that. Should it come to nothing, it is tried again.
        let commit = {
            let mut tx = self.shared.store.begin()?;
            let timer = Timer::SendDelayedEvent { user: user.to_owned(), delay_id: delay_id.to_owned() };
            tx.set_timer(now + AGAIN_AFTER_MS, &timer);
            tx.submit()
        };
        commit.await?;
        let (user, delay_id) = (user.to_owned(), delay_id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = room.send_in_time(&user, &delay_id, now).await {
                tracing::warn!(%error, %user, "a delayed event waits on");
            }
        });
        Ok(())
    }

    /// Forgets all delayed events of a user; none of them is sent.
    pub async fn forget_delayed_events(&self, user: &UserId) -> Result<(), RoomError> {
        for DelayedEvent { delay_id, row, .. } in self.delayed_events(user)? {
            let room = self.room_by_nid(row.room)?;
            let _writer = room.0.writer.lock().await;
            let mut tx = self.shared.store.begin()?;
            if let Some(row) = waiting(&tx, user, &delay_id)? {
                forget_waiting(&mut tx, user, &delay_id, &row);
            }
            tx.delete(&schema::DELAYED_EVENTS, (user, &delay_id));
            drop(tx.submit());
        }
        Ok(self.shared.store.settled().await?)
    }

    /// Whose a delayed event is that waits, and the room for which it is.
    fn find_delayed(&self, delay_id: &str) -> Result<(OwnedUserId, Room), RoomError> {
        let view = &self.shared.view;
        let user = view.get(&schema::DELAYED_EVENT_USERS, (delay_id,))?;
        let user = user.ok_or(RoomError::UnknownDelayedEvent)?.0;
        let row = waiting(view, &user, delay_id)?.ok_or(RoomError::UnknownDelayedEvent)?;
        Ok((user, self.room_by_nid(row.room)?))
    }
}

impl RoomInner {
    /// Whether any delayed state event waits for this room.
    pub fn has_delayed_state(&self, view: &View) -> Result<bool, RoomError> {
        let first = view.scan(&schema::DELAYED_STATE, Scan::prefix((self.nid,))).next().transpose()?;
        Ok(first.is_some())
    }

    /// Cancels what other users than its sender have waiting for a piece of state that this event has just set.
    pub fn cancel_delayed_of_others(
        &self,
        staged: &mut Staged,
        name: &StateKeyRow,
        by: EventNid,
    ) -> Result<(), RoomError> {
        let prefix = Scan::prefix((self.nid, &name.event_type, &name.state_key));
        let waits = staged.tx.scan(&schema::DELAYED_STATE, prefix).collect::<Result<Vec<_>, _>>()?;
        if waits.is_empty() {
            return Ok(());
        }
        let sender = staged.referred(by)?.pdu.sender().to_owned();
        let shared: Arc<Shared> = self.shared.clone();
        for ((.., delay_id), OwnedUserIdValue(user)) in waits {
            if user != sender
                && let Some(row) = waiting(&staged.tx, &user, &delay_id)?
            {
                end(&shared, &mut staged.tx, &user, &delay_id, row, DelayedEventEnd::Cancelled)?;
            }
        }
        Ok(())
    }
}

/// The event that waited.
fn new_event(user: &UserId, row: &DelayedEventRow) -> Result<NewEvent, RoomError> {
    let content = RawValue::from_string(row.content.clone())
        .map_err(|error| StorageError::Corrupt(format!("a delayed event is no JSON: {error}")))?;
    Ok(NewEvent {
        sender: user.to_owned(),
        event_type: row.event_type.clone(),
        state_key: row.state_key.clone(),
        content,
        redacts: row.redacts.clone(),
        sticky: row.sticky,
        origin_server_ts: None,
    })
}

/// How an event ends that could not be sent; an error if it may be another time.
fn failed(error: &RoomError) -> Result<DelayedEventEnd, RoomError> {
    match error {
        RoomError::Storage(error) => Err(error.clone().into()),
        RoomError::Busy => Err(RoomError::Busy),
        RoomError::NoPolicyServer => Err(RoomError::NoPolicyServer),
        error => {
            let forbidden = matches!(error, RoomError::Forbidden(_));
            Ok(DelayedEventEnd::Failed { forbidden, reason: error.to_string() })
        }
    }
}

/// Whether one more may wait.
enum Place {
    Free,
    /// It came before, under the same transaction: its delay id.
    Taken(String),
}

fn place_for(tx: &Transaction, user: &UserId, new: &DelayedEventRow) -> Result<Place, RoomError> {
    let (mut count, mut bytes) = (1, new.content.len());
    for row in tx.scan(&schema::DELAYED_EVENTS, Scan::prefix((user,))) {
        let ((_, delay_id), row) = row?;
        if row.transaction.is_some() && row.transaction == new.transaction {
            return Ok(Place::Taken(delay_id));
        }
        if row.ended.is_none() {
            count += 1;
            bytes += row.content.len();
        }
    }
    match count > MAX_DELAYED_EVENTS || bytes > MAX_BYTES {
        true => Err(RoomError::TooManyDelayedEvents),
        false => Ok(Place::Free),
    }
}

/// A delayed event that waits.
fn waiting(view: &View, user: &UserId, delay_id: &str) -> Result<Option<DelayedEventRow>, RoomError> {
    let row = view.get(&schema::DELAYED_EVENTS, (user, delay_id))?;
    Ok(row.filter(|row| row.ended.is_none()))
}

/// Ends the waiting of a delayed event, and forgets the oldest that are done with.
fn end(
    shared: &Shared,
    tx: &mut Transaction,
    user: &UserId,
    delay_id: &str,
    mut row: DelayedEventRow,
    how: DelayedEventEnd,
) -> Result<(), RoomError> {
    forget_waiting(tx, user, delay_id, &row);
    let mut ended = Vec::new();
    for row in tx.scan(&schema::DELAYED_EVENTS, Scan::prefix((user,))) {
        let ((_, delay_id), row) = row?;
        ended.extend(row.ended.map(|(at, _)| (at, delay_id)));
    }
    ended.sort_unstable();
    for (_, delay_id) in ended.iter().rev().skip(MAX_ENDED - 1) {
        tx.delete(&schema::DELAYED_EVENTS, (user, delay_id));
    }
    row.ended = Some((shared.clock.now_ms(), how));
    tx.put(&schema::DELAYED_EVENTS, (user, delay_id), &row);
    Ok(())
}

/// Takes away what leads to an event that waits.
fn forget_waiting(tx: &mut Transaction, user: &UserId, delay_id: &str, row: &DelayedEventRow) {
    tx.delete(&schema::DELAYED_EVENT_USERS, (delay_id,));
    if let Some(state_key) = &row.state_key {
        tx.delete(&schema::DELAYED_STATE, (row.room, &row.event_type, state_key, delay_id));
    }
    let timer = Timer::SendDelayedEvent { user: user.to_owned(), delay_id: delay_id.to_owned() };
    tx.cancel_timer(row.due(), &timer);
}
