use std::{collections::BTreeSet, sync::Arc};

use hearth_storage::TimelineOrder;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{json, value::to_raw_value};

use super::{
    Key, Order, Place, Scope, Terms,
    testing::{World, user},
};
use hearth_rooms::{Event, NewEvent, Room};

const NOTHING: [&str; 0] = [];

/// What people may say, in three scripts and some more languages.
const TALK: [&str; 17] = [
    "Shall we meet in Berlin next week?",
    "The train to Berlin leaves at nine, the train back at ten",
    "Berlin, Berlin, we are going to Berlin!",
    "Die Züge nach Köln fahren wieder",
    "Wir fahren morgen mit dem Zug nach München",
    "A long message about many things: the weather, the garden, what the neighbours said, a train that came late, and at \
     the very end also a word on Berlin, where nothing of all that matters",
    "我们明天在北京开会",
    "北京的天气很好，上海的天气不好",
    "今天天气怎么样？",
    "明日東京で会議があります",
    "東京の天気はどうですか",
    "京都へ行きたいです",
    "พรุ่งนี้เราจะประชุมที่กรุงเทพ",
    "วันนี้อากาศดีมาก",
    "Встреча завтра в Москве",
    "Погода в Москве хорошая, погода в Казани плохая",
    "내일 서울에서 회의가 있습니다",
];

#[tokio::test]
async fn words_of_every_language_are_found_and_the_best_match_comes_first() {
    let world = World::new();
    let alice = user("alice");
    let room = world.room(&alice, &[]).await;
    for text in TALK {
        world.say(&room, &alice, text).await;
    }
    let place = |text: &str| TALK.iter().position(|said| *said == text).unwrap();
    for (search_term, found) in [
        // More often in a shorter text comes first, and last what stands somewhere in a long one.
        ("berlin", vec![2, 0, 1, 5]),
        ("BERLIN train", vec![1, 5]),
        ("\"train back\"", vec![1]),
        ("\"back train\"", vec![]),
        // Accents and case do not count, and the beginning of a word is enough.
        ("zuge", vec![3]),
        ("zug", vec![4, 3]),
        ("münchen", vec![4]),
        ("Munchen", vec![4]),
        ("fahren", vec![3, 4]),
        // No spaces.
        ("北京", vec![6, 7]),
        ("天气", vec![7, 8]),
        ("北京天气", vec![7]),
        ("東京", vec![10, 9]),
        ("東京 会議", vec![9]),
        ("อากาศ", vec![13]),
        ("ประชุม", vec![12]),
        ("москве", vec![14, 15]),
        ("погода", vec![15]),
        ("서울", vec![16]),
        ("nothing like it", vec![]),
    ] {
        let best: Vec<usize> = world.best(search_term).await.iter().map(|text| place(text)).collect();
        assert_eq!(best, found, "{search_term}");
    }
    let newest: Vec<usize> = world.newest("berlin").await.iter().map(|text| place(text)).collect();
    assert_eq!(newest, [5, 2, 1, 0]);
}

#[tokio::test]
async fn names_and_topics_are_found_where_they_are_looked_for() {
    let world = World::new();
    let alice = user("alice");
    let room = world.room(&alice, &[]).await;
    for (event_type, content) in [
        ("m.room.name", json!({ "name": "Garden" })),
        (
            "m.room.topic",
            json!({ "topic": "All about a garden", "m.topic": { "m.text": [
            { "mimetype": "text/html", "body": "<b>beets</b>" }, { "body": "and about flowers" },
        ] } }),
        ),
    ] {
        let content = to_raw_value(&content).unwrap();
        room.send(NewEvent::state(&alice, event_type, "", content), None).await.unwrap();
    }
    world.say(&room, &alice, "my garden").await;
    let found = async |search_term: &str, keys: &[Key]| {
        let scope = Scope::new([(room.nid(), None)], keys.iter().copied());
        let searching = world.search.begin().await;
        let terms = Terms::new(search_term);
        let statistics = searching.statistics(&terms).unwrap();
        let found = searching.find(&terms, &statistics, &Arc::new(scope), Order::Newest, None, 10).unwrap();
        assert_eq!(found.counted, 0, "nobody said from where on all is theirs to see");
        let events = found.hits.iter().map(|hit| world.rooms.event(hit.event).unwrap().unwrap());
        events.map(|event| event.pdu.type_str().to_owned()).collect::<Vec<_>>()
    };
    let all = [Key::Body, Key::Name, Key::Topic];
    assert_eq!(found("garden", &all).await, ["m.room.message", "m.room.topic", "m.room.name"]);
    assert_eq!(found("garden", &[Key::Name]).await, ["m.room.name"]);
    assert_eq!(found("garden", &[Key::Body, Key::Topic]).await, ["m.room.message", "m.room.topic"]);
    assert_eq!(found("flowers", &all).await, ["m.room.topic"]);
    assert_eq!(found("beets", &all).await, NOTHING);
}

#[tokio::test]
async fn edits_replace_and_redactions_remove() {
    let world = World::new();
    let (alice, bob) = (user("alice"), user("bob"));
    let room = world.room(&alice, &[&bob]).await;
    let message = world.say(&room, &alice, "tea").await;
    assert_eq!(world.best("tea").await, ["tea"]);
    let first = world.edit(&room, &alice, &message, "coffee").await;
    let second = world.edit(&room, &alice, &message, "water").await;
    assert_eq!(world.best("tea").await, NOTHING);
    assert_eq!(world.best("coffee").await, NOTHING);
    assert_eq!(world.best("water").await, ["tea"], "it is the message that is found");
    assert_eq!(world.find("water", Order::Best).await.hits[0].edit, Some(second.nid));
    // Not of others.
    world.edit(&room, &bob, &message, "poison").await;
    assert_eq!(world.best("poison").await, NOTHING);
    // The message is as it was before, committed or not.
    world.redact(&room, &alice, &second).await;
    assert_eq!(world.best("water").await, NOTHING);
    assert_eq!(world.best("coffee").await, ["tea"]);
    world.redact(&room, &alice, &first).await;
    assert_eq!(world.best("tea").await, ["tea"]);
    let third = world.edit(&room, &alice, &message, "juice").await;
    world.redact(&room, &alice, &third).await;
    assert_eq!(world.best("juice").await, NOTHING);
    assert_eq!(world.best("tea").await, ["tea"]);
    world.redact(&room, &alice, &message).await;
    assert_eq!(world.best("tea").await, NOTHING);
}

#[tokio::test]
async fn a_room_that_is_encrypted_is_searched_no_more() {
    let world = World::new();
    let alice = user("alice");
    let (room, other) = (world.room(&alice, &[]).await, world.room(&alice, &[]).await);
    world.say(&room, &alice, "tea one").await;
    world.say(&other, &alice, "tea two").await;
    assert_eq!(world.newest("tea").await, ["tea two", "tea one"]);
    let content = to_raw_value(&json!({ "algorithm": "m.megolm.v1.aes-sha2" })).unwrap();
    room.send(NewEvent::state(&alice, "m.room.encryption", "", content), None).await.unwrap();
    world.say(&room, &alice, "tea three").await;
    assert_eq!(world.newest("tea").await, ["tea two"]);
    let world = world.killed_and_robbed();
    world.search.complete().await;
    assert_eq!(world.newest("tea").await, ["tea two"]);
}

#[tokio::test]
async fn what_is_purged_is_gone() {
    let world = World::new();
    let alice = user("alice");
    let room = world.room(&alice, &[]).await;
    world.say(&room, &alice, "tea one").await;
    let second = world.say(&room, &alice, "tea two").await;
    assert_eq!(world.newest("tea").await, ["tea two", "tea one"]);
    room.purge_before(second.order().unwrap()).await.unwrap();
    assert_eq!(world.newest("tea").await, ["tea two"]);
}

/// Says, edits and redacts by chance; gives what is then to be found, each once.
async fn talk(world: &World, random: &mut StdRng, times: usize) -> BTreeSet<String> {
    let alice = user("alice");
    let mut rooms = world.rooms.all().unwrap();
    while rooms.len() < 3 {
        rooms.push(world.room(&alice, &[]).await);
    }
    let mut said: Vec<(Room, Arc<Event>)> = Vec::new();
    for _ in 0..times {
        let n: u32 = random.random();
        let room = &rooms[random.random_range(0..rooms.len())];
        match (random.random_range(0..4), said.len()) {
            (0, 1..) => {
                let (room, event) = &said[random.random_range(0..said.len())];
                world.edit(room, &alice, event, &format!("word edited{n}")).await;
            }
            (1, 1..) => {
                let (room, event) = said.swap_remove(random.random_range(0..said.len()));
                world.redact(&room, &alice, &event).await;
            }
            _ => said.push((room.clone(), world.say(room, &alice, &format!("word said{n}")).await)),
        }
    }
    everything(world)
}

/// What there is to be found, by the rooms themselves.
fn everything(world: &World) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for room in world.rooms.all().unwrap() {
        let range = hearth_rooms::TimelineRange { limit: usize::MAX, ..Default::default() };
        for event in room.timeline(range).unwrap() {
            let edit = room.replaced_by(&event).unwrap();
            if super::text::replaces(&event).is_none()
                && let Some((Key::Body, text)) = super::text_of(&event, edit.as_deref())
            {
                texts.insert(text);
            }
        }
    }
    texts
}

/// What the index has, each as often as it is there.
async fn indexed(world: &World) -> Vec<String> {
    let found = world.find("word", Order::Newest).await;
    let mut texts: Vec<String> = Vec::new();
    for hit in found.hits {
        let event = world.rooms.event(hit.event).unwrap().unwrap();
        let edit = hit.edit.map(|edit| world.rooms.event(edit).unwrap().unwrap());
        texts.extend(super::text_of(&event, edit.as_deref()).map(|(_, text)| text));
    }
    texts.sort();
    texts
}

#[tokio::test]
async fn an_index_that_follows_is_what_the_rooms_say_whatever_happens_to_the_server() {
    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new();
        for round in 0..4 {
            talk(&world, &mut random, 12).await;
            if random.random() {
                // Something of it is on the disk.
                assert_eq!(indexed(&world).await, Vec::from_iter(everything(&world)), "{seed} {round}");
                talk(&world, &mut random, 3).await;
            }
            world = match random.random_range(0..3) {
                0 => world.killed(),
                1 => world.killed_and_robbed(),
                _ => world,
            };
            world.search.complete().await;
            assert_eq!(indexed(&world).await, Vec::from_iter(everything(&world)), "{seed} {round}");
        }
    }
}

#[tokio::test]
async fn who_is_behind_the_log_looks_through_the_timelines() {
    let world = World::with_short_log();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..3 {
        talk(&world, &mut random, 40).await;
        // Whether it is behind is a matter of chance; it comes to the same.
        world.search.begin().await;
        world.search.complete().await;
        assert_eq!(indexed(&world).await, Vec::from_iter(everything(&world)));
    }
}

#[tokio::test]
async fn pages_stay_while_messages_come() {
    let world = World::new();
    let alice = user("alice");
    let room = world.room(&alice, &[]).await;
    for n in 0..40 {
        world.say(&room, &alice, &format!("tea {}", "and more ".repeat(n % 7))).await;
    }
    for order in [Order::Best, Order::Newest] {
        let terms = Terms::new("tea");
        let scope = Arc::new(Scope::new([(room.nid(), Some(TimelineOrder::MIN))], [Key::Body]));
        let statistics = world.search.begin().await.statistics(&terms).unwrap();
        let all = world.search.begin().await.find(&terms, &statistics, &scope, order, None, 1_000).unwrap();
        let mut pages = Vec::new();
        let mut after: Option<Place> = None;
        loop {
            let searching = world.search.begin().await;
            let page = searching.find(&terms, &statistics, &scope, order, after, 7).unwrap();
            let Some(last) = page.hits.last() else { break };
            after = Some(last.place);
            pages.extend(page.hits.iter().map(|hit| hit.event));
            // Words become more and less common, and parts of the index are merged.
            world.say(&room, &alice, "tea tea tea").await;
            world.say(&room, &alice, "something else that is rather long").await;
        }
        pages.retain(|event| all.hits.iter().any(|hit| hit.event == *event));
        let all: Vec<_> = all.hits.iter().map(|hit| hit.event).collect();
        assert_eq!(pages, all, "{order:?}");
    }
}

#[tokio::test]
async fn an_index_of_another_server_or_damaged_is_made_anew() {
    let world = World::new();
    let alice = user("alice");
    let room = world.room(&alice, &[]).await;
    world.say(&room, &alice, "tea").await;
    assert_eq!(world.best("tea").await, ["tea"]);
    let world = world.killed_and_damaged();
    world.search.complete().await;
    assert_eq!(world.best("tea").await, ["tea"]);
}
