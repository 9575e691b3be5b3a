//! Invites by e-mail address and the like ("Third-party invites").

pub mod exchange;
pub mod onbind;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(exchange::exchange_third_party_invite).endpoint(onbind::on_bind)
}
