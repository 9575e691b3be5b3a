//! What a member elsewhere may send to break a room.

use std::sync::Arc;

use hearth_rooms::{Event, Received, Room, Upgrade};
use hearth_spec::RoomVersion;
use ruma::{EventId, OwnedUserId};
use serde_json::{Map, json};

use crate::world::*;

/// A room that Alice made here, with her friend from here and with Bob, who is elsewhere.
struct Scene {
    world: World,
    room: Room,
    alice: OwnedUserId,
    friend: OwnedUserId,
    bob: OwnedUserId,
}

async fn scene(version: RoomVersion) -> Scene {
    let (alice, friend, bob) = (user("alice"), user("friend"), far("bob"));
    let world = world();
    let room = world.public_room(&alice, version).await;
    world.rooms.join(&room, &friend, Map::new()).await.unwrap();
    let auth = auth_of(&room, &[]);
    let last = end_of(&room);
    let join = Elsewhere { room: &room, sender: &bob, prev: &[&last], auth: &auth };
    let join = join.make("m.room.member", Some(bob.as_str()), json!({ "membership": "join" }));
    assert!(matches!(room.receive(join).await.unwrap(), Received::Accepted(_)));
    Scene { world, room, alice, friend, bob }
}

impl Scene {
    /// The auth events of what Bob sends.
    fn auth(&self) -> Vec<Arc<Event>> {
        auth_of(&self.room, &[("m.room.member", self.bob.as_str())])
    }
}

fn auth_of(room: &Room, more: &[(&str, &str)]) -> Vec<Arc<Event>> {
    let mut keys = vec![("m.room.power_levels", ""), ("m.room.join_rules", "")];
    if !room.version().room_id_is_create_event_id() {
        keys.push(("m.room.create", ""));
    }
    if !more.is_empty() {
        keys.retain(|(event_type, _)| *event_type != "m.room.join_rules");
    }
    keys.extend(more);
    keys.into_iter().map(|(event_type, key)| room.state_event(event_type, key).unwrap().unwrap()).collect()
}

fn end_of(room: &Room) -> Arc<Event> {
    let range = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
    room.timeline(range).unwrap().remove(0)
}

#[tokio::test]
async fn the_greatest_depth_does_not_end_a_room() {
    for version in RoomVersion::ALL {
        let scene = scene(version).await;
        let Scene { world, room, alice, friend, bob } = &scene;
        let (auth, last) = (scene.auth(), end_of(room));
        let deep = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
        let mut template = deep.template("m.room.message", None, json!({ "body": "deep" }));
        template.depth = version.max_depth();
        assert!(
            matches!(room.receive(deep.seal(template)).await.unwrap(), Received::Accepted(_)),
            "{version}"
        );

        let said = say(room, alice, "still here").await.unwrap();
        assert_eq!(said.pdu.depth(), version.max_depth());
        room.set_membership(friend, friend, "leave", Map::new()).await.unwrap();
        world.rooms.join(room, friend, Map::new()).await.unwrap();
        let proposed = room.propose(member(&far("carol"), "join")).unwrap();
        let mut too_deep = proposed.clone();
        too_deep.insert("depth".to_owned(), (version.max_depth() + 1).into());
        for proposal in [proposed, too_deep] {
            let sealed = world.rooms.seal(version, &proposal).unwrap();
            assert_eq!(sealed.depth(), version.max_depth());
        }
        room.set_membership(alice, bob, "ban", Map::new()).await.unwrap();
        let upgrade = Upgrade {
            user: alice.clone(),
            version: RoomVersion::V12,
            additional_creators: Vec::new(),
            member_content: Map::new(),
        };
        world.rooms.upgrade(room, upgrade).await.unwrap();
        world.assert_sound();
    }
}

#[tokio::test]
async fn a_redaction_is_held_back_until_it_can_be_judged() {
    for version in RoomVersion::ALL {
        // The first versions judge it by their authorization rules.
        let held = version > RoomVersion::V2;
        let scene = scene(version).await;
        let Scene { world, room, alice, bob, .. } = &scene;
        let (auth, last) = (scene.auth(), end_of(room));
        let elsewhere = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
        let target = elsewhere.make("m.room.message", None, json!({ "body": "target" }));
        let other = world.public_room(alice, version).await;
        let in_other_room = say(&other, alice, "elsewhere").await.unwrap();
        let redaction = |id: &str, redacts: &EventId| {
            let mut template = elsewhere.template("m.room.redaction", None, json!({ "reason": id }));
            template.event_id_localpart = template.event_id_localpart.map(|_| id.to_owned());
            template.redacts = Some(redacts.to_owned());
            elsewhere.seal(template)
        };
        let mut seen = Vec::new();
        for (id, redacts) in [("early", target.event_id()), ("elsewhere", in_other_room.id())] {
            let redaction = redaction(id, redacts);
            let id = redaction.event_id_owned().clone();
            // Rejected where the rules already say no.
            if matches!(room.receive(redaction).await.unwrap(), Received::Accepted(_)) {
                let event = room.event(&id).unwrap().unwrap();
                assert_eq!(room.may_see(alice, &event).unwrap(), !held, "{version}");
                assert!(room.server_may_see(bob.server_name(), &event).unwrap());
                seen.push(id);
            }
        }
        let id = target.event_id_owned().clone();
        room.receive(target).await.unwrap();
        assert!(room.event(&id).unwrap().unwrap().redacted_by.is_some());
        let shown = |id: &EventId| room.may_see(alice, &room.event(id).unwrap().unwrap()).unwrap();
        assert!(shown(&seen[0]));
        assert!(!held || !shown(&seen[1]));
        assert_eq!(other.event(in_other_room.id()).unwrap().unwrap().redacted_by, None);
        // As Bob is of another server than who he redacts, and no moderator.
        let said = say(room, alice, "mine").await.unwrap();
        let redaction = redaction("not-his", said.id());
        let id = redaction.event_id_owned().clone();
        if let Received::Accepted(_) = room.receive(redaction).await.unwrap() {
            assert!(held && !shown(&id), "{version}");
        }
        world.assert_sound();
    }
}

#[tokio::test]
async fn an_event_that_comes_outside_of_the_timeline_after_its_redaction_is_redacted() {
    let scene = scene(RoomVersion::V11).await;
    let Scene { world, room, bob, .. } = &scene;
    let (auth, last) = (scene.auth(), end_of(room));
    let elsewhere = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
    let target = elsewhere.make("m.room.message", None, json!({ "body": "secret" }));
    let mut redaction = elsewhere.template("m.room.redaction", None, json!({}));
    redaction.redacts = Some(target.event_id().to_owned());
    room.receive(elsewhere.seal(redaction)).await.unwrap();

    let id = target.event_id_owned().clone();
    room.receive_outliers(vec![target]).await.unwrap();
    let event = room.event(&id).unwrap().unwrap();
    assert!(event.redacted_by.is_some());
    assert!(!event.pdu.text().contains("secret"));
    world.assert_sound();
}

#[tokio::test]
async fn a_redaction_of_itself_has_no_effect() {
    for version in [RoomVersion::V1, RoomVersion::V2] {
        let scene = scene(version).await;
        let Scene { world, room, bob, .. } = &scene;
        let (auth, last) = (scene.auth(), end_of(room));
        let elsewhere = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
        let redaction = |id: &str, redacts: &str| {
            let mut template = elsewhere.template("m.room.redaction", None, json!({ "reason": id }));
            template.event_id_localpart = Some(id.to_owned());
            template.redacts = Some(format!("${redacts}:there").try_into().unwrap());
            elsewhere.seal(template)
        };
        let own = redaction("own", "own");
        let id = own.event_id_owned().clone();
        assert!(matches!(room.receive(own).await.unwrap(), Received::Accepted(_)));
        assert_eq!(room.event(&id).unwrap().unwrap().redacted_by, None);

        // Two that redact each other are both redacted.
        let (one, other) = (redaction("one", "other"), redaction("other", "one"));
        let ids = [&one, &other].map(|pdu| pdu.event_id_owned().clone());
        for pdu in [one, other] {
            assert!(matches!(room.receive(pdu).await.unwrap(), Received::Accepted(_)));
        }
        for id in ids {
            let event = room.event(&id).unwrap().unwrap();
            assert!(event.redacted_by.is_some());
            assert_eq!(event.pdu.content_str(), "{}");
        }
        world.assert_sound();
    }
}

#[tokio::test]
async fn the_ends_of_a_room_stay_few_however_much_it_is_forked() {
    for version in [RoomVersion::V1, RoomVersion::V6, RoomVersion::V12] {
        let scene = scene(version).await;
        let Scene { world, room, alice, bob, .. } = &scene;
        let (auth, last) = (scene.auth(), end_of(room));
        for n in 0..45 {
            let elsewhere = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
            let mut template = elsewhere.template("m.room.message", None, json!({ "body": n }));
            template.event_id_localpart = template.event_id_localpart.map(|_| format!("fork-{n}"));
            let received = room.receive(elsewhere.seal(template)).await.unwrap();
            assert!(matches!(received, Received::Accepted(_)));
            assert!(room.head().extremities.len() <= 10);
        }
        let all = hearth_rooms::TimelineRange { limit: 1_000, ..Default::default() };
        let timeline = room.timeline(all).unwrap();
        let dummies: Vec<_> = timeline.iter().filter(|event| event.is_dummy()).collect();
        assert!((4..=6).contains(&dummies.len()), "{}", dummies.len());
        for dummy in dummies {
            assert_eq!(dummy.pdu.sender().server_name(), alice.server_name());
            assert!(!room.may_see(alice, dummy).unwrap());
        }
        say(room, alice, "on all of them").await.unwrap();
        assert_eq!(room.head().extremities.len(), 1);
        world.assert_sound();
    }
}

#[tokio::test]
async fn where_nobody_here_may_join_the_ends_all_goes_on() {
    let scene = scene(RoomVersion::V6).await;
    let Scene { world, room, alice, bob, .. } = &scene;
    let levels = json!({
        "users": { alice.as_str(): 60, bob.as_str(): 100 }, "events": { "org.matrix.dummy_event": 100 },
    });
    set(room, alice, "m.room.power_levels", "", levels).await.unwrap();
    let (auth, last) = (scene.auth(), end_of(room));
    for n in 0..30 {
        let elsewhere = Elsewhere { room, sender: bob, prev: &[&last], auth: &auth };
        // Each end has a state of its own.
        let event = elsewhere.make("m.fork", Some(&n.to_string()), json!({}));
        assert!(matches!(room.receive(event).await.unwrap(), Received::Accepted(_)));
    }
    assert_eq!(room.head().extremities.len(), 30);
    for _ in 0..3 {
        say(room, alice, "on ten of them").await.unwrap();
    }
    assert!(room.head().extremities.len() < 10);
    assert_eq!(room.state_of_type(room.head().state, "m.fork").unwrap().len(), 30);
    world.assert_sound();
}
