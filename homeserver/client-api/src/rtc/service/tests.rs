use axum::body::Body;
use hearth_sfu::{Grants, Token};
use http::{Method, Request};
use serde_json::{Value, json};

use super::{DELEGATE, GET_TOKEN, SFU_GET};
use crate::{
    room::testing::{CLIENT, FORBIDDEN},
    testing::{CALLS_URL, TestServer, User, calls_key, error},
};

const NOW_S: u64 = 1_700_000_000;
const SFU_URL: &str = "wss://matrix.example";

/// What a user shows.
async fn openid(server: &TestServer, user: &User) -> Value {
    let path = format!("/_matrix/client/v3/user/{}/openid/request_token", user.id);
    server.post(&path, Some(user), json!({})).await.1
}

async fn get(server: &TestServer, user: &User, room: &str) -> (u16, Value) {
    let token = openid(server, user).await;
    server.post(SFU_GET, None, json!({ "room": room, "openid_token": token, "device_id": "PHONE" })).await
}

fn token(answer: &(u16, Value)) -> Token {
    assert_eq!((answer.0, &answer.1["url"]), (200, &json!(SFU_URL)), "{}", answer.1);
    Token::verify(answer.1["jwt"].as_str().unwrap(), &calls_key(), NOW_S).unwrap()
}

#[tokio::test]
async fn members_of_a_room_get_tokens_for_its_call_and_nobody_else() {
    let server = TestServer::with_calls(|_| {});
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let made = token(&get(&server, &alice, &room).await);
    assert_eq!(made.identity, format!("{}:PHONE", alice.id));
    assert_eq!((made.not_before, made.expires), (NOW_S, NOW_S + 3600));
    assert_eq!(made.grants, Grants { update_own_metadata: false, ..Grants::ALL });

    assert_eq!(error(&get(&server, &bob, &room).await), FORBIDDEN);
    assert_eq!(error(&get(&server, &bob, "!none:localhost:8008").await), FORBIDDEN, "as if it were not here");
    assert_eq!(server.post(&format!("{CLIENT}/join/{room}"), Some(&bob), json!({})).await.0, 200);
    let of_bob = token(&get(&server, &bob, &room).await);
    assert_eq!(of_bob.room, made.room);
    let ban = json!({ "user_id": bob.id });
    server.act(&alice, &room, "ban", ban).await;
    assert_eq!(error(&get(&server, &bob, &room).await), FORBIDDEN);
}

#[tokio::test]
async fn who_may_not_say_that_they_are_in_a_call_may_listen() {
    let server = TestServer::with_calls(|_| {});
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    // Any message and any state takes a power level of 50.
    let levels = json!({ "events_default": 50 });
    let wanted = json!({ "preset": "public_chat", "power_level_content_override": levels });
    let room = server.create_room(&alice, wanted).await;
    assert_eq!(server.post(&format!("{CLIENT}/join/{room}"), Some(&bob), json!({})).await.0, 200);
    let grants = token(&get(&server, &bob, &room).await).grants;
    assert_eq!((grants.publish, grants.publish_data, grants.subscribe), (false, false, true));
    assert!(token(&get(&server, &alice, &room).await).grants.publish);
}

fn membership(room: &str, openid: &Value, user: &User) -> Value {
    json!({
        "room_id": room, "slot_id": "m.call#other", "openid_token": openid,
        "member": { "id": "xyz", "claimed_user_id": user.id, "claimed_device_id": "PHONE" },
    })
}

#[tokio::test]
async fn a_member_is_known_by_a_hash_in_a_slot() {
    let server = TestServer::with_calls(|_| {});
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({})).await;
    let mut asked = membership(&room, &openid(&server, &alice).await, &alice);
    let made = token(&server.post(GET_TOKEN, None, asked.clone()).await);
    assert_ne!(made.room, token(&get(&server, &alice, &room).await).room, "it is another slot");
    assert!(!made.identity.contains("alice"), "{}", made.identity);
    asked["member"]["claimed_user_id"] = json!(bob.id);
    assert_eq!(error(&server.post(GET_TOKEN, None, asked).await), (401, "M_UNAUTHORIZED"));
}

#[tokio::test]
async fn who_proves_nothing_gets_nothing() {
    let server = TestServer::with_calls(|_| {});
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    let mut asked =
        json!({ "room": room, "device_id": "PHONE", "openid_token": openid(&server, &alice).await });
    asked["openid_token"]["access_token"] = json!("a guess");
    assert_eq!(error(&server.post(SFU_GET, None, asked.clone()).await), (401, "M_UNAUTHORIZED"));
    asked["openid_token"]["matrix_server_name"] = json!(crate::testing::NOWHERE);
    assert_eq!(server.post(SFU_GET, None, asked).await.0, 502, "nobody can say");
    assert_eq!(error(&server.post(SFU_GET, None, json!({ "room": room })).await), (400, "M_BAD_JSON"));
    assert_eq!(error(&server.get(SFU_GET, None).await), (405, "M_UNRECOGNIZED"));
    // Web pages of any origin may ask.
    let preflight = Request::builder().method(Method::OPTIONS).uri(SFU_GET).body(Body::empty()).unwrap();
    let answer = server.send(preflight).await;
    let allowed = &answer.headers()["access-control-allow-origin"];
    assert_eq!((answer.status().as_u16(), allowed), (200, &"*".parse().unwrap()));
}

#[tokio::test]
async fn a_leave_is_taken_over_from_whose_it_is() {
    let server = TestServer::with_calls(|_| {});
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    assert_eq!(server.post(&format!("{CLIENT}/join/{room}"), Some(&bob), json!({})).await.0, 200);
    let later = format!("{CLIENT}/rooms/{room}/send/m.room.message/1?org.matrix.msc4140.delay=3600000");
    let (_, delayed) = server.put(&later, Some(&alice), json!({ "msgtype": "m.text", "body": "bye" })).await;
    let mut asked = membership(&room, &openid(&server, &alice).await, &alice);
    asked["delay_id"] = delayed["delay_id"].clone();
    assert_eq!(server.post(DELEGATE, None, asked.clone()).await, (200, json!({})));
    token(&server.post(GET_TOKEN, None, asked.clone()).await);
    let mut others = membership(&room, &openid(&server, &bob).await, &bob);
    others["delay_id"] = delayed["delay_id"].clone();
    assert_eq!(error(&server.post(DELEGATE, None, others).await), (404, "M_NOT_FOUND"));
    asked["delay_id"] = json!("none");
    assert_eq!(error(&server.post(DELEGATE, None, asked).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn a_server_that_carries_no_calls_has_no_tokens() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    assert_eq!(error(&get(&server, &alice, &room).await), (404, "M_UNRECOGNIZED"));
}

#[tokio::test]
async fn this_servers_place_for_calls_comes_before_others() {
    let other = "https://other.example".to_owned();
    let server = TestServer::with_calls(|options| {
        options.base_url = Some(CALLS_URL.to_owned());
        options.rtc_livekit = vec![other.clone()];
    });
    let alice = server.register("alice").await;
    let path = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";
    let (_, told) = server.get(path, Some(&alice)).await;
    let place = |url: &str| json!({ "type": "livekit", "livekit_service_url": url });
    assert_eq!(told["rtc_transports"], json!([place("https://matrix.example/livekit/jwt"), place(&other)]));
    let (_, client) = server.get("/.well-known/matrix/client", None).await;
    assert_eq!(client["org.matrix.msc4143.rtc_foci"], told["rtc_transports"]);
}
