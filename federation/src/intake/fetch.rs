//! Asking other servers for events of a room.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use hearth_spec::{Pdu, RoomVersion, VerifyError};
use ruma::{
    OwnedEventId, RoomId, ServerName,
    api::{
        OutgoingRequest,
        federation::{
            authorization::get_event_authorization::v1::Request as GetAuthChain,
            event::get_event::v1::Request as GetEvent,
        },
        path_builder::SinglePath,
    },
};
use serde_json::value::RawValue;

use crate::{Federation, FederationError, Limits, client::Authenticates, intake::room::RoomIntake};

/// How many single events are fetched at once.
const AT_ONCE: usize = 8;
/// For some events: a server that hangs leaves time to ask another within all that is spent (`effort.rs`).
pub(crate) const SOME: Limits = Limits { timeout: Duration::from_secs(15), ..Limits::USUAL };
/// The longest auth chain that is looked at.
const MAX_AUTH_CHAIN: usize = 20_000;

impl Federation {
    /// The events that came from a server which have good signatures; why others were dropped is logged.
    pub(crate) async fn verified(&self, from: &ServerName, version: RoomVersion, pdus: Vec<Pdu>) -> Vec<Pdu> {
        if pdus.is_empty() {
            return pdus;
        }
        good(self.keys().verify(from, version, pdus).await)
    }
}

/// Those with good signatures.
fn good(verified: Vec<Result<Pdu, VerifyError>>) -> Vec<Pdu> {
    let good = verified.into_iter().filter_map(|verified| {
        verified.inspect_err(|error| tracing::debug!(%error, "a fetched event is dropped")).ok()
    });
    good.collect()
}

/// The texts that are events of the room; the others are dropped.
pub(crate) fn parse_events(
    version: RoomVersion,
    room: &RoomId,
    texts: impl IntoIterator<Item = Box<RawValue>>,
) -> Vec<Pdu> {
    let parse = |text: Box<RawValue>| match Pdu::parse(version, text.get()) {
        Ok(pdu) => Some(pdu).filter(|pdu| pdu.room_id() == room),
        Err(error) => {
            tracing::debug!(%error, "a fetched event is none");
            None
        }
    };
    texts.into_iter().filter_map(parse).collect()
}

impl RoomIntake<'_> {
    /// Asks one server after the other, until one answers.
    pub async fn ask<R>(&self, request: R) -> Result<Option<R::IncomingResponse>, FederationError>
    where
        R: OutgoingRequest<PathBuilder = SinglePath>,
        R::Authentication: Authenticates,
    {
        for server in self.servers()? {
            let limits = self.limits(&server, SOME);
            match self.federation.client().send_with(&server, request.clone(), limits).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => tracing::debug!(%server, %error, "what is missing in a room was not given"),
            }
        }
        Ok(None)
    }

    pub fn parse(&self, texts: impl IntoIterator<Item = Box<RawValue>>) -> Vec<Pdu> {
        parse_events(self.room.version(), self.room.id(), texts)
    }

    pub async fn verified(&self, pdus: Vec<Pdu>) -> Vec<Pdu> {
        good(self.federation.keys().verify_soon(&self.first, self.room.version(), pdus).await)
    }

    /// Those that are not part of the history that is here.
    pub fn not_here(&self, pdus: Vec<Pdu>) -> Result<Vec<Pdu>, FederationError> {
        let mut new = Vec::with_capacity(pdus.len());
        for pdu in pdus {
            if !self.room.is_known(pdu.event_id())? {
                new.push(pdu);
            }
        }
        Ok(new)
    }

    /// Fetches single events from a server, as far as it has them. That it could not be asked for one of them is an
    /// error: whether it has that one is not known.
    pub async fn fetch_events(
        &self,
        server: &ServerName,
        ids: Vec<OwnedEventId>,
    ) -> Result<Vec<Pdu>, FederationError> {
        let fetch = |id: OwnedEventId| async move {
            let (request, limits) = (GetEvent::new(id.clone()), self.limits(server, SOME));
            match self.federation.client().send_with(server, request, limits).await {
                Ok(answer) => Ok(self.parse([answer.pdu]).into_iter().find(|pdu| pdu.event_id() == id)),
                Err(FederationError::Invalid(_)) => Ok(None),
                Err(error) if error.is_refusal() => Ok(None),
                Err(error) => Err(error),
            }
        };
        let fetched = stream::iter(ids).map(fetch).buffer_unordered(AT_ONCE);
        fetched.try_filter_map(|event| std::future::ready(Ok(event))).try_collect().await
    }

    /// Fetches the auth events of an event, and theirs, as far as they are not here.
    pub async fn fetch_auth_chain(&self, pdu: &Pdu) -> Result<(), FederationError> {
        let request = GetAuthChain::new(self.room.id().to_owned(), pdu.event_id_owned().clone());
        if let Some(answer) = self.ask(request).await? {
            let events = self.parse(answer.auth_chain.into_iter().take(MAX_AUTH_CHAIN));
            self.keep_outliers(events).await?;
        }
        Ok(())
    }

    /// Verifies and keeps those events that are not here and whose auth events are, now or before.
    pub async fn keep_outliers(&self, pdus: Vec<Pdu>) -> Result<(), FederationError> {
        let ids: Vec<OwnedEventId> = pdus.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
        let mut absent: HashSet<OwnedEventId> = self.room.absent(&ids)?.into_iter().collect();
        let new = pdus.into_iter().filter(|pdu| absent.remove(pdu.event_id())).collect();
        let good = self.verified(new).await;
        if !good.is_empty() {
            self.room.receive_outliers(good).await?;
        }
        Ok(())
    }
}
