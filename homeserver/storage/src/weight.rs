//! About how much memory things take, for caches that are bounded in bytes.

/// What an entry of a hash map takes besides its key and value: a byte of control, and the places that are free.
const HASH_SLOT: usize = 8;
/// What the allocator adds to each piece of memory.
const ALLOCATION: usize = 16;

/// About what a hash map with so many places takes, without what its entries point to.
pub fn of_map<K, V>(capacity: usize) -> usize {
    capacity * (size_of::<(K, V)>() + HASH_SLOT)
}

/// About what a text of its own takes, such as an owned id, besides the pointer to it.
pub fn of_text(text: &str) -> usize {
    text.len() + ALLOCATION
}
