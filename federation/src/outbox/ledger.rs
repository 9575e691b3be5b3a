//! How far the log is dealt with.

use std::collections::BTreeMap;

use hearth_storage::Position;

/// Counts what hangs on each position of the log and is neither delivered nor written down.
pub(super) struct Ledger {
    open: BTreeMap<Position, usize>,
    read: Position,
}

impl Ledger {
    /// A ledger for what comes after a position.
    pub fn new(read: Position) -> Self {
        Self { open: BTreeMap::new(), read }
    }

    /// So much hangs on a position from now on.
    pub fn hold(&mut self, position: Position, times: usize) {
        if times > 0 {
            *self.open.entry(position).or_default() += times;
        }
    }

    /// One of what hangs on a position is dealt with.
    pub fn release(&mut self, position: Position) {
        let open = self.open.get_mut(&position);
        debug_assert!(open.is_some(), "nothing hangs on {position}");
        if let Some(open) = open {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&position);
            }
        }
    }

    /// Everything up to here was read, and what hangs on it is held.
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
        let mut ledger = Ledger::new(Position(4));
        assert_eq!(ledger.settled(), Position(4));
        ledger.hold(Position(6), 2);
        ledger.hold(Position(8), 1);
        ledger.read_to(Position(9));
        assert_eq!(ledger.settled(), Position(5));
        ledger.release(Position(6));
        assert_eq!(ledger.settled(), Position(5));
        ledger.release(Position(6));
        assert_eq!(ledger.settled(), Position(7));
        ledger.release(Position(8));
        assert_eq!(ledger.settled(), Position(9));
    }
}
