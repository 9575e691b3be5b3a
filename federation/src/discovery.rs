//! Where a server is reached ("Server discovery").

mod route;
mod well_known;

use std::{future::Future, sync::Arc, time::Duration};

use hearth_storage::Clock;
use quick_cache::sync::Cache;
use ruma::{OwnedServerName, ServerName};

pub use self::route::Route;
pub(crate) use self::well_known::{Failure, WellKnown};
use hearth_network::{Network, NetworkError, ServiceTarget};

/// How long what depends on no other file or record is remembered; nothing is for longer.
const LONGEST: Duration = Duration::from_secs(48 * 60 * 60);
/// How long records are remembered at least: the resolver has a cache as well.
const SHORTEST: Duration = Duration::from_secs(5 * 60);
/// How long a well-known file that could not be fetched is taken for missing: an hour where the server says that
/// there is none, a minute where it says nothing, and then longer and longer up to an hour.
const MISSING: Duration = Duration::from_secs(60 * 60);
const UNREADABLE: Duration = Duration::from_secs(60);
/// How long an older answer stands in for one that cannot be fetched.
const STALE_MS: u64 = 24 * 60 * 60 * 1000;

/// What discovery asks the network.
pub(crate) trait Lookup: Send + Sync {
    /// `https://HOST/.well-known/matrix/server`.
    fn well_known(&self, host: &str) -> impl Future<Output = Result<WellKnown, Failure>> + Send;
    /// The targets of an SRV record.
    fn services(&self, name: &str) -> impl Future<Output = Result<Vec<ServiceTarget>, NetworkError>> + Send;
}

/// A route, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    route: Route,
    lifetime: Duration,
    well_known: Basis,
}

/// What the well-known file was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// It was not asked for.
    None,
    Read,
    /// There is none.
    Missing,
    /// It could not be fetched.
    Unreadable,
}

/// The steps of the specification, in their order.
async fn discover(lookup: &impl Lookup, server: &ServerName) -> Found {
    // 1 and 2: an IP literal, or an explicit port.
    if let Some(route) = Route::explicit(server) {
        return Found { route, lifetime: LONGEST, well_known: Basis::None };
    }
    // 3: the well-known file delegates to a name, for which the same steps follow.
    match lookup.well_known(server.host()).await {
        Ok(WellKnown { server: delegated, lifetime }) => match Route::explicit(&delegated) {
            Some(route) => Found { route, lifetime, well_known: Basis::Read },
            None => by_records(lookup, delegated.host(), lifetime, Basis::Read).await,
        },
        // 4 to 6.
        Err(Failure::Missing) => by_records(lookup, server.host(), MISSING, Basis::Missing).await,
        Err(Failure::Unreadable) => by_records(lookup, server.host(), UNREADABLE, Basis::Unreadable).await,
    }
}

/// By SRV records, the deprecated one last; else at port 8448. The certificate is that of the host in each case.
async fn by_records(lookup: &impl Lookup, host: &str, lifetime: Duration, well_known: Basis) -> Found {
    for service in ["_matrix-fed._tcp", "_matrix._tcp"] {
        match lookup.services(&format!("{service}.{host}")).await {
            Ok(targets) if targets.is_empty() => {}
            Ok(targets) => {
                let of_records = targets.iter().map(|target| target.lifetime).min().unwrap_or(SHORTEST);
                let lifetime = lifetime.min(of_records.max(SHORTEST));
                return Found { route: Route::by_services(host, targets), lifetime, well_known };
            }
            Err(error) => {
                tracing::debug!(host, %error, "an SRV record could not be looked up");
                return Found { route: Route::at_default_port(host), lifetime: UNREADABLE, well_known };
            }
        }
    }
    Found { route: Route::at_default_port(host), lifetime, well_known }
}

/// Where servers are reached, remembered for as long as each answer says.
pub(crate) struct Discovery<L> {
    lookup: L,
    cache: Cache<OwnedServerName, Known>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Known {
    route: Arc<Route>,
    until_ms: u64,
    /// How often in a row the well-known file could not be fetched.
    failures: u32,
    /// Until when it stands in for an answer that cannot be fetched; `None` if it is no such answer itself.
    stale_until_ms: Option<u64>,
}

impl<L: Lookup> Discovery<L> {
    pub(crate) fn new(lookup: L, cached: usize, clock: Arc<dyn Clock>) -> Self {
        Self { lookup, cache: Cache::new(cached.max(1)), clock }
    }

    /// Where the server is reached. Many who ask at once make one look-up.
    pub(crate) async fn route(&self, server: &ServerName) -> Arc<Route> {
        let now = self.clock.now_ms();
        let before = self.cache.get(server);
        if let Some(known) = &before {
            if known.until_ms > now {
                return known.route.clone();
            }
            self.cache.remove_if(server, |known| known.until_ms <= now);
        }
        let look_up = async {
            let found = discover(&self.lookup, server).await;
            Ok::<_, std::convert::Infallible>(known(found, before, self.clock.now_ms()))
        };
        match self.cache.get_or_insert_async(server, look_up).await {
            Ok(known) => known.route,
            Err(never) => match never {},
        }
    }

    /// Nobody was found there: look again before the next request.
    pub(crate) fn doubt(&self, server: &ServerName) {
        if let Some(known) = self.cache.get(server) {
            self.cache.insert(server.to_owned(), Known { until_ms: 0, ..known });
        }
    }
}

fn known(found: Found, before: Option<Known>, now: u64) -> Known {
    let ms = |time: Duration| time.min(LONGEST).as_millis() as u64;
    if found.well_known != Basis::Unreadable {
        let until_ms = now + ms(found.lifetime);
        let stale_until_ms = (found.well_known == Basis::Read).then_some(until_ms + STALE_MS);
        return Known { route: Arc::new(found.route), until_ms, failures: 0, stale_until_ms };
    }
    let failures = before.as_ref().map_or(0, |before| before.failures);
    let until_ms = now + ms(MISSING.min(UNREADABLE * 2_u32.pow(failures.min(6))));
    let failures = failures + 1;
    match before.filter(|before| before.stale_until_ms.is_some_and(|until| until > now)) {
        Some(before) => Known { until_ms, failures, ..before },
        None => Known { route: Arc::new(found.route), until_ms, failures, stale_until_ms: None },
    }
}

/// Asks the network itself.
pub(crate) struct OverNetwork {
    pub(crate) network: Network,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Lookup for OverNetwork {
    async fn well_known(&self, host: &str) -> Result<WellKnown, Failure> {
        well_known::fetch(&self.network, host, self.clock.now_ms()).await
    }

    async fn services(&self, name: &str) -> Result<Vec<ServiceTarget>, NetworkError> {
        self.network.services(name).await
    }
}

#[cfg(test)]
mod tests;
