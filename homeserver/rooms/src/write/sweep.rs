//! Making room on the disk: sets of state to which nothing refers any more.

use std::sync::atomic::Ordering;

use hearth_storage::{AnyKeyspace, Scan, blocking, schema};

use crate::{RoomError, read::rooms::Rooms};

/// Where purging leaves room on the disk.
const PURGED_FROM: &[AnyKeyspace] = &[
    schema::EVENTS.raw,
    schema::TIMELINE.raw,
    schema::TIMESTAMPS.raw,
    schema::RELATIONS.raw,
    schema::STATE_NODES.raw,
    schema::STATE_HISTORY.raw,
];

impl Rooms {
    /// Deletes what sets of state are made of and nothing refers to any more, while the server goes on: after a purge
    /// there is some. Gives how many nodes that were; `None` while another sweep is under way. It reads all events, so
    /// it belongs in a thread of its own.
    pub fn sweep_states(&self) -> Result<Option<u64>, RoomError> {
        let Some(mut sweep) = self.shared.trees.begin_sweep(&self.shared.store)? else { return Ok(None) };
        self.shared.resolutions.forget();
        let view = sweep.view();
        for row in view.scan(&schema::EVENTS, Scan::all()) {
            if let Some(state) = row?.1.state {
                sweep.keep(state.before)?;
                sweep.keep(state.after)?;
            }
        }
        for row in view.scan(&schema::ROOM_HEADS, Scan::all()) {
            sweep.keep(row?.1.state)?;
        }
        for row in view.scan(&schema::STATE_HISTORY, Scan::all()) {
            sweep.keep(row?.1)?;
        }
        Ok(Some(sweep.delete_others()?))
    }

    /// Begins such a sweep in the background, if anything was purged since the last, and gives the room back.
    pub(crate) fn sweep_in_background(&self) {
        if !self.shared.purged.swap(false, Ordering::Relaxed) {
            return;
        }
        let rooms = self.clone();
        tokio::spawn(async move {
            match blocking(|| rooms.sweep_states()) {
                Ok(Some(nodes)) => {
                    blocking(|| rooms.store().compact(PURGED_FROM));
                    tracing::info!(nodes, "the disk has room again where events were purged");
                }
                // The one that is under way may have read what was purged meanwhile.
                Ok(None) => rooms.shared.purged.store(true, Ordering::Relaxed),
                Err(error) => tracing::error!(%error, "state to which nothing refers could not be deleted"),
            }
        });
    }
}
