use axum::{Json, Router, routing::get};
use http::{HeaderValue, header::AUTHORIZATION};

use super::*;
use crate::testing::{Peer, START_MS, federation, key_response};

const PATH: &str = "/_matrix/federation/v1/send/1?a=%20b";

async fn peer() -> Peer {
    Peer::serve(|name, key| {
        let response = key_response(name, key, START_MS + 1000);
        Router::new().route("/_matrix/key/v2/server", get(async move || Json(response)))
    })
    .await
}

fn headers(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
}

#[tokio::test]
async fn a_request_that_its_origin_signed_is_its() {
    let peer = peer().await;
    let (federation, _folder) = federation(peer.trusted());
    let own = federation.server_name();
    let body = br#"{"b":[1.5,"\u0001"],"a":{}}"#;
    let signed = sign(&peer.key, &peer.name, own, &Method::PUT, PATH, body).unwrap();
    let check = async |headers: &HeaderMap, path: &str, body: &[u8]| {
        let address = AskedBy::address([10, 0, 0, 1].into());
        let claim = Claim::read(&federation, headers, address).await;
        let checked = claim.and_then(|claim| claim.check(&federation, &Method::PUT, path, body));
        checked.map_err(|error| error.status.as_u16())
    };
    assert_eq!(check(&headers(&[&signed]), PATH, body).await.as_ref(), Ok(&peer.name));
    // In the old form, and with a second header for a key that is no more.
    let old_form = signed.replace(&format!(r#"destination="{own}","#), "");
    assert_eq!(check(&headers(&[&old_form]), PATH, body).await.as_ref(), Ok(&peer.name));
    let other_key = signed.replace("ed25519:peer", "ed25519:other");
    assert_eq!(check(&headers(&[&other_key, &signed]), PATH, body).await.as_ref(), Ok(&peer.name));

    let for_another = sign(&peer.key, &peer.name, &peer.name, &Method::PUT, PATH, body).unwrap();
    for (headers, path, body) in [
        (headers(&[]), PATH, &body[..]),
        (headers(&["Bearer token"]), PATH, body),
        (headers(&[&other_key]), PATH, body),
        (headers(&[&for_another]), PATH, body),
        (headers(&[&signed]), "/other", body),
        (headers(&[&signed]), PATH, b"{}"),
        (headers(&[&signed]), PATH, b""),
        (headers(&[&signed.replace(peer.name.as_str(), own.as_str())]), PATH, body),
    ] {
        assert_eq!(check(&headers, path, body).await, Err(401), "{headers:?} {path}");
    }
    // The keys were asked for once: for the other key they had been fetched just now.
    assert_eq!(peer.asked(), 1);
}

#[test]
fn what_is_signed_is_canonical() {
    let (a, b) = (ruma::server_name!("a.example"), ruma::server_name!("b.example"));
    let text = signed_text(&Method::GET, "/x?y", a, b, b"").unwrap();
    assert_eq!(text, r#"{"destination":"b.example","method":"GET","origin":"a.example","uri":"/x?y"}"#);
    let text = signed_text(&Method::PUT, "/x", a, b, b"{ \"b\": 1, \"a\": \"\\u00e9\" }").unwrap();
    assert_eq!(
        text,
        r#"{"content":{"a":"é","b":1},"destination":"b.example","method":"PUT","origin":"a.example","uri":"/x"}"#
    );
}
