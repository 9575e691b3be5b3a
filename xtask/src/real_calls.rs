//! Calls through a server of this build by real programs: `homeserver/tests/real_calls`.

use std::ffi::OsStr;

use crate::{
    cargo,
    process::{self, Outcome},
};

/// What a run of all tests runs: without browsers, which hear late who speaks when the machine has much to do.
pub const IN_TESTS: &[&str] = &["--parts", "native,turn"];

/// Builds the server as the tests build it, and runs the script, which starts all else itself.
pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::script("homeserver/tests/real_calls/run.py", &binary, arguments)
}
