//! The files of a room: its pictures and video, all other files, and the links; and the latest of them.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::{
    rich::first_link,
    route::Route,
    timeline::{Content, Media},
};

use super::{
    ClosePanel, InRoom,
    picture::{Viewer, size, use_file},
};
use crate::{
    app::use_shared,
    browser,
    design::Icon,
    matrix::{Kept, Problem, SharedFile, SharedFiles},
    views::shell::{Open, Panel},
    words::t,
};

/// What the panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Media,
    Files,
    Links,
}

impl Tab {
    const ALL: [Self; 3] = [Self::Media, Self::Files, Self::Links];

    /// The name of its text.
    fn text(self) -> &'static str {
        match self {
            Self::Media => "shared-media",
            Self::Files => "shared-files",
            Self::Links => "shared-links",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Media => "image",
            Self::Files => "file",
            Self::Links => "link",
        }
    }

    fn kept(self) -> Kept {
        if self == Self::Links { Kept::Links } else { Kept::Files }
    }

    fn takes(self, file: &SharedFile) -> bool {
        let is_media = matches!(file.what, Content::Picture(_) | Content::Video(_));
        match self {
            Self::Media => is_media,
            Self::Files => !is_media,
            Self::Links => true,
        }
    }
}

/// What was found of a room so far.
#[derive(Clone, Copy)]
struct Found {
    source: CopyValue<Rc<SharedFiles>>,
    files: Signal<Vec<SharedFile>>,
    is_busy: Signal<bool>,
    is_whole: Signal<bool>,
}

/// Looks for the files or links of the room, as soon as the view is there.
fn use_found(kept: Kept) -> Found {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let found = Found {
        source: use_hook(|| CopyValue::new(Rc::new(in_room.room().shared_files(kept)))),
        files: use_signal(Vec::new),
        is_busy: use_signal(|| false),
        is_whole: use_signal(|| false),
    };
    use_future(move || async move {
        if let Err(problem) = found.more().await {
            shared.tell(&problem);
        }
    });
    found
}

impl Found {
    /// Looks further back.
    async fn more(mut self) -> Result<(), Problem> {
        let source = self.source.peek().clone();
        self.is_busy.set(true);
        let outcome = source.more().await;
        self.is_whole.set(source.is_whole());
        self.is_busy.set(false);
        self.files.with_mut(|files| outcome.map(|more| files.extend(more)))
    }
}

#[component]
pub fn SharedPanel(tab: Tab) -> Element {
    let mut open = use_context::<Open>();
    let kept = tab.kept();
    rsx! {
        aside { class: "panel", aria_label: t("shared"),
            header { class: "panel__head",
                h2 { {t("shared")} }
                ClosePanel {}
            }
            div { class: "tabs tabs--panel", role: "tablist", aria_label: t("shared"),
                for of in Tab::ALL {
                    button {
                        key: "{of:?}",
                        role: "tab",
                        aria_selected: (of == tab).to_string(),
                        onclick: move |_| open.panel.set(Panel::Shared(of)),
                        {t(of.text())}
                    }
                }
            }
            // What was found stays while one goes from the pictures to the files: both come from the same messages.
            for kept in [kept] {
                All { key: "{kept:?}", tab, kept }
            }
        }
    }
}

#[component]
fn All(tab: Tab, kept: Kept) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let found = use_found(kept);
    let shown: Vec<SharedFile> = found.files.read().iter().filter(|file| tab.takes(file)).cloned().collect();
    let (is_busy, is_whole) = ((found.is_busy)(), (found.is_whole)());
    let more = move |_| async move {
        if let Err(problem) = found.more().await {
            shared.tell(&problem);
        }
    };
    rsx! {
        div { class: "panel__body panel__section", role: "tabpanel", tabindex: "0", aria_label: t(tab.text()),
            if shown.is_empty() && !is_busy && is_whole {
                div { class: "empty",
                    Icon { name: tab.icon() }
                    h3 { {t(&format!("{}-none", tab.text()))} }
                    if in_room.about.read().is_encrypted {
                        p { {t("shared-none-encrypted")} }
                    }
                }
            }
            match tab {
                Tab::Media => rsx! { Grid { files: shown } },
                Tab::Files => rsx! { Files { files: shown } },
                Tab::Links => rsx! { Links { files: shown } },
            }
            if is_busy {
                span { class: "spin", role: "status", aria_label: t("loading") }
            } else if !is_whole {
                button { class: "btn btn--wide", onclick: more, {t("search-more")} }
            }
        }
    }
}

/// The latest of each, in the panel about the room.
#[component]
pub fn LatestShared() -> Element {
    const MOST_MEDIA: usize = 6;
    const MOST_FILES: usize = 3;
    let found = use_found(Kept::Files);
    let of = |tab: Tab, most| -> Vec<SharedFile> {
        found.files.read().iter().filter(|file| tab.takes(file)).take(most).cloned().collect()
    };
    let (media, files) = (of(Tab::Media, MOST_MEDIA), of(Tab::Files, MOST_FILES));
    rsx! {
        if !media.is_empty() {
            section { class: "panel__section",
                Heading { tab: Tab::Media }
                Grid { files: media }
            }
        }
        if !files.is_empty() {
            section { class: "panel__section",
                Heading { tab: Tab::Files }
                Files { files }
            }
        }
    }
}

#[component]
fn Heading(tab: Tab) -> Element {
    let mut open = use_context::<Open>();
    rsx! {
        h3 {
            {t(tab.text())}
            button {
                aria_label: "{t(\"shared-all\")}: {t(tab.text())}",
                onclick: move |_| open.panel.set(Panel::Shared(tab)),
                {t("shared-all")}
            }
        }
    }
}

#[component]
fn Grid(files: Vec<SharedFile>) -> Element {
    rsx! {
        if !files.is_empty() {
            div { class: "mediagrid",
                for file in files {
                    match file.what {
                        Content::Picture(media) => rsx! { Thumbnail { key: "{file.event}", media } },
                        Content::Video(media) => rsx! { Film { key: "{file.event}", event: file.event, media } },
                        _ => rsx! {},
                    }
                }
            }
        }
    }
}

/// A picture, which opens large.
#[component]
fn Thumbnail(media: Media) -> Element {
    let address = use_file(&media, use_signal(|| true).into());
    let address = address.read().clone().flatten();
    let mut is_open = use_signal(|| false);
    rsx! {
        button { r#type: "button", title: "{media.name}", aria_label: "{t(\"open-picture\")}: {media.name}", onclick: move |_| is_open.set(true),
            if let Some(address) = &address {
                img { class: "pic", src: "{address}", alt: "" }
            }
        }
        if is_open() {
            if let Some(address) = address {
                Viewer { name: media.name.clone(), address, onclose: move |()| is_open.set(false) }
            }
        }
    }
}

/// A video, which is played where it was sent.
#[component]
fn Film(event: String, media: Media) -> Element {
    let in_room = use_context::<InRoom>();
    let to = Route::Message(in_room.room().id().to_owned(), event);
    rsx! {
        a { class: "mediagrid__film", href: to.fragment(), title: "{media.name}", aria_label: "{media.name}",
            Icon { name: "video" }
        }
    }
}

#[component]
fn Files(files: Vec<SharedFile>) -> Element {
    rsx! {
        div { class: "pile--0",
            for file in files {
                match file.what.clone() {
                    Content::File(media) => rsx! { FileLine { key: "{file.event}", icon: "file", file, media } },
                    Content::Sound(media) => rsx! { FileLine { key: "{file.event}", icon: "volume-2", file, media } },
                    _ => rsx! {},
                }
            }
        }
    }
}

/// A file, which leads to its message.
#[component]
fn FileLine(icon: &'static str, file: SharedFile, media: Media) -> Element {
    let in_room = use_context::<InRoom>();
    let to = Route::Message(in_room.room().id().to_owned(), file.event);
    let details = [file.by.name, size(media.bytes), browser::short(file.at)];
    let details: Vec<String> = details.into_iter().filter(|detail| !detail.is_empty()).collect();
    rsx! {
        a { class: "row row--flush", href: to.fragment(),
            span { class: "file__kind", Icon { name: icon } }
            span { class: "row__text",
                b { class: "clip", dir: "auto", "{media.name}" }
                small { class: "clip", {details.join(", ")} }
            }
        }
    }
}

#[component]
fn Links(files: Vec<SharedFile>) -> Element {
    rsx! {
        div { class: "pile--0",
            for file in files {
                if let Content::Text { text, .. } = &file.what {
                    if let Some(link) = first_link(text) {
                        LinkLine { key: "{file.event}", link, file: file.clone() }
                    }
                }
            }
        }
    }
}

/// A link with the message it stands in.
#[component]
fn LinkLine(link: String, file: SharedFile) -> Element {
    let in_room = use_context::<InRoom>();
    let to = Route::Message(in_room.room().id().to_owned(), file.event);
    rsx! {
        div { class: "row row--flush",
            span { class: "file__kind", Icon { name: "link" } }
            span { class: "row__text",
                a { class: "clip", dir: "ltr", href: "{link}", target: "_blank", rel: "noopener noreferrer nofollow", "{link}" }
                small {
                    a { class: "clip", href: to.fragment(), "{file.by.name}, {browser::short(file.at)}" }
                }
            }
        }
    }
}
