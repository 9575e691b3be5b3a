//! What a page says of itself: Open Graph, and where it says nothing in that way, what else it says.

use std::collections::BTreeMap;

use crate::{
    document::{Part, parts},
    text::shortened,
};

/// How many properties of a page are kept, and how long each may be, in bytes.
const MAX_PROPERTIES: usize = 50;
const MAX_PROPERTY: usize = 1000;
/// How much of its text describes a page that does not describe itself, in bytes.
const MAX_DESCRIPTION: usize = 500;

/// What a page says of itself.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Page {
    /// Properties by name, all of which begin with `og:`; of several of a name the first.
    pub(crate) properties: BTreeMap<String, String>,
    /// The page's image, as a link on the page: `og:image` or what stands for it.
    pub(crate) image: Option<String>,
    /// Where it is described by oEmbed.
    pub(crate) oembed: Option<String>,
}

/// What is found on the way through a page.
#[derive(Default)]
struct Found {
    /// `<meta>` by name or property.
    metas: BTreeMap<String, String>,
    title: String,
    heading: String,
    /// `<link>` by relation: icons and images.
    image_link: Option<String>,
    icon: Option<String>,
    first_image: Option<String>,
    oembed: Option<String>,
    text: String,
}

/// Elements whose text is not what a page is about.
const NOT_TEXT: &[&str] = &[
    "script", "style", "noscript", "template", "svg", "nav", "header", "footer", "aside", "button", "select",
    "form", "head", "iframe", "textarea",
];

impl Page {
    /// Reads a page from its start.
    pub(crate) fn read(html: &str) -> Self {
        let mut found = Found::default();
        // The elements around, as far as they matter.
        let mut inside: Vec<String> = Vec::new();
        for part in parts(html) {
            match part {
                Part::Open(name, attributes) => {
                    found.element(&name, &attributes);
                    // A page without `</head>` has one all the same.
                    if name == "body" {
                        inside.clear();
                    }
                    let matters = NOT_TEXT.contains(&&*name) || matches!(&*name, "title" | "h1");
                    if matters && inside.len() < 100 {
                        inside.push(name);
                    }
                }
                Part::Close(name) => {
                    if let Some(at) = inside.iter().rposition(|open| *open == name) {
                        inside.truncate(at);
                    }
                }
                Part::Text(text) => found.text(&inside, &text),
            }
        }
        found.into_page()
    }
}

impl Found {
    fn element(&mut self, name: &str, attributes: &BTreeMap<String, String>) {
        let attribute =
            |name: &str| attributes.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        match name {
            "meta" => {
                let key =
                    attribute("property").or_else(|| attribute("name")).or_else(|| attribute("itemprop"));
                if let (Some(key), Some(content)) = (key, attribute("content"))
                    && self.metas.len() < 4 * MAX_PROPERTIES
                    && key.len() <= 100
                {
                    self.metas
                        .entry(key.to_ascii_lowercase())
                        .or_insert_with(|| shortened(content, MAX_PROPERTY));
                }
            }
            "link" => {
                let rel = attribute("rel").unwrap_or_default().to_ascii_lowercase();
                let Some(href) = attribute("href") else { return };
                let is = |wanted: &str| rel.split_ascii_whitespace().any(|rel| rel == wanted);
                let json = attribute("type").is_some_and(|kind| kind.starts_with("application/json+oembed"));
                if json && (is("alternate") || is("alternative")) {
                    self.oembed.get_or_insert_with(|| href.to_owned());
                } else if is("image_src") || is("apple-touch-icon") {
                    self.image_link.get_or_insert_with(|| href.to_owned());
                } else if is("icon") {
                    self.icon.get_or_insert_with(|| href.to_owned());
                }
            }
            "img" => {
                // Small ones are ornaments.
                let small = |side: &str| {
                    attribute(side).and_then(|size| size.parse().ok()).is_some_and(|size: u32| size < 100)
                };
                if let Some(source) = attribute("src")
                    && !small("width")
                    && !small("height")
                {
                    self.first_image.get_or_insert_with(|| source.to_owned());
                }
            }
            // What stood before a block and what stands in it are not one word.
            "p" | "br" | "div" | "li" | "td" | "h1" | "h2" | "h3" | "h4" => self.text.push(' '),
            _ => {}
        }
    }

    fn text(&mut self, inside: &[String], text: &str) {
        match inside.last().map(String::as_str) {
            Some("title") if self.title.len() < MAX_PROPERTY => self.title.push_str(text),
            Some("h1") if self.heading.len() < MAX_PROPERTY => self.heading.push_str(text),
            _ => {}
        }
        let shown = !inside.iter().any(|name| NOT_TEXT.contains(&&**name) || name == "title");
        if shown && self.text.len() < 4 * MAX_DESCRIPTION {
            self.text.push_str(text);
        }
    }

    fn into_page(self) -> Page {
        let first = |names: &[&str]| names.iter().find_map(|name| self.metas.get(*name).cloned());
        let mut properties: BTreeMap<String, String> = BTreeMap::new();
        let of_itself = self.metas.iter().filter(|(name, _)| name.starts_with("og:"));
        properties.extend(of_itself.take(MAX_PROPERTIES).map(|(name, value)| (name.clone(), value.clone())));
        // What the image is like is found out from the image.
        properties.retain(|name, _| !name.starts_with("og:image") || name == "og:image:alt");
        let image = first(&[
            "og:image:secure_url",
            "og:image",
            "og:image:url",
            "twitter:image",
            "twitter:image:src",
            "thumbnail",
        ]);
        let image = image.or(self.image_link).or(self.first_image).or(self.icon);

        let texts = [
            ("og:title", first(&["twitter:title"]), [&*self.title, &*self.heading], MAX_PROPERTY),
            (
                "og:description",
                first(&["twitter:description", "description"]),
                [&*self.text, ""],
                MAX_DESCRIPTION,
            ),
        ];
        for (name, said, shown, max) in texts {
            let shown = shown.iter().map(|text| shortened(text, max)).find(|text| !text.is_empty());
            if !properties.contains_key(name)
                && let Some(text) = said.or(shown)
            {
                properties.insert(name.to_owned(), text);
            }
        }
        Page { properties, image, oembed: self.oembed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn property(page: &Page, name: &str) -> String {
        page.properties.get(name).cloned().unwrap_or_default()
    }

    #[test]
    fn open_graph_counts_first() {
        let page = Page::read(
            r#"<html><head><title>Not this</title>
            <meta property="og:title" content="The &amp; Rock"><meta property="og:title" content="Second">
            <META NAME="OG:Type" CONTENT="video.movie">
            <meta property="og:image" content="test.png"><meta property="og:image:width" content="9999">
            <meta property="og:image:alt" content="A rock"><meta name="description" content="Described">
            <link rel="alternate" type="application/json+oembed" href="/oembed?a=1&amp;b=2"></head>
            <body><h1>Nor this</h1></body></html>"#,
        );
        assert_eq!(property(&page, "og:title"), "The & Rock");
        assert_eq!(property(&page, "og:type"), "video.movie");
        assert_eq!(property(&page, "og:description"), "Described");
        assert_eq!(property(&page, "og:image:alt"), "A rock");
        assert!(!page.properties.contains_key("og:image:width"));
        assert_eq!(page.image.as_deref(), Some("test.png"));
        assert_eq!(page.oembed.as_deref(), Some("/oembed?a=1&b=2"));
    }

    #[test]
    fn a_page_that_does_not_describe_itself_is_described_by_its_text() {
        let page = Page::read(
            "<title>\n A page </title><script>var x = '<p>no</p>';</script><nav>Home</nav><style>p{}</style>\
             <body><header>Top</header><h1>Heading</h1><p>First</p><p>second <b>para</b>graph</p>\
             <img src=dot.gif width=1><img src='big.png'><footer>Bottom</footer>",
        );
        assert_eq!(property(&page, "og:title"), "A page");
        assert_eq!(property(&page, "og:description"), "Heading First second paragraph");
        assert_eq!(page.image.as_deref(), Some("big.png"));
        let page = Page::read("<h1>Only <i>a</i> heading</h1>");
        assert_eq!(property(&page, "og:title"), "Only a heading");
        assert_eq!(Page::read(""), Page::default());
    }

    #[test]
    fn what_is_kept_of_a_page_is_bounded() {
        let long = "word ".repeat(10_000);
        let many: String = (0..1000).map(|n| format!("<meta property='og:x{n}' content='{long}'>")).collect();
        let deep = "<nav>".repeat(100_000);
        let page = Page::read(&format!("{many}<title>{long}</title><p>{long}</p>{deep}<p>{long}"));
        let bytes: usize = page.properties.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(page.properties.len() <= MAX_PROPERTIES + 2 && bytes < 70_000, "{bytes}");
        assert!(property(&page, "og:description").len() <= MAX_DESCRIPTION + 3);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(html in ".{0,400}", tags in "(<(meta|link|img|title|h1|/title|p)( [a-z]{1,8}=\"[^\"]{0,20}\"){0,3}>?){0,20}") {
            Page::read(&html);
            Page::read(&tags);
        }
    }
}
