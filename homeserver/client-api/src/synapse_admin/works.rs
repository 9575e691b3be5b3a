//! What takes a while, and how it stands with it: purging history, deleting rooms, redacting what a user sent
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/rooms.html#delete-room-api)).

use axum::{extract::State, response::Response};
use hearth_rooms::Room;
use hearth_storage::{
    TimelineOrder,
    schema::rooms::{Work, WorkRow, WorkStatus},
};
use ruma::{OwnedEventId, OwnedRoomId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    room::access,
    synapse_admin::{AdminRequest, existing_user, request::Paging, rooms::room, successor::successor, told},
};

/// `POST /_synapse/admin/v1/purge_history/{roomId}` and `…/{roomId}/{eventId}`
pub async fn purge_history(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        delete_local_events: bool,
        purge_up_to_event_id: Option<OwnedEventId>,
        purge_up_to_ts: Option<u64>,
    }
    let body: Body = request.body()?;
    let room = room(&api, &request)?;
    let event = match request.text(1) {
        "" => body.purge_up_to_event_id,
        _ => Some(request.argument(1)?),
    };
    let before = match (event, body.purge_up_to_ts) {
        (Some(event), _) => {
            let event = room.event(&event)?.and_then(|event| event.order());
            event.ok_or_else(|| MatrixError::not_found("There is no such event in the room."))?
        }
        (None, Some(ts)) => place_of(&room, ts)?,
        (None, None) => {
            return Err(MatrixError::missing_param("`purge_up_to_event_id` or `purge_up_to_ts` is missing."));
        }
    };
    let work = Work::PurgeHistory {
        room: room.nid(),
        before,
        keep_own: !body.delete_local_events,
        done: TimelineOrder::MIN,
    };
    Ok(told(json!({ "purge_id": api.rooms.begin_work(work).await? })))
}

/// The place of the first event that is no older than a time; if there is none, that of the newest.
fn place_of(room: &Room, ts: u64) -> Result<TimelineOrder> {
    let event = room.event_near(ts, false)?.and_then(|event| event.order());
    Ok(event.unwrap_or_else(|| room.head().position.into()))
}

/// `GET /_synapse/admin/v1/purge_history_status/{purgeId}`
pub async fn purge_history_status(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let row = work(&api, &request, |work| matches!(work, Work::PurgeHistory { .. }))?;
    Ok(told(Value::Object(status(&row))))
}

#[derive(Deserialize)]
struct Delete {
    new_room_user_id: Option<ruma::OwnedUserId>,
    room_name: Option<String>,
    message: Option<String>,
    #[serde(default)]
    block: bool,
    #[serde(default = "yes")]
    purge: bool,
}

fn yes() -> bool {
    true
}

/// Blocks the room if that is asked for, makes its successor, and says what is to be done; nothing where only an
/// unknown room is blocked.
async fn deletion(api: &ClientApi, request: &AdminRequest) -> Result<Option<Work>> {
    let id: OwnedRoomId = request.argument(0)?;
    let body: Delete = request.body()?;
    let room = api.rooms.find_room(&id)?;
    if room.is_none() && !body.block {
        return Err(MatrixError::invalid_param("This server does not know that room."));
    }
    if body.block {
        api.rooms.set_blocked(&id, &request.who.user, true).await?;
    }
    let Some(room) = room else { return Ok(None) };
    let successor = match &body.new_room_user_id {
        Some(creator) => Some(successor(api, creator, body.room_name, body.message).await?),
        None => None,
    };
    Ok(Some(Work::DeleteRoom {
        room: room.nid(),
        purge: body.purge,
        successor,
        kicked: Vec::new(),
        failed: Vec::new(),
        aliases: Vec::new(),
    }))
}

/// `DELETE /_synapse/admin/v1/rooms/{roomId}`: answers when all is done.
pub async fn delete_room_now(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let done = match deletion(&api, &request).await? {
        Some(work) => Some(api.rooms.do_at_once(work).await?),
        None => None,
    };
    Ok(told(shut_down(done.as_ref())))
}

/// `DELETE /_synapse/admin/v2/rooms/{roomId}`
pub async fn delete_room(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    match deletion(&api, &request).await? {
        Some(work) => Ok(told(json!({ "delete_id": api.rooms.begin_work(work).await? }))),
        None => Err(MatrixError::not_found("This server does not know that room. It is blocked now.")),
    }
}

/// `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`
pub async fn delete_status_of_room(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let id: OwnedRoomId = request.argument(0)?;
    let room = api.rooms.nid_of(&id)?.ok_or_else(access::unknown_room)?;
    let works = api.rooms.works()?.into_iter();
    let of_room = works
        .filter(|(_, row)| matches!(&row.work, Work::DeleteRoom { room: deleted, .. } if *deleted == room));
    let results =
        of_room.map(|(id, row)| deletion_status(&api, &id, &row)).collect::<Result<Vec<Value>>>()?;
    match results.is_empty() {
        true => Err(MatrixError::not_found("No such room was deleted lately.")),
        false => Ok(told(json!({ "results": results }))),
    }
}

/// `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`
pub async fn delete_status(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let row = work(&api, &request, |work| matches!(work, Work::DeleteRoom { .. }))?;
    Ok(told(deletion_status(&api, request.text(0), &row)?))
}

fn deletion_status(api: &ClientApi, id: &str, row: &WorkRow) -> Result<Value> {
    let mut answer = status(row);
    answer.insert("delete_id".to_owned(), id.into());
    if let Work::DeleteRoom { room, .. } = &row.work {
        answer.insert("room_id".to_owned(), json!(api.rooms.id_of(*room)?));
    }
    answer.insert("shutdown_room".to_owned(), shut_down(Some(&row.work)));
    Ok(Value::Object(answer))
}

fn shut_down(work: Option<&Work>) -> Value {
    match work {
        Some(Work::DeleteRoom { kicked, failed, aliases, successor, .. }) => json!({
            "kicked_users": kicked,
            "failed_to_kick_users": failed,
            "local_aliases": aliases,
            "new_room_id": successor,
        }),
        _ => json!({
            "kicked_users": [], "failed_to_kick_users": [], "local_aliases": [], "new_room_id": null,
        }),
    }
}

/// How many events of a user are redacted in each room where nothing else is said.
const USUAL_LIMIT: u64 = 1000;

/// `POST /_synapse/admin/v1/user/{userId}/redact`
pub async fn redact_user(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        /// None for all that the user is in.
        rooms: Vec<OwnedRoomId>,
        reason: Option<String>,
        limit: Option<u64>,
        #[serde(default)]
        use_admin: bool,
    }
    let user: ruma::OwnedUserId = request.argument(0)?;
    let body: Body = request.body()?;
    let is_own = user.server_name() == api.options.server_name;
    if is_own {
        existing_user(&api, &request)?;
    }
    if body.limit == Some(0) {
        return Err(MatrixError::invalid_param("`limit` must be greater than 0."));
    }
    let limit = body.limit.unwrap_or(USUAL_LIMIT);
    let mut rooms = Vec::new();
    match body.rooms.is_empty() {
        true => rooms.extend(api.rooms.rooms_of(&user)?.into_iter().map(|(room, _)| room)),
        false => {
            for room in &body.rooms {
                rooms.extend(api.rooms.nid_of(room)?);
            }
        }
    }
    // Users of other servers redact nothing here.
    let by = if is_own && !body.use_admin { user.clone() } else { request.who.user.clone() };
    let work = Work::RedactUser {
        user,
        by,
        reason: body.reason,
        rooms,
        before: TimelineOrder::MAX,
        limit,
        left: limit,
        failed: Vec::new(),
    };
    Ok(told(json!({ "redact_id": api.rooms.begin_work(work).await? })))
}

/// `GET /_synapse/admin/v1/user/redact_status/{redactId}`
pub async fn redact_status(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let row = work(&api, &request, |work| matches!(work, Work::RedactUser { .. }))?;
    let mut answer = status(&row);
    if let Work::RedactUser { failed, .. } = &row.work {
        let failed: Map<String, Value> =
            failed.iter().map(|(event, why)| (event.to_string(), why.as_str().into())).collect();
        answer.insert("failed_redactions".to_owned(), Value::Object(failed));
    }
    Ok(told(Value::Object(answer)))
}

/// `GET /_synapse/admin/v1/scheduled_tasks`
pub async fn scheduled_tasks(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Filter {
        action_name: Option<String>,
        resource_id: Option<String>,
        job_status: Option<String>,
        status: Option<String>,
        max_timestamp: Option<u64>,
    }
    let filter: Filter = request.query()?;
    let wanted_status = filter.status.or(filter.job_status);
    let mut tasks = Vec::new();
    for (id, row) in api.rooms.works()? {
        let (action, resource) = match &row.work {
            Work::PurgeHistory { room, .. } => ("purge_history", json!(api.rooms.id_of(*room)?)),
            Work::DeleteRoom { room, .. } => ("shutdown_and_purge_room", json!(api.rooms.id_of(*room)?)),
            Work::RedactUser { user, .. } => ("redact_all_user_events", json!(user)),
        };
        let mut task = status(&row);
        let wanted = filter.action_name.as_deref().is_none_or(|name| name == action)
            && filter.resource_id.as_deref().is_none_or(|id| resource == id)
            && wanted_status.as_deref().is_none_or(|status| task["status"] == status)
            && filter.max_timestamp.is_none_or(|max| row.changed_at < max);
        if wanted {
            task.insert("id".to_owned(), id.into());
            task.insert("action".to_owned(), action.into());
            task.insert("timestamp_ms".to_owned(), row.changed_at.into());
            task.insert("resource_id".to_owned(), resource);
            task.entry("error").or_insert(Value::Null);
            tasks.push(Value::Object(task));
        }
    }
    let page = request.query::<Paging>()?.page(tasks);
    Ok(told(json!({ "scheduled_tasks": page.items })))
}

fn work(api: &ClientApi, request: &AdminRequest, is_such: impl Fn(&Work) -> bool) -> Result<WorkRow> {
    let row = api.rooms.work(request.text(0))?.filter(|row| is_such(&row.work));
    row.ok_or_else(|| MatrixError::not_found("There is no such task, or it was done long ago."))
}

fn status(row: &WorkRow) -> Map<String, Value> {
    let (status, error) = match &row.status {
        WorkStatus::Active => ("active", None),
        WorkStatus::Complete => ("complete", None),
        WorkStatus::Failed(error) => ("failed", Some(error)),
    };
    let error = error.map(|error| ("error".to_owned(), error.as_str().into()));
    [("status".to_owned(), status.into())].into_iter().chain(error).collect()
}
