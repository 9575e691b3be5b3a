//! How a track is passed on to one who receives it: as one stream without a seam, though its layers are streams of
//! their own.
//!
//! Each layer has its own sequence numbers, times and numbers of pictures. A change to another begins with a whole
//! picture of it, and goes on where the former one stopped. Numbers move by an offset, so that packets which come in
//! another order, or not at all, are the same to the receiver.

use std::time::{Duration, Instant};

use crate::connection::{MediaPacket, Picture, Rewritten, Rid};

/// After that many packets of a layer in the wrong order, one is too late to be passed on.
const LATEST: u64 = 1000;

/// What is passed on to one receiver in one media section.
#[derive(Default)]
pub struct Forward {
    /// The layer that is passed on, and how.
    current: Option<Current>,
    /// The layer that is to be.
    target: Target,
    last: Option<Last>,
}

/// What a receiver is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    #[default]
    Nothing,
    /// The layer of that name; the only one has none.
    Layer(Option<Rid>),
}

struct Current {
    layer: Option<Rid>,
    /// The first of its packets that was passed on.
    first: u64,
    newest: u64,
    sequence: u64,
    time: u32,
    picture: u16,
    base: u8,
}

/// The newest of what the receiver got.
#[derive(Clone, Copy)]
struct Last {
    sequence: u64,
    time: u32,
    picture: Option<Picture>,
    arrived: Instant,
}

impl Forward {
    /// Changes what is passed on. Says whether a whole picture is needed for it.
    pub fn aim(&mut self, target: Target) -> bool {
        self.target = target;
        match target {
            Target::Nothing => {
                self.current = None;
                false
            }
            Target::Layer(layer) => !self.current.as_ref().is_some_and(|current| current.layer == layer),
        }
    }

    pub fn target(&self) -> Target {
        self.target
    }

    /// Whether the layer that is to be passed on is not yet.
    pub fn waits(&self) -> bool {
        match self.target {
            Target::Nothing => false,
            Target::Layer(layer) => !self.current.as_ref().is_some_and(|current| current.layer == layer),
        }
    }

    /// Another track comes in this section: it goes on after what came before.
    pub fn restart(&mut self) {
        self.current = None;
        self.target = Target::Nothing;
    }

    /// How a packet is passed on, if it is.
    pub fn pass(&mut self, packet: &MediaPacket) -> Option<Rewritten> {
        if self.waits()
            && self.target == Target::Layer(packet.rid)
            && (packet.is_audio() || packet.begins_keyframe())
        {
            self.current = Some(self.begin(packet));
        }
        let current = self.current.as_mut().filter(|current| current.layer == packet.rid)?;
        if packet.sequence < current.first || packet.sequence + LATEST < current.newest {
            return None;
        }
        current.newest = current.newest.max(packet.sequence);
        let rewritten = Rewritten {
            sequence: packet.sequence.wrapping_add(current.sequence),
            time: packet.time.wrapping_add(current.time),
            picture: packet.picture().map(|picture| Picture {
                id: picture.id.wrapping_add(current.picture) & 0x7fff,
                base: picture.base.map(|base| base.wrapping_add(current.base)),
            }),
        };
        if self.last.is_none_or(|last| rewritten.sequence > last.sequence) {
            self.last = Some(Last {
                sequence: rewritten.sequence,
                time: rewritten.time,
                picture: rewritten.picture.or(self.last.and_then(|last| last.picture)),
                arrived: packet.arrived,
            });
        }
        Some(rewritten)
    }

    fn begin(&self, packet: &MediaPacket) -> Current {
        let picture = packet.picture();
        let (sequence, time, next_picture) = match self.last {
            // Numbers start low, as the receiver does not know how often 16 bits were full before.
            None => (1, packet.time, picture),
            Some(last) => (
                last.sequence + 1,
                last.time
                    .wrapping_add(ticks(packet.arrived.duration_since(last.arrived), packet.clock_rate())),
                last.picture.map(|last| Picture {
                    id: last.id.wrapping_add(1),
                    base: last.base.map(|base| base.wrapping_add(1)),
                }),
            ),
        };
        let (next_picture, picture) = (next_picture.unwrap_or(NONE), picture.unwrap_or(NONE));
        Current {
            layer: packet.rid,
            first: packet.sequence,
            newest: packet.sequence,
            sequence: sequence.wrapping_sub(packet.sequence),
            time: time.wrapping_sub(packet.time),
            picture: next_picture.id.wrapping_sub(picture.id),
            base: next_picture.base.unwrap_or_default().wrapping_sub(picture.base.unwrap_or_default()),
        }
    }
}

const NONE: Picture = Picture { id: 0, base: None };

/// How far a codec's clock went; at least one tick, as two pictures have not the same time.
fn ticks(passed: Duration, clock_rate: u32) -> u32 {
    let ticks = passed.as_micros() * u128::from(clock_rate) / 1_000_000;
    u32::try_from(ticks.min(u128::from(u32::MAX / 2))).unwrap_or(u32::MAX / 2).max(1)
}
