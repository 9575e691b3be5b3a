//! Somebody who has logged in, with all that runs for them as in an app.

use std::{collections::HashMap, sync::Arc};

use matrix_sdk::{
    Client, Room,
    ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId},
};
use matrix_sdk_ui::{
    sync_service::SyncService,
    timeline::{RoomExt, Timeline, TimelineFocus},
};
use tokio::sync::Mutex;

use crate::{Outcome, room_list::ShownRooms};

pub struct Person {
    pub client: Client,
    /// The two connections of sliding sync: the room list, and encryption.
    pub sync: Arc<SyncService>,
    pub rooms: ShownRooms,
    /// The timelines that are open: of rooms, and of threads by their roots.
    timelines: Mutex<HashMap<(OwnedRoomId, Option<OwnedEventId>), Arc<Timeline>>>,
}

impl Person {
    /// Logs in and begins to follow the rooms.
    pub async fn log_in(url: &str, username: &str, password: &str, device: &str) -> Outcome<Self> {
        let client = Client::builder().homeserver_url(url).build().await?;
        client.matrix_auth().login_username(username, password).initial_device_display_name(device).await?;
        client.event_cache().subscribe()?;
        let sync = SyncService::builder(client.clone()).with_offline_mode().build().await?;
        let sync = Arc::new(sync);
        let rooms = ShownRooms::follow(sync.room_list_service()).await?;
        sync.start().await;
        Ok(Self { client, sync, rooms, timelines: Mutex::default() })
    }

    pub fn room(&self, id: &RoomId) -> Outcome<Room> {
        Ok(self.client.get_room(id).ok_or_else(|| format!("{id} is unknown to the client"))?)
    }

    /// The timeline of a room that is open: whoever opens one subscribes to the room.
    pub async fn timeline(&self, id: &RoomId) -> Outcome<Arc<Timeline>> {
        let room = self.room(id)?;
        let mut timelines = self.timelines.lock().await;
        let key = (id.to_owned(), None);
        if let Some(timeline) = timelines.get(&key) {
            return Ok(timeline.clone());
        }
        self.sync.room_list_service().set_room_subscriptions(&[id]).await;
        let timeline = Arc::new(room.timeline().await?);
        timelines.insert(key, timeline.clone());
        Ok(timeline)
    }

    /// The timeline of a thread that is open.
    pub async fn thread(&self, id: &RoomId, root: &EventId) -> Outcome<Arc<Timeline>> {
        let room = self.room(id)?;
        let mut timelines = self.timelines.lock().await;
        let key = (id.to_owned(), Some(root.to_owned()));
        if let Some(timeline) = timelines.get(&key) {
            return Ok(timeline.clone());
        }
        let focus = TimelineFocus::Thread { root_event_id: root.to_owned() };
        let timeline = Arc::new(room.timeline_builder().with_focus(focus).build().await?);
        timeline.paginate_backwards(20).await?;
        timelines.insert(key, timeline.clone());
        Ok(timeline)
    }
}
