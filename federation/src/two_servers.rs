//! Two whole servers that answer each other on loopback, for tests. Nothing is sent unasked: they have no outbox.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use hearth_network::NetworkOptions;
use hearth_rooms::{CreateRoom, Event, NewEvent, Preset, Room};
use hearth_spec::RoomVersion;
use hearth_storage::schema::users::AccountKind;
use hearth_users::NewAccount;
use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{Federation, FederationOptions, router::router, testing};

/// A server, and one user of it.
pub(crate) struct ServerWithUser {
    pub federation: Federation,
    pub user: OwnedUserId,
    _folder: TempDir,
}

pub(crate) struct TwoServers {
    /// Where Alice is.
    pub here: ServerWithUser,
    /// Where Bob is.
    pub there: ServerWithUser,
    _certificate: TempDir,
}

impl TwoServers {
    pub async fn meet() -> Self {
        Self::meet_behind(|routes| routes).await
    }

    /// The same with something in front of the routes of both.
    pub async fn meet_behind(front: impl Fn(Router) -> Router) -> Self {
        Self::start(front, false).await
    }

    /// The same with servers that join rooms without their members.
    pub async fn meet_in_part(front: impl Fn(Router) -> Router) -> Self {
        Self::start(front, true).await
    }

    async fn start(front: impl Fn(Router) -> Router, partial_joins: bool) -> Self {
        // Another test may have chosen it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificate = TempDir::new().unwrap();
        let path = certificate.path().join("certificate.pem");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
        let tls = RustlsConfig::from_pem(cert, key).await.unwrap();
        let start = async |name: &str| {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listener.set_nonblocking(true).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server: OwnedServerName = ServerName::parse(format!("localhost:{port}")).unwrap();
            let options = FederationOptions {
                network: NetworkOptions {
                    trusted_ca: Some(path.clone()),
                    allow_private_networks: true,
                    ..NetworkOptions::default()
                },
                partial_joins,
                ..FederationOptions::new(server.clone())
            };
            let (federation, folder) = testing::federation(options);
            let app = front(router(federation.clone())).into_make_service();
            tokio::spawn(axum_server::from_tcp_rustls(listener, tls.clone()).unwrap().serve(app));
            let user = UserId::parse(format!("@{name}:{server}")).unwrap();
            let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
            federation.users().accounts.create(&user, account).await.unwrap();
            ServerWithUser { federation, user, _folder: folder }
        };
        let (here, there) = (start("alice").await, start("bob").await);
        Self { here, there, _certificate: certificate }
    }
}

impl ServerWithUser {
    pub fn name(&self) -> &ServerName {
        self.federation.server_name()
    }

    /// Makes a room with a join rule.
    pub async fn room(&self, version: RoomVersion, join_rules: Value) -> Room {
        let request = CreateRoom {
            version: Some(version),
            name: Some("A room".to_owned()),
            initial_state: vec![("m.room.join_rules".to_owned(), String::new(), join_rules)],
            ..CreateRoom::new(self.user.clone(), Preset::PublicChat)
        };
        let id = self.federation.rooms().create_room(request).await.unwrap();
        self.federation.rooms().room(&id).unwrap()
    }

    pub async fn public_room(&self, version: RoomVersion) -> Room {
        self.room(version, json!({ "join_rule": "public" })).await
    }

    /// Joins a room that another has.
    pub async fn join(&self, room: &Room, by: &Self) -> Room {
        let via = [by.name().to_owned()];
        self.federation.join(&self.user, room.id(), &via, Map::new()).await.unwrap()
    }

    pub async fn say(&self, room: &Room, body: &str) -> std::sync::Arc<Event> {
        let content = serde_json::value::to_raw_value(&json!({ "msgtype": "m.text", "body": body })).unwrap();
        room.send(NewEvent::message(&self.user, "m.room.message", content), None).await.unwrap()
    }

    pub async fn set(&self, room: &Room, event_type: &str, key: &str, content: Value) {
        let event = NewEvent::state_json(&self.user, event_type, key, &content).unwrap();
        room.send(event, None).await.unwrap();
    }
}
