//! Whatever is sent, the properties hold.

mod properties;

use proptest::prelude::*;

fn like_a_token() -> impl Strategy<Value = String> {
    ("(h1_|t2_|t1_|t2_-|)", prop::collection::vec("[0-9a-z]{0,14}", 0..5))
        .prop_map(|(kind, parts)| format!("{kind}{}", parts.join("_")))
}

fn like_a_filter() -> impl Strategy<Value = String> {
    let list = "\\[(\"[m.*?a]{0,12}\"(,\"[m.*?!:a]{0,12}\"){0,3})?\\]";
    let field = (prop::sample::select(vec!["types", "not_types", "rooms", "not_rooms", "senders"]), list);
    let fields = prop::collection::vec(field, 0..4).prop_map(|fields| {
        let fields = fields.into_iter().map(|(name, list)| format!("\"{name}\":{list}"));
        fields.collect::<Vec<_>>().join(",")
    });
    (fields, any::<Option<u32>>()).prop_map(|(fields, limit)| {
        let limit = limit.map(|limit| format!("\"limit\":{limit}"));
        let all = [Some(fields).filter(|fields| !fields.is_empty()), limit];
        format!(
            "{{\"room\":{{\"timeline\":{{{}}}}}}}",
            all.into_iter().flatten().collect::<Vec<_>>().join(",")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn sync_token(text in prop_oneof![like_a_token(), any::<String>()]) {
        properties::sync_token(&text);
    }

    #[test]
    fn filter(text in prop_oneof![like_a_filter(), any::<String>()]) {
        properties::filter(&text);
    }
}
