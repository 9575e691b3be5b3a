use proptest::prelude::*;

use super::{
    ChannelData, Class, Message, Method, NotStun, TransactionId, Writer,
    attribute::{DATA, NONCE, REALM, Refusal, USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS},
    length_in_stream, xor_address,
};

/// A request with a short-term signature (RFC 5769, section 2.1; its password is `VOkJxbRl1RmTxUk/WvJxBt`).
const REQUEST: &str = "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 \
    00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 \
    781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf";
/// An answer over IPv4 (section 2.2).
const ANSWER: &str = "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 \
    0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96";
/// A request with long-term credentials (section 2.4).
const LONG_TERM: &str = "00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 e382afe3 \
    82b90000 0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341 0014000b 6578616d 706c652e \
    6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";
const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
}

#[test]
fn the_samples_of_the_specification_are_read() {
    let (request, answer, long_term) = (bytes(REQUEST), bytes(ANSWER), bytes(LONG_TERM));
    let request = Message::parse(&request).unwrap();
    assert_eq!((request.class(), request.method()), (Class::Request, Method::Binding));
    assert_eq!(request.get(USERNAME), Some(&b"evtj:h6vY"[..]));
    assert!(request.has_fingerprint() && request.is_signed_with(PASSWORD));
    assert!(!request.is_signed_with(b"another"));

    let answer = Message::parse(&answer).unwrap();
    assert_eq!((answer.class(), answer.method()), (Class::Success, Method::Binding));
    let address = xor_address(answer.get(XOR_MAPPED_ADDRESS).unwrap(), &answer.transaction());
    assert_eq!(address, Some("192.0.2.1:32853".parse().unwrap()));
    assert!(answer.is_signed_with(PASSWORD));

    let long_term = Message::parse(&long_term).unwrap();
    assert_eq!(long_term.get(NONCE), Some(&b"f//499k954d6OL34oL9FSTvy64sA"[..]));
    let text = "マトリックス:example.org:TheMatrIX";
    let key: [u8; 16] = <md5::Md5 as md5::Digest>::digest(text).into();
    assert!(long_term.is_signed() && !long_term.has_fingerprint() && long_term.is_signed_with(&key));
    assert_eq!(long_term.get(REALM), Some(&b"example.org"[..]));
}

#[test]
fn what_was_changed_on_the_way_is_no_message_or_not_signed() {
    let sample = bytes(REQUEST);
    for at in 0..sample.len() - 8 {
        let mut changed = sample.clone();
        changed[at] ^= 1;
        assert!(Message::parse(&changed).is_none(), "the checksum is over byte {at}");
    }
    let sample = bytes(LONG_TERM);
    let key: [u8; 16] = <md5::Md5 as md5::Digest>::digest("マトリックス:example.org:TheMatrIX").into();
    for at in 0..sample.len() {
        let mut changed = sample.clone();
        changed[at] ^= 1;
        assert!(Message::parse(&changed).is_none_or(|message| !message.is_signed_with(&key)), "{at}");
    }
}

#[test]
fn what_stands_after_the_signature_does_not_count() {
    let signed = Writer::new(Class::Request, Method::Allocate, [3; 12]).attribute(REALM, b"a").signed(b"key");
    let bytes = signed.attribute(USERNAME, b"slipped in").with_fingerprint().finish();
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_signed_with(b"key"));
    assert_eq!((message.get(REALM), message.get(USERNAME)), (Some(&b"a"[..]), None));
}

#[test]
fn an_ipv4_address_has_one_name() {
    let transaction = [9; 12];
    let written = Writer::new(Class::Indication, Method::Send, transaction)
        .address(XOR_PEER_ADDRESS, "[::ffff:127.0.0.1]:80".parse().unwrap())
        .finish();
    let value = Message::parse(&written).unwrap().get(XOR_PEER_ADDRESS).unwrap();
    assert_eq!(xor_address(value, &transaction), Some("127.0.0.1:80".parse().unwrap()));
}

#[test]
fn messages_of_a_stream_follow_each_other() {
    assert_eq!(length_in_stream(&[0, 1, 0]), Ok(None));
    assert_eq!(length_in_stream(&bytes(REQUEST)), Ok(Some(108)));
    assert_eq!(length_in_stream(&[0x40, 0, 0, 5, 1]), Ok(Some(12)), "with what pads it");
    assert_eq!(length_in_stream(&[0x40, 0, 0xff, 0xff]), Ok(Some(0x10004)));
    assert_eq!(
        length_in_stream(b"GET / HTTP/1.1"),
        Ok(Some(4 + 0x5420)),
        "as long as a channel's number is right"
    );
    assert_eq!(length_in_stream(b"\x16\x03\x01\x02"), Err(NotStun), "TLS where there is none");
    assert_eq!(length_in_stream(&[0, 1, 0, 3]), Err(NotStun), "attributes are padded");
    assert_eq!(length_in_stream(&[0x80, 0, 0, 0]), Err(NotStun), "RTP");
}

#[test]
fn a_refusal_says_its_code() {
    let written = Writer::new(Class::Error, Method::Refresh, [0; 12]).refusal(Refusal::StaleNonce).finish();
    let message = Message::parse(&written).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Error, Method::Refresh));
    assert_eq!(message.get(super::attribute::ERROR_CODE), Some(&b"\0\0\x04\x26Stale"[..]));
}

fn method() -> impl Strategy<Value = Method> {
    use Method::*;
    prop_oneof![
        proptest::sample::select(vec![Binding, Allocate, Refresh, Send, Data, CreatePermission, ChannelBind]),
        (10_u16..0xFFF).prop_map(Other),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        method in method(),
        class in proptest::sample::select(vec![Class::Request, Class::Indication, Class::Success, Class::Error]),
        transaction: TransactionId,
        attributes in proptest::collection::vec((0x9000_u16.., proptest::collection::vec(any::<u8>(), 0..50)), 0..20),
        address: std::net::SocketAddrV6,
        key: [u8; 16],
    ) {
        let address = std::net::SocketAddr::new(address.ip().to_canonical(), address.port());
        let mut writer = Writer::new(class, method, transaction).address(XOR_PEER_ADDRESS, address);
        for (kind, value) in &attributes {
            writer = writer.attribute(*kind, value);
        }
        let bytes = writer.signed(&key).with_fingerprint().finish();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!((message.class(), message.method(), message.transaction()), (class, method, transaction));
        prop_assert!(message.is_signed_with(&key) && message.has_fingerprint());
        prop_assert_eq!(xor_address(message.get(XOR_PEER_ADDRESS).unwrap(), &transaction), Some(address));
        let read: Vec<_> = message.attributes().skip(1).map(|(kind, value)| (kind, value.to_vec())).collect();
        prop_assert_eq!(read, attributes);
        prop_assert_eq!(length_in_stream(&bytes), Ok(Some(bytes.len())));
    }

    #[test]
    fn anything_is_read_or_refused(mut noise in proptest::collection::vec(any::<u8>(), 0..200), is_stun: bool) {
        if is_stun && noise.len() >= 20 {
            let length = (noise.len() - 20) as u16;
            noise[0] &= 0x3f;
            noise[2..4].copy_from_slice(&length.to_be_bytes());
            noise[4..8].copy_from_slice(&super::MAGIC_COOKIE.to_be_bytes());
        }
        _ = length_in_stream(&noise);
        if let Some(data) = ChannelData::parse(&noise) {
            prop_assert!(data.data.len() + 4 <= noise.len());
        }
        if let Some(message) = Message::parse(&noise) {
            let taken: usize = message.attributes().map(|(_, value)| 4 + value.len()).sum();
            prop_assert!(taken <= noise.len());
            prop_assert!(!message.is_signed_with(b"key"));
            _ = message.get(DATA);
        }
    }
}
