use std::{sync::Arc, time::Duration};

use hearth_storage::{Scan, schema};
use ruma::{OwnedDeviceId, UserId, device_id};

use super::MAX_DEVICES;
use crate::{Session, UsersError, testing::World};

async fn authenticate(world: &World, token: &str) -> Result<Arc<Session>, UsersError> {
    world.users.sessions.authenticate(token).await
}

async fn is_unknown(world: &World, token: &str, soft: bool) -> bool {
    let result = authenticate(world, token).await;
    matches!(result, Err(UsersError::UnknownToken { soft_logout }) if soft_logout == soft)
}

#[tokio::test]
async fn a_token_speaks_for_its_device_until_logout() {
    let world = World::new();
    let user = world.register("alice").await;
    let token = world.login(&user, "PHONE").await.access_token;
    for _ in 0..2 {
        let session = authenticate(&world, &token).await.unwrap();
        assert_eq!((&*session.user, session.device.as_str()), (&*user, "PHONE"));
    }
    let session = authenticate(&world, &token).await.unwrap();
    world.users.sessions.logout(&session).await.unwrap();
    assert!(is_unknown(&world, &token, false).await);
    assert!(is_unknown(&world, "hta_never", false).await);
    assert_eq!(world.users.devices.list(&user).unwrap(), []);
}

#[tokio::test]
async fn a_device_that_logs_in_again_keeps_its_name_and_loses_its_token() {
    let world = World::new();
    let user = world.register("alice").await;
    let old = world.login(&user, "PHONE").await.access_token;
    authenticate(&world, &old).await.unwrap();
    let device = Some(device_id!("PHONE"));
    let new = world.users.sessions.create(&user, device, Some("another name"), false).await.unwrap();
    assert!(is_unknown(&world, &old, false).await);
    authenticate(&world, &new.access_token).await.unwrap();
    let devices = world.users.devices.list(&user).unwrap();
    assert_eq!(devices[0].display_name.as_deref(), Some("a phone"));
}

#[tokio::test]
async fn an_expired_token_is_a_soft_logout() {
    let world = World::new();
    let user = world.register("alice").await;
    let tokens = world.users.sessions.create(&user, None, None, true).await.unwrap();
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(300)));
    authenticate(&world, &tokens.access_token).await.unwrap();
    world.clock.advance(300_000);
    assert!(is_unknown(&world, &tokens.access_token, true).await);
    let world = world.restart();
    world.clock.advance(300_000);
    assert!(is_unknown(&world, &tokens.access_token, true).await);
    let refreshed = world.users.sessions.refresh(&tokens.refresh_token.unwrap()).await.unwrap();
    authenticate(&world, &refreshed.access_token).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_stays_valid_until_the_new_pair_is_used() {
    let world = World::new();
    let user = world.register("alice").await;
    let sessions = &world.users.sessions;
    let first = sessions.create(&user, None, None, true).await.unwrap();
    let refresh_token = first.refresh_token.unwrap();
    let lost = sessions.refresh(&refresh_token).await.unwrap();
    let second = sessions.refresh(&refresh_token).await.unwrap();
    assert_ne!(lost.access_token, second.access_token);
    assert!(is_unknown(&world, &lost.access_token, false).await);
    assert!(sessions.refresh(&lost.refresh_token.unwrap()).await.is_err());
    // The first access token lives out its time, so that requests under way do not fail.
    authenticate(&world, &first.access_token).await.unwrap();
    authenticate(&world, &second.access_token).await.unwrap();
    let ended = sessions.refresh(&refresh_token).await;
    assert!(matches!(ended, Err(UsersError::UnknownToken { soft_logout: true })));
    sessions.refresh(&second.refresh_token.unwrap()).await.unwrap();
}

#[tokio::test]
async fn the_use_of_a_new_refresh_token_ends_the_old_one() {
    let world = World::new();
    let user = world.register("alice").await;
    let sessions = &world.users.sessions;
    let first = sessions.create(&user, None, None, true).await.unwrap().refresh_token.unwrap();
    let second = sessions.refresh(&first).await.unwrap();
    let third = sessions.refresh(&second.refresh_token.unwrap()).await.unwrap();
    assert!(sessions.refresh(&first).await.is_err());
    authenticate(&world, &second.access_token).await.unwrap();
    authenticate(&world, &third.access_token).await.unwrap();
}

#[tokio::test]
async fn refreshing_for_long_leaves_no_tokens_behind() {
    let world = World::new();
    let user = world.register("alice").await;
    let sessions = &world.users.sessions;
    let mut tokens = sessions.create(&user, None, None, true).await.unwrap();
    for _ in 0..10 {
        tokens = sessions.refresh(&tokens.refresh_token.unwrap()).await.unwrap();
        authenticate(&world, &tokens.access_token).await.unwrap();
        world.clock.advance(300_000);
    }
    let left = world.store.view().scan(&schema::DEVICE_TOKENS, Scan::prefix((&user,))).count();
    assert!(left <= 4, "{left} tokens are left");
}

#[tokio::test]
async fn others_are_logged_out_and_the_session_stays() {
    let world = World::new();
    let user = world.register("alice").await;
    let (own, other) = (world.login(&user, "OWN").await, world.login(&user, "OTHER").await);
    authenticate(&world, &other.access_token).await.unwrap();
    let session = authenticate(&world, &own.access_token).await.unwrap();
    world.users.sessions.logout_others(&session).await.unwrap();
    authenticate(&world, &own.access_token).await.unwrap();
    assert!(is_unknown(&world, &other.access_token, false).await);
    world.users.sessions.logout_all(&user).await.unwrap();
    assert!(is_unknown(&world, &own.access_token, false).await);
}

async fn session(world: &World, user: &UserId, device: &str) -> Arc<Session> {
    authenticate(world, &world.login(user, device).await.access_token).await.unwrap()
}

#[tokio::test]
async fn a_login_token_works_once_and_for_two_minutes() {
    let world = World::new();
    let user = world.register("alice").await;
    let (sessions, session) = (&world.users.sessions, session(&world, &user, "PHONE").await);
    let (token, lifetime) = sessions.create_login_token(&session).await.unwrap();
    assert_eq!(lifetime, Duration::from_secs(120));
    let (one, other) = tokio::join!(sessions.use_login_token(&token), sessions.use_login_token(&token));
    assert!(one.is_ok() != other.is_ok());
    let (token, _) = sessions.create_login_token(&session).await.unwrap();
    assert_eq!(sessions.openid_user(&token).unwrap(), None);
    world.clock.advance(120_000);
    assert!(matches!(sessions.use_login_token(&token).await, Err(UsersError::Forbidden(_))));
}

#[tokio::test]
async fn an_openid_token_says_who_it_is_and_nothing_else() {
    let world = World::new();
    let user = world.register("alice").await;
    let (sessions, session) = (&world.users.sessions, session(&world, &user, "PHONE").await);
    let (token, _) = sessions.create_openid_token(&session).await.unwrap();
    assert_eq!(sessions.openid_user(&token).unwrap(), Some(user));
    assert!(is_unknown(&world, &token, false).await);
    assert!(sessions.use_login_token(&token).await.is_err());
}

#[tokio::test]
async fn short_tokens_end_with_their_session() {
    let world = World::new();
    let user = world.register("alice").await;
    let sessions = &world.users.sessions;
    let (phone, tablet) = (session(&world, &user, "PHONE").await, session(&world, &user, "TABLET").await);
    let (login, _) = sessions.create_login_token(&phone).await.unwrap();
    let (openid, _) = sessions.create_openid_token(&phone).await.unwrap();
    let (others, _) = sessions.create_openid_token(&tablet).await.unwrap();
    sessions.logout(&phone).await.unwrap();
    assert!(sessions.use_login_token(&login).await.is_err());
    assert_eq!(sessions.openid_user(&openid).unwrap(), None);
    assert!(sessions.create_openid_token(&phone).await.is_err(), "this session is over");

    // A new password ends what logs in.
    let (login, _) = sessions.create_login_token(&tablet).await.unwrap();
    world.users.accounts.set_password(&user, "new").await.unwrap();
    assert!(sessions.use_login_token(&login).await.is_err());
    assert!(sessions.openid_user(&others).unwrap().is_some());
    world.users.accounts.deactivate(&user, false).await.unwrap();
    assert_eq!(sessions.openid_user(&others).unwrap(), None);
    assert_eq!(world.store.view().scan(&schema::SHORT_TOKENS, Scan::all()).count(), 0);
}

#[tokio::test]
async fn short_tokens_are_bounded_and_swept_out() {
    let world = World::new();
    let user = world.register("alice").await;
    let (sessions, session) = (&world.users.sessions, session(&world, &user, "PHONE").await);
    for _ in 0..200 {
        sessions.create_openid_token(&session).await.unwrap();
    }
    let more = sessions.create_openid_token(&session).await;
    assert!(matches!(more, Err(UsersError::LimitExceeded(_))));
    world.clock.advance(3_600_000);
    sessions.create_openid_token(&session).await.unwrap();
    assert_eq!(world.store.view().scan(&schema::SHORT_TOKENS, Scan::all()).count(), 1);
}

#[tokio::test]
async fn a_user_has_so_many_devices() {
    let world = World::new();
    let user = world.register("alice").await;
    for number in 0..MAX_DEVICES {
        world.login(&user, &format!("D{number}")).await;
    }
    let device = |id: &str| Some(OwnedDeviceId::from(id));
    let create = async |id| world.users.sessions.create(&user, device(id).as_deref(), None, false).await;
    assert!(matches!(create("MORE").await, Err(UsersError::LimitExceeded(_))));
    create("D1").await.unwrap();
    world.users.devices.delete(&user, &["D2".into()]).await.unwrap();
    create("MORE").await.unwrap();
}
