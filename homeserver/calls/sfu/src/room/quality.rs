//! Which layer of a simulcast somebody is to get, by how they show it.

use crate::messages::{TrackInfo, UpdateTrackSettings, VideoQuality};

/// How a participant shows a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// It is shown at all.
    shown: bool,
    quality: VideoQuality,
    /// In pixels; 0 where it was not said.
    width: u32,
    height: u32,
}

impl Default for Wish {
    /// As good as can be, until it is said otherwise.
    fn default() -> Self {
        Self { shown: true, quality: VideoQuality::High, width: 0, height: 0 }
    }
}

impl From<&UpdateTrackSettings> for Wish {
    fn from(settings: &UpdateTrackSettings) -> Self {
        Self {
            shown: !settings.disabled,
            quality: settings.quality,
            width: settings.width,
            height: settings.height,
        }
    }
}

/// The best quality that is not wasted on who shows a track so: that of the smallest layer which is at least as large,
/// with a tenth to spare.
pub fn fitting(track: &TrackInfo, wish: Wish) -> VideoQuality {
    if !wish.shown {
        return VideoQuality::Off;
    }
    if wish.width == 0 || wish.height == 0 {
        return wish.quality;
    }
    let mut layers: Vec<_> = track.layers.iter().filter(|layer| layer.quality != VideoQuality::Off).collect();
    layers.sort_by_key(|layer| layer.width * layer.height);
    let large_enough = |side: u32, wanted: u32| u64::from(side) * 10 >= u64::from(wanted) * 9;
    let fits = layers.iter().find(|layer| {
        // A phone's picture stands upright and may be shown so; what counts is the shorter side.
        large_enough(layer.width.min(layer.height), wish.width.min(wish.height))
    });
    fits.or(layers.last()).map_or(VideoQuality::High, |layer| layer.quality)
}
