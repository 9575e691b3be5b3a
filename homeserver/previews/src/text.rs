//! Texts of pages: in which encoding they are, and how much of them is shown.

use encoding_rs::{Encoding, UTF_8};

/// How far into a page it may say in which encoding it is, in bytes.
const DECLARED_WITHIN: usize = 1024;

/// Decodes a page by what is said of its encoding: by its first bytes, the header `Content-Type`, or the page itself. What
/// cannot be decoded is replaced.
pub(crate) fn decode(bytes: &[u8], content_type: &str) -> String {
    let start = &bytes[..bytes.len().min(DECLARED_WITHIN)];
    let declared = charset(content_type).or_else(|| charset(&String::from_utf8_lossy(start)));
    // A byte order mark counts before all else.
    declared.unwrap_or(UTF_8).decode(bytes).0.into_owned()
}

/// The encoding that a text names after `charset=`.
fn charset(text: &str) -> Option<&'static Encoding> {
    let text = text.to_ascii_lowercase();
    let (_, rest) = text.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c))).unwrap_or(rest.len());
    Encoding::for_label(&rest.as_bytes()[..end])
}

/// A text with its white space made one space, and cut after a word so that it has at most so many bytes.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        let space = usize::from(!short.is_empty());
        if short.len() + space + word.len() > max {
            if short.is_empty() {
                short.push_str(&word[..word.floor_char_boundary(max)]);
            }
            short.push('…');
            break;
        }
        if space == 1 {
            short.push(' ');
        }
        short.push_str(word);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_found() {
        for (bytes, content_type, expected) in [
            ("grün".as_bytes(), "text/html", "grün"),
            (b"gr\xfcn", "text/html; charset=ISO-8859-1", "grün"),
            (b"<meta charset='windows-1252'>gr\xfcn", "text/html", "<meta charset='windows-1252'>grün"),
            (b"\x93\xfa\x96{", "text/html; charset=\"Shift_JIS\"", "日本"),
            (b"\xef\xbb\xbfgr\xc3\xbcn", "text/html; charset=latin1", "grün"),
            (b"gr\xfcn", "text/html; charset=nonsense", "gr\u{fffd}n"),
        ] {
            assert_eq!(decode(bytes, content_type), expected);
        }
    }

    #[test]
    fn texts_are_cut_after_a_word() {
        assert_eq!(shortened("  one\n two  three ", 100), "one two three");
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("ääää", 3), "ä…");
        assert_eq!(shortened(" \n", 3), "");
    }
}
