//! New messages while nobody looks at the page: shown outside of it, and heard.

use hearth_client_state::{
    rooms::{By, Kind, Row, What, news},
    route::Route,
};

use crate::{
    browser::{self, Permission},
    words::{Value, t, tv},
};

/// Tells what came between two states of the list.
pub fn tell_news(before: &[Row], after: &[Row]) {
    if browser::is_quiet() || browser::is_visible() {
        return;
    }
    let news = news(before, after);
    // However much came at once.
    if !news.is_empty() && browser::wants_sound() {
        browser::chime();
    }
    if !browser::wants_to_notify() || browser::may_notify() != Permission::Given {
        return;
    }
    for row in news {
        browser::notify(&row.name, &text(row), &row.id, Route::Room(row.id.clone()).fragment());
    }
}

fn text(row: &Row) -> String {
    if let Kind::Invitation { by } = &row.kind {
        return tv("invited-by", [("name", Value::from(by.as_str()))]);
    }
    let Some(last) = &row.last else { return t("preview-other") };
    let words = match &last.what {
        What::Text(text) | What::File(text) => text.clone(),
        What::Picture => t("preview-picture"),
        What::Video => t("preview-video"),
        What::Sound => t("preview-sound"),
        What::Sticker => t("preview-sticker"),
        What::Locked => t("preview-locked"),
        _ => t("preview-other"),
    };
    match &last.by {
        By::Other(name) if !name.is_empty() => format!("{name}: {words}"),
        _ => words,
    }
}
