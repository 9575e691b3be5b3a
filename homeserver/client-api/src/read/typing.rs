//! `PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}`

use std::time::Duration;

use axum::extract::State;
use http::Method;
use ruma::{
    OwnedRoomId, OwnedUserId, UInt,
    api::{
        IncomingRequest, Metadata,
        client::typing::create_typing_event::v3::{Request as CreateTypingEvent, Response},
        error::DeserializationError,
    },
};
use serde::Deserialize;

use crate::{Answer, ClientApi, Request, Result, room::access};

/// How long a user types who does not say.
const DEFAULT: Duration = Duration::from_secs(30);

/// What is asked; ruma's type wants a `timeout` where the specification does not.
pub struct SetTyping {
    room_id: OwnedRoomId,
    user_id: OwnedUserId,
    /// `None` for no longer.
    typing: Option<Duration>,
}

impl Metadata for SetTyping {
    const METHOD: Method = CreateTypingEvent::METHOD;
    const RATE_LIMITED: bool = CreateTypingEvent::RATE_LIMITED;
    type Authentication = <CreateTypingEvent as Metadata>::Authentication;
    type PathBuilder = <CreateTypingEvent as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = CreateTypingEvent::PATH_BUILDER;
}

impl IncomingRequest for SetTyping {
    type EndpointError = <CreateTypingEvent as IncomingRequest>::EndpointError;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        #[derive(Deserialize)]
        struct Body {
            typing: bool,
            timeout: Option<UInt>,
        }
        let argument = |place: usize| path_args.get(place).copied().unwrap_or_default();
        let (room_id, user_id) = (argument(0).try_into()?, argument(1).try_into()?);
        let Body { typing, timeout } = serde_json::from_slice(request.body())?;
        let timeout = timeout.map_or(DEFAULT, |timeout| Duration::from_millis(timeout.into()));
        Ok(Self { room_id, user_id, typing: typing.then_some(timeout) })
    }
}

/// Says that the user types in a room, or has stopped
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid)).
pub async fn set_typing(
    State(api): State<ClientApi>,
    request: Request<SetTyping>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.is(&body.user_id)?;
    who.not_suspended()?;
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    if who.shadow_banned {
        return Ok(Answer(Response::new()));
    }
    api.sync.set_typing(&room, &who.user, body.typing);
    if body.typing.is_some() {
        api.sync.active(&who.user);
    }
    Ok(Answer(Response::new()))
}
