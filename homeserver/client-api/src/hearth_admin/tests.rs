use serde_json::json;

use super::history::Sample;
use crate::testing::{NOWHERE, TestServer, error};

const ADMIN: &str = "/_hearth/admin/v1";

#[tokio::test]
async fn administrators_see_inside_and_nobody_else_does() {
    let server = TestServer::new();
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let paths = ["audit_log", "readers", "appservices", "overview", "metrics", "storage", "settings"];
    for path in paths.into_iter().chain([&*format!("federation/{NOWHERE}")]) {
        let path = format!("{ADMIN}/{path}");
        assert_eq!(error(&server.get(&path, Some(&alice)).await), (403, "M_FORBIDDEN"), "{path}");
        assert_eq!(server.get(&path, Some(&root)).await.0, 200, "{path}");
    }
    let (_, told) = server.get(&format!("{ADMIN}/federation/{NOWHERE}"), Some(&root)).await;
    assert_eq!((&told["answers"], told["error"].is_string()), (&json!(false), true), "{told}");

    for locked in [true, false, true] {
        let lock = format!("/_matrix/client/v1/admin/lock/{}", alice.id);
        assert_eq!(server.put(&lock, Some(&root), json!({ "locked": locked })).await.0, 200);
    }
    let first = server.get(&format!("{ADMIN}/audit_log?limit=2"), Some(&root)).await.1;
    assert_eq!(first["entries"][1]["body"], r#"{"locked":false}"#);
    let from = first["next_token"].as_str().unwrap();
    let rest = server.get(&format!("{ADMIN}/audit_log?limit=2&from={from}"), Some(&root)).await.1;
    assert_eq!((rest["entries"].as_array().unwrap().len(), rest.get("next_token")), (1, None));
    let wrong = server.get(&format!("{ADMIN}/audit_log?from=x"), Some(&root)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn the_overview_counts_and_the_storage_says_which_rooms_are_large() {
    let server = TestServer::new();
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let room = server.create_room(&alice, json!({ "name": "Kiln" })).await;
    let get = async |path: &str| server.get(&format!("{ADMIN}/{path}"), Some(&root)).await.1;
    let overview = get("overview").await;
    for (name, value) in
        [("accounts", 2), ("administrators", 1), ("rooms", 1), ("servers", 0), ("reports", 0)]
    {
        assert_eq!(overview[name], value, "{name}: {overview}");
    }
    assert_eq!(overview["started_at"], overview["now"]);
    let storage = get("storage").await;
    assert_eq!(
        (&storage["rooms"][0]["room_id"], &storage["rooms"][0]["name"]),
        (&json!(room), &json!("Kiln"))
    );
    assert!(storage["rooms"][0]["events"].as_u64() > Some(3) && storage["uploads"] == 0, "{storage}");
}

#[tokio::test]
async fn what_was_measured_is_told_by_span() {
    let server = TestServer::new();
    let root = server.register("root").await;
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    for minute in 0..120 {
        server.api.history().note(minute * 60_000, &Sample { requests: 3.0, ..Sample::default() });
    }
    for (span, steps) in [("hour", 60), ("day", 24), ("week", 2), ("month", 2)] {
        let (_, told) = server.get(&format!("{ADMIN}/metrics?span={span}"), Some(&root)).await;
        let samples = told["samples"].as_array().unwrap();
        assert_eq!((samples.len(), &samples[0]["requests"]), (steps, &json!(3.0)), "{span}");
    }
    let wrong = server.get(&format!("{ADMIN}/metrics?span=century"), Some(&root)).await;
    assert_eq!(wrong.0, 400);
}

#[tokio::test]
async fn a_service_that_is_not_there_cannot_be_pinged() {
    let server = TestServer::new();
    let root = server.register("root").await;
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let ping = server.post(&format!("{ADMIN}/appservices/none/ping"), Some(&root), json!({})).await;
    assert_eq!(error(&ping), (404, "M_NOT_FOUND"));
    let audit = server.get(&format!("{ADMIN}/audit_log"), Some(&root)).await.1;
    assert_eq!(audit["entries"][0]["status"], 404);
}
