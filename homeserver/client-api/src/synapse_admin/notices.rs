//! Telling users something from the server
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/server_notices.html)).

use axum::{extract::State, response::Response};
use hearth_rooms::{CreateRoom, NewEvent, Preset, Room};
use hearth_storage::schema::{
    rooms::{Membership, MembershipRow},
    users::AccountKind,
};
use hearth_users::NewAccount;
use http::StatusCode;
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{json, value::RawValue, value::to_raw_value};

use crate::{
    ClientApi, MatrixError, Result,
    membership::content::member_content,
    state::transaction::transaction,
    synapse_admin::{AdminRequest, told},
};

const ROOM_NAME: &str = "Server Notices";

/// `POST /_synapse/admin/v1/send_server_notice` and `PUT …/send_server_notice/{txnId}`
pub async fn send(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        user_id: OwnedUserId,
        content: Box<RawValue>,
        #[serde(rename = "type", default = "message")]
        event_type: String,
        state_key: Option<String>,
    }
    let body: Body = request.body()?;
    let sender = sender(&api).await?;
    if body.user_id.server_name() != api.options.server_name {
        return Err(MatrixError::invalid_param("Notices are for users of this server."));
    }
    let account = api.users.accounts.get(&body.user_id)?.filter(|account| !account.deactivated);
    if account.is_none() {
        return Err(MatrixError::not_found("There is no such user."));
    }
    let room = room_of(&api, &sender, &body.user_id).await?;
    let event =
        NewEvent { state_key: body.state_key, ..NewEvent::message(&sender, &body.event_type, body.content) };
    let under = match request.text(0) {
        "" => None,
        id => Some(transaction(&request.who, format!("server_notice {}", body.user_id), id)),
    };
    let sent = room.send(event, under).await?;
    Ok(told(json!({ "event_id": sent.id() })))
}

fn message() -> String {
    "m.room.message".to_owned()
}

/// Refuses to turn down an invite that comes from the server: it would be sent again with the next notice
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#server-notices)).
pub(crate) fn may_be_turned_down(api: &ClientApi, invite: &MembershipRow) -> Result<()> {
    let Some(sender) = &api.options.server_notices else { return Ok(()) };
    let invite = api.rooms.event(invite.event)?;
    if invite.is_none_or(|invite| invite.pdu.sender() != &**sender) {
        return Ok(());
    }
    Err(MatrixError::new(
        StatusCode::FORBIDDEN,
        "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM",
        "An invite to the notices of the server cannot be turned down.",
    ))
}

/// The user from whom notices come, who is made with the first.
async fn sender(api: &ClientApi) -> Result<OwnedUserId> {
    let sender = api.options.server_notices.as_ref();
    let sender =
        sender.ok_or_else(|| MatrixError::unknown("Server notices are not turned on (`server_notices`)."))?;
    if !api.users.accounts.exists(sender)? {
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        api.users.accounts.create(sender, account).await?;
    }
    Ok(sender.clone())
}

/// The room in which a user gets notices, which is made with the first. Whoever left it is invited again.
async fn room_of(api: &ClientApi, sender: &UserId, user: &UserId) -> Result<Room> {
    for (nid, row) in api.rooms.rooms_of(user)? {
        let has_sender =
            api.rooms.user_room(sender, nid)?.is_some_and(|row| row.membership == Membership::Join);
        if !has_sender {
            continue;
        }
        let room = api.rooms.room_by_nid(nid)?;
        match row.membership {
            Membership::Join | Membership::Invite => return Ok(room),
            Membership::Leave => {
                let content = member_content(&api.users, user, None)?;
                room.set_membership(sender, user, "invite", content).await?;
                return Ok(room);
            }
            Membership::Knock | Membership::Ban => {}
        }
    }
    let mut room = CreateRoom::new(sender.to_owned(), Preset::PrivateChat);
    room.name = Some(ROOM_NAME.to_owned());
    room.invite = vec![user.to_owned()];
    room.power_levels.insert("users_default".to_owned(), json!(-10));
    let id = api.rooms.create_room(room).await?;
    let tags = to_raw_value(&json!({ "tags": { "m.server_notice": {} } }))?;
    api.users.account_data.set(user, Some(&id), "m.tag", &tags).await?;
    Ok(api.rooms.room(&id)?)
}
