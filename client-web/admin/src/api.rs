//! Asking the server that this page came from.

use hearth_client_design::words::{Value as Words, t, tv};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, RequestInit, Response};

/// The names by which the two admin APIs begin.
pub const SYNAPSE: &str = "/_synapse/admin";
pub const HEARTH: &str = "/_hearth/admin/v1";

/// Why something did not work.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The server does not answer.
    Offline,
    /// The session has ended.
    SignedOut,
    /// The server says no, with a status, a code and words.
    Refused { status: u16, code: String, words: String },
    /// What it said cannot be understood.
    Strange(String),
}

impl Problem {
    /// In words, with what to do.
    pub fn text(&self) -> String {
        match self {
            Self::Offline => t("error-offline"),
            Self::SignedOut => t("signed-out"),
            Self::Refused { code, .. } if code == "M_LIMIT_EXCEEDED" => t("error-limit"),
            Self::Refused { words, .. } => tv("error-refused", [("why", Words::from(words.as_str()))]),
            Self::Strange(error) => tv("error-other", [("error", Words::from(error.as_str()))]),
        }
    }
}

/// A part of a path, in which slashes and the like stand for themselves.
pub fn encoded(part: &str) -> String {
    js_sys::encode_uri_component(part).into()
}

/// Asks, and reads the answer as JSON.
pub async fn ask(
    method: &str,
    path: &str,
    body: Option<&Value>,
    token: Option<&str>,
) -> Result<Value, Problem> {
    let response = fetch(method, path, body, token).await?;
    let text = JsFuture::from(response.text().map_err(strange)?).await.map_err(|_| Problem::Offline)?;
    let answer: Value = match text.as_string().unwrap_or_default().as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or(Value::Null),
    };
    match response.status() {
        200..=299 => Ok(answer),
        401 => Err(Problem::SignedOut),
        status => {
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            let words = Some(text("error")).filter(|words| !words.is_empty());
            let words = words.unwrap_or_else(|| status.to_string());
            Err(Problem::Refused { status, code: text("errcode"), words })
        }
    }
}

/// The bytes of a picture and their media type.
pub async fn picture(path: &str, token: &str) -> Option<(Vec<u8>, String)> {
    let response = fetch("GET", path, None, Some(token)).await.ok().filter(Response::ok)?;
    let kind = response.headers().get("content-type").ok().flatten()?;
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some((js_sys::Uint8Array::new(&buffer).to_vec(), kind))
}

async fn fetch(
    method: &str,
    path: &str,
    body: Option<&Value>,
    token: Option<&str>,
) -> Result<Response, Problem> {
    let headers = Headers::new().map_err(strange)?;
    if let Some(token) = token {
        headers.set("Authorization", &format!("Bearer {token}")).map_err(strange)?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        headers.set("Content-Type", "application/json").map_err(strange)?;
        init.set_body(&JsValue::from_str(&body.to_string()));
    }
    init.set_headers(&headers);
    let request = Request::new_with_str_and_init(path, &init).map_err(strange)?;
    let window = hearth_client_design::page::window();
    let response = JsFuture::from(window.fetch_with_request(&request)).await.map_err(|_| Problem::Offline)?;
    response.dyn_into().map_err(strange)
}

fn strange(error: JsValue) -> Problem {
    Problem::Strange(format!("{error:?}"))
}
