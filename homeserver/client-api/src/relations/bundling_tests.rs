//! What is told of an event's relations with the event itself, wherever events are told.

use serde_json::{Value, json};

use crate::{
    room::testing::CLIENT,
    testing::{PASSWORD, TestServer, User},
};

const V1: &str = "/_matrix/client/v1";

struct Scene {
    server: TestServer,
    alice: User,
    bob: User,
    room: String,
    /// Sent by Alice while Bob is there.
    root: String,
}

impl Scene {
    async fn new(visibility: &str) -> Self {
        let server = TestServer::new();
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let state = json!({
            "type": "m.room.history_visibility", "content": { "history_visibility": visibility },
        });
        let body = json!({ "preset": "public_chat", "initial_state": [state] });
        let room = server.create_room(&alice, body).await;
        server.act(&bob, &room, "join", json!({})).await;
        let root = server.say(&alice, &room, "root").await;
        Self { server, alice, bob, room, root }
    }

    async fn relate(&self, who: &User, rel_type: &str, to: &str, text: &str) -> String {
        self.server.clock.advance(1);
        let now = self.server.api.now_ms();
        let path = format!("{CLIENT}/rooms/{}/send/m.room.message/{now}", self.room);
        let content = json!({
            "msgtype": "m.text", "body": text, "m.relates_to": { "rel_type": rel_type, "event_id": to },
            "m.new_content": { "msgtype": "m.text", "body": text },
        });
        let (status, answer) = self.server.put(&path, Some(who), content).await;
        assert_eq!(status, 200, "{answer}");
        answer["event_id"].as_str().unwrap().to_owned()
    }

    async fn redact(&self, event: &str, reason: &str) {
        let path = format!("{CLIENT}/rooms/{}/redact/{event}/{reason}", self.room);
        let (status, answer) = self.server.put(&path, Some(&self.alice), json!({ "reason": reason })).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn event(&self, who: &User, event: &str) -> Value {
        let (status, answer) =
            self.server.get(&format!("{CLIENT}/rooms/{}/event/{event}", self.room), Some(who)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn ignore(&self, who: &User, whom: &User) {
        let path = format!("{CLIENT}/user/{}/account_data/m.ignored_user_list", who.id);
        let list = json!({ "ignored_users": { whom.id.as_str(): {} } });
        assert_eq!(self.server.put(&path, Some(who), list).await.0, 200);
    }

    /// Everything that tells events of the room, as answered to a user: where it was asked, and what came.
    async fn all_that_is_told(&self, who: &User) -> Vec<(String, Value)> {
        let Self { server, room, root, .. } = self;
        let rooms = format!("{CLIENT}/rooms/{room}");
        let filter = "%7B%22room%22%3A%7B%22include_leave%22%3Atrue%7D%7D";
        let paths = [
            format!("{rooms}/event/{root}"),
            format!("{rooms}/messages?dir=b&limit=100"),
            format!("{rooms}/messages?dir=f&limit=100"),
            format!("{rooms}/context/{root}?limit=100"),
            format!("{V1}/rooms/{room}/threads"),
            format!("{V1}/rooms/{room}/relations/{root}"),
            format!("{V1}/rooms/{room}/relations/{root}?recurse=true"),
            format!("{CLIENT}/sync?filter={filter}"),
            format!("{CLIENT}/notifications"),
        ];
        let mut told = Vec::new();
        for path in paths {
            let (status, answer) = server.get(&path, Some(who)).await;
            assert_eq!(status, 200, "{path}: {answer}");
            told.push((path, answer));
        }
        let events =
            json!({ "search_term": "root", "event_context": { "before_limit": 50, "after_limit": 50 } });
        let search = json!({ "search_categories": { "room_events": events } });
        let (status, answer) = server.post(&format!("{CLIENT}/search"), Some(who), search).await;
        assert_eq!(status, 200, "{answer}");
        told.push(("search".to_owned(), answer));
        told
    }
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_that_came_later() {
    for visibility in ["shared", "joined", "invited"] {
        for way in ["ban", "kick", "leave"] {
            let scene = Scene::new(visibility).await;
            let Scene { server, alice, bob, room, root } = &scene;
            let redacted = server.say(alice, room, "redacted").await;
            match way {
                "leave" => server.act(bob, room, way, json!({})).await,
                _ => server.act(alice, room, way, json!({ "user_id": bob.id })).await,
            };
            let later = [
                scene.relate(alice, "m.thread", root, "secret reply").await,
                scene.relate(alice, "m.replace", root, "secret edit").await,
                scene.relate(alice, "m.reference", root, "secret reference").await,
            ];
            scene.redact(&redacted, "secret").await;

            for (path, told) in scene.all_that_is_told(bob).await {
                let told = told.to_string();
                let leaks = told.contains("secret")
                    || told.contains("m.relations")
                    || later.iter().any(|id| told.contains(&**id));
                assert!(!leaks, "{visibility}, {way}: {path}: {told}");
                // Search finds the root by the words that it has since it was edited, which Bob may not see.
                let empty = ["threads", "relations", "notifications", "search"];
                assert!(
                    told.contains(&**root) || empty.iter().any(|part| path.contains(part)),
                    "{visibility}, {way}: {path} does not tell the root: {told}"
                );
            }
            // That it was redacted may be known.
            let because = &scene.event(bob, &redacted).await["unsigned"]["redacted_because"];
            assert_eq!(because["type"], "m.room.redaction");
            assert_eq!(because["content"].get("reason"), None);

            let event = scene.event(alice, root).await;
            let relations = &event["unsigned"]["m.relations"];
            assert_eq!(relations["m.thread"]["latest_event"]["event_id"], *later[0]);
            assert_eq!(relations["m.replace"]["event_id"], *later[1]);
            assert_eq!(relations["m.reference"]["chunk"], json!([{ "event_id": later[2] }]));
            let because = &scene.event(alice, &redacted).await["unsigned"]["redacted_because"];
            assert_eq!(because["content"]["reason"], "secret");
        }
    }
}

#[tokio::test]
async fn who_came_later_is_told_no_reply_from_before() {
    let scene = Scene::new("joined").await;
    let Scene { server, alice, bob, room, root } = &scene;
    server.act(bob, room, "leave", json!({})).await;
    scene.relate(alice, "m.thread", root, "secret").await;
    server.act(bob, room, "join", json!({})).await;
    assert_eq!(scene.event(bob, root).await["unsigned"].get("m.relations"), None);
    let reply = scene.relate(alice, "m.thread", root, "open").await;
    let thread = &scene.event(bob, root).await["unsigned"]["m.relations"]["m.thread"];
    assert_eq!((&thread["latest_event"]["event_id"], &thread["count"]), (&json!(reply), &json!(1)));
    let thread = &scene.event(alice, root).await["unsigned"]["m.relations"]["m.thread"];
    assert_eq!(thread["count"], 2);
}

#[tokio::test]
async fn whom_a_user_ignores_is_in_no_thread_and_no_reference() {
    let scene = Scene::new("shared").await;
    let Scene { server, alice, bob, room, root } = &scene;
    let carol = server.register("carol").await;
    server.act(&carol, room, "join", json!({})).await;
    scene.relate(bob, "m.thread", root, "ignored").await;
    scene.relate(bob, "m.reference", root, "ignored").await;
    scene.ignore(alice, bob).await;
    for (path, told) in scene.all_that_is_told(alice).await {
        let told = told.to_string();
        assert!(!told.contains("\"ignored\"") && !told.contains("m.relations"), "{path}: {told}");
    }
    let reply = scene.relate(&carol, "m.thread", root, "heard").await;
    scene.relate(bob, "m.thread", root, "ignored").await;
    let relations = &scene.event(alice, root).await["unsigned"]["m.relations"];
    assert_eq!(relations["m.thread"]["latest_event"]["event_id"], *reply);
    assert_eq!(relations["m.thread"]["count"], 1);
    assert_eq!(relations.get("m.reference"), None);
    let relations = &scene.event(&carol, root).await["unsigned"]["m.relations"];
    assert_eq!(relations["m.thread"]["count"], 3);
}

#[tokio::test]
async fn the_latest_event_of_a_thread_comes_with_its_edit() {
    let scene = Scene::new("shared").await;
    let Scene { alice, bob, root, .. } = &scene;
    let reply = scene.relate(bob, "m.thread", root, "typo").await;
    let edit = scene.relate(bob, "m.replace", &reply, "corrected").await;
    // An edit cannot be edited.
    scene.relate(bob, "m.replace", &edit, "of an edit").await;
    let thread = &scene.event(alice, root).await["unsigned"]["m.relations"]["m.thread"];
    let latest = &thread["latest_event"];
    assert_eq!(latest["event_id"], *reply);
    assert_eq!(latest["unsigned"]["m.relations"]["m.replace"]["event_id"], *edit);
    assert_eq!(scene.event(alice, &edit).await["unsigned"].get("m.relations"), None);
}

#[tokio::test]
async fn who_comes_after_a_user_was_erased_sees_nothing_of_what_they_said() {
    let scene = Scene::new("shared").await;
    let Scene { server, alice, bob, room, root } = &scene;
    let (gone, newcomer) = (server.register("gone").await, server.register("newcomer").await);
    server.act(&gone, room, "join", json!({})).await;
    let said = server.say(&gone, room, "forgotten").await;
    let edit = scene.relate(&gone, "m.replace", &said, "forgotten edit").await;
    scene.relate(&gone, "m.thread", root, "forgotten reply").await;
    let auth = json!({
        "type": "m.login.password", "password": PASSWORD,
        "identifier": { "type": "m.id.user", "user": "gone" },
    });
    let path = format!("{CLIENT}/account/deactivate");
    let (status, answer) = server.post(&path, Some(&gone), json!({ "erase": true, "auth": auth })).await;
    assert_eq!(status, 200, "{answer}");
    server.act(&newcomer, room, "join", json!({})).await;
    for (path, told) in scene.all_that_is_told(&newcomer).await {
        assert!(!told.to_string().contains("forgotten"), "{path}: {told}");
    }
    let event = scene.event(&newcomer, &said).await;
    assert_eq!((&event["content"], event["unsigned"].get("m.relations")), (&json!({}), None));
    let search = json!({ "search_categories": { "room_events": { "search_term": "forgotten" } } });
    // The message, which was edited, and the reply.
    for (who, found) in [(&newcomer, 0), (bob, 2)] {
        let (_, answer) = server.post(&format!("{CLIENT}/search"), Some(who), search.clone()).await;
        assert_eq!(answer["search_categories"]["room_events"]["count"], found, "{answer}");
    }
    // Who could see it before still does, also after a while elsewhere.
    server.act(bob, room, "leave", json!({})).await;
    server.act(bob, room, "join", json!({})).await;
    for who in [alice, bob] {
        let event = scene.event(who, &said).await;
        assert_eq!(event["content"]["body"], "forgotten");
        assert_eq!(event["unsigned"]["m.relations"]["m.replace"]["event_id"], *edit);
    }
}
