//! What each attack cost the victim, as a table.

use std::time::{Duration, Instant};

use crate::common::Process;

/// What an attack may cost.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// How often the hostile server may be asked.
    pub requests: usize,
    /// By how much the victim's memory may grow at its peak, in MiB.
    pub memory_mib: u64,
    pub time: Duration,
}

impl Bounds {
    /// For what is refused at a glance.
    pub const QUIET: Self = Self { requests: 2, memory_mib: 48, time: Duration::from_secs(5) };

    pub const fn requests(self, requests: usize) -> Self {
        Self { requests, ..self }
    }

    pub const fn memory_mib(self, memory_mib: u64) -> Self {
        Self { memory_mib, ..self }
    }

    pub const fn seconds(self, seconds: u64) -> Self {
        Self { time: Duration::from_secs(seconds), ..self }
    }

    pub fn judge(self, requests: usize, spent: Spent) {
        assert!(requests <= self.requests, "too many requests: {requests}");
        assert!(spent.memory_mib <= self.memory_mib, "too much memory: {} MiB", spent.memory_mib);
        assert!(spent.time <= self.time, "too long: {:?}", spent.time);
    }
}

/// What an attack costs so far.
pub struct Cost {
    process: u32,
    begun: Instant,
    memory_before: u64,
}

/// What an attack cost.
#[derive(Clone, Copy)]
pub struct Spent {
    pub time: Duration,
    pub memory_mib: u64,
}

impl Cost {
    pub fn measure(server: &Process) -> Self {
        let process = server.id();
        // The peak is counted anew from here.
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
        Self { process, begun: Instant::now(), memory_before: status(process, "VmRSS") }
    }

    pub fn so_far(&self) -> Spent {
        let peak = status(self.process, "VmHWM");
        Spent { time: self.begun.elapsed(), memory_mib: peak.saturating_sub(self.memory_before) >> 10 }
    }
}

/// A line of what Linux says of a process, in KiB.
fn status(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Prints a row of the table as soon as it is known.
pub fn row(name: &str, told: &str, requests: usize, spent: Spent, heard: Duration) {
    let Spent { time, memory_mib } = spent;
    let (ms, others) = (time.as_millis(), heard.as_millis());
    println!("{name:52} {requests:8} {memory_mib:4} MiB {ms:5} ms {others:5} ms  {told}");
}

pub fn head() {
    println!("{:52} requests   memory     time   others  answer", "attack");
}
