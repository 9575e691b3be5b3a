//! `GET /_matrix/client/v3/pushers` and `POST /_matrix/client/v3/pushers/set`

use axum::extract::State;
use hearth_users::Users;
use http::Uri;
use ruma::api::client::push::{
    PusherKind,
    get_pushers::v3::Request as GetPushers,
    set_pusher::v3::{PusherAction, Request as SetPusher, Response},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{Answer, Json, MatrixError, Request, Result};

/// Where a push gateway is told of events, on whatever host it is.
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";

/// The user's pushers
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushers)).
pub async fn get_pushers(State(users): State<Users>, request: Request<GetPushers>) -> Result<Json<Value>> {
    Ok(Json(json!({ "pushers": users.pushers.list(&request.who.user)? })))
}

/// Makes, changes or deletes a pusher
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset)).
pub async fn set_pusher(State(users): State<Users>, request: Request<SetPusher>) -> Result<Answer<Response>> {
    let (user, device) = (&request.who.user, &request.who.device);
    match request.body.action {
        PusherAction::Post(post) => {
            check(&post.pusher.kind)?;
            let (app_id, pushkey) = (&post.pusher.ids.app_id, &post.pusher.ids.pushkey);
            if app_id.len() > 64 || pushkey.len() > 512 {
                return Err(MatrixError::invalid_param("The app id or the pushkey is too long."));
            }
            let pusher = to_raw_value(&post.pusher)?;
            users.pushers.set(user, device, app_id, pushkey, &pusher, post.append).await?;
        }
        PusherAction::Delete(ids) => users.pushers.delete(user, &ids.app_id, &ids.pushkey).await?,
        _ => return Err(MatrixError::bad_json("The pusher is of no known kind.")),
    }
    Ok(Answer(Response::new()))
}

fn check(kind: &PusherKind) -> Result<()> {
    match kind {
        PusherKind::Http(data) => {
            let url: Option<Uri> = data.url.parse().ok();
            match url.is_some_and(|url| url.path() == GATEWAY_PATH && url.host().is_some()) {
                true => Ok(()),
                false => {
                    Err(MatrixError::invalid_param(format!("The pusher's URL must end in {GATEWAY_PATH}.")))
                }
            }
        }
        _ => Err(MatrixError::invalid_param("This server has pushers of kind http only.")),
    }
}
