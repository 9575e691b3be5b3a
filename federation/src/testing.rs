//! Servers on loopback, for tests.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use hearth_appservices::AppServices;
use hearth_media::{Media, MediaLimits};
use hearth_network::{Internet, Network, NetworkOptions};
use hearth_rooms::{Bans, Room, Rooms, RoomsOptions, TimelineRange};
use hearth_spec::{EventTemplate, Pdu, RoomVersion, SigningKey};
use hearth_storage::{ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions};
use hearth_sync::{SyncOptions, SyncService};
use hearth_users::{PasswordCost, Users, UsersOptions};
use ruma::{
    CanonicalJsonObject, OwnedServerName, OwnedUserId, ServerName, UserId, owned_server_name,
    serde::Base64,
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json, value::to_raw_value};
use tempfile::TempDir;

use crate::{Client, Destinations, Federation, FederationOptions, KeyRing, Parts, client::ClientParts};

/// When the clocks of tests begin.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// Another server, at `localhost` and a port, with its certificate in a file.
pub(crate) struct Peer {
    pub(crate) name: OwnedServerName,
    pub(crate) key: SigningKey,
    /// How many requests came.
    pub(crate) asked: Arc<AtomicUsize>,
    pub(crate) certificate: PathBuf,
    _folder: TempDir,
}

impl Peer {
    /// Serves what `routes` makes for the server's name and key.
    pub(crate) async fn serve(routes: impl FnOnce(&ServerName, &SigningKey) -> Router) -> Self {
        static PROVIDER: Once = Once::new();
        // Another test may have chosen it.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = ServerName::parse(format!("localhost:{port}")).unwrap();
        let key = SigningKey::generate([9; 32], "peer").unwrap();

        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = TempDir::new().unwrap();
        let certificate = folder.path().join("certificate.pem");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        let (cert, secret) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
        let tls = RustlsConfig::from_pem(cert, secret).await.unwrap();

        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let app = routes(&name, &key).layer(axum::middleware::from_fn(
            move |request, next: axum::middleware::Next| {
                counter.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            },
        ));
        tokio::spawn(axum_server::from_tcp_rustls(listener, tls).unwrap().serve(app.into_make_service()));
        Self { name, key, asked, certificate, _folder: folder }
    }

    /// Options that trust this server.
    pub(crate) fn trusted(&self) -> FederationOptions {
        FederationOptions {
            network: NetworkOptions {
                trusted_ca: Some(self.certificate.clone()),
                allow_private_networks: true,
                ..NetworkOptions::default()
            },
            ..FederationOptions::new(owned_server_name!("own.example"))
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Many servers that can be connected to and say nothing: any loopback address, at the port that is returned.
pub(crate) async fn silent_servers() -> u16 {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    port
}

/// A key response, signed.
pub(crate) fn key_response(server: &ServerName, key: &SigningKey, valid_until_ts: u64) -> Value {
    let mut response = serde_json::Map::from_iter([
        ("server_name".to_owned(), json!(server)),
        ("valid_until_ts".to_owned(), json!(valid_until_ts)),
        ("verify_keys".to_owned(), json!({ key.key_id().as_str(): { "key": key.public_key_base64() } })),
    ]);
    key.sign_json(&mut response, server).unwrap();
    Value::Object(response)
}

/// Transport alone.
pub(crate) struct Transport {
    pub(crate) client: Client,
    pub(crate) keys: KeyRing,
    pub(crate) destinations: Destinations,
    pub(crate) clock: Arc<ManualClock>,
}

impl Transport {
    pub(crate) fn new(options: FederationOptions) -> Self {
        let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
        Self::on(store, options)
    }

    /// As it is after a start on that store.
    pub(crate) fn on(store: Store, options: FederationOptions) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let key = own_key();
        let destinations =
            Destinations::open(store.clone(), clock.clone(), Arc::new(SeededRandom::new(1))).unwrap();
        let client = Client::new(ClientParts {
            options: options.clone(),
            key: key.clone(),
            network: network(&options),
            destinations: destinations.clone(),
            bans: Bans::open(store.clone()).unwrap(),
            clock: clock.clone(),
        });
        let keys = KeyRing::new(client.clone(), key, store, clock.clone(), &options);
        Self { client, keys, destinations, clock }
    }
}

/// The network that these options allow.
pub(crate) fn network(options: &FederationOptions) -> Network {
    Network::new(Arc::new(Internet::new(&options.network).unwrap()), &options.network)
}

/// This server's key.
pub(crate) fn own_key() -> SigningKey {
    SigningKey::generate([7; 32], "own").unwrap()
}

/// All of federation, in memory but for media, which lie in the folder.
pub(crate) fn federation(options: FederationOptions) -> (Federation, TempDir) {
    federation_on(StoreOptions::default(), options)
}

/// The same with a store of these options.
pub(crate) fn federation_on(store: StoreOptions, options: FederationOptions) -> (Federation, TempDir) {
    let store = Store::open(MemoryEngine::default(), store).unwrap();
    let clock = Arc::new(ManualClock::new(START_MS));
    let random = Arc::new(SeededRandom::new(1));
    let server_name = options.server_name.clone();
    let users_options = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
    let users = Users::new(store.clone(), clock.clone(), random.clone(), users_options).unwrap();
    let rooms_options = RoomsOptions {
        server_name: server_name.clone(),
        key: own_key(),
        cache_bytes: 16 << 20,
        default_version: RoomVersion::V12,
        retention: Default::default(),
    };
    let rooms = Rooms::open(store.clone(), rooms_options, clock.clone(), random.clone()).unwrap();
    let sync = SyncService::start(
        rooms.clone(),
        users.clone(),
        Arc::default(),
        clock.clone(),
        SyncOptions::default(),
    );
    let folder = TempDir::new().unwrap();
    let media = Media::new(
        store.clone(),
        server_name,
        folder.path(),
        clock.clone(),
        random.clone(),
        MediaLimits::default(),
    )
    .unwrap();
    let dialer = Arc::new(Internet::new(&options.network).unwrap());
    let network = Network::new(dialer.clone(), &options.network);
    let services = AppServices::new(
        hearth_appservices::Parts {
            rooms: rooms.clone(),
            users: users.clone(),
            sync: sync.clone(),
            network,
            clock: clock.clone(),
            random: random.clone(),
        },
        Vec::new(),
    );
    let key = own_key();
    let parts = Parts { options, key, rooms, users, media, sync, store, services, dialer, clock, random };
    (Federation::start(parts).unwrap(), folder)
}

/// The identity keys of a device, signed by itself.
pub(crate) fn device_keys(user: &UserId, device: &str) -> Value {
    let pair = Ed25519KeyPair::from_der(&Ed25519KeyPair::generate(), device.to_owned()).unwrap();
    let public = Base64::<ruma::serde::base64::Standard, _>::new(pair.public_key().to_vec()).encode();
    let keys = json!({
        "user_id": user, "device_id": device, "algorithms": [],
        "keys": { format!("ed25519:{device}"): public },
    });
    let mut keys: CanonicalJsonObject = serde_json::from_value(keys).unwrap();
    sign_json(user.as_str(), &pair, &mut keys).unwrap();
    serde_json::to_value(keys).unwrap()
}

/// A user of another server.
pub(crate) fn far(server: &str) -> OwnedUserId {
    UserId::parse(format!("@zoe:{server}")).unwrap()
}

/// The event by which a user of another server joins, as that server made it.
pub(crate) fn join_event(room: &Room, server: &str) -> Pdu {
    let user = far(server);
    let last =
        room.timeline(TimelineRange { backwards: true, limit: 1, ..TimelineRange::default() }).unwrap();
    let keys = [("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.join_rules", "")];
    let auth = keys.into_iter().filter_map(|(kind, key)| room.state_event(kind, key).unwrap());
    let template = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some(user.to_string()),
        content: to_raw_value(&json!({ "membership": "join" })).unwrap(),
        sender: user.clone(),
        room_id: Some(room.id().to_owned()),
        origin_server_ts: START_MS,
        depth: last[0].pdu.depth() + 1,
        prev_events: vec![last[0].id().to_owned()],
        auth_events: auth.map(|event| event.id().to_owned()).collect(),
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let key = SigningKey::generate([2; 32], "b").unwrap();
    template.seal(room.version(), user.server_name(), &key).unwrap()
}
