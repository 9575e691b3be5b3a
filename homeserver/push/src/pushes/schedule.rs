//! Whose turn it is: a gateway that is slow, dead or hostile takes no places from those that are well.
//!
//! A gateway that answered last has places among many; one of which that is not known is tried with one request at a
//! time, in places apart. One that cannot be reached is left alone for longer and longer; so is a pusher whose
//! notification was refused.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use ruma::OwnedUserId;

/// How many requests there are at once to gateways that are well, and to each of them.
const PLACES: usize = 128;
const PLACES_EACH: usize = 64;
/// How many gateways that may not be well are tried at once.
const TRIALS: usize = 32;
/// How long a gateway is left alone that cannot be reached, and a pusher whose notification was refused: it doubles each
/// time, up to the longest.
const FIRST_REST: Duration = Duration::from_secs(1);
const FIRST_REFUSED_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);
/// Of so many gateways that nobody waits for it is known how they are.
const KNOWN: usize = 10_000;

/// What a pusher is known by.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct PusherKey {
    pub user: OwnedUserId,
    pub app_id: String,
    pub pushkey: String,
}

/// What came of a pusher's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// There was nothing to tell, and nobody was asked.
    Nothing,
    /// It was told something; there may be more.
    Told,
    /// The pusher is not to be told anything, or has another gateway now.
    Gone,
    /// The gateway answers, and did not take it. It says when it may be tried again.
    Refused(Option<Duration>),
    /// The gateway cannot be reached, or is too slow.
    Unreachable,
    /// There is something to tell, and it is not time yet; nobody was asked.
    Later(Duration),
}

/// Who or what rests, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    Pusher(Arc<PusherKey>, Duration),
    Gateway(Arc<str>, Duration),
}

/// The pushers that have something to be told.
#[derive(Default)]
pub(super) struct Schedule {
    pushers: HashMap<Arc<PusherKey>, Waiting>,
    gateways: HashMap<Arc<str>, Gateway>,
    /// The gateways for which somebody waits, in turn.
    turn: VecDeque<Arc<str>>,
    busy: usize,
    trials: usize,
}

struct Waiting {
    gateway: Arc<str>,
    state: State,
    /// How often in a row its notification was refused.
    refused: u32,
}

#[derive(PartialEq, Eq)]
enum State {
    Waits,
    /// It is its turn; and whether there was news since.
    Runs {
        again: bool,
    },
    Rests,
}

#[derive(Default)]
struct Gateway {
    waiting: VecDeque<Arc<PusherKey>>,
    running: usize,
    /// It answered last.
    well: bool,
    rests: bool,
    /// How often in a row it could not be reached.
    failed: u32,
    /// It stands in the order of turns.
    in_turn: bool,
}

impl Gateway {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0 && !self.rests
    }
}

impl Schedule {
    /// A pusher may have something to be told, at a gateway.
    pub fn wake(&mut self, key: PusherKey, gateway: &str) {
        let key = Arc::new(key);
        match self.pushers.entry(key.clone()) {
            Entry::Occupied(mut known) => {
                if let State::Runs { again } = &mut known.get_mut().state {
                    *again = true;
                }
            }
            Entry::Vacant(place) => {
                let gateway: Arc<str> = gateway.into();
                place.insert(Waiting { gateway: gateway.clone(), state: State::Waits, refused: 0 });
                self.wait(key, &gateway, false);
            }
        }
    }

    /// The next pusher whose turn it is, if there is a place.
    pub fn next(&mut self) -> Option<(Arc<PusherKey>, Arc<str>)> {
        for _ in 0..self.turn.len() {
            let name = self.turn.pop_front()?;
            let Some(gateway) = self.gateways.get_mut(&name) else { continue };
            gateway.in_turn = false;
            if gateway.rests || gateway.waiting.is_empty() {
                continue;
            }
            let free = match gateway.well {
                true => self.busy < PLACES && gateway.running < PLACES_EACH,
                false => self.trials < TRIALS && gateway.running == 0,
            };
            let key = if free { gateway.waiting.pop_front() } else { None };
            if key.is_some() {
                gateway.running += 1;
                match gateway.well {
                    true => self.busy += 1,
                    false => self.trials += 1,
                }
            }
            self.queue(&name);
            if let Some(key) = key {
                if let Some(pusher) = self.pushers.get_mut(&key) {
                    pusher.state = State::Runs { again: false };
                }
                return Some((key, name));
            }
        }
        None
    }

    /// A pusher's turn is over.
    pub fn done(&mut self, key: &Arc<PusherKey>, outcome: Outcome) -> Option<Rest> {
        let pusher = self.pushers.get_mut(key)?;
        let name = pusher.gateway.clone();
        let again = pusher.state == State::Runs { again: true };
        let gateway = self.gateways.get_mut(&name)?;
        gateway.running -= 1;
        match gateway.well {
            true => self.busy -= 1,
            false => self.trials -= 1,
        }
        let rest = match outcome {
            Outcome::Nothing if !again => {
                self.pushers.remove(key);
                None
            }
            Outcome::Gone => {
                self.pushers.remove(key);
                None
            }
            Outcome::Nothing => {
                self.wait(key.clone(), &name, false);
                None
            }
            Outcome::Told => {
                pusher.refused = 0;
                self.answered(&name);
                self.wait(key.clone(), &name, false);
                None
            }
            Outcome::Refused(when) => {
                let rest =
                    when.unwrap_or_else(|| doubled(FIRST_REFUSED_REST, pusher.refused)).min(LONGEST_REST);
                pusher.refused += 1;
                pusher.state = State::Rests;
                self.answered(&name);
                Some(Rest::Pusher(key.clone(), rest))
            }
            Outcome::Later(rest) => {
                pusher.state = State::Rests;
                Some(Rest::Pusher(key.clone(), rest.min(LONGEST_REST)))
            }
            Outcome::Unreachable => {
                let rest = self.failed(&name);
                // What it was to be told comes first.
                self.wait(key.clone(), &name, true);
                rest
            }
        };
        self.queue(&name);
        self.forget();
        rest
    }

    /// A pusher has rested.
    pub fn pusher_rested(&mut self, key: &Arc<PusherKey>) {
        let Some(pusher) = self.pushers.get(key).filter(|pusher| pusher.state == State::Rests) else {
            return;
        };
        let name = pusher.gateway.clone();
        self.wait(key.clone(), &name, false);
    }

    /// A gateway has rested.
    pub fn gateway_rested(&mut self, name: &str) {
        if let Some(gateway) = self.gateways.get_mut(name) {
            gateway.rests = false;
        }
        self.queue(&Arc::from(name));
    }

    /// How many pushers have something to be told.
    pub fn len(&self) -> usize {
        self.pushers.len()
    }

    fn wait(&mut self, key: Arc<PusherKey>, name: &Arc<str>, first: bool) {
        if let Some(pusher) = self.pushers.get_mut(&key) {
            pusher.state = State::Waits;
        }
        let gateway = self.gateways.entry(name.clone()).or_default();
        match first {
            true => gateway.waiting.push_front(key),
            false => gateway.waiting.push_back(key),
        }
        self.queue(name);
    }

    /// Puts a gateway into the order of turns, if somebody waits for it.
    fn queue(&mut self, name: &Arc<str>) {
        let Some(gateway) = self.gateways.get_mut(name) else { return };
        if !gateway.in_turn && !gateway.rests && !gateway.waiting.is_empty() {
            gateway.in_turn = true;
            self.turn.push_back(name.clone());
        }
    }

    /// From now on it is well, and what runs there takes the places of those that are.
    fn answered(&mut self, name: &Arc<str>) {
        let Some(gateway) = self.gateways.get_mut(name) else { return };
        gateway.failed = 0;
        if !gateway.well {
            gateway.well = true;
            self.trials -= gateway.running;
            self.busy += gateway.running;
        }
    }

    /// From now on it is tried, and what still runs there takes the places of trials.
    fn failed(&mut self, name: &Arc<str>) -> Option<Rest> {
        let gateway = self.gateways.get_mut(name)?;
        if gateway.well {
            gateway.well = false;
            self.busy -= gateway.running;
            self.trials += gateway.running;
        }
        // Of many that fail at once the first one counts.
        if gateway.rests {
            return None;
        }
        gateway.rests = true;
        let rest = doubled(FIRST_REST, gateway.failed);
        gateway.failed += 1;
        Some(Rest::Gateway(name.clone(), rest))
    }

    fn forget(&mut self) {
        if self.gateways.len() > KNOWN + self.pushers.len() {
            self.gateways.retain(|_, gateway| !gateway.is_idle());
        }
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << times.min(20)).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    fn key(pushkey: usize) -> PusherKey {
        let user = owned_user_id!("@alice:here");
        PusherKey { user, app_id: "app".to_owned(), pushkey: pushkey.to_string() }
    }

    /// Runs as many as have a place.
    fn run(schedule: &mut Schedule) -> Vec<Arc<PusherKey>> {
        std::iter::from_fn(|| schedule.next()).map(|(key, _)| key).collect()
    }

    #[test]
    fn a_gateway_that_is_not_known_is_tried_once_at_a_time() {
        let mut schedule = Schedule::default();
        (0..100).for_each(|pushkey| schedule.wake(key(pushkey), "a"));
        let first = run(&mut schedule);
        assert_eq!(first.len(), 1);
        assert_eq!(schedule.done(&first[0], Outcome::Told), None);
        assert_eq!(run(&mut schedule).len(), PLACES_EACH);
    }

    #[test]
    fn gateways_that_do_not_answer_take_no_places_of_those_that_do() {
        let mut schedule = Schedule::default();
        schedule.wake(key(0), "well");
        let first = run(&mut schedule);
        schedule.done(&first[0], Outcome::Told);
        let mut trials = run(&mut schedule);
        assert_eq!(trials.pop().as_deref(), Some(&key(0)));
        for gateway in 0..1000 {
            schedule.wake(key(1000 + gateway), &format!("dead{gateway}"));
        }
        assert_eq!(run(&mut schedule).len(), TRIALS);
        schedule.done(&Arc::new(key(0)), Outcome::Told);
        assert_eq!(run(&mut schedule), [Arc::new(key(0))]);
    }

    #[test]
    fn one_that_fails_is_left_alone_for_longer_and_longer_and_its_pushers_keep_their_turn() {
        let mut schedule = Schedule::default();
        schedule.wake(key(1), "a");
        schedule.wake(key(2), "a");
        for expected in [1, 2, 4] {
            let running = run(&mut schedule);
            assert_eq!(running, [Arc::new(key(1))]);
            let rest = schedule.done(&running[0], Outcome::Unreachable);
            assert_eq!(rest, Some(Rest::Gateway("a".into(), Duration::from_secs(expected))));
            assert!(run(&mut schedule).is_empty());
            schedule.gateway_rested("a");
        }
        let running = run(&mut schedule);
        schedule.done(&running[0], Outcome::Told);
        assert_eq!(run(&mut schedule).len(), 2);
    }

    #[test]
    fn what_runs_when_a_gateway_fails_is_counted_once() {
        let mut schedule = Schedule::default();
        (0..10).for_each(|pushkey| schedule.wake(key(pushkey), "a"));
        let first = run(&mut schedule);
        schedule.done(&first[0], Outcome::Told);
        let running = run(&mut schedule);
        assert_eq!((running.len(), schedule.busy), (10, 10));
        let rests: Vec<_> =
            running.iter().filter_map(|key| schedule.done(key, Outcome::Unreachable)).collect();
        assert_eq!(rests.len(), 1);
        assert_eq!((schedule.busy, schedule.trials), (0, 0));
        schedule.gateway_rested("a");
        assert_eq!(run(&mut schedule).len(), 1);
    }

    #[test]
    fn a_pusher_that_is_refused_rests_alone() {
        let mut schedule = Schedule::default();
        schedule.wake(key(1), "a");
        let running = run(&mut schedule);
        let rest = schedule.done(&running[0], Outcome::Refused(None));
        assert_eq!(rest, Some(Rest::Pusher(running[0].clone(), FIRST_REFUSED_REST)));
        // News does not shorten it.
        schedule.wake(key(1), "a");
        assert!(run(&mut schedule).is_empty());
        schedule.wake(key(2), "a");
        let other = run(&mut schedule);
        assert_eq!(other, [Arc::new(key(2))]);
        schedule.done(&other[0], Outcome::Nothing);
        schedule.pusher_rested(&running[0]);
        assert_eq!(run(&mut schedule), running);
        let wish = Duration::from_secs(77);
        let rest = schedule.done(&running[0], Outcome::Refused(Some(wish)));
        assert_eq!(rest, Some(Rest::Pusher(running[0].clone(), wish)));
    }

    #[test]
    fn news_during_a_turn_gives_another_one() {
        let mut schedule = Schedule::default();
        schedule.wake(key(1), "a");
        let running = run(&mut schedule);
        schedule.wake(key(1), "a");
        schedule.done(&running[0], Outcome::Nothing);
        assert_eq!(run(&mut schedule), running);
        schedule.done(&running[0], Outcome::Nothing);
        assert!(run(&mut schedule).is_empty());
        assert_eq!(schedule.len(), 0);
    }

    #[test]
    fn gateways_nobody_waits_for_are_forgotten_in_the_end() {
        let mut schedule = Schedule::default();
        for gateway in 0..KNOWN + 10 {
            schedule.wake(key(0), &gateway.to_string());
            let running = run(&mut schedule);
            schedule.done(&running[0], Outcome::Told);
            let running = run(&mut schedule);
            schedule.done(&running[0], Outcome::Nothing);
        }
        assert!(schedule.gateways.len() <= KNOWN);
    }
}
