//! All that federation is made of.

use std::sync::Arc;

use hearth_appservices::AppServices;
use hearth_http::{
    MatrixError,
    limits::{Asker, Class, Limiter},
};
use hearth_media::Media;
use hearth_network::{Dialer, Network};
use hearth_rooms::Rooms;
use hearth_spec::SigningKey;
use hearth_storage::{Clock, Random, Store};
use hearth_sync::SyncService;
use hearth_users::Users;
use ruma::ServerName;

use crate::{
    Client, Destinations, FederationError, FederationOptions, KeyRing, client::ClientParts,
    outbox::Exceptions, under_way::UnderWay,
};

/// What a [`Federation`] is made of.
pub struct Parts {
    pub options: FederationOptions,
    /// Signs requests and events of this server.
    pub key: SigningKey,
    pub rooms: Rooms,
    pub users: Users,
    pub media: Media,
    pub sync: SyncService,
    pub store: Store,
    /// They may have the users and aliases that other servers ask for.
    pub services: AppServices,
    /// Reaches other servers.
    pub dialer: Arc<dyn Dialer>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// What this server does with others. Cheap to clone.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    parts: Parts,
    client: Client,
    keys: KeyRing,
    destinations: Destinations,
    under_way: UnderWay,
    limiter: Limiter,
    exceptions: Arc<Exceptions>,
}

impl Federation {
    /// Begins to federate. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`FederationError`] if what is stored of other servers cannot be read.
    pub fn start(parts: Parts) -> Result<Self, FederationError> {
        let destinations =
            Destinations::open(parts.store.clone(), parts.clock.clone(), parts.random.clone())?;
        let client = Client::new(ClientParts {
            options: parts.options.clone(),
            key: parts.key.clone(),
            network: Network::new(parts.dialer.clone(), &parts.options.network),
            destinations: destinations.clone(),
            bans: parts.rooms.bans().clone(),
            clock: parts.clock.clone(),
        });
        let keys = KeyRing::new(
            client.clone(),
            parts.key.clone(),
            parts.store.clone(),
            parts.clock.clone(),
            &parts.options,
        );
        parts.rooms.ask_policy_servers(Arc::new(client.clone()));
        let limiter = Limiter::new(parts.options.rate_limits.clone());
        Ok(Self(Arc::new(Inner {
            parts,
            limiter,
            client,
            keys,
            destinations,
            under_way: UnderWay::default(),
            exceptions: Arc::default(),
        })))
    }

    pub fn server_name(&self) -> &ServerName {
        &self.0.parts.options.server_name
    }

    /// Whether a server is this one.
    pub fn is_own(&self, server: &ServerName) -> bool {
        server == self.server_name()
    }

    pub fn options(&self) -> &FederationOptions {
        &self.0.parts.options
    }

    /// Asks other servers.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The keys of other servers.
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// Which servers answer.
    pub fn destinations(&self) -> &Destinations {
        &self.0.destinations
    }

    /// The events that the outbox does not send as their sender says.
    pub(crate) fn exceptions(&self) -> &Arc<Exceptions> {
        &self.0.exceptions
    }

    /// What is being done with other servers.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.0.under_way
    }

    /// Counts a request of that class.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` if there were too many.
    pub(crate) fn limit(&self, class: Class, asker: Asker<'_>) -> Result<(), MatrixError> {
        self.0.limiter.take(class, asker, self.now_ms())
    }

    /// This server's own key.
    pub fn signing_key(&self) -> &SigningKey {
        &self.0.parts.key
    }

    pub fn rooms(&self) -> &Rooms {
        &self.0.parts.rooms
    }

    pub fn users(&self) -> &Users {
        &self.0.parts.users
    }

    pub fn media(&self) -> &Media {
        &self.0.parts.media
    }

    pub fn sync(&self) -> &SyncService {
        &self.0.parts.sync
    }

    pub fn services(&self) -> &AppServices {
        &self.0.parts.services
    }

    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.parts.clock
    }

    pub fn random(&self) -> &Arc<dyn Random> {
        &self.0.parts.random
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.0.parts.clock.now_ms()
    }
}
