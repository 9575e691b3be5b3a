//! Profiles of users of other servers.

use ruma::{
    UserId,
    api::federation::query::get_profile_information::v1::Request as GetProfile,
    profile::{ProfileFieldName, UserProfile},
};

use super::SOON;
use crate::{Federation, FederationError};

impl Federation {
    /// The profile of a user of another server, or one field of it.
    pub async fn profile(
        &self,
        user: &UserId,
        field: Option<ProfileFieldName>,
    ) -> Result<UserProfile, FederationError> {
        let mut request = GetProfile::new(user.to_owned());
        request.field = field;
        Ok(self.client().send_with(user.server_name(), request, SOON).await?.data)
    }
}
