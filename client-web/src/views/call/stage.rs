//! Who is in the call, arranged.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::call::{Stage, Tile, columns, speaker, stage, tiles};

use super::{Calls, tile::TileView};
use crate::{matrix::Call, words::t};

#[component]
pub fn StageView(call: Rc<Call>) -> Element {
    let calls = use_context::<Calls>();
    let mut spoke = use_hook(|| CopyValue::new(None::<String>));
    let now = calls.now.read();
    let all = tiles(&now.members, &now.heard, &call.identity());
    let speaks = speaker(&all, spoke.peek().as_deref());
    if *spoke.peek() != speaks {
        spoke.set(speaks.clone());
    }
    let pinned = calls.pinned.read().clone();
    match stage(&all, *calls.view.read(), pinned.as_deref(), speaks.as_deref()) {
        None => rsx! { div { class: "call__stage" } },
        Some(Stage::Alone(me)) => rsx! {
            div { class: "call__stage",
                TileView { key: "{me.key()}", tile: me.clone() }
                p { class: "captions", {t("call-alone")} }
            }
        },
        Some(Stage::Two { other, me }) => rsx! {
            div { class: "call__stage call__stage--two",
                TileView { key: "{other.key()}", tile: other.clone() }
                TileView { key: "{me.key()}", tile: me.clone(), class: "selfview" }
            }
        },
        Some(Stage::Grid(all)) => rsx! { Grid { all } },
        Some(Stage::Large { large, strip }) => rsx! {
            div { class: "call__stage call__share",
                TileView { key: "{large.key()}", tile: large.clone() }
                div { class: "strip",
                    for tile in strip {
                        TileView { key: "{tile.key()}", tile: tile.clone() }
                    }
                }
            }
        },
    }
}

#[component]
fn Grid(all: Vec<Tile>) -> Element {
    let calls = use_context::<Calls>();
    let (columns, rows) = columns(all.len(), *calls.is_narrow.read());
    rsx! {
        div {
            class: "call__stage call__grid",
            grid_template_columns: "repeat({columns}, minmax(0, 1fr))",
            grid_template_rows: "repeat({rows}, minmax(0, 1fr))",
            for tile in all {
                TileView { key: "{tile.key()}", tile: tile.clone() }
            }
        }
    }
}
