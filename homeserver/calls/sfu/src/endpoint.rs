//! LiveKit's endpoints: the WebSocket over which clients signal, and the check that says why one cannot be opened.

use std::{io::Read as _, sync::Arc};

use axum::{
    Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message as Frame, WebSocket},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::{
    messages::{Compression, JoinRequest, Message, SignalRequest, WrappedJoinRequest},
    outside::Outside,
    sfu::JoinError,
    token::{Token, TokenError, TokenKey},
    worker::{Calls, Signalling},
};

/// The longest message of a client, in bytes: its offers are the longest.
const MAX_MESSAGE: usize = 4 << 20;

/// The longest request to join, in bytes, when it is not compressed.
const MAX_JOIN: u64 = 1 << 20;

#[derive(Clone)]
struct Endpoint {
    calls: Calls,
    key: TokenKey,
    outside: Arc<dyn Outside>,
}

/// What stands in the query.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    access_token: String,
    /// A [`WrappedJoinRequest`] in base64.
    join_request: Option<String>,
}

/// Why a client is not let in. What it does next hangs on the status.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the request to join cannot be read")]
    Malformed,
    #[error(transparent)]
    Join(#[from] JoinError),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Token(_) | Self::Join(JoinError::NotAllowed) => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Join(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, ANY_ORIGIN, self.to_string()).into_response()
    }
}

/// Web pages of any origin may ask.
const ANY_ORIGIN: [(header::HeaderName, &str); 1] = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];

/// The endpoints, to be merged with others.
pub fn router(calls: Calls, key: TokenKey, outside: Arc<dyn Outside>) -> Router {
    Router::new()
        .route("/rtc/v1", get(connect))
        .route("/rtc/v1/validate", get(validate))
        .with_state(Endpoint { calls, key, outside })
}

/// `GET /rtc/v1/validate`: whether the token lets one in.
async fn validate(
    State(endpoint): State<Endpoint>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    endpoint.token(&asked, &headers)?;
    Ok((ANY_ORIGIN, "success").into_response())
}

/// `GET /rtc/v1`: the signalling connection of a client that has one peer connection.
async fn connect(
    State(endpoint): State<Endpoint>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let token = endpoint.token(&asked, &headers)?;
    let request = asked.join_request.as_deref().and_then(join_request).ok_or(Refused::Malformed)?;
    let signalling = endpoint.calls.join(token, request).await?;
    let calls = endpoint.calls;
    let (number, over) = (signalling.number, calls.clone());
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_failed_upgrade(move |_| _ = tokio::spawn(async move { over.silent(number).await }))
        .on_upgrade(move |socket| signal(socket, calls, signalling)))
}

impl Endpoint {
    /// Browsers have the token in the query, as they can set no header of a WebSocket; others in a header.
    fn token(&self, asked: &Asked, headers: &HeaderMap) -> Result<Token, TokenError> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        Token::verify(token.unwrap_or(&asked.access_token), &self.key, self.outside.now_ms() / 1000)
    }
}

fn join_request(text: &str) -> Option<JoinRequest> {
    let wrapped = general_purpose::URL_SAFE.decode(text).ok()?;
    let WrappedJoinRequest { compression, join_request } = WrappedJoinRequest::decode(&wrapped).ok()?;
    if compression != Compression::Gzip {
        return JoinRequest::decode(&join_request).ok();
    }
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(&*join_request).take(MAX_JOIN).read_to_end(&mut inflated).ok()?;
    JoinRequest::decode(&inflated).ok()
}

/// Carries signals both ways until either side ends it.
async fn signal(mut socket: WebSocket, calls: Calls, mut signalling: Signalling) {
    loop {
        tokio::select! {
            biased;
            told = signalling.told.recv() => {
                let Some(told) = told else { break };
                if socket.send(Frame::Binary(told.encode().into())).await.is_err() {
                    break;
                }
            }
            frame = socket.recv() => match frame {
                Some(Ok(Frame::Binary(bytes))) => {
                    let Ok(said) = SignalRequest::decode(&bytes) else { break };
                    calls.say(signalling.number, said).await;
                }
                Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Text(_))) => {}
                Some(Ok(Frame::Close(_)) | Err(_)) | None => break,
            },
        }
    }
    calls.silent(signalling.number).await;
    _ = socket.send(Frame::Close(None)).await;
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn asked(compression: Compression, join_request: Vec<u8>) -> String {
        let wrapped = WrappedJoinRequest { compression, join_request };
        general_purpose::URL_SAFE.encode(wrapped.encode())
    }

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_request_to_join_comes_plain_or_compressed() {
        let request = JoinRequest { participant_sid: "PA_x".to_owned(), ..JoinRequest::default() };
        let bytes = request.encode();
        assert_eq!(join_request(&asked(Compression::None, bytes.clone())), Some(request.clone()));
        assert_eq!(join_request(&asked(Compression::Gzip, compressed(&bytes))), Some(request));
        for text in ["", "!", "AAAA", &asked(Compression::Gzip, bytes)] {
            assert_eq!(join_request(text).filter(|read| *read != JoinRequest::default()), None, "{text}");
        }
    }

    #[test]
    fn a_compressed_request_is_not_inflated_without_bound() {
        let request = JoinRequest { metadata: "x".repeat(2 << 20), ..JoinRequest::default() };
        assert_eq!(join_request(&asked(Compression::Gzip, compressed(&request.encode()))), None);
    }
}
