//! Accounts: making, proving, ending them.

pub mod deactivate;
pub mod password;
pub mod register;
pub mod registration_token;
pub mod shared_secret;
#[cfg(test)]
mod tests;
pub mod third_party_ids;
pub mod whoami;

use http::Method;

use crate::{Admits, EndpointRouter, uia::fallback};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(register::register)
        .endpoint(register::get_username_availability)
        .endpoint(registration_token::check_registration_token_validity)
        .endpoint_admitting(Admits::GUESTS, whoami::whoami)
        .endpoint(password::change_password)
        .endpoint(deactivate::deactivate)
        .endpoint(third_party_ids::get_3pids)
        .unspecified(Method::GET, fallback::PROOF_OF_WORK, fallback::page)
        .unspecified(Method::POST, fallback::PROOF_OF_WORK, fallback::pass)
        .unspecified(Method::GET, fallback::RECAPTCHA, fallback::page)
        .unspecified(Method::POST, fallback::RECAPTCHA, fallback::pass)
        .unspecified(Method::GET, fallback::TERMS, fallback::page)
        .unspecified(Method::POST, fallback::TERMS, fallback::pass)
        .unspecified(Method::GET, shared_secret::PATH, shared_secret::nonce)
        .unspecified(Method::POST, shared_secret::PATH, shared_secret::register)
}
