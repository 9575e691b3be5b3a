//! What is shown outside of the page: notifications, what the push service brings, and the badge of the application.

use hearth_client_state::{rich::one_line, when::QuietHours};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Notification, NotificationOptions, NotificationPermission, PushSubscription, PushSubscriptionOptionsInit,
    ServiceWorkerRegistration,
};

use super::{forget, load, now, offset, save, set_fragment, window};
use crate::matrix::Subscription;

/// What the browser says to notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Given,
    /// Nobody was asked yet.
    Open,
    Refused,
}

const NOTIFY: &str = "hearth-notify";
const SILENT: &str = "hearth-silent";
const QUIET_HOURS: &str = "hearth-quiet-hours";

pub fn may_notify() -> Permission {
    match Notification::permission() {
        NotificationPermission::Granted => Permission::Given,
        NotificationPermission::Denied => Permission::Refused,
        _ => Permission::Open,
    }
}

/// Asks the person; the browser shows the question.
pub async fn ask_to_notify() -> Permission {
    if let Ok(asked) = Notification::request_permission() {
        let _ = JsFuture::from(asked).await;
    }
    may_notify()
}

/// Whether the person wants to be notified in this browser.
pub fn wants_to_notify() -> bool {
    load(NOTIFY).is_some()
}

pub fn set_wants_to_notify(wants: bool) {
    if wants { save(NOTIFY, "on") } else { forget(NOTIFY) }
}

/// Whether what comes is heard in this browser; it is until somebody says otherwise.
pub fn wants_sound() -> bool {
    load(SILENT).is_none()
}

pub fn set_wants_sound(wants: bool) {
    if wants { forget(SILENT) } else { save(SILENT, "on") }
}

/// The hours in which this browser tells of nothing, if there are any.
pub fn quiet_hours() -> Option<QuietHours> {
    QuietHours::parse(&load(QUIET_HOURS)?)
}

/// Whether it is one of them now.
pub fn is_quiet() -> bool {
    quiet_hours().is_some_and(|hours| hours.contain(now(), offset()))
}

pub fn set_quiet_hours(hours: Option<QuietHours>) {
    match hours {
        Some(hours) => save(QUIET_HOURS, &hours.text()),
        None => forget(QUIET_HOURS),
    }
}

/// Shows something outside of the page; a later one of the same tag takes its place. A click leads to an address.
pub fn notify(title: &str, text: &str, tag: &str, fragment: String) {
    let options = NotificationOptions::new();
    options.set_body(&one_line(text, 200));
    options.set_tag(tag);
    let Ok(notification) = Notification::new_with_options(title, &options) else { return };
    let shown = notification.clone();
    let clicked = Closure::<dyn FnMut()>::new(move || {
        let _ = window().focus();
        set_fragment(&fragment);
        shown.close();
    });
    notification.set_onclick(Some(clicked.as_ref().unchecked_ref()));
    clicked.forget();
}

async fn worker() -> Option<ServiceWorkerRegistration> {
    let navigator = window().navigator();
    // Only where the page came over a connection that nobody else reads.
    if !Reflect::has(&navigator, &"serviceWorker".into()).unwrap_or(false) {
        return None;
    }
    let ready = navigator.service_worker().ready().ok()?;
    JsFuture::from(ready).await.ok()?.dyn_into().ok()
}

/// Where this browser takes pushes, if it does.
pub async fn push_subscription() -> Option<Subscription> {
    let subscription =
        JsFuture::from(worker().await?.push_manager().ok()?.get_subscription().ok()?).await.ok()?;
    described(&subscription.dyn_into().ok()?)
}

/// Asks the browser's push service for a place, for a server that signs with this key (base64url).
pub async fn push_subscribe(key: &str) -> Option<Subscription> {
    let options = PushSubscriptionOptionsInit::new();
    options.set_user_visible_only(true);
    options.set_application_server_key_opt_str(Some(key));
    let manager = worker().await?.push_manager().ok()?;
    let subscription = JsFuture::from(manager.subscribe_with_options(&options).ok()?).await.ok()?;
    described(&subscription.dyn_into().ok()?)
}

pub async fn push_unsubscribe() {
    let Some(worker) = worker().await else { return };
    let Ok(asked) = worker.push_manager().and_then(|manager| manager.get_subscription()) else { return };
    if let Ok(subscription) = JsFuture::from(asked).await
        && let Ok(subscription) = subscription.dyn_into::<PushSubscription>()
        && let Ok(ended) = subscription.unsubscribe()
    {
        let _ = JsFuture::from(ended).await;
    }
}

fn described(subscription: &PushSubscription) -> Option<Subscription> {
    let key = |name| {
        let key = subscription.get_key(name).ok()??;
        Some(base64url(&Uint8Array::new(&key).to_vec()))
    };
    Some(Subscription {
        url: subscription.endpoint(),
        p256dh: key(web_sys::PushEncryptionKeyName::P256dh)?,
        auth: key(web_sys::PushEncryptionKeyName::Auth)?,
    })
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let all = part.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..=part.len() {
            text.push(char::from(LETTERS[(all >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

/// The count on the application's icon, where the system shows one.
pub fn set_badge(count: u64) {
    let navigator = window().navigator();
    let name = if count > 0 { "setAppBadge" } else { "clearAppBadge" };
    let Some(set) =
        Reflect::get(&navigator, &name.into()).ok().and_then(|set| set.dyn_into::<Function>().ok())
    else {
        return;
    };
    let asked = match count {
        0 => set.call0(&navigator),
        count => set.call1(&navigator, &JsValue::from(count as f64)),
    };
    if let Some(asked) = asked.ok().and_then(|asked| asked.dyn_into::<Promise>().ok()) {
        wasm_bindgen_futures::spawn_local(async move {
            let _ = JsFuture::from(asked).await;
        });
    }
}

/// Calls back with the token of a push by which the server asks whether pushes come.
pub fn on_push_token(call: impl Fn(String) + 'static) {
    let navigator = window().navigator();
    if !Reflect::has(&navigator, &"serviceWorker".into()).unwrap_or(false) {
        return;
    }
    let came = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        let data = Reflect::get(&event, &"data".into()).unwrap_or_default();
        let token = Reflect::get(&data, &"activate".into()).ok().and_then(|token| token.as_string());
        if let Some(token) = token {
            call(token);
        }
    });
    let worker = navigator.service_worker();
    let _ = worker.add_event_listener_with_callback("message", came.as_ref().unchecked_ref());
    came.forget();
}
