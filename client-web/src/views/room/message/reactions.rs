//! Reactions to a message, and reacting to it.

use dioxus::prelude::*;
use hearth_client_state::timeline::Reaction;

use super::super::InRoom;
use crate::{
    app::use_shared,
    design::Icon,
    words::{Value, t, tv},
};

/// What people react with most.
pub const REACTIONS: [&str; 12] = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "🔥", "👀", "✅", "👏", "🤔"];

#[component]
pub fn Reactions(id: String, reactions: Vec<Reaction>) -> Element {
    /// More are counted together.
    const MOST: usize = 12;
    let others = reactions.len().saturating_sub(MOST);
    rsx! {
        div { class: "reactions",
            for reaction in reactions.into_iter().take(MOST) {
                ReactionButton { key: "{reaction.key}", id: id.clone(), reaction }
            }
            if others > 0 {
                span { class: "muted", "+{others}" }
            }
            AddReaction { id }
        }
    }
}

/// Opens the picker for one more.
#[component]
fn AddReaction(id: String) -> Element {
    let in_room = use_context::<InRoom>();
    rsx! {
        button {
            class: "reaction reaction--add",
            title: t("react"),
            aria_label: t("react"),
            onclick: move |event| {
                event.stop_propagation();
                let mut reacting = in_room.reacting;
                in_room.open_menu_away_from(&event);
                reacting.set(Some(id.clone()));
            },
            Icon { name: "smile-plus", size: "s" }
        }
    }
}

#[component]
fn ReactionButton(id: String, reaction: Reaction) -> Element {
    let names = reaction.by.join(", ");
    let label = tv(
        "reaction-by",
        [
            ("key", Value::from(reaction.key.as_str())),
            ("count", Value::from(reaction.count)),
            ("names", Value::from(names)),
        ],
    );
    let react = use_react(id, reaction.key.clone());
    rsx! {
        button {
            class: "reaction",
            aria_pressed: reaction.is_mine.to_string(),
            title: "{label}",
            aria_label: "{label}",
            onclick: react,
            span { aria_hidden: "true", "{reaction.key}" }
            "{reaction.count}"
        }
    }
}

/// Reacts to a message, or takes the reaction back.
fn use_react(id: String, key: String) -> impl FnMut(Event<MouseData>) + 'static {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    move |_| {
        let (id, key, mut menu, room) = (id.clone(), key.clone(), in_room.menu, in_room.room());
        menu.set(None);
        shared.act(async move { room.react(&id, &key).await });
    }
}

#[component]
pub fn QuickReaction(id: String, reaction: &'static str) -> Element {
    let react = use_react(id, reaction.to_owned());
    rsx! {
        button { aria_label: "{reaction}", onclick: react, "{reaction}" }
    }
}
