//! The application services of a server.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use hearth_network::Network;
use hearth_rooms::Rooms;
use hearth_storage::{Clock, Random, schema::users::AccountKind};
use hearth_sync::SyncService;
use hearth_users::{NewAccount, Users, UsersError};
use parking_lot::RwLock;
use ruma::{RoomAliasId, ServerName, UserId};

use crate::{RegistrationError, Service, wire::Wire};

/// What [`AppServices`] are made of.
pub struct Parts {
    pub rooms: Rooms,
    pub users: Users,
    pub sync: SyncService,
    /// Reaches the services, wherever the administrator says that they are.
    pub network: Network,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// All application services of this server. Cheap to clone.
#[derive(Clone)]
pub struct AppServices(Arc<Inner>);

struct Inner {
    parts: Parts,
    wire: Wire,
    services: RwLock<Vec<Arc<Service>>>,
}

impl AppServices {
    pub fn new(parts: Parts, services: Vec<Arc<Service>>) -> Self {
        let wire = Wire::new(parts.network.clone());
        Self(Arc::new(Inner { parts, wire, services: RwLock::new(services) }))
    }

    /// Reads registration files.
    ///
    /// # Errors
    /// The first thing that is wrong in one of them, or that two of them claim.
    pub fn read(files: &[PathBuf], server_name: &ServerName) -> Result<Vec<Arc<Service>>, RegistrationError> {
        let mut services: Vec<Arc<Service>> = Vec::new();
        for file in files {
            let service = Service::open(file, server_name)?;
            if let Some(clash) = services.iter().find_map(|other| service.clash(other)) {
                return Err(RegistrationError::new(Path::new(file), None, clash));
            }
            services.push(Arc::new(service));
        }
        Ok(services)
    }

    /// Makes the accounts of those users that services are where they name none, as far as they are not there.
    ///
    /// # Errors
    /// If the store takes no writes.
    pub async fn make_senders(&self) -> Result<(), UsersError> {
        for service in self.all() {
            let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
            match self.parts().users.accounts.create(&service.sender, account).await {
                Ok(()) | Err(UsersError::UserInUse) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Service>> {
        self.0.services.read().clone()
    }

    /// Others take the place of those there were.
    pub(crate) fn replace(&self, services: Vec<Arc<Service>>) {
        *self.0.services.write() = services;
    }

    /// The service that shows this token. There are few.
    pub fn by_token(&self, as_token: &str) -> Option<Arc<Service>> {
        self.find(|service| same(service.as_token.as_bytes(), as_token.as_bytes()))
    }

    /// The service that alone may have a user of this name.
    pub fn owner_of_user(&self, user: &UserId) -> Option<Arc<Service>> {
        self.find(|service| service.owns_user(user))
    }

    /// The service that alone may have an alias of this name.
    pub fn owner_of_alias(&self, alias: &RoomAliasId) -> Option<Arc<Service>> {
        self.find(|service| service.owns_alias(alias))
    }

    pub(crate) fn find(&self, is_it: impl Fn(&Service) -> bool) -> Option<Arc<Service>> {
        self.0.services.read().iter().find(|service| is_it(service)).cloned()
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.0.wire
    }
}

/// Compares secrets in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
