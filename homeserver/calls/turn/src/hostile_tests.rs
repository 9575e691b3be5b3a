//! What a client gets that keeps to nothing.

use std::{cell::RefCell, collections::HashSet, net::SocketAddr};

use crate::{
    Credentials,
    allocation::{MAX_CHANNELS, MAX_PERMISSIONS},
    allocations::MAX_OF_USER,
    testing::{BEGIN_S, SECRET, World, options, sign, udp},
    turn::Action,
    wire::{
        Class, Method, Writer,
        attribute::{CHANNEL_NUMBER, DATA, NONCE, REALM, USERNAME, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS},
    },
};

fn alice() -> Credentials {
    Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 86_400)
}

#[test]
fn an_answer_to_a_stranger_is_hardly_larger_than_the_question_and_there_are_few() {
    let mut world = World::new(options());
    let allocate = Writer::new(Class::Request, Method::Allocate, [0; 12]).finish();
    let binding = Writer::new(Class::Request, Method::Binding, [0; 12]).finish();
    for question in [allocate, binding] {
        let mut answers = Vec::new();
        for number in [5_u32, 6] {
            for _ in 0..10_000 {
                if let Action::Answer(answer) = world.send(number, &question) {
                    answers.push(answer.len());
                }
            }
        }
        // Each is in a packet with headers of 28 bytes.
        assert!(answers.iter().all(|answer| (28 + answer) * 2 <= (28 + question.len()) * 5), "{answers:?}");
        assert_eq!(answers.len(), 200, "of each address");
        world.wait(3600);
    }
}

#[test]
fn guesses_are_counted() {
    let mut world = World::new(options());
    let nonce = world.nonce(1);
    let request = udp(Writer::new(Class::Request, Method::Allocate, [0; 12]));
    let request =
        request.attribute(USERNAME, alice().username.as_bytes()).attribute(REALM, b"hearth.example");
    let request = request.attribute(NONCE, nonce.as_bytes()).signed(b"a guess").finish();
    let answered = (0..10_000).filter(|_| matches!(world.send(1, &request), Action::Answer(_))).count();
    assert!(answered < 100, "{answered}");
    assert_eq!(world.turn.allocations.len(), 0);
}

#[test]
fn nobody_gets_a_relay_without_credentials() {
    let mut world = World::new(options());
    let nonce = world.nonce(1);
    let request = || udp(Writer::new(Class::Request, Method::Allocate, [0; 12]));
    let code = |world: &mut World, request: &[u8]| world.ask(1, request).map_or(999, |heard| heard.code());
    let good = sign(request(), &alice(), &nonce);
    let stale = sign(request(), &alice(), "AAAAAAAAAAAAAAAA");
    assert_eq!(code(&mut world, &stale), 438);
    let old = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S - 1);
    assert_eq!(code(&mut world, &sign(request(), &old, &nonce)), 401);
    let incomplete = request().attribute(USERNAME, b"1:a").attribute(REALM, b"a").signed(b"").finish();
    assert_eq!(code(&mut world, &incomplete), 400);
    for name in [&b""[..], b"alice", b"\xff\xff", &[b'9'; 600]] {
        let unknown = request().attribute(USERNAME, name).attribute(REALM, b"a");
        let unknown = unknown.attribute(NONCE, nonce.as_bytes()).signed(b"").finish();
        assert_eq!(code(&mut world, &unknown), 401);
    }
    assert_eq!(world.turn.allocations.len(), 0);
    // A nonce is of one address: who says another one gets nothing there.
    let Action::Answer(answer) = world.send(2, &good) else { panic!() };
    assert!(answer.len() < good.len());
    assert_eq!(world.turn.allocations.len(), 0);
    assert_eq!(code(&mut world, &good), 0);
    // Nobody takes over what another has.
    let bob = Credentials::new(SECRET, "@bob:hearth.example", BEGIN_S + 86_400);
    assert_eq!(world.user(&bob, 1, Method::Refresh, |request| request).code(), 441);
}

#[test]
fn nothing_is_relayed_into_the_network_of_the_server() {
    let mut world = World::new(options());
    _ = world.relay(1);
    for forbidden in [
        "127.0.0.1:8008",
        "10.0.0.1:80",
        "172.31.0.1:80",
        "192.168.1.1:80",
        "169.254.169.254:80",
        "100.64.0.1:80",
        "0.0.0.0:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "93.184.216.1:22",
    ] {
        let forbidden: SocketAddr = forbidden.parse().unwrap();
        let permit = |request: Writer| request.address(XOR_PEER_ADDRESS, forbidden);
        assert_eq!(world.alice(1, Method::CreatePermission, permit).code(), 403, "{forbidden}");
        let bind = |request: Writer| permit(request.number(CHANNEL_NUMBER, 0x4000_0000));
        assert_eq!(world.alice(1, Method::ChannelBind, bind).code(), 403, "{forbidden}");
        // Among others it spoils them all.
        let good = "93.184.216.34:1".parse().unwrap();
        let among = |request: Writer| permit(request.address(XOR_PEER_ADDRESS, good));
        assert_eq!(world.alice(1, Method::CreatePermission, among).code(), 403);
        for to in [forbidden, good] {
            let send = Writer::new(Class::Indication, Method::Send, [1; 12]).address(XOR_PEER_ADDRESS, to);
            assert!(matches!(world.send(1, &send.attribute(DATA, b"x").finish()), Action::Nothing));
        }
    }
    // An IPv4 address in the clothes of an IPv6 one is the IPv4 address.
    let mapped: SocketAddr = "[::ffff:127.0.0.1]:8008".parse().unwrap();
    let permit = |request: Writer| request.address(XOR_PEER_ADDRESS, mapped);
    assert_eq!(world.alice(1, Method::CreatePermission, permit).code(), 403);
}

#[test]
fn a_user_has_so_many_relays_and_all_have_so_many() {
    let mut world = World::new(options());
    let codes: Vec<u32> =
        (0..MAX_OF_USER as u32 + 5).map(|number| world.alice(number, Method::Allocate, udp).code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), MAX_OF_USER);
    assert_eq!(codes[MAX_OF_USER..], [486; 5]);
    let mut left = options().max_allocations - MAX_OF_USER;
    for number in 1000..2000 {
        let user = Credentials::new(SECRET, &format!("@{}:hearth.example", number / 40), BEGIN_S + 86_400);
        let code = world.user(&user, number, Method::Allocate, udp).code();
        assert_eq!(code, if left == 0 { 508 } else { 0 });
        left = left.saturating_sub(1);
    }
    world.turn.allocations.verify();
    world.wait(601);
    assert_eq!(world.turn.allocations.len(), 0);
    world.turn.allocations.verify();
    assert_eq!(world.alice(1, Method::Allocate, udp).code(), 0);
}

#[test]
fn a_relay_has_so_many_permissions_and_channels() {
    let mut world = World::new(options());
    _ = world.relay(1);
    let mut codes = Vec::new();
    for peer in 0..MAX_CHANNELS as u32 + 10 {
        let address = SocketAddr::new([93, 184, 215, peer as u8].into(), 1);
        codes.push(world.alice(1, Method::ChannelBind, |request| {
            request.number(CHANNEL_NUMBER, (0x4000 + peer) << 16).address(XOR_PEER_ADDRESS, address)
        }));
    }
    assert_eq!(codes.iter().filter(|heard| heard.code() == 0).count(), MAX_CHANNELS.min(MAX_PERMISSIONS));
    assert_eq!(codes.last().unwrap().code(), 508);
    world.turn.allocations.verify();
}

#[test]
fn a_user_sends_and_gets_so_much() {
    let mut world = World::new(options());
    let (first, second) = (world.relay(1), world.relay(2));
    let peer: SocketAddr = "93.184.216.34:7000".parse().unwrap();
    for number in [1, 2] {
        let permit = |request: Writer| request.address(XOR_PEER_ADDRESS, peer);
        assert_eq!(world.alice(number, Method::CreatePermission, permit).code(), 0);
    }
    let packet = Writer::new(Class::Indication, Method::Send, [1; 12])
        .address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, &[0; 1000])
        .finish();
    let mut sent = 0;
    for turn in 0..5000 {
        sent += usize::from(matches!(world.send(1 + turn % 2, &packet), Action::ToPeer { .. }));
    }
    assert_eq!(sent, 1000, "a second's worth, through all relays together");
    let now_ms = world.now_ms;
    let mut got = 0;
    for turn in 0..5000 {
        let relayed = if turn % 2 == 0 { first } else { second };
        got += usize::from(world.turn.peer_sent(relayed, peer, 1000, now_ms).is_some());
    }
    assert_eq!(got, 1000);
    world.wait(1);
    assert!(matches!(world.send(1, &packet), Action::ToPeer { .. }));
}

#[test]
fn ports_of_other_programs_are_left_to_them() {
    let mut options = options();
    options.ports = 50_000..=50_009;
    let mut world = World::new(options);
    world.machine.taken = RefCell::new(HashSet::from([50_000, 50_003, 50_004, 50_009]));
    let mut ports: Vec<u16> = (0..6)
        .map(|number| world.alice(number, Method::Allocate, udp).address(XOR_RELAYED_ADDRESS).port())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [50_001, 50_002, 50_005, 50_006, 50_007, 50_008]);
    assert_eq!(world.alice(7, Method::Allocate, udp).code(), 508);
    world.turn.allocations.verify();
}

#[test]
fn what_makes_no_sense_is_not_answered() {
    let mut world = World::new(options());
    _ = world.relay(1);
    let unknown = Writer::new(Class::Request, Method::Other(0x123), [0; 12]).finish();
    let success = Writer::new(Class::Success, Method::Allocate, [0; 12]).finish();
    let bare = Writer::new(Class::Indication, Method::Send, [0; 12]).finish();
    let data = Writer::new(Class::Indication, Method::Data, [0; 12]).attribute(DATA, b"x").finish();
    let noise: [&[u8]; 10] = [
        &unknown,
        &success,
        &bare,
        &data,
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 20],
        &[0x40, 0, 0, 9, 1],
        &[0x40, 0, 0, 0],
        &[0xff; 1500],
    ];
    for bytes in noise {
        assert!(matches!(world.send(1, bytes), Action::Nothing), "{bytes:?}");
        assert!(matches!(world.send(2, bytes), Action::Nothing), "{bytes:?}");
    }
}
