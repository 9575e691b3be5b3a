use super::*;

fn text(words: &str) -> Node {
    Node::Words(words.to_owned())
}

fn link(to: &str, words: &str) -> Node {
    Node::Link { to: to.to_owned(), text: vec![text(words)] }
}

fn html(html: &str) -> Vec<Node> {
    from_html(html, "the body")
}

#[test]
fn what_matrix_lets_text_be_is_kept() {
    assert_eq!(
        html("<p>one <strong>two</strong> <em>three</em></p>\n<ul><li>a</li><li>b</li></ul>"),
        [
            Node::Paragraph(vec![
                text("one "),
                Node::Styled(Style::Strong, vec![text("two")]),
                text(" "),
                Node::Styled(Style::Emphasis, vec![text("three")]),
            ]),
            Node::List { start: None, items: vec![vec![text("a")], vec![text("b")]] },
        ]
    );
    assert_eq!(
        html("<pre><code class=\"language-rust\">fn main() {\n}\n</code></pre>"),
        [Node::CodeBlock { language: Some("rust".to_owned()), code: "fn main() {\n}".to_owned() }]
    );
    assert_eq!(
        html("<ol start=3><li>c</li></ol><span data-mx-spoiler=\"end\">he <b>dies</b></span>"),
        [
            Node::List { start: Some(3), items: vec![vec![text("c")]] },
            Node::Spoiler {
                reason: Some("end".to_owned()),
                text: vec![text("he "), Node::Styled(Style::Strong, vec![text("dies")])],
            },
        ]
    );
    assert_eq!(
        html("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"),
        [Node::Table(vec![
            Row { is_head: true, cells: vec![vec![text("a")]] },
            Row { is_head: false, cells: vec![vec![text("1")]] },
        ])]
    );
}

#[test]
fn people_and_rooms_that_are_named_are_mentions() {
    let mention = |id: &str| [Node::Mention { id: id.to_owned(), name: "Mira".to_owned() }];
    assert_eq!(html("<a href=\"https://matrix.to/#/@mira:a.org\">Mira</a>"), mention("@mira:a.org"));
    assert_eq!(
        html("<a href=\"https://matrix.to/#/%40mira%3Aa.org?via=b\">Mira</a>"),
        mention("@mira:a.org")
    );
    assert_eq!(html("<a href=\"matrix:u/mira:a.org\">Mira</a>"), mention("@mira:a.org"));
    assert_eq!(html("<a href=\"matrix:r/room:a.org\">Mira</a>"), mention("#room:a.org"));
}

/// What attackers send: nothing of it may be more than words.
#[test]
fn hostile_markup_is_words_or_nothing() {
    for (hostile, shown) in [
        ("<script>alert(1)</script>hello", "hello"),
        ("<img src=x onerror=alert(1)>hello", "hello"),
        ("<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>hello", "hello"),
        ("<a href='javascript:alert(1)'>hello</a>", "hello"),
        ("<a href='JaVaScRiPt:alert(1)'>hello</a>", "hello"),
        ("<a href=' &#14; javascript:alert(1)'>hello</a>", "hello"),
        ("<a href='java&#10;script:alert(1)'>hello</a>", "hello"),
        ("<a href='data:text/html,<script>alert(1)</script>'>hello</a>", "hello"),
        ("<a href='vbscript:x'>hello</a>", "hello"),
        ("<a href='//evil.example/'>hello</a>", "hello"),
        ("<a href='blob:https://a.org/1'>hello</a>", "hello"),
        ("<iframe srcdoc='<script>alert(1)</script>'></iframe>hello", "hello"),
        (
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>hello",
            "hello",
        ),
        ("<noscript><p title='</noscript><img src=x onerror=alert(1)>'>x</noscript>hello", "'>xhello"),
        ("<style>*{display:none}</style><form action=x><input value=1>hello</form>", "hello"),
        ("<div style='position:fixed;inset:0' onclick=alert(1)>hello</div>", "hello"),
        ("<mx-reply><blockquote>quoted</blockquote></mx-reply>hello", "hello"),
        ("<!--<img src=x onerror=alert(1)>-->hello", "hello"),
    ] {
        let nodes = html(hostile);
        assert_eq!(words(&nodes).trim(), shown, "{hostile}");
        assert!(!format!("{nodes:?}").contains("Link"), "{hostile}");
    }
}

#[test]
fn a_link_that_shows_one_place_and_leads_to_another_says_where() {
    assert_eq!(
        html("<a href='https://evil.example/login'>https://bank.example/login</a>"),
        [
            text("https://bank.example/login"),
            link("https://evil.example/login", " (https://evil.example/login)"),
        ]
    );
    assert_eq!(
        html("<a href='https://bank.example@evil.example/'>https://bank.example</a>").len(),
        2,
        "what stands before an @ is no host"
    );
    assert_eq!(
        from_plain("https://bank.example@evil.example/x"),
        [
            text("https://bank.example@evil.example/x"),
            link("https://bank.example@evil.example/x", " (https://evil.example/x)"),
        ],
        "nor is it one where nobody hides anything"
    );
    // The first letter is a Cyrillic one.
    let alike = "https://\u{430}pple.example/";
    assert_eq!(from_plain(alike), [text(alike), link(alike, " (https://xn--pple-43d.example/)")]);
    for bare in ["bank.example", "www.bank.example", "bank.example/login", "bank.example:443"] {
        let nodes = html(&format!("<a href='https://evil.example/'>{bare}</a>"));
        assert_eq!(nodes, [text(bare), link("https://evil.example/", " (https://evil.example/)")]);
    }
    assert_eq!(html("<a href='https://a.org/x'>https://www.a.org</a>").len(), 1);
    assert_eq!(html("<a href='https://a.org:8448/x'>a.org:8448/x</a>").len(), 1);
    assert_eq!(html("<a href='https://a.org/x'>version 1.2.3</a>").len(), 1);
    assert_eq!(html("<a href='https://a.org/x'>here</a>"), [link("https://a.org/x", "here")]);
}

#[test]
fn what_is_nested_too_deeply_is_its_plain_body() {
    assert_eq!(html(&"<div>".repeat(20_000)), [text("the body")]);
    assert_eq!(html(&"<b><i>".repeat(400)), [text("the body")]);
    let nested = format!("{}deep{}", "<blockquote>".repeat(90), "</blockquote>".repeat(90));
    assert_eq!(words(&html(&nested)).trim(), "deep");
}

#[test]
fn plain_text_keeps_its_lines_and_finds_its_links() {
    assert_eq!(from_plain("a\nb\n"), [text("a"), Node::Break, text("b")]);
    assert_eq!(
        from_plain("see https://a.org/x_(y), or (http://b.org)."),
        [
            text("see "),
            link("https://a.org/x_(y)", "https://a.org/x_(y)"),
            text(", or ("),
            link("http://b.org", "http://b.org"),
            text(")."),
        ]
    );
    assert_eq!(from_plain("https:// <b> javascript:x"), [text("https:// <b> javascript:x")]);
}

#[test]
fn a_row_shows_one_line() {
    assert_eq!(one_line("a\n\n b\tc", 20), "a b c");
    assert_eq!(one_line("abcdefghij", 5), "abcd…");
    assert_eq!(one_line(&"x ".repeat(1000), 10).chars().count(), 10);
}

#[test]
fn a_few_pictures_alone_are_large() {
    assert!(is_jumbo("🔥") && is_jumbo(" 👍🏽 👩‍👩‍👧 ❤️ ") && is_jumbo("🇩🇪"));
    assert!(!is_jumbo("ok 🔥") && !is_jumbo("") && !is_jumbo("12") && !is_jumbo(&"🔥".repeat(13)));
}

/// What sanitisers of others have let through at some time: whatever becomes of it, a link leads nowhere but where one may
/// go, and no element is left that could hold a script.
#[test]
fn the_corpus_leads_nowhere() {
    const CORPUS: &[&str] = &[
        "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
        "<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">",
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<template><s><template><s><img src=x onerror=alert(1)>@shafigullin</s></template></s></template>",
        "<a href=\"jav&#x09;ascript:alert(1)\">x</a><a href=\"&#x6A&#x61&#x76ascript:alert(1)\">y</a>",
        "<a href=\"\u{1}javascript:alert(1)\">x</a><a href=\"javascript&colon;alert(1)\">x</a>",
        "<a href=\"JAVASCRIPT&#58;alert(1)\">x</a><a href=\"data&colon;text/html,x\">x</a>",
        "<a href=\"feed:javascript:alert(1)\">x</a><a href=\"view-source:javascript:1\">x</a>",
        "<a href=\"https://a.example\" onclick=alert(1) style=\"position:fixed\" target=_self>x</a>",
        "<base href=\"javascript:alert(1)//\"><a href=\"1\">x</a>",
        "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\"><link rel=import href=x>",
        "<object data=\"data:text/html,<script>alert(1)</script>\"></object><embed src=javascript:alert(1)>",
        "<isindex action=javascript:alert(1) type=image><input autofocus onfocus=alert(1)>",
        "<details open ontoggle=alert(1)><summary>x</summary></details><marquee onstart=alert(1)>x</marquee>",
        "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
        "<select><style></select><script>alert(1)</script>",
        "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
        "<![CDATA[><script>alert(1)</script>]]><?xml-stylesheet href=javascript:alert(1)?>",
        "<span data-mx-spoiler=\"<script>alert(1)</script>\">x</span>",
        "<a href=\"https://matrix.to/#/@x:y\"><img src=x onerror=alert(1)></a>",
        "<a href=\"matrix:u/x:y?javascript:alert(1)\">x</a>",
        "<font color=red data-mx-bg-color=\"url(javascript:alert(1))\">x</font>",
        "<pre><code class=\"language-x onmouseover=alert(1)\">x</code></pre>",
    ];
    for hostile in CORPUS {
        for node in html(hostile) {
            harmless(&node, hostile);
        }
        for node in from_plain(hostile) {
            harmless(&node, hostile);
        }
    }
}

fn harmless(node: &Node, hostile: &str) {
    let all = |nodes: &[Node]| nodes.iter().for_each(|node| harmless(node, hostile));
    match node {
        Node::Link { to, text } => {
            let scheme = to.split(':').next().unwrap_or_default().to_lowercase();
            assert!(
                ["https", "http", "mailto", "magnet", "matrix"].contains(&scheme.as_str()),
                "{hostile}: {to}"
            );
            all(text);
        }
        Node::CodeBlock { language, .. } => {
            assert!(language.as_ref().is_none_or(|language| !language.contains(' ')), "{hostile}");
        }
        Node::Styled(_, text) | Node::Heading(_, text) | Node::Paragraph(text) | Node::Quote(text) => {
            all(text)
        }
        Node::Spoiler { text, .. } => all(text),
        Node::List { items, .. } => items.iter().for_each(|item| all(item)),
        Node::Table(rows) => rows.iter().flat_map(|row| &row.cells).for_each(|cell| all(cell)),
        Node::Words(_) | Node::Break | Node::Line | Node::Code(_) | Node::Mention { .. } => {}
    }
}
