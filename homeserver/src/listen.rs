//! The listeners: the client and the server API in plain HTTP, and the same over TLS where other servers come.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hearth_appservices::{AppServices, Pushing};
use hearth_federation::outbox::Outbox;
use hearth_sync::SyncService;
use metrics_exporter_prometheus::PrometheusHandle;
use ruma::{OwnedServerName, ServerName};
use rustls::ServerConfig;

use crate::{
    Server,
    config::{Config, ConfigError, TlsSource},
    connections::Connections,
    console, metrics,
    notify::Notify,
    sampling,
};

/// Requests in flight get this long to finish when the server stops.
const GRACE: Duration = Duration::from_secs(20);

/// How long the other side may take to agree on a TLS connection.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the network cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("the TLS certificate or key cannot be used: {0}")]
    Tls(String),
    #[error("the accounts cannot be read: {0}")]
    Users(#[from] hearth_users::UsersError),
    #[error("application services cannot be told: {0}")]
    Services(#[from] hearth_storage::StorageError),
    #[error("serving failed: {0}")]
    Serve(#[from] io::Error),
}

/// Serves until SIGTERM or Ctrl-C; requests in flight finish. On SIGHUP the registration files of application services
/// are read again, those that `files` then names.
pub async fn serve(
    config: &Config,
    server: Server,
    recorder: PrometheusHandle,
    files: impl Fn() -> Result<Vec<PathBuf>, ConfigError> + Send + Sync + 'static,
) -> Result<(), ListenError> {
    let handle = Handle::new();
    let client = bind(config.listen)?;
    let tls = match config.listen_federation.is_some() || config.listen_turn_tls.is_some() {
        true => Some(tls(config).await?),
        false => None,
    };
    let federation = match (config.listen_federation, &tls) {
        (Some(address), Some(tls)) => Some((bind(address)?, tls.clone())),
        _ => None,
    };
    if let Some(address) = config.listen_metrics {
        match bind(address) {
            Ok(listener) => _ = tokio::spawn(metrics::serve(listener, recorder.clone())),
            // Another server on this machine may have it, and who counts is not whom it is there for.
            Err(error) => tracing::warn!(%error, "no metrics are served"),
        }
    }
    tokio::spawn(sampling::run(recorder, server.api.clone()));
    let _turn = match &server.turn {
        Some(turn) => {
            let tls = tls.as_ref().filter(|_| config.listen_turn_tls.is_some()).map(|tls| {
                let mut tls = ServerConfig::clone(&*tls.get_inner());
                // Those of HTTP: who asks for another one would be turned away.
                tls.alpn_protocols.clear();
                Arc::new(tls)
            });
            let (clock, random) = (server.api.clock.clone(), server.api.random.clone());
            let turn = turn.serve(config, tls, clock, random).await;
            turn.map_err(|(address, source)| ListenError::Bind { address, source })?
        }
        None => None,
    };
    let stopping = Arc::new(AtomicBool::new(false));
    let mut routes = routes(&server, stopping.clone());
    if let Some(calls) = &server.calls {
        routes = routes.merge(calls.endpoints.clone());
    }
    let outbox = Outbox::start(&server.federation);
    let pushing = Pushing::start(server.services.clone())?;
    if let Err(error) = console::serve(&config.data, server.api.clone()) {
        tracing::warn!(%error, "`hearth admin` cannot ask this server");
    }
    announce(config, &server)?;
    tokio::spawn(reload_on_signal(pushing.clone(), config.server_name.clone(), files));
    let notify = Notify::from_environment();
    tokio::spawn(stop_on_signal(handle.clone(), server.sync.clone(), stopping, notify.clone()));
    let connections = Connections::new(config.max_connections());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let plain = plain(client, connections.clone())?.handle(handle.clone()).serve(service.clone());
    let secure = async {
        match federation {
            Some((listener, tls)) => secure(listener, tls, connections)?.handle(handle).serve(service).await,
            None => Ok(()),
        }
    };
    notify.ready();
    tokio::spawn(notify.watchdog(server.store.clone()));
    let (plain, secure) = tokio::join!(plain, secure);
    plain.and(secure)?;
    let search = async {
        if let Some(search) = &server.search {
            search.stop().await;
        }
    };
    tokio::join!(outbox.stop(), pushing.stop(), server.pushes.stop(), search);
    server.store.close();
    tracing::info!("stopped");
    Ok(())
}

/// All that is served at both listeners (a proxy in front of the plain one may bring other servers as well): the
/// client API, what other servers ask, the web client, and how it stands with the server: whether all is well
/// (`/health`: else it is to be started again) and whether requests should come here (`/ready`).
fn routes(server: &Server, stopping: Arc<AtomicBool>) -> Router {
    // Why is in the log: here it would tell everybody where the data is.
    let unavailable = |why| (http::StatusCode::SERVICE_UNAVAILABLE, why);
    let store = server.store.clone();
    let health = move || {
        let answer = match (store.is_stopped(), store.is_failing()) {
            (Some(_), _) => unavailable("writing stopped: see the log"),
            (None, Some(_)) => unavailable("writing fails: see the log"),
            (None, None) => (http::StatusCode::OK, "OK"),
        };
        std::future::ready(answer)
    };
    let healthy = health.clone();
    let ready = move || async move {
        match stopping.load(Ordering::Relaxed) {
            true => unavailable("stopping"),
            false => healthy().await,
        }
    };
    hearth_client_api::router(server.api.clone())
        .merge(hearth_federation::router::router(server.federation.clone()))
        .merge(hearth_web::router())
        .route("/health", get(health))
        .route("/ready", get(ready))
}

fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|source| ListenError::Bind { address, source })
}

/// A server of plain HTTP.
pub fn plain(
    listener: TcpListener,
    connections: Connections,
) -> io::Result<axum_server::Server<SocketAddr, Connections>> {
    Ok(axum_server::from_tcp(listener)?.acceptor(connections))
}

/// The same over TLS.
pub fn secure(
    listener: TcpListener,
    tls: RustlsConfig,
    connections: Connections,
) -> io::Result<axum_server::Server<SocketAddr, RustlsAcceptor<Connections>>> {
    let acceptor = RustlsAcceptor::new(tls).handshake_timeout(TLS_TIMEOUT).acceptor(connections);
    Ok(axum_server::from_tcp(listener)?.acceptor(acceptor))
}

async fn tls(config: &Config) -> Result<RustlsConfig, ListenError> {
    let error = |error: &dyn std::fmt::Display| ListenError::Tls(error.to_string());
    match config.tls() {
        TlsSource::Files { cert, key } => {
            RustlsConfig::from_pem_file(cert, key).await.map_err(|source| error(&source))
        }
        TlsSource::SelfMade => {
            let names =
                vec![config.server_name.host().to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).map_err(|source| error(&source))?;
            let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            RustlsConfig::from_pem(cert.into_bytes(), key.into_bytes()).await.map_err(|source| error(&source))
        }
    }
}

fn announce(config: &Config, server: &Server) -> Result<(), ListenError> {
    println!("Hearth serves {} at http://{}", config.server_name, config.listen);
    if let Some(address) = config.listen_federation {
        println!("and with TLS at https://{address}");
    }
    if !server.users.accounts.is_administered()? {
        println!("Make the first account, an administrator's, with: {} user add NAME --admin", program());
    }
    Ok(())
}

/// The program as whoever reads this can type it.
fn program() -> String {
    // Cargo says of itself to what it runs.
    if std::env::var_os("CARGO").is_some() {
        return "cargo xtask run --".to_owned();
    }
    std::env::args().next().unwrap_or_else(|| "hearth".to_owned())
}

/// Reads the registration files anew whenever SIGHUP comes. If one is bad, all stays as it was.
async fn reload_on_signal(
    pushing: Pushing,
    server_name: OwnedServerName,
    files: impl Fn() -> Result<Vec<PathBuf>, ConfigError>,
) {
    let mut signals = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(signals) => signals,
        Err(error) => return tracing::warn!("SIGHUP cannot be heard: {error}"),
    };
    while signals.recv().await.is_some() {
        match reload(&pushing, &server_name, &files).await {
            Ok(count) => tracing::info!(count, "the registrations of application services were read again"),
            Err(error) => tracing::error!("the application services stay as they were: {error}"),
        }
    }
}

async fn reload(
    pushing: &Pushing,
    server_name: &ServerName,
    files: &impl Fn() -> Result<Vec<PathBuf>, ConfigError>,
) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let services = AppServices::read(&files()?, server_name)?;
    let count = services.len();
    pushing.reload(services).await?;
    Ok(count)
}

async fn stop_on_signal(
    handle: Handle<SocketAddr>,
    sync: SyncService,
    stopping: Arc<AtomicBool>,
    notify: Notify,
) {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(error) => {
                tracing::warn!("SIGTERM cannot be heard: {error}");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    stopping.store(true, Ordering::Relaxed);
    notify.stopping();
    tracing::info!("stopping: requests in flight get {} seconds", GRACE.as_secs());
    handle.graceful_shutdown(Some(GRACE));
    sync.stop_waiting();
}

/// TLS needs a provider of cryptography, chosen once for the process.
pub fn choose_cryptography() {
    // A second choice is refused, and the first one is as good.
    _ = Arc::new(rustls::crypto::ring::default_provider()).as_ref().clone().install_default();
}
