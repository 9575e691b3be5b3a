//! Reports of content
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/event_reports.html)).

use axum::{extract::State, response::Response};
use hearth_storage::{
    Change, Scan,
    schema::{self, rooms::ReportRow},
};
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    ClientApi, MatrixError, Result,
    state::events::EventWriter,
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

/// A report with its key. It is called by the time at which it came.
type Report = (u64, OwnedUserId, ReportRow);

/// `GET /_synapse/admin/v1/event_reports`: the newest first, unless `dir` is `f`.
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Dir {
        dir: Option<Direction>,
    }
    let (filter, paging): (Filter, Paging) = (request.query()?, request.query()?);
    let mut reports = all(&api)?;
    reports.retain(|(_, reporter, row)| {
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

/// `GET /_synapse/admin/v1/event_reports/{reportId}`: with the event, also if it was redacted since.
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let report = one(&api, &request)?;
    let mut answer = described(&api, &report)?;
    let event = report.2.event_id.as_ref().map(|id| api.rooms.event_by_id(id)).transpose()?.flatten();
    if let (Some(event), Some(room)) = (event, &report.2.room_id) {
        let room = api.rooms.room(room)?;
        let mut text = String::new();
        EventWriter::new(&api, &room, &request.who)?.write(&event, &mut text)?;
        answer["event_json"] = serde_json::to_value(RawValue::from_string(text)?)?;
    }
    Ok(told(answer))
}

/// `DELETE /_synapse/admin/v1/event_reports/{reportId}`
pub async fn delete(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let (at, reporter, _) = one(&api, &request)?;
    let commit = {
        let mut transaction = api.rooms.store().begin()?;
        transaction.delete(&schema::REPORTS, (at, &reporter));
        transaction.append(&Change::Report { at, reporter: reporter.clone() });
        transaction.submit()
    };
    commit.await?;
    Ok(told(json!({})))
}

fn all(api: &ClientApi) -> Result<Vec<Report>> {
    let view = api.rooms.store().view();
    let rows = view.scan(&schema::REPORTS, Scan::all());
    Ok(rows.map(|row| row.map(|((at, reporter), row)| (at, reporter, row))).collect::<Result<_, _>>()?)
}

fn one(api: &ClientApi, request: &AdminRequest) -> Result<Report> {
    let unknown = || MatrixError::not_found("There is no such report.");
    let at: u64 = request.text(0).parse().map_err(|_| unknown())?;
    let view = api.rooms.store().view();
    let row = view.scan(&schema::REPORTS, Scan::prefix((at,))).next().transpose()?;
    row.map(|((at, reporter), row)| (at, reporter, row)).ok_or_else(unknown)
}

fn described(api: &ClientApi, (at, reporter, row): &Report) -> Result<Value> {
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
