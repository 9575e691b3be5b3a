//! Who is typing (client-server API, "Typing notifications"). In memory, and gone with a restart.

use std::collections::{BTreeSet, HashMap};

use hearth_storage::RoomNid;
use ruma::{OwnedUserId, UserId};

/// A room in which nobody types any more is forgotten after so long: by then whoever is online was told.
const KEEP_EMPTY_MS: u64 = 60 * 60 * 1000;
/// Other servers hear so often of who goes on typing, as they forget it by themselves.
const SAY_AGAIN_MS: u64 = 30_000;

/// About what one who types takes, in the list of the room and in the order of expiries; and what a room takes.
const TYPIST_BYTES: usize = 256;

/// Who is typing in every room.
#[derive(Debug)]
pub(crate) struct Typing {
    rooms: HashMap<RoomNid, RoomTyping>,
    /// When each who types is taken to have stopped, in milliseconds; the first to stop first.
    expiries: BTreeSet<(u64, RoomNid, OwnedUserId)>,
    /// How many may type, and how many rooms are kept, at most.
    capacity: usize,
}

#[derive(Debug, Default)]
struct RoomTyping {
    users: Vec<Typist>,
    /// When this list changed last.
    version: u64,
    /// When it may be forgotten, if it is empty.
    forget_at: u64,
}

#[derive(Debug)]
struct Typist {
    user: OwnedUserId,
    /// When the user is taken to have stopped, in milliseconds.
    until: u64,
    /// When other servers were told last, in milliseconds.
    said_at: u64,
}

impl Typing {
    /// Keeps what fits into so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { rooms: HashMap::new(), expiries: BTreeSet::new(), capacity: limit / TYPIST_BYTES / 2 }
    }

    /// Notes that a user types until a time, or does not. Says whether that changes who is typing.
    pub fn set(&mut self, room: RoomNid, user: &UserId, until: Option<u64>, now: u64, version: u64) -> bool {
        if until.is_some() && !self.is_typing(room, user) && !self.has_room(room) {
            return false;
        }
        let typing = match until {
            Some(_) => self.rooms.entry(room).or_default(),
            None => match self.rooms.get_mut(&room) {
                Some(typing) => typing,
                None => return false,
            },
        };
        let place = typing.users.iter().position(|typist| typist.user == user);
        if let Some(place) = place {
            self.expiries.remove(&(typing.users[place].until, room, user.to_owned()));
        }
        if let Some(until) = until {
            self.expiries.insert((until, room, user.to_owned()));
        }
        match (place, until) {
            (Some(place), Some(until)) => {
                typing.users[place].until = until;
                return false;
            }
            (None, Some(until)) => {
                typing.users.push(Typist { user: user.to_owned(), until, said_at: now });
            }
            (Some(place), None) => {
                typing.users.remove(place);
            }
            (None, None) => return false,
        }
        typing.version = version;
        typing.forget_at = now + KEEP_EMPTY_MS;
        true
    }

    /// Who types in a room, and the version of that list.
    pub fn in_room(&self, room: RoomNid) -> Option<(u64, impl Iterator<Item = &UserId>)> {
        let typing = self.rooms.get(&room)?;
        Some((typing.version, typing.users.iter().map(|typist| &*typist.user)))
    }

    /// Whether other servers are to hear again of who goes on typing; they are then taken to have heard.
    pub fn say_again(&mut self, room: RoomNid, user: &UserId, now: u64) -> bool {
        let typing = self.rooms.get_mut(&room);
        let typist = typing.and_then(|typing| typing.users.iter_mut().find(|typist| typist.user == user));
        match typist {
            Some(typist) if typist.said_at + SAY_AGAIN_MS <= now => {
                typist.said_at = now;
                true
            }
            _ => false,
        }
    }

    /// Takes those out whose time is over; says who has stopped where.
    pub fn expire(&mut self, now: u64, version: u64) -> Vec<(RoomNid, OwnedUserId)> {
        let mut stopped = Vec::new();
        while self.next_expiry().is_some_and(|next| next <= now)
            && let Some((_, room, user)) = self.expiries.pop_first()
        {
            if let Some(typing) = self.rooms.get_mut(&room) {
                typing.users.retain(|typist| typist.user != user);
                typing.version = version;
                typing.forget_at = now + KEEP_EMPTY_MS;
            }
            stopped.push((room, user));
        }
        stopped
    }

    /// When the next user's time is over.
    pub fn next_expiry(&self) -> Option<u64> {
        self.expiries.first().map(|(until, ..)| *until)
    }

    /// Whether there is room for one more who types, and for the room. Where so many type that there is not, nobody is
    /// told of the next: it is lost, as it would be on the way.
    fn has_room(&mut self, room: RoomNid) -> bool {
        let is_new = !self.rooms.contains_key(&room);
        if is_new && self.rooms.len() >= self.capacity {
            self.rooms.retain(|_, typing| !typing.users.is_empty());
        }
        self.expiries.len() < self.capacity && (!is_new || self.rooms.len() < self.capacity)
    }

    fn is_typing(&self, room: RoomNid, user: &UserId) -> bool {
        self.rooms.get(&room).is_some_and(|typing| typing.users.iter().any(|typist| typist.user == user))
    }

    /// Forgets the rooms in which nobody has typed for long.
    pub fn forget_silent(&mut self, now: u64) {
        self.rooms.retain(|_, typing| !typing.users.is_empty() || typing.forget_at > now);
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    const ROOM: RoomNid = RoomNid(1);

    fn typing_in(typing: &Typing) -> (u64, Vec<String>) {
        typing
            .in_room(ROOM)
            .map_or((0, vec![]), |(version, users)| (version, users.map(ToString::to_string).collect()))
    }

    #[test]
    fn the_list_changes_only_when_someone_starts_or_stops() {
        let (alice, bob) = (user_id!("@alice:h.org"), user_id!("@bob:h.org"));
        let mut typing = Typing::new(1 << 20);
        assert!(!typing.set(ROOM, alice, None, 0, 1));
        assert!(typing.set(ROOM, alice, Some(100), 0, 2));
        assert!(!typing.set(ROOM, alice, Some(200), 0, 3));
        assert!(typing.set(ROOM, bob, Some(100), 0, 4));
        assert_eq!(typing_in(&typing), (4, vec!["@alice:h.org".into(), "@bob:h.org".into()]));
        assert!(typing.set(ROOM, alice, None, 0, 5));
        assert_eq!(typing_in(&typing), (5, vec!["@bob:h.org".into()]));
    }

    #[test]
    fn whose_time_is_over_has_stopped_and_the_empty_list_is_told() {
        let alice = user_id!("@alice:h.org");
        let mut typing = Typing::new(1 << 20);
        typing.set(ROOM, alice, Some(100), 0, 1);
        assert_eq!(typing.next_expiry(), Some(100));
        assert!(typing.expire(99, 2).is_empty());
        assert_eq!(typing.expire(100, 3), [(ROOM, alice.to_owned())]);
        assert_eq!(typing_in(&typing), (3, vec![]));
        assert_eq!(typing.next_expiry(), None);
        typing.forget_silent(100 + KEEP_EMPTY_MS - 1);
        assert_eq!(typing_in(&typing), (3, vec![]));
        typing.forget_silent(100 + KEEP_EMPTY_MS);
        assert!(typing.in_room(ROOM).is_none());
    }

    #[test]
    fn who_says_again_that_they_type_goes_on() {
        let (alice, bob) = (user_id!("@alice:h.org"), user_id!("@bob:h.org"));
        let mut typing = Typing::new(1 << 20);
        typing.set(ROOM, alice, Some(100), 0, 1);
        typing.set(ROOM, bob, Some(150), 0, 2);
        typing.set(ROOM, alice, Some(200), 90, 3);
        assert_eq!(typing.next_expiry(), Some(150));
        assert_eq!(typing.expire(199, 4), [(ROOM, bob.to_owned())]);
        typing.set(ROOM, alice, None, 199, 5);
        assert_eq!(typing.next_expiry(), None);
    }

    #[test]
    fn how_many_type_is_bounded() {
        let mut typing = Typing::new(20 * TYPIST_BYTES);
        for n in 0..100 {
            let user = UserId::parse(format!("@u{n}:h.org")).unwrap();
            assert_eq!(typing.set(RoomNid(n), &user, Some(50), 0, n), n < 10);
        }
        let first = user_id!("@u0:h.org");
        assert!(!typing.set(RoomNid(0), first, Some(50), 0, 100) && typing.is_typing(RoomNid(0), first));
        assert_eq!(typing.expire(50, 100).len(), 10);
        assert!(
            typing.set(RoomNid(200), user_id!("@alice:h.org"), Some(100), 50, 101),
            "for the silent rooms"
        );
        assert_eq!(typing.rooms.len(), 1);
    }

    #[test]
    fn who_goes_on_typing_is_told_of_again() {
        let alice = user_id!("@alice:h.org");
        let mut typing = Typing::new(1 << 20);
        assert!(!typing.say_again(ROOM, alice, 0));
        typing.set(ROOM, alice, Some(100_000), 0, 1);
        assert!(!typing.say_again(ROOM, alice, SAY_AGAIN_MS - 1));
        assert!(typing.say_again(ROOM, alice, SAY_AGAIN_MS));
        assert!(!typing.say_again(ROOM, alice, SAY_AGAIN_MS + 1));
    }
}
