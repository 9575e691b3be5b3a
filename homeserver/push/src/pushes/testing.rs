//! A server without HTTP, and push gateways that answer as they are told, all in one runtime whose clock jumps.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
    serve::Listener,
};
use futures::future::BoxFuture;
use hearth_network::{Dialer, Network, NetworkError, NetworkOptions, ServiceTarget, Stream};
use hearth_rooms::{CreateRoom, Event, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::users::AccountKind,
};
use hearth_users::{NewAccount, NewPusher, PasswordCost, Users, UsersOptions};
use parking_lot::Mutex;
use ruma::{OwnedDeviceId, OwnedUserId, UserId, owned_server_name};
use serde_json::{Map, Value, json, value::to_raw_value};
use tokio::{io::DuplexStream, sync::mpsc};

use super::{Parts, Pushes, Vapid};
use crate::{EvaluatedRooms, PushUser, ReadRoom, UnreadCounts, UnreadRooms, mail::Mails};

/// What a gateway does with a notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Take,
    Reject,
    Fail,
    /// Takes it, and says that it failed.
    TakeAndFail,
    /// A body without end.
    Endless,
    /// Never answers.
    Hang,
}

/// The push gateways, by host.
#[derive(Clone, Default)]
pub(super) struct Gateways(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    listening: BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>,
    answers: BTreeMap<String, Box<dyn FnMut() -> Answer + Send>>,
    /// What each took, in order.
    took: BTreeMap<String, Vec<Value>>,
    asked: usize,
    /// What push services took.
    messages: Vec<(HeaderMap, Bytes)>,
}

impl Gateways {
    /// From now on this host is a gateway that answers like this.
    pub fn serve(&self, host: &str, answer: impl FnMut() -> Answer + Send + 'static) {
        let mut inner = self.0.lock();
        inner.answers.insert(host.to_owned(), Box::new(answer));
        if inner.listening.contains_key(host) {
            return;
        }
        let (sender, connections) = mpsc::unbounded_channel();
        inner.listening.insert(host.to_owned(), sender);
        let router = Router::new()
            .route("/_matrix/push/v1/notify", post(notified))
            .route("/web-push", post(web_pushed))
            .with_state((self.clone(), host.to_owned()));
        tokio::spawn(axum::serve(Connections(connections), router).into_future());
    }

    /// What a host was told and took.
    pub fn took(&self, host: &str) -> Vec<Value> {
        self.0.lock().took.get(host).cloned().unwrap_or_default()
    }

    /// How often any of them was asked.
    pub fn asked(&self) -> usize {
        self.0.lock().asked
    }

    /// What push services took.
    pub fn messages(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().messages.clone()
    }

    /// The ids of the events that a host was told of.
    pub fn told(&self, host: &str) -> Vec<String> {
        let took = self.took(host).into_iter();
        took.filter_map(|notification| Some(notification["event_id"].as_str()?.to_owned())).collect()
    }
}

async fn notified(State((gateways, host)): State<(Gateways, String)>, Json(body): Json<Value>) -> Response {
    let notification = body["notification"].clone();
    let pushkey = notification["devices"][0]["pushkey"].clone();
    let answer = {
        let mut inner = gateways.0.lock();
        inner.asked += 1;
        let answer = inner.answers.get_mut(&host).map_or(Answer::Take, |answer| answer());
        if matches!(answer, Answer::Take | Answer::TakeAndFail) {
            inner.took.entry(host).or_default().push(notification);
        }
        answer
    };
    match answer {
        Answer::Take => Json(json!({ "rejected": [] })).into_response(),
        Answer::Reject => Json(json!({ "rejected": [pushkey] })).into_response(),
        Answer::Fail | Answer::TakeAndFail => StatusCode::BAD_GATEWAY.into_response(),
        Answer::Endless => {
            let stream = futures::stream::repeat_with(|| Ok::<_, io::Error>(vec![b' '; 1000]));
            Body::from_stream(stream).into_response()
        }
        Answer::Hang => std::future::pending().await,
    }
}

/// A push service: what it takes it cannot read.
async fn web_pushed(
    State((gateways, host)): State<(Gateways, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut inner = gateways.0.lock();
    let answer = inner.answers.get_mut(&host).map_or(Answer::Take, |answer| answer());
    if answer != Answer::Take {
        return StatusCode::GONE;
    }
    inner.messages.push((headers, body));
    StatusCode::CREATED
}

struct Connections(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Connections {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(connection) => (connection, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Dialer for Gateways {
    fn dial<'a>(
        &'a self,
        target: &'a str,
        _: u16,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (here, there) = tokio::io::duplex(64 << 10);
            let listening = self.0.lock().listening.get(target).cloned();
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            listening.ok_or_else(refused)?.send(there).map_err(|_| refused())?;
            Ok(Box::new(here) as Box<dyn Stream>)
        })
    }

    fn services<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<ServiceTarget>, NetworkError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A server without HTTP.
pub(super) struct World {
    pub clock: Arc<ManualClock>,
    pub engine: MemoryEngine,
    pub store: Store,
    pub rooms: Rooms,
    pub users: Users,
    pub evaluated: Arc<EvaluatedRooms>,
    pub gateways: Gateways,
    pub pushes: Option<Pushes>,
    mails: Option<Mails>,
}

impl World {
    /// To be called within a runtime whose clock is paused.
    pub fn new() -> Self {
        let mut world = Self::on(MemoryEngine::new(), Gateways::default(), StoreOptions::default());
        world.start();
        world
    }

    /// One that sends mails.
    pub fn with_mails(mails: Mails) -> Self {
        let mut world = Self::on(MemoryEngine::new(), Gateways::default(), StoreOptions::default());
        world.mails = Some(mails);
        world.start();
        world
    }

    /// Without pushes.
    pub fn on(engine: MemoryEngine, gateways: Gateways, options: StoreOptions) -> Self {
        let store = Store::open_simulated(engine.clone(), options, || Duration::from_micros(100)).unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(7));
        let rooms = RoomsOptions {
            server_name: owned_server_name!("h.org"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::V12,
            retention: Default::default(),
        };
        let rooms = Rooms::open(store.clone(), rooms, clock.clone(), random.clone()).unwrap();
        let users = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
        let users = Users::new(store.clone(), clock.clone(), random, users).unwrap();
        Self {
            clock,
            engine,
            store,
            rooms,
            users,
            evaluated: Arc::default(),
            gateways,
            pushes: None,
            mails: None,
        }
    }

    pub fn start(&mut self) {
        let options = NetworkOptions { allow_private_networks: true, ..NetworkOptions::default() };
        self.pushes = Some(Pushes::start(Parts {
            rooms: self.rooms.clone(),
            users: self.users.clone(),
            evaluated: self.evaluated.clone(),
            network: Network::new(Arc::new(self.gateways.clone()), &options),
            clock: self.clock.clone(),
            random: Arc::new(SeededRandom::new(9)),
            vapid: Vapid::of(&[7; 32]).unwrap(),
            mails: self.mails.clone(),
        }));
    }

    /// The server is killed, and another one begins on what is on its disk.
    pub fn killed(self) -> Self {
        drop(self.pushes);
        let mut world = Self::on(self.engine.crash(), self.gateways, StoreOptions::default());
        world.mails = self.mails;
        world.start();
        world
    }

    /// All that came is noted, and told as far as it can be for so long.
    pub async fn settle_for(&self, time: Duration) {
        if let Some(pushes) = &self.pushes {
            pushes.reached(self.store.published()).await.unwrap();
        }
        tokio::time::sleep(time).await;
    }

    pub async fn settle(&self) {
        self.settle_for(Duration::from_secs(30)).await;
    }

    pub async fn user(&self, name: &str) -> OwnedUserId {
        let user = UserId::parse(format!("@{name}:h.org")).unwrap();
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        self.users.accounts.create(&user, account).await.unwrap();
        let device = OwnedDeviceId::from("D");
        self.users.sessions.create(&user, Some(&device), None, false).await.unwrap();
        user
    }

    /// Sets a pusher of a user at a host.
    pub async fn push_to(&self, user: &UserId, pushkey: &str, host: &str) {
        self.push(user, pushkey, host, json!({}), true).await;
    }

    pub async fn push(&self, user: &UserId, pushkey: &str, host: &str, data: Value, enabled: bool) {
        let mut pusher = json!({ "kind": "http", "data": data });
        pusher["data"]["url"] = format!("http://{host}/_matrix/push/v1/notify").into();
        let pusher = to_raw_value(&pusher).unwrap();
        let new =
            NewPusher { app_id: "app", pushkey, pusher: &pusher, enabled, append: true, to_activate: None };
        self.users.pushers.set(user, "D".into(), new).await.unwrap();
    }

    /// A public room with others in it.
    pub async fn room(&self, creator: &UserId, others: &[&UserId]) -> Room {
        self.clock.advance(1);
        let id =
            self.rooms.create_room(CreateRoom::new(creator.to_owned(), Preset::PublicChat)).await.unwrap();
        let room = self.rooms.room(&id).unwrap();
        for other in others {
            self.rooms.join(&room, other, Map::new()).await.unwrap();
        }
        room
    }

    pub async fn say(&self, sender: &UserId, room: &Room, body: &str) -> Arc<Event> {
        self.send(sender, room, json!({ "msgtype": "m.text", "body": body })).await
    }

    pub async fn send(&self, sender: &UserId, room: &Room, content: Value) -> Arc<Event> {
        let event = NewEvent::message(sender, "m.room.message", to_raw_value(&content).unwrap());
        room.send(event, None).await.unwrap()
    }

    pub async fn redact(&self, sender: &UserId, room: &Room, event: &Event) {
        let content = to_raw_value(&json!({ "redacts": event.id() })).unwrap();
        let mut redaction = NewEvent::message(sender, "m.room.redaction", content);
        redaction.redacts = Some(event.id().to_owned());
        room.send(redaction, None).await.unwrap();
    }

    /// The counts of a user in a room, as a sync tells them.
    pub fn unread(&self, user: &UserId, room: &Room) -> UnreadCounts {
        let push_user = PushUser {
            rooms: &self.rooms,
            users: &self.users,
            user,
            rules: self.users.push_rules.ruleset(user).unwrap(),
            evaluated: &self.evaluated,
            ignored: &self.users.account_data.ignored_users(user).unwrap(),
        };
        let joined = room.membership(user).unwrap().unwrap().position;
        let evaluated = self.evaluated.room(room.nid());
        let read = ReadRoom { room, evaluated: &evaluated, joined };
        UnreadRooms::default().counts(&push_user, read, self.store.published()).unwrap()
    }
}
