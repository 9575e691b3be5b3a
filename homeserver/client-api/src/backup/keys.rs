//! `/_matrix/client/v3/room_keys/keys`, for all rooms, one room or one session

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_users::{BackupSummary, KeySelection, Users};
use ruma::{
    UInt,
    api::client::backup::{
        RoomKeyBackup, add_backup_keys::v3 as add, add_backup_keys_for_room::v3 as add_room,
        add_backup_keys_for_session::v3 as add_session, delete_backup_keys::v3 as delete,
        delete_backup_keys_for_room::v3 as delete_room, delete_backup_keys_for_session::v3 as delete_session,
        get_backup_keys::v3 as get, get_backup_keys_for_room::v3 as get_room,
        get_backup_keys_for_session::v3 as get_session,
    },
};

use crate::{Answer, MatrixError, Request, Result};

/// Adds keys of many rooms
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys)).
pub async fn add_backup_keys(
    State(users): State<Users>,
    request: Request<add::Request>,
) -> Result<Answer<add::Response>> {
    let keys = request.body.rooms.into_iter().map(|(room, keys)| (room, keys.sessions)).collect();
    let summary = users.key_backups.put_keys(&request.who.user, &request.body.version, &keys).await?;
    Ok(Answer(add::Response::new(summary.etag.clone(), count(&summary))))
}

/// Adds keys of a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid)).
pub async fn add_backup_keys_for_room(
    State(users): State<Users>,
    request: Request<add_room::Request>,
) -> Result<Answer<add_room::Response>> {
    let keys = BTreeMap::from([(request.body.room_id, request.body.sessions)]);
    let summary = users.key_backups.put_keys(&request.who.user, &request.body.version, &keys).await?;
    Ok(Answer(add_room::Response::new(summary.etag.clone(), count(&summary))))
}

/// Adds one key
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid)).
pub async fn add_backup_keys_for_session(
    State(users): State<Users>,
    request: Request<add_session::Request>,
) -> Result<Answer<add_session::Response>> {
    let sessions = BTreeMap::from([(request.body.session_id, request.body.session_data)]);
    let keys = BTreeMap::from([(request.body.room_id, sessions)]);
    let summary = users.key_backups.put_keys(&request.who.user, &request.body.version, &keys).await?;
    Ok(Answer(add_session::Response::new(summary.etag.clone(), count(&summary))))
}

/// All keys of a backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys)).
pub async fn get_backup_keys(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let keys = users.key_backups.keys(&request.who.user, &request.body.version, KeySelection::All)?;
    let rooms = keys.into_iter().map(|(room, sessions)| (room, RoomKeyBackup::new(sessions))).collect();
    Ok(Answer(get::Response::new(rooms)))
}

/// The keys of a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid)).
pub async fn get_backup_keys_for_room(
    State(users): State<Users>,
    request: Request<get_room::Request>,
) -> Result<Answer<get_room::Response>> {
    let get_room::Request { version, room_id, .. } = request.body;
    let mut keys = users.key_backups.keys(&request.who.user, &version, KeySelection::Room(&room_id))?;
    Ok(Answer(get_room::Response::new(keys.remove(&room_id).unwrap_or_default())))
}

/// One key
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid)).
pub async fn get_backup_keys_for_session(
    State(users): State<Users>,
    request: Request<get_session::Request>,
) -> Result<Answer<get_session::Response>> {
    let get_session::Request { version, room_id, session_id, .. } = request.body;
    let which = KeySelection::Session(&room_id, &session_id);
    let mut keys = users.key_backups.keys(&request.who.user, &version, which)?;
    let key = keys.remove(&room_id).and_then(|mut sessions| sessions.remove(&session_id));
    let key = key.ok_or_else(|| MatrixError::not_found("The backup has no such key."))?;
    Ok(Answer(get_session::Response::new(key)))
}

/// Deletes all keys of a backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys)).
pub async fn delete_backup_keys(
    State(users): State<Users>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    let version = &request.body.version;
    let summary = users.key_backups.delete_keys(&request.who.user, version, KeySelection::All).await?;
    Ok(Answer(delete::Response::new(summary.etag.clone(), count(&summary))))
}

/// Deletes the keys of a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid)).
pub async fn delete_backup_keys_for_room(
    State(users): State<Users>,
    request: Request<delete_room::Request>,
) -> Result<Answer<delete_room::Response>> {
    let delete_room::Request { version, room_id, .. } = request.body;
    let which = KeySelection::Room(&room_id);
    let summary = users.key_backups.delete_keys(&request.who.user, &version, which).await?;
    Ok(Answer(delete_room::Response::new(summary.etag.clone(), count(&summary))))
}

/// Deletes one key
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid)).
pub async fn delete_backup_keys_for_session(
    State(users): State<Users>,
    request: Request<delete_session::Request>,
) -> Result<Answer<delete_session::Response>> {
    let delete_session::Request { version, room_id, session_id, .. } = request.body;
    let which = KeySelection::Session(&room_id, &session_id);
    let summary = users.key_backups.delete_keys(&request.who.user, &version, which).await?;
    Ok(Answer(delete_session::Response::new(summary.etag.clone(), count(&summary))))
}

fn count(summary: &BackupSummary) -> UInt {
    UInt::new_saturating(summary.count)
}
