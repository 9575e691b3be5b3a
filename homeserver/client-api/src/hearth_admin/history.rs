//! `GET /_hearth/admin/v1/metrics`: what this server was like over the last hour, day and month. It is kept in memory,
//! about 90 KB of it, and begins anew when the server starts; who wants more asks `/metrics` and keeps it.

use std::collections::VecDeque;

use axum::{extract::State, response::Response};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// What is measured, each minute.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize)]
pub struct Sample {
    /// Messages that users of this server sent, a minute.
    pub messages: f64,
    /// Requests of clients and servers that were answered, a minute.
    pub requests: f64,
    /// How long 99 of 100 messages took to be accepted, in milliseconds; 0 where none was sent.
    pub send_ms: f64,
    /// Users who are online.
    pub online: f64,
    /// Memory of the process, in bytes.
    pub memory: f64,
    /// How many changes the slowest reader of the log is behind.
    pub behind: f64,
}

impl Sample {
    /// The mean of so many samples and one more.
    fn with(&self, count: u32, other: &Self) -> Self {
        let mean = |one: f64, other: f64| (one * f64::from(count) + other) / f64::from(count + 1);
        Self {
            messages: mean(self.messages, other.messages),
            requests: mean(self.requests, other.requests),
            send_ms: mean(self.send_ms, other.send_ms),
            online: mean(self.online, other.online),
            memory: mean(self.memory, other.memory),
            behind: mean(self.behind, other.behind),
        }
    }
}

/// The means of steps of time, the newest of them.
struct Ring {
    step_ms: u64,
    kept: usize,
    /// When each begins, of how many samples it is the mean, and the mean.
    steps: VecDeque<(u64, u32, Sample)>,
}

impl Ring {
    fn new(step_ms: u64, kept: usize) -> Self {
        Self { step_ms, kept, steps: VecDeque::new() }
    }

    fn note(&mut self, at: u64, sample: &Sample) {
        let begin = at - at % self.step_ms;
        match self.steps.back_mut() {
            Some((begun, count, mean)) if *begun == begin => {
                *mean = mean.with(*count, sample);
                *count += 1;
            }
            _ => self.steps.push_back((begin, 1, *sample)),
        }
        while self.steps.len() > self.kept {
            self.steps.pop_front();
        }
    }
}

/// What this server was like.
pub struct History(Mutex<[Ring; 3]>);

impl Default for History {
    fn default() -> Self {
        Self(Mutex::new([Ring::new(MINUTE, 60), Ring::new(5 * MINUTE, 288), Ring::new(HOUR, 31 * 24)]))
    }
}

impl History {
    /// Keeps what was measured at a time in milliseconds.
    pub fn note(&self, at: u64, sample: &Sample) {
        for ring in self.0.lock().iter_mut() {
            ring.note(at, sample);
        }
    }
}

/// Which time is told of.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Span {
    Hour,
    #[default]
    Day,
    Week,
    Month,
}

/// The means of steps of time, the oldest first. `span` is `hour`, `day`, `week` or `month`.
pub async fn metrics(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        #[serde(default)]
        span: Span,
    }
    #[derive(Serialize)]
    struct At {
        at: u64,
        #[serde(flatten)]
        sample: Sample,
    }
    let (ring, steps) = match request.query::<Query>()?.span {
        Span::Hour => (0, 60),
        Span::Day => (1, 288),
        Span::Week => (2, 7 * 24),
        Span::Month => (2, 31 * 24),
    };
    let rings = api.history().0.lock();
    let ring = &rings[ring];
    let skipped = ring.steps.len().saturating_sub(steps);
    let samples = ring.steps.iter().skip(skipped).map(|(at, _, sample)| At { at: *at, sample: *sample });
    Ok(told(json!({ "step_ms": ring.step_ms, "steps": steps, "samples": samples.collect::<Vec<_>>() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(messages: f64) -> Sample {
        Sample { messages, ..Sample::default() }
    }

    #[test]
    fn a_step_is_the_mean_of_its_samples_and_the_oldest_goes() {
        let mut ring = Ring::new(10, 2);
        for (at, value) in [(0, 1.0), (4, 2.0), (9, 6.0), (10, 5.0), (35, 7.0)] {
            ring.note(at, &messages(value));
        }
        assert_eq!(ring.steps, [(10, 1, messages(5.0)), (30, 1, messages(7.0))]);
        let mut ring = Ring::new(10, 2);
        for value in [1.0, 2.0, 6.0] {
            ring.note(3, &messages(value));
        }
        assert_eq!(ring.steps, [(0, 3, messages(3.0))]);
    }

    #[test]
    fn a_year_takes_no_more_than_its_end() {
        let history = History::default();
        for minute in 0..365 * 24 * 60 {
            history.note(minute * MINUTE, &messages(1.0));
        }
        let rings = history.0.lock();
        assert_eq!(rings.each_ref().map(|ring| ring.steps.len()), [60, 288, 744]);
    }
}
