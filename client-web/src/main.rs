//! The web client of Hearth.
//!
//! `matrix/` has the protocol, `hearth-client-state` what is known and decided, `views/` what is shown, `design/` the
//! controls that views are made of, `browser.rs` what is asked of the browser.

// The futures of the SDK are nested deeply.
#![recursion_limit = "256"]

mod app;
mod browser;
mod design;
mod matrix;
mod views;
mod words;

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        // The page is dead after a panic: whoever looks finds why, and a reload begins anew.
        web_sys::console::error_1(&panic.to_string().into());
        browser::set_root("data-failed", Some("true"));
    }));
    words::choose_language(hearth_client_state::texts::CLIENT);
    // What showed that the client comes makes room for it.
    browser::empty("main");
    dioxus::launch(app::App);
}
