//! How many bytes the log has, and up to where it can be cut.

use std::collections::VecDeque;

use super::{Scan, StoreOptions, View};
use crate::{Batch, Op, Position, StorageError, schema};

/// What lies between a position and the end of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lag {
    pub changes: u64,
    /// Of keys and values before compression; up to [`StoreOptions::trim_step`] changes too many.
    pub bytes: u64,
}

/// The log's bytes, counted from its first change ever. Every [`StoreOptions::trim_step`] changes the count is marked,
/// at the end of a commit; the log is cut at marks only. The marks are rows, so that a start counts what follows the
/// last one and no more.
pub(super) struct LogSize {
    /// Oldest first and at least one: the log begins behind the first.
    marks: VecDeque<Mark>,
    end: Mark,
}

#[derive(Clone, Copy)]
struct Mark {
    position: Position,
    /// All changes up to the position.
    bytes: u64,
}

impl LogSize {
    pub(super) fn read(view: &View) -> Result<Self, StorageError> {
        let mut marks = view
            .scan(&schema::LOG_MARKS, Scan::all())
            .map(|row| row.map(|((position,), bytes)| Mark { position, bytes }))
            .collect::<Result<VecDeque<_>, _>>()?;
        if marks.is_empty() {
            marks.push_back(Mark { position: Position(0), bytes: 0 });
        }
        let mut end = marks[marks.len() - 1];
        for row in view.scan(&schema::LOG, Scan::all().after((end.position,))) {
            let ((position,), row) = row?;
            end = Mark { position, bytes: end.bytes + row.size() };
        }
        Ok(Self { marks, end })
    }

    /// The last position that the log does not have any more.
    pub(super) fn trimmed(&self) -> Position {
        self.marks.front().map_or(Position(0), |mark| mark.position)
    }

    /// What lies between a position and the end.
    pub(super) fn lag(&self, position: Position) -> Lag {
        let changes = self.end.position.0.saturating_sub(position.0);
        let before = self.marks.partition_point(|mark| mark.position <= position);
        let counted = before.checked_sub(1).map_or(0, |at| self.marks[at].bytes);
        Lag { changes, bytes: if changes == 0 { 0 } else { self.end.bytes - counted } }
    }

    /// Counts what a commit that is about to be written brings, and marks its end if it is time.
    pub(super) fn add(&mut self, last: Position, commit: &Batch, options: &StoreOptions, own: &mut Batch) {
        let rows = commit.ops().filter(|(keyspace, _)| keyspace.index == schema::LOG.raw.index);
        let bytes = rows.map(|(_, op)| match op {
            Op::Put { key, value } => key.len() + value.len(),
            Op::Delete { .. } | Op::DeleteRange { .. } => 0,
        });
        self.end = Mark { position: last, bytes: self.end.bytes + bytes.sum::<usize>() as u64 };
        let marked = self.marks.back().map_or(0, |mark| mark.position.0);
        if last.0 >= marked.saturating_add(options.trim_step.max(1)) {
            own.put(&schema::LOG_MARKS, (last,), &self.end.bytes);
            self.marks.push_back(self.end);
        }
    }

    /// Cuts off what all durable readers have read, `slowest` being the last that all have, and what is beyond the
    /// bound, read or not. What came last before this write stays: positions go on from it.
    pub(super) fn trim(
        &mut self,
        published: Position,
        slowest: Option<Position>,
        options: &StoreOptions,
        own: &mut Batch,
    ) {
        let kept = Position(published.0.saturating_sub(options.log_keeps.max(1)));
        let read = slowest.map_or(kept, |slowest| kept.min(slowest));
        let over = self.end.bytes.saturating_sub(options.log_bytes);
        let cut = (1..self.marks.len())
            .take_while(|at| {
                let (mark, before) = (self.marks[*at], self.marks[at - 1]);
                mark.position < published && (mark.position <= read || before.bytes < over)
            })
            .last();
        let Some(at) = cut else { return };
        let from = self.trimmed();
        self.marks.drain(..at);
        own.delete_range(&schema::LOG, (from.next(),), (self.trimmed().next(),));
        own.delete_range(&schema::LOG_MARKS, (Position(0),), (self.trimmed(),));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, EventNid, LogRow, MemoryEngine, RoomNid};

    /// A log of so many changes, each of which takes 11 bytes.
    fn sized(changes: u64, options: &StoreOptions) -> LogSize {
        let mut size = LogSize::read(&View::latest(MemoryEngine::new().into())).unwrap();
        for position in 1..=changes {
            let change = Change::Event { room: RoomNid(1), event: EventNid(1) };
            let mut commit = Batch::default();
            commit.put(&schema::LOG, (Position(position),), &LogRow { change, goes_on: false });
            size.add(Position(position), &commit, options, &mut Batch::default());
        }
        size
    }

    #[test]
    fn what_lies_before_the_end_is_counted() {
        let options = StoreOptions { trim_step: 10, ..StoreOptions::default() };
        let size = sized(25, &options);
        assert_eq!(size.lag(Position(25)), Lag { changes: 0, bytes: 0 });
        assert_eq!(size.lag(Position(20)), Lag { changes: 5, bytes: 55 });
        assert_eq!(size.lag(Position(12)), Lag { changes: 13, bytes: 15 * 11 });
        assert_eq!(size.lag(Position(0)), Lag { changes: 25, bytes: 25 * 11 });
    }

    #[test]
    fn the_log_is_cut_where_all_have_read_it_or_where_it_is_too_long() {
        let options = StoreOptions { trim_step: 10, log_keeps: 0, log_bytes: 440, ..StoreOptions::default() };
        let trimmed = |changes, slowest| {
            let mut size = sized(changes, &options);
            size.trim(Position(changes), slowest, &options, &mut Batch::default());
            size.trimmed().0
        };
        assert_eq!(trimmed(40, Some(Position(0))), 0);
        assert_eq!(trimmed(40, Some(Position(25))), 20);
        // The newest stays.
        assert_eq!(trimmed(40, None), 30);
        // 440 bytes are 40 changes. What was cut before makes no difference.
        assert_eq!(trimmed(41, Some(Position(0))), 10);
        assert_eq!(trimmed(50, Some(Position(0))), 10);
        assert_eq!(trimmed(51, Some(Position(0))), 20);
        let mut size = sized(100, &options);
        for published in [60, 80, 100] {
            size.trim(Position(published), Some(Position(0)), &options, &mut Batch::default());
        }
        assert_eq!(size.trimmed(), Position(60));
    }
}
