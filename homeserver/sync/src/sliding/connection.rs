//! What a client was told on one connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hearth_storage::{
    Position, RoomNid,
    schema::users::{SlidingChangeRow, SlidingConnectionRow, SlidingRoomRow},
};

use super::{SlidingPosition, config::RoomConfig, request::Asked};
use crate::{SyncError, lazy_members::ToldMembers, token::UpTo};

/// So many ways of asking for rooms are remembered, and so many bytes of them. Who asks in more ways begins anew.
const MAX_CONFIGS: usize = 128;
const MAX_CONFIG_BYTES: usize = 64 << 10;

/// A connection, as the client has it that comes with a `pos`.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// When it began, in milliseconds.
    pub begun: u64,
    /// When its row was written last, in milliseconds; 0 for never.
    pub written: u64,
    /// The number of the state that the client has.
    number: u64,
    /// The highest number that was given.
    highest: u64,
    /// The extensions that were told whole.
    pub extensions: u8,
    rooms: BTreeMap<RoomNid, SlidingRoomRow>,
    /// Those of them that are in view.
    in_view: BTreeSet<RoomNid>,
    /// What leads to the state that the client may have instead, if the answer reached it.
    next: Option<SlidingChangeRow>,
    /// Rooms that changed since all were written.
    unwritten: BTreeSet<RoomNid>,
    configs: Vec<RoomConfig>,
    config_bytes: usize,
    /// The members that lazy loading told of.
    pub members: ToldMembers<RoomNid, Told>,
    settled: Option<Settled>,
}

/// What an answer went with: the number of its state, and up to where it reached.
pub(crate) type Told = (u64, Position);

/// An answer for which all rooms in view were looked at, and all rooms of its lists were in view.
#[derive(Debug)]
struct Settled {
    asked: Arc<Asked>,
    number: u64,
    upto: UpTo,
}

/// What an answer changes of what the client was told.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// `None` for a room that is forgotten.
    pub rooms: BTreeMap<RoomNid, Option<SlidingRoomRow>>,
    pub extensions: u8,
    /// Members that lazy loading tells of.
    pub members: Vec<(RoomNid, ruma::OwnedUserId)>,
}

impl Connection {
    /// A connection that begins.
    pub fn begin(now_ms: u64) -> Self {
        Self { begun: now_ms, ..Self::default() }
    }

    /// A connection as it was written.
    pub fn read(
        row: SlidingConnectionRow,
        rooms: impl Iterator<Item = (RoomNid, SlidingRoomRow)>,
    ) -> Result<Self, SyncError> {
        let SlidingConnectionRow { begun, used, number, extensions, configs, next } = row;
        let highest = next.as_ref().map_or(number, |next| next.number);
        let mut connection =
            Self { begun, written: used, number, highest, extensions, next, ..Self::default() };
        for config in configs {
            let config = serde_json::from_str(&config).map_err(|error| {
                hearth_storage::StorageError::Corrupt(format!("a configuration: {error}"))
            })?;
            connection.place_of(&config)?;
        }
        rooms.for_each(|(room, row)| connection.set(room, Some(row)));
        connection.unwritten.clear();
        Ok(connection)
    }

    /// Takes the connection to the state that the client has.
    ///
    /// # Errors
    /// [`SyncError::UnknownPosition`] if that is none of those it may have.
    pub fn come_back(&mut self, position: SlidingPosition) -> Result<(), SyncError> {
        if position.begun != self.begun {
            return Err(SyncError::UnknownPosition);
        }
        if position.number == self.number {
            // The answer that led on was lost.
            self.next = None;
            return Ok(());
        }
        match self.next.take() {
            Some(next) if next.number == position.number => {
                (self.number, self.extensions) = (next.number, next.extensions);
                next.rooms.into_iter().for_each(|(room, row)| self.set(room, row));
                Ok(())
            }
            next => {
                self.next = next;
                Err(SyncError::UnknownPosition)
            }
        }
    }

    fn set(&mut self, room: RoomNid, row: Option<SlidingRoomRow>) {
        match row {
            Some(row) => self.rooms.insert(room, row),
            None => self.rooms.remove(&room),
        };
        match row.is_some_and(|row| row.told.is_none()) {
            true => self.in_view.insert(room),
            false => self.in_view.remove(&room),
        };
        self.unwritten.insert(room);
    }

    /// What was told of a room.
    pub fn room(&self, room: RoomNid) -> Option<SlidingRoomRow> {
        self.rooms.get(&room).copied()
    }

    /// The rooms that were in view.
    pub fn in_view(&self) -> &BTreeSet<RoomNid> {
        &self.in_view
    }

    /// How a room was asked for.
    pub fn config(&self, place: u32) -> Option<&RoomConfig> {
        self.configs.get(place as usize)
    }

    /// The place of a way of asking for a room.
    ///
    /// # Errors
    /// [`SyncError::UnknownPosition`] where there are too many: begun anew, a connection has few.
    pub fn place_of(&mut self, config: &RoomConfig) -> Result<u32, SyncError> {
        if let Some(place) = self.configs.iter().position(|known| known == config) {
            return Ok(place as u32);
        }
        let bytes = self.config_bytes + text_of(config).len();
        if bytes > MAX_CONFIG_BYTES || self.configs.len() == MAX_CONFIGS {
            return Err(match self.written {
                0 => SyncError::InvalidRequest("the request asks for rooms in too many ways".to_owned()),
                _ => SyncError::UnknownPosition,
            });
        }
        self.config_bytes = bytes;
        self.configs.push(config.clone());
        Ok(self.configs.len() as u32 - 1)
    }

    /// Whether all rooms of the lists were looked at for the answer that gave `position`, which was asked for in the same
    /// way: since then there is only to tell what changed after it.
    pub fn is_settled(&self, asked: &Arc<Asked>, position: SlidingPosition) -> bool {
        self.settled.as_ref().is_some_and(|settled| {
            settled.number == position.number
                && settled.upto == position.upto
                && (Arc::ptr_eq(&settled.asked, asked) || settled.asked == *asked)
        })
    }

    /// Notes what an answer tells that reaches up to `upto`, with or without all rooms of its lists in view, and gives it
    /// its `pos`. Says whether there is something to write before the answer goes out.
    pub fn answer(
        &mut self,
        asked: &Arc<Asked>,
        changes: Changes,
        upto: UpTo,
        whole: bool,
    ) -> (SlidingPosition, bool) {
        let Changes { mut rooms, extensions, members } = changes;
        rooms.retain(|room, row| self.rooms.get(room) != row.as_ref());
        let changed = !rooms.is_empty() || extensions != self.extensions;
        let mut number = self.number;
        if changed {
            self.highest += 1;
            number = self.highest;
            self.next = Some(SlidingChangeRow { number, extensions, rooms: rooms.into_iter().collect() });
        }
        for (room, member) in members {
            self.members.tell(room, &member, (number, upto.log));
        }
        self.settled = whole.then(|| Settled { asked: asked.clone(), number, upto });
        (SlidingPosition { begun: self.begun, number, upto }, changed)
    }

    /// What is to be written: the row, and the rooms that changed before.
    pub fn write(&mut self, now_ms: u64) -> (SlidingConnectionRow, Vec<(RoomNid, Option<SlidingRoomRow>)>) {
        self.written = now_ms.max(1);
        let rooms = std::mem::take(&mut self.unwritten);
        let rooms = rooms.into_iter().map(|room| (room, self.rooms.get(&room).copied())).collect();
        let row = SlidingConnectionRow {
            begun: self.begun,
            used: self.written,
            number: self.number,
            extensions: self.extensions,
            configs: self.configs.iter().map(text_of).collect(),
            next: self.next.clone(),
        };
        (row, rooms)
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        const ROOM: usize = 3 * size_of::<(RoomNid, SlidingRoomRow)>();
        let next = self.next.as_ref().map_or(0, |next| next.rooms.len());
        (self.rooms.len() + next) * ROOM + 2 * self.config_bytes + self.members.bytes() + size_of::<Self>()
    }
}

fn text_of(config: &RoomConfig) -> String {
    serde_json::to_string(config).unwrap_or_default()
}
