//! `/metrics` for Prometheus, at a listener of its own: nobody else's business.

use std::{fs, io, net::TcpListener};

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use rustix::param::page_size;

use crate::{connections::Connections, listen::plain};

/// How many connections may ask for metrics.
const CONNECTIONS: usize = 16;

/// Records what the process measures from now on: what was measured before is lost.
///
/// # Errors
/// That it is recorded already.
pub fn record() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().install_recorder()
}

/// Serves them as long as the process lives.
pub async fn serve(listener: TcpListener, recorder: PrometheusHandle) -> io::Result<()> {
    let render = move || {
        record_memory();
        std::future::ready(recorder.render())
    };
    let service = Router::new().route("/metrics", get(render)).into_make_service();
    plain(listener, Connections::new(CONNECTIONS))?.serve(service).await
}

/// What the process holds in memory, to be held against `memory_mib`.
pub(crate) fn record_memory() {
    if let Some(bytes) = resident_bytes() {
        ::metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
}

/// Linux says it in pages: all that is mapped, what of it is in memory, and more.
fn resident_bytes() -> Option<u64> {
    let told = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = told.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_in_memory_is_told() {
        let before = resident_bytes().unwrap();
        let held = vec![1_u8; 64 << 20];
        let after = resident_bytes().unwrap();
        assert!(held.iter().all(|byte| *byte == 1) && after >= before + (48 << 20), "{before} {after}");
    }
}
