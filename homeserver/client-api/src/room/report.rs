//! `POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}`, `/rooms/{roomId}/report` and
//! `/users/{userId}/report`

use axum::extract::State;
use hearth_storage::schema::rooms::ReportRow;
use ruma::api::client::{
    reporting::report_user::v3 as of_user,
    room::{report_content::v3 as of_event, report_room::v3 as of_room},
};

use crate::{Answer, ClientApi, MatrixError, Request, Result, room::access};

/// Reports an event of a room one is in
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid)).
pub async fn report_event(
    State(api): State<ClientApi>,
    request: Request<of_event::Request>,
) -> Result<Answer<of_event::Response>> {
    let user = &request.who.user;
    let of_event::Request { room_id, event_id, reason, .. } = request.body;
    let unknown = || MatrixError::not_found("There is no such event, or you are not in its room.");
    let room = api.rooms.find_room(&room_id)?.ok_or_else(unknown)?;
    let event = room.event(&event_id)?.ok_or_else(unknown)?;
    if !room.is_joined(user)? || !room.may_see(user, &event)? {
        return Err(unknown());
    }
    let report = ReportRow {
        room_id: Some(room_id),
        event_id: Some(event_id),
        user_id: Some(event.pdu.sender().to_owned()),
        reason: reason.unwrap_or_default(),
    };
    api.rooms.add_report(user, report, Some(&event)).await?;
    Ok(Answer(of_event::Response::new()))
}

/// Reports a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport)).
pub async fn report_room(
    State(api): State<ClientApi>,
    request: Request<of_room::Request>,
) -> Result<Answer<of_room::Response>> {
    let of_room::Request { room_id, reason, .. } = request.body;
    let room = api.rooms.find_room(&room_id)?.ok_or_else(access::unknown_room)?;
    let room_id = Some(room.id().to_owned());
    let report = ReportRow { room_id, event_id: None, user_id: None, reason };
    api.rooms.add_report(&request.who.user, report, None).await?;
    Ok(Answer(of_room::Response::new()))
}

/// Reports a user
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport)).
pub async fn report_user(
    State(api): State<ClientApi>,
    request: Request<of_user::Request>,
) -> Result<Answer<of_user::Response>> {
    let of_user::Request { user_id, reason, .. } = request.body;
    let local = user_id.server_name() == api.options.server_name;
    if local && !api.users.accounts.exists(&user_id)? {
        return Err(MatrixError::not_found("There is no such user."));
    }
    let report = ReportRow { room_id: None, event_id: None, user_id: Some(user_id), reason };
    api.rooms.add_report(&request.who.user, report, None).await?;
    Ok(Answer(of_user::Response::new()))
}
