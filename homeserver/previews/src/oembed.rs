//! oEmbed: what a page's own server says of it, where the page links to that.

use serde::Deserialize;

use crate::page::Page;

/// What is read of an answer.
#[derive(Deserialize)]
struct OEmbed {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    author_name: Option<String>,
    provider_name: Option<String>,
    thumbnail_url: Option<String>,
    url: Option<String>,
    /// What a page would embed; its text tells what it is about.
    html: Option<String>,
}

/// Adds what an answer says and the page itself does not. What is no such answer adds nothing.
pub(crate) fn add(page: &mut Page, answer: &str) {
    let Ok(said) = serde_json::from_str::<OEmbed>(answer) else { return };
    let embedded = said.html.as_deref().filter(|_| said.kind.as_deref() == Some("rich")).map(Page::read);
    let description = embedded.and_then(|mut embedded| embedded.properties.remove("og:description"));
    for (name, value) in [
        ("og:title", said.title.or(said.author_name)),
        ("og:site_name", said.provider_name),
        ("og:description", description),
    ] {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            let value = crate::text::shortened(&value, 1000);
            page.properties.entry(name.to_owned()).or_insert(value);
        }
    }
    let photo = said.url.filter(|_| said.kind.as_deref() == Some("photo"));
    page.image = page.image.take().or(photo).or(said.thumbnail_url);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_in_what_the_page_leaves_out() {
        let mut page = Page::read("<meta property='og:title' content='Of the page'>");
        add(
            &mut page,
            r#"{"type":"rich","title":"Of oEmbed","provider_name":"Site","thumbnail_url":"/t.png",
            "html":"<blockquote><p>What it says</p></blockquote>"}"#,
        );
        let property = |name: &str| page.properties.get(name).map(String::as_str);
        assert_eq!(property("og:title"), Some("Of the page"));
        assert_eq!(property("og:site_name"), Some("Site"));
        assert_eq!(property("og:description"), Some("What it says"));
        assert_eq!(page.image.as_deref(), Some("/t.png"));
    }

    #[test]
    fn nonsense_adds_nothing() {
        for nonsense in ["", "[]", "<html>", r#"{"title":7}"#, r#"{"type":"photo"}"#] {
            let mut page = Page::default();
            add(&mut page, nonsense);
            assert_eq!(page, Page::default());
        }
    }
}
