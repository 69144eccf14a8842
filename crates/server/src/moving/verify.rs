//! Whether an archive is whole: without a store, in constant memory.

use std::io::Read;

use super::{MovingError, Progress, Watcher};
use crate::archive::{ArchiveHeader, ArchiveReader, Part, Totals};

/// What an archive holds that is whole.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What it begins with.
    pub header: ArchiveHeader,
    /// How much it holds.
    pub totals: Totals,
    /// The digest of all.
    pub digest: [u8; 32],
    /// Whether the server's key is in it.
    pub has_server_key: bool,
}

/// Reads an archive to its end.
///
/// # Errors
/// It is not whole.
pub fn verify<R: Read>(input: R, watcher: &mut Watcher<'_>) -> Result<Verified, MovingError> {
    let mut archive = ArchiveReader::new(input)?;
    let mut progress = Progress { step: "verifying", ..Progress::default() };
    let mut has_server_key = false;
    loop {
        match archive.next_part()? {
            Part::ServerKey(_) => has_server_key = true,
            Part::Rows(rows) => progress.rows += rows.len() as u64,
            Part::Blob(_) => progress.files += 1,
            Part::Bytes(bytes) => progress.file_bytes += bytes.len() as u64,
            Part::Table(_) | Part::TableEnd(_) => {}
            Part::End(totals) => {
                let (header, digest) = (archive.header().clone(), archive.digest().unwrap_or_default());
                return Ok(Verified { header, totals, digest, has_server_key });
            }
        }
        watcher(&progress)?;
    }
}
