use axum::body::Body;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use crate::testing::{NOWHERE, TestServer, User, error};

async fn upload(
    server: &TestServer,
    method: Method,
    path: &str,
    who: Option<&User>,
    body: Vec<u8>,
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "text/plain");
    if let Some(who) = who {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", who.token));
    }
    let response = server.send(request.body(Body::from(body)).unwrap()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&bytes(response).await).unwrap())
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

async fn fetch(server: &TestServer, path: &str, who: &User) -> Response<Body> {
    let request = Request::builder().uri(path).header(header::AUTHORIZATION, format!("Bearer {}", who.token));
    server.send(request.body(Body::empty()).unwrap()).await
}

/// The path of an `mxc` URI below a download or thumbnail endpoint.
fn path(uri: &Value) -> String {
    uri.as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned()
}

#[tokio::test]
async fn up_and_down() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let up = "/_matrix/media/v3/upload?filename=a.txt";
    let text = b"hello".repeat(50_000);
    let (status, body) = upload(&server, Method::POST, up, Some(&alice), text.clone()).await;
    assert_eq!(status, 200, "{body}");
    let file = path(&body["content_uri"]);

    let down = format!("/_matrix/client/v1/media/download/{file}");
    let response = fetch(&server, &down, &alice).await;
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/plain");
    assert!(header("content-disposition").contains("a.txt"));
    assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
    assert!(header("content-security-policy").starts_with("sandbox"));
    assert_eq!(bytes(response).await, text);
    let named = fetch(&server, &format!("{down}/b.txt"), &alice).await;
    assert!(named.headers()["content-disposition"].to_str().unwrap().contains("b.txt"));

    assert_eq!(error(&upload(&server, Method::POST, up, None, vec![]).await), (401, "M_MISSING_TOKEN"));
    assert_eq!(error(&server.get(&down, None).await), (401, "M_MISSING_TOKEN"));
    let none = server.get("/_matrix/client/v1/media/download/localhost:8008/nothing", Some(&alice)).await;
    assert_eq!(error(&none), (404, "M_NOT_FOUND"));
    let elsewhere = format!("/_matrix/client/v1/media/download/{NOWHERE}/a");
    assert_eq!(error(&server.get(&elsewhere, Some(&alice)).await), (502, "M_UNKNOWN"));
    let escape = "/_matrix/client/v1/media/download/localhost:8008/..%2f..%2fetc";
    assert_eq!(server.get(escape, Some(&alice)).await.0, 404);
}

#[tokio::test]
async fn the_old_paths_are_frozen() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (_, body) =
        upload(&server, Method::POST, "/_matrix/media/v3/upload", Some(&alice), b"x".to_vec()).await;
    let down = format!("/_matrix/media/v3/download/{}", path(&body["content_uri"]));
    assert_eq!(error(&server.get(&down, None).await), (404, "M_NOT_FOUND"));

    let open = TestServer::with(|options| options.legacy_media = true);
    let alice = open.register("alice").await;
    let (_, body) =
        upload(&open, Method::POST, "/_matrix/media/v3/upload", Some(&alice), b"x".to_vec()).await;
    let down = format!("/_matrix/media/r0/download/{}", path(&body["content_uri"]));
    let elsewhere = format!("/_matrix/media/v3/download/{NOWHERE}/a");
    assert_eq!(open.get(&elsewhere, None).await.0, 502);
    let here_only = open.get(&format!("{elsewhere}?allow_remote=false"), None).await;
    assert_eq!(error(&here_only), (404, "M_NOT_FOUND"));
    let response = open.send(Request::builder().uri(down).body(Body::empty()).unwrap()).await;
    assert_eq!((response.status().as_u16(), bytes(response).await), (200, b"x".to_vec()));
}

#[tokio::test]
async fn a_uri_first_and_the_file_later() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let (status, body) = server.post("/_matrix/media/v1/create", Some(&alice), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let file = path(&body["content_uri"]);
    let down = format!("/_matrix/client/v1/media/download/{file}?timeout_ms=0");
    assert_eq!(error(&server.get(&down, Some(&alice)).await), (504, "M_NOT_YET_UPLOADED"));

    let up = format!("/_matrix/media/v3/upload/{file}");
    let put = |who| upload(&server, Method::PUT, &up, Some(who), b"x".to_vec());
    assert_eq!(error(&put(&bob).await), (403, "M_FORBIDDEN"));
    assert_eq!(put(&alice).await, (200, json!({})));
    assert_eq!(error(&put(&alice).await), (409, "M_CANNOT_OVERWRITE_MEDIA"));
    assert_eq!(bytes(fetch(&server, &down, &alice).await).await, b"x");
}

#[tokio::test]
async fn thumbnails_and_limits() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (_, body) =
        upload(&server, Method::POST, "/_matrix/media/v3/upload", Some(&alice), b"x".to_vec()).await;
    let thumbnail = format!("/_matrix/client/v1/media/thumbnail/{}", path(&body["content_uri"]));
    let ask = async |query: &str| server.get(&format!("{thumbnail}{query}"), Some(&alice)).await;
    assert_eq!(error(&ask("?width=32&height=32").await), (400, "M_UNKNOWN"));
    assert_eq!(error(&ask("?width=0&height=32").await), (400, "M_INVALID_PARAM"));
    assert_eq!(error(&ask("?width=-1&height=32").await), (400, "M_INVALID_PARAM"));
    assert_eq!(error(&ask("?width=32").await), (400, "M_MISSING_PARAM"));

    let (_, config) = server.get("/_matrix/client/v1/media/config", Some(&alice)).await;
    let largest = config["m.upload.size"].as_u64().unwrap();
    assert_eq!(server.get("/_matrix/media/v3/config", Some(&alice)).await.1, config);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/_matrix/media/v3/upload")
        .header(header::AUTHORIZATION, format!("Bearer {}", alice.token))
        .header(header::CONTENT_LENGTH, largest + 1);
    assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status(), 413);
}

#[tokio::test]
async fn suspended_accounts_upload_nothing() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    server.api.users.accounts.set_suspended(&alice.id, true).await.unwrap();
    let answer = upload(&server, Method::POST, "/_matrix/media/v3/upload", Some(&alice), b"x".to_vec()).await;
    assert_eq!(error(&answer), (403, "M_USER_SUSPENDED"));
}
