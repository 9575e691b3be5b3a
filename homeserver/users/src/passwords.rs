//! Passwords, hashed with Argon2id off the async threads.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use hearth_storage::blocking;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{UsersError, shared::Shared};

/// What hashing a password costs: memory and passes over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordCost {
    /// KiB.
    pub memory: u32,
    /// How often the memory is passed over.
    pub passes: u32,
}

impl PasswordCost {
    /// What OWASP recommends at the least: 19 MiB, two passes.
    pub const STANDARD: Self = Self { memory: 19 * 1024, passes: 2 };
    /// For tests and benchmarks, where passwords protect nothing.
    pub const QUICK: Self = Self { memory: 8, passes: 1 };
}

#[derive(Clone)]
pub(crate) struct Passwords {
    shared: Arc<Shared>,
    argon2: Argon2<'static>,
    /// As many at once as there are cores: each takes its memory.
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(shared: Arc<Shared>, cost: PasswordCost) -> Result<Self, UsersError> {
        let params = Params::new(cost.memory, cost.passes, 1, None)
            .map_err(|error| UsersError::Internal(format!("the cost of passwords: {error}")))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            shared,
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(cores)),
        })
    }

    /// The password's PHC string.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, UsersError> {
        let mut salt = [0; 16];
        self.shared.random.fill(&mut salt);
        let _turn = self.turn().await?;
        blocking(|| {
            let hash: PasswordHash = self
                .argon2
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|error| UsersError::Internal(format!("a password cannot be hashed: {error}")))?;
            Ok(hash.to_string())
        })
    }

    /// Whether the password is the one behind this PHC string.
    pub(crate) async fn verify(&self, password: &str, hash: String) -> Result<bool, UsersError> {
        let _turn = self.turn().await?;
        blocking(|| {
            let hash = PasswordHash::new(&hash).map_err(|error| {
                UsersError::Internal(format!("a stored password cannot be read: {error}"))
            })?;
            Ok(self.argon2.verify_password(password.as_bytes(), &hash).is_ok())
        })
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, UsersError> {
        let turn = self.turns.acquire().await;
        turn.map_err(|_| UsersError::Internal("passwords are no longer hashed".to_owned()))
    }
}
