//! End-to-end keys ("End-to-End Encryption").

pub mod claim;
pub mod query;

use hearth_http::{MatrixError, Result};
use ruma::OwnedUserId;
use std::collections::BTreeMap;

use crate::{Federation, endpoint::EndpointRouter};

/// As many users as may be asked for at once.
const MAX_USERS: usize = 5000;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(query::get_keys).endpoint(claim::claim_keys)
}

/// Leaves out whoever is not of this server.
fn own_users<T>(federation: &Federation, wanted: &mut BTreeMap<OwnedUserId, T>) -> Result<()> {
    wanted.retain(|user, _| federation.is_own(user.server_name()));
    match wanted.len() > MAX_USERS {
        true => Err(MatrixError::too_large("Too many users are asked for.")),
        false => Ok(()),
    }
}
