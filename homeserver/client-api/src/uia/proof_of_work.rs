//! A proof of work: whoever registers has their machine compute for a moment, which costs a person nothing and who
//! registers by the thousand a lot. No third party is asked.
//!
//! The client looks for a text, the *solution*, such that the SHA-256 of `challenge:solution` begins with so many zero
//! bits. The challenge is the session of the authentication and ends with it: a solution is good for one account.

use sha2::{Digest as _, Sha256};

/// The name of the stage. Its `params` have `challenge` and `bits`, its `auth` has `solution`.
pub const STAGE: &str = "app.hearth.login.proof_of_work";

/// The longest solution that is looked at, in bytes.
const MAX_SOLUTION: usize = 64;

/// Whether a solution solves a challenge.
pub fn solves(challenge: &str, solution: &str, bits: u32) -> bool {
    solution.len() <= MAX_SOLUTION && zero_bits(challenge, solution) >= bits
}

fn zero_bits(challenge: &str, solution: &str) -> u32 {
    let hash = Sha256::new().chain_update(challenge).chain_update(":").chain_update(solution).finalize();
    let zero_bytes = hash.iter().take_while(|byte| **byte == 0).count();
    8 * zero_bytes as u32 + hash.get(zero_bytes).map_or(0, |byte| byte.leading_zeros())
}

/// The first of the numbers that solves a challenge.
#[cfg(test)]
pub(crate) fn solution_of(challenge: &str, bits: u32) -> String {
    (0_u64..).map(|number| number.to_string()).find(|number| solves(challenge, number, bits)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_so_many_zero_bits() {
        let solution = solution_of("hearth", 12);
        assert!(solves("hearth", &solution, 12));
        assert!(!solves("hearth", &solution, 200));
        assert!(!solves("another", &solution, 12), "a solution is of one challenge");
        assert!(solves("hearth", "", 0) && !solves("hearth", &"0".repeat(65), 0));
    }
}
