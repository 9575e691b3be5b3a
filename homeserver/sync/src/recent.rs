//! What changed last among many things: a bounded memory of where to look for what a client was not told.

use std::collections::VecDeque;

use crate::token::UpTo;

/// The things that changed last, each once, the latest at the end.
#[derive(Debug)]
pub(crate) struct Recent<K> {
    changes: VecDeque<(K, UpTo)>,
    /// Every change after this is among them.
    complete_after: UpTo,
    capacity: usize,
}

impl<K: PartialEq> Recent<K> {
    /// Remembers the last `capacity` things that change, once it [begins](Self::begin).
    pub fn new(capacity: usize) -> Self {
        Self { changes: VecDeque::new(), complete_after: UpTo::MAX, capacity }
    }

    /// What changes from here on is noted; what changed up to `complete_after` may have been missed.
    pub fn begin(&mut self, complete_after: UpTo) {
        self.complete_after = complete_after;
    }

    /// Notes a change.
    pub fn note(&mut self, key: K, at: UpTo) {
        // Mostly it is one of the last: of a hot room there is one change after the other.
        match self.changes.iter().rposition(|(known, _)| *known == key) {
            Some(place) => {
                if let Some((key, known)) = self.changes.remove(place) {
                    self.changes.push_back((key, known.max(at)));
                }
            }
            None => {
                if self.changes.len() == self.capacity
                    && let Some((_, dropped)) = self.changes.pop_front()
                {
                    self.complete_after = self.complete_after.max(dropped);
                }
                self.changes.push_back((key, at));
            }
        }
    }

    /// About how many bytes it takes, without what the keys point to.
    pub fn bytes(&self) -> usize {
        self.changes.capacity() * size_of::<(K, UpTo)>()
    }

    /// What changed after what was told; `None` where more did than is remembered.
    pub fn after(&self, told: UpTo) -> Option<impl Iterator<Item = &K>> {
        let complete = !self.complete_after.exceeds(told);
        complete.then(|| self.changes.iter().filter(move |(_, at)| at.exceeds(told)).map(|(key, _)| key))
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::Position;

    use super::*;

    fn upto(log: u64) -> UpTo {
        UpTo { log: Position(log), ephemeral: 0 }
    }

    fn after(recent: &Recent<u64>, told: u64) -> Option<Vec<u64>> {
        recent.after(upto(told)).map(|changed| changed.copied().collect())
    }

    #[test]
    fn each_thing_is_there_once_by_its_last_change() {
        let mut recent = Recent::new(9);
        assert_eq!(after(&recent, 9), None, "it has not begun");
        recent.begin(upto(0));
        recent.note(1, upto(10));
        recent.note(2, upto(11));
        recent.note(1, upto(12));
        assert_eq!(after(&recent, 9), Some(vec![2, 1]));
        assert_eq!(after(&recent, 11), Some(vec![1]));
        assert_eq!(after(&recent, 12), Some(vec![]));
    }

    #[test]
    fn what_is_no_longer_remembered_is_said() {
        let mut recent = Recent::new(100);
        recent.begin(upto(5));
        assert_eq!(after(&recent, 4), None);
        assert_eq!(after(&recent, 5), Some(vec![]));
        for key in 1..=200 {
            recent.note(key, upto(10 + key));
        }
        assert_eq!(after(&recent, 5), None);
        assert_eq!(after(&recent, 109), None);
        assert_eq!(after(&recent, 110).map(|changed| changed.len()), Some(100));
    }
}
