//! Why something did not work, as far as a person can do something about it.

use matrix_sdk::{
    Error, HttpError,
    ruma::api::error::{ErrorBody, ErrorKind},
};

/// A problem, by the text that tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The name of a text without values.
    Known(&'static str),
    /// The server does not allow it, and says why.
    Forbidden(String),
    /// Anything else, as the server or the SDK says it.
    Other(String),
}

impl From<HttpError> for Problem {
    fn from(error: HttpError) -> Self {
        match error.client_api_error_kind() {
            Some(ErrorKind::Forbidden) => Self::Forbidden(words(&error)),
            Some(ErrorKind::UserInUse) => Self::Known("error-taken"),
            Some(ErrorKind::InvalidUsername) => Self::Known("error-name"),
            Some(ErrorKind::LimitExceeded(_)) => Self::Known("error-limit"),
            Some(_) => Self::Other(words(&error)),
            None if matches!(error, HttpError::Reqwest(_)) => Self::Known("error-offline"),
            None => Self::Other(error.to_string()),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(error) => (*error).into(),
            error => Self::Other(error.to_string()),
        }
    }
}

/// What the server says for people.
fn words(error: &HttpError) -> String {
    match error.as_client_api_error().map(|error| &error.body) {
        Some(ErrorBody::Standard(body)) => body.message.clone(),
        _ => error.to_string(),
    }
}
