//! Requests for which ruma has no type, or one that leaves out what clients send.

use http::{Request, Uri};
use ruma::api::{
    IncomingRequest,
    auth_scheme::AccessToken,
    client::peeking::listen_to_new_events::v3::Response,
    error::{DeserializationError, Error},
    metadata,
};
use serde::de::DeserializeOwned;

use crate::{MatrixError, Result};

/// Endpoints whose query is read by their handlers.
macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident: $r0:literal, $v3:literal;)*) => {
        $(
            $(#[$doc])*
            pub struct $name {
                uri: Uri,
                path_args: Vec<String>,
            }

            metadata! {
                @for $name,
                method: GET,
                rate_limited: false,
                authentication: AccessToken,
                history: {
                    1.0 => $r0,
                    1.1 => $v3,
                }
            }

            impl IncomingRequest for $name {
                type EndpointError = Error;
                // The handlers write JSON of their own: this one stands for it.
                type OutgoingResponse = Response;

                fn try_from_http_request_inner(
                    request: Request<&[u8]>,
                    path_args: &[&str],
                ) -> Result<Self, DeserializationError> {
                    let path_args = path_args.iter().map(|argument| (*argument).to_owned()).collect();
                    Ok(Self { uri: request.uri().clone(), path_args })
                }
            }

            impl $name {
                /// The query.
                pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
                    query(&self.uri)
                }

                /// A variable of the path.
                pub fn argument(&self, place: usize) -> &str {
                    self.path_args.get(place).map(String::as_str).unwrap_or_default()
                }
            }
        )*
    };
}

endpoints! {
    /// `GET /_matrix/client/v3/sync`
    Sync: "/_matrix/client/r0/sync", "/_matrix/client/v3/sync";
    /// `GET /_matrix/client/v3/events`
    GetEvents: "/_matrix/client/r0/events", "/_matrix/client/v3/events";
    /// `GET /_matrix/client/v3/events/{eventId}`
    GetOneEvent: "/_matrix/client/r0/events/{event_id}", "/_matrix/client/v3/events/{event_id}";
    /// `GET /_matrix/client/v3/initialSync`
    InitialSync: "/_matrix/client/r0/initialSync", "/_matrix/client/v3/initialSync";
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    match axum::extract::Query::try_from_uri(uri) {
        Ok(axum::extract::Query(query)) => Ok(query),
        Err(error) => Err(MatrixError::invalid_param(error.body_text())),
    }
}

/// Endpoints whose query and body are read by their handlers.
macro_rules! sliding_endpoints {
    ($($(#[$doc:meta])* $name:ident: $path:literal;)*) => {
        $(
            $(#[$doc])*
            pub struct $name {}

            metadata! {
                @for $name,
                method: POST,
                rate_limited: false,
                authentication: AccessToken,
                path: $path
            }

            impl IncomingRequest for $name {
                type EndpointError = Error;
                type OutgoingResponse = Response;

                fn try_from_http_request_inner(
                    _request: Request<&[u8]>,
                    _path_args: &[&str],
                ) -> Result<Self, DeserializationError> {
                    Ok(Self {})
                }
            }
        )*
    };
}

sliding_endpoints! {
    /// `POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync`
    UnstableSlidingSync: "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    /// `POST /_matrix/client/v4/sync`
    SlidingSync: "/_matrix/client/v4/sync";
}
