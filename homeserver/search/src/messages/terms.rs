//! What somebody looks for.

use std::ops::Bound;

use hearth_text::words;
use tantivy::{
    Term,
    query::{BooleanQuery, ConstScoreQuery, InvertedIndexRangeQuery, Occur, PhraseQuery, Query, TermQuery},
    schema::{Field, IndexRecordOption},
};

/// How many words of a search count.
const MAX_WORDS: usize = 32;
/// How many forms in which words were found are told.
const MAX_FORMS: usize = 64;

/// What it counts that a word only begins so: less than a word that is just so, wherever it stands.
const BEGINS: f32 = 0.1;

/// What somebody looks for: all the words, and as phrases those between quotes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    words: Vec<String>,
    phrases: Vec<Vec<String>>,
}

impl Terms {
    /// The words of a search term; what is between quotes stands there just so.
    pub fn new(search_term: &str) -> Self {
        let mut terms = Self::default();
        let mut left = MAX_WORDS;
        for (at, part) in search_term.split(['"', '“', '”', '„', '«', '»']).enumerate() {
            let found: Vec<String> = words(part).into_iter().map(|word| word.folded).take(left).collect();
            left -= found.len();
            match at % 2 {
                1 if found.len() > 1 => terms.phrases.push(found),
                _ => terms.words.extend(found),
            }
        }
        terms
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.phrases.is_empty()
    }

    /// All words, also those of phrases, as they are compared.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().chain(self.phrases.iter().flatten()).map(|word| &**word)
    }

    /// The forms in which the words stand in texts: what a client highlights that knows nothing of accents.
    pub fn forms<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut forms: Vec<String> = Vec::new();
        for word in texts.into_iter().flat_map(words) {
            let Some(sought) = self.words().find(|sought| matches(sought, &word.folded)) else { continue };
            let form = if word.text.to_lowercase().starts_with(sought) { sought } else { word.text };
            if forms.len() < MAX_FORMS && !forms.iter().any(|known| known == form) {
                forms.push(form.to_owned());
            }
        }
        forms
    }

    /// Finds what has all the words, and ranks higher what has them rarely found, often, in a short text, whole, and next to
    /// each other.
    pub(super) fn query(&self, text: Field) -> BooleanQuery {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for word in &self.words {
            clauses.push((Occur::Must, of_word(text, word)));
        }
        for phrase in &self.phrases {
            clauses.push((Occur::Must, of_phrase(text, phrase)));
        }
        if self.words.len() > 1 {
            clauses.push((Occur::Should, of_phrase(text, &self.words)));
        }
        BooleanQuery::new(clauses)
    }
}

/// Whether a word of a text is one that is looked for.
fn matches(sought: &str, word: &str) -> bool {
    if may_go_on(sought) { word.starts_with(sought) } else { word == sought }
}

/// Whether words that only begin with this one are found too: not for a letter or two, with which half of all begin. In
/// scripts whose words are that short, they may.
fn may_go_on(word: &str) -> bool {
    word.chars().nth(2).is_some() || word.chars().any(|char| char >= '\u{e00}')
}

fn of_word(text: Field, word: &str) -> Box<dyn Query> {
    let just_so = TermQuery::new(Term::from_field_text(text, word), IndexRecordOption::WithFreqs);
    if !may_go_on(word) {
        return Box::new(just_so);
    }
    // What begins so comes from the word itself on, and before all that begins with something greater.
    let from = Bound::Included(Term::from_field_text(text, word));
    let until = format!("{word}{}", char::MAX);
    let begins = InvertedIndexRangeQuery::new(from, Bound::Excluded(Term::from_field_text(text, &until)));
    let begins = ConstScoreQuery::new(Box::new(begins), BEGINS);
    Box::new(BooleanQuery::union(vec![Box::new(just_so), Box::new(begins)]))
}

fn of_phrase(text: Field, words: &[String]) -> Box<dyn Query> {
    Box::new(PhraseQuery::new(words.iter().map(|word| Term::from_field_text(text, word)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_make_phrases() {
        let terms = Terms::new("One \"Two  Three\" four „Fünf“");
        assert_eq!(terms.words, ["one", "four", "funf"]);
        assert_eq!(terms.phrases, [["two", "three"]]);
        assert!(Terms::new("\"…\" !").is_empty());
        // One that does not end is one all the same.
        assert_eq!(Terms::new("\"two words").phrases, [["two", "words"]]);
    }

    #[test]
    fn words_have_a_bound() {
        let many: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(Terms::new(&many.join(" ")).words().count(), MAX_WORDS);
        let phrases: Vec<String> = many.iter().map(|n| format!("\"a {n}\"")).collect();
        assert_eq!(Terms::new(&phrases.join(" ")).words().count(), MAX_WORDS);
    }

    #[test]
    fn forms_are_as_they_stand_in_the_texts() {
        let forms = |search_term: &str, texts: &[&str]| Terms::new(search_term).forms(texts.iter().copied());
        assert_eq!(forms("TEA", &["green-tea", "Teapots", "coffee"]), ["tea"]);
        assert_eq!(forms("uber", &["Über die Brücke", "überall", "uber"]), ["Über", "überall", "uber"]);
        assert_eq!(forms("東京", &["明日東京で"]), ["東京"]);
        assert_eq!(forms("a", &["an apple, a pear"]), ["a"]);
    }
}
