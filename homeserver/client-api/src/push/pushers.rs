//! `GET /_matrix/client/v3/pushers` and `POST /_matrix/client/v3/pushers/set`

use axum::extract::State;
use hearth_users::{NewPusher, Pusher, Users};
use http::{Method, Uri, uri::Scheme};
use ruma::{
    api::{
        IncomingRequest, Metadata,
        client::push::{
            get_pushers::v3::Request as GetPushers,
            set_pusher::v3::{Request as RumaSetPusher, Response},
        },
        error::DeserializationError,
    },
    serde::JsonObject,
};
use serde::Deserialize;
use serde_json::{Value, json, value::to_raw_value};

use crate::{Answer, ClientApi, Json, MatrixError, Request, Result};

/// Where a push gateway is told of events, on whatever host it is.
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";

/// Whether a pusher is to be told anything, and whose it is
/// ([MSC3881](https://github.com/matrix-org/matrix-spec-proposals/pull/3881)).
const ENABLED: &str = "org.matrix.msc3881.enabled";
const DEVICE_ID: &str = "org.matrix.msc3881.device_id";

/// The user's pushers
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushers)).
pub async fn get_pushers(State(users): State<Users>, request: Request<GetPushers>) -> Result<Json<Value>> {
    let pushers = users.pushers.list(&request.who.user)?;
    let pushers: Vec<Value> = pushers.iter().map(shown).collect::<Result<_>>()?;
    Ok(Json(json!({ "pushers": pushers })))
}

/// A pusher as its user sees it.
pub(crate) fn shown(pusher: &Pusher) -> Result<Value> {
    let mut shown: Value = serde_json::from_str(&pusher.row.pusher)?;
    shown[ENABLED] = pusher.row.enabled.into();
    shown[DEVICE_ID] = pusher.row.device.as_str().into();
    Ok(shown)
}

/// ruma's request with all that the client says: it knows neither other kinds of pushers nor fields of proposals.
#[derive(Deserialize)]
pub struct SetPusher {
    app_id: String,
    pushkey: String,
    #[serde(default)]
    append: bool,
    #[serde(flatten)]
    rest: JsonObject,
}

impl Metadata for SetPusher {
    type Authentication = <RumaSetPusher as Metadata>::Authentication;
    type PathBuilder = <RumaSetPusher as Metadata>::PathBuilder;

    const METHOD: Method = RumaSetPusher::METHOD;
    const PATH_BUILDER: Self::PathBuilder = RumaSetPusher::PATH_BUILDER;
    const RATE_LIMITED: bool = RumaSetPusher::RATE_LIMITED;
}

impl IncomingRequest for SetPusher {
    type EndpointError = <RumaSetPusher as IncomingRequest>::EndpointError;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        _: &[&str],
    ) -> std::result::Result<Self, DeserializationError> {
        Ok(serde_json::from_slice(request.body())?)
    }
}

/// Makes, changes or deletes a pusher
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset)).
pub async fn set_pusher(
    State(api): State<ClientApi>,
    request: Request<SetPusher>,
) -> Result<Answer<Response>> {
    let pushers = &api.users.pushers;
    let (user, device) = (&request.who.user, &request.who.device);
    let SetPusher { app_id, pushkey, append, mut rest } = request.body;
    let kind = match rest.get("kind") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Null) => {
            pushers.delete(user, &app_id, &pushkey).await?;
            return Ok(Answer(Response::new()));
        }
        Some(_) => return Err(MatrixError::bad_json("The kind of a pusher is a string, or null.")),
        None => return Err(MatrixError::missing_param("The pusher has no `kind`.")),
    };
    check(&kind, &rest, api.options.allow_private_networks)?;
    let enabled = match rest.remove(ENABLED) {
        None => true,
        Some(Value::Bool(enabled)) => enabled,
        Some(_) => return Err(MatrixError::bad_json("Whether a pusher is enabled is true or false.")),
    };
    // It is the server's to say.
    rest.remove(DEVICE_ID);
    rest.insert("app_id".to_owned(), app_id.clone().into());
    rest.insert("pushkey".to_owned(), pushkey.clone().into());
    let pusher = to_raw_value(&rest)?;
    let new = NewPusher {
        app_id: &app_id,
        pushkey: &pushkey,
        pusher: &pusher,
        enabled,
        append,
        to_activate: false,
    };
    pushers.set(user, device, new).await?;
    Ok(Answer(Response::new()))
}

/// Whether a pusher says what one of its kind has to. A gateway is reached by HTTPS alone, but for one in a network of
/// one's own.
fn check(kind: &str, pusher: &JsonObject, private: bool) -> Result<()> {
    for text in ["app_display_name", "device_display_name", "lang"] {
        match pusher.get(text) {
            Some(Value::String(_)) => {}
            Some(_) => return Err(MatrixError::bad_json(format!("`{text}` is no string."))),
            None => return Err(MatrixError::missing_param(format!("The pusher has no `{text}`."))),
        }
    }
    let Some(data) = pusher.get("data") else {
        return Err(MatrixError::missing_param("The pusher has no `data`."));
    };
    if kind != "http" {
        return Err(MatrixError::invalid_param("This server has pushers of kind http only."));
    }
    let url = match &data["url"] {
        Value::String(url) => url,
        Value::Null => return Err(MatrixError::missing_param("The pusher's `data` has no `url`.")),
        _ => return Err(MatrixError::bad_json("The pusher's URL is no string.")),
    };
    if !matches!(&data["format"], Value::Null | Value::String(_)) {
        return Err(MatrixError::bad_json("The pusher's format is no string."));
    }
    let url: Uri = url.parse().map_err(|_| MatrixError::invalid_param("The pusher's URL is none."))?;
    let secure = url.scheme() == Some(&Scheme::HTTPS) || private && url.scheme() == Some(&Scheme::HTTP);
    let plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match secure && plain && url.path() == GATEWAY_PATH {
        true => Ok(()),
        false => Err(MatrixError::invalid_param(format!(
            "The pusher's URL must begin with https:// and end in {GATEWAY_PATH}."
        ))),
    }
}
