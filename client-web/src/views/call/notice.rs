//! What a room shows of its call: the buttons that begin one, and the line that says that there is one.

use dioxus::prelude::*;
use futures::StreamExt;
use hearth_client_state::call::{Intent, Member};

use super::Calls;
use crate::{
    app::use_shared,
    design::{Icon, IconButton, either},
    words::{Value, t, tv},
};

/// Begin a call, by voice or by video.
#[component]
pub fn CallButtons(room: String) -> Element {
    let shared = use_shared();
    let calls = use_context::<Calls>();
    let room = use_hook(|| CopyValue::new(room));
    let begin = move |intent| calls.look_at(shared, room.peek().clone(), intent);
    rsx! {
        span { class: "only-desktop",
            IconButton { icon: "phone", label: t("call-voice"), onclick: move |_| begin(Intent::Voice) }
        }
        IconButton { icon: "video", label: t("call-video"), onclick: move |_| begin(Intent::Video) }
    }
}

/// That there is a call in the room.
#[component]
pub fn CallBar(room: String) -> Element {
    let shared = use_shared();
    let calls = use_context::<Calls>();
    let room = use_hook(|| CopyValue::new(room));
    let mut members = use_signal(Vec::<Member>::new);
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut changes = Box::pin(account.call_members(&room.peek().clone()));
        while let Some(now) = changes.next().await {
            if *members.peek() != now {
                members.set(now);
            }
        }
    });
    let members = members.read();
    let is_here = calls.open.read().as_ref().is_some_and(|call| call.room_id() == *room.peek());
    if members.is_empty() || is_here {
        return rsx! {};
    }
    let is_voice = members.iter().all(|member| member.intent == Intent::Voice);
    let intent = if is_voice { Intent::Voice } else { Intent::Video };
    rsx! {
        div { class: "callbar", role: "status",
            Icon { name: either(is_voice, "phone", "video"), size: "s" }
            span { class: "grow", {tv("call-there-count", [("count", Value::from(members.len()))])} }
            button {
                class: "btn btn--s btn--primary",
                r#type: "button",
                onclick: move |_| calls.look_at(shared, room.peek().clone(), intent),
                {t("join")}
            }
        }
    }
}
