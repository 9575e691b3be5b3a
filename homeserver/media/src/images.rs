//! Decoding and shrinking images, within bounds. Blocking.

use std::{
    fs::File,
    io::{self, BufReader, Cursor},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    imageops::FilterType, metadata::Orientation,
};

use crate::{ThumbnailMethod, ThumbnailRequest, animation};

/// What decoding may take, whatever a file says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) pixels: u64,
    pub(crate) bytes: u64,
}

/// What kind of image it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageKind {
    pub content_type: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl ImageKind {
    /// What an image says of itself at its beginning; `None` for what is none, or of a kind of which there are no
    /// thumbnails.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let content_type = reader.format()?.to_mime_type();
        let (width, height) = reader.into_dimensions().ok()?;
        Some(Self { content_type, width, height })
    }
}

/// An encoded thumbnail.
pub(crate) enum Thumbnail {
    /// The image itself is no larger, and is never made larger.
    SmallEnough,
    Jpeg(Vec<u8>),
    Png(Vec<u8>),
    /// One that moves.
    Gif(Vec<u8>),
}

/// Why there is no thumbnail.
#[derive(Debug)]
pub(crate) enum ImageError {
    NotAnImage,
    TooLarge,
    File(io::Error),
}

impl From<io::Error> for ImageError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<image::ImageError> for ImageError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            _ => Self::NotAnImage,
        }
    }
}

/// Makes a thumbnail of the image in a file.
pub(crate) fn make_thumbnail(
    source: &Path,
    wanted: ThumbnailRequest,
    bounds: Bounds,
) -> Result<Thumbnail, ImageError> {
    let mut reader = ImageReader::new(BufReader::new(File::open(source)?)).with_guessed_format()?;
    let format = reader.format().ok_or(ImageError::NotAnImage)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(bounds.bytes);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // What the file says of its size is checked before a pixel is decoded.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > bounds.pixels || decoder.total_bytes() > bounds.bytes {
        return Err(ImageError::TooLarge);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let moves = animation::moves(source, format, &limits)?;
    let small = width <= wanted.width && height <= wanted.height;
    // Who asks for no animation is given none, however small.
    if small && orientation == Orientation::NoTransforms && (wanted.animated || !moves) {
        return Ok(Thumbnail::SmallEnough);
    }
    if moves
        && wanted.animated
        && let Some(gif) = animation::animate(source, format, &limits, wanted, bounds)?
    {
        return Ok(Thumbnail::Gif(gif));
    }
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    encode(&shrink(&image, wanted), format)
}

pub(crate) fn shrink(image: &DynamicImage, wanted: ThumbnailRequest) -> DynamicImage {
    match wanted.method {
        ThumbnailMethod::Crop => {
            // Never larger than it is, and of the same ratio.
            let fits = |side: u32, wanted: u32| f64::from(side) / f64::from(wanted);
            let less = fits(image.width(), wanted.width).min(fits(image.height(), wanted.height)).min(1.0);
            let [width, height] =
                [wanted.width, wanted.height].map(|side| (f64::from(side) * less).round().max(1.0) as u32);
            image.resize_to_fill(width, height, FilterType::Triangle)
        }
        // Never larger than it is: `resize` fits the whole image into the size.
        ThumbnailMethod::Scale if image.width() > wanted.width || image.height() > wanted.height => {
            image.resize(wanted.width, wanted.height, FilterType::Triangle)
        }
        ThumbnailMethod::Scale => image.clone(),
    }
}

/// A picture that was kept without loss stays so, and what one looks through too.
fn encode(image: &DynamicImage, format: ImageFormat) -> Result<Thumbnail, ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    if format == ImageFormat::Png && !image.color().has_alpha() {
        image.to_rgb8().write_to(&mut bytes, ImageFormat::Png)?;
        Ok(Thumbnail::Png(bytes.into_inner()))
    } else if image.color().has_alpha() {
        image.to_rgba8().write_to(&mut bytes, ImageFormat::Png)?;
        Ok(Thumbnail::Png(bytes.into_inner()))
    } else {
        image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 80))?;
        Ok(Thumbnail::Jpeg(bytes.into_inner()))
    }
}
