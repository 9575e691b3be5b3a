//! Somebody calls.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::{call::Intent, route::Route};

use super::Calls;
use crate::{
    app::use_shared,
    browser::{self, Tone},
    design::{Avatar, Icon, either, use_give_back_focus},
    matrix::Incoming,
    words::{Value, t, tv},
};

#[component]
pub fn IncomingCall(incoming: Incoming) -> Element {
    let shared = use_shared();
    let calls = use_context::<Calls>();
    let call = use_hook(|| CopyValue::new(incoming.clone()));
    let intent = incoming.ring.intent;
    let kind = t(if intent == Intent::Voice { "call-voice" } else { "call-video" });
    let told = match incoming.is_person {
        true => tv("call-rings", [("kind", Value::from(kind))]),
        false => tv(
            "call-rings-in",
            [("kind", Value::from(kind)), ("room", Value::from(incoming.room_name.as_str()))],
        ),
    };
    use_give_back_focus();
    let is_quiet = use_hook(browser::is_quiet);
    use_hook({
        let (incoming, told) = (incoming.clone(), told.clone());
        move || {
            spawn(async { browser::focus("incoming") });
            if !is_quiet && !browser::is_visible() && browser::wants_to_notify() {
                let fragment = Route::Room(incoming.room.clone()).fragment();
                browser::notify(&incoming.by.name, &told, &incoming.room, fragment);
            }
        }
    });
    // It ends with the view. In quiet hours who looks at the page sees the call, and nothing is heard.
    use_hook(|| (!is_quiet).then(|| Rc::new(Tone::begin())));
    // Until it was answered elsewhere, nobody calls any more, or nobody answers.
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        while account.still_rings(&call.peek().clone()).await {
            browser::wait(500).await;
        }
        let mut incoming = calls.incoming;
        incoming.set(None);
    });
    let close = move || {
        let mut incoming = calls.incoming;
        incoming.set(None);
    };
    let decline = move || {
        let Some(account) = shared.account() else { return };
        let incoming = call.peek().clone();
        shared.act(async move { account.decline_call(&incoming).await });
        close();
    };
    rsx! {
        div { class: "scrim scrim--call",
            div {
                class: "incoming",
                id: "incoming",
                role: "alertdialog",
                aria_modal: "true",
                aria_labelledby: "incoming-name",
                aria_describedby: "incoming-kind",
                tabindex: "-1",
                onkeydown: move |event| match event.key() {
                    Key::Escape => {
                        event.stop_propagation();
                        close();
                    }
                    Key::Tab if browser::focus_round("incoming", event.modifiers().shift()) => event.prevent_default(),
                    _ => {}
                },
                Avatar {
                    id: incoming.by.id.clone(),
                    name: incoming.by.name.clone(),
                    picture: incoming.by.picture.clone(),
                    class: "avatar--call",
                }
                h2 { id: "incoming-name", dir: "auto", "{incoming.by.name}" }
                p { id: "incoming-kind", "{told}" }
                div { class: "btns",
                    button { r#type: "button", onclick: move |_| decline(),
                        span { class: "cbtn cbtn--leave", aria_hidden: "true", Icon { name: "phone-off", size: "l" } }
                        {t("decline")}
                    }
                    button {
                        r#type: "button",
                        onclick: move |_| {
                            shared.go(Route::Room(call.peek().room.clone()));
                            decline();
                        },
                        span { class: "cbtn cbtn--plain", aria_hidden: "true", Icon { name: "message-square", size: "l" } }
                        {t("call-write")}
                    }
                    button {
                        r#type: "button",
                        onclick: move |_| calls.answer(shared, call.peek().clone(), intent),
                        span { class: "cbtn cbtn--answer", aria_hidden: "true",
                            Icon { name: either(intent == Intent::Voice, "phone", "video"), size: "l" }
                        }
                        {t("call-answer")}
                    }
                }
            }
        }
    }
}
