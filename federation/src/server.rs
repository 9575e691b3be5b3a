//! The endpoints of the server-server API: one folder a family, one file an endpoint.

mod access;
#[cfg(test)]
mod bans_tests;
#[cfg(test)]
mod bodies_tests;
pub mod device;
pub mod directory;
pub mod discovery;
pub mod event;
pub mod keys;
#[cfg(test)]
mod limits_tests;
pub mod media;
pub mod membership;
pub mod openid;
mod pdus;
pub mod query;
pub mod space;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
pub(crate) mod testing;
pub mod thirdparty;
pub mod transaction;
#[cfg(test)]
mod users_tests;

use crate::endpoint::EndpointRouter;

/// Serves every family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    let families: &[fn(EndpointRouter) -> EndpointRouter] = &[
        device::routes,
        directory::routes,
        discovery::routes,
        event::routes,
        keys::routes,
        media::routes,
        membership::routes,
        openid::routes,
        query::routes,
        space::routes,
        thirdparty::routes,
        transaction::routes,
    ];
    families.iter().fold(router, |router, routes| routes(router))
}
