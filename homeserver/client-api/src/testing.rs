//! A whole server in memory, asked over HTTP without a network.

use std::sync::Arc;

use axum::{Router, body::Body};
use hearth_appservices::AppServices;
use hearth_calls::{CallService, Gate};
use hearth_federation::{Federation, FederationOptions};
use hearth_media::{Media, MediaLimits};
use hearth_network::{Internet, Network, NetworkOptions};
use hearth_previews::{Previews, PreviewsOptions};
use hearth_push::{EvaluatedRooms, Pushes, Vapid};
use hearth_rooms::{Rooms, RoomsOptions};
use hearth_search::{LEAST_MEMORY, People, Search, SearchOptions};
use hearth_sfu::{Calls, Limits, SfuOptions, TokenKey};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions,
    timers::{Ticking, Timers},
};
use hearth_sync::{SyncOptions, SyncService};
use hearth_users::{PasswordCost, Users, UsersOptions};
use http::{Method, Request, Response, header};
use ruma::{
    CanonicalJsonObject, OwnedDeviceId, OwnedUserId, owned_server_name,
    serde::Base64,
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{ClientApi, ClientApiOptions, Parts, Registration, router};

/// The password of every [`User`] that [`TestServer::register`] makes.
pub(crate) const PASSWORD: &str = "correct horse";

/// Another server, at an address to which no request goes.
pub(crate) const NOWHERE: &str = "127.0.0.1:1";

/// Where clients reach a server that carries calls.
pub(crate) const CALLS_URL: &str = "https://matrix.example";

/// What such a server signs tokens with.
pub(crate) fn calls_key() -> TokenKey {
    TokenKey::new("hearth", "secret")
}

/// A server with open registration and without rate limits, on a clock that stands still.
pub(crate) struct TestServer {
    pub(crate) api: ClientApi,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
    _timers: Ticking,
    // Media lie in here until the test ends.
    _folder: TempDir,
}

/// Someone with an access token.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: OwnedUserId,
    pub(crate) device: OwnedDeviceId,
    pub(crate) token: String,
}

impl TestServer {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server with other options. It reaches no other server.
    pub(crate) fn with(change: impl FnOnce(&mut ClientApiOptions)) -> Self {
        Self::federating(FederationOptions::new(owned_server_name!("localhost:8008")), change)
    }

    /// A server that reaches those whom its options allow.
    pub(crate) fn federating(
        federation_options: FederationOptions,
        change: impl FnOnce(&mut ClientApiOptions),
    ) -> Self {
        Self::on(StoreOptions::default(), federation_options, false, change)
    }

    /// A server that carries calls, at [`CALLS_URL`].
    pub(crate) fn with_calls(change: impl FnOnce(&mut ClientApiOptions)) -> Self {
        let federation_options = FederationOptions::new(owned_server_name!("localhost:8008"));
        Self::federating_with_calls(federation_options, change)
    }

    /// The same, which reaches those whom its options allow.
    pub(crate) fn federating_with_calls(
        federation_options: FederationOptions,
        change: impl FnOnce(&mut ClientApiOptions),
    ) -> Self {
        Self::on(StoreOptions::default(), federation_options, true, change)
    }

    /// A server whose log is so short that whoever does not follow it is behind at once.
    pub(crate) fn with_short_log() -> Self {
        let options = StoreOptions {
            log_bytes: 1 << 10,
            log_keeps: 1,
            trim_step: 10,
            recent_changes: 8,
            ..StoreOptions::default()
        };
        Self::on(options, FederationOptions::new(owned_server_name!("localhost:8008")), false, |_| {})
    }

    fn on(
        store_options: StoreOptions,
        federation_options: FederationOptions,
        carries_calls: bool,
        change: impl FnOnce(&mut ClientApiOptions),
    ) -> Self {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(1));
        let server_name = federation_options.server_name.clone();
        let folder = TempDir::new().unwrap();
        let store = Store::open(MemoryEngine::default(), store_options).unwrap();
        let users_options = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
        let users = Users::new(store.clone(), clock.clone(), random.clone(), users_options).unwrap();
        let key = SigningKey::generate([7; 32], "1").unwrap();
        let rooms_options = RoomsOptions {
            server_name: server_name.clone(),
            key: key.clone(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::V12,
            retention: Default::default(),
        };
        let rooms = Rooms::open(store.clone(), rooms_options, clock.clone(), random.clone()).unwrap();
        let mut timers = Timers::new(store.clone(), clock.clone());
        rooms.handle_timers(&mut timers);
        let evaluated = Arc::<EvaluatedRooms>::default();
        let sync = SyncService::start(
            rooms.clone(),
            users.clone(),
            evaluated.clone(),
            clock.clone(),
            SyncOptions::default(),
        );
        let dialer = Arc::new(Internet::new(&federation_options.network).unwrap());
        let network = Network::new(dialer.clone(), &federation_options.network);
        let pushes = Pushes::start(hearth_push::Parts {
            rooms: rooms.clone(),
            users: users.clone(),
            evaluated,
            network: Network::new(dialer.clone(), &federation_options.network),
            clock: clock.clone(),
            random: random.clone(),
            vapid: Vapid::of(&[7; 32]).unwrap(),
            mails: None,
        });
        let search = SearchOptions { folder: folder.path().join("search"), memory_bytes: LEAST_MEMORY };
        let search = Search::start(rooms.clone(), search).unwrap();
        let people = People::start(rooms.clone(), users.clone());
        let media = Media::new(
            store.clone(),
            server_name.clone(),
            folder.path(),
            clock.clone(),
            random.clone(),
            MediaLimits::default(),
        )
        .unwrap();

        let everywhere =
            NetworkOptions { allow_private_networks: true, ..federation_options.network.clone() };
        let service_dialer = Arc::new(Internet::new(&everywhere).unwrap());
        let previews = Previews::new(
            dialer.clone(),
            media.clone(),
            clock.clone(),
            PreviewsOptions { network: federation_options.network.clone() },
        );
        let services = AppServices::new(
            hearth_appservices::Parts {
                rooms: rooms.clone(),
                users: users.clone(),
                sync: sync.clone(),
                network: Network::new(service_dialer, &everywhere),
                clock: clock.clone(),
                random: random.clone(),
            },
            Vec::new(),
        );
        let federation = Federation::start(hearth_federation::Parts {
            options: federation_options,
            dialer,
            key,
            rooms: rooms.clone(),
            users: users.clone(),
            media: media.clone(),
            sync: sync.clone(),
            store,
            services: services.clone(),
            clock: clock.clone(),
            random: random.clone(),
        })
        .unwrap();

        let mut options = ClientApiOptions::new(server_name);
        options.registration = Registration::Open;
        options.rate_limits = None;
        change(&mut options);
        let previews = Some(previews);
        let calls = carries_calls.then(|| {
            let gate = Gate { clock: clock.clone(), random: random.clone(), rooms: rooms.clone() };
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let options =
                SfuOptions { addresses: vec![socket.local_addr().unwrap()], limits: Limits::default() };
            CallService::start(hearth_calls::Parts {
                calls: Calls::start(socket, options, Arc::new(gate)).unwrap(),
                key: calls_key(),
                base_url: CALLS_URL.to_owned(),
                rooms: rooms.clone(),
            })
        });
        let parts = Parts {
            options,
            users,
            rooms,
            media,
            sync,
            pushes,
            federation,
            services,
            network,
            people,
            search: Some(search),
            previews,
            calls,
            clock: clock.clone(),
            random,
        };
        let api = ClientApi::new(parts);
        Self { router: router(api.clone()), api, clock, _timers: timers.start(), _folder: folder }
    }

    /// Makes an account and logs in.
    pub(crate) async fn register(&self, name: &str) -> User {
        let auth = json!({ "type": "m.login.dummy" });
        let body = json!({ "username": name, "password": PASSWORD, "auth": auth });
        let (status, answer) = self.post("/_matrix/client/v3/register", None, body).await;
        assert_eq!(status, 200, "{answer}");
        user(&answer)
    }

    /// Logs in to one more device.
    pub(crate) async fn login(&self, name: &str) -> User {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": name },
            "password": PASSWORD,
        });
        let (status, answer) = self.post("/_matrix/client/v3/login", None, body).await;
        assert_eq!(status, 200, "{answer}");
        user(&answer)
    }

    /// The same as [`register`](Self::register), for a guest.
    pub(crate) async fn register_guest(&self) -> User {
        let (status, answer) = self.post("/_matrix/client/v3/register?kind=guest", None, json!({})).await;
        assert_eq!(status, 200, "{answer}");
        user(&answer)
    }

    pub(crate) async fn get(&self, path: &str, who: Option<&User>) -> (u16, Value) {
        self.ask(Method::GET, path, who, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, who: Option<&User>, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, who, Body::from(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, who: Option<&User>, body: Value) -> (u16, Value) {
        self.ask(Method::PUT, path, who, Body::from(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str, who: Option<&User>, body: Value) -> (u16, Value) {
        self.ask(Method::DELETE, path, who, Body::from(body.to_string())).await
    }

    /// Sends a request and reads the answer, which must be JSON.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        who: Option<&User>,
        body: Body,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(who) = who {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", who.token));
        }
        let response = self.send(request.body(body).unwrap()).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no JSON: {body:?}")))
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// Identity keys of a device, signed by it.
pub(crate) fn device_keys(of: &User) -> Value {
    let (document, id) = (Ed25519KeyPair::generate(), format!("ed25519:{}", of.device));
    let pair = Ed25519KeyPair::from_der(&document, of.device.to_string()).unwrap();
    let public = Base64::<ruma::serde::base64::Standard, _>::new(pair.public_key().to_vec()).encode();
    let keys = json!({
        "user_id": of.id, "device_id": of.device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": { id: public, format!("curve25519:{}", of.device): "a2V5" },
    });
    let mut keys: CanonicalJsonObject = serde_json::from_value(keys).unwrap();
    sign_json(of.id.as_str(), &pair, &mut keys).unwrap();
    serde_json::to_value(keys).unwrap()
}

/// The user whom an answer to a registration or login names.
pub(crate) fn user(answer: &Value) -> User {
    let text = |field: &str| answer[field].as_str().unwrap();
    User {
        id: text("user_id").try_into().unwrap(),
        device: text("device_id").into(),
        token: text("access_token").to_owned(),
    }
}

/// The status and the `errcode` of an answer.
pub(crate) fn error(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["errcode"].as_str().unwrap_or_default())
}
