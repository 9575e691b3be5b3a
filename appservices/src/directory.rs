//! The directories of networks: which rooms services publish there.

use std::collections::BTreeSet;

use hearth_rooms::{Room, RoomError};
use hearth_storage::{RoomNid, Scan, schema};

use crate::{AppServices, Service};

/// The longest name of a network, in bytes, and how many rooms one service may publish in all its networks.
const MAX_NAME: usize = 255;
const MAX_ROOMS: usize = 100_000;

impl AppServices {
    /// Publishes a room in a network's directory, or takes it out.
    ///
    /// # Errors
    /// [`RoomError::Invalid`] for a name that is too long, or a room too many.
    pub async fn publish(
        &self,
        service: &Service,
        network: &str,
        room: &Room,
        published: bool,
    ) -> Result<(), RoomError> {
        let store = self.parts().rooms.store();
        let key = (service.id.as_str(), network, room.nid());
        let mut transaction = store.begin()?;
        if published {
            let own = Scan::prefix((service.id.as_str(),));
            if network.len() > MAX_NAME
                || store.view().scan(&schema::APPSERVICE_DIRECTORY, own).take(MAX_ROOMS).count() == MAX_ROOMS
            {
                return Err(RoomError::Invalid("the network's directory takes no more".into()));
            }
            transaction.put(&schema::APPSERVICE_DIRECTORY, key, &());
        } else {
            transaction.delete(&schema::APPSERVICE_DIRECTORY, key);
        }
        transaction.submit().await?;
        Ok(())
    }

    /// The rooms in the directory of a network, by its instance (`service|network`); without one, of all networks.
    pub fn published(&self, instance: Option<&str>) -> Result<BTreeSet<RoomNid>, RoomError> {
        let view = self.parts().rooms.store().view();
        let scan = match instance {
            None => Scan::all(),
            Some(instance) => match instance.split_once('|') {
                Some(of) => Scan::prefix(of),
                None => return Ok(BTreeSet::new()),
            },
        };
        let rows = view.scan(&schema::APPSERVICE_DIRECTORY, scan);
        Ok(rows.map(|row| row.map(|((_, _, room), ())| room)).collect::<Result<_, _>>()?)
    }
}
