//! The words of a text, in every language, as a search compares them.
//!
//! - [`words()`] cuts a text into words: at spaces and marks, and where a language has no spaces (Chinese, Japanese, Thai,
//!   Lao, Khmer, Burmese) by dictionaries and models.
//! - [`fold()`] makes texts alike that people take for the same: of whatever case, with or without accents, wide or narrow.
//!
//! All of it is pure.

mod fold;
mod words;

pub use self::{
    fold::fold,
    words::{Word, words},
};
