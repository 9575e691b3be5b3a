use hearth_storage::Position;
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{User, device_keys, error},
};

impl Cast {
    /// A sync token of now.
    async fn token(&self, who: &User) -> String {
        let Position(published) = self.server.api.rooms.store().published();
        self.server.api.sync.reached(Position(published)).await.unwrap();
        let (_, sync) = self.server.get(&format!("{CLIENT}/sync"), Some(who)).await;
        sync["next_batch"].as_str().unwrap().to_owned()
    }

    async fn upload(&self, who: &User) {
        let keys = json!({ "device_keys": device_keys(who) });
        let (status, answer) = self.server.post(&format!("{CLIENT}/keys/upload"), Some(who), keys).await;
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test]
async fn whose_keys_changed_between_two_syncs() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    let from = cast.token(alice).await;
    cast.upload(&cast.bob).await;
    cast.upload(&cast.stranger).await;
    let middle = cast.token(alice).await;

    let changes = async |from: &str, to: &str| {
        let path = format!("{CLIENT}/keys/changes?from={from}&to={to}");
        server.get(&path, Some(alice)).await
    };
    let of = |changed: &[&User], left: &[&User]| {
        let ids = |users: &[&User]| users.iter().map(|user| json!(user.id)).collect::<Vec<Value>>();
        (200, json!({ "changed": ids(changed), "left": ids(left) }))
    };
    assert_eq!(changes(&from, &middle).await, of(&[&cast.bob], &[]));

    server.act(alice, room, "invite", json!({ "user_id": cast.former.id })).await;
    server.act(&cast.former, room, "join", json!({})).await;
    server.act(&cast.bob, room, "leave", json!({})).await;
    let to = cast.token(alice).await;
    assert_eq!(changes(&middle, &to).await, of(&[&cast.former], &[&cast.bob]));
    assert_eq!(changes(&to, &to).await, of(&[], &[]));
    assert_eq!(error(&changes("x", &to).await), (400, "M_INVALID_PARAM"));
    let half = server.get(&format!("{CLIENT}/keys/changes?from={to}"), Some(alice)).await;
    assert_eq!(error(&half), (400, "M_MISSING_PARAM"));
}
