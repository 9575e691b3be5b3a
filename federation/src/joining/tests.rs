use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    routing::{get, put},
};
use hearth_http::MatrixError;
use hearth_rooms::{CreateRoom, OutOfRoom, Preset, Received, Room};
use hearth_spec::{EventTemplate, Pdu, RoomVersion};
use hearth_storage::{
    TimelineOrder,
    schema::{rooms::Membership, users::AccountKind},
};
use hearth_users::NewAccount;
use http::StatusCode;
use ruma::{OwnedServerName, OwnedUserId, UserId};
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::{
    Backfilled, Federation, FederationError,
    testing::{Peer, START_MS, far, federation, join_event, key_response},
    two_servers::TwoServers,
};

#[tokio::test]
async fn a_room_of_another_server_is_joined_in_every_kind_of_version() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    for version in [RoomVersion::V1, RoomVersion::V3, RoomVersion::V6, RoomVersion::V10, RoomVersion::V12] {
        let theirs = there.public_room(version).await;
        for number in 0..3 {
            there.say(&theirs, &format!("before {number}")).await;
        }
        let ours = here.join(&theirs, there).await;
        assert_eq!(ours.version(), version);
        assert!(ours.is_joined(&here.user).unwrap() && ours.is_joined(&there.user).unwrap());
        assert!(theirs.is_joined(&here.user).unwrap());
        assert_eq!(ours.head().joined, 2);
        assert!(ours.state_event("m.room.name", "").unwrap().is_some());
        // Joining again finds it here.
        here.join(&theirs, there).await;
        assert_eq!(
            ours.state_event("m.room.member", here.user.as_str()).unwrap().unwrap().id(),
            theirs.state_event("m.room.member", here.user.as_str()).unwrap().unwrap().id()
        );
    }
}

#[tokio::test]
async fn history_from_before_the_join_is_fetched() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let theirs = there.public_room(RoomVersion::V12).await;
    for number in 0..10 {
        there.say(&theirs, &format!("before {number}")).await;
    }
    let ours = here.join(&theirs, there).await;
    let count = || {
        let range = hearth_rooms::TimelineRange { limit: 1000, ..Default::default() };
        ours.timeline(range).unwrap().len()
    };
    assert_eq!(count(), 1);
    let gap = || ours.gap_within(None, TimelineOrder::MAX).unwrap();
    assert_eq!(here.federation.backfill(&ours, gap().unwrap(), 5).await.unwrap(), Backfilled::Some);
    assert_eq!(count(), 6);
    while let Some(gap) = gap() {
        assert_eq!(here.federation.backfill(&ours, gap, 100).await.unwrap(), Backfilled::Some);
    }
    let theirs_count = {
        let range = hearth_rooms::TimelineRange { limit: 1000, ..Default::default() };
        theirs.timeline(range).unwrap().len()
    };
    assert_eq!(count(), theirs_count);
}

#[tokio::test]
async fn history_comes_from_a_server_that_answers() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let theirs = there.public_room(RoomVersion::V11).await;
    there.say(&theirs, "before").await;
    let ours = here.join(&theirs, there).await;
    // As many as are asked, and named before the one that answers.
    for server in ["a.example", "b.example", "c.example"] {
        let received = ours.receive(join_event(&ours, server)).await.unwrap();
        assert!(matches!(received, Received::Accepted(_)));
        here.federation.destinations().failed(far(server).server_name());
    }
    let gap = ours.gap_within(None, TimelineOrder::MAX).unwrap().unwrap();
    assert_eq!(here.federation.backfill(&ours, gap, 100).await.unwrap(), Backfilled::Some);
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let theirs = there.room(RoomVersion::V12, json!({ "join_rule": "invite" })).await;
    let nobody: OwnedServerName = "localhost:1".try_into().unwrap();
    let via = [nobody, there.name().to_owned()];
    let error = here.federation.join(&here.user, theirs.id(), &via, Map::new()).await.map(drop).unwrap_err();
    assert!(error.is_errcode("M_FORBIDDEN"), "{error}");
    let via = [];
    let error = here.federation.join(&here.user, theirs.id(), &via, Map::new()).await.map(drop).unwrap_err();
    assert!(error.is_errcode("M_NOT_FOUND"), "{error}");
    assert!(matches!(here.federation.rooms().find_room(theirs.id()), Ok(None)));
}

#[tokio::test]
async fn an_invite_is_signed_by_the_other_server_and_accepted() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    for version in [RoomVersion::V1, RoomVersion::V6, RoomVersion::V12] {
        let room = here.room(version, json!({ "join_rule": "invite" })).await;
        here.federation.invite(&room, &here.user, &there.user, Map::new()).await.unwrap();
        let member = room.membership(&there.user).unwrap().unwrap();
        assert_eq!(member.membership, Membership::Invite);
        let (known, invite, row) =
            there.federation.rooms().out_of_room(&there.user, room.id()).unwrap().unwrap();
        assert_eq!((known, row.membership), (version, Membership::Invite));
        assert!(row.stripped_state.unwrap().contains("A room"));
        assert!(invite.pdu.text().contains(there.name().as_str()));
        // Without a server named: that of who invited is asked.
        let theirs = there.federation.join(&there.user, room.id(), &[], Map::new()).await.unwrap();
        assert!(theirs.is_joined(&there.user).unwrap() && room.is_joined(&there.user).unwrap());
    }
}

#[tokio::test]
async fn an_invite_of_nobody_is_refused_by_their_server() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let room = here.public_room(RoomVersion::V12).await;
    let nobody = ruma::UserId::parse(format!("@nobody:{}", there.name())).unwrap();
    let error = here.federation.invite(&room, &here.user, &nobody, Map::new()).await.unwrap_err();
    assert!(matches!(error, FederationError::Refused { .. }), "{error}");
    assert!(room.membership(&nobody).unwrap().is_none());
}

#[tokio::test]
async fn an_invite_is_turned_down_also_when_nobody_hears_it() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let room = here.public_room(RoomVersion::V12).await;
    here.federation.invite(&room, &here.user, &there.user, Map::new()).await.unwrap();
    there.federation.leave(&there.user, room.id(), Map::new()).await.unwrap();
    assert_eq!(room.membership(&there.user).unwrap().unwrap().membership, Membership::Leave);
    let left = there.federation.rooms().out_of_room(&there.user, room.id()).unwrap();
    assert_eq!(left.unwrap().2.membership, Membership::Leave);

    let room = here.public_room(RoomVersion::V12).await;
    here.federation.invite(&room, &here.user, &there.user, Map::new()).await.unwrap();
    // The room goes on without its server: whom it asks says no.
    room.set_membership(&here.user, &there.user, "ban", Map::new()).await.unwrap();
    there.federation.leave(&there.user, room.id(), Map::new()).await.unwrap();
    let left = there.federation.rooms().out_of_room(&there.user, room.id()).unwrap();
    assert!(matches!(left.unwrap().2.membership, Membership::Leave | Membership::Ban));
}

/// A server that has invited Bob, and answers `make_leave` when it is let.
#[tokio::test]
async fn an_invite_is_turned_down_at_once_and_a_slow_server_told_later() {
    let (let_go, told) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let peer = {
        let (let_go, told) = (let_go.clone(), told.clone());
        Peer::serve(|name, key| {
            let keys = key_response(name, key, START_MS + 1_000_000);
            let make = async move || {
                let _permit = let_go.acquire().await;
                let event = json!({ "prev_events": ["$p"], "auth_events": ["$a"], "depth": 9 });
                Json(json!({ "room_version": "11", "event": event }))
            };
            let send = async move || {
                told.notify_one();
                Json(json!({}))
            };
            Router::new()
                .route("/_matrix/key/v2/server", get(async move || Json(keys)))
                .route("/_matrix/federation/v1/make_leave/{room}/{user}", get(make))
                .route("/_matrix/federation/v2/send_leave/{room}/{event}", put(send))
        })
        .await
    };
    let (federation, _folder) = federation(peer.trusted());
    let (bob, room) = (ruma::owned_user_id!("@bob:own.example"), ruma::owned_room_id!("!theirs:x"));
    let sender = UserId::parse(format!("@alice:{}", peer.name)).unwrap();
    let invite = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some(bob.to_string()),
        content: serde_json::value::to_raw_value(&json!({ "membership": "invite" })).unwrap(),
        sender,
        room_id: Some(room.clone()),
        origin_server_ts: START_MS,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 3,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let event = invite.seal(RoomVersion::V11, &peer.name, &peer.key).unwrap();
    let note = OutOfRoom {
        room_id: room.clone(),
        version: RoomVersion::V11,
        event,
        user: bob.clone(),
        membership: Membership::Invite,
        stripped_state: None,
    };
    federation.rooms().note_membership(note).await.unwrap();
    federation.leave_within(Duration::from_millis(50), &bob, &room, Map::new()).await.unwrap();
    let left = federation.rooms().out_of_room(&bob, &room).unwrap().unwrap();
    assert_eq!(left.2.membership, Membership::Leave);
    let_go.add_permits(1);
    told.notified().await;
}

/// A user, and a room of theirs.
async fn room_of(federation: &Federation, version: RoomVersion) -> (OwnedUserId, Room) {
    let alice = ruma::owned_user_id!("@alice:own.example");
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    federation.users().accounts.create(&alice, account).await.unwrap();
    let request = CreateRoom { version: Some(version), ..CreateRoom::new(alice.clone(), Preset::PublicChat) };
    let id = federation.rooms().create_room(request).await.unwrap();
    (alice, federation.rooms().room(&id).unwrap())
}

#[tokio::test]
async fn what_a_server_has_against_our_event_is_not_the_clients_fault() {
    let body = json!({ "errcode": "M_INVALID_PARAM", "error": "no" });
    let refusal = async move || (StatusCode::BAD_REQUEST, Json(body));
    let peer =
        Peer::serve(|_, _| Router::new().route("/_matrix/federation/v2/invite/{room}/{event}", put(refusal)))
            .await;
    let (federation, _folder) = federation(peer.trusted());
    let (alice, room) = room_of(&federation, RoomVersion::V12).await;
    let zoe = far(peer.name.as_str());
    let error = federation.invite(&room, &alice, &zoe, Map::new()).await.unwrap_err();
    assert_eq!(MatrixError::from(error).status, StatusCode::BAD_GATEWAY);
}

/// A server from before the second version of invites, which answers as it likes to what it does not know.
#[tokio::test]
async fn an_older_server_is_invited_by_the_first_version() {
    for status in [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST] {
        let peer = Peer::serve(|name, key| {
            let keys = key_response(name, key, START_MS + 1_000_000);
            let (name, key) = (name.to_owned(), key.clone());
            let sign = async move |Json(event): Json<Value>| {
                let pdu = Pdu::parse(RoomVersion::V1, &event.to_string()).unwrap();
                let signed = hearth_spec::sign_pdu(&pdu, &name, &key).unwrap();
                let event: Value = serde_json::from_str(signed.text()).unwrap();
                Json(json!([200, { "event": event }]))
            };
            Router::new()
                .route("/_matrix/key/v2/server", get(async move || Json(keys)))
                .route("/_matrix/federation/v1/invite/{room}/{event}", put(sign))
                .fallback(async move || (status, "what?"))
        })
        .await;
        let (federation, _folder) = federation(peer.trusted());
        let (alice, room) = room_of(&federation, RoomVersion::V1).await;
        let zoe = far(peer.name.as_str());
        federation.invite(&room, &alice, &zoe, Map::new()).await.unwrap();
        assert_eq!(room.membership(&zoe).unwrap().unwrap().membership, Membership::Invite);
    }
}

#[tokio::test]
async fn who_knocks_is_let_in() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let theirs = there.room(RoomVersion::V10, json!({ "join_rule": "knock" })).await;
    let via = [there.name().to_owned()];
    here.federation.knock(&here.user, theirs.id(), &via, Map::new()).await.unwrap();
    assert_eq!(theirs.membership(&here.user).unwrap().unwrap().membership, Membership::Knock);
    let (.., row) = here.federation.rooms().out_of_room(&here.user, theirs.id()).unwrap().unwrap();
    assert_eq!(row.membership, Membership::Knock);
    assert!(row.stripped_state.unwrap().contains("A room"));
    there.federation.invite(&theirs, &there.user, &here.user, Map::new()).await.unwrap();
    here.join(&theirs, there).await;
    assert!(theirs.is_joined(&here.user).unwrap());
}

#[tokio::test]
async fn a_restricted_room_is_joined_by_who_is_in_the_other() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let club = there.public_room(RoomVersion::V10).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club.id() }]);
    let theirs = there.room(RoomVersion::V10, json!({ "join_rule": "restricted", "allow": allow })).await;
    let via = [there.name().to_owned()];
    let error = here.federation.join(&here.user, theirs.id(), &via, Map::new()).await.map(drop).unwrap_err();
    assert!(error.is_errcode("M_FORBIDDEN"), "{error}");
    here.join(&club, there).await;
    let ours = here.join(&theirs, there).await;
    assert!(ours.is_joined(&here.user).unwrap() && theirs.is_joined(&here.user).unwrap());
}

#[tokio::test]
async fn where_a_room_is_is_guessed_only_if_no_other_server_is_named() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let theirs = there.public_room(RoomVersion::V11).await;
    let via: [OwnedServerName; 1] = ["localhost:1".try_into().unwrap()];
    let error = here.federation.join(&here.user, theirs.id(), &via, Map::new()).await.map(drop).unwrap_err();
    assert!(matches!(error, FederationError::Unreachable(_)), "{error}");
    let via = [here.name().to_owned()];
    let ours = here.federation.join(&here.user, theirs.id(), &via, Map::new()).await.unwrap();
    assert!(ours.is_joined(&here.user).unwrap());
}
