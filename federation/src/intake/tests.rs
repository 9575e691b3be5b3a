use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    middleware::{self, Next},
    response::IntoResponse as _,
};
use hearth_rooms::{Event, Room, TimelineRange};
use hearth_spec::RoomVersion;
use hearth_storage::{
    TimelineOrder,
    schema::{rooms::Membership, users::AccountKind},
};
use hearth_users::NewAccount;
use http::StatusCode;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedDeviceId, OwnedEventId, UInt, UserId,
    api::federation::transactions::send_transaction_message::v1::{Request, Response},
    serde::Raw,
};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    Backfilled,
    testing::device_keys,
    two_servers::{ServerWithUser, TwoServers},
};

async fn send(
    from: &ServerWithUser,
    to: &ServerWithUser,
    id: &str,
    pdus: &[String],
    edus: &[Value],
) -> Response {
    let now = MilliSecondsSinceUnixEpoch(UInt::from(1_u32));
    let mut request = Request::new(id.into(), from.name().to_owned(), now);
    request.pdus = pdus.iter().map(|text| RawValue::from_string(text.clone()).unwrap()).collect();
    request.edus = edus.iter().map(|edu| Raw::from_json_string(edu.to_string()).unwrap()).collect();
    to.federation.transaction(from.name(), request).await.unwrap()
}

/// A room of Bob's that Alice has joined, as each has it.
async fn shared(servers: &TwoServers, version: RoomVersion) -> (Room, Room) {
    let TwoServers { here, there, .. } = servers;
    let theirs = there.public_room(version).await;
    let ours = here.join(&theirs, there).await;
    (ours, theirs)
}

/// Such a room as Alice has it, and what Bob says last in it, with a topic before that she was not told.
async fn behind_a_topic(servers: &TwoServers) -> (Room, Arc<Event>) {
    let (ours, theirs) = shared(servers, RoomVersion::V12).await;
    servers.there.set(&theirs, "m.room.topic", "", json!({ "topic": "in the gap" })).await;
    (ours, servers.there.say(&theirs, "last").await)
}

fn has(room: &Room, id: &OwnedEventId) -> bool {
    room.event(id).unwrap().is_some_and(|event| event.order().is_some())
}

#[tokio::test]
async fn events_are_taken_in_once_and_bad_ones_are_told() {
    let servers = TwoServers::meet().await;
    let (ours, theirs) = shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    let (good, bad) = (there.say(&theirs, "good").await, there.say(&theirs, "bad").await);
    let forged = bad.pdu.text().replace(r#""type":"m.room.message""#, r#""type":"m.room.forged""#);
    let forged_id = hearth_spec::Pdu::parse(RoomVersion::V12, &forged).unwrap().event_id().to_owned();
    let pdus = [good.pdu.text().to_owned(), forged, "{}".to_owned()];
    let answer = send(there, here, "1", &pdus, &[]).await;
    assert_eq!(answer.pdus.len(), 2);
    assert!(answer.pdus[good.id()].is_ok());
    assert!(answer.pdus[&forged_id].is_err());
    assert!(has(&ours, &good.id().to_owned()) && ours.event(&forged_id).unwrap().is_none());
    // The same again gets the same answer, without a look at it.
    let again = send(there, here, "1", &[], &[]).await;
    assert_eq!(again.pdus, answer.pdus);
}

#[tokio::test]
async fn what_is_missing_between_is_fetched() {
    let servers = TwoServers::meet().await;
    for version in [RoomVersion::V2, RoomVersion::V12] {
        let (ours, theirs) = shared(&servers, version).await;
        let TwoServers { here, there, .. } = &servers;
        let mut ids = Vec::new();
        for number in 0..30 {
            ids.push(there.say(&theirs, &number.to_string()).await.id().to_owned());
        }
        there.set(&theirs, "m.room.topic", "", json!({ "topic": "between" })).await;
        let last = there.say(&theirs, "last").await;
        let pdus = [last.pdu.text().to_owned()];
        let answer = send(there, here, version.id().as_str(), &pdus, &[]).await;
        assert_eq!(answer.pdus[last.id()], Ok(()));
        assert!(ids.iter().all(|id| has(&ours, id)));
        assert_eq!(ours.head().extremities.len(), 1);
        assert!(ours.state_event("m.room.topic", "").unwrap().is_some());
    }
}

#[tokio::test]
async fn a_gap_that_is_too_long_is_bridged_by_the_state_behind_it() {
    let servers = TwoServers::meet().await;
    let (ours, theirs) = shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    there.set(&theirs, "m.room.topic", "", json!({ "topic": "in the gap" })).await;
    let first = there.say(&theirs, "lost in the gap").await;
    for number in 0..150 {
        there.say(&theirs, &number.to_string()).await;
    }
    let last = there.say(&theirs, "last").await;
    let answer = send(there, here, "1", &[last.pdu.text().to_owned()], &[]).await;
    assert_eq!(answer.pdus[last.id()], Ok(()));
    assert!(has(&ours, &last.id().to_owned()) && !has(&ours, &first.id().to_owned()));
    assert!(ours.state_event("m.room.topic", "").unwrap().is_some());
    assert!(ours.is_joined(&here.user).unwrap());
    // What lies in the gap comes with history, and stands there.
    while let Some(gap) = ours.gap_within(None, TimelineOrder::MAX).unwrap() {
        assert_eq!(here.federation.backfill(&ours, gap, 100).await.unwrap(), Backfilled::Some);
    }
    let all = TimelineRange { limit: 1_000, ..TimelineRange::default() };
    let timelines = [&ours, &theirs].map(|room| {
        let events = room.timeline(all).unwrap();
        events.iter().map(|event| event.id().to_owned()).collect::<Vec<_>>()
    });
    assert!(timelines[0].contains(&first.id().to_owned()));
    assert_eq!(timelines[0], timelines[1]);
}

#[tokio::test]
async fn where_missing_events_are_not_given_the_state_is_asked_for() {
    let front = |routes: Router| {
        routes.layer(middleware::from_fn(async |request: axum::extract::Request, next: Next| {
            match request.uri().path().contains("/get_missing_events/") {
                true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                false => next.run(request).await,
            }
        }))
    };
    let servers = TwoServers::meet_behind(front).await;
    let (ours, last) = behind_a_topic(&servers).await;
    let TwoServers { here, there, .. } = &servers;
    let answer = send(there, here, "1", &[last.pdu.text().to_owned()], &[]).await;
    assert_eq!(answer.pdus[last.id()], Ok(()));
    assert!(has(&ours, &last.id().to_owned()));
    assert!(ours.state_event("m.room.topic", "").unwrap().is_some());
}

#[tokio::test]
async fn a_state_that_comes_in_part_is_none() {
    let refused = Arc::new(AtomicU32::new(0));
    let front = |routes: Router| {
        let refused = refused.clone();
        routes.layer(middleware::from_fn(move |request: axum::extract::Request, next: Next| {
            let path = request.uri().path();
            let refuse = path.contains("/get_missing_events/")
                || (path.contains("/v1/event/") && refused.fetch_add(1, Relaxed) == 0);
            async move {
                match refuse {
                    true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                    false => next.run(request).await,
                }
            }
        }))
    };
    let servers = TwoServers::meet_behind(front).await;
    let (ours, last) = behind_a_topic(&servers).await;
    let TwoServers { here, there, .. } = &servers;
    let answer = send(there, here, "1", &[last.pdu.text().to_owned()], &[]).await;
    assert!(answer.pdus[last.id()].is_err() && !has(&ours, &last.id().to_owned()));
    assert_eq!(refused.load(Relaxed), 1);
    let answer = send(there, here, "2", &[last.pdu.text().to_owned()], &[]).await;
    assert_eq!(answer.pdus[last.id()], Ok(()));
    assert!(ours.state_event("m.room.topic", "").unwrap().is_some());
}

#[tokio::test]
async fn who_is_not_in_a_room_says_nothing_there() {
    let servers = TwoServers::meet().await;
    let (ours, theirs) = shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    let said = there.say(&theirs, "hello").await;
    send(there, here, "1", &[said.pdu.text().to_owned()], &[]).await;
    let rooms = there.federation.rooms();
    // Good ones of the other server, which a third passes on.
    let made = (0..3).map(|number| {
        let mut event: Value = serde_json::from_str(said.pdu.text()).unwrap();
        event["content"]["body"] = json!(number);
        event["prev_events"] = json!([said.id()]);
        rooms.seal(RoomVersion::V12, event.as_object().unwrap()).unwrap()
    });
    let texts: Vec<String> = made.map(|pdu| pdu.text().to_owned()).collect();
    let now = MilliSecondsSinceUnixEpoch(UInt::from(1_u32));
    let mut request = Request::new("1".into(), "elsewhere".try_into().unwrap(), now);
    request.pdus = texts.into_iter().map(|text| RawValue::from_string(text).unwrap()).collect();
    let answer = here.federation.transaction("elsewhere".try_into().unwrap(), request).await.unwrap();
    assert_eq!(answer.pdus.len(), 3);
    for (id, outcome) in answer.pdus {
        assert_eq!(outcome.unwrap_err(), "your server is not in the room");
        assert!(ours.event(&id).unwrap().is_none());
    }
}

#[tokio::test]
async fn a_chain_without_an_end_ends() {
    let servers = TwoServers::meet().await;
    let (ours, theirs) = shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    let last = there.say(&theirs, "real").await;
    // Its predecessors exist nowhere.
    let event: Value = serde_json::from_str(last.pdu.text()).unwrap();
    let mut content = event.clone();
    content["prev_events"] = json!(["$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    let made = there.federation.rooms().seal(RoomVersion::V12, content.as_object().unwrap());
    // A message is no less made this way.
    let made = made.unwrap();
    let answer = send(there, here, "1", &[made.text().to_owned()], &[]).await;
    assert!(answer.pdus[made.event_id()].is_err());
    assert!(ours.event(made.event_id()).unwrap().is_none());
}

#[tokio::test]
async fn edus_of_the_servers_own_users_are_taken_in() {
    let servers = TwoServers::meet().await;
    let (ours, theirs) = shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    let said = there.say(&theirs, "read me").await;
    let receipt = |user: &ruma::UserId| {
        json!({ "m.read": {
        user.as_str(): { "data": { "ts": 1 }, "event_ids": [said.id()] } } })
    };
    let edus = [
        json!({ "edu_type": "m.receipt", "content": { ours.id().as_str(): receipt(&there.user) } }),
        json!({ "edu_type": "m.presence", "content": { "push": [
            { "user_id": there.user, "presence": "online", "last_active_ago": 5 },
            { "user_id": here.user, "presence": "online", "last_active_ago": 5 },
        ] } }),
        json!({ "edu_type": "m.odd", "content": {} }),
        json!({ "nonsense": true }),
    ];
    // What is read comes in the same transaction, and is there first.
    send(there, here, "1", &[said.pdu.text().to_owned()], &[]).await;
    send(there, here, "2", &[], &edus).await;
    assert_eq!(ours.receipts_of(&there.user).unwrap().len(), 1);
    let presence = here.federation.sync().presence(&there.user).unwrap();
    assert_eq!(presence.presence, ruma::presence::PresenceState::Online);
    assert!(here.federation.sync().presence(&here.user).is_none());
    // Nobody speaks for users of another server.
    let edu = json!({ "edu_type": "m.receipt", "content": { ours.id().as_str(): receipt(&here.user) } });
    send(there, here, "3", &[], &[edu]).await;
    assert!(ours.receipts_of(&here.user).unwrap().is_empty());
}

#[tokio::test]
async fn a_message_to_a_device_comes_once() {
    let servers = TwoServers::meet().await;
    let TwoServers { here, there, .. } = &servers;
    let device = ruma::owned_device_id!("PHONE");
    let sessions = &here.federation.users().sessions;
    sessions.create(&here.user, Some(&device), None, false).await.unwrap();
    let edu = json!({ "edu_type": "m.direct_to_device", "content": {
        "sender": there.user, "type": "m.test", "message_id": "m1",
        "messages": { here.user.as_str(): { "*": { "n": 1 } }, there.user.as_str(): { "*": {} } },
    } });
    let mut large = edu.clone();
    large["content"]["message_id"] = "m2".into();
    large["content"]["messages"][here.user.as_str()]["*"]["n"] = "x".repeat(100_000).into();
    // What is too large is lost, and keeps nothing else back.
    for id in ["1", "2"] {
        send(there, here, id, &[], &[large.clone(), edu.clone()]).await;
    }
    let (from, to) = (hearth_storage::Position(0), hearth_storage::Position(u64::MAX));
    let waiting = here.federation.users().to_device.list(&here.user, &device, from, to).unwrap();
    assert_eq!(waiting.messages.len(), 1);
}

#[tokio::test]
async fn only_who_invited_takes_an_invite_back() {
    let servers = TwoServers::meet().await;
    let TwoServers { here, there, .. } = &servers;
    let room = there.public_room(RoomVersion::V12).await;
    there.federation.invite(&room, &there.user, &here.user, Map::new()).await.unwrap();
    let membership = || {
        let known = here.federation.rooms().out_of_room(&here.user, room.id()).unwrap();
        known.unwrap().2.membership
    };
    assert_eq!(membership(), Membership::Invite);
    let taken_back = room.set_membership(&there.user, &here.user, "leave", Map::new()).await.unwrap();
    // As some other server would pass it on.
    let now = MilliSecondsSinceUnixEpoch(UInt::from(1_u32));
    let mut request = Request::new("1".into(), "elsewhere".try_into().unwrap(), now);
    request.pdus = vec![RawValue::from_string(taken_back.pdu.text().to_owned()).unwrap()];
    let answer = here.federation.transaction("elsewhere".try_into().unwrap(), request).await.unwrap();
    assert!(answer.pdus[taken_back.id()].is_err());
    assert_eq!(membership(), Membership::Invite);
    let answer = send(there, here, "2", &[taken_back.pdu.text().to_owned()], &[]).await;
    assert_eq!(answer.pdus[taken_back.id()], Ok(()));
    assert_eq!(membership(), Membership::Leave);
}

#[tokio::test]
async fn devices_are_kept_for_when_their_server_is_away() {
    let servers = TwoServers::meet().await;
    shared(&servers, RoomVersion::V12).await;
    let TwoServers { here, there, .. } = &servers;
    let carol = UserId::parse(format!("@carol:{}", there.name())).unwrap();
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    there.federation.users().accounts.create(&carol, account).await.unwrap();
    for user in [&there.user, &carol] {
        let users = there.federation.users();
        let (device, none) = (ruma::device_id!("ONE"), BTreeMap::new());
        users.sessions.create(user, Some(device), None, false).await.unwrap();
        let keys = Raw::from_json_string(device_keys(user, "ONE").to_string()).unwrap();
        users.device_keys.upload(user, device, Some(&keys), &none, &none).await.unwrap();
    }
    let query = async || {
        let wanted = [&there.user, &carol].map(|user| (user.clone(), Vec::new())).into();
        let found = here.federation.query_keys(wanted, None).await;
        let devices = |user| -> Option<Vec<String>> {
            let devices: &BTreeMap<OwnedDeviceId, _> = found.keys.device_keys.get(user)?;
            Some(devices.keys().map(|device| device.to_string()).collect())
        };
        (devices(&there.user), devices(&carol), found.failures.len())
    };
    let one = || Some(vec!["ONE".to_owned()]);
    assert_eq!(query().await, (one(), one(), 0));
    here.federation.destinations().failed(there.name());
    // Who is in no room that is here is not kept.
    assert_eq!(query().await, (one(), None, 1));
    let update = |device: &str, rest: Value| {
        let mut content =
            json!({ "user_id": there.user, "device_id": device, "stream_id": 9, "prev_id": [] });
        content.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({ "edu_type": "m.device_list_update", "content": content })
    };
    let edus = [
        update("TWO", json!({ "keys": device_keys(&there.user, "TWO") })),
        update("ONE", json!({ "deleted": true })),
    ];
    send(there, here, "1", &[], &edus).await;
    assert_eq!(query().await, (Some(vec!["TWO".to_owned()]), None, 1));
}
