//! The web client and the admin page: `client-web/` compiled for the browser, and put where the next build of the server
//! embeds it.

use std::path::Path;

use crate::{
    packages,
    process::{self, Outcome},
    toolchain::{BROWSER, Toolchain, target_of},
};

/// The workspace, from the root of the repository.
const CLIENT: &str = "client-web";

/// What is compiled for the browser, each by itself: it takes of what they share only what it needs.
const PROGRAMS: &[&str] = &["hearth-client-web", "hearth-client-admin"];

/// Builds both into `client-web/dist`. Quick leaves out what only makes them smaller.
pub fn build(quick: bool) -> Outcome<()> {
    let target = target_of("web")?;
    let toolchain = Toolchain::find(CLIENT)?;
    let calls = target.join("calls");
    fetch_calls(&calls);
    let profile = if quick { "quick" } else { "release" };
    for program in PROGRAMS {
        let mut build = toolchain.cargo_for_browser(&target);
        process::run(build.args(["build", "--profile", profile, "--package", program]))?;
    }
    process::run(
        toolchain
            .cargo(&target)
            .args(["run", "--package", "hearth-client-bundle", "--"])
            .arg(target.join(BROWSER).join(profile))
            .arg("assets")
            .args(calls.exists().then_some(&calls))
            .arg("dist")
            .args(quick.then_some("--quick")),
    )
}

/// Fetches what the client loads when somebody calls. Whoever cannot reach a registry gets a client that chats.
fn fetch_calls(folder: &Path) {
    let fetch = || {
        packages::install(&[packages::CALLS])?;
        process::run(process::in_root("python3").arg("client-web/calls/fetch.py").arg(folder))
    };
    if let Err(problem) = fetch() {
        eprintln!("{problem}\nwithout it nobody can call by the client");
    }
}

/// What can be tested of the client without a browser, and how its code is written.
pub fn test() -> Outcome<()> {
    let target = target_of("web")?;
    let toolchain = Toolchain::find(CLIENT)?;
    process::run(toolchain.cargo(&target).args(["fmt", "--all", "--check"]))?;
    process::run(toolchain.cargo(&target).args(["test", "--package", "hearth-client-state"]))
}
