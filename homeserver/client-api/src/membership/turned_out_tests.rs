use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::User,
};

const REDACT: &str = "org.matrix.msc4293.redact_events";

impl Cast {
    async fn event(&self, event: &str) -> Value {
        let path = format!("{CLIENT}/rooms/{}/event/{event}", self.room);
        self.server.get(&path, Some(&self.alice)).await.1
    }

    /// Lets the timers go as far as they go: what comes after a timer that was set is done after it.
    async fn until_done(&self) {
        let timers = || {
            let view = self.server.api.rooms.store().view();
            let mut due = view.scan(&hearth_storage::schema::TIMERS, hearth_storage::Scan::all());
            due.any(|row| row.unwrap().0.0 <= self.server.api.now_ms())
        };
        while timers() {
            tokio::task::yield_now().await;
        }
    }

    async fn turn_out(&self, by: &User, how: &str, body: Value) {
        self.server.act(by, &self.room, how, body).await;
        self.until_done().await;
    }
}

#[tokio::test]
async fn what_a_user_sent_goes_with_them_where_that_is_said() {
    for how in ["ban", "kick"] {
        let cast = Cast::new().await;
        let mut theirs = Vec::new();
        // More than are redacted at once.
        for n in 0..300 {
            theirs.push(cast.server.say(&cast.bob, &cast.room, &format!("spam{n}")).await);
        }
        let hers = cast.server.say(&cast.alice, &cast.room, "hers").await;
        cast.turn_out(&cast.alice, how, json!({ "user_id": cast.bob.id, REDACT: true })).await;
        for event in [&theirs[0], &theirs[150], &theirs[299]] {
            let event = cast.event(event).await;
            assert_eq!(event["content"], json!({}));
            assert_eq!(event["unsigned"]["redacted_because"]["type"], "m.room.member");
        }
        assert_ne!(cast.event(&hers).await["content"], json!({}));
        let member =
            cast.server.state(&cast.alice, &cast.room, &format!("m.room.member/{}", cast.bob.id)).await;
        assert_eq!(member[REDACT], true);
        let findings = hearth_rooms::check(cast.server.api.rooms.store(), |_| {}).unwrap().findings;
        assert!(findings.is_empty(), "{findings:?}");
    }
}

#[tokio::test]
async fn it_stays_where_that_is_not_said_or_not_for_them_to_say() {
    let cast = Cast::new().await;
    let said = cast.server.say(&cast.bob, &cast.room, "said").await;
    cast.turn_out(&cast.alice, "kick", json!({ "user_id": cast.bob.id })).await;
    cast.server.act(&cast.alice, &cast.room, "invite", json!({ "user_id": cast.bob.id })).await;
    cast.server.act(&cast.bob, &cast.room, "join", json!({})).await;
    // Who leaves by themselves takes nothing along.
    let path = format!("{CLIENT}/rooms/{}/state/m.room.member/{}", cast.room, cast.bob.id);
    let leave = json!({ "membership": "leave", REDACT: true });
    assert_eq!(cast.server.put(&path, Some(&cast.bob), leave).await.0, 200);
    cast.until_done().await;
    assert_ne!(cast.event(&said).await["content"], json!({}));

    // A moderator who may kick and not redact.
    cast.server.act(&cast.alice, &cast.room, "invite", json!({ "user_id": cast.bob.id })).await;
    cast.server.act(&cast.bob, &cast.room, "join", json!({})).await;
    cast.server.act(&cast.alice, &cast.room, "invite", json!({ "user_id": cast.stranger.id })).await;
    cast.server.act(&cast.stranger, &cast.room, "join", json!({})).await;
    let levels = json!({ "users": { cast.stranger.id.as_str(): 50 }, "redact": 75 });
    cast.server.set_state(&cast.alice, &cast.room, "m.room.power_levels", levels).await;
    cast.turn_out(&cast.stranger, "ban", json!({ "user_id": cast.bob.id, REDACT: true })).await;
    assert_ne!(cast.event(&said).await["content"], json!({}));
}
