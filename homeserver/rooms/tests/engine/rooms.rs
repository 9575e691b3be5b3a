//! What people of this server do in rooms.

use crate::world::*;
use hearth_rooms::{ClientTransaction, NewEvent, Preset, RoomError, TimelineRange, Upgrade};
use hearth_spec::RoomVersion;
use hearth_storage::{Position, schema::rooms::Membership};
use serde_json::{Map, json, value::to_raw_value};

#[tokio::test]
async fn rooms_of_all_versions_are_made_and_talked_in() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    for version in RoomVersion::ALL {
        let room = world.public_room(&alice, version).await;
        world.rooms.join(&room, &bob, Map::new()).await.unwrap();
        say(&room, &bob, "hello").await.unwrap();
        assert_eq!(room.head().joined, 2, "version {}", version.id());
        assert_eq!(room.summary().unwrap().version, version.id().as_str());
    }
    world.assert_sound();
}

#[tokio::test]
async fn who_is_not_in_the_room_may_not_write_and_who_was_banned_may_not_come() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    assert!(matches!(say(&room, &bob, "let me in").await, Err(RoomError::Forbidden(_))));
    room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    assert!(matches!(world.rooms.join(&room, &bob, Map::new()).await, Err(RoomError::Forbidden(_))));
    room.set_membership(&alice, &bob, "leave", Map::new()).await.unwrap();
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    assert!(matches!(
        set(&room, &bob, "m.room.name", "", json!({ "name": "mine" })).await,
        Err(RoomError::Forbidden(_))
    ));
    world.assert_sound();
}

#[tokio::test]
async fn the_same_transaction_and_the_same_state_make_one_event() {
    let world = world();
    let alice = user("alice");
    let room = world.public_room(&alice, RoomVersion::V11).await;
    let message = NewEvent::message(&alice, "m.room.message", to_raw_value(&json!({ "body": "x" })).unwrap());
    let transaction = ClientTransaction {
        user: alice.clone(),
        device: "D".into(),
        endpoint: "send".to_owned(),
        transaction_id: "1".to_owned(),
    };
    let (one, two) = tokio::join!(
        room.send(message.clone(), Some(transaction.clone())),
        room.send(message.clone(), Some(transaction.clone())),
    );
    let one = one.unwrap();
    assert_eq!(one.id(), two.unwrap().id());
    assert_eq!(room.send(message, Some(transaction)).await.unwrap().id(), one.id());
    let named = set(&room, &alice, "m.room.name", "", json!({ "name": "N" })).await.unwrap();
    let again = set(&room, &alice, "m.room.name", "", json!({ "name": "N" })).await.unwrap();
    assert_eq!(named.id(), again.id());
}

#[tokio::test]
async fn everything_is_there_after_a_crash() {
    let world = world();
    let alice = user("alice");
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let (id, last) = (room.id().to_owned(), say(&room, &alice, "remember").await.unwrap());
    let after = open(world.engine.crash());
    let room = after.rooms.room(&id).unwrap();
    let timeline = room.timeline(TimelineRange { backwards: true, limit: 1, ..Default::default() }).unwrap();
    assert_eq!(timeline[0].id(), last.id());
    say(&room, &alice, "go on").await.unwrap();
    after.assert_sound();
}

#[tokio::test]
async fn a_redaction_empties_its_event_for_who_may() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    let secret = say(&room, &alice, "secret").await.unwrap();
    let redaction = |sender: &ruma::UserId| NewEvent {
        redacts: Some(secret.id().to_owned()),
        ..NewEvent::message(sender, "m.room.redaction", to_raw_value(&json!({})).unwrap())
    };
    // Bob is of the same server: the rule of versions 3 and up lets him. The power to send redactions is another.
    room.send(redaction(&alice), None).await.unwrap();
    let left = room.event(secret.id()).unwrap().unwrap();
    assert!(left.redacted_by.is_some());
    assert_eq!(left.pdu.content().get(), "{}");
    let range = TimelineRange {
        after: secret.order().map(|order| hearth_storage::TimelineOrder(order.0 - 1)),
        limit: 1,
        ..Default::default()
    };
    assert_eq!(room.timeline(range).unwrap()[0].pdu.content().get(), "{}");
    world.assert_sound();
}

#[tokio::test]
async fn state_is_known_at_every_position() {
    let world = world();
    let alice = user("alice");
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let mut positions = Vec::new();
    for n in 0..10 {
        set(&room, &alice, "m.room.name", "", json!({ "name": format!("{n}") })).await.unwrap();
        positions.push(world.rooms.store().published());
        say(&room, &alice, "between").await.unwrap();
    }
    for (n, position) in positions.iter().enumerate() {
        let state = room.state_at_position(*position).unwrap();
        let name = room.state_event_at(state, "m.room.name", "").unwrap().unwrap();
        assert!(name.pdu.content().get().contains(&format!("\"{n}\"")));
        let newer = room.state_diff(state, room.head().state).unwrap();
        assert_eq!(newer.len(), usize::from(n != 9));
    }
    assert!(room.full_state(room.state_at_position(Position(0)).unwrap()).unwrap().is_empty());
}

#[tokio::test]
async fn history_is_seen_by_whom_its_visibility_lets() {
    let world = world();
    let (alice, bob, eve) = (user("alice"), user("bob"), user("eve"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let shared = say(&room, &alice, "shared").await.unwrap();
    set(&room, &alice, "m.room.history_visibility", "", json!({ "history_visibility": "joined" }))
        .await
        .unwrap();
    let joined_only = say(&room, &alice, "joined").await.unwrap();
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    let together = say(&room, &alice, "together").await.unwrap();
    assert!(room.may_see(&bob, &shared).unwrap());
    assert!(!room.may_see(&bob, &joined_only).unwrap());
    assert!(room.may_see(&bob, &together).unwrap());
    assert!(!room.may_see(&eve, &shared).unwrap());
    room.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    let without = say(&room, &alice, "without bob").await.unwrap();
    assert!(room.may_see(&bob, &shared).unwrap() && room.may_see(&bob, &together).unwrap());
    assert!(!room.may_see(&bob, &without).unwrap());
}

#[tokio::test]
async fn a_restricted_room_is_joined_through_another() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    let space = world.public_room(&alice, RoomVersion::V12).await;
    let mut request = create(&alice, Preset::PrivateChat, RoomVersion::V12);
    let allow = json!([{ "type": "m.room_membership", "room_id": space.id() }]);
    request.initial_state = vec![(
        "m.room.join_rules".into(),
        String::new(),
        json!({ "join_rule": "restricted", "allow": allow }),
    )];
    let room = world.rooms.room(&world.rooms.create_room(request).await.unwrap()).unwrap();
    assert!(matches!(world.rooms.join(&room, &bob, Map::new()).await, Err(RoomError::Forbidden(_))));
    world.rooms.join(&space, &bob, Map::new()).await.unwrap();
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    assert!(room.is_joined(&bob).unwrap());
}

#[tokio::test]
async fn an_upgrade_moves_what_belongs_to_the_room() {
    let world = world();
    let alice = user("alice");
    let old = world.public_room(&alice, RoomVersion::V10).await;
    set(&old, &alice, "m.room.name", "", json!({ "name": "Home" })).await.unwrap();
    let alias = ruma::RoomAliasId::parse("#home:here").unwrap();
    world.rooms.set_alias(&alias, &old, &alice).await.unwrap();
    world.rooms.set_published(&old, true).await.unwrap();
    let upgrade = Upgrade {
        user: alice.clone(),
        version: RoomVersion::V12,
        additional_creators: Vec::new(),
        member_content: Map::new(),
    };
    let new = world.rooms.upgrade(&old, upgrade).await.unwrap();
    assert_eq!(old.successor().unwrap(), Some(new.clone()));
    assert_eq!(world.rooms.resolve_alias(&alias).unwrap().unwrap().room_id, new);
    let new = world.rooms.room(&new).unwrap();
    assert_eq!(new.summary().unwrap().name.as_deref(), Some("Home"));
    assert!(world.rooms.is_published(&new).unwrap() && !world.rooms.is_published(&old).unwrap());
    world.assert_sound();
}

#[tokio::test]
async fn who_created_a_room_can_do_everything_in_a_successor_of_an_older_version() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    let mut request = create(&alice, Preset::PublicChat, RoomVersion::V12);
    request.creation_content.insert("additional_creators".to_owned(), json!([bob]));
    let old = world.rooms.room(&world.rooms.create_room(request).await.unwrap()).unwrap();
    let upgrade = Upgrade {
        user: alice.clone(),
        version: RoomVersion::V11,
        additional_creators: Vec::new(),
        member_content: Map::new(),
    };
    let new = world.rooms.room(&world.rooms.upgrade(&old, upgrade).await.unwrap()).unwrap();
    let levels = new.power_levels().unwrap();
    for creator in [&alice, &bob] {
        assert!(levels.may_send(creator, "m.room.power_levels", true));
        assert!(levels.may_send(creator, "m.room.tombstone", true));
    }
    world.assert_sound();
}

#[tokio::test]
async fn levels_of_any_shape_are_integers_in_the_successor() {
    let greatest = (1_i64 << 53) - 1;
    for version in [RoomVersion::V5, RoomVersion::V9] {
        let world = world();
        let (alice, bob) = (user("alice"), user("bob"));
        let mut levels = json!({
            "users": { alice.as_str(): greatest.to_string(), bob.as_str(): " 50 " },
            "users_default": "7", "events_default": "60", "state_default": "50", "ban": greatest,
            "events": { "m.room.name": "30" }, "notifications": { "room": "20" }, "more": "kept",
        });
        if version == RoomVersion::V5 {
            levels["redact"] = i64::MAX.into();
            levels["kick"] = json!(50.5);
        }
        let mut request = create(&alice, Preset::PublicChat, version);
        request.power_levels = serde_json::from_value(levels).unwrap();
        let old = world.rooms.room(&world.rooms.create_room(request).await.unwrap()).unwrap();
        let upgrade = Upgrade {
            user: alice.clone(),
            version: RoomVersion::V11,
            additional_creators: Vec::new(),
            member_content: Map::new(),
        };
        let new = world.rooms.room(&world.rooms.upgrade(&old, upgrade).await.unwrap()).unwrap();
        let levels: serde_json::Value = new.state_content("m.room.power_levels", "").unwrap().unwrap();
        assert_eq!(levels["users"], json!({ alice.as_str(): greatest, bob.as_str(): 50 }));
        assert_eq!((&levels["ban"], &levels["events"]), (&json!(greatest), &json!({ "m.room.name": 30 })));
        assert_eq!((&levels["notifications"]["room"], &levels["more"]), (&json!(20), &json!("kept")));
        if version == RoomVersion::V5 {
            assert_eq!((&levels["redact"], &levels["kick"]), (&json!(greatest), &json!(50)));
        }
        // What is high enough in the old room is not lowered.
        let old = old.power_levels().unwrap();
        assert_eq!((old.events_default(), old.invite()), (60.into(), 50.into()));
        world.assert_sound();
    }
}

#[tokio::test]
async fn a_room_that_was_left_can_be_forgotten() {
    let world = world();
    let (alice, bob) = (user("alice"), user("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    assert!(matches!(room.forget(&bob).await, Err(RoomError::Forbidden(_))));
    room.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    room.forget(&bob).await.unwrap();
    let row = world.rooms.user_room(&bob, room.nid()).unwrap().unwrap();
    assert!(row.forgotten && row.membership == Membership::Leave);
    world.rooms.join(&room, &bob, Map::new()).await.unwrap();
    assert!(!world.rooms.user_room(&bob, room.nid()).unwrap().unwrap().forgotten);
}

#[tokio::test]
async fn a_room_whose_first_events_are_not_allowed_is_not_made_at_all() {
    let world = world();
    let alice = user("alice");
    let mut request = create(&alice, Preset::PublicChat, RoomVersion::V12);
    request.power_levels.insert("users_default".to_owned(), json!("many"));
    let before = world.rooms.store().published();
    assert!(world.rooms.create_room(request).await.is_err());
    assert_eq!(world.rooms.store().published(), before);
    assert!(world.rooms.rooms_of(&alice).unwrap().is_empty());
    world.assert_sound();
}

#[tokio::test]
async fn the_members_of_a_state_are_those_of_then_also_when_others_came_and_went_since() {
    let world = world();
    let people: Vec<_> = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"].map(user).into();
    let room = world.public_room(&people[0], RoomVersion::V12).await;
    let mut then = Vec::new();
    let mut note = |room: &hearth_rooms::Room| {
        let state = room.head().state;
        then.push((state, room.members_at(state, &people[0]).unwrap()));
    };
    note(&room);
    for person in &people[1..] {
        world.rooms.join(&room, person, Map::new()).await.unwrap();
        note(&room);
    }
    for person in &people[1..] {
        room.set_membership(&people[0], person, "leave", Map::new()).await.unwrap();
        note(&room);
    }
    room.set_membership(&people[0], &people[3], "invite", Map::new()).await.unwrap();
    note(&room);
    let counts: Vec<_> = then.iter().map(|(_, members)| (members.joined, members.invited)).collect();
    let wanted = [1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1, 1].map(|joined| (joined, 0));
    assert_eq!(counts[..13], wanted[..13]);
    assert_eq!(counts[13], (1, 1));
    assert_eq!(then[0].1.heroes, people[..0]);
    assert_eq!(then[6].1.heroes, people[1..6], "five others");
    assert_eq!(then[8].1.heroes, people[3..], "who is there");
    assert_eq!(then[12].1.heroes, people[1..6], "who was there");
    assert_eq!(then[13].1.heroes, people[3..4]);
    for (state, members) in then {
        assert_eq!(room.members_at(state, &people[0]).unwrap(), members);
    }
}

/// Who reads holds up nobody who writes: readers take none of the places of those who wait to write, and their receipts
/// are committed together.
#[tokio::test]
async fn no_send_is_refused_however_many_read_and_mark() {
    const READERS: usize = 2_000;
    const SENDERS: usize = 16;
    const MESSAGES: usize = 5;
    let world = world();
    let senders: Vec<_> = (0..SENDERS).map(|n| user(&format!("sender{n}"))).collect();
    let room = world.public_room(&senders[0], RoomVersion::V12).await;
    for sender in &senders[1..] {
        world.rooms.join(&room, sender, Map::new()).await.unwrap();
    }
    let first = say(&room, &senders[0], "first").await.unwrap();
    // While the disk does not answer, all of them wait for it at once.
    let held = world.engine.hold();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..READERS {
        let (room, first) = (room.clone(), first.clone());
        tasks.spawn(async move {
            let reader = user(&format!("reader{n}"));
            room.set_receipt(&reader, "m.read", None, &first).await.unwrap();
        });
    }
    for sender in &senders {
        let (room, sender) = (room.clone(), sender.clone());
        tasks.spawn(async move {
            for n in 0..MESSAGES {
                let sent = say(&room, &sender, &n.to_string()).await.unwrap();
                room.set_receipt(&sender, "m.read", None, &sent).await.unwrap();
            }
        });
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(tasks.try_join_next().is_none(), "nobody is refused, and nothing is acknowledged early");
    drop(held);
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(room.receipts().unwrap().len(), READERS + SENDERS);
    let changed = room.receipts_since(Position(0), world.rooms.store().published()).unwrap();
    assert_eq!(changed.len(), READERS + SENDERS);
}
