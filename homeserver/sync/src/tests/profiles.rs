//! What is told of profiles (MSC4429).

use super::*;

const STATUS: &str = "org.matrix.msc4426.status";

async fn set(world: &World, who: &Client, field: &str, value: Value) {
    world.users.profiles.set(&who.user, field, &to_raw_value(&value).unwrap()).await.unwrap();
}

/// What a response tells of a user's profile; nothing where it tells nothing.
fn told(response: &Value, of: &Client) -> Option<Value> {
    response["org.matrix.msc4429.users"].get(of.user.as_str()).map(|update| update["profile_updates"].clone())
}

fn wants(client: &mut Client, fields: &[&str]) {
    client.filter = json!({ "org.matrix.msc4429.profile_fields": { "ids": fields } });
}

#[tokio::test]
async fn who_shares_a_room_hears_of_the_fields_they_asked_for() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    set(&world, &bob, STATUS, json!({ "text": "there" })).await;
    set(&world, &bob, "m.tz", json!("Europe/Berlin")).await;
    set(&world, &carol, STATUS, json!({ "text": "nobody sees this" })).await;
    alice.create_with(&[&bob]).await;
    wants(&mut alice, &[STATUS, "displayname"]);
    let first = alice.sync().await;
    let expected = json!({ STATUS: { "text": "there" }, "displayname": "bob" });
    assert_eq!(told(&first, &bob), Some(expected));
    assert_eq!(told(&first, &alice), Some(json!({ "displayname": "alice" })));
    assert_eq!(told(&first, &carol), None);
    // Who asks for none is told of none.
    assert!(bob.sync().await.get("org.matrix.msc4429.users").is_none());

    set(&world, &bob, "m.tz", json!("UTC")).await;
    set(&world, &bob, STATUS, json!({ "text": "away" })).await;
    assert_eq!(told(&alice.wait().await, &bob), Some(json!({ STATUS: { "text": "away" } })));
    world.users.profiles.delete(&bob.user, STATUS).await.unwrap();
    assert_eq!(told(&alice.wait().await, &bob), Some(json!({ STATUS: null })));
    assert_eq!(told(&alice.sync().await, &bob), None);
}

#[tokio::test]
async fn who_comes_into_view_is_told_of_whole_and_who_leaves_it_is_gone() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    set(&world, &bob, STATUS, json!("here")).await;
    let room = alice.create(Preset::PublicChat).await;
    wants(&mut alice, &[STATUS]);
    assert_eq!(told(&alice.sync().await, &bob), None);
    bob.join(&room).await;
    assert_eq!(told(&alice.wait().await, &bob), Some(json!({ STATUS: "here" })));
    bob.set_membership(&room, &bob, "leave").await;
    assert_eq!(told(&alice.wait().await, &bob), Some(Value::Null));
    set(&world, &bob, STATUS, json!("elsewhere")).await;
    assert_eq!(told(&alice.sync().await, &bob), None);
}

#[tokio::test]
async fn of_a_profile_with_ever_new_fields_not_all_changes_are_remembered() {
    let world = World::new();
    let bob = world.user("bob").await;
    for n in 0..600 {
        let field = format!("org.example.{n}");
        set(&world, &bob, &field, json!(n)).await;
        world.users.profiles.delete(&bob.user, &field).await.unwrap();
    }
    let position = world.rooms.store().published();
    let changes = world.users.profiles.changes(Default::default(), position, 10_000).unwrap();
    assert_eq!(changes.len(), 500);
    assert_eq!(changes[0].1, "org.example.599");
}
