//! Several tabs of one session: one leads and runs it, by a lock that it holds ("Web Locks"); the others wait for the
//! lock, and may ask for it.

use futures::channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::BroadcastChannel;

use super::{reload, window};

/// Takes the lead if no other tab has it; tells whether it is ours.
pub async fn try_lead(session: &str) -> bool {
    request(session, Some("ifAvailable")).await
}

/// Waits until no other tab leads, and takes the lead.
pub async fn lead(session: &str) {
    request(session, None).await;
}

/// Takes the lead from a tab that does not answer, which starts anew once it wakes.
pub async fn take_lead(session: &str) {
    request(session, Some("steal")).await;
}

async fn request(session: &str, option: Option<&str>) -> bool {
    let navigator = window().navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).unwrap_or_default();
    let request = Reflect::get(&locks, &"request".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
    // Where the page did not come by HTTPS there are no locks: then one tab is what people have to see to.
    let Some(request) = request else { return true };
    let (sender, receiver) = oneshot::channel();
    let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        let is_ours = !lock.is_null();
        let _ = sender.send(is_ours);
        // It is held for as long as this promise is open: until the page goes.
        if is_ours { Promise::new(&mut |_, _| {}).into() } else { JsValue::UNDEFINED }
    });
    let options = Object::new();
    if let Some(option) = option {
        let _ = Reflect::set(&options, &option.into(), &true.into());
    }
    let Ok(held) = request.call3(&locks, &session.into(), &options, &granted) else { return true };
    spawn_local(async move {
        // It ends while it is held only when another tab takes it.
        if JsFuture::from(held.unchecked_into::<Promise>()).await.is_err() {
            reload();
        }
    });
    receiver.await.unwrap_or(true)
}

/// Asks the tab that leads to let this one lead.
pub fn ask(session: &str) {
    if let Ok(channel) = BroadcastChannel::new(session) {
        let _ = channel.post_message(&"lead".into());
        channel.close();
    }
}

/// Calls back when another tab asks for the lead.
pub fn on_asked(session: &str, call: impl FnMut() + 'static) {
    let Ok(channel) = BroadcastChannel::new(session) else { return };
    let asked = Closure::<dyn FnMut()>::new(call);
    channel.set_onmessage(Some(asked.as_ref().unchecked_ref()));
    asked.forget();
    // The channel lives for as long as the page does.
    std::mem::forget(channel);
}
