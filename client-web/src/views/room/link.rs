//! What the page of a link says of itself, below a message.

use std::rc::Rc;

use dioxus::prelude::*;

use super::InRoom;
use crate::{app::use_shared, matrix::Preview, words::t};

#[component]
pub fn LinkPreview(link: String) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    // Memoised: what else changes about the room is no reason to ask again.
    let is_shown = use_memo(move || in_room.about.read().shows_previews);
    let asked = is_shown().then(|| link.clone());
    let preview: Resource<Option<Preview>> = use_resource(use_reactive!(|asked| async move {
        let (account, link) = (shared.account()?, asked?);
        account.preview(&link).await
    }));
    let preview = preview.read().clone().flatten();
    let Some(preview) = preview else { return rsx! {} };
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
