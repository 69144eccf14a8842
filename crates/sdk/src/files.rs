//! Files: sealed as they are read, opened as they come, whatever their size.
//!
//! The size and the checksum of the sealed bytes must be told before they are sent. A reader can be read only once, so
//! they are sealed into a temporary file first: it holds nothing in the clear, has no name that others could open, and
//! takes as much room as the file.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};
use tozstore_api::{
    FileMeta, FileMetaWrite, FileWrite, FileWriteMeta, MAX_FILE_BYTES, PendingFile, Plain, RAW,
    Record as SealedRecord, RecordData, RecordMeta, RecordType, Timestamp, paths,
};
use tozstore_crypto::{
    ClientId, FILE_BLOCK_BYTES, FileOpener, FileSealer, RecordId, SealedFile, Version, sealed_file_len,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::records::slot_of;
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

/// A record with a file, as the server describes it. The content is read by [`Client::read_file`].
#[derive(Clone, Debug)]
pub struct File {
    meta: RecordMeta,
    file: FileMeta,
}

/// How far a file is: sealed bytes sent, of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes so far.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl File {
    pub(crate) fn of(meta: RecordMeta) -> Option<Self> {
        let file = meta.file_meta.clone()?;
        Some(Self { meta, file })
    }

    /// Id of its record.
    pub fn id(&self) -> RecordId {
        self.meta.record_id
    }

    /// Version of its record, new at every change.
    pub fn version(&self) -> Version {
        self.meta.version
    }

    /// The client that wrote it.
    pub fn writer(&self) -> ClientId {
        self.meta.writer_id
    }

    /// Type of its record.
    pub fn record_type(&self) -> &str {
        self.meta.record_type.as_str()
    }

    /// Plain metadata, which the server reads. The name of the file is there only if the writer put it there.
    pub fn plain(&self) -> &Plain {
        &self.meta.plain
    }

    /// When it was written, by the server's clock.
    pub fn created(&self) -> Timestamp {
        self.meta.created
    }

    /// When it was changed last, by the server's clock.
    pub fn last_modified(&self) -> Timestamp {
        self.meta.last_modified
    }

    /// How many sealed bytes it has, by the server's word: a little more than the content.
    pub fn sealed_len_bytes(&self) -> u64 {
        self.file.size
    }
}

impl Client {
    /// Writes a file: all that `content` gives, sealed here in constant memory. `progress` is called as bytes are
    /// sent. Type and plain metadata are not sealed, and neither is the size.
    ///
    /// The sealed bytes are kept in a temporary file until they are sent (see `TMPDIR`).
    ///
    /// # Errors
    /// [`Error::Caller`] if `content` cannot be read or is too large; [`Error::Unanswered`] if the connection broke
    /// in the end: the file may be there.
    pub async fn write_file(
        &self,
        record_type: &str,
        content: impl AsyncRead + Unpin,
        plain: Plain,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<File, Error> {
        let record_type: RecordType = Self::checked_type(record_type)?;
        let key = self.own_key(&record_type).await?;
        let (spool, sealed) = seal(&key.key, content).await?;
        let body = FileWrite {
            meta: FileWriteMeta {
                writer_id: self.id(),
                user_id: self.id(),
                record_type,
                plain,
                file_meta: FileMetaWrite {
                    checksum: sealed.checksum,
                    size: sealed.len_bytes,
                    compression: RAW.to_owned(),
                },
            },
            data: RecordData::default(),
            rec_sig: None,
        };
        // A second announcement harms nobody: it lapses.
        let announce = Request::post(paths::FILES.to_owned()).json(&body)?.harmless();
        let pending: PendingFile = self.send(announce).await?.json()?;
        let mut report = |done_bytes| progress(Progress { done_bytes, total_bytes: sealed.len_bytes });
        self.transport().upload(&pending.file_url, spool, &sealed, &mut report).await?;
        let commit = Request::new(http::Method::PATCH, paths::pending_file(pending.id));
        let failure = match self.send(commit).await {
            Ok(answer) => return stored(answer.json()?, &body),
            Err(failure) => failure,
        };
        if failure.was_repeated && failure.is_not_found() {
            // An earlier try may have been done although its answer was lost, and nothing tells its record.
            return Err(Error::Unanswered("the answer to the commit of a file was lost".to_owned()));
        }
        Err(failure.naming("the file that was announced"))
    }

    /// What the server says of a file.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such file or it is not shared with this client.
    pub async fn file(&self, record_id: RecordId) -> Result<File, Error> {
        let answer = self.send(Request::get(paths::file(record_id))).await;
        let sealed: SealedRecord = answer.map_err(|failure| failure.naming("the file"))?.json()?;
        if sealed.meta.record_id != record_id {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        File::of(sealed.meta).ok_or_else(|| UntrustedData::WrongAnswer("description of a file").into())
    }

    /// Reads a file into `content`, in constant memory. What is written there is sound as far as it goes, but only
    /// `Ok` says that nothing is missing: after an error throw it away. [`read_file_to`](Self::read_file_to) sees to
    /// that.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such file or it is not shared with this client, [`Error::Untrusted`] if it
    /// does not open, is cut off, or is not what the server described; [`Error::Caller`] if `content` takes no more.
    pub async fn read_file(
        &self,
        record_id: RecordId,
        mut content: impl AsyncWrite + Unpin,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<File, Error> {
        let file = self.file(record_id).await?;
        let unreadable = || Error::from(UntrustedData::FileUnreadable { record: record_id });
        let url = file.file.file_url.as_deref().ok_or(UntrustedData::WrongAnswer("address of a file"))?;
        let key = self.key_to_read(&slot_of(&file.meta)).await?;
        let mut opener = FileOpener::new(&key.key);
        let mut out = Zeroizing::new(Vec::with_capacity(2 * FILE_BLOCK_BYTES));
        let mut download = self.transport().download(url).await?;
        let (mut done_bytes, total_bytes) = (0, file.file.size);
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
        if found != (SealedFile { len_bytes: total_bytes, checksum: file.file.checksum }) {
            return Err(unreadable());
        }
        content.write_all(&out).await.map_err(cannot_write)?;
        content.flush().await.map_err(cannot_write)?;
        Ok(file)
    }

    /// Reads a file to `path`. There is nothing at `path`, or what was there before, until all of the file is there
    /// and checked.
    ///
    /// # Errors
    /// As for [`read_file`](Self::read_file).
    pub async fn read_file_to(
        &self,
        record_id: RecordId,
        path: impl Into<PathBuf>,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<File, Error> {
        let path = path.into();
        let draft = blocking({
            let path = path.clone();
            move || {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            }
        });
        let (draft, name) = draft.await.map_err(cannot_write)?.into_parts();
        let mut draft = tokio::fs::File::from_std(draft);
        let file = self.read_file(record_id, &mut draft, progress).await?;
        draft.sync_all().await.map_err(cannot_write)?;
        drop(draft);
        blocking(move || name.persist(&path).map_err(|error| error.error)).await.map_err(cannot_write)?;
        Ok(file)
    }
}

/// Seals `content` into a temporary file without a name.
async fn seal(
    key: &tozstore_crypto::AccessKey,
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

/// The server must have stored what was sent.
fn stored(stored: SealedRecord, sent: &FileWrite) -> Result<File, Error> {
    let (meta, wanted) = (stored.meta, &sent.meta);
    let same = meta.writer_id == wanted.writer_id
        && meta.user_id == wanted.user_id
        && meta.record_type == wanted.record_type
        && meta.file_meta.as_ref().is_some_and(|file| {
            file.checksum == wanted.file_meta.checksum && file.size == wanted.file_meta.size
        });
    let file = if same { File::of(meta) } else { None };
    file.ok_or_else(|| UntrustedData::WrongAnswer("record").into())
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
