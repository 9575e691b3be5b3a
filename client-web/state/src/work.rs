//! The proof of work that a server may ask of whoever registers, so that nobody makes accounts by the thousand: a text, the
//! *solution*, such that the SHA-256 of `challenge:solution` begins with so many zero bits.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The stage of a registration in which it is shown: its `params` have `challenge` and `bits`, its `auth` has `solution`.
pub const STAGE: &str = "app.hearth.login.proof_of_work";

/// What asks for more would take a phone an hour.
const MOST_BITS: u32 = 28;

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Work {
    challenge: String,
    bits: u32,
}

impl Work {
    /// Whether anybody would wait for it.
    pub fn is_doable(&self) -> bool {
        self.bits <= MOST_BITS
    }

    /// The first of some numbers that solves it.
    pub fn solution(&self, numbers: impl IntoIterator<Item = u64>) -> Option<String> {
        let begun = Sha256::new().chain_update(&self.challenge).chain_update(":");
        let mut numbers = numbers.into_iter().map(|number| number.to_string());
        numbers.find(|number| zero_bits(&begun.clone().chain_update(number).finalize()) >= self.bits)
    }
}

fn zero_bits(hash: &[u8]) -> u32 {
    let zero_bytes = hash.iter().take_while(|byte| **byte == 0).count();
    8 * zero_bytes as u32 + hash.get(zero_bytes).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(bits: u32) -> Work {
        serde_json::from_value(serde_json::json!({ "challenge": "hearth", "bits": bits })).unwrap()
    }

    #[test]
    fn a_solution_is_the_first_number_whose_hash_begins_with_so_many_zeros() {
        // echo -n hearth:NUMBER | sha256sum
        assert_eq!(asked(12).solution(0..), Some("3172".to_owned()));
        assert_eq!(asked(16).solution(0..), Some("69187".to_owned()));
        assert_eq!(asked(0).solution(0..), Some("0".to_owned()));
    }

    #[test]
    fn what_was_looked_through_is_not_looked_through_again() {
        assert_eq!(asked(12).solution(0..3_172), None);
        assert_eq!(asked(12).solution(3172..3173), Some("3172".to_owned()));
    }

    #[test]
    fn nobody_computes_for_an_hour() {
        assert!(asked(18).is_doable() && !asked(40).is_doable());
    }
}
