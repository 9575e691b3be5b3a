//! What each room version changed, one test for each difference.

mod support;

use std::sync::Arc;

use hearth_spec::{
    AuthError, EventTemplate, Pdu, PduError, PowerLevel, PowerLevels, RoomVersion, StateResolution,
    check_auth_events, check_state, may_redact, redact,
};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomVersionId, events::StateEventType};
use serde_json::{Value, json};
use support::{ALICE, BOB, CAROL, DAVE, Room, create, key, seal, server, template};

/// A state of some events, by type and key.
fn state(events: Vec<Pdu>) -> impl Fn(&StateEventType, &str) -> Option<Arc<Pdu>> {
    let events: Vec<Arc<Pdu>> = events.into_iter().map(Arc::new).collect();
    move |event_type, key| events.iter().find(|event| event.is_state_of(event_type, key)).cloned()
}

fn event(version: RoomVersion, sender: &str, kind: &str, key: Option<&str>, content: Value) -> Pdu {
    let mut template = template(sender, kind, key, &content);
    let id = if version.number() <= 2 { "$before:one.example" } else { "$before" };
    template.prev_events = vec![OwnedEventId::try_from(id).expect("an event id")];
    seal(version, template)
}

fn member(version: RoomVersion, user: &str, membership: &str) -> Pdu {
    event(version, user, "m.room.member", Some(user), json!({ "membership": membership }))
}

/// Whether an event is allowed in a room of Alice's with some state.
fn allowed(version: RoomVersion, pdu: &Pdu, mut extra: Vec<Pdu>) -> bool {
    extra.push(create(version, ALICE, json!({})));
    extra.push(member(version, ALICE, "join"));
    check_state(version, pdu, state(extra)).is_ok()
}

/// The versions in which something holds, as the numbers of the first and the last.
fn holds(test: impl Fn(RoomVersion) -> bool) -> (u8, u8) {
    let numbers: Vec<u8> =
        RoomVersion::ALL.into_iter().filter(|version| test(*version)).map(RoomVersion::number).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    assert_eq!(numbers.len(), usize::from(last - first) + 1, "not in a row: {numbers:?}");
    (first, last)
}

#[test]
fn the_versions_are_known_by_their_ids() {
    for version in RoomVersion::ALL {
        assert_eq!(RoomVersion::of(&version.id()), Some(version));
        assert_eq!(RoomVersion::from_number(version.number()), Some(version));
        assert_eq!(version.id().as_str(), version.to_string());
    }
    assert_eq!(RoomVersion::of(&RoomVersionId::try_from("org.example").expect("an id")), None);
    assert_eq!(RoomVersion::from_number(0), None);
    assert_eq!(RoomVersion::from_number(13), None);
}

#[test]
fn state_resolution_by_version() {
    assert_eq!(holds(|version| version.state_resolution() == StateResolution::V1), (1, 1));
    assert_eq!(holds(|version| version.state_resolution() == StateResolution::V2), (2, 11));
    assert_eq!(holds(|version| version.state_resolution() == StateResolution::V2_1), (12, 12));
}

#[test]
fn event_ids_and_references_by_version() {
    for version in RoomVersion::ALL {
        // Enough events that some hash has a character that the two alphabets write differently.
        let pdus: Vec<Pdu> =
            (0..40).map(|at| event(version, ALICE, "m.room.message", None, json!({ "at": at }))).collect();
        let any = |characters: &[char]| pdus.iter().any(|pdu| pdu.event_id().as_str().contains(characters));
        assert_eq!(any(&[':']), version.number() <= 2);
        assert_eq!(any(&['/', '+']), version.number() == 3, "{version}");
        assert_eq!(any(&['-', '_']), version.number() >= 4, "{version}");
        let value: Value = serde_json::from_str(pdus[0].text()).expect("JSON");
        assert_eq!(value.get("event_id").is_some(), version.number() <= 2);
        assert_eq!(value["prev_events"][0].is_array(), version.number() <= 2);
    }
}

#[test]
fn an_event_of_version_1_has_its_id_with_it() {
    let pdu = event(RoomVersion::V1, ALICE, "m.room.message", None, json!({}));
    let mut value: Value = serde_json::from_str(pdu.text()).expect("JSON");
    value["event_id"] = "$other:two.example".into();
    let other = Pdu::parse(RoomVersion::V1, &value.to_string()).expect("an event");
    assert_eq!(other.event_id(), "$other:two.example");
    value.as_object_mut().expect("an object").remove("event_id");
    assert_eq!(Pdu::parse(RoomVersion::V1, &value.to_string()), Err(PduError::Missing("event_id")));
    let nameless = template(ALICE, "m.room.message", None, &json!({}));
    let sealed = nameless.seal(RoomVersion::V2, server(), &key());
    assert_eq!(sealed, Err(PduError::Missing("event_id")));
}

#[test]
fn canonical_json_is_strict_since_version_6() {
    let parses = |change: &dyn Fn(&mut Value)| {
        holds(|version| {
            let pdu = event(version, ALICE, "m.room.message", None, json!({ "n": 1 }));
            let mut value: Value = serde_json::from_str(pdu.text()).expect("JSON");
            change(&mut value);
            Pdu::parse(version, &value.to_string()).is_ok()
        })
    };
    assert_eq!(parses(&|event| event["content"]["n"] = json!(1.5)), (1, 5));
    assert_eq!(parses(&|event| event["content"]["n"] = json!(1u64 << 60)), (1, 5));
    assert_eq!(parses(&|event| event["depth"] = json!((1u64 << 53) - 1)), (1, 12));
    assert_eq!(parses(&|event| event["depth"] = json!(1u64 << 53)), (1, 5));
    assert_eq!(
        holds(|version| {
            let mut float = template(ALICE, "m.room.message", None, &json!({ "n": 1.5 }));
            float.event_id_localpart = Some("id".to_owned());
            float.seal(version, server(), &key()).is_ok()
        }),
        (1, 5)
    );
}

#[test]
fn aliases_have_a_rule_of_their_own_before_version_6() {
    let by = |sender: &'static str, key: &'static str| {
        move |version| {
            allowed(version, &event(version, sender, "m.room.aliases", Some(key), json!({})), vec![])
        }
    };
    // Carol is not even in the room.
    assert_eq!(holds(by(CAROL, "two.example")), (1, 5));
    assert_eq!(holds(by(ALICE, "two.example")), (6, 12));
}

#[test]
fn a_room_without_join_rules_is_by_invitation() {
    let joins = |membership: &'static str| {
        move |version| allowed(version, &member(version, BOB, "join"), vec![member(version, BOB, membership)])
    };
    assert_eq!(holds(joins("invite")), (1, 12));
    assert_eq!(holds(joins("join")), (1, 12));
    assert_eq!(holds(|version| !joins("leave")(version)), (1, 12));
}

#[test]
fn redactions_have_a_rule_of_their_own_before_version_3() {
    let redaction = |version: RoomVersion, redacts: &str| {
        let mut template = template(BOB, "m.room.redaction", None, &json!({}));
        template.redacts = Some(OwnedEventId::try_from(redacts).expect("an event id"));
        seal(version, template)
    };
    let others =
        |version| allowed(version, &redaction(version, "$a:two.example"), vec![member(version, BOB, "join")]);
    assert_eq!(holds(others), (3, 12));
    let own =
        |version| allowed(version, &redaction(version, "$a:one.example"), vec![member(version, BOB, "join")]);
    assert_eq!(holds(own), (1, 12));
}

#[test]
fn a_redaction_is_performed_by_power_or_for_ones_own_server() {
    let message = |sender: &str| event(RoomVersion::V9, sender, "m.room.message", None, json!({}));
    let may = |redaction: &Pdu, original: &Pdu, level: i64| {
        may_redact(RoomVersion::V9, redaction, original, level.into(), PowerLevel::Int(50))
    };
    assert!(may(&message(ALICE), &message(CAROL), 50));
    assert!(!may(&message(ALICE), &message(CAROL), 49));
    assert!(may(&message(ALICE), &message(BOB), 0));
    assert!(!may(&message(ALICE), &create(RoomVersion::V9, ALICE, json!({})), 100));
}

#[test]
fn where_a_redaction_names_its_event() {
    let id = OwnedEventId::try_from("$target").expect("an event id");
    for version in RoomVersion::ALL {
        let mut redaction = template(ALICE, "m.room.redaction", None, &json!({ "reason": "spam" }));
        redaction.redacts = Some(id.clone());
        let pdu = seal(version, redaction);
        let parsed = Pdu::parse(version, pdu.text()).expect("an event");
        assert_eq!(parsed.redacts(), Some(&*id));
        let value: Value = serde_json::from_str(pdu.text()).expect("JSON");
        assert_eq!(value.get("redacts").is_some(), version < RoomVersion::V11);
        assert_eq!(value["content"].get("redacts").is_some(), version >= RoomVersion::V11);
        // What redaction keeps of it.
        let kept = redact(&pdu, version).expect("an event").redacts().is_some();
        assert_eq!(kept, version >= RoomVersion::V11);
    }
}

#[test]
fn what_redaction_keeps_by_version() {
    let keeps = |event_type: &'static str, key: &'static str, value: Value| {
        holds(move |version| {
            let content = json!({ key: value });
            let pdu = event(version, ALICE, event_type, Some(""), content.clone());
            let redacted = redact(&pdu, version).expect("an event");
            assert!(["{}", &content.to_string()].contains(&redacted.content_str()));
            redacted.content_str() != "{}"
        })
    };
    assert_eq!(keeps("m.room.aliases", "aliases", json!(["#a:b"])), (1, 5));
    assert_eq!(keeps("m.room.join_rules", "join_rule", json!("public")), (1, 12));
    assert_eq!(keeps("m.room.join_rules", "allow", json!([])), (8, 12));
    assert_eq!(keeps("m.room.member", "membership", json!("join")), (1, 12));
    assert_eq!(keeps("m.room.member", "join_authorised_via_users_server", json!("@a:b")), (9, 12));
    let signed = json!({ "signed": { "token": "t" } });
    assert_eq!(keeps("m.room.member", "third_party_invite", signed), (11, 12));
    assert_eq!(keeps("m.room.power_levels", "ban", json!(50)), (1, 12));
    assert_eq!(keeps("m.room.power_levels", "invite", json!(50)), (11, 12));
    assert_eq!(keeps("m.room.history_visibility", "history_visibility", json!("joined")), (1, 12));
    let top = |key: &'static str| {
        holds(move |version| {
            let pdu = event(version, ALICE, "m.room.message", None, json!({}));
            let mut value: Value = serde_json::from_str(pdu.text()).expect("JSON");
            value[key] = json!("kept");
            let pdu = Pdu::parse(version, &value.to_string()).expect("an event");
            redact(&pdu, version).expect("an event").text().contains(&format!("\"{key}\":\"kept\""))
        })
    };
    assert_eq!(top("origin"), (1, 10));
    assert_eq!(top("membership"), (1, 10));
    assert_eq!(top("prev_state"), (1, 10));
    let create = |version| {
        let pdu = create(version, ALICE, json!({ "m.federate": false }));
        redact(&pdu, version).expect("an event").content_str().contains("m.federate")
    };
    assert_eq!(holds(create), (11, 12));
}

fn joins(version: RoomVersion, rule: &str, membership: Option<&str>, authorised_by: Option<&str>) -> bool {
    let mut content = json!({ "membership": "join" });
    if let Some(user) = authorised_by {
        content["join_authorised_via_users_server"] = user.into();
    }
    let join = event(version, CAROL, "m.room.member", Some(CAROL), content);
    let mut state = vec![event(version, ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": rule }))];
    state.extend(membership.map(|membership| member(version, CAROL, membership)));
    allowed(version, &join, state)
}

#[test]
fn join_rules_by_version() {
    for version in RoomVersion::ALL {
        assert!(joins(version, "public", None, None));
        assert!(!joins(version, "public", Some("ban"), None));
        assert!(!joins(version, "invite", None, None));
        assert!(joins(version, "invite", Some("invite"), None));
        assert!(!joins(version, "private", Some("invite"), None));
    }
    assert_eq!(holds(|version| joins(version, "knock", Some("invite"), None)), (7, 12));
    assert_eq!(holds(|version| joins(version, "restricted", Some("invite"), None)), (8, 12));
    assert_eq!(holds(|version| joins(version, "restricted", None, Some(ALICE))), (8, 12));
    assert_eq!(holds(|version| joins(version, "knock_restricted", None, Some(ALICE))), (10, 12));
    assert!(!joins(RoomVersion::V12, "restricted", None, Some(DAVE)));
    assert!(!joins(RoomVersion::V12, "restricted", None, None));
}

#[test]
fn knocking_by_version() {
    let knocks = |rule: &'static str, membership: Option<&'static str>| {
        move |version| {
            let rule = event(version, ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": rule }));
            let mut state = vec![rule];
            state.extend(membership.map(|membership| member(version, CAROL, membership)));
            allowed(version, &member(version, CAROL, "knock"), state)
        }
    };
    assert_eq!(holds(knocks("knock", None)), (7, 12));
    assert_eq!(holds(knocks("knock", Some("knock"))), (7, 12));
    assert_eq!(holds(knocks("knock_restricted", None)), (10, 12));
    for version in RoomVersion::ALL {
        assert!(!knocks("invite", None)(version));
        assert!(!knocks("knock", Some("ban"))(version));
    }
    let takes_back =
        |version| allowed(version, &member(version, CAROL, "leave"), vec![member(version, CAROL, "knock")]);
    assert_eq!(holds(takes_back), (7, 12));
}

fn levels(version: RoomVersion, content: Value) -> Result<PowerLevels, AuthError> {
    let event = event(version, ALICE, "m.room.power_levels", Some(""), content);
    PowerLevels::new(&create(version, ALICE, json!({})), Some(&event))
}

#[test]
fn what_a_power_level_may_look_like() {
    let reads = |value: Value| {
        holds(move |version| {
            if version >= RoomVersion::V6 && value.is_f64() {
                return false;
            }
            let read = levels(version, json!({ "users": { BOB: value } }));
            read.is_ok_and(|levels| levels.for_user(support::user(BOB)) == 50)
        })
    };
    assert_eq!(reads(json!(50)), (1, 12));
    assert_eq!(reads(json!("50")), (1, 9));
    assert_eq!(reads(json!(" +0050 ")), (1, 9));
    assert_eq!(reads(json!(50.57)), (1, 5));
    for wrong in [json!(null), json!("50.5"), json!(""), json!([50]), json!(true)] {
        for version in RoomVersion::ALL {
            assert!(levels(version, json!({ "users": { BOB: wrong } })).is_err(), "{wrong}");
        }
    }
    assert!(levels(RoomVersion::V1, json!({ "users": { "bob": 50 } })).is_err());
    assert!(levels(RoomVersion::V1, json!({ "users": [] })).is_err());
}

#[test]
fn notification_levels_are_guarded_since_version_6() {
    let changes = |version| {
        let old = json!({ "users": { BOB: 50 }, "notifications": { "room": 60 }, "state_default": 0 });
        let new = json!({ "users": { BOB: 50 }, "notifications": { "room": 50 }, "state_default": 0 });
        let current = event(version, ALICE, "m.room.power_levels", Some(""), old);
        let change = event(version, BOB, "m.room.power_levels", Some(""), new);
        allowed(version, &change, vec![current, member(version, BOB, "join")])
    };
    assert_eq!(holds(changes), (1, 5));
}

#[test]
fn defaults_of_power_levels() {
    let none = |version| PowerLevels::new(&create(version, ALICE, json!({})), None).expect("power levels");
    let levels = none(RoomVersion::V11);
    assert_eq!(levels.for_user(support::user(ALICE)), 100);
    assert_eq!(levels.for_user(support::user(BOB)), 0);
    assert_eq!(levels.required_for_event("m.room.topic", true), 50);
    assert_eq!(levels.required_for_event("m.room.message", false), 0);
    assert_eq!((levels.ban(), levels.kick(), levels.redact()), (50.into(), 50.into(), 50.into()));
    assert_eq!((levels.invite(), levels.notifications("room")), (0.into(), 50.into()));
    assert_eq!(none(RoomVersion::V12).for_user(support::user(ALICE)), PowerLevel::Infinite);
}

#[test]
fn the_creator_is_named_in_the_content_before_version_11() {
    let without = |version: RoomVersion| {
        let mut template =
            template(ALICE, "m.room.create", Some(""), &json!({ "room_version": version.id() }));
        if version.room_id_is_create_event_id() {
            template.room_id = None;
        }
        check_auth_events(version, &seal(version, template), |_| None).is_ok()
    };
    assert_eq!(holds(without), (11, 12));
    let other = create(RoomVersion::V10, ALICE, json!({ "creator": BOB }));
    let levels = PowerLevels::new(&other, None).expect("power levels");
    assert_eq!(levels.for_user(support::user(BOB)), 100);
}

#[test]
fn the_rules_for_create_events() {
    for version in RoomVersion::ALL {
        let check = |pdu: &Pdu| check_auth_events(version, pdu, |_| None);
        assert_eq!(check(&create(version, ALICE, json!({}))), Ok(()));
        assert!(check(&create(version, ALICE, json!({ "room_version": "99" }))).is_err());
        // The room is named after Alice's server.
        assert_eq!(check(&create(version, CAROL, json!({}))).is_ok(), version == RoomVersion::V12);
        let bad = create(version, ALICE, json!({ "additional_creators": ["bob"] }));
        assert_eq!(check(&bad).is_ok(), version < RoomVersion::V12);
    }
    let bare = template(ALICE, "m.room.create", Some(""), &json!({ "creator": ALICE }));
    assert!(check_auth_events(RoomVersion::V1, &seal(RoomVersion::V1, bare.clone()), |_| None).is_ok());
    assert!(check_auth_events(RoomVersion::V6, &seal(RoomVersion::V6, bare), |_| None).is_err());
}

#[test]
fn a_room_of_version_12_is_named_by_its_create_event() {
    let version = RoomVersion::V12;
    let create = create(version, ALICE, json!({}));
    assert_eq!(create.room_id().as_str()[1..], create.event_id().as_str()[1..]);
    let parsed = Pdu::parse(version, create.text()).expect("an event");
    assert_eq!(parsed.room_id(), create.room_id());
    let mut value: Value = serde_json::from_str(create.text()).expect("JSON");
    value["room_id"] = create.room_id().as_str().into();
    assert_eq!(Pdu::parse(version, &value.to_string()), Err(PduError::NotAllowed("room_id")));

    let join = |room_id: &OwnedRoomId, auth: Vec<OwnedEventId>| {
        let content = json!({ "membership": "join" });
        let template = template(ALICE, "m.room.member", Some(ALICE), &content);
        let prev_events = vec![create.event_id().to_owned()];
        seal(
            version,
            EventTemplate { room_id: Some(room_id.clone()), prev_events, auth_events: auth, ..template },
        )
    };
    let create = Arc::new(create.clone());
    let known = |rejected| {
        let create = Arc::clone(&create);
        move |id: &EventId| (id == create.event_id()).then(|| (Arc::clone(&create), rejected))
    };
    let room_id = create.room_id().to_owned();
    assert_eq!(check_auth_events(version, &join(&room_id, vec![]), known(false)), Ok(()));
    assert!(check_auth_events(version, &join(&room_id, vec![]), known(true)).is_err());
    let elsewhere = OwnedRoomId::try_from("!elsewhere").expect("a room id");
    assert!(check_auth_events(version, &join(&elsewhere, vec![]), known(false)).is_err());
    // The create event is not to be among the auth events.
    let auth = vec![create.event_id().to_owned()];
    assert!(check_auth_events(version, &join(&room_id, auth), known(false)).is_err());
}

#[test]
fn creators_of_version_12_are_above_all_levels() {
    let version = RoomVersion::V12;
    let create = create(version, ALICE, json!({ "additional_creators": [BOB] }));
    let set =
        |users: Value| event(version, ALICE, "m.room.power_levels", Some(""), json!({ "users": users }));
    let levels =
        PowerLevels::new(&create, Some(&set(json!({ CAROL: i64::from(1u32 << 31) })))).expect("levels");
    assert_eq!(levels.for_user(support::user(ALICE)), PowerLevel::Infinite);
    assert_eq!(levels.for_user(support::user(BOB)), PowerLevel::Infinite);
    assert!(levels.outranks(support::user(BOB), support::user(CAROL)));
    assert!(!levels.outranks(support::user(ALICE), support::user(BOB)));
    let check = |pdu: &Pdu| {
        let events = vec![create.clone(), member(version, ALICE, "join")];
        check_state(version, pdu, state(events))
    };
    assert_eq!(check(&set(json!({ CAROL: 50 }))), Ok(()));
    assert!(check(&set(json!({ ALICE: 100 }))).is_err());
    assert!(check(&set(json!({ BOB: 100 }))).is_err());
}

#[test]
fn auth_events_are_those_the_event_calls_for() {
    for version in [RoomVersion::V1, RoomVersion::V6, RoomVersion::V11] {
        let mut room = Room::new(version);
        let alice = room.member(0, ALICE, ALICE, "join", 1);
        let levels =
            room.send(alice, ALICE, "m.room.power_levels", "", json!({ "users": { ALICE: 100 } }), 2);
        let topic = room.send(levels, ALICE, "m.room.topic", "", json!({ "topic": "t" }), 3);
        let before = room.states[topic as usize].clone();
        let content = json!({ "body": "hi" });
        let good =
            room.build(&[topic], &before, ALICE, ("m.room.message", None), &content, 4).expect("an event");
        assert_eq!(room.check(&good, &before), Ok(()));
        let with = |auth: &[u32]| {
            let mut template = template(ALICE, "m.room.message", None, &content);
            template.room_id = Some(good.room_id().to_owned());
            template.auth_events =
                auth.iter().map(|event| room.events[*event as usize].event_id().to_owned()).collect();
            check_auth_events(version, &seal(version, template), |id| room.fetch(id))
        };
        assert_eq!(with(&[0, alice, levels]), Ok(()));
        assert!(matches!(with(&[0, alice, topic]), Err(AuthError::WrongAuthEvent { .. })));
        assert!(matches!(with(&[0, alice, alice]), Err(AuthError::WrongAuthEvent { .. })));
        assert!(matches!(with(&[alice]), Err(AuthError::Malformed(_))));
        let rejected = |id: &EventId| room.fetch(id).map(|(pdu, _)| (pdu, true));
        assert!(check_auth_events(version, &good, rejected).is_err());
        let unknown = check_auth_events(version, &good, |_| None);
        assert!(matches!(unknown, Err(AuthError::UnknownAuthEvent(_))));
    }
}

#[test]
fn a_room_may_be_closed_to_other_servers() {
    for version in RoomVersion::ALL {
        let closed = create(version, ALICE, json!({ "m.federate": false }));
        let public = event(version, ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" }));
        let check = |user| {
            let state = state(vec![closed.clone(), public.clone()]);
            check_state(version, &member(version, user, "join"), state)
        };
        assert_eq!(check(BOB), Ok(()));
        assert!(check(CAROL).is_err());
    }
}

#[test]
fn a_third_party_invite_is_proved_by_its_signature() {
    let version = RoomVersion::V10;
    let identity_server = key();
    let mut signed = serde_json::Map::new();
    signed.insert("mxid".to_owned(), CAROL.into());
    signed.insert("token".to_owned(), "token".into());
    identity_server.sign_json(&mut signed, server()).expect("it can be signed");
    let pending = |key: &str| {
        let content = json!({ "public_keys": [{ "public_key": key }] });
        event(version, ALICE, "m.room.third_party_invite", Some("token"), content)
    };
    let invite = |sender: &str, target: &str, signed: &Value| {
        let content = json!({ "membership": "invite", "third_party_invite": { "signed": signed } });
        event(version, sender, "m.room.member", Some(target), content)
    };
    let signed = Value::Object(signed);
    let check = |invite: &Pdu, key: &str| allowed(version, invite, vec![pending(key)]);
    let public = identity_server.public_key_base64();
    assert!(check(&invite(ALICE, CAROL, &signed), &public));
    assert!(!check(&invite(ALICE, BOB, &signed), &public));
    assert!(!check(&invite(BOB, CAROL, &signed), &public));
    let other = hearth_spec::SigningKey::generate([9; 32], "1").expect("a key");
    assert!(!check(&invite(ALICE, CAROL, &signed), &other.public_key_base64()));
    assert!(!allowed(version, &invite(ALICE, CAROL, &signed), vec![]));
}
