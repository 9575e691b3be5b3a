//! Rooms that anybody may find, on this server and on others.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Avatar, Icon},
    matrix::{Found, Kinds, Problem, Standing, WayIn},
    words::{Value, t, tv},
};

#[component]
pub fn Explore() -> Element {
    let shared = use_shared();
    let mut words = use_signal(String::new);
    let mut kinds = use_signal(Kinds::default);
    let mut server = use_signal(String::new);
    let mut rooms = use_signal(Vec::<Found>::new);
    let mut next = use_signal(|| None::<String>);
    let mut problem = use_signal(|| None::<Problem>);
    let mut is_busy = use_signal(|| true);
    let mut version = use_hook(|| CopyValue::new(0_u32));
    let mut look = move |since: Option<String>| {
        let (words, kinds, server) = (words(), kinds(), server());
        let now = version.peek().wrapping_add(1);
        version.set(now);
        spawn(async move {
            // While one types, the server is not asked for each letter.
            if since.is_none() {
                browser::wait(250).await;
            }
            let Some(account) = shared.account().filter(|_| *version.peek() == now) else { return };
            is_busy.set(true);
            let is_more = since.is_some();
            let outcome = account.find_rooms(&words, &server, kinds, since).await;
            if *version.peek() != now {
                return;
            }
            is_busy.set(false);
            match outcome {
                Ok(page) => {
                    problem.set(None);
                    next.set(page.next);
                    match is_more {
                        true => rooms.with_mut(|rooms| rooms.extend(page.rooms)),
                        false => rooms.set(page.rooms),
                    }
                }
                Err(error) => problem.set(Some(error)),
            }
        });
    };
    use_effect(move || {
        let _ = (words.read(), kinds.read(), server.read());
        look(None);
    });
    let own =
        shared.account().map(|account| account.session.user.server_name().to_string()).unwrap_or_default();
    rsx! {
        main { class: "view",
            Backbar { title: t("explore") }
            div { class: "page",
                div { class: "page__in",
                    div {
                        h1 { {t("explore")} }
                        p { {t("explore-hint")} }
                    }
                    div { class: "pile pile--s",
                        div { class: "affix",
                            Icon { name: "search", size: "s" }
                            input {
                                class: "input",
                                id: "explore",
                                r#type: "search",
                                placeholder: t("explore-find"),
                                aria_label: t("explore-find"),
                                autocomplete: "off",
                                oninput: move |event| words.set(event.value()),
                                onmounted: |_| async {
                                    if !browser::is_touch() {
                                        browser::focus("explore");
                                    }
                                },
                            }
                        }
                        div { class: "filters", role: "group", aria_label: t("explore-kinds"),
                            for of in Kinds::ALL {
                                button {
                                    key: "{of:?}",
                                    class: "chip",
                                    aria_pressed: (kinds() == of).to_string(),
                                    onclick: move |_| kinds.set(of),
                                    {t(of.text())}
                                }
                            }
                            span { class: "grow" }
                            div { class: "affix explore__server",
                                Icon { name: "server", size: "s" }
                                input {
                                    class: "input input--quiet",
                                    id: "explore-server",
                                    placeholder: "{own}",
                                    aria_label: t("explore-server"),
                                    autocapitalize: "none",
                                    spellcheck: "false",
                                    onchange: move |event| server.set(event.value()),
                                }
                            }
                        }
                    }
                    if let Some(problem) = &*problem.read() {
                        p { class: "banner banner--box banner--warning", role: "alert", {problem_text(problem)} }
                    } else if rooms.read().is_empty() && !is_busy() {
                        div { class: "empty", Icon { name: "search-x" } p { {t("explore-empty")} } }
                    }
                    RoomsFound { rooms: rooms() }
                    if is_busy() {
                        span { class: "spin", role: "status", aria_label: t("explore") }
                    } else if next.read().is_some() {
                        button { class: "btn", onclick: move |_| look(next.peek().clone()), {t("more-rooms")} }
                    }
                }
            }
        }
    }
}

/// The bar above a page on a phone, with the way back.
#[component]
pub fn Backbar(title: String) -> Element {
    rsx! {
        div { class: "head only-phone",
            a { class: "btn btn--icon", href: Route::Home.fragment(), aria_label: t("back"),
                Icon { name: "chevron-left", size: "l" }
            }
            div { class: "head__title", b { dir: "auto", "{title}" } }
        }
    }
}

/// Rooms with what there is to do with each.
#[component]
pub fn RoomsFound(rooms: Vec<Found>) -> Element {
    rsx! {
        ul { class: "dir",
            for room in rooms {
                RoomFound { key: "{room.id}", room }
            }
        }
    }
}

#[component]
fn RoomFound(room: Found) -> Element {
    let address = room.alias.clone().unwrap_or_else(|| room.id.clone());
    let to = match (room.is_space, room.standing) {
        (true, Standing::Inside) => Route::Space(room.id.clone()),
        (_, Standing::Inside | Standing::Invited) => Route::Room(room.id.clone()),
        _ => Route::Room(address),
    };
    let action = match (room.standing, room.way_in) {
        (Standing::Inside, _) => "open",
        (Standing::Asking, _) => "asked",
        (_, WayIn::Open) => "look",
        (_, WayIn::Ask) => "ask",
        (_, WayIn::Closed) => "look",
    };
    rsx! {
        li {
            Avatar { id: room.id.clone(), name: room.name.clone(), picture: room.picture.clone(), is_room: true }
            div {
                b { dir: "auto", "{room.name}" }
                if let Some(topic) = &room.topic {
                    p { dir: "auto", "{topic}" }
                }
                small {
                    span {
                        Icon { name: "users", size: "xs" }
                        {tv("people", [("count", Value::from(room.people))])}
                    }
                    if room.is_space {
                        span { class: "tag", {t("space")} }
                    }
                    if let Some(alias) = &room.alias {
                        span { dir: "ltr", "{alias}" }
                    }
                }
            }
            a { class: "btn btn--s", href: to.fragment(), aria_label: "{t(action)}: {room.name}", {t(action)} }
        }
    }
}
