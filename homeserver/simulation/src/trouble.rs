//! What goes wrong.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use hearth_storage::Faults;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use crate::{
    chance,
    network::Weather,
    simulation::{World, streams},
};

/// Makes trouble until all is to be calm.
pub async fn make(world: Arc<World>) {
    let mut chance = chance::source(world.seed, streams::TROUBLE);
    loop {
        pause(&mut chance, 100..20_000).await;
        if world.calm.load(Relaxed) {
            return;
        }
        one(&world, &mut chance).await;
        // A server whose store has stopped is started again, as somebody would.
        for host in &world.hosts {
            if !host.is_well() {
                host.crash();
                pause(&mut chance, 10..10_000).await;
                host.start().await;
            }
        }
    }
}

async fn one(world: &World, chance: &mut ChaCha8Rng) {
    let host = &world.hosts[chance.random_range(0..world.hosts.len())];
    match chance.random_range(0..100) {
        0..30 => {
            host.crash();
            world.done.counts.lock().crashes += 1;
            pause(chance, 10..10_000).await;
            host.start().await;
        }
        30..55 => {
            let other = &world.hosts[chance.random_range(0..world.hosts.len())];
            world.done.counts.lock().partitions += 1;
            world.network.cut(&host.address, &other.address);
            // Some partitions let one direction through.
            if chance.random_range(0..3) > 0 {
                world.network.cut(&other.address, &host.address);
            }
            pause(chance, 100..60_000).await;
            world.network.heal();
        }
        55..65 => {
            let latency = Duration::from_millis(chance.random_range(1..2_000));
            world.network.set_weather(Weather { latency, loss: chance.random_range(0..200) });
        }
        65..75 => host.set_disk_delay(Duration::from_micros(chance.random_range(100..1_000_000))),
        75..85 => {
            // It comes to light with one of the next writes, at the latest when the power fails.
            let in_write = chance.random_range(1..10);
            let seed = chance.random();
            host.set_faults(match chance.random_range(0..3) {
                0 => {
                    let fail_writes = in_write..in_write + chance.random_range(1..5);
                    Faults { seed, fail_writes, ..Faults::default() }
                }
                1 => Faults { seed, lose_power_in_write: Some(in_write), ..Faults::default() },
                _ => Faults { seed, capacity: Some(chance.random_range(0..20_000)), ..Faults::default() },
            });
        }
        _ => {
            let by_ms = chance.random_range(-3_600_000..3_600_000);
            world.trace.note(format_args!("the clock of {} jumps by {by_ms} ms", host.address));
            host.clock.jump(by_ms);
        }
    }
}

async fn pause(chance: &mut ChaCha8Rng, ms: std::ops::Range<u64>) {
    sleep(Duration::from_millis(chance.random_range(ms))).await;
}
