//! Real application services with a server of this build and with a Synapse: `homeserver/tests/real_services`.

use crate::{
    cargo,
    process::{self, Outcome},
};

/// Builds the server as the tests build it, and runs the script, which starts all else itself.
pub fn run(arguments: &[String]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::script("homeserver/tests/real_services/run.py", &binary, arguments)
}
