//! Holds the Grafana dashboard to a running server: once everything that it shows has happened, each query of each panel
//! has data.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::time::{Duration, Instant};

use axum::{
    Json, Router,
    routing::{post, put},
};
use common::{
    Certificate, Process,
    client::{Client, User},
    free_port,
};
use reqwest::Method;
use serde_json::{Value, json};

const DASHBOARD: &str = include_str!("../../deploy/grafana.json");
/// For so long is waited for what is measured from time to time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a query asks for: a metric, with labels that have a value, and labels by which it is told apart.
#[derive(Debug)]
struct Query {
    panel: String,
    text: String,
    metric: String,
    labels: Vec<String>,
}

/// All queries of all panels.
fn queries() -> Vec<Query> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(panel["type"] == "row" || !targets.is_empty(), "{title} asks for nothing");
        queries.extend(targets.iter().map(|target| Query::parse(title, target["expr"].as_str().unwrap())));
    }
    queries
}

impl Query {
    fn parse(panel: &str, text: &str) -> Self {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_metric = |word: &&str| word.starts_with("hearth_") || word.starts_with("process_");
        let mut metrics = text.split(|c| !is_name(c)).filter(is_metric);
        let metric = metrics.next().unwrap_or_else(|| panic!("{panel}: `{text}` asks for no metric"));
        assert_eq!(metrics.next(), None, "{panel}: `{text}` asks for several");
        let selected = text.split_once('{').map(|(_, rest)| rest.split_once('}').unwrap().0);
        let told_apart = text.split_once(" by (").map(|(_, rest)| rest.split_once(')').unwrap().0);
        let labels =
            selected.iter().flat_map(|labels| labels.split(',')).map(|label| label.trim().to_owned());
        let names = told_apart.iter().flat_map(|names| names.split(','));
        let labels = labels.chain(names.map(|name| format!("{}=\"", name.trim()))).collect();
        Self { panel: panel.to_owned(), text: text.to_owned(), metric: metric.to_owned(), labels }
    }

    /// Whether there is a sample of it.
    fn has_data(&self, told: &str) -> bool {
        told.lines().any(|line| {
            let series = line.strip_prefix(&self.metric).filter(|rest| rest.starts_with(['{', ' ']));
            series.is_some_and(|series| self.labels.iter().all(|label| series.contains(label)))
        })
    }
}

#[test]
fn a_query_is_read() {
    let query = Query::parse("p", "sum by (endpoint) (hearth_seconds{quantile=\"0.99\"})");
    assert!(query.has_data("hearth_seconds{endpoint=\"a\",quantile=\"0.99\"} 1"));
    assert!(!query.has_data("hearth_seconds{endpoint=\"a\",quantile=\"0.5\"} 1"));
    assert!(!query.has_data("hearth_seconds{quantile=\"0.99\"} 1\nhearth_seconds_sum{quantile=\"0.99\"} 1"));
}

/// An application service and a push gateway, which take everything: their base URL.
async fn takes_everything() -> String {
    let routes = Router::new()
        .route("/_matrix/app/v1/transactions/{id}", put(async || Json(json!({}))))
        .route("/_matrix/push/v1/notify", post(async || Json(json!({ "rejected": [] }))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    base
}

/// What a dashboard shows happens once: to clients, to a bridge, to a phone and between servers.
async fn happen(server: &Process, other: &Process, base: &str) {
    let (alice, bob) = (server.register("alice").await, other.register("bob").await);
    let pusher = json!({
        "kind": "http", "app_id": "app", "pushkey": "key", "app_display_name": "App",
        "device_display_name": "Phone", "lang": "en",
        "data": { "url": format!("{base}/_matrix/push/v1/notify"), "format": "event_id_only" },
    });
    server.ok(Method::POST, "/_matrix/client/v3/pushers/set", Some(&alice), Some(pusher)).await;
    let body = json!({ "preset": "public_chat" });
    let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&alice), Some(body)).await;
    let room = made["room_id"].as_str().unwrap();
    let join = format!("/_matrix/client/v3/join/{room}?server_name={}", server.name);
    other.ok(Method::POST, &join, Some(&bob), Some(json!({}))).await;
    server.ok(Method::GET, "/_matrix/client/v3/sync", Some(&alice), None).await;
    say(server, &alice, room).await;
    say(other, &bob, room).await;
    let typing = format!("/_matrix/client/v3/rooms/{room}/typing/{}", alice.id);
    server.ok(Method::PUT, &typing, Some(&alice), Some(json!({ "typing": true, "timeout": 30_000 }))).await;
    let log_in = json!({ "type": "m.login.password", "password": "wrong",
        "identifier": { "type": "m.id.user", "user": "alice" } });
    for expected in [403, 429] {
        let answer = server.call(Method::POST, "/_matrix/client/v3/login", None, Some(log_in.clone())).await;
        assert_eq!(answer.0, expected, "{}", answer.1);
    }
}

async fn say(server: &Client, who: &User, room: &str) {
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1");
    server.ok(Method::PUT, &path, Some(who), Some(json!({ "msgtype": "m.text", "body": "hello" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_data() {
    let folder = tempfile::tempdir().unwrap();
    let base = takes_everything().await;
    let registration = json!({
        "id": "bridge", "url": base, "as_token": "as", "hs_token": "hs", "sender_localpart": "bridge",
        "namespaces": { "rooms": [{ "regex": "!.*", "exclusive": false }] },
    });
    let file = folder.path().join("bridge.yaml");
    std::fs::write(&file, registration.to_string()).unwrap();
    let metrics = format!("127.0.0.1:{}", free_port());
    let settings = vec![
        ("HEARTH_LISTEN_METRICS", metrics.clone()),
        ("HEARTH_APPSERVICES", file.to_str().unwrap().to_owned()),
        ("HEARTH_RATE_LIMITS", "on".to_owned()),
        ("HEARTH_RATES", "login 0.01/1".to_owned()),
    ];
    let certificate = Certificate::make(folder.path());
    let server =
        Process::start_federating_with(folder.path().join("one"), &certificate, true, settings).await;
    let other = Process::start_federating(folder.path().join("two"), &certificate, true).await;
    happen(&server, &other, &base).await;

    let queries = queries();
    assert!(queries.len() > 20, "{queries:?}");
    let begun = Instant::now();
    loop {
        let told = server.http.get(format!("http://{metrics}/metrics")).send().await.unwrap();
        let told = told.text().await.unwrap();
        let empty = queries.iter().filter(|query| !query.has_data(&told));
        let empty: Vec<_> = empty.map(|query| format!("{}: `{}`", query.panel, query.text)).collect();
        if empty.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "these have no data: {empty:#?}\n{told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
