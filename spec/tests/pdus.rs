//! Events: what is one, and that sealing, parsing, verifying and redacting agree.

mod support;

use hearth_spec::{
    ClientForm, EventTemplate, MAX_STICKY_MS, Pdu, PduError, PublicKeys, RoomVersion, Verified, VerifyError,
    redact, reference_hash::reference_hash, required_signers, sign_pdu, verify_many, verify_pdu,
    write_client_event,
};
use proptest::prelude::*;
use ruma::{OwnedEventId, ServerName};
use serde_json::{Value, json};
use support::{ALICE, BOB, CAROL, key, public_keys, seal, server, template};

fn message(version: RoomVersion) -> EventTemplate {
    let mut message =
        template(ALICE, "m.room.message", None, &json!({ "body": "hello", "msgtype": "m.text" }));
    let id = if version.number() <= 2 { "$some:one.example" } else { "$some-hash" };
    message.prev_events = vec![OwnedEventId::try_from(id).expect("an event id")];
    message.auth_events = message.prev_events.clone();
    message.depth = 7;
    message
}

fn changed(pdu: &Pdu, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(pdu.text()).expect("JSON");
    change(&mut value);
    value.to_string()
}

#[test]
fn what_is_sealed_is_parsed_verified_and_stored_in_every_version() {
    for version in RoomVersion::ALL {
        let sealed = seal(version, message(version));
        let parsed = Pdu::parse(version, sealed.text()).expect("an event");
        let stored = Pdu::from_stored(version, sealed.text_arc(), sealed.event_id().to_owned());
        for pdu in [&sealed, &parsed, &stored.expect("an event")] {
            assert_eq!(pdu, &sealed);
            assert_eq!(pdu.type_str(), "m.room.message");
            assert_eq!(pdu.state_key(), None);
            assert_eq!(pdu.content_str(), r#"{"body":"hello","msgtype":"m.text"}"#);
            assert_eq!(pdu.content().get(), pdu.content_str());
            assert_eq!(pdu.sender(), ALICE);
            assert_eq!(pdu.depth(), 7);
            assert_eq!(pdu.prev_events().len(), 1);
            assert_eq!(pdu.prev_events(), pdu.auth_events());
            assert_eq!(u64::from(pdu.origin_server_ts().get()), 1_000);
            assert!(pdu.weight() > pdu.text().len());
        }
        assert_eq!(verify_pdu(version, &parsed, &public_keys()), Ok(Verified::Intact));
    }
}

#[test]
fn an_event_is_sticky_until_it_is_redacted() {
    for version in RoomVersion::ALL {
        let sealed = seal(version, EventTemplate { sticky: Some(60_000), ..message(version) });
        let parsed = Pdu::parse(version, sealed.text()).expect("an event");
        assert_eq!((sealed.sticky(), parsed.sticky()), (Some(60_000), Some(60_000)));
        assert_eq!((parsed.event_id(), &parsed), (sealed.event_id(), &sealed));
        assert_eq!(verify_pdu(version, &parsed, &public_keys()), Ok(Verified::Intact));
        let mut shown = String::new();
        write_client_event(&mut shown, &parsed, ClientForm::default());
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(shown["msc4354_sticky"], json!({ "duration_ms": 60_000 }));
        assert_eq!(redact(&parsed, version).expect("an event").sticky(), None);
    }
    let sticky = |value: Value| {
        let version = RoomVersion::V11;
        let text = changed(&seal(version, message(version)), |event| event["msc4354_sticky"] = value);
        Pdu::parse(version, &text).expect("an event").sticky()
    };
    assert_eq!(sticky(json!({ "duration_ms": 0 })), Some(0));
    assert_eq!(sticky(json!({ "duration_ms": 1_u64 << 40 })), Some(MAX_STICKY_MS), "an hour at most");
    for none in
        [json!({}), json!(5), json!({ "duration_ms": -1 }), json!({ "duration_ms": "1" }), Value::Null]
    {
        assert_eq!(sticky(none), None);
    }
}

#[test]
fn every_limit_is_held_when_parsing_and_when_sealing() {
    let version = RoomVersion::V11;
    let pdu = seal(version, message(version));
    let parse = |change: &dyn Fn(&mut Value)| Pdu::parse(version, &changed(&pdu, change));
    let long = |prefix: &str| format!("{prefix}{}", "x".repeat(256 - prefix.len()));
    for (field, value) in
        [("type", long("m")), ("state_key", long("k")), ("sender", long("@a:")), ("room_id", long("!"))]
    {
        let parsed = parse(&|event| event[field] = value.clone().into());
        assert!(
            matches!(parsed, Err(PduError::TooLong(_) | PduError::InvalidId { .. })),
            "{field} {parsed:?}"
        );
    }
    assert!(parse(&|event| event["type"] = "m".repeat(255).into()).is_ok());
    let ids = |count: usize| (0..count).map(|id| format!("$id{id}")).collect::<Vec<_>>();
    assert!(parse(&|event| event["prev_events"] = ids(20).into()).is_ok());
    let parsed = parse(&|event| event["prev_events"] = ids(21).into());
    assert_eq!(parsed, Err(PduError::TooManyReferences("prev_events")));
    let parsed = parse(&|event| event["auth_events"] = ids(11).into());
    assert_eq!(parsed, Err(PduError::TooManyReferences("auth_events")));
    let parsed = parse(&|event| event["content"]["body"] = "x".repeat(65_536).into());
    assert!(parsed.is_err_and(|error| error.is_too_large()));

    let body = |length: usize| {
        let content = json!({ "body": "x".repeat(length) });
        template(ALICE, "m.room.message", None, &content).seal(version, server(), &key())
    };
    let base = body(0).expect("an event").text().len();
    assert_eq!(body(65_536 - base).expect("the largest event").text().len(), 65_536);
    assert_eq!(body(65_537 - base), Err(PduError::TooLarge(65_537)));
    let named = template(ALICE, &long("m"), None, &json!({}));
    assert_eq!(named.seal(version, server(), &key()), Err(PduError::TooLong("type")));
}

#[test]
fn each_field_must_be_there_and_of_its_type() {
    let version = RoomVersion::V10;
    let pdu = seal(version, message(version));
    let wrong = json!([1]);
    for field in [
        "type",
        "sender",
        "room_id",
        "content",
        "depth",
        "origin_server_ts",
        "prev_events",
        "auth_events",
        "hashes",
        "signatures",
    ] {
        let missing = changed(&pdu, |event| {
            event.as_object_mut().expect("an object").remove(field);
        });
        assert_eq!(Pdu::parse(version, &missing), Err(PduError::Missing(field)));
        assert!(
            Pdu::parse(version, &changed(&pdu, |event| event[field] = wrong.clone())).is_err(),
            "{field}"
        );
    }
    for (field, value) in [
        ("state_key", Value::Null),
        ("depth", json!(-1)),
        ("depth", json!("1")),
        ("origin_server_ts", json!(-1)),
        ("content", json!("text")),
        ("sender", json!("alice")),
        ("room_id", json!("#alias:one.example")),
        ("prev_events", json!([["$pair", {}]])),
    ] {
        assert!(
            Pdu::parse(version, &changed(&pdu, |event| event[field] = value.clone())).is_err(),
            "{field}"
        );
    }
}

#[test]
fn escapes_in_types_and_keys_are_read() {
    let awkward = "quo\"te\\ \n é";
    let sealed = seal(RoomVersion::V9, template(ALICE, awkward, Some(awkward), &json!({ awkward: awkward })));
    let parsed = Pdu::parse(RoomVersion::V9, sealed.text()).expect("an event");
    assert_eq!(parsed.type_str(), awkward);
    assert_eq!(parsed.state_key(), Some(awkward));
    assert_eq!(parsed, sealed);
}

#[test]
fn a_changed_content_is_redacted_and_a_changed_event_refused() {
    for version in RoomVersion::ALL {
        let pdu = seal(version, message(version));
        let forged = changed(&pdu, |event| event["content"]["body"] = "bye".into());
        let forged = Pdu::parse(version, &forged).expect("an event");
        // What redaction removes is no part of the id.
        assert_eq!(forged.event_id(), pdu.event_id());
        let verified = verify_pdu(version, &forged, &public_keys()).expect("good signatures");
        assert_eq!(verified.into_pdu(forged).content_str(), "{}");

        let forged =
            Pdu::parse(version, &changed(&pdu, |event| event["depth"] = 8.into())).expect("an event");
        assert_eq!(
            verify_pdu(version, &forged, &public_keys()),
            Err(VerifyError::BadSignature(server().to_owned()))
        );
        assert_eq!(
            verify_pdu(version, &pdu, &PublicKeys::new()),
            Err(VerifyError::UnknownKey(server().to_owned()))
        );
        let unsigned = changed(&pdu, |event| event["signatures"] = json!({}));
        let unsigned = Pdu::parse(version, &unsigned).expect("an event");
        assert_eq!(
            verify_pdu(version, &unsigned, &public_keys()),
            Err(VerifyError::NotSigned(server().to_owned()))
        );
    }
}

#[test]
fn the_servers_that_must_sign() {
    let two = <&ServerName>::try_from("two.example").expect("a server name");
    let join = json!({ "membership": "join", "join_authorised_via_users_server": CAROL });
    let signers = |version, sender: &str, content: &Value| -> Vec<String> {
        let pdu = seal(version, template(sender, "m.room.member", Some(sender), content));
        required_signers(version, &pdu).into_iter().map(|server| server.to_string()).collect()
    };
    assert_eq!(signers(RoomVersion::V7, BOB, &join), ["one.example"]);
    assert_eq!(signers(RoomVersion::V8, BOB, &join), ["one.example", "two.example"]);
    // In version 1 the server that made the id signs too.
    assert_eq!(signers(RoomVersion::V1, CAROL, &json!({})), ["one.example", "two.example"]);
    assert_eq!(signers(RoomVersion::V3, CAROL, &json!({})), ["two.example"]);
    let invite = json!({ "membership": "invite", "third_party_invite": { "signed": {} } });
    assert_eq!(signers(RoomVersion::V9, BOB, &invite), Vec::<String>::new());

    let pdu = seal(RoomVersion::V9, template(BOB, "m.room.member", Some(BOB), &join));
    let mut keys = public_keys();
    keys.insert_own(two.to_owned(), &key());
    assert_eq!(verify_pdu(RoomVersion::V9, &pdu, &keys), Err(VerifyError::NotSigned(two.to_owned())));
    let both = sign_pdu(&pdu, two, &key()).expect("an event");
    assert_eq!(both.event_id(), pdu.event_id());
    assert_eq!(verify_pdu(RoomVersion::V9, &both, &keys), Ok(Verified::Intact));
}

#[test]
fn many_are_verified_in_their_order() {
    let version = RoomVersion::V12;
    let mut pdus: Vec<Pdu> = (0..20)
        .map(|depth| {
            let mut message = message(version);
            message.depth = depth;
            seal(version, message)
        })
        .collect();
    pdus[13] =
        Pdu::parse(version, &changed(&pdus[13], |event| event["depth"] = 99.into())).expect("an event");
    let results = verify_many(version, &pdus, &public_keys());
    let bad: Vec<usize> =
        results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(at, _)| at).collect();
    assert_eq!(bad, [13]);
}

fn any_content() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "membership",
            "join_rule",
            "allow",
            "creator",
            "users",
            "ban",
            "invite",
            "aliases",
            "redacts",
            "history_visibility",
            "third_party_invite",
            "join_authorised_via_users_server",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let value = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!({ "signed": { "token": "t" }, "display_name": "d" })),
        Just(json!(["a", { "b": null }])),
    ];
    prop::collection::hash_map(key, value, 0..8)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

fn any_type() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "m.room.member",
        "m.room.join_rules",
        "m.room.power_levels",
        "m.room.aliases",
        "m.room.redaction",
        "m.room.history_visibility",
        "m.room.message",
        "org.example",
    ])
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in any::<String>(), version in 1u8..=12) {
        let version = RoomVersion::from_number(version).expect("a version");
        let _ = Pdu::parse(version, &text);
        let id = OwnedEventId::try_from("$id:one.example").expect("an event id");
        let _ = Pdu::from_stored(version, text.into(), id);
    }

    /// An event with a part of its text replaced is another event or none.
    #[test]
    fn no_damaged_event_breaks_the_reader(version in 1u8..=12, at in 0usize..600, with in ".{0,6}", cut in 0usize..9) {
        let version = RoomVersion::from_number(version).expect("a version");
        let mut text = seal(version, message(version)).text().to_owned();
        let start = at.min(text.len());
        let end = (start + cut).min(text.len());
        text.replace_range(start..end, &with);
        if let Ok(pdu) = Pdu::parse(version, &text) {
            let _ = verify_pdu(version, &pdu, &public_keys());
            let _ = redact(&pdu, version);
            let _ = pdu.membership();
        }
    }

    #[test]
    fn redaction_keeps_id_and_signatures_and_happens_once(
        version in 1u8..=12,
        event_type in any_type(),
        content in any_content(),
        state in any::<bool>(),
    ) {
        let version = RoomVersion::from_number(version).expect("a version");
        let pdu = seal(version, template(ALICE, event_type, state.then_some(""), &content));
        prop_assert_eq!(&Pdu::parse(version, pdu.text()).expect("an event"), &pdu);
        prop_assert_eq!(verify_pdu(version, &pdu, &public_keys()), Ok(Verified::Intact));
        let redacted = redact(&pdu, version).expect("an event");
        prop_assert_eq!(redacted.event_id(), pdu.event_id());
        prop_assert_eq!(reference_hash(&redacted), reference_hash(&pdu));
        prop_assert_eq!(&redact(&redacted, version).expect("an event"), &redacted);
        if version.number() >= 3 {
            let parsed = Pdu::parse(version, redacted.text()).expect("an event");
            prop_assert_eq!(parsed.event_id(), pdu.event_id());
        }
        // The redacted event has lost its content hash but none of its signatures.
        let verified = verify_pdu(version, &redacted, &public_keys()).expect("good signatures");
        prop_assert_eq!(verified.into_pdu(redacted.clone()), redacted);
    }
}
