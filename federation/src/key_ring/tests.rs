use axum::{
    Json, Router,
    routing::{get, post},
};
use hearth_spec::keys::verify_json;
use hearth_storage::{MemoryEngine, StoreOptions};
use ruma::server_name;

use super::*;
use crate::testing::{Peer, START_MS, Transport, key_response, own_key};

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

#[tokio::test]
async fn keys_are_asked_for_once_and_kept() {
    let peer = peer().await;
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let transport = Transport::on(store.clone(), peer.trusted());
    let fetch = || transport.keys.fetch(needs(&peer.name, "ed25519:peer"));
    let (keys, ..) = futures::join!(fetch(), fetch(), fetch());
    assert!(keys.get(&peer.name, "ed25519:peer", Some(START_MS + DAY_MS)).is_some());
    assert!(keys.get(&peer.name, "ed25519:peer", Some(START_MS + DAY_MS + 1)).is_none());
    fetch().await;
    assert_eq!(peer.asked(), 1);
    // After a restart they are there: the write was before this one.
    store.begin().unwrap().submit().await.unwrap();
    let keys = Transport::on(store, peer.trusted()).keys.fetch(needs(&peer.name, "ed25519:peer")).await;
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
        let keys = transport.keys.fetch(needs(&peer.name, "ed25519:unknown")).await;
        assert!(!keys.knows(&peer.name));
    }
    assert_eq!(peer.asked(), 1);
    transport.clock.advance(RETRY_MS);
    transport.keys.fetch(needs(&peer.name, "ed25519:unknown")).await;
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_slow_server_is_waited_for_once() {
    let never = get(async || std::future::pending::<String>().await);
    let peer = Peer::serve(|_, _| Router::new().route(PATH, never)).await;
    let transport = Transport::new(peer.trusted());
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        let patience = |_: usize| Duration::from_millis(300);
        let keys = transport.keys.fetch_within(patience, needs(&peer.name, "ed25519:peer")).await;
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
    let keys = Transport::new(options).keys.fetch(needs(gone, "ed25519:gone")).await;
    assert!(keys.get(gone, "ed25519:gone", Some(START_MS)).is_some());
}

#[tokio::test]
async fn this_server_is_a_notary_too() {
    let peer = peer().await;
    let transport = Transport::new(peer.trusted());
    let wanted = [peer.name.clone(), "own.example".try_into().unwrap(), "127.0.0.1:1".try_into().unwrap()];
    let wanted = wanted.map(|server: OwnedServerName| (server, BTreeMap::new())).into();
    let responses = transport.keys.notarised(wanted).await;
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
