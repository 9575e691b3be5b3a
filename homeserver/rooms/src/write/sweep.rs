//! Making room on the disk: sets of state to which nothing refers any more.

use hearth_storage::{Scan, schema};

use crate::{RoomError, read::rooms::Rooms};

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
}
