//! Transaction ids of events (client-server API, "Transaction identifiers").

use hearth_rooms::ClientTransaction;

use ruma::MilliSecondsSinceUnixEpoch;

use crate::Requester;

/// The time that an event is to have, in milliseconds: application services may say it (application service API,
/// "Timestamp massaging").
pub(crate) fn timestamp(who: &Requester, given: Option<MilliSecondsSinceUnixEpoch>) -> Option<u64> {
    who.service().and(given).map(|given| given.get().into())
}

/// The transaction of a request. A transaction id counts for one device, room and endpoint.
pub(crate) fn transaction(who: &Requester, endpoint: String, transaction_id: &str) -> ClientTransaction {
    ClientTransaction {
        user: who.user.clone(),
        device: who.device.clone(),
        endpoint,
        transaction_id: transaction_id.to_owned(),
    }
}
