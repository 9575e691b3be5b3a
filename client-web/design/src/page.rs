//! The browser, as far as each program of ours asks it for more than the page: address, language, dates, focus.

use std::cell::RefCell;

use hearth_client_state::when::{When, when};
use js_sys::{Array, Date, Intl, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Document, Element, HtmlElement, Url, Window};

/// There is one in every page.
pub fn window() -> Window {
    web_sys::window().unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into())
}

pub fn document() -> Document {
    window().document().unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into())
}

/// What was saved under a name in this tab; it goes with the tab, and not with a reload.
pub fn load_in_tab(name: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(name).ok().flatten()
}

pub fn save_in_tab(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(name, value);
    }
}

/// `https://host:port` of this page: the server that it came from.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// `host:port` of this page.
pub fn host() -> String {
    window().location().host().unwrap_or_default()
}

pub fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

pub fn set_fragment(fragment: &str) {
    let _ = window().location().set_hash(fragment);
}

pub fn reload() {
    let _ = window().location().reload();
}

/// Calls back for each event of the window, for as long as the page is there.
pub fn on_window(event: &str, call: impl FnMut() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(call);
    let _ = window().add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    Date::now() as i64
}

/// What local time is ahead of universal time by, in milliseconds.
pub fn offset() -> i64 {
    -(Date::new_0().get_timezone_offset() as i64) * 60_000
}

thread_local! {
    static LANGUAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The languages that the person reads, the best first.
pub fn languages() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|language| language.as_string()).collect()
}

/// Sets the language of the page and of its dates.
pub fn set_language(language: &str) {
    LANGUAGE.set(language.to_owned());
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("lang", language);
    }
}

/// Sets or removes an attribute of the root, such as `data-theme`.
pub fn set_root(name: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    let _ = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
}

fn formatted(at: i64, options: &[(&str, &str)]) -> String {
    let object = Object::new();
    for (name, value) in options {
        let _ = Reflect::set(&object, &(*name).into(), &(*value).into());
    }
    let locales = Array::new();
    // The person's own variant of the language, which says how days are written.
    let language = LANGUAGE.with_borrow(Clone::clone);
    let own = languages().into_iter().find(|own| own.split('-').next() == Some(&language));
    locales.push(&own.unwrap_or(language).into());
    let format = Intl::DateTimeFormat::new(&locales, &object);
    let date = Date::new(&(at as f64).into());
    format
        .format()
        .call1(&JsValue::UNDEFINED, &date)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

/// The time of day.
pub fn time(at: i64) -> String {
    formatted(at, &[("timeStyle", "short")])
}

/// The moment as the row of a room tells it.
pub fn short(at: i64) -> String {
    match when(at, now(), offset()) {
        When::Time => time(at),
        When::Weekday => formatted(at, &[("weekday", "short")]),
        When::DayAndMonth => formatted(at, &[("day", "numeric"), ("month", "short")]),
        When::Date => formatted(at, &[("dateStyle", "short")]),
    }
}

/// The day in words.
pub fn day(at: i64) -> String {
    match when(at, now(), offset()) {
        When::Time | When::Weekday => formatted(at, &[("weekday", "long")]),
        When::DayAndMonth => formatted(at, &[("weekday", "long"), ("day", "numeric"), ("month", "long")]),
        When::Date => formatted(at, &[("dateStyle", "long")]),
    }
}

/// Date and time in full.
pub fn moment(at: i64) -> String {
    formatted(at, &[("dateStyle", "full"), ("timeStyle", "short")])
}

/// An address under which the page can show these bytes; [`revoke`] gives their memory back.
pub fn address_of(bytes: &[u8], mime_type: &str) -> Option<String> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let properties = BlobPropertyBag::new();
    properties.set_type(mime_type);
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &properties).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

pub fn revoke(address: &str) {
    let _ = Url::revoke_object_url(address);
}

pub fn element(id: &str) -> Option<Element> {
    document().get_element_by_id(id)
}

pub fn focus(id: &str) {
    if let Some(element) = element(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Puts text where one pastes from.
pub async fn copy(text: &str) -> bool {
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

pub fn set_title(title: &str) {
    document().set_title(title);
}

/// Waits so many milliseconds.
pub async fn wait(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let milliseconds = milliseconds.try_into().unwrap_or(i32::MAX);
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(promise).await;
}

/// Takes everything out of an element.
pub fn empty(id: &str) {
    if let Some(element) = element(id) {
        element.set_text_content(None);
    }
}

/// The language that was chosen for the page.
pub fn language() -> String {
    LANGUAGE.with_borrow(Clone::clone)
}

/// A number as people of the page's language write it.
pub fn number(number: f64) -> String {
    js_sys::Number::from(number).to_locale_string(&language()).into()
}

/// Whether the element that has the focus is of a kind.
pub fn has_focus(selector: &str) -> bool {
    document().active_element().is_some_and(|active| active.matches(selector).unwrap_or(false))
}

/// The element that has the focus, unless none has.
pub fn focused() -> Option<HtmlElement> {
    let active: HtmlElement = document().active_element()?.dyn_into().ok()?;
    (active.tag_name() != "BODY").then_some(active)
}

/// What keys can reach inside of an element, in order.
fn reachable(id: &str) -> Vec<HtmlElement> {
    const REACHABLE: &str =
        "a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex=\"0\"]";
    let Some(all) = element(id).and_then(|element| element.query_selector_all(REACHABLE).ok()) else {
        return Vec::new();
    };
    let all = (0..all.length()).filter_map(|at| all.get(at)?.dyn_into::<HtmlElement>().ok());
    all.filter(|element| element.offset_parent().is_some()).collect()
}

/// Goes round inside of an element: from its last part to the first one, or back; false where there is a next one.
pub fn focus_round(id: &str, is_back: bool) -> bool {
    let all = reachable(id);
    let (Some(first), Some(last), Some(active)) = (all.first(), all.last(), focused()) else { return false };
    let (edge, other) = if is_back { (first, last) } else { (last, first) };
    let is_edge = active == *edge || is_back && element(id).is_some_and(|around| *around == **active);
    if is_edge {
        let _ = other.focus();
    }
    is_edge
}
