//! `PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}` ("Send-to-Device messaging")

#[cfg(test)]
mod tests;

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::to_device::send_event_to_device::v3::{Request as SendToDevice, Response};

use crate::{Admits, Answer, EndpointRouter, Request, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint_admitting(Admits::GUESTS, send_event_to_device)
}

/// Sends messages to devices, once for each transaction id. A suspended user may still verify devices of their own
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid)).
pub async fn send_event_to_device(
    State(users): State<Users>,
    request: Request<SendToDevice>,
) -> Result<Answer<Response>> {
    let SendToDevice { event_type, txn_id, mut messages, .. } = request.body;
    if request.who.shadow_banned {
        messages.retain(|user, _| *user == request.who.user);
    }
    if messages.keys().any(|user| *user != request.who.user) {
        request.who.not_suspended()?;
    }
    let transaction = Some((&*request.who.device, &*txn_id));
    users.to_device.send(&request.who.user, &event_type.to_string(), &messages, transaction).await?;
    Ok(Answer(Response::new()))
}
