//! Two servers and one room, without a network between them.

use std::sync::Arc;

use crate::world::*;
use hearth_rooms::{Arrival, Event, NewEvent, OutOfRoom, Preset, Received, Room, RoomError, TimelineRange};
use hearth_spec::RoomVersion;
use hearth_storage::{Faults, TimelineOrder, schema::rooms::Membership};
use ruma::{OwnedEventId, OwnedUserId, UserId, server_name};
use serde_json::{Map, json};

/// A room that Alice of `here` made, and the server from `there` on which Bob is.
struct Two {
    here: World,
    there: World,
    room: Room,
    alice: OwnedUserId,
    bob: OwnedUserId,
}

async fn two(version: RoomVersion) -> Two {
    let (here, there) = (world(), world_of(server_name!("there")));
    let (alice, bob) = (user("alice"), far("bob"));
    let room = here.public_room(&alice, version).await;
    Two { here, there, room, alice, bob }
}

/// What `/make_join` and `/send_join` do: `user` of `world` joins through `room` of another.
async fn join(world: &World, room: &Room, user: &UserId) -> Result<Room, RoomError> {
    let arrival = arrival(world, room, user);
    assert!(matches!(room.receive(arrival.event.clone()).await.unwrap(), Received::Accepted(_)));
    world.rooms.take_in(arrival).await
}

/// The answer to a join that is not sent yet.
fn arrival(world: &World, room: &Room, user: &UserId) -> Arrival {
    let proposal = room.propose(member(user, "join")).unwrap();
    let event = world.rooms.seal(room.version(), &proposal).unwrap();
    let state = room.full_state(room.head().state).unwrap();
    let mut of = ids(&state);
    of.extend(event.auth_events().iter().cloned());
    let (version, room_id) = (room.version(), room.id().to_owned());
    let mut auth_chain = pdus(&room.auth_chain(&of).unwrap());
    // No order is promised.
    auth_chain.reverse();
    Arrival { room_id, version, auth_chain, state: pdus(&state), event, without_members: None }
}

fn last(room: &Room) -> Arc<Event> {
    room.timeline(TimelineRange { backwards: true, limit: 1, ..Default::default() }).unwrap().remove(0)
}

fn timeline(room: &Room) -> Vec<OwnedEventId> {
    ids(&room.timeline(TimelineRange { limit: 1_000, ..Default::default() }).unwrap())
}

/// The newest gap of a timeline.
fn gap(room: &Room) -> Option<TimelineOrder> {
    room.gap_within(None, TimelineOrder::MAX).unwrap()
}

async fn pass(event: &Event, to: &Room) -> Received {
    to.receive(sent(event)).await.unwrap()
}

#[tokio::test]
async fn a_room_of_any_version_is_joined_and_talked_in_both_ways() {
    for version in RoomVersion::ALL {
        let Two { here, there, room, alice, bob } = two(version).await;
        let over_there = join(&there, &room, &bob).await.unwrap();
        assert!(over_there.is_here());
        assert_eq!(over_there.head().joined, 2);
        assert_eq!(ids(&[last(&over_there)]), ids(&[last(&room)]), "the join ends both timelines");
        let hello = say(&room, &alice, "hello").await.unwrap();
        assert!(matches!(pass(&hello, &over_there).await, Received::Accepted(_)));
        let hi = say(&over_there, &bob, "hi").await.unwrap();
        assert!(matches!(pass(&hi, &room).await, Received::Accepted(_)));
        let name = set(&room, &alice, "m.room.name", "", json!({ "name": "ours" })).await.unwrap();
        pass(&name, &over_there).await;
        let state = |room: &Room| {
            let mut state = ids(&room.full_state(room.head().state).unwrap());
            state.sort_unstable();
            state
        };
        assert_eq!(state(&room), state(&over_there));
        let servers = [server_name!("here").to_owned(), server_name!("there").to_owned()];
        assert_eq!(room.servers().unwrap(), servers);
        assert_eq!(over_there.servers().unwrap(), servers);
        here.assert_sound();
        there.assert_sound();
        let reopened = open_as(server_name!("there"), there.engine.crash());
        let room = reopened.rooms.room(room.id()).unwrap();
        say(&room, &bob, "after a crash").await.unwrap();
        reopened.assert_sound();
    }
}

#[tokio::test]
async fn history_comes_from_where_it_is() {
    for version in [RoomVersion::V1, RoomVersion::V6, RoomVersion::V12] {
        let Two { here, there, room, alice, bob } = two(version).await;
        for n in 0..10 {
            say(&room, &alice, &format!("before {n}")).await.unwrap();
        }
        set(&room, &alice, "m.room.name", "", json!({ "name": "one" })).await.unwrap();
        let secret = say(&room, &alice, "secret").await.unwrap();
        set(&room, &alice, "m.room.name", "", json!({ "name": "two" })).await.unwrap();
        let over_there = join(&there, &room, &bob).await.unwrap();
        assert_eq!(timeline(&over_there).len(), 1);
        // A redaction that comes before what it redacts.
        let redaction = NewEvent {
            redacts: Some(secret.id().to_owned()),
            ..NewEvent::message(
                &alice,
                "m.room.redaction",
                serde_json::value::to_raw_value(&json!({})).unwrap(),
            )
        };
        let redaction = room.send(redaction, None).await.unwrap();
        pass(&redaction, &over_there).await;

        let mut rounds = 0;
        while let Some(gap) = gap(&over_there) {
            let got = room.backfill(&over_there.missing_before(gap).unwrap(), 5).unwrap();
            let oldest = got.last().unwrap();
            let state = room.state_before(oldest).unwrap();
            over_there.receive_outliers(pdus(&room.auth_chain(&ids(&got)).unwrap())).await.unwrap();
            over_there.receive_outliers(pdus(&state)).await.unwrap();
            let new = over_there.take_in_history(pdus(&got), &ids(&state)).await.unwrap();
            assert_eq!(new.len(), got.len());
            assert!(over_there.take_in_history(pdus(&got), &ids(&state)).await.unwrap().is_empty());
            rounds += 1;
        }
        assert!(rounds > 1);
        assert_eq!(timeline(&over_there), timeline(&room));
        let emptied = over_there.event(secret.id()).unwrap().unwrap();
        assert_eq!(emptied.pdu.content().get(), "{}");
        let first = over_there.event(&timeline(&room)[0]).unwrap().unwrap();
        assert!(first.order().unwrap().is_history());
        assert_eq!(
            over_there.state_before(&emptied).unwrap().len(),
            room.state_before(&secret).unwrap().len()
        );
        assert!(over_there.may_see(&bob, &emptied).unwrap());
        here.assert_sound();
        there.assert_sound();
    }
}

#[tokio::test]
async fn history_stands_where_it_was_missing() {
    let Two { here, mut there, room, alice, bob } = two(RoomVersion::V12).await;
    let mut over_there = join(&there, &room, &bob).await.unwrap();
    let before = say(&room, &alice, "before the gap").await.unwrap();
    pass(&before, &over_there).await;
    // Two chains of messages fork, and meet again.
    let auth = [("m.room.power_levels", ""), ("m.room.member", alice.as_str())];
    let auth = auth.map(|(kind, key)| room.state_event(kind, key).unwrap().unwrap());
    let mut chains = Vec::new();
    for fork in ["one", "other"] {
        let mut last = before.clone();
        for number in 0..7 {
            let made = Elsewhere { room: &room, sender: &alice, prev: &[&last], auth: &auth };
            let made = made.make("m.room.message", None, json!({ "body": format!("{fork} {number}") }));
            let Received::Accepted(event) = room.receive(made).await.unwrap() else { panic!("refused") };
            chains.push(event.id().to_owned());
            last = event;
        }
    }
    let after = say(&room, &alice, "after the gap").await.unwrap();
    let state = ids(&room.state_before(&after).unwrap());
    assert!(matches!(pass(&after, &over_there).await, Received::Missing { .. }));
    over_there.receive_with_state(sent(&after), &state).await.unwrap();
    let order = |room: &Room, event: &Event| room.event(event.id()).unwrap().unwrap().order();
    assert_eq!(gap(&over_there), order(&over_there, &after));
    there.assert_sound();

    // A few at a time, from both chains, with a crash after each.
    let before_order = order(&over_there, &before);
    while let Some(gap) = gap(&over_there).filter(|gap| Some(*gap) > before_order) {
        let got = room.backfill(&over_there.missing_before(gap).unwrap(), 3).unwrap();
        let state = ids(&room.state_before(got.last().unwrap()).unwrap());
        assert!(!over_there.take_in_history(pdus(&got), &state).await.unwrap().is_empty());
        there.assert_sound();
        there = open_as(server_name!("there"), there.engine.crash());
        over_there = there.rooms.room(room.id()).unwrap();
    }
    let timeline = timeline(&over_there);
    let place = |id: &OwnedEventId| timeline.iter().position(|known| known == id).unwrap();
    let (from, to) = (place(&before.id().to_owned()), place(&after.id().to_owned()));
    assert_eq!(to, timeline.len() - 1);
    for chain in chains.chunks(7) {
        assert!(chain.is_sorted_by_key(place), "{chain:?} in {timeline:?}");
    }
    let mut between = timeline[from + 1..to].to_vec();
    between.sort_unstable();
    chains.sort_unstable();
    assert_eq!(between, chains);

    // The newest events are in memory, and history comes between them.
    let next = say(&room, &alice, "next").await.unwrap();
    pass(&next, &over_there).await;
    let since = |order| TimelineRange { after: order, limit: 100, ..Default::default() };
    let newest = over_there.timeline(since(order(&over_there, &after))).unwrap();
    assert_eq!(ids(&newest), [next.id().to_owned()]);
    assert_eq!(over_there.timeline(since(before_order)).unwrap().len(), chains.len() + 2);
    here.assert_sound();
    there.assert_sound();
}

#[tokio::test]
async fn what_was_joined_through_another_server_may_come_after_what_follows_it() {
    let Two { here, there, room, alice, bob } = two(RoomVersion::V12).await;
    let over_there = join(&there, &room, &bob).await.unwrap();
    let carol = arrival(&there, &room, &far("carol"));
    room.receive(carol.event.clone()).await.unwrap();
    let after = say(&room, &alice, "after the join").await.unwrap();
    let state = room.state_before(&after).unwrap();
    assert!(matches!(pass(&after, &over_there).await, Received::Missing { .. }));
    over_there.receive_outliers(pdus(&state)).await.unwrap();
    over_there.receive_with_state(sent(&after), &ids(&state)).await.unwrap();
    let order = over_there.event(after.id()).unwrap().unwrap().order();
    assert_eq!(gap(&over_there), order);

    there.rooms.take_in(carol).await.unwrap();
    assert!(gap(&over_there) < order, "nothing is missing before it any more");
    let after = over_there.event(after.id()).unwrap().unwrap();
    assert_eq!(over_there.head().extremities, [after.nid], "the join is followed already");
    here.assert_sound();
    there.assert_sound();
}

#[tokio::test]
async fn servers_are_counted_over_joins_kicks_leaves_and_bans() {
    let Two { here, there, room, alice, bob } = two(RoomVersion::V12).await;
    let (carol, server) = (far("carol"), server_name!("there"));
    let over_there = join(&there, &room, &bob).await.unwrap();
    let joined = there.rooms.join(&over_there, &carol, Map::new()).await.unwrap();
    pass(&joined, &room).await;
    assert_eq!(here.rooms.rooms_shared_with(server).unwrap(), [room.nid()]);
    assert_eq!(here.rooms.servers_of_user(&alice).unwrap().len(), 2);

    let kick = room.set_membership(&alice, &bob, "leave", Map::new()).await.unwrap();
    pass(&kick, &over_there).await;
    assert!(room.has_server(server).unwrap());
    // Several changes in one commit.
    room.send_many(vec![
        NewEvent::state_json(&alice, "m.room.member", carol.as_str(), &json!({ "membership": "ban" }))
            .unwrap(),
        NewEvent::state_json(&alice, "m.room.member", carol.as_str(), &json!({ "membership": "leave" }))
            .unwrap(),
    ])
    .await
    .unwrap();
    assert!(!room.has_server(server).unwrap());
    assert_eq!(here.rooms.rooms_shared_with(server).unwrap(), []);
    assert_eq!(here.rooms.servers_of_user(&alice).unwrap().len(), 1);
    for event in room.backfill(&[last(&room).id().to_owned()], 2).unwrap().iter().rev() {
        pass(event, &over_there).await;
    }
    assert!(!over_there.is_here());
    here.assert_sound();
    there.assert_sound();
}

#[tokio::test]
async fn servers_are_counted_where_forks_meet() {
    let Two { here, there, room, alice, bob } = two(RoomVersion::V12).await;
    let over_there = join(&there, &room, &bob).await.unwrap();
    // Carol joins there, while Alice closes the room and bans Bob here.
    let carol = there.rooms.join(&over_there, &far("carol"), Map::new()).await.unwrap();
    let ban = room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    pass(&carol, &room).await;
    pass(&ban, &over_there).await;
    for room in [&room, &over_there] {
        assert_eq!(room.head().extremities.len(), 2);
        assert!(!room.is_joined(&bob).unwrap());
        assert!(room.is_joined(&far("carol")).unwrap());
        assert_eq!(room.servers().unwrap().len(), 2);
    }
    here.assert_sound();
    there.assert_sound();
}

#[tokio::test]
async fn a_room_that_everyone_had_left_comes_back_as_it_is_now() {
    let Two { here, there, room, alice, bob } = two(RoomVersion::V11).await;
    let over_there = join(&there, &room, &bob).await.unwrap();
    let leave = over_there.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    pass(&leave, &room).await;
    assert!(!over_there.is_here());
    // Meanwhile the room goes on; what comes of it is no concern there any more.
    room.set_membership(&alice, &user("dave"), "invite", Map::new()).await.unwrap();
    set(&room, &alice, "m.room.name", "", json!({ "name": "later" })).await.unwrap();
    let again = join(&there, &room, &bob).await.unwrap();
    assert!(again.is_here());
    assert_eq!(again.nid(), over_there.nid());
    assert_eq!(again.head().extremities.len(), 1);
    assert_eq!((again.head().joined, again.head().invited), (2, 1));
    assert!(again.state_event("m.room.name", "").unwrap().is_some());
    // What it missed comes between what it had and the join.
    let gap = gap(&again).unwrap();
    assert_eq!(Some(gap), last(&again).order());
    let got = room.backfill(&again.missing_before(gap).unwrap(), 100).unwrap();
    again.receive_outliers(pdus(&room.auth_chain(&ids(&got)).unwrap())).await.unwrap();
    again.take_in_history(pdus(&got), &[]).await.unwrap();
    assert_eq!(timeline(&again), timeline(&room));
    say(&again, &bob, "back").await.unwrap();
    here.assert_sound();
    there.assert_sound();
}

#[tokio::test]
async fn an_invite_to_a_room_that_is_not_here_is_noted_and_taken_over_by_the_join() {
    for version in [RoomVersion::V1, RoomVersion::V10, RoomVersion::V12] {
        let (here, there) = (world(), world_of(server_name!("there")));
        let (alice, bob) = (user("alice"), far("bob"));
        let id = here.rooms.create_room(create(&alice, Preset::PrivateChat, version)).await.unwrap();
        let room = here.rooms.room(&id).unwrap();
        let invite = room.set_membership(&alice, &bob, "invite", Map::new()).await.unwrap();
        let note = OutOfRoom {
            room_id: id.clone(),
            version,
            event: sent(&invite),
            user: bob.clone(),
            membership: Membership::Invite,
            stripped_state: Some("[]".to_owned()),
        };
        there.rooms.note_membership(note.clone()).await.unwrap();
        assert!(matches!(there.rooms.room(&id), Err(RoomError::UnknownRoom)));
        assert!(there.rooms.find_room(&id).unwrap().is_none());
        there.assert_sound();
        let there = open_as(server_name!("there"), there.engine.crash());
        let (noted, event, row) = there.rooms.out_of_room(&bob, &id).unwrap().unwrap();
        assert_eq!((noted, event.id(), row.membership), (version, invite.id(), Membership::Invite));
        assert_eq!(row.stripped_state.as_deref(), Some("[]"));

        let over_there = join(&there, &room, &bob).await.unwrap();
        assert!(over_there.is_joined(&bob).unwrap());
        assert!(there.rooms.out_of_room(&bob, &id).unwrap().is_none());
        assert_eq!(there.rooms.rooms_of(&bob).unwrap().len(), 1);
        // Now it is here: what else is noted of it changes nothing.
        there.rooms.note_membership(note).await.unwrap();
        assert!(over_there.is_joined(&bob).unwrap());
        assert!(there.rooms.out_of_room(&bob, &id).unwrap().is_none());
        here.assert_sound();
        there.assert_sound();
    }
}

#[tokio::test]
async fn a_join_that_the_room_forbids_brings_nothing() {
    let Two { here, there, room, alice, bob } = two(RoomVersion::V12).await;
    let mut arrival = arrival(&there, &room, &bob);
    let ban = room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    arrival.auth_chain.push(sent(&ban));
    arrival.state.push(sent(&ban));
    assert!(matches!(there.rooms.take_in(arrival.clone()).await, Err(RoomError::Forbidden(_))));
    assert!(there.rooms.find_room(room.id()).unwrap().is_none());
    there.assert_sound();
    arrival.state.retain(|pdu| pdu.type_str() != "m.room.create");
    assert!(matches!(there.rooms.take_in(arrival).await, Err(RoomError::Invalid(_))));
    here.assert_sound();
}

#[tokio::test]
async fn a_join_that_loses_power_leaves_nothing_that_is_seen_and_can_be_made_again() {
    let Two { here, room, bob, .. } = two(RoomVersion::V12).await;
    for write in 1..=2 {
        let there = world_of(server_name!("there"));
        let arrival = arrival(&there, &room, &bob);
        let faults = Faults { seed: write, lose_power_in_write: Some(write), ..Faults::default() };
        there.engine.set_faults(faults);
        assert!(there.rooms.take_in(arrival.clone()).await.is_err());
        let after = open_as(server_name!("there"), there.engine.crash());
        assert!(after.rooms.find_room(room.id()).unwrap().is_none_or(|room| room.is_here()));
        after.assert_sound();
        let over_there = after.rooms.take_in(arrival).await.unwrap();
        assert!(over_there.is_joined(&bob).unwrap());
        after.assert_sound();
    }
    here.assert_sound();
}

#[tokio::test]
async fn what_lies_between_two_events_is_found() {
    let Two { room, alice, .. } = two(RoomVersion::V12).await;
    let mut said = Vec::new();
    for n in 0..6 {
        said.push(say(&room, &alice, &format!("{n}")).await.unwrap());
    }
    let id = |at: usize| said[at].id().to_owned();
    let between = room.missing_between(&[id(5)], &[id(1)], 0, 10).unwrap();
    assert_eq!(ids(&between), [id(2), id(3), id(4)]);
    assert_eq!(ids(&room.missing_between(&[id(5)], &[id(1)], 0, 2).unwrap()), [id(3), id(4)]);
    let deep = said[4].pdu.depth();
    assert_eq!(ids(&room.missing_between(&[id(5)], &[], deep, 10).unwrap()), [id(4)]);
    assert_eq!(ids(&room.backfill(&[id(3)], 2).unwrap()), [id(3), id(2)]);
}

#[tokio::test]
async fn a_server_sees_what_its_users_see_and_takes_part_where_it_may() {
    let Two { there, room, alice, bob, .. } = two(RoomVersion::V12).await;
    let server = server_name!("there");
    let shared = say(&room, &alice, "shared").await.unwrap();
    assert!(!room.server_may_see(server, &shared).unwrap());
    set(&room, &alice, "m.room.history_visibility", "", json!({ "history_visibility": "joined" }))
        .await
        .unwrap();
    let before = say(&room, &alice, "before").await.unwrap();
    join(&there, &room, &bob).await.unwrap();
    let after = say(&room, &alice, "after").await.unwrap();
    let sees = |event: &Event| room.server_may_see(server, event).unwrap();
    assert!(sees(&shared) && sees(&after) && !sees(&before));
    assert!(room.may_take_part(server).unwrap());
    set(&room, &alice, "m.room.server_acl", "", json!({ "allow": ["*"], "deny": ["there"] })).await.unwrap();
    assert!(!room.may_take_part(server).unwrap() && room.may_take_part(server_name!("else")).unwrap());
    set(&room, &alice, "m.room.server_acl", "", json!({ "allow": ["*"] })).await.unwrap();
    assert!(room.may_take_part(server).unwrap());
}

#[tokio::test]
async fn a_room_is_created_once_for_others_as_well() {
    let Two { here, room, .. } = two(RoomVersion::V6).await;
    let again = Elsewhere { room: &room, sender: &user("alice"), prev: &[], auth: &[] };
    let content = json!({ "creator": "@alice:here", "room_version": "6", "again": true });
    let pdu = again.make("m.room.create", Some(""), content);
    assert!(matches!(room.receive(pdu.clone()).await.unwrap(), Received::Rejected(_)));
    assert_eq!(room.receive_outliers(vec![pdu.clone()]).await.unwrap(), [pdu.event_id().to_owned()]);
    here.assert_sound();
}

#[tokio::test]
async fn a_large_room_comes_in_several_commits() {
    const MEMBERS: usize = 5_000;
    let Two { there, room, bob, .. } = two(RoomVersion::V12).await;
    for start in (0..MEMBERS).step_by(1_000) {
        let joins = (start..start + 1_000).map(|n| member(&user(&format!("member{n}")), "join"));
        room.send_many(joins.collect()).await.unwrap();
    }
    let arrival = arrival(&there, &room, &bob);
    let over_there = there.rooms.take_in(arrival).await.unwrap();
    assert_eq!(over_there.head().joined, MEMBERS as u64 + 2);
    there.assert_sound();
}
