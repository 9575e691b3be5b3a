//! A server run as a user would run it: the binary, its data folder, its ports.

// Each test needs some of this.
#![allow(dead_code)]

pub mod client;

use std::{
    net::{SocketAddr, TcpListener},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use client::Client;

/// A `hearth serve` of its own on loopback.
pub struct Process {
    /// `localhost`, with a port where other servers reach it.
    pub name: String,
    data: PathBuf,
    port: u16,
    /// Settings besides those that all have.
    settings: Vec<(&'static str, String)>,
    /// What a shell does before it becomes the server, such as `ulimit -n 100`.
    before: &'static str,
    child: Option<Child>,
    client: Client,
}

/// A certificate for `localhost` that all servers of a test have, and trust.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Certificate {
    /// Writes it into a folder.
    pub fn make(folder: &Path) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = Self { chain: folder.join("certificate.pem"), key: folder.join("key.pem") };
        std::fs::write(&certificate.chain, made.cert.pem()).unwrap();
        std::fs::write(&certificate.key, made.signing_key.serialize_pem()).unwrap();
        certificate
    }
}

impl Process {
    /// Prepares a server on this data folder and starts it.
    pub async fn start(data: PathBuf) -> Self {
        Self::start_with(data, "localhost".to_owned(), Vec::new(), "").await
    }

    /// The same, with what the shell command `before` leaves to it.
    pub async fn start_limited(data: PathBuf, before: &'static str) -> Self {
        Self::start_with(data, "localhost".to_owned(), Vec::new(), before).await
    }

    /// The same, with more settings: names of the environment and what they are.
    pub async fn start_with_settings(data: PathBuf, settings: Vec<(&'static str, String)>) -> Self {
        Self::start_with(data, "localhost".to_owned(), settings, "").await
    }

    /// The same, that asks also who is on loopback.
    pub async fn start_in_private_network(data: PathBuf) -> Self {
        let settings = vec![("HEARTH_ALLOW_PRIVATE_NETWORKS", "on".to_owned())];
        Self::start_with(data, "localhost".to_owned(), settings, "").await
    }

    /// The same, reached by other servers over TLS; with `private_networks` it reaches those on loopback.
    pub async fn start_federating(data: PathBuf, certificate: &Certificate, private_networks: bool) -> Self {
        Self::start_federating_with(data, certificate, private_networks, Vec::new()).await
    }

    /// The same, with more settings.
    pub async fn start_federating_with(
        data: PathBuf,
        certificate: &Certificate,
        private_networks: bool,
        more: Vec<(&'static str, String)>,
    ) -> Self {
        let port = free_port();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let mut settings = vec![
            ("HEARTH_LISTEN_FEDERATION", format!("127.0.0.1:{port}")),
            ("HEARTH_TLS_CERT", path(&certificate.chain)),
            ("HEARTH_TLS_KEY", path(&certificate.key)),
            ("HEARTH_TRUSTED_CA", path(&certificate.chain)),
            ("HEARTH_ALLOW_PRIVATE_NETWORKS", if private_networks { "on" } else { "off" }.to_owned()),
        ];
        settings.extend(more);
        Self::start_with(data, format!("localhost:{port}"), settings, "").await
    }

    async fn start_with(
        data: PathBuf,
        name: String,
        settings: Vec<(&'static str, String)>,
        before: &'static str,
    ) -> Self {
        let port = free_port();
        let client = Client::of_port(port, Duration::from_secs(60));
        let mut server = Self { name, data, port, settings, before, child: None, client };
        server.start_again().await;
        server
    }

    /// Starts it on the same data, and waits until it answers.
    pub async fn start_again(&mut self) {
        let mut command = Command::new("sh");
        // What the shell has set must not change what is tested.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARTH_"))
        {
            command.env_remove(name);
        }
        let child = command
            .args(["-c", &format!("{}\nexec \"$0\" serve", self.before), env!("CARGO_BIN_EXE_hearth")])
            .current_dir(self.data.parent().unwrap())
            .env("HEARTH_SERVER_NAME", &self.name)
            .env("HEARTH_DATA", &self.data)
            .env("HEARTH_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("HEARTH_LISTEN_METRICS", "")
            .env("HEARTH_REGISTRATION", "open")
            .env("HEARTH_RATE_LIMITS", "off")
            .env("HEARTH_LOG", "warn")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
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

    /// Where its clients connect to.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Its clients.
impl Deref for Process {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
