//! Which part of a request took how long: the spans of `tracing`, each with its place in the trace of a request.

use std::{fmt, sync::Arc};

use hearth_storage::{Clock, Random};
use tokio::{sync::mpsc, time::Instant};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// How many fields of a span are kept, and how long each is at most, in bytes.
const MAX_FIELDS: usize = 16;
const MAX_TEXT: usize = 256;

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: &'static str,
    /// Nanoseconds since the Unix epoch.
    pub begun: u64,
    pub ended: u64,
    pub fields: Vec<(&'static str, String)>,
    /// Whether an error was logged within it.
    pub failed: bool,
}

/// A span under way: when it began by the clock that measures, so that the parts of a trace lie rightly to each other.
struct Open {
    span: Span,
    since: Instant,
}

/// Hands ended spans on.
pub(super) struct Spans {
    ended: mpsc::Sender<Span>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Spans {
    pub fn new(ended: mpsc::Sender<Span>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { ended, clock, random }
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let now = Instant::now();
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            let open = extensions.get::<Open>()?;
            let since = now.saturating_duration_since(open.since).as_nanos() as u64;
            Some((open.span.trace, open.span.id, open.span.begun + since))
        });
        let (trace, parent, begun) = match parent {
            Some((trace, parent, begun)) => (trace, Some(parent), begun),
            None => (self.bytes(), None, self.clock.now_ms() * 1_000_000),
        };
        let name = attributes.metadata().name();
        let mut made = Span {
            trace,
            id: self.bytes(),
            parent,
            name,
            begun,
            ended: begun,
            fields: Vec::new(),
            failed: false,
        };
        attributes.record(&mut Fields(&mut made.fields));
        span.extensions_mut().insert(Open { span: made, since: now });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut Fields(&mut open.span.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR
            && let Some(span) = context.event_span(event)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            open.span.failed = true;
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Open { span: mut ended, since }) = span.extensions_mut().remove::<Open>() else { return };
        ended.ended = ended.begun + since.elapsed().as_nanos() as u64;
        if self.ended.try_send(ended).is_err() {
            metrics::counter!("hearth_spans_lost_total").increment(1);
        }
    }
}

struct Fields<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.0.len() < MAX_FIELDS {
            let text = format!("{value:?}").chars().take(MAX_TEXT).collect();
            self.0.push((field.name(), text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.0.len() < MAX_FIELDS {
            self.0.push((field.name(), value.chars().take(MAX_TEXT).collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::{ManualClock, SeededRandom};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn parts_of_a_request_are_in_its_trace_and_no_more_of_them_wait_than_may() {
        let (sender, mut queue) = mpsc::channel(3);
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let spans = Spans::new(sender, clock, Arc::new(SeededRandom::new(1)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
            let request = tracing::info_span!("request", endpoint = "x", origin = tracing::field::Empty);
            request.in_scope(|| {
                tracing::debug_span!("part").in_scope(|| tracing::error!("it broke"));
                request.record("origin", "y".repeat(1_000));
            });
            drop(request);
            for _ in 0..9 {
                tracing::info_span!("another");
            }
        });
        let (part, request, another) =
            (queue.try_recv().unwrap(), queue.try_recv().unwrap(), queue.try_recv().unwrap());
        assert!(queue.try_recv().is_err(), "no more wait");
        assert_eq!((part.name, request.name, another.name), ("part", "request", "another"));
        assert_eq!((part.trace, part.parent, request.parent), (request.trace, Some(request.id), None));
        assert_ne!(another.trace, request.trace);
        assert!(part.failed && !request.failed);
        assert!(request.begun <= part.begun && part.begun <= part.ended && part.ended <= request.ended);
        assert_eq!(request.fields[0], ("endpoint", "x".to_owned()));
        assert_eq!(request.fields[1].1.len(), MAX_TEXT);
    }
}
