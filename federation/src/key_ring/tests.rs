use axum::{
    Json, Router,
    routing::{get, post},
};
use hearth_spec::keys::verify_json;
use hearth_storage::{MemoryEngine, StoreOptions};
use ruma::server_name;

use super::*;
use crate::{
    AskedBy,
    testing::{Peer, START_MS, Transport, key_response, own_key, silent_servers},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const PATH: &str = "/_matrix/key/v2/server";

async fn peer() -> Peer {
    Peer::serve(|name, key| {
        let response = key_response(name, key, START_MS + DAY_MS);
        Router::new().route(PATH, get(async move || Json(response)))
    })
    .await
}

fn needs(server: &ServerName, key_id: &str) -> BTreeMap<OwnedServerName, BTreeSet<String>> {
    BTreeMap::from([(server.to_owned(), BTreeSet::from([key_id.to_owned()]))])
}

fn address(last: u8) -> AskedBy {
    AskedBy::address([10, 0, 0, last].into())
}

fn some_request() -> FetchedFor {
    FetchedFor::Request(address(1))
}

#[tokio::test]
async fn keys_are_asked_for_once_and_kept() {
    let peer = peer().await;
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let transport = Transport::on(store.clone(), peer.trusted());
    let fetch = || transport.keys.fetch(some_request(), needs(&peer.name, "ed25519:peer"));
    let (keys, ..) = futures::join!(fetch(), fetch(), fetch());
    assert!(keys.get(&peer.name, "ed25519:peer", Some(START_MS + DAY_MS)).is_some());
    assert!(keys.get(&peer.name, "ed25519:peer", Some(START_MS + DAY_MS + 1)).is_none());
    fetch().await;
    assert_eq!(peer.asked(), 1);
    // After a restart they are there: the write was before this one.
    store.begin().unwrap().submit().await.unwrap();
    let keys = Transport::on(store, peer.trusted())
        .keys
        .fetch(some_request(), needs(&peer.name, "ed25519:peer"))
        .await;
    assert!(keys.knows(&peer.name));
    assert_eq!(peer.asked(), 1);
    // When they hold no longer, the server is asked again.
    transport.clock.advance(2 * DAY_MS);
    fetch().await;
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_server_without_the_key_is_not_asked_again_for_a_while() {
    let peer = peer().await;
    let transport = Transport::new(peer.trusted());
    for _ in 0..3 {
        let keys = transport.keys.fetch(some_request(), needs(&peer.name, "ed25519:unknown")).await;
        assert!(!keys.knows(&peer.name));
    }
    assert_eq!(peer.asked(), 1);
    transport.clock.advance(RETRY_MS);
    transport.keys.fetch(some_request(), needs(&peer.name, "ed25519:unknown")).await;
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_slow_server_is_waited_for_once() {
    let never = get(async || std::future::pending::<String>().await);
    let peer = Peer::serve(|_, _| Router::new().route(PATH, never)).await;
    let transport = Transport::new(peer.trusted());
    let begun = tokio::time::Instant::now();
    for _ in 0..5 {
        let patience = |_: usize| Duration::from_millis(300);
        let keys =
            transport.keys.fetch_within(patience, some_request(), needs(&peer.name, "ed25519:peer")).await;
        assert!(!keys.knows(&peer.name));
    }
    assert!((300..1000).contains(&begun.elapsed().as_millis()));
    assert_eq!(peer.asked(), 1);
}

#[tokio::test]
async fn keys_come_from_a_notary_with_both_signatures() {
    let gone = server_name!("127.0.0.1:1");
    let gone_key = SigningKey::generate([3; 32], "gone").unwrap();
    let notary = Peer::serve(|name, key| {
        let own = key_response(name, key, START_MS + DAY_MS);
        let answer = |signed: bool| {
            let Value::Object(mut response) = key_response(gone, &gone_key, START_MS + DAY_MS) else {
                unreachable!()
            };
            if signed {
                key.sign_json(&mut response, name).unwrap();
            }
            Value::Object(response)
        };
        let answer = json!({ "server_keys": [answer(false), answer(true)] });
        Router::new()
            .route(PATH, get(async move || Json(own)))
            .route("/_matrix/key/v2/query", post(async move || Json(answer)))
    })
    .await;
    let options = FederationOptions { notaries: vec![notary.name.clone()], ..notary.trusted() };
    let keys = Transport::new(options).keys.fetch(some_request(), needs(gone, "ed25519:gone")).await;
    assert!(keys.get(gone, "ed25519:gone", Some(START_MS)).is_some());
}

#[tokio::test]
async fn this_server_is_a_notary_too() {
    let peer = peer().await;
    let transport = Transport::new(peer.trusted());
    let wanted = [peer.name.clone(), "own.example".try_into().unwrap(), "127.0.0.1:1".try_into().unwrap()];
    let wanted = wanted.map(|server: OwnedServerName| (server, BTreeMap::new())).into();
    let responses = transport.keys.notarised(address(1), wanted).await;
    assert_eq!(responses.len(), 2);
    let own = hearth_spec::PublicKey::from_base64(&own_key().public_key_base64()).unwrap();
    let theirs = hearth_spec::PublicKey::from_base64(&peer.key.public_key_base64()).unwrap();
    for response in &responses {
        assert!(verify_json(&response.to_string(), "own.example", "ed25519:own", &own));
    }
    let of_peer = responses.iter().find(|response| response["server_name"] == peer.name.as_str()).unwrap();
    assert!(verify_json(&of_peer.to_string(), peer.name.as_str(), "ed25519:peer", &theirs));
}

#[test]
fn a_response_must_be_the_servers_own_and_signed() {
    let (server, other) = (server_name!("a.example"), server_name!("b.example"));
    let (key, other_key) =
        (SigningKey::generate([1; 32], "1").unwrap(), SigningKey::generate([2; 32], "1").unwrap());
    let read = |response: Value| ServerKeys::from_response(server, &response.to_string(), START_MS);
    assert!(read(key_response(server, &key, START_MS)).is_ok());
    assert!(read(key_response(other, &key, START_MS)).is_err());
    let mut forged = key_response(server, &key, START_MS);
    forged["verify_keys"] = key_response(server, &other_key, START_MS)["verify_keys"].clone();
    assert!(read(forged).is_err());
    // Nothing holds for longer than a week.
    let week = read(key_response(server, &key, START_MS + 365 * DAY_MS)).unwrap();
    assert_eq!(week.valid_until_ts, START_MS + 7 * DAY_MS);
}

#[test]
fn a_key_that_is_named_no_more_still_verifies_what_it_signed() {
    let server = server_name!("a.example");
    let response = |version: &str, seed: u8, until: u64| {
        let key = SigningKey::generate([seed; 32], version).unwrap();
        ServerKeys::from_response(server, &key_response(server, &key, until).to_string(), START_MS).unwrap()
    };
    let merged = response("2", 2, START_MS + 1000).with_earlier(&response("1", 1, START_MS - 1000));
    let merged = ServerKeys::from_stored(&merged.to_stored()).unwrap();
    assert!(merged.is_settled("ed25519:1", START_MS) && merged.is_settled("ed25519:2", START_MS));
    let mut keys = PublicKeys::new();
    merged.insert_into(&mut keys, server, &["ed25519:1".to_owned(), "ed25519:2".to_owned()].into());
    assert!(keys.get(server, "ed25519:1", Some(START_MS - 1000)).is_some());
    assert!(keys.get(server, "ed25519:1", Some(START_MS)).is_none());
    assert!(keys.get(server, "ed25519:2", Some(START_MS)).is_some());
}

#[tokio::test]
async fn made_up_names_keep_no_server_from_being_known() {
    let peer = peer().await;
    let port = silent_servers().await;
    let transport = Transport::new(peer.trusted());
    let made_up = |number: usize| {
        let name = format!("127.{}.{}.1:{port}", number / 250 + 1, number % 250);
        OwnedServerName::try_from(name).unwrap()
    };
    // Requests in the name of 1,000 servers come from one address, the last in the name of the one that is about to
    // come itself; and a notary is asked for 1,000 more.
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..=1000 {
        let server = if number < 1000 { made_up(number) } else { peer.name.clone() };
        let keys = transport.keys.clone();
        asking.spawn(async move {
            keys.fetch(some_request(), needs(&server, "ed25519:peer")).await;
        });
    }
    for round in 10..20 {
        let wanted = (0..100).map(|number| (made_up(round * 100 + number), BTreeMap::new())).collect();
        let keys = transport.keys.clone();
        asking.spawn(async move {
            keys.notarised(address(1), wanted).await;
        });
    }
    // And events of one server have signatures of others.
    let needed = (2000..2500).flat_map(|number| needs(&made_up(number), "ed25519:a")).collect();
    let keys = transport.keys.clone();
    asking.spawn(async move {
        keys.fetch(FetchedFor::Events("c.example".try_into().unwrap()), needed).await;
    });
    // Each has as many turns as one may have: 16, 8 and 64.
    while transport.keys.0.fetches.count() < 16 + 8 + 64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let keys = transport.keys.fetch(FetchedFor::Request(address(2)), needs(&peer.name, "ed25519:peer")).await;
    assert!(keys.knows(&peer.name));
    assert_eq!(transport.keys.0.fetches.count(), 16 + 8 + 64);
}

#[tokio::test]
async fn a_notary_has_the_keys_of_before() {
    let key = |number: u8| SigningKey::generate([number; 32], &number.to_string()).unwrap();
    let (first, second) = (key(1), key(2));
    let changed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now_second = changed.clone();
    let peer = Peer::serve(|name, _| {
        let before = key_response(name, &first, START_MS + DAY_MS);
        let after = key_response(name, &second, START_MS + 9 * DAY_MS);
        let answer = async move || {
            let changed = now_second.load(std::sync::atomic::Ordering::SeqCst);
            Json(if changed { after } else { before })
        };
        Router::new().route(PATH, get(answer))
    })
    .await;
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let transport = Transport::on(store.clone(), peer.trusted());
    let key_ids = async |transport: &Transport, wanted: &[&str]| {
        let key_ids = wanted.iter().map(|id| ((*id).to_owned(), None)).collect();
        let responses = transport.keys.notarised(address(1), [(peer.name.clone(), key_ids)].into()).await;
        let ids = responses.iter().flat_map(|response| response["verify_keys"].as_object().unwrap().keys());
        ids.cloned().collect::<Vec<String>>()
    };
    assert_eq!(key_ids(&transport, &[]).await, ["ed25519:1"]);
    transport.clock.advance(2 * DAY_MS);
    changed.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(key_ids(&transport, &[]).await, ["ed25519:2", "ed25519:1"]);
    // After a restart, too: the write was before this one.
    store.begin().unwrap().submit().await.unwrap();
    for transport in [transport, Transport::on(store, peer.trusted())] {
        assert_eq!(key_ids(&transport, &["ed25519:2"]).await, ["ed25519:2"]);
        assert_eq!(key_ids(&transport, &["ed25519:1"]).await, ["ed25519:2", "ed25519:1"]);
    }
}
