//! Which rooms are in view.

use super::*;

async fn rooms_of(client: &Client, count: usize) -> Vec<Room> {
    let mut rooms = Vec::new();
    for _ in 0..count {
        rooms.push(client.create(Preset::PublicChat).await);
    }
    rooms
}

#[tokio::test]
async fn a_first_window_costs_no_look_at_all_rooms() {
    const ROOMS: usize = 260;
    let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
    let options = SyncOptions { presence: false, ..SyncOptions::default() };
    let world = World::on(store.clone(), options.clone());
    let alice = world.user("alice").await;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(alice.create(Preset::PrivateChat).await);
    }
    alice.say(&rooms[7], "x").await;
    // After a restart nothing is known of the user.
    let world = World::on(store, options);
    let mut slider = world.existing(&alice).slider(window(2));
    slider.body["lists"]["all"]["filters"] = json!({"not_room_types": ["m.space"]});
    let response = slider.sync().await;
    assert_eq!(response["lists"]["all"]["count"], ROOMS);
    let latest = [&rooms[7], &rooms[ROOMS - 1], &rooms[ROOMS - 2]];
    assert!(latest.iter().all(|room| part(&response, room).is_object()));
    let (shown, looked_at) = world.sync.latest_rooms(&alice.user, 3);
    assert_eq!(shown, latest.map(|room| room.nid()));
    assert!(looked_at < ROOMS / 2, "{looked_at} rooms were looked at");
}

#[tokio::test]
async fn a_window_shows_the_latest_rooms_and_slides() {
    let world = World::new();
    let alice = world.user("alice").await;
    let rooms = rooms_of(&alice, 6).await;
    let mut slider = alice.slider(window(1));
    let first = slider.sync().await;
    assert_eq!(first["lists"]["all"]["count"], 6);
    let ids = |rooms: &[&Room]| {
        let mut ids: Vec<OwnedRoomId> = rooms.iter().map(|room| room.id().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(room_ids(&first), ids(&[&rooms[4], &rooms[5]]));
    // A window that grows shows what was not in view, and nothing again.
    slider.body = window(3);
    assert_eq!(room_ids(&slider.sync().await), ids(&[&rooms[2], &rooms[3]]));
    // An event brings a room into view.
    slider.body = window(1);
    assert!(room_ids(&slider.sync().await).is_empty());
    alice.say(&rooms[0], "up").await;
    let response = slider.sync().await;
    assert_eq!(room_ids(&response), ids(&[&rooms[0]]));
    assert_eq!(
        (&part(&response, &rooms[0])["initial"], &part(&response, &rooms[0])["num_live"]),
        (&json!(true), &json!(1))
    );
    // What happened while a room was out of view is told when it comes back, and no more.
    alice.say(&rooms[2], "one").await;
    alice.say(&rooms[1], "x").await;
    alice.say(&rooms[0], "y").await;
    let response = slider.sync().await;
    assert_eq!(room_ids(&response), ids(&[&rooms[0], &rooms[1]]));
    alice.say(&rooms[2], "two").await;
    let response = slider.sync().await;
    assert_eq!(said(&response, &rooms[2]), ["one", "two"]);
    assert!(part(&response, &rooms[2]).get("initial").is_none());
    assert!(room_ids(&slider.sync().await).is_empty());
}

#[tokio::test]
async fn filters_choose_rooms() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = rooms_of(&alice, 3).await;
    let invited = bob.create(Preset::PrivateChat).await;
    bob.set_membership(&invited, &alice, "invite").await;
    alice.set(&rooms[0], "m.room.encryption", "", json!({"algorithm": "m.megolm.v1.aes-sha2"})).await;
    let content = |value: Value| to_raw_value(&value).unwrap();
    let data = &world.users.account_data;
    let direct = content(json!({"@bob:h.org": [rooms[1].id()]}));
    data.set(&alice.user, None, "m.direct", &direct).await.unwrap();
    let tags = content(json!({"tags": {"m.favourite": {}}}));
    data.set(&alice.user, Some(rooms[2].id()), "m.tag", &tags).await.unwrap();
    let mut space = CreateRoom::new(alice.user.clone(), Preset::PrivateChat);
    space.creation_content = serde_json::from_value(json!({"type": "m.space"})).unwrap();
    world.clock.advance(1);
    let space = world.rooms.room(&world.rooms.create_room(space).await.unwrap()).unwrap();
    let list = |filters: Value| json!({"ranges": [[0, 9]], "timeline_limit": 0, "required_state": [], "filters": filters});
    let filters = json!({"lists": {
        "all": list(json!({})), "dm": list(json!({"is_dm": true})), "not_dm": list(json!({"is_dm": false})),
        "encrypted": list(json!({"is_encrypted": true})), "invites": list(json!({"is_invite": true})),
        "no_invites": list(json!({"is_invite": false})), "tagged": list(json!({"tags": ["m.favourite"]})),
        "untagged": list(json!({"not_tags": ["m.favourite"]})), "spaces": list(json!({"room_types": ["m.space"]})),
        "no_spaces": list(json!({"not_room_types": ["m.space"]})), "plain": list(json!({"room_types": [null]})),
        "children": list(json!({"spaces": [space.id()]})),
    }});
    let mut slider = alice.slider(filters);
    let counts = |response: &Value| {
        let counts = response["lists"].as_object().unwrap().iter();
        counts.map(|(name, list)| (name.clone(), list["count"].as_u64().unwrap())).collect::<Vec<_>>()
    };
    let expected = |changed: &[(&str, u64)]| {
        let mut counts: std::collections::BTreeMap<String, u64> = [
            ("all", 5),
            ("dm", 1),
            ("not_dm", 4),
            ("encrypted", 1),
            ("invites", 1),
            ("no_invites", 4),
            ("tagged", 1),
            ("untagged", 4),
            ("spaces", 1),
            ("no_spaces", 4),
            ("plain", 4),
            ("children", 0),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into();
        counts.extend(changed.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        counts.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(counts(&slider.sync().await), expected(&[]));
    // Each follows what changes.
    data.set(&alice.user, None, "m.direct", &content(json!({"@bob:h.org": []}))).await.unwrap();
    data.set(&alice.user, Some(rooms[2].id()), "m.tag", &content(json!({"tags": {}}))).await.unwrap();
    alice.set(&rooms[1], "m.room.encryption", "", json!({"algorithm": "m.megolm.v1.aes-sha2"})).await;
    alice.set(&space, "m.space.child", rooms[1].id().as_str(), json!({"via": ["h.org"]})).await;
    alice.join(&invited).await;
    let changed = [
        ("dm", 0),
        ("not_dm", 5),
        ("tagged", 0),
        ("untagged", 5),
        ("encrypted", 2),
        ("children", 1),
        ("invites", 0),
        ("no_invites", 5),
    ];
    assert_eq!(counts(&slider.sync().await), expected(&changed));
    alice.set(&space, "m.space.child", rooms[1].id().as_str(), json!({})).await;
    assert_eq!(slider.sync().await["lists"]["children"]["count"], 0);
}

#[tokio::test]
async fn invites_knocks_and_what_ends_them_are_told() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let mut slider = alice.slider(window(9));
    slider.sync().await;
    let room = bob.create(Preset::PrivateChat).await;
    bob.set_membership(&room, &alice, "invite").await;
    let response = slider.sync().await;
    let stripped = part(&response, &room)["invite_state"].as_array().unwrap();
    assert!(stripped.iter().any(|event| event["type"] == "m.room.create"));
    assert_eq!(response["lists"]["all"]["count"], 1);
    assert!(room_ids(&slider.sync().await).is_empty(), "once");
    // Declined on another device.
    alice.set_membership(&room, &alice, "leave").await;
    let response = slider.sync().await;
    assert_eq!(state(&response, &room), [kind("m.room.member", "@alice:h.org")]);
    assert_eq!(part(&response, &room)["required_state"][0]["content"]["membership"], "leave");
    assert_eq!(response["lists"]["all"]["count"], 0);
    assert!(room_ids(&slider.sync().await).is_empty());
    // Invited again, and accepted.
    bob.set_membership(&room, &alice, "invite").await;
    assert!(part(&slider.sync().await, &room)["invite_state"].is_array());
    alice.join(&room).await;
    let response = slider.sync().await;
    assert_eq!(part(&response, &room)["initial"], true);
    assert!(part(&response, &room)["timeline"].is_array());
}

#[tokio::test]
async fn a_room_that_is_left_is_told_once_wherever_it_stands_and_then_goes() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = rooms_of(&alice, 3).await;
    let thrown_out = bob.create_with(&[&alice]).await;
    let mut slider = alice.slider(window(9));
    slider.sync().await;
    slider.body = window(0);
    slider.sync().await;
    alice.set_membership(&rooms[0], &alice, "leave").await;
    bob.set_membership(&thrown_out, &alice, "leave").await;
    alice.say(&rooms[1], "on top").await;
    let response = slider.sync().await;
    assert_eq!(room_ids(&response).len(), 3, "{response}");
    for room in [&rooms[0], &thrown_out] {
        let member = part(&response, room)["required_state"].as_array().unwrap().iter();
        let mut own = member.filter(|event| event["state_key"] == "@alice:h.org");
        assert_eq!(own.next().unwrap()["content"]["membership"], "leave", "{response}");
    }
    assert_eq!(response["lists"]["all"]["count"], 3, "who is thrown out goes on seeing it");
    assert!(room_ids(&slider.sync().await).is_empty());
    // A connection that begins sees only where the user was thrown out.
    let mut fresh = alice.slider(window(9));
    fresh.body["conn_id"] = json!("fresh");
    let response = fresh.sync().await;
    assert_eq!(room_ids(&response).len(), 3);
    assert!(part(&response, &rooms[0]).is_null());
}

#[tokio::test]
async fn a_room_that_is_forgotten_is_in_no_list() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = bob.create_with(&[&alice]).await;
    bob.set_membership(&room, &alice, "leave").await;
    let mut slider = alice.slider(window(9));
    assert_eq!(slider.sync().await["lists"]["all"]["count"], 1);
    room.forget(&alice.user).await.unwrap();
    assert_eq!(slider.sync().await["lists"]["all"]["count"], 0);
}
