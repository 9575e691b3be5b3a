//! Fuzzing with libFuzzer: the folders `fuzz` of the crates below. Needs `cargo install cargo-fuzz`.

use crate::{
    cargo,
    process::{self, Outcome},
};

/// Each target, and the crate that it is about.
const TARGETS: &[(&str, &str)] = &[
    ("canonical_json", "spec"),
    ("pdu", "spec"),
    ("x_matrix", "federation"),
    ("multipart", "federation"),
    ("sync_token", "federation"),
    ("filter", "federation"),
    ("stun", "homeserver/calls/turn"),
];

/// Runs a target until it finds something or is stopped.
pub fn run(target: &str, arguments: &[String]) -> Outcome<()> {
    let Some((_, folder)) = TARGETS.iter().find(|(name, _)| *name == target) else {
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no target {target}, but {}", names.join(", ")));
    };
    let mut command = cargo::command();
    command.current_dir(process::root().join(folder));
    // What libFuzzer needs of the compiler is not stable.
    command.env("RUSTC_BOOTSTRAP", "1");
    process::run(command.args(["fuzz", "run", target, "--"]).args(arguments))
}
