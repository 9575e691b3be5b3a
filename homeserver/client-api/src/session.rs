//! Sessions: logging in and out ("Legacy API").

pub mod login;
pub mod login_token;
pub mod login_types;
pub mod logout;
pub mod refresh;
#[cfg(test)]
mod tests;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(login_types::get_login_types)
        .endpoint(login::login)
        .endpoint(login_token::get_login_token)
        .endpoint_admitting(Admits::LOCKED, logout::logout)
        .endpoint_admitting(Admits::LOCKED, logout::logout_all)
        .endpoint(refresh::refresh_token)
}
