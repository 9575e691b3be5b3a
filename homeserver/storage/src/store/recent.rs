//! The latest changes, in memory.

use std::collections::VecDeque;

use super::follower::whole_commits;
use crate::{Change, LogRow, Position};

/// The latest published changes, without a gap.
pub(super) struct Recent {
    rows: VecDeque<(Position, LogRow)>,
    capacity: usize,
}

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        Self { rows: VecDeque::new(), capacity }
    }

    pub(super) fn extend(&mut self, rows: impl IntoIterator<Item = (Position, LogRow)>) {
        self.rows.extend(rows);
        let excess = self.rows.len().saturating_sub(self.capacity);
        self.rows.drain(..excess);
    }

    /// The changes behind `after`, about so many, up to the end of a commit and to `through`, which is one; `None` if
    /// not all of them are here.
    pub(super) fn between(
        &self,
        after: Position,
        through: Position,
        about: usize,
    ) -> Option<Vec<(Position, Change)>> {
        let (first, _) = self.rows.front()?;
        let skipped = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
        let rows = self.rows.iter().skip(skipped).take_while(|(position, _)| *position <= through);
        let rows = whole_commits(rows, about, |(_, row)| row.goes_on);
        Some(rows.map(|(position, row)| (*position, row.change.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventNid, RoomNid};

    #[test]
    fn only_the_latest_are_kept() {
        let mut recent = Recent::new(3);
        let change = Change::Event { room: RoomNid(1), event: EventNid(1) };
        let row = |position| (Position(position), LogRow { change: change.clone(), goes_on: position == 4 });
        let positions = |recent: &Recent, after, through, about| {
            let found = recent.between(Position(after), Position(through), about);
            found.map(|changes| changes.into_iter().map(|(position, _)| position.0).collect::<Vec<_>>())
        };
        assert_eq!(positions(&recent, 0, 5, 9), None);
        recent.extend((1..=5).map(row));
        assert_eq!(positions(&recent, 1, 5, 9), None);
        assert_eq!(positions(&recent, 2, 5, 9), Some(vec![3, 4, 5]));
        assert_eq!(positions(&recent, 2, 3, 9), Some(vec![3]));
        assert_eq!(positions(&recent, 2, 5, 1), Some(vec![3]));
        assert_eq!(positions(&recent, 3, 5, 1), Some(vec![4, 5]));
    }
}
