//! The reader of the log that keeps the index.

use std::{collections::HashMap, fmt::Display, sync::Arc, time::Duration};

use hearth_rooms::{Event, RoomError, Rooms};
use hearth_storage::{
    Behind, Change, EventNid, Position, RoomNid, StateKeyNid, StorageError, blocking,
    readers::{Reader, ReaderError},
    schema,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    index::{Index, Mark, Walk},
    text::{replaces, text_of},
    walk::Walking,
    writer::Writer,
};
use crate::SearchError;

/// How long until what came is committed where nobody searches for it, and up to where the index knows that nothing did.
const COMMIT_AFTER: Duration = Duration::from_secs(5);
const NOTE_AFTER: Duration = Duration::from_secs(60);

/// How long what comes is gathered where nobody searches, so that much of it is indexed in one go. Whoever is told of so
/// many changes at once gathers enough as it is.
const GATHER: Duration = Duration::from_millis(50);
const MANY: usize = 256;

/// Follows the log, and indexes what it tells of.
pub(super) struct MessageReader {
    pub(super) rooms: Rooms,
    index: Arc<Index>,
    pub(super) writer: Writer,
    /// The way through all timelines, while the index is made from them.
    pub(super) walking: Option<Walking>,
    /// What the log told last.
    told: Position,
    /// What of it is in the index or waits to be committed.
    pub(super) done: Position,
    /// What of it is on the disk.
    committed: Position,
    /// When to commit.
    due: Instant,
    /// Edits that wait to be committed, and the messages that they replace.
    edits: HashMap<EventNid, EventNid>,
    /// Whether it has taken in changes since it was opened.
    has_taken: bool,
    /// Whether rooms are encrypted, as far as it was asked since changes were told.
    pub(super) encrypted: HashMap<RoomNid, bool>,
    /// The number of the state that says whether a room is encrypted, once there is any.
    encryption: Option<StateKeyNid>,
    pub(super) searches: Searches,
}

/// What the reader and those who search tell each other.
#[derive(Clone)]
pub(super) struct Searches {
    /// Up to where somebody wants to search.
    pub wanted: watch::Sender<Position>,
    /// Up to where what happened is found.
    pub found: watch::Sender<Position>,
    /// Whether the index has what was before: it is not being made from the timelines.
    pub complete: watch::Sender<bool>,
}

impl Default for Searches {
    fn default() -> Self {
        let (wanted, found) = (watch::Sender::new(Position::NONE), watch::Sender::new(Position::NONE));
        Self { wanted, found, complete: watch::Sender::new(false) }
    }
}

impl MessageReader {
    /// Goes on where the index is. Where it lacks something from before `after`, behind which the log goes on, it is made
    /// from the timelines.
    pub fn open(
        rooms: Rooms,
        index: Arc<Index>,
        memory_bytes: usize,
        searches: Searches,
        after: Position,
    ) -> Result<Self, SearchError> {
        let writer = Writer::open(index.clone(), memory_bytes)?;
        let (done, walk) = match index.mark()? {
            Some(mark) if mark.position >= after => (mark.position, mark.walk),
            _ => (after, Some(Walk::START)),
        };
        let walking = walk.map(|walk| Walking::begin(walk, &rooms)).transpose()?;
        searches.found.send_replace(done);
        searches.complete.send_replace(walking.is_none());
        Ok(Self {
            rooms,
            index,
            writer,
            walking,
            told: after,
            done,
            committed: done,
            due: Instant::now() + NOTE_AFTER,
            edits: HashMap::new(),
            has_taken: false,
            encrypted: HashMap::new(),
            encryption: None,
            searches,
        })
    }

    fn apply(&mut self, changes: &[(Position, Change)]) -> Result<(), SearchError> {
        self.encrypted.clear();
        for (position, change) in changes {
            self.told = *position;
            // After a restart the log tells again what is in the index.
            if *position <= self.done {
                continue;
            }
            let applied = self.change(change);
            self.pass(applied, position)?;
            self.done = *position;
            if self.writer.is_full() {
                self.commit()?;
            }
        }
        if self.writer.has_waiting() {
            self.due = self.due.min(Instant::now() + COMMIT_AFTER);
        } else {
            self.searches.found.send_replace(self.done);
        }
        Ok(())
    }

    /// Goes on behind what cannot be read and never will; what can be read later is told again.
    pub(super) fn pass(
        &self,
        applied: Result<(), SearchError>,
        what: impl Display,
    ) -> Result<(), SearchError> {
        match applied {
            Err(error) if !error.is_passing() => {
                tracing::error!(%error, %what, "something is not in the search index");
                Ok(())
            }
            applied => applied,
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), SearchError> {
        match change {
            Change::Event { event, .. } => self.came(*event, true),
            Change::History { event, .. } => self.came(*event, false),
            Change::Redacted { event, .. } | Change::Purged { event, .. } => self.went(*event),
            Change::State { room, key } if self.is_encryption(*key)? => self.encrypted(*room),
            _ => Ok(()),
        }
    }

    /// An event came. One that is new is not in the index.
    fn came(&mut self, nid: EventNid, is_new: bool) -> Result<(), SearchError> {
        // It may be purged by now.
        let Some(event) = self.rooms.event(nid)? else { return Ok(()) };
        if let Some(message) = replaces(&event) {
            return match self.rooms.event_by_id(&message)?.filter(|message| message.room == event.room) {
                Some(message) => self.put(&message, false),
                // It is put with its replacement when it comes.
                None => Ok(()),
            };
        }
        self.put(&event, is_new)
    }

    /// An event was emptied, or is gone. Where it was a replacement, the message stands as it was.
    fn went(&mut self, nid: EventNid) -> Result<(), SearchError> {
        self.writer.remove(nid)?;
        let mut messages = self.index.edited_by(nid)?;
        messages.extend(self.edits.get(&nid));
        for message in messages {
            if let Some(message) = self.rooms.event(message)? {
                self.put(&message, false)?;
            }
        }
        Ok(())
    }

    /// Puts an event into the index as it is now, or takes it out if nothing of it is found.
    fn put(&mut self, event: &Event, is_new: bool) -> Result<(), SearchError> {
        let Some(order) = event.order() else { return Ok(()) };
        if self.walking.as_ref().is_some_and(|walking| walking.place.will_pass(event.room, order)) {
            return Ok(());
        }
        if !is_new {
            self.writer.remove(event.nid)?;
        }
        match self.is_encrypted(event.room)? {
            false => self.add(event, is_new),
            true => Ok(()),
        }
    }

    /// Adds an event that is not in the index, if anything of it can be found.
    pub(super) fn add(&mut self, event: &Event, is_new: bool) -> Result<(), SearchError> {
        let Some(order) = event.order() else { return Ok(()) };
        let is_message = event.pdu.type_str() == "m.room.message";
        if replaces(event).is_some() {
            return Ok(());
        }
        // What was made here a moment ago was replaced by nothing that the log does not tell of afterwards.
        let is_made_now = is_new && event.pdu.sender().server_name() == self.rooms.server_name();
        let edit = match is_message && !is_made_now {
            true => self.rooms.room_by_nid(event.room)?.replaced_by(event)?,
            false => None,
        };
        let Some(text) = text_of(event, edit.as_deref()) else { return Ok(()) };
        // Nobody is newer than now.
        let ts = event.ts().min(self.rooms.now_ms());
        let edit = edit.map(|edit| edit.nid);
        if let Some(edit) = edit {
            self.edits.insert(edit, event.nid);
        }
        self.writer.add(event, order, ts, text, edit)
    }

    /// A room is encrypted: it is not searched any more ("Server Side Search").
    fn encrypted(&mut self, room: RoomNid) -> Result<(), SearchError> {
        if self.is_encrypted(room)? {
            self.writer.remove_room(room)?;
        }
        Ok(())
    }

    /// Whether a room is encrypted by now.
    pub(super) fn is_encrypted(&mut self, room: RoomNid) -> Result<bool, SearchError> {
        if let Some(known) = self.encrypted.get(&room) {
            return Ok(*known);
        }
        let is_encrypted = match self.rooms.room_by_nid(room) {
            Ok(room) => room.state_event("m.room.encryption", "")?.is_some(),
            Err(RoomError::UnknownRoom) => false,
            Err(error) => return Err(error.into()),
        };
        self.encrypted.insert(room, is_encrypted);
        Ok(is_encrypted)
    }

    fn is_encryption(&mut self, key: StateKeyNid) -> Result<bool, StorageError> {
        if self.encryption.is_none() {
            let view = self.rooms.store().view();
            self.encryption = view.get(&schema::STATE_KEYS, ("m.room.encryption", ""))?;
        }
        Ok(self.encryption == Some(key))
    }

    pub(super) fn commit(&mut self) -> Result<(), SearchError> {
        let walk = self.walking.as_ref().map(|walking| walking.place);
        self.writer.commit(&Mark::new(self.done, walk))?;
        self.edits.clear();
        self.committed = self.done;
        self.due = Instant::now() + NOTE_AFTER;
        self.searches.found.send_replace(self.done);
        Ok(())
    }

    /// Whether who waits for this position waits for a commit.
    fn is_awaited_at(&self, wanted: Position) -> bool {
        *self.searches.found.borrow() < wanted && wanted <= self.done
    }

    /// Lets changes gather, unless somebody wants to search in them.
    async fn gather(&self) {
        let mut wanted = self.searches.wanted.subscribe();
        let _ = timeout(GATHER, wanted.wait_for(|wanted| *self.searches.found.borrow() < *wanted)).await;
    }

    fn commit_if_due(&mut self) -> Result<(), SearchError> {
        let wanted = *self.searches.wanted.borrow();
        if self.is_awaited_at(wanted) || self.writer.is_full() || Instant::now() >= self.due {
            self.commit()?;
        }
        Ok(())
    }

    /// Up to where nothing needs to be told again.
    fn saved(&self) -> Position {
        self.committed.min(self.told)
    }
}

impl Reader for MessageReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        blocking(|| self.apply(changes).and_then(|()| self.commit_if_due()))?;
        // Whoever searches waits for a reader that is known to run, which it is when it has taken something in.
        if self.has_taken && changes.len() < MANY && self.walking.is_none() {
            self.gather().await;
        }
        self.has_taken = true;
        Ok(self.saved())
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        // What was redacted meanwhile, and which history came, no index tells: all is looked at again. What is there is
        // found meanwhile.
        (self.told, self.done) = (gap.to, gap.to);
        self.walking = Some(Walking::begin(Walk::START, &self.rooms)?);
        self.searches.complete.send_replace(false);
        blocking(|| self.commit())?;
        Ok(self.saved())
    }

    async fn meanwhile(&mut self) -> Result<Position, ReaderError> {
        if self.walking.is_some() {
            blocking(|| self.step().and_then(|()| self.commit_if_due()))?;
            // Others have their turn between two steps.
            tokio::task::yield_now().await;
            return Ok(self.saved());
        }
        if self.done == self.committed {
            std::future::pending::<()>().await;
        }
        let mut wanted = self.searches.wanted.subscribe();
        tokio::select! {
            biased;
            _ = wanted.wait_for(|wanted| self.is_awaited_at(*wanted)) => {}
            () = tokio::time::sleep_until(self.due) => {}
        }
        blocking(|| self.commit())?;
        Ok(self.saved())
    }

    async fn finish(&mut self) -> Option<Position> {
        if self.done > self.committed
            && let Err(error) = blocking(|| self.commit())
        {
            tracing::warn!(%error, "the search index was not written at the end");
        }
        Some(self.saved())
    }
}
