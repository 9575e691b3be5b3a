use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse,
};
use hearth_rooms::{NewEvent, Received, Room};
use hearth_spec::RoomVersion;
use hearth_storage::schema::{rooms::Standing, users::AccountKind};
use hearth_sync::{SyncRequest, SyncToken};
use hearth_users::NewAccount;
use http::StatusCode;
use ruma::{
    EventId, OwnedEventId, OwnedUserId, ServerName, UserId,
    api::federation::{
        event::get_room_state_ids::v1::Request as GetStateIds,
        membership::prepare_join_event::v1::Request as MakeJoin,
    },
};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::FetchingMembers;
use crate::{
    Federation, Limits,
    intake::RoomIntake,
    testing::join_event,
    two_servers::{ServerWithUser, TwoServers},
};

/// What the state of a room is asked for waits for.
#[derive(Clone, Default)]
struct Gate {
    open: Arc<AtomicBool>,
    opened: Arc<Notify>,
}

impl Gate {
    fn front(&self, routes: Router) -> Router {
        let gate = self.clone();
        routes.layer(from_fn(move |request: Request, next: Next| {
            let gate = gate.clone();
            async move {
                let asks_for_state = request.uri().path().contains("/state");
                while asks_for_state && !gate.open.load(SeqCst) {
                    gate.opened.notified().await;
                }
                next.run(request).await
            }
        }))
    }

    fn open(&self) {
        self.open.store(true, SeqCst);
        self.opened.notify_waiters();
        self.opened.notify_one();
    }
}

/// A user of a server who is in a room.
async fn member(server: &ServerWithUser, room: &Room, name: &str) -> OwnedUserId {
    let user = UserId::parse(format!("@{name}:{}", server.name())).unwrap();
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    server.federation.users().accounts.create(&user, account).await.unwrap();
    server.federation.rooms().join(room, &user, Map::new()).await.unwrap();
    user
}

/// A room of Alice's with others in it.
async fn crowded_room(here: &ServerWithUser) -> Room {
    let room = here.public_room(RoomVersion::V12).await;
    for number in 0..4 {
        member(here, &room, &format!("member{number}_{}", room.nid().0)).await;
    }
    room
}

fn state(room: &Room) -> Vec<OwnedEventId> {
    let events = room.full_state(room.head().state).unwrap();
    let mut ids: Vec<OwnedEventId> = events.iter().map(|event| event.id().to_owned()).collect();
    ids.sort_unstable();
    ids
}

/// A server that tells nobody which state there was.
fn without_states(routes: Router) -> Router {
    routes.layer(from_fn(async |request: Request, next: Next| {
        match request.uri().path().contains("/state_ids/") {
            true => StatusCode::NOT_FOUND.into_response(),
            false => next.run(request).await,
        }
    }))
}

async fn fetch_once(server: &ServerWithUser, room: &Room, all: bool) -> bool {
    super::fetch_once(&server.federation, room.nid(), all, &mut HashSet::new()).await.unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it does not come")
}

/// The newest event of a room goes to another server.
async fn pass(from: &Room, sender: &ServerWithUser, to: &Federation) {
    let range = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
    let event = from.timeline(range).unwrap().remove(0);
    let room = to.rooms().room(from.id()).unwrap();
    let pdu = (*event.pdu).clone();
    RoomIntake::new(to, &room, sender.name()).take_in(pdu).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_room_is_there_at_once_and_its_members_come_later() {
    let gate = Gate::default();
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| gate.front(routes)).await;
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    let fetching = FetchingMembers::start(&there.federation).unwrap();
    assert!(theirs.is_partial());
    assert_eq!(theirs.head().joined, 1);
    assert!(theirs.has_server(here.name()).unwrap(), "the answer says so");
    assert!(theirs.state_event("m.room.name", "").unwrap().is_some());

    // Both talk, and what the members are named by comes with what they say.
    there.say(&theirs, "hi").await;
    pass(&theirs, there, &here.federation).await;
    here.say(&ours, "hello").await;
    pass(&ours, here, &there.federation).await;
    assert!(theirs.is_joined(&here.user).unwrap());

    // Meanwhile it does not speak for the room.
    let client = here.federation.client();
    let mut make = MakeJoin::new(ours.id().to_owned(), here.user.clone());
    make.ver = vec![RoomVersion::V12.id()];
    let refused = client.send_with(there.name(), make, Limits::USUAL).await.map(drop).unwrap_err();
    assert!(refused.is_errcode("M_NOT_FOUND"), "{refused}");

    // A second user comes in by another server, as nobody here knows whether they may.
    let carol = UserId::parse(format!("@carol:{}", there.name())).unwrap();
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    there.federation.users().accounts.create(&carol, account).await.unwrap();
    let via = [here.name().to_owned()];
    there.federation.join(&carol, ours.id(), &via, Map::new()).await.unwrap();
    assert!(theirs.is_joined(&carol).unwrap() && ours.is_joined(&carol).unwrap());

    gate.open();
    soon(theirs.when_whole()).await;
    assert_eq!(state(&theirs), state(&ours));
    let last = theirs.head().extremities[0];
    let last = there.federation.rooms().event(last).unwrap().unwrap().id().to_owned();
    let ids = GetStateIds::new(last, ours.id().to_owned());
    client.send_with(there.name(), ids, Limits::USUAL).await.unwrap();

    // The next one comes while the task runs, and after a start it goes on with what is left.
    drop(fetching);
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    assert!(theirs.is_partial());
    let _fetching = FetchingMembers::start(&there.federation).unwrap();
    soon(theirs.when_whole()).await;
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    soon(theirs.when_whole()).await;
    assert_eq!(state(&theirs), state(&ours));
    let report = hearth_rooms::check(there.federation.store(), |_| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn what_was_allowed_wrongly_is_put_right() {
    let gate = Gate::default();
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| gate.front(routes)).await;
    let ours = crowded_room(here).await;
    let mallory = member(here, &ours, "mallory").await;
    let mut levels: Value = ours.state_content("m.room.power_levels", "").unwrap().unwrap();
    levels["users"][mallory.as_str()] = 50.into();
    here.set(&ours, "m.room.power_levels", "", levels).await;
    let named = NewEvent::state_json(&mallory, "m.room.topic", "", &json!({ "topic": "mine" })).unwrap();
    let proposed = ours.propose(named).unwrap();
    ours.set_membership(&mallory, &mallory, "leave", Map::new()).await.unwrap();
    let theirs = there.join(&ours, here).await;
    let _fetching = FetchingMembers::start(&there.federation).unwrap();

    // From before the leave, as if it came after the join.
    let mut proposed = proposed;
    let join = theirs.state_event("m.room.member", there.user.as_str()).unwrap().unwrap();
    proposed.insert("prev_events".to_owned(), json!([join.id()]));
    proposed.insert("depth".to_owned(), json!(join.pdu.depth() + 1));
    let topic = here.federation.rooms().seal(RoomVersion::V12, &proposed).unwrap();
    let id = topic.event_id().to_owned();
    let auth = topic.auth_events().iter().map(|id| ours.event(id).unwrap().unwrap());
    let auth: Vec<_> = auth.collect();
    let ids: Vec<OwnedEventId> = auth.iter().map(|event| event.id().to_owned()).collect();
    let chain = ours.auth_chain(&ids).unwrap();
    let all = chain.iter().chain(&auth).map(|event| (*event.pdu).clone()).collect();
    theirs.receive_outliers(all).await.unwrap();
    RoomIntake::new(&there.federation, &theirs, here.name()).take_in(topic).await.unwrap().unwrap();
    assert_eq!(theirs.event(&id).unwrap().unwrap().standing, Standing::Accepted);
    // What is refused is kept as well, and may come to be allowed: so no error is told.
    let levels = json!({ "type": "m.room.power_levels", "content": { "users": {} } });
    proposed.extend(levels.as_object().unwrap().clone());
    let refused = here.federation.rooms().seal(RoomVersion::V12, &proposed).unwrap();
    let refused_id = refused.event_id().to_owned();
    RoomIntake::new(&there.federation, &theirs, here.name()).take_in(refused.clone()).await.unwrap().unwrap();
    assert_eq!(theirs.event(&refused_id).unwrap().unwrap().standing, Standing::Rejected);
    gate.open();
    soon(theirs.when_whole()).await;
    let again = RoomIntake::new(&there.federation, &theirs, here.name()).take_in(refused).await.unwrap();
    assert!(again.is_err(), "now it is known");
    assert_eq!(theirs.event(&id).unwrap().unwrap().standing, Standing::Rejected);
    assert!(theirs.state_event("m.room.topic", "").unwrap().is_none());
    assert_eq!(state(&theirs), state(&ours));
}

#[tokio::test]
async fn clients_that_want_all_members_see_the_room_when_they_are_there() {
    let gate = Gate::default();
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| gate.front(routes)).await;
    let (federation, user) = (&there.federation, &there.user);
    federation.users().sessions.create(user, Some("D".into()), None, false).await.unwrap();
    let sync = async |filter: &str, since: Option<&str>, wait: u64| -> Value {
        let request = SyncRequest {
            user: user.clone(),
            device: "D".into(),
            filter: federation.sync().filter(user, Some(filter)).unwrap(),
            since: since.map(|since| since.parse::<SyncToken>().unwrap()),
            full_state: false,
            state_after: None,
            set_presence: ruma::presence::PresenceState::Online,
            timeout: Duration::from_secs(wait),
        };
        serde_json::from_str(&federation.sync().sync(request).await.unwrap()).unwrap()
    };
    let (eager, lazy) = ("{}", r#"{"room":{"state":{"lazy_load_members":true}}}"#);
    let before = sync(eager, None, 0).await["next_batch"].as_str().unwrap().to_owned();
    let ours = crowded_room(here).await;
    let id = ours.id().as_str();
    let theirs = there.join(&ours, here).await;
    let _fetching = FetchingMembers::start(federation).unwrap();
    here.say(&ours, "hello").await;
    pass(&ours, here, federation).await;

    for since in [None, Some(&*before)] {
        let told = &sync(lazy, since, 0).await["rooms"]["join"][id];
        let timeline = told["timeline"]["events"].as_array().unwrap();
        assert_eq!(timeline.last().unwrap()["content"]["body"], "hello");
        let alice = here.user.as_str();
        let members = told["state"]["events"].as_array().unwrap().iter();
        assert!(members.into_iter().any(|event| event["state_key"] == alice), "who speaks is told of");
        assert_eq!(sync(eager, since, 0).await["rooms"]["join"][id], Value::Null);
    }
    let eager_before = sync(eager, Some(&before), 0).await["next_batch"].as_str().unwrap().to_owned();
    let lazy_before = sync(lazy, Some(&before), 0).await["next_batch"].as_str().unwrap().to_owned();

    // Who waits is woken.
    let (told, ()) =
        soon(async { tokio::join!(sync(eager, Some(&eager_before), 50), async { gate.open() }) }).await;
    let told = &told["rooms"]["join"][id];
    let members = |told: &Value| {
        let events = ["state", "timeline"].map(|part| told[part]["events"].as_array().unwrap().clone());
        events.concat().iter().filter(|event| event["type"] == "m.room.member").count()
    };
    assert_eq!(members(told), 6, "{told}");
    soon(theirs.when_whole()).await;
    assert_eq!(members(&sync(eager, None, 0).await["rooms"]["join"][id]), 6);
    // The others have the room already, and hear of whose devices there are.
    let told = sync(lazy, Some(&lazy_before), 0).await;
    assert!(told["device_lists"]["changed"].as_array().unwrap().len() >= 4, "{told}");
}

#[tokio::test]
async fn nothing_is_taken_from_a_server_that_does_not_have_it() {
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(without_states).await;
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    assert!(!fetch_once(there, &theirs, true).await);
    assert!(theirs.is_partial());
    // Nobody is left for whom they would be fetched.
    theirs.set_membership(&there.user, &there.user, "leave", Map::new()).await.unwrap();
    assert!(fetch_once(there, &theirs, true).await);
    assert!(theirs.is_partial());
}

/// Who had the state at the join is gone: who is there tells that of now, to a user who joins once more.
#[tokio::test]
async fn where_nobody_has_the_members_of_then_those_of_now_are_told() {
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(without_states).await;
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    let name = json!({ "membership": "join", "displayname": "Bob" });
    there.set(&theirs, "m.room.member", there.user.as_str(), name).await;
    pass(&theirs, there, &here.federation).await;
    here.say(&ours, "meanwhile").await;
    let hi = there.say(&theirs, "hi").await;
    pass(&theirs, there, &here.federation).await;
    assert!(fetch_once(there, &theirs, false).await);
    assert!(!theirs.is_partial());
    assert_eq!(theirs.head().joined, 6);
    assert_eq!(theirs.event(hi.id()).unwrap().unwrap().standing, Standing::Accepted);
    assert_eq!(state(&theirs), state(&ours));
    let member: Value = theirs.state_content("m.room.member", there.user.as_str()).unwrap().unwrap();
    assert_eq!(member["displayname"], "Bob");
    let report = hearth_rooms::check(there.federation.store(), |_| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn all_servers_of_a_room_are_asked_in_turn() {
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| routes).await;
    let ours = here.public_room(RoomVersion::V11).await;
    for number in 0..12 {
        ours.receive(join_event(&ours, &format!("s{number}.example"))).await.unwrap();
    }
    let theirs = there.join(&ours, here).await;
    let row = theirs.partial().unwrap().unwrap();
    there.federation.destinations().failed(&ServerName::parse("s0.example").unwrap());
    let mut asked = HashSet::new();
    let mut ask = || {
        let mut servers = super::servers(&there.federation, &theirs, &row, &mut asked).unwrap();
        assert_eq!(servers.remove(0), here.name(), "who told of the room");
        servers
    };
    let (first, second) = (ask(), ask());
    assert_eq!((first.len(), second.len()), (9, 3));
    assert_eq!(second.last().unwrap(), "s0.example", "who does not answer comes last");
    assert!(first.iter().all(|server| !second.contains(server)));
    assert_eq!(ask(), first, "then they are asked again");
}

/// Two servers may each lack what the other has.
#[tokio::test]
async fn what_was_known_before_a_room_came_in_part_is_told_meanwhile() {
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| routes).await;
    let ours = crowded_room(here).await;
    let theirs = there.join(&ours, here).await;
    assert!(fetch_once(there, &theirs, true).await);
    let hi = there.say(&theirs, "hi").await;
    pass(&theirs, there, &here.federation).await;
    theirs.set_membership(&there.user, &there.user, "leave", Map::new()).await.unwrap();
    pass(&theirs, there, &here.federation).await;
    here.say(&ours, "meanwhile").await;
    let theirs = there.join(&ours, here).await;
    assert!(theirs.is_partial());
    let join = theirs.state_event("m.room.member", there.user.as_str()).unwrap().unwrap();
    let ask = async |event: &EventId| {
        let ids = GetStateIds::new(event.to_owned(), ours.id().to_owned());
        here.federation.client().send_with(there.name(), ids, Limits::USUAL).await
    };
    assert_eq!(ask(hi.id()).await.unwrap().pdu_ids.len(), state(&ours).len());
    let refused = ask(join.id()).await.map(drop).unwrap_err();
    assert!(refused.is_errcode("M_FORBIDDEN"), "{refused}");
}

/// A server that is away for a moment cannot say by which keys its users' events are signed.
#[tokio::test]
async fn who_cannot_be_verified_is_waited_for_and_left_out_in_the_end() {
    let TwoServers { here, there, .. } = &TwoServers::meet_in_part(|routes| routes).await;
    let ours = here.public_room(RoomVersion::V11).await;
    // Nobody answers there.
    let zoe = ours.receive(join_event(&ours, "localhost:1")).await.unwrap();
    assert!(matches!(zoe, Received::Accepted(_)));
    here.say(&ours, "hello").await;
    let theirs = there.join(&ours, here).await;
    assert!(!fetch_once(there, &theirs, true).await);
    assert!(theirs.is_partial());
    assert!(fetch_once(there, &theirs, false).await);
    assert!(!theirs.is_partial());
    assert_eq!(state(&theirs).len(), state(&ours).len() - 1);
}
