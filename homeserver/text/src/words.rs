//! Cutting a text into words.

use std::sync::LazyLock;

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed, options::WordBreakInvariantOptions};

use crate::fold;

/// How many letters of a word count; what is longer is no word, but a key or a picture.
const MAX_LETTERS: usize = 64;

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));

/// A word of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word<'a> {
    /// As it stands there.
    pub text: &'a str,
    /// As it is compared: [`fold`]ed, and no longer than 64 letters.
    pub folded: String,
}

/// The words of a text, in their order.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    if text.is_ascii() {
        words.extend(parts(text).filter_map(word));
        return words;
    }
    let mut start = 0;
    for end in SEGMENTER.segment_str(text) {
        words.extend(parts(&text[start..end]).filter_map(word));
        start = end;
    }
    words
}

/// What the marks of ASCII and apostrophes part, though the rules for words do not: `snake_case`, `example.org`, `it's`.
fn parts(segment: &str) -> impl Iterator<Item = &str> {
    segment.split(|char: char| {
        char.is_ascii() && !char.is_ascii_alphanumeric() || matches!(char, '\u{2018}' | '\u{2019}')
    })
}

/// `None` for what has no letter and no digit: spaces, marks, pictures.
fn word(text: &str) -> Option<Word<'_>> {
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    let mut folded = fold(text);
    if let Some((end, _)) = folded.char_indices().nth(MAX_LETTERS) {
        folded.truncate(end);
    }
    Some(Word { text, folded })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn spaces_and_marks_part_words() {
        assert_eq!(folded("Hello, World!"), ["hello", "world"]);
        assert_eq!(
            folded("snake_case, example.org, it's, it\u{2019}s 3.14"),
            ["snake", "case", "example", "org", "it", "s", "it", "s", "3", "14"]
        );
        assert_eq!(folded("Grüße aus Köln — «déjà vu»"), ["grusse", "aus", "koln", "deja", "vu"]);
        assert_eq!(folded("Привет, мир"), ["привет", "мир"]);
        assert_eq!(folded("안녕하세요 세계"), ["안녕하세요", "세계"]);
        assert_eq!(folded("नमस्ते दुनिया"), ["नमस्ते", "दुनिया"]);
        assert_eq!(folded(" … 🎉 !?"), [""; 0]);
    }

    #[test]
    fn where_there_are_no_spaces_words_are_found_all_the_same() {
        for (text, word) in [
            ("我们明天在北京开会", "北京"),
            ("今天天气很好", "天气"),
            ("明日東京で会議があります", "東京"),
            ("ありがとうございます", "ありがとう"),
            ("ฉันรักภาษาไทย", "ภาษา"),
            ("ພາສາລາວ", "ພາສາ"),
        ] {
            assert!(folded(text).contains(&word.to_owned()), "{text}: {:?}", folded(text));
            assert!(folded(text).len() > 1);
        }
    }

    #[test]
    fn a_word_says_where_it_stands() {
        let text = "Ein Café in 北京";
        let words: Vec<_> = words(text).iter().map(|word| word.text).collect();
        assert_eq!(words, ["Ein", "Café", "in", "北京"]);
    }

    #[test]
    fn a_word_has_an_end() {
        assert_eq!(folded(&"ab".repeat(1_000)), ["ab".repeat(32)]);
        assert_eq!(folded(&"ä".repeat(1_000)), ["a".repeat(64)]);
    }
}
