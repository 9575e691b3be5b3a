//! Glob-style matching (appendices, "Glob-style matching"): `*` is any run of characters, `?` any
//! one character, and case does not matter.

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    pattern: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyChar,
    AnyRun,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let token = |character| match character {
            '*' => Token::AnyRun,
            '?' => Token::AnyChar,
            character => Token::Char(character),
        };
        Self { pattern: lower_case(pattern).into_iter().map(token).collect() }
    }

    /// A pattern in which `*` and `?` stand for themselves.
    pub(crate) fn literal(text: &str) -> Self {
        Self { pattern: lower_case(text).into_iter().map(Token::Char).collect() }
    }

    /// Whether it matches the whole of a text in lower case.
    pub(crate) fn matches(&self, text: &[char]) -> bool {
        matches!(self.match_from(text, 0, |end| end == text.len()), Match::Yes)
    }

    /// Whether it matches a part of a text in lower case that begins and ends at a word boundary.
    pub(crate) fn matches_words(&self, text: &[char]) -> bool {
        if self.pattern.is_empty() {
            return false;
        }
        let boundary = |at: usize| is_boundary(text, at);
        for start in (0..=text.len()).filter(|start| boundary(*start)) {
            match self.match_from(text, start, boundary) {
                Match::Yes => return true,
                Match::No => {}
                // What follows the first star is nowhere after here, so it is not further on.
                Match::Never => return false,
            }
        }
        false
    }

    /// Matches from a place on; the match must end where `may_end` says.
    ///
    /// Going back to the latest star is enough: what stands before it matched at its earliest,
    /// which leaves the most for the rest.
    fn match_from(&self, text: &[char], start: usize, may_end: impl Fn(usize) -> bool) -> Match {
        let (mut at, mut next) = (start, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.pattern.get(next) {
                Some(Token::AnyRun) => {
                    next += 1;
                    star = Some((next, at));
                    continue;
                }
                Some(Token::AnyChar) if at < text.len() => {
                    at += 1;
                    next += 1;
                    continue;
                }
                Some(Token::Char(wanted)) if text.get(at) == Some(wanted) => {
                    at += 1;
                    next += 1;
                    continue;
                }
                None if may_end(at) => return Match::Yes,
                _ => {}
            }
            match &mut star {
                None => return Match::No,
                Some((_, from)) if *from >= text.len() => return Match::Never,
                Some((after, from)) => {
                    *from += 1;
                    (at, next) = (*from, *after);
                }
            }
        }
    }
}

enum Match {
    Yes,
    No,
    /// Not here, and not from any later place either.
    Never,
}

/// Whether a pattern matches itself alone.
pub fn is_exact(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

/// A text as globs compare it.
pub(crate) fn lower_case(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The start, the end, and each side of a character that is no letter, digit or underscore.
fn is_boundary(text: &[char], at: usize) -> bool {
    let in_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    !(before.is_some_and(in_word) && text.get(at).is_some_and(in_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values() {
        let matches = |pattern, text| Glob::new(pattern).matches(&lower_case(text));
        assert!(matches("lunc?*", "Lunch plans"));
        assert!(matches("lunc?*", "LUNCH"));
        assert!(!matches("lunc?*", " lunch"));
        assert!(!matches("lunc?*", "lunc"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "a--b--b--c"));
        assert!(!matches("a*b*c", "a--b--b--c-"));
        assert!(matches("ÜBER?", "überß"));
    }

    #[test]
    fn words_of_a_body() {
        let matches = |pattern, text| Glob::new(pattern).matches_words(&lower_case(text));
        assert!(matches("ex*ple", "An example event."));
        assert!(matches("ex*ple", "exple"));
        assert!(matches("ex*ple", "An exciting triple-whammy"));
        assert!(matches("bob", "hello, Bob!"));
        assert!(!matches("bob", "bobby and kebob"));
        assert!(matches("bob", "bobby and bob"));
        assert!(!matches("bob", "bob_ is not he"));
        assert!(matches("b?b", "a bab b"));
        assert!(matches("foo*", "a food"));
        assert!(!matches("foo*", "afood"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn a_hostile_body_is_matched_in_good_time() {
        let body = lower_case(&"a ".repeat(32_000));
        assert!(!Glob::new("a*b").matches_words(&body));
        assert!(!Glob::new("a*a*a*b").matches_words(&body));
    }
}
