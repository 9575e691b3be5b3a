//! Making previews: one serves all who ask for it in a while.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use hearth_media::{ImageKind, Media, UploadInfo};
use hearth_network::{Dialer, Network, NetworkOptions};
use hearth_storage::{Clock, blocking};
use quick_cache::sync::Cache;
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use crate::{
    Preview, PreviewError,
    fetch::{Got, get, web_url},
    oembed,
    page::Page,
    preview::Image,
    text::decode,
};

/// How many previews are remembered.
const REMEMBERED: usize = 1000;
/// How long, in milliseconds; and how long that there is none.
const LIFETIME_MS: u64 = 60 * 60 * 1000;
const FAILURE_LIFETIME_MS: u64 = 5 * 60 * 1000;
/// How many are made at a time, and how many wait for that.
const AT_ONCE: usize = 16;
const WAITING: usize = 256;

/// How previews reach pages.
#[derive(Clone, Debug)]
pub struct PreviewsOptions {
    /// Which addresses are connected to.
    pub network: NetworkOptions,
}

/// Makes previews of web pages. Cheap to clone.
#[derive(Clone)]
pub struct Previews {
    inner: Arc<Inner>,
}

struct Inner {
    network: Network,
    /// Whether pages are asked for without TLS.
    plain: bool,
    media: Media,
    clock: Arc<dyn Clock>,
    remembered: Cache<String, Arc<Remembered>>,
    turns: Semaphore,
    /// One permit for each that is made or waits.
    waiting: Semaphore,
}

/// A preview, once it is made: who asks meanwhile waits for it.
struct Remembered {
    since: u64,
    made: OnceCell<Result<Arc<Preview>, PreviewError>>,
}

impl Remembered {
    fn is_fresh(&self, now: u64) -> bool {
        let lifetime = match self.made.get() {
            Some(Err(_)) => FAILURE_LIFETIME_MS,
            Some(Ok(_)) | None => LIFETIME_MS,
        };
        now.abs_diff(self.since) < lifetime
    }
}

impl Previews {
    pub fn new(
        dialer: Arc<dyn Dialer>,
        media: Media,
        clock: Arc<dyn Clock>,
        options: PreviewsOptions,
    ) -> Self {
        let PreviewsOptions { network } = options;
        let inner = Inner {
            network: Network::new(dialer, &network),
            plain: network.allow_private_networks,
            media,
            clock,
            remembered: Cache::new(REMEMBERED),
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(AT_ONCE + WAITING),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The preview of a URL: of a web page, or of an image. It may be some time old.
    pub async fn preview(&self, url: &str) -> Result<Arc<Preview>, PreviewError> {
        let inner = &self.inner;
        let url = web_url(url, inner.plain)?;
        let now = inner.clock.now_ms();
        let fresh = inner.remembered.get(url.as_str()).filter(|remembered| remembered.is_fresh(now));
        let remembered = match fresh {
            Some(remembered) => remembered,
            None => {
                let new = Arc::new(Remembered { since: now, made: OnceCell::new() });
                inner.remembered.insert(url.as_str().to_owned(), new.clone());
                new
            }
        };
        let made = remembered.made.get_or_init(|| inner.make(&url)).await.clone();
        if matches!(made, Err(PreviewError::Busy | PreviewError::Media(_))) {
            // That says nothing of the page.
            inner.remembered.remove(url.as_str());
        }
        made
    }
}

impl Inner {
    async fn make(&self, url: &Url) -> Result<Arc<Preview>, PreviewError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| PreviewError::Busy)?;
        let _turn = self.turns.acquire().await.map_err(|_| PreviewError::Busy)?;
        let got = get(&self.network, url).await?;
        if got.content_type.starts_with("image/") {
            let image = self.keep(got).await?;
            return Ok(Arc::new(
                image.map_or_else(Preview::default, |image| Preview::default().with_image(image)),
            ));
        }
        let is_page =
            ["text/html", "application/xhtml+xml"].iter().any(|kind| got.content_type.starts_with(kind));
        if !is_page {
            return Ok(Arc::default());
        }
        let base = got.url.clone();
        let mut page = read(&got);
        if let Some(link) = page.oembed.take()
            && let Some(answer) = self.linked(&base, &link).await
        {
            oembed::add(&mut page, &String::from_utf8_lossy(&answer.body));
        }
        let image = match page.image.take() {
            Some(link) => match self.linked(&base, &link).await {
                Some(image) => self.keep(image).await?,
                None => None,
            },
            None => None,
        };
        let preview = Preview::of_page(page);
        Ok(Arc::new(match image {
            Some(image) => preview.with_image(image),
            None => preview,
        }))
    }

    /// What a link on a page leads to; `None` where it cannot be had.
    async fn linked(&self, page: &Url, link: &str) -> Option<Got> {
        let url = page.join(link).ok().and_then(|url| web_url(url.as_str(), self.plain).ok())?;
        get(&self.network, &url)
            .await
            .inspect_err(|error| tracing::debug!(%url, %error, "no part of a preview"))
            .ok()
    }

    /// Keeps an image; `None` for what is none, or is too large.
    async fn keep(&self, got: Got) -> Result<Option<Image>, PreviewError> {
        let Some(kind) = ImageKind::of(&got.body).filter(|_| got.whole) else { return Ok(None) };
        let about = UploadInfo { content_type: Some(kind.content_type.to_owned()), file_name: None };
        let bytes = got.body.len();
        let uri = self.media.keep(about, stream::iter([Ok::<Bytes, PreviewError>(got.body)])).await?;
        Ok(Some(Image {
            uri: uri.to_string(),
            content_type: kind.content_type,
            bytes,
            width: kind.width,
            height: kind.height,
        }))
    }
}

/// Reads a page; aside, as it may be large.
fn read(got: &Got) -> Page {
    blocking(|| Page::read(&decode(&got.body, &got.content_type)))
}
