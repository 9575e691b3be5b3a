//! Media ([documentation](https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html)). When one was
//! fetched last is not kept: where Synapse goes by that, this server goes by when it came.

use axum::{extract::State, response::Response};
use hearth_media::{Found, Wanted};
use hearth_storage::blocking;
use ruma::OwnedServerName;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    account::shared_secret::hex,
    synapse_admin::{
        AdminRequest, existing_user,
        request::{Direction, Paging},
        shown_media::{in_room, of_profiles},
        told,
    },
};

/// How many pieces of media one request deletes at most: who wants more asks again.
const MAX_DELETED: usize = 10_000;

/// `GET /_synapse/admin/v1/media/{serverName}/{mediaId}`
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let server: OwnedServerName = request.argument(0)?;
    let found = api.media.about(&server, request.text(1))?.ok_or_else(unknown)?;
    let file = found.row.file.as_ref();
    let quarantined = file.map(|file| api.media.is_quarantined(file)).transpose()?.flatten();
    Ok(told(json!({ "media_info": {
        "media_origin": server,
        "media_id": found.media_id,
        "user_id": found.row.uploader,
        "media_type": file.and_then(|file| file.content_type.clone()),
        "media_length": file.map(|file| file.size),
        "upload_name": file.and_then(|file| file.file_name.clone()),
        "created_ts": found.row.created_at,
        "last_access_ts": null,
        "filesystem_id": file.map(|file| hex(&file.sha256)),
        "sha256": file.map(|file| hex(&file.sha256)),
        "url_cache": null,
        "quarantined_by": quarantined.map(|row| row.by),
        "safe_from_quarantine": api.media.is_protected(&found.media_id)?,
        "authenticated": true,
    }})))
}

/// `DELETE /_synapse/admin/v1/media/{serverName}/{mediaId}`
pub async fn delete(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let server: OwnedServerName = request.argument(0)?;
    let media_id = request.text(1);
    match api.media.delete(&server, media_id).await? {
        true => Ok(told(json!({ "deleted_media": [media_id], "total": 1 }))),
        false => Err(unknown()),
    }
}

/// `POST /_synapse/admin/v1/media/delete` and `…/media/{serverName}/delete`: what users of this server uploaded before a
/// time and is larger than so many bytes.
pub async fn delete_uploads(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        before_ts: Option<u64>,
        #[serde(default)]
        size_gt: u64,
        #[serde(default = "yes")]
        keep_profiles: bool,
    }
    let Query { before_ts, size_gt, keep_profiles } = request.query()?;
    let before = past(&api, before_ts)?;
    let larger_than = Some(size_gt).filter(|bytes| *bytes > 0);
    let wanted = Wanted { uploader: None, before: Some(before), larger_than };
    let mut found = blocking(|| api.media.uploads(&wanted))?;
    if keep_profiles {
        let kept = blocking(|| of_profiles(&api))?;
        found.retain(|found| !kept.contains(&uri(found)));
    }
    found.truncate(MAX_DELETED);
    let deleted = api.media.delete_found(found).await?;
    Ok(told(json!({ "total": deleted.len(), "deleted_media": deleted })))
}

/// `before_ts`, which must be there and be no time that is to come.
fn past(api: &ClientApi, before_ts: Option<u64>) -> Result<u64> {
    let before = before_ts.ok_or_else(|| MatrixError::missing_param("`before_ts` is missing."))?;
    match before > api.now_ms() {
        true => Err(MatrixError::invalid_param("`before_ts` is in the future.")),
        false => Ok(before),
    }
}

fn yes() -> bool {
    true
}

/// `POST /_synapse/admin/v1/purge_media_cache`: copies of other servers' media that came before a time.
pub async fn purge_copies(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        before_ts: Option<u64>,
    }
    let Query { before_ts } = request.query()?;
    let before = past(&api, before_ts)?;
    let wanted = Wanted { before: Some(before), ..Wanted::default() };
    let mut found = blocking(|| api.media.copies(&wanted))?;
    found.truncate(MAX_DELETED);
    let deleted = api.media.delete_found(found).await?;
    Ok(told(json!({ "deleted": deleted.len() })))
}

/// By what a user's media are ordered.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    CreatedTs,
    MediaId,
    UploadName,
    MediaLength,
    MediaType,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ordering {
    order_by: Option<Order>,
    dir: Option<Direction>,
}

/// The media that a user uploaded: without an order the newest first.
fn of_user(api: &ClientApi, request: &AdminRequest) -> Result<Vec<Found>> {
    let user = existing_user(api, request)?;
    let Ordering { order_by, dir } = request.query()?;
    let wanted = Wanted { uploader: Some(user), ..Wanted::default() };
    let mut found = blocking(|| api.media.uploads(&wanted))?;
    let file = |found: &Found| found.row.file.clone();
    match order_by.unwrap_or_default() {
        Order::CreatedTs | Order::Other => found.sort_by_key(|found| found.row.created_at),
        Order::MediaId => found.sort_by(|one, other| one.media_id.cmp(&other.media_id)),
        Order::MediaLength => found.sort_by_key(|found| file(found).map(|file| file.size)),
        Order::UploadName => found.sort_by_key(|found| file(found).and_then(|file| file.file_name)),
        Order::MediaType => found.sort_by_key(|found| file(found).and_then(|file| file.content_type)),
    }
    let usual = if order_by.is_none() { Direction::Backward } else { Direction::Forward };
    if dir.unwrap_or(usual) == Direction::Backward {
        found.reverse();
    }
    Ok(found)
}

/// `GET /_synapse/admin/v1/users/{userId}/media`
pub async fn list_of_user(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let page = request.query::<Paging>()?.page(of_user(&api, &request)?);
    let media = page.items.iter().map(|found| described(&api, found)).collect::<Result<Vec<Value>>>()?;
    let mut answer = json!({ "media": media, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.into();
    }
    Ok(told(answer))
}

fn described(api: &ClientApi, found: &Found) -> Result<Value> {
    let file = found.row.file.as_ref();
    let quarantined = file.map(|file| api.media.is_quarantined(file)).transpose()?.flatten();
    Ok(json!({
        "media_id": found.media_id,
        "created_ts": found.row.created_at,
        "last_access_ts": null,
        "media_length": file.map(|file| file.size),
        "media_type": file.and_then(|file| file.content_type.clone()),
        "upload_name": file.and_then(|file| file.file_name.clone()),
        "quarantined_by": quarantined.map(|row| row.by),
        "safe_from_quarantine": api.media.is_protected(&found.media_id)?,
    }))
}

/// `DELETE /_synapse/admin/v1/users/{userId}/media`: a page of them, as they are listed.
pub async fn delete_of_user(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let page = request.query::<Paging>()?.page(of_user(&api, &request)?);
    let deleted = api.media.delete_found(page.items).await?;
    Ok(told(json!({ "total": deleted.len(), "deleted_media": deleted })))
}

/// `POST /_synapse/admin/v1/media/quarantine/{serverName}/{mediaId}`
pub async fn quarantine(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    set_quarantined(&api, &request, true).await
}

/// `POST /_synapse/admin/v1/media/unquarantine/{serverName}/{mediaId}`
pub async fn end_quarantine(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    set_quarantined(&api, &request, false).await
}

async fn set_quarantined(api: &ClientApi, request: &AdminRequest, quarantined: bool) -> Result<Response> {
    let server: OwnedServerName = request.argument(0)?;
    let by = &request.who.user;
    match api.media.set_quarantined(&server, request.text(1), by, quarantined).await? {
        true => Ok(told(json!({}))),
        false => Err(unknown()),
    }
}

/// `POST /_synapse/admin/v1/user/{userId}/media/quarantine`
pub async fn quarantine_of_user(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let wanted = Wanted { uploader: Some(user), ..Wanted::default() };
    let found = blocking(|| api.media.uploads(&wanted))?;
    let count = api.media.quarantine_found(found, &request.who.user).await?;
    Ok(told(json!({ "num_quarantined": count })))
}

/// `POST /_synapse/admin/v1/room/{roomId}/media/quarantine`
pub async fn quarantine_of_room(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let mut found = Vec::new();
    for (server, media_id) in blocking(|| in_room(&api, &request))? {
        found.extend(api.media.about(&server, &media_id)?);
    }
    let count = api.media.quarantine_found(found, &request.who.user).await?;
    Ok(told(json!({ "num_quarantined": count })))
}

/// `GET /_synapse/admin/v1/room/{roomId}/media`
pub async fn list_of_room(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let shown = blocking(|| in_room(&api, &request))?;
    let (local, remote): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|(server, _)| *server == api.options.server_name);
    let uris = |shown: Vec<(OwnedServerName, String)>| -> Vec<String> {
        shown.iter().map(|(server, media_id)| format!("mxc://{server}/{media_id}")).collect()
    };
    Ok(told(json!({ "local": uris(local), "remote": uris(remote) })))
}

/// `GET /_synapse/admin/v1/media/quarantine_changes`
pub async fn quarantine_changes(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        #[serde(default)]
        from: u64,
    }
    const PAGE: usize = 100;
    let Query { from } = request.query()?;
    let changes = api.media.quarantine_changes(from, PAGE)?;
    let last = changes.last().map_or(from, |(number, _)| *number);
    let changes: Vec<Value> = changes
        .iter()
        .map(|(_, row)| {
            json!({ "origin": row.server, "media_id": row.media_id, "quarantined": row.quarantined })
        })
        .collect();
    Ok(told(json!({ "next_batch": last, "changes": changes })))
}

/// `POST /_synapse/admin/v1/media/protect/{mediaId}`
pub async fn protect(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    api.media.set_protected(request.text(0), true).await?;
    Ok(told(json!({})))
}

/// `POST /_synapse/admin/v1/media/unprotect/{mediaId}`
pub async fn end_protection(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    api.media.set_protected(request.text(0), false).await?;
    Ok(told(json!({})))
}

fn uri(found: &Found) -> String {
    format!("mxc://{}/{}", found.server, found.media_id)
}

fn unknown() -> MatrixError {
    MatrixError::not_found("There is no such media here.")
}
