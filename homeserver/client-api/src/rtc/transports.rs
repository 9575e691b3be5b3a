//! `GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports`

use axum::extract::State;
use ruma::api::client::rtc::{
    RtcTransport,
    transports::v1::{Request as GetTransports, Response},
};

use super::service;
use crate::{Answer, ClientApi, MatrixError, Request, Result};

/// Where clients meet for calls. Where the server was told of no place, it does as if it did not know the endpoint, by
/// which clients see that there is none.
pub async fn get_transports(
    State(api): State<ClientApi>,
    _request: Request<GetTransports>,
) -> Result<Answer<Response>> {
    match transports(&api) {
        transports if transports.is_empty() => {
            Err(MatrixError::unrecognized("This server was told of no place for calls."))
        }
        transports => Ok(Answer(Response::new(transports))),
    }
}

/// The places that there are, the best first: this server's own, and those that it was told of.
pub(crate) fn transports(api: &ClientApi) -> Vec<RtcTransport> {
    let own = api.calls.as_ref().map(|calls| format!("{}{}", calls.base_url(), service::PATH));
    own.into_iter().chain(api.options.rtc_livekit.iter().cloned()).map(RtcTransport::livekit).collect()
}
