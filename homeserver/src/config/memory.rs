use hearth_search::LEAST_MEMORY;

/// The shares of the one memory budget (`memory_mib`), in bytes. Together they are no more than it.
///
/// What the allocator, the threads and requests in flight need comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// The storage engine: its block cache and its write buffers.
    pub storage: usize,
    /// Hot rooms: events, state trees, current state and extremities.
    pub rooms: usize,
    /// Who syncs and what each was told, unread counts, typing, presence.
    pub sync: usize,
    /// What push rules make of the newest events of rooms.
    pub evaluated: usize,
    /// Sessions, devices, profiles, push rules.
    pub users: usize,
    /// The keys and addresses of other servers.
    pub servers: usize,
    /// Writing the index of messages.
    pub search: usize,
}

impl MemoryBudget {
    /// The most goes to the storage engine, whose cache serves everything that the others do not hold, and to rooms,
    /// which every message reads. Each part divides its share among its caches and weighs what it keeps.
    pub(super) fn split(memory_mib: u32, message_search: bool) -> Self {
        let sixteenth = (memory_mib as usize) << 16;
        let servers = sixteenth / 8;
        let evaluated = 3 * sixteenth / 4;
        // The index of messages has a least, which is more than that of a small budget.
        let search = if message_search { sixteenth.max(LEAST_MEMORY) } else { 0 };
        Self {
            storage: (7 * sixteenth).saturating_sub(search),
            rooms: 5 * sixteenth,
            sync: 3 * sixteenth - evaluated,
            evaluated,
            users: sixteenth - servers,
            servers,
            search,
        }
    }
}
