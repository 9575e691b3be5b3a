//! Whatever is sent, the properties hold.

mod properties;
#[path = "../support/mod.rs"]
mod support;

use hearth_spec::RoomVersion;
use proptest::prelude::*;
use serde_json::json;

/// Something like JSON.
fn like_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[\\[\\]{}:,\" 0-9a-c.eE+\\-]{0,8}",
        1 => Just("\"a\":".to_owned()),
        1 => Just("true".to_owned()),
        1 => "\"\\\\u[0-9a-fA-F]{4}\"",
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// An event with a part of its text replaced.
fn damaged_event() -> impl Strategy<Value = String> {
    (1u8..=12, 0usize..700, 0usize..9, prop_oneof![like_json(), any::<String>()]).prop_map(
        |(version, at, cut, with)| {
            let version = RoomVersion::from_number(version).expect("a version");
            let content = json!({ "membership": "join", "a": [1, "two", null, { "b": true }] });
            let member = support::template(support::ALICE, "m.room.member", Some(support::ALICE), &content);
            let mut text = support::seal(version, member).text().to_owned();
            let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (start + cut).min(text.len());
            text.replace_range(start..end, &with);
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn canonical_json(text in prop_oneof![like_json(), any::<String>(), damaged_event()]) {
        properties::canonical_json(&text);
    }

    #[test]
    fn pdu(text in prop_oneof![like_json(), damaged_event()]) {
        properties::pdu(&text);
    }
}
