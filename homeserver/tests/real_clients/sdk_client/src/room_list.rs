//! The list of rooms as an app shows it, a page at a time.

use std::sync::{Arc, Mutex};

use eyeball_im::VectorDiff;
use futures_util::{StreamExt, pin_mut};
use imbl::Vector;
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk_ui::room_list_service::{
    RoomListItem, RoomListLoadingState, RoomListService, filters::new_filter_non_left,
};
use tokio::sync::{mpsc, watch};

use crate::Outcome;

/// How many rooms are shown at first, and how many more with each page.
const PAGE: usize = 5;

pub struct ShownRooms {
    shown: Arc<Mutex<Vector<RoomListItem>>>,
    /// How many there are, as the server counts them.
    count: watch::Receiver<Option<u32>>,
    more: mpsc::UnboundedSender<()>,
}

impl ShownRooms {
    pub async fn follow(service: Arc<RoomListService>) -> Outcome<Self> {
        let list = service.all_rooms().await?;
        let shown = Arc::new(Mutex::new(Vector::new()));
        let (counted, count) = watch::channel(None);
        let (more, mut asked) = mpsc::unbounded_channel();
        let rooms = shown.clone();
        tokio::spawn(async move {
            let mut loading = list.loading_state();
            let (changes, controller) = list.entries_with_dynamic_adapters(PAGE);
            pin_mut!(changes);
            controller.set_filter(Box::new(new_filter_non_left()));
            loop {
                tokio::select! {
                    Some(diffs) = changes.next() => apply(diffs, &rooms),
                    Some(RoomListLoadingState::Loaded { maximum_number_of_rooms }) = loading.next() => {
                        counted.send_replace(maximum_number_of_rooms);
                    }
                    Some(()) = asked.recv() => controller.add_one_page(),
                    else => break,
                }
            }
        });
        Ok(Self { shown, count, more })
    }

    /// Shows a page more.
    pub fn show_more(&self) {
        // Where nobody follows any more there is nothing to show.
        let _ = self.more.send(());
    }

    /// The rooms that are shown, in order.
    pub fn ids(&self) -> Vec<OwnedRoomId> {
        let shown = self.shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        shown.iter().map(|room| room.room_id().to_owned()).collect()
    }

    /// How many rooms there are, as the server counts them.
    pub fn count(&self) -> Option<u32> {
        *self.count.borrow()
    }
}

fn apply(diffs: Vec<VectorDiff<RoomListItem>>, rooms: &Mutex<Vector<RoomListItem>>) {
    let mut rooms = rooms.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    diffs.into_iter().for_each(|diff| diff.apply(&mut rooms));
}
