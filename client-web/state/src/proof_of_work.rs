//! What a server may ask of whoever registers instead of a captcha: some computing, which costs a person nothing and
//! who registers by the thousand a lot. A solution is a number, as text, with which the SHA-256 of `challenge:solution`
//! begins with so many zero bits.

use std::ops::Range;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The name of the stage.
pub const STAGE: &str = "app.hearth.login.proof_of_work";

/// More is refused: it would take minutes.
const MAX_BITS: u32 = 24;

/// What is to be solved.
#[derive(Clone, Debug, Deserialize)]
pub struct Work {
    challenge: String,
    bits: u32,
}

impl Work {
    /// Whether it can be done while somebody waits.
    pub fn is_bearable(&self) -> bool {
        self.bits <= MAX_BITS
    }

    /// The first of these numbers that solves it.
    pub fn solve(&self, mut numbers: Range<u64>) -> Option<String> {
        let begun = Sha256::new().chain_update(&self.challenge).chain_update(":");
        let solves = |number: &u64| {
            let hash = begun.clone().chain_update(number.to_string()).finalize();
            zero_bits(&hash) >= self.bits
        };
        numbers.find(solves).map(|number| number.to_string())
    }
}

/// With how many zero bits it begins.
fn zero_bits(hash: &[u8]) -> u32 {
    let zero_bytes = hash.iter().take_while(|byte| **byte == 0).count();
    8 * zero_bytes as u32 + hash.get(zero_bytes).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_begins_with_zeros() {
        let work = Work { challenge: "hearth".to_owned(), bits: 12 };
        let solution = work.solve(0..1 << 20).unwrap();
        let hash = Sha256::digest(format!("hearth:{solution}"));
        assert!(hash[0] == 0 && hash[1] < 16, "{hash:?}");
        let number: u64 = solution.parse().unwrap();
        assert_eq!(work.solve(0..number), None);
        assert!(work.is_bearable() && !Work { bits: 25, ..work }.is_bearable());
    }

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        assert_eq!([&[0x80, 0][..], &[0, 0x10], &[0, 0], &[]].map(zero_bits), [0, 11, 16, 0]);
    }
}
