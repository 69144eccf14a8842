//! The bytes of files, of records and of notes: sealed as they are read, opened as they come, whatever their size.
//!
//! The size and the checksum of the sealed bytes must be told before they are sent. A reader can be read only once, so
//! they are sealed into a temporary file first: it holds nothing in the clear, has no name that others could open, and
//! takes as much room as the file.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};
use tozstore_api::MAX_FILE_BYTES;
use tozstore_crypto::{AccessKey, FILE_BLOCK_BYTES, FileOpener, FileSealer, SealedFile, sealed_file_len};
use zeroize::{Zeroize as _, Zeroizing};

use crate::transport::Transport;
use crate::{Error, UntrustedData};

/// How far a file is: sealed bytes sent or fetched, of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes so far.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// Seals `content` into a temporary file without a name.
pub(crate) async fn seal(
    key: &AccessKey,
    mut content: impl AsyncRead + Unpin,
) -> Result<(std::fs::File, SealedFile), Error> {
    let spool = blocking(tempfile::tempfile).await.map_err(cannot_spool)?;
    let mut spool = tokio::fs::File::from_std(spool);
    let (mut piece, mut out) = (Zeroizing::new(vec![0; FILE_BLOCK_BYTES]), Vec::new());
    let mut sealer = FileSealer::new(key, &mut out);
    let mut len_bytes: u64 = 0;
    loop {
        let read = content.read(&mut piece).await;
        let read = read.map_err(|error| Error::Caller(format!("the content cannot be read: {error}")))?;
        let Some(plaintext) = piece.get(..read).filter(|plaintext| !plaintext.is_empty()) else { break };
        len_bytes += plaintext.len() as u64;
        if sealed_file_len(len_bytes).is_none_or(|sealed_bytes| sealed_bytes > MAX_FILE_BYTES) {
            return Err(Error::Caller(format!(
                "a file has at most {MAX_FILE_BYTES} bytes once it is sealed"
            )));
        }
        sealer.push(plaintext, &mut out);
        spool.write_all(&out).await.map_err(cannot_spool)?;
        out.clear();
    }
    let sealed = sealer.finish(&mut out);
    spool.write_all(&out).await.map_err(cannot_spool)?;
    spool.flush().await.map_err(cannot_spool)?;
    spool.rewind().await.map_err(cannot_spool)?;
    Ok((spool.into_std().await, sealed))
}

/// Fetches sealed bytes and opens them into `content`. Only `Ok` says that nothing is missing, and that they are
/// those that were described; `unreadable` is what is wrong otherwise.
pub(crate) async fn open(
    transport: &Transport,
    url: &str,
    key: &AccessKey,
    described: &SealedFile,
    unreadable: UntrustedData,
    mut content: impl AsyncWrite + Unpin,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let unreadable = || Error::from(unreadable.clone());
    let mut opener = FileOpener::new(key);
    let mut out = Zeroizing::new(Vec::with_capacity(2 * FILE_BLOCK_BYTES));
    let mut download = transport.download(url).await?;
    let (mut done_bytes, total_bytes) = (0, described.len_bytes);
    while let Some(sealed) = download.next().await? {
        done_bytes += sealed.len() as u64;
        if done_bytes > total_bytes {
            return Err(unreadable());
        }
        for piece in sealed.chunks(FILE_BLOCK_BYTES) {
            opener.push(piece, &mut out).map_err(|_| unreadable())?;
            content.write_all(&out).await.map_err(cannot_write)?;
            out.zeroize();
        }
        progress(Progress { done_bytes, total_bytes });
    }
    let found = opener.finish(&mut out).map_err(|_| unreadable())?;
    if found != *described {
        return Err(unreadable());
    }
    content.write_all(&out).await.map_err(cannot_write)?;
    content.flush().await.map_err(cannot_write)
}

/// A file that appears at its path when it is whole. Dropped before that, it leaves nothing, or what was there before.
pub(crate) struct Draft {
    file: tokio::fs::File,
    name: tempfile::TempPath,
    path: PathBuf,
}

impl Draft {
    /// Begins to write.
    pub(crate) async fn begin(path: PathBuf) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let draft = blocking(move || tempfile::NamedTempFile::new_in(folder)).await.map_err(cannot_write)?;
        let (file, name) = draft.into_parts();
        Ok(Self { file: tokio::fs::File::from_std(file), name, path })
    }

    /// What is written to.
    pub(crate) fn file(&mut self) -> &mut tokio::fs::File {
        &mut self.file
    }

    /// It is whole: puts it at its path.
    pub(crate) async fn keep(self) -> Result<(), Error> {
        let Self { file, name, path } = self;
        file.sync_all().await.map_err(cannot_write)?;
        drop(file);
        blocking(move || name.persist(&path).map_err(|error| error.error)).await.map_err(cannot_write)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn cannot_write(error: io::Error) -> Error {
    Error::Caller(format!("the content cannot be written: {error}"))
}

fn cannot_spool(error: io::Error) -> Error {
    Error::Caller(format!("there is no room for the sealed file in the temporary folder: {error}"))
}
