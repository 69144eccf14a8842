//! Files, sealed as a stream of blocks under a fresh data key.
//!
//! ```text
//! "3." base64url(secretbox(access key, key nonce, data key)) "." base64url(key nonce) "."      100 bytes
//! header of the stream                                                                          24 bytes
//! messages: tag MESSAGE, 65536 bytes of plaintext each                                       +17 bytes each
//! last message: tag FINAL, 0 to 65536 bytes of plaintext                                     +17 bytes
//! ```
//!
//! The codec does no I/O: bytes are pushed in and come out in a buffer. [`seal_file`] and [`open_file`] drive it with
//! a reader and a writer. What comes out of an opener is sound as far as it goes, but only [`FileOpener::finish`] tells
//! that nothing is missing: until then do not act on it, and throw it away if finishing fails.

mod io;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

use crate::primitives::{self, Md5Stream, STREAM_OVERHEAD_BYTES, Stream, StreamTag};
use crate::record::{open_data_key, seal_data_key};
use crate::{AccessKey, OpenError, ParseError};

pub use io::{OpenFileError, open_file, seal_file};

/// Plaintext bytes of each message but the last.
pub const FILE_BLOCK_BYTES: usize = 65536;
const MESSAGE_BYTES: usize = FILE_BLOCK_BYTES + STREAM_OVERHEAD_BYTES;
const PRELUDE_BYTES: usize = 100;
const STREAM_HEADER_BYTES: usize = 24;
const VERSION: &str = "3";

/// Bytes of a sealed file. None if that is more than 2^64.
pub const fn sealed_file_len(plaintext_len_bytes: u64) -> Option<u64> {
    let blocks = plaintext_len_bytes.div_ceil(FILE_BLOCK_BYTES as u64);
    let messages = if blocks == 0 { 1 } else { blocks };
    let overhead_bytes =
        (PRELUDE_BYTES + STREAM_HEADER_BYTES) as u64 + messages * STREAM_OVERHEAD_BYTES as u64;
    plaintext_len_bytes.checked_add(overhead_bytes)
}

/// What a file's metadata says of its sealed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// Bytes in all.
    pub len_bytes: u64,
    /// MD5 of all of them: against accidents, not against attackers.
    pub checksum: FileChecksum,
}

/// MD5 of a sealed file. Its text is standard base64 with padding, as in `Content-MD5` (RFC 1864).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileChecksum([u8; 16]);

/// Seals a file piece by piece.
#[must_use = "a file that is not finished does not open"]
pub struct FileSealer {
    stream: Stream,
    block: Zeroizing<Vec<u8>>,
    sealed: FileTally,
}

impl FileSealer {
    /// Begins a file under a fresh data key, and writes its beginning to `out`.
    pub fn new(access_key: &AccessKey, out: &mut Vec<u8>) -> Self {
        let (data_key, key_nonce) = (primitives::random_array(), primitives::random_array());
        Self::begin(access_key, &data_key, &key_nonce, &primitives::random_array(), out)
    }

    /// Seals more of the file. What is ready is appended to `out`: at most the length of `plaintext`, one block, and
    /// 17 bytes for each block.
    pub fn push(&mut self, mut plaintext: &[u8], out: &mut Vec<u8>) {
        while !plaintext.is_empty() {
            // A full block waits until something follows: the last one is tagged differently.
            if self.block.len() == FILE_BLOCK_BYTES {
                self.seal_block(StreamTag::Message, out);
            }
            let (piece, rest) = plaintext.split_at(plaintext.len().min(FILE_BLOCK_BYTES - self.block.len()));
            self.block.extend_from_slice(piece);
            plaintext = rest;
        }
    }

    /// Seals the last block and appends it to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) -> SealedFile {
        self.seal_block(StreamTag::Final, out);
        self.sealed.finish()
    }

    pub(crate) fn begin(
        access_key: &AccessKey,
        data_key: &[u8; 32],
        key_nonce: &[u8; 24],
        header: &[u8; 24],
        out: &mut Vec<u8>,
    ) -> Self {
        let prelude = format!("{VERSION}.{}.", seal_data_key(access_key, data_key, key_nonce));
        let mut sealed = FileTally::new();
        for part in [prelude.as_bytes(), header] {
            sealed.count(part);
            out.extend_from_slice(part);
        }
        let block = Zeroizing::new(Vec::with_capacity(FILE_BLOCK_BYTES));
        Self { stream: Stream::new(data_key, header), block, sealed }
    }

    fn seal_block(&mut self, tag: StreamTag, out: &mut Vec<u8>) {
        let message = self.stream.push(tag, &self.block);
        self.sealed.count(&message);
        out.extend_from_slice(&message);
        self.block.zeroize();
    }
}

/// Opens a file piece by piece. See the warning at the top of this module: the end counts.
#[must_use = "only finishing tells that nothing is missing"]
pub struct FileOpener {
    access_key: AccessKey,
    state: OpenerState,
    /// Bytes of a prelude or message that is not whole yet.
    waiting: Vec<u8>,
    sealed: FileTally,
}

enum OpenerState {
    Prelude,
    Messages(Stream),
    Failed,
}

impl FileOpener {
    /// Expects the beginning of a file.
    pub fn new(access_key: &AccessKey) -> Self {
        Self {
            access_key: AccessKey::from_bytes(access_key.expose()),
            state: OpenerState::Prelude,
            waiting: Vec::with_capacity(MESSAGE_BYTES),
            sealed: FileTally::new(),
        }
    }

    /// Opens more of the file, and appends what is ready to `out`.
    ///
    /// # Errors
    /// The file is of another version, was altered, or goes on after its last message. The opener is then of no more
    /// use.
    pub fn push(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if matches!(self.state, OpenerState::Failed) {
            return Err(OpenError);
        }
        self.sealed.count(sealed);
        while !sealed.is_empty() {
            // A whole piece waits until something follows: only then it is known not to be the last.
            if self.waiting.len() == self.expected_len() {
                self.open_waiting(StreamTag::Message, out)?;
            }
            let (piece, rest) = sealed.split_at(sealed.len().min(self.expected_len() - self.waiting.len()));
            self.waiting.extend_from_slice(piece);
            sealed = rest;
        }
        Ok(())
    }

    /// Opens the last message, appends it to `out`, and tells what the sealed file was like.
    ///
    /// # Errors
    /// The end of the file is missing, or was altered.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<SealedFile, OpenError> {
        if matches!(self.state, OpenerState::Prelude) {
            return Err(OpenError);
        }
        self.open_waiting(StreamTag::Final, out)?;
        Ok(self.sealed.finish())
    }

    const fn expected_len(&self) -> usize {
        match self.state {
            OpenerState::Prelude => PRELUDE_BYTES + STREAM_HEADER_BYTES,
            _ => MESSAGE_BYTES,
        }
    }

    /// Opens what waits. A message must be tagged as its place demands: the last one `Final`, no other.
    fn open_waiting(&mut self, expected_tag: StreamTag, out: &mut Vec<u8>) -> Result<(), OpenError> {
        self.state = match std::mem::replace(&mut self.state, OpenerState::Failed) {
            OpenerState::Prelude => OpenerState::Messages(self.open_prelude()?),
            OpenerState::Messages(mut stream) => {
                let (tag, plaintext) = stream.pull(&self.waiting)?;
                if tag != expected_tag {
                    return Err(OpenError);
                }
                out.extend_from_slice(&plaintext);
                OpenerState::Messages(stream)
            }
            OpenerState::Failed => return Err(OpenError),
        };
        self.waiting.clear();
        Ok(())
    }

    fn open_prelude(&self) -> Result<Stream, OpenError> {
        let (prelude, header) = self.waiting.split_first_chunk::<PRELUDE_BYTES>().ok_or(OpenError)?;
        let header = header.try_into().map_err(|_| OpenError)?;
        let prelude = std::str::from_utf8(prelude).map_err(|_| OpenError)?;
        let parts = prelude.split('.').collect::<Vec<_>>();
        let [VERSION, data_key, key_nonce, ""] = parts[..] else { return Err(OpenError) };
        Ok(Stream::new(&*open_data_key(&self.access_key, data_key, key_nonce)?, header))
    }
}

impl FileChecksum {
    /// A stored checksum.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for FileChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for FileChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileChecksum({self})")
    }
}

impl FromStr for FileChecksum {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: ParseError = ParseError::new("padded base64 of 16 bytes");
        let bytes = STANDARD.decode(text).map_err(|_| EXPECTED)?;
        Ok(Self(bytes.try_into().map_err(|_| EXPECTED)?))
    }
}

/// Counts and hashes sealed bytes as they pass: what a server does, which cannot open them.
pub struct FileTally {
    len_bytes: u64,
    md5: Md5Stream,
}

impl FileTally {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { len_bytes: 0, md5: Md5Stream::new() }
    }

    /// The next bytes of the file.
    pub fn count(&mut self, sealed: &[u8]) {
        self.len_bytes += sealed.len() as u64;
        self.md5.update(sealed);
    }

    /// Bytes so far.
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// What they come to.
    pub fn finish(self) -> SealedFile {
        SealedFile { len_bytes: self.len_bytes, checksum: FileChecksum(self.md5.finish()) }
    }
}

impl Default for FileTally {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opener_that_failed_takes_nothing_more() {
        let (key, mut sealed, mut out) = (AccessKey::generate(), Vec::new(), Vec::new());
        FileSealer::new(&key, &mut sealed).finish(&mut Vec::new());
        sealed.push(0);
        let mut opener = FileOpener::new(&AccessKey::generate());
        assert_eq!(opener.push(&sealed, &mut out), Err(OpenError));
        assert_eq!(opener.push(&[0], &mut out), Err(OpenError));
        assert_eq!(opener.finish(&mut out), Err(OpenError));
        assert!(out.is_empty());
    }
}
