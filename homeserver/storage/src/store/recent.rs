//! The latest changes, in memory.

use std::collections::VecDeque;

use crate::{Change, Position};

/// The latest published changes, without a gap.
pub(super) struct Recent {
    changes: VecDeque<(Position, Change)>,
    capacity: usize,
}

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        Self { changes: VecDeque::new(), capacity }
    }

    pub(super) fn extend(&mut self, changes: impl IntoIterator<Item = (Position, Change)>) {
        self.changes.extend(changes);
        let excess = self.changes.len().saturating_sub(self.capacity);
        self.changes.drain(..excess);
    }

    /// The changes behind `after` up to `through`, at most so many; `None` if not all of them are here.
    pub(super) fn between(
        &self,
        after: Position,
        through: Position,
        at_most: usize,
    ) -> Option<Vec<(Position, Change)>> {
        let (first, _) = self.changes.front()?;
        let skipped = usize::try_from((after.0 + 1).checked_sub(first.0)?).ok()?;
        let count = usize::try_from(through.0.saturating_sub(after.0)).ok()?.min(at_most);
        Some(self.changes.iter().skip(skipped).take(count).cloned().collect())
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
        assert_eq!(recent.between(Position(0), Position(9), 9), None);
        recent.extend((1..=5).map(|position| (Position(position), change.clone())));
        assert_eq!(recent.between(Position(1), Position(5), 9), None);
        let positions = |after, through, at_most| {
            let found = recent.between(Position(after), Position(through), at_most);
            found.map(|changes| changes.into_iter().map(|(position, _)| position.0).collect::<Vec<_>>())
        };
        assert_eq!(positions(2, 5, 9), Some(vec![3, 4, 5]));
        assert_eq!(positions(3, 4, 9), Some(vec![4]));
        assert_eq!(positions(2, 5, 1), Some(vec![3]));
    }
}
