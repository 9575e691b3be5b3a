//! `GET` and `POST /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events`

use axum::extract::State;
use hearth_storage::Position;
use ruma::{
    DeviceId, OwnedDeviceId, UserId,
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::dehydrated_device::get_events::unstable as post,
        error::{DeserializationError, Error},
    },
    events::AnyToDeviceEvent,
    metadata,
    serde::Raw,
};
use serde::{Deserialize, Serialize};

use crate::{ClientApi, Json, MatrixError, Request, Result};

/// The messages that wait for the user's dehydrated device, in order. They stay: the device goes when its client has read
/// them all.
pub async fn get_events(State(api): State<ClientApi>, request: Request<GetEvents>) -> Result<Json<Events>> {
    #[derive(Deserialize)]
    struct Query {
        from: Option<String>,
    }
    let Query { from } = request.query()?;
    let (mut events, more) = page(&api, &request.who.user, &request.body.device_id, from.as_deref())?;
    if !more {
        events.next_batch = None;
    }
    Ok(Json(events))
}

/// The same as it was asked for before, by clients that go on until nothing comes.
pub async fn post_events(
    State(api): State<ClientApi>,
    request: Request<post::Request>,
) -> Result<Json<Events>> {
    let post::Request { device_id, next_batch, .. } = &request.body;
    Ok(Json(page(&api, &request.who.user, device_id, next_batch.as_deref())?.0))
}

/// Some messages to a device.
#[derive(Serialize)]
pub struct Events {
    events: Vec<Raw<AnyToDeviceEvent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

/// The messages after a token, and whether there are more.
fn page(api: &ClientApi, user: &UserId, device: &DeviceId, from: Option<&str>) -> Result<(Events, bool)> {
    if api.users.dehydrated_devices.get(user)?.is_none_or(|found| found.device != device) {
        return Err(MatrixError::forbidden("That is not your dehydrated device."));
    }
    let after = from.map(place).transpose()?.unwrap_or_default();
    let until = api.rooms.store().published();
    let waiting = api.users.to_device.list(user, device, after, until)?;
    let next_batch = Some(format!("d{}", waiting.through.0));
    let events = waiting.messages.into_iter().map(|(_, message)| message).collect();
    Ok((Events { events, next_batch }, waiting.through < until))
}

fn place(token: &str) -> Result<Position> {
    let number = token.strip_prefix('d').and_then(|number| number.parse().ok());
    number.map(Position).ok_or_else(|| MatrixError::invalid_param("That is no token of this server."))
}

/// What is asked, which ruma knows by `POST` only.
pub struct GetEvents {
    device_id: OwnedDeviceId,
}

metadata! {
    @for GetEvents,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device_id}/events",
}

impl IncomingRequest for GetEvents {
    type EndpointError = Error;
    type OutgoingResponse = post::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self { device_id: path_args.first().copied().unwrap_or_default().into() })
    }
}
