//! Profiles of users of other servers.

use ruma::{
    UserId,
    api::federation::query::get_profile_information::v1::Request as GetProfile,
    profile::{ProfileFieldName, UserProfile},
};

use super::lookup_for;
use crate::{AskedBy, Federation, FederationError};

impl Federation {
    /// The profile of a user of another server, or one field of it.
    pub async fn profile(
        &self,
        asked_by: AskedBy,
        user: &UserId,
        field: Option<ProfileFieldName>,
    ) -> Result<UserProfile, FederationError> {
        let mut request = GetProfile::new(user.to_owned());
        request.field = field;
        let limits = lookup_for(&asked_by);
        Ok(self.look_up(asked_by, self.client().send_with(user.server_name(), request, limits)).await?.data)
    }
}
