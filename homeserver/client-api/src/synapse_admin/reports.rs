//! Reports of content
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/event_reports.html)).

use axum::{extract::State, response::Response};
use hearth_rooms::ContentReport;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{
        AdminRequest,
        request::{Direction, Paging},
        told,
    },
};

#[derive(Deserialize)]
struct Filter {
    user_id: Option<String>,
    room_id: Option<OwnedRoomId>,
    event_sender_user_id: Option<OwnedUserId>,
}

/// `GET /_synapse/admin/v1/event_reports`: the newest first, unless `dir` is `f`.
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Dir {
        dir: Option<Direction>,
    }
    let (filter, paging): (Filter, Paging) = (request.query()?, request.query()?);
    let mut reports = api.rooms.reports()?;
    reports.retain(|ContentReport { reporter, row, .. }| {
        filter.user_id.as_deref().is_none_or(|part| reporter.as_str().contains(part))
            && filter.room_id.as_ref().is_none_or(|room| row.room_id.as_ref() == Some(room))
            && filter.event_sender_user_id.as_ref().is_none_or(|user| row.user_id.as_ref() == Some(user))
    });
    if request.query::<Dir>()?.dir != Some(Direction::Forward) {
        reports.reverse();
    }
    let page = paging.page(reports);
    let told_reports =
        page.items.iter().map(|report| described(&api, report)).collect::<Result<Vec<Value>>>()?;
    let mut answer = json!({ "event_reports": told_reports, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.into();
    }
    Ok(told(answer))
}

/// `GET /_synapse/admin/v1/event_reports/{reportId}`: with the event as it was when it was reported.
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let report = one(&api, &request)?;
    let mut answer = described(&api, &report)?;
    if let Some(event) = api.rooms.reported(&report)? {
        answer["event_json"] = serde_json::from_str(&event)?;
        answer["event_json"]["event_id"] = json!(report.row.event_id);
    }
    Ok(told(answer))
}

/// `DELETE /_synapse/admin/v1/event_reports/{reportId}`
pub async fn delete(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    api.rooms.delete_report(&one(&api, &request)?).await?;
    Ok(told(json!({})))
}

fn one(api: &ClientApi, request: &AdminRequest) -> Result<ContentReport> {
    let unknown = || MatrixError::not_found("There is no such report.");
    let at: u64 = request.text(0).parse().map_err(|_| unknown())?;
    api.rooms.report(at)?.ok_or_else(unknown)
}

fn described(api: &ClientApi, report: &ContentReport) -> Result<Value> {
    let ContentReport { at, reporter, row } = report;
    let room = row.room_id.as_ref().map(|room| api.rooms.find_room(room)).transpose()?.flatten();
    let summary = room.map(|room| room.summary()).transpose()?;
    Ok(json!({
        "id": at,
        "received_ts": at,
        "room_id": row.room_id,
        "event_id": row.event_id,
        "user_id": reporter,
        "sender": row.user_id,
        "reason": row.reason,
        "score": null,
        "name": summary.as_ref().and_then(|summary| summary.name.clone()),
        "canonical_alias": summary.as_ref().and_then(|summary| summary.canonical_alias.clone()),
    }))
}
