//! Rooms that one is invited to, joins, leaves, is banned from and forgets.

use hearth_rooms::OutOfRoom;
use hearth_spec::EventTemplate;
use hearth_storage::schema::rooms::Membership;
use ruma::{owned_room_id, server_name, user_id};

use super::*;

#[tokio::test]
async fn an_invite_is_told_with_what_the_room_is() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PrivateChat).await;
    alice.set(&room, "m.room.name", "", json!({"name": "secret"})).await;
    bob.sync().await;
    alice.set_membership(&room, &bob, "invite").await;
    let response = bob.wait().await;
    let part = &response["rooms"]["invite"][room.id().as_str()]["invite_state"];
    let kinds = kinds(part);
    for kind in [
        kind("m.room.name", ""),
        kind("m.room.create", ""),
        kind("m.room.member", "@bob:h.org"),
        kind("m.room.member", "@alice:h.org"),
    ] {
        assert!(kinds.contains(&kind), "{part}");
    }
    assert!(bob.sync().await.get("rooms").is_none(), "told once");
    let mut again = world.client(&bob.user, "E").await;
    assert!(again.sync().await["rooms"]["invite"][room.id().as_str()].is_object());
}

#[tokio::test]
async fn an_invite_from_someone_ignored_is_not_told() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let list = to_raw_value(&json!({"ignored_users": {"@alice:h.org": {}}})).unwrap();
    world.users.account_data.set(&bob.user, None, "m.ignored_user_list", &list).await.unwrap();
    bob.sync().await;
    let room = alice.create(Preset::PrivateChat).await;
    alice.set_membership(&room, &bob, "invite").await;
    assert!(bob.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn a_room_that_is_joined_is_told_whole() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PublicChat).await;
    bob.filter = json!({"room": {"timeline": {"limit": 2}}});
    bob.sync().await;
    alice.say(&room, "before").await;
    bob.join(&room).await;
    let response = bob.wait().await;
    let part = joined(&response, &room);
    let state = kinds(&part["state"]);
    assert!(state.contains(&kind("m.room.create", "")), "{state:?}");
    assert!(state.contains(&kind("m.room.member", "@alice:h.org")));
    assert_eq!(part["timeline"]["limited"], true);
    assert_eq!(bodies(&response, &room), ["before"], "shared history is visible");
    assert_eq!(part["summary"]["m.joined_member_count"], 2);
    assert_eq!(part["summary"]["m.heroes"], json!(["@alice:h.org"]));
    alice.say(&room, "after").await;
    let response = bob.sync().await;
    assert_eq!(bodies(&response, &room), ["after"]);
    assert_eq!(joined(&response, &room)["state"], json!({"events": []}));
    assert!(joined(&response, &room).get("summary").is_none());
}

#[tokio::test]
async fn to_change_ones_profile_is_not_to_join_anew() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    alice.sync().await;
    alice
        .set(&room, "m.room.member", "@alice:h.org", json!({"membership": "join", "displayname": "A"}))
        .await;
    let response = alice.sync().await;
    let part = joined(&response, &room);
    assert_eq!(kinds(&part["timeline"]), [kind("m.room.member", "@alice:h.org")]);
    assert_eq!(part["state"], json!({"events": []}));
    let event = &part["timeline"]["events"][0];
    assert_eq!(event["unsigned"]["prev_content"]["membership"], "join");
    assert!(event["unsigned"]["replaces_state"].is_string());
}

#[tokio::test]
async fn a_room_that_is_left_is_told_up_to_the_leave() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    alice.say(&room, "seen").await;
    bob.set_membership(&room, &Client { since: None, ..world.client(&bob.user, "X").await }, "leave").await;
    alice.say(&room, "unseen").await;
    let response = bob.sync().await;
    assert!(response["rooms"].get("join").is_none());
    let part = &response["rooms"]["leave"][room.id().as_str()];
    assert_eq!(kinds(&part["timeline"]), [kind("m.room.member", "@bob:h.org"), kind("m.room.message", "-")]);
    assert!(!part.to_string().contains("unseen"));
    alice.say(&room, "more").await;
    assert!(bob.sync().await.get("rooms").is_none());
    // A first sync tells of it only if asked to, and of a forgotten room not at all.
    let mut again = world.client(&bob.user, "E").await;
    assert!(again.sync().await.get("rooms").is_none());
    (again.since, again.filter) = (None, json!({"room": {"include_leave": true}}));
    assert!(again.sync().await["rooms"]["leave"][room.id().as_str()].is_object());
    room.forget(&bob.user).await.unwrap();
    again.since = None;
    assert!(again.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn a_room_that_is_forgotten_at_once_is_still_told_to_be_left() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    let other = world.client(&bob.user, "X").await;
    other.set_membership(&room, &bob, "leave").await;
    room.forget(&bob.user).await.unwrap();
    assert!(bob.sync().await["rooms"]["leave"][room.id().as_str()].is_object());
    assert!(bob.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn of_a_new_room_only_the_whole_timeline_is_not_limited() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    alice.sync().await;
    bob.filter = json!({"room": {"timeline": {"types": ["m.room.message"]}}});
    bob.sync().await;
    let room = alice.create_with(&[&bob]).await;
    alice.say(&room, "one").await;
    assert_eq!(joined(&alice.sync().await, &room)["timeline"]["limited"], false, "it begins with the room");
    let response = bob.sync().await;
    assert_eq!(bodies(&response, &room), ["one"]);
    assert_eq!(joined(&response, &room)["timeline"]["limited"], true);
}

#[tokio::test]
async fn a_ban_and_a_declined_invite_are_left_rooms() {
    let world = World::new();
    let (alice, mut bob, mut carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob]).await;
    alice.set_membership(&room, &carol, "invite").await;
    bob.sync().await;
    carol.sync().await;
    alice.set_membership(&room, &bob, "ban").await;
    let other = world.client(&carol.user, "X").await;
    carol.set_membership(&room, &other, "leave").await;
    let response = bob.sync().await;
    let part = &response["rooms"]["leave"][room.id().as_str()];
    assert_eq!(part["timeline"]["events"][0]["content"]["membership"], "ban");
    let response = carol.sync().await;
    let part = &response["rooms"]["leave"][room.id().as_str()];
    assert_eq!(kinds(&part["timeline"]), [kind("m.room.member", "@carol:h.org")]);
    assert_eq!(part["state"], json!({"events": []}), "she never saw the room: {part}");
    assert_eq!(part["account_data"], json!({"events": []}));
}

#[tokio::test]
async fn the_end_of_an_invite_to_a_room_elsewhere_is_told_by_its_leave() {
    let world = World::new();
    let mut bob = world.user("bob").await;
    note(&world, &bob, "invite").await;
    bob.sync().await;
    note(&world, &bob, "leave").await;
    let leave = json!([{ "type": "m.room.member", "state_key": "@bob:h.org", "membership": "leave" }]);
    let told = |response: &Value| {
        let part = response["rooms"]["leave"].get("!there:b.org")?;
        // Widely used clients need the lists, also where they are empty.
        for list in ["state", "account_data"] {
            assert_eq!(part[list], json!({"events": []}));
        }
        let events = part["timeline"]["events"].as_array()?;
        let events = events.iter().map(|event| {
            json!({
                "type": event["type"],
                "state_key": event["state_key"],
                "membership": event["content"]["membership"],
            })
        });
        Some(Value::from_iter(events))
    };
    assert_eq!(told(&bob.sync().await), Some(leave.clone()));
    assert_eq!(told(&bob.sync().await), None, "it was told");
    let mut other = world.client(&bob.user, "X").await;
    assert_eq!(told(&other.sync().await), None);
    other.since = None;
    other.filter = json!({ "room": { "include_leave": true } });
    assert_eq!(told(&other.sync().await), Some(leave));
}

/// Notes what a server elsewhere says of a user.
async fn note(world: &World, client: &Client, membership: &str) {
    let template = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some(client.user.to_string()),
        content: to_raw_value(&json!({ "membership": membership })).unwrap(),
        sender: user_id!("@zoe:b.org").to_owned(),
        room_id: Some(owned_room_id!("!there:b.org")),
        origin_server_ts: 1,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 7,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let key = SigningKey::generate([8; 32], "1").unwrap();
    let event = template.seal(RoomVersion::V10, server_name!("b.org"), &key).unwrap();
    let note = OutOfRoom {
        room_id: event.room_id().to_owned(),
        version: RoomVersion::V10,
        user: client.user.clone(),
        membership: if membership == "invite" { Membership::Invite } else { Membership::Leave },
        stripped_state: (membership == "invite").then(|| "[]".to_owned()),
        event,
    };
    world.rooms.note_membership(note).await.unwrap();
}

#[tokio::test]
async fn who_leaves_and_comes_back_is_told_of_the_time_between_only_what_may_be_seen() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    alice.set(&room, "m.room.history_visibility", "", json!({"history_visibility": "joined"})).await;
    bob.sync().await;
    let other = world.client(&bob.user, "X").await;
    bob.set_membership(&room, &other, "leave").await;
    alice.say(&room, "hidden").await;
    bob.join(&room).await;
    alice.say(&room, "shown").await;
    let response = bob.sync().await;
    assert_eq!(bodies(&response, &room), ["shown"]);
}
