//! The toolchain of those workspaces that are not the server's: clients on matrix-sdk, which wants a newer one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cargo,
    process::{self, Outcome},
};

/// What is compiled for the browser is compiled for this.
pub const BROWSER: &str = "wasm32-unknown-unknown";

/// Lets the crates that need randomness take it from the browser.
const BROWSER_FLAGS: &str = "--cfg getrandom_backend=\"wasm_js\"";

/// A rustc of Debian's for the browser. They are unpacked: installed, they would conflict with rustup.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "libstd-rust-web-dev", "rust-web-src", "libllvm22", "lld-22"];

/// What compiles a workspace.
pub struct Toolchain {
    /// Its folder, from the root of the repository.
    workspace: &'static str,
    /// Where Debian's packages are unpacked; `None` for rustup's, as the workspace's `rust-toolchain.toml` names it.
    debian: Option<PathBuf>,
}

impl Toolchain {
    pub fn find(workspace: &'static str) -> Outcome<Self> {
        let mut install = command_in(workspace, "rustup");
        if process::succeeds(install.args(["toolchain", "install"])) {
            return Ok(Self { workspace, debian: None });
        }
        eprintln!(
            "rustup cannot install what {workspace}/rust-toolchain.toml names: Debian's packages instead"
        );
        let folder = target_of("web")?.join("debian");
        unpack(DEBIAN_PACKAGES, &folder)?;
        Ok(Self { workspace, debian: Some(folder) })
    }

    /// A cargo that compiles for this machine.
    pub fn cargo(&self, target: &Path) -> Command {
        let mut command = match &self.debian {
            None => command_in(self.workspace, "cargo"),
            Some(folder) => {
                // The cargo of whatever toolchain runs this program will do.
                let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
                let mut command = command_in(self.workspace, &cargo);
                command.env("RUSTC", folder.join("usr/bin/rustc"));
                command.env("LD_LIBRARY_PATH", folder.join("usr/lib/x86_64-linux-gnu"));
                command
            }
        };
        command.env("CARGO_TARGET_DIR", target);
        command
    }

    pub fn cargo_for_browser(&self, target: &Path) -> Command {
        let mut command = self.cargo(target);
        command.env("CARGO_BUILD_TARGET", BROWSER);
        match &self.debian {
            None => command.env("RUSTFLAGS", BROWSER_FLAGS),
            Some(folder) => command
                .env("RUSTFLAGS", format!("{BROWSER_FLAGS} -Clinker={}/usr/bin/wasm-ld-22", folder.display()))
                // Its standard library for the browser is there as source alone.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
        };
        command
    }
}

/// Where such a workspace is compiled: a folder of its own, as it has other flags, another toolchain and another lock file.
pub fn target_of(workspace: &str) -> Outcome<PathBuf> {
    Ok(cargo::target_folder()?.join(workspace))
}

/// A command in the folder of a workspace, where its own toolchain file counts and not what runs this program.
fn command_in(workspace: &str, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(process::root().join(workspace));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| is_of_this_workspace(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// Whether a variable says how the server is compiled.
fn is_of_this_workspace(variable: &str) -> bool {
    let prefixes = ["CARGO_PROFILE_", "CARGO_UNSTABLE_", "CARGO_RESOLVER_", "RUSTC", "RUSTFLAGS"];
    variable == "RUSTUP_TOOLCHAIN" || prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

/// Unpacks packages of Debian below a folder, once.
fn unpack(packages: &[&str], folder: &Path) -> Outcome<()> {
    let done = folder.join("unpacked");
    if done.exists() {
        return Ok(());
    }
    let told = |error| format!("{}: {error}", folder.display());
    let archives = folder.join("archives");
    fs::create_dir_all(&archives).map_err(told)?;
    process::run(Command::new("apt-get").arg("download").args(packages).current_dir(&archives))?;
    for archive in fs::read_dir(&archives).map_err(told)? {
        let archive = archive.map_err(told)?.path();
        process::run(Command::new("dpkg").arg("-x").arg(archive).arg(folder))?;
    }
    fs::remove_dir_all(&archives).and_then(|()| fs::write(done, "")).map_err(told)
}
