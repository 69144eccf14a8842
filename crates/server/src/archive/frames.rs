//! Frames: kind, length, payload, and a digest over all of it and the digest before.

use std::io::{self, Read, Write};

use tozstore_crypto::blake2b_256;

use super::ArchiveError;

/// What an archive begins with: a name, and the version of the format.
pub const MAGIC: &[u8; 12] = b"TOZARCHIVE\x00\x01";
/// Bytes of the magic that do not tell the version.
const NAME_BYTES: usize = 10;
/// Bytes that the payload of one frame may have.
pub const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;
const DIGEST_BYTES: usize = 32;
const HEAD_BYTES: usize = 5;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FrameKind {
    Header = 1,
    ServerKey = 2,
    Table = 3,
    Rows = 4,
    TableEnd = 5,
    Blob = 6,
    Bytes = 7,
    End = 8,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Header,
            Self::ServerKey,
            Self::Table,
            Self::Rows,
            Self::TableEnd,
            Self::Blob,
            Self::Bytes,
            Self::End,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Writes frames.
pub(super) struct FrameWriter<W> {
    out: W,
    digest: [u8; DIGEST_BYTES],
    frame: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, digest: blake2b_256(MAGIC), frame: Vec::new() })
    }

    pub(super) fn put(&mut self, kind: FrameKind, payload: &[u8]) -> Result<(), ArchiveError> {
        let len = u32::try_from(payload.len()).ok().filter(|&len| len as usize <= MAX_FRAME_BYTES);
        let len = len.ok_or(ArchiveError::RowTooLarge)?;
        self.frame.clear();
        self.frame.extend_from_slice(&self.digest);
        self.frame.push(kind as u8);
        self.frame.extend_from_slice(&len.to_be_bytes());
        self.frame.extend_from_slice(payload);
        self.digest = blake2b_256(&self.frame);
        self.out.write_all(self.frame.get(DIGEST_BYTES..).unwrap_or_default())?;
        self.out.write_all(&self.digest)?;
        Ok(())
    }

    /// What was written to, and the last digest.
    pub(super) fn finish(mut self) -> io::Result<(W, [u8; DIGEST_BYTES])> {
        self.out.flush()?;
        Ok((self.out, self.digest))
    }
}

/// Reads frames, and checks their digests.
pub(super) struct FrameReader<R> {
    input: R,
    digest: [u8; DIGEST_BYTES],
    /// Frames read.
    count: u64,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(mut input: R) -> Result<Self, ArchiveError> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::NoArchive,
            _ => error.into(),
        })?;
        if magic.get(..NAME_BYTES) != MAGIC.get(..NAME_BYTES) {
            return Err(ArchiveError::NoArchive);
        }
        if &magic != MAGIC {
            return Err(ArchiveError::Newer);
        }
        Ok(Self { input, digest: blake2b_256(MAGIC), count: 0 })
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Result<(FrameKind, Vec<u8>), ArchiveError> {
        let mut head = [0; HEAD_BYTES];
        self.input.read_exact(&mut head).map_err(cut)?;
        let [kind, len @ ..] = head;
        let len = u32::from_be_bytes(len) as usize;
        let malformed = |what| ArchiveError::Malformed { frame: self.count, what };
        if len > MAX_FRAME_BYTES {
            return Err(malformed("is too long"));
        }
        // It grows with what is there, not with what is announced.
        let mut frame = [&self.digest[..], &head].concat();
        let read = (&mut self.input).take(len as u64).read_to_end(&mut frame)?;
        if read < len {
            return Err(ArchiveError::Cut);
        }
        let mut digest = [0; DIGEST_BYTES];
        self.input.read_exact(&mut digest).map_err(cut)?;
        if blake2b_256(&frame) != digest {
            return Err(ArchiveError::Damaged { frame: self.count });
        }
        let kind = FrameKind::from_byte(kind).ok_or_else(|| malformed("is of a kind that there is not"))?;
        self.digest = digest;
        self.count += 1;
        frame.drain(..DIGEST_BYTES + HEAD_BYTES);
        Ok((kind, frame))
    }

    /// Asserts that nothing comes any more; the last digest.
    pub(super) fn finish(&mut self) -> Result<[u8; DIGEST_BYTES], ArchiveError> {
        match self.input.read(&mut [0])? {
            0 => Ok(self.digest),
            _ => Err(ArchiveError::Trailing),
        }
    }

    /// Place of the frame that was read last.
    pub(super) const fn place(&self) -> u64 {
        self.count.saturating_sub(1)
    }
}

fn cut(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Cut,
        _ => error.into(),
    }
}
