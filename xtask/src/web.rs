//! The web client: `client-web/` compiled for the browser, and put where the next build of the server embeds it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cargo, packages,
    process::{self, Outcome},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Lets the crates that need randomness take it from the browser.
const FLAGS: &str = "--cfg getrandom_backend=\"wasm_js\"";

/// A rustc of Debian's for the browser. They are unpacked: installed, they would conflict with rustup.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "libstd-rust-web-dev", "rust-web-src", "libllvm22", "lld-22"];

/// Builds the client into `client-web/dist`. Quick leaves out what only makes it smaller.
pub fn build(quick: bool) -> Outcome<()> {
    if let Err(problem) = packages::install(&[packages::WEB]) {
        eprintln!("{problem}\nwithout it the client is larger than it could be");
    }
    // A folder of its own: other flags, another toolchain, and another lock file.
    let target = cargo::target_folder()?.join("web");
    let toolchain = Toolchain::find(&target)?;
    process::run(toolchain.cargo_for_browser(&target).args(["build", "--release"]))?;
    process::run(
        toolchain
            .cargo(&target)
            .args(["run", "--package", "hearth-client-bundle", "--"])
            .arg(target.join(TARGET).join("release/hearth-client-web.wasm"))
            .args(["assets", "dist"])
            .args(quick.then_some("--quick")),
    )
}

/// What compiles the client.
enum Toolchain {
    /// rustup's, as `client-web/rust-toolchain.toml` names it.
    Rustup,
    /// Debian's packages, unpacked in that folder.
    Debian(PathBuf),
}

impl Toolchain {
    fn find(target: &Path) -> Outcome<Self> {
        let mut install = in_client("rustup");
        if process::succeeds(install.args(["toolchain", "install"])) {
            return Ok(Self::Rustup);
        }
        eprintln!(
            "rustup cannot install what client-web/rust-toolchain.toml names: Debian's packages instead"
        );
        let folder = target.join("debian");
        unpack(DEBIAN_PACKAGES, &folder)?;
        Ok(Self::Debian(folder))
    }

    /// A cargo that compiles for this machine.
    fn cargo(&self, target: &Path) -> Command {
        let mut command = match self {
            Self::Rustup => in_client("cargo"),
            Self::Debian(folder) => {
                // The cargo of whatever toolchain runs this program will do.
                let mut command = in_client(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
                command.env("RUSTC", folder.join("usr/bin/rustc"));
                command.env("LD_LIBRARY_PATH", folder.join("usr/lib/x86_64-linux-gnu"));
                command
            }
        };
        command.env("CARGO_TARGET_DIR", target);
        command
    }

    fn cargo_for_browser(&self, target: &Path) -> Command {
        let mut command = self.cargo(target);
        command.env("CARGO_BUILD_TARGET", TARGET);
        match self {
            Self::Rustup => command.env("RUSTFLAGS", FLAGS),
            Self::Debian(folder) => command
                .env("RUSTFLAGS", format!("{FLAGS} -Clinker={}/usr/bin/wasm-ld-22", folder.display()))
                // Its standard library for the browser is there as source alone.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
        };
        command
    }
}

/// A command in the folder of the client, where its own toolchain file counts and not what runs this program.
fn in_client(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(process::root().join("client-web"));
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
