//! The browser, as far as the client alone asks it for more than the page: storage, files, scrolling, keys.

pub mod drafts;
pub mod http;
mod media;
mod notify;
mod recorder;
mod sound;
pub mod tabs;

pub use self::{
    media::{Media, MediaDevice, Source, Tone},
    notify::{
        Permission, ask_to_notify, is_quiet, may_notify, notify, on_push_token, push_subscribe,
        push_subscription, push_unsubscribe, quiet_hours, set_badge, set_quiet_hours, set_wants_sound,
        set_wants_to_notify, wants_sound, wants_to_notify,
    },
    recorder::Recorder,
    sound::chime,
};
pub use hearth_client_design::page::*;

use std::future::Future;

use futures::{
    FutureExt,
    channel::oneshot,
    future::{Either, select},
};
use js_sys::{Array, Date, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Element, HtmlElement, HtmlTextAreaElement, Storage};

use crate::matrix::{Problem, Upload};

/// Does something to its end, asked for by the browser and not by a view.
pub fn run(work: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(work);
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What was saved under a name.
pub fn load(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Saves over reloads. A browser that does not let us forgets it with the tab.
pub fn save(name: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, value);
    }
}

pub fn forget(name: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(name);
    }
}

/// Waits, but no longer than until the browser says that it is online again.
pub async fn online_or(wait: impl Future<Output = ()>) {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    let closure = Closure::<dyn FnMut()>::new(move || {
        if let Some(sender) = sender.take() {
            let _ = sender.send(());
        }
    });
    let listener = closure.as_ref().unchecked_ref();
    let _ = window().add_event_listener_with_callback("online", listener);
    match select(Box::pin(wait), receiver.fuse()).await {
        Either::Left(_) | Either::Right(_) => {}
    }
    let _ = window().remove_event_listener_with_callback("online", listener);
}

/// Fills with bytes that nobody can guess.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), Problem> {
    let array = Uint8Array::new_with_length(bytes.len() as u32);
    let fill = || {
        let crypto = Reflect::get(&window(), &"crypto".into())?;
        let fill: Function = Reflect::get(&crypto, &"getRandomValues".into())?.dyn_into()?;
        fill.call1(&crypto, &array)
    };
    fill().map_err(|error| Problem::Other(format!("getRandomValues: {error:?}")))?;
    array.copy_to(bytes);
    Ok(())
}

/// The moment at which a day begins here, by its date such as `2026-11-29`, in milliseconds since 1970.
pub fn begin_of_day(date: &str) -> Option<i64> {
    let at = Date::parse(&format!("{date}T00:00"));
    at.is_finite().then_some(at as i64)
}

/// Width and height of a picture.
pub async fn picture_size(bytes: &[u8], mime_type: &str) -> Option<(u32, u32)> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let properties = BlobPropertyBag::new();
    properties.set_type(mime_type);
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &properties).ok()?;
    let bitmap = JsFuture::from(window().create_image_bitmap_with_blob(&blob).ok()?).await.ok()?;
    let bitmap: web_sys::ImageBitmap = bitmap.dyn_into().ok()?;
    let size = (bitmap.width(), bitmap.height());
    bitmap.close();
    Some(size)
}

pub fn text_area(id: &str) -> Option<HtmlTextAreaElement> {
    element(id)?.dyn_into().ok()
}

/// Asks the browser to keep what is stored, also when its disk gets full.
pub fn keep_storage() {
    if let Ok(asked) = window().navigator().storage().persist() {
        wasm_bindgen_futures::spawn_local(async move {
            let _ = JsFuture::from(asked).await;
        });
    }
}

/// Removes the databases whose names begin so.
pub async fn remove_databases(prefix: &str) {
    let Ok(Some(factory)) = window().indexed_db() else { return };
    // web-sys does not know `databases()` yet.
    let list =
        Reflect::get(&factory, &"databases".into()).ok().and_then(|list| list.dyn_into::<Function>().ok());
    let Some(names) = list.and_then(|list| list.call0(&factory).ok()) else { return };
    let Ok(names) = JsFuture::from(names.unchecked_into::<Promise>()).await else { return };
    for database in Array::from(&names).iter() {
        let name = Reflect::get(&database, &"name".into()).ok().and_then(|name| name.as_string());
        if let Some(name) = name.filter(|name| name.starts_with(prefix)) {
            let _ = factory.delete_database(&name);
        }
    }
}

/// Clicks something that was made to be clicked.
pub fn click(id: &str) {
    if let Some(element) = element(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        element.click();
    }
}

/// Waits until the page is drawn.
pub async fn next_frame() {
    let promise = Promise::new(&mut |resolve, _| {
        let _ = window().request_animation_frame(&resolve);
    });
    let _ = JsFuture::from(promise).await;
}

/// Whether somebody can see the page.
pub fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether the page has room for one thing only, as on a phone.
pub fn is_narrow() -> bool {
    let query = window().match_media("(max-width: 45em)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Gives an element the whole screen, or the page its place back.
pub fn toggle_full(id: &str) {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else if let Some(element) = element(id) {
        let _ = element.request_fullscreen();
    }
}

/// Whether fingers are what points here.
pub fn is_touch() -> bool {
    let query = window().match_media("(pointer: coarse)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Where something that is scrolled from its end stands, in pixels.
pub struct Scroll {
    pub height: i32,
    pub from_end: i32,
    /// What is left above.
    pub above: i32,
}

/// How far an element is scrolled whose end is its beginning (`column-reverse`): then positions are negative.
pub fn scrolled(id: &str) -> Option<Scroll> {
    let element = element(id)?;
    let (height, from_end) = (element.scroll_height(), element.scroll_top().abs());
    Some(Scroll { height, from_end, above: height - from_end - element.client_height() })
}

pub fn scroll_from_end(id: &str, pixels: i32) {
    if let Some(element) = element(id) {
        element.set_scroll_top(-pixels);
    }
}

/// Scrolls an element into the middle of what is seen; false if it is not on the page.
pub fn scroll_to(id: &str) -> bool {
    scroll_into_view(id, web_sys::ScrollLogicalPosition::Center)
}

/// Scrolls so little that an element is seen.
pub fn scroll_just_to(id: &str) -> bool {
    scroll_into_view(id, web_sys::ScrollLogicalPosition::Nearest)
}

fn scroll_into_view(id: &str, block: web_sys::ScrollLogicalPosition) -> bool {
    let Some(element) = element(id) else { return false };
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(block);
    element.scroll_into_view_with_scroll_into_view_options(&options);
    true
}

pub fn set_class(id: &str, class: &str, is_set: bool) {
    if let Some(element) = element(id) {
        let _ = element.class_list().toggle_with_force(class, is_set);
    }
}

/// A file of the browser's with its content.
pub async fn upload(file: web_sys::File) -> Option<Upload> {
    let buffer = JsFuture::from(file.array_buffer()).await.ok()?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    let size = match file.type_().starts_with("image/") {
        true => picture_size(&bytes, &file.type_()).await,
        false => None,
    };
    Some(Upload {
        name: file.name(),
        mime_type: file.type_(),
        bytes,
        size,
        caption: String::new(),
        voice: None,
    })
}

/// The height of what is seen of the page, in pixels.
pub fn height() -> f64 {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default()
}

/// The text of a file that came with the page, by its name.
pub async fn asset(name: &str) -> Option<String> {
    let icon = document().query_selector("link[rel=icon]").ok()??.get_attribute("href")?;
    let address = format!("{}/{name}", icon.rsplit_once('/')?.0);
    let answer: web_sys::Response =
        JsFuture::from(window().fetch_with_str(&address)).await.ok()?.dyn_into().ok()?;
    JsFuture::from(answer.text().ok()?).await.ok()?.as_string()
}

/// Listens to the keys of the whole page; what the listener says it took, nothing else gets.
pub fn on_key(listener: impl Fn(&web_sys::KeyboardEvent) -> bool + 'static) {
    let closure = Closure::<dyn Fn(web_sys::KeyboardEvent)>::new(move |event: web_sys::KeyboardEvent| {
        if listener(&event) {
            event.prevent_default();
            event.stop_propagation();
        }
    });
    let target = document();
    let _ =
        target.add_event_listener_with_callback_and_bool("keydown", closure.as_ref().unchecked_ref(), true);
    closure.forget();
}

/// Whether an element stands in the lower half of what is seen of the page.
pub fn is_low(selector: &str) -> bool {
    let element = document().query_selector(selector).ok().flatten();
    element.is_some_and(|element| element.get_bounding_client_rect().top() > height() / 2.0)
}

/// Puts the focus on the first element of a kind.
pub fn focus_in(selector: &str) {
    let element = document().query_selector(selector).ok().flatten();
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Puts the focus on the last element of a kind.
pub fn focus_last(selector: &str) {
    let Ok(all) = document().query_selector_all(selector) else { return };
    let last = all.length().checked_sub(1).and_then(|at| all.get(at));
    if let Some(last) = last.and_then(|last| last.dyn_into::<HtmlElement>().ok()) {
        let _ = last.focus();
    }
}

/// Whether somebody writes just now.
pub fn is_writing() -> bool {
    has_focus("input, textarea, select")
}

/// Whether the focus is on something that keys do something to.
pub fn is_on_control() -> bool {
    has_focus("a, button, input, textarea, select")
}

/// Puts the focus on the next of the parts of the page that are there, in their order.
pub fn focus_next_part(parts: &[&str], is_back: bool) {
    let page = document();
    let there: Vec<Element> =
        parts.iter().filter_map(|part| page.query_selector(part).ok().flatten()).collect();
    let there: Vec<Element> = there.into_iter().filter(|part| part.client_height() > 0).collect();
    let active = page.active_element();
    let at =
        there.iter().rposition(|part| active.as_ref().is_some_and(|active| part.contains(Some(&**active))));
    let count = there.len();
    if count == 0 {
        return;
    }
    let next = match (at, is_back) {
        (Some(at), false) => (at + 1) % count,
        (Some(at), true) => (at + count - 1) % count,
        (None, _) => 0,
    };
    let inner = "a[aria-current], textarea, [tabindex=\"0\"], input, a, button";
    let target = match there[next].matches("[tabindex], textarea, input") {
        Ok(true) => Some(there[next].clone()),
        _ => there[next].query_selector(inner).ok().flatten(),
    };
    if let Some(target) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
        let _ = target.focus();
    }
}

/// Puts the focus on the element of a kind before or after the one that has it.
pub fn focus_neighbour(selector: &str, is_down: bool) {
    let page = document();
    let Some(active) = page.active_element() else { return };
    let Ok(all) = page.query_selector_all(selector) else { return };
    let all: Vec<HtmlElement> = (0..all.length()).filter_map(|at| all.get(at)?.dyn_into().ok()).collect();
    let Some(at) = all.iter().position(|element| element.contains(Some(&*active))) else { return };
    let next = if is_down { all.get(at + 1) } else { at.checked_sub(1).and_then(|at| all.get(at)) };
    if let Some(next) = next {
        let _ = next.focus();
    }
}
