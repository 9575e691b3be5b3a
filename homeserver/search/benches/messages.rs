//! The search for messages, in as many as are asked for:
//! `cargo bench -p hearth-search --bench messages -- --messages 1000000`.
//!
//! It fills rooms with messages of made-up words, in three scripts and as common as words are, and tells how many messages a
//! second are indexed from the timelines, how large the index is beside the texts, and how long searches take.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::{
    env, fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use hearth_rooms::{CreateRoom, NewEvent, Preset, Room, RoomError, Rooms, RoomsOptions};
use hearth_search::{Key, LEAST_MEMORY, Order, Scope, Search, SearchOptions, Terms};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Durability, RocksEngine, RocksOptions, SeededRandom, Store, StoreOptions, SystemClock, TimelineOrder,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use ruma::{owned_server_name, owned_user_id};
use serde_json::{json, value::to_raw_value};
use tempfile::TempDir;

const ROOMS: usize = 64;
/// How many words there are in each script, and how many in a message at most.
const VOCABULARY: usize = 40_000;
const LONGEST: usize = 24;
/// How often each kind of search is made.
const SEARCHES: usize = 200;

#[tokio::main]
async fn main() {
    let messages = asked_for().unwrap_or(50_000);
    let folder = TempDir::new().expect("a folder");
    let rooms = open(folder.path());
    let language = Language::new();
    let text = fill(&rooms, &language, messages).await.expect("the rooms are filled");

    let began = Instant::now();
    let index = folder.path().join("search");
    let options = SearchOptions { folder: index.clone(), memory_bytes: LEAST_MEMORY };
    let search = Search::start(rooms.clone(), options).expect("the index opens");
    search.complete().await;
    let took = began.elapsed();
    println!("{messages} messages of {} KiB were indexed in {took:.1?}:", text >> 10);
    println!("  {:.0} a second", messages as f64 / took.as_secs_f64());
    search.stop().await;
    let bytes = size(&index).expect("the index has a size");
    println!(
        "  the index takes {} KiB, {:.0}% of the texts",
        bytes >> 10,
        bytes as f64 / text as f64 * 100.0
    );

    let search = {
        let options = SearchOptions { folder: index, memory_bytes: LEAST_MEMORY };
        Search::start(rooms.clone(), options).expect("the index opens again")
    };
    let rooms: Vec<Room> = rooms.all().expect("the rooms");
    let mut random = StdRng::seed_from_u64(3);
    for (what, in_all) in [("in all rooms", true), ("in one room", false)] {
        for (kind, make) in KINDS {
            let mut times = Vec::new();
            for _ in 0..SEARCHES {
                let terms = Terms::new(&make(&language, &mut random));
                let some = if in_all { &rooms[..] } else { &rooms[..1] };
                let scope = some.iter().map(|room| (room.nid(), Some(TimelineOrder::MIN)));
                let scope = Arc::new(Scope::new(scope, [Key::Body]));
                let began = Instant::now();
                let searching = search.begin().await;
                let statistics = searching.statistics(&terms).expect("statistics");
                searching.find(&terms, &statistics, &scope, Order::Best, None, 200).expect("a search");
                times.push(began.elapsed());
            }
            times.sort_unstable();
            let at = |share: usize| ms(times[times.len() * share / 100]);
            println!("  {kind} {what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
        }
    }
}

type Make = fn(&Language, &mut StdRng) -> String;

/// What is searched for.
const KINDS: [(&str, Make); 4] = [
    ("a common word", |language, random| language.words[random.random_range(0..10)].clone()),
    ("a word as it comes", |language, random| language.word(random).to_owned()),
    ("two words", |language, random| format!("{} {}", language.word(random), language.word(random))),
    ("the beginning of a word", |language, random| language.word(random).chars().take(3).collect()),
];

fn asked_for() -> Option<usize> {
    let arguments: Vec<String> = env::args().collect();
    let place = arguments.iter().position(|argument| argument == "--messages")?;
    arguments.get(place + 1)?.parse().ok()
}

fn open(folder: &Path) -> Rooms {
    let options = RocksOptions { memory_bytes: 128 << 20, open_files: 256 };
    let engine = RocksEngine::open(&folder.join("database"), &options).expect("the database opens");
    let options = StoreOptions { durability: Durability::Async, ..StoreOptions::default() };
    let store = Store::open(engine, options).expect("the store opens");
    let options = RoomsOptions {
        server_name: owned_server_name!("h.org"),
        key: SigningKey::generate([1; 32], "a").expect("a key"),
        cache_bytes: 80 << 20,
        default_version: RoomVersion::V12,
        retention: Default::default(),
    };
    Rooms::open(store, options, Arc::new(SystemClock), Arc::new(SeededRandom::new(7))).expect("rooms open")
}

/// Says so many messages; gives how many bytes they have together.
async fn fill(rooms: &Rooms, language: &Language, messages: usize) -> Result<usize, RoomError> {
    let alice = owned_user_id!("@alice:h.org");
    let mut all = Vec::new();
    for _ in 0..ROOMS {
        let id = rooms.create_room(CreateRoom::new(alice.clone(), Preset::PrivateChat)).await?;
        all.push(rooms.room(&id)?);
    }
    let speakers = all.iter().enumerate().map(async |(number, room)| {
        let mut random = StdRng::seed_from_u64(number as u64);
        let mut bytes = 0;
        for _ in 0..messages.div_ceil(ROOMS) {
            let text = language.message(&mut random);
            bytes += text.len();
            let content = to_raw_value(&json!({ "msgtype": "m.text", "body": text })).expect("JSON");
            room.send(NewEvent::message(&alice, "m.room.message", content), None).await?;
        }
        Ok::<_, RoomError>(bytes)
    });
    Ok(try_join_all(speakers).await?.into_iter().sum())
}

/// Words, the most common first.
struct Language {
    words: Vec<String>,
}

impl Language {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let latin: Vec<&str> = "ba de ki lo mu ra se ti vo na pe shi gro lan tor er".split(' ').collect();
        let cyrillic: Vec<&str> = "ба де ки ло му ра се ти во на пе ши гро лан тор ер".split(' ').collect();
        let chinese: Vec<&str> = "天气 北京 上海 会议 明天 今天 朋友 学校 工作 电脑".split(' ').collect();
        let mut words = Vec::new();
        for _ in 0..VOCABULARY {
            for syllables in [&latin, &latin, &cyrillic, &chinese] {
                let length = random.random_range(1..=4);
                words.push((0..length).map(|_| syllables[random.random_range(0..syllables.len())]).collect());
            }
        }
        Self { words }
    }

    /// A word, by chance as common as its place says.
    fn word(&self, random: &mut StdRng) -> &str {
        let place = (self.words.len() as f64).powf(random.random::<f64>());
        &self.words[(place as usize).min(self.words.len() - 1)]
    }

    fn message(&self, random: &mut StdRng) -> String {
        let length = random.random_range(1..=LONGEST);
        let words: Vec<&str> = (0..length).map(|_| self.word(random)).collect();
        words.join(" ")
    }
}

fn size(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
