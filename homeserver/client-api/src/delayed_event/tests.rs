use hearth_rooms::{MAX_DELAY_MS, MAX_DELAYED_EVENTS};
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast, OK},
    testing::{TestServer, User, error},
};

const DELAYED: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
/// A piece of state that each member of a call has.
const CALL: &str = "org.matrix.msc3401.call.member";

/// A room whose members may set their part of a call.
async fn call() -> Cast {
    let cast = Cast::new().await;
    let levels = cast.state(&cast.alice, "m.room.power_levels").await;
    let mut levels = levels;
    levels["events"][CALL] = json!(0);
    cast.server.set_state(&cast.alice, &cast.room, "m.room.power_levels", levels).await;
    cast
}

impl Cast {
    async fn state(&self, who: &User, state: &str) -> Value {
        self.server.state(who, &self.room, state).await
    }

    async fn put(&self, who: &User, path: &str, delay: impl ToString, content: Value) -> (u16, Value) {
        let delay = delay.to_string();
        let path = format!("{CLIENT}/rooms/{}/{path}?org.matrix.msc4140.delay={delay}", self.room);
        self.server.put(&path, Some(who), content).await
    }

    /// Lets something be sent later, and gives its delay id.
    async fn later(&self, who: &User, path: &str, delay: u64, content: Value) -> String {
        let (status, answer) = self.put(who, path, delay, content).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer.get("event_id").is_none());
        answer["delay_id"].as_str().unwrap().to_owned()
    }

    /// Does something with a delayed event, as somebody who has no token.
    async fn act(&self, delay_id: &str, action: &str) -> (u16, Value) {
        self.server.post(&format!("{DELAYED}/{delay_id}/{action}"), None, json!({})).await
    }

    async fn list(&self, who: &User, query: &str) -> Vec<Value> {
        let (status, answer) = self.server.get(&format!("{DELAYED}{query}"), Some(who)).await;
        assert_eq!(status, 200, "{answer}");
        answer["delayed_events"].as_array().unwrap().clone()
    }

    /// Waits until a user has so many that wait.
    async fn until_waiting(&self, who: &User, count: usize) {
        while self.list(who, "").await.len() != count {
            tokio::task::yield_now().await;
        }
    }

    async fn newest(&self) -> Value {
        let path = format!("{CLIENT}/rooms/{}/messages?dir=b&limit=1", self.room);
        self.server.get(&path, Some(&self.alice)).await.1["chunk"][0].clone()
    }
}

#[tokio::test]
async fn a_message_is_sent_when_its_time_has_come() {
    let cast = call().await;
    let content = json!({ "msgtype": "m.text", "body": "Later" });
    let id = cast.later(&cast.bob, "send/m.room.message/1", 10_000, content.clone()).await;
    // Sent again under the same transaction it is the same.
    assert_eq!(cast.later(&cast.bob, "send/m.room.message/1", 10_000, content.clone()).await, id);
    let listed = cast.list(&cast.bob, "").await;
    let now = cast.server.api.now_ms();
    let expected = json!([{
        "delay_id": id, "room_id": cast.room, "type": "m.room.message", "content": content, "delay": 10_000,
        "running_since": now,
    }]);
    assert_eq!(json!(listed), expected);
    assert!(cast.list(&cast.alice, "").await.is_empty());

    cast.server.clock.advance(9_999);
    assert_eq!(cast.list(&cast.bob, "").await.len(), 1);
    cast.server.clock.advance(1);
    cast.until_waiting(&cast.bob, 0).await;
    let sent = cast.newest().await;
    assert_eq!((&sent["content"], &sent["sender"]), (&content, &json!(cast.bob.id)));
    // It can be looked at, by its user, and asked for again without coming twice.
    let done = cast.list(&cast.bob, "?status=finalised").await;
    assert_eq!((&done[0]["event_id"], &done[0]["finalised_ts"]), (&sent["event_id"], &json!(now + 10_000)));
    let one = cast.server.get(&format!("{DELAYED}/{id}"), Some(&cast.bob)).await;
    assert_eq!(one, (200, done[0].clone()));
    let of_another = cast.server.get(&format!("{DELAYED}/{id}"), Some(&cast.alice)).await;
    assert_eq!(error(&of_another), (404, "M_NOT_FOUND"));
    assert_eq!(cast.later(&cast.bob, "send/m.room.message/1", 10_000, content).await, id);
    assert!(cast.list(&cast.bob, "").await.is_empty());
}

#[tokio::test]
async fn a_call_goes_on_as_long_as_it_is_restarted() {
    let cast = call().await;
    let state = format!("{CALL}/_bob");
    cast.server.set_state(&cast.bob, &cast.room, &state, json!({ "in": "the call" })).await;
    let id = cast.later(&cast.bob, &format!("state/{state}"), 10_000, json!({})).await;
    for _ in 0..5 {
        cast.server.clock.advance(9_000);
        assert_eq!(error(&cast.act(&id, "restart").await), OK);
    }
    assert_eq!(cast.state(&cast.bob, &state).await, json!({ "in": "the call" }));
    cast.server.clock.advance(10_000);
    cast.until_waiting(&cast.bob, 0).await;
    assert_eq!(cast.state(&cast.bob, &state).await, json!({}));
    // There is nothing to restart any more, by which the client knows that it has to join again.
    assert_eq!(error(&cast.act(&id, "restart").await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn it_can_be_sent_at_once_or_cancelled() {
    let cast = call().await;
    let state = format!("{CALL}/_bob");
    let id = cast.later(&cast.bob, &format!("state/{state}"), 10_000, json!({ "left": true })).await;
    assert_eq!(error(&cast.act(&id, "send").await), OK);
    assert_eq!(cast.state(&cast.bob, &state).await, json!({ "left": true }));
    for action in ["send", "cancel", "restart"] {
        assert_eq!(error(&cast.act(&id, action).await), (404, "M_NOT_FOUND"));
    }

    let id = cast.later(&cast.bob, &format!("state/{state}"), 10_000, json!({ "left": "later" })).await;
    // As clients did it before, with a token.
    let path = format!("{DELAYED}/{id}");
    let act = async |who, body| cast.server.post(&path, who, body).await;
    assert_eq!(error(&act(None, json!({ "action": "cancel" })).await), (401, "M_MISSING_TOKEN"));
    assert_eq!(error(&act(Some(&cast.bob), json!({})).await).0, 400);
    assert_eq!(error(&act(Some(&cast.bob), json!({ "action": "oops" })).await), (400, "M_INVALID_PARAM"));
    assert_eq!(error(&act(Some(&cast.bob), json!({ "action": "cancel" })).await), OK);
    cast.server.clock.advance(20_000);
    assert!(cast.list(&cast.bob, "").await.is_empty());
    assert_eq!(cast.state(&cast.bob, &state).await, json!({ "left": true }));

    assert_eq!(error(&cast.act(&id, "oops").await), (404, "M_UNRECOGNIZED"));
    for action in ["send", "cancel", "restart"] {
        assert_eq!(error(&cast.act("nonsense", action).await), (404, "M_NOT_FOUND"));
    }
    let own = cast.server.get(DELAYED, None).await;
    assert_eq!(error(&own), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn state_that_another_user_sets_meanwhile_stands() {
    let cast = call().await;
    let state = format!("{CALL}/shared");
    let mine = cast.later(&cast.bob, &format!("state/{state}"), 10_000, json!({ "by": "timer" })).await;
    let other = cast.later(&cast.bob, &format!("state/{CALL}/other"), 10_000, json!({ "by": "timer" })).await;
    // One's own does not count.
    cast.server.set_state(&cast.bob, &cast.room, &state, json!({ "by": "bob" })).await;
    assert_eq!(cast.list(&cast.bob, "").await.len(), 2);
    cast.server.set_state(&cast.alice, &cast.room, &state, json!({ "by": "alice" })).await;
    let left = cast.list(&cast.bob, "").await;
    assert_eq!((left.len(), &left[0]["delay_id"]), (1, &json!(other)));
    let ended = cast.list(&cast.bob, &format!("?status=finalised&delay_id={mine}")).await;
    assert!(ended[0].get("event_id").is_none() && ended[0].get("error").is_none(), "{ended:?}");
    cast.server.clock.advance(10_000);
    cast.until_waiting(&cast.bob, 0).await;
    assert_eq!(cast.state(&cast.bob, &state).await, json!({ "by": "alice" }));
}

#[tokio::test]
async fn what_the_room_does_not_take_then_is_told_of() {
    let cast = call().await;
    let id = cast.later(&cast.bob, "send/m.room.message/1", 10_000, json!({ "body": "?" })).await;
    cast.server.act(&cast.alice, &cast.room, "kick", json!({ "user_id": cast.bob.id })).await;
    cast.server.clock.advance(10_000);
    cast.until_waiting(&cast.bob, 0).await;
    let (_, ended) = cast.server.get(&format!("{DELAYED}/{id}"), Some(&cast.bob)).await;
    assert_eq!(ended["error"]["errcode"], "M_FORBIDDEN", "{ended}");
    assert_ne!(cast.newest().await["content"], json!({ "body": "?" }));
}

#[tokio::test]
async fn not_everything_can_wait() {
    let cast = call().await;
    let put = async |path: &str, delay: &str, content| {
        let answer = cast.put(&cast.bob, path, delay, content).await;
        (answer.0, answer.1)
    };
    let text = json!({ "msgtype": "m.text", "body": "x" });
    for wrong in ["-1", "soon", "", "1.5"] {
        let answer = put("send/m.room.message/1", wrong, text.clone()).await;
        assert_eq!(error(&answer), (400, "M_INVALID_PARAM"), "{wrong}");
    }
    let answer = put("send/m.room.message/1", &(MAX_DELAY_MS + 1).to_string(), text.clone()).await;
    assert_eq!(error(&answer), (400, "M_UNKNOWN"));
    assert_eq!(answer.1["org.matrix.msc4140.errcode"], "M_MAX_DELAY_EXCEEDED");
    assert_eq!(answer.1["org.matrix.msc4140.max_delay"], MAX_DELAY_MS);

    let bob = &cast.bob.id;
    let member = format!("state/m.room.member/{bob}");
    let answer = put(&member, "1000", json!({ "membership": "join" })).await;
    assert_eq!(error(&answer), (403, "M_FORBIDDEN"));
    assert_eq!(error(&put(&member, "60000", json!({ "membership": "leave" })).await), OK);
    let not_mine = cast.server.say(&cast.alice, &cast.room, "hers").await;
    let answer = put("send/m.room.redaction/1", "1000", json!({ "redacts": not_mine })).await;
    assert_eq!(error(&answer), (403, "M_FORBIDDEN"));
    let mine = cast.server.say(&cast.bob, &cast.room, "mine").await;
    let answer = put("send/m.room.redaction/1", "1000", json!({ "redacts": mine })).await;
    assert_eq!(error(&answer), OK);
    let large = json!({ "body": "x".repeat(70_000) });
    assert_eq!(error(&put("send/m.room.message/2", "1000", large).await), (413, "M_TOO_LARGE"));

    for who in [&cast.stranger, &cast.former, &cast.banned] {
        let answer = cast.put(who, "send/m.room.message/1", 1000, text.clone()).await;
        assert_eq!(error(&answer), (403, "M_FORBIDDEN"));
    }
    cast.server.clock.advance(1000);
    cast.until_waiting(&cast.bob, 1).await;
    let path = format!("{CLIENT}/rooms/{}/event/{mine}", cast.room);
    assert_eq!(cast.server.get(&path, Some(&cast.alice)).await.1["content"], json!({}));
    cast.server.clock.advance(60_000);
    cast.until_waiting(&cast.bob, 0).await;
    let path = format!("m.room.member/{bob}");
    assert_eq!(cast.state(&cast.alice, &path).await["membership"], "leave");
}

#[tokio::test]
async fn a_user_has_so_many_at_most() {
    let cast = call().await;
    for n in 0..MAX_DELAYED_EVENTS {
        cast.later(&cast.bob, &format!("send/m.room.message/{n}"), 60_000, json!({ "n": n })).await;
    }
    let answer = cast.put(&cast.bob, "send/m.room.message/last", 60_000, json!({})).await;
    assert_eq!(error(&answer), (400, "M_UNKNOWN"));
    assert_eq!(answer.1["org.matrix.msc4140.errcode"], "M_MAX_DELAYED_EVENTS_EXCEEDED");
    // Of those that are done with some are kept, and others' are not counted.
    cast.later(&cast.alice, "send/m.room.message/1", 10_000, json!({})).await;
    cast.server.clock.advance(60_000);
    cast.until_waiting(&cast.bob, 0).await;
    assert_eq!(cast.list(&cast.bob, "?status=finalised").await.len(), 20);
    cast.later(&cast.bob, "send/m.room.message/again", 10_000, json!({})).await;
}

#[tokio::test]
async fn contents_that_wait_have_a_bound_together() {
    let cast = call().await;
    let large = json!({ "body": "x".repeat(60_000) });
    let mut taken = 0;
    let refused = loop {
        let path = format!("send/m.room.message/{taken}");
        let answer = cast.put(&cast.bob, &path, 60_000, large.clone()).await;
        if answer.0 != 200 {
            break answer;
        }
        taken += 1;
    };
    assert_eq!(refused.1["org.matrix.msc4140.errcode"], "M_MAX_DELAYED_EVENTS_EXCEEDED");
    assert_eq!(taken, (1 << 20) / 60_011);
}

#[tokio::test]
async fn nothing_is_sent_for_an_account_that_ended() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/1?org.matrix.msc4140.delay=1000");
    let (_, answer) = server.put(&path, Some(&alice), json!({ "body": "from the grave" })).await;
    let id = answer["delay_id"].as_str().unwrap();
    let auth = json!({
        "type": "m.login.password", "password": crate::testing::PASSWORD,
        "identifier": { "type": "m.id.user", "user": "alice" },
    });
    let path = format!("{CLIENT}/account/deactivate");
    assert_eq!(server.post(&path, Some(&alice), json!({ "auth": auth })).await.0, 200);
    let answer = server.post(&format!("{DELAYED}/{id}/send"), None, json!({})).await;
    assert_eq!(error(&answer), (404, "M_NOT_FOUND"));
    assert!(server.api.rooms.delayed_events(&alice.id).unwrap().is_empty());
}

/// The latest form of the proposal has an endpoint of its own.
#[tokio::test]
async fn by_an_endpoint_of_its_own() {
    let cast = call().await;
    let unstable = "/_matrix/client/unstable/org.matrix.msc4140";
    let path = format!("{unstable}/rooms/{}/delayed_event/{CALL}/1", cast.room);
    let body = json!({ "delay": 1000, "state_key": "_bob", "content": { "a": 1 } });
    let (status, answer) = cast.server.put(&path, Some(&cast.bob), body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(cast.server.put(&path, Some(&cast.bob), body).await.1, answer);
    cast.server.clock.advance(1000);
    cast.until_waiting(&cast.bob, 0).await;
    assert_eq!(cast.state(&cast.bob, &format!("{CALL}/_bob")).await, json!({ "a": 1 }));
}
