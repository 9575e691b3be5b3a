//! Two servers of this build and a Synapse, federating: `homeserver/tests/real_peers/run.py`.

use crate::{
    cargo,
    process::{self, Outcome},
};

const SCRIPT: &str = "homeserver/tests/real_peers/run.py";

/// Builds the server as the tests build it, and runs the script, which starts all the servers itself.
pub fn run(arguments: &[String]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::run(
        process::in_root("python3")
            .arg(SCRIPT)
            .arg("--hearth")
            .arg(binary)
            .args(arguments)
            .stdin(std::process::Stdio::null()),
    )
}
