//! Who speaks: by the loudness that each packet of sound tells, as its content may be encrypted.

/// Louder than that is speech, in decibels below the loudest.
const SPEECH: u8 = 35;

/// How long what was heard counts, in milliseconds.
const WINDOW_MS: u64 = 400;

/// The share of a window in which there must be speech: one in so many.
const SHARE: u64 = 4;

/// How long a packet of sound is, in milliseconds, where one does not see it: behind a pause, and at the beginning.
const USUAL_PACKET_MS: u64 = 20;

/// The longest packet of Opus.
const LONGEST_PACKET_MS: u64 = 120;

/// What was heard of a participant.
#[derive(Default)]
pub struct Speech {
    /// Since when what follows was heard.
    since_ms: u64,
    /// When the last packet was recorded.
    recorded_ms: u64,
    loud_ms: u64,
    loudest: Option<u8>,
    active: bool,
    level: f32,
}

impl Speech {
    /// Notes a packet that was recorded at a time, in milliseconds of the sender's clock. They follow each other by as much as
    /// they are long: over slow networks some are three times as long as others.
    pub fn heard(&mut self, silence: u8, recorded_ms: u64, now_ms: u64) {
        let behind_ms = recorded_ms.wrapping_sub(std::mem::replace(&mut self.recorded_ms, recorded_ms));
        let packet_ms =
            if (1..=LONGEST_PACKET_MS).contains(&behind_ms) { behind_ms } else { USUAL_PACKET_MS };
        if now_ms.saturating_sub(self.since_ms) > 2 * WINDOW_MS {
            (self.since_ms, self.loud_ms, self.loudest) = (now_ms, 0, None);
        }
        if silence <= SPEECH {
            self.loud_ms += packet_ms;
            self.loudest = Some(self.loudest.map_or(silence, |loudest| loudest.min(silence)));
        }
    }

    /// How loud it is (0 to 1) and whether that is speech, if others are to be told: when it began or ended, or when
    /// the loudness of speech changed so that one sees it.
    pub fn changed(&mut self, now_ms: u64) -> Option<(f32, bool)> {
        if now_ms.saturating_sub(self.since_ms) < WINDOW_MS {
            return None;
        }
        let active = self.loud_ms * SHARE >= WINDOW_MS;
        let level = match self.loudest {
            Some(loudest) if active => 10f32.powf(-f32::from(loudest) / 20.0),
            _ => 0.0,
        };
        (self.since_ms, self.loud_ms, self.loudest) = (now_ms, 0, None);
        let told = active != self.active || active && (level - self.level).abs() > 0.1;
        if told {
            (self.active, self.level) = (active, level);
        }
        told.then_some((level, active))
    }
}
