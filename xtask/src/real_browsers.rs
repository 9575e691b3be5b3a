//! The web client in real browsers against servers of this build that federate: `client-web/tests/browser/run.py`.

use crate::{
    cargo, packages,
    process::{self, Outcome},
    web,
};

/// Builds the client and then the server, which embeds it, and runs the script with both.
pub fn run(quick: bool, arguments: &[String]) -> Outcome<()> {
    packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS])?;
    web::build(quick)?;
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    process::script("client-web/tests/browser/run.py", &binary, arguments)
}
