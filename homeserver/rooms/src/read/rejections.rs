//! How many events are kept that a room's rules do not allow. Others may follow them, so they are not thrown away at
//! once; but whoever is in a room can make as many as they like.

use parking_lot::Mutex;

/// So many are kept at once, and one more whenever so much time has passed.
const AT_ONCE: u64 = 100;
const ONE_MORE_MS: u64 = 60 * 1000;

/// When all that were kept are made up for, in milliseconds.
#[derive(Default)]
pub(crate) struct Rejections(Mutex<u64>);

impl Rejections {
    /// Whether one more may be kept. One that is not is decided on again when it comes again.
    pub fn one_more(&self, now_ms: u64) -> bool {
        let mut made_up_for = self.0.lock();
        let after = now_ms.max(*made_up_for) + ONE_MORE_MS;
        let may = after <= now_ms + AT_ONCE * ONE_MORE_MS;
        if may {
            *made_up_for = after;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_a_minute() {
        let rejections = Rejections::default();
        let kept = |now| (0..1000).filter(|_| rejections.one_more(now)).count() as u64;
        assert_eq!(kept(0), AT_ONCE);
        assert_eq!(kept(3 * ONE_MORE_MS), 3);
        assert_eq!(kept(1000 * ONE_MORE_MS), AT_ONCE);
    }
}
