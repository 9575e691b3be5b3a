//! What a handler answers.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::header;
use ruma::api::{IncomingRequest, OutgoingResponse, OutgoingResponseExt as _, error::IntoHttpError};
use serde::Serialize;

use crate::Result;

/// A typed answer.
pub struct Answer<T: OutgoingResponse>(pub T);

/// An answer as JSON, where ruma's type leaves out what others need.
pub struct Json<T: Serialize>(pub T);

/// An answer that is JSON text already.
pub struct JsonText(pub String);

/// What a handler of the endpoint `R` may answer: `Answer<R::OutgoingResponse>`, [`Json`], [`JsonText`], or a
/// [`Response`] of its own making, as for a body that is streamed.
pub trait AnswerTo<R> {
    /// Writes it.
    fn into_http(self) -> Result<Response>;
}

impl<R: IncomingRequest> AnswerTo<R> for Answer<R::OutgoingResponse> {
    fn into_http(self) -> Result<Response> {
        Ok(self.0.try_into_http_response::<Vec<u8>>()?.map(Body::from))
    }
}

impl<R, T: Serialize> AnswerTo<R> for Json<T> {
    fn into_http(self) -> Result<Response> {
        let body = serde_json::to_vec(&self.0).map_err(IntoHttpError::from)?;
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    }
}

impl<R> AnswerTo<R> for JsonText {
    fn into_http(self) -> Result<Response> {
        Ok(([(header::CONTENT_TYPE, "application/json")], self.0).into_response())
    }
}

impl<R> AnswerTo<R> for Response {
    fn into_http(self) -> Result<Response> {
        Ok(self)
    }
}
