//! Which names an application service has to do with.

use regex::bytes::{Regex, RegexBuilder};

/// One kind of names: user ids, aliases or room ids.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// As the registration file has it.
    text: String,
    matcher: Regex,
    exclusive: bool,
}

impl Namespace {
    /// Adds a pattern: a regular expression for the beginning of names. (Services leave out the end of it as often as
    /// they write it.)
    pub(crate) fn add(&mut self, text: &str, exclusive: bool) -> Result<(), regex::Error> {
        // Without the tables of Unicode: what names are made of is ASCII.
        let matcher = RegexBuilder::new(&format!("^(?:{text})")).unicode(false).build()?;
        self.patterns.push(Pattern { text: text.to_owned(), matcher, exclusive });
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a name is in it.
    pub fn contains(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matcher.is_match(name.as_bytes()))
    }

    /// Whether a name is in it and nobody else may have it.
    pub fn owns(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.exclusive && pattern.matcher.is_match(name.as_bytes()))
    }

    /// Beginnings of which each name in it has one: where to look for names.
    pub fn beginnings(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().map(|pattern| beginning(&pattern.text))
    }

    /// A pattern that both claim for themselves alone.
    pub(crate) fn claimed_by_both<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let claimed = |namespace: &Self, text: &str| {
            namespace.patterns.iter().any(|pattern| pattern.exclusive && pattern.text == text)
        };
        let mut own = self.patterns.iter().filter(|pattern| pattern.exclusive);
        own.find(|pattern| claimed(other, &pattern.text)).map(|pattern| pattern.text.as_str())
    }
}

/// The letters with which all begins that a regular expression matches: as many as can be seen at once.
fn beginning(pattern: &str) -> String {
    // Of alternatives each has a beginning of its own, and so have those with letters of any case.
    if pattern.contains('|') || pattern.contains("(?") {
        return String::new();
    }
    let mut letters: Vec<char> = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '^' if letters.is_empty() => {}
            '\\' => match rest.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => letters.push(escaped),
                _ => break,
            },
            '*' | '?' | '{' => {
                letters.pop();
                break;
            }
            '.' | '+' | '(' | ')' | '[' | ']' | '}' | '^' | '$' => break,
            letter => letters.push(letter),
        }
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_as_the_pattern_says() {
        let mut names = Namespace::default();
        names.add("@irc_.*:here\\.org", true).unwrap();
        names.add("@bot", false).unwrap();
        assert!(names.contains("@irc_a:here.org") && names.owns("@irc_a:here.org"));
        assert!(names.contains("@bot:here.org") && !names.owns("@bot:here.org"));
        for other in ["@irc_a:hereXorg", "x@irc_a:here.org", "@alice:here.org", ""] {
            assert!(!names.contains(other), "{other}");
        }
        // An alternative is anchored as well.
        let mut either = Namespace::default();
        either.add("#a|#b", true).unwrap();
        assert!(either.contains("#b:x") && !either.contains("x#b:x"));
        assert!(Namespace::default().add("@(", true).is_err());
    }

    #[test]
    fn beginnings_are_of_all_that_matches() {
        for (pattern, begins) in [
            ("@irc_.*", "@irc_"),
            (r"@irc\.libera_[a-z]+:here\.org", "@irc.libera_"),
            ("^@bot:here", "@bot:here"),
            ("@bots?", "@bot"),
            ("@a+", "@a"),
            ("@x{2}", "@"),
            ("@a.*|@b.*", ""),
            ("(?i)@a", ""),
            (r"@\w+", "@"),
            (".*", ""),
        ] {
            assert_eq!(beginning(pattern), begins, "{pattern}");
        }
    }

    #[test]
    fn a_claim_is_one_only_where_both_are_exclusive() {
        let of = |text: &str, exclusive| {
            let mut names = Namespace::default();
            names.add(text, exclusive).unwrap();
            names
        };
        assert_eq!(of("@a.*", true).claimed_by_both(&of("@a.*", true)), Some("@a.*"));
        assert_eq!(of("@a.*", true).claimed_by_both(&of("@a.*", false)), None);
        assert_eq!(of("@a.*", true).claimed_by_both(&of("@b.*", true)), None);
    }
}
