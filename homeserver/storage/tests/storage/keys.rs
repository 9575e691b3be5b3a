//! Keys sort as the tuples do, and are read back as they were written.

use hearth_storage::{AsKey, AsPrefix, Key, RoomNid, TimelineOrder};
use proptest::prelude::*;

type Parts = (String, u64, TimelineOrder, String);

/// Strings in which the bytes that mark the end of a string are frequent.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('\u{ff}'), any::<char>()],
        0..6,
    )
    .prop_map(|characters| characters.into_iter().collect())
}

/// Numbers close to each other and to the ends.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4_u64, (u64::MAX - 3)..=u64::MAX, any::<u64>()]
}

fn parts() -> impl Strategy<Value = Parts> {
    let order = prop_oneof![-2..3_i64, Just(i64::MIN), Just(i64::MAX), any::<i64>()];
    (text(), number(), order.prop_map(TimelineOrder), text())
}

proptest! {
    #[test]
    fn keys_sort_as_tuples(a in parts(), b in parts()) {
        prop_assert_eq!(a.cmp(&b), AsKey::<Parts>::encode(&a).cmp(&AsKey::<Parts>::encode(&b)));
    }

    #[test]
    fn keys_are_read_back(key in parts()) {
        let bytes = AsKey::<Parts>::encode(&key);
        prop_assert_eq!(Parts::decode(&bytes).unwrap(), key);
        prop_assert!(Parts::decode(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(Parts::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn only_keys_with_the_prefix_begin_with_its_bytes(a in parts(), b in parts()) {
        let prefix = AsPrefix::<Parts>::encode_prefix(&(&a.0, a.1));
        let bytes = AsKey::<Parts>::encode(&b);
        prop_assert_eq!(bytes.starts_with(&prefix), (&a.0, a.1) == (&b.0, b.1));
    }

    #[test]
    fn no_bytes_make_reading_a_key_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(key) = Parts::decode(&bytes) {
            prop_assert_eq!(AsKey::<Parts>::encode(&key), bytes);
        }
    }
}

#[test]
fn borrowed_parts_give_the_same_key() {
    let owned = AsKey::<(String, RoomNid)>::encode(&("a".to_owned(), RoomNid(1)));
    assert_eq!(AsKey::<(String, RoomNid)>::encode(&("a", RoomNid(1))), owned);
    assert_eq!(AsKey::<(String, RoomNid)>::encode(&&("a", &RoomNid(1))), owned);
}
