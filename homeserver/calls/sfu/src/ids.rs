//! Ids that clients know participants, tracks and rooms by.

use crate::outside::Outside;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A new id, such as `PA_` and 14 letters: 83 bits that nobody guesses.
pub fn new_id(prefix: &str, outside: &dyn Outside) -> String {
    let mut bytes = [0; 14];
    outside.fill(&mut bytes);
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    prefix.chars().chain(letters).collect()
}
