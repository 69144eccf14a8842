//! Bytes of files: written once under a fresh random key, read, removed. Which keys are in use, the store knows.
//!
//! They lie in a folder, in memory, or with a store that speaks S3. What goes wrong there is [`Error::Blobs`].

mod s3;
mod writer;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs, io};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use tokio::time::Instant;
use tozstore_crypto::{FileChecksum, FileTally, SealedFile, blake2b_256};

use crate::http::Error;
use crate::ids;
use crate::keys::create_private_dir;
use crate::metrics::Metrics;

pub use s3::S3Error;
pub use writer::BlobWriter;

/// Bytes that are written to a folder, or read from it, at once: what one transfer holds in memory, or nearly so.
const PART_BYTES: usize = 512 * 1024;
/// Between the key and a number in the name of a file that is being written.
const UNFINISHED: char = '#';
/// Bytes that a store of bytes copies, or puts together, in a second at the least.
const BYTES_PER_SECOND: u64 = 10 * 1024 * 1024;
/// After which nobody goes on with a file that is being written: bodies come faster, or are given up.
const ABANDONED: Duration = Duration::from_secs(3600);

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
    fn path(self, prefix: &ObjectPath) -> ObjectPath {
        let name = self.to_string();
        prefix.clone().join(name.get(..2).unwrap_or_default()).join(name.as_str())
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
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    part_bytes: usize,
    /// In which the place must answer; without limit if it is on this machine.
    patience: Option<Duration>,
    /// Signs addresses at which clients reach the place themselves.
    signer: Option<AmazonS3>,
    metrics: Option<Arc<Metrics>>,
}

impl Blobs {
    /// In memory, for tests.
    pub fn in_memory() -> Self {
        Self::here(Arc::new(InMemory::new()))
    }

    /// In a folder, which is made if it is not there. What was being written when the server ended is thrown away.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        create_private_dir(dir)?;
        remove_unfinished(dir, Duration::ZERO)?;
        Self::beside(dir)
    }

    /// In a folder that other servers write to as well. Thrown away is what nobody went on writing for an hour.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn in_shared_dir(dir: &Path) -> io::Result<Self> {
        create_private_dir(dir)?;
        remove_unfinished(dir, ABANDONED)?;
        Self::beside(dir)
    }

    /// The same, beside a server that may be writing there: nothing is thrown away.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn beside(dir: &Path) -> io::Result<Self> {
        create_private_dir(dir)?;
        let store = LocalFileSystem::new_with_prefix(dir).map_err(io::Error::from)?;
        // The row that says where the bytes lie comes after them: they must be as durable.
        Ok(Self::here(Arc::new(store.with_fsync(true))))
    }

    fn here(store: Arc<dyn ObjectStore>) -> Self {
        let prefix = ObjectPath::default();
        Self { store, prefix, part_bytes: PART_BYTES, patience: None, signer: None, metrics: None }
    }

    /// The same place, with what is done there counted.
    #[must_use]
    pub fn metered(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Begins to write under a key.
    pub fn create(&self, key: BlobKey) -> BlobWriter {
        BlobWriter::new(self.clone(), key)
    }

    /// The bytes under a key, piece by piece; none if there are none.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn open(&self, key: BlobKey) -> Result<Option<BoxStream<'static, io::Result<Bytes>>>, Error> {
        let path = key.path(&self.prefix);
        let Some(found) = self.timed("get", 0, self.store.get(&path)).await? else { return Ok(None) };
        let pieces = match found.payload {
            GetResultPayload::File(file, _) => pieces(file),
            GetResultPayload::Stream(stream) => stream.map_err(io::Error::from).boxed(),
        };
        Ok(Some(match self.patience {
            Some(patience) => impatient(pieces, patience),
            None => pieces,
        }))
    }

    /// How many bytes there are under a key; none if there is nothing.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn len_bytes(&self, key: BlobKey) -> Result<Option<u64>, Error> {
        let path = key.path(&self.prefix);
        Ok(self.timed("head", 0, self.store.head(&path)).await?.map(|found| found.size))
    }

    /// Whether these are the bytes under a key. They are read for it, unless the place tells their MD5.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn holds(&self, key: BlobKey, expected: &SealedFile) -> Result<bool, Error> {
        let path = key.path(&self.prefix);
        let Some(found) = self.timed("head", 0, self.store.head(&path)).await? else { return Ok(false) };
        if found.size != expected.len_bytes {
            return Ok(false);
        }
        // An entity tag need not be an MD5, but one that is the right MD5 is so by no accident.
        if found.e_tag.is_some_and(|tag| is_md5(&tag, &expected.checksum)) {
            return Ok(true);
        }
        let Some(mut pieces) = self.open(key).await? else { return Ok(false) };
        let mut tally = FileTally::new();
        while let Some(piece) = pieces.try_next().await.map_err(failed)? {
            tally.count(&piece);
        }
        Ok(tally.finish() == *expected)
    }

    /// Copies bytes from one key to another. Returns whether there were any.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn copy(&self, from: BlobKey, to: BlobKey, len_bytes: u64) -> Result<bool, Error> {
        let (from, to) = (from.path(&self.prefix), to.path(&self.prefix));
        Ok(self.timed("copy", len_bytes, self.store.copy(&from, &to)).await?.is_some())
    }

    /// Whether the place takes writes.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<(), Error> {
        // Always the same name: what is tried often must leave nothing behind.
        let path = self.prefix.clone().join("writable");
        let put = self.store.put(&path, PutPayload::new());
        self.timed("check", 0, put)
            .await?
            .map(drop)
            .ok_or(Error::Blobs("check: there is no such bucket".into()))
    }

    /// Which place this is: whoever has the same has the same files. Decided by whoever asks first.
    ///
    /// # Errors
    /// The place cannot be read or written to.
    pub async fn place(&self) -> Result<[u8; 32], Error> {
        let path = self.prefix.clone().join("place");
        let read = || self.timed("get", 0, async { self.store.get(&path).await?.bytes().await });
        if let Some(name) = read().await? {
            return Ok(blake2b_256(&name));
        }
        let name: [u8; 16] = ids::random_bytes()?;
        let options = PutOptions::from(PutMode::Create);
        let put = self.store.put_opts(&path, PutPayload::from(name.to_vec()), options);
        let make = async {
            match put.await {
                // Another server was faster.
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    Ok(())
                }
                made => made.map(drop),
            }
        };
        self.timed("check", 0, make).await?;
        let name = read().await?.ok_or(Error::Blobs("the name of the place is not kept there".into()))?;
        Ok(blake2b_256(&name))
    }

    /// Removes the bytes under a key, if there are any.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn remove(&self, key: BlobKey) -> Result<(), Error> {
        let path = key.path(&self.prefix);
        self.timed("remove", 0, self.store.delete(&path)).await.map(drop)
    }

    /// Does `work`, which moves so many bytes without a word, and counts it. None if what it is about is not there.
    async fn timed<T>(
        &self,
        operation: &'static str,
        len_bytes: u64,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<Option<T>, Error> {
        let begun = Instant::now();
        let outcome = match self.patience {
            Some(patience) => {
                let patience = patience + Duration::from_secs(len_bytes / BYTES_PER_SECOND);
                tokio::time::timeout(patience, work).await.ok()
            }
            None => Some(work.await),
        };
        let outcome = match outcome {
            Some(Ok(done)) => Ok(Some(done)),
            Some(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Some(Err(error)) => Err(failed(format!("{operation}: {error}"))),
            None => Err(failed(format!("{operation}: no answer in time"))),
        };
        if let Some(metrics) = &self.metrics {
            metrics.blobs_asked(operation, begun.elapsed(), outcome.is_ok());
        }
        outcome
    }
}

/// What ends with an error if nothing comes for so long.
fn impatient(
    pieces: BoxStream<'static, io::Result<Bytes>>,
    patience: Duration,
) -> BoxStream<'static, io::Result<Bytes>> {
    let next = move |mut pieces: BoxStream<'static, io::Result<Bytes>>| async move {
        let piece = tokio::time::timeout(patience, pieces.try_next()).await;
        let piece = piece.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(piece.map(|piece| (piece, pieces)))
    };
    stream::try_unfold(pieces, next).boxed()
}

fn is_md5(tag: &str, checksum: &FileChecksum) -> bool {
    format!("{:032x}", u128::from_be_bytes(*checksum.as_bytes())) == tag.trim_matches('"')
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

/// Removes what was begun and not touched for a time.
fn remove_unfinished(dir: &Path, untouched: Duration) -> io::Result<()> {
    for folder in fs::read_dir(dir)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(folder.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(UNFINISHED) && is_untouched(&entry, untouched)? {
                match fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn is_untouched(entry: &fs::DirEntry, time: Duration) -> io::Result<bool> {
    if time.is_zero() {
        return Ok(true);
    }
    match entry.metadata() {
        // A time to come is that of another machine's clock.
        Ok(metadata) => Ok(metadata.modified()?.elapsed().is_ok_and(|elapsed| elapsed >= time)),
        // Its writer is done.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Blobs(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_known_again() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let place = async |dir: &tempfile::TempDir| Blobs::in_dir(dir.path()).unwrap().place().await.unwrap();
        assert_eq!(place(&dirs[0]).await, place(&dirs[0]).await);
        assert_ne!(place(&dirs[0]).await, place(&dirs[1]).await);
    }

    #[tokio::test]
    async fn what_was_not_finished_is_gone_after_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let key = BlobKey::new().unwrap();
        let mut writer = Blobs::in_dir(dir.path()).unwrap().create(key);
        writer.write(&vec![1; PART_BYTES]).await.unwrap();
        let folder = dir.path().join(&key.to_string()[..2]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        Blobs::in_shared_dir(dir.path()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        Blobs::in_dir(dir.path()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn an_entity_tag_proves_the_md5_that_it_is() {
        let checksum = FileChecksum::from_bytes([0x0f; 16]);
        assert!(is_md5("\"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\"", &checksum));
        assert!(!is_md5("\"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f-2\"", &checksum));
        assert!(!is_md5("", &checksum));
    }
}
