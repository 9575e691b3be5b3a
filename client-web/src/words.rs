//! The texts of the language that the person reads.

use hearth_client_state::texts::Texts;
pub use hearth_client_state::texts::Value;

use crate::browser;

thread_local! {
    static TEXTS: Texts = {
        let languages = browser::languages();
        Texts::for_languages(languages.iter().map(String::as_str))
    };
}

/// Takes the language for the page.
pub fn choose_language() {
    TEXTS.with(|texts| browser::set_language(texts.language()));
}

/// A text by its name.
pub fn t(name: &str) -> String {
    TEXTS.with(|texts| texts.get(name, &[]))
}

/// A text with values in it.
pub fn tv<const N: usize>(name: &str, values: [(&str, Value); N]) -> String {
    TEXTS.with(|texts| texts.get(name, &values))
}
