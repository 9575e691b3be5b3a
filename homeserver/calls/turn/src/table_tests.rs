//! Whatever clients do, what is held agrees with itself and with its bounds.

use std::net::SocketAddr;

use proptest::prelude::*;

use crate::{
    Credentials,
    testing::{BEGIN_S, SECRET, World, options, udp},
    wire::{
        Method, Writer,
        attribute::{CHANNEL_NUMBER, EVEN_PORT, LIFETIME, RESERVATION_TOKEN, XOR_PEER_ADDRESS},
    },
};

#[derive(Debug, Clone)]
enum Step {
    Allocate { client: u32, user: u8, even: Option<u8> },
    TakeReserved { client: u32, user: u8 },
    Refresh { client: u32, user: u8, lifetime: u32 },
    Bind { client: u32, user: u8, channel: u16, peer: u8 },
    Gone { client: u32 },
    TakePort { port: u16 },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (client, user) = (0..30_u32, 0..3_u8);
    let even = proptest::option::of(proptest::sample::select(vec![0, 0x80]));
    prop_oneof![
        4 => (client.clone(), user.clone(), even)
            .prop_map(|(client, user, even)| Step::Allocate { client, user, even }),
        2 => (client.clone(), user.clone()).prop_map(|(client, user)| Step::TakeReserved { client, user }),
        2 => (client.clone(), user.clone(), proptest::sample::select(vec![0, 600, 3600]))
            .prop_map(|(client, user, lifetime)| Step::Refresh { client, user, lifetime }),
        2 => (client.clone(), user, 0x4000..0x4080_u16, any::<u8>())
            .prop_map(|(client, user, channel, peer)| Step::Bind { client, user, channel, peer }),
        1 => client.prop_map(|client| Step::Gone { client }),
        1 => (50_000..50_020_u16).prop_map(|port| Step::TakePort { port }),
        1 => (0..700_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

proptest! {
    #[test]
    fn the_table_agrees_with_itself(steps in proptest::collection::vec(step(), 1..150)) {
        let mut options = options();
        (options.ports, options.max_allocations) = (50_000..=50_019, 15);
        let mut world = World::new(options);
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        for step in steps {
            let user = |user: u8| Credentials::new(SECRET, &format!("@{user}:a"), BEGIN_S + 10_000_000);
            match step {
                Step::Allocate { client, user: name, even } => {
                    let heard = world.user(&user(name), client, Method::Allocate, |request| match even {
                        Some(bits) => udp(request).attribute(EVEN_PORT, &[bits]),
                        None => udp(request),
                    });
                    tokens.extend(heard.message().get(RESERVATION_TOKEN).map(<[u8]>::to_vec));
                }
                Step::TakeReserved { client, user: name } => {
                    let token = tokens.pop().unwrap_or_else(|| vec![0; 8]);
                    world.user(&user(name), client, Method::Allocate, |request| {
                        udp(request).attribute(RESERVATION_TOKEN, &token)
                    });
                }
                Step::Refresh { client, user: name, lifetime } => {
                    let lifetime = |request: Writer| request.number(LIFETIME, lifetime);
                    world.user(&user(name), client, Method::Refresh, lifetime);
                }
                Step::Bind { client, user: name, channel, peer } => {
                    let peer = SocketAddr::new([93, 184, 215, peer].into(), 1);
                    world.user(&user(name), client, Method::ChannelBind, |request| {
                        request.number(CHANNEL_NUMBER, u32::from(channel) << 16).address(XOR_PEER_ADDRESS, peer)
                    });
                }
                Step::Gone { client } => world.turn.gone(&crate::testing::client(client)),
                Step::TakePort { port } => _ = world.machine.taken.borrow_mut().insert(port),
                Step::Wait { seconds } => world.wait(seconds),
            }
            world.turn.allocations.verify();
        }
        world.wait(2 * 24 * 3600);
        prop_assert_eq!(world.turn.allocations.len(), 0);
        world.turn.allocations.verify();
    }
}
