//! Asking the policy servers of rooms (server-server API, "Policy Servers").

use std::time::Duration;

use futures::{StreamExt as _, future::BoxFuture, stream};
use hearth_rooms::{PolicyServers, Room, RoomError};
use hearth_spec::{Pdu, RoomPolicy};
use ruma::{ServerName, api::federation::policy::sign_event::v1::Request as Sign};

use crate::{BackOff, Client, Federation, FederationError, Limits, joining::raw};

/// How long it is waited for: a user does.
const LIMITS: Limits =
    Limits { timeout: Duration::from_secs(10), back_off: BackOff::Ignored, ..Limits::USUAL };
/// The same for an event that came.
const FOR_OTHERS: Limits = Limits { timeout: Duration::from_secs(5), ..Limits::USUAL };
/// How many events of a transaction are asked about at once.
const AT_ONCE: usize = 8;

impl PolicyServers for Client {
    fn sign<'a>(&'a self, via: &'a ServerName, pdu: &'a Pdu) -> BoxFuture<'a, Result<Pdu, RoomError>> {
        Box::pin(async move {
            self.recommended_by(via, pdu, LIMITS).await.map_err(|error| match error {
                FederationError::Refused { status, error, .. } if status.is_client_error() => {
                    RoomError::Forbidden(error)
                }
                error => {
                    tracing::info!(%error, server = %via, "a policy server does not answer");
                    RoomError::NoPolicyServer
                }
            })
        })
    }
}

impl Client {
    /// The event with a policy server's signature.
    async fn recommended_by(
        &self,
        via: &ServerName,
        pdu: &Pdu,
        limits: Limits,
    ) -> Result<Pdu, FederationError> {
        let answer = self.send_with(via, Sign::new(raw(pdu)?), limits).await?;
        let missing = || FederationError::Invalid("the policy server sent no signature".to_owned());
        let signature = answer.ed25519_signature(via).ok_or_else(missing)?;
        RoomPolicy::signed(pdu, via, signature).map_err(|error| FederationError::Invalid(error.to_string()))
    }
}

impl Federation {
    /// The events, with signatures of the room's policy server where they lack good ones and it gives them. What it does
    /// not recommend is for the room to see.
    pub(crate) async fn recommended(&self, room: &Room, pdus: Vec<Pdu>) -> Result<Vec<Pdu>, RoomError> {
        let Some(policy) = room.policy()? else { return Ok(pdus) };
        let policy = &policy;
        let ask = |pdu: Pdu| async move {
            let known = room.event(pdu.event_id())?.is_some_and(|event| event.state.is_some());
            if known || policy.recommends(&pdu) {
                return Ok(pdu);
            }
            let signed = self.client().recommended_by(&policy.via, &pdu, FOR_OTHERS).await;
            Ok(signed.unwrap_or_else(|error| {
                tracing::debug!(%error, event = %pdu.event_id(), "a policy server recommends no event");
                pdu
            }))
        };
        stream::iter(pdus).map(ask).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }
}
