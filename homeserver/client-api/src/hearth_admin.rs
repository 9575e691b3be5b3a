//! What administrators of this server ask that no other server has: who administrators were and what they did, who
//! follows the log, bridges and bots, why a server does not answer, and whom this one has nothing to do with. For `hearth admin` and for pages.

pub mod audit_log;
pub mod bans;
#[cfg(test)]
mod bans_tests;
pub mod readers;
pub mod servers;
pub mod services;
#[cfg(test)]
mod tests;

use http::Method;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .admin(&Method::GET, "/_hearth/admin/v1/audit_log", audit_log::audit_log)
        .admin(&Method::GET, "/_hearth/admin/v1/bans", bans::list)
        .admin(&Method::PUT, "/_hearth/admin/v1/bans/{kind}/{glob}", bans::ban)
        .admin(&Method::DELETE, "/_hearth/admin/v1/bans/{kind}/{glob}", bans::lift)
        .admin(&Method::GET, "/_hearth/admin/v1/readers", readers::readers)
        .admin(&Method::GET, "/_hearth/admin/v1/appservices", services::services)
        .admin(&Method::GET, "/_hearth/admin/v1/federation/{server_name}", servers::server)
}
