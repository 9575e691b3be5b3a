use serde_json::json;

use super::{ADMIN, server};
use crate::testing::{TestServer, error};

#[tokio::test]
async fn nobody_gets_what_the_shadow_banned_send() {
    let (server, root, alice) = server().await;
    let bob = server.register("bob").await;
    let room = server.create_room(&bob, json!({ "preset": "public_chat" })).await;
    server.act(&alice, &room, "join", json!({})).await;
    let ban = format!("{ADMIN}/v1/users/{}/shadow_ban", alice.id);
    assert_eq!(server.post(&ban, Some(&root), json!({})).await, (200, json!({})));
    let about = server.get(&format!("{ADMIN}/v2/users/{}", alice.id), Some(&root)).await.1;
    assert_eq!(about["shadow_banned"], true);

    let event = server.say(&alice, &room, "spam").await;
    assert!(event.len() == 44 && event.starts_with('$'), "{event}");
    server.act(&alice, &room, "invite", json!({ "user_id": root.id })).await;
    let react = format!("/_matrix/client/v3/rooms/{room}/send/m.reaction/1");
    assert_eq!(server.put(&react, Some(&alice), json!({})).await.0, 200);
    let own = server.create_room(&alice, json!({ "invite": [bob.id] })).await;
    let members = server.get(&format!("{ADMIN}/v1/rooms/{own}/state"), Some(&root)).await.1;
    assert!(!members.to_string().contains("invited"), "{members}");
    let messages = server.get(&format!("{ADMIN}/v1/rooms/{room}/messages?limit=500"), Some(&root)).await.1;
    assert!(!messages.to_string().contains("spam") && !messages.to_string().contains("m.reaction"));
    let rooms = server.get(&format!("{ADMIN}/v1/users/{}/memberships", root.id), Some(&root)).await.1;
    assert_eq!(rooms["memberships"], json!({}));

    assert_eq!(server.delete(&ban, Some(&root), json!({})).await.0, 200);
    server.say(&alice, &room, "heard").await;
    let messages = server.get(&format!("{ADMIN}/v1/rooms/{room}/messages?limit=500"), Some(&root)).await.1;
    assert!(messages.to_string().contains("heard"));
}

#[tokio::test]
async fn one_may_send_more_or_less_often_than_others() {
    let server = TestServer::with(|options| options.rate_limits = Some(Default::default()));
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let room = server.create_room(&alice, json!({})).await;
    let path = format!("{ADMIN}/v1/users/{}/override_ratelimit", alice.id);
    assert_eq!(server.get(&path, Some(&root)).await, (200, json!({})));
    let rate = json!({ "messages_per_second": 1, "burst_count": 2 });
    assert_eq!(server.post(&path, Some(&root), rate.clone()).await, (200, rate.clone()));
    assert_eq!(server.get(&path, Some(&root)).await, (200, rate));
    let say = async |text: &str| {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{text}");
        server.put(&path, Some(&alice), json!({ "body": text })).await
    };
    assert_eq!((say("1").await.0, say("2").await.0), (200, 200));
    assert_eq!(error(&say("3").await), (429, "M_LIMIT_EXCEEDED"));
    let free = json!({ "messages_per_second": 0, "burst_count": 0 });
    assert_eq!(server.post(&path, Some(&root), free).await.0, 200);
    for number in 3..200 {
        assert_eq!(say(&number.to_string()).await.0, 200, "{number}");
    }
    assert_eq!(server.delete(&path, Some(&root), json!({})).await, (200, json!({})));
    let wrong = json!({ "messages_per_second": -1 });
    assert_eq!(error(&server.post(&path, Some(&root), wrong).await).0, 400);
}
