//! How much is done for what a server sends.

use std::time::Duration;

use tokio::time::Instant;

/// How long all fetching for the events of one transaction in one room may take.
const TIME: Duration = Duration::from_secs(90);
/// How often missing events are asked for.
const ROUNDS: u32 = 8;
/// How often the state before an event is fetched.
const STATES: u32 = 3;
/// How often the auth events of an event are fetched.
const AUTH_CHAINS: u32 = 8;

/// What is left to be spent on the gaps of a room, so that a chain without end ends.
pub(crate) struct Effort {
    pub deadline: Instant,
    rounds: u32,
    states: u32,
    auth_chains: u32,
}

impl Effort {
    pub fn new() -> Self {
        Self { deadline: Instant::now() + TIME, rounds: ROUNDS, states: STATES, auth_chains: AUTH_CHAINS }
    }

    /// Whether missing events may be asked for once more.
    pub fn another_round(&mut self) -> bool {
        spend(&mut self.rounds)
    }

    /// Whether the state before an event may be fetched once more.
    pub fn another_state(&mut self) -> bool {
        spend(&mut self.states)
    }

    /// Takes one fetching of a state out of what is left, if there is one: for an event itself, so that the events
    /// before it do not spend it.
    pub fn set_aside_state(&mut self) -> u32 {
        u32::from(spend(&mut self.states))
    }

    /// Gives back what was [set aside](Self::set_aside_state).
    pub fn give_back_state(&mut self, set_aside: u32) {
        self.states += set_aside;
    }

    /// Whether auth events may be fetched once more.
    pub fn another_auth_chain(&mut self) -> bool {
        spend(&mut self.auth_chains)
    }
}

fn spend(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
