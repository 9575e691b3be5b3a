//! Whole servers on loopback, federating over TLS, with their databases on the disk: all in this process, so that
//! a benchmark can also reach into their parts.

#[path = "../../tests/common/client.rs"]
pub mod client;
pub mod strangers;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{body::HttpBody as _, middleware::map_response, response::Response};
use axum_server::tls_rustls::RustlsConfig;
use hearth::{
    Server,
    config::{Config, Registration},
    connections::Connections,
    listen::{choose_cryptography, plain, secure},
    server::{Outside, open_store},
};
use hearth_federation::outbox::Outbox;
use ruma::ServerName;
use tempfile::TempDir;

use client::Client;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A request may take as long as a join to a large room.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The certificate that all servers of this process have, and trust.
pub struct Certificate {
    tls: RustlsConfig,
    file: PathBuf,
    _folder: TempDir,
}

impl Certificate {
    pub async fn new() -> Self {
        choose_cryptography();
        let names = std::iter::once("localhost".to_owned()).chain(strangers::hosts()).collect::<Vec<_>>();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, &cert).unwrap();
        let tls = RustlsConfig::from_pem(cert.into_bytes(), key.into_bytes()).await.unwrap();
        Self { tls, file, _folder: folder }
    }
}

/// A Hearth with the settings by which it federates on loopback.
pub struct Host {
    pub server: Server,
    pub client: Client,
    /// Bytes of all answers to other servers.
    answered: Arc<AtomicU64>,
    _outbox: Outbox,
    _data: TempDir,
}

impl Host {
    pub async fn start(certificate: &Certificate) -> Self {
        let (clients, servers) = (listener(), listener());
        let data = TempDir::new().unwrap();
        let config = Config {
            data: data.path().to_owned(),
            trusted_ca: Some(certificate.file.clone()),
            allow_private_networks: true,
            registration: Registration::Open,
            rate_limits: false,
            ..Config::new(ServerName::parse(format!("localhost:{}", port(&servers))).unwrap())
        };
        let store = open_store(&config).unwrap();
        let server = Server::open(&config, store, Outside::of_the_machine(&config).unwrap()).await.unwrap();
        let answered = Arc::new(AtomicU64::new(0));
        let counter = answered.clone();
        let count = move |answer: Response| {
            counter.fetch_add(answer.body().size_hint().exact().unwrap_or(0), Ordering::Relaxed);
            std::future::ready(answer)
        };
        let for_servers =
            hearth_federation::router::router(server.federation.clone()).layer(map_response(count));
        let for_clients = hearth_client_api::router(server.api.clone());
        let client = Client::of_port(port(&clients), TIMEOUT);
        let (tls, connections) = (certificate.tls.clone(), Connections::new(10_000));
        tokio::spawn(
            secure(servers, tls, connections.clone())
                .unwrap()
                .serve(for_servers.into_make_service_with_connect_info::<SocketAddr>()),
        );
        tokio::spawn(
            plain(clients, connections)
                .unwrap()
                .serve(for_clients.into_make_service_with_connect_info::<SocketAddr>()),
        );
        let outbox = Outbox::start(&server.federation);
        Self { server, client, answered, _outbox: outbox, _data: data }
    }

    pub fn name(&self) -> &ServerName {
        self.server.federation.server_name()
    }

    /// Bytes of all answers to other servers so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// A port of loopback.
pub fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

pub fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// The processor time that this process has used so far, in all its threads.
pub fn processor_time() -> Duration {
    // Linux counts it in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The fields begin after the program's name, which stands in brackets: the twelfth and the one after it.
    let fields = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace();
    let ticks: u32 = fields.skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}
