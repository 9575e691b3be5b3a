//! The one place where a failure becomes an HTTP answer.

use std::{borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use hearth_media::MediaError;
use hearth_previews::PreviewError;
use hearth_push::PushError;
use hearth_rooms::{MAX_DELAY_MS, RoomError};
use hearth_search::SearchError;
use hearth_storage::StorageError;
use hearth_sync::{SyncError, TokenError};
use hearth_users::UsersError;
use http::{HeaderValue, StatusCode, header};
use ruma::api::{
    client::uiaa::UiaaInfo,
    error::{DeserializationError, FromHttpRequestError, HeaderDeserializationError, IntoHttpError},
};
use serde_json::{Map, Value};

/// What every handler returns.
pub type Result<T, E = MatrixError> = std::result::Result<T, E>;

/// A standard error response: a status and a JSON object with `errcode`, `error` and whatever else the error
/// code defines ("Standard error response" in the specification).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{status} {}: {message}", errcode.unwrap_or("(no errcode)"))]
pub struct MatrixError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The `errcode`. Only the first answer of User-Interactive Authentication has none.
    pub errcode: Option<&'static str>,
    /// The `error`: a sentence for a person.
    pub message: Cow<'static, str>,
    /// Further fields of the body.
    pub fields: Map<String, Value>,
    /// When to try again; sent as `Retry-After` and `retry_after_ms`.
    pub retry_after: Option<Duration>,
}

/// Constructors that differ in nothing but status and code.
macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $errcode:literal;)*) => {
        impl MatrixError {
            $(
                $(#[$doc])*
                pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
                    Self::new(StatusCode::$status, $errcode, message)
                }
            )*
        }
    };
}

errors! {
    /// The body is no JSON.
    not_json: BAD_REQUEST, "M_NOT_JSON";
    /// The body is JSON, but not what the endpoint takes.
    bad_json: BAD_REQUEST, "M_BAD_JSON";
    /// A required parameter is missing.
    missing_param: BAD_REQUEST, "M_MISSING_PARAM";
    /// A parameter has a wrong value.
    invalid_param: BAD_REQUEST, "M_INVALID_PARAM";
    /// They may not.
    forbidden: FORBIDDEN, "M_FORBIDDEN";
    /// Guests may not.
    guest_access_forbidden: FORBIDDEN, "M_GUEST_ACCESS_FORBIDDEN";
    /// A suspended account may not.
    user_suspended: FORBIDDEN, "M_USER_SUSPENDED";
    /// There is none.
    not_found: NOT_FOUND, "M_NOT_FOUND";
    /// This server does not serve that path.
    unrecognized: NOT_FOUND, "M_UNRECOGNIZED";
    /// This server serves that path, with another method.
    method_not_allowed: METHOD_NOT_ALLOWED, "M_UNRECOGNIZED";
    /// The body, or what it asks for, is too large.
    too_large: PAYLOAD_TOO_LARGE, "M_TOO_LARGE";
    /// A request that makes no sense, for which there is no code of its own.
    unknown: BAD_REQUEST, "M_UNKNOWN";
    /// The server failed.
    internal: INTERNAL_SERVER_ERROR, "M_UNKNOWN";
    /// The server cannot do that now.
    unavailable: SERVICE_UNAVAILABLE, "M_UNKNOWN";
    /// No access token was given.
    missing_token: UNAUTHORIZED, "M_MISSING_TOKEN";
    /// What a client of a sliding sync was told is not known.
    unknown_pos: BAD_REQUEST, "M_UNKNOWN_POS";
    /// The user id is taken.
    user_in_use: BAD_REQUEST, "M_USER_IN_USE";
    /// The user id is not valid.
    invalid_username: BAD_REQUEST, "M_INVALID_USERNAME";
    /// The account is deactivated.
    user_deactivated: FORBIDDEN, "M_USER_DEACTIVATED";
    /// The password is too weak.
    weak_password: BAD_REQUEST, "M_WEAK_PASSWORD";
}

impl MatrixError {
    /// An error of any status and code.
    pub fn new(status: StatusCode, errcode: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            errcode: Some(errcode),
            message: message.into(),
            fields: Map::new(),
            retry_after: None,
        }
    }

    /// Adds a field that the error code defines.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The access token is not known, or no longer. With `soft_logout` the client keeps its data and may
    /// refresh its token or log in again to the same device.
    pub fn unknown_token(message: impl Into<Cow<'static, str>>, soft_logout: bool) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN", message).with("soft_logout", soft_logout)
    }

    /// An application service names a device that its user does not have.
    pub fn unknown_device() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_UNKNOWN_DEVICE", "That user has no such device.")
    }

    /// A name that is an application service's alone, or not that of the one that asks.
    pub fn exclusive(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_EXCLUSIVE", message)
    }

    /// The account is locked ("Account locking").
    pub fn user_locked() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "M_USER_LOCKED", "This account is locked.")
            .with("soft_logout", true)
    }

    /// An administrator has yet to let the user in (MSC3866); nobody writes to them when one does.
    pub fn awaiting_approval() -> Self {
        let message = "An administrator has to let you in.";
        Self::new(StatusCode::FORBIDDEN, "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL", message)
            .with("approval_notice_medium", "org.matrix.msc3866.none")
    }

    /// Too much was asked for in too short a time.
    pub fn limit_exceeded(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED", "Too many requests: slow down.")
        }
    }

    /// The user has, or would have, more of something than they may.
    pub fn user_limit_exceeded(message: impl Into<Cow<'static, str>>) -> Self {
        // The field must be there, and this server has no page of its own about its limits.
        let about = "https://spec.matrix.org/v1.19/client-server-api/#common-error-codes";
        Self::new(StatusCode::FORBIDDEN, "M_USER_LIMIT_EXCEEDED", message).with("info_uri", about)
    }

    /// What an endpoint with User-Interactive Authentication answers until it is complete.
    pub fn authentication_required(info: &UiaaInfo) -> Self {
        let fields = match serde_json::to_value(info) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        Self { errcode: None, fields, ..Self::new(StatusCode::UNAUTHORIZED, "", "") }
    }
}

impl IntoResponse for MatrixError {
    fn into_response(self) -> Response {
        let mut body = self.fields;
        if let Some(errcode) = self.errcode {
            body.insert("errcode".to_owned(), errcode.into());
            body.insert("error".to_owned(), Value::String(self.message.into_owned()));
        }
        if let Some(retry_after) = self.retry_after {
            body.insert("retry_after_ms".to_owned(), (retry_after.as_millis() as u64).into());
        }
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            Value::Object(body).to_string(),
        )
            .into_response();
        if let Some(retry_after) = self.retry_after {
            // The header counts whole seconds: rounded up, as earlier would be in vain.
            let seconds = retry_after.as_millis().div_ceil(1000) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StorageError> for MatrixError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Busy => Self::limit_exceeded(Duration::from_secs(1)),
            StorageError::Failing(_) => {
                tracing::warn!(%error, "refused a write");
                Self::unavailable("The server can write nothing at the moment; try again later.")
            }
            StorageError::Stopped(_) => {
                tracing::error!(%error, "refused a write");
                Self::unavailable("The server takes no writes now: its database stopped after a failure.")
            }
            StorageError::Engine(_) | StorageError::Corrupt(_) | StorageError::TooNew { .. } => {
                tracing::error!(%error, "the database failed");
                Self::internal("The server's database failed.")
            }
        }
    }
}

impl From<UsersError> for MatrixError {
    fn from(error: UsersError) -> Self {
        let message = error.to_string();
        match error {
            UsersError::Storage(error) => error.into(),
            UsersError::UserInUse => Self::user_in_use(message),
            UsersError::NotFound(_) => Self::not_found(message),
            UsersError::Forbidden(_) => Self::forbidden(message),
            UsersError::InvalidParam(_) => Self::invalid_param(message),
            UsersError::MissingParam(_) => Self::missing_param(message),
            UsersError::BadJson(_) => Self::bad_json(message),
            UsersError::InvalidSignature(_) => {
                Self::new(StatusCode::BAD_REQUEST, "M_INVALID_SIGNATURE", message)
            }
            UsersError::UnknownToken { soft_logout } => Self::unknown_token(message, soft_logout),
            UsersError::WrongBackupVersion { current } => {
                Self::new(StatusCode::FORBIDDEN, "M_WRONG_ROOM_KEYS_VERSION", message)
                    .with("current_version", current)
            }
            UsersError::ProfileTooLarge => Self::new(StatusCode::BAD_REQUEST, "M_PROFILE_TOO_LARGE", message),
            UsersError::ProfileKeyTooLarge => Self::new(StatusCode::BAD_REQUEST, "M_KEY_TOO_LARGE", message),
            UsersError::ConflictingUnsubscription => {
                Self::new(StatusCode::CONFLICT, "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION", message)
            }
            UsersError::TooLarge(_) => Self::too_large(message),
            UsersError::LimitExceeded(_) => Self::user_limit_exceeded(message),
            UsersError::Internal(_) => {
                tracing::error!(error = message, "an account could not be served");
                Self::internal("The server failed.")
            }
        }
    }
}

impl From<MediaError> for MatrixError {
    fn from(error: MediaError) -> Self {
        let message = error.to_string();
        match error {
            MediaError::Storage(error) => error.into(),
            MediaError::File(error) => {
                tracing::error!(%error, "a file of the media store failed");
                Self::internal("The server's media store failed.")
            }
            MediaError::NotFound => Self::not_found(message),
            MediaError::NotYetUploaded => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "M_NOT_YET_UPLOADED", message)
            }
            MediaError::TooLarge | MediaError::ImageTooLarge => Self::too_large(message),
            MediaError::TooManyPending => {
                Self { message: message.into(), ..Self::limit_exceeded(Duration::from_secs(60)) }
            }
            MediaError::Forbidden => Self::forbidden(message),
            MediaError::LimitExceeded => Self::user_limit_exceeded(message),
            MediaError::AlreadyUploaded => {
                Self::new(StatusCode::CONFLICT, "M_CANNOT_OVERWRITE_MEDIA", message)
            }
            MediaError::NotAnImage | MediaError::Interrupted(_) => Self::unknown(message),
            MediaError::Internal(_) => {
                tracing::error!(error = message, "a medium could not be served");
                Self::internal("The server's media store failed.")
            }
        }
    }
}

impl From<PreviewError> for MatrixError {
    fn from(error: PreviewError) -> Self {
        let message = error.to_string();
        match error {
            PreviewError::Url => Self::invalid_param(message),
            PreviewError::Fetch(_) => Self::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", message),
            PreviewError::Busy => {
                Self { message: message.into(), ..Self::limit_exceeded(Duration::from_secs(5)) }
            }
            PreviewError::Media(_) => {
                tracing::error!(error = message, "the image of a preview could not be kept");
                Self::internal("The server's media store failed.")
            }
        }
    }
}

impl From<RoomError> for MatrixError {
    fn from(error: RoomError) -> Self {
        let message = error.to_string();
        match error {
            RoomError::Storage(error) => error.into(),
            RoomError::UnknownRoom | RoomError::UnknownEvent | RoomError::UnknownAlias => {
                Self::not_found(message)
            }
            RoomError::Forbidden(_) => Self::forbidden(message),
            RoomError::Invalid(_) => Self::bad_json(message),
            RoomError::Refused(_) => Self::unknown(message),
            RoomError::TooLarge(_) => Self::too_large(message),
            RoomError::UnsupportedVersion(_) => {
                Self::new(StatusCode::BAD_REQUEST, "M_UNSUPPORTED_ROOM_VERSION", message)
            }
            RoomError::AliasTaken => Self::new(StatusCode::CONFLICT, "M_UNKNOWN", message),
            RoomError::UnableToAuthoriseJoin(_) => {
                Self::new(StatusCode::BAD_REQUEST, "M_UNABLE_TO_AUTHORISE_JOIN", message)
            }
            RoomError::NoPolicyServer => Self::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", message),
            RoomError::UnknownDelayedEvent => Self::not_found(message),
            // As clients know it ([MSC4140]); the code that they look for stands beside the general one.
            RoomError::DelayTooLong => Self::unknown(message)
                .with("org.matrix.msc4140.errcode", "M_MAX_DELAY_EXCEEDED")
                .with("org.matrix.msc4140.max_delay", MAX_DELAY_MS),
            RoomError::TooManyDelayedEvents => {
                Self::unknown(message).with("org.matrix.msc4140.errcode", "M_MAX_DELAYED_EVENTS_EXCEEDED")
            }
            RoomError::DuplicateAnnotation => {
                Self::new(StatusCode::BAD_REQUEST, "M_DUPLICATE_ANNOTATION", message)
            }
            RoomError::Busy => {
                Self { message: message.into(), ..Self::limit_exceeded(Duration::from_secs(1)) }
            }
        }
    }
}

impl From<PushError> for MatrixError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Storage(error) => error.into(),
            PushError::Room(error) => error.into(),
            PushError::Users(error) => error.into(),
        }
    }
}

impl From<SearchError> for MatrixError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Rooms(error) => error.into(),
            SearchError::Users(error) => error.into(),
            SearchError::Storage(error) => error.into(),
            SearchError::Folder { .. } | SearchError::Index(_) => {
                tracing::error!(%error, "a search failed");
                Self::internal("The server's search failed.")
            }
        }
    }
}

impl From<SyncError> for MatrixError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Storage(error) => error.into(),
            SyncError::Room(error) => error.into(),
            SyncError::Users(error) => error.into(),
            SyncError::InvalidFilter(_) | SyncError::InvalidRequest(_) => {
                Self::invalid_param(error.to_string())
            }
            SyncError::UnknownPosition => Self::unknown_pos(error.to_string()),
            SyncError::UnknownFilter => Self::not_found(error.to_string()),
            SyncError::Full => {
                Self { message: error.to_string().into(), ..Self::limit_exceeded(Duration::from_secs(5)) }
            }
            SyncError::Behind => Self::unavailable("The server cannot tell what is new at the moment."),
            SyncError::Stopping => Self::unavailable("The server is stopping."),
        }
    }
}

impl From<TokenError> for MatrixError {
    fn from(error: TokenError) -> Self {
        Self::invalid_param(error.to_string())
    }
}

impl From<FromHttpRequestError> for MatrixError {
    fn from(error: FromHttpRequestError) -> Self {
        match error {
            FromHttpRequestError::Deserialization(error) => error.into(),
            FromHttpRequestError::MethodMismatch { .. } => Self::method_not_allowed("The method is wrong."),
            error => Self::unknown(error.to_string()),
        }
    }
}

impl From<DeserializationError> for MatrixError {
    fn from(error: DeserializationError) -> Self {
        use HeaderDeserializationError::MissingHeader;
        match error {
            DeserializationError::Json(error) => error.into(),
            // The error of the query and path deserializers is a sentence and no more.
            DeserializationError::Query(error) if error.to_string().starts_with("missing field") => {
                Self::missing_param(error.to_string())
            }
            DeserializationError::Header(error @ MissingHeader(_)) => Self::missing_param(error.to_string()),
            error => Self::invalid_param(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for MatrixError {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::bad_json(error.to_string()),
            _ => Self::not_json(error.to_string()),
        }
    }
}

impl From<IntoHttpError> for MatrixError {
    fn from(error: IntoHttpError) -> Self {
        tracing::error!(%error, "an answer could not be written");
        Self::internal("The server could not write its answer.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn json(error: MatrixError) -> (StatusCode, Value) {
        let response = error.into_response();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn the_standard_body() {
        let (status, body) = json(MatrixError::unknown_token("no", true)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            body,
            serde_json::json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "no", "soft_logout": true })
        );
    }

    #[tokio::test]
    async fn limits_say_when_to_come_again() {
        let error = MatrixError::from(StorageError::Busy);
        assert_eq!(error.status, StatusCode::TOO_MANY_REQUESTS);
        let response = MatrixError::limit_exceeded(Duration::from_millis(1500)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let (_, body) = json(MatrixError::limit_exceeded(Duration::from_millis(1500))).await;
        assert_eq!(body["retry_after_ms"], 1500);
    }

    #[test]
    fn json_errors_are_told_apart() {
        let error =
            |text: &str| MatrixError::from(serde_json::from_str::<Vec<u8>>(text).unwrap_err()).errcode;
        assert_eq!(error("[1,"), Some("M_NOT_JSON"));
        assert_eq!(error("nonsense"), Some("M_NOT_JSON"));
        assert_eq!(error("{}"), Some("M_BAD_JSON"));
    }
}
