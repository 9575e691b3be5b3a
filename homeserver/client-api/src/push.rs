//! Push rules and pushers ("Push Notifications").

pub mod mail;
pub mod pushers;
pub mod rule;
pub mod rules;
#[cfg(test)]
mod tests;

use hearth_push::mail::{CONFIRM, UNSUBSCRIBE};
use http::Method;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(rules::get_pushrules_all)
        .endpoint(rules::get_pushrules_global_scope)
        .endpoint(rule::get_pushrule)
        .endpoint(rule::set_pushrule)
        .endpoint(rule::delete_pushrule)
        .endpoint(rule::get_pushrule_enabled)
        .endpoint(rule::set_pushrule_enabled)
        .endpoint(rule::get_pushrule_actions)
        .endpoint(rule::set_pushrule_actions)
        .endpoint(pushers::get_pushers)
        .endpoint(pushers::set_pusher)
        .endpoint(pushers::activate_pusher)
        .endpoint(pushers::activate_pusher_unstable)
        .unspecified(Method::GET, CONFIRM, mail::page)
        .unspecified(Method::POST, CONFIRM, mail::confirm)
        .unspecified(Method::GET, UNSUBSCRIBE, mail::page)
        .unspecified(Method::POST, UNSUBSCRIBE, mail::unsubscribe)
}
