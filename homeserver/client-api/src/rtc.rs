//! Calls ([MSC4143](https://github.com/matrix-org/matrix-spec-proposals/pull/4143)).

pub mod service;
#[cfg(test)]
mod tests;
pub mod transports;

use http::Method;

use self::service::{DELEGATE, GET_TOKEN, SFU_GET};
use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, transports::get_transports)
        .unspecified(Method::POST, SFU_GET, service::sfu_get::sfu_get)
        .unspecified(Method::POST, GET_TOKEN, service::get_token::get_token)
        .unspecified(Method::POST, DELEGATE, service::delegate_delayed_leave::delegate_delayed_leave)
}
