//! Bringing a transaction to its destination.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use hearth_storage::Clock;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedServerName, ServerName, UInt,
    api::federation::transactions::send_transaction_message::v1::Request, serde::Raw,
};

use super::transaction::Transaction;
use crate::{Client, Destinations, FederationError, Limits, Purpose};

/// Whoever gets many events at once takes a while, as it may have to ask for others before it answers.
const LIMITS: Limits = Limits {
    purpose: Purpose::Transactions,
    timeout: Duration::from_secs(90),
    body_bytes: 1 << 20,
    ..Limits::USUAL
};

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
        transaction: Transaction,
    ) -> BoxFuture<'a, Result<(), FederationError>>;
}

/// Transactions by HTTP.
pub(super) struct Wire {
    pub own: OwnedServerName,
    pub client: Client,
    pub destinations: Destinations,
    pub clock: Arc<dyn Clock>,
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
        transaction: Transaction,
    ) -> BoxFuture<'a, Result<(), FederationError>> {
        Box::pin(async move {
            let Transaction { id, pdus, edus } = transaction;
            let now = UInt::new_saturating(self.clock.now_ms());
            let mut request = Request::new(id.into(), self.own.clone(), MilliSecondsSinceUnixEpoch(now));
            request.pdus = pdus;
            request.edus = edus.into_iter().map(Raw::from_json).collect();
            let response = self.client.send_with(server, request, LIMITS).await?;
            for (event, refused) in response.pdus {
                if let Err(error) = refused {
                    tracing::debug!(%server, %event, error, "a server did not take an event");
                }
            }
            Ok(())
        })
    }
}
