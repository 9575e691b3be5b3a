//! Keeps what the metrics say each minute, for the admin page to draw.

use std::time::Duration;

use hearth_client_api::{ClientApi, Sample};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::metrics::record_memory;

const MINUTE: Duration = Duration::from_secs(60);

/// The endpoint by which messages are sent.
const SEND: &str = "endpoint=\"state::send::send_message\"";

/// Measures as long as the process lives.
pub async fn run(recorder: PrometheusHandle, api: ClientApi) {
    let mut before = Totals::default();
    let mut minutes = tokio::time::interval(MINUTE);
    loop {
        minutes.tick().await;
        record_memory();
        let text = recorder.render();
        let totals = Totals::of(&text);
        api.history().note(api.now_ms(), &sample(&text, &before, &totals));
        before = totals;
    }
}

/// What is counted since the server started.
#[derive(Default)]
struct Totals {
    messages: f64,
    requests: f64,
}

impl Totals {
    fn of(text: &str) -> Self {
        let requests = |api: &str| series(text, &format!("hearth_{api}_requests_total"));
        let sent = |labels: &&(&str, f64)| labels.0.contains(SEND) && labels.0.contains("status=\"200\"");
        Self {
            messages: requests("client_api").iter().filter(sent).map(|(_, value)| value).sum(),
            requests: ["client_api", "server_api"]
                .into_iter()
                .flat_map(requests)
                .map(|(_, value)| value)
                .sum(),
        }
    }
}

fn sample(text: &str, before: &Totals, now: &Totals) -> Sample {
    let largest = |name: &str| series(text, name).iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let seconds = series(text, "hearth_client_api_seconds");
    let send =
        seconds.iter().find(|(labels, _)| labels.contains(SEND) && labels.contains("quantile=\"0.99\""));
    Sample {
        messages: now.messages - before.messages,
        requests: now.requests - before.requests,
        send_ms: send.map_or(0.0, |(_, seconds)| seconds * 1000.0),
        online: largest("hearth_sync_online_users"),
        memory: largest("process_resident_memory_bytes"),
        behind: largest("hearth_reader_lag_changes"),
    }
}

/// The labels and the value of each series of a metric, in the text format of Prometheus.
fn series<'a>(text: &'a str, name: &str) -> Vec<(&'a str, f64)> {
    let of_line = |line: &'a str| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
        let (labels, value) = rest.rsplit_once(' ')?;
        Some((labels, value.parse().ok().filter(|value: &f64| value.is_finite())?))
    };
    text.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE hearth_client_api_requests_total counter
hearth_client_api_requests_total{endpoint="state::send::send_message",status="200"} 12
hearth_client_api_requests_total{endpoint="state::send::send_message",status="403"} 3
hearth_client_api_requests_total{endpoint="sync::sync::sync",status="200"} 100
hearth_server_api_requests_total{endpoint="x",status="200"} 5
hearth_client_api_seconds{endpoint="state::send::send_message",quantile="0.5"} 0.001
hearth_client_api_seconds{endpoint="state::send::send_message",quantile="0.99"} 0.004
hearth_reader_lag_changes{reader="a"} 7
hearth_reader_lag_changes{reader="b"} 2
hearth_reader_lag_changes_more 9
hearth_sync_online_users 4
process_resident_memory_bytes 1000
"#;

    #[test]
    fn a_sample_is_what_came_since_the_one_before() {
        let before = Totals { messages: 2.0, requests: 20.0 };
        let expected = Sample {
            messages: 10.0,
            requests: 100.0,
            send_ms: 4.0,
            online: 4.0,
            memory: 1000.0,
            behind: 7.0,
        };
        assert_eq!(sample(TEXT, &before, &Totals::of(TEXT)), expected);
        assert_eq!(sample("", &Totals::default(), &Totals::of("")), Sample::default());
    }
}
