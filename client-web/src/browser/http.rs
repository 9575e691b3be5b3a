//! Asking servers what the SDK has no words for: JSON in and out.

use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

use super::window;

/// What a server answered.
pub struct Answer {
    pub status: u16,
    /// Null where it was no JSON.
    pub body: Value,
}

/// Asks a server; nothing where it is not reached.
pub async fn ask(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Option<Answer> {
    let options = RequestInit::new();
    options.set_method(method);
    let headers = web_sys::Headers::new().ok()?;
    if let Some(token) = token {
        headers.set("Authorization", &format!("Bearer {token}")).ok()?;
    }
    if let Some(body) = body {
        headers.set("Content-Type", "application/json").ok()?;
        options.set_body(&JsValue::from(body.to_string()));
    }
    options.set_headers(&headers);
    let answer = JsFuture::from(window().fetch_with_str_and_init(url, &options)).await.ok()?;
    let answer: Response = answer.dyn_into().ok()?;
    let text = JsFuture::from(answer.text().ok()?).await.ok()?.as_string().unwrap_or_default();
    Some(Answer { status: answer.status(), body: serde_json::from_str(&text).unwrap_or_default() })
}
