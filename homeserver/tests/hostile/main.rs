//! A hostile server tries one thing after the other. The victim answers as the specification says, spends
//! little on it, and an honest server in the same room notices nothing.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod attacks;
#[path = "../common/mod.rs"]
mod common;
mod forgery;
mod lair;
mod peer;
mod report;
mod world;

use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_server_gets_nowhere() {
    let world = World::start().await;
    report::head();
    attacks::slow::withheld_keys(&world).await;
    // What is slow on purpose goes on beside the rest, in rooms of its own.
    tokio::join!(attacks::slow::all(&world), async {
        attacks::events::all(&world).await;
        attacks::graph::all(&world).await;
        attacks::transactions::all(&world).await;
        attacks::edus::all(&world).await;
        attacks::joins::all(&world).await;
        attacks::invites::all(&world).await;
        attacks::bodies::all(&world).await;
        attacks::answers::all(&world).await;
        attacks::floods::all(&world).await;
    });
    world.judge();
}
