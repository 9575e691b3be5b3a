//! Transaction ids of events (client-server API, "Transaction identifiers").

use hearth_rooms::ClientTransaction;

use crate::Requester;

/// The transaction of a request. A transaction id counts for one device, room and endpoint.
pub(crate) fn transaction(who: &Requester, endpoint: String, transaction_id: &str) -> ClientTransaction {
    ClientTransaction {
        user: who.user.clone(),
        device: who.device.clone(),
        endpoint,
        transaction_id: transaction_id.to_owned(),
    }
}
