//! Writing bytes that come piece by piece, with no more than two parts in memory.

use std::borrow::Cow;
use std::mem;

use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Handle;

use super::{BlobKey, Blobs};
use crate::http::Error;

/// Writes one blob. Nothing is under its key before it is finished.
pub struct BlobWriter {
    blobs: Blobs,
    key: BlobKey,
    /// Once there is more than one part: what is smaller is put at once, which is one request instead of three.
    upload: Option<Box<dyn MultipartUpload>>,
    part: Vec<u8>,
    written_bytes: u64,
}

impl BlobWriter {
    pub(super) fn new(blobs: Blobs, key: BlobKey) -> Self {
        Self { blobs, key, upload: None, part: Vec::new(), written_bytes: 0 }
    }

    /// Writes more bytes.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let part_bytes = self.blobs.part_bytes;
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min(part_bytes - self.part.len()));
            self.part.extend_from_slice(piece);
            bytes = rest;
            if self.part.len() == part_bytes {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Writes what is left. When this is done, the bytes are under their key and survive power loss.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn finish(mut self) -> Result<(), Error> {
        if self.upload.is_none() {
            let put = PutPayload::from_bytes(mem::take(&mut self.part).into());
            let path = self.key.path(&self.blobs.prefix);
            return found(self.blobs.timed("put", 0, self.blobs.store.put(&path, put)).await?);
        }
        if !self.part.is_empty() {
            self.flush().await?;
        }
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        let finished = self.blobs.timed("finish", self.written_bytes, upload.complete()).await;
        // Whatever came of it is known or cannot be: what is unfinished there is removed by a rule of the place.
        found(finished?)
    }

    /// Throws away what was written.
    pub async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            abort(self.blobs.clone(), upload).await;
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let path = self.key.path(&self.blobs.prefix);
                let begin = self.blobs.store.put_multipart(&path);
                let begun = self.blobs.timed("begin", 0, begin).await?;
                none.insert(begun.ok_or(NOT_THERE)?)
            }
        };
        let part = mem::replace(&mut self.part, Vec::with_capacity(self.blobs.part_bytes));
        self.written_bytes += part.len() as u64;
        let put = upload.put_part(PutPayload::from_bytes(part.into()));
        found(self.blobs.timed("put", 0, put).await?)
    }
}

/// Whoever sends bytes may go away at any moment: what was written of them goes too.
impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) {
            runtime.spawn(abort(self.blobs.clone(), upload));
        }
    }
}

async fn abort(blobs: Blobs, mut upload: Box<dyn MultipartUpload>) {
    if let Err(error) = blobs.timed("abort", 0, upload.abort()).await {
        tracing::warn!(%error, "an unfinished file could not be removed");
    }
}

const NOT_THERE: Error =
    Error::Blobs(Cow::Borrowed("there is no such bucket, or the upload is no longer known"));

fn found<T>(outcome: Option<T>) -> Result<(), Error> {
    outcome.map(drop).ok_or(NOT_THERE)
}
