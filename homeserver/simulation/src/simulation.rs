//! A run from its beginning to its end.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use hearth_storage::{Clock as _, Faults};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    chance, check,
    client::Client,
    host::Host,
    hostile,
    network::{Network, Weather},
    panics,
    trace::Trace,
    trouble, workload,
};

/// The streams of a seed.
pub mod streams {
    pub const NETWORK: u64 = 0;
    pub const TROUBLE: u64 = 1;
    /// And the next.
    pub const HOSTILE: u64 = 2;
    /// The first of one for each client.
    pub const CLIENTS: u64 = 1000;
}

/// Everything of a run.
pub struct World {
    pub seed: u64,
    pub trace: Arc<Trace>,
    pub network: Network,
    pub hosts: Vec<Arc<Host>>,
    pub clients: Vec<Arc<Client>>,
    pub done: Done,
    /// Nothing more goes wrong.
    pub calm: AtomicBool,
}

/// What was acknowledged, and what else is counted.
#[derive(Default)]
pub struct Done {
    pub rooms: Mutex<Vec<String>>,
    /// Rooms and events in them that were acknowledged to a client, by its number.
    pub acknowledged: Mutex<Vec<(usize, String, String)>>,
    /// Redactions, and the events that they redact.
    pub redacted: Mutex<Vec<(String, String)>>,
    /// The reactions of a user to an event, all with the same key.
    pub annotations: Mutex<BTreeMap<(String, String), Vec<String>>>,
    /// What was told to all devices of a client, by its number.
    pub told: Mutex<Vec<(usize, String)>>,
    pub counts: Mutex<Counts>,
}

/// How much happened in a run.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub events: usize,
    pub crashes: usize,
    pub partitions: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.crashes += other.crashes;
        self.partitions += other.partitions;
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub seed: u64,
    /// The hash of all that happened.
    pub trace: String,
    pub counts: Counts,
    /// What should not have been.
    pub findings: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, trace, counts, findings } = self;
        let Counts { events, crashes, partitions } = counts;
        write!(f, "seed {seed}: {events} events, {crashes} crashes, {partitions} partitions, trace {trace}")?;
        findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

/// Runs a seed, and shows what happens if that is wanted. The same seed gives the same run in a new process: the
/// runtime draws some of its randomness from how many runtimes there were before.
pub fn run(seed: u64, shown: bool) -> Outcome {
    panics::note_all();
    // A new thread, as the standard library draws some of its randomness once for each.
    let run = move || {
        chance::seed_this_thread(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let mut outcome = runtime.block_on(simulate(seed, shown));
        drop(runtime);
        outcome.findings.extend(panics::take());
        outcome
    };
    // Deep recursions of a debug build get the stack of a main thread.
    let thread = thread::Builder::new().stack_size(16 << 20).spawn(run).expect("a thread");
    thread.join().unwrap_or_else(|_| Outcome {
        seed,
        trace: String::new(),
        counts: Counts::default(),
        findings: vec!["the simulation panicked".to_owned()],
    })
}

async fn simulate(seed: u64, shown: bool) -> Outcome {
    let trace = Arc::new(Trace::new(shown));
    let network = Network::new(chance::source(seed, streams::NETWORK), trace.clone());
    let mut hosts = Vec::new();
    for (number, address) in (0..).zip(["one.test", "two.test", "three.test"]) {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number);
        let host = Host::new(address, network.clone(), trace.clone(), seed);
        host.start().await;
        hosts.push(Arc::new(host));
    }
    let mut clients = Vec::new();
    for (name, host) in [("alice", 0), ("bob", 1), ("carol", 0), ("dave", 2)] {
        clients.push(Arc::new(Client::register(name, hosts[host].clone(), trace.clone()).await));
    }
    let (done, calm) = (Done::default(), AtomicBool::new(false));
    let world = Arc::new(World { seed, trace, network, hosts, clients, done, calm });
    workload::prepare(&world).await;
    let mut following = JoinSet::new();
    for client in &world.clients {
        let client = client.clone();
        following.spawn({
            let client = client.clone();
            async move { client.follow().await }
        });
        following.spawn(async move { client.follow_by_windows().await });
    }
    let trouble = tokio::spawn(trouble::make(world.clone()));
    let attack = tokio::spawn(hostile::attack(world.clone()));
    workload::perform(&world).await;
    world.calm.store(true, Relaxed);
    for ends in [trouble.await, attack.await] {
        if let Err(error) = ends {
            world.trace.note(format_args!("trouble ended badly: {error}"));
        }
    }
    settle(&world).await;
    let findings = check::at_the_end(&world).await;
    following.shutdown().await;
    let counts = *world.done.counts.lock();
    Outcome { seed, trace: world.trace.hash(), counts, findings }
}

/// Everything works again.
async fn settle(world: &World) {
    world.network.heal();
    world.network.set_weather(Weather::FAIR);
    for host in &world.hosts {
        host.set_disk_delay(Duration::from_millis(2));
        host.set_faults(Faults::default());
        if !host.is_well() {
            host.crash();
            host.start().await;
        }
        world.trace.note(format_args!("{} shows {}", host.address, host.clock.now_ms()));
    }
    sleep(Duration::from_secs(1)).await;
}
