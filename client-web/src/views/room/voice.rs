//! Voice messages: recorded in the composer, played in the timeline.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::timeline::Media;
use wasm_bindgen::JsCast;

use super::{InRoom, picture::use_file};
use crate::{
    app::use_shared,
    browser::{self, Recorder},
    design::IconButton,
    words::t,
};

/// How often the loudness is noted, in milliseconds.
const LISTEN_EVERY: u32 = 100;

/// Takes the place of the text while one speaks.
#[component]
pub fn Recording(onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let recorder = use_hook(|| CopyValue::new(None::<Rc<Recorder>>));
    let mut at = use_signal(|| 0_u64);
    let mut level = use_signal(|| 0.0_f32);
    use_future(move || async move {
        let mut recorder = recorder;
        let Some(begun) = Recorder::begin().await else {
            let mut toast = shared.toast;
            toast.set(Some(t("voice-refused")));
            onclose.call(());
            return;
        };
        recorder.set(Some(begun.clone()));
        loop {
            browser::wait(LISTEN_EVERY).await;
            level.set(begun.listen());
            at.set(begun.milliseconds());
        }
    });
    let end = move |_| async move {
        let mut recorder = recorder;
        let Some(recorder) = recorder.write().take() else { return };
        let room = in_room.room();
        if let Some(upload) = recorder.end().await {
            shared.act(async move { room.send_file(upload).await });
        }
        onclose.call(());
    };
    use_drop(move || {
        let mut recorder = recorder;
        if let Some(recorder) = recorder.write().take() {
            recorder.cancel();
        }
    });
    let height = (level() * 100.0).clamp(4.0, 100.0);
    rsx! {
        div { class: "composer__row recording",
            IconButton { icon: "trash-2", label: t("voice-cancel"), onclick: move |_| onclose.call(()) }
            span { class: "recording__level", aria_hidden: "true", span { height: "{height}%" } }
            span { class: "num", role: "timer", {length(at())} }
            span { class: "muted grow", {t("voice-recording")} }
            IconButton { icon: "send-horizontal", label: t("send"), class: "send", onclick: end }
        }
    }
}

/// Minutes and seconds.
fn length(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A voice message that is played in its place.
#[component]
pub fn VoicePlayer(media: Media, id: String) -> Element {
    let mut is_wanted = use_signal(|| false);
    let mut is_playing = use_signal(|| false);
    let mut at = use_signal(|| 0.0_f64);
    let mut speed = use_signal(|| 1.0_f64);
    let address = use_file(&media, is_wanted.into());
    let address = address.read().clone().flatten();
    let player = format!("voice-{id}");
    let whole = media.milliseconds.unwrap_or(0);
    let toggle = {
        let player = player.clone();
        move |_| {
            is_wanted.set(true);
            let Some(audio) = audio(&player) else { return };
            match audio.paused() {
                true => drop(audio.play()),
                false => drop(audio.pause()),
            }
        }
    };
    let faster = {
        let player = player.clone();
        move |_| {
            let next = match speed() {
                1.0 => 1.5,
                1.5 => 2.0,
                _ => 1.0,
            };
            speed.set(next);
            if let Some(audio) = audio(&player) {
                audio.set_playback_rate(next);
            }
        }
    };
    let (icon, label) = if is_playing() { ("pause", "pause") } else { ("play", "play") };
    let lines = media.loudness.len().max(1);
    let told = if at() > 0.0 { (at() * 1000.0) as u64 } else { whole };
    let followed = player.clone();
    rsx! {
        div { class: "voice", role: "group", aria_label: t("voice-message"),
            IconButton { icon, label: t(label), onclick: toggle }
            svg { class: "wave", view_box: "0 0 {lines * 4} 28", preserve_aspect_ratio: "none", "aria-hidden": "true",
                for (number, loudness) in media.loudness.iter().enumerate() {
                    Line { key: "{number}", number, loudness: *loudness, is_played: whole > 0 && at() * 1000.0 * lines as f64 > (number as u64 * whole) as f64 }
                }
            }
            span { class: "num", {length(told)} }
            if is_playing() {
                button { class: "btn btn--quiet btn--s", aria_label: t("voice-speed"), onclick: faster, "{speed}×" }
            }
            if let Some(address) = address {
                audio {
                    id: "{player}",
                    src: "{address}",
                    autoplay: true,
                    onplay: move |_| is_playing.set(true),
                    onpause: move |_| is_playing.set(false),
                    onended: move |_| {
                        is_playing.set(false);
                        at.set(0.0);
                    },
                    ontimeupdate: move |_| {
                        if let Some(audio) = audio(&followed) {
                            at.set(audio.current_time());
                        }
                    },
                }
            }
        }
    }
}

#[component]
fn Line(number: usize, loudness: u8, is_played: bool) -> Element {
    let height = 3.0 + f64::from(loudness) / 255.0 * 25.0;
    rsx! {
        rect {
            class: if is_played { "played" },
            x: "{number * 4}",
            y: "{(28.0 - height) / 2.0}",
            width: "2.5",
            height: "{height}",
            rx: "1.25",
            fill: "currentcolor",
        }
    }
}

fn audio(id: &str) -> Option<web_sys::HtmlMediaElement> {
    browser::element(id)?.dyn_into().ok()
}
