//! What is served where, for the table of endpoints.

use axum::routing::MethodFilter;
use http::Method;

/// One path of an endpoint, as served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Served {
    /// `GET`, `PUT`, …
    pub method: &'static str,
    /// The path with its variables as ruma names them: `/_matrix/client/v3/profile/{user_id}`.
    pub path: &'static str,
    /// The handler's path in its crate: `session::login::login`.
    pub handler: &'static str,
}

/// The path of a handler in its crate.
pub fn handler_name<F>() -> &'static str {
    let name = std::any::type_name::<F>();
    name.split_once("::").map_or(name, |(_, name)| name)
}

/// The name of one of the methods that endpoints have.
pub fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "GET",
    }
}

/// The method as a router takes it.
pub fn method_filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}
