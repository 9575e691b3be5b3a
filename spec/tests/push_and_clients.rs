//! Push rules against the specification's table, and events as clients see them.

mod support;

use hearth_spec::{
    ClientForm, PowerLevels, RoomVersion,
    push::{CompiledRuleset, FlatEvent, PushContext, default_rules, evaluate},
    stripped_state_event, write_client_event,
};
use ruma::{OwnedEventId, push::Ruleset};
use serde_json::{Value, json};
use support::{ALICE, BOB, create, seal, template, user};

/// Client-server API 1.19, "Predefined Rules", in order.
fn table() -> Value {
    let matches = |key: &str, pattern: &str| json!({ "kind": "event_match", "key": key, "pattern": pattern });
    let sound = |sound: &str| json!({ "set_tweak": "sound", "value": sound });
    let highlight = json!({ "set_tweak": "highlight" });
    let two = json!({ "kind": "room_member_count", "is": "2" });
    let rule = |id: &str, conditions: Vec<Value>, actions: Vec<Value>| {
        json!({ "rule_id": id, "default": true, "enabled": id != ".m.rule.master",
                "conditions": conditions, "actions": actions })
    };
    let notify = json!("notify");
    json!({
        "override": [
            rule(".m.rule.master", vec![], vec![]),
            rule(".m.rule.suppress_notices", vec![matches("content.msgtype", "m.notice")], vec![]),
            rule(
                ".m.rule.invite_for_me",
                vec![
                    matches("type", "m.room.member"),
                    matches("content.membership", "invite"),
                    matches("state_key", BOB),
                ],
                vec![notify.clone(), sound("default")],
            ),
            rule(".m.rule.member_event", vec![matches("type", "m.room.member")], vec![]),
            rule(
                ".m.rule.is_user_mention",
                vec![json!({ "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids", "value": BOB })],
                vec![notify.clone(), sound("default"), highlight.clone()],
            ),
            rule(
                ".m.rule.is_room_mention",
                vec![
                    json!({ "kind": "event_property_is", "key": "content.m\\.mentions.room", "value": true }),
                    json!({ "kind": "sender_notification_permission", "key": "room" }),
                ],
                vec![notify.clone(), highlight.clone()],
            ),
            rule(
                ".m.rule.tombstone",
                vec![matches("type", "m.room.tombstone"), matches("state_key", "")],
                vec![notify.clone(), highlight],
            ),
            rule(".m.rule.reaction", vec![matches("type", "m.reaction")], vec![]),
            rule(
                ".m.rule.room.server_acl",
                vec![matches("type", "m.room.server_acl"), matches("state_key", "")],
                vec![],
            ),
            rule(
                ".m.rule.suppress_edits",
                vec![json!({ "kind": "event_property_is", "key": "content.m\\.relates_to.rel_type", "value": "m.replace" })],
                vec![],
            ),
        ],
        "content": [],
        "room": [],
        "sender": [],
        "underride": [
            rule(".m.rule.call", vec![matches("type", "m.call.invite")], vec![notify.clone(), sound("ring")]),
            rule(
                ".m.rule.encrypted_room_one_to_one",
                vec![two.clone(), matches("type", "m.room.encrypted")],
                vec![notify.clone(), sound("default")],
            ),
            rule(
                ".m.rule.room_one_to_one",
                vec![two, matches("type", "m.room.message")],
                vec![notify.clone(), sound("default")],
            ),
            rule(".m.rule.message", vec![matches("type", "m.room.message")], vec![notify.clone()]),
            rule(".m.rule.encrypted", vec![matches("type", "m.room.encrypted")], vec![notify]),
        ],
    })
}

/// Drops what is left out when empty or may be written either way, the rules of proposals (`.org.matrix.msc3930…`), and the
/// one that is not in the specification any more.
fn plain(mut ruleset: Value) -> Value {
    for kind in ["override", "content", "room", "sender", "underride"] {
        let rules = ruleset[kind].take();
        ruleset[kind] = if rules.is_null() { json!([]) } else { rules };
        if let Some(rules) = ruleset[kind].as_array_mut() {
            rules.retain(|rule| {
                rule["rule_id"]
                    .as_str()
                    .is_some_and(|id| id.starts_with(".m.") && id != ".m.rule.contains_user_name")
            });
        }
        for rule in ruleset[kind].as_array_mut().into_iter().flatten() {
            for action in rule["actions"].as_array_mut().into_iter().flatten() {
                if *action == json!({ "set_tweak": "highlight", "value": true }) {
                    *action = json!({ "set_tweak": "highlight" });
                }
            }
        }
    }
    ruleset
}

#[test]
fn the_default_ruleset_is_the_specifications() {
    let ours = serde_json::to_value(default_rules(user(BOB))).expect("JSON");
    let (ours, table) = (plain(ours), plain(table()));
    for kind in ["override", "content", "room", "sender", "underride"] {
        let rules = |ruleset: &Value| ruleset[kind].as_array().cloned().unwrap_or_default();
        for (ours, expected) in rules(&ours).iter().zip(&rules(&table)) {
            assert_eq!(ours, expected);
        }
        assert_eq!(rules(&ours).len(), rules(&table).len(), "{kind}");
    }
}

/// Notify and highlight for Bob, by rules over the default ones.
fn judge(
    rules: Value,
    sender: &str,
    event_type: &str,
    key: Option<&str>,
    content: Value,
    members: u64,
) -> (bool, bool) {
    let mut all = serde_json::to_value(default_rules(user(BOB))).expect("JSON");
    if let Value::Object(rules) = rules {
        for (kind, rules) in rules {
            let mut list = rules.as_array().cloned().unwrap_or_default();
            list.extend(all[&kind].as_array().cloned().unwrap_or_default());
            all[kind] = list.into();
        }
    }
    let ruleset: Ruleset = serde_json::from_value(all).expect("rules");
    let version = RoomVersion::V11;
    let levels = PowerLevels::new(&create(version, ALICE, json!({})), None).expect("power levels");
    let pdu = seal(version, template(sender, event_type, key, &content));
    let context = PushContext {
        room_id: pdu.room_id(),
        member_count: members,
        user_id: user(BOB),
        display_name: Some("Bob (away)"),
        power_levels: Some(&levels),
        subscribed: None,
    };
    let compiled = CompiledRuleset::new(&ruleset);
    let outcome = evaluate(&compiled, &FlatEvent::new(&pdu), &context);
    (outcome.notify, outcome.highlight)
}

fn judge_message(rules: Value, sender: &str, content: Value) -> (bool, bool) {
    judge(rules, sender, "m.room.message", None, content, 5)
}

#[test]
fn threads_are_judged_by_whether_one_is_subscribed() {
    let version = RoomVersion::V11;
    let relates_to = json!({ "rel_type": "m.thread", "event_id": "$root" });
    let judge = |subscribed, body: &str| {
        let content = json!({ "msgtype": "m.text", "body": body, "m.relates_to": relates_to });
        let pdu = seal(version, template(ALICE, "m.room.message", None, &content));
        let context = PushContext {
            room_id: pdu.room_id(),
            member_count: 5,
            user_id: user(BOB),
            display_name: None,
            power_levels: None,
            subscribed,
        };
        let compiled = CompiledRuleset::new(&default_rules(user(BOB)));
        let outcome = evaluate(&compiled, &FlatEvent::new(&pdu), &context);
        (outcome.notify, outcome.highlight, outcome.actions.len())
    };
    assert_eq!(judge(Some(true), "hello"), (true, false, 2), "with a sound");
    assert_eq!(judge(Some(false), "hello"), (false, false, 0));
    assert_eq!(judge(None, "hello"), (true, false, 1));
    // Whom it names hears of it.
    assert_eq!(judge(Some(false), &format!("hello {BOB}")), (true, true, 3));
}

#[test]
fn a_message_that_does_not_say_whom_it_mentions_may_name_its_user() {
    let hello = |body: &str| json!({ "msgtype": "m.text", "body": body });
    assert_eq!(judge_message(json!({}), ALICE, hello(&format!("Hello {BOB}!"))), (true, true));
    assert_eq!(judge_message(json!({}), ALICE, hello("Hello, Bob")), (true, true));
    assert_eq!(judge_message(json!({}), ALICE, hello("Hello, bobby")), (true, false));
    let mut told = hello("Hello, Bob");
    told["m.mentions"] = json!({});
    assert_eq!(judge_message(json!({}), ALICE, told), (true, false));
}

#[test]
fn who_wants_it_is_woken_for_every_encrypted_event() {
    let mut rules = default_rules(user(BOB));
    let id = ".org.matrix.msc4028.encrypted_event";
    assert_eq!(rules.override_.get_index(1).map(|rule| (&*rule.rule_id, rule.enabled)), Some((id, false)));
    rules.set_enabled(ruma::push::RuleKind::Override, id, true).unwrap();
    let compiled = CompiledRuleset::new(&rules);
    let pdu = seal(RoomVersion::V11, template(ALICE, "m.room.encrypted", None, &json!({})));
    let context = PushContext {
        room_id: pdu.room_id(),
        member_count: 5,
        user_id: user(BOB),
        display_name: None,
        power_levels: None,
        subscribed: None,
    };
    let outcome = evaluate(&compiled, &FlatEvent::new(&pdu), &context);
    assert_eq!((outcome.rule, outcome.notify), (Some(0), true), "`.m.rule.master` is off");
}

#[test]
fn the_default_rules_judge_events() {
    let text = |body: &str| json!({ "msgtype": "m.text", "body": body });
    let none = json!({});
    assert_eq!(judge_message(none.clone(), ALICE, text("hello")), (true, false));
    assert_eq!(judge_message(none.clone(), BOB, text("hello")), (false, false));
    let notice = json!({ "msgtype": "m.notice", "body": "hello" });
    assert_eq!(judge_message(none.clone(), ALICE, notice), (false, false));
    let mention = json!({ "body": "hi", "m.mentions": { "user_ids": [BOB] } });
    assert_eq!(judge_message(none.clone(), ALICE, mention), (true, true));
    let room = json!({ "body": "all", "m.mentions": { "room": true } });
    assert_eq!(judge_message(none.clone(), ALICE, room.clone()), (true, true));
    // Only who may notify the room highlights.
    assert_eq!(judge_message(none.clone(), "@carol:one.example", room), (true, false));
    let edit = json!({ "body": "* hi", "m.relates_to": { "rel_type": "m.replace", "event_id": "$e" } });
    assert_eq!(judge_message(none.clone(), ALICE, edit), (false, false));
    let judged = |event_type: &str, key: Option<&str>, content: Value, members: u64| {
        judge(json!({}), ALICE, event_type, key, content, members)
    };
    assert_eq!(judged("m.room.member", Some(BOB), json!({ "membership": "invite" }), 2), (true, false));
    assert_eq!(judged("m.room.member", Some(ALICE), json!({ "membership": "join" }), 2), (false, false));
    assert_eq!(judged("m.room.tombstone", Some(""), json!({}), 5), (true, true));
    assert_eq!(judged("m.room.tombstone", None, json!({}), 5), (false, false));
    assert_eq!(judged("m.reaction", None, json!({}), 2), (false, false));
    assert_eq!(judged("m.room.encrypted", None, json!({}), 2), (true, false));
    assert_eq!(judged("m.call.invite", None, json!({}), 5), (true, false));
    assert_eq!(judged("org.example", None, json!({}), 5), (false, false));
}

#[test]
fn a_users_own_rules_come_first() {
    let rule = |kind: &str, id: &str, rest: Value| {
        let mut rule = json!({ "rule_id": id, "default": false, "enabled": true, "actions": [] });
        if let (Value::Object(rule), Value::Object(rest)) = (&mut rule, rest) {
            rule.extend(rest);
        }
        json!({ kind: [rule] })
    };
    let body = |body: &str| json!({ "body": body });
    let loud = json!(["notify", { "set_tweak": "highlight" }]);
    let keyword = rule("content", "word", json!({ "pattern": "Wor?d*", "actions": loud }));
    assert_eq!(judge_message(keyword.clone(), ALICE, body("my WORLDLY goods")), (true, true));
    assert_eq!(judge_message(keyword, ALICE, body("swords")), (true, false));
    let room = rule("room", "!room:one.example", json!({}));
    assert_eq!(judge_message(room, ALICE, body("hi")), (false, false));
    assert_eq!(judge_message(rule("sender", ALICE, json!({})), ALICE, body("hi")), (false, false));
    let unknown = json!({ "conditions": [{ "kind": "org.example.moon_phase", "is": "full" }] });
    assert_eq!(judge_message(rule("override", "moon", unknown), ALICE, body("hi")), (true, false));
    let disabled = json!({ "enabled": false, "conditions": [] });
    assert_eq!(judge_message(rule("override", "off", disabled), ALICE, body("hi")), (true, false));
    let name = json!({ "conditions": [{ "kind": "contains_display_name" }], "actions": loud });
    let name = |id: &str| rule("override", id, name.clone());
    assert_eq!(judge_message(name("mine"), ALICE, body("ask bob (away), he knows")), (true, true));
    let less = json!({ "body": "ask bob", "m.mentions": {} });
    assert_eq!(judge_message(name("mine"), ALICE, less), (true, false));
    // The old rules give way to mentions.
    let mentions = json!({ "body": "bob (away)", "m.mentions": {} });
    assert_eq!(judge_message(name(".m.rule.contains_display_name"), ALICE, mentions), (true, false));
}

#[test]
fn events_as_clients_see_them() {
    let id = OwnedEventId::try_from("$target").expect("an event id");
    for version in RoomVersion::ALL {
        let mut redaction =
            template(ALICE, "m.room.redaction", None, &json!({ "reason": "spam", "redacts": "no" }));
        redaction.redacts = Some(id.clone());
        let pdu = seal(version, redaction);
        let mut out = String::new();
        write_client_event(&mut out, &pdu, ClientForm { with_room_id: true, unsigned: Some(r#"{"age":5}"#) });
        let expected = json!({
            "type": "m.room.redaction",
            "sender": ALICE,
            "room_id": "!room:one.example",
            "event_id": pdu.event_id(),
            "origin_server_ts": 1000,
            "content": { "reason": "spam", "redacts": "$target" },
            "redacts": "$target",
            "unsigned": { "age": 5 },
        });
        assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), expected, "{version}");
    }

    let topic =
        seal(RoomVersion::V12, template(ALICE, "m.room.topic", Some(""), &json!({ "topic": "a \"b\"" })));
    let mut out = String::new();
    write_client_event(&mut out, &topic, ClientForm::default());
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["state_key"], "");
    assert_eq!(value["content"]["topic"], "a \"b\"");
    assert!(value.get("room_id").is_none() && value.get("unsigned").is_none());
    let stripped: Value = serde_json::from_str(stripped_state_event(&topic).get()).expect("JSON");
    assert_eq!(
        stripped,
        json!({ "type": "m.room.topic", "state_key": "", "sender": ALICE, "content": { "topic": "a \"b\"" } })
    );
}
