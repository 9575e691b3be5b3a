//! The reader of the log that keeps the user directory.

use std::{collections::BTreeMap, time::Duration};

use hearth_rooms::Rooms;
use hearth_storage::{
    Behind, Change, Position, RoomNid, StorageError, Transaction, blocking,
    readers::{Reader, ReaderError},
};
use hearth_users::Users;
use ruma::OwnedUserId;

use super::{
    listing::Listing,
    person::{person, write},
};
use crate::SearchError;

/// For how many users is written at once.
const AT_ONCE: usize = 500;

/// How long to wait when the store is busy.
const BUSY: Duration = Duration::from_millis(200);

/// Follows the log, and writes how users are called.
pub(super) struct PeopleReader {
    rooms: Rooms,
    users: Users,
    /// While the directory is made of all users that there are.
    listing: Option<Listing>,
    done: Position,
}

impl PeopleReader {
    pub fn open(rooms: Rooms, users: Users, after: Position) -> Result<Self, SearchError> {
        let listing = Listing::read(&rooms.store().view())?;
        Ok(Self { rooms, users, listing, done: after })
    }

    /// A transaction, as soon as the store takes one.
    async fn begin(&self) -> Result<Transaction, SearchError> {
        loop {
            match self.rooms.store().begin() {
                Err(StorageError::Busy | StorageError::Failing(_)) => tokio::time::sleep(BUSY).await,
                begun => return Ok(begun?),
            }
        }
    }

    /// Writes how these users are called now, who were just heard of in a room, if anywhere.
    fn write(
        &self,
        transaction: &mut Transaction,
        some: impl Iterator<Item = (OwnedUserId, Option<RoomNid>)>,
    ) -> Result<(), SearchError> {
        for (user, heard_of) in some {
            match person(&self.rooms, &self.users, &user, heard_of) {
                Err(error) if !error.is_passing() => {
                    tracing::error!(%error, %user, "a user is not in the directory");
                }
                now => write(transaction, &user, now?.as_ref())?,
            }
        }
        Ok(())
    }

    /// Goes on with making the directory. What is submitted is done with, also where nobody waits for it.
    async fn list_some(&mut self) -> Result<(), SearchError> {
        let mut transaction = self.begin().await?;
        let Some(listing) = &self.listing else { return Ok(()) };
        let next = blocking(|| {
            let users = listing.next(&self.rooms.store().view(), AT_ONCE)?;
            let next = Listing::behind(&users);
            self.write(&mut transaction, users.into_iter().map(|user| (user, None)))?;
            Ok::<_, SearchError>(next)
        })?;
        Listing::write(next.as_ref(), &mut transaction);
        if next.is_none() {
            tracing::info!("the user directory is complete");
        }
        let commit = transaction.submit();
        self.listing = next;
        commit.await?;
        Ok(())
    }
}

impl Reader for PeopleReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        let mut heard_of = BTreeMap::new();
        for (position, change) in changes {
            self.done = *position;
            match change {
                // Those of this server are called the same everywhere.
                Change::Membership { room, user, .. } if user.server_name() != self.rooms.server_name() => {
                    heard_of.insert(user.clone(), Some(*room));
                }
                Change::Profile { user } | Change::Account { user } => {
                    heard_of.insert(user.clone(), None);
                }
                _ => {}
            }
        }
        let mut heard_of = heard_of.into_iter().peekable();
        while heard_of.peek().is_some() {
            let mut transaction = self.begin().await?;
            blocking(|| self.write(&mut transaction, heard_of.by_ref().take(AT_ONCE)))?;
            transaction.submit().await?;
        }
        Ok(self.done)
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        // Who came and went meanwhile no index tells: all are looked at again.
        let mut transaction = self.begin().await?;
        Listing::write(Some(&Listing::START), &mut transaction);
        transaction.submit().await?;
        self.listing = Some(Listing::START);
        self.done = gap.to;
        Ok(self.done)
    }

    async fn meanwhile(&mut self) -> Result<Position, ReaderError> {
        if self.listing.is_none() {
            std::future::pending::<()>().await;
        }
        self.list_some().await?;
        Ok(self.done)
    }
}
