//! `GET /_matrix/client/v3/pushers`, `POST /_matrix/client/v3/pushers/set` and `…/ack`

use axum::{extract::State, response::IntoResponse as _};
use hearth_http::limits::{Asker, Class};
use hearth_push::{
    Subscription, WEB_PUSH,
    mail::{EMAIL, EMAIL_APP},
};
use hearth_users::{NewPusher, Pusher, Users, UsersError};
use http::{Method, StatusCode, Uri, header, uri::Scheme};
use ruma::{
    UserId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::AccessToken,
        client::push::{
            get_pushers::v3::Request as GetPushers,
            set_pusher::v3::{Request as RumaSetPusher, Response},
        },
        error::DeserializationError,
        metadata,
    },
    serde::JsonObject,
};
use serde::Deserialize;
use serde_json::{Value, json, value::to_raw_value};

use crate::{ClientApi, Json, MatrixError, Request, Result};

/// How long a client may take to say that it got an activation, and a person to confirm an address, in milliseconds.
const ACTIVATION_MS: u64 = 5 * 60_000;
const CONFIRMATION_MS: u64 = 24 * 60 * 60_000;
/// The longest address, in bytes (RFC 5321).
const MAX_ADDRESS: usize = 254;

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
    if shown["kind"].as_str().is_some_and(is_web_push) {
        shown["activated"] = pusher.row.awaits.is_none().into();
    }
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
) -> Result<axum::response::Response> {
    let pushers = &api.users.pushers;
    let (user, device) = (&request.who.user, &request.who.device);
    let SetPusher { app_id, pushkey, append, mut rest } = request.body;
    let kind = match rest.get("kind") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Null) => {
            pushers.delete(user, &app_id, &pushkey).await?;
            return Ok(answered(StatusCode::OK));
        }
        Some(_) => return Err(MatrixError::bad_json("The kind of a pusher is a string, or null.")),
        None => return Err(MatrixError::missing_param("The pusher has no `kind`.")),
    };
    check(&kind, &pushkey, &rest, api.options.allow_private_networks)?;
    let known = pushers.get(user, &app_id, &pushkey)?.filter(|known| known.row.awaits.is_none());
    let was: Value = known.and_then(|known| serde_json::from_str(&known.row.pusher).ok()).unwrap_or_default();
    let to_activate = match &*kind {
        // One of another kind proves nothing.
        EMAIL => (was["kind"] != EMAIL).then_some(CONFIRMATION_MS),
        kind if is_web_push(kind) => {
            let is_same = ["url", "auth"].iter().all(|part| was["data"][part] == rest["data"][part]);
            (!is_same).then_some(ACTIVATION_MS)
        }
        _ => None,
    };
    if kind == EMAIL {
        if to_activate.is_some() {
            // Nobody's mailbox is filled by strangers.
            api.limit(Class::Mail, Asker::User(user))?;
        }
        check_mail(&api, &app_id, &pushkey)?;
    }
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
    // Who names an address takes it from nobody.
    let append = append || kind == EMAIL;
    let new = NewPusher { app_id: &app_id, pushkey: &pushkey, pusher: &pusher, enabled, append, to_activate };
    let row = pushers.set(user, device, new).await?;
    if to_activate.is_none() {
        return Ok(answered(StatusCode::OK));
    }
    if kind == EMAIL {
        let pusher = Pusher { app_id, pushkey, row };
        api.pushes.send_confirmation(user, &pusher).await.map_err(|error| {
            tracing::warn!(%error, "a mail was not sent");
            MatrixError::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", "The mail server does not take the mail.")
        })?;
        return Ok(answered(StatusCode::CREATED));
    }
    api.pushes.send_activation(Pusher { app_id, pushkey, row });
    Ok(answered(StatusCode::CREATED))
}

/// Whether a pusher of mails can be one.
fn check_mail(api: &ClientApi, app_id: &str, address: &str) -> Result<()> {
    let refused = |why: &'static str| Err(MatrixError::invalid_param(why));
    let is_address = address.len() <= MAX_ADDRESS
        && address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        && address.chars().all(|letter| letter.is_ascii_graphic() && !"<>(),;:\"\\".contains(letter));
    match () {
        () if api.pushes.mails().is_none() => refused("This server sends no mails."),
        () if app_id != EMAIL_APP => refused("The app id of a pusher of mails is `m.email`."),
        () if !is_address => refused("The pushkey is no e-mail address."),
        () => Ok(()),
    }
}

fn answered(status: StatusCode) -> axum::response::Response {
    (status, [(header::CONTENT_TYPE, "application/json")], "{}").into_response()
}

fn is_web_push(kind: &str) -> bool {
    WEB_PUSH.contains(&kind)
}

/// Says that the client got what was sent to its new pusher
/// ([MSC4174](https://github.com/matrix-org/matrix-spec-proposals/pull/4174)).
pub async fn activate_pusher(State(users): State<Users>, request: Request<Activate>) -> Result<Json<Value>> {
    activate(&users, &request.who.user, &request.body.0).await
}

/// The same as clients did it first.
pub async fn activate_pusher_unstable(
    State(users): State<Users>,
    request: Request<UnstableActivate>,
) -> Result<Json<Value>> {
    activate(&users, &request.who.user, &request.body.0).await
}

async fn activate(
    users: &Users,
    user: &UserId,
    Activation { app_id, ack_token }: &Activation,
) -> Result<Json<Value>> {
    match users.pushers.activate(user, app_id, ack_token).await {
        Ok(()) => Ok(Json(json!({}))),
        Err(UsersError::InvalidParam(message)) => {
            Err(MatrixError::new(StatusCode::BAD_REQUEST, "M_UNKNOWN_ACTIVATION_TOKEN", message))
        }
        Err(error) => Err(error.into()),
    }
}

/// What activates a pusher.
#[derive(Deserialize)]
pub struct Activation {
    app_id: String,
    ack_token: String,
}

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident: $path:literal;)*) => {
        $(
            $(#[$doc])*
            pub struct $name(Activation);

            metadata! {
                @for $name,
                method: POST,
                rate_limited: false,
                authentication: AccessToken,
                path: $path
            }

            impl IncomingRequest for $name {
                type EndpointError = <RumaSetPusher as IncomingRequest>::EndpointError;
                type OutgoingResponse = Response;

                fn try_from_http_request_inner(
                    request: http::Request<&[u8]>,
                    _: &[&str],
                ) -> std::result::Result<Self, DeserializationError> {
                    Ok(Self(serde_json::from_slice(request.body())?))
                }
            }
        )*
    };
}

activations! {
    /// `POST /_matrix/client/v3/pushers/ack`
    Activate: "/_matrix/client/v3/pushers/ack";
    /// `POST /_matrix/client/unstable/org.matrix.msc4174/pushers/ack`
    UnstableActivate: "/_matrix/client/unstable/org.matrix.msc4174/pushers/ack";
}

/// Whether a pusher says what one of its kind has to. A gateway is reached by HTTPS alone, but for one in a network of
/// one's own.
fn check(kind: &str, pushkey: &str, pusher: &JsonObject, private: bool) -> Result<()> {
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
    if kind == EMAIL {
        return Ok(());
    }
    if kind != "http" && !is_web_push(kind) {
        return Err(MatrixError::invalid_param(
            "This server has pushers of the kinds http, webpush and email only.",
        ));
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
    if !(secure && plain) {
        return Err(MatrixError::invalid_param("The pusher's URL must begin with https://."));
    }
    if is_web_push(kind) {
        let auth = data["auth"].as_str().unwrap_or_default();
        Subscription::of(pushkey, auth).map_err(|error| MatrixError::invalid_param(error.to_string()))?;
    } else if url.path() != GATEWAY_PATH {
        return Err(MatrixError::invalid_param(format!("The pusher's URL must end in {GATEWAY_PATH}.")));
    }
    Ok(())
}
