//! The keys of a call that is over everything.

use dioxus::prelude::*;

use super::Calls;
use crate::{browser, browser::Source, matrix::Phase};

/// Listens for as long as the page is there: Ctrl D mutes, Ctrl E is for the camera, and who is muted speaks while the space
/// bar is held.
pub fn use_call_keys(calls: Calls) {
    use_hook(move || {
        let is_speaking = CopyValue::new(false);
        browser::on_key(move |event| {
            let is_inside = calls.now.peek().phase == Phase::Inside && !*calls.is_small.peek();
            let is_ctrl = event.ctrl_key() || event.meta_key();
            if !is_inside || calls.open.peek().is_none() {
                return false;
            }
            let (microphone, camera) = {
                let now = calls.now.peek();
                (now.heard.microphone, now.heard.camera)
            };
            match event.key().as_str() {
                "d" | "D" if is_ctrl => calls.set(Source::Microphone, !microphone),
                "e" | "E" if is_ctrl => calls.set(Source::Camera, !camera),
                // On a button it is the button's.
                " " if !browser::is_on_control() => {
                    if !microphone && !event.repeat() {
                        let mut is_speaking = is_speaking;
                        is_speaking.set(true);
                        calls.set(Source::Microphone, true);
                    }
                }
                _ => return false,
            }
            true
        });
        let mut was_speaking = is_speaking;
        browser::on_window("keyup", move || {
            if was_speaking.replace(false) {
                calls.set(Source::Microphone, false);
            }
        });
    });
}
