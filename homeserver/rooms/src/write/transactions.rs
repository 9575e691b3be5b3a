//! Transaction ids (client-server API, "Transaction identifiers"): what a client sends again is sent once.
//!
//! They are remembered for the day on which they were used, in UTC, and the next one. Then a timer deletes all of
//! that day: one timer for a day, set with the first id.

use std::sync::Arc;

use hearth_storage::{
    Scan,
    schema::{
        self,
        rooms::{SentByRow, TransactionRow},
    },
    timers::Fired,
};
use ruma::{OwnedDeviceId, OwnedUserId};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        rooms::Rooms,
        transaction_days::{DAY_MS, timer},
    },
    write::staged::Staged,
};

/// So many are deleted in one commit.
const AT_ONCE: usize = 1000;

/// Under which transaction of which device an event is sent, so that it is sent once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientTransaction {
    pub user: OwnedUserId,
    pub device: OwnedDeviceId,
    /// The endpoint: a transaction id counts for one.
    pub endpoint: String,
    pub transaction_id: String,
}

impl ClientTransaction {
    pub(crate) fn sent_by(&self) -> SentByRow {
        SentByRow { device: self.device.clone(), transaction_id: self.transaction_id.clone() }
    }

    /// The event that was sent under it before.
    pub(crate) fn sent(&self, staged: &Staged) -> Result<Option<Arc<Event>>, RoomError> {
        let today = today(staged);
        for day in [Some(today), today.checked_sub(1)].into_iter().flatten() {
            if staged.shared().transaction_days.may_have_any(&staged.tx, day)?
                && let Some(row) = staged.tx.get(&schema::TRANSACTIONS, self.key(day))?
            {
                return staged.event_by_id(&row.event_id);
            }
        }
        Ok(None)
    }

    /// Remembers that an event is sent under it.
    pub(crate) fn remember(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let day = today(staged);
        let row = TransactionRow { event_id: event.id().to_owned() };
        staged.tx.put(&schema::TRANSACTIONS, self.key(day), &row);
        if !staged.shared.transaction_days.has_timer(&staged.tx, day)? {
            let (due, timer) = timer(day);
            staged.tx.set_timer(due, &timer);
        }
        Ok(())
    }

    /// The device, the endpoint and the id: what tells it from the user's others.
    pub(crate) fn text(&self) -> String {
        format!("{}\0{}\0{}", self.device, self.endpoint, self.transaction_id)
    }

    fn key(&self, day: u64) -> (u64, OwnedUserId, OwnedDeviceId, String) {
        let transaction = format!("{}\0{}", self.endpoint, self.transaction_id);
        (day, self.user.clone(), self.device.clone(), transaction)
    }
}

fn today(staged: &Staged) -> u64 {
    staged.shared().clock.now_ms() / DAY_MS
}

impl Rooms {
    /// Deletes some of the transaction ids that were used up to a day.
    pub(crate) async fn forget_transactions(&self, day: u64) -> Result<Fired, RoomError> {
        let view = self.shared.store.view();
        let keys = view
            .scan(&schema::TRANSACTIONS, Scan::all())
            .map(|row| row.map(|(key, _)| key))
            .take_while(|key| key.as_ref().map_or(true, |(of, ..)| *of <= day))
            .take(AT_ONCE)
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.shared.store.begin()?;
        for (day, user, device, transaction) in &keys {
            tx.delete(&schema::TRANSACTIONS, (*day, user, device, transaction));
        }
        tx.submit().await?;
        Ok(if keys.len() < AT_ONCE { Fired::Done } else { Fired::More })
    }
}
