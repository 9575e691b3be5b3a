//! Files: fetched, decrypted in memory and shown by an address of the page's own; and sent.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use futures::future::{FutureExt, LocalBoxFuture, Shared};
use matrix_sdk::{
    attachment::{AttachmentInfo, BaseAudioInfo, BaseFileInfo, BaseImageInfo, BaseVideoInfo},
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
    ruma::{
        OwnedMxcUri, UInt,
        events::room::{MediaSource, message::TextMessageEventContent},
    },
};
use matrix_sdk_ui::timeline::{AttachmentConfig, AttachmentSource};

use super::{Account, OpenRoom, Problem};
use crate::browser;

/// A file that a person chose to send.
pub struct Upload {
    pub name: String,
    pub mime_type: String,
    pub bytes: Vec<u8>,
    /// Width and height of a picture.
    pub size: Option<(u32, u32)>,
    /// What the person wrote about it, as Markdown.
    pub caption: String,
    pub voice: Option<Voice>,
}

/// What is known of a voice message besides its sound.
pub struct Voice {
    pub milliseconds: u64,
    /// How loud it is from beginning to end, each from 0 to 1.
    pub loudness: Vec<f32>,
}

/// So many addresses are kept: those of the pictures on the page, and the last ones before.
const MOST: usize = 400;

type Address = Shared<LocalBoxFuture<'static, Option<Rc<str>>>>;

thread_local! {
    /// Addresses by what they are of. The same picture on forty messages is fetched once.
    static ADDRESSES: RefCell<HashMap<String, Address>> = RefCell::new(HashMap::new());
}

impl Account {
    /// The address of a person's or room's picture, by its `mxc:`.
    pub fn picture(&self, url: &str) -> Address {
        let source = MediaSource::Plain(OwnedMxcUri::from(url));
        let format =
            MediaFormat::Thumbnail(MediaThumbnailSettings::new(UInt::from(96_u32), UInt::from(96_u32)));
        self.address(format!("face {url}"), source, format, "image/png")
    }

    /// The address of a file of a message, by the source that came with it.
    pub fn file(&self, source: &str, mime_type: Option<&str>) -> Option<Address> {
        let parsed: MediaSource = serde_json::from_str(source).ok()?;
        Some(self.address(source.to_owned(), parsed, MediaFormat::File, shown_type(mime_type)))
    }

    fn address(
        &self,
        key: String,
        source: MediaSource,
        format: MediaFormat,
        mime_type: &'static str,
    ) -> Address {
        ADDRESSES.with_borrow_mut(|addresses| {
            if let Some(known) = addresses.get(&key) {
                return known.clone();
            }
            if addresses.len() >= MOST {
                for (_, address) in addresses.drain() {
                    if let Some(Some(address)) = address.now_or_never() {
                        browser::revoke(&address);
                    }
                }
            }
            let client = self.client.clone();
            let address = async move {
                let request = MediaRequestParameters { source, format };
                let bytes = client.media().get_media_content(&request, true).await.ok()?;
                browser::address_of(&bytes, mime_type).map(Rc::from)
            };
            let address = address.boxed_local().shared();
            addresses.insert(key, address.clone());
            address
        })
    }
}

/// The type under which a file may stand on the page: nothing that could run.
fn shown_type(mime_type: Option<&str>) -> &'static str {
    const SHOWN: &[&str] = &[
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "video/mp4",
        "video/webm",
        "video/ogg",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/webm",
        "audio/wav",
        "audio/flac",
    ];
    let wanted = mime_type.unwrap_or_default();
    SHOWN
        .iter()
        .find(|shown| shown.eq_ignore_ascii_case(wanted))
        .copied()
        .unwrap_or("application/octet-stream")
}

impl OpenRoom {
    /// Sends a file; its message shows at once.
    pub async fn send_file(&self, upload: Upload) -> Result<(), Problem> {
        let mime_type = upload.mime_type.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
        let size = UInt::new(upload.bytes.len() as u64);
        let info = match mime_type.type_() {
            mime::IMAGE => AttachmentInfo::Image(BaseImageInfo {
                width: upload.size.map(|(width, _)| width.into()),
                height: upload.size.map(|(_, height)| height.into()),
                size,
                ..BaseImageInfo::default()
            }),
            mime::VIDEO => AttachmentInfo::Video(BaseVideoInfo { size, ..BaseVideoInfo::default() }),
            mime::AUDIO if upload.voice.is_some() => {
                let voice = upload.voice.as_ref();
                AttachmentInfo::Voice(BaseAudioInfo {
                    duration: voice.map(|voice| Duration::from_millis(voice.milliseconds)),
                    size,
                    waveform: voice.map(|voice| voice.loudness.clone()),
                })
            }
            mime::AUDIO => AttachmentInfo::Audio(BaseAudioInfo { size, ..BaseAudioInfo::default() }),
            _ => AttachmentInfo::File(BaseFileInfo { size }),
        };
        let source = AttachmentSource::Data { bytes: upload.bytes, filename: upload.name };
        let caption = Some(upload.caption).filter(|caption| !caption.trim().is_empty());
        let config = AttachmentConfig {
            info: Some(info),
            caption: caption.map(TextMessageEventContent::markdown),
            ..AttachmentConfig::default()
        };
        let sent = self.timeline.send_attachment(source, mime_type, config).use_send_queue().await;
        sent.map_err(|error| Problem::Other(error.to_string()))
    }
}
