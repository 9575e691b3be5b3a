//! `GET /_matrix/client/v3/capabilities`

use axum::extract::State;
use ruma::{
    RoomVersionId,
    api::client::discovery::get_capabilities::v3::{
        AccountModerationCapability, Capabilities, ChangePasswordCapability, GetLoginTokenCapability,
        ProfileFieldsCapability, Request as GetCapabilities, RoomVersionStability, RoomVersionsCapability,
        ThirdPartyIdChangesCapability,
    },
};
use serde::Serialize;

use crate::{ClientApi, Json, Request, Result};

/// The answer; of ruma's, what is as by default is left out.
#[derive(Serialize)]
pub struct All {
    capabilities: Told,
}

#[derive(Serialize)]
struct Told {
    /// There are clients that take it for absent where it is not named.
    #[serde(rename = "m.change_password")]
    change_password: ChangePasswordCapability,
    /// As it was called before it was part of the specification, for clients that look for it (MSC4133).
    #[serde(rename = "uk.tcpip.msc4133.profile_fields")]
    profile_fields: ProfileFieldsCapability,
    /// [MSC4452](https://github.com/matrix-org/matrix-spec-proposals/pull/4452).
    #[serde(rename = "io.element.msc4452.preview_url")]
    preview_url: Enabled,
    #[serde(rename = "m.webpush")]
    web_push: WebPush,
    #[serde(rename = "org.matrix.msc4174.webpush")]
    unstable_web_push: WebPush,
    #[serde(flatten)]
    others: Capabilities,
}

#[derive(Serialize)]
struct Enabled {
    enabled: bool,
}

/// Push without a gateway ([MSC4174](https://github.com/matrix-org/matrix-spec-proposals/pull/4174)).
#[derive(Clone, Serialize)]
struct WebPush {
    enabled: bool,
    /// What the client gives to its push service.
    vapid: String,
}

/// What this server lets the user do
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities)).
pub async fn get_capabilities(
    State(api): State<ClientApi>,
    request: Request<GetCapabilities>,
) -> Result<Json<All>> {
    let mut capabilities = Capabilities::new();
    capabilities.room_versions = room_versions(api.options.default_room_version.clone());
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.get_login_token = GetLoginTokenCapability::new(true);
    capabilities.profile_fields = Some(ProfileFieldsCapability::new(true));
    if request.who.admin {
        capabilities.account_moderation = AccountModerationCapability::new(true, true);
    }
    let change_password = capabilities.change_password.clone();
    let preview_url = Enabled { enabled: api.previews.is_some() };
    let profile_fields = ProfileFieldsCapability::new(true);
    let web_push = WebPush { enabled: true, vapid: api.pushes.vapid_key() };
    let unstable_web_push = web_push.clone();
    let others = capabilities;
    let told = Told { change_password, profile_fields, preview_url, web_push, unstable_web_push, others };
    Ok(Json(All { capabilities: told }))
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
