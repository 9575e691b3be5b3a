//! The controls that views are made of: those of all programs, and what shows pictures that need an account.

use std::rc::Rc;

use dioxus::prelude::*;
pub use hearth_client_design::controls::*;
use hearth_client_state::names::{colour, initials};

use crate::app::use_shared;

/// What stands for a person (round) or a room (a rounded square): a picture, or initials on a colour.
#[component]
pub fn Avatar(
    id: String,
    name: String,
    picture: Option<String>,
    #[props(default)] is_room: bool,
    #[props(default)] class: &'static str,
) -> Element {
    let shared = use_shared();
    let address: Resource<Option<Rc<str>>> = use_resource(use_reactive!(|picture| async move {
        let account = shared.account()?;
        account.picture(&picture?).await
    }));
    let address = address.read().clone().flatten();
    let of_room = if is_room { "avatar--room" } else { "" };
    rsx! {
        span {
            class: "avatar {of_room} {class}",
            "data-c": colour(&id).to_string(),
            "data-initials": address.is_none().then(|| initials(&name)),
            aria_hidden: "true",
            if let Some(address) = &address {
                img { class: "pic", src: "{address}", alt: "", draggable: "false" }
            }
        }
    }
}
