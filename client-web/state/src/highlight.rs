//! Code in colours: words, numbers, texts and remarks of the languages that people paste, told apart by rules that most
//! of them share. What is wrong for a language is a colour, never a lost letter.

/// What a piece of code is, by the class that colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Plain,
    Keyword,
    Function,
    Number,
    Text,
    Remark,
}

impl Part {
    /// The class of the design system.
    pub fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Keyword => Some("hl-k"),
            Self::Function => Some("hl-f"),
            Self::Number => Some("hl-n"),
            Self::Text => Some("hl-s"),
            Self::Remark => Some("hl-c"),
        }
    }
}

/// Longer code stays grey: nobody waits for colours.
const LONGEST: usize = 20_000;

const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "def",
    "default",
    "del",
    "do",
    "done",
    "elif",
    "else",
    "elsif",
    "end",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "false",
    "fi",
    "final",
    "finally",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "go",
    "if",
    "impl",
    "import",
    "in",
    "interface",
    "is",
    "lambda",
    "let",
    "loop",
    "match",
    "mod",
    "module",
    "move",
    "mut",
    "namespace",
    "new",
    "nil",
    "None",
    "not",
    "null",
    "or",
    "package",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "ref",
    "return",
    "self",
    "Self",
    "static",
    "struct",
    "super",
    "switch",
    "template",
    "then",
    "this",
    "throw",
    "trait",
    "true",
    "True",
    "False",
    "try",
    "type",
    "typedef",
    "typeof",
    "union",
    "unsafe",
    "use",
    "using",
    "var",
    "void",
    "when",
    "where",
    "while",
    "with",
    "yield",
    "SELECT",
    "FROM",
    "WHERE",
    "INSERT",
    "INTO",
    "UPDATE",
    "DELETE",
    "JOIN",
    "ON",
    "GROUP",
    "ORDER",
    "BY",
    "LIMIT",
    "CREATE",
    "TABLE",
    "VALUES",
    "AND",
    "OR",
    "NOT",
];

/// What begins a remark to the end of the line, by the name of the language.
fn remarks(language: &str) -> &'static [&'static str] {
    match language {
        "sql" | "lua" | "haskell" | "hs" | "elm" | "ada" => &["--"],
        "python" | "py" | "sh" | "bash" | "shell" | "zsh" | "ruby" | "rb" | "yaml" | "yml" | "toml"
        | "perl" | "make" | "makefile" | "dockerfile" | "r" | "nix" | "ini" => &["#"],
        "html" | "xml" | "css" | "json" | "diff" => &[],
        _ => &["//"],
    }
}

/// Code in pieces, in its order: together they are the code.
pub fn parts(code: &str, language: Option<&str>) -> Vec<(Part, String)> {
    let Some(language) = language.map(str::to_lowercase).filter(|_| code.len() <= LONGEST) else {
        return vec![(Part::Plain, code.to_owned())];
    };
    if ["text", "txt", "markdown", "md"].contains(&language.as_str()) {
        return vec![(Part::Plain, code.to_owned())];
    }
    let remarks = remarks(&language);
    let mut all: Vec<(Part, String)> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (part, length) = if remarks.iter().any(|begin| rest.starts_with(begin)) {
            (Part::Remark, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Part::Remark, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if rest.starts_with("<!--") {
            (Part::Remark, rest.find("-->").map_or(rest.len(), |end| end + 3))
        } else if ['"', '\'', '`'].contains(&first) {
            text_length(rest, first).map_or((Part::Plain, 1), |length| (Part::Text, length))
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !is_word(c) && c != '.').unwrap_or(rest.len());
            (Part::Number, end)
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let part = match &rest[..end] {
                word if KEYWORDS.contains(&word) => Part::Keyword,
                _ if rest[end..].starts_with('(') => Part::Function,
                _ => Part::Plain,
            };
            (part, end)
        } else {
            (Part::Plain, first.len_utf8())
        };
        let (piece, after) = rest.split_at(length);
        match all.last_mut() {
            Some((last, text)) if *last == part => text.push_str(piece),
            _ => all.push((part, piece.to_owned())),
        }
        rest = after;
    }
    all
}

/// How long a text in quotes is, if it ends on its line.
fn text_length(rest: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, language: &str, part: Part) -> Vec<String> {
        let parts = parts(code, Some(language));
        parts.into_iter().filter(|(of, _)| *of == part).map(|(_, text)| text).collect()
    }

    #[test]
    fn words_numbers_texts_and_remarks_have_colours() {
        let code = "let x = call(12, \"a \\\" b\"); // why\nreturn x";
        assert_eq!(of(code, "rust", Part::Keyword), ["let", "return"]);
        assert_eq!(of(code, "rust", Part::Function), ["call"]);
        assert_eq!(of(code, "rust", Part::Number), ["12"]);
        assert_eq!(of(code, "rust", Part::Text), ["\"a \\\" b\""]);
        assert_eq!(of(code, "rust", Part::Remark), ["// why"]);
        assert_eq!(of("a # b", "py", Part::Remark), ["# b"]);
        assert_eq!(of("don't", "rust", Part::Text), [""; 0], "a quote that does not end is none");
    }

    #[test]
    fn no_letter_is_lost() {
        for code in ["/* open", "\"open", "äöü 1.5e3 🔥 <!-- x", "`a\nb` 'c", "", "\\"] {
            for language in [None, Some("js"), Some("python"), Some("md"), Some("odd language")] {
                let whole: String = parts(code, language).into_iter().map(|(_, text)| text).collect();
                assert_eq!(whole, code);
            }
        }
    }
}
