use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{TestServer, User, error},
};

const V1: &str = "/_matrix/client/v1";

impl TestServer {
    /// Sends an event that relates to another, and gives its id.
    pub(super) async fn relate(&self, who: &User, room: &str, event_type: &str, relates_to: Value) -> String {
        self.clock.advance(1);
        let path = format!("{CLIENT}/rooms/{room}/send/{event_type}/{}", self.api.now_ms());
        let content = json!({
            "msgtype": "m.text", "body": "x", "m.relates_to": relates_to,
            "m.new_content": { "msgtype": "m.text", "body": "y" },
        });
        let (status, answer) = self.put(&path, Some(who), content).await;
        assert_eq!(status, 200, "{answer}");
        answer["event_id"].as_str().unwrap().to_owned()
    }

    async fn related(&self, who: &User, path: &str) -> (Vec<String>, Value) {
        let (status, answer) = self.get(path, Some(who)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let ids = answer["chunk"].as_array().unwrap().iter();
        (ids.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect(), answer)
    }
}

#[tokio::test]
async fn what_relates_to_an_event() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    let parent = server.say(&cast.bob, room, "parent").await;
    let react = |key: &str, to: &str| json!({ "rel_type": "m.annotation", "event_id": to, "key": key });
    let thumb = server.relate(alice, room, "m.reaction", react("a", &parent)).await;
    let heart = server.relate(alice, room, "m.reaction", react("b", &parent)).await;
    let replace = json!({ "rel_type": "m.replace", "event_id": parent });
    let edit = server.relate(&cast.bob, room, "m.room.message", replace).await;
    let path = format!("{V1}/rooms/{room}/relations/{parent}");
    let of = async |rest: &str| server.related(&cast.bob, &format!("{path}{rest}")).await;

    let (all, answer) = of("").await;
    assert_eq!(all, [&*edit, &heart, &thumb]);
    assert_eq!(answer.as_object().unwrap().len(), 1, "no tokens, no depth: {answer}");
    assert_eq!(of("?dir=f").await.0, [&*thumb, &heart, &edit]);
    assert_eq!(of("/m.annotation").await.0, [&*heart, &thumb]);
    assert_eq!(of("/m.replace/m.room.message").await.0, [&*edit]);
    assert_eq!(of("/m.annotation/m.room.message").await.0, [""; 0]);

    let (first, answer) = of("?limit=2").await;
    assert_eq!(first, [&*edit, &heart]);
    let next = answer["next_batch"].as_str().unwrap();
    let (second, answer) = of(&format!("?limit=2&from={next}")).await;
    assert_eq!((second, answer.get("next_batch")), (vec![thumb.clone()], None));
    assert_eq!(answer["prev_batch"], next);
    assert_eq!(of(&format!("?to={next}")).await.0, [&*edit, &heart]);
    let wrong = server.get(&format!("{path}?from=x"), Some(alice)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));

    let redact = format!("{CLIENT}/rooms/{room}/redact/{heart}/r");
    assert_eq!(server.put(&redact, Some(alice), json!({})).await.0, 200);
    assert_eq!(of("/m.annotation").await.0, [&*thumb]);
    for who in [&cast.stranger, &cast.former] {
        assert_eq!(error(&server.get(&path, Some(who)).await), (404, "M_NOT_FOUND"));
    }
}

/// MSC3912: as far as the user may redact it.
#[tokio::test]
async fn what_relates_to_an_event_is_redacted_with_it() {
    let cast = Cast::new().await;
    let (server, room, bob) = (&cast.server, &cast.room, &cast.bob);
    let redact = async |who: &User, event: &str, relations: Value| {
        let path = format!("{CLIENT}/rooms/{room}/redact/{event}/{}", who.device);
        let body = json!({ "reason": "gone", "org.matrix.msc3912.with_relations": relations });
        server.put(&path, Some(who), body).await
    };
    let said = async |event: &str| {
        let path = format!("{CLIENT}/rooms/{room}/event/{event}");
        server.get(&path, Some(bob)).await.1["content"] != json!({})
    };
    for (who, relations, gone) in [
        (bob, json!([]), [false; 3]),
        (bob, json!(["m.replace"]), [true, false, false]),
        (bob, json!(["*"]), [true, true, false]),
        (&cast.alice, json!(["m.replace", "m.annotation"]), [true, true, true]),
    ] {
        let parent = server.say(bob, room, &format!("parent{}", relations.to_string().len())).await;
        let replace = json!({ "rel_type": "m.replace", "event_id": parent });
        let annotation = json!({ "rel_type": "m.annotation", "event_id": parent, "key": "a" });
        let related = [
            server.relate(bob, room, "m.room.message", replace).await,
            server.relate(bob, room, "m.reaction", annotation.clone()).await,
            server.relate(&cast.alice, room, "m.reaction", annotation).await,
        ];
        let answer = redact(who, &parent, relations.clone()).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        for (event, gone) in related.iter().zip(gone) {
            assert_eq!(said(event).await, !gone, "{relations}");
        }
    }
    let parent = server.say(bob, room, "another").await;
    assert_eq!(error(&redact(bob, &parent, json!("*")).await), (400, "M_BAD_JSON"));
}

#[tokio::test]
async fn relations_of_relations() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    let root = server.say(alice, room, "root").await;
    let thread = json!({ "rel_type": "m.thread", "event_id": root });
    let reply = server.relate(&cast.bob, room, "m.room.message", thread).await;
    let annotation = json!({ "rel_type": "m.annotation", "event_id": reply, "key": "a" });
    let reaction = server.relate(alice, room, "m.reaction", annotation).await;
    let path = format!("{V1}/rooms/{room}/relations/{root}");
    let (direct, answer) = server.related(alice, &path).await;
    assert_eq!((direct, answer.get("recursion_depth")), (vec![reply.clone()], None));
    let (all, answer) = server.related(alice, &format!("{path}?recurse=true")).await;
    assert_eq!((all, &answer["recursion_depth"]), (vec![reaction.clone(), reply.clone()], &json!(3)));
    let (oldest, answer) = server.related(alice, &format!("{path}?recurse=true&dir=f&limit=1")).await;
    assert_eq!(oldest, [&*reply]);
    let next = answer["next_batch"].as_str().unwrap();
    let (rest, _) = server.related(alice, &format!("{path}?recurse=true&dir=f&from={next}")).await;
    assert_eq!(rest, [&*reaction]);
    let (reactions, _) = server.related(alice, &format!("{path}/m.annotation?recurse=true")).await;
    assert_eq!(reactions, [&*reaction]);
}

#[tokio::test]
async fn what_relates_to_what_it_cannot_is_refused() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    let other = server.create_room(alice, json!({})).await;
    let elsewhere = server.say(alice, &other, "elsewhere").await;
    let root = server.say(alice, room, "root").await;
    let in_reply =
        server.relate(alice, room, "m.room.message", json!({ "m.in_reply_to": { "event_id": root } })).await;
    let annotation = json!({ "rel_type": "m.annotation", "event_id": root, "key": "a" });
    let reaction = server.relate(alice, room, "m.reaction", annotation).await;
    let thread = |root: &str| json!({ "rel_type": "m.thread", "event_id": root });
    let in_thread = server.relate(alice, room, "m.room.message", thread(&root)).await;
    let reference = json!({ "rel_type": "m.reference", "event_id": elsewhere });
    for wrong in [thread(&in_reply), thread(&reaction), thread(&in_thread), thread(&elsewhere), reference] {
        let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/wrong");
        let answer = server.put(&path, Some(alice), json!({ "body": "x", "m.relates_to": wrong })).await;
        assert_eq!(error(&answer), (400, "M_UNKNOWN"), "{wrong}");
    }
    let (threads, _) = server.related(alice, &format!("{V1}/rooms/{room}/threads")).await;
    assert_eq!(threads, [&*root]);
    // What nobody here can have seen, and a reaction with nothing.
    for (wanted, wrong) in [
        ("M_UNKNOWN", thread("$unknown")),
        ("M_UNKNOWN", json!({ "rel_type": "m.annotation", "event_id": "$unknown", "key": "a" })),
        ("M_BAD_JSON", json!({ "rel_type": "m.annotation", "event_id": root })),
    ] {
        let path = format!("{CLIENT}/rooms/{room}/send/m.reaction/wrong");
        let answer = server.put(&path, Some(alice), json!({ "m.relates_to": wrong })).await;
        assert_eq!(error(&answer), (400, wanted), "{wrong}");
    }

    let redact = format!("{CLIENT}/rooms/{room}/redact/{elsewhere}/r");
    assert_eq!(error(&server.put(&redact, Some(alice), json!({})).await), (400, "M_UNKNOWN"));
    let tombstone = format!("{CLIENT}/rooms/{room}/state/m.room.tombstone");
    let content = json!({ "body": "gone", "replacement_room": room });
    assert_eq!(error(&server.put(&tombstone, Some(alice), content).await), (400, "M_UNKNOWN"));
    let content = json!({ "body": "gone", "replacement_room": other });
    assert_eq!(server.put(&tombstone, Some(alice), content).await.0, 200);
}

#[tokio::test]
async fn a_limit_of_nothing_gives_tokens_alone() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    let root = server.say(alice, room, "root").await;
    let reply = server
        .relate(&cast.bob, room, "m.room.message", json!({ "rel_type": "m.thread", "event_id": root }))
        .await;
    let relations = format!("{V1}/rooms/{room}/relations/{root}");
    for (path, next, wanted) in [
        (format!("{CLIENT}/rooms/{room}/messages?dir=b"), "end", &reply),
        (relations, "next_batch", &reply),
        (format!("{V1}/rooms/{room}/threads"), "next_batch", &root),
    ] {
        let with = if path.contains('?') { '&' } else { '?' };
        let (none, answer) = server.related(alice, &format!("{path}{with}limit=0")).await;
        assert_eq!(none, [""; 0]);
        let next = answer[next].as_str().unwrap_or_else(|| panic!("{path}: {answer}"));
        let (some, _) = server.related(alice, &format!("{path}{with}limit=1&from={next}")).await;
        assert_eq!(some, [&**wanted], "{path}");
    }
    let (status, answer) = server.get(&format!("{CLIENT}/notifications?limit=0"), Some(alice)).await;
    assert_eq!((status, &answer["notifications"]), (200, &json!([])));
    assert!(answer["next_token"].is_string(), "{answer}");
    let search = json!({ "search_categories": { "room_events": {
        "search_term": "root", "filter": { "limit": 0 }, "order_by": "recent",
    } } });
    let (status, answer) = server.post(&format!("{CLIENT}/search"), Some(alice), search).await;
    let found = &answer["search_categories"]["room_events"];
    assert_eq!((status, &found["results"], &found["count"]), (200, &json!([]), &json!(1)), "{answer}");
}

#[tokio::test]
async fn threads_of_a_room() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let mut roots = Vec::new();
    for (root, text) in [(&cast.alice, "first"), (&cast.bob, "second")] {
        roots.push(server.say(root, room, text).await);
    }
    let thread = |root: &str| json!({ "rel_type": "m.thread", "event_id": root });
    for root in [&roots[1], &roots[0]] {
        server.relate(&cast.bob, room, "m.room.message", thread(root)).await;
    }
    let path = format!("{V1}/rooms/{room}/threads");
    let (all, answer) = server.related(&cast.alice, &path).await;
    assert_eq!((all, answer.get("next_batch")), (roots.clone(), None));
    let bundle = &answer["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
    assert_eq!((&bundle["count"], &bundle["current_user_participated"]), (&json!(1), &json!(true)));
    let (own, _) = server.related(&cast.alice, &format!("{path}?include=participated")).await;
    assert_eq!(own, roots[..1]);
    let (first, answer) = server.related(&cast.alice, &format!("{path}?limit=1")).await;
    assert_eq!(first, roots[..1]);
    let next = answer["next_batch"].as_str().unwrap();
    let (second, answer) = server.related(&cast.alice, &format!("{path}?limit=1&from={next}")).await;
    assert_eq!((second, answer.get("next_batch")), (roots[1..].to_vec(), None));
    for wrong in ["?from=x", "?include=x"] {
        let answer = server.get(&format!("{path}{wrong}"), Some(&cast.alice)).await;
        assert_eq!(error(&answer), (400, "M_INVALID_PARAM"));
    }
    let (hidden, _) = server.related(&cast.former, &path).await;
    assert_eq!(hidden, [""; 0]);
    assert_eq!(error(&server.get(&path, Some(&cast.stranger)).await), (403, "M_FORBIDDEN"));

    // A thread in which only someone ignored replied is none; one whose root comes from them goes on without what
    // they said.
    let ignore = format!("{CLIENT}/user/{}/account_data/m.ignored_user_list", cast.alice.id);
    let list = json!({ "ignored_users": { cast.bob.id.as_str(): {} } });
    assert_eq!(server.put(&ignore, Some(&cast.alice), list).await.0, 200);
    assert_eq!(server.related(&cast.alice, &path).await.0, [""; 0]);
    for root in [&roots[1], &roots[0]] {
        server.relate(&cast.alice, room, "m.room.message", thread(root)).await;
    }
    let (all, answer) = server.related(&cast.alice, &path).await;
    assert_eq!((all, &answer["chunk"][1]["content"]), (roots, &json!({})));
}
