//! `POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::{Event, Room};
use ruma::{
    EventId, UserId,
    api::client::receipt::create_receipt::v3::{ReceiptType, Request as CreateReceipt, Response},
    events::receipt::ReceiptThread,
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result, message::view::no_such_event,
    read::fully_read::set_fully_read, relations::thread::Place, room::access,
};

/// Says that the user has read up to an event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid)).
pub async fn create_receipt(
    State(api): State<ClientApi>,
    request: Request<CreateReceipt>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    let event = visible_event(&room, &who.user, &body.event_id)?;
    match body.receipt_type {
        ReceiptType::FullyRead if body.thread == ReceiptThread::Unthreaded => {
            set_fully_read(&api, &who.user, &room, &event, false).await?;
        }
        ReceiptType::FullyRead => {
            return Err(MatrixError::invalid_param("`m.fully_read` takes no `thread_id`."));
        }
        receipt_type @ (ReceiptType::Read | ReceiptType::ReadPrivate) => {
            let thread = body.thread.as_str();
            if let Some(thread) = thread
                && !Place::of(&room, &event)?.is_in(thread)
            {
                return Err(MatrixError::invalid_param("The event is not in the thread of `thread_id`."));
            }
            room.set_receipt(&who.user, receipt_type.as_str(), thread, &event).await?;
        }
        _ => return Err(MatrixError::invalid_param("There is no receipt of that type.")),
    }
    api.sync.active(&who.user);
    Ok(Answer(Response::new()))
}

/// The event that a receipt is for.
pub(super) fn visible_event(room: &Room, user: &UserId, id: &EventId) -> Result<Arc<Event>> {
    let event = room.event(id)?.ok_or_else(no_such_event)?;
    match room.may_see(user, &event)? {
        true => Ok(event),
        false => Err(no_such_event()),
    }
}
