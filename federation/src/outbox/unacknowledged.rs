//! Transactions that their destinations did not acknowledge. Each goes out again as it was, under the same id, before
//! anything else does ("Transactions": a server waits for a 200 before it sends another).

use std::{collections::HashMap, sync::Arc};

use super::{queues::ServerNid, transaction::Filled};

/// They take no more memory than this, in bytes. One that is forgotten is made anew, with another id.
const MAX_BYTES: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Unacknowledged {
    by_server: HashMap<ServerNid, Arc<Filled>>,
    bytes: usize,
}

impl Unacknowledged {
    pub fn insert(&mut self, server: ServerNid, filled: Arc<Filled>) {
        self.remove(server);
        self.bytes += filled.transaction.size();
        self.by_server.insert(server, filled);
        while self.bytes > MAX_BYTES {
            // Any of them will do.
            let Some(other) = self.by_server.keys().next().copied() else { return };
            self.remove(other);
        }
    }

    pub fn get(&self, server: ServerNid) -> Option<&Arc<Filled>> {
        self.by_server.get(&server)
    }

    pub fn remove(&mut self, server: ServerNid) {
        if let Some(filled) = self.by_server.remove(&server) {
            self.bytes -= filled.transaction.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::Position;
    use ruma::ServerName;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::outbox::queues::Queues;

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut queues, mut kept) = (Queues::new(Position::NONE), Unacknowledged::default());
        let text = to_raw_value(&"x".repeat(1 << 20)).unwrap();
        let mut filled = Filled::default();
        filled.transaction.pdus = vec![text; 10];
        let filled = Arc::new(filled);
        for number in 0..20 {
            let server = queues.nid(&ServerName::parse(format!("s{number}")).unwrap());
            kept.insert(server, filled.clone());
            kept.insert(server, filled.clone());
        }
        assert!(kept.bytes <= MAX_BYTES);
        assert_eq!((kept.by_server.len(), kept.bytes), (6, 6 * filled.transaction.size()));
    }
}
