//! Before one joins: how one looks and sounds, with which devices, and who is there.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::call::Intent;

use super::{Calls, bar::SourceButton, tile::Picture};
use crate::{
    app::use_shared,
    browser::{self, MediaDevice, Source},
    design::{Avatar, Icon},
    matrix::{Call, Phase},
    words::t,
};

/// How many lights the meter of the microphone has.
const LIGHTS: usize = 24;

#[component]
pub fn Lobby(call: Rc<Call>) -> Element {
    let shared = use_shared();
    let calls = use_context::<Calls>();
    let now = calls.now.read();
    let is_busy = now.phase == Phase::Joining;
    let is_camera = now.heard.camera;
    let me = shared.account().map(|account| account.session.user.to_string()).unwrap_or_default();
    let people: Vec<_> =
        now.members.iter().filter_map(|member| now.people.get(&member.user)).cloned().collect();
    let is_voice = call.intent == Intent::Voice;
    rsx! {
        div { class: "lobby",
            div { class: "lobby__me",
                div { class: "tilev", class: if !is_camera { "tilev--off" },
                    if is_camera {
                        Picture { service: "", identity: "", is_screen: false, is_me: true }
                    } else {
                        Avatar { id: me.clone(), name: me }
                    }
                    span { class: "tilev__name", {t("you")} }
                    div { class: "lobby__dock",
                        SourceButton { source: Source::Microphone }
                        SourceButton { source: Source::Camera }
                    }
                }
            }
            div { class: "lobby__side",
                if !people.is_empty() {
                    section {
                        h2 { class: "lobby__title", {t("call-there")} }
                        ul {
                            for who in people {
                                li { key: "{who.id}", class: "row",
                                    Avatar { id: who.id.clone(), name: who.name.clone(), picture: who.picture.clone() }
                                    span { class: "row__text", b { dir: "auto", "{who.name}" } }
                                }
                            }
                        }
                    }
                }
                Devices { call: call.clone() }
                div { class: "lobby__go",
                    button {
                        class: "btn btn--primary btn--l btn--wide",
                        r#type: "button",
                        disabled: is_busy,
                        aria_busy: is_busy.then_some("true"),
                        onclick: move |_| calls.act(|call| async move { call.join().await }),
                        if is_busy {
                            span { class: "spin", aria_hidden: "true" }
                        }
                        if now.members.is_empty() { {t("call-begin")} } else { {t("join")} }
                    }
                    if !is_voice && is_camera {
                        button {
                            class: "btn btn--wide",
                            r#type: "button",
                            disabled: is_busy,
                            onclick: move |_| {
                                calls.act(|call| async move {
                                    call.set(Source::Camera, false).await;
                                    call.join().await;
                                });
                            },
                            Icon { name: "phone", size: "s" }
                            {t("call-voice-only")}
                        }
                    }
                    p { class: "muted lobby__note",
                        if call.is_encrypted() {
                            Icon { name: "lock", size: "xs" }
                            {t("call-encrypted")}
                        } else {
                            Icon { name: "globe", size: "xs" }
                            {t("call-open")}
                        }
                    }
                }
            }
        }
    }
}

/// Which devices are used; what there is, a browser says once one of them was allowed.
#[component]
fn Devices(call: Rc<Call>) -> Element {
    let calls = use_context::<Calls>();
    let mut devices = use_signal(Vec::<MediaDevice>::new);
    let running = use_hook(|| CopyValue::new(call));
    let captured = use_memo(move || {
        let now = calls.now.read();
        (now.heard.microphone, now.heard.camera)
    });
    use_effect(move || {
        let _ = captured();
        let call = running.peek().clone();
        spawn(async move { devices.set(call.media().devices().await) });
    });
    let of = |kind: &str| devices.read().iter().filter(|device| device.kind == kind).cloned().collect();
    rsx! {
        div { class: "lobby__devices",
            Choice { icon: "mic", label: "call-microphone", devices: of("audioinput"),
                Meter { call: running.peek().clone() }
            }
            Choice { icon: "volume-2", label: "call-loudspeaker", devices: of("audiooutput") }
            Choice { icon: "video", label: "call-camera", devices: of("videoinput") }
        }
    }
}

/// One of the devices of a kind.
#[component]
fn Choice(icon: &'static str, label: &'static str, devices: Vec<MediaDevice>, children: Element) -> Element {
    let calls = use_context::<Calls>();
    let mut chosen = use_signal(|| None::<String>);
    let options = devices.clone();
    rsx! {
        div { class: "lobby__dev",
            Icon { name: icon }
            div { class: "select",
                select {
                    class: "input",
                    aria_label: t(label),
                    disabled: devices.is_empty(),
                    onchange: move |event| {
                        let Some(device) = devices.iter().find(|device| device.id == event.value()).cloned() else { return };
                        chosen.set(Some(device.id.clone()));
                        calls.act(move |call| async move {
                            let outcome = call.media().choose(&device).await;
                            call.tell_trouble(outcome.err());
                        });
                    },
                    for device in options {
                        option {
                            key: "{device.id}",
                            value: "{device.id}",
                            selected: chosen.read().as_ref() == Some(&device.id),
                            if device.label.is_empty() { {t(label)} } else { "{device.label}" }
                        }
                    }
                }
                Icon { name: "chevron-down", size: "s" }
            }
            {children}
        }
    }
}

/// How loud the microphone is.
#[component]
fn Meter(call: Rc<Call>) -> Element {
    let mut loudness = use_signal(|| 0_usize);
    let running = use_hook(|| CopyValue::new(call));
    use_future(move || async move {
        loop {
            browser::wait(100).await;
            let call = running.peek().clone();
            // What is heard as twice as loud is ten times as strong.
            let lights = (call.media().loudness().await.sqrt() * LIGHTS as f64 * 1.5) as usize;
            let lights = lights.min(LIGHTS);
            if *loudness.peek() != lights {
                loudness.set(lights);
            }
        }
    });
    let told = if loudness() > 0 { "call-heard" } else { "call-not-heard" };
    rsx! {
        div { class: "meter", role: "img", aria_label: t(told),
            for light in 0..LIGHTS {
                i { key: "{light}", class: if light < loudness() { "on" } }
            }
        }
    }
}
