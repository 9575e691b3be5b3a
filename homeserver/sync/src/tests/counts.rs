//! Receipts and unread counts.

use super::*;

#[tokio::test]
async fn who_comes_back_to_a_room_has_not_missed_what_was_before() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = bob.create_with(&[&alice]).await;
    bob.say(&room, "unread").await;
    assert_eq!(joined(&alice.sync().await, &room)["unread_notifications"]["notification_count"], 1);
    bob.set_membership(&room, &alice, "leave").await;
    alice.join(&room).await;
    assert_eq!(joined(&alice.sync().await, &room)["unread_notifications"]["notification_count"], 0);
}

#[tokio::test]
async fn who_takes_another_name_has_read_nothing_by_it() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = bob.create_with(&[&alice]).await;
    bob.say(&room, "unread").await;
    let named = json!({"membership": "join", "displayname": "A"});
    alice.set(&room, "m.room.member", "@alice:h.org", named).await;
    let response = alice.sync().await;
    assert_eq!(joined(&response, &room)["unread_notifications"]["notification_count"], 1);
}

fn counts(response: &Value, room: &Room) -> (u64, u64) {
    let counts = &joined(response, room)["unread_notifications"];
    (counts["notification_count"].as_u64().unwrap(), counts["highlight_count"].as_u64().unwrap())
}

#[tokio::test]
async fn counts_come_with_the_event_and_go_with_the_receipt() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob, &world.user("carol").await]).await;
    bob.sync().await;
    alice.say(&room, "one").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0));
    let mention = json!({"msgtype": "m.text", "body": "you", "m.mentions": {"user_ids": ["@bob:h.org"]}});
    let two = alice.send(&room, mention).await;
    let three = alice.say(&room, "three").await;
    assert_eq!(counts(&bob.sync().await, &room), (3, 1));
    bob.read(&room, "m.read", None, &two).await;
    let response = bob.sync().await;
    assert_eq!(counts(&response, &room), (1, 0));
    let receipts = &joined(&response, &room)["ephemeral"]["events"][0];
    assert_eq!(receipts["type"], "m.receipt");
    assert!(receipts["content"][two.id().as_str()]["m.read"]["@bob:h.org"]["ts"].is_u64());
    bob.read(&room, "m.read.private", None, &three).await;
    assert_eq!(counts(&bob.sync().await, &room), (0, 0));
}

#[tokio::test]
async fn ones_own_messages_and_edits_do_not_count() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    bob.say(&room, "mine").await;
    let sent = alice.say(&room, "hers").await;
    let edit = json!({
        "msgtype": "m.text", "body": "* x", "m.new_content": {"msgtype": "m.text", "body": "x"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": sent.id()},
    });
    alice.send(&room, edit).await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0));
    let unread = world.sync.unread(&bob.user, &room).unwrap();
    assert_eq!(unread.total().notifications, 1);
}

#[tokio::test]
async fn a_private_receipt_is_nobody_elses() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let sent = alice.say(&room, "x").await;
    alice.sync().await;
    bob.sync().await;
    bob.read(&room, "m.read.private", None, &sent).await;
    assert!(alice.sync().await.get("rooms").is_none());
    assert_eq!(kinds(&joined(&bob.sync().await, &room)["ephemeral"]), [kind("m.receipt", "-")]);
    let mut again = world.client(&alice.user, "E").await;
    assert_eq!(joined(&again.sync().await, &room)["ephemeral"]["events"], json!([]));
}

#[tokio::test]
async fn threads_are_counted_apart_where_asked() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let mut plain = world.client(&bob.user, "P").await;
    bob.filter = json!({"room": {"timeline": {"unread_thread_notifications": true}}});
    bob.sync().await;
    plain.sync().await;
    let root = alice.say(&room, "root").await;
    let reply = json!({
        "msgtype": "m.text", "body": "in it", "m.relates_to": {"rel_type": "m.thread", "event_id": root.id()},
    });
    let reply = alice.send(&room, reply).await;
    let response = bob.sync().await;
    assert_eq!(counts(&response, &room), (1, 0));
    let threads = |response: &Value| joined(response, &room).get("unread_thread_notifications").cloned();
    let thread = json!({root.id().as_str(): {"notification_count": 1, "highlight_count": 0}});
    assert_eq!(threads(&response), Some(thread.clone()));
    let response = plain.sync().await;
    assert_eq!((counts(&response, &room), threads(&response)), ((2, 0), None));
    bob.read(&room, "m.read", Some("main"), &reply).await;
    let response = bob.sync().await;
    assert_eq!((counts(&response, &room), threads(&response)), ((0, 0), Some(thread)));
    bob.read(&room, "m.read", Some(root.id().as_str()), &reply).await;
    let response = bob.sync().await;
    assert_eq!((counts(&response, &room), threads(&response)), ((0, 0), None));
    let receipts = joined(&response, &room)["ephemeral"].to_string();
    assert!(receipts.contains("thread_id"), "{receipts}");
}

#[tokio::test]
async fn a_redacted_message_counts_no_more() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    let sent = alice.say(&room, "oops").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0));
    let content = to_raw_value(&json!({"redacts": sent.id()})).unwrap();
    let mut redaction = NewEvent::message(&alice.user, "m.room.redaction", content);
    redaction.redacts = Some(sent.id().to_owned());
    room.send(redaction, None).await.unwrap();
    assert_eq!(counts(&bob.sync().await, &room), (0, 0));
}

/// "Push Notifications": rules apply when an event is received, so that a count never changes for a change of rules.
#[tokio::test]
async fn an_event_counts_by_the_rules_that_held_when_it_came() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    alice.say(&room, "tea?").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0));
    let user = bob.user.clone();
    let mute = async |on: bool| {
        let kind = ruma::push::RuleKind::Override;
        world.users.push_rules.set_enabled(&user, kind, ".m.rule.master", on).await.unwrap();
    };
    mute(true).await;
    alice.say(&room, "coffee?").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0), "what came while muted does not count");
    mute(false).await;
    alice.say(&room, "cake?").await;
    assert_eq!(counts(&bob.sync().await, &room), (2, 0));
    let unread = world.sync.unread(&bob.user, &room).unwrap();
    assert_eq!(unread.total().notifications, 2);
    // Counted from the beginning, it is the same.
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    let mut again = world.client(&bob.user, "E").await;
    assert_eq!(counts(&again.sync().await, &room), (2, 0));
}

#[tokio::test]
async fn a_redacted_message_does_not_count_again_when_its_room_was_forgotten() {
    let world = World::with(SyncOptions { presence: false, memory_bytes: 1 << 20 });
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    let sent = alice.say(&room, "oops").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0));
    // Other rooms take its place in memory.
    let mut carol = world.user("carol").await;
    for _ in 0..200 {
        let other = alice.create_with(&[&carol]).await;
        alice.say(&other, &"long ".repeat(100)).await;
    }
    carol.sync().await;
    let content = to_raw_value(&json!({"redacts": sent.id()})).unwrap();
    let mut redaction = NewEvent::message(&alice.user, "m.room.redaction", content);
    redaction.redacts = Some(sent.id().to_owned());
    room.send(redaction, None).await.unwrap();
    assert_eq!(counts(&bob.sync().await, &room), (0, 0));
}

#[tokio::test]
async fn who_subscribes_to_threads_hears_of_those_alone() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let roots = [alice.say(&room, "one").await, alice.say(&room, "two").await];
    bob.read(&room, "m.read", None, &roots[1]).await;
    let reply = async |root: &Event, body: &str| {
        let relates_to = json!({"rel_type": "m.thread", "event_id": root.id()});
        alice.send(&room, json!({"msgtype": "m.text", "body": body, "m.relates_to": relates_to})).await
    };
    reply(&roots[0], "x").await;
    assert_eq!(counts(&bob.sync().await, &room), (1, 0), "of threads nothing is known");
    let threads = &world.users.thread_subscriptions;
    threads.subscribe(&bob.user, room.id(), roots[1].id(), None).await.unwrap();
    reply(&roots[0], "y").await;
    reply(&roots[1], "z").await;
    assert_eq!(counts(&bob.sync().await, &room), (2, 0));
    // Whoever is mentioned hears of it in any thread.
    reply(&roots[0], "bob").await;
    assert_eq!(counts(&bob.sync().await, &room), (3, 1));
}
