/// The shares of the one memory budget (`memory_mib`), in bytes. Together they are no more than it.
///
/// What the allocator, the threads and requests in flight need comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// The storage engine: its block cache and its write buffers.
    pub storage: usize,
    /// Hot rooms: events, state trees, current state and extremities.
    pub rooms: usize,
    /// Answers and positions of `/sync`, receipts, typing, presence.
    pub sync: usize,
    /// Sessions, devices, profiles, push rules; and the keys and addresses of other servers.
    pub users: usize,
}

impl MemoryBudget {
    /// Half goes to the storage engine, whose cache serves everything that the others do not hold; most of the
    /// rest to rooms, which every message reads.
    pub(super) fn split(memory_mib: u32) -> Self {
        let sixteenth = (memory_mib as usize) << 16;
        Self { storage: 8 * sixteenth, rooms: 5 * sixteenth, sync: 2 * sixteenth, users: sixteenth }
    }
}
