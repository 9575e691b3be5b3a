//! A space: what is in it, and what there is to join.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use super::create::Way;
use super::{
    explore::{Backbar, RoomsFound},
    shell::{Open, Over},
};
use crate::{
    app::{problem_text, use_shared},
    design::{Avatar, Dialog, Icon},
    matrix::{Found, Standing},
    words::{Value, t, tv},
};

#[component]
pub fn SpaceView(id: String) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let id = use_hook(|| CopyValue::new(id));
    let mut is_adding = use_signal(|| false);
    // What was just made or joined comes with the next sync, and is then among the spaces.
    let mut rooms = use_resource(move || async move {
        let _ = shared.spaces.read().len();
        let account = shared.account()?;
        let id = id.peek().clone();
        Some(account.rooms_of_space(&id).await)
    });
    let may_add = use_resource(move || async move {
        let _ = shared.spaces.read().len();
        let Some(account) = shared.account() else { return false };
        let id = id.peek().clone();
        account.may_add_to_space(&id).await
    });
    let about = use_resource(move || async move {
        let _ = shared.spaces.read().len();
        let account = shared.account()?;
        let id = id.peek().clone();
        account.look_at(&id).await.ok()
    });
    let about = about.read().clone().flatten().unwrap_or_default();
    let outcome = rooms.read().clone().flatten();
    let address = id.peek().clone();
    rsx! {
        main { class: "view",
            Backbar { title: about.name.clone() }
            div { class: "page",
                div { class: "page__in",
                    div { class: "cover",
                        Avatar { id: address.clone(), name: about.name.clone(), picture: about.picture.clone(), is_room: true, class: "avatar--xl" }
                        div { class: "grow pile pile--s",
                            h1 { dir: "auto", "{about.name}" }
                            if let Some(topic) = &about.topic {
                                p { dir: "auto", "{topic}" }
                            }
                            div { class: "facts",
                                span {
                                    Icon { name: "users", size: "s" }
                                    {tv("people", [("count", Value::from(about.people))])}
                                }
                            }
                        }
                    }
                    if about.standing == Standing::Inside {
                        div { class: "btn-row",
                            if may_add.read().unwrap_or(false) {
                                button { class: "btn btn--primary", onclick: move |_| is_adding.set(true),
                                    Icon { name: "plus", size: "s" }
                                    {t("add-rooms")}
                                }
                                button { class: "btn", onclick: move |_| open.show_over(Over::Create(Way::Room)),
                                    Icon { name: "message-square-plus", size: "s" }
                                    {t("create-room")}
                                }
                            }
                            a { class: "btn", href: Route::Room(address.clone()).fragment(),
                                Icon { name: "users", size: "s" }
                                {t("members")}
                            }
                            a { class: "btn btn--icon", href: Route::RoomSettings(address.clone()).fragment(), aria_label: t("settings"), title: t("settings"),
                                Icon { name: "settings" }
                            }
                        }
                    }
                    match outcome {
                        None => rsx! { span { class: "spin", role: "status", aria_label: t("loading") } },
                        Some(Err(problem)) => rsx! {
                            div { class: "empty",
                                p { {problem_text(&problem)} }
                                button { class: "btn", onclick: move |_| rooms.restart(), {t("retry")} }
                            }
                        },
                        Some(Ok(rooms)) if rooms.is_empty() => rsx! {
                            div { class: "empty", Icon { name: "layout-grid" } p { {t("space-empty")} } }
                        },
                        Some(Ok(rooms)) => rsx! { Parts { rooms } },
                    }
                }
            }
        }
        if is_adding() {
            AddRooms {
                space: address,
                onclose: move |()| {
                    is_adding.set(false);
                    rooms.restart();
                },
            }
        }
    }
}

/// The rooms that one is in, those to join, and the spaces.
#[component]
fn Parts(rooms: Vec<Found>) -> Element {
    let of =
        |wanted: fn(&Found) -> bool| rooms.iter().filter(|room| wanted(room)).cloned().collect::<Vec<_>>();
    let parts = [
        ("space-in", of(|room| !room.is_space && room.standing == Standing::Inside)),
        ("space-more", of(|room| !room.is_space && room.standing != Standing::Inside)),
        ("space-spaces", of(|room| room.is_space)),
    ];
    rsx! {
        for (title, rooms) in parts.into_iter().filter(|(_, rooms)| !rooms.is_empty()) {
            section { key: "{title}", class: "block",
                h2 { {t(title)} }
                RoomsFound { rooms }
            }
        }
    }
}

/// Puts rooms that one is in into the space.
#[component]
fn AddRooms(space: String, onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let inside =
        shared.spaces.read().iter().find(|of| of.id == space).map(|of| of.rooms.clone()).unwrap_or_default();
    let rows: Vec<_> = shared
        .rows
        .read()
        .iter()
        .flatten()
        .filter(|row| row.kind == hearth_client_state::rooms::Kind::Room && !inside.contains(&row.id))
        .cloned()
        .collect();
    rsx! {
        Dialog { title: t("add-rooms"), onclose,
            div { class: "dialog__body",
                if rows.is_empty() {
                    p { {t("add-rooms-none")} }
                }
                ul { class: "dir",
                    for row in rows {
                        AddRoom { key: "{row.id}", space: space.clone(), id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone() }
                    }
                }
            }
        }
    }
}

#[component]
fn AddRoom(space: String, id: String, name: String, picture: Option<String>) -> Element {
    let shared = use_shared();
    let mut is_added = use_signal(|| false);
    let room = id.clone();
    rsx! {
        li {
            Avatar { id, name: name.clone(), picture, is_room: true }
            div { b { dir: "auto", "{name}" } }
            if is_added() {
                Icon { name: "check", label: t("saved") }
            } else {
                button {
                    class: "btn btn--s",
                    aria_label: "{t(\"add\")}: {name}",
                    onclick: move |_| {
                        let Some(account) = shared.account() else { return };
                        let (space, room) = (space.clone(), room.clone());
                        spawn(async move {
                            match account.add_to_space(&space, &room).await {
                                Ok(()) => is_added.set(true),
                                Err(problem) => shared.tell(&problem),
                            }
                        });
                    },
                    {t("add")}
                }
            }
        }
    }
}
