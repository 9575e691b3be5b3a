//! How far a reader came, for those who wait for it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::Position;

/// How it stands with a reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    Running,
    /// It failed, and has taken in nothing since.
    Failing,
    /// It takes in nothing more.
    Ended,
}

/// Why a reader does not come to a position now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreached {
    /// It fails: it may come there later.
    Failing,
    /// It ended.
    Ended,
}

/// Up to where a reader is done, and how it stands with it. Cheap to clone; all clones are of one reader.
#[derive(Clone)]
pub struct Progress {
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy)]
struct State {
    done: Position,
    health: Health,
}

impl Default for Progress {
    /// Of a reader that is still to be started.
    fn default() -> Self {
        let state = State { done: Position::NONE, health: Health::Running };
        Self { state: Arc::new(watch::Sender::new(state)) }
    }
}

impl Progress {
    /// All up to here is dealt with.
    pub fn done(&self) -> Position {
        self.state.borrow().done
    }

    pub fn health(&self) -> Health {
        self.state.borrow().health
    }

    /// Returns when the reader is done up to a position, or cannot be expected to be.
    pub async fn reached(&self, position: Position) -> Result<(), Unreached> {
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| state.done >= position || state.health != Health::Running).await;
        match state {
            Ok(state) if state.done >= position => Ok(()),
            Ok(state) if state.health == Health::Failing => Err(Unreached::Failing),
            _ => Err(Unreached::Ended),
        }
    }

    pub(super) fn begin(&self, after: Position) {
        self.state.send_replace(State { done: after, health: Health::Running });
    }

    pub(super) fn advance(&self, done: Position) {
        self.state.send_if_modified(|state| {
            let moved = state.done < done;
            state.done = state.done.max(done);
            moved
        });
    }

    pub(super) fn set_health(&self, health: Health) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.health, health) != health);
    }
}
