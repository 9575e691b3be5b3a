//! `hearth admin` asks the running server, by a socket that is its owner's alone.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use common::Process;
use reqwest::Method;
use serde_json::{Value, json};

fn admin(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hearth"))
        .arg("admin")
        .args(words)
        .current_dir(data.parent().unwrap())
        .env("HEARTH_SERVER_NAME", "localhost")
        .env("HEARTH_DATA", data)
        .output()
        .unwrap()
}

fn as_json(data: &Path, words: &[&str]) -> Value {
    let done = admin(data, &[words, &["--json"]].concat());
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_data_folder_administers_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Process::start(data.clone()).await;
    let socket = data.join("admin.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    let alice = server.register("alice").await;
    let body = json!({ "preset": "public_chat", "name": "Tavern" });
    let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&alice), Some(body)).await;
    let room = made["room_id"].as_str().unwrap();

    let table = admin(&data, &["users", "list"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.starts_with("NAME") && table.contains("@alice:localhost"), "{table}");
    as_json(&data, &["users", "promote", "alice"]);
    assert_eq!(as_json(&data, &["users", "show", "alice"])["admin"], true);
    assert_eq!(as_json(&data, &["rooms", "list", "--search", "tavern"])["total_rooms"], 1);
    assert_eq!(as_json(&data, &["rooms", "block", room])["block"], true);
    assert_eq!(as_json(&data, &["tokens", "add", "welcome", "--uses", "2"])["uses_allowed"], 2);
    assert!(
        as_json(&data, &["readers"])["readers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|reader| { reader["name"].is_string() && reader["changes_behind"].is_u64() })
    );
    assert_eq!(as_json(&data, &["appservices"])["appservices"], json!([]));
    assert_eq!(as_json(&data, &["peers", "list"])["total"], 0);
    as_json(&data, &["bans", "add", "server", "*.evil.org", "--reason", "spam"]);
    assert_eq!(as_json(&data, &["bans", "list"])["bans"][0]["glob"], "*.evil.org");
    as_json(&data, &["bans", "lift", "server", "*.evil.org"]);
    // What is refused says why.
    let refused = admin(&data, &["users", "show", "nobody"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no user @nobody:localhost"), "{refused:?}");
    // All that was done is written down, by whom and in which order.
    let audit = as_json(&data, &["audit"]);
    let done: Vec<&str> =
        audit["entries"].as_array().unwrap().iter().map(|entry| entry["request"].as_str().unwrap()).collect();
    assert_eq!(done.len(), 5, "{done:?}");
    let ends = ["/server/%2A.evil.org", "/server/%2A.evil.org", "/new", "/block", "/admin"];
    assert!(done.iter().zip(ends).all(|(done, end)| done.ends_with(end)), "{done:?}");
    assert!(audit["entries"][0]["who"].as_str().unwrap().starts_with("@_console:"));

    // What is left of a killed server is in nobody's way.
    server.kill();
    assert!(!admin(&data, &["audit"]).status.success());
    server.start_again().await;
    assert_eq!(as_json(&data, &["audit"])["entries"].as_array().unwrap().len(), 5);
}
