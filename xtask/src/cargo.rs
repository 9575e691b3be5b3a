//! Asking cargo to build, and what the workspace consists of.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::process::{self, Outcome};

/// The cargo that runs this task.
pub fn command() -> Command {
    process::in_root(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The crates of the workspace, as `cargo metadata` describes them.
pub fn crates() -> Outcome<Vec<Value>> {
    match metadata()?["packages"].take() {
        Value::Array(crates) => Ok(crates),
        _ => Err("`cargo metadata` says nothing of packages".to_owned()),
    }
}

/// Where cargo puts what it builds.
pub fn target_folder() -> Outcome<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str().map(PathBuf::from);
    folder.ok_or_else(|| "`cargo metadata` says nothing of a target folder".to_owned())
}

fn metadata() -> Outcome<Value> {
    let text = process::output(command().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("`cargo metadata`: {error}"))
}

/// Runs a command of cargo that builds the server, and tells where the server is.
pub fn build_server(arguments: &[&str]) -> Outcome<PathBuf> {
    build("hearth", arguments)
}

/// Runs a command of cargo that builds a binary, and tells where it is.
pub fn build(binary: &str, arguments: &[&str]) -> Outcome<PathBuf> {
    eprintln!("$ cargo {}", arguments.join(" "));
    let messages =
        process::output(command().args(arguments).arg("--message-format=json-render-diagnostics"))?;
    binary_in(&messages, binary).ok_or_else(|| format!("`cargo {}` built no {binary}", arguments.join(" ")))
}

/// A binary among the artifacts that cargo reports, one message a line.
fn binary_in(messages: &str, name: &str) -> Option<PathBuf> {
    let is_it = |message: &Value| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == name
            && message["target"]["kind"] == serde_json::json!(["bin"])
            && message["profile"]["test"] == false
    };
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter(is_it).find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_found_among_the_artifacts() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"hearth","kind":["lib"]},"profile":{"test":false},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"hearth","kind":["bin"]},"profile":{"test":true},"executable":"/t/deps/hearth-1"}
            {"reason":"compiler-artifact","target":{"name":"hearth","kind":["bin"]},"profile":{"test":false},"executable":"/t/hearth"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(binary_in(messages, "hearth"), Some(PathBuf::from("/t/hearth")));
        assert_eq!(binary_in(r#"{"reason":"build-finished"}"#, "hearth"), None);
    }
}
