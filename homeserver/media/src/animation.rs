//! Images that move. Blocking.

use std::{fs::File, io::BufReader, path::Path};

use image::{
    AnimationDecoder as _, DynamicImage, Frame, Frames, ImageDecoder, ImageFormat, Limits,
    codecs::{
        gif::{GifDecoder, GifEncoder, Repeat},
        png::PngDecoder,
        webp::WebPDecoder,
    },
};

use crate::{
    ThumbnailRequest,
    images::{Bounds, ImageError, shrink},
};

/// How many frames an animation may have, and how many times the pixels of the largest image all of them together.
const MAX_FRAMES: usize = 1000;
const PIXELS: u64 = 4;
/// How long is taken over the colours of a frame, from 1 (the best) to 30 (the fastest).
const SPEED: i32 = 20;

/// The frames of an image that moves; `None` for one that does not.
fn frames(
    source: &Path,
    format: ImageFormat,
    limits: &Limits,
) -> Result<Option<Frames<'static>>, ImageError> {
    let file = BufReader::new(File::open(source)?);
    Ok(match format {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(file)?;
            decoder.set_limits(limits.clone())?;
            Some(decoder.into_frames())
        }
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(file)?;
            decoder.has_animation().then(|| decoder.into_frames())
        }
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(file, limits.clone())?;
            match decoder.is_apng()? {
                true => Some(decoder.apng()?.into_frames()),
                false => None,
            }
        }
        _ => None,
    })
}

/// Whether an image moves. What cannot be read does not.
pub(crate) fn moves(source: &Path, format: ImageFormat, limits: &Limits) -> Result<bool, ImageError> {
    Ok(match frames(source, format, limits)? {
        // Only its frames say it.
        Some(frames) if format == ImageFormat::Gif => frames.take(2).filter(Result::is_ok).count() == 2,
        frames => frames.is_some(),
    })
}

/// Makes an image that moves smaller, as a GIF; `None` where that takes too much.
pub(crate) fn animate(
    source: &Path,
    format: ImageFormat,
    limits: &Limits,
    wanted: ThumbnailRequest,
    bounds: Bounds,
) -> Result<Option<Vec<u8>>, ImageError> {
    let Some(frames) = frames(source, format, limits)? else { return Ok(None) };
    let mut made = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut made, SPEED);
    encoder.set_repeat(Repeat::Infinite)?;
    let (mut count, mut pixels) = (0, 0);
    for frame in frames {
        let frame = frame?;
        let delay = frame.delay();
        let image = DynamicImage::ImageRgba8(frame.into_buffer());
        count += 1;
        pixels += u64::from(image.width()) * u64::from(image.height());
        if count > MAX_FRAMES || pixels > PIXELS * bounds.pixels {
            return Ok(None);
        }
        encoder.encode_frame(Frame::from_parts(shrink(&image, wanted).into_rgba8(), 0, 0, delay))?;
    }
    drop(encoder);
    Ok(Some(made))
}
