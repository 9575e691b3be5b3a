//! The index of what notified a user (client-server API, `GET /notifications`).

use hearth_rooms::Rooms;
use hearth_storage::{Position, Scan, schema, schema::push::NotificationRow};
use ruma::{UserId, push::Action};

use crate::PushError;

/// What notified users who have pushers. Cheap to clone.
#[derive(Clone)]
pub struct Notifications {
    rooms: Rooms,
}

/// An event that notified a user.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The position of the event.
    pub position: Position,
    pub row: NotificationRow,
}

impl Notification {
    /// What the user's push rule says to do.
    pub fn actions(&self) -> Vec<Action> {
        serde_json::from_str(&self.row.actions).unwrap_or_default()
    }
}

impl Notifications {
    pub(super) fn new(rooms: Rooms) -> Self {
        Self { rooms }
    }

    /// From behind which position on all that notified a user is indexed; `None` if nothing is.
    pub fn indexed_since(&self, user: &UserId) -> Result<Option<Position>, PushError> {
        Ok(self.rooms.store().view().get(&schema::NOTIFIED_USERS, (user,))?)
    }

    /// What notified a user up to a position and after another one, the newest first; at most so many.
    pub fn newest(
        &self,
        user: &UserId,
        (after, until): (Position, Position),
        only_highlights: bool,
        limit: usize,
    ) -> Result<Vec<Notification>, PushError> {
        let range = Scan::prefix((user,)).after((user, after)).until((user, until.next())).reversed();
        let view = self.rooms.store().view();
        let rows = view
            .scan(&schema::NOTIFICATIONS, range)
            .filter(|row| row.as_ref().map_or(true, |(_, row)| row.highlight || !only_highlights));
        let notifications = rows.take(limit).map(|row| {
            let ((_, position), row) = row?;
            Ok(Notification { position, row })
        });
        notifications.collect()
    }
}
