//! Requests that name a room version.

use http::StatusCode;
use ruma::{RoomVersionId, api::IncomingRequest};
use serde::Deserialize;

use crate::{
    MatrixError, Request, Result,
    authentication::Authentication,
    request::{BodyKind, FromIncoming, Incoming},
};

/// A request that names a room version, which may be any text: ruma takes only those that are identifiers, and would
/// say that the request is none, where it is the version that this server does not know.
pub struct Versioned<R: IncomingRequest<Authentication: Authentication>>(pub Request<R>);

impl<R> FromIncoming for Versioned<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send + 'static,
{
    type Endpoint = R;
    const BODY: BodyKind = BodyKind::Json;

    fn from_incoming(incoming: Incoming) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(alias = "new_version")]
            room_version: String,
        }
        // What else may be wrong with the body is told by who reads all of it.
        if let Ok(Body { room_version }) = serde_json::from_slice(&incoming.bytes)
            && RoomVersionId::try_from(&*room_version).is_err()
        {
            return Err(unsupported(&room_version));
        }
        Request::from_incoming(incoming).map(Self)
    }
}

/// This server does not know a version.
pub(crate) fn unsupported(version: &str) -> MatrixError {
    let message = format!("This server does not support room version {version}.");
    MatrixError::new(StatusCode::BAD_REQUEST, "M_UNSUPPORTED_ROOM_VERSION", message)
}
