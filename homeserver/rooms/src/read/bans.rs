//! Users, servers and aliases that the whole server has nothing to do with.

use std::sync::Arc;

use hearth_spec::{BanKind, BanList};
use hearth_storage::{
    Scan, StorageError, Store,
    schema::{self, rooms::BanRow},
};
use parking_lot::RwLock;
use ruma::{RoomAliasId, ServerName, UserId};

use crate::RoomError;

/// A ban as administrators see it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ban {
    pub kind: BanKind,
    pub glob: String,
    pub row: BanRow,
}

/// The bans of this server, in memory: each request and each event is held against them. Cheap to clone.
#[derive(Clone)]
pub struct Bans {
    pub(crate) store: Store,
    list: Arc<RwLock<BanList>>,
    /// Held while one is made, so that they are counted.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
}

impl Bans {
    /// The bans of a store, kept true by what is committed.
    pub fn open(store: Store) -> Result<Self, StorageError> {
        let list = Arc::new(RwLock::new(BanList::default()));
        let observed = list.clone();
        store.observe(&schema::BANS, move |row| {
            let (kind, glob) = row.key()?;
            let kind = kind_of(&kind)?;
            match row.value()? {
                Some(_) => observed.write().insert(kind, &glob),
                None => observed.write().remove(kind, &glob),
            }
            Ok(())
        });
        let bans = Self { store, list, changing: Arc::default() };
        for ban in bans.all()? {
            bans.list.write().insert(ban.kind, &ban.glob);
        }
        Ok(bans)
    }

    /// All of them, by kind and glob.
    pub fn all(&self) -> Result<Vec<Ban>, StorageError> {
        let view = self.store.view();
        let rows = view.scan(&schema::BANS, Scan::all());
        rows.map(|row| row.and_then(|((kind, glob), row)| Ok(Ban { kind: kind_of(&kind)?, glob, row })))
            .collect()
    }

    /// How many there are, and how many of them have wildcards.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.list.read().counts()
    }

    /// Whether a user is banned, or their server is.
    pub fn bans_user(&self, user: &UserId) -> bool {
        self.list.read().bans_user(user)
    }

    pub fn bans_server(&self, server: &ServerName) -> bool {
        self.list.read().bans_server(server)
    }

    /// Refuses an alias that is banned, or whose server is.
    pub fn allow_alias(&self, alias: &RoomAliasId) -> Result<(), RoomError> {
        match self.list.read().bans_alias(alias) {
            true => Err(RoomError::Forbidden("that alias is banned by this server".to_owned())),
            false => Ok(()),
        }
    }
}

fn kind_of(name: &str) -> Result<BanKind, StorageError> {
    BanKind::named(name).ok_or_else(|| StorageError::Corrupt(format!("a ban of an unknown kind: {name}")))
}
