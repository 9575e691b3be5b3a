//! Bans for the whole server: how many there may be, and that they are there again after a restart.

use hearth_rooms::RoomError;
use hearth_spec::BanKind;
use hearth_storage::schema::rooms::BanRow;
use ruma::{server_name, user_id};

use crate::world::*;

fn row() -> BanRow {
    BanRow { by: user_id!("@root:here").to_owned(), at: 1, reason: None }
}

async fn ban(world: &World, kind: BanKind, glob: &str) -> Result<(), RoomError> {
    world.rooms.bans().ban(kind, glob, row(), server_name!("here")).await
}

#[tokio::test]
async fn there_is_a_bound_on_those_with_wildcards() {
    let world = world();
    for number in 0..1_000 {
        ban(&world, BanKind::Server, &format!("*.{number}.org")).await.unwrap();
    }
    assert!(matches!(ban(&world, BanKind::Server, "*.more.org").await, Err(RoomError::Invalid(_))));
    // Again the same, or without a wildcard, or in the place of another.
    ban(&world, BanKind::Server, "*.7.ORG").await.unwrap();
    ban(&world, BanKind::Server, "more.org").await.unwrap();
    assert!(world.rooms.bans().lift(BanKind::Server, "*.7.org").await.unwrap());
    ban(&world, BanKind::Server, "*.more.org").await.unwrap();
    assert_eq!(world.rooms.bans().all().unwrap().len(), 1_001);
}

#[tokio::test]
async fn they_hold_after_a_restart() {
    let world = world();
    ban(&world, BanKind::User, "@spam*:*").await.unwrap();
    ban(&world, BanKind::User, "@lifted:there").await.unwrap();
    world.rooms.bans().lift(BanKind::User, "@lifted:there").await.unwrap();
    let again = open(world.engine.clone());
    let bans = again.rooms.bans();
    assert!(bans.bans_user(user_id!("@spam1:there")) && !bans.bans_user(user_id!("@lifted:there")));
}
