//! All endpoints of the server-server API.

use hearth_http::{MatrixError, Served};

use crate::{Federation, endpoint::EndpointRouter, server};

/// Every path and method that is served, sorted.
pub fn served() -> Vec<Served> {
    let mut served = server::routes(EndpointRouter::default()).served().to_vec();
    served.sort();
    served
}

/// The whole API, to be merged with the client's: what is at no path of either is left to that one's fallback.
pub fn router(federation: Federation) -> axum::Router {
    server::routes(EndpointRouter::default())
        .into_routes()
        .method_not_allowed_fallback(async || {
            MatrixError::method_not_allowed("This path takes other methods.")
        })
        .with_state(federation)
}
