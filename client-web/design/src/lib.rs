//! What the web client and the admin page share in the browser: controls of the design system, words in the language
//! that the person reads, and what is asked of the page.

pub mod controls;
pub mod page;
pub mod words;
