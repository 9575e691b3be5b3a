//! What is told of a room.

use super::*;

#[tokio::test]
async fn a_room_is_told_whole_and_then_what_changes() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let sent = bob.say(&room, "hello").await;
    let mut slider = alice.slider(window(9));
    let response = slider.sync().await;
    let told = part(&response, &room);
    assert_eq!(said(&response, &room), ["hello"]);
    assert_eq!(
        (&told["initial"], &told["limited"], &told["num_live"]),
        (&json!(true), &json!(true), &json!(0))
    );
    assert_eq!((&told["joined_count"], &told["invited_count"]), (&json!(2), &json!(0)));
    assert_eq!(told["heroes"], json!([{"user_id": "@bob:h.org"}]));
    assert_eq!(told["bump_stamp"], json!(sent.order().unwrap().position().0));
    assert_eq!(told["notification_count"], 1);
    assert!(told.get("name").is_none() && told.get("is_dm").is_none());
    assert!(told["timeline"].as_array().unwrap().iter().all(|event| event.get("room_id").is_none()));
    let wanted = ["@alice:h.org", "@bob:h.org"].map(|user| kind("m.room.member", user));
    assert_eq!(state(&response, &room), [vec![kind("m.room.create", "")], wanted.to_vec()].concat());
    let before: crate::TimelineToken = told["prev_batch"].as_str().unwrap().parse().unwrap();
    assert!(!room.timeline(before.range(None, true, 1)).unwrap().is_empty());

    let later = bob.say(&room, "again").await;
    let response = slider.wait().await;
    let told = part(&response, &room);
    assert_eq!(said(&response, &room), ["again"]);
    assert_eq!((&told["num_live"], &told["notification_count"]), (&json!(1), &json!(2)));
    assert_eq!(told["bump_stamp"], json!(later.order().unwrap().position().0));
    for absent in ["initial", "limited", "joined_count", "heroes", "required_state", "name", "is_dm"] {
        assert!(told.get(absent).is_none(), "{absent}: {told}");
    }
    // Counts go down when the user reads, elsewhere too.
    alice.read(&room, "m.read", None, &later).await;
    assert_eq!(part(&slider.sync().await, &room)["notification_count"], 0);
    alice.set(&room, "m.room.name", "", json!({"name": "Named"})).await;
    let response = slider.sync().await;
    let told = part(&response, &room);
    assert_eq!((&told["name"], &told["joined_count"]), (&json!("Named"), &json!(2)));
    assert!(told.get("bump_stamp").is_none() && told.get("heroes").is_none());
}

#[tokio::test]
async fn gaps_are_limited_and_a_longer_timeline_is_expanded() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let mut slider = alice.slider(subscription(&room, 2, json!([])));
    slider.sync().await;
    for n in 0..4 {
        bob.say(&room, &n.to_string()).await;
    }
    let response = slider.sync().await;
    assert_eq!(
        (said(&response, &room), &part(&response, &room)["limited"]),
        (vec!["2".into(), "3".into()], &json!(true))
    );
    slider.body = subscription(&room, 4, json!([]));
    let response = slider.wait().await;
    let told = part(&response, &room);
    assert_eq!(said(&response, &room), ["0", "1", "2", "3"]);
    assert_eq!((&told["unstable_expanded_timeline"], &told["num_live"]), (&json!(true), &json!(0)));
    assert!(room_ids(&slider.sync().await).is_empty(), "once");
    // A shorter one tells nothing, and forgets nothing while nothing happens.
    slider.body = subscription(&room, 1, json!([]));
    assert!(room_ids(&slider.sync().await).is_empty());
    slider.body = subscription(&room, 4, json!([]));
    assert!(room_ids(&slider.sync().await).is_empty());
}

#[tokio::test]
async fn more_state_is_told_when_it_is_asked_for() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    alice.set(&room, "org.example", "a", json!({})).await;
    alice.set(&room, "org.example", "b", json!({})).await;
    let mut slider =
        alice.slider(subscription(&room, 0, json!([["m.room.create", ""], ["org.example", "a"]])));
    let told = [kind("m.room.create", ""), kind("org.example", "a")];
    assert_eq!(state(&slider.sync().await, &room), told);
    slider.body = subscription(&room, 0, json!([["m.room.create", ""], ["org.example", "*"]]));
    assert_eq!(state(&slider.wait().await, &room), [kind("org.example", "b")]);
    // What changes is told as it is asked for.
    alice.set(&room, "org.example", "a", json!({"changed": true})).await;
    alice.set(&room, "org.other", "a", json!({})).await;
    assert_eq!(state(&slider.sync().await, &room), [kind("org.example", "a")]);
    slider.body = subscription(&room, 0, json!([["*", "a"]]));
    assert_eq!(state(&slider.sync().await, &room), [kind("org.other", "a")]);
    slider.body = subscription(&room, 0, json!([["*", "*"]]));
    let all = slider.sync().await;
    assert!(state(&all, &room).contains(&kind("m.room.power_levels", "")), "{all}");
}

#[tokio::test]
async fn members_come_with_the_timeline_that_needs_them() {
    let world = World::new();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob, &carol]).await;
    for n in 0..5 {
        bob.say(&room, &n.to_string()).await;
    }
    let mut slider = alice.slider(window(9));
    let members = |response: &Value| -> Vec<String> {
        let members =
            state(response, &room).into_iter().filter(|(event_type, _)| event_type == "m.room.member");
        members.map(|(_, user)| user).collect()
    };
    assert_eq!(members(&slider.sync().await), ["@alice:h.org", "@bob:h.org"]);
    bob.say(&room, "known").await;
    assert!(members(&slider.sync().await).is_empty());
    carol.say(&room, "new").await;
    assert_eq!(members(&slider.peek().await), ["@carol:h.org"]);
    assert_eq!(members(&slider.sync().await), ["@carol:h.org"], "the answer was lost");
    carol.say(&room, "known").await;
    assert!(members(&slider.sync().await).is_empty());
    // A change of a member is told without a gap; in a gap only if the timeline needs it.
    let change = json!({"membership": "join", "displayname": "B"});
    bob.set(&room, "m.room.member", "@bob:h.org", change.clone()).await;
    assert_eq!(members(&slider.sync().await), ["@bob:h.org"]);
    for (user, client) in [("@bob:h.org", &bob), ("@carol:h.org", &carol)] {
        client.set(&room, "m.room.member", user, json!({"membership": "join", "displayname": "C"})).await;
    }
    for n in 0..6 {
        bob.say(&room, &n.to_string()).await;
    }
    assert_eq!(members(&slider.sync().await), ["@bob:h.org"]);
}

#[tokio::test]
async fn the_accepted_form_names_what_it_tells() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let list = |limit: u64| {
        json!({"lists": {"all": {"timeline_limit": limit, "required_state": {
            "include": [{}], "exclude": [{"type": "m.room.create"}], "lazy_members": true,
        }}}})
    };
    let mut slider = alice.stable_slider(list(1));
    let response = slider.sync().await;
    let told = part(&response, &room);
    assert_eq!((&told["membership"], &told["lists"]), (&json!("join"), &json!(["all"])));
    assert!(told.get("notification_count").is_none());
    let kinds = state(&response, &room);
    assert!(kinds.contains(&kind("m.room.join_rules", "")) && !kinds.contains(&kind("m.room.create", "")));
    alice.set(&room, "m.room.name", "", json!({"name": "Named"})).await;
    assert_eq!(part(&slider.sync().await, &room)["name"], "Named");
    alice.set(&room, "m.room.name", "", json!({})).await;
    assert_eq!(part(&slider.sync().await, &room)["name"], json!(null));
    slider.body = list(3);
    let response = slider.sync().await;
    assert_eq!(part(&response, &room)["expanded_timeline"], true);
    let invited = bob.create(Preset::PrivateChat).await;
    bob.set_membership(&invited, &alice, "invite").await;
    let response = slider.sync().await;
    assert!(part(&response, &invited)["stripped_state"].is_array());
    assert_eq!(part(&response, &invited)["membership"], "invite");
}
