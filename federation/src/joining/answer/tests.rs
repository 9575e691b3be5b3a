use hearth_spec::{EventTemplate, SigningKey};
use ruma::{owned_room_id, server_name, user_id};
use serde_json::{Value, json, value::to_raw_value};

use super::*;

const VERSION: RoomVersion = RoomVersion::V10;

/// A public room of Bob's, which Alice joins.
struct Elsewhere {
    state: Vec<Pdu>,
    join: Pdu,
}

fn event(event_type: &str, key: &str, sender: &str, content: Value, on: &[&Pdu]) -> Pdu {
    let ids: Vec<OwnedEventId> = on.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
    let template = EventTemplate {
        event_type: event_type.to_owned(),
        state_key: Some(key.to_owned()),
        content: to_raw_value(&content).unwrap(),
        sender: sender.try_into().unwrap(),
        room_id: Some(owned_room_id!("!room:there")),
        origin_server_ts: 1,
        prev_events: ids.last().cloned().into_iter().collect(),
        auth_events: ids,
        depth: on.len() as u64 + 1,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let key = SigningKey::generate([7; 32], "k").unwrap();
    template.seal(VERSION, server_name!("there"), &key).unwrap()
}

fn elsewhere(join_rule: &str) -> Elsewhere {
    let (alice, bob) = (user_id!("@alice:here").as_str(), user_id!("@bob:there").as_str());
    let create = event("m.room.create", "", bob, json!({ "creator": bob, "room_version": "10" }), &[]);
    let joined = json!({ "membership": "join" });
    let member = event("m.room.member", bob, bob, joined.clone(), &[&create]);
    let levels = json!({ "users": { bob: 100 } });
    let levels = event("m.room.power_levels", "", bob, levels, &[&create, &member]);
    let rules = json!({ "join_rule": join_rule });
    let rules = event("m.room.join_rules", "", bob, rules, &[&create, &member, &levels]);
    let join = event("m.room.member", alice, alice, joined, &[&create, &levels, &rules]);
    Elsewhere { state: vec![rules, levels, member, create], join }
}

fn assembled(room: &Elsewhere, pdus: Vec<Pdu>) -> Result<Arrival, FederationError> {
    let state = room.state.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
    let told = Told { pdus, state, known: Vec::new(), members_omitted: false };
    assemble(owned_room_id!("!room:there"), VERSION, told, room.join.clone())
}

#[test]
fn a_room_is_put_together_in_the_order_of_its_auth_events() {
    let room = elsewhere("public");
    let arrival = assembled(&room, room.state.clone()).unwrap();
    let types: Vec<&str> = arrival.auth_chain.iter().map(Pdu::type_str).collect();
    assert_eq!(types, ["m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules"]);
    assert_eq!(arrival.state.len(), 4);
}

#[test]
fn a_room_that_does_not_let_the_user_in_is_refused() {
    let room = elsewhere("invite");
    let refused = assembled(&room, room.state.clone()).unwrap_err();
    assert!(matches!(refused, FederationError::Room(RoomError::Forbidden(_))), "{refused}");
}

#[test]
fn who_comes_back_names_how_they_left() {
    let mut room = elsewhere("public");
    let alice = "@alice:here";
    let [rules, levels, _, create] = room.state.clone().try_into().unwrap();
    for (membership, may_join) in [("leave", true), ("ban", false)] {
        let left = event("m.room.member", alice, alice, json!({ "membership": membership }), &[&create]);
        let joined = json!({ "membership": "join" });
        room.join = event("m.room.member", alice, alice, joined, &[&create, &levels, &rules, &left]);
        let assembled = |known: Vec<Pdu>| {
            let state = room.state.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
            let told = Told { pdus: room.state.clone(), state, known, members_omitted: true };
            assemble(owned_room_id!("!room:there"), VERSION, told, room.join.clone())
        };
        assert!(matches!(assembled(Vec::new()), Err(FederationError::Invalid(_))), "nobody told how");
        match assembled(vec![left]) {
            Ok(_) => assert!(may_join),
            Err(refused) => {
                assert!(
                    !may_join && matches!(refused, FederationError::Room(RoomError::Forbidden(_))),
                    "{refused}"
                )
            }
        }
    }
}

#[test]
fn a_room_without_a_create_event_or_with_a_hole_is_refused() {
    let room = elsewhere("public");
    let without = |event_type: &str| {
        let kept = room.state.iter().filter(|pdu| pdu.type_str() != event_type);
        assembled(&room, kept.cloned().collect())
    };
    assert!(without("m.room.create").is_err());
    // What the join stands on.
    assert!(without("m.room.power_levels").is_err());
}

#[test]
fn a_state_says_one_thing_of_each() {
    let mut room = elsewhere("public");
    let create = room.state[3].clone();
    let member = room.state[2].clone();
    let levels = json!({ "users": {} });
    room.state.push(event("m.room.power_levels", "", "@bob:there", levels, &[&create, &member]));
    assert!(assembled(&room, room.state.clone()).unwrap_err().to_string().contains("two events"));
}

#[test]
fn the_join_comes_back_as_it_went() {
    let room = elsewhere("public");
    let text = |pdu: &Pdu| RawValue::from_string(pdu.text().to_owned()).unwrap();
    assert!(signed_join(&room.join, None).is_ok());
    assert!(signed_join(&room.join, Some(&text(&room.join))).is_ok());
    assert!(signed_join(&room.join, Some(&text(&room.state[0]))).is_err());
}
