//! The settings of one server: `hearth.toml`, and the `HEARTH_*` variables over it.
//!
//! A setting has one name: the field `rate_limits` of [`Config`] is that key of the file and the variable
//! `HEARTH_RATE_LIMITS`. Nothing here reads the process's environment by itself: who loads
//! a configuration hands the variables in, so that a test needs no global state.

mod error;
mod first_start;
mod memory;
mod read;
mod text;
mod told;
mod values;

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use hearth_http::{TrustedProxies, limits::RateLimits};
use hearth_turn::PublicAddress;
use ruma::{OwnedServerName, OwnedUserId, RoomVersionId, UserId, owned_server_name};
use serde::{Deserialize, Serialize};

use crate::{
    descriptors::Descriptors,
    observing::Dsn,
    smtp::{MailFrom, SmtpServer},
};

pub use self::{
    error::{ConfigError, Place},
    memory::MemoryBudget,
    read::Variables,
};

/// The file that is read where the command line names none.
pub const DEFAULT_FILE: &str = "hearth.toml";

/// Everything that can be set. Its values are checked: what [`Config::open`] returns can be served.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default = "on_loopback")]
pub struct Config {
    /// The domain of user ids and room aliases. It can never change once there is data.
    pub server_name: OwnedServerName,
    /// The data folder.
    #[serde(deserialize_with = "values::folder")]
    pub data: PathBuf,
    /// Where the client API listens, in plain HTTP.
    pub listen: SocketAddr,
    /// Where `/metrics` listens, in plain HTTP and for everybody who reaches it.
    pub listen_metrics: Option<SocketAddr>,
    /// The registration files of application services.
    pub appservices: Vec<PathBuf>,
    /// The base URL that clients find in `/.well-known/matrix/client`, without a slash at its end.
    #[serde(deserialize_with = "values::base_url")]
    pub public_url: Option<String>,
    /// Where federation (and the client API too) listens, in HTTPS.
    pub listen_federation: Option<SocketAddr>,
    /// The certificate chain of the listeners in TLS (PEM); set if and only if `tls_key` is.
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Where the TURN server listens, over UDP and TCP.
    pub listen_turn: Option<SocketAddr>,
    /// Where it listens in TLS, with the certificate of the federation listener.
    pub listen_turn_tls: Option<SocketAddr>,
    /// The addresses at which others see this machine, for calls.
    #[serde(deserialize_with = "values::public_addresses")]
    pub public_address: Vec<PublicAddress>,
    /// The ports of relays.
    #[serde(deserialize_with = "values::ports")]
    pub turn_ports: RangeInclusive<u16>,
    /// What a user may send through relays, and what get, in Mbit a second.
    #[serde(deserialize_with = "values::within::<_, 1, 100_000>")]
    pub turn_user_mbit: u32,
    /// TURN servers that are not this one's.
    pub turn_uris: Vec<String>,
    /// What they and this server make credentials of.
    pub turn_secret: Option<Secret>,
    /// Where the media of calls comes, over UDP.
    pub listen_calls: CallsListener,
    /// What tokens for calls are signed with, if other programs make some as well.
    pub calls_secret: Option<Secret>,
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
    /// What whoever registers shows beside a name, where everybody may.
    pub captcha: Option<CaptchaKind>,
    /// The account with the service of the captcha: what everybody may know of it.
    pub captcha_site_key: Option<String>,
    /// What this server proves itself with there.
    pub captcha_secret: Option<Secret>,
    /// The policies that whoever registers accepts, a file in JSON.
    pub terms: Option<PathBuf>,
    /// Whether an administrator has to let in who registers.
    pub approve_registrations: bool,
    /// Turns on `/_synapse/admin/v1/register` for whoever knows it.
    pub registration_shared_secret: Option<Secret>,
    /// Turns on the login type `org.matrix.login.jwt`: the key of its HS256 signatures.
    pub jwt_secret: Option<Secret>,
    /// The audience that JSON Web Tokens must be for (`aud`); without it, they name none.
    pub jwt_audience: Option<String>,
    /// Who must have made them (`iss`); without it, whoever knows the key.
    pub jwt_issuer: Option<String>,
    /// The mail server by which mails are sent; set only with `mail_from` and `public_url`.
    pub smtp: Option<SmtpServer>,
    /// Who this server is there.
    pub smtp_user: Option<String>,
    pub smtp_password: Option<Secret>,
    /// Who mails are from.
    pub mail_from: Option<MailFrom>,
    /// How long something is unread before users are told by mail, in minutes.
    #[serde(deserialize_with = "values::within::<_, 0, 720>")]
    pub mail_delay_minutes: u32,
    /// Whether requests are limited in rate.
    pub rate_limits: bool,
    /// How often each class of endpoints may be asked.
    pub rates: RateLimits,
    /// The proxies that say where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// How many connections others may have open; without it, half of the files that the process may open.
    pub max_connections: Option<u32>,
    /// The largest upload to the media repository, in MiB.
    #[serde(deserialize_with = "values::within::<_, 1, 4096>")]
    pub max_upload_mib: u32,
    /// What one user may upload altogether, in MiB.
    #[serde(deserialize_with = "values::within::<_, 1, { u32::MAX }>")]
    pub media_quota_mib: u32,
    /// What copies of other servers' media may take altogether, in MiB.
    #[serde(deserialize_with = "values::within::<_, 1, { u32::MAX }>")]
    pub media_copies_mib: u32,
    /// How long what is sent to rooms stays, in days; without it, for ever.
    pub retention_days: Option<u32>,
    /// Whether a room may say how long what is sent there stays (`m.room.retention`).
    pub retention_by_room: bool,
    /// How long what users upload stays, in days; without it, for ever.
    pub media_days: Option<u32>,
    /// How long copies of other servers' media stay, in days; without it, until they take too much.
    pub media_copies_days: Option<u32>,
    /// The name of the user from whom users get notices of the server; without it, there are none.
    pub server_notices: Option<String>,
    /// Whether media can be fetched without a token at the paths from before v1.11.
    pub legacy_media: bool,
    /// Whether web pages are fetched to make previews of them.
    pub url_previews: bool,
    /// Whether users find all others of this server in the user directory.
    pub find_all_users: bool,
    /// Whether there is an index of what is said in rooms that are not encrypted, for users to search.
    pub message_search: bool,
    /// The LiveKit services where clients meet for calls, the best first: the URL of each one's `lk-jwt-service`.
    #[serde(deserialize_with = "values::urls")]
    pub rtc_livekit: Vec<String>,
    /// The version of rooms whose creator names none.
    #[serde(deserialize_with = "values::room_version")]
    pub default_room_version: RoomVersionId,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// The memory of all caches together, in MiB.
    #[serde(deserialize_with = "values::within::<_, 64, 1048576>")]
    pub memory_mib: u32,
    /// How much of the commit log is kept for those who follow it, in MiB.
    #[serde(deserialize_with = "values::within::<_, 16, 1048576>")]
    pub commit_log_mib: u32,
    /// Where traces go by OTLP/HTTP: the base URL of a collector, without a slash at its end.
    #[serde(deserialize_with = "values::base_url")]
    pub otlp: Option<String>,
    /// Where errors are reported, by Sentry's protocol.
    pub error_reports: Option<Dsn>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// What is logged, as `tracing_subscriber`'s `EnvFilter` reads it.
    #[serde(deserialize_with = "values::log_filter")]
    pub log: String,
}

/// Who may make an account through `/register` (section "Account registration" of the client-server API).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who knows this token (`m.login.registration_token`), or one that an administrator made.
    Token(Secret),
    /// Who knows a token that an administrator made.
    Tokens,
    /// Nobody.
    Off,
}

/// A captcha of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CaptchaKind {
    /// A proof of work of so many zero bits.
    ProofOfWork(u32),
    Recaptcha,
    Hcaptcha,
    Turnstile,
}

/// Where the media of calls comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CallsListener {
    /// Where clients can reach it, if that is known.
    Auto,
    /// Nowhere: no calls are carried.
    Off,
    At(SocketAddr),
}

/// What an acknowledged commit has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// It is on the disk: a power cut loses nothing that was acknowledged.
    Sync,
    /// The operating system has it: a killed process loses nothing, a power cut may.
    Async,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: a line each.
    Text,
    /// For programs: an object each.
    Json,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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

/// Where the certificate of the listeners in TLS comes from.
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
            listen_metrics: Some(SocketAddr::from(([127, 0, 0, 1], 8009))),
            appservices: Vec::new(),
            public_url: None,
            listen_federation: None,
            tls_cert: None,
            tls_key: None,
            listen_turn: None,
            listen_turn_tls: None,
            public_address: Vec::new(),
            turn_ports: 49_152..=65_535,
            turn_user_mbit: 50,
            turn_uris: Vec::new(),
            turn_secret: None,
            listen_calls: CallsListener::Auto,
            calls_secret: None,
            public_federation: None,
            trusted_ca: None,
            allow_private_networks: false,
            notaries: Vec::new(),
            registration: Registration::Off,
            captcha: None,
            captcha_site_key: None,
            captcha_secret: None,
            terms: None,
            approve_registrations: false,
            registration_shared_secret: None,
            jwt_secret: None,
            jwt_audience: None,
            jwt_issuer: None,
            smtp: None,
            smtp_user: None,
            smtp_password: None,
            mail_from: None,
            mail_delay_minutes: 30,
            rate_limits: true,
            rates: RateLimits::default(),
            trusted_proxies: TrustedProxies::default(),
            max_connections: None,
            max_upload_mib: 50,
            media_quota_mib: 10 << 10,
            media_copies_mib: 20 << 10,
            retention_days: None,
            retention_by_room: false,
            media_days: None,
            media_copies_days: None,
            server_notices: None,
            legacy_media: false,
            url_previews: true,
            find_all_users: false,
            message_search: true,
            rtc_livekit: Vec::new(),
            default_room_version: RoomVersionId::V12,
            durability: Durability::Sync,
            memory_mib: 256,
            commit_log_mib: 256,
            otlp: None,
            error_reports: None,
            log_format: LogFormat::Text,
            log: "info".to_owned(),
        }
    }

    /// The certificate of the listeners in TLS.
    pub fn tls(&self) -> TlsSource {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => TlsSource::Files { cert: cert.clone(), key: key.clone() },
            _ => TlsSource::SelfMade,
        }
    }

    /// The shares of the one memory budget, in bytes.
    pub fn memory(&self) -> MemoryBudget {
        MemoryBudget::split(self.memory_mib, self.message_search)
    }

    /// The user from whom users get notices of the server. `None` also where the name is none, which stops the start.
    pub fn notices_user(&self) -> Option<OwnedUserId> {
        let name = self.server_notices.as_deref()?;
        let user = UserId::parse_with_server_name(name, &self.server_name).ok();
        user.filter(|user| user.localpart() == name && user.validate_strict().is_ok())
    }

    /// What one user may upload altogether, in bytes.
    pub fn media_quota_bytes(&self) -> u64 {
        u64::from(self.media_quota_mib) << 20
    }

    /// What copies of other servers' media may take altogether, in bytes.
    pub fn media_copies_bytes(&self) -> u64 {
        u64::from(self.media_copies_mib) << 20
    }

    /// How many connections others may have open. Never so many that the database and requests to other servers
    /// want for descriptors.
    pub fn max_connections(&self) -> usize {
        let share = Descriptors::available().incoming;
        self.max_connections.map_or(share, |wanted| share.min(wanted as usize))
    }

    /// What a user may send through relays, and what get, in bytes a second.
    pub fn turn_user_bytes_per_second(&self) -> u64 {
        u64::from(self.turn_user_mbit) * 1_000_000 / 8
    }

    /// The largest upload to the media repository, in bytes.
    pub fn max_upload_bytes(&self) -> u64 {
        u64::from(self.max_upload_mib) << 20
    }
}

/// What is set where nothing is.
fn on_loopback() -> Config {
    Config::new(owned_server_name!("localhost"))
}

/// Whether only this machine can reach a listener at that address.
pub fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
