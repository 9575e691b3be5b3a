//! Names to addresses, with those left out that may not be connected to.

use std::{net::IpAddr, sync::Arc, time::Duration};

use hickory_resolver::{
    TokioResolver, config::ResolverConfig, net::runtime::TokioRuntimeProvider, proto::rr::RData,
};
use tokio::time::Instant;

use crate::{NetworkError, addresses::is_public};

/// How long a name server may take, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// How many answers are kept.
const CACHED_ANSWERS: u64 = 4096;
/// More addresses or targets than this are not tried.
const MAX_ANSWERS: usize = 8;

/// A target of an SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTarget {
    /// Without a dot at its end.
    pub host: String,
    pub port: u16,
    /// How long this may be remembered.
    pub lifetime: Duration,
}

/// The resolver. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Resolver {
    dns: Arc<TokioResolver>,
    allow_private: bool,
}

impl Resolver {
    /// A resolver set up as the system's is.
    pub(crate) fn from_system(allow_private: bool) -> Result<Self, NetworkError> {
        let setup = |error| NetworkError::Setup(format!("the resolver cannot be set up: {error}"));
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "the system's resolver configuration cannot be read: only /etc/hosts is used");
            let nobody = ResolverConfig::default();
            TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
        });
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = ATTEMPTS;
        options.cache_size = CACHED_ANSWERS;
        // Hostile servers are slow on purpose: more may be awaited at once.
        options.max_active_requests = 512;
        Ok(Self { dns: Arc::new(builder.build().map_err(setup)?), allow_private })
    }

    /// The addresses of a name, or the address that an IP literal is, as far as they may be connected to.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NetworkError> {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let found: Vec<IpAddr> = match literal.parse() {
            Ok(address) => vec![address],
            Err(_) => self
                .dns
                .lookup_ip(absolute(host))
                .await
                .map_err(|error| NetworkError::Connect(format!("{host} has no address: {error}")))?
                .iter()
                .take(MAX_ANSWERS)
                .collect(),
        };
        let allowed: Vec<_> =
            found.into_iter().filter(|address| self.allow_private || is_public(*address)).collect();
        match allowed.is_empty() {
            true => Err(NetworkError::Connect(format!("{host} has no public address"))),
            false => Ok(allowed),
        }
    }

    /// The targets of an SRV record in order of preference: none if there is none.
    pub(crate) async fn services(&self, name: &str) -> Result<Vec<ServiceTarget>, NetworkError> {
        let found = match self.dns.srv_lookup(absolute(name)).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(NetworkError::Connect(format!("{name} cannot be looked up: {error}"))),
        };
        let lifetime = found.valid_until().saturating_duration_since(Instant::now().into_std());
        let mut records: Vec<_> = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(record) => Some(record),
                _ => None,
            })
            .collect();
        records.sort_by_key(|record| (record.priority, std::cmp::Reverse(record.weight)));
        let targets = records.into_iter().take(MAX_ANSWERS).map(|record| ServiceTarget {
            host: record.target.to_ascii().trim_end_matches('.').to_owned(),
            port: record.port,
            lifetime,
        });
        // "." says that there is no such service.
        Ok(targets.filter(|target| !target.host.is_empty()).collect())
    }
}

/// With a dot at its end: names of servers are not relative to the domain that this machine is in.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}
