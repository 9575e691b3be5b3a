//! What administrators of this server ask that no other server has: who administrators were and what they did, who
//! follows the log, bridges and bots, why a server does not answer, how it stands with this one and how it stood, what
//! takes its disk, whom it has nothing to do with, and its settings. For `hearth admin` and for the admin page.

pub mod audit_log;
pub mod bans;
#[cfg(test)]
mod bans_tests;
pub mod history;
pub mod overview;
pub mod readers;
pub mod servers;
pub mod services;
pub mod settings;
pub mod storage;
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
        .admin(&Method::GET, "/_hearth/admin/v1/overview", overview::overview)
        .admin(&Method::GET, "/_hearth/admin/v1/metrics", history::metrics)
        .admin(&Method::GET, "/_hearth/admin/v1/storage", storage::storage)
        .admin(&Method::GET, "/_hearth/admin/v1/settings", settings::settings)
        .admin(&Method::GET, "/_hearth/admin/v1/readers", readers::readers)
        .admin(&Method::GET, "/_hearth/admin/v1/appservices", services::services)
        .admin(&Method::POST, "/_hearth/admin/v1/appservices/{service_id}/ping", services::ping)
        .admin(&Method::GET, "/_hearth/admin/v1/federation/{server_name}", servers::server)
}
