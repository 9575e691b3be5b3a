//! The admin page of Hearth, at `/_hearth/admin/`: what administrators of the server see and do in a browser.
//!
//! `api.rs` asks the server, `session.rs` is who one is there, `app.rs` what all views share, `parts.rs` what they are made
//! of beside the controls of the design, `forms.rs` their dialogs, `views/` what is shown, a file for each part of the page.

mod api;
mod app;
mod forms;
mod measures;
mod parts;
mod session;
mod views;

use hearth_client_design::{page, words};
use hearth_client_state::texts::ADMIN;

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        // The page is dead after a panic: whoever looks finds why, and a reload begins anew.
        web_sys::console::error_1(&panic.to_string().into());
        page::set_root("data-failed", Some("true"));
    }));
    words::choose_language(ADMIN);
    // What showed that the page comes makes room for it.
    page::empty("main");
    dioxus::launch(app::App);
}
