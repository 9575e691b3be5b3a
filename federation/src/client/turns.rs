//! How many requests are under way at once, and what their answers weigh.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    turns::Crowded,
    weight::{Scales, Weight},
};

/// What may be under way at once.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub requests: usize,
    /// Of answers that are being read.
    pub bytes: usize,
}

/// Bounds for all servers together, and for each.
pub(super) struct Turns {
    all: Arc<Share>,
    per_server: Bounds,
    servers: Mutex<HashMap<OwnedServerName, Weak<Share>>>,
}

/// What is left of the bounds.
struct Share {
    requests: Arc<Semaphore>,
    answers: Scales,
}

/// What a request has taken of a share.
struct Part {
    _share: Arc<Share>,
    _request: Option<OwnedSemaphorePermit>,
    answer: Weight,
}

/// Held for as long as a request is under way.
pub(super) struct Turn {
    of_server: Part,
    of_all: Part,
}

impl Turns {
    pub(super) fn new(all: Bounds, per_server: Bounds) -> Self {
        Self { all: Arc::new(Share::new(all)), per_server, servers: Mutex::default() }
    }

    /// The server's turn comes first: who waits for a slow server takes none from the others.
    pub(super) async fn take(&self, server: &ServerName) -> Turn {
        let of_server = Part::take(self.share_of(server)).await;
        let of_all = Part::take(self.all.clone()).await;
        Turn { of_server, of_all }
    }

    fn share_of(&self, server: &ServerName) -> Arc<Share> {
        let mut servers = self.servers.lock();
        if let Some(share) = servers.get(server).and_then(Weak::upgrade) {
            return share;
        }
        // Never more than those in use, and as many again.
        if servers.len() == servers.capacity() {
            servers.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Share::new(self.per_server));
        servers.insert(server.to_owned(), Arc::downgrade(&share));
        share
    }
}

impl Turn {
    /// Lets in so many more bytes of the answer.
    pub(super) fn weigh(&mut self, bytes: usize) -> Result<(), Crowded> {
        self.of_server.answer.add(bytes)?;
        self.of_all.answer.add(bytes)
    }
}

impl Share {
    fn new(bounds: Bounds) -> Self {
        let requests = Arc::new(Semaphore::new(bounds.requests.max(1)));
        Self { requests, answers: Scales::new(bounds.bytes) }
    }
}

impl Part {
    async fn take(share: Arc<Share>) -> Self {
        // The semaphore is never closed.
        let request = share.requests.clone().acquire_owned().await.ok();
        Self { _request: request, answer: share.answers.weight(), _share: share }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use ruma::server_name;

    use super::*;
    use crate::weight::LIGHT;

    fn turns(requests: usize, per_server: usize) -> Turns {
        let bounds = |requests: usize, bytes: usize| Bounds { requests, bytes };
        Turns::new(bounds(requests, 150), bounds(per_server, 100))
    }

    #[tokio::test]
    async fn each_server_has_so_many_turns_and_all_together_have_more() {
        let turns = turns(3, 2);
        let (a, b) = (server_name!("a.example"), server_name!("b.example"));
        let first = turns.take(a).await;
        let _second = turns.take(a).await;
        assert!(turns.take(a).now_or_never().is_none());
        let _third = turns.take(b).await;
        assert!(turns.take(b).now_or_never().is_none());
        drop(first);
        let _fourth = turns.take(b).await;
        assert!(turns.take(a).now_or_never().is_none());
    }

    #[tokio::test]
    async fn each_server_has_its_share_of_what_answers_weigh() {
        let turns = turns(8, 8);
        let (a, b) = (server_name!("a.example"), server_name!("b.example"));
        let (mut large, mut another) = (turns.take(a).await, turns.take(a).await);
        large.weigh(LIGHT + 100).unwrap();
        another.weigh(LIGHT + 1).unwrap_err();
        let mut other = turns.take(b).await;
        other.weigh(LIGHT + 50).unwrap();
        let mut late = turns.take(server_name!("c.example")).await;
        late.weigh(LIGHT + 1).unwrap_err();
        drop(large);
        other.weigh(50).unwrap();
    }
}
