//! The media of a call: devices of this machine and connections to SFUs, by `assets/call.js`.

use std::{cell::RefCell, rc::Rc};

use hearth_client_state::call::Media as Now;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::AudioContext;

use super::window;
use crate::matrix::Problem;

/// The media of one call.
pub struct Media {
    inner: JsValue,
    /// Called by it for as long as it is there.
    _changed: Closure<dyn Fn(String)>,
}

/// Something that records or plays.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct MediaDevice {
    /// `audioinput`, `audiooutput` or `videoinput`.
    pub kind: String,
    pub id: String,
    pub label: String,
}

/// Where pictures and sound come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Microphone,
    Camera,
    Screen,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Camera => "camera",
            Self::Screen => "screen",
        }
    }
}

impl Media {
    /// Loads what a call needs. What changes from then on is told to `changed`.
    pub async fn load(changed: impl Fn(Now) + 'static) -> Result<Self, Problem> {
        let absent = |_| Problem::Known("call-not-built");
        let changed = Closure::<dyn Fn(String)>::new(move |now: String| {
            if let Ok(now) = serde_json::from_str(&now) {
                changed(now);
            }
        });
        let inner = begin("call.js", &[changed.as_ref().clone()]).await.map_err(absent)?;
        Ok(Self { inner, _changed: changed })
    }

    /// Connects to an SFU; what the person sends goes to their own.
    pub async fn connect(
        &self,
        service: &str,
        url: &str,
        token: &str,
        is_own: bool,
        is_encrypted: bool,
    ) -> Result<(), Problem> {
        let values = [service.into(), url.into(), token.into(), is_own.into(), is_encrypted.into()];
        self.call("connect", &values).await.map(drop)
    }

    pub async fn disconnect(&self, service: &str) {
        let _ = self.call("disconnect", &[service.into()]).await;
    }

    /// Takes the key that a participant encrypts with.
    pub async fn set_key(&self, identity: &str, index: u8, bytes: &[u8]) {
        let _ = self.call("setKey", &[identity.into(), index.into(), Uint8Array::from(bytes).into()]).await;
    }

    pub async fn set(&self, source: Source, is_on: bool) -> Result<(), Problem> {
        self.call("set", &[source.name().into(), is_on.into()]).await.map(drop)
    }

    /// The devices of this machine; without names before one of them was used.
    pub async fn devices(&self) -> Vec<MediaDevice> {
        let list = self.call("list", &[]).await.ok().and_then(|list| list.as_string());
        list.and_then(|list| serde_json::from_str(&list).ok()).unwrap_or_default()
    }

    pub async fn choose(&self, device: &MediaDevice) -> Result<(), Problem> {
        self.call("choose", &[device.kind.as_str().into(), device.id.as_str().into()]).await.map(drop)
    }

    /// How loud the microphone is before one is in the call: 0 to 1.
    pub async fn loudness(&self) -> f64 {
        let loudness = self.call("loudness", &[]).await.ok().and_then(|loudness| loudness.as_f64());
        loudness.unwrap_or_default()
    }

    /// Shows in each `video` of the page the track that it names.
    pub async fn show(&self) {
        let _ = self.call("show", &[]).await;
    }

    pub async fn close(&self) {
        let _ = self.call("close", &[]).await;
    }

    async fn call(&self, name: &str, values: &[JsValue]) -> Result<JsValue, Problem> {
        let function = Reflect::get(&self.inner, &name.into()).map_err(|error| problem(&error))?;
        called(&function, &self.inner, values).await.map_err(|error| problem(&error))
    }
}

/// The sound of a call that rings, until it is dropped. A browser that nobody has touched yet stays silent.
pub struct Tone {
    sound: Rc<RefCell<Option<AudioContext>>>,
}

impl Tone {
    pub fn begin() -> Self {
        let sound = Rc::new(RefCell::new(None));
        let place = Rc::downgrade(&sound);
        super::run(async move {
            let Ok(context) = begin("tone.js", &[]).await else { return };
            let context: AudioContext = context.unchecked_into();
            match place.upgrade() {
                Some(place) => *place.borrow_mut() = Some(context),
                None => drop(context.close()),
            }
        });
        Self { sound }
    }
}

impl Drop for Tone {
    fn drop(&mut self) {
        if let Some(context) = self.sound.borrow().as_ref() {
            let _ = context.close();
        }
    }
}

/// What `begin` of a module gives that is loaded for it.
async fn begin(module: &str, values: &[JsValue]) -> Result<JsValue, JsValue> {
    let load = Reflect::get(&window(), &"hearthLoad".into())?;
    let module = called(&load, &JsValue::UNDEFINED, &[module.into()]).await?;
    called(&Reflect::get(&module, &"begin".into())?, &JsValue::UNDEFINED, values).await
}

/// What a function gives, at once or later.
async fn called(function: &JsValue, of: &JsValue, values: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: &Function = function.dyn_ref().ok_or(JsValue::NULL)?;
    let given = function.apply(of, &values.iter().collect())?;
    match given.dyn_into::<Promise>() {
        Ok(later) => JsFuture::from(later).await,
        Err(given) => Ok(given),
    }
}

/// Why it did not work, and what the person can do.
fn problem(error: &JsValue) -> Problem {
    let text = |name: &str| {
        let value = Reflect::get(error, &name.into()).ok().and_then(|value| value.as_string());
        value.unwrap_or_default()
    };
    match text("name").as_str() {
        "NotAllowedError" | "SecurityError" => Problem::Known("call-no-permission"),
        "NotFoundError" | "OverconstrainedError" | "DeviceUnsupportedError" => {
            Problem::Known("call-no-device")
        }
        "NotReadableError" | "AbortError" => Problem::Known("call-device-busy"),
        "ConnectionError" | "NegotiationError" => Problem::Known("call-no-route"),
        _ => Problem::Other(text("message")),
    }
}
