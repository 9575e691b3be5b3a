//! Reports of errors, as Sentry and what is compatible with it take them
//! ([envelopes](https://develop.sentry.dev/sdk/data-model/envelopes/)): errors of the log, and panics.
//!
//! They leave the machine, and so say where in the code something failed and what kind of failure it was, and nothing of
//! users: words that may name somebody or something are taken out, and so is every field but `error`.

use std::{collections::HashMap, fmt, panic, sync::Arc};

use hearth_storage::{Clock, Random};
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use super::{otlp::hex, posting::Request};

/// How long it is until the same place in the code is reported again, in milliseconds.
const AGAIN_AFTER: u64 = 60_000;
/// How many places are remembered; beyond that all are forgotten.
const MAX_PLACES: usize = 1_000;
/// The longest text of a report, in bytes.
const MAX_TEXT: usize = 1_024;

/// Where reports go: `https://KEY@sentry.example.org/PROJECT`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Dsn {
    key: String,
    url: String,
}

impl TryFrom<String> for Dsn {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        const WRONG: &str = "not an address of reports such as `https://KEY@sentry.example.org/7`";
        let (scheme, rest) = text.split_once("://").ok_or(WRONG)?;
        let (key, rest) = rest.split_once('@').ok_or(WRONG)?;
        let (base, project) = rest.trim_end_matches('/').rsplit_once('/').ok_or(WRONG)?;
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !["http", "https"].contains(&scheme) || !is_key || base.is_empty() || project.is_empty() {
            return Err(WRONG);
        }
        Ok(Self { key: key.to_owned(), url: format!("{scheme}://{base}/api/{project}/envelope/") })
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsn").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is sent of a report: an envelope has one.
pub(super) fn request(dsn: &Dsn, report: &Value) -> Request {
    let body = format!("{{}}\n{}\n{report}\n", json!({ "type": "event" }));
    let client = concat!("hearth/", env!("CARGO_PKG_VERSION"));
    let who = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={}", dsn.key);
    let envelope = HeaderValue::from_static("application/x-sentry-envelope");
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, envelope)]);
    // A key has letters and digits alone.
    if let Ok(who) = HeaderValue::from_str(&who) {
        headers.insert("x-sentry-auth", who);
    }
    Request { url: dsn.url.clone(), headers, body }
}

/// Makes reports of errors.
#[derive(Clone)]
pub(super) struct Errors(Arc<Inner>);

struct Inner {
    reports: mpsc::Sender<Value>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// When each place in the code was reported last.
    reported: Mutex<HashMap<(String, u32), u64>>,
}

/// What failed.
struct Failure<'a> {
    level: &'a str,
    logger: &'a str,
    file: &'a str,
    line: u32,
    what: &'a str,
    why: &'a str,
}

impl Errors {
    pub fn new(reports: mpsc::Sender<Value>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self(Arc::new(Inner { reports, clock, random, reported: Mutex::default() }))
    }

    /// Reports panics as well, besides what is done about them.
    pub fn report_panics(&self) {
        let (errors, before) = (self.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>().copied();
            let text = text.or_else(|| info.payload().downcast_ref::<String>().map(String::as_str));
            if let Some(place) = info.location() {
                let (file, line, why) = (place.file(), place.line(), text.unwrap_or_default());
                errors.report(Failure { level: "fatal", logger: "panic", file, line, what: "a panic", why });
            }
            before(info);
        }));
    }

    fn report(&self, failure: Failure<'_>) {
        let Failure { level, logger, file, line, what, why } = failure;
        let now = self.0.clock.now_ms();
        {
            let mut reported = self.0.reported.lock();
            let place = (file.to_owned(), line);
            let last = reported.get(&place);
            if last.is_some_and(|last| now < last + AGAIN_AFTER) {
                return;
            }
            if reported.len() >= MAX_PLACES {
                reported.clear();
            }
            reported.insert(place, now);
        }
        let mut id = [0; 16];
        self.0.random.fill(&mut id);
        let report = json!({
            "event_id": hex(&id),
            "timestamp": now as f64 / 1000.0,
            "platform": "other",
            "level": level,
            "logger": logger,
            "release": concat!("hearth@", env!("CARGO_PKG_VERSION")),
            "message": { "formatted": without_names(what) },
            "extra": { "error": without_names(why), "place": format!("{file}:{line}") },
            "fingerprint": [file, line.to_string()],
        });
        if self.0.reports.try_send(report).is_err() {
            metrics::counter!("hearth_error_reports_lost_total").increment(1);
        }
    }
}

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let metadata = event.metadata();
        self.report(Failure {
            level: "error",
            logger: metadata.target(),
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            what: &said.message,
            why: &said.error,
        });
    }
}

/// What an error of the log says of itself.
#[derive(Default)]
struct Said {
    message: String,
    error: String,
}

impl Said {
    fn say(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "error" => self.error = text,
            _ => {}
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.say(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.say(field, value.to_owned());
    }
}

/// A text without words that may name a user, a room, an event, a server, an address, a file or a secret: those with a
/// sign that names have, with digits, and long ones.
fn without_names(text: &str) -> String {
    let names = |word: &str| {
        let inner = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        word.contains(['@', '!', '#', '$', '/', '=', '"', '\''])
            || inner.contains([':', '.', '_', '-'])
            || inner.chars().any(|letter| letter.is_numeric())
            || inner.len() > 24
    };
    let words = text.split_whitespace().map(|word| if names(word) { "…" } else { word });
    let mut text = words.collect::<Vec<_>>().join(" ");
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use hearth_storage::{ManualClock, SeededRandom};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn an_address_names_where_reports_go() {
        let dsn = Dsn::try_from("https://abc1@sentry.example.org/errors/7".to_owned()).unwrap();
        assert_eq!(dsn.url, "https://sentry.example.org/errors/api/7/envelope/");
        let request = request(&dsn, &json!({ "event_id": "1" }));
        assert_eq!(request.body, "{}\n{\"type\":\"event\"}\n{\"event_id\":\"1\"}\n");
        assert!(request.headers["x-sentry-auth"].to_str().unwrap().ends_with("sentry_key=abc1"));
        for wrong in ["", "https://sentry.example.org/7", "ftp://a@b/7", "https://a b@c/7", "https://a@b"] {
            assert!(Dsn::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_report_names_nobody_and_comes_once_a_minute() {
        let (sender, mut queue) = mpsc::channel(2);
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let errors = Errors::new(sender, clock.clone(), Arc::new(SeededRandom::new(1)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(errors), || {
            let fail = || {
                let error = "no row for @alice:example.org in !room:example.org, token=abc, 10.0.0.1";
                tracing::error!(error, body = "hello", user = "@alice:example.org", "the database failed");
            };
            fail();
            fail();
            clock.advance(AGAIN_AFTER);
            fail();
        });
        let report = queue.try_recv().unwrap();
        assert_eq!(report["message"]["formatted"], "the database failed");
        assert_eq!(report["extra"]["error"], "no row for … in … … …");
        assert_eq!(report["level"], "error");
        let text = report.to_string();
        assert!(
            !text.contains("alice") && !text.contains("hello") && !text.contains("example.org"),
            "{text}"
        );
        assert!(queue.try_recv().is_ok() && queue.try_recv().is_err(), "the second was too soon");
    }
}
