//! How far users have read, and who types ("Receipts", "Read and unread markers", "Typing Notifications").

mod fully_read;
pub mod read_markers;
pub mod receipt;
#[cfg(test)]
mod tests;
pub mod typing;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(receipt::create_receipt)
        .endpoint(read_markers::set_read_markers)
        .endpoint(typing::set_typing)
}
