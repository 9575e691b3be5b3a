//! `GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports`

use axum::extract::State;
use ruma::api::client::rtc::{
    RtcTransport,
    transports::v1::{Request as GetTransports, Response},
};

use crate::{Answer, ClientApi, ClientApiOptions, MatrixError, Request, Result};

/// Where clients meet for calls. Where the server was told of no place, it does as if it did not know the endpoint, by
/// which clients see that there is none.
pub async fn get_transports(
    State(api): State<ClientApi>,
    _request: Request<GetTransports>,
) -> Result<Answer<Response>> {
    match transports(&api.options) {
        transports if transports.is_empty() => {
            Err(MatrixError::unrecognized("This server was told of no place for calls."))
        }
        transports => Ok(Answer(Response::new(transports))),
    }
}

/// The places that the server was told of, the best first.
pub(crate) fn transports(options: &ClientApiOptions) -> Vec<RtcTransport> {
    options.rtc_livekit.iter().map(|url| RtcTransport::livekit(url.clone())).collect()
}
