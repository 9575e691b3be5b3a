//! Server-side key backups.

pub mod keys;
#[cfg(test)]
mod tests;
pub mod version;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(version::create_backup_version)
        .endpoint(version::get_latest_backup_info)
        .endpoint(version::get_backup_info)
        .endpoint(version::update_backup_version)
        .endpoint(version::delete_backup_version)
        .endpoint(keys::add_backup_keys)
        .endpoint(keys::add_backup_keys_for_room)
        .endpoint(keys::add_backup_keys_for_session)
        .endpoint(keys::get_backup_keys)
        .endpoint(keys::get_backup_keys_for_room)
        .endpoint(keys::get_backup_keys_for_session)
        .endpoint(keys::delete_backup_keys)
        .endpoint(keys::delete_backup_keys_for_room)
        .endpoint(keys::delete_backup_keys_for_session)
}
