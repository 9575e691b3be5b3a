//! In which rooms something happened lately: whoever wants the latest rooms of a user does not look at all of them.
//!
//! A room stands in the span of the log in which its last event is. A busy one stays in a span for as long as that lasts, so
//! that little is written; and who sends an event writes none of it: a reader of the log does, a little behind.

use std::collections::BTreeMap;

use hearth_storage::{
    Behind, Change, Position, RoomNid, Scan, StorageError, Store, View,
    readers::{Progress, ReadFrom, Reader, ReaderError, ReaderTask},
    schema::{self, SPAN_POSITIONS},
};

const READER: &str = "active rooms";
/// So many rooms are noted with one commit where the log was too short.
const ROOMS_AT_ONCE: usize = 1_000;

/// The rooms by spans of the log.
pub(crate) struct ActiveRooms {
    store: Store,
    progress: Progress,
}

impl ActiveRooms {
    pub fn new(store: Store) -> Self {
        Self { store, progress: Progress::default() }
    }

    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn follow(&self) -> ReaderTask {
        let store = self.store.clone();
        let open = move |_| Ok(SpanReader(store.clone()));
        self.store.start_reader(READER, ReadFrom::Cursor, self.progress.clone(), open)
    }

    /// Whether all events up to a position are noted.
    pub fn reaches(&self, position: Position) -> bool {
        self.progress.done() >= position
    }

    /// Returns when all events up to a position are noted, or nobody can wait for that.
    pub async fn reached(&self, position: Position) {
        // Whoever looks then finds out whether it is.
        let _ = self.progress.reached(position).await;
    }

    /// The rooms of some spans before `behind`, the latest, as far as they are wanted: of as many whole spans as it takes
    /// to find `count`, and from which span on that is. `None` if it takes more than `effort` rows, of which each is
    /// taken away, or there are no more.
    pub fn before(
        &self,
        behind: u64,
        count: usize,
        effort: &mut usize,
        is_wanted: impl Fn(RoomNid) -> bool,
    ) -> Result<Option<(Vec<RoomNid>, u64)>, StorageError> {
        let view = self.store.view();
        let mut found = Vec::new();
        let mut span = behind;
        for row in view.scan(&schema::SPAN_ROOMS, Scan::all().until((behind, RoomNid(0))).reversed()) {
            let ((of, room), ()) = row?;
            if of != span && found.len() >= count {
                return Ok(Some((found, span)));
            }
            span = of;
            if *effort == 0 {
                return Ok(None);
            }
            *effort -= 1;
            if is_wanted(room) {
                found.push(room);
            }
        }
        Ok(None)
    }
}

/// The position with which a span begins.
pub(crate) fn start_of(span: u64) -> Position {
    Position(span.saturating_mul(SPAN_POSITIONS))
}

struct SpanReader(Store);

impl SpanReader {
    /// Notes in which spans rooms were active.
    async fn note(&self, rooms: impl IntoIterator<Item = (RoomNid, Position)>) -> Result<(), StorageError> {
        let mut transaction = self.0.begin()?;
        let mut is_new = false;
        for (room, last) in rooms {
            let span = last.0 / SPAN_POSITIONS;
            let known = transaction.get(&schema::ROOM_SPANS, (room,))?;
            if known.is_some_and(|known| known >= span) {
                continue;
            }
            if let Some(known) = known {
                transaction.delete(&schema::SPAN_ROOMS, (known, room));
            }
            transaction.put(&schema::SPAN_ROOMS, (span, room), &());
            transaction.put(&schema::ROOM_SPANS, (room,), &span);
            is_new = true;
        }
        if is_new {
            transaction.submit().await?;
        }
        Ok(())
    }
}

impl Reader for SpanReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        let mut last = BTreeMap::new();
        for (position, change) in changes {
            if let Change::Event { room, .. } | Change::Whole { room } = change {
                last.insert(*room, *position);
            }
        }
        if !last.is_empty() {
            self.note(last).await?;
        }
        Ok(changes.last().map_or(Position::NONE, |(position, _)| *position))
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        let mut after = RoomNid(0);
        loop {
            let rooms = active_since(&self.0.view(), gap.from, after)?;
            let Some((last, _)) = rooms.last() else { return Ok(gap.to) };
            after = *last;
            self.note(rooms).await?;
        }
    }
}

/// Rooms after one in which something came after a position, in the order of their numbers.
fn active_since(
    view: &View,
    position: Position,
    after: RoomNid,
) -> Result<Vec<(RoomNid, Position)>, StorageError> {
    let heads = view.scan(&schema::ROOM_HEADS, Scan::all().after((after,)));
    let rooms = heads.map(|head| head.map(|((room,), head)| (room, head.position)));
    rooms
        .filter(|room| room.as_ref().is_ok_and(|(_, last)| *last > position) || room.is_err())
        .take(ROOMS_AT_ONCE)
        .collect()
}

#[cfg(test)]
mod tests {
    use hearth_storage::{EventNid, MemoryEngine, StoreOptions, schema::rooms::RoomHeadRow};

    use super::*;

    async fn rooms() -> (ActiveRooms, SpanReader) {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        (ActiveRooms::new(store.clone()), SpanReader(store))
    }

    fn event(room: u64, span: u64) -> (Position, Change) {
        let change = Change::Event { room: RoomNid(room), event: EventNid(1) };
        (Position(span * SPAN_POSITIONS + room), change)
    }

    fn found(rooms: &ActiveRooms, behind: u64, count: usize) -> Option<(Vec<u64>, u64)> {
        let found = rooms.before(behind, count, &mut 100, |room| room.0 != 9).unwrap();
        found.map(|(rooms, span)| (rooms.into_iter().map(|room| room.0).collect(), span))
    }

    #[tokio::test]
    async fn a_room_stands_in_the_span_of_its_last_event() {
        let (rooms, mut reader) = rooms().await;
        reader.take(&[event(1, 1), event(2, 1), event(3, 2), event(9, 3), event(4, 4)]).await.unwrap();
        assert_eq!(found(&rooms, u64::MAX, 1), Some((vec![4], 4)));
        // Whole spans, and what nobody wants is passed over.
        assert_eq!(found(&rooms, 4, 1), Some((vec![3], 2)));
        assert_eq!(found(&rooms, 2, 1), None, "there are no more spans behind it");
        reader.take(&[event(1, 5)]).await.unwrap();
        assert_eq!(found(&rooms, u64::MAX, 1), Some((vec![1], 5)));
        // Told again after a restart it changes nothing.
        reader.take(&[event(1, 1)]).await.unwrap();
        assert_eq!(found(&rooms, u64::MAX, 2), Some((vec![1, 4], 4)));
        assert_eq!(rooms.before(u64::MAX, 5, &mut 2, |_| true).unwrap(), None, "it takes too much");
    }

    #[tokio::test]
    async fn what_the_log_does_not_tell_is_read_from_the_heads() {
        let (rooms, mut reader) = rooms().await;
        let mut transaction = reader.0.begin().unwrap();
        for room in 1..=2_500_u64 {
            let head = RoomHeadRow { position: Position(room * SPAN_POSITIONS), ..RoomHeadRow::default() };
            transaction.put(&schema::ROOM_HEADS, (RoomNid(room),), &head);
        }
        transaction.submit().await.unwrap();
        let (from, to) = (Position(100 * SPAN_POSITIONS), Position(3_000 * SPAN_POSITIONS));
        assert_eq!(reader.catch_up(Behind { from, to }).await.unwrap(), to);
        let all = rooms.before(u64::MAX, 2_399, &mut 5_000, |_| true).unwrap().unwrap();
        assert_eq!((all.0.len(), all.0[0], all.1), (2_399, RoomNid(2_500), 102));
    }
}
