//! What the page of a link says of itself, below a message.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::rich::{Node, first_link};

use super::InRoom;
use crate::{app::use_shared, browser, matrix::Preview, words::t};

/// Whether the person wants previews of links, kept in this browser: by room, because the server learns of the links.
const PREVIEWS: &str = "hearth-previews";

/// In encrypted rooms nobody else is to know what is linked to: there they are off until somebody says otherwise.
pub fn wants_previews(room: &str, is_encrypted: bool) -> bool {
    match browser::load(&format!("{PREVIEWS}:{room}")).as_deref() {
        Some("on") => true,
        Some(_) => false,
        None => !is_encrypted,
    }
}

#[component]
pub fn LinkPreview(text: Vec<Node>) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let link = first_link(&text);
    let is_encrypted = in_room.about.read().is_encrypted;
    let is_wanted = link.is_some() && wants_previews(in_room.room().id(), is_encrypted);
    let asked = link.clone().filter(|_| is_wanted);
    let preview: Resource<Option<Preview>> = use_resource(use_reactive!(|asked| async move {
        let (account, link) = (shared.account()?, asked?);
        account.preview(&link).await
    }));
    let preview = preview.read().clone().flatten();
    let (Some(preview), Some(link)) = (preview, link) else { return rsx! {} };
    let picture = preview.picture.clone();
    rsx! {
        div { class: "preview", role: "group", aria_label: t("link-preview"),
            small { dir: "auto", "{preview.site}" }
            b { dir: "auto",
                a { href: "{link}", target: "_blank", rel: "noopener noreferrer nofollow", "{preview.title}" }
            }
            p { dir: "auto", "{preview.text}" }
            if let Some(picture) = picture {
                PreviewPicture { picture }
            }
        }
    }
}

#[component]
fn PreviewPicture(picture: String) -> Element {
    let shared = use_shared();
    let address: Resource<Option<Rc<str>>> = use_resource(use_reactive!(|picture| async move {
        let account = shared.account()?;
        account.picture(&picture).await
    }));
    let address = address.read().clone().flatten();
    rsx! {
        // Its room is kept before it comes.
        span { class: "pic",
            if let Some(address) = address {
                img { class: "pic", src: "{address}", alt: "" }
            }
        }
    }
}
