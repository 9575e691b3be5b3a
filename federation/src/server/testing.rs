//! A server in memory, asked by another one whose key it knows; no network.

use axum::{Router, body::Body};
use hearth_rooms::{CreateRoom, NewEvent, Preset, Room};
use hearth_spec::{EventTemplate, Pdu, RoomVersion, SigningKey, room_version::EventIdFormat};
use hearth_storage::{
    Store,
    schema::{self, users::AccountKind},
};
use hearth_users::NewAccount;
use http::{Method, Request, Response, header};
use ruma::{OwnedEventId, OwnedServerName, OwnedUserId, UserId, owned_server_name};
use serde_json::{Value, json, value::to_raw_value};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{
    Federation, FederationOptions,
    router::router,
    testing::{START_MS, federation},
    x_matrix,
};

/// The server `here`, and `there` which asks it.
pub(crate) struct TestServer {
    pub(crate) federation: Federation,
    router: Router,
    there: SigningKey,
    // Media lie in here until the test ends.
    _folder: TempDir,
}

pub(crate) fn here(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:here")).unwrap()
}

pub(crate) fn there(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:there")).unwrap()
}

impl TestServer {
    pub(crate) async fn new() -> Self {
        Self::with(FederationOptions::new(owned_server_name!("here"))).await
    }

    pub(crate) async fn with(options: FederationOptions) -> Self {
        let (federation, folder) = federation(options);
        let there = SigningKey::generate([8; 32], "t").unwrap();
        know_key(federation.store(), &there).await;
        Self { router: router(federation.clone()), federation, there, _folder: folder }
    }

    /// Makes an account.
    pub(crate) async fn register(&self, name: &str) -> OwnedUserId {
        let user = here(name);
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        self.federation.users().accounts.create(&user, account).await.unwrap();
        user
    }

    /// A room that anyone may join.
    pub(crate) async fn public_room(&self, creator: &UserId, version: RoomVersion) -> Room {
        self.create(creator, version, json!({})).await
    }

    /// A space that anyone may join.
    pub(crate) async fn public_space(&self, creator: &UserId) -> Room {
        self.create(creator, RoomVersion::V11, json!({ "type": "m.space" })).await
    }

    async fn create(&self, creator: &UserId, version: RoomVersion, create: Value) -> Room {
        let room = CreateRoom {
            version: Some(version),
            published: true,
            name: Some("A room".to_owned()),
            creation_content: create.as_object().cloned().unwrap_or_default(),
            ..CreateRoom::new(creator.to_owned(), Preset::PublicChat)
        };
        let rooms = self.federation.rooms();
        let id = rooms.create_room(room).await.unwrap();
        rooms.room(&id).unwrap()
    }

    /// Sends a state event of no key.
    pub(crate) async fn set(&self, room: &Room, sender: &UserId, event_type: &str, content: Value) {
        let event = NewEvent::state_json(sender, event_type, "", &content).unwrap();
        room.send(event, None).await.unwrap();
    }

    /// Puts a room into a space.
    pub(crate) async fn set_child(&self, space: &Room, sender: &UserId, child: &str) {
        let content = json!({ "via": ["here"] });
        let event = NewEvent::state_json(sender, "m.space.child", child, &content).unwrap();
        space.send(event, None).await.unwrap();
    }

    /// Joins a user of `there`: the answer to `send_join`.
    pub(crate) async fn join(&self, room: &Room, user: &UserId) -> (u16, Value) {
        let join = self.join_event(room, user).await;
        self.put_pdu("v2/send_join", &join).await
    }

    /// A join of a user of `there`, as drafted here.
    pub(crate) async fn join_event(&self, room: &Room, user: &UserId) -> Pdu {
        let ver = room.version().id();
        let (status, draft) =
            self.get(&format!("/_matrix/federation/v1/make_join/{}/{user}?ver=1&ver={ver}", room.id())).await;
        assert_eq!(status, 200, "{draft}");
        assert_eq!(draft["room_version"], ver.as_str());
        self.seal(room.version(), &draft["event"])
    }

    /// An event as `there` signs it.
    pub(crate) fn seal(&self, version: RoomVersion, draft: &Value) -> Pdu {
        let text = |key: &str| draft[key].as_str().unwrap().to_owned();
        let ids = |key: &str| -> Vec<OwnedEventId> { serde_json::from_value(draft[key].clone()).unwrap() };
        let chosen = version.event_id_format() == EventIdFormat::Chosen;
        let template = EventTemplate {
            event_type: text("type"),
            state_key: draft["state_key"].as_str().map(str::to_owned),
            content: to_raw_value(&draft["content"]).unwrap(),
            sender: text("sender").try_into().unwrap(),
            room_id: Some(text("room_id").try_into().unwrap()),
            origin_server_ts: START_MS,
            prev_events: ids("prev_events"),
            auth_events: ids("auth_events"),
            depth: draft["depth"].as_u64().unwrap(),
            redacts: None,
            sticky: None,
            event_id_localpart: chosen.then(|| "an-event".to_owned()),
        };
        self.seal_template(version, template)
    }

    pub(crate) fn seal_template(&self, version: RoomVersion, template: EventTemplate) -> Pdu {
        template.seal(version, &self.there_name(), &self.there).unwrap()
    }

    /// Hands an event in at an endpoint that takes one: `v2/send_join`.
    pub(crate) async fn put_pdu(&self, endpoint: &str, pdu: &Pdu) -> (u16, Value) {
        let path = format!("/_matrix/federation/{endpoint}/{}/{}", pdu.room_id(), pdu.event_id());
        self.ask(Method::PUT, &path, pdu.text()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, &body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::PUT, path, &body.to_string()).await
    }

    /// Sends a request signed by `there`, and reads the answer, which must be JSON.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        read(self.send(self.signed(method, path, body)).await).await
    }

    /// A request signed by `there`.
    pub(crate) fn signed(&self, method: Method, path: &str, body: &str) -> Request<Body> {
        let to = self.federation.server_name();
        let signature =
            x_matrix::sign(&self.there, &self.there_name(), to, &method, path, body.as_bytes()).unwrap();
        let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, signature);
        request.body(Body::from(body.to_owned())).unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    fn there_name(&self) -> OwnedServerName {
        owned_server_name!("there")
    }
}

/// The status and the body of an answer.
pub(crate) async fn read(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no JSON: {body:?}")))
}

/// The status and the `errcode` of an answer.
pub(crate) fn error(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["errcode"].as_str().unwrap_or_default())
}

/// Keeps a key of `there` as if it had been fetched.
async fn know_key(store: &Store, key: &SigningKey) {
    let until = START_MS + 1_000_000_000;
    let row = json!({
        "keys": { key.key_id().as_str(): { "key": key.public_key_base64(), "valid_until_ts": until } },
        "response": {},
        "valid_until_ts": until,
    });
    let commit = {
        let mut transaction = store.begin().unwrap();
        transaction.put(&schema::SERVER_KEYS, (owned_server_name!("there"),), &row.to_string());
        transaction.submit()
    };
    commit.await.unwrap();
}
