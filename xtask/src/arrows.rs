//! Which crate may depend on which. A new arrow is an event: it is added here, and to ARCHITECTURE.md, on purpose.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    cargo,
    process::{Outcome, root},
};

/// Each crate of the workspace, and the crates of the workspace that it may depend on (for its tests too).
const ARROWS: &[(&str, &[&str])] = &[
    ("hearth-spec", &[]),
    ("hearth-storage", &[]),
    ("hearth-network", &[]),
    ("hearth-rooms", &["hearth-spec", "hearth-storage"]),
    ("hearth-users", &["hearth-spec", "hearth-storage"]),
    ("hearth-media", &["hearth-storage"]),
    ("hearth-previews", &["hearth-media", "hearth-network", "hearth-storage"]),
    // Media for clients: it knows no Matrix.
    ("hearth-turn", &["hearth-network", "hearth-storage"]),
    ("hearth-push", &["hearth-rooms", "hearth-users", "hearth-network", "hearth-storage", "hearth-spec"]),
    ("hearth-text", &[]),
    ("hearth-search", &["hearth-text", "hearth-users", "hearth-rooms", "hearth-storage", "hearth-spec"]),
    ("hearth-sync", &["hearth-push", "hearth-rooms", "hearth-users", "hearth-storage", "hearth-spec"]),
    (
        "hearth-appservices",
        &["hearth-sync", "hearth-rooms", "hearth-users", "hearth-network", "hearth-storage", "hearth-spec"],
    ),
    (
        "hearth-http",
        &[
            "hearth-search",
            "hearth-text",
            "hearth-sync",
            "hearth-push",
            "hearth-rooms",
            "hearth-users",
            "hearth-media",
            "hearth-previews",
            "hearth-network",
            "hearth-storage",
            "hearth-spec",
        ],
    ),
    (
        "hearth-federation",
        &[
            "hearth-appservices",
            "hearth-http",
            "hearth-sync",
            "hearth-push",
            "hearth-rooms",
            "hearth-users",
            "hearth-media",
            "hearth-network",
            "hearth-storage",
            "hearth-spec",
        ],
    ),
    (
        "hearth-client-api",
        &[
            "hearth-calls",
            "hearth-sfu",
            "hearth-turn",
            "hearth-search",
            "hearth-federation",
            "hearth-appservices",
            "hearth-http",
            "hearth-sync",
            "hearth-push",
            "hearth-rooms",
            "hearth-users",
            "hearth-media",
            "hearth-previews",
            "hearth-network",
            "hearth-storage",
            "hearth-spec",
        ],
    ),
    ("hearth-web", &[]),
    ("hearth-sfu", &[]),
    // Who may take part in calls: it alone knows both rooms and the SFU.
    ("hearth-calls", &["hearth-sfu", "hearth-rooms", "hearth-storage", "hearth-spec"]),
    (
        "hearth",
        &[
            "hearth-web",
            "hearth-turn",
            "hearth-sfu",
            "hearth-calls",
            "hearth-search",
            "hearth-client-api",
            "hearth-federation",
            "hearth-appservices",
            "hearth-http",
            "hearth-sync",
            "hearth-push",
            "hearth-rooms",
            "hearth-users",
            "hearth-media",
            "hearth-previews",
            "hearth-network",
            "hearth-storage",
            "hearth-spec",
        ],
    ),
    (
        "hearth-simulation",
        &[
            "hearth",
            "hearth-client-api",
            "hearth-federation",
            "hearth-rooms",
            "hearth-users",
            "hearth-network",
            "hearth-storage",
            "hearth-spec",
        ],
    ),
    ("xtask", &[]),
];

/// Crates from outside that only some of ours may know.
const RESERVED: &[(&str, &[&str])] = &[
    // Nothing above storage knows the engine.
    ("rocksdb", &["hearth-storage"]),
    ("tantivy", &["hearth-search"]),
    // HTTP ends at the edges.
    (
        "axum",
        &[
            "hearth-push",
            "hearth-http",
            "hearth-client-api",
            "hearth-federation",
            "hearth-web",
            "hearth-sfu",
            "hearth",
            "hearth-simulation",
        ],
    ),
    // Only the network connects to others, and what a simulation connects it to.
    ("hyper-util", &["hearth-network", "hearth-simulation"]),
    ("hickory-resolver", &["hearth-network"]),
    // Its interface changes often: one module names it.
    ("str0m", &["hearth-sfu"]),
];

/// The floors of a crate, the lowest first: a module of one may use modules of its own floor and of those below.
const FLOORS: &[(&str, &[&str])] = &[("homeserver/rooms/src", &["index", "read", "write"])];

/// Checks the workspace against the tables, and tells every arrow that they do not allow.
pub fn check() -> Outcome<()> {
    let mut wrong = wrong_arrows(&cargo::crates()?);
    for (folder, floors) in FLOORS {
        for (height, floor) in floors.iter().enumerate() {
            for file in rust_files(&root().join(folder).join(floor))? {
                let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
                let above = floors[height + 1..].iter().filter(|above| uses(&text, above));
                wrong.extend(above.map(|above| format!("{} -> {above}", file.display())));
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("arrows that are not allowed:\n  {}", wrong.join("\n  ")))
    }
}

fn wrong_arrows(crates: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in crates {
        let from = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            wrong.push(format!("{from} has no row in the table of xtask/src/arrows.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            // A crate of the workspace is depended on by its path, one from outside is not.
            let is_ours = dependency["path"].is_string();
            let reserved = RESERVED.iter().find(|(name, _)| *name == to);
            if is_ours && !allowed.contains(&to) || reserved.is_some_and(|(_, by)| !by.contains(&from)) {
                wrong.push(format!("{from} -> {to}"));
            }
        }
    }
    wrong
}

/// Whether a source file names a module of the crate's root.
fn uses(text: &str, module: &str) -> bool {
    let imports = text.split("use crate::").skip(1).filter_map(|rest| rest.split(';').next());
    let paths =
        imports.chain(text.split("crate::").skip(1).filter_map(|rest| rest.split_whitespace().next()));
    let mut parts = paths.flat_map(|path| path.split(|part: char| !part.is_alphanumeric() && part != '_'));
    parts.any(|part| part == module)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_arrows_of_the_table_are_allowed() {
        let package = |name: &str, ours: &[&str], others: &[&str]| {
            let ours = ours.iter().map(|name| json!({"name": name, "path": "/somewhere"}));
            let others = others.iter().map(|name| json!({"name": name}));
            json!({"name": name, "dependencies": ours.chain(others).collect::<Vec<_>>()})
        };
        let check = |package| wrong_arrows(&[package]);
        assert!(check(package("hearth-rooms", &["hearth-spec", "hearth-storage"], &["ruma"])).is_empty());
        assert!(check(package("hearth-storage", &[], &["rocksdb"])).is_empty());
        assert_eq!(check(package("hearth-rooms", &["hearth-sync"], &[])), ["hearth-rooms -> hearth-sync"]);
        assert_eq!(check(package("hearth-rooms", &[], &["rocksdb"])), ["hearth-rooms -> rocksdb"]);
        assert_eq!(check(package("hearth-misc", &[], &[])).len(), 1);
    }

    #[test]
    fn a_module_is_used_by_its_path() {
        let text = "use crate::{\n    RoomError,\n    read::room::Room,\n};\nfn write() {}";
        assert!(uses(text, "read") && !uses(text, "write"));
        assert!(uses("fn a() { crate::write::b() }", "write"));
    }
}
