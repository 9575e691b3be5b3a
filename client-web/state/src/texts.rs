//! All words that our programs say themselves, in the languages of people (Fluent).

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language, and the texts of a program in it.
pub type Language = (&'static str, &'static str);

/// The languages in which the client is complete, the first one for whoever asks for none of them.
pub const CLIENT: &[Language] =
    &[("en", include_str!("../texts/en.ftl")), ("de", include_str!("../texts/de.ftl"))];

/// The same of the admin page.
pub const ADMIN: &[Language] =
    &[("en", include_str!("../texts/admin.en.ftl")), ("de", include_str!("../texts/admin.de.ftl"))];

/// The texts of one language.
pub struct Texts {
    language: &'static str,
    bundle: FluentBundle<FluentResource>,
}

/// A value that stands in a text.
pub enum Value {
    Words(String),
    Number(f64),
}

impl From<&str> for Value {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<String> for Value {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl Texts {
    /// The first language of a list such as `navigator.languages` that is there; else the first one that is.
    pub fn for_languages<'a>(there: &[Language], wanted: impl IntoIterator<Item = &'a str>) -> Self {
        let known = wanted.into_iter().find_map(|wanted| {
            let wanted = wanted.split('-').next()?;
            there.iter().find(|(language, _)| language.eq_ignore_ascii_case(wanted))
        });
        let (language, texts) = known.unwrap_or(&there[0]);
        Self::new(language, texts)
    }

    fn new(language: &'static str, texts: &str) -> Self {
        let locale: LanguageIdentifier = language.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![locale]);
        // The marks around values are for text of mixed direction; names are isolated by the page itself.
        bundle.set_use_isolating(false);
        // What a resource has wrong is left out of it: a test reads them all.
        let resource = FluentResource::try_new(texts.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The language, for `lang` of the page and for dates.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// A text by its name, with values in it; its name where there is none.
    pub fn get<'a>(&self, name: &'a str, values: &[(&'a str, Value)]) -> String {
        let Some(pattern) = self.bundle.get_message(name).and_then(|message| message.value()) else {
            return name.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            match value {
                Value::Words(words) => args.set(*name, FluentValue::String(Cow::Borrowed(words))),
                Value::Number(number) => args.set(*name, *number),
            }
        }
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The names of a language's texts, and the values that each takes.
    fn names(texts: &str) -> BTreeMap<String, Vec<String>> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = None;
        for line in texts.lines() {
            if let Some((name, _)) = line.split_once(" =").filter(|(name, _)| !name.starts_with([' ', '#'])) {
                current = Some(name.to_owned());
                assert!(names.insert(name.to_owned(), Vec::new()).is_none(), "{name} is there twice");
            }
            let values = line.split("{ $").skip(1).filter_map(|rest| rest.split([' ', '}']).next());
            for value in values {
                let known = names.get_mut(current.as_ref().unwrap()).unwrap();
                known.push(value.to_owned());
                known.sort();
                known.dedup();
            }
        }
        names
    }

    #[test]
    fn every_language_has_every_text_with_the_same_values() {
        for program in [CLIENT, ADMIN] {
            let first = names(program[0].1);
            assert!(!first.is_empty());
            for (language, texts) in program {
                assert!(FluentResource::try_new((*texts).to_owned()).is_ok(), "{language} cannot be read");
                let names = names(texts);
                for (name, values) in &first {
                    assert_eq!(names.get(name), Some(values), "{language}: {name}");
                }
                assert_eq!(names.len(), first.len(), "{language} has texts that nobody asks for");
            }
        }
    }

    #[test]
    fn texts_say_numbers_as_the_language_does() {
        let english = Texts::for_languages(CLIENT, ["fr-FR", "en-GB"]);
        assert_eq!(english.language(), "en");
        assert_eq!(english.get("people", &[("count", Value::from(1_u64))]), "1 person");
        assert_eq!(english.get("people", &[("count", Value::from(2_u64))]), "2 people");
        let german = Texts::for_languages(CLIENT, ["de-CH"]);
        assert_eq!(german.get("people", &[("count", Value::from(1_u64))]), "1 Person");
        assert_eq!(Texts::for_languages(CLIENT, ["xx"]).language(), "en");
        assert_eq!(english.get("no-such-text", &[]), "no-such-text");
    }
}
