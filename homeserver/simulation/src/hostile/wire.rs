//! How the hostile server asks and answers.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
};

use axum::body::Body;
use hearth_spec::{
    SigningKey,
    canonical_json::{Numbers, canonicalise},
};
use http::{Method, Request, Response, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rand::Rng as _;
use ruma::ServerName;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use super::ADDRESS;
use crate::{
    chance,
    host::Host,
    simulation::{World, streams},
};

/// Sends a signed request over a connection of its own.
pub(super) async fn ask(
    world: &World,
    (name, key): (&ServerName, &SigningKey),
    to: &Host,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Option<(StatusCode, Value)> {
    let mut signed = Map::from_iter([
        ("method".to_owned(), json!(method.as_str())),
        ("uri".to_owned(), json!(path)),
        ("origin".to_owned(), json!(name)),
        ("destination".to_owned(), json!(to.name)),
    ]);
    if let Some(body) = &body {
        signed.insert("content".to_owned(), body.clone());
    }
    let signed = canonicalise(&Value::Object(signed).to_string(), Numbers::Any).ok()?;
    let signature = key.sign_base64(signed.as_bytes());
    let authorization = format!(
        r#"X-Matrix origin="{name}",destination="{}",key="{}",sig="{signature}""#,
        to.name,
        key.key_id(),
    );
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, to.name.as_str())
        .header(header::AUTHORIZATION, authorization)
        .body(Body::from(body.map(|body| body.to_string()).unwrap_or_default()))
        .ok()?;
    let dialer = world.network.dialer(&Arc::from(ADDRESS), Arc::new(AtomicBool::new(true)));
    let stream = dialer.dial(&to.address, 8448, Some(&to.address)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    let status = response.status();
    let body = axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await.ok()?;
    connection.abort();
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Answers for its keys, and else as it likes.
pub(super) fn listen(world: &Arc<World>, name: &ServerName, key: &SigningKey) -> JoinHandle<()> {
    let mut keys = Map::from_iter([
        ("server_name".to_owned(), json!(name)),
        ("valid_until_ts".to_owned(), json!(1_700_600_000_000_u64)),
        ("verify_keys".to_owned(), json!({ key.key_id().as_str(): { "key": key.public_key_base64() } })),
    ]);
    let _ = key.sign_json(&mut keys, name);
    let keys = Value::Object(keys).to_string();
    let chance = Arc::new(Mutex::new(chance::source(world.seed, streams::HOSTILE + 1)));
    let mut connections = world.network.listen(&Arc::from(ADDRESS));
    tokio::spawn(async move {
        while let Some(connection) = connections.recv().await {
            let (keys, chance) = (keys.clone(), chance.clone());
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let choice = match request.uri().path().starts_with("/_matrix/key/") {
                    true => 0,
                    false => chance.lock().random_range(1..6),
                };
                let keys = keys.clone();
                async move {
                    let (status, body) = match choice {
                        0 => (200, keys),
                        1 => (200, "{}".to_owned()),
                        2 => (404, r#"{"errcode":"M_NOT_FOUND","error":"No."}"#.to_owned()),
                        3 => (200, r#"{"events":[{},[],7],"pdus":[{"type":1}],"auth_chain":"#.to_owned()),
                        4 => (500, String::new()),
                        _ => std::future::pending().await,
                    };
                    let response = Response::builder().status(status).body(Body::from(body));
                    Ok::<_, Infallible>(response.unwrap_or_default())
                }
            });
            let serve = hyper::server::conn::http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(connection), service);
            tokio::spawn(async {
                // That a connection breaks is known to whoever asked.
                _ = serve.await;
            });
        }
    })
}
