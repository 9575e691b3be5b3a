//! On which days clients used transaction ids: asked for with every message, and read once.

use std::collections::HashMap;

use hearth_storage::{
    StorageError, View,
    schema::{self, timers::Timer},
};
use parking_lot::Mutex;

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Of so many days something is remembered: today and yesterday, and more where the clock jumps.
const DAYS: usize = 8;

#[derive(Default)]
pub(crate) struct TransactionDays(Mutex<HashMap<u64, Day>>);

/// What is known of a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Day {
    /// No id was used on it.
    Empty,
    /// A commit is made that uses one, and may yet be dropped.
    Used,
    /// Some were, and the timer that deletes them is set.
    Timed,
}

impl TransactionDays {
    /// Whether ids may have been used on a day, by what a writer sees.
    pub fn may_have_any(&self, written: &View, day: u64) -> Result<bool, StorageError> {
        Ok(self.look_at(written, day, Day::Empty)? != Day::Empty)
    }

    /// Whether the timer of a day is set. Whoever asks is about to use an id on that day, and sets it if it is not.
    pub fn has_timer(&self, written: &View, day: u64) -> Result<bool, StorageError> {
        Ok(self.look_at(written, day, Day::Used)? == Day::Timed)
    }

    fn look_at(&self, written: &View, day: u64, at_least: Day) -> Result<Day, StorageError> {
        let mut days = self.0.lock();
        let known = days.get(&day).copied();
        if let Some(known) = known
            && (known == Day::Timed || at_least == Day::Empty)
        {
            return Ok(known);
        }
        let (due, timer) = timer(day);
        let is_timed = written.contains(&schema::TIMERS, (due, &timer))?;
        let found = if is_timed { Day::Timed } else { at_least };
        if days.len() >= DAYS {
            days.clear();
        }
        days.insert(day, found);
        Ok(found)
    }
}

/// The timer that deletes the ids of a day, and when it is due, in milliseconds.
pub(crate) fn timer(day: u64) -> (u64, Timer) {
    ((day + 2) * DAY_MS, Timer::ForgetTransactions { day })
}

#[cfg(test)]
mod tests {
    use hearth_storage::{MemoryEngine, Store, StoreOptions};

    use super::*;

    #[tokio::test]
    async fn a_day_is_empty_until_an_id_is_used_and_has_a_timer_from_when_one_is_set() {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        let days = TransactionDays::default();
        let may_have_any = || days.may_have_any(&store.written(), 7).unwrap();
        let has_timer = || days.has_timer(&store.written(), 7).unwrap();
        assert!(!may_have_any());
        // One is used, and what uses it is dropped: the next one has to set the timer.
        assert!(!has_timer());
        assert!(may_have_any());
        assert!(!has_timer());

        let mut transaction = store.begin().unwrap();
        let (due, timer) = timer(7);
        transaction.set_timer(due, &timer);
        let commit = transaction.submit();
        assert!(has_timer() && may_have_any());
        commit.await.unwrap();

        let anew = TransactionDays::default();
        assert!(anew.may_have_any(&store.view(), 7).unwrap());
        assert!(!anew.may_have_any(&store.view(), 6).unwrap());
    }
}
