//! How many requests may be under way at once, for each purpose, and how many bytes of their answers are read at once.

use std::{sync::Arc, time::Duration};

use hearth_http::{
    byte_budget::{ByteBudget, ByteCounter},
    keyed::Crowded,
};
use hearth_network::NetworkError;
use ruma::{OwnedServerName, ServerName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed_semaphore::{KeyedSemaphore, Permit};

/// What a request is made for. Each purpose has places of its own, so that none waits for those of another: what
/// anyone can make this server ask must never hold up messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Sending transactions.
    Transactions,
    /// Rooms: joins, missing events, history.
    Rooms,
    /// Keys and devices of users.
    UserKeys,
    /// What users, or anyone, want to know of another server: profiles, aliases, summaries, published rooms.
    Lookups,
    /// Files.
    Media,
    /// Keys of servers, before anything of theirs is believed.
    ServerKeys,
}

/// What may be under way at once for one purpose.
#[derive(Clone, Copy)]
struct Bounds {
    /// To all servers together.
    all: Share,
    /// To each server.
    per_server: Share,
    /// How many may wait for a place, and for how long.
    waiting: usize,
    patience: Duration,
}

/// A number of requests, and bytes of answers that are being read. The first 64 KiB of each do not count.
#[derive(Clone, Copy)]
struct Share {
    requests: usize,
    bytes: usize,
}

const MIB: usize = 1 << 20;

impl Purpose {
    const ALL: [Self; 6] =
        [Self::Transactions, Self::Rooms, Self::UserKeys, Self::Lookups, Self::Media, Self::ServerKeys];

    const fn bounds(self) -> Bounds {
        match self {
            // The outbox begins no more than these, so it never waits.
            Self::Transactions => Bounds {
                all: Share { requests: 512, bytes: 64 * MIB },
                per_server: Share { requests: 2, bytes: MIB },
                waiting: 512,
                patience: Duration::from_secs(30),
            },
            // One of the largest answers may be read from each server, and two in all.
            Self::Rooms => Bounds {
                all: Share { requests: 512, bytes: 512 * MIB },
                per_server: Share { requests: 32, bytes: 256 * MIB },
                waiting: 4096,
                patience: Duration::from_secs(30),
            },
            // A client asks for all members of a room at once.
            Self::UserKeys => Bounds {
                all: Share { requests: 256, bytes: 64 * MIB },
                per_server: Share { requests: 16, bytes: 16 * MIB },
                waiting: 4096,
                patience: Duration::from_secs(10),
            },
            Self::Lookups => Bounds {
                all: Share { requests: 64, bytes: 32 * MIB },
                per_server: Share { requests: 8, bytes: 8 * MIB },
                waiting: 256,
                patience: Duration::from_secs(4),
            },
            // What is read of a file is written to the disk at once.
            Self::Media => Bounds {
                all: Share { requests: 128, bytes: 0 },
                per_server: Share { requests: 16, bytes: 0 },
                waiting: 256,
                patience: Duration::from_secs(15),
            },
            // Not more than are fetched at once (`key_ring/fetching.rs`).
            Self::ServerKeys => Bounds {
                all: Share { requests: 256, bytes: 16 * MIB },
                // One at a time for its own keys, and a notary for those of others.
                per_server: Share { requests: 256, bytes: 4 * MIB },
                waiting: 256,
                patience: Duration::from_secs(15),
            },
        }
    }
}

/// The places of all purposes.
pub(super) struct Places([Pool; Purpose::ALL.len()]);

impl Default for Places {
    fn default() -> Self {
        Self(Purpose::ALL.map(|purpose| Pool::new(purpose.bounds())))
    }
}

impl Places {
    /// Waits for a place, but not for long.
    pub(super) async fn take(&self, purpose: Purpose, server: &ServerName) -> Result<Place, Crowded> {
        self.0[purpose as usize].take(server).await
    }

    /// How many requests may still be begun at once.
    #[cfg(test)]
    pub(super) fn free(&self, purpose: Purpose) -> usize {
        self.0[purpose as usize].requests.available_permits()
    }
}

/// The places of one purpose.
struct Pool {
    requests: Arc<Semaphore>,
    servers: KeyedSemaphore<OwnedServerName>,
    answers: ByteBudget<OwnedServerName>,
    waiting: Semaphore,
    patience: Duration,
}

/// Held for as long as a request is under way.
pub(super) struct Place {
    _request: Option<OwnedSemaphorePermit>,
    _of_server: Permit<OwnedServerName>,
    answer: ByteCounter<OwnedServerName>,
}

impl Pool {
    fn new(Bounds { all, per_server, waiting, patience }: Bounds) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(all.requests)),
            servers: KeyedSemaphore::new(per_server.requests, per_server.requests + waiting),
            answers: ByteBudget::new(all.bytes, per_server.bytes),
            waiting: Semaphore::new(waiting),
            patience,
        }
    }

    async fn take(&self, server: &ServerName) -> Result<Place, Crowded> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Crowded)?;
        let wait = async {
            // The server's place comes first: who waits for a slow server takes none from the others.
            let of_server = self.servers.acquire(server.to_owned()).await?;
            // The semaphore is never closed.
            let request = self.requests.clone().acquire_owned().await.ok();
            let answer = self.answers.counter(server.to_owned());
            Ok(Place { _request: request, _of_server: of_server, answer })
        };
        tokio::time::timeout(self.patience, wait).await.unwrap_or(Err(Crowded))
    }
}

impl Place {
    /// Lets in so many more bytes of the answer.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), NetworkError> {
        self.answer.add(bytes).map_err(|Crowded| NetworkError::Crowded)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use ruma::server_name;

    use super::*;
    use hearth_http::byte_budget::UNCOUNTED;

    fn pool(requests: usize, per_server: usize) -> Pool {
        Pool::new(Bounds {
            all: Share { requests, bytes: 150 },
            per_server: Share { requests: per_server, bytes: 100 },
            waiting: 2,
            patience: Duration::from_millis(20),
        })
    }

    #[tokio::test]
    async fn each_server_has_so_many_places_and_all_together_have_more() {
        let pool = pool(3, 2);
        let (a, b) = (server_name!("a.example"), server_name!("b.example"));
        let first = pool.take(a).await.unwrap();
        let _second = pool.take(a).await.unwrap();
        assert!(pool.take(a).now_or_never().is_none());
        let _third = pool.take(b).await.unwrap();
        assert!(pool.take(b).now_or_never().is_none());
        drop(first);
        let _fourth = pool.take(b).await.unwrap();
        assert!(pool.take(a).now_or_never().is_none());
    }

    #[tokio::test]
    async fn few_wait_and_nobody_for_long() {
        let pool = pool(1, 1);
        let server = server_name!("a.example");
        let _held = pool.take(server).await.unwrap();
        let waiting = || Box::pin(pool.take(server));
        let (mut first, mut second) = (waiting(), waiting());
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        assert!(matches!(pool.take(server).now_or_never(), Some(Err(Crowded))));
        assert!(first.await.is_err() && second.await.is_err());
    }

    #[tokio::test]
    async fn each_server_has_its_share_of_the_bytes_of_answers() {
        let pool = pool(8, 8);
        let (a, b) = (server_name!("a.example"), server_name!("b.example"));
        let (mut large, mut another) = (pool.take(a).await.unwrap(), pool.take(a).await.unwrap());
        large.count(UNCOUNTED + 100).unwrap();
        another.count(UNCOUNTED + 1).unwrap_err();
        let mut other = pool.take(b).await.unwrap();
        other.count(UNCOUNTED + 50).unwrap();
        let mut late = pool.take(server_name!("c.example")).await.unwrap();
        late.count(UNCOUNTED + 1).unwrap_err();
        drop(large);
        other.count(50).unwrap();
    }

    #[tokio::test]
    async fn no_purpose_takes_the_places_of_another() {
        let places = Places::default();
        let server = server_name!("a.example");
        let mut held = Vec::new();
        while let Some(Ok(place)) = places.take(Purpose::Lookups, server).now_or_never() {
            held.push(place);
        }
        assert_eq!(held.len(), Purpose::Lookups.bounds().per_server.requests);
        for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Lookups) {
            assert_eq!(places.free(purpose), purpose.bounds().all.requests);
            places.take(purpose, server).await.unwrap();
        }
    }
}
