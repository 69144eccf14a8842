//! The codec of files, driven by a reader and a writer.

use std::io::{self, Read, Write};

use zeroize::{Zeroize as _, Zeroizing};

use super::{FILE_BLOCK_BYTES, FileOpener, FileSealer, SealedFile};
use crate::{AccessKey, OpenError};

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFileError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Seals all that `plaintext` gives, and writes it to `sealed`.
///
/// # Errors
/// Reading or writing failed.
pub fn seal_file(
    access_key: &AccessKey,
    plaintext: &mut impl Read,
    sealed: &mut impl Write,
) -> io::Result<SealedFile> {
    let mut out = Vec::new();
    let mut sealer = FileSealer::new(access_key, &mut out);
    for_each_piece(plaintext, |piece| {
        sealer.push(piece, &mut out);
        sealed.write_all(&out)?;
        out.clear();
        Ok::<_, io::Error>(())
    })?;
    let summary = sealer.finish(&mut out);
    sealed.write_all(&out)?;
    Ok(summary)
}

/// Opens all that `sealed` gives, and writes it to `plaintext`. After an error throw away what was written: the file
/// may have been cut off.
///
/// # Errors
/// Reading or writing failed, or the file does not open.
pub fn open_file(
    access_key: &AccessKey,
    sealed: &mut impl Read,
    plaintext: &mut impl Write,
) -> Result<SealedFile, OpenFileError> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * FILE_BLOCK_BYTES));
    let mut opener = FileOpener::new(access_key);
    for_each_piece(sealed, |piece| {
        opener.push(piece, &mut out)?;
        plaintext.write_all(&out)?;
        out.zeroize();
        Ok::<_, OpenFileError>(())
    })?;
    let summary = opener.finish(&mut out)?;
    plaintext.write_all(&out)?;
    Ok(summary)
}

fn for_each_piece<E: From<io::Error>>(
    reader: &mut impl Read,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = Zeroizing::new(vec![0; FILE_BLOCK_BYTES]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(len) => each(piece.get(..len).ok_or_else(|| io::Error::other("the reader gave too much"))?)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
