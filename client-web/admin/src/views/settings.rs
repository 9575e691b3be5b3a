//! The settings in force, without secrets. They are changed in the file, and with a restart.

use dioxus::prelude::*;
use hearth_client_design::words::t;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::HEARTH,
    parts::{Asked, Chip, Empty, Head, Search, shown, use_asked, use_finding},
};

#[derive(Clone, PartialEq, Deserialize)]
struct InForce {
    settings: Vec<Setting>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Setting {
    name: String,
    value: Value,
    is_usual: bool,
}

#[component]
pub fn Settings() -> Element {
    let finding = use_finding();
    let settings: Asked<InForce> = use_asked(format!("{HEARTH}/settings"));
    let mut is_changed_only = use_signal(|| false);
    rsx! {
        div { class: "admin__in",
            Head { title: t("settings"), text: t("settings-text") }
            div { class: "toolbar",
                Search { label: t("find-setting"), finding }
                Chip { label: t("all-settings"), is_on: !is_changed_only(), onclick: move |()| is_changed_only.set(false) }
                Chip { label: t("changed-settings"), is_on: is_changed_only(), onclick: move |()| is_changed_only.set(true) }
            }
            {shown(settings, |found| {
                let is_shown = |setting: &&Setting| {
                    (!is_changed_only() || !setting.is_usual) && setting.name.contains(finding.term.read().as_str())
                };
                let settings: Vec<Setting> = found.settings.iter().filter(is_shown).cloned().collect();
                rsx! {
                    if settings.is_empty() {
                        Empty { icon: "search-x", title: t("no-setting"), text: t("no-setting-text") }
                    } else {
                        table { class: "table table--settings",
                            thead {
                                tr {
                                    th { {t("setting")} }
                                    th { {t("value")} }
                                }
                            }
                            tbody {
                                for setting in settings {
                                    tr { key: "{setting.name}",
                                        td { dir: "ltr",
                                            code { "{setting.name}" }
                                            if !setting.is_usual {
                                                " "
                                                span { class: "tag tag--ember", {t("changed")} }
                                            }
                                        }
                                        td { class: if setting.is_usual { "muted" }, Shown { value: setting.value } }
                                    }
                                }
                            }
                        }
                    }
                }
            })}
        }
    }
}

#[component]
fn Shown(value: Value) -> Element {
    match value {
        Value::Null => rsx! { {t("not-set")} },
        Value::Bool(is_on) => rsx! { {t(if is_on { "on" } else { "off" })} },
        Value::String(text) if text == "…" => rsx! { {t("secret-set")} },
        Value::String(text) => rsx! { code { class: "break", dir: "ltr", "{text}" } },
        Value::Array(values) if values.is_empty() => rsx! { {t("not-set")} },
        Value::Array(values) => {
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let texts: Vec<String> = values.into_iter().map(text).collect();
            rsx! { code { class: "break", dir: "ltr", {texts.join(", ")} } }
        }
        other => rsx! { code { dir: "ltr", {other.to_string()} } },
    }
}
