//! Files of notes: sealed under the key of the note, which nobody has but its writer and its recipient.

use std::fmt;
use std::path::PathBuf;

use http::Method;
use tokio::io::{AsyncRead, AsyncWrite};
use tozstore_api::{NOTE_FILE_URL, Note as AnsweredNote, NoteFileMeta, NoteWrite, PendingFile, RAW, paths};
use tozstore_crypto::{AccessKey, NoteId, SealedFile};

use crate::file_bytes::{self, Draft, Progress};
use crate::notes::Actor;
use crate::transport::{Answer, Request, Transport};
use crate::{Error, UntrustedData};

/// The file of a note that was opened. Its content is read by [`read`](Self::read), for some minutes after the note was.
pub struct NoteFile {
    transport: Transport,
    note: NoteId,
    key: AccessKey,
    url: String,
    described: SealedFile,
}

impl NoteFile {
    /// The file of a note, if it says that it has one.
    pub(crate) fn of(note: &AnsweredNote, key: AccessKey, transport: &Transport) -> Option<Self> {
        let url = note.file_meta.value(NOTE_FILE_URL)?.to_owned();
        let NoteFileMeta { checksum, size, .. } = NoteFileMeta::from_plain(&note.file_meta).ok()?;
        let described = SealedFile { len_bytes: size, checksum };
        Some(Self { transport: transport.clone(), note: note.note_id, key, url, described })
    }

    /// How many sealed bytes it has, by the server's word: a little more than the content.
    pub const fn sealed_len_bytes(&self) -> u64 {
        self.described.len_bytes
    }

    /// Reads the content into `content`, in constant memory. It opens only if whoever sealed it had the key of this
    /// note. What is written is sound as far as it goes, but only `Ok` says that nothing is missing: after an error throw
    /// it away. [`read_to`](Self::read_to) sees to that.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the note is gone, [`Error::Refused`] (403) if it was read too long ago,
    /// [`Error::Untrusted`] if the file does not open, is cut off, or is not what the server described;
    /// [`Error::Caller`] if `content` takes no more.
    pub async fn read(
        &self,
        content: impl AsyncWrite + Unpin,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<(), Error> {
        let unreadable = UntrustedData::NoteFileUnreadable { note: self.note };
        file_bytes::open(
            &self.transport,
            &self.url,
            &self.key,
            &self.described,
            unreadable,
            content,
            progress,
        )
        .await
    }

    /// Reads the content to `path`. There is nothing at `path`, or what was there before, until all of it is there and
    /// checked.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn read_to(
        &self,
        path: impl Into<PathBuf>,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<(), Error> {
        let mut draft = Draft::begin(path.into()).await?;
        self.read(draft.file(), progress).await?;
        draft.keep().await
    }
}

impl fmt::Debug for NoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteFile")
            .field("note", &self.note)
            .field("described", &self.described)
            .finish_non_exhaustive()
    }
}

/// What a file of a note is made of.
pub(crate) type Content = Box<dyn AsyncRead + Send + Unpin>;
/// Is told how far a transfer is.
pub(crate) type Report = Box<dyn FnMut(Progress) + Send>;

/// Announces a note, sends its file, and commits both.
pub(crate) async fn write(
    actor: &Actor,
    mut body: NoteWrite,
    key: &AccessKey,
    content: Content,
    mut report: Option<Report>,
) -> Result<(Answer, NoteWrite), Error> {
    let (spool, sealed) = file_bytes::seal(key, content).await?;
    let SealedFile { len_bytes, checksum } = sealed;
    body.file_meta = NoteFileMeta { checksum, size: len_bytes, compression: RAW.to_owned() }.to_plain();
    let announce = Request::post(paths::NOTE_FILES.to_owned()).json(&body)?;
    let pending: PendingFile = actor.send_note(announce).await?.json()?;
    let mut progress = |done_bytes| {
        if let Some(report) = &mut report {
            report(Progress { done_bytes, total_bytes: len_bytes });
        }
    };
    actor.transport().upload(&pending.file_url, spool, &sealed, &mut progress).await?;
    let commit = Request::new(Method::PATCH, paths::note_file(pending.id));
    Ok((actor.send_note(commit).await?, body))
}
