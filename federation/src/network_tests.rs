//! The network, to servers on loopback.

use axum::{Router, response::Redirect, routing::get};
use bytes::Bytes;
use hearth_network::{NetworkError, read_body};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use ruma::owned_server_name;

use crate::{
    FederationOptions,
    testing::{Peer, network},
};

async fn peer() -> Peer {
    Peer::serve(|_, _| {
        Router::new()
            .route(
                "/host",
                get(async |headers: http::HeaderMap| headers["host"].to_str().unwrap().to_owned()),
            )
            .route("/large", get(async || "x".repeat(10_000)))
            .route("/once", get(async || Redirect::to("/host")))
            .route("/loop", get(async || Redirect::to("/loop")))
    })
    .await
}

async fn body(response: Response<Incoming>, max: usize) -> Result<String, NetworkError> {
    read_body(response.into_body(), max, |_| Ok(()))
        .await
        .map(|body| String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_target_is_connected_to_under_the_name_of_the_host() {
    let peer = peer().await;
    let port = peer.name.port().unwrap();
    let network = network(&peer.trusted());
    let ask = async |authority: String, host: &str| {
        let request = Request::get(format!("https://{authority}/host")).header("host", host);
        body(network.send(request.body(Full::<Bytes>::default()).unwrap()).await?, 1000).await
    };
    assert_eq!(ask(format!("127.0.0.1@localhost:{port}"), "localhost").await.unwrap(), "localhost");
    assert_eq!(ask(format!("127.0.0.1:{port}"), "some.example").await.unwrap(), "some.example");
    // The certificate is not for that name.
    let other = ask(format!("127.0.0.1@other.example:{port}"), "other.example").await;
    assert!(matches!(other, Err(NetworkError::Connect(_))), "{other:?}");
}

#[tokio::test]
async fn bodies_and_redirects_are_bounded() {
    let peer = peer().await;
    let network = network(&peer.trusted());
    let fetch = async |path: &str| {
        let fetched = network.fetch(&format!("https://{}{path}", peer.name), 2).await?;
        Ok::<_, NetworkError>(fetched.response)
    };
    assert_eq!(body(fetch("/large").await.unwrap(), 10_000).await.unwrap().len(), 10_000);
    assert!(matches!(body(fetch("/large").await.unwrap(), 9_999).await, Err(NetworkError::TooLarge(9_999))));
    assert_eq!(body(fetch("/once").await.unwrap(), 1000).await.unwrap(), peer.name.as_str());
    assert!(matches!(fetch("/loop").await, Err(NetworkError::Url(_))));
}

#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let peer = peer().await;
    let mut options = peer.trusted();
    options.network.allow_private_networks = false;
    let network = network(&options);
    let port = peer.name.port().unwrap();
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"] {
        let refused = network.fetch(&format!("https://{host}:{port}/host"), 0).await;
        assert!(matches!(refused, Err(NetworkError::Connect(_))), "{host}: {refused:?}");
    }
    assert_eq!(peer.asked(), 0);
}

#[tokio::test]
async fn who_is_not_trusted_is_not_asked() {
    let peer = peer().await;
    let mut options = FederationOptions::new(owned_server_name!("own.example"));
    options.network.allow_private_networks = true;
    let network = network(&options);
    let refused = network.fetch(&format!("https://{}/host", peer.name), 0).await;
    assert!(matches!(refused, Err(NetworkError::Connect(_))), "{refused:?}");
    assert_eq!(peer.asked(), 0);
}
