//! The composer: a plain text, what it answers or edits, and what it offers to complete.

/// What a message that is being written is about.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum About {
    #[default]
    Nothing,
    /// It answers this event.
    Reply { event: String, to: String, text: String },
    /// It replaces this message of one's own, by the key of its row.
    Edit { key: String },
}

/// A word that can be completed: what it begins with, and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub kind: Kind,
    pub begun: String,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Person,
    Room,
    Emoji,
}

/// The completion at the cursor: `@`, `#` or `:` at the beginning of a word, and what was typed after it.
pub fn completion(text: &str, cursor: usize) -> Option<Completion> {
    let before = text.get(..cursor)?;
    let start = before.rfind(['@', '#', ':'])?;
    let is_begun =
        before[..start].chars().next_back().is_none_or(|c| c.is_whitespace() || "([{\"'".contains(c));
    let begun = &before[start + 1..];
    let kind = match before.as_bytes()[start] {
        b'@' => Kind::Person,
        b'#' => Kind::Room,
        _ => Kind::Emoji,
    };
    // Names have spaces, but nobody types a whole sentence to find one. `# ` begins a heading.
    let is_short = begun.chars().count() <= 32 && begun.matches(' ').count() <= 1 && !begun.starts_with(' ');
    // `:` alone, `:)` and `: ` are what people write.
    let is_name = begun.len() >= 2 && begun.chars().all(|c| c.is_alphanumeric() || "_-+".contains(c));
    let fits = is_begun && is_short && !begun.contains('\n') && (kind != Kind::Emoji || is_name);
    fits.then(|| Completion { kind, begun: begun.to_owned(), start, end: cursor })
}

/// A text with a completion put into it, and where the cursor is then.
pub fn completed(text: &str, completion: &Completion, by: &str) -> (String, usize) {
    let (before, after) = (&text[..completion.start], &text[completion.end..]);
    let space = if after.starts_with(' ') { "" } else { " " };
    (format!("{before}{by}{space}{after}"), before.len() + by.len() + 1)
}

/// A person or a room in Markdown, as it stands in the text: what is sent is a link that names them.
pub fn mention(name: &str, id: &str) -> String {
    // What would end the name is left out of it.
    let name: String = name.chars().filter(|c| !"[]\\`*_<>\n".contains(*c)).collect();
    format!("[{name}](https://matrix.to/#/{id})")
}

/// Whether a text names everybody in the room ("@room"), as a word of its own.
pub fn names_all(text: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    text.match_indices("@room").any(|(at, word)| {
        is_edge(text[..at].chars().next_back()) && is_edge(text[at + word.len()..].chars().next())
    })
}

/// Markdown with its `||hidden||` words as the HTML that hides them, where there are any.
pub fn with_spoilers(text: &str) -> Option<String> {
    let mut parts = text.split("||");
    let mut all = parts.next()?.to_owned();
    let mut is_found = false;
    while let Some(hidden) = parts.next() {
        match parts.next() {
            Some(after) if !hidden.is_empty() && hidden.trim() == hidden && !hidden.contains("\n\n") => {
                is_found = true;
                all.push_str(&format!("<span data-mx-spoiler>{hidden}</span>{after}"));
            }
            Some(after) => all.push_str(&format!("||{hidden}||{after}")),
            None => all.push_str(&format!("||{hidden}")),
        }
    }
    is_found.then_some(all)
}

/// The people that a text names, by the links in it.
pub fn mentioned(text: &str) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("](https://matrix.to/#/@") {
        let id =
            text[at + "](https://matrix.to/#/".len()..].split([')', '?', '/']).next().unwrap_or_default();
        if id.contains(':') && !people.iter().any(|known| known == id) {
            people.push(id.to_owned());
        }
    }
    people
}

/// Marks around what is chosen, or none where they are there already: how a toolbar edits Markdown.
pub fn wrapped(text: &str, start: usize, end: usize, mark: &str) -> (String, usize, usize) {
    let (before, chosen, after) = (&text[..start], &text[start..end], &text[end..]);
    if let (Some(before), Some(after)) = (before.strip_suffix(mark), after.strip_prefix(mark)) {
        return (format!("{before}{chosen}{after}"), start - mark.len(), end - mark.len());
    }
    (format!("{before}{mark}{chosen}{mark}{after}"), start + mark.len(), end + mark.len())
}

/// A mark at the beginning of each chosen line, or none where all have it already: lists and quotes.
pub fn lined(text: &str, start: usize, end: usize, mark: &str) -> (String, usize, usize) {
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let lines: Vec<&str> = text[from..to].split('\n').collect();
    let changed: Vec<String> = match lines.iter().all(|line| line.starts_with(mark)) {
        true => lines.iter().map(|line| line[mark.len()..].to_owned()).collect(),
        false => lines.iter().map(|line| format!("{mark}{line}")).collect(),
    };
    let changed = changed.join("\n");
    let end = from + changed.len();
    (
        format!("{}{changed}{}", &text[..from], &text[to..]),
        if start == from && start == to { end } else { from },
        end,
    )
}

/// A position that the browser counts in UTF-16 units, in bytes.
pub fn byte_of(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= utf16 {
            return at;
        }
        units += c.len_utf16();
    }
    text.len()
}

/// A position in bytes, in UTF-16 units.
pub fn utf16_of(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(text: &str) -> Option<(Kind, String)> {
        completion(text, text.len()).map(|completion| (completion.kind, completion.begun))
    }

    #[test]
    fn a_name_is_completed_where_a_word_begins() {
        assert_eq!(begun("hi @mi"), Some((Kind::Person, "mi".to_owned())));
        assert_eq!(begun("@"), Some((Kind::Person, String::new())));
        assert_eq!(begun("(#ki"), Some((Kind::Room, "ki".to_owned())));
        assert_eq!(begun("@mira hal"), Some((Kind::Person, "mira hal".to_owned())));
        assert_eq!(begun("so :fir"), Some((Kind::Emoji, "fir".to_owned())));
        for none in
            ["mail me@home", "# heading", "@one two three", "@a\nb", "hello", ":)", ":f", "10:30", ": fire"]
        {
            assert_eq!(begun(none), None, "{none}");
        }
        assert_eq!(completion("ä", 1), None, "inside a character");
    }

    #[test]
    fn a_completion_takes_the_place_of_what_was_begun() {
        let completion = completion("hi @mi there", 6).unwrap();
        let by = mention("Mira [x]", "@mira:a.org");
        assert_eq!(by, "[Mira x](https://matrix.to/#/@mira:a.org)");
        let (text, cursor) = completed("hi @mi there", &completion, &by);
        assert_eq!(text, format!("hi {by} there"));
        assert_eq!(&text[cursor..], "there");
        assert_eq!(mentioned(&text), ["@mira:a.org"]);
    }

    #[test]
    fn marks_come_and_go() {
        assert_eq!(wrapped("a b c", 2, 3, "**"), ("a **b** c".to_owned(), 4, 5));
        assert_eq!(wrapped("a **b** c", 4, 5, "**"), ("a b c".to_owned(), 2, 3));
    }

    #[test]
    fn marks_of_lines_come_and_go() {
        assert_eq!(lined("a\nb\nc", 2, 5, "- "), ("a\n- b\n- c".to_owned(), 2, 9));
        assert_eq!(lined("a\n- b\n- c", 2, 9, "- "), ("a\nb\nc".to_owned(), 2, 5));
        assert_eq!(lined("", 0, 0, "> "), ("> ".to_owned(), 2, 2));
    }

    #[test]
    fn everybody_is_named_by_a_word_of_its_own() {
        assert!(names_all("@room soup is ready") && names_all("so, @room!"));
        assert!(!names_all("@roommates") && !names_all("me@room") && !names_all("room"));
    }

    #[test]
    fn what_stands_between_bars_is_hidden() {
        let hidden = |text| with_spoilers(text);
        assert_eq!(
            hidden("it was ||the cat||.").as_deref(),
            Some("it was <span data-mx-spoiler>the cat</span>.")
        );
        assert_eq!(hidden("a || b"), None);
        assert_eq!(hidden("if (a || b || c)"), None, "as people write code");
        assert_eq!(hidden("plain"), None);
        assert_eq!(hidden("||||"), None);
    }

    #[test]
    fn positions_of_the_browser_are_in_utf16() {
        let text = "a🔥b";
        assert_eq!([0, 1, 3, 4].map(|utf16| byte_of(text, utf16)), [0, 1, 5, 6]);
        assert_eq!([0, 1, 5, 6].map(|byte| utf16_of(text, byte)), [0, 1, 3, 4]);
    }
}
