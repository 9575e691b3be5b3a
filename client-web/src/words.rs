//! The texts of the language that the person reads.

pub use hearth_client_design::words::{Value, choose_language, t, tv};
