//! `/_matrix/client/v3/room_keys/version`

use axum::extract::State;
use hearth_users::{KeyBackup, Users};
use ruma::api::client::backup::{
    create_backup_version::v3 as create, delete_backup_version::v3 as delete, get_backup_info::v3 as get,
    get_latest_backup_info::v3 as latest, update_backup_version::v3 as update,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{Answer, Json, MatrixError, Request, Result};

/// A backup as clients describe it.
#[derive(Deserialize)]
struct Description {
    algorithm: String,
    auth_data: Box<RawValue>,
    version: Option<String>,
}

/// Begins a backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion)).
pub async fn create_backup_version(
    State(users): State<Users>,
    request: Request<create::Request>,
) -> Result<Answer<create::Response>> {
    let backup: Description = serde_json::from_slice(&request.bytes)?;
    let version = users.key_backups.create(&request.who.user, &backup.algorithm, &backup.auth_data).await?;
    Ok(Answer(create::Response::new(version)))
}

/// The latest backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion)).
pub async fn get_latest_backup_info(
    State(users): State<Users>,
    request: Request<latest::Request>,
) -> Result<Json<Value>> {
    let backup = users.key_backups.latest(&request.who.user)?;
    backup.map(described).ok_or_else(|| MatrixError::not_found("There is no backup."))
}

/// A backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion)).
pub async fn get_backup_info(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Json<Value>> {
    let backup = users.key_backups.get(&request.who.user, &request.body.version)?;
    backup.map(described).ok_or_else(|| MatrixError::not_found("There is no such backup."))
}

/// Changes what is said of a backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion)).
pub async fn update_backup_version(
    State(users): State<Users>,
    request: Request<update::Request>,
) -> Result<Answer<update::Response>> {
    let version = &request.body.version;
    let backup: Description = serde_json::from_slice(&request.bytes)?;
    if backup.version.is_some_and(|named| named != *version) {
        return Err(MatrixError::invalid_param("The version in the body is not the one in the path."));
    }
    users.key_backups.update(&request.who.user, version, &backup.algorithm, &backup.auth_data).await?;
    Ok(Answer(update::Response::new()))
}

/// Deletes a backup
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion)).
pub async fn delete_backup_version(
    State(users): State<Users>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    users.key_backups.delete(&request.who.user, &request.body.version).await?;
    Ok(Answer(delete::Response::new()))
}

fn described(backup: KeyBackup) -> Json<Value> {
    Json(json!({
        "algorithm": backup.algorithm,
        "auth_data": backup.auth_data,
        "count": backup.count,
        "etag": backup.etag,
        "version": backup.version,
    }))
}
