//! Sizes, numbers and times in the words of the person.

use hearth_client_design::{
    page,
    words::{Value, t, tv},
};
use hearth_client_state::admin;

/// A size in bytes.
pub fn size(bytes: u64) -> String {
    let (value, unit) = admin::size(bytes);
    tv(unit, [("size", Value::from(page::number(value)))])
}

pub fn count(number: u64) -> String {
    page::number(number as f64)
}

/// So many of something that is counted, in a word.
pub fn counted(name: &str, number: u64) -> String {
    tv(name, [("count", Value::from(number)), ("shown", count(number).into())])
}

/// When something was: the time of day, the day, or that it never was. Milliseconds since 1970.
pub fn when(at: Option<u64>) -> String {
    at.filter(|at| *at > 0).map_or_else(|| t("never"), |at| page::short(at as i64))
}

/// How long something goes on, in its largest unit.
pub fn lasting(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (name, number) = match minutes {
        0..=119 => ("for-minutes", minutes),
        120..=2879 => ("for-hours", minutes / 60),
        _ => ("for-days", minutes / 1440),
    };
    tv(name, [("count", Value::from(number))])
}
