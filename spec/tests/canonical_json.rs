//! Canonical JSON and signed JSON: the specification's examples and the properties.

mod support;

use hearth_spec::{
    PublicKey, SigningKey,
    canonical_json::{CanonicalJsonError, Numbers, canonicalise, parse},
    keys::verify_json,
};
use proptest::prelude::*;
use ruma::ServerName;
use serde_json::{Value, json};

fn strict(text: &str) -> Result<String, CanonicalJsonError> {
    canonicalise(text, Numbers::Integers)
}

/// Appendices, "Canonical JSON", "Examples".
#[test]
fn the_examples_of_the_specification() {
    for (json, canonical) in [
        ("{}", "{}"),
        (r#"{"one": 1, "two": "Two"}"#, r#"{"one":1,"two":"Two"}"#),
        (r#"{"b": "2", "a": "1"}"#, r#"{"a":"1","b":"2"}"#),
        (
            r#"{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {
                "display_name": "John Doe", "three_pids": [
                    {"medium": "email", "address": "john.doe@example.org"},
                    {"medium": "msisdn", "address": "123456789"}]}}}"#,
            r#"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}"#,
        ),
        (r#"{"a": "日本語"}"#, r#"{"a":"日本語"}"#),
        (r#"{"本": 2, "日": 1}"#, r#"{"日":1,"本":2}"#),
        (r#"{"a": "\u65E5"}"#, r#"{"a":"日"}"#),
        (r#"{"a": null}"#, r#"{"a":null}"#),
        (r#"{"a": -0, "b": 9007199254740991}"#, r#"{"a":0,"b":9007199254740991}"#),
    ] {
        assert_eq!(strict(json).as_deref(), Ok(canonical));
    }
}

#[test]
fn strings_are_escaped_only_where_they_must_be() {
    let text = r#""\u0000\u001F\b\t\n\f\r\"\\\/\u007f\ud83d\ude00""#;
    let canonical = "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}😀\"";
    assert_eq!(strict(text).as_deref(), Ok(canonical));
}

#[test]
fn what_canonical_json_cannot_hold_is_refused() {
    for text in ["1.5", "1e3", "9007199254740992", "-9007199254740992", "123456789012345678901234567890"] {
        let refused = strict(text);
        assert!(
            matches!(
                refused,
                Err(CanonicalJsonError::NotAnInteger { .. } | CanonicalJsonError::OutOfRange { .. })
            ),
            "{text}"
        );
    }
    assert_eq!(strict(r#"{"a":1,"b":{"c":1,"c":2}}"#), Err(CanonicalJsonError::DuplicateKey("c".into())));
    assert_eq!(strict(&"[".repeat(100_000)), Err(CanonicalJsonError::TooDeep));
    assert!(strict(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":}",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "+1",
        "1.",
        ".5",
        "-",
        "1 2",
        "tru",
        "nul",
        "\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\u12\"",
        "\"\n\"",
        "NaN",
    ] {
        assert!(matches!(strict(text), Err(CanonicalJsonError::Syntax { .. })), "{text:?}");
    }
}

/// Before room version 6 any number goes; floats are written as the first implementation did.
#[test]
fn numbers_of_old_rooms() {
    for (text, canonical) in [
        ("1.0", "1.0"),
        ("1e2", "100.0"),
        ("-0.0", "-0.0"),
        ("1.5E-5", "1.5e-05"),
        ("0.0001", "0.0001"),
        ("1e16", "1e+16"),
        ("123456789012345680.0", "1.2345678901234568e+17"),
        ("1e22", "1e+22"),
        ("1e-300", "1e-300"),
        ("9999999999999998.0", "9999999999999998.0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(canonicalise(text, Numbers::Any).as_deref(), Ok(canonical));
    }
    assert!(canonicalise("1e400", Numbers::Any).is_err());
}

/// Appendices, "Cryptographic Test Vectors", "JSON Signing".
#[test]
fn json_is_signed_as_the_specification_says() {
    let key = SigningKey::from_text("ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").expect("a key");
    let public = PublicKey::from_base64(&key.public_key_base64()).expect("its public key");
    let domain = <&ServerName>::try_from("domain").expect("a server name");
    for (json, signature) in [
        (json!({}), "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            json!({ "one": 1, "two": "Two" }),
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ] {
        let Value::Object(mut object) = json else { panic!("an object") };
        key.sign_json(&mut object, domain).expect("it can be signed");
        assert_eq!(object["signatures"]["domain"]["ed25519:1"], signature);
        object.insert("unsigned".to_owned(), json!({ "age": 1 }));
        let verifies = |object: &serde_json::Map<String, Value>| {
            verify_json(&Value::Object(object.clone()).to_string(), "domain", "ed25519:1", &public)
        };
        assert!(verifies(&object));
        object.insert("one".to_owned(), json!(2));
        assert!(!verifies(&object));
    }
}

#[test]
fn a_key_survives_being_written_down() {
    let key = SigningKey::generate([3; 32], "a_b1").expect("a key");
    assert_eq!(key.key_id().as_str(), "ed25519:a_b1");
    let again = SigningKey::from_text(&key.to_text()).expect("the same key");
    assert_eq!(again.public_key_base64(), key.public_key_base64());
    assert!(!format!("{key:?}").contains(key.to_text().rsplit(' ').next().expect("a seed")));
    assert!(SigningKey::generate([3; 32], "a-b").is_err());
    for text in ["", "ed25519 1", "ed25519 1 AAAA", "rsa 1 AAAA", "ed25519 1 !!"] {
        assert!(SigningKey::from_text(text).is_err());
    }
}

pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_json_is_the_same_value_and_canonical(value in any_json()) {
        let canonical = strict(&serde_json::to_string_pretty(&value).expect("JSON"));
        let canonical = canonical.expect("canonical JSON can hold it");
        prop_assert_eq!(&serde_json::from_str::<Value>(&canonical).expect("JSON"), &value);
        prop_assert_eq!(strict(&canonical), Ok(canonical));
    }

    #[test]
    fn a_text_is_put_in_order_as_its_tree_is(a in any_json(), b in any_json()) {
        let text = format!(r#"{{"b":{a},"":[{b},{{"z":{b},"y":{a}}}],"a":{{"2":1,"10":{b}}}}}"#);
        let mut canonical = String::new();
        parse(&text, Numbers::Integers).expect("JSON").write(&mut canonical);
        prop_assert_eq!(strict(&text), Ok(canonical));
    }

    #[test]
    fn any_text_is_read_or_refused_as_serde_does(text in "[\\[\\]{}:,\"\\\\a0-9eE.+u \\-]{0,24}") {
        // What serde refuses we refuse; we refuse more: duplicates, and numbers beyond a double.
        if canonicalise(&text, Numbers::Any).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in any::<String>()) {
        let _ = canonicalise(&text, Numbers::Any);
        let _ = strict(&text);
    }
}
