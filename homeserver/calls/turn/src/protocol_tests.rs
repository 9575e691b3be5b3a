//! What a client that keeps to the specification gets.

use std::net::SocketAddr;

use crate::{
    Credentials,
    allocation::{FiveTuple, Transport},
    testing::{BEGIN_S, SECRET, World, client, options, sign, udp},
    turn::Action,
    wire::{
        ChannelData, Class, Message, Method, Writer,
        attribute::{
            CHANNEL_NUMBER, DATA, EVEN_PORT, LIFETIME, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT,
            RESERVATION_TOKEN, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
        },
        xor_address,
    },
};

const PEER: &str = "93.184.216.34:7000";

fn peer() -> SocketAddr {
    PEER.parse().unwrap()
}

fn channel(number: u16, peer: SocketAddr) -> impl FnOnce(Writer) -> Writer {
    move |request| request.number(CHANNEL_NUMBER, u32::from(number) << 16).address(XOR_PEER_ADDRESS, peer)
}

fn send_indication(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    Writer::new(Class::Indication, Method::Send, [1; 12])
        .address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, data)
        .finish()
}

fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    [&ChannelData::header(number, data.len() as u16), data].concat()
}

#[test]
fn anybody_learns_where_they_are() {
    let mut world = World::new(options());
    let request = Writer::new(Class::Request, Method::Binding, [5; 12]).finish();
    let heard = world.ask(7, &request).unwrap();
    assert_eq!(heard.address(XOR_MAPPED_ADDRESS), client(7).client);
    assert_eq!(heard.message().transaction(), [5; 12]);
    assert!(!heard.message().has_fingerprint());
}

#[test]
fn a_relay_is_given_to_who_has_credentials() {
    let mut world = World::new(options());
    let heard = world.alice(1, Method::Allocate, udp);
    assert_eq!((heard.code(), heard.message().number(LIFETIME)), (0, Some(600)));
    assert_eq!(heard.address(XOR_MAPPED_ADDRESS), client(1).client);
    let relayed = heard.address(XOR_RELAYED_ADDRESS);
    assert_eq!(relayed.ip(), std::net::IpAddr::from([198, 51, 100, 7]));
    assert!((50_000..=50_999).contains(&relayed.port()));
    // The same request again gets the same answer, another one a refusal.
    assert_eq!(world.alice(1, Method::Allocate, udp).address(XOR_RELAYED_ADDRESS), relayed);
    let nonce = world.nonce(1);
    let other = sign(
        udp(Writer::new(Class::Request, Method::Allocate, [9; 12])),
        &Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 86_400),
        &nonce,
    );
    assert_eq!(world.ask(1, &other).unwrap().code(), 437);
}

#[test]
fn credentials_end_and_calls_go_on() {
    let mut world = World::new(options());
    let short = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 60);
    assert_eq!(world.user(&short, 1, Method::Allocate, udp).code(), 0);
    world.wait(100);
    assert_eq!(world.user(&short, 1, Method::Refresh, |request| request).code(), 0, "an old relay stays");
    assert_eq!(world.user(&short, 2, Method::Allocate, udp).code(), 401, "there is no new one");
    // However often it is refreshed, it ends.
    for _ in 0..24 * 12 {
        world.wait(300);
        _ = world.user(&short, 1, Method::Refresh, |request| request);
    }
    assert_eq!(world.turn.allocations.len(), 0);
}

#[test]
fn a_relay_lives_as_long_as_is_asked_within_bounds() {
    let mut world = World::new(options());
    let lifetime = |seconds: u32| move |request: Writer| request.number(LIFETIME, seconds);
    for (asked, given) in [(1, 600), (1800, 1800), (u32::MAX, 3600)] {
        let number = asked % 1000 + 1;
        let heard = world.alice(number, Method::Allocate, |request| lifetime(asked)(udp(request)));
        assert_eq!(heard.message().number(LIFETIME), Some(given));
        let heard = world.alice(number, Method::Refresh, lifetime(asked));
        assert_eq!(heard.message().number(LIFETIME), Some(given));
    }
    assert_eq!(world.alice(2, Method::Refresh, lifetime(0)).code(), 0);
    assert_eq!(world.alice(2, Method::Refresh, lifetime(0)).code(), 437, "it is gone");
    world.wait(3601);
    assert_eq!(world.turn.allocations.len(), 0);
}

#[test]
fn data_goes_through_a_channel_both_ways() {
    let mut world = World::new(options());
    let relayed = world.relay(1);
    assert_eq!(world.alice(1, Method::ChannelBind, channel(0x4001, peer())).code(), 0);
    let sent = channel_data(0x4001, b"hello");
    let Action::ToPeer { relay, peer: to, data } = world.send(1, &sent) else { panic!() };
    assert_eq!((relay, to, data), (relayed.port(), peer(), &b"hello"[..]));

    let (client, prelude) = world.turn.peer_sent(relayed, peer(), 5, 0).unwrap();
    assert_eq!((client, prelude.with(b"again")), (1, channel_data(0x4001, b"again")));
    // The channel is of one port; from another one of the same address data comes in an indication.
    let other: SocketAddr = "93.184.216.34:7001".parse().unwrap();
    let (_, prelude) = world.turn.peer_sent(relayed, other, 5, 0).unwrap();
    let message = prelude.with(b"again");
    let message = Message::parse(&message).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Indication, Method::Data));
    let from = xor_address(message.get(XOR_PEER_ADDRESS).unwrap(), &message.transaction());
    assert_eq!((from, message.get(DATA)), (Some(other), Some(&b"again"[..])));
    // A permission is shorter than a channel.
    world.wait(301);
    assert!(world.turn.peer_sent(relayed, peer(), 5, world.now_ms).is_none());
}

#[test]
fn what_goes_to_a_client_in_a_stream_is_padded() {
    let mut world = World::new(options());
    let credentials = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 86_400);
    let from = FiveTuple { transport: Transport::Tcp, client: client(1).client };
    let nonce = world.nonce(1);
    let at = world.at();
    let mut ask = |method, with: &dyn Fn(Writer) -> Writer| {
        let request = sign(with(Writer::new(Class::Request, method, [1; 12])), &credentials, &nonce);
        match world.turn.client_sent(from, &1, &request, at, &world.machine) {
            Action::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    };
    let allocated = ask(Method::Allocate, &udp);
    let allocated = Message::parse(&allocated).unwrap();
    let relayed = xor_address(allocated.get(XOR_RELAYED_ADDRESS).unwrap(), &[1; 12]).unwrap();
    ask(Method::ChannelBind, &|request| channel(0x4000, peer())(request));
    let (_, prelude) = world.turn.peer_sent(relayed, peer(), 5, 0).unwrap();
    assert_eq!(prelude.with(b"again"), b"\x40\0\0\x05again\0\0\0");
    world.turn.gone(&from);
    assert_eq!(world.turn.allocations.len(), 0, "a connection takes its relay along");
}

#[test]
fn data_goes_by_indications_to_who_is_permitted() {
    let mut world = World::new(options());
    let relayed = world.relay(1);
    let message = send_indication(peer(), b"hello");
    assert!(matches!(world.send(1, &message), Action::Nothing), "nobody is permitted yet");
    assert!(world.turn.peer_sent(relayed, peer(), 5, 0).is_none());
    let permit = |request: Writer| request.address(XOR_PEER_ADDRESS, peer());
    assert_eq!(world.alice(1, Method::CreatePermission, permit).code(), 0);
    let Action::ToPeer { peer: to, data, .. } = world.send(1, &message) else { panic!() };
    assert_eq!((to, data), (peer(), &b"hello"[..]));
    world.wait(301);
    assert!(matches!(world.send(1, &message), Action::Nothing));
}

#[test]
fn two_relays_of_this_server_reach_each_other_without_the_network() {
    let mut world = World::new(options());
    let (first, second) = (world.relay(1), world.relay(2));
    let permit = |peer| move |request: Writer| request.address(XOR_PEER_ADDRESS, peer);
    let message = send_indication(second, b"hello");
    assert_eq!(world.alice(1, Method::CreatePermission, permit(second)).code(), 0);
    assert!(matches!(world.send(1, &message), Action::Nothing), "the other does not want it yet");
    assert_eq!(world.alice(2, Method::ChannelBind, channel(0x4002, first)).code(), 0);
    let Action::ToClient { client, prelude, data } = world.send(1, &message) else { panic!() };
    assert_eq!((client, prelude.with(data)), (2, channel_data(0x4002, b"hello")));
    // What else is at the address is for nobody.
    let elsewhere = SocketAddr::new(first.ip(), 22);
    assert!(matches!(world.send(1, &send_indication(elsewhere, b"hello")), Action::Nothing));
}

#[test]
fn a_relay_may_be_ipv6() {
    let mut world = World::new(options());
    let ipv6 = |request: Writer| udp(request).attribute(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let relayed = world.alice(1, Method::Allocate, ipv6).address(XOR_RELAYED_ADDRESS);
    assert!(relayed.is_ipv6());
    assert_eq!(world.alice(1, Method::ChannelBind, channel(0x4000, peer())).code(), 443);
    let peer: SocketAddr = "[2606:4700::1111]:7".parse().unwrap();
    assert_eq!(world.alice(1, Method::ChannelBind, channel(0x4000, peer)).code(), 0);
    let (_, prelude) = world.turn.peer_sent(relayed, "[2606:4700::1111]:8".parse().unwrap(), 3, 0).unwrap();
    assert!(Message::parse(&prelude.with(b"abc")).is_some());
    let none = |request: Writer| udp(request).attribute(REQUESTED_ADDRESS_FAMILY, &[3, 0, 0, 0]);
    assert_eq!(world.alice(2, Method::Allocate, none).code(), 440);
}

#[test]
fn a_pair_of_ports_is_kept_for_its_user() {
    let mut world = World::new(options());
    let even = |bits: u8| move |request: Writer| udp(request).attribute(EVEN_PORT, &[bits]);
    let heard = world.alice(1, Method::Allocate, even(0));
    assert!(heard.address(XOR_RELAYED_ADDRESS).port().is_multiple_of(2));
    assert!(heard.message().get(RESERVATION_TOKEN).is_none());

    let heard = world.alice(2, Method::Allocate, even(0x80));
    let first = heard.address(XOR_RELAYED_ADDRESS);
    let token = heard.message().get(RESERVATION_TOKEN).unwrap().to_vec();
    let reserved = |request: Writer| udp(request).attribute(RESERVATION_TOKEN, &token);
    let bob = Credentials::new(SECRET, "@bob:hearth.example", BEGIN_S + 86_400);
    assert_eq!(world.user(&bob, 3, Method::Allocate, reserved).code(), 508, "it is another's");
    let second = world.alice(4, Method::Allocate, reserved).address(XOR_RELAYED_ADDRESS);
    assert_eq!((first.port() % 2, second.port()), (0, first.port() + 1));
    assert_eq!(world.alice(5, Method::Allocate, reserved).code(), 508, "it is taken");
    let both = |request: Writer| even(0)(request).attribute(RESERVATION_TOKEN, &token);
    assert_eq!(world.alice(6, Method::Allocate, both).code(), 400);
    // It is kept for half a minute.
    let heard = world.alice(7, Method::Allocate, even(0x80));
    let token = heard.message().get(RESERVATION_TOKEN).unwrap().to_vec();
    world.wait(31);
    let late = |request: Writer| udp(request).attribute(RESERVATION_TOKEN, &token);
    assert_eq!(world.alice(8, Method::Allocate, late).code(), 508);
    world.turn.allocations.verify();
}

#[test]
fn what_is_not_understood_is_named() {
    let mut world = World::new(options());
    let heard = world.alice(1, Method::Allocate, |request| udp(request).attribute(0x001A, &[]));
    assert_eq!((heard.code(), heard.message().get(UNKNOWN_ATTRIBUTES)), (420, Some(&[0, 0x1A][..])));
    let optional = |request: Writer| udp(request).attribute(0x8022, b"a client");
    assert_eq!(world.alice(1, Method::Allocate, optional).code(), 0);
    let tcp = |request: Writer| request.attribute(REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
    assert_eq!(world.alice(2, Method::Allocate, tcp).code(), 442);
    assert_eq!(world.alice(2, Method::Allocate, |request| request).code(), 400);
}

#[test]
fn a_channel_and_its_peer_belong_together() {
    let mut world = World::new(options());
    _ = world.relay(1);
    let other: SocketAddr = "93.184.216.35:1".parse().unwrap();
    let mut bind = |number, peer| world.alice(1, Method::ChannelBind, channel(number, peer)).code();
    assert_eq!((bind(0x4000, peer()), bind(0x4000, peer())), (0, 0));
    assert_eq!((bind(0x4000, other), bind(0x4001, peer())), (400, 400));
    assert_eq!((bind(0x3FFF, other), bind(0x8000, other)), (400, 400));
    assert_eq!(bind(0x7FFF, other), 0, "as before RFC 8656");
    assert!(matches!(world.send(1, &channel_data(0x7FFF, b"x")), Action::ToPeer { .. }));
}
