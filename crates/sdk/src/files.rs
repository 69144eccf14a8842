//! Files: records whose content is sealed as it is read and opened as it comes, whatever its size.

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tozstore_api::{
    FileMeta, FileMetaWrite, FileWrite, FileWriteMeta, PendingFile, Plain, RAW, Record as SealedRecord,
    RecordData, RecordMeta, RecordType, Timestamp, paths,
};
use tozstore_crypto::{ClientId, RecordId, SealedFile, Version};

use crate::file_bytes::{self, Draft, Progress};
use crate::records::slot_of;
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

/// A record with a file, as the server describes it. The content is read by [`Client::read_file`].
#[derive(Clone, Debug)]
pub struct File {
    meta: RecordMeta,
    file: FileMeta,
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
        let (spool, sealed) = file_bytes::seal(&key.key, content).await?;
        let body = announcement(self.id(), record_type, plain, &sealed);
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

    /// Writes new content for a file, and new plain metadata, if it still has this version: of this client, or of
    /// another that lets it edit. Whoever can read it reads the new content from then on; the old one is gone.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody changed it since; otherwise as for [`write_file`](Self::write_file).
    pub async fn replace_file(
        &self,
        file: &File,
        content: impl AsyncRead + Unpin,
        plain: Plain,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<File, Error> {
        let record_type = file.meta.record_type.clone();
        let is_own = file.writer() == self.id();
        let key = if is_own {
            self.own_key(&record_type).await?
        } else {
            self.key_to_read(&slot_of(&file.meta), Some(file.id())).await?
        };
        let (spool, sealed) = file_bytes::seal(&key.key, content).await?;
        let mut body = announcement(file.writer(), record_type, plain, &sealed);
        body.meta.user_id = file.meta.user_id;
        let (id, version) = (file.id(), file.version());
        let path = if is_own { paths::file_version(id, version) } else { paths::file_edit(id, version) };
        let announced = self.send(Request::put(path).json(&body)?).await;
        let pending: PendingFile = announced.map_err(|failure| failure.naming("the file"))?.json()?;
        let mut report = |done_bytes| progress(Progress { done_bytes, total_bytes: sealed.len_bytes });
        self.transport().upload(&pending.file_url, spool, &sealed, &mut report).await?;
        let path = if is_own {
            paths::pending_file(pending.id)
        } else {
            paths::file_edit_commit(id, version, pending.id)
        };
        let replaced = match self.send(Request::new(http::Method::PATCH, path)).await {
            Ok(answer) => stored(answer.json()?, &body)?,
            // An earlier try may have been done although its answer was lost. Sealed bytes are never the same twice:
            // if the server has ours, it was.
            Err(failure) if failure.was_repeated && failure.is_not_found() => {
                let there = self.file(id).await?;
                if there.file.checksum != sealed.checksum {
                    return Err(Error::Conflict);
                }
                there
            }
            Err(failure) => return Err(failure.naming("the file that was announced")),
        };
        if replaced.id() != id {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        Ok(replaced)
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
        content: impl AsyncWrite + Unpin,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<File, Error> {
        let file = self.file(record_id).await?;
        let url = file.file.file_url.as_deref().ok_or(UntrustedData::WrongAnswer("address of a file"))?;
        let key = self.key_to_read(&slot_of(&file.meta), Some(record_id)).await?;
        let described = SealedFile { len_bytes: file.file.size, checksum: file.file.checksum };
        let unreadable = UntrustedData::FileUnreadable { record: record_id };
        file_bytes::open(self.transport(), url, &key.key, &described, unreadable, content, progress).await?;
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
        let mut draft = Draft::begin(path.into()).await?;
        let file = self.read_file(record_id, draft.file(), progress).await?;
        draft.keep().await?;
        Ok(file)
    }
}

fn announcement(writer: ClientId, record_type: RecordType, plain: Plain, sealed: &SealedFile) -> FileWrite {
    let file_meta =
        FileMetaWrite { checksum: sealed.checksum, size: sealed.len_bytes, compression: RAW.to_owned() };
    FileWrite {
        meta: FileWriteMeta { writer_id: writer, user_id: writer, record_type, plain, file_meta },
        data: RecordData::default(),
        rec_sig: None,
    }
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
