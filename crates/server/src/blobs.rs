//! Bytes of files: written once under a fresh random key, read, removed. Which keys are in use, the store knows.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs, io};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::http::Error;
use crate::ids;

/// Bytes that are written, or read, at once: what one transfer holds in memory, or nearly so.
const PART_BYTES: usize = 512 * 1024;
/// Between the key and a number in the name of a file that is being written.
const UNFINISHED: char = '#';

/// Where the bytes of one file lie. Random, so that it says nothing; no permission, since the store is asked first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey([u8; 16]);

impl BlobKey {
    /// A fresh key.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, Error> {
        ids::random_bytes().map(Self)
    }

    /// A stored key.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The first two digits make a folder, so that no folder gets too large.
    fn path(self) -> object_store::path::Path {
        let name = self.to_string();
        object_store::path::Path::from_iter([name.get(..2).unwrap_or_default(), &name])
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobKey({self})")
    }
}

/// A place for bytes.
#[derive(Clone)]
pub struct Blobs(Arc<dyn ObjectStore>);

impl Blobs {
    /// In memory, for tests.
    pub fn in_memory() -> Self {
        Self(Arc::new(InMemory::new()))
    }

    /// In a folder, which is made if it is not there. What was being written when the server ended is thrown away.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)?;
        remove_unfinished(dir)?;
        let store = LocalFileSystem::new_with_prefix(dir).map_err(io::Error::from)?;
        // The row that says where the bytes lie comes after them: they must be as durable.
        Ok(Self(Arc::new(store.with_fsync(true))))
    }

    /// Begins to write under a key.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn create(&self, key: BlobKey) -> Result<BlobWriter, Error> {
        let upload = self.0.put_multipart(&key.path()).await.map_err(failed)?;
        Ok(BlobWriter { upload, part: Vec::with_capacity(PART_BYTES) })
    }

    /// The bytes under a key, piece by piece; none if there are none.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn open(&self, key: BlobKey) -> Result<Option<BoxStream<'static, io::Result<Bytes>>>, Error> {
        let found = match self.0.get(&key.path()).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        Ok(Some(match found.payload {
            GetResultPayload::File(file, _) => pieces(file),
            GetResultPayload::Stream(stream) => stream.map(|piece| piece.map_err(io::Error::from)).boxed(),
        }))
    }

    /// Whether the place takes writes.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<(), Error> {
        // Always the same name: what is tried often must leave nothing behind.
        let path = object_store::path::Path::from("writable");
        self.0.put(&path, PutPayload::new()).await.map(drop).map_err(failed)
    }

    /// Removes the bytes under a key, if there are any.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn remove(&self, key: BlobKey) -> Result<(), Error> {
        match self.0.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Writes one blob. Nothing is under its key before it is finished.
pub struct BlobWriter {
    upload: Box<dyn MultipartUpload>,
    part: Vec<u8>,
}

impl BlobWriter {
    /// Writes more bytes.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(piece);
            bytes = rest;
            if self.part.len() == PART_BYTES {
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
        self.flush().await?;
        self.upload.complete().await.map(drop).map_err(failed)
    }

    /// Throws away what was written.
    pub async fn abort(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "an unfinished file could not be removed");
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART_BYTES));
        self.upload.put_part(PutPayload::from_bytes(part.into())).await.map_err(failed)
    }
}

fn pieces(file: fs::File) -> BoxStream<'static, io::Result<Bytes>> {
    let next = |file: fs::File| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PART_BYTES);
            (&file).take(PART_BYTES as u64).read_to_end(&mut piece)?;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
        });
        read.await.map_err(io::Error::other)?
    };
    stream::try_unfold(file, next).boxed()
}

fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for folder in fs::read_dir(dir)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(folder.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

fn failed(error: object_store::Error) -> Error {
    Error::Internal(format!("the bytes of a file: {error}").into())
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    async fn read(blobs: &Blobs, key: BlobKey) -> Option<Vec<u8>> {
        let stream = blobs.open(key).await.unwrap()?;
        Some(stream.try_collect::<Vec<_>>().await.unwrap().concat())
    }

    async fn check(blobs: Blobs) {
        let key = BlobKey::new().unwrap();
        for len in [0, 1, PART_BYTES, 2 * PART_BYTES + 1] {
            let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let mut writer = blobs.create(key).await.unwrap();
            for piece in bytes.chunks(PART_BYTES / 3) {
                writer.write(piece).await.unwrap();
            }
            assert_eq!(read(&blobs, key).await, None, "it is there before it is finished");
            writer.finish().await.unwrap();
            assert_eq!(read(&blobs, key).await, Some(bytes));
            blobs.remove(key).await.unwrap();
            blobs.remove(key).await.unwrap();
        }
        let mut writer = blobs.create(key).await.unwrap();
        writer.write(b"part").await.unwrap();
        writer.abort().await;
        assert_eq!(read(&blobs, key).await, None);
    }

    #[tokio::test]
    async fn bytes_come_back_from_memory() {
        check(Blobs::in_memory()).await;
    }

    #[tokio::test]
    async fn bytes_come_back_from_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        check(Blobs::in_dir(dir.path()).unwrap()).await;
    }

    #[tokio::test]
    async fn what_was_not_finished_is_gone_after_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let key = BlobKey::new().unwrap();
        let mut writer = Blobs::in_dir(dir.path()).unwrap().create(key).await.unwrap();
        writer.write(&vec![1; PART_BYTES]).await.unwrap();
        let folder = dir.path().join(&key.to_string()[..2]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        Blobs::in_dir(dir.path()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
