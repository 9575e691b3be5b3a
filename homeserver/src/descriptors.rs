//! How the process's file descriptors are shared out: whoever opens connections must not leave the database without
//! files, nor the server without a way to reach others.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is made of "no limit", and the most that is shared out.
const ENOUGH: u64 = 1 << 16;

/// How many descriptors each part may have. A sixteenth is left for media, name servers and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// Files that the database keeps open.
    pub database: u32,
    /// Connections to other servers.
    pub outgoing: usize,
    /// Connections to push gateways.
    pub pushes: usize,
    /// Connections that others open to this one.
    pub incoming: usize,
    /// Relays of calls, and connections to have one.
    pub relays: usize,
}

impl Descriptors {
    /// Those that the process may have now.
    pub fn available() -> Self {
        Self::share(getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH))
    }

    fn share(total: u64) -> Self {
        let total = total.min(ENOUGH) as u32;
        Self {
            database: (total / 4).min(4096),
            outgoing: (total / 32 * 3).min(2048) as usize,
            pushes: (total / 32).min(256) as usize,
            incoming: (total / 2) as usize,
            relays: (total / 32).min(2048) as usize,
        }
    }
}

/// Raises the limit of descriptors as far as the process may; the usual one, 1,024, is there for programs that would
/// fail with more.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.unwrap_or(ENOUGH).max(limit.current.unwrap_or(ENOUGH));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_less_than_the_whole() {
        for total in [256, 1024, 20_000, 1 << 16, u64::MAX] {
            let Descriptors { database, outgoing, pushes, incoming, relays } = Descriptors::share(total);
            let shared = database as usize + outgoing + pushes + incoming + 2 * relays;
            assert!(shared <= total.min(ENOUGH) as usize * 15 / 16);
        }
        let shares = Descriptors { database: 256, outgoing: 96, pushes: 32, incoming: 512, relays: 32 };
        assert_eq!(Descriptors::share(1024), shares);
    }

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert!(limit.maximum.is_none_or(|maximum| limit.current == Some(maximum)));
    }
}
