//! Tokens: where a client has got to. Opaque to clients and to handlers, and versioned, so that a log in
//! several shards can take the place of one.

use std::{fmt, str::FromStr};

use hearth_rooms::TimelineRange;
use hearth_storage::{Position, TimelineOrder};

use crate::sliding::SlidingPosition;

/// A text that is not a token of this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the token is not one of this server's")]
pub struct TokenError;

/// What a client has been told: the `next_batch` of a sync, and the `since` of the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncToken {
    log: Position,
    ephemeral: u64,
    to_device: Position,
}

impl SyncToken {
    pub(crate) fn new(upto: UpTo, to_device: Position) -> Self {
        Self { log: upto.log, ephemeral: upto.ephemeral, to_device }
    }

    /// All changes of the log up to here were told.
    pub fn log(&self) -> Position {
        self.log
    }

    /// All messages for the device up to here were told, and this token's coming back confirms it.
    pub(crate) fn told_to_device(&self) -> Position {
        self.to_device
    }

    /// The same token, or as much of it as there is.
    pub(crate) fn within(self, upto: UpTo) -> Self {
        Self {
            log: self.log.min(upto.log),
            ephemeral: self.ephemeral.min(upto.ephemeral),
            to_device: self.to_device.min(upto.log),
        }
    }

    pub(crate) fn upto(&self) -> UpTo {
        UpTo { log: self.log, ephemeral: self.ephemeral }
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h1_{}_{}_{}", Base36(self.log.0), Base36(self.ephemeral), Base36(self.to_device.0))
    }
}

impl FromStr for SyncToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut parts = text.strip_prefix("h1_").ok_or(TokenError)?.split('_').map(base36);
        let mut next = || parts.next().unwrap_or(Err(TokenError));
        let token = Self { log: Position(next()?), ephemeral: next()?, to_device: Position(next()?) };
        if parts.next().is_some() || i64::try_from(token.log.0).is_err() {
            return Err(TokenError);
        }
        Ok(token)
    }
}

/// How far what is told reaches: in the log, and among what is only in memory (typing, presence).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct UpTo {
    pub log: Position,
    pub ephemeral: u64,
}

impl UpTo {
    pub const MAX: Self = Self { log: Position(u64::MAX), ephemeral: u64::MAX };

    /// Whether there is something here that is not yet in `told`.
    pub fn exceeds(self, told: Self) -> bool {
        self.log > told.log || self.ephemeral > told.ephemeral
    }

    /// The further of both, each by itself.
    pub fn max(self, other: Self) -> Self {
        Self { log: self.log.max(other.log), ephemeral: self.ephemeral.max(other.ephemeral) }
    }
}

/// What makes another text of a timeline token, which means the same.
const AGAIN: &str = "_";

/// A place in a room's timeline, between two events: `prev_batch`, and `from` and `to` of `/messages`. It means
/// the same in both directions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimelineToken {
    /// The event before the place, or where one could be.
    behind: TimelineOrder,
}

impl TimelineToken {
    /// The place right after an event.
    pub fn after(order: TimelineOrder) -> Self {
        Self { behind: order }
    }

    /// The place right before an event.
    pub fn before(order: TimelineOrder) -> Self {
        Self { behind: order.before() }
    }

    /// The place before every event.
    pub fn start() -> Self {
        Self { behind: TimelineOrder::MIN }
    }

    /// The place as a text that is another one than `text`: many clients take an `end` that is the `start` for the end
    /// of the room, and ask no more.
    pub fn unlike(self, text: &str) -> String {
        let usual = self.to_string();
        if usual == text { usual + AGAIN } else { usual }
    }

    /// What lies from here in a direction, as far as `to`.
    pub fn range(self, to: Option<Self>, backwards: bool, limit: usize) -> TimelineRange {
        let to = to.map(|to| to.behind);
        if backwards {
            TimelineRange { after: to, until: Some(self.behind), backwards, limit }
        } else {
            TimelineRange { after: Some(self.behind), until: to, backwards, limit }
        }
    }
}

impl From<Position> for TimelineToken {
    /// The place after everything that had arrived at a position of the log.
    fn from(position: Position) -> Self {
        Self::after(position.into())
    }
}

impl From<SyncToken> for TimelineToken {
    fn from(token: SyncToken) -> Self {
        token.log.into()
    }
}

impl fmt::Display for TimelineToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.behind.0 < 0 { "-" } else { "" };
        write!(f, "t2_{sign}{}", Base36(self.behind.0.unsigned_abs()))
    }
}

impl FromStr for TimelineToken {
    type Err = TokenError;

    /// Reads a timeline token, or what a sync gave as the place in every timeline that it stands for.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let number = |text: &str| {
            let number = match text.strip_prefix('-') {
                Some(digits) => 0i64.checked_sub_unsigned(base36(digits)?),
                None => i64::try_from(base36(text)?).ok(),
            };
            number.ok_or(TokenError)
        };
        if let Some(order) = text.strip_prefix("t2_") {
            let order = order.strip_suffix(AGAIN).unwrap_or(order);
            return Ok(Self { behind: TimelineOrder(number(order)?) });
        }
        // From before version 2 of the schema: a position, or history.
        match text.strip_prefix("t1_").map(number).transpose()? {
            Some(order) => Ok(Self {
                behind: match u64::try_from(order) {
                    Ok(position) => Position(position).into(),
                    Err(_) => TimelineOrder(order),
                },
            }),
            None => match text.parse::<SlidingPosition>() {
                Ok(position) => Ok(position.upto.log.into()),
                Err(TokenError) => text.parse::<SyncToken>().map(Into::into),
            },
        }
    }
}

pub(crate) struct Base36(pub u64);

impl fmt::Display for Base36 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut text = [0; 13];
        let (mut at, mut rest) = (text.len(), self.0);
        loop {
            at -= 1;
            text[at] = DIGITS[(rest % 36) as usize];
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        text[at..].iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

pub(crate) fn base36(text: &str) -> Result<u64, TokenError> {
    // `from_str_radix` takes a sign as well.
    if text.starts_with('+') {
        return Err(TokenError);
    }
    u64::from_str_radix(text, 36).map_err(|_| TokenError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(log: u64, ephemeral: u64, to_device: u64) -> SyncToken {
        SyncToken::new(UpTo { log: Position(log), ephemeral }, Position(to_device))
    }

    #[test]
    fn a_sync_token_comes_back_as_it_went() {
        for token in [token(0, 0, 0), token(35, 36, 37), token(i64::MAX as u64, u64::MAX, u64::MAX)] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        assert_eq!(token(35, 36, 1).to_string(), "h1_z_10_1");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in [
            "",
            "h1_",
            "h1_1",
            "h1_1_2",
            "h1_1_2_3_4",
            "h2_1_2_3",
            "s12_3",
            "h1_+1_2_3",
            "h1_-1_2_3",
            "h1_é_2_3",
        ] {
            assert_eq!(text.parse::<SyncToken>(), Err(TokenError), "{text}");
        }
        assert!("h1_zzzzzzzzzzzzzz_0_0".parse::<SyncToken>().is_err());
        for text in
            ["t1_", "t1_--1", "t1_1_2", "t1_+4", "t2_", "t2_--1", "t2_1_2", "t2_1__", "t2_+4", "t3_4", "x"]
        {
            assert_eq!(text.parse::<TimelineToken>(), Err(TokenError), "{text}");
        }
    }

    #[test]
    fn a_timeline_token_comes_back_as_it_went_also_from_before_the_first_event() {
        for order in [i64::MIN, -36, -1, 0, 1, i64::MAX] {
            let token = TimelineToken::after(TimelineOrder(order));
            assert_eq!(token.to_string().parse(), Ok(token));
            let other = token.unlike(&token.to_string());
            assert_ne!(other, token.to_string());
            assert_eq!(other.parse(), Ok(token));
            assert_eq!(token.unlike(&other), token.to_string());
        }
        assert_eq!(TimelineToken::start(), TimelineToken::after(TimelineOrder(i64::MIN)));
    }

    #[test]
    fn a_place_between_two_events_is_the_same_from_both_sides() {
        assert_eq!(TimelineToken::after(TimelineOrder(4)), TimelineToken::before(TimelineOrder(5)));
        let here = TimelineToken::after(TimelineOrder(4));
        let back = here.range(Some(TimelineToken::before(TimelineOrder(2))), true, 10);
        assert_eq!((back.after, back.until), (Some(TimelineOrder(1)), Some(TimelineOrder(4))));
        let on = here.range(None, false, 10);
        assert_eq!((on.after, on.until), (Some(TimelineOrder(4)), None));
    }

    #[test]
    fn a_sync_token_is_a_place_in_a_timeline() {
        let place: TimelineToken = token(9, 1, 1).to_string().parse().unwrap();
        assert_eq!(place, TimelineToken::after(Position(9).into()));
    }

    #[test]
    fn a_timeline_token_from_before_timelines_had_room_for_history_is_the_same_place() {
        assert_eq!("t1_9".parse(), Ok(TimelineToken::after(Position(9).into())));
        assert_eq!("t1_-9".parse(), Ok(TimelineToken::after(TimelineOrder(-9))));
    }
}
