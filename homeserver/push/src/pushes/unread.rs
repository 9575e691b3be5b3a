//! Which of the noted notifications are unread: in how many rooms, for the badge, and whether one still has to be told.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hearth_rooms::Rooms;
use hearth_storage::{
    EventNid, Position, RoomNid, Scan,
    schema::{
        self,
        push::NotificationRow,
        rooms::{Membership, UserRoomRow},
    },
};
use parking_lot::Mutex;
use ruma::{OwnedEventId, OwnedUserId, UserId};

use crate::{PushError, ReadMarks};

/// So many unread notifications are kept in memory; beyond it they are looked up again.
const MAX_KEPT: usize = 500_000;

/// The unread notifications of users who have pushers. Cheap to clone.
#[derive(Clone)]
pub(super) struct UnreadNotifications {
    rooms: Rooms,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    users: HashMap<OwnedUserId, OfUser>,
    count: usize,
}

/// Of one user.
#[derive(Default)]
struct OfUser {
    rooms: HashMap<RoomNid, Unread>,
    /// What was noted later is not among them.
    upto: Position,
}

/// Of one room, by the position of the event.
type Unread = BTreeMap<Position, Entry>;

struct Entry {
    event: EventNid,
    thread: Option<OwnedEventId>,
}

impl UnreadNotifications {
    pub fn new(rooms: Rooms) -> Self {
        Self { rooms, kept: Arc::default() }
    }

    /// In how many rooms something is unread.
    pub fn count(&self, user: &UserId) -> Result<u64, PushError> {
        self.of(user, Position(0), |rooms| rooms.len() as u64)
    }

    /// Whether a notification is unread, and the user is still there to read it.
    pub fn contains(&self, user: &UserId, room: RoomNid, position: Position) -> Result<bool, PushError> {
        self.of(user, position, |rooms| rooms.get(&room).is_some_and(|unread| unread.contains_key(&position)))
    }

    /// What is in the store now as well.
    pub fn noted(&self, user: &UserId, position: Position, row: &NotificationRow) {
        let kept = &mut *self.kept.lock();
        let Some(known) = kept.users.get_mut(user) else { return };
        known.upto = known.upto.max(position);
        let entry = Entry { event: row.event, thread: row.thread.clone() };
        if known.rooms.entry(row.room).or_default().insert(position, entry).is_none() {
            kept.count += 1;
        }
    }

    /// The user's receipts in a room changed.
    pub fn read(&self, user: &UserId, room: RoomNid) -> Result<(), PushError> {
        let kept = &mut *self.kept.lock();
        let Some(OfUser { rooms, .. }) = kept.users.get_mut(user) else { return Ok(()) };
        let Some(unread) = rooms.get_mut(&room) else { return Ok(()) };
        let before = unread.len();
        match Reading::of(&self.rooms, user, room)? {
            Some(reading) => unread.retain(|position, entry| !reading.has_read(*position, entry)),
            None => unread.clear(),
        }
        kept.count -= before - unread.len();
        if unread.is_empty() {
            rooms.remove(&room);
        }
        Ok(())
    }

    /// An event is to notify nobody any more.
    pub fn redacted(&self, user: &UserId, room: RoomNid, event: EventNid) {
        let kept = &mut *self.kept.lock();
        let Some(OfUser { rooms, .. }) = kept.users.get_mut(user) else { return };
        let Some(unread) = rooms.get_mut(&room) else { return };
        let before = unread.len();
        unread.retain(|_, entry| entry.event != event);
        kept.count -= before - unread.len();
        if unread.is_empty() {
            rooms.remove(&room);
        }
    }

    /// Something else changed: what is unread is looked up again.
    pub fn forget(&self, user: &UserId) {
        self.kept.lock().forget(user);
    }

    /// Everything is looked up again.
    pub fn forget_all(&self) {
        *self.kept.lock() = Kept::default();
    }

    /// What is asked about a user's rooms, as of all that was noted at least up to a position.
    fn of<T>(
        &self,
        user: &UserId,
        upto: Position,
        ask: impl FnOnce(&HashMap<RoomNid, Unread>) -> T,
    ) -> Result<T, PushError> {
        // Held while it is read: what is noted meanwhile is either in the store or comes after it.
        let kept = &mut *self.kept.lock();
        if let Some(known) = kept.users.get(user).filter(|known| known.upto >= upto) {
            return Ok(ask(&known.rooms));
        }
        kept.forget(user);
        if kept.count >= MAX_KEPT {
            *kept = Kept::default();
        }
        let known = self.look_up(user)?;
        let answer = ask(&known.rooms);
        kept.count += known.count();
        kept.users.insert(user.to_owned(), known);
        Ok(answer)
    }

    fn look_up(&self, user: &UserId) -> Result<OfUser, PushError> {
        let mut known = OfUser::default();
        let mut readings: HashMap<RoomNid, Option<Reading>> = HashMap::new();
        let view = self.rooms.store().view();
        for row in view.scan(&schema::NOTIFICATIONS, Scan::prefix((user,))) {
            let ((_, position), row) = row?;
            known.upto = position;
            let reading = match readings.get(&row.room) {
                Some(known) => known,
                None => readings.entry(row.room).or_insert(Reading::of(&self.rooms, user, row.room)?),
            };
            let entry = Entry { event: row.event, thread: row.thread };
            if reading.as_ref().is_none_or(|reading| reading.has_read(position, &entry)) {
                continue;
            }
            if self.rooms.event(row.event)?.is_some_and(|event| event.redacted_by.is_none()) {
                known.rooms.entry(row.room).or_default().insert(position, entry);
            }
        }
        Ok(known)
    }
}

impl OfUser {
    fn count(&self) -> usize {
        self.rooms.values().map(BTreeMap::len).sum()
    }
}

impl Kept {
    fn forget(&mut self, user: &UserId) {
        self.count -= self.users.remove(user).map_or(0, |known| known.count());
    }
}

/// How far a user has read in a room.
enum Reading {
    /// An invite is unread until it is answered.
    Invited(Position),
    Joined(ReadMarks),
}

impl Reading {
    /// `None` where the user is not in the room.
    fn of(rooms: &Rooms, user: &UserId, room: RoomNid) -> Result<Option<Self>, PushError> {
        let Some(UserRoomRow { membership, position, .. }) = rooms.user_room(user, room)? else {
            return Ok(None);
        };
        Ok(match membership {
            Membership::Invite => Some(Self::Invited(position)),
            Membership::Join => {
                let receipts = rooms.room_by_nid(room)?.receipts_of(user)?;
                Some(Self::Joined(ReadMarks::of(receipts, position.into())))
            }
            _ => None,
        })
    }

    fn has_read(&self, position: Position, entry: &Entry) -> bool {
        match self {
            Self::Invited(at) => position != *at,
            Self::Joined(marks) => marks.has_read(position.into(), entry.thread.as_deref()),
        }
    }
}
