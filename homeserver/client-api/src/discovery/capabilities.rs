//! `GET /_matrix/client/v3/capabilities`

use axum::extract::State;
use ruma::{
    RoomVersionId,
    api::client::discovery::get_capabilities::v3::{
        AccountModerationCapability, Capabilities, GetLoginTokenCapability, ProfileFieldsCapability,
        Request as GetCapabilities, Response, RoomVersionStability, RoomVersionsCapability,
        ThirdPartyIdChangesCapability,
    },
};

use crate::{Answer, ClientApi, Request, Result};

/// What this server lets the user do
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities)).
pub async fn get_capabilities(
    State(api): State<ClientApi>,
    request: Request<GetCapabilities>,
) -> Result<Answer<Response>> {
    let mut capabilities = Capabilities::new();
    capabilities.room_versions = room_versions(api.options.default_room_version.clone());
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.get_login_token = GetLoginTokenCapability::new(true);
    capabilities.profile_fields = Some(ProfileFieldsCapability::new(true));
    if request.who.admin {
        capabilities.account_moderation = AccountModerationCapability::new(true, true);
    }
    Ok(Answer(Response::new(capabilities)))
}

/// All room versions of the specification; those before version 6 have weaknesses that later ones mended.
fn room_versions(default: RoomVersionId) -> RoomVersionsCapability {
    let available = (1..=12_u8).filter_map(|number| {
        let version = RoomVersionId::try_from(number.to_string()).ok()?;
        let stability =
            if number < 6 { RoomVersionStability::Unstable } else { RoomVersionStability::Stable };
        Some((version, stability))
    });
    RoomVersionsCapability::new(default, available.collect())
}
