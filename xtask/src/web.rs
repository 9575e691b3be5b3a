//! The web client: `client-web/` compiled for the browser, and put where the next build of the server embeds it.

use crate::{
    packages,
    process::{self, Outcome},
    toolchain::{BROWSER, Toolchain, target_of},
};

/// The workspace, from the root of the repository.
const CLIENT: &str = "client-web";

/// Builds the client into `client-web/dist`. Quick leaves out what only makes it smaller.
pub fn build(quick: bool) -> Outcome<()> {
    if !quick && let Err(problem) = packages::install(&[packages::WEB]) {
        eprintln!("{problem}\nwithout it the client is larger than it could be");
    }
    let target = target_of("web")?;
    let toolchain = Toolchain::find(CLIENT)?;
    let profile = if quick { "quick" } else { "release" };
    process::run(toolchain.cargo_for_browser(&target).args(["build", "--profile", profile]))?;
    process::run(
        toolchain
            .cargo(&target)
            .args(["run", "--package", "hearth-client-bundle", "--"])
            .arg(target.join(BROWSER).join(profile).join("hearth-client-web.wasm"))
            .args(["assets", "dist"])
            .args(quick.then_some("--quick")),
    )
}

/// What can be tested of the client without a browser, and how its code is written.
pub fn test() -> Outcome<()> {
    let target = target_of("web")?;
    let toolchain = Toolchain::find(CLIENT)?;
    process::run(toolchain.cargo(&target).args(["fmt", "--all", "--check"]))?;
    process::run(toolchain.cargo(&target).args(["test", "--package", "hearth-client-state"]))
}
