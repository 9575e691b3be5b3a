use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{TestServer, User, error},
};

/// The bodies of messages, or the types of other events.
fn texts(events: &Value) -> Vec<&str> {
    let events = events.as_array().unwrap().iter();
    events.map(|event| event["content"]["body"].as_str().or(event["type"].as_str()).unwrap()).collect()
}

impl TestServer {
    async fn read(&self, who: &User, path: &str) -> Value {
        let (status, answer) = self.get(path, Some(who)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn messages(&self, who: &User, room: &str, query: &str) -> Value {
        self.read(who, &format!("{CLIENT}/rooms/{room}/messages?{query}")).await
    }
}

#[tokio::test]
async fn a_timeline_is_read_page_by_page_in_both_directions() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    for text in ["one", "two", "three", "four", "five"] {
        server.say(&alice, &room, text).await;
    }
    for (dir, first) in [("b", "five"), ("f", "m.room.create")] {
        let (mut all, mut from) = (Vec::new(), String::new());
        loop {
            let page = server.messages(&alice, &room, &format!("dir={dir}&limit=2{from}")).await;
            assert!(page["chunk"].as_array().unwrap().len() <= 2);
            all.extend(texts(&page["chunk"]).into_iter().map(str::to_owned));
            match page["end"].as_str() {
                Some(end) => from = format!("&from={end}"),
                None => break,
            }
        }
        assert_eq!(all.len(), 11, "{all:?}");
        assert_eq!(all[0], first);
        assert_eq!(all.iter().filter(|text| *text == "three").count(), 1);
    }

    let newest = server.messages(&alice, &room, "dir=b&limit=2").await;
    let (start, end) = (newest["start"].as_str().unwrap(), newest["end"].as_str().unwrap());
    // Between two tokens there is no more than between them.
    let between = server.messages(&alice, &room, &format!("dir=b&from={start}&to={end}&limit=50")).await;
    assert_eq!(texts(&between["chunk"]), ["five", "four"]);
    let end_of_it = between["end"].as_str().unwrap();
    let nothing = server.messages(&alice, &room, &format!("dir=b&from={end_of_it}&to={end}")).await;
    assert_eq!((&nothing["chunk"], nothing.get("end")), (&json!([]), None));
    let forwards = server.messages(&alice, &room, &format!("dir=f&from={end}")).await;
    assert_eq!(texts(&forwards["chunk"]), ["four", "five"]);
    assert_eq!(forwards["start"], end);

    // Exactly all of it has an end, as everything that is not empty; behind that is nothing.
    let all = server.messages(&alice, &room, "dir=b&limit=11").await;
    let behind =
        server.messages(&alice, &room, &format!("dir=b&from={}", all["end"].as_str().unwrap())).await;
    assert_eq!((&behind["chunk"], behind.get("end")), (&json!([]), None));
}

#[tokio::test]
async fn sync_tokens_are_places_in_a_timeline() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    let last = server.say(&alice, &room, "before").await;
    let order = server.api.rooms.event_by_id(last.as_str().try_into().unwrap()).unwrap().unwrap().order();
    server.api.sync.reached(order.unwrap().position()).await.unwrap();
    let sync = server.read(&alice, &format!("{CLIENT}/sync")).await;
    let next = sync["next_batch"].as_str().unwrap();
    server.say(&alice, &room, "after").await;
    let back = server.messages(&alice, &room, &format!("dir=b&limit=1&from={next}")).await;
    assert_eq!(texts(&back["chunk"]), ["before"]);
    let on = server.messages(&alice, &room, &format!("dir=f&from={next}")).await;
    assert_eq!(texts(&on["chunk"]), ["after"]);
    let prev = sync["rooms"]["join"][&room]["timeline"]["prev_batch"].as_str().unwrap();
    assert!(!server.messages(&alice, &room, &format!("dir=f&from={prev}")).await["chunk"].is_null());

    for wrong in ["dir=b&from=x", "dir=b&to=h2_1", "dir=x", "dir=b&filter=nonsense", "dir=b&limit=-1"] {
        let answer = server.get(&format!("{CLIENT}/rooms/{room}/messages?{wrong}"), Some(&alice)).await;
        assert_eq!(answer.0, 400, "{wrong}: {}", answer.1);
    }
    // Who does not say in which direction goes forward.
    let forward = server.messages(&alice, &room, "").await;
    assert_eq!(texts(&forward["chunk"])[0], "m.room.create");
}

#[tokio::test]
async fn filters_and_lazy_members() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    server.act(&bob, &room, "join", json!({})).await;
    for text in ["one", "two"] {
        server.say(&bob, &room, text).await;
    }
    let filtered = async |filter: Value| {
        let filter = filter.to_string().replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
        server.messages(&alice, &room, &format!("dir=b&limit=3&filter={filter}")).await
    };
    let messages = filtered(json!({ "types": ["m.room.message"] })).await;
    assert_eq!(texts(&messages["chunk"]), ["two", "one"]);
    assert_eq!(messages.get("state"), None);
    assert_eq!(texts(&filtered(json!({ "not_senders": [alice.id, bob.id] })).await["chunk"]), [""; 0]);
    assert_eq!(texts(&filtered(json!({ "not_rooms": [room] })).await["chunk"]), [""; 0]);

    let root = &messages["chunk"][0]["event_id"];
    for (rel_type, text) in [("m.thread", "reply"), ("m.reference", "pointer")] {
        let content = json!({ "body": text, "m.relates_to": { "rel_type": rel_type, "event_id": root } });
        let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{text}");
        assert_eq!(server.put(&path, Some(&bob), content).await.0, 200);
    }
    let related = async |key: &str, rel_types: &[&str]| {
        let mut filter = json!({ "types": ["m.room.message"] });
        filter[format!("org.matrix.msc3874.{key}")] = json!(rel_types);
        texts(&filtered(filter).await["chunk"]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(related("rel_types", &["m.thread"]).await, ["reply"]);
    assert_eq!(related("rel_types", &["m.thread", "m.reference"]).await, ["pointer", "reply"]);
    assert_eq!(related("not_rel_types", &["m.thread"]).await, ["pointer", "two", "one"]);
    assert_eq!(related("not_rel_types", &["m.thread", "m.reference"]).await, ["two", "one"]);

    let lazy = filtered(json!({ "lazy_load_members": true, "senders": [bob.id] })).await;
    let members: Vec<_> = lazy["state"].as_array().unwrap().iter().map(|event| &event["state_key"]).collect();
    assert_eq!(members, [bob.id.as_str()]);

    // Whom the user ignores is not heard, but for state.
    let ignore = format!("{CLIENT}/user/{}/account_data/m.ignored_user_list", alice.id);
    let list = json!({ "ignored_users": { bob.id.as_str(): {} } });
    assert_eq!(server.put(&ignore, Some(&alice), list).await.0, 200);
    assert_eq!(texts(&server.messages(&alice, &room, "dir=b&limit=1").await["chunk"]), ["m.room.member"]);
}

#[tokio::test]
async fn former_members_read_until_they_left_and_new_ones_what_they_may() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    server.say(&cast.alice, room, "later").await;
    let newest = async |who: &User| {
        let page = server.messages(who, room, "dir=b&limit=50").await;
        texts(&page["chunk"])[0].to_owned() + page["chunk"][0]["state_key"].as_str().unwrap_or_default()
    };
    assert_eq!(newest(&cast.bob).await, "later");
    assert_eq!(newest(&cast.former).await, format!("m.room.member{}", cast.former.id));
    assert_eq!(newest(&cast.banned).await, format!("m.room.member{}", cast.banned.id));
    let oldest = server.messages(&cast.former, room, "dir=f&limit=50").await;
    assert_eq!(texts(&oldest["chunk"])[0], "m.room.create");
    let end = oldest["end"].as_str().unwrap();
    let later = server.messages(&cast.former, room, &format!("dir=f&limit=50&from={end}")).await;
    assert_eq!((&later["chunk"], later.get("end")), (&json!([]), None));
    let stranger = server.get(&format!("{CLIENT}/rooms/{room}/messages?dir=b"), Some(&cast.stranger)).await;
    assert_eq!(error(&stranger), (403, "M_FORBIDDEN"));

    let joined = json!({ "history_visibility": "joined" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", joined).await;
    server.say(&cast.alice, room, "hidden").await;
    server.act(&cast.alice, room, "invite", json!({ "user_id": cast.stranger.id })).await;
    server.act(&cast.stranger, room, "join", json!({})).await;
    let seen = server.messages(&cast.stranger, room, "dir=b&limit=50").await;
    assert!(!texts(&seen["chunk"]).contains(&"hidden"));
    assert!(texts(&seen["chunk"]).contains(&"later"), "that was shared");

    let world = json!({ "history_visibility": "world_readable" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", world).await;
    server.say(&cast.alice, room, "open").await;
    let guest = server.register_guest().await;
    for who in [&guest, &cast.former, &cast.banned] {
        assert_eq!(newest(who).await, "open");
    }
}

#[tokio::test]
async fn one_event_and_what_is_around_it() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let mut ids = Vec::new();
    for text in ["a", "b", "c", "d", "e"] {
        ids.push(server.say(&cast.bob, room, text).await);
    }
    let event = |id: &str| format!("{CLIENT}/rooms/{room}/event/{id}");
    let found = server.read(&cast.alice, &event(&ids[2])).await;
    assert_eq!((&found["content"]["body"], &found["room_id"]), (&json!("c"), &json!(room)));
    for (who, id) in [(&cast.former, &ids[2]), (&cast.stranger, &ids[2]), (&cast.alice, &"$none".to_owned())]
    {
        assert_eq!(error(&server.get(&event(id), Some(who)).await), (404, "M_NOT_FOUND"));
    }
    let elsewhere = server.create_room(&cast.alice, json!({})).await;
    let other = format!("{CLIENT}/rooms/{elsewhere}/event/{}", ids[2]);
    assert_eq!(error(&server.get(&other, Some(&cast.alice)).await), (404, "M_NOT_FOUND"));

    let context = async |query: &str| {
        server.read(&cast.alice, &format!("{CLIENT}/rooms/{room}/context/{}?{query}", ids[2])).await
    };
    let three = context("limit=3").await;
    assert_eq!(texts(&three["events_before"]), ["b"]);
    assert_eq!(texts(&three["events_after"]), ["d", "e"]);
    assert_eq!(three["event"]["event_id"], json!(ids[2]));
    let (start, end) = (three["start"].as_str().unwrap(), three["end"].as_str().unwrap());
    let older = server.messages(&cast.alice, room, &format!("dir=b&limit=1&from={start}")).await;
    assert_eq!(texts(&older["chunk"]), ["a"]);
    assert_eq!(server.messages(&cast.alice, room, &format!("dir=f&from={end}")).await["chunk"], json!([]));
    let members = |answer: &Value| {
        let state = answer["state"].as_array().unwrap();
        state.iter().filter(|event| event["type"] == "m.room.member").count()
    };
    assert_eq!(members(&three), 4);

    // Lists are there also where they are empty, and lazily loaded members are the senders.
    let none = context("limit=0&filter=%7B%22lazy_load_members%22:true%7D").await;
    assert_eq!((&none["events_before"], &none["events_after"]), (&json!([]), &json!([])));
    assert_eq!(members(&none), 1);
}

#[tokio::test]
async fn from_a_time_to_an_event() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    let mut sent = Vec::new();
    for text in ["one", "two"] {
        server.clock.advance(1000);
        sent.push((server.api.now_ms(), server.say(&alice, &room, text).await));
    }
    let near = async |ts: u64, dir: &str| {
        let path = format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event?ts={ts}&dir={dir}");
        server.get(&path, Some(&alice)).await
    };
    let [(first, one), (second, two)] = &sent[..] else { panic!() };
    assert_eq!(near(first + 1, "f").await.1, json!({ "event_id": two, "origin_server_ts": second }));
    assert_eq!(near(first + 1, "b").await.1, json!({ "event_id": one, "origin_server_ts": first }));
    assert_eq!(near(*second, "b").await.1["event_id"], json!(two));
    assert_eq!(error(&near(second + 1, "f").await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&near(1, "b").await), (404, "M_NOT_FOUND"));
    assert_eq!(near(1, "x").await.0, 400);
}

#[tokio::test]
async fn search_finds_what_the_user_may_see() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    for text in ["tea", "coffee", "green-tea", "teapot"] {
        server.say(&cast.bob, room, text).await;
    }
    let secret = server.create_room(&cast.alice, json!({ "name": "tea" })).await;
    server.set_state(&cast.alice, &secret, "m.room.encryption", json!({ "algorithm": "m.megolm.v1" })).await;
    let search = async |who: &User, query: &str, criteria: Value| {
        let body = json!({ "search_categories": { "room_events": criteria } });
        let (status, answer) = server.post(&format!("{CLIENT}/search{query}"), Some(who), body).await;
        assert_eq!(status, 200, "{answer}");
        answer["search_categories"]["room_events"].clone()
    };
    let found = |answer: &Value| -> Vec<String> {
        let results = answer["results"].as_array().unwrap().iter();
        let contents = results.map(|result| &result["result"]["content"]);
        contents.map(|of| of["body"].as_str().or(of["name"].as_str()).unwrap().to_owned()).collect()
    };

    let recent = search(&cast.alice, "", json!({ "search_term": "TEA", "order_by": "recent" })).await;
    assert_eq!(found(&recent), ["teapot", "green-tea", "tea"]);
    assert_eq!((&recent["count"], &recent["highlights"]), (&json!(3), &json!(["tea"])));
    assert_eq!(recent["results"][0]["context"], Value::Null, "it was not asked for");
    let ranked = search(&cast.alice, "", json!({ "search_term": "tea" })).await;
    assert_eq!(found(&ranked), ["tea", "green-tea", "teapot"]);

    let names = json!({ "search_term": "now", "keys": ["content.name"], "include_state": true });
    let names = search(&cast.alice, "", names).await;
    assert_eq!(found(&names), ["Now"]);
    assert!(names["state"][room].as_array().unwrap().len() > 5);
    // Who left does not find what came after, but what was before.
    let criteria = |term: &str| json!({ "search_term": term });
    assert_eq!(found(&search(&cast.former, "", criteria("tea")).await), [""; 0]);
    assert_eq!(found(&search(&cast.former, "", criteria("now")).await), [""; 0]);
    assert_eq!(found(&search(&cast.former, "", criteria("then")).await), ["Then"]);
    assert_eq!(found(&search(&cast.stranger, "", criteria("tea")).await), [""; 0]);
    assert_eq!(found(&search(&cast.alice, "", criteria(" ")).await), [""; 0]);

    let page = |limit: u32| {
        json!({
            "search_term": "tea", "order_by": "recent", "filter": { "limit": limit },
            "event_context": { "before_limit": 1, "after_limit": 1, "include_profile": true },
            "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
        })
    };
    let first = search(&cast.alice, "", page(2)).await;
    assert_eq!((found(&first).len(), &first["count"]), (2, &json!(3)), "as many as there are in all");
    assert_eq!(found(&first), ["teapot", "green-tea"]);
    assert_eq!(first["groups"]["room_id"][room]["results"].as_array().unwrap().len(), 2);
    assert_eq!(first["groups"]["sender"][cast.bob.id.as_str()]["order"], 0);
    let context = &first["results"][1]["context"];
    assert_eq!(texts(&context["events_before"]), ["coffee"]);
    assert_eq!(texts(&context["events_after"]), ["teapot"]);
    assert!(context["profile_info"][cast.bob.id.as_str()].is_object());
    let next = format!("?next_batch={}", first["next_batch"].as_str().unwrap());
    let second = search(&cast.alice, &next, page(2)).await;
    assert_eq!((found(&second), second.get("next_batch")), (vec!["tea".to_owned()], None));
    assert_eq!(second["count"], 3);
    let last = search(&cast.alice, "", page(1)).await;
    assert_eq!((found(&last).len(), &last["count"]), (1, &json!(3)));
    let wrong = format!("{CLIENT}/search?next_batch=t1_5");
    let body = json!({ "search_categories": { "room_events": page(2) } });
    assert_eq!(error(&server.post(&wrong, Some(&cast.alice), body).await), (400, "M_INVALID_PARAM"));

    let path = format!("{CLIENT}/search");
    let wrong =
        server.post(&path, Some(&cast.alice), json!({ "search_categories": { "room_events": {} } })).await;
    assert_eq!(error(&wrong), (400, "M_BAD_JSON"));
    let nothing = server.post(&path, Some(&cast.alice), json!({ "search_categories": {} })).await;
    assert_eq!(nothing, (200, json!({ "search_categories": {} })));
}

/// What a search finds, in a category `room_events` of these criteria.
async fn search(server: &TestServer, who: &User, next: Option<&Value>, criteria: Value) -> Value {
    let next = next.map_or_else(String::new, |next| format!("?next_batch={}", next.as_str().unwrap()));
    let body = json!({ "search_categories": { "room_events": criteria } });
    let (status, answer) = server.post(&format!("{CLIENT}/search{next}"), Some(who), body).await;
    assert_eq!(status, 200, "{answer}");
    answer["search_categories"]["room_events"].clone()
}

/// The bodies of what was found.
fn bodies(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().unwrap().iter();
    results.map(|result| result["result"]["content"]["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_goes_on_within_a_group() {
    let cast = Cast::new().await;
    let server = &cast.server;
    let other = server.create_room(&cast.alice, json!({})).await;
    for text in ["tea1", "tea2", "tea3"] {
        server.say(&cast.alice, &cast.room, text).await;
        server.say(&cast.alice, &other, &format!("{text}other")).await;
        server.say(&cast.bob, &cast.room, &format!("{text}bob")).await;
    }
    let criteria = json!({
        "search_term": "tea", "order_by": "recent", "filter": { "limit": 3 },
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
    });
    let first = search(server, &cast.alice, None, criteria.clone()).await;
    assert_eq!(bodies(&first), ["tea3bob", "tea3other", "tea3"]);
    let next = &first["groups"]["room_id"][&other]["next_batch"];
    let of_room = search(server, &cast.alice, Some(next), criteria.clone()).await;
    assert_eq!(bodies(&of_room), ["tea2other", "tea1other"]);
    assert_eq!((of_room.get("next_batch"), &of_room["count"]), (None, &json!(9)));
    let next = &first["groups"]["sender"][cast.bob.id.as_str()]["next_batch"];
    let of_bob = search(server, &cast.alice, Some(next), criteria.clone()).await;
    assert_eq!(bodies(&of_bob), ["tea2bob", "tea1bob"]);
    // What comes meanwhile is not in the next page.
    server.say(&cast.bob, &cast.room, "tea4").await;
    let second = search(server, &cast.alice, Some(&first["next_batch"]), criteria.clone()).await;
    assert_eq!(bodies(&second), ["tea2bob", "tea2other", "tea2"]);
    // Whoever is given a token of somebody else finds nothing by it that is not theirs.
    let strange = search(server, &cast.stranger, Some(&first["next_batch"]), criteria).await;
    assert_eq!(bodies(&strange), [""; 0]);
}

#[tokio::test]
async fn a_search_in_a_room_goes_back_to_what_it_replaces() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let old = server.create_room(&alice, json!({ "room_version": "9" })).await;
    server.say(&alice, &old, "before").await;
    server.say(&alice, &old, "tea-before").await;
    let new = server.act(&alice, &old, "upgrade", json!({ "new_version": "10" })).await;
    let new = new["replacement_room"].as_str().unwrap();
    server.say(&alice, new, "tea-after").await;
    let other = server.create_room(&alice, json!({})).await;
    server.say(&alice, &other, "tea-elsewhere").await;
    let in_room = async |filter: Value| {
        let criteria = json!({ "search_term": "tea", "order_by": "recent", "filter": filter });
        let found = search(&server, &alice, None, criteria).await;
        bodies(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(in_room(json!({ "rooms": [new] })).await, ["tea-after", "tea-before"]);
    assert_eq!(in_room(json!({ "rooms": [old] })).await, ["tea-before"]);
    assert_eq!(in_room(json!({ "rooms": [new], "not_rooms": [old] })).await, ["tea-after"]);
    assert_eq!(in_room(json!({ "not_rooms": [new, other] })).await, ["tea-before"]);
    assert_eq!(in_room(json!({ "rooms": ["!unknown:here"] })).await, [""; 0]);
}

#[tokio::test]
async fn a_search_keeps_to_its_filter_and_to_what_the_user_may_see() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let message = server.say(&cast.bob, room, "tea").await;
    server.say(&cast.alice, room, "more-tea").await;
    // The newcomer joins when nothing of before is for them.
    let visibility = json!({ "history_visibility": "joined" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", visibility).await;
    server.say(&cast.alice, room, "hidden-tea").await;
    server.act(&cast.alice, room, "invite", json!({ "user_id": cast.stranger.id })).await;
    server.act(&cast.stranger, room, "join", json!({})).await;
    server.say(&cast.alice, room, "last-tea").await;
    let found = async |who: &User, filter: Value| {
        let criteria = json!({ "search_term": "tea", "order_by": "recent", "filter": filter });
        let answer = search(server, who, None, criteria).await;
        let found: Vec<String> = bodies(&answer).into_iter().map(str::to_owned).collect();
        (found, answer["count"].as_u64().unwrap())
    };
    let of = |texts: &[&str], count| (texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), count);
    // What was said while history was shared, and since the join.
    assert_eq!(found(&cast.stranger, json!({})).await, of(&["last-tea", "more-tea", "tea"], 3));
    assert_eq!(found(&cast.alice, json!({ "senders": [cast.bob.id] })).await, of(&["tea"], 1));
    assert_eq!(found(&cast.alice, json!({ "types": ["m.room.name"] })).await.0, [""; 0]);
    assert_eq!(found(&cast.alice, json!({ "contains_url": true })).await.0, [""; 0]);

    // By an edit that one may not see, one finds nothing.
    server.act(&cast.stranger, room, "leave", json!({})).await;
    let edit = json!({
        "msgtype": "m.text", "body": "* coffee", "m.new_content": { "msgtype": "m.text", "body": "coffee" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": message },
    });
    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/edit");
    assert_eq!(server.put(&path, Some(&cast.bob), edit).await.0, 200);
    let coffee = async |who: &User| search(server, who, None, json!({ "search_term": "coffee" })).await;
    assert_eq!(bodies(&coffee(&cast.alice).await).len(), 1);
    assert_eq!(bodies(&coffee(&cast.stranger).await), [""; 0]);

    // Nor what is by someone who is ignored.
    let ignored = json!({ "ignored_users": { cast.bob.id.as_str(): {} } });
    let path = format!("{CLIENT}/user/{}/account_data/m.ignored_user_list", cast.alice.id);
    assert_eq!(server.put(&path, Some(&cast.alice), ignored).await.0, 200);
    assert_eq!(bodies(&coffee(&cast.alice).await), [""; 0]);
}

#[tokio::test]
async fn a_search_tells_the_words_as_they_stand_in_what_it_found() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({})).await;
    for text in ["Zum Café", "明日東京で会議があります"] {
        let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{}", text.len());
        let content = json!({ "msgtype": "m.text", "body": text });
        assert_eq!(server.put(&path, Some(&alice), content).await.0, 200);
    }
    for (search_term, body, highlights) in
        [("cafe", "Zum Café", json!(["Café"])), ("東京", "明日東京で会議があります", json!(["東京"]))]
    {
        let found = search(&server, &alice, None, json!({ "search_term": search_term })).await;
        assert_eq!((bodies(&found), &found["highlights"]), (vec![body], &highlights));
    }
    let nothing = search(&server, &alice, None, json!({ "search_term": "Nothing" })).await;
    assert_eq!((&nothing["results"], &nothing["highlights"]), (&json!([]), &json!(["nothing"])));
}

#[tokio::test]
async fn notifications_of_all_rooms_newest_first() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let other = server.create_room(&cast.bob, json!({ "invite": [cast.alice.id] })).await;
    server.act(&cast.alice, &other, "join", json!({})).await;
    let read = server.say(&cast.bob, room, "one").await;
    server.say(&cast.bob, &other, "two").await;
    server.say(&cast.alice, room, "own").await;
    let mention =
        json!({ "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [cast.alice.id] } });
    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/mention");
    assert_eq!(server.put(&path, Some(&cast.bob), mention).await.0, 200);
    let receipt = format!("{CLIENT}/rooms/{room}/receipt/m.read/{read}");
    assert_eq!(server.post(&receipt, Some(&cast.alice), json!({})).await.0, 200);

    let notifications = async |query: &str| {
        let answer = server.read(&cast.alice, &format!("{CLIENT}/notifications{query}")).await;
        let list = answer["notifications"].as_array().unwrap().iter();
        let list: Vec<_> = list
            .filter(|one| one["event"]["type"] == "m.room.message")
            .map(|one| (one["event"]["content"]["body"].as_str().unwrap().to_owned(), one["read"] == true))
            .collect();
        (list, answer["next_token"].as_str().map(str::to_owned))
    };
    let of = |body: &str, read| (body.to_owned(), read);
    let (all, next) = notifications("").await;
    assert_eq!((all, next), (vec![of("you", false), of("two", false), of("one", true)], None));
    assert_eq!(notifications("?only=highlight").await.0, [of("you", false)]);
    let (first, next) = notifications("?limit=1").await;
    assert_eq!(first, [of("you", false)]);
    let (rest, _) = notifications(&format!("?from={}", next.unwrap())).await;
    assert_eq!(rest, [of("two", false), of("one", true)]);
    let wrong = server.get(&format!("{CLIENT}/notifications?only=x"), Some(&cast.alice)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn whoever_has_pushers_finds_notifications_in_the_index_and_those_before_in_the_timelines() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    for body in ["first", "second"] {
        server.say(&cast.bob, room, body).await;
    }
    let pusher = json!({
        "app_id": "org.example", "pushkey": "key", "kind": "http", "app_display_name": "App",
        "device_display_name": "phone", "lang": "en",
        "data": { "url": "https://push.invalid/_matrix/push/v1/notify" },
    });
    assert_eq!(server.post(&format!("{CLIENT}/pushers/set"), Some(&cast.alice), pusher).await.0, 200);
    let alice = <&ruma::UserId>::try_from(cast.alice.id.as_str()).unwrap();
    while server.api.pushes.notifications().indexed_since(alice).unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let gone = server.say(&cast.bob, room, "gone").await;
    server.say(&cast.bob, room, "third").await;
    let mention =
        json!({ "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [cast.alice.id] } });
    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/mention");
    assert_eq!(server.put(&path, Some(&cast.bob), mention).await.0, 200);
    let redact = format!("{CLIENT}/rooms/{room}/redact/{gone}/t");
    assert_eq!(server.put(&redact, Some(&cast.bob), json!({})).await.0, 200);
    server.api.pushes.reached(server.api.rooms.store().published()).await.unwrap();

    let page = async |query: &str| {
        let answer = server.read(&cast.alice, &format!("{CLIENT}/notifications?{query}")).await;
        let list = answer["notifications"].as_array().unwrap().iter();
        let bodies = list.filter_map(|one| one["event"]["content"]["body"].as_str().map(str::to_owned));
        (bodies.collect::<Vec<_>>(), answer["next_token"].as_str().map(str::to_owned))
    };
    let all = ["you", "third", "second", "first"];
    assert_eq!(page("").await, (all.map(str::to_owned).into(), None));
    assert_eq!(page("only=highlight").await.0, ["you"]);
    let (mut paged, mut next) = page("limit=1").await;
    while let Some(from) = next {
        let (more, then) = page(&format!("limit=1&from={from}")).await;
        paged.extend(more);
        next = then;
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn who_moderates_reads_for_a_while_what_was_redacted() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let gone = server.say(&cast.bob, room, "regretted").await;
    let path = format!("{CLIENT}/rooms/{room}/event/{gone}?fi.mau.msc2815.include_unredacted_content=true");
    // Of what is not redacted nothing is kept from anyone.
    assert_eq!(server.read(&cast.bob, &path).await["content"]["body"], "regretted");
    let redact = format!("{CLIENT}/rooms/{room}/redact/{gone}/t");
    assert_eq!(server.put(&redact, Some(&cast.bob), json!({})).await.0, 200);
    let event = server.read(&cast.alice, &path).await;
    assert_eq!(event["content"]["body"], "regretted");
    assert!(event["unsigned"]["redacted_because"].is_object());
    assert_eq!(error(&server.get(&path, Some(&cast.bob)).await), (403, "M_FORBIDDEN"));
    let plain = server.read(&cast.alice, &format!("{CLIENT}/rooms/{room}/event/{gone}")).await;
    assert_eq!(plain["content"], json!({}));
    server.clock.advance(9 * 24 * 60 * 60 * 1000);
    let answer = server.get(&path, Some(&cast.alice)).await;
    assert_eq!(error(&answer), (404, "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED"));
    assert_eq!(answer.1["fi.mau.msc2815.content_keep_ms"], 7 * 24 * 60 * 60 * 1000);
}
