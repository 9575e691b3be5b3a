//! Files before they are sent: each with a caption, in their order.

use dioxus::prelude::*;

use super::picture::size;
use crate::{
    browser,
    design::{Icon, IconButton},
    matrix::Upload,
    words::{Value, t, tv},
};

/// A file that waits in the composer.
#[derive(Clone)]
pub struct Waiting {
    pub number: u32,
    pub upload: CopyValue<Option<Upload>>,
    pub name: String,
    pub bytes: u64,
    pub caption: String,
    /// The address of its picture.
    pub picture: Option<String>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.number, &self.caption) == (other.number, &other.caption)
    }
}

impl Waiting {
    pub fn new(number: u32, upload: Upload) -> Self {
        let is_picture = upload.mime_type.starts_with("image/") && upload.mime_type != "image/svg+xml";
        Self {
            number,
            name: upload.name.clone(),
            bytes: upload.bytes.len() as u64,
            caption: String::new(),
            picture: is_picture.then(|| browser::address_of(&upload.bytes, &upload.mime_type)).flatten(),
            upload: CopyValue::new(Some(upload)),
        }
    }

    /// The file with its caption; once.
    pub fn take(&self) -> Option<Upload> {
        if let Some(picture) = &self.picture {
            browser::revoke(picture);
        }
        let mut upload = self.upload;
        let upload = upload.write().take()?;
        Some(Upload { caption: self.caption.clone(), ..upload })
    }
}

#[component]
pub fn Tray(files: Signal<Vec<Waiting>>) -> Element {
    let mut files = files;
    let waiting = files.read().clone();
    if waiting.is_empty() {
        return rsx! {};
    }
    let total = waiting.iter().map(|file| file.bytes).sum();
    rsx! {
        div { class: "tray",
            div { class: "tray__head",
                span { class: "grow",
                    b { {tv("tray-files", [("count", Value::from(waiting.len()))])} }
                    ", {size(Some(total))}"
                }
            }
            ul { aria_label: t("tray"),
                for (at, file) in waiting.into_iter().enumerate() {
                    li { key: "{file.number}",
                        IconButton {
                            icon: "arrow-up",
                            label: tv("tray-up", [("name", Value::from(file.name.as_str()))]),
                            size: "s",
                            onclick: move |_| files.with_mut(|files| files.swap(at, at.saturating_sub(1))),
                        }
                        span { class: "thumb",
                            match &file.picture {
                                Some(picture) => rsx! { img { class: "pic", src: "{picture}", alt: "" } },
                                None => rsx! { Icon { name: "file" } },
                            }
                        }
                        span { class: "tray__text",
                            input {
                                class: "input",
                                placeholder: t("caption"),
                                aria_label: tv("caption-of", [("name", Value::from(file.name.as_str()))]),
                                oninput: move |event| files.with_mut(|files| files[at].caption = event.value()),
                            }
                            small { "{file.name}, {size(Some(file.bytes))}" }
                        }
                        IconButton {
                            icon: "x",
                            label: tv("tray-remove", [("name", Value::from(file.name.as_str()))]),
                            class: "btn--s",
                            size: "s",
                            onclick: move |_| files.with_mut(|files| drop(files.remove(at).take())),
                        }
                    }
                }
            }
        }
    }
}
