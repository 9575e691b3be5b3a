//! How many connections there are, in all and of each address.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

/// How many an address has: many people may share one.
const OF_ADDRESS: usize = 128;

/// The connections of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    most: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A place for one from that address, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.count >= self.most || of_address >= OF_ADDRESS {
            return None;
        }
        open.count += 1;
        open.by_address.insert(address, of_address + 1);
        Some(Place { address, open: self.open.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.count -= 1;
        let left = open.by_address.get(&self.address).map_or(0, |count| count - 1);
        match left {
            0 => _ = open.by_address.remove(&self.address),
            left => _ = open.by_address.insert(self.address, left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_than_may_be_in_all_and_of_one_address() {
        let connections = Connections::new(200);
        let from = |address: [u8; 4], count| -> Vec<_> {
            (0..count).filter_map(|_| connections.admit(address.into())).collect()
        };
        let first = from([1, 1, 1, 1], 1000);
        assert_eq!(first.len(), OF_ADDRESS);
        let second = from([2, 2, 2, 2], 1000);
        assert_eq!(second.len(), 200 - OF_ADDRESS);
        drop(first);
        assert_eq!(from([2, 2, 2, 2], 1000).len(), OF_ADDRESS - second.len());
        drop(second);
        assert!(connections.open.lock().by_address.is_empty());
    }
}
