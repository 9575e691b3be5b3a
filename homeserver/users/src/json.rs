//! JSON of clients that is kept and later given to others as it came.

use hearth_spec::canonical_json::{Numbers, canonicalise};

use crate::UsersError;

/// The same JSON as text that everyone can read: without escapes that stand for no character and without keys that
/// appear twice, of which each reader takes another value.
///
/// # Errors
///
/// [`UsersError::BadJson`] where it has such.
pub(crate) fn well_formed(json: &str) -> Result<String, UsersError> {
    canonicalise(json, Numbers::Any).map_err(|error| UsersError::BadJson(error.to_string()))
}

/// What is stored, in the same form. What an earlier version of this server let in stays as it is.
pub(crate) fn stored_form(json: String) -> String {
    well_formed(&json).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_would_read_differently_is_refused() {
        assert_eq!(well_formed(r#"{"b":[1.5,"\u00e4"],"a":null}"#).unwrap(), r#"{"a":null,"b":[1.5,"ä"]}"#);
        for bad in [r#"{"a":1,"a":2}"#, r#"{"a":[{"b":1,"b":1}]}"#, r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#] {
            assert!(matches!(well_formed(bad), Err(UsersError::BadJson(_))), "{bad}");
        }
    }
}
