//! What a server tells of itself to those whom its settings name: traces and reports of errors.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use reqwest::Method;
use serde_json::{Value, json};

use common::Process;

/// What came, in its order: the headers and the text.
type Came = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A receiver on loopback, of traces at `/v1/traces` and of reports of the project 7.
async fn receiver() -> (String, Came, Came) {
    let (traces, reports) = (Came::default(), Came::default());
    let take = async |State(came): State<Came>, headers: HeaderMap, body: String| {
        came.lock().unwrap().push((headers, body));
        "{}"
    };
    let routes = Router::new()
        .merge(Router::new().route("/v1/traces", post(take)).with_state(traces.clone()))
        .merge(Router::new().route("/api/7/envelope/", post(take)).with_state(reports.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, traces, reports)
}

/// All spans that came, by their ids.
fn spans(traces: &Came) -> HashMap<String, Value> {
    let traces = traces.lock().unwrap();
    let bodies = traces.iter().map(|(_, body)| serde_json::from_str::<Value>(body).unwrap());
    let spans = bodies.flat_map(|mut body| match body["resourceSpans"][0]["scopeSpans"][0]["spans"].take() {
        Value::Array(spans) => spans,
        other => panic!("{other}"),
    });
    spans.map(|span| (span["spanId"].as_str().unwrap().to_owned(), span)).collect()
}

/// The names of the spans around one, from it to the outermost.
fn path(span: &Value, all: &HashMap<String, Value>) -> Vec<String> {
    let mut path = vec![span["name"].as_str().unwrap().to_owned()];
    if let Some(parent) = all.get(span["parentSpanId"].as_str().unwrap()) {
        assert_eq!(parent["traceId"], span["traceId"]);
        path.extend(self::path(parent, all));
    }
    path
}

async fn becomes<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let comes = async {
        loop {
            if let Some(came) = ask() {
                return came;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.expect("it does not come")
}

/// Deletes all files in a folder.
fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => empty(&path),
            false => std::fs::remove_file(path).unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_seen_through_its_parts_and_an_error_is_reported_without_names() {
    let (address, traces, reports) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![
        ("HEARTH_OTLP", format!("http://{address}")),
        ("HEARTH_ERROR_REPORTS", format!("http://key1@{address}/7")),
        ("HEARTH_LOG_FORMAT", "json".to_owned()),
    ];
    let server = Process::start_with_settings(folder.path().join("data"), settings).await;
    let alice = server.register("alice").await;
    let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&alice), Some(json!({}))).await;
    let room = made["room_id"].as_str().unwrap();
    let say = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1");
    server.ok(Method::PUT, &say, Some(&alice), Some(json!({ "msgtype": "m.text", "body": "hello" }))).await;
    let nowhere = "/_matrix/client/v3/profile/@bob:nowhere.invalid";
    assert_eq!(server.call(Method::GET, nowhere, Some(&alice), None).await.0, 502);

    // Through rooms and storage, and to another server.
    for wanted in [["commit", "send event", "request"].as_slice(), &["ask server", "request"]] {
        let span = becomes(|| {
            let all = spans(&traces);
            all.values().find(|span| path(span, &all) == wanted).cloned()
        });
        let span = span.await;
        let time = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
    }
    let text = traces.lock().unwrap().iter().map(|(_, body)| body.clone()).collect::<String>();
    assert!(text.contains("state::send::send_message"), "{text}");
    assert!(!text.contains("hello") && !text.contains(&alice.token));

    let upload = server.http.post(server.url("/_matrix/media/v3/upload")).bearer_auth(&alice.token);
    let uploaded: Value = upload.body("a text").send().await.unwrap().json().await.unwrap();
    let uri = uploaded["content_uri"].as_str().unwrap().trim_start_matches("mxc://");
    empty(&folder.path().join("data/media"));
    let download = format!("/_matrix/client/v1/media/download/{uri}");
    assert_eq!(server.call(Method::GET, &download, Some(&alice), None).await.0, 500);
    let (headers, report) = becomes(|| reports.lock().unwrap().first().cloned()).await;
    assert!(headers["x-sentry-auth"].to_str().unwrap().contains("sentry_key=key1"));
    let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["type"], "event");
    assert_eq!(lines[2]["message"]["formatted"], "a file of the media store failed", "{report}");
    assert!(!report.contains("alice") && !report.contains(uri), "{report}");
}
