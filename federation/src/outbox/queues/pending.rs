//! What of the log is still to be delivered or written down.

use std::collections::BTreeMap;

use hearth_storage::Position;

/// Counts for each position of the log how much that it caused is neither delivered nor written down yet.
pub(super) struct Pending {
    open: BTreeMap<Position, usize>,
    read: Position,
}

impl Pending {
    /// Nothing is pending yet of what comes after a position.
    pub fn new(read: Position) -> Self {
        Self { open: BTreeMap::new(), read }
    }

    /// So much more is pending because of a position.
    pub fn hold(&mut self, position: Position, times: usize) {
        if times > 0 {
            *self.open.entry(position).or_default() += times;
        }
    }

    /// One thing that a position caused is delivered or written down.
    pub fn release(&mut self, position: Position) {
        let open = self.open.get_mut(&position);
        debug_assert!(open.is_some(), "nothing is pending because of {position}");
        if let Some(open) = open {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&position);
            }
        }
    }

    /// Everything up to here was read, and what it caused is held.
    pub fn read_to(&mut self, position: Position) {
        self.read = self.read.max(position);
    }

    /// Everything up to here is dealt with.
    pub fn settled(&self) -> Position {
        match self.open.first_key_value() {
            Some((first, _)) => self.read.min(first.before()),
            None => self.read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_open_holds_the_rest() {
        let mut pending = Pending::new(Position(4));
        assert_eq!(pending.settled(), Position(4));
        pending.hold(Position(6), 2);
        pending.hold(Position(8), 1);
        pending.read_to(Position(9));
        assert_eq!(pending.settled(), Position(5));
        pending.release(Position(6));
        assert_eq!(pending.settled(), Position(5));
        pending.release(Position(6));
        assert_eq!(pending.settled(), Position(7));
        pending.release(Position(8));
        assert_eq!(pending.settled(), Position(9));
    }
}
