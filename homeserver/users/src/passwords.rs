//! Passwords, hashed with Argon2id off the async threads.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

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
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.blocking(move || {
            let hash: PasswordHash = argon2
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|error| UsersError::Internal(format!("a password cannot be hashed: {error}")))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one behind this PHC string.
    pub(crate) async fn verify(&self, password: &str, hash: String) -> Result<bool, UsersError> {
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.blocking(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| {
                UsersError::Internal(format!("a stored password cannot be read: {error}"))
            })?;
            Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, UsersError> + Send + 'static,
    ) -> Result<T, UsersError> {
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| UsersError::Internal("passwords are no longer hashed".to_owned()))?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(|error| UsersError::Internal(format!("the hashing of a password ended early: {error}")))?
    }
}
