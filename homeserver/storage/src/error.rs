//! How storage fails.

/// A failure of storage. Cheap to clone: one failed sync answers all the commits it held.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The engine could not read or write.
    #[error("the database failed: {0}")]
    Engine(String),
    /// What is stored is not what was written.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Writing fails at the moment, as for want of room on the disk, and is tried again. Reading goes on.
    #[error("the database cannot write at the moment: {0}")]
    Failing(String),
    /// An earlier write failed for good: nothing more is written until the server is started again. Reading goes on.
    #[error("the database stopped taking writes: {0}")]
    Stopped(String),
    /// More waits to be written than is held in memory.
    #[error("the database is busy: too much waits to be written")]
    Busy,
    /// The folder was written by a newer Hearth.
    #[error(
        "the data folder has schema version {found}, this server knows versions up to {known}: use a newer one"
    )]
    TooNew {
        /// The folder's version.
        found: u64,
        /// The newest that this server knows.
        known: u64,
    },
}

impl StorageError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}
