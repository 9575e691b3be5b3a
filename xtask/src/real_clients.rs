//! matrix-nio, matrix-js-sdk and matrix-sdk against a server of their own: `homeserver/tests/real_clients/run.py`.

use std::{fs, path::PathBuf};

use crate::{
    cargo,
    process::{self, Outcome},
    server::Server,
    toolchain::{Toolchain, target_of},
};

const SCRIPT: &str = "homeserver/tests/real_clients/run.py";
/// The workspace of the client on matrix-sdk, from the root of the repository.
const SDK_CLIENT: &str = "homeserver/tests/real_clients/sdk_client";

/// Builds the server as the tests build it, and lets the clients loose on it.
pub fn run() -> Outcome<()> {
    // With the features that the tests ask for, so that nothing is compiled a second time.
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    let sdk_client = build_sdk_client()?;
    let folder = std::env::temp_dir().join(format!("hearth-real-clients-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let xtask = std::env::current_exe().map_err(|error| format!("where is xtask? {error}"))?;

    let outcome = Server::start(&binary, &folder).and_then(|server| {
        let restart = format!("'{}' restart-server '{}'", xtask.display(), folder.display());
        let clients = process::run(
            process::in_root("python3")
                .args([SCRIPT, "--url", &server.url(), "--restart-command", &restart, "--sdk-client"])
                .arg(&sdk_client)
                .stdin(std::process::Stdio::null()),
        );
        match (clients, server.end()) {
            (Err(of_clients), Err(of_server)) => Err(format!("{of_clients}\n{of_server}")),
            (clients, server) => clients.and(server),
        }
    });
    match outcome {
        Ok(()) => fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display())),
        Err(problem) => {
            eprintln!("--- the end of the server's log\n{}", Server::end_of_log(&folder, 100));
            Err(format!("{problem}\nthe server's data and log are in {}", folder.display()))
        }
    }
}

/// Builds the client on matrix-sdk, and tells where it is.
fn build_sdk_client() -> Outcome<PathBuf> {
    let target = target_of("sdk-client")?;
    process::run(Toolchain::find(SDK_CLIENT)?.cargo(&target).args(["build", "--locked"]))?;
    Ok(target.join("debug/hearth-sdk-client"))
}
