//! Timers: what is due fires at least once, in its time, also after a restart.

use std::{sync::Arc, time::Duration};

use hearth_storage::{
    Clock, ManualClock, MemoryEngine, Scan, Store, StoreOptions, schema,
    schema::timers::{Timer, TimerKind},
    timers::{Fired, Ticking, TimerError, Timers},
};
use parking_lot::Mutex;

use crate::{commit, within};

const START: u64 = 1_700_000_000_000;

fn timer(day: u64) -> Timer {
    Timer::ForgetTransactions { day }
}

fn day_of(timer: &Timer) -> u64 {
    match timer {
        Timer::ForgetTransactions { day } => *day,
        other => panic!("{other:?} was never set"),
    }
}

/// A store on a clock that stands still, and which timers fired when.
struct World {
    store: Store,
    clock: Arc<ManualClock>,
    fired: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl World {
    fn new() -> Self {
        Self::on(MemoryEngine::new())
    }

    fn on(engine: MemoryEngine) -> Self {
        let store = Store::open(engine, StoreOptions::default()).unwrap();
        Self { store, clock: Arc::new(ManualClock::new(START)), fired: Arc::default() }
    }

    /// Notes each timer, and answers as `answer` says of its day and of how often it fired before.
    fn start(
        &self,
        answer: impl Fn(u64, usize) -> Result<Fired, TimerError> + Send + Sync + 'static,
    ) -> Ticking {
        let mut timers = Timers::new(self.store.clone(), self.clock.clone());
        let (clock, fired, answer) = (self.clock.clone(), self.fired.clone(), Arc::new(answer));
        timers.handle(TimerKind::ForgetTransactions, move |timer| {
            let day = day_of(&timer);
            let (clock, fired, answer) = (clock.clone(), fired.clone(), answer.clone());
            async move {
                let times = fired.lock().iter().filter(|(known, _)| *known == day).count();
                fired.lock().push((day, clock.now_ms() - START));
                answer(day, times)
            }
        });
        timers.start()
    }

    async fn set(&self, after: u64, day: u64) {
        commit(&self.store, |transaction| transaction.set_timer(START + after, &timer(day))).await;
    }

    fn waiting(&self) -> Vec<(u64, u64)> {
        let view = self.store.view();
        let rows = view.scan(&schema::TIMERS, Scan::all()).map(|row| {
            let ((due, timer), ()) = row.unwrap();
            let day = day_of(&timer);
            (day, due - START)
        });
        rows.collect()
    }

    /// Waits until so much fired and so much waits.
    async fn until(&self, fired: usize, waiting: usize) {
        within(async {
            while self.fired.lock().len() != fired || self.waiting().len() != waiting {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}

fn done(_: u64, _: usize) -> Result<Fired, TimerError> {
    Ok(Fired::Done)
}

#[tokio::test]
async fn timers_fire_in_their_time_and_once() {
    let world = World::new();
    world.set(50, 1).await;
    let _ticking = world.start(done);
    // Set later, and due earlier.
    world.set(20, 2).await;
    world.set(0, 3).await;
    world.until(1, 2).await;
    world.clock.advance(19);
    world.clock.advance(1);
    world.until(2, 1).await;
    world.clock.advance(100);
    world.until(3, 0).await;
    assert_eq!(*world.fired.lock(), [(3, 0), (2, 20), (1, 120)]);
}

#[tokio::test]
async fn a_timer_is_set_and_cancelled_with_what_it_belongs_to() {
    let world = World::new();
    let _ticking = world.start(done);
    world.set(10, 1).await;
    {
        // Not submitted.
        let mut transaction = world.store.begin().unwrap();
        transaction.set_timer(START + 5, &timer(7));
        transaction.cancel_timer(START + 10, &timer(1));
    }
    assert_eq!(world.waiting(), [(1, 10)]);
    commit(&world.store, |transaction| {
        transaction.cancel_timer(START + 10, &timer(1));
        transaction.set_timer(START + 30, &timer(1));
    })
    .await;
    world.clock.advance(20);
    world.set(0, 2).await;
    world.until(1, 1).await;
    world.clock.advance(10);
    world.until(2, 0).await;
    assert_eq!(*world.fired.lock(), [(2, 20), (1, 30)]);
}

#[tokio::test]
async fn what_was_due_while_the_server_was_away_fires_at_the_start() {
    let engine = MemoryEngine::new();
    {
        let world = World::on(engine.clone());
        world.set(10, 1).await;
        world.set(5000, 2).await;
        world.store.close();
    }
    let world = World::on(engine);
    world.clock.advance(1000);
    let _ticking = world.start(done);
    world.until(1, 1).await;
    assert_eq!(*world.fired.lock(), [(1, 1000)]);
}

#[tokio::test]
async fn what_fails_or_takes_long_fires_again_and_holds_up_nothing() {
    let world = World::new();
    for day in 0..300 {
        world.set(0, day).await;
    }
    let _ticking = world.start(|day, times| match (day, times) {
        (0..150, 0) => Err("it fails".into()),
        (150, 0) => panic!("it fails badly"),
        (151..160, 0..3) => Ok(Fired::More),
        _ => Ok(Fired::Done),
    });
    world.until(300 + 9 * 3, 151).await;
    world.clock.advance(60_000);
    world.until(300 + 9 * 3 + 151, 0).await;
}
