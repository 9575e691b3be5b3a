//! What the handlers work with.

use std::{
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::FromRef;
use hearth_appservices::AppServices;
use hearth_calls::CallService;
use hearth_federation::{AskedBy, Federation};
use hearth_http::{
    TrustedProxies,
    byte_budget::ByteBudget,
    limits::{Asker, Class, Limiter, RateLimits},
};
use hearth_media::Media;
use hearth_network::Network;
use hearth_previews::Previews;
use hearth_push::Pushes;
use hearth_rooms::Rooms;
use hearth_search::{People, Search};
use hearth_storage::{Clock, Random};
use hearth_sync::SyncService;
use hearth_users::Users;
use ruma::{OwnedServerName, OwnedUserId, RoomVersionId, api::client::uiaa::LoginTermsParams};

use crate::{
    Captcha, Result,
    account::shared_secret::Nonces,
    hearth_admin::{history::History, settings::Setting},
};

/// Who may make an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Registration {
    /// Everyone, guests as well.
    Open,
    /// Who knows this token (`m.login.registration_token`), or one that an administrator made.
    Token(String),
    /// Who knows a token that an administrator made.
    Tokens,
    /// No one, but for the shared secret.
    Off,
}

/// TURN servers, and the secret that credentials for them are made of.
#[derive(Clone, Debug)]
pub struct TurnServers {
    /// Such as `turn:turn.example.org:3478?transport=udp`.
    pub uris: Vec<String>,
    pub secret: String,
}

/// How the client-server API behaves.
#[derive(Clone, Debug)]
pub struct ClientApiOptions {
    pub server_name: OwnedServerName,
    pub registration: Registration,
    /// What whoever registers has to show where everyone may.
    pub captcha: Option<Captcha>,
    /// What whoever registers has to accept.
    pub terms: Option<LoginTermsParams>,
    /// Turns on `/_synapse/admin/v1/register`.
    pub registration_shared_secret: Option<String>,
    /// Whether an administrator has to let in who registers.
    pub approve_registrations: bool,
    /// Turns on logins with `org.matrix.login.jwt`: the secret of HS256.
    pub jwt_secret: Option<String>,
    /// The audience that they must be for.
    pub jwt_audience: Option<String>,
    /// Who must have made them.
    pub jwt_issuer: Option<String>,
    /// Whether users find all others of this server, and not those alone whom they share a room with or who are in an open one.
    pub find_all_users: bool,
    /// Whether media can be fetched without a token, at the old paths.
    pub legacy_media: bool,
    /// Whether what lies in private networks may be reached: push gateways need no HTTPS then.
    pub allow_private_networks: bool,
    /// `None` turns rate limits off.
    pub rate_limits: Option<RateLimits>,
    /// The proxies that say where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// Where clients reach this server, for `/.well-known/matrix/client`: `https://matrix.example.org`.
    pub base_url: Option<String>,
    /// The LiveKit services where clients meet for calls, the best first: the URL of each one's `lk-jwt-service`.
    pub rtc_livekit: Vec<String>,
    /// The TURN servers that relay calls.
    pub turn: Option<TurnServers>,
    /// An e-mail address for `/.well-known/matrix/support`.
    pub support_email: Option<String>,
    /// A page for `/.well-known/matrix/support`.
    pub support_page: Option<String>,
    /// The user from whom users get notices of the server.
    pub server_notices: Option<OwnedUserId>,
    /// The version of new rooms.
    pub default_room_version: RoomVersionId,
    /// The data folder, if there is one.
    pub folder: Option<PathBuf>,
    /// All that is set, for administrators.
    pub settings: Vec<Setting>,
}

impl ClientApiOptions {
    /// A server that lets no one in, with limits on.
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            registration: Registration::Off,
            captcha: None,
            terms: None,
            registration_shared_secret: None,
            approve_registrations: false,
            jwt_secret: None,
            jwt_audience: None,
            jwt_issuer: None,
            find_all_users: false,
            legacy_media: false,
            allow_private_networks: false,
            rate_limits: Some(RateLimits::default()),
            trusted_proxies: TrustedProxies::default(),
            base_url: None,
            rtc_livekit: Vec::new(),
            turn: None,
            support_email: None,
            support_page: None,
            server_notices: None,
            default_room_version: RoomVersionId::V12,
            folder: None,
            settings: Vec::new(),
        }
    }
}

/// What a [`ClientApi`] is made of.
pub struct Parts {
    pub options: ClientApiOptions,
    pub users: Users,
    pub rooms: Rooms,
    pub media: Media,
    pub sync: SyncService,
    pub pushes: Pushes,
    /// What users ask of other servers.
    pub federation: Federation,
    pub services: AppServices,
    /// Reaches the service of a captcha.
    pub network: Network,
    /// The user directory.
    pub people: People,
    /// `None` where messages are not searched.
    pub search: Option<Search>,
    /// `None` where no previews of web pages are made.
    pub previews: Option<Previews>,
    /// `None` where no calls are carried.
    pub calls: Option<CallService>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// How many bytes bodies may take together: those of requests from their first byte until they are answered, those of
/// answers until they are taken.
const MAX_BODIES: usize = 384 << 20;

/// The same for those of one user or address: all members of a large room, or three of
/// [`MAX_BODY`](crate::request::MAX_BODY) with all values that they may have.
pub(crate) const MAX_BODIES_OF_ONE: usize = 128 << 20;

/// What the handlers work with: cheap to clone. It gives the [`Parts`] it was made of.
#[derive(Clone)]
pub struct ClientApi(Arc<Inner>);

struct Inner {
    parts: Parts,
    limiter: Limiter,
    nonces: Nonces,
    bodies: ByteBudget<AskedBy>,
    requests: AtomicU64,
    history: History,
    started_at: u64,
}

impl ClientApi {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let limiter = Limiter::new(parts.options.rate_limits.clone());
        let started_at = parts.clock.now_ms();
        Self(Arc::new(Inner {
            parts,
            limiter,
            nonces: Nonces::default(),
            bodies: ByteBudget::new(MAX_BODIES, MAX_BODIES_OF_ONE),
            requests: AtomicU64::new(0),
            history: History::default(),
            started_at,
        }))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// When this server started, in milliseconds.
    pub(crate) fn started_at(&self) -> u64 {
        self.0.started_at
    }

    /// What it was like since then.
    pub fn history(&self) -> &History {
        &self.0.history
    }

    /// `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// The buckets of the rate limits.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Counts a request of that class.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED` if there were too many.
    pub fn limit(&self, class: Class, asker: Asker<'_>) -> Result<()> {
        self.limiter().take(class, asker, self.now_ms())
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.0.nonces
    }

    /// What comes from each user or address, from its first byte until it is answered, and what it takes once read; and
    /// what they are answered, until they have taken it.
    pub(crate) fn bodies(&self) -> &ByteBudget<AskedBy> {
        &self.0.bodies
    }

    pub(crate) fn next_request_id(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed)
    }
}

impl Deref for ClientApi {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

/// Lets handlers take `State<Users>` and the like, where that is all they work with.
macro_rules! parts {
    ($($part:ident: $of:ty),*) => {
        $(
            impl FromRef<ClientApi> for $of {
                fn from_ref(api: &ClientApi) -> Self {
                    api.$part.clone()
                }
            }
        )*
    };
}

parts!(users: Users, rooms: Rooms, media: Media, sync: SyncService, federation: Federation, services: AppServices);
