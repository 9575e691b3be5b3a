//! The network between the simulated servers: connections that are slow, lose packets, are cut and break.

mod stream;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use hearth_network::{Dialer, NetworkError, ServiceTarget, Stream};
use parking_lot::Mutex;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use tokio::{sync::mpsc, time::sleep};

pub use self::stream::End;
use self::stream::Half;
use crate::trace::Trace;

/// How the network is at a time.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// What a packet takes at most.
    pub latency: Duration,
    /// Of a thousand packets so many are lost, and sent again later.
    pub loss: u32,
}

impl Weather {
    pub const FAIR: Self = Self { latency: Duration::from_millis(20), loss: 0 };
}

/// How long until a packet that was lost is sent again, at most.
const RETRANSMISSION: Duration = Duration::from_secs(3);

/// The network. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    state: Arc<Mutex<State>>,
    trace: Arc<Trace>,
}

struct State {
    chance: ChaCha8Rng,
    weather: Weather,
    /// Who answers, by host name.
    listeners: BTreeMap<Arc<str>, mpsc::UnboundedSender<End>>,
    /// From where to where nothing comes through.
    cut: BTreeSet<(Arc<str>, Arc<str>)>,
    connections: Vec<Weak<Half>>,
}

impl Network {
    pub fn new(chance: ChaCha8Rng, trace: Arc<Trace>) -> Self {
        let state = State {
            chance,
            weather: Weather::FAIR,
            listeners: BTreeMap::new(),
            cut: BTreeSet::new(),
            connections: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), trace }
    }

    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    /// Nothing comes through in this direction any more.
    pub fn cut(&self, from: &Arc<str>, to: &Arc<str>) {
        self.state.lock().cut.insert((from.clone(), to.clone()));
    }

    /// Everything comes through again.
    pub fn heal(&self) {
        self.state.lock().cut.clear();
        self.halves(|_| true).iter().for_each(|half| half.wake());
    }

    /// From now on this host answers; gives the connections that come.
    pub fn listen(&self, host: &Arc<str>) -> mpsc::UnboundedReceiver<End> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state.lock().listeners.insert(host.clone(), sender);
        receiver
    }

    /// This host is gone, and all its connections break.
    pub fn hang_up(&self, host: &str) {
        self.state.lock().listeners.remove(host);
        self.halves(|half| &*half.from == host || &*half.to == host).iter().for_each(|half| half.reset());
    }

    /// What reaches others from this host, for as long as it is up.
    pub fn dialer(&self, host: &Arc<str>, is_up: Arc<AtomicBool>) -> Arc<dyn Dialer> {
        Arc::new(FromHost { network: self.clone(), host: host.clone(), is_up })
    }

    fn halves(&self, wanted: impl Fn(&Half) -> bool) -> Vec<Arc<Half>> {
        let mut state = self.state.lock();
        state.connections.retain(|half| half.strong_count() > 0);
        state.connections.iter().filter_map(Weak::upgrade).filter(|half| wanted(half)).collect()
    }

    /// How long a packet takes that is sent now.
    pub fn delay(&self) -> Duration {
        let State { chance, weather, .. } = &mut *self.state.lock();
        let delay = chance.random_range(Duration::from_micros(100)..=weather.latency);
        match chance.random_range(0..1000) < weather.loss {
            true => delay + chance.random_range(Duration::from_millis(200)..=RETRANSMISSION),
            false => delay,
        }
    }

    fn is_cut(&self, from: &Arc<str>, to: &Arc<str>) -> bool {
        self.state.lock().cut.contains(&(from.clone(), to.clone()))
    }

    fn connect(&self, from: &Arc<str>, to: &Arc<str>) -> io::Result<End> {
        let mut state = self.state.lock();
        let listener = state.listeners.get(to).cloned().ok_or(io::ErrorKind::ConnectionRefused)?;
        let there = Half::new(self.clone(), from.clone(), to.clone());
        let back = Half::new(self.clone(), to.clone(), from.clone());
        state.connections.extend([Arc::downgrade(&there), Arc::downgrade(&back)]);
        listener.send(End::new(there.clone(), back.clone())).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(End::new(back, there))
    }
}

struct FromHost {
    network: Network,
    host: Arc<str>,
    is_up: Arc<AtomicBool>,
}

impl Dialer for FromHost {
    fn dial<'a>(
        &'a self,
        target: &'a str,
        _port: u16,
        _name: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let target = Arc::from(target);
            sleep(self.network.delay() + self.network.delay()).await;
            if !self.is_up.load(Relaxed) {
                return Err(io::ErrorKind::NetworkDown.into());
            }
            if self.network.is_cut(&self.host, &target) || self.network.is_cut(&target, &self.host) {
                // Nobody says that nothing comes through: whoever connects gives up in the end.
                return std::future::pending().await;
            }
            let stream = self.network.connect(&self.host, &target);
            self.network.trace.note(format_args!("{} connects to {target}: {}", self.host, stream.is_ok()));
            Ok(Box::new(stream?) as Box<dyn Stream>)
        })
    }

    fn services<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<ServiceTarget>, NetworkError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
