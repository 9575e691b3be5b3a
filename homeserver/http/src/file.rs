//! Files as bodies.

use bytes::{Bytes, BytesMut};
use futures::Stream;
use tokio::{fs::File, io::AsyncReadExt as _};

/// How much is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// The bytes of a file, as they are read.
pub fn chunks(file: File) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    })
}
