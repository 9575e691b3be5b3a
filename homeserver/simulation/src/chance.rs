//! All chance comes from the seed, also that of the standard library.
//!
//! The order of a `HashMap` depends on random keys, which the standard library asks the operating system for. It does
//! so by a function of the C library, of which it says that a program may have one of its own: here is one. So a
//! seed also decides in which order maps are walked, and a run finds what depends on it.

use std::{cell::Cell, fs::File, io::Read as _};

use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on, what this thread gets from the operating system by chance comes from this seed. To be called first
/// thing in a new thread: what was drawn before remains.
pub fn seed_this_thread(seed: u64) {
    SEED.set(Some(seed));
}

/// One of many independent sources of one seed.
pub fn source(seed: u64, number: u64) -> ChaCha8Rng {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    source.set_stream(number);
    source
}

/// `getrandom(2)`: from the seed in a thread that has one, else from the operating system.
#[allow(unsafe_code, reason = "it takes the place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: who calls it owns so many bytes there.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    if let Ok(Some(seed)) = SEED.try_with(Cell::get) {
        // The same each time: some ask once for the whole process, and what others get must not depend on whether
        // that was in this run.
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(bytes);
        return length as isize;
    }
    let filled = File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes));
    if filled.is_ok() { length as isize } else { -1 }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn a_seed_decides_the_order_of_maps() {
        let order = |seed| {
            let walk = move || {
                seed_this_thread(seed);
                (0..100).collect::<HashSet<i32>>().into_iter().collect::<Vec<_>>()
            };
            thread::spawn(walk).join().unwrap()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
