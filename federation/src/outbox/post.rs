//! Bringing a transaction to its destination.

use std::{collections::BTreeMap, time::Duration};

use futures::future::BoxFuture;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedServerName, ServerName, UInt,
    api::federation::transactions::send_transaction_message::v1::Request, serde::Raw,
};
use serde::Deserialize;

use super::transaction::Transaction;
use crate::{Client, Destinations, FederationError, Limits, Purpose, client::unsent};

/// Whoever gets many events at once takes a while, as it may have to ask for others before it answers.
const LIMITS: Limits = Limits {
    purpose: Purpose::Transactions,
    timeout: Duration::from_secs(90),
    body_bytes: 1 << 20,
    ..Limits::USUAL
};

/// What a destination says of the events that it was sent.
#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    pdus: BTreeMap<String, Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    error: Option<String>,
}

/// The way to other servers.
pub(super) trait Post: Send + Sync + 'static {
    /// Whether a destination may be tried now.
    fn may_try(&self, server: &ServerName) -> bool;

    /// Returns when a destination may be tried, or is heard from.
    fn ready<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, ()>;

    /// Returns when a destination could be connected to.
    fn reach<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, Result<(), FederationError>>;

    /// Sends a transaction, and returns when the destination has it.
    fn send<'a>(
        &'a self,
        server: &'a ServerName,
        transaction: &'a Transaction,
    ) -> BoxFuture<'a, Result<(), FederationError>>;
}

/// Transactions by HTTP.
pub(super) struct Wire {
    pub own: OwnedServerName,
    pub client: Client,
    pub destinations: Destinations,
}

impl Post for Wire {
    fn may_try(&self, server: &ServerName) -> bool {
        self.destinations.may_try(server)
    }

    fn ready<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, ()> {
        Box::pin(self.destinations.ready(server))
    }

    fn reach<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, Result<(), FederationError>> {
        Box::pin(self.client.reach(server, LIMITS))
    }

    fn send<'a>(
        &'a self,
        server: &'a ServerName,
        transaction: &'a Transaction,
    ) -> BoxFuture<'a, Result<(), FederationError>> {
        Box::pin(async move {
            let made_at = MilliSecondsSinceUnixEpoch(UInt::new_saturating(transaction.made_at));
            let mut request = Request::new(transaction.id.clone().into(), self.own.clone(), made_at);
            request.pdus.clone_from(&transaction.pdus);
            request.edus = transaction.edus.iter().cloned().map(Raw::from_json).collect();
            let answer = self.client.ask(server, &unsent(request)?, LIMITS).await?;
            // Whatever it says: with a 200 the destination has the transaction.
            let said = serde_json::from_slice::<Answer>(answer.body()).unwrap_or_default();
            for (event, said) in said.pdus {
                if let Some(error) = said.error {
                    tracing::debug!(%server, event, error, "a server did not take an event");
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::put};
    use http::StatusCode;

    use super::*;
    use crate::testing::{Peer, Transport};

    #[tokio::test]
    async fn with_any_200_the_destination_has_it() {
        let send = async |status: StatusCode, body: &'static str| {
            let answer = put(async move || (status, body));
            let peer =
                Peer::serve(|_, _| Router::new().route("/_matrix/federation/v1/send/{id}", answer)).await;
            let Transport { client, destinations, .. } = Transport::new(peer.trusted());
            let wire = Wire { own: "own.example".try_into().unwrap(), client, destinations };
            wire.send(&peer.name, &Transaction { id: "1".to_owned(), ..Transaction::default() }).await
        };
        for body in [r#"{"pdus":{"$a":{"error":"no"},"$b":{}}}"#, "{}", "", "[]", "nonsense"] {
            send(StatusCode::OK, body).await.unwrap();
        }
        for status in [StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
            send(status, "{}").await.unwrap_err();
        }
    }
}
