//! Servers of this build and Synapses, federating: `homeserver/tests/real_peers`.

use std::path::{Path, PathBuf};

use crate::{
    cargo,
    process::{self, Outcome},
};

/// Builds the server as the tests build it, and runs the script, which starts all the servers itself.
pub fn run(arguments: &[String]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    script("run.py", &binary, arguments)
}

/// How fast messages pass between two of them: of a server that is built already, or of a release build.
pub fn measure(binary: Option<PathBuf>, arguments: &[String]) -> Outcome<()> {
    let binary = match binary {
        Some(binary) => binary,
        None => cargo::build_server(&["build", "--release", "--package", "hearth"])?,
    };
    script("speed.py", &binary, arguments)
}

fn script(name: &str, hearth: &Path, arguments: &[String]) -> Outcome<()> {
    process::run(
        process::in_root("python3")
            .arg(Path::new("homeserver/tests/real_peers").join(name))
            .arg("--hearth")
            .arg(hearth)
            .args(arguments)
            .stdin(std::process::Stdio::null()),
    )
}
