//! Users who wished to be erased (client-server API, "Deactivating accounts"): whoever joins a room after that is shown
//! what they sent as if it were redacted.

use std::{collections::HashMap, sync::Arc};

use hearth_storage::{Position, Scan, Store, Transaction, schema};
use parking_lot::RwLock;
use ruma::{OwnedUserId, UserId};

use crate::{Accounts, UsersError};

/// The users who were erased, and at which position of the log. They are few.
pub type Erased = HashMap<OwnedUserId, Position>;

/// All of them, in memory: it is asked with every event that is told.
#[derive(Clone)]
pub(crate) struct Erasures(Arc<RwLock<Arc<Erased>>>);

impl Erasures {
    pub(crate) fn open(store: &Store) -> Result<Self, UsersError> {
        let view = store.view();
        let rows = view.scan(&schema::ERASED_USERS, Scan::all());
        let erased = rows.map(|row| row.map(|((user,), position)| (user, position)));
        let erasures = Arc::new(RwLock::new(Arc::new(erased.collect::<Result<_, _>>()?)));
        store.observe(&schema::ERASED_USERS, {
            let erasures: Arc<RwLock<Arc<Erased>>> = erasures.clone();
            move |row| {
                if let Some(position) = row.value()? {
                    Arc::make_mut(&mut erasures.write()).insert(row.key()?.0, position);
                }
                Ok(())
            }
        });
        Ok(Self(erasures))
    }
}

/// Writes down that a user is erased from now on.
pub(crate) fn add(transaction: &mut Transaction, user: &UserId) {
    let position = transaction.next_position();
    transaction.put(&schema::ERASED_USERS, (user,), &position);
}

impl Accounts {
    /// The users who were erased.
    pub fn erased(&self) -> Arc<Erased> {
        self.shared.erasures.0.read().clone()
    }
}
