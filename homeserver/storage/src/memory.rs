//! The engine in memory, for tests: it fails as it is told, from a seed.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::{Bound, Range},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{AnyKeyspace, Batch, Direction, Op, RawRange, RawScan, StorageError, engine::Engine, schema};

/// What goes wrong, and when.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Faults {
    /// All that is left to chance comes from here.
    pub seed: u64,
    /// These writes from now on fail, the first being 1. Nothing of them is there afterwards.
    pub fail_writes: Range<u64>,
    /// The power fails in the n-th write from now on: it is written, but neither synced nor answered.
    pub lose_power_in_write: Option<u64>,
    /// The disk is full after this many more bytes of keys and values.
    pub capacity: Option<u64>,
    /// A write takes up to this long.
    pub delay: Duration,
}

/// Ordered keys in memory. Cheap to clone: all clones are one engine, and what one wrote the others read, so
/// that a test can open a second store on it as if after a restart.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    disk: RwLock<Disk>,
    /// Held by the one write that is under way.
    writing: Mutex<()>,
    gate: Gate,
}

/// Where writes wait while a test holds them.
#[derive(Default)]
struct Gate {
    /// How many hold it closed.
    held: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut held = self.held.lock();
        self.opened.wait_while(&mut held, |held| *held > 0);
    }
}

/// Keeps what is queued from the disk for as long as it lives.
#[must_use]
pub struct Hold {
    shared: Arc<Shared>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.shared.gate.held.lock() -= 1;
        self.shared.gate.opened.notify_all();
    }
}

/// Every key with the values that it had, oldest first, each with the number of the write that set it.
type Versions = BTreeMap<Vec<u8>, Vec<(u64, Option<Vec<u8>>)>>;

struct Disk {
    keyspaces: Vec<Versions>,
    /// The number of the last write.
    written: u64,
    /// The last write that readers see.
    visible: u64,
    /// The last write that a crash cannot take away.
    synced: u64,
    /// How many snapshots there are of each write.
    snapshots: BTreeMap<u64, usize>,
    /// Keys with values that are of no use once all readers have come to this write.
    stale: VecDeque<(u64, usize, Vec<u8>)>,
    faults: Faults,
    chance: ChaCha8Rng,
    writes_since_faults: u64,
    bytes_since_faults: u64,
    without_power: bool,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            keyspaces: vec![BTreeMap::new(); schema::ALL.len()],
            written: 0,
            visible: 0,
            synced: 0,
            snapshots: BTreeMap::new(),
            stale: VecDeque::new(),
            faults: Faults::default(),
            chance: ChaCha8Rng::seed_from_u64(0),
            writes_since_faults: 0,
            bytes_since_faults: 0,
            without_power: false,
        }
    }
}

impl MemoryEngine {
    /// An empty engine in which nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty engine in which this goes wrong.
    pub fn with_faults(faults: Faults) -> Self {
        let engine = Self::default();
        engine.set_faults(faults);
        engine
    }

    /// From now on this goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        let mut disk = self.shared.disk.write();
        disk.chance = ChaCha8Rng::seed_from_u64(faults.seed);
        disk.faults = faults;
        disk.writes_since_faults = 0;
        disk.bytes_since_faults = 0;
    }

    /// Keeps all writes waiting until what this gives is dropped: a window, held open, in which commits are
    /// queued and not durable.
    pub fn hold(&self) -> Hold {
        *self.shared.gate.held.lock() += 1;
        Hold { shared: self.shared.clone() }
    }

    /// The power fails: this engine takes no more writes, and the one under way is not answered.
    pub fn cut_power(&self) {
        self.shared.disk.write().without_power = true;
    }

    /// The power fails, if it has not yet. Gives the engine as the next start finds it, with all that was
    /// synced and, as chance will, some of the writes after that, from the first on, each whole. In it nothing
    /// goes wrong.
    pub fn crash(&self) -> Self {
        self.cut_power();
        let mut disk = self.shared.disk.write();
        let (synced, written) = (disk.synced, disk.written);
        let kept = disk.chance.random_range(synced..=written);
        Self::from_disk(disk.as_of(kept))
    }

    /// What would be there if the power failed now and nothing were kept but what was synced.
    pub fn synced(&self) -> Self {
        let disk = self.shared.disk.read();
        Self::from_disk(disk.as_of(disk.synced))
    }

    fn from_disk(disk: Disk) -> Self {
        Self { shared: Arc::new(Shared { disk: RwLock::new(disk), ..Shared::default() }) }
    }

    fn at(&self, at: Option<&MemorySnapshot>, disk: &Disk) -> u64 {
        at.map_or(disk.visible, |snapshot| {
            debug_assert!(Arc::ptr_eq(&snapshot.shared, &self.shared), "a snapshot of another engine");
            snapshot.write
        })
    }
}

impl Disk {
    fn get(&self, keyspace: AnyKeyspace, key: &[u8], at: u64) -> Option<&[u8]> {
        self.keyspaces[keyspace.index].get(key).and_then(|versions| value_at(versions, at))
    }

    /// A disk with nothing but what readers of that write see.
    fn as_of(&self, write: u64) -> Self {
        let keyspaces = self
            .keyspaces
            .iter()
            .map(|keys| {
                keys.iter()
                    .filter_map(|(key, versions)| {
                        let value = value_at(versions, write)?;
                        Some((key.clone(), vec![(write, Some(value.to_vec()))]))
                    })
                    .collect()
            })
            .collect();
        Self { keyspaces, written: write, visible: write, synced: write, ..Self::default() }
    }

    fn with_power(&self) -> Result<(), StorageError> {
        if self.without_power { Err(StorageError::Engine("the power failed".to_owned())) } else { Ok(()) }
    }

    /// Whether a write of so many bytes is taken.
    fn accept(&mut self, bytes: u64) -> Result<(), StorageError> {
        self.with_power()?;
        self.writes_since_faults += 1;
        self.bytes_since_faults += bytes;
        if self.faults.fail_writes.contains(&self.writes_since_faults) {
            return Err(StorageError::Engine("input/output error".to_owned()));
        }
        if self.faults.capacity.is_some_and(|capacity| self.bytes_since_faults > capacity) {
            return Err(StorageError::Engine("no space left on the disk".to_owned()));
        }
        Ok(())
    }

    /// Writes what is neither synced nor seen yet.
    fn write<'a>(&mut self, batches: impl Iterator<Item = &'a Batch>) {
        self.written += 1;
        for (keyspace, op) in batches.flat_map(Batch::ops) {
            match op {
                Op::Put { key, value } => self.set(keyspace, key, Some(value)),
                Op::Delete { key } => self.set(keyspace, key, None),
                Op::DeleteRange { from, to } => self.delete_range(keyspace, from, to),
            }
        }
        if self.faults.lose_power_in_write == Some(self.writes_since_faults) {
            self.without_power = true;
        }
    }

    fn set(&mut self, keyspace: AnyKeyspace, key: &[u8], value: Option<&[u8]>) {
        let versions = self.keyspaces[keyspace.index].entry(key.to_vec()).or_default();
        // A key written twice in one batch has its last value.
        versions.retain(|(write, _)| *write != self.written);
        versions.push((self.written, value.map(<[u8]>::to_vec)));
        if versions.len() > 1 || value.is_none() {
            self.stale.push_back((self.written, keyspace.index, key.to_vec()));
        }
    }

    fn delete_range(&mut self, keyspace: AnyKeyspace, from: &[u8], to: &[u8]) {
        if from >= to {
            return;
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        let keys: Vec<_> =
            self.keyspaces[keyspace.index].range::<[u8], _>(range).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.set(keyspace, &key, None);
        }
    }

    /// Forgets the values that no snapshot and no crash can bring back.
    fn forget_stale(&mut self) {
        let settled = self.visible.min(self.synced);
        let floor = self.snapshots.keys().next().map_or(settled, |oldest| settled.min(*oldest));
        while self.stale.front().is_some_and(|(write, ..)| *write <= floor) {
            let Some((_, keyspace, key)) = self.stale.pop_front() else { break };
            let Some(versions) = self.keyspaces[keyspace].get_mut(&key) else { continue };
            let newest = versions.iter().rposition(|(write, _)| *write <= floor).unwrap_or(0);
            versions.drain(..newest);
            if let [(_, None)] = versions.as_slice() {
                self.keyspaces[keyspace].remove(&key);
            }
        }
    }
}

fn value_at(versions: &[(u64, Option<Vec<u8>>)], at: u64) -> Option<&[u8]> {
    versions.iter().rev().find(|(write, _)| *write <= at).and_then(|(_, value)| value.as_deref())
}

/// The state after one write.
pub struct MemorySnapshot {
    shared: Arc<Shared>,
    write: u64,
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        let mut disk = self.shared.disk.write();
        if let Some(count) = disk.snapshots.get_mut(&self.write) {
            *count -= 1;
            if *count == 0 {
                disk.snapshots.remove(&self.write);
            }
        }
    }
}

/// A scan under way.
pub struct MemoryScan<'a> {
    engine: &'a MemoryEngine,
    keyspace: AnyKeyspace,
    write: u64,
    /// Holds the state of a scan that was given none.
    _held: Option<MemorySnapshot>,
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    direction: Direction,
    done: bool,
}

impl RawScan for MemoryScan<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let disk = self.engine.shared.disk.read();
        let mut range = disk.keyspaces[self.keyspace.index]
            .range::<[u8], _>((as_slice(&self.lower), as_slice(&self.upper)))
            .filter_map(|(key, versions)| Some((key, value_at(versions, self.write)?)));
        let found = match self.direction {
            Direction::Forward => range.next(),
            Direction::Reverse => range.next_back(),
        };
        let Some((key, value)) = found else {
            self.done = true;
            return Ok(None);
        };
        match self.direction {
            Direction::Forward => self.lower = Bound::Excluded(key.clone()),
            Direction::Reverse => self.upper = Bound::Excluded(key.clone()),
        }
        Ok(Some(read(key, value)))
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

impl Engine for MemoryEngine {
    type Scan<'a> = MemoryScan<'a>;
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> MemorySnapshot {
        let mut disk = self.shared.disk.write();
        let write = disk.visible;
        *disk.snapshots.entry(write).or_default() += 1;
        MemorySnapshot { shared: self.shared.clone(), write }
    }

    fn get<T>(
        &self,
        at: Option<&MemorySnapshot>,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StorageError> {
        let disk = self.shared.disk.read();
        Ok(disk.get(keyspace, key, self.at(at, &disk)).map(read))
    }

    fn multi_get<T>(
        &self,
        at: Option<&MemorySnapshot>,
        keyspace: AnyKeyspace,
        keys: &[&[u8]],
        mut read: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>, StorageError> {
        let disk = self.shared.disk.read();
        let at = self.at(at, &disk);
        Ok(keys.iter().map(|key| disk.get(keyspace, key, at).map(&mut read)).collect())
    }

    fn scan<'a>(
        &'a self,
        at: Option<&'a MemorySnapshot>,
        keyspace: AnyKeyspace,
        range: RawRange,
    ) -> MemoryScan<'a> {
        let held = at.is_none().then(|| self.snapshot());
        let write = at.or(held.as_ref()).map_or(0, |snapshot| snapshot.write);
        // `BTreeMap::range` takes no range that ends before it begins.
        let done = range.end.as_ref().is_some_and(|end| *end <= range.start);
        MemoryScan {
            engine: self,
            keyspace,
            write,
            _held: held,
            lower: Bound::Included(range.start),
            upper: range.end.map_or(Bound::Unbounded, Bound::Excluded),
            direction: range.direction,
            done,
        }
    }

    fn apply<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch> + Clone,
        sync: bool,
    ) -> Result<(), StorageError> {
        self.shared.gate.pass();
        let _writing = self.shared.writing.lock();
        let mut disk = self.shared.disk.write();
        let accepted = disk.accept(batches.clone().map(Batch::size).sum::<usize>() as u64);
        if accepted.is_ok() {
            disk.write(batches);
        }
        let most = disk.faults.delay;
        if !most.is_zero() {
            let delay = disk.chance.random_range(Duration::ZERO..=most);
            // The power may fail meanwhile, with the write on the disk and not synced.
            #[expect(clippy::disallowed_methods, reason = "a slow disk keeps the thread that writes")]
            RwLockWriteGuard::unlocked(&mut disk, || thread::sleep(delay));
        }
        accepted?;
        disk.with_power()?;
        disk.visible = disk.written;
        if sync {
            disk.synced = disk.written;
        }
        disk.forget_stale();
        Ok(())
    }

    fn recover(&self) -> Result<(), StorageError> {
        // Without power nothing is written until the next start.
        self.shared.disk.read().with_power().map_err(|error| StorageError::Stopped(error.to_string()))
    }

    fn compact(&self, _: AnyKeyspace) {}
}
