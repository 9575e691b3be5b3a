//! The web client in real browsers against servers of this build that federate: `client-web/tests/browser/run.py`.

use crate::{
    cargo, packages,
    process::{self, Outcome},
    web,
};

/// Builds the client, and runs the script with it.
pub fn run(quick: bool, arguments: &[String]) -> Outcome<()> {
    packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS])?;
    web::build(quick)?;
    tour(arguments)
}

/// Runs the script with the client that was built last.
pub fn tour(arguments: &[String]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::run(
        process::in_root("python3")
            .arg("client-web/tests/browser/run.py")
            .arg("--hearth")
            .arg(&binary)
            .args(arguments)
            .stdin(std::process::Stdio::null()),
    )
}
