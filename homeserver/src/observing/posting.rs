//! Sending what waits, in batches.

use std::time::Duration;

use bytes::Bytes;
use hearth_network::{Network, NetworkError, read_body};
use http::HeaderMap;
use tokio::sync::mpsc;

/// How long it is waited for more before a batch goes.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the receiver may take, and what is read of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 64 << 10;

/// What waits to be sent.
pub(super) type Queue<T> = mpsc::Receiver<T>;

pub(super) fn queue<T>(waiting: usize) -> (mpsc::Sender<T>, Queue<T>) {
    mpsc::channel(waiting)
}

/// A request to a receiver.
pub(super) struct Request {
    pub url: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// Sends what comes into a queue, up to `at_once` together. What a receiver does not take is lost, and said once until it takes something again.
pub(super) async fn send_all<T>(
    network: Network,
    mut queue: Queue<T>,
    at_once: usize,
    request: impl Fn(Vec<T>) -> Request,
) {
    let mut is_well = true;
    loop {
        let mut batch = Vec::new();
        if queue.recv_many(&mut batch, at_once).await == 0 {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        while batch.len() < at_once
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let request = request(batch);
        let url = request.url.clone();
        match tokio::time::timeout(PATIENCE, post(&network, request))
            .await
            .unwrap_or(Err(NetworkError::TimedOut))
        {
            Ok(()) => is_well = true,
            // No error of the log: it would be reported there again.
            Err(error) if is_well => {
                is_well = false;
                tracing::warn!(%error, url, "what the server tells of itself is not taken");
            }
            Err(_) => {}
        }
    }
}

async fn post(network: &Network, request: Request) -> Result<(), NetworkError> {
    let answer = network.post(&request.url, request.headers, Bytes::from(request.body)).await?;
    let status = answer.status();
    read_body(answer.into_body(), MAX_ANSWER, |_| Ok(())).await?;
    match status.is_success() {
        true => Ok(()),
        false => Err(NetworkError::Exchange(format!("it answers {status}"))),
    }
}
