use serde_json::json;

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{User, error},
};

#[tokio::test]
async fn presence_is_for_those_who_share_a_room() {
    let cast = Cast::new().await;
    let server = &cast.server;
    let path = |who: &User| format!("{CLIENT}/presence/{}/status", who.id);
    let set = json!({ "presence": "unavailable", "status_msg": "tea" });
    assert_eq!(server.put(&path(&cast.alice), Some(&cast.alice), set).await, (200, json!({})));
    server.clock.advance(5000);
    let wanted = json!({ "presence": "unavailable", "status_msg": "tea", "last_active_ago": 5000 });
    for who in [&cast.alice, &cast.bob] {
        assert_eq!(server.get(&path(&cast.alice), Some(who)).await, (200, wanted.clone()));
    }
    for who in [&cast.stranger, &cast.former, &cast.banned] {
        assert_eq!(error(&server.get(&path(&cast.alice), Some(who)).await), (403, "M_FORBIDDEN"));
    }
    // Of whom nothing is known yet.
    let own = server.get(&path(&cast.stranger), Some(&cast.stranger)).await;
    assert_eq!(own, (200, json!({ "presence": "offline" })));

    let online = json!({ "presence": "online" });
    assert_eq!(server.put(&path(&cast.bob), Some(&cast.bob), online.clone()).await.0, 200);
    let (_, bob) = server.get(&path(&cast.bob), Some(&cast.alice)).await;
    assert_eq!((&bob["presence"], &bob["currently_active"]), (&json!("online"), &json!(true)));
    let busy = json!({ "presence": "org.matrix.msc3026.busy" });
    assert_eq!(server.put(&path(&cast.bob), Some(&cast.bob), busy.clone()).await.0, 200);
    assert_eq!(server.get(&path(&cast.bob), Some(&cast.alice)).await.1["presence"], busy["presence"]);
    let other = server.put(&path(&cast.alice), Some(&cast.bob), online).await;
    assert_eq!(error(&other), (403, "M_FORBIDDEN"));
    let nonsense = server.put(&path(&cast.bob), Some(&cast.bob), json!({ "presence": "asleep" })).await;
    assert_eq!(error(&nonsense), (400, "M_INVALID_PARAM"));
}
