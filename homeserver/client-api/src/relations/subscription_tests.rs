use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast, OK},
    testing::{User, error},
};

const LIST: &str = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions?dir=b";
const NOT_FOUND: (u16, &str) = (404, "M_NOT_FOUND");

impl Cast {
    fn subscription(&self, root: &str) -> String {
        let room = &self.room;
        format!("/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{root}/subscription")
    }

    async fn subscribe(&self, who: &User, root: &str, body: Value) -> (u16, Value) {
        self.server.put(&self.subscription(root), Some(who), body).await
    }

    async fn unsubscribe(&self, who: &User, root: &str) -> (u16, Value) {
        self.server.delete(&self.subscription(root), Some(who), json!({})).await
    }

    async fn subscribed(&self, who: &User, root: &str) -> (u16, Value) {
        self.server.get(&self.subscription(root), Some(who)).await
    }

    async fn reply(&self, root: &str, text: &str) -> String {
        let path = format!("{CLIENT}/rooms/{}/send/m.room.message/{text}", self.room);
        let thread = json!({ "rel_type": "m.thread", "event_id": root });
        let content = json!({ "msgtype": "m.text", "body": text, "m.relates_to": thread });
        let (status, answer) = self.server.put(&path, Some(&self.bob), content).await;
        assert_eq!(status, 200, "{answer}");
        answer["event_id"].as_str().unwrap().to_owned()
    }

    async fn subscriptions(&self, query: &str) -> Value {
        let (status, answer) = self.server.get(&format!("{LIST}{query}"), Some(&self.alice)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

#[tokio::test]
async fn one_subscribes_and_gives_up() {
    let cast = Cast::new().await;
    let alice = &cast.alice;
    let root = cast.server.say(alice, &cast.room, "root").await;
    let reply = cast.reply(&root, "reply").await;
    assert_eq!(error(&cast.subscribed(alice, &root).await), NOT_FOUND);
    assert_eq!(error(&cast.unsubscribe(alice, &root).await), OK);
    assert_eq!(error(&cast.subscribe(alice, &root, json!({ "automatic": reply })).await), OK);
    assert_eq!(cast.subscribed(alice, &root).await, (200, json!({ "automatic": true })));
    assert_eq!(error(&cast.subscribed(&cast.bob, &root).await), NOT_FOUND);
    // What the user chose is not what the client does by itself.
    assert_eq!(error(&cast.subscribe(alice, &root, json!({})).await), OK);
    assert_eq!(cast.subscribed(alice, &root).await, (200, json!({ "automatic": false })));
    assert_eq!(error(&cast.subscribe(alice, &root, json!({ "automatic": reply })).await), OK);
    assert_eq!(cast.subscribed(alice, &root).await, (200, json!({ "automatic": false })));
    assert_eq!(error(&cast.unsubscribe(alice, &root).await), OK);
    assert_eq!(error(&cast.subscribed(alice, &root).await), NOT_FOUND);
}

#[tokio::test]
async fn who_gave_up_a_thread_comes_back_by_what_came_later() {
    let cast = Cast::new().await;
    let alice = &cast.alice;
    let root = cast.server.say(alice, &cast.room, "root").await;
    let (first, second) = (cast.reply(&root, "1").await, cast.reply(&root, "2").await);
    assert_eq!(error(&cast.subscribe(alice, &root, json!({ "automatic": first })).await), OK);
    assert_eq!(error(&cast.unsubscribe(alice, &root).await), OK);
    let third = cast.reply(&root, "3").await;
    for earlier in [first, second] {
        let answer = cast.subscribe(alice, &root, json!({ "automatic": earlier })).await;
        assert_eq!(error(&answer), (409, "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION"));
        assert_eq!(error(&cast.subscribed(alice, &root).await), NOT_FOUND);
    }
    assert_eq!(error(&cast.subscribe(alice, &root, json!({ "automatic": third })).await), OK);
    assert_eq!(cast.subscribed(alice, &root).await, (200, json!({ "automatic": true })));
}

#[tokio::test]
async fn what_is_no_cause_and_who_may_not() {
    let cast = Cast::new().await;
    let root = cast.server.say(&cast.alice, &cast.room, "root").await;
    let other = cast.server.say(&cast.alice, &cast.room, "other").await;
    let elsewhere = cast.reply(&other, "elsewhere").await;
    for wrong in [&root, &other, &elsewhere] {
        let answer = cast.subscribe(&cast.alice, &root, json!({ "automatic": wrong })).await;
        assert_eq!(error(&answer), (400, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD"));
    }
    for unknown in ["$nothing", "$nothing:example.org"] {
        assert_eq!(error(&cast.subscribe(&cast.alice, unknown, json!({})).await), NOT_FOUND);
        assert_eq!(error(&cast.subscribed(&cast.alice, unknown).await), NOT_FOUND);
        assert_eq!(error(&cast.unsubscribe(&cast.alice, unknown).await), NOT_FOUND);
        let answer = cast.subscribe(&cast.alice, &root, json!({ "automatic": unknown })).await;
        assert_eq!(error(&answer), NOT_FOUND);
    }
    let path = cast.subscription(&root);
    cast.refuses(http::Method::PUT, &path, json!({}), [NOT_FOUND; 3]).await;
    cast.refuses(http::Method::GET, &path, json!({}), [NOT_FOUND; 3]).await;
}

#[tokio::test]
async fn the_list_goes_back_page_by_page() {
    let cast = Cast::new().await;
    let mut roots = Vec::new();
    for n in 0..5 {
        let root = cast.server.say(&cast.alice, &cast.room, &format!("root{n}")).await;
        assert_eq!(error(&cast.subscribe(&cast.alice, &root, json!({})).await), OK);
        roots.push(root);
    }
    assert_eq!(error(&cast.unsubscribe(&cast.alice, &roots[0]).await), OK);
    let all = cast.subscriptions("").await;
    assert_eq!(all["subscribed"][&cast.room].as_object().unwrap().len(), 4);
    assert_eq!(all["unsubscribed"][&cast.room].as_object().unwrap().len(), 1);
    assert!(all.get("end").is_none());

    let mut seen = Vec::new();
    let mut page = cast.subscriptions("&limit=2").await;
    loop {
        for kind in ["unsubscribed", "subscribed"] {
            let threads = page[kind][&cast.room].as_object();
            seen.extend(
                threads.into_iter().flatten().map(|(root, told)| {
                    (std::cmp::Reverse(told["bump_stamp"].as_u64().unwrap()), root.clone())
                }),
            );
        }
        let Some(end) = page["end"].as_str() else { break };
        page = cast.subscriptions(&format!("&limit=2&from={end}")).await;
    }
    seen.sort();
    let seen: Vec<_> = seen.into_iter().map(|(_, root)| root).collect();
    assert_eq!(seen, [0, 4, 3, 2, 1].map(|n| roots[n].clone()));

    let stamp = |n: usize| all["subscribed"][&cast.room][&roots[n]]["bump_stamp"].as_u64().unwrap();
    let since = cast.subscriptions(&format!("&to={}", stamp(3))).await;
    assert_eq!(since["subscribed"][&cast.room].as_object().unwrap().len(), 1);
    let get = async |query: &str| cast.server.get(&format!("{LIST}{query}"), Some(&cast.alice)).await;
    for wrong in ["&limit=0", "&from=nonsense", "&to=h1"] {
        assert_eq!(error(&get(wrong).await), (400, "M_INVALID_PARAM"), "{wrong}");
    }
    let (_, none) = cast.server.get(LIST, Some(&cast.bob)).await;
    assert_eq!(none, json!({}));
}
