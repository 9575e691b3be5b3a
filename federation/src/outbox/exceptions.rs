//! Events that are not sent as their sender says.

use std::collections::VecDeque;

use parking_lot::Mutex;
use ruma::{EventId, OwnedEventId};

/// So many are remembered: each is asked for as soon as its event is in the log.
const REMEMBERED: usize = 1024;

/// What is to be done with an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exception {
    /// A server that joined, left or knocked through this one made it: this one sends it to the others.
    Relay,
    /// Made here for a room in which another server sends it to the others.
    LeaveToOthers,
}

/// The events of which something else is known. After a crash they are forgotten: then servers get an event twice,
/// or with the next that names it.
#[derive(Default)]
pub(crate) struct Exceptions(Mutex<VecDeque<(OwnedEventId, Exception)>>);

impl Exceptions {
    pub fn insert(&self, event: &EventId, exception: Exception) {
        let mut known = self.0.lock();
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back((event.to_owned(), exception));
    }

    /// What was said of an event, once.
    pub fn take(&self, event: &EventId) -> Option<Exception> {
        let mut known = self.0.lock();
        let place = known.iter().position(|(known, _)| known == event)?;
        known.remove(place).map(|(_, exception)| exception)
    }
}
