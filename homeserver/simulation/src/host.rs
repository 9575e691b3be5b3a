//! A machine with a server on it: it is started, loses power, and is started again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use hearth::{
    Server,
    config::{Config, Registration},
    server::Outside,
};
use hearth_federation::outbox::Outbox;
use hearth_storage::{Faults, MemoryEngine, SeededRandom, Store, StoreOptions};
use http::{Request, StatusCode};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use parking_lot::Mutex;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use ruma::{OwnedServerName, ServerName};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tower::ServiceExt as _;

use crate::{chance, clock::MachineClock, network::Network, trace::Trace};

/// At which port servers answer each other: one that is said needs no discovery.
const PORT: u16 = 8448;

/// A machine. Its disk and its clock outlive what runs on it.
pub struct Host {
    pub name: OwnedServerName,
    /// The name without the port.
    pub address: Arc<str>,
    pub clock: MachineClock,
    config: Config,
    network: Network,
    trace: Arc<Trace>,
    seed: u64,
    engine: Mutex<MemoryEngine>,
    /// What a write takes at most, in microseconds.
    disk_us: Arc<AtomicU64>,
    starts: AtomicU64,
    running: Mutex<Option<Arc<Running>>>,
    // Media lie in here until the run ends.
    _folder: TempDir,
}

/// A server from its start to its end.
pub struct Running {
    pub server: Server,
    _outbox: Outbox,
    router: Router,
    is_up: Arc<AtomicBool>,
    down: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl Host {
    pub fn new(address: &str, network: Network, trace: Arc<Trace>, seed: u64) -> Self {
        let name = ServerName::parse(format!("{address}:{PORT}")).expect("a host name and a port");
        let folder = TempDir::new().expect("a folder for media");
        let config = Config {
            data: folder.path().to_owned(),
            registration: Registration::Off,
            rate_limits: false,
            memory_mib: 32,
            // Its index is on a real disk, and written by threads.
            message_search: false,
            ..Config::new(name.clone())
        };
        Self {
            name,
            address: Arc::from(address),
            clock: MachineClock::new(),
            config,
            network,
            trace,
            seed,
            engine: Mutex::default(),
            disk_us: Arc::new(AtomicU64::new(2000)),
            starts: AtomicU64::new(0),
            running: Mutex::new(None),
            _folder: folder,
        }
    }

    /// The server, if it runs.
    pub fn running(&self) -> Option<Arc<Running>> {
        self.running.lock().clone()
    }

    /// Starts the server on what the disk has.
    pub async fn start(&self) {
        let number = self.starts.fetch_add(1, Relaxed);
        self.trace.note(format_args!("{} starts", self.address));
        let disk = self.disk(chance::source(self.seed, number));
        let engine = self.engine.lock().clone();
        // A short log, so that readers also fall behind what is in memory.
        let options = StoreOptions { recent_changes: 64, ..StoreOptions::default() };
        let store = Store::open_simulated(engine, options, disk).expect("the store opens again");
        let (is_up, down) = (Arc::new(AtomicBool::new(true)), watch::Sender::new(false));
        let outside = Outside {
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SeededRandom::new(self.seed.wrapping_add(number << 32))),
            dialer: self.network.dialer(&self.address, is_up.clone()),
            service_dialer: self.network.dialer(&self.address, is_up.clone()),
            calls: None,
            mailer: None,
        };
        let server = Server::open(&self.config, store, outside).await.expect("the server starts again");
        let outbox = Outbox::start(&server.federation);
        let router = hearth_client_api::router(server.api.clone())
            .merge(hearth_federation::router::router(server.federation.clone()));
        let listener = tokio::spawn(self.listen(router.clone()));
        let running = Running { server, _outbox: outbox, router, is_up, down, listener };
        *self.running.lock() = Some(Arc::new(running));
    }

    /// The power fails: whatever was not synced may be lost, and nobody hears anything more.
    pub fn crash(&self) {
        let Some(running) = self.running.lock().take() else { return };
        self.trace.note(format_args!("{} loses power", self.address));
        running.is_up.store(false, Relaxed);
        running.down.send_replace(true);
        running.listener.abort();
        self.network.hang_up(&self.address);
        let mut engine = self.engine.lock();
        let seed = self.seed.wrapping_add(self.starts.load(Relaxed));
        engine.set_faults(Faults { seed, ..Faults::default() });
        *engine = engine.crash();
    }

    /// From now on this goes wrong with the disk.
    pub fn set_faults(&self, faults: Faults) {
        self.trace.note(format_args!("{} has a disk with {faults:?}", self.address));
        self.engine.lock().set_faults(faults);
    }

    /// From now on a write takes so long at most.
    pub fn set_disk_delay(&self, most: Duration) {
        self.trace.note(format_args!("{} writes in at most {most:?}", self.address));
        self.disk_us.store(most.as_micros() as u64, Relaxed);
    }

    /// Whether the server runs, and nothing is wrong with its disk.
    pub fn is_well(&self) -> bool {
        self.running().is_some_and(|running| {
            let store = &running.server.store;
            store.is_stopped().is_none() && store.is_failing().is_none()
        })
    }

    /// A client's request. `None` if no answer comes: whether it was done, nobody knows.
    pub async fn ask(&self, request: Request<Body>) -> Option<(StatusCode, Value)> {
        let Some(running) = self.running() else {
            sleep(Duration::from_millis(100)).await;
            return None;
        };
        let mut down = running.down.subscribe();
        let exchange = async {
            sleep(self.network.delay()).await;
            let response = running.router.clone().oneshot(request).await.ok()?;
            let status = response.status();
            let body: Bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.ok()?;
            sleep(self.network.delay()).await;
            self.trace.bytes(&body);
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::select! {
            biased;
            _ = down.wait_for(|down| *down) => None,
            answer = exchange => answer,
        }
    }

    fn disk(&self, mut chance: ChaCha8Rng) -> impl FnMut() -> Duration + Send + 'static {
        let most = self.disk_us.clone();
        move || Duration::from_micros(chance.random_range(50..=most.load(Relaxed).max(50)))
    }

    fn listen(&self, router: Router) -> impl Future<Output = ()> + Send + 'static {
        let mut connections = self.network.listen(&self.address);
        async move {
            while let Some(connection) = connections.recv().await {
                let service = TowerToHyperService::new(router.clone());
                let serve = hyper::server::conn::http1::Builder::new()
                    // It would say what time it really is.
                    .auto_date_header(false)
                    .serve_connection(TokioIo::new(connection), service);
                tokio::spawn(async {
                    // That a connection breaks is known to whoever asked.
                    _ = serve.await;
                });
            }
        }
    }
}
