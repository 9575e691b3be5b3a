//! Rooms that come without their members, and are made whole later.

use std::sync::Arc;

use crate::world::*;
use hearth_rooms::{Arrival, Event, Received, Room, RoomError, TimelineRange, ToldStates, WithoutMembers};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::schema::rooms::{Membership, Standing};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use ruma::{OwnedEventId, OwnedUserId, UserId, server_name};
use serde_json::{Map, Value, json};

/// A room of Alice's with many in it, and the server on which Bob joins it without hearing of them.
struct Joined {
    here: World,
    there: World,
    room: Room,
    over_there: Room,
    alice: OwnedUserId,
    bob: OwnedUserId,
}

/// What `/make_join` and `/send_join` do, with `omit_members` or without.
async fn join(world: &World, room: &Room, user: &UserId, omit_members: bool) -> Result<Room, RoomError> {
    let proposal = room.propose(member(user, "join")).unwrap();
    let event = world.rooms.seal(room.version(), &proposal).unwrap();
    let mut state = room.full_state(room.head().state).unwrap();
    let servers = room.servers().unwrap();
    assert!(matches!(room.receive(event.clone()).await.unwrap(), Received::Accepted(_)));
    if omit_members {
        state.retain(|event| event.pdu.type_str() != "m.room.member");
    }
    let mut of = ids(&state);
    of.extend(event.auth_events().iter().cloned());
    let mut auth_chain = pdus(&room.auth_chain(&of).unwrap());
    for id in event.auth_events() {
        auth_chain.push((*room.event(id).unwrap().unwrap().pdu).clone());
    }
    let told = WithoutMembers { via: server_name!("here").to_owned(), servers };
    let arrival = Arrival {
        room_id: room.id().to_owned(),
        version: room.version(),
        auth_chain,
        state: pdus(&state),
        event,
        without_members: omit_members.then_some(told),
    };
    world.rooms.take_in(arrival).await
}

/// What is fetched of the members: the states before what the join follows, with all that they stand on.
async fn make_whole(from: &Room, to: &Room) -> Result<(), RoomError> {
    let (joins, told) = tell(from, to).await;
    to.make_whole(&joins, &told, None).await
}

/// The joins with which a room came, and the states before what they follow.
async fn tell(from: &Room, to: &Room) -> (Vec<OwnedEventId>, ToldStates) {
    let joins = to.partial().unwrap().unwrap().joins;
    let mut told = ToldStates::new();
    for join in &joins {
        for prev in to.event(join).unwrap().unwrap().pdu.prev_events() {
            let prev = from.event(prev).unwrap().unwrap();
            let state = from.state_before(&prev).unwrap();
            let mut of = ids(&state);
            of.push(prev.id().to_owned());
            to.receive_outliers(pdus(&from.auth_chain(&of).unwrap())).await.unwrap();
            to.receive_outliers(pdus(&state)).await.unwrap();
            to.receive_outliers(vec![sent(&prev)]).await.unwrap();
            told.insert(prev.id().to_owned(), ids(&state));
        }
    }
    (joins, told)
}

/// An event goes to another server, with the auth events that it does not have.
async fn pass(event: &Event, from: &Room, to: &Room) -> Received {
    let received = to.receive(sent(event)).await.unwrap();
    let Received::Missing { prev_events, auth_events } = received else { return received };
    assert_eq!(prev_events, Vec::<OwnedEventId>::new());
    assert_ne!(auth_events, Vec::<OwnedEventId>::new());
    let chain = from.auth_chain(&[event.id().to_owned()]).unwrap();
    to.receive_outliers(pdus(&chain)).await.unwrap();
    to.receive(sent(event)).await.unwrap()
}

fn timeline(room: &Room) -> Vec<OwnedEventId> {
    ids(&room.timeline(TimelineRange { limit: 10_000, ..Default::default() }).unwrap())
}

fn state(room: &Room) -> Vec<OwnedEventId> {
    let mut state = ids(&room.full_state(room.head().state).unwrap());
    state.sort_unstable();
    state
}

fn ends(room: &Room, world: &World) -> Vec<OwnedEventId> {
    let mut ends = ids(&world.rooms.events(&room.head().extremities).unwrap());
    ends.sort_unstable();
    ends
}

fn standing(room: &Room, event: &Event) -> Standing {
    room.event(event.id()).unwrap().unwrap().standing
}

async fn join_as(room: &Room, user: &UserId) -> Arc<Event> {
    room.send(member(user, "join"), None).await.unwrap()
}

/// `before` is what happens in the room before Bob joins it.
async fn joined(version: RoomVersion, before: impl AsyncFnOnce(&Room)) -> Joined {
    let (here, there) = (world(), world_of(server_name!("there")));
    let (alice, bob) = (user("alice"), far("bob"));
    let room = here.public_room(&alice, version).await;
    for n in 0..5 {
        join_as(&room, &user(&format!("member{n}"))).await;
    }
    before(&room).await;
    let over_there = join(&there, &room, &bob, true).await.unwrap();
    Joined { here, there, room, over_there, alice, bob }
}

#[tokio::test]
async fn a_room_is_used_before_its_members_are_here() {
    for version in RoomVersion::ALL {
        let Joined { here, mut there, room, mut over_there, alice, bob } =
            joined(version, async |_| {}).await;
        assert!(over_there.is_partial() && over_there.is_here());
        assert!(over_there.has_server(server_name!("here")).unwrap(), "it was told so");
        assert!(over_there.membership(&user("member1")).unwrap().is_none());
        let hi = say(&over_there, &bob, "hi").await.unwrap();
        assert!(matches!(pass(&hi, &over_there, &room).await, Received::Accepted(_)));
        // Who speaks is in the room, as far as that proves itself.
        let hello = say(&room, &user("member1"), "hello").await.unwrap();
        assert!(matches!(pass(&hello, &room, &over_there).await, Received::Accepted(_)));
        assert!(over_there.is_joined(&user("member1")).unwrap());
        let name = set(&room, &alice, "m.room.name", "", json!({ "name": "ours" })).await.unwrap();
        assert!(matches!(pass(&name, &room, &over_there).await, Received::Accepted(_)));
        there.assert_sound();

        // After a crash it is as partial as before, and comes to its members all the same.
        there = open_as(server_name!("there"), there.engine.crash());
        over_there = there.rooms.room(room.id()).unwrap();
        assert!(over_there.is_partial());
        assert_eq!(there.rooms.partial_rooms().unwrap(), [over_there.nid()]);
        let waiting = over_there.clone();
        let waiting = tokio::spawn(async move { waiting.when_whole().await });
        make_whole(&room, &over_there).await.unwrap();
        waiting.await.unwrap();
        assert!(!over_there.is_partial() && there.rooms.partial_rooms().unwrap().is_empty());
        assert_eq!(over_there.head().joined, 7);
        assert_eq!(state(&over_there), state(&room));
        assert_eq!(ends(&over_there, &there), ends(&room, &here));
        for event in [&hi, &hello, &name] {
            let told = |room: &Room| {
                let event = room.event(event.id()).unwrap().unwrap();
                let mut told = ids(&room.state_before(&event).unwrap());
                told.sort_unstable();
                told
            };
            assert_eq!(told(&over_there), told(&room));
        }
        there.assert_sound();
        say(&over_there, &bob, "still here").await.unwrap();
        let reopened = open_as(server_name!("there"), there.engine.crash());
        assert!(!reopened.rooms.room(room.id()).unwrap().is_partial());
        reopened.assert_sound();
    }
}

#[tokio::test]
async fn servers_that_are_said_to_be_there_are_shown_what_comes() {
    let joined_only = async |room: &Room| {
        let content = json!({ "history_visibility": "joined" });
        set(room, &user("alice"), "m.room.history_visibility", "", content).await.unwrap();
    };
    let Joined { room, over_there, bob, .. } = joined(RoomVersion::V12, joined_only).await;
    let hi = say(&over_there, &bob, "hi").await.unwrap();
    for _ in 0..2 {
        let hi = over_there.event(hi.id()).unwrap().unwrap();
        assert!(over_there.server_may_see(server_name!("here"), &hi).unwrap());
        assert!(!over_there.server_may_see(server_name!("elsewhere"), &hi).unwrap());
        // And when it is known who is there.
        if over_there.is_partial() {
            make_whole(&room, &over_there).await.unwrap();
        }
    }
}

/// Derek may send state and turn others out, and is in the room no more.
async fn derek_was_there(room: &Room) {
    let (alice, derek) = (user("alice"), user("derek"));
    let mut levels: Value = room.state_content("m.room.power_levels", "").unwrap().unwrap();
    levels["users"]["@derek:here"] = 60.into();
    levels["users"]["@elsie:here"] = 50.into();
    set(room, &alice, "m.room.power_levels", "", levels).await.unwrap();
    join_as(room, &user("elsie")).await;
    join_as(room, &derek).await;
    room.set_membership(&derek, &derek, "leave", Map::new()).await.unwrap();
}

/// The join of Derek's that his events name.
fn join_of_derek(room: &Room) -> Arc<Event> {
    let timeline = room.timeline(TimelineRange { limit: 100, ..Default::default() }).unwrap();
    let is_join = |event: &&Arc<Event>| {
        event.pdu.state_key() == Some("@derek:here") && event.pdu.content_str().contains("join")
    };
    timeline.iter().find(is_join).unwrap().clone()
}

/// An event of Derek's which says that he is in the room.
fn from_derek(room: &Room, on: &Event, event_type: &str, key: Option<&str>, content: Value) -> Pdu {
    let mut auth = with_create(room, vec![room.state_event("m.room.power_levels", "").unwrap().unwrap()]);
    auth.push(join_of_derek(room));
    if event_type == "m.room.member"
        && let Some(target) = room.state_event("m.room.member", key.unwrap()).unwrap()
    {
        auth.push(target);
    }
    let derek = user("derek");
    Elsewhere { room, sender: &derek, prev: &[on], auth: &auth }.make(event_type, key, content)
}

/// Up to version 11 events name the create event.
fn with_create(room: &Room, mut auth: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    if room.version() < RoomVersion::V12 {
        auth.push(room.state_event("m.room.create", "").unwrap().unwrap());
    }
    auth
}

async fn with_auth(room: &Room, over_there: &Room, pdu: Pdu) -> Received {
    let auth: Vec<Arc<Event>> = pdu.auth_events().iter().map(|id| room.event(id).unwrap().unwrap()).collect();
    let chain = room.auth_chain(&ids(&auth)).unwrap();
    over_there.receive_outliers(pdus(&chain)).await.unwrap();
    over_there.receive_outliers(pdus(&auth)).await.unwrap();
    over_there.receive(pdu).await.unwrap()
}

#[tokio::test]
async fn what_was_accepted_wrongly_is_taken_back() {
    for version in [RoomVersion::V6, RoomVersion::V12] {
        let Joined { there, room, over_there, bob, .. } = joined(version, derek_was_there).await;
        let last = over_there.event(&timeline(&over_there)[0]).unwrap().unwrap();
        let name = from_derek(&room, &last, "m.room.name", Some(""), json!({ "name": "Derek's" }));
        let Received::Accepted(name) = with_auth(&room, &over_there, name).await else { panic!("refused") };
        let reply = say(&over_there, &bob, "indeed").await.unwrap();
        assert!(over_there.state_event("m.room.name", "").unwrap().is_some());
        make_whole(&room, &over_there).await.unwrap();
        assert_eq!(standing(&over_there, &name), Standing::Rejected);
        assert_eq!(standing(&over_there, &reply), Standing::Accepted);
        assert!(!timeline(&over_there).contains(&name.id().to_owned()));
        assert_eq!(over_there.event(name.id()).unwrap().unwrap().order(), None);
        assert!(over_there.state_event("m.room.name", "").unwrap().is_none());
        there.assert_sound();
        say(&over_there, &bob, "so").await.unwrap();
        let reopened = open_as(server_name!("there"), there.engine.crash());
        reopened.assert_sound();
    }
}

#[tokio::test]
async fn what_was_rejected_wrongly_comes_into_the_room() {
    for version in [RoomVersion::V6, RoomVersion::V12] {
        let Joined { there, room, over_there, bob, .. } = joined(version, derek_was_there).await;
        let last = over_there.event(&timeline(&over_there)[0]).unwrap().unwrap();
        let elsie = user("elsie");
        let kick =
            from_derek(&room, &last, "m.room.member", Some(elsie.as_str()), json!({ "membership": "leave" }));
        let Received::Accepted(kick) = with_auth(&room, &over_there, kick).await else { panic!("refused") };
        // Elsie's own server knows better, and does not take the kick.
        let auth = [("m.room.power_levels", ""), ("m.room.member", elsie.as_str())];
        let auth = auth.iter().map(|(kind, key)| room.state_event(kind, key).unwrap().unwrap()).collect();
        let auth = with_create(&room, auth);
        let name = Elsewhere { room: &room, sender: &elsie, prev: &[&kick], auth: &auth };
        let name = name.make("m.room.name", Some(""), json!({ "name": "Elsie's" }));
        let id = name.event_id().to_owned();
        assert!(matches!(with_auth(&room, &over_there, name).await, Received::Rejected(_)));
        let reply = say(&over_there, &bob, "what?").await.unwrap();
        make_whole(&room, &over_there).await.unwrap();
        assert_eq!(standing(&over_there, &kick), Standing::Rejected);
        assert_eq!(standing(&over_there, &reply), Standing::Accepted);
        let name = over_there.event(&id).unwrap().unwrap();
        assert_eq!(name.standing, Standing::Accepted);
        assert!(over_there.may_see(&bob, &name).unwrap());
        assert_eq!(timeline(&over_there).last(), Some(&id), "clients hear of it now");
        assert_eq!(over_there.state_event("m.room.name", "").unwrap().unwrap().id(), &id);
        assert!(over_there.is_joined(&elsie).unwrap());
        there.assert_sound();
        say(&over_there, &bob, "so").await.unwrap();
        there.assert_sound();
    }
}

/// Who was turned out wrongly leaves: what the leave names says that they are there.
#[tokio::test]
async fn what_an_event_names_counts_beside_what_is_known() {
    let Joined { there, room, over_there, .. } = joined(RoomVersion::V10, derek_was_there).await;
    let elsie = user("elsie");
    let hello = say(&room, &elsie, "hello").await.unwrap();
    assert!(matches!(pass(&hello, &room, &over_there).await, Received::Accepted(_)));
    let power = with_create(&room, vec![room.state_event("m.room.power_levels", "").unwrap().unwrap()]);
    let derek = user("derek");
    let auth: Vec<_> = power.iter().cloned().chain([join_of_derek(&room)]).collect();
    let kick = Elsewhere { room: &room, sender: &derek, prev: &[&hello], auth: &auth };
    let kick = kick.make("m.room.member", Some(elsie.as_str()), json!({ "membership": "leave" }));
    let Received::Accepted(kick) = with_auth(&room, &over_there, kick).await else { panic!("refused") };
    assert!(!over_there.is_joined(&elsie).unwrap());
    let member = room.state_event("m.room.member", elsie.as_str()).unwrap().unwrap();
    let auth: Vec<_> = power.iter().cloned().chain([member]).collect();
    let leave = Elsewhere { room: &room, sender: &elsie, prev: &[&kick], auth: &auth };
    let leave = leave.make("m.room.member", Some(elsie.as_str()), json!({ "membership": "leave" }));
    let Received::Accepted(leave) = with_auth(&room, &over_there, leave).await else { panic!("refused") };
    there.assert_sound();
    make_whole(&room, &over_there).await.unwrap();
    assert_eq!(standing(&over_there, &kick), Standing::Rejected);
    assert_eq!(standing(&over_there, &leave), Standing::Accepted);
    there.assert_sound();
}

/// What a redaction that was refused wrongly redacts may have come after it.
#[tokio::test]
async fn a_redaction_that_was_rejected_wrongly_redacts() {
    let Joined { there, room, over_there, bob, .. } = joined(RoomVersion::V12, derek_was_there).await;
    let last = over_there.event(&timeline(&over_there)[0]).unwrap().unwrap();
    let elsie = user("elsie");
    let kick =
        from_derek(&room, &last, "m.room.member", Some(elsie.as_str()), json!({ "membership": "leave" }));
    let Received::Accepted(kick) = with_auth(&room, &over_there, kick).await else { panic!("refused") };
    let secret = say(&room, &user("alice"), "secret").await.unwrap();
    let auth = [("m.room.power_levels", ""), ("m.room.member", elsie.as_str())];
    let auth: Vec<_> = auth.iter().map(|(kind, key)| room.state_event(kind, key).unwrap().unwrap()).collect();
    let redaction = Elsewhere { room: &room, sender: &elsie, prev: &[&kick], auth: &auth };
    let redaction = redaction.make("m.room.redaction", None, json!({ "redacts": secret.id() }));
    assert!(matches!(with_auth(&room, &over_there, redaction).await, Received::Rejected(_)));
    assert!(matches!(pass(&secret, &room, &over_there).await, Received::Accepted(_)));
    assert_eq!(over_there.event(secret.id()).unwrap().unwrap().redacted_by, None);
    make_whole(&room, &over_there).await.unwrap();
    assert!(over_there.event(secret.id()).unwrap().unwrap().redacted_by.is_some());
    say(&over_there, &bob, "so").await.unwrap();
    there.assert_sound();
}

#[tokio::test]
async fn a_room_that_is_left_and_joined_again_comes_anew() {
    let Joined { there, room, over_there, alice, bob, .. } = joined(RoomVersion::V12, async |_| {}).await;
    let first = over_there.partial().unwrap().unwrap();
    let hello = say(&room, &user("member1"), "hello").await.unwrap();
    pass(&hello, &room, &over_there).await;
    let leave = over_there.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    pass(&leave, &over_there, &room).await;
    assert!(!over_there.is_here());
    // Nothing happened meanwhile: it goes on as it was.
    let again = join(&there, &room, &bob, true).await.unwrap();
    assert!(again.is_partial() && again.is_here());
    assert_eq!(again.partial().unwrap().unwrap().joins, first.joins);
    let leave = again.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    pass(&leave, &again, &room).await;
    say(&room, &alice, "meanwhile").await.unwrap();
    let again = join(&there, &room, &bob, true).await.unwrap();
    assert_eq!(again.partial().unwrap().unwrap().joins.len(), 2);
    // What was fetched for the first join does nothing to the second.
    again.make_whole(&[], &ToldStates::new(), None).await.unwrap();
    assert!(again.is_partial());
    there.assert_sound();
    make_whole(&room, &again).await.unwrap();
    assert_eq!(state(&again), state(&room));
    // What came in the first stay has its whole state as well: others may follow it.
    let before = |room: &Room| {
        let mut before = ids(&room.state_before(&room.event(hello.id()).unwrap().unwrap()).unwrap());
        before.sort_unstable();
        before
    };
    assert_eq!(before(&again), before(&room));
    there.assert_sound();
    // The next time it comes as a whole.
    let leave = again.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    pass(&leave, &again, &room).await;
    let third = join(&there, &room, &bob, false).await.unwrap();
    assert!(!third.is_partial());
    assert_eq!(state(&third), state(&room));
    there.assert_sound();
}

/// Who had the states of then is gone: those of later joins take their place.
#[tokio::test]
async fn where_nobody_has_a_state_another_counts_beside_what_is_known() {
    for version in [RoomVersion::V1, RoomVersion::V6, RoomVersion::V12] {
        let Joined { here, there, room, over_there, alice, bob } = joined(version, async |_| {}).await;
        let hello = say(&over_there, &bob, "hello").await.unwrap();
        pass(&hello, &over_there, &room).await;
        let leave = over_there.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
        pass(&leave, &over_there, &room).await;
        say(&room, &alice, "meanwhile").await.unwrap();
        let again = join(&there, &room, &bob, true).await.unwrap();
        let (joins, mut told) = tell(&room, &again).await;
        assert_eq!(joins.len(), 2);
        told.retain(|prev, _| again.event(&joins[1]).unwrap().unwrap().pdu.prev_events().contains(prev));
        assert_eq!(told.len(), 1);
        again.make_whole(&joins, &told, None).await.unwrap();
        assert!(!again.is_partial());
        assert_eq!(state(&again), state(&room));
        assert_eq!(ends(&again, &there), ends(&room, &here));
        assert_eq!(standing(&again, &hello), Standing::Accepted);
        there.assert_sound();

        // The same for the last one, where who is there joins once more and is told all.
        let leave = again.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
        pass(&leave, &again, &room).await;
        say(&room, &alice, "and then").await.unwrap();
        let third = join(&there, &room, &bob, true).await.unwrap();
        let hi = say(&third, &bob, "hi").await.unwrap();
        say(&room, &alice, "and more").await.unwrap();
        there.clock.advance(1_000);
        join(&there, &room, &bob, false).await.unwrap();
        assert!(third.is_partial());
        let (joins, _) = tell(&room, &third).await;
        let once_more = join_of(&room, &bob);
        third.make_whole(&joins, &ToldStates::new(), Some(&once_more)).await.unwrap();
        assert!(!third.is_partial());
        assert_eq!(standing(&third, &hi), Standing::Accepted);
        assert_eq!(state(&third), state(&room));
        assert_eq!(third.head().extremities.len(), 2);
        there.assert_sound();
    }
}

#[tokio::test]
async fn a_state_that_does_not_allow_the_join_is_not_believed() {
    let Joined { there, room, over_there, bob, alice, .. } = joined(RoomVersion::V12, async |_| {}).await;
    let join = over_there.partial().unwrap().unwrap().joins[0].clone();
    let prev = over_there.event(&join).unwrap().unwrap().pdu.prev_events()[0].clone();
    let joins = [join];
    let none = ToldStates::from([(prev.clone(), Vec::new())]);
    assert!(over_there.make_whole(&joins, &none, None).await.is_err());
    assert!(over_there.make_whole(&joins, &ToldStates::new(), None).await.is_err());
    // The state after a ban of Bob's, told as that before his join.
    room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    let state = room.full_state(room.head().state).unwrap();
    over_there.receive_outliers(pdus(&room.auth_chain(&ids(&state)).unwrap())).await.unwrap();
    over_there.receive_outliers(pdus(&state)).await.unwrap();
    over_there.receive_outliers(vec![sent(&room.event(&prev).unwrap().unwrap())]).await.unwrap();
    let wrong = ToldStates::from([(prev, ids(&state))]);
    assert!(matches!(over_there.make_whole(&joins, &wrong, None).await, Err(RoomError::Invalid(_))));
    assert!(over_there.is_partial() && over_there.is_here());
    there.assert_sound();
    make_whole(&room, &over_there).await.unwrap();
    there.assert_sound();
}

#[tokio::test]
async fn servers_that_are_said_to_be_there_stay_until_it_is_known() {
    let Joined { there, room, over_there, .. } = joined(RoomVersion::V12, async |_| {}).await;
    let here = server_name!("here");
    let one = user("member1");
    let hello = say(&room, &one, "hello").await.unwrap();
    pass(&hello, &room, &over_there).await;
    let leave = room.set_membership(&one, &one, "leave", Map::new()).await.unwrap();
    pass(&leave, &room, &over_there).await;
    assert!(over_there.has_server(here).unwrap(), "others of that server may be there");
    there.assert_sound();
    make_whole(&room, &over_there).await.unwrap();
    assert!(over_there.has_server(here).unwrap());
    assert_eq!(over_there.members_with(Membership::Join).unwrap().len(), 6);
    there.assert_sound();
}

/// Whatever happens while the members are missing: afterwards the room is as if it had come with them.
#[tokio::test]
async fn a_room_that_is_made_whole_is_as_one_that_came_whole() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let version = *[RoomVersion::V6, RoomVersion::V11, RoomVersion::V12].choose(&mut random).unwrap();
        let (here, there, whole) =
            (world(), world_of(server_name!("there")), world_of(server_name!("whole")));
        let alice = user("alice");
        let room = here.public_room(&alice, version).await;
        let people: Vec<OwnedUserId> = (0..6).map(|n| user(&format!("member{n}"))).collect();
        let mut levels: Value = room.state_content("m.room.power_levels", "").unwrap().unwrap();
        for person in &people[..3] {
            levels["users"][person.as_str()] = 50.into();
        }
        set(&room, &alice, "m.room.power_levels", "", levels).await.unwrap();
        for person in &people {
            join_as(&room, person).await;
        }
        act(&room, &people, &mut random, 10).await;
        let watcher = UserId::parse("@watcher:whole").unwrap();
        let as_whole = join(&whole, &room, &watcher, false).await.unwrap();
        let as_part = join(&there, &room, &far("bob"), true).await.unwrap();
        let bob_joins = room.event(&timeline(&as_part)[0]).unwrap().unwrap();
        assert!(matches!(pass(&bob_joins, &room, &as_whole).await, Received::Accepted(_)));
        let known = timeline(&room);
        // Forks begin at one of the last few events, all of which are known everywhere.
        for number in 0..3 {
            say(&room, &alice, &format!("{number}")).await.unwrap();
        }
        act(&room, &people, &mut random, 30).await;
        for id in timeline(&room).iter().filter(|id| !known.contains(id)) {
            let event = room.event(id).unwrap().unwrap();
            pass(&event, &room, &as_whole).await;
            pass(&event, &room, &as_part).await;
        }
        there.assert_sound();
        make_whole(&room, &as_part).await.unwrap();
        there.assert_sound();
        assert_eq!(state(&as_part), state(&as_whole), "seed {seed}");
        assert_eq!(ends(&as_part, &there), ends(&as_whole, &whole), "seed {seed}");
        assert_eq!(as_part.servers().unwrap(), as_whole.servers().unwrap());
        let (mut one, mut other) = (timeline(&as_part), timeline(&as_whole));
        one.sort_unstable();
        other.retain(|id| *id != join_of(&as_whole, &watcher));
        other.sort_unstable();
        assert_eq!(one, other, "seed {seed}");
    }
}

fn join_of(room: &Room, user: &UserId) -> OwnedEventId {
    room.state_event("m.room.member", user.as_str()).unwrap().unwrap().id().to_owned()
}

/// People talk, set state, come and go, and turn each other out: on the newest event, or on one before it.
async fn act(room: &Room, people: &[OwnedUserId], random: &mut StdRng, times: usize) {
    for number in 0..times {
        let who = people.choose(random).unwrap();
        let other = people.choose(random).unwrap();
        // Whether the room lets them is the room's to say.
        let _ = match random.random_range(0..8) {
            0 => room.set_membership(who, who, "leave", Map::new()).await.map(|_| ()),
            1 | 2 => room.send(member(who, "join"), None).await.map(|_| ()),
            3 => room.set_membership(who, other, "leave", Map::new()).await.map(|_| ()),
            4 => set(room, who, "m.room.topic", "", json!({ "topic": number })).await.map(|_| ()),
            5 => fork(room, who, random, number).await,
            _ => say(room, who, &format!("{number}")).await.map(|_| ()),
        };
    }
}

/// An event on one of the last few, with the auth events that are current now.
async fn fork(room: &Room, who: &UserId, random: &mut StdRng, number: usize) -> Result<(), RoomError> {
    let last = room.timeline(TimelineRange { backwards: true, limit: 3, ..Default::default() })?;
    let on = last.choose(random).unwrap();
    let mut auth = Vec::new();
    for (kind, key) in [("m.room.power_levels", ""), ("m.room.member", who.as_str()), ("m.room.create", "")] {
        if kind != "m.room.create" || room.version() < RoomVersion::V12 {
            auth.extend(room.state_event_at(on.state.unwrap().after, kind, key)?);
        }
    }
    let made = Elsewhere { room, sender: who, prev: &[on], auth: &auth };
    let made = match number % 2 {
        0 => made.make("m.room.message", None, json!({ "body": number })),
        _ => made.make("m.room.topic", Some(""), json!({ "topic": number })),
    };
    room.receive(made).await.map(|_| ())
}
