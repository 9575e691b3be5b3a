//! Making texts alike that people take for the same.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Takes apart letters with their accents, and what is the same but for its form: `ﬁ`, `Ａ`, `½`.
const APART: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
/// Puts together what belongs together: the syllables of Korean, the marks of Japanese.
const TOGETHER: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// A text without regard to case, accents, and the forms of letters: `Ｓtraße` and `STRASSE` are `strasse`, `Über` is
/// `uber`, and `Ελλάς` is `ελλασ`. Marks that make another letter, as in Japanese, Hindi or Thai, stay.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = APART.normalize_iter(text.chars()).flat_map(char::to_lowercase);
    let mut before = None;
    let without_accents = lower.filter(move |char| {
        let kept = !is_accent(*char) || is_another_letter(before, *char);
        before = Some(*char);
        kept
    });
    let mut folded = String::with_capacity(text.len());
    let plain = without_accents.flat_map(|char| {
        let (first, second) = plain(char);
        std::iter::once(first).chain(second)
    });
    folded.extend(TOGETHER.normalize_iter(plain));
    folded
}

/// Whether a mark is an accent of Latin, Greek or Cyrillic letters, or a vowel that Hebrew and Arabic mostly leave out.
fn is_accent(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// The breve of `й`, which no reader of Cyrillic takes for an `и`.
fn is_another_letter(before: Option<char>, mark: char) -> bool {
    before == Some('и') && mark == '\u{306}'
}

/// What stands for a letter that no table takes apart, and yet is written plainly by who has no key for it.
fn plain(char: char) -> (char, Option<char>) {
    match char {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        'ł' => ('l', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        other => (other, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_the_same_becomes_the_same() {
        for (text, folded) in [
            ("HELLO", "hello"),
            ("Über", "uber"),
            ("U\u{308}ber", "uber"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("Smørrebrød", "smorrebrod"),
            ("Ελλάς", "ελλασ"),
            ("ёлка", "елка"),
            ("Tiếng Việt", "tieng viet"),
            ("ＡＢＣ１２３", "abc123"),
            ("ﬁn", "fin"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("שָׁלוֹם", "שלום"),
            ("مَرْحَبًا", "مرحبا"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn what_makes_another_letter_stays() {
        for text in ["が", "ぱ", "한국어", "мой", "हिन्दी", "ภาษาไทย", "漢字"]
        {
            assert_eq!(fold(text), text);
        }
        // Also where it comes in parts.
        assert_eq!(fold("か\u{3099}"), "が");
        assert_eq!(fold("\u{1112}\u{1161}\u{11ab}"), "한");
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for text in ["Ångström ß ½ ﷺ", "ΌΣΟΣ", "İĲǅ", "ﾊﾟ"] {
            assert_eq!(fold(&fold(text)), fold(text));
        }
    }
}
