//! The texts of the language that the person reads.

use std::cell::OnceCell;

pub use hearth_client_state::texts::Value;
use hearth_client_state::texts::{Language, Texts};

use crate::page;

thread_local! {
    static TEXTS: OnceCell<Texts> = const { OnceCell::new() };
}

/// Takes the language for the page, of those in which a program speaks. It is called first and once.
pub fn choose_language(languages: &[Language]) {
    let wanted = page::languages();
    let texts = Texts::for_languages(languages, wanted.iter().map(String::as_str));
    page::set_language(texts.language());
    TEXTS.with(|chosen| drop(chosen.set(texts)));
}

/// A text by its name.
pub fn t(name: &str) -> String {
    tv(name, [])
}

/// A text with values in it.
pub fn tv<const N: usize>(name: &str, values: [(&str, Value); N]) -> String {
    TEXTS.with(|texts| texts.get().map_or_else(|| name.to_owned(), |texts| texts.get(name, &values)))
}
