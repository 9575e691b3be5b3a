//! Administration of users ("Server Administration").

pub mod lock;
pub mod suspend;
#[cfg(test)]
mod tests;
pub mod whois;

use hearth_storage::schema::users::AccountRow;
use ruma::UserId;

use crate::{ClientApi, EndpointRouter, MatrixError, Requester, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(whois::get_user_info)
        .endpoint(suspend::is_user_suspended)
        .endpoint(suspend::suspend_user)
        .endpoint(lock::is_user_locked)
        .endpoint(lock::lock_user)
}

/// The account that an administrator wants to moderate, if they may.
fn moderated(api: &ClientApi, who: &Requester, user: &UserId) -> Result<AccountRow> {
    who.is_admin()?;
    if user.server_name() != api.options.server_name {
        return Err(MatrixError::invalid_param("That user is not of this server."));
    }
    let account = api.users.accounts.get(user)?.filter(|account| !account.deactivated);
    let account = account.ok_or_else(|| MatrixError::not_found("There is no such user."))?;
    match account.admin {
        true => Err(MatrixError::forbidden("Administrators cannot be moderated.")),
        false => Ok(account),
    }
}
