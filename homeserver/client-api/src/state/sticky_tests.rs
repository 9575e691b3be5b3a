use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{User, error},
};

const HOUR: u64 = 3_600_000;

impl Cast {
    async fn put_sticky(&self, who: &User, path: &str, duration: impl ToString) -> (u16, Value) {
        let duration = duration.to_string();
        let query = format!("org.matrix.msc4354.sticky_duration_ms={duration}");
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{CLIENT}/rooms/{}/{path}{separator}{query}", self.room);
        self.server.put(&path, Some(who), json!({ "in": "the call" })).await
    }

    async fn seen_by(&self, who: &User, sent: &Value) -> Value {
        let id = sent["event_id"].as_str().unwrap();
        self.server.get(&format!("{CLIENT}/rooms/{}/event/{id}", self.room), Some(who)).await.1
    }
}

#[tokio::test]
async fn an_event_is_sent_to_be_sticky() {
    let cast = Cast::new().await;
    let (status, sent) = cast.put_sticky(&cast.alice, "send/m.rtc.member/1", HOUR).await;
    assert_eq!(status, 200, "{sent}");
    let event = cast.seen_by(&cast.bob, &sent).await;
    assert_eq!(event["msc4354_sticky"], json!({ "duration_ms": HOUR }));
    assert_eq!(event["unsigned"]["msc4354_sticky_duration_ttl_ms"], HOUR);
    cast.server.clock.advance(HOUR);
    let event = cast.seen_by(&cast.bob, &sent).await;
    assert!(event["unsigned"].get("msc4354_sticky_duration_ttl_ms").is_none());
    // State as well, each time anew.
    let (_, first) = cast.put_sticky(&cast.alice, "state/m.room.topic/", 1000).await;
    let (status, again) = cast.put_sticky(&cast.alice, "state/m.room.topic/", 1000).await;
    assert_eq!(status, 200, "{again}");
    assert_ne!(first, again);
    assert_eq!(cast.seen_by(&cast.bob, &again).await["msc4354_sticky"], json!({ "duration_ms": 1000 }));
    for wrong in ["3600001", "-1", "soon"] {
        let refused = cast.put_sticky(&cast.alice, "send/m.rtc.member/2", wrong).await;
        assert_eq!(error(&refused), (400, "M_INVALID_PARAM"), "{wrong}");
    }
}

#[tokio::test]
async fn a_delayed_event_is_sticky_from_when_it_is_sent() {
    let cast = Cast::new().await;
    let path = "send/m.rtc.member/1?org.matrix.msc4140.delay=10000";
    let (status, answer) = cast.put_sticky(&cast.bob, path, HOUR).await;
    assert_eq!(status, 200, "{answer}");
    cast.server.clock.advance(10_000);
    let path = format!("{CLIENT}/rooms/{}/messages?dir=b&limit=1", cast.room);
    let event = loop {
        let newest = cast.server.get(&path, Some(&cast.alice)).await.1["chunk"][0].clone();
        if newest["type"] == "m.rtc.member" {
            break newest;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(event["unsigned"]["msc4354_sticky_duration_ttl_ms"], HOUR);
}
