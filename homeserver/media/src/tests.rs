use std::{io::Cursor, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use hearth_storage::{ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions};
use image::{
    AnimationDecoder as _, DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::gif::{GifDecoder, GifEncoder},
};
use ruma::{MxcUri, OwnedServerName, ServerName, UserId, server_name, user_id};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::*;

const NOW: Duration = Duration::ZERO;

struct World {
    media: Media,
    clock: Arc<ManualClock>,
    store: Store,
    folder: TempDir,
}

fn world(limits: MediaLimits) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
    let clock = Arc::new(ManualClock::new(1_000));
    let media = open(&store, &folder, clock.clone(), limits);
    World { media, clock, store, folder }
}

fn open(store: &Store, folder: &TempDir, clock: Arc<ManualClock>, limits: MediaLimits) -> Media {
    let (name, random) = (OwnedServerName::from(here()), Arc::new(SeededRandom::new(1)));
    Media::new(store.clone(), name, folder.path(), clock, random, limits).unwrap()
}

fn here() -> &'static ServerName {
    server_name!("here")
}

fn alice() -> &'static UserId {
    user_id!("@alice:here")
}

fn body(bytes: impl Into<Vec<u8>>) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let bytes: Vec<u8> = bytes.into();
    let parts: Vec<_> = bytes.chunks(1000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    stream::iter(parts)
}

fn about(content_type: &str) -> UploadInfo {
    UploadInfo { content_type: Some(content_type.to_owned()), file_name: Some("a file".to_owned()) }
}

fn id(uri: &MxcUri) -> String {
    uri.media_id().unwrap().to_owned()
}

async fn read(mut download: Download) -> Vec<u8> {
    let mut bytes = Vec::new();
    download.file.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len() as u64, download.size);
    bytes
}

/// How many files lie in the folder.
fn count_files(world: &World) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(world.folder.path())
}

#[tokio::test]
async fn what_is_uploaded_is_downloaded_also_after_a_restart() {
    let world = world(MediaLimits::default());
    let bytes = vec![7; 5_000];
    let uri = world.media.upload(alice(), about("text/plain"), body(bytes.clone())).await.unwrap();
    assert_eq!(uri.server_name().unwrap(), here());
    let media = open(&world.store, &world.folder, world.clock.clone(), MediaLimits::default());
    let download = media.download(here(), &id(&uri), NOW).await.unwrap();
    assert_eq!(download.content_type, "text/plain");
    assert_eq!(download.content_disposition(None), r#"inline; filename="a file""#);
    assert_eq!(download.content_disposition(Some("b")), "inline; filename=b");
    assert_eq!(read(download).await, bytes);
    for (server, id) in [(server_name!("there"), id(&uri)), (here(), "unknown".to_owned())] {
        let missing = media.download(server, &id, NOW).await;
        assert!(matches!(missing, Err(MediaError::NotFound)));
    }
}

#[tokio::test]
async fn an_upload_that_is_too_large_or_breaks_off_leaves_nothing() {
    let world = world(MediaLimits { upload_bytes: 4_000, ..MediaLimits::default() });
    let refused = world.media.upload(alice(), about("text/plain"), body(vec![7; 4_001])).await;
    assert!(matches!(refused, Err(MediaError::TooLarge)));
    let broken = stream::iter([Ok(Bytes::from_static(b"begin")), Err("gone")]);
    let refused = world.media.upload(alice(), about("text/plain"), broken).await;
    assert!(matches!(refused, Err(MediaError::Interrupted(_))));
    assert_eq!(count_files(&world), 0);
    world.media.upload(alice(), about("text/plain"), body(vec![7; 4_000])).await.unwrap();
}

#[tokio::test]
async fn a_user_uploads_so_much() {
    let world = world(MediaLimits { user_bytes: 10_000, ..MediaLimits::default() });
    let upload = async |user, bytes| world.media.upload(user, about("text/plain"), body(bytes)).await;
    let first = upload(alice(), vec![1; 6_000]).await.unwrap();
    let pending = world.media.create(alice()).await.unwrap();
    assert!(matches!(upload(alice(), vec![2; 4_001]).await, Err(MediaError::LimitExceeded)));
    let late =
        world.media.upload_to(alice(), here(), &id(&pending.uri), about("a/b"), body(vec![2; 4_001])).await;
    assert!(matches!(late, Err(MediaError::LimitExceeded)));
    assert_eq!(count_files(&world), 1);
    world
        .media
        .upload_to(alice(), here(), &id(&pending.uri), about("a/b"), body(vec![2; 4_000]))
        .await
        .unwrap();
    upload(user_id!("@bob:here"), vec![3; 10_000]).await.unwrap();
    // What is deleted makes room.
    assert!(matches!(upload(alice(), vec![4]).await, Err(MediaError::LimitExceeded)));
    world.media.delete(here(), &id(&first)).await.unwrap();
    upload(alice(), vec![4; 6_000]).await.unwrap();
}

#[tokio::test]
async fn equal_uploads_share_a_file_until_the_last_is_deleted() {
    let world = world(MediaLimits::default());
    let image = png(400, 300);
    let one = world.media.upload(alice(), about("image/png"), body(image.clone())).await.unwrap();
    let other = world.media.upload(alice(), about("image/png"), body(image)).await.unwrap();
    assert_ne!(one, other);
    assert_eq!(count_files(&world), 1);
    thumbnail(&world, &one, 32, 32, ThumbnailMethod::Crop).await.unwrap();
    assert!(world.media.delete(here(), &id(&one)).await.unwrap());
    assert!(!world.media.delete(here(), &id(&one)).await.unwrap());
    assert!(world.media.download(here(), &id(&one), NOW).await.is_err());
    world.media.download(here(), &id(&other), NOW).await.unwrap();
    assert!(world.media.delete(here(), &id(&other)).await.unwrap());
    assert_eq!(count_files(&world), 0);
}

#[tokio::test]
async fn an_awaited_upload_comes_later() {
    let world = world(MediaLimits::default());
    let media = &world.media;
    let pending = media.create(alice()).await.unwrap();
    assert_eq!(pending.expires_at, 1_000 + 24 * 60 * 60 * 1000);
    let id = id(&pending.uri);
    let early = media.download(here(), &id, NOW).await;
    assert!(matches!(early, Err(MediaError::NotYetUploaded)));
    let bob = media.upload_to(user_id!("@bob:here"), here(), &id, about("a/b"), body("x")).await;
    assert!(matches!(bob, Err(MediaError::Forbidden)));
    let waiting = media.download(here(), &id, Duration::from_secs(30));
    let upload = media.upload_to(alice(), here(), &id, about("text/plain"), body("hello"));
    let (waiting, upload) = tokio::join!(waiting, upload);
    upload.unwrap();
    assert_eq!(read(waiting.unwrap()).await, b"hello");
    let again = media.upload_to(alice(), here(), &id, about("a/b"), body("x")).await;
    assert!(matches!(again, Err(MediaError::AlreadyUploaded)));
    let unknown = media.upload_to(alice(), here(), "unknown", about("a/b"), body("x")).await;
    assert!(matches!(unknown, Err(MediaError::NotFound)));
}

#[tokio::test]
async fn only_one_of_two_uploads_to_a_uri_is_taken() {
    let world = world(MediaLimits::default());
    let id = id(&world.media.create(alice()).await.unwrap().uri);
    let upload = |text: &'static str| world.media.upload_to(alice(), here(), &id, about("a/b"), body(text));
    let (one, other) = tokio::join!(upload("one"), upload("other"));
    let kept = if one.is_ok() { "one" } else { "other" };
    assert!(one.is_ok() != other.is_ok());
    let download = world.media.download(here(), &id, NOW).await.unwrap();
    assert_eq!(read(download).await, kept.as_bytes());
}

#[tokio::test]
async fn awaited_uploads_are_few_and_expire() {
    let world = world(MediaLimits { pending_uploads: 2, ..MediaLimits::default() });
    let media = &world.media;
    let first = id(&media.create(alice()).await.unwrap().uri);
    media.create(alice()).await.unwrap();
    assert!(matches!(media.create(alice()).await, Err(MediaError::TooManyPending)));
    media.create(user_id!("@bob:here")).await.unwrap();
    media.upload_to(alice(), here(), &first, about("a/b"), body("x")).await.unwrap();
    let second = id(&media.create(alice()).await.unwrap().uri);
    world.clock.advance(24 * 60 * 60 * 1000);
    let late = media.upload_to(alice(), here(), &second, about("a/b"), body("x")).await;
    assert!(matches!(late, Err(MediaError::NotFound)));
    assert!(matches!(media.download(here(), &second, NOW).await, Err(MediaError::NotFound)));
    for _ in 0..2 {
        media.create(alice()).await.unwrap();
    }
    media.download(here(), &first, NOW).await.unwrap();
}

async fn thumbnail(
    world: &World,
    uri: &MxcUri,
    width: u32,
    height: u32,
    method: ThumbnailMethod,
) -> Result<(DynamicImage, String), MediaError> {
    let wanted = ThumbnailRequest { width, height, method, animated: false };
    let made = world.media.thumbnail(here(), &id(uri), wanted, NOW).await?;
    let content_type = made.content_type.clone();
    Ok((image::load_from_memory(&read(made).await).unwrap(), content_type))
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encode(RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 0])), ImageFormat::Png)
}

#[tokio::test]
async fn thumbnails_have_the_standard_size_that_is_large_enough() {
    use ThumbnailMethod::{Crop, Scale};

    let world = world(MediaLimits::default());
    let uri = world.media.upload(alice(), about("image/png"), body(png(1000, 500))).await.unwrap();
    for (width, height, method, expected) in [
        (32, 32, Crop, (32, 32)),
        (33, 1, Crop, (96, 2)),
        // What is cropped has the ratio that was asked for.
        (200, 200, Crop, (320, 320)),
        (100, 150, Crop, (213, 320)),
        (320, 180, Crop, (320, 180)),
        (300, 200, Scale, (320, 160)),
        (320, 240, Scale, (320, 160)),
        (640, 480, Scale, (640, 320)),
        (5000, 5000, Scale, (800, 400)),
        (640, 480, Crop, (640, 480)),
        // Not larger than the image is.
        (800, 600, Crop, (667, 500)),
        (500, 500, Crop, (500, 500)),
    ] {
        let (image, content_type) = thumbnail(&world, &uri, width, height, method).await.unwrap();
        assert_eq!((image.width(), image.height()), expected, "{width}x{height} {method:?}");
        assert_eq!(content_type, "image/png");
    }
    let files = count_files(&world);
    thumbnail(&world, &uri, 10, 10, Crop).await.unwrap();
    assert_eq!(count_files(&world), files, "a thumbnail is made once");
}

#[tokio::test]
async fn what_is_see_through_stays_so_and_what_is_small_stays_as_it_is() {
    let world = world(MediaLimits::default());
    let clear = encode(RgbaImage::from_pixel(200, 200, Rgba([1, 2, 3, 0])), ImageFormat::Png);
    let clear = world.media.upload(alice(), about("image/png"), body(clear)).await.unwrap();
    let (image, content_type) = thumbnail(&world, &clear, 96, 96, ThumbnailMethod::Scale).await.unwrap();
    assert_eq!(content_type, "image/png");
    assert_eq!(image.to_rgba8().get_pixel(5, 5).0[3], 0);
    let small = encode(RgbImage::new(20, 10), ImageFormat::Gif);
    let uri = world.media.upload(alice(), about("image/gif"), body(small.clone())).await.unwrap();
    let wanted = ThumbnailRequest { width: 32, height: 32, method: ThumbnailMethod::Crop, animated: false };
    let made = world.media.thumbnail(here(), &id(&uri), wanted, NOW).await.unwrap();
    assert_eq!(made.content_type, "image/gif");
    assert_eq!(read(made).await, small);
}

#[tokio::test]
async fn what_was_kept_with_loss_is_so_again() {
    let world = world(MediaLimits::default());
    let photo = encode(RgbImage::new(200, 200), ImageFormat::Jpeg);
    let uri = world.media.upload(alice(), about("image/jpeg"), body(photo)).await.unwrap();
    let (_, content_type) = thumbnail(&world, &uri, 96, 96, ThumbnailMethod::Scale).await.unwrap();
    assert_eq!(content_type, "image/jpeg");
}

/// A GIF of so many frames.
fn moving(frames: usize, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for at in 0..frames {
        let image = RgbaImage::from_pixel(width, height, Rgba([at as u8 * 20, 0, 0, 255]));
        encoder.encode_frame(Frame::new(image)).unwrap();
    }
    drop(encoder);
    bytes
}

#[tokio::test]
async fn what_moves_goes_on_moving_for_who_asks_for_that() {
    let world = world(MediaLimits::default());
    let (large, small) = (moving(3, 200, 100), moving(3, 20, 10));
    for (source, size) in [(&large, (96, 48)), (&small, (20, 10))] {
        let uri = world.media.upload(alice(), about("image/gif"), body(source.clone())).await.unwrap();
        for animated in [true, false] {
            let wanted = ThumbnailRequest { width: 96, height: 96, method: ThumbnailMethod::Scale, animated };
            let made = world.media.thumbnail(here(), &id(&uri), wanted, NOW).await.unwrap();
            assert_eq!(made.content_type, if animated { "image/gif" } else { "image/png" });
            let made = read(made).await;
            let image = image::load_from_memory(&made).unwrap();
            assert_eq!((image.width(), image.height()), size);
            if animated {
                let frames = GifDecoder::new(Cursor::new(made)).unwrap().into_frames();
                assert_eq!(frames.collect_frames().unwrap().len(), 3);
            }
        }
    }
    // What does not move stands still for everybody.
    let still = world.media.upload(alice(), about("image/gif"), body(moving(1, 200, 100))).await.unwrap();
    let wanted = ThumbnailRequest { width: 96, height: 96, method: ThumbnailMethod::Scale, animated: true };
    let made = world.media.thumbnail(here(), &id(&still), wanted, NOW).await.unwrap();
    assert_eq!(made.content_type, "image/png");
}

/// One of a thousand frames would take long: it stands still.
#[tokio::test]
async fn what_moves_for_too_long_stands_still() {
    let world = world(MediaLimits { image_pixels: 20_000, ..MediaLimits::default() });
    let uri = world.media.upload(alice(), about("image/gif"), body(moving(5, 200, 100))).await.unwrap();
    let wanted = ThumbnailRequest { width: 96, height: 96, method: ThumbnailMethod::Scale, animated: true };
    let made = world.media.thumbnail(here(), &id(&uri), wanted, NOW).await.unwrap();
    assert_eq!(made.content_type, "image/png");
}

#[tokio::test]
async fn what_is_no_image_has_no_thumbnail() {
    let world = world(MediaLimits::default());
    let mut broken = png(500, 500);
    broken.truncate(200);
    for bytes in [b"hello".to_vec(), b"<svg/>".to_vec(), Vec::new(), broken] {
        let uri = world.media.upload(alice(), about("image/png"), body(bytes)).await.unwrap();
        let refused = thumbnail(&world, &uri, 32, 32, ThumbnailMethod::Crop).await;
        assert!(matches!(refused, Err(MediaError::NotAnImage)));
    }
    assert_eq!(count_files(&world), 4);
}

/// A PNG of a few hundred bytes that says it is 60,000 pixels wide and high: 10 GB once decoded.
fn decompression_bomb() -> Vec<u8> {
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc: u32, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
            })
        })
    }
    let mut bytes = png(1, 1);
    // Behind the signature: the length and type of the header, then its width and height, 13 bytes in all.
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

#[tokio::test]
async fn a_decompression_bomb_does_not_go_off() {
    let world = world(MediaLimits::default());
    let uri = world.media.upload(alice(), about("image/png"), body(decompression_bomb())).await.unwrap();
    let refused = thumbnail(&world, &uri, 32, 32, ThumbnailMethod::Crop).await;
    assert!(matches!(refused, Err(MediaError::ImageTooLarge)), "{refused:?}");
    // Also one that stays below the number of pixels, but not below the memory.
    let world = world_with_little_memory();
    let uri = world.media.upload(alice(), about("image/png"), body(png(1000, 1000))).await.unwrap();
    let refused = thumbnail(&world, &uri, 32, 32, ThumbnailMethod::Crop).await;
    assert!(matches!(refused, Err(MediaError::ImageTooLarge)), "{refused:?}");
}

fn world_with_little_memory() -> World {
    world(MediaLimits { image_bytes: 1 << 20, ..MediaLimits::default() })
}

#[tokio::test]
async fn a_copy_of_what_lies_elsewhere_is_found_once_it_is_here() {
    let world = world(MediaLimits { upload_bytes: 100, ..MediaLimits::default() });
    let (media, there) = (&world.media, server_name!("there"));
    assert!(!media.has(there, "m").unwrap());
    assert!(matches!(media.download(there, "m", NOW).await, Err(MediaError::NotFound)));
    let too_large = media.store_copy(there, "m", None, None, body(vec![1; 101])).await;
    assert!(matches!(too_large, Err(MediaError::TooLarge)));
    let disposition = Some("attachment; filename=\"a cat.png\"");
    let png = Some("image/png".to_owned());
    media.store_copy(there, "m", png, disposition, body(vec![1; 100])).await.unwrap();
    let download = media.download(there, "m", NOW).await.unwrap();
    assert_eq!((&*download.content_type, download.file_name.as_deref()), ("image/png", Some("a cat.png")));
    assert_eq!(read(download).await, vec![1; 100]);
    assert!(matches!(media.download(here(), "m", NOW).await, Err(MediaError::NotFound)));
    let ours = media.store_copy(here(), "m", None, None, body(vec![1; 10])).await;
    assert!(matches!(ours, Err(MediaError::Forbidden)));
    assert!(media.delete(there, "m").await.unwrap());
    assert_eq!(count_files(&world), 0);
}

#[tokio::test]
async fn the_oldest_copies_go_when_they_take_too_much() {
    let world = world(MediaLimits { copies_bytes: 250, ..MediaLimits::default() });
    let there = server_name!("there");
    let copy = async |media: &Media, id: &str, byte: u8| {
        world.clock.advance(1);
        media.store_copy(there, id, None, None, body(vec![byte; 100])).await.unwrap();
    };
    let own = world.media.upload(alice(), about("a/b"), body(vec![0; 1000])).await.unwrap();
    // One is copied twice, and is then as young as its second copy.
    for (id, byte) in [("a", 1), ("b", 2), ("a", 1)] {
        copy(&world.media, id, byte).await;
    }
    let here_are = |media: &Media| ["a", "b", "c", "d"].map(|id| media.has(there, id).unwrap());
    assert_eq!(here_are(&world.media), [true, true, false, false]);
    copy(&world.media, "c", 3).await;
    assert_eq!(here_are(&world.media), [true, false, true, false]);
    // Also after a restart.
    let limits = MediaLimits { copies_bytes: 250, ..MediaLimits::default() };
    let media = open(&world.store, &world.folder, world.clock.clone(), limits);
    copy(&media, "d", 4).await;
    assert_eq!(here_are(&media), [false, false, true, true]);
    media.download(here(), &id(&own), NOW).await.unwrap();
}
