//! A server: all its parts, from storage to handlers.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use hearth_appservices::{AppServices, RegistrationError};
use hearth_client_api::{
    Captcha, CaptchaService, ClientApi, ClientApiOptions, Parts, TermsError, Widget, read_terms,
};
use hearth_federation::{Federation, FederationError, FederationOptions, FetchingMembers};
use hearth_media::{Media, MediaLimits};
use hearth_network::{Dialer, Internet, Network, NetworkError, NetworkOptions};
use hearth_previews::{Previews, PreviewsOptions};
use hearth_push::{
    EvaluatedRooms, Pushes, Vapid,
    mail::{Mailer, Mails},
};
use hearth_rooms::{Retention, Rooms, RoomsOptions};
use hearth_search::{People, Search, SearchError, SearchOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Clock, Random, RocksEngine, RocksOptions, StorageError, Store, StoreOptions, SystemClock, SystemRandom,
    schema,
    timers::{Ticking, Timers},
};
use hearth_sync::{SyncOptions, SyncService};
use hearth_users::{Users, UsersOptions};
use ruma::serde::{Base64, base64::Standard};

use crate::{
    calls::{Calls, CallsError, CallsSocket},
    config::{CaptchaKind, Config, Durability, Registration},
    data_folder,
    descriptors::Descriptors,
    turn::{Turn, TurnError},
};

/// How many connections there may be to application services.
const MAX_SERVICE_CONNECTIONS: usize = 128;

/// Why a server cannot start; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "the data folder belongs to the server {found}, the configuration names {wanted}: a server's name \
         cannot be changed, set server_name = \"{found}\" or choose another data folder"
    )]
    OtherServer { found: String, wanted: String },
    #[error("the data folder {} cannot be made for its owner alone: {source}", folder.display())]
    DataFolder { folder: PathBuf, source: io::Error },
    #[error("the signing key in the data folder cannot be read: {0}")]
    SigningKey(String),
    #[error("the key for web push in the data folder cannot be read")]
    VapidKey,
    #[error("room version {0} is not supported: set default_room_version to one of 1 to 12")]
    RoomVersion(String),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("rooms: {0}")]
    Rooms(#[from] hearth_rooms::RoomError),
    #[error("users: {0}")]
    Users(#[from] hearth_users::UsersError),
    #[error("media: {0}")]
    Media(#[from] hearth_media::MediaError),
    #[error("search: {0}")]
    Search(#[from] SearchError),
    #[error("federation: {0}")]
    Federation(#[from] FederationError),
    #[error("the network: {0}")]
    Network(#[from] NetworkError),
    #[error("appservices: {0}")]
    AppServices(#[from] RegistrationError),
    #[error("terms: {0}")]
    Terms(#[from] TermsError),
    #[error(transparent)]
    Turn(#[from] TurnError),
    #[error(transparent)]
    Calls(#[from] CallsError),
}

/// A server, ready to be served.
pub struct Server {
    pub store: Store,
    pub rooms: Rooms,
    pub users: Users,
    pub sync: SyncService,
    pub pushes: Pushes,
    pub search: Option<Search>,
    pub federation: Federation,
    pub services: AppServices,
    pub api: ClientApi,
    /// Relays for calls, if there are any.
    pub turn: Option<Turn>,
    /// The calls that it carries, if it does.
    pub calls: Option<Calls>,
    _timers: Ticking,
    _members: FetchingMembers,
}

/// What a server takes from outside besides its store.
pub struct Outside {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Reaches all others.
    pub dialer: Arc<dyn Dialer>,
    /// Reaches application services, which are where the administrator says: in private networks as well.
    pub service_dialer: Arc<dyn Dialer>,
    /// Where the media of calls comes, if any are carried.
    pub calls: Option<CallsSocket>,
    /// Sends mails, if any are sent.
    pub mailer: Option<Arc<dyn Mailer>>,
}

impl Outside {
    /// The clock and the randomness of this machine, and the internet. Calls need a socket besides.
    pub fn of_the_machine(config: &Config) -> Result<Self, ServerError> {
        let options = network_options(config, Descriptors::available().outgoing);
        Ok(Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            dialer: Arc::new(Internet::new(&options)?),
            service_dialer: Arc::new(Internet::new(&everywhere(options))?),
            calls: None,
            mailer: None,
        })
    }
}

/// Opens the store in a configuration's data folder.
pub fn open_store(config: &Config) -> Result<Store, ServerError> {
    data_folder::make(&config.data)
        .map_err(|source| ServerError::DataFolder { folder: config.data.clone(), source })?;
    let options = RocksOptions {
        memory_bytes: config.memory().storage as u64,
        open_files: Descriptors::available().database,
    };
    let engine = RocksEngine::open(&config.data.join("database"), &options)?;
    let durability = match config.durability {
        Durability::Sync => hearth_storage::Durability::Sync,
        Durability::Async => hearth_storage::Durability::Async,
    };
    let log_bytes = u64::from(config.commit_log_mib) << 20;
    Ok(Store::open(engine, StoreOptions { durability, log_bytes, ..StoreOptions::default() })?)
}

impl Server {
    /// Puts a server together on a store.
    pub async fn open(config: &Config, store: Store, outside: Outside) -> Result<Self, ServerError> {
        let Outside { clock, random, dialer, service_dialer, calls, mailer } = outside;
        let key = identity(config, &store, &*random).await?;
        let memory = config.memory();
        let default_version = RoomVersion::of(&config.default_room_version)
            .ok_or_else(|| ServerError::RoomVersion(config.default_room_version.to_string()))?;
        let rooms = Rooms::open(
            store.clone(),
            RoomsOptions {
                server_name: config.server_name.clone(),
                key: key.clone(),
                cache_bytes: memory.rooms as u64,
                default_version,
                retention: Retention {
                    usual_ms: config.retention_days.map(days),
                    by_room: config.retention_by_room,
                },
            },
            clock.clone(),
            random.clone(),
        )?;
        let users = Users::new(
            store.clone(),
            clock.clone(),
            random.clone(),
            UsersOptions { memory_bytes: memory.users, ..UsersOptions::default() },
        )?;
        let media = Media::new(
            store.clone(),
            config.server_name.clone(),
            config.data.join("media"),
            clock.clone(),
            random.clone(),
            MediaLimits {
                upload_bytes: config.max_upload_bytes(),
                user_bytes: config.media_quota_bytes(),
                copies_bytes: config.media_copies_bytes(),
                uploads_ms: config.media_days.map(days),
                copies_ms: config.media_copies_days.map(days),
                ..MediaLimits::default()
            },
        )?;
        let mut timers = Timers::new(store.clone(), clock.clone());
        rooms.handle_timers(&mut timers);
        media.handle_timers(&mut timers);
        users.audit.handle_timers(&mut timers);
        rooms.begin_to_retain().await?;
        media.begin_to_retain().await?;
        let timers = timers.start();
        let sync_options = SyncOptions { memory_bytes: memory.sync, ..SyncOptions::default() };
        let evaluated = Arc::new(EvaluatedRooms::new(memory.evaluated));
        let sync =
            SyncService::start(rooms.clone(), users.clone(), evaluated.clone(), clock.clone(), sync_options);
        let mails = match (mailer, &config.public_url) {
            (Some(mailer), Some(base_url)) => Some(Mails {
                mailer,
                base_url: base_url.clone(),
                delay: Duration::from_secs(60 * u64::from(config.mail_delay_minutes)),
                secret: kept_secret(&store, &*random, "mail_secret").await?,
            }),
            _ => None,
        };
        let pushes = Pushes::start(hearth_push::Parts {
            rooms: rooms.clone(),
            users: users.clone(),
            evaluated,
            // Connections of its own: a gateway takes none from other servers.
            network: Network::new(dialer.clone(), &network_options(config, Descriptors::available().pushes)),
            clock: clock.clone(),
            random: random.clone(),
            vapid: vapid(&store, &*random).await?,
            mails,
        });
        let search = search(config, memory.search, &rooms)?;
        let network = service_network(config);
        let services = AppServices::new(
            hearth_appservices::Parts {
                rooms: rooms.clone(),
                users: users.clone(),
                sync: sync.clone(),
                network: Network::new(service_dialer, &network),
                clock: clock.clone(),
                random: random.clone(),
            },
            AppServices::read(&config.appservices, &config.server_name)?,
        );
        services.make_senders().await?;
        let previews = config.url_previews.then(|| {
            let network = network_options(config, PREVIEW_CONNECTIONS.min(Descriptors::available().pushes));
            Previews::new(dialer.clone(), media.clone(), clock.clone(), PreviewsOptions { network })
        });
        let captcha_network = Network::new(dialer.clone(), &network_options(config, CAPTCHA_CONNECTIONS));
        let federation = Federation::start(hearth_federation::Parts {
            options: federation_options(config, memory.servers),
            key,
            rooms: rooms.clone(),
            users: users.clone(),
            media: media.clone(),
            sync: sync.clone(),
            store: store.clone(),
            services: services.clone(),
            dialer,
            clock: clock.clone(),
            random: random.clone(),
        })?;
        let turn = Turn::of(config, &store, &*random).await?;
        let members = FetchingMembers::start(&federation)?;
        let calls = match calls {
            Some(socket) => {
                let machine = (clock.clone(), random.clone());
                Some(Calls::start(config, socket, &store, &rooms, machine).await?)
            }
            None => None,
        };
        let api = ClientApi::new(Parts {
            options: ClientApiOptions {
                turn: turn.as_ref().map(|turn| turn.servers.clone()),
                terms: config.terms.as_deref().map(read_terms).transpose()?,
                ..client_api_options(config)
            },
            users: users.clone(),
            rooms: rooms.clone(),
            media,
            sync: sync.clone(),
            pushes: pushes.clone(),
            federation: federation.clone(),
            services: services.clone(),
            network: captcha_network,
            people: People::start(rooms.clone(), users.clone()),
            search: search.clone(),
            previews,
            calls: calls.as_ref().map(|calls| calls.service.clone()),
            clock,
            random,
        });
        Ok(Self {
            store,
            rooms,
            users,
            sync,
            pushes,
            search,
            federation,
            services,
            api,
            turn,
            calls,
            _timers: timers,
            _members: members,
        })
    }
}

/// Days in milliseconds.
fn days(days: u32) -> u64 {
    u64::from(days) * 24 * 60 * 60 * 1000
}

/// The search for messages, if there is one.
fn search(config: &Config, memory_bytes: usize, rooms: &Rooms) -> Result<Option<Search>, SearchError> {
    if !config.message_search {
        Search::turn_off(rooms);
        return Ok(None);
    }
    let options = SearchOptions { folder: config.data.join("search"), memory_bytes };
    Search::start(rooms.clone(), options).map(Some)
}

/// How many connections are open to the service of a captcha at once.
const CAPTCHA_CONNECTIONS: usize = 8;

/// How many connections are open for previews at once.
const PREVIEW_CONNECTIONS: usize = 64;

/// The network, with so many connections at once.
fn network_options(config: &Config, connections: usize) -> NetworkOptions {
    NetworkOptions {
        trusted_ca: config.trusted_ca.clone(),
        allow_private_networks: config.allow_private_networks,
        connections,
        ..NetworkOptions::default()
    }
}

/// How services are reached that settings name, wherever they are.
pub(crate) fn service_network(config: &Config) -> NetworkOptions {
    everywhere(network_options(config, MAX_SERVICE_CONNECTIONS))
}

/// The same for private networks as well.
fn everywhere(options: NetworkOptions) -> NetworkOptions {
    NetworkOptions { allow_private_networks: true, ..options }
}

/// What is known of another server, its keys and its address, takes about 2 KiB.
fn federation_options(config: &Config, bytes: usize) -> FederationOptions {
    FederationOptions {
        public_address: config.public_federation.clone(),
        network: network_options(config, Descriptors::available().outgoing),
        notaries: config.notaries.clone(),
        cached_servers: (bytes >> 11).max(256),
        rate_limits: config.rate_limits.then(|| config.rates.clone()),
        trusted_proxies: config.trusted_proxies.clone(),
        ..FederationOptions::new(config.server_name.clone())
    }
}

fn client_api_options(config: &Config) -> ClientApiOptions {
    ClientApiOptions {
        registration: match &config.registration {
            Registration::Open => hearth_client_api::Registration::Open,
            Registration::Token(token) => hearth_client_api::Registration::Token(token.expose().to_owned()),
            Registration::Tokens => hearth_client_api::Registration::Tokens,
            Registration::Off => hearth_client_api::Registration::Off,
        },
        captcha: captcha(config),
        approve_registrations: config.approve_registrations,
        registration_shared_secret: config.registration_shared_secret.as_ref().map(|s| s.expose().to_owned()),
        jwt_secret: config.jwt_secret.as_ref().map(|secret| secret.expose().to_owned()),
        jwt_audience: config.jwt_audience.clone(),
        jwt_issuer: config.jwt_issuer.clone(),
        find_all_users: config.find_all_users,
        legacy_media: config.legacy_media,
        allow_private_networks: config.allow_private_networks,
        rate_limits: config.rate_limits.then(|| config.rates.clone()),
        trusted_proxies: config.trusted_proxies.clone(),
        base_url: config.public_url.clone(),
        rtc_livekit: config.rtc_livekit.clone(),
        server_notices: config.notices_user(),
        default_room_version: config.default_room_version.clone(),
        folder: Some(config.data.clone()),
        settings: config.told(),
        ..ClientApiOptions::new(config.server_name.clone())
    }
}

fn captcha(config: &Config) -> Option<Captcha> {
    let widget = match config.captcha? {
        CaptchaKind::ProofOfWork(bits) => return Some(Captcha::ProofOfWork { bits }),
        CaptchaKind::Recaptcha => Widget::RECAPTCHA,
        CaptchaKind::Hcaptcha => Widget::HCAPTCHA,
        CaptchaKind::Turnstile => Widget::TURNSTILE,
    };
    Some(Captcha::Service(CaptchaService {
        widget,
        site_key: config.captcha_site_key.clone()?,
        secret: config.captcha_secret.as_ref()?.expose().to_owned(),
        verify_url: widget.verify_url.to_owned(),
    }))
}

/// The folder's server name and signing key; written at the first start, kept ever after.
async fn identity(config: &Config, store: &Store, random: &dyn Random) -> Result<SigningKey, ServerError> {
    let view = store.view();
    match view.get(&schema::META, ("server_name",))? {
        Some(found) if found != config.server_name.as_str() => {
            return Err(ServerError::OtherServer { found, wanted: config.server_name.to_string() });
        }
        _ => {}
    }
    if let Some(text) = view.get(&schema::META, ("signing_key",))? {
        return SigningKey::from_text(&text).map_err(|error| ServerError::SigningKey(error.to_string()));
    }
    let (mut seed, mut version) = ([0; 32], [0; 4]);
    random.fill(&mut seed);
    random.fill(&mut version);
    let version: String = version.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let key =
        SigningKey::generate(seed, &version).map_err(|error| ServerError::SigningKey(error.to_string()))?;
    let commit = {
        let mut tx = store.begin()?;
        tx.put(&schema::META, ("server_name",), &config.server_name.to_string());
        tx.put(&schema::META, ("signing_key",), &key.to_text());
        tx.submit()
    };
    commit.await?;
    Ok(key)
}

/// A secret of the folder's own; written at the first start that asks for it, kept ever after.
pub(crate) async fn kept_secret(
    store: &Store,
    random: &dyn Random,
    name: &str,
) -> Result<String, StorageError> {
    if let Some(secret) = store.view().get(&schema::META, (name,))? {
        return Ok(secret);
    }
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let secret = Base64::<Standard, _>::new(bytes).encode();
    let commit = {
        let mut transaction = store.begin()?;
        transaction.put(&schema::META, (name,), &secret);
        transaction.submit()
    };
    commit.await?;
    Ok(secret)
}

/// The server's key for web push; written at the first start that knows of it, kept ever after, as clients subscribe with
/// it.
async fn vapid(store: &Store, random: &dyn Random) -> Result<Vapid, ServerError> {
    if let Some(text) = store.view().get(&schema::META, ("vapid_key",))? {
        let key = Base64::<Standard>::parse(&text).ok();
        let key = key.and_then(|key| Vapid::of(key.as_bytes().try_into().ok()?));
        return key.ok_or(ServerError::VapidKey);
    }
    loop {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        // All but a few numbers make a key.
        let Some(vapid) = Vapid::of(&seed) else { continue };
        let commit = {
            let mut transaction = store.begin()?;
            transaction.put(&schema::META, ("vapid_key",), &Base64::<Standard, _>::new(seed).encode());
            transaction.submit()
        };
        commit.await?;
        return Ok(vapid);
    }
}
