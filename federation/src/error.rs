//! How a request to another server fails.

use hearth_http::MatrixError;
use hearth_media::MediaError;
use hearth_network::NetworkError;
use hearth_rooms::RoomError;
use hearth_storage::StorageError;
use hearth_users::UsersError;
use http::StatusCode;
use serde_json::{Map, Value};

/// Why something could not be done with another server.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// It could not be found, connected to, or did not answer in time.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It answered with an error of its own.
    #[error("the server answered {status} {errcode}: {error}")]
    Refused {
        status: StatusCode,
        /// `M_UNKNOWN` if its answer has none.
        errcode: String,
        error: String,
        /// What else the answer has, such as `room_version`.
        fields: Map<String, Value>,
    },
    /// Its answer makes no sense.
    #[error("the server's answer is not valid: {0}")]
    Invalid(String),
    /// It failed lately, and is not tried again yet.
    #[error("the server could not be reached lately, and is not tried again yet")]
    BackingOff,
    #[error("this server has nothing to do with that one: an administrator banned it")]
    Banned,
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Federation cannot start; the text says what to do.
    #[error("{0}")]
    Setup(String),
}

impl FederationError {
    /// Whether the server itself is to blame, so that it should be left alone for a while: it is not there, too
    /// slow, or broken.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => status.is_server_error(),
            _ => false,
        }
    }

    /// What a server has against an event that this server made: nothing that the client could mend, so it is no refusal
    /// of what the client asked for ("Joining Rooms", "Inviting to a room": it is answered with a 5xx).
    pub(crate) fn of_our_event(self) -> Self {
        match &self {
            Self::Refused { status: StatusCode::BAD_REQUEST, errcode, .. }
                if ["M_INVALID_PARAM", "M_MISSING_PARAM"].contains(&&**errcode) =>
            {
                Self::Invalid(format!("of this server's event: {self}"))
            }
            _ => self,
        }
    }

    /// Whether the server answered that it does not have or does not give what was asked for: to ask it again soon
    /// is of no use.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// Whether the server refused with this `errcode`.
    pub fn is_errcode(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { errcode, .. } if errcode == wanted)
    }
}

impl From<NetworkError> for FederationError {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Connect(_) | NetworkError::Exchange(_) | NetworkError::TimedOut => {
                Self::Unreachable(error.to_string())
            }
            NetworkError::TooLarge(_) | NetworkError::Url(_) => Self::Invalid(error.to_string()),
            NetworkError::Crowded => RoomError::Busy.into(),
            NetworkError::Setup(text) => Self::Setup(text),
        }
    }
}

/// The codes that mean to our client what they mean to us. A 401 is not among them: it is about this server's
/// signature, and would log the client out.
const PASSED_ON: &[(StatusCode, &[&str])] = &[
    (
        StatusCode::BAD_REQUEST,
        &[
            "M_BAD_JSON",
            "M_INCOMPATIBLE_ROOM_VERSION",
            "M_INVALID_PARAM",
            "M_MISSING_PARAM",
            "M_UNABLE_TO_AUTHORISE_JOIN",
            "M_UNABLE_TO_GRANT_JOIN",
            "M_UNKNOWN",
            "M_UNSUPPORTED_ROOM_VERSION",
        ],
    ),
    (StatusCode::FORBIDDEN, &["M_FORBIDDEN", "M_INVITE_BLOCKED", "M_BAD_STATE"]),
    (StatusCode::NOT_FOUND, &["M_NOT_FOUND", "M_UNABLE_TO_AUTHORISE_JOIN"]),
    (StatusCode::CONFLICT, &["M_UNKNOWN"]),
    (StatusCode::PAYLOAD_TOO_LARGE, &["M_TOO_LARGE"]),
    (StatusCode::TOO_MANY_REQUESTS, &["M_LIMIT_EXCEEDED"]),
    (StatusCode::GATEWAY_TIMEOUT, &["M_NOT_YET_UPLOADED"]),
];

fn passed_on(status: StatusCode, errcode: &str) -> Option<&'static str> {
    let (_, codes) = PASSED_ON.iter().find(|(known, _)| *known == status)?;
    codes.iter().find(|code| **code == errcode).copied()
}

impl From<FederationError> for MatrixError {
    fn from(error: FederationError) -> Self {
        let message = error.to_string();
        let bad_gateway = |message: String| Self::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", message);
        match error {
            FederationError::Room(error) => error.into(),
            FederationError::Users(error) => error.into(),
            FederationError::Media(error) => error.into(),
            FederationError::Storage(error) => error.into(),
            FederationError::Refused { status, errcode, error, fields } => {
                match passed_on(status, &errcode) {
                    Some(errcode) => Self { fields, ..Self::new(status, errcode, error) },
                    None => bad_gateway(message),
                }
            }
            FederationError::Banned => Self::forbidden(message),
            FederationError::Unreachable(_)
            | FederationError::Invalid(_)
            | FederationError::BackingOff
            | FederationError::Setup(_) => bad_gateway(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: StatusCode, errcode: &str) -> MatrixError {
        let (errcode, error) = (errcode.to_owned(), "no".to_owned());
        FederationError::Refused { status, errcode, error, fields: Map::new() }.into()
    }

    #[test]
    fn what_concerns_the_client_is_passed_on_and_the_rest_is_a_bad_gateway() {
        let forbidden = refused(StatusCode::FORBIDDEN, "M_FORBIDDEN");
        assert_eq!((forbidden.status, forbidden.errcode), (StatusCode::FORBIDDEN, Some("M_FORBIDDEN")));
        // A client that saw this would take its own token for unknown.
        let unauthorized = refused(StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN");
        assert_eq!((unauthorized.status, unauthorized.errcode), (StatusCode::BAD_GATEWAY, Some("M_UNKNOWN")));
        assert_eq!(refused(StatusCode::NOT_FOUND, "M_UNRECOGNIZED").status, StatusCode::BAD_GATEWAY);
    }
}
