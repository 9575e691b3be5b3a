//! Thumbnails (client-server API, "Thumbnails"), made when they are first asked for and kept as files.

use std::{fs, io, path::PathBuf, time::Duration};

use hearth_storage::{blocking, schema::media::MediaFileRow};
use ruma::ServerName;
use tokio::fs::File;

use crate::{
    Download, Inner, Media, MediaError,
    files::move_durably,
    images::{Bounds, ImageError, Thumbnail, make_thumbnail},
};

/// The sizes into which images are fitted. A request gets the smallest that is no smaller than what it asks for.
const SIZES: &[(u32, u32)] = &[(32, 32), (96, 96), (320, 240), (640, 480), (800, 600)];

/// The longer sides of what is cropped, and in how many steps the shorter one is up to as long: the ratio is the one
/// that a request asks for, and yet there are only so many thumbnails of an image.
const LONG_SIDES: &[u32] = &[32, 96, 320, 640, 800];
const STEPS: u32 = 48;

/// How an image is made smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThumbnailMethod {
    /// Fills the size and cuts off what is too much.
    Crop,
    /// Fits into the size as a whole.
    Scale,
}

/// A thumbnail to be.
#[derive(Clone, Copy, Debug)]
pub struct ThumbnailRequest {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub method: ThumbnailMethod,
    /// Whether what moves may go on moving.
    pub animated: bool,
}

impl ThumbnailRequest {
    /// The request for the size that is made for this one.
    fn standard(self) -> Self {
        let (width, height) = match self.method {
            ThumbnailMethod::Scale => {
                let fits = |(width, height): &&(u32, u32)| *width >= self.width && *height >= self.height;
                *SIZES.iter().find(fits).unwrap_or(&SIZES[SIZES.len() - 1])
            }
            ThumbnailMethod::Crop => self.standard_crop(),
        };
        Self { width, height, ..self }
    }

    fn standard_crop(self) -> (u32, u32) {
        let (asked, shorter) = (self.width.max(self.height), self.width.min(self.height));
        let long =
            *LONG_SIDES.iter().find(|long| **long >= asked).unwrap_or(&LONG_SIDES[LONG_SIDES.len() - 1]);
        let steps = (f64::from(shorter) / f64::from(asked) * f64::from(STEPS)).round().max(1.0);
        let short = (steps * f64::from(long) / f64::from(STEPS)).round().max(1.0) as u32;
        if self.width >= self.height { (long, short) } else { (short, long) }
    }

    fn file_name(self) -> String {
        let method = match self.method {
            ThumbnailMethod::Crop => "crop",
            ThumbnailMethod::Scale => "scale",
        };
        let animated = if self.animated { "-animated" } else { "" };
        format!("{}x{}-{method}{animated}", self.width, self.height)
    }
}

impl Media {
    /// Opens a thumbnail of an image, after a wait of up to `timeout` for an upload that is awaited. An image
    /// that is no larger than the thumbnail is given as it is.
    ///
    /// # Errors
    ///
    /// As [`download`](Self::download), and [`MediaError::NotAnImage`], [`MediaError::ImageTooLarge`].
    pub async fn thumbnail(
        &self,
        server: &ServerName,
        media_id: &str,
        wanted: ThumbnailRequest,
        timeout: Duration,
    ) -> Result<Download, MediaError> {
        let wanted = wanted.standard();
        let row = self.inner.uploaded_file(server, media_id, timeout).await?;
        if let Some(made) = self.inner.open_thumbnail(&row, wanted).await? {
            return Ok(made);
        }
        // One request makes it, the others find it.
        let _kept = self.inner.hash_lock(&row.sha256).lock().await;
        if let Some(made) = self.inner.open_thumbnail(&row, wanted).await? {
            return Ok(made);
        }
        if self.inner.make(&row, wanted).await? {
            let made = self.inner.open_thumbnail(&row, wanted).await?;
            return made.ok_or(MediaError::NotFound);
        }
        self.inner.open(row).await
    }
}

impl Inner {
    async fn open_thumbnail(
        &self,
        row: &MediaFileRow,
        wanted: ThumbnailRequest,
    ) -> Result<Option<Download>, MediaError> {
        for (extension, content_type) in [("jpeg", "image/jpeg"), ("png", "image/png"), ("gif", "image/gif")]
        {
            match File::open(self.thumbnail_path(row, wanted, extension)).await {
                Ok(file) => {
                    let size = file.metadata().await?.len();
                    let content_type = content_type.to_owned();
                    return Ok(Some(Download { file, size, content_type, file_name: row.file_name.clone() }));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Makes a thumbnail; `false` when the image is small enough to stand for it.
    async fn make(&self, row: &MediaFileRow, wanted: ThumbnailRequest) -> Result<bool, MediaError> {
        let turn = self.image_turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| MediaError::Internal("images are no longer decoded".to_owned()))?;
        let bounds = Bounds { pixels: self.limits.image_pixels, bytes: self.limits.image_bytes };
        let source = self.files.path(&row.sha256);
        let incoming = self.files.incoming(&*self.random);
        let jpeg = self.thumbnail_path(row, wanted, "jpeg");
        let png = self.thumbnail_path(row, wanted, "png");
        let gif = self.thumbnail_path(row, wanted, "gif");
        let made = blocking(|| {
            let made = make_thumbnail(&source, wanted, bounds)?;
            drop(turn);
            let (bytes, path) = match made {
                Thumbnail::SmallEnough => return Ok(false),
                Thumbnail::Jpeg(bytes) => (bytes, jpeg),
                Thumbnail::Png(bytes) => (bytes, png),
                Thumbnail::Gif(bytes) => (bytes, gif),
            };
            fs::write(&incoming, bytes)?;
            // A loss of power may take it, but not leave half of it.
            fs::File::open(&incoming)?.sync_all()?;
            move_durably(&incoming, &path)?;
            Ok::<_, ImageError>(true)
        });
        made.map_err(|error| match error {
            ImageError::NotAnImage => MediaError::NotAnImage,
            ImageError::TooLarge => MediaError::ImageTooLarge,
            ImageError::File(error) => MediaError::File(error),
        })
    }

    fn thumbnail_path(&self, row: &MediaFileRow, wanted: ThumbnailRequest, extension: &str) -> PathBuf {
        self.files.thumbnails(&row.sha256).join(format!("{}.{extension}", wanted.file_name()))
    }
}
