//! Timelines, state, account data and ephemeral events of joined rooms.

use super::*;

#[tokio::test]
async fn a_first_sync_tells_the_whole_room() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    alice.say(&room, "hello").await;
    let response = alice.sync().await;
    let part = joined(&response, &room);
    let state = kinds(&part["state"]).len();
    let timeline = part["timeline"]["events"].as_array().unwrap();
    assert!(timeline.iter().all(|event| event.get("room_id").is_none()));
    assert_eq!(bodies(&response, &room), ["hello"]);
    let everything = room.full_state(room.head().state).unwrap().len();
    let in_timeline = timeline.iter().filter(|event| event.get("state_key").is_some()).count();
    assert_eq!(state + in_timeline, everything, "each once: {part}");
    assert_eq!(part["summary"]["m.joined_member_count"], 1);
    assert_eq!(part["summary"]["m.heroes"], json!([]));
    let rules = &response["account_data"]["events"][0];
    assert_eq!(rules["type"], "m.push_rules");
    assert!(rules["content"]["global"]["override"].is_array());
}

#[tokio::test]
async fn a_message_is_told_once() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    alice.sync().await;
    bob.sync().await;
    let sent = alice.say(&room, "one").await;
    let (to_alice, to_bob) = (alice.sync().await, bob.sync().await);
    assert_eq!(bodies(&to_bob, &room), ["one"]);
    let event = &joined(&to_bob, &room)["timeline"]["events"][0];
    assert_eq!(event["event_id"], sent.id().as_str());
    assert_eq!(event["unsigned"]["membership"], "join");
    assert!(event["unsigned"].get("transaction_id").is_none());
    let own = &joined(&to_alice, &room)["timeline"]["events"][0];
    assert!(own["unsigned"]["transaction_id"].is_string());
    assert_eq!(joined(&to_bob, &room)["timeline"]["limited"], false);
    assert_eq!(joined(&to_bob, &room)["state"], json!({"events": []}));
    assert!(bob.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn the_transaction_id_is_for_the_device_that_sent() {
    let world = World::new();
    let mut phone = world.user("alice").await;
    let mut laptop = world.client(&phone.user, "L").await;
    let room = phone.create(Preset::PublicChat).await;
    phone.sync().await;
    laptop.sync().await;
    phone.say(&room, "x").await;
    let to_laptop = laptop.sync().await;
    assert!(joined(&to_laptop, &room)["timeline"]["events"][0]["unsigned"].get("transaction_id").is_none());
}

#[tokio::test]
async fn a_gap_is_told_with_the_state_that_changed_in_it() {
    for state_after in [None, Some(StateAfter::Stable), Some(StateAfter::Unstable)] {
        let world = World::new();
        let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
        let room = alice.create_with(&[&bob]).await;
        bob.state_after = state_after;
        bob.filter = json!({"room": {"timeline": {"limit": 3}}});
        bob.sync().await;
        alice.set(&room, "m.room.topic", "", json!({"topic": "old"})).await;
        alice.set(&room, "m.room.name", "", json!({"name": "gap"})).await;
        for n in 0..5 {
            alice.say(&room, &n.to_string()).await;
        }
        alice.set(&room, "m.room.topic", "", json!({"topic": "new"})).await;
        alice.say(&room, "last").await;
        let response = bob.sync().await;
        let part = joined(&response, &room);
        assert_eq!(part["timeline"]["limited"], true);
        assert_eq!(bodies(&response, &room), ["4", "last"]);
        let topic = |list: &Value| {
            let events = list["events"].as_array().unwrap();
            let topic = events.iter().find(|event| event["type"] == "m.room.topic");
            topic.map(|event| event["content"]["topic"].as_str().unwrap().to_owned())
        };
        let (key, wanted) = match state_after {
            None => ("state", "old"),
            Some(StateAfter::Stable) => ("state_after", "new"),
            Some(StateAfter::Unstable) => ("org.matrix.msc4222.state_after", "new"),
        };
        assert_eq!(kinds(&part[key]), [kind("m.room.name", ""), kind("m.room.topic", "")]);
        assert_eq!(topic(&part[key]).as_deref(), Some(wanted));
        for other in ["state", "state_after", "org.matrix.msc4222.state_after"] {
            assert_eq!(part.get(other).is_some(), other == key);
        }
        // The place before the timeline is where the gap is looked into.
        let before: crate::TimelineToken = part["timeline"]["prev_batch"].as_str().unwrap().parse().unwrap();
        let earlier = room.timeline(before.range(None, true, 1)).unwrap();
        assert!(earlier[0].pdu.content_str().contains("\"3\""));
    }
}

#[tokio::test]
async fn state_after_is_there_even_if_nothing_changed() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    alice.state_after = Some(StateAfter::Stable);
    alice.sync().await;
    alice.say(&room, "x").await;
    let response = alice.sync().await;
    assert_eq!(joined(&response, &room)["state_after"], json!({"events": []}));
}

#[tokio::test]
async fn members_are_loaded_lazily() {
    let world = World::new();
    let (mut alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob, &carol]).await;
    alice.set(&room, "m.room.name", "", json!({"name": "named"})).await;
    bob.say(&room, "a").await;
    bob.say(&room, "b").await;
    alice.filter = json!({"room": {"state": {"lazy_load_members": true}, "timeline": {"limit": 1}}});
    let response = alice.sync().await;
    let members = |response: &Value| -> Vec<String> {
        let state = kinds(&joined(response, &room)["state"]);
        state.into_iter().filter(|(kind, _)| kind == "m.room.member").map(|(_, key)| key).collect()
    };
    assert_eq!(members(&response), ["@alice:h.org", "@bob:h.org"]);
    assert_eq!(joined(&response, &room)["summary"].get("m.heroes"), None);
    carol.say(&room, "c").await;
    assert_eq!(members(&alice.sync().await), ["@carol:h.org"]);
    carol.say(&room, "d").await;
    assert!(members(&alice.sync().await).is_empty(), "she is known");
    // Members who changed in a gap are told, needed or not.
    bob.set(&room, "m.room.member", "@bob:h.org", json!({"membership": "join", "displayname": "B"})).await;
    carol.say(&room, "e").await;
    carol.say(&room, "f").await;
    assert_eq!(members(&alice.sync().await), ["@bob:h.org"]);
}

#[tokio::test]
async fn filters_choose_events_and_rooms() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (room, other) = (alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await);
    alice.filter = json!({"room": {
        "not_rooms": [other.id()],
        "timeline": {"not_senders": ["@alice:h.org"], "types": ["m.room.*"]},
        "state": {"types": []},
    }});
    alice.sync().await;
    alice.say(&room, "mine").await;
    bob.say(&room, "his").await;
    bob.say(&other, "elsewhere").await;
    let response = alice.sync().await;
    assert_eq!(bodies(&response, &room), ["his"]);
    assert_eq!(response["rooms"]["join"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_ignored_is_not_heard_but_for_state() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    alice.sync().await;
    let list = to_raw_value(&json!({"ignored_users": {"@bob:h.org": {}}})).unwrap();
    world.users.account_data.set(&alice.user, None, "m.ignored_user_list", &list).await.unwrap();
    bob.say(&room, "noise").await;
    bob.set(&room, "m.room.member", "@bob:h.org", json!({"membership": "join", "displayname": "B"})).await;
    let response = alice.sync().await;
    assert!(bodies(&response, &room).is_empty());
    assert_eq!(kinds(&joined(&response, &room)["timeline"]), [kind("m.room.member", "@bob:h.org")]);
    assert_eq!(response["account_data"]["events"][0]["type"], "m.ignored_user_list");
}

#[tokio::test]
async fn account_data_of_a_room_is_told_with_it() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    alice.sync().await;
    let tags = to_raw_value(&json!({"tags": {"m.favourite": {}}})).unwrap();
    world.users.account_data.set(&alice.user, Some(room.id()), "m.tag", &tags).await.unwrap();
    let response = alice.sync().await;
    assert_eq!(
        joined(&response, &room)["account_data"]["events"][0]["content"],
        json!({"tags": {"m.favourite": {}}})
    );
    assert!(response.get("account_data").is_none());
    assert!(alice.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn whoever_comes_back_is_told_the_account_data_of_the_room_that_changed_meanwhile() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PublicChat).await;
    bob.join(&room).await;
    bob.sync().await;
    bob.set_membership(&room, &bob, "leave").await;
    bob.sync().await;
    let tags = to_raw_value(&json!({"tags": {"m.favourite": {}}})).unwrap();
    world.users.account_data.set(&bob.user, Some(room.id()), "m.tag", &tags).await.unwrap();
    bob.sync().await;
    bob.join(&room).await;
    let told = joined(&bob.sync().await, &room)["account_data"]["events"].clone();
    assert_eq!(told, json!([{"type": "m.tag", "content": {"tags": {"m.favourite": {}}}}]));
}

#[tokio::test]
async fn typing_is_told_until_it_is_over() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    let typing =
        |response: &Value| joined(response, &room)["ephemeral"]["events"][0]["content"]["user_ids"].clone();
    world.sync.set_typing(&room, &alice.user, Some(Duration::from_secs(30)));
    assert_eq!(typing(&bob.wait().await), json!(["@alice:h.org"]));
    assert!(bob.sync().await.get("rooms").is_none());
    world.clock.advance(31_000);
    world.sync.tidy();
    assert_eq!(typing(&bob.wait().await), json!([]));
}

#[tokio::test]
async fn an_edit_and_a_thread_are_bundled() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let root = bob.say(&room, "root").await;
    let relates = |rel_type: &str| json!({"rel_type": rel_type, "event_id": root.id()});
    let new = json!({"msgtype": "m.text", "body": "better"});
    bob.send(&room, json!({"msgtype": "m.text", "body": "* better", "m.new_content": new, "m.relates_to": relates("m.replace")})).await;
    alice
        .send(&room, json!({"msgtype": "m.text", "body": "reply", "m.relates_to": relates("m.thread")}))
        .await;
    let response = alice.sync().await;
    let events = joined(&response, &room)["timeline"]["events"].as_array().unwrap();
    let event = events.iter().find(|event| event["event_id"] == root.id().as_str()).unwrap();
    let relations = &event["unsigned"]["m.relations"];
    assert_eq!(relations["m.replace"]["content"]["m.new_content"]["body"], "better");
    assert_eq!(relations["m.thread"]["count"], 1);
    assert_eq!(relations["m.thread"]["latest_event"]["content"]["body"], "reply");
    assert_eq!(relations["m.thread"]["current_user_participated"], true);
}

#[tokio::test]
async fn a_redaction_says_what_became_of_its_event() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    let sent = alice.say(&room, "oops").await;
    let content = to_raw_value(&json!({"redacts": sent.id(), "reason": "typo"})).unwrap();
    let mut redaction = NewEvent::message(&alice.user, "m.room.redaction", content);
    redaction.redacts = Some(sent.id().to_owned());
    let redaction = room.send(redaction, None).await.unwrap();
    let response = alice.sync().await;
    let events = joined(&response, &room)["timeline"]["events"].as_array().unwrap();
    let event = events.iter().find(|event| event["event_id"] == sent.id().as_str()).unwrap();
    assert_eq!(event["content"], json!({}));
    assert_eq!(event["unsigned"]["redacted_because"]["event_id"], redaction.id().as_str());
}

#[tokio::test]
async fn a_timeline_may_be_wanted_without_events() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.filter = json!({"room": {"timeline": {"limit": 0}}});
    let response = bob.sync().await;
    let timeline = &joined(&response, &room)["timeline"];
    assert_eq!((&timeline["events"], &timeline["limited"]), (&json!([]), &json!(true)));
    assert!(kinds(&joined(&response, &room)["state"]).contains(&kind("m.room.member", "@bob:h.org")));
    // That there is something is told, by the counts.
    alice.say(&room, "hello").await;
    let response = bob.sync().await;
    let part = joined(&response, &room);
    assert_eq!(part["timeline"]["events"], json!([]));
    assert_eq!(part["unread_notifications"]["notification_count"], 1);
    let before: crate::TimelineToken = part["timeline"]["prev_batch"].as_str().unwrap().parse().unwrap();
    let earlier = room.timeline(before.range(None, true, 1)).unwrap();
    assert!(earlier[0].pdu.content_str().contains("hello"));
    assert!(bob.sync().await.get("rooms").is_none());
}

#[tokio::test]
async fn what_comes_after_a_gap_is_not_told_with_what_is_before_it() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let mut late = world.client(&alice.user, "E").await;
    let mut uninterested = world.client(&alice.user, "F").await;
    let room = alice.create(Preset::PublicChat).await;
    uninterested.filter = json!({"room": {"timeline": {"not_rooms": [room.id()]}}});
    let before = alice.say(&room, "before").await;
    for client in [&mut alice, &mut late, &mut uninterested] {
        client.sync().await;
    }
    let before_again = alice.say(&room, "told with what follows").await;
    // As they come from another server, that did not send what lies between.
    let content = to_raw_value(&json!({"body": "missed"})).unwrap();
    let mut proposal = room.propose(NewEvent::message(&alice.user, "m.room.message", content)).unwrap();
    let missed = world.rooms.seal(room.version(), &proposal).unwrap();
    proposal["prev_events"] = json!([missed.event_id()]);
    proposal["depth"] = json!(missed.depth() + 1);
    let after = world.rooms.seal(room.version(), &proposal).unwrap();
    let state: Vec<_> = room.full_state(room.head().state).unwrap();
    let state: Vec<_> = state.iter().map(|event| event.id().to_owned()).collect();
    room.receive_with_state(after.clone(), &state).await.unwrap();

    assert_eq!(uninterested.sync().await.get("rooms"), None);
    let response = alice.sync().await;
    let timeline = &joined(&response, &room)["timeline"];
    assert_eq!(timeline["limited"], true);
    assert_eq!(ids(&timeline["events"]), [after.event_id().as_str()]);
    let prev_batch: crate::TimelineToken = timeline["prev_batch"].as_str().unwrap().parse().unwrap();
    let earlier = || room.timeline(prev_batch.range(None, true, 2)).unwrap();
    assert_eq!(earlier()[0].id(), before_again.id());

    // Once it is here, it stands there.
    assert_eq!(room.take_in_history(vec![missed.clone()], &[]).await.unwrap().len(), 1);
    let ids_of = earlier().iter().map(|event| event.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids_of, [missed.event_id(), before_again.id()]);
    let response = late.sync().await;
    let timeline = &joined(&response, &room)["timeline"];
    assert_eq!(timeline["limited"], false);
    let expected = [before_again.id(), missed.event_id(), after.event_id()].map(|id| id.as_str());
    assert_eq!(ids(&timeline["events"]), expected);
    assert!(!ids(&timeline["events"]).contains(&before.id().as_str()));
}

fn ids(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["event_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_first_sync_tells_of_the_latest_room_first_and_who_was_away_of_what_changed() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let mut rooms = Vec::new();
    for _ in 0..6 {
        rooms.push(alice.create_with(&[&bob]).await);
    }
    alice.say(&rooms[2], "latest").await;
    let order = |response: &str, rooms: &[Room]| -> Vec<usize> {
        let mut found: Vec<_> = rooms.iter().enumerate().collect();
        found.retain(|(_, room)| response.contains(&format!("\"{}\":{{", room.id())));
        found.sort_by_key(|(_, room)| response.find(room.id().as_str()));
        found.into_iter().map(|(place, _)| place).collect()
    };
    let response = world.sync.sync(bob.request(Duration::ZERO)).await.unwrap();
    assert_eq!(order(&response, &rooms), [2, 5, 4, 3, 1, 0]);
    bob.sync().await;
    // Away for longer than is remembered.
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    alice.say(&rooms[3], "x").await;
    alice.say(&rooms[0], "x").await;
    let sent = alice.say(&rooms[4], "x").await;
    alice
        .read(
            &rooms[1],
            "m.read",
            None,
            &rooms[1]
                .timeline(hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() })
                .unwrap()[0],
        )
        .await;
    world
        .users
        .account_data
        .set(&bob.user, Some(rooms[5].id()), "org.example", &to_raw_value(&json!({})).unwrap())
        .await
        .unwrap();
    let response = bob.sync().await;
    for (place, changed) in [true, true, false, true, true, true].into_iter().enumerate() {
        assert_eq!(joined(&response, &rooms[place]).is_object(), changed, "{place}");
    }
    assert_eq!(bodies(&response, &rooms[4]), ["x"]);
    bob.read(&rooms[4], "m.read", None, &sent).await;
    assert!(joined(&bob.sync().await, &rooms[4]).is_object());
}

#[tokio::test]
async fn the_latest_rooms_of_many_are_known_without_a_look_at_all() {
    const ROOMS: usize = 200;
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(alice.create_with(&[&bob]).await);
    }
    alice.sync().await;
    let latest = |places: [usize; 3]| places.map(|place| rooms[place].nid()).to_vec();
    let looked_at = |rooms: usize| rooms - ROOMS;
    let (newest, looked) = world.sync.latest_rooms(&alice.user, 3);
    assert_eq!((newest, looked_at(looked)), (latest([199, 198, 197]), 0));
    for place in [5, 7, 5] {
        bob.say(&rooms[place], "x").await;
    }
    // A receipt is no activity, a leave is.
    let sent = bob.say(&rooms[9], "y").await;
    alice.read(&rooms[9], "m.read", None, &sent).await;
    alice.read(&rooms[7], "m.read", None, &sent).await;
    alice.set_membership(&rooms[150], &bob, "leave").await;
    alice.sync().await;
    let (newest, looked) = world.sync.latest_rooms(&alice.user, 3);
    assert_eq!((newest, looked_at(looked)), (latest([150, 9, 5]), 4));
    assert_eq!(world.sync.latest_rooms(&alice.user, 9).1, looked, "nothing happened since");
}
