//! Search: which messages have which words (client-server API, "Server Side Search"), and who is called how ("User
//! Directory").
//!
//! - `messages/reader.rs` follows the log and keeps an index of all that is said, in a folder of its own. What is missing
//!   in it is made from the timelines, while it serves.
//! - `messages/terms.rs` makes a query of what somebody looks for; the words themselves are `hearth-text`'s.
//! - `messages/found.rs` finds the best, or the newest, in an order that stays while messages come.
//! - `people.rs` keeps the user directory.
//!
//! It knows which words are where, and not who may see them: whoever asks looks at each event that is found.

mod error;
mod messages;
mod people;

pub use self::{
    error::SearchError,
    messages::{
        Found, Hit, Key, LEAST_MEMORY, Order, Place, Scope, Search, SearchOptions, Searching, Statistics,
        Terms, text_of,
    },
    people::{FoundPeople, People, Person},
};
