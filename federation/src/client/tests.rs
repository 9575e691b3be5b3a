use std::convert::Infallible;

use axum::{
    Json, Router,
    body::Body,
    extract::Path,
    routing::{get, post},
};
use futures::{StreamExt as _, stream};
use hearth_spec::BanKind;
use hearth_storage::{MemoryEngine, Store, StoreOptions, schema::rooms::BanRow};
use ruma::api::federation::{
    authenticated_media::get_content, discovery::get_server_version, event::get_missing_events,
};
use serde_json::json;

use super::*;
use crate::testing::{Peer, Transport, own_key};

const QUICK: Limits = Limits { timeout: Duration::from_millis(300), body_bytes: 1000, ..Limits::USUAL };

/// A byte now and then, for ever.
fn drip() -> Body {
    let drops = stream::repeat(()).then(async |()| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(" ")
    });
    Body::from_stream(drops)
}

async fn versions(answer: axum::routing::MethodRouter) -> Peer {
    Peer::serve(|_, _| Router::new().route("/_matrix/federation/v1/version", answer)).await
}

async fn ask(
    transport: &Transport,
    peer: &Peer,
) -> Result<get_server_version::v1::Response, FederationError> {
    transport.client.send_with(&peer.name, get_server_version::v1::Request::new(), QUICK).await
}

#[tokio::test]
async fn requests_are_signed_for_the_server_that_they_go_to() {
    let peer = Peer::serve(|name, _| {
        let name = name.to_owned();
        let path = "/_matrix/federation/v1/get_missing_events/{room}";
        let answer = async move |uri: http::Uri, headers: http::HeaderMap, body: Bytes| {
            let own = ruma::server_name!("own.example");
            // Signatures are the same each time.
            let signed = x_matrix::sign(&own_key(), own, &name, &Method::POST, uri.path(), &body).unwrap();
            assert_eq!(headers["authorization"], signed);
            assert_eq!(headers["host"], name.as_str());
            Json(json!({ "events": [] }))
        };
        Router::new().route(path, post(answer))
    })
    .await;
    let transport = Transport::new(peer.trusted());
    let room = ruma::owned_room_id!("!room:own.example");
    let request = get_missing_events::v1::Request::new(room, Vec::new(), Vec::new());
    let response = transport.client.send(&peer.name, request).await.unwrap();
    assert!(response.events.is_empty());
}

#[tokio::test]
async fn an_error_of_the_server_is_told_and_no_outage() {
    let answer = async || {
        let body = json!({ "errcode": "M_INCOMPATIBLE_ROOM_VERSION", "error": "no", "room_version": "7" });
        (StatusCode::BAD_REQUEST, Json(body))
    };
    let peer = versions(get(answer)).await;
    let transport = Transport::new(peer.trusted());
    match ask(&transport, &peer).await {
        Err(FederationError::Refused { status, errcode, error, fields }) => {
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert_eq!((errcode.as_str(), error.as_str()), ("M_INCOMPATIBLE_ROOM_VERSION", "no"));
            assert_eq!(fields["room_version"], "7");
        }
        other => panic!("{other:?}"),
    }
    assert!(!transport.destinations.is_failing(&peer.name));
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone_until_its_time_comes() {
    let peer = versions(get(async || StatusCode::BAD_GATEWAY)).await;
    let transport = Transport::new(peer.trusted());
    let refused = ask(&transport, &peer).await;
    assert!(matches!(refused, Err(FederationError::Refused { .. })), "{refused:?}");
    assert!(matches!(ask(&transport, &peer).await, Err(FederationError::BackingOff)));
    assert_eq!(peer.asked(), 1);
    transport.clock.advance(1000);
    assert!(matches!(ask(&transport, &peer).await, Err(FederationError::Refused { .. })));
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_banned_server_is_asked_for_nothing_but_its_keys() {
    let peer = versions(get(async || Json(json!({ "server": {} })))).await;
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let bans = Bans::open(store.clone()).unwrap();
    let transport = Transport::on(store, peer.trusted());
    ask(&transport, &peer).await.unwrap();
    let row = BanRow { by: ruma::owned_user_id!("@root:own.example"), at: 1, reason: None };
    bans.ban(BanKind::Server, "local*", row, ruma::server_name!("own.example")).await.unwrap();
    assert!(matches!(ask(&transport, &peer).await, Err(FederationError::Banned)));
    assert!(matches!(transport.client.reach(&peer.name, QUICK).await, Err(FederationError::Banned)));
    assert!(!transport.destinations.is_failing(&peer.name));
    let keys = Limits { purpose: Purpose::ServerKeys, ..QUICK };
    let request = get_server_version::v1::Request::new();
    transport.client.send_with(&peer.name, request, keys).await.unwrap();
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_stranger_that_fails_is_left_alone_by_those_who_ask_strangers() {
    let peer = versions(get(async || StatusCode::BAD_GATEWAY)).await;
    let transport = Transport::new(peer.trusted());
    let ask = async |back_off| {
        let limits = Limits { back_off, ..QUICK };
        transport.client.send_with(&peer.name, get_server_version::v1::Request::new(), limits).await
    };
    let refused = ask(BackOff::OfStrangers).await;
    assert!(matches!(refused, Err(FederationError::Refused { .. })), "{refused:?}");
    assert!(matches!(ask(BackOff::OfStrangers).await, Err(FederationError::BackingOff)));
    assert_eq!(peer.asked(), 1);
    // It is none the worse for others: its name may be made up.
    assert!(!transport.destinations.is_failing(&peer.name));
    transport.clock.advance(1000);
    assert!(matches!(ask(BackOff::OfStrangers).await, Err(FederationError::Refused { .. })));
    // One that is known to fail is not asked either.
    transport.destinations.heard_from(&peer.name);
    transport.destinations.failed(&peer.name);
    assert!(matches!(ask(BackOff::OfStrangers).await, Err(FederationError::BackingOff)));
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_server_is_reached_if_it_can_be_connected_to() {
    let peer = versions(get(async || StatusCode::BAD_GATEWAY)).await;
    let transport = Transport::new(peer.trusted());
    transport.destinations.failed(&peer.name);
    assert!(matches!(transport.client.reach(&peer.name, QUICK).await, Err(FederationError::BackingOff)));
    transport.clock.advance(1000);
    transport.client.reach(&peer.name, QUICK).await.unwrap();
    assert_eq!(peer.asked(), 0);
    assert!(transport.destinations.is_failing(&peer.name), "it did not answer yet");

    let nobody = ruma::server_name!("localhost:1");
    let refused = transport.client.reach(nobody, QUICK).await;
    assert!(matches!(refused, Err(FederationError::Unreachable(_))), "{refused:?}");
    assert!(transport.destinations.is_failing(nobody));
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_hold_a_request() {
    let peer = versions(get(async || drip())).await;
    let transport = Transport::new(peer.trusted());
    let slow = ask(&transport, &peer).await;
    assert!(matches!(slow, Err(FederationError::Unreachable(_))), "{slow:?}");
    assert!(transport.destinations.is_failing(&peer.name));
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_in_depth() {
    let peer = versions(get(async || format!("{{\"server\":{{\"name\":\"{}\"}}}}", "x".repeat(2000)))).await;
    let large = ask(&Transport::new(peer.trusted()), &peer).await;
    assert!(matches!(large, Err(FederationError::Invalid(_))), "{large:?}");

    let peer = versions(get(async || format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)))).await;
    let deep = ask(&Transport::new(peer.trusted()), &peer).await;
    assert!(matches!(deep, Err(FederationError::Invalid(_))), "{deep:?}");
}

#[tokio::test]
async fn this_server_does_not_ask_itself_nor_private_addresses() {
    let peer = versions(get(async || Json(json!({})))).await;
    let own = FederationOptions { server_name: peer.name.clone(), ..peer.trusted() };
    let mut private = peer.trusted();
    private.network.allow_private_networks = false;
    for options in [own, private] {
        let refused = ask(&Transport::new(options), &peer).await;
        assert!(matches!(refused, Err(FederationError::Unreachable(_))), "{refused:?}");
    }
    assert_eq!(peer.asked(), 0);
}

/// Media in two parts.
fn media(file: &str) -> impl axum::response::IntoResponse + use<> {
    let head = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\n";
    ([("content-type", "multipart/mixed; boundary=b")], format!("{head}{file}\r\n--b--\r\n"))
}

async fn read(
    transport: &Transport,
    peer: &Peer,
    id: &str,
) -> Result<(Option<String>, Vec<u8>), FederationError> {
    let request = get_content::v1::Request::new(id.to_owned());
    let mut media = transport.client.get_media(&peer.name, request, QUICK).await?;
    let mut file = Vec::new();
    while let Some(chunk) = media.chunk().await? {
        file.extend_from_slice(&chunk);
    }
    Ok((media.content_type, file))
}

#[tokio::test]
async fn media_come_in_pieces_within_bounds_and_from_elsewhere() {
    let peer = Peer::serve(|name, _| {
        let part = "--b\r\n\r\n{}\r\n--b\r\n";
        let elsewhere = format!("{part}Location: https://{name}/elsewhere\r\n\r\n\r\n--b--");
        let path = |id: &str| format!("/_matrix/federation/v1/media/download/{id}");
        Router::new()
            .route(&path("small"), get(async || media("file")))
            .route(&path("large"), get(async || media(&"x".repeat(2000))))
            .route(&path("slow"), get(async || ([("content-type", "multipart/mixed; boundary=b")], drip())))
            .route(
                &path("moved"),
                get(async move || ([("content-type", "multipart/mixed; boundary=b")], elsewhere)),
            )
            .route("/elsewhere", get(async || "from elsewhere"))
    })
    .await;
    let transport = Transport::new(peer.trusted());
    assert_eq!(
        read(&transport, &peer, "small").await.unwrap(),
        (Some("text/plain".to_owned()), b"file".to_vec())
    );
    assert_eq!(read(&transport, &peer, "moved").await.unwrap().1, b"from elsewhere");
    assert!(matches!(read(&transport, &peer, "large").await, Err(FederationError::Invalid(_))));
    assert!(matches!(read(&transport, &peer, "slow").await, Err(FederationError::Unreachable(_))));
}

#[tokio::test]
async fn media_come_from_servers_that_know_the_old_place_alone() {
    let peer = Peer::serve(|_, _| {
        let found = async |Path((_, id)): Path<(String, String)>| format!("the old {id}");
        Router::new().route("/_matrix/media/v3/download/{server}/{id}", get(found))
    })
    .await;
    let transport = Transport::new(peer.trusted());
    assert_eq!(read(&transport, &peer, "a file").await.unwrap().1, b"the old a file");
}
