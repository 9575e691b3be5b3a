//! matrix-nio and matrix-js-sdk against a server of their own: `homeserver/tests/real_clients/run.py`.

use std::fs;

use crate::{
    cargo,
    process::{self, Outcome},
    server::Server,
};

const SCRIPT: &str = "homeserver/tests/real_clients/run.py";

/// Builds the server as the tests build it, and lets the clients loose on it.
pub fn run() -> Outcome<()> {
    // With the features that the tests ask for, so that nothing is compiled a second time.
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    let folder = std::env::temp_dir().join(format!("hearth-real-clients-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let xtask = std::env::current_exe().map_err(|error| format!("where is xtask? {error}"))?;

    let outcome = Server::start(&binary, &folder).and_then(|server| {
        let restart = format!("'{}' restart-server '{}'", xtask.display(), folder.display());
        let clients = process::run(
            process::in_root("python3")
                .args([SCRIPT, "--url", &server.url(), "--restart-command", &restart])
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
