//! What the process tells of itself: its log, and where settings say so, traces (OTLP) and reports of errors (Sentry's
//! protocol).
//!
//! Both are sent by a few lines of our own, over the network that all else uses: the crates for them bring a second HTTP
//! client, and for traces gRPC. What is to be sent waits in a bounded queue, and what finds no room there is lost: nobody
//! waits for it.

mod errors;
mod otlp;
mod posting;
mod spans;

use std::{io::IsTerminal as _, sync::Arc};

use hearth_network::{Dialer, Network};
use hearth_storage::{Clock, Random, SystemClock, SystemRandom};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use self::errors::Dsn;
use self::posting::Queue;
use crate::{
    ask::Failure,
    config::{Config, LogFormat},
    server::service_network,
};

/// How many things wait to be sent: a span takes about 500 bytes, a report 2 KiB.
const WAITING_SPANS: usize = 4_096;
const WAITING_REPORTS: usize = 64;
/// How many spans are sent together.
const SPANS_AT_ONCE: usize = 512;

/// What is to be sent while the server runs.
#[derive(Default)]
pub struct Observing {
    traces: Option<(String, Queue<spans::Span>)>,
    reports: Option<(Dsn, Queue<serde_json::Value>)>,
}

impl Observing {
    /// Begins to log, as the settings say. To be called once.
    ///
    /// # Errors
    /// If the filter of the log is none.
    pub fn begin(config: &Config) -> Result<Self, Failure> {
        // They tell of each commit of the search index, and of each way to encode that a client offers and that is
        // not carried.
        let filter = EnvFilter::try_new(&config.log)?
            .add_directive("tantivy=warn".parse()?)
            .add_directive("str0m::format=error".parse()?);
        let mut observing = Self::default();
        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        layers.push(match config.log_format {
            LogFormat::Text => log.with_ansi(colours).with_filter(filter).boxed(),
            LogFormat::Json => log.json().with_filter(filter).boxed(),
        });
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) =
            (Arc::new(SystemClock), Arc::new(SystemRandom));
        if let Some(endpoint) = &config.otlp {
            let (sender, queue) = posting::queue(WAITING_SPANS);
            let filter = Targets::new().with_target("hearth", tracing::Level::DEBUG);
            layers.push(spans::Spans::new(sender, clock.clone(), random.clone()).with_filter(filter).boxed());
            observing.traces = Some((format!("{endpoint}/v1/traces"), queue));
        }
        if let Some(dsn) = &config.error_reports {
            let (sender, queue) = posting::queue(WAITING_REPORTS);
            let errors = errors::Errors::new(sender, clock, random);
            errors.report_panics();
            layers.push(errors.with_filter(tracing_subscriber::filter::LevelFilter::ERROR).boxed());
            observing.reports = Some((dsn.clone(), queue));
        }
        tracing_subscriber::registry().with(layers).init();
        Ok(observing)
    }

    /// Sends what waits, for as long as the process lives. To be called within a tokio runtime.
    pub fn send(self, config: &Config, dialer: Arc<dyn Dialer>) {
        let network = Network::new(dialer, &service_network(config));
        if let Some((url, queue)) = self.traces {
            tokio::spawn(posting::send_all(network.clone(), queue, SPANS_AT_ONCE, move |spans| {
                otlp::request(&url, &spans)
            }));
        }
        if let Some((dsn, queue)) = self.reports {
            // An envelope has one report.
            let request = move |reports: Vec<_>| errors::request(&dsn, &reports[0]);
            tokio::spawn(posting::send_all(network, queue, 1, request));
        }
    }
}
