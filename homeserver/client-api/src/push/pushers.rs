//! `GET /_matrix/client/v3/pushers` and `POST /_matrix/client/v3/pushers/set`

use axum::extract::State;
use hearth_users::Users;
use http::{Uri, uri::Scheme};
use ruma::api::client::push::{
    PusherKind,
    get_pushers::v3::Request as GetPushers,
    set_pusher::v3::{PusherAction, Request as SetPusher, Response},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{Answer, ClientApi, Json, MatrixError, Request, Result};

/// Where a push gateway is told of events, on whatever host it is.
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";

/// The user's pushers
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushers)).
pub async fn get_pushers(State(users): State<Users>, request: Request<GetPushers>) -> Result<Json<Value>> {
    Ok(Json(json!({ "pushers": users.pushers.list(&request.who.user)? })))
}

/// Makes, changes or deletes a pusher
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset)).
pub async fn set_pusher(
    State(api): State<ClientApi>,
    request: Request<SetPusher>,
) -> Result<Answer<Response>> {
    let pushers = &api.users.pushers;
    let (user, device) = (&request.who.user, &request.who.device);
    match request.body.action {
        PusherAction::Post(post) => {
            check(&post.pusher.kind, api.options.allow_private_networks)?;
            let (app_id, pushkey) = (&post.pusher.ids.app_id, &post.pusher.ids.pushkey);
            let pusher = to_raw_value(&post.pusher)?;
            pushers.set(user, device, app_id, pushkey, &pusher, post.append).await?;
        }
        PusherAction::Delete(ids) => pushers.delete(user, &ids.app_id, &ids.pushkey).await?,
        _ => return Err(MatrixError::bad_json("The pusher is of no known kind.")),
    }
    Ok(Answer(Response::new()))
}

/// A gateway is reached by HTTPS alone, but for one in a network of one's own.
fn check(kind: &PusherKind, private: bool) -> Result<()> {
    let PusherKind::Http(data) = kind else {
        return Err(MatrixError::invalid_param("This server has pushers of kind http only."));
    };
    let url: Uri = data.url.parse().map_err(|_| MatrixError::invalid_param("The pusher's URL is none."))?;
    let secure = url.scheme() == Some(&Scheme::HTTPS) || private && url.scheme() == Some(&Scheme::HTTP);
    match secure && url.path() == GATEWAY_PATH && url.host().is_some() {
        true => Ok(()),
        false => Err(MatrixError::invalid_param(format!(
            "The pusher's URL must begin with https:// and end in {GATEWAY_PATH}."
        ))),
    }
}
