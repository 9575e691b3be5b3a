//! A server run as a user would run it: the binary, its data folder, its port.

pub mod client;

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use client::Client;

/// A `hearth serve` of its own on loopback.
pub struct Process {
    data: PathBuf,
    port: u16,
    child: Option<Child>,
    pub client: Client,
}

impl Process {
    /// Prepares a server on this data folder and starts it.
    pub async fn start(data: PathBuf) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::of_port(port, Duration::from_secs(30));
        let mut server = Self { data, port, child: None, client };
        server.start_again().await;
        server
    }

    /// Starts it on the same data, and waits until it answers.
    pub async fn start_again(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        // What the shell has set must not change what is tested.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARTH_"))
        {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .current_dir(self.data.parent().unwrap())
            .env("HEARTH_SERVER_NAME", "localhost")
            .env("HEARTH_DATA", &self.data)
            .env("HEARTH_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("HEARTH_REGISTRATION", "open")
            .env("HEARTH_RATE_LIMITS", "off")
            .env("HEARTH_LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while self.client.http.get(self.client.url("/_matrix/client/versions")).send().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: nothing is said to it, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// `hearth check` on the data folder.
    pub fn check(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_hearth")).arg("check").arg(&self.data).output().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
