//! The `pos` of a connection.

use std::{fmt, str::FromStr};

use hearth_storage::Position;

use crate::{
    TokenError,
    token::{Base36, UpTo, base36},
};

/// What a client of a connection has: the `pos` of an answer, and of the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlidingPosition {
    /// When the connection began, in milliseconds.
    pub(super) begun: u64,
    /// Which state of it.
    pub(super) number: u64,
    /// Rooms in view were told up to here.
    pub(crate) upto: UpTo,
}

impl SlidingPosition {
    /// All changes of the log up to here were told, of what is in view.
    pub fn log(&self) -> Position {
        self.upto.log
    }
}

impl fmt::Display for SlidingPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, number, upto } = self;
        write!(
            f,
            "s1_{}_{}_{}_{}",
            Base36(*begun),
            Base36(*number),
            Base36(upto.log.0),
            Base36(upto.ephemeral)
        )
    }
}

impl FromStr for SlidingPosition {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut parts = text.strip_prefix("s1_").ok_or(TokenError)?.split('_').map(base36);
        let mut next = || parts.next().unwrap_or(Err(TokenError));
        let (begun, number) = (next()?, next()?);
        let upto = UpTo { log: Position(next()?), ephemeral: next()? };
        if parts.next().is_some() || i64::try_from(upto.log.0).is_err() {
            return Err(TokenError);
        }
        Ok(Self { begun, number, upto })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimelineToken;

    #[test]
    fn a_position_comes_back_as_it_went_and_is_a_place_in_every_timeline() {
        let position = SlidingPosition {
            begun: 1_700_000_000_000,
            number: 7,
            upto: UpTo { log: Position(35), ephemeral: u64::MAX },
        };
        let text = position.to_string();
        assert_eq!(text.parse(), Ok(position));
        assert_eq!(text.parse(), Ok(TimelineToken::from(Position(35))));
        for wrong in
            ["", "s1_", "s1_1_2_3", "s1_1_2_3_4_5", "s1_1_2_zzzzzzzzzzzzz_4", "h1_1_2_3", "s1_+1_2_3_4"]
        {
            assert!(wrong.parse::<SlidingPosition>().is_err(), "{wrong}");
        }
    }
}
