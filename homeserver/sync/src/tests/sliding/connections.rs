//! Positions: lost answers, restarts, and how many connections there may be.

use super::*;

#[tokio::test]
async fn a_lost_answer_is_given_again() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = [alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await];
    let mut slider = alice.slider(window(0));
    slider.sync().await;
    bob.say(&rooms[0], "lost").await;
    let lost = slider.peek().await;
    assert_eq!(said(&lost, &rooms[0]), ["lost"]);
    let again = slider.peek().await;
    assert_eq!((&again["rooms"], &again["lists"]), (&lost["rooms"], &lost["lists"]));
    // Of two answers to one position the client has the last; the other is no more.
    let mut other = alice.slider(window(0));
    other.pos = Some(lost["pos"].as_str().unwrap().to_owned());
    assert!(matches!(other.try_sync(Duration::ZERO).await, Err(SyncError::UnknownPosition)));
    slider.sync().await;
    assert!(room_ids(&slider.sync().await).is_empty());
}

#[tokio::test]
async fn positions_survive_a_restart() {
    let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
    let options = || SyncOptions { presence: false, ..SyncOptions::default() };
    let world = World::on(store.clone(), options());
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = [alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await];
    let mut slider = alice.slider(window(0));
    slider.sync().await;
    bob.say(&rooms[0], "in view now").await;
    slider.sync().await;
    bob.say(&rooms[1], "missed").await;
    bob.say(&rooms[0], "also").await;
    // Twice: the second time the state comes from what was written of the first.
    for n in 0..2 {
        let world = World::on(store.clone(), options());
        slider.world = world.clone();
        let bob = world.existing(&bob);
        let response = slider.peek().await;
        assert_eq!(said(&response, &rooms[0]).last().unwrap(), if n == 0 { "also" } else { "more 0" });
        assert!(part(&response, &rooms[0]).get("initial").is_none());
        slider.sync().await;
        bob.say(&rooms[1], &format!("up {n}")).await;
        slider.sync().await;
        bob.say(&rooms[0], &format!("more {n}")).await;
        world.clock.advance(1);
    }
    let response = slider.sync().await;
    assert_eq!(said(&response, &rooms[0]), ["more 1"]);
    bob.say(&rooms[1], "end").await;
    let response = slider.sync().await;
    assert_eq!(said(&response, &rooms[1]), ["end"]);
    assert!(part(&response, &rooms[1]).get("initial").is_none());
}

#[tokio::test]
async fn a_position_is_for_its_connection() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let phone = world.client(&alice.user, "P").await;
    let mut slider = alice.slider(window(9));
    slider.sync().await;
    let mut other_name = alice.slider(window(9));
    other_name.body["conn_id"] = json!("other");
    for mut other in [phone.slider(window(9)), bob.slider(window(9)), other_name] {
        other.pos = slider.pos.clone();
        assert!(matches!(other.try_sync(Duration::ZERO).await, Err(SyncError::UnknownPosition)));
    }
    slider.try_sync(Duration::ZERO).await.unwrap();
    // Begun anew, the earlier one is over.
    world.clock.advance(1);
    let mut anew = alice.slider(window(9));
    anew.sync().await;
    assert!(matches!(slider.try_sync(Duration::ZERO).await, Err(SyncError::UnknownPosition)));
    slider.pos = Some("nonsense".to_owned());
    assert!(matches!(slider.try_sync(Duration::ZERO).await, Err(SyncError::UnknownPosition)));
}

#[tokio::test]
async fn a_device_has_so_many_connections_and_a_deleted_one_none() {
    let world = World::new();
    let alice = world.user("alice").await;
    alice.create(Preset::PublicChat).await;
    let mut sliders = Vec::new();
    for n in 0..=16 {
        let mut slider = alice.slider(window(9));
        slider.body["conn_id"] = json!(n.to_string());
        world.clock.advance(1);
        slider.sync().await;
        sliders.push(slider);
    }
    assert!(matches!(sliders[0].try_sync(Duration::ZERO).await, Err(SyncError::UnknownPosition)));
    for slider in &sliders[1..] {
        slider.try_sync(Duration::ZERO).await.unwrap();
    }
    let rows = || {
        let view = world.rooms.store().view();
        let schema = hearth_storage::Scan::prefix((&alice.user, &alice.device));
        let connections = view.scan(&hearth_storage::schema::SLIDING_CONNECTIONS, schema).count();
        let schema = hearth_storage::Scan::prefix((&alice.user, &alice.device));
        (connections, view.scan(&hearth_storage::schema::SLIDING_ROOMS, schema).count())
    };
    assert_eq!(rows().0, 16);
    world.users.devices.delete(&alice.user, std::slice::from_ref(&alice.device)).await.unwrap();
    assert_eq!(rows(), (0, 0));
}

#[tokio::test]
async fn an_event_in_a_room_that_stays_in_view_writes_nothing() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let mut slider = alice.slider(window(9));
    slider.sync().await;
    slider.sync().await;
    for _ in 0..3 {
        bob.say(&room, "x").await;
        let before = world.rooms.store().submitted();
        assert_eq!(said(&slider.sync().await, &room), ["x"]);
        assert_eq!(world.rooms.store().submitted(), before);
    }
}

#[tokio::test]
async fn who_asks_in_too_many_ways_begins_anew() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    let mut slider = alice.slider(json!({}));
    let mut told = 0;
    loop {
        slider.body = subscription(&room, 1, json!([["org.example", told.to_string()]]));
        match slider.try_sync(Duration::ZERO).await {
            Ok(response) => slider.pos = Some(response["pos"].as_str().unwrap().to_owned()),
            Err(SyncError::UnknownPosition) => break,
            Err(error) => panic!("{error}"),
        }
        told += 1;
    }
    assert_eq!(told, 128);
    slider.pos = None;
    slider.sync().await;
}

#[tokio::test]
async fn a_request_that_was_given_up_changes_nothing() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = [alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await];
    let mut slider = alice.slider(window(0));
    slider.sync().await;
    // It waits on, as nobody tells the server that the client is gone.
    let given_up = alice.slider(window(0));
    let given_up = Slider { pos: slider.pos.clone(), ..given_up };
    let waiting = tokio::spawn(async move { given_up.try_sync(Duration::from_secs(60)).await });
    while !world.sync.is_syncing(&alice.user) {
        tokio::task::yield_now().await;
    }
    slider.body = window(1);
    slider.sync().await;
    bob.say(&rooms[0], "x").await;
    let answer = waiting.await.unwrap().unwrap();
    assert!(room_ids(&answer).is_empty(), "{answer}");
    assert_eq!(said(&slider.sync().await, &rooms[0]), ["x"]);
}
