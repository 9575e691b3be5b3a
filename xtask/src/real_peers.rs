//! Servers of this build and Synapses, federating: `homeserver/tests/real_peers`.

use std::path::PathBuf;

use crate::{
    cargo,
    process::{self, Outcome},
};

/// Builds the server as the tests build it, and runs the script, which starts all the servers itself.
pub fn run(arguments: &[String]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::script("homeserver/tests/real_peers/run.py", &binary, arguments)
}

/// How fast messages pass between two of them: of a server that is built already, or of a release build.
pub fn measure(binary: Option<PathBuf>, arguments: &[String]) -> Outcome<()> {
    process::script("homeserver/tests/real_peers/speed.py", &measured(binary)?, arguments)
}

/// What syncs cost, beside a Synapse: of a server that is built already, or of a release build.
pub fn measure_accounts(binary: Option<PathBuf>, arguments: &[String]) -> Outcome<()> {
    process::script("homeserver/tests/real_peers/accounts.py", &measured(binary)?, arguments)
}

fn measured(binary: Option<PathBuf>) -> Outcome<PathBuf> {
    match binary {
        Some(binary) => Ok(binary),
        None => cargo::build_server(&["build", "--release", "--package", "hearth"]),
    }
}
