//! Pushers that are told by mail.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use hearth_users::NewPusher;
use parking_lot::Mutex;
use ruma::UserId;
use serde_json::{json, value::to_raw_value};

use crate::{
    mail::{EMAIL_APP, Mail, Mailer, Mails, NotSent},
    pushes::testing::World,
};

const DELAY: Duration = Duration::from_secs(600);

/// A mail server that is away as often as it is told to be, and takes nothing to one address.
#[derive(Default)]
struct Post {
    sent: Mutex<Vec<Mail>>,
    failures: Mutex<u32>,
    refused: Mutex<Option<String>>,
}

impl Post {
    fn recipients(&self) -> Vec<String> {
        self.sent.lock().iter().map(|mail| mail.to.clone()).collect()
    }
}

impl Mailer for Post {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), NotSent>> {
        Box::pin(async move {
            let mut failures = self.failures.lock();
            if *failures > 0 {
                *failures -= 1;
                return Err(NotSent::Unreachable("it is asleep".to_owned()));
            }
            if self.refused.lock().as_deref() == Some(&mail.to) {
                return Err(NotSent::Refused("nobody has this address".to_owned()));
            }
            self.sent.lock().push(mail);
            Ok(())
        })
    }
}

async fn subscribe(world: &World, user: &UserId) {
    set(world, user, None).await;
}

async fn set(world: &World, user: &UserId, to_activate: Option<u64>) {
    let pusher = to_raw_value(&json!({ "kind": "email", "data": {} })).unwrap();
    let new = NewPusher {
        app_id: EMAIL_APP,
        pushkey: &address(user),
        pusher: &pusher,
        enabled: true,
        append: true,
        to_activate,
    };
    world.users.pushers.set(user, "D".into(), new).await.unwrap();
}

fn address(user: &UserId) -> String {
    format!("{}@example.org", user.localpart())
}

fn world() -> (World, Arc<Post>) {
    let post = Arc::new(Post::default());
    let mails = Mails {
        mailer: post.clone(),
        base_url: "https://h.org".to_owned(),
        delay: DELAY,
        secret: "s".to_owned(),
    };
    (World::with_mails(mails), post)
}

/// Both clocks go on.
async fn pass(world: &World, time: Duration) {
    world.settle_for(Duration::from_secs(1)).await;
    world.clock.advance(time.as_millis() as u64);
    world.settle_for(time).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_unread_for_a_while_comes_in_one_mail_and_once() {
    let (world, post) = world();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room(&bob, &[&alice]).await;
    subscribe(&world, &alice).await;
    world.settle().await;
    for number in 0..7 {
        world.say(&bob, &room, &format!("message {number}")).await;
    }
    pass(&world, DELAY / 2).await;
    assert!(post.sent.lock().is_empty(), "she may read it herself");
    *post.failures.lock() = 1;
    pass(&world, DELAY).await;
    pass(&world, DELAY).await;
    let sent = post.sent.lock().clone();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (sent[0].to.as_str(), sent[0].subject.as_str()),
        ("alice@example.org", "7 messages that you have not read")
    );
    assert!(sent[0].text.contains("@bob:h.org: message 6\n  and 2 more"), "{}", sent[0].text);
    assert!(!sent[0].text.contains("message 1\n"));

    let last = world.say(&bob, &room, "and another").await;
    pass(&world, DELAY / 2).await;
    room.set_receipt(&alice, "m.read", None, &last).await.unwrap();
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.sent.lock().len(), 1, "she has read it");
    world.say(&bob, &room, "one more").await;
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.sent.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_mails_who_has_not_confirmed_or_has_ended_them() {
    let (world, post) = world();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room(&bob, &[&alice, &carol]).await;
    set(&world, &alice, Some(60 * 60_000)).await;
    subscribe(&world, &carol).await;
    // A gateway on a host of any name stays a gateway.
    world.push_to(&bob, "someone@example.org", "mail").await;
    world.settle().await;
    world.say(&bob, &room, "news").await;
    world.say(&alice, &room, "news").await;
    pass(&world, DELAY / 2).await;
    world.users.pushers.delete(&carol, EMAIL_APP, &address(&carol)).await.unwrap();
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.recipients(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_the_mail_server_refuses_keeps_no_mail_from_others() {
    let (world, post) = world();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room(&bob, &[&alice, &carol]).await;
    subscribe(&world, &alice).await;
    subscribe(&world, &carol).await;
    world.settle().await;
    *post.refused.lock() = Some(address(&alice));
    world.say(&bob, &room, "news").await;
    pass(&world, DELAY).await;
    assert_eq!(post.recipients(), [address(&carol)]);
    *post.refused.lock() = None;
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.recipients(), [address(&carol), address(&alice)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_unread_before_a_restart_is_told_after_it_and_once() {
    let (world, post) = world();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room(&bob, &[&alice]).await;
    subscribe(&world, &alice).await;
    world.settle().await;
    world.say(&bob, &room, "news").await;
    world.settle().await;
    let world = world.killed();
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.recipients(), [address(&alice)]);
    let world = world.killed();
    pass(&world, 2 * DELAY).await;
    assert_eq!(post.recipients(), [address(&alice)], "it was told already");
}
