//! What is heard when something comes.

use std::cell::OnceCell;

use hearth_client_state::chime::chime as made;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlMediaElement;

use super::{address_of, document, run};

thread_local! {
    /// What plays it, for as long as the page is there.
    static PLAYER: OnceCell<Option<HtmlMediaElement>> = const { OnceCell::new() };
}

/// Plays the one sound. A browser in which nobody has clicked yet does not let a page be heard.
pub fn chime() {
    let player = PLAYER.with(|player| player.get_or_init(player_of_chime).clone());
    let Some(player) = player else { return };
    player.set_current_time(0.0);
    if let Ok(begun) = player.play() {
        run(async move {
            let _ = JsFuture::from(begun).await;
        });
    }
}

fn player_of_chime() -> Option<HtmlMediaElement> {
    let player: HtmlMediaElement = document().create_element("audio").ok()?.dyn_into().ok()?;
    player.set_src(&address_of(&made(), "audio/wav")?);
    Some(player)
}
