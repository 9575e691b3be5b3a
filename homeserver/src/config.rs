//! The settings of one server: `hearth.toml`, and the `HEARTH_*` variables over it.
//!
//! A setting has one name: the key `rate_limits` of the file is the variable `HEARTH_RATE_LIMITS`. The table
//! in [`settings`] is the only list of them. Nothing here reads the process's environment by itself: who loads
//! a configuration hands the variables in, so that a test needs no global state.

mod error;
mod first_start;
mod memory;
mod read;
mod settings;

use std::{net::SocketAddr, path::PathBuf};

use ruma::{OwnedServerName, RoomVersionId};

pub use self::{
    error::{ConfigError, Place},
    memory::MemoryBudget,
    read::Variables,
};

/// The file that is read where the command line names none.
pub const DEFAULT_FILE: &str = "hearth.toml";

/// Everything that can be set. Its values are checked: what [`Config::open`] returns can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The domain of user ids and room aliases. It can never change once there is data.
    pub server_name: OwnedServerName,
    /// The data folder.
    pub data: PathBuf,
    /// Where the client API listens, in plain HTTP.
    pub listen: SocketAddr,
    /// The base URL that clients find in `/.well-known/matrix/client`, without a slash at its end.
    pub public_url: Option<String>,
    /// Where federation (and the client API too) listens, in HTTPS.
    pub listen_federation: Option<SocketAddr>,
    /// The certificate chain of the federation listener (PEM); set if and only if `tls_key` is.
    pub tls_cert: Option<PathBuf>,
    /// The private key of the federation listener (PEM).
    pub tls_key: Option<PathBuf>,
    /// Where other servers reach this one, as they find it in `/.well-known/matrix/server`.
    pub public_federation: Option<OwnedServerName>,
    /// A PEM file of certificate authorities, added to the system's roots for all outgoing requests.
    pub trusted_ca: Option<PathBuf>,
    /// Whether outgoing requests may reach loopback and private addresses.
    pub allow_private_networks: bool,
    /// Servers that are asked for the keys of those that do not answer.
    pub notaries: Vec<OwnedServerName>,
    /// Who may make an account through `/register`.
    pub registration: Registration,
    /// Turns on `/_synapse/admin/v1/register` for whoever knows it.
    pub registration_shared_secret: Option<Secret>,
    /// Turns on the login type `org.matrix.login.jwt`: the key of its HS256 signatures.
    pub jwt_secret: Option<Secret>,
    /// Whether requests are limited in rate.
    pub rate_limits: bool,
    /// The largest upload to the media repository, in MiB.
    pub max_upload_mib: u32,
    /// What one user may upload altogether, in MiB.
    pub media_quota_mib: u32,
    /// What copies of other servers' media may take altogether, in MiB.
    pub media_copies_mib: u32,
    /// Whether media can be fetched without a token at the paths from before v1.11.
    pub legacy_media: bool,
    /// The version of rooms whose creator names none.
    pub default_room_version: RoomVersionId,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// The memory of all caches together, in MiB.
    pub memory_mib: u32,
    /// What is logged, as `tracing_subscriber`'s `EnvFilter` reads it.
    pub log: String,
}

/// Who may make an account through `/register` (section "Account registration" of the client-server API).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who knows this token (`m.login.registration_token`).
    Token(Secret),
    /// Nobody.
    Off,
}

/// What an acknowledged commit has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk: a power cut loses nothing that was acknowledged.
    Sync,
    /// The operating system has it: a killed process loses nothing, a power cut may.
    Async,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` out of the logs.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for comparing and signing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where the certificate of the federation listener comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM files.
    Files {
        /// The certificate chain.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made at start: only for a listener on loopback, as nobody else would trust it.
    SelfMade,
}

impl Config {
    /// The defaults for the server of that name.
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            data: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8008)),
            public_url: None,
            listen_federation: None,
            tls_cert: None,
            tls_key: None,
            public_federation: None,
            trusted_ca: None,
            allow_private_networks: false,
            notaries: Vec::new(),
            registration: Registration::Off,
            registration_shared_secret: None,
            jwt_secret: None,
            rate_limits: true,
            max_upload_mib: 50,
            media_quota_mib: 10 << 10,
            media_copies_mib: 20 << 10,
            legacy_media: false,
            default_room_version: RoomVersionId::V12,
            durability: Durability::Sync,
            memory_mib: 256,
            log: "info".to_owned(),
        }
    }

    /// The certificate of the federation listener.
    pub fn tls(&self) -> TlsSource {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => TlsSource::Files { cert: cert.clone(), key: key.clone() },
            _ => TlsSource::SelfMade,
        }
    }

    /// The shares of the one memory budget, in bytes.
    pub fn memory(&self) -> MemoryBudget {
        MemoryBudget::split(self.memory_mib)
    }

    /// What one user may upload altogether, in bytes.
    pub fn media_quota_bytes(&self) -> u64 {
        u64::from(self.media_quota_mib) << 20
    }

    /// What copies of other servers' media may take altogether, in bytes.
    pub fn media_copies_bytes(&self) -> u64 {
        u64::from(self.media_copies_mib) << 20
    }

    /// The largest upload to the media repository, in bytes.
    pub fn max_upload_bytes(&self) -> u64 {
        u64::from(self.max_upload_mib) << 20
    }
}

/// Whether only this machine can reach a listener at that address.
pub fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
