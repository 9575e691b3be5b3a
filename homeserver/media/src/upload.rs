//! Uploads, at once or to a URI that was made before (client-server API, "Content repository").

use std::{
    fmt::Display,
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::Ordering,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::Stream;
use hearth_storage::{
    Scan,
    schema::{
        self,
        media::{MediaFileRow, MediaRow},
    },
};
use ruma::{OwnedMxcUri, ServerName, UserId};
use tokio::sync::Mutex;

use crate::{Inner, Media, MediaError, SHARDS, changed, usage};

/// The longest content type and file name that are kept, in bytes. They become headers again.
const MAX_TEXT: usize = 1024;

/// What a client says of its upload.
#[derive(Clone, Debug, Default)]
pub struct UploadInfo {
    pub content_type: Option<String>,
    pub file_name: Option<String>,
}

/// A URI to which an upload is awaited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingMedia {
    pub uri: OwnedMxcUri,
    /// Until when, in milliseconds.
    pub expires_at: u64,
}

impl Media {
    /// Makes a URI for a later upload.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooManyPending`] when the user has too many already.
    pub async fn create(&self, user: &UserId) -> Result<PendingMedia, MediaError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.user_lock(user).lock().await;
        let now = inner.clock.now_ms();
        let mut pending = 0;
        let mut expired = Vec::new();
        for entry in inner.store.view().scan(&schema::MEDIA_PENDING, Scan::prefix((user,))) {
            let ((_, media_id), expires_at) = entry?;
            if expires_at > now {
                pending += 1;
            } else {
                expired.push(media_id);
            }
        }
        if pending >= inner.limits.pending_uploads {
            return Err(MediaError::TooManyPending);
        }
        let media_id = inner.new_media_id();
        let expires_at = now + inner.limits.pending_lifetime_ms;
        let row = MediaRow {
            uploader: Some(user.to_owned()),
            created_at: now,
            file: None,
            upload_until: Some(expires_at),
        };
        let server = inner.server_name.as_str();
        let commit = {
            let mut transaction = inner.store.begin()?;
            for media_id in &expired {
                transaction.delete(&schema::MEDIA_PENDING, (user, media_id));
                transaction.delete(&schema::MEDIA, (server, media_id));
                transaction.append(&changed(server, media_id));
            }
            transaction.put(&schema::MEDIA, (server, &media_id), &row);
            transaction.put(&schema::MEDIA_PENDING, (user, &media_id), &expires_at);
            transaction.append(&changed(server, &media_id));
            transaction.submit()
        };
        commit.await?;
        Ok(PendingMedia { uri: inner.uri(&media_id), expires_at })
    }

    /// Takes in an upload. When this returns, the bytes and what is known of them are on disk.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooLarge`], [`MediaError::Interrupted`], [`MediaError::LimitExceeded`] when the user has uploaded
    /// too much.
    pub async fn upload<S, E>(
        &self,
        user: &UserId,
        about: UploadInfo,
        body: S,
    ) -> Result<OwnedMxcUri, MediaError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let inner = &self.inner;
        // Looked at before the body is read, so that a useless upload ends early, and again when it is whole.
        inner.usage_with(user, 0)?;
        let received = inner.files.receive(&*inner.random, inner.limits.upload_bytes, body).await?;
        let _one_at_a_time = inner.user_lock(user).lock().await;
        let media_id = inner.new_media_id();
        let now = inner.clock.now_ms();
        let row =
            MediaRow { uploader: Some(user.to_owned()), created_at: now, file: None, upload_until: None };
        inner.commit_file(&inner.server_name, &media_id, row, about, received).await?;
        Ok(inner.uri(&media_id))
    }

    /// Takes in the upload that a URI of [`create`](Self::create) waits for.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload), and [`MediaError::NotFound`] for a URI that was not made here or has
    /// expired, [`MediaError::Forbidden`] for another user's, [`MediaError::AlreadyUploaded`].
    pub async fn upload_to<S, E>(
        &self,
        user: &UserId,
        server: &ServerName,
        media_id: &str,
        about: UploadInfo,
        body: S,
    ) -> Result<(), MediaError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let inner = &self.inner;
        inner.awaited(user, server, media_id)?;
        inner.usage_with(user, 0)?;
        let received = inner.files.receive(&*inner.random, inner.limits.upload_bytes, body).await?;
        let _one_at_a_time = inner.user_lock(user).lock().await;
        let row = inner.awaited(user, server, media_id)?;
        inner.commit_file(&inner.server_name, media_id, row, about, received).await?;
        inner.uploaded.send_modify(|ticks| *ticks += 1);
        Ok(())
    }
}

impl Inner {
    /// The row of an upload that this user may make.
    fn awaited(&self, user: &UserId, server: &ServerName, media_id: &str) -> Result<MediaRow, MediaError> {
        let row = self.row(server, media_id)?.ok_or(MediaError::NotFound)?;
        if row.uploader.as_deref() != Some(user) {
            return Err(MediaError::Forbidden);
        }
        if row.file.is_some() {
            return Err(MediaError::AlreadyUploaded);
        }
        match row.upload_until {
            Some(until) if until > self.clock.now_ms() => Ok(row),
            _ => Err(MediaError::NotFound),
        }
    }

    /// Puts received bytes into their place, and writes down what is known of them. Whoever calls this holds the
    /// lock of the uploader.
    pub(crate) async fn commit_file(
        &self,
        server: &ServerName,
        media_id: &str,
        mut row: MediaRow,
        about: UploadInfo,
        received: crate::files::Received,
    ) -> Result<(), MediaError> {
        let (sha256, size) = (received.sha256, received.size);
        let usage = match &row.uploader {
            Some(user) => Some((user.clone(), self.usage_with(user, size)?)),
            None => None,
        };
        // Until the row is committed nobody may take the file for one without rows.
        let _kept = self.hash_lock(&sha256).lock().await;
        self.files.keep(received)?;
        let pending_of = row.upload_until.take().and(row.uploader.clone());
        row.file = Some(MediaFileRow {
            sha256,
            size,
            content_type: about.content_type.filter(|text| is_header_text(text)),
            file_name: about.file_name.filter(|name| !name.is_empty() && name.len() <= MAX_TEXT),
        });
        let server = server.as_str();
        let commit = {
            let mut transaction = self.store.begin()?;
            transaction.put(&schema::MEDIA, (server, media_id), &row);
            transaction.put(&schema::MEDIA_FILES, (sha256, server, media_id), &());
            match &usage {
                Some((user, usage)) => transaction.put(&schema::USAGE, (user, usage::KIND), usage),
                None => transaction.put(&schema::MEDIA_COPIES, (row.created_at, server, media_id), &size),
            }
            transaction.append(&changed(server, media_id));
            if let Some(user) = pending_of {
                transaction.delete(&schema::MEDIA_PENDING, (&user, media_id));
            }
            transaction.submit()
        };
        commit.await?;
        if row.uploader.is_none() {
            self.copies.fetch_add(size, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn uri(&self, media_id: &str) -> OwnedMxcUri {
        format!("mxc://{}/{media_id}", self.server_name).into()
    }

    /// 144 random bits: media ids cannot be guessed.
    pub(crate) fn new_media_id(&self) -> String {
        let mut bytes = [0; 18];
        self.random.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn user_lock(&self, user: &UserId) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        &self.by_user[hasher.finish() as usize % SHARDS]
    }
}

/// Whether a content type can be sent back as a header.
fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
