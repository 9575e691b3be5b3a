use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, response::IntoResponse, routing::get};
use hearth_federation::FederationOptions;
use hearth_network::NetworkOptions;
use http::{StatusCode, header};
use ruma::owned_server_name;
use serde_json::{Value, json};

use crate::testing::{TestServer, User, error};

const PREVIEW: &str = "/_matrix/client/v1/media/preview_url";

/// The smallest PNG there is, of one pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x62, 0,
    1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

const PAGE: &str = r#"<html><head><title>Not this</title>
    <meta property="og:title" content="The Rock"><meta property="og:type" content="video.movie">
    <meta property="og:image" content="test.png"><meta property="og:image:width" content="9999">
    <link rel="alternate" type="application/json+oembed" href="/oembed"></head><body></body></html>"#;

/// A web server on loopback, where it is, and how often its page was asked for.
async fn site() -> (String, Arc<AtomicUsize>) {
    let asked: Arc<AtomicUsize> = Arc::default();
    let counted = asked.clone();
    let typed =
        |kind: &'static str, body: &'static [u8]| ([(header::CONTENT_TYPE, kind)], body).into_response();
    let page = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        typed("text/html; charset=utf-8", PAGE.as_bytes())
    };
    let large: &'static str =
        Box::leak(format!("<title>Large</title>{}", "x".repeat(2 << 20)).into_boxed_str());
    let site = Router::new()
        .route("/page", get(page))
        .route("/test.png", get(async move || typed("image/png", PIXEL)))
        .route("/fake.png", get(async move || typed("image/png", b"not an image")))
        .route(
            "/oembed",
            get(async move || typed("application/json", br#"{"type":"link","provider_name":"Site"}"#)),
        )
        .route("/data", get(async move || typed("application/pdf", b"%PDF")))
        .route("/large", get(async move || typed("text/html", large.as_bytes())))
        .route("/moved", get(async || (StatusCode::FOUND, [(header::LOCATION, "/page")])))
        .route("/loop", get(async || (StatusCode::FOUND, [(header::LOCATION, "/loop")])));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    (base, asked)
}

fn server(allow_private_networks: bool) -> TestServer {
    let network = NetworkOptions { allow_private_networks, ..NetworkOptions::default() };
    let options =
        FederationOptions { network, ..FederationOptions::new(owned_server_name!("localhost:8008")) };
    TestServer::federating(options, |_| {})
}

async fn preview(server: &TestServer, who: &User, url: &str) -> (u16, Value) {
    server.get(&format!("{PREVIEW}?url={url}"), Some(who)).await
}

#[tokio::test]
async fn a_page_is_described_and_its_image_is_kept() {
    let (site, asked) = site().await;
    let server = server(true);
    let alice = server.register("alice").await;
    let (status, answer) = preview(&server, &alice, &format!("{site}/page")).await;
    assert_eq!(status, 200, "{answer}");
    let image = answer["og:image"].as_str().unwrap().to_owned();
    let expected = json!({
        "og:title": "The Rock", "og:type": "video.movie", "og:site_name": "Site", "og:image": image,
        "og:image:type": "image/png", "og:image:width": 1, "og:image:height": 1, "matrix:image:size": PIXEL.len(),
    });
    assert_eq!(answer, expected);
    let media = image.strip_prefix("mxc://").unwrap();
    let request = http::Request::get(format!("/_matrix/client/v1/media/download/{media}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", alice.token));
    let download = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(download.headers()[header::CONTENT_TYPE], "image/png");
    let bytes = axum::body::to_bytes(download.into_body(), usize::MAX).await.unwrap();
    assert_eq!(bytes, PIXEL);

    // Another user gets the same, by the older path too, and the page is not asked again for a while.
    let bob = server.register("bob").await;
    let legacy = format!("/_matrix/media/v3/preview_url?url={site}/page%23part&ts=1");
    assert_eq!(server.get(&legacy, Some(&bob)).await, (200, expected));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    server.clock.advance(60 * 60 * 1000);
    assert_eq!(preview(&server, &bob, &format!("{site}/page")).await.0, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_no_page() {
    let (site, _) = site().await;
    let server = server(true);
    let alice = server.register("alice").await;
    let of = async |path: &str| preview(&server, &alice, &format!("{site}{path}")).await;
    let (_, image) = of("/test.png").await;
    assert_eq!((&image["og:image:width"], &image["matrix:image:size"]), (&json!(1), &json!(PIXEL.len())));
    for nothing in ["/fake.png", "/data"] {
        assert_eq!(of(nothing).await, (200, json!({})), "{nothing}");
    }
    // Of a page that is too large the beginning is enough.
    assert_eq!(of("/large").await.1["og:title"], "Large");
    assert_eq!(of("/moved").await.1["og:title"], "The Rock");
    assert_eq!(error(&of("/missing").await), (502, "M_UNKNOWN"));
    assert_eq!(error(&of("/loop").await), (400, "M_INVALID_PARAM"));
    for wrong in ["ftp://a.example", "file:///etc/passwd", "nonsense", "https://a:b@c.example"] {
        assert_eq!(error(&preview(&server, &alice, wrong).await), (400, "M_INVALID_PARAM"), "{wrong}");
    }
    assert_eq!(error(&server.get(PREVIEW, Some(&alice)).await), (400, "M_MISSING_PARAM"));
    assert_eq!(
        error(&server.get(&format!("{PREVIEW}?url={site}/page"), None).await),
        (401, "M_MISSING_TOKEN")
    );
}

/// A server on the internet reaches nothing of its own network for its users, under whatever name.
#[tokio::test]
async fn private_networks_are_out_of_reach() {
    let (site, asked) = site().await;
    let server = server(false);
    let alice = server.register("alice").await;
    let port = site.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"] {
        for scheme in ["http", "https"] {
            let answer = preview(&server, &alice, &format!("{scheme}://{host}:{port}/page")).await;
            assert!(matches!(answer.0, 400 | 502), "{scheme} {host}: {answer:?}");
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
