//! Chunks of files: sealed in any order, verified one by one before they are opened (section 11).

use std::fmt;

use zeroize::Zeroizing;

use super::seal::{self, SEAL_OVERHEAD_BYTES};
use super::{DataKey, Digest, FileDescriptor, RecordPlace, verify_path};
use crate::OpenError;
use crate::label::SealedLabel;
use crate::secret::Secret;

impl FileDescriptor {
    /// How many chunks there are: one at least, since an empty file has an empty one.
    pub const fn chunk_count(&self) -> u64 {
        let full = self.length.div_ceil(self.chunk_bytes as u64);
        if full == 0 { 1 } else { full }
    }

    /// Bytes of plaintext in a chunk; none if there is no such chunk.
    pub fn chunk_len(&self, index: u64) -> Option<u64> {
        let last = self.chunk_count() - 1;
        let before_last = last * u64::from(self.chunk_bytes);
        match index.cmp(&last) {
            std::cmp::Ordering::Less => Some(self.chunk_bytes.into()),
            std::cmp::Ordering::Equal => Some(self.length - before_last),
            std::cmp::Ordering::Greater => None,
        }
    }
}

/// `H("chunk-leaf"; LE64 index, chunk)`: a sealed chunk in the tree of its file.
pub fn chunk_leaf(index: u64, chunk: &[u8]) -> Digest {
    Digest::of(SealedLabel::ChunkLeaf, &[&index.to_le_bytes(), chunk])
}

/// The key of a file's chunks, in the place of their version.
pub struct ChunkKey {
    key: Secret<32>,
    place: RecordPlace,
    chunk_bytes: u32,
}

impl ChunkKey {
    /// The key of the chunks of one version of one record.
    pub fn new(data_key: &DataKey, place: &RecordPlace, chunk_bytes: u32) -> Self {
        Self { key: Secret::copy_of(&data_key.chunk_key()), place: place.clone(), chunk_bytes }
    }

    /// Seals a chunk. All have the same length but the last, which may be shorter.
    pub fn seal(&self, index: u64, plaintext: &[u8]) -> Vec<u8> {
        seal::seal(self.key.expose(), &self.chunk_place(index), plaintext)
    }

    /// Verifies a chunk against the signed descriptor, and opens it.
    ///
    /// # Errors
    /// It is not this chunk of this file.
    pub fn open(
        &self,
        file: &FileDescriptor,
        index: u64,
        chunk: &[u8],
        path: &[Digest],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let plain_len = chunk.len().checked_sub(SEAL_OVERHEAD_BYTES).ok_or(OpenError)?;
        if file.chunk_bytes != self.chunk_bytes || file.chunk_len(index) != u64::try_from(plain_len).ok() {
            return Err(OpenError);
        }
        verify_path(&file.root, &chunk_leaf(index, chunk), index, file.chunk_count(), path)
            .map_err(|_| OpenError)?;
        seal::open(self.key.expose(), &self.chunk_place(index), chunk)
    }

    fn chunk_place(&self, index: u64) -> Zeroizing<Vec<u8>> {
        let (chunk_bytes, index) = (self.chunk_bytes.to_le_bytes(), index.to_le_bytes());
        self.place.with_parts(&[&chunk_bytes, &index], |parts| SealedLabel::Chunk.frame(parts))
    }
}

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, place, chunk_bytes } = self;
        write!(f, "ChunkKey({place:?}, {chunk_bytes})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::{Tree, TypePlace, path_of};
    use crate::{ClientId, RecordId, StoreId};

    const CHUNK_BYTES: u32 = 4096;

    fn place(version: u64) -> RecordPlace {
        RecordPlace {
            record_type: TypePlace {
                store: StoreId::from_bytes([1; 16]),
                writer: ClientId::from_bytes([2; 16]),
                type_name: "scans".parse().unwrap(),
            },
            record: RecordId::from_bytes([3; 16]),
            version,
        }
    }

    fn seal(key: &ChunkKey, content: &[u8]) -> (FileDescriptor, Vec<Vec<u8>>, Vec<Digest>) {
        let mut pieces: Vec<_> = content.chunks(CHUNK_BYTES as usize).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let chunks: Vec<_> = (0..).zip(pieces).map(|(index, piece)| key.seal(index, piece)).collect();
        let leaves: Vec<_> = (0..).zip(&chunks).map(|(index, chunk)| chunk_leaf(index, chunk)).collect();
        let root = Tree::of(leaves.iter().copied()).root();
        (FileDescriptor { chunk_bytes: CHUNK_BYTES, length: content.len() as u64, root }, chunks, leaves)
    }

    #[test]
    fn each_chunk_opens_alone() {
        let key = ChunkKey::new(&DataKey::generate(), &place(1), CHUNK_BYTES);
        for len in [0, 1, 4095, 4096, 4097, 8192, 20_000] {
            let content: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let (file, chunks, leaves) = seal(&key, &content);
            assert_eq!(file.chunk_count(), chunks.len() as u64);
            let mut opened = Vec::new();
            for (index, chunk) in chunks.iter().enumerate() {
                let path = path_of(&leaves, index).unwrap();
                opened.extend_from_slice(&key.open(&file, index as u64, chunk, &path).unwrap());
            }
            assert_eq!(opened, content);
            assert_eq!(file.chunk_len(file.chunk_count()), None);
        }
    }

    #[test]
    fn chunks_are_not_cut_reordered_altered_or_exchanged() {
        let data_key = DataKey::generate();
        let key = ChunkKey::new(&data_key, &place(1), CHUNK_BYTES);
        let (file, chunks, leaves) = seal(&key, &[7; 10_000]);
        let path = |index| path_of(&leaves, index).unwrap();
        assert!(key.open(&file, 1, &chunks[1], &path(1)).is_ok());
        assert!(key.open(&file, 0, &chunks[1], &path(1)).is_err());
        assert!(key.open(&file, 0, &chunks[1], &path(0)).is_err());
        assert!(key.open(&file, 1, &chunks[1][..4000], &path(1)).is_err());
        assert!(key.open(&file, 3, &chunks[2], &path(2)).is_err());
        let mut altered = chunks[1].clone();
        altered[100] ^= 1;
        assert!(key.open(&file, 1, &altered, &path(1)).is_err());
        // Sealed again, by whoever has the key: it is not what was signed.
        assert!(key.open(&file, 1, &key.seal(1, &[7; 4096]), &path(1)).is_err());
        // The end cut off: the length is signed, so the last chunk is missing.
        let shorter = FileDescriptor { length: 8192, ..file };
        assert!(key.open(&shorter, 1, &chunks[1], &path(1)).is_err());

        // The same chunks, signed anew under another version, record length or chunk length.
        let later = ChunkKey::new(&data_key, &place(2), CHUNK_BYTES);
        assert!(later.open(&file, 1, &chunks[1], &path(1)).is_err());
        let longer = ChunkKey::new(&data_key, &place(1), 2 * CHUNK_BYTES);
        assert!(longer.open(&file, 1, &chunks[1], &path(1)).is_err());
        assert!(longer.open(&FileDescriptor { chunk_bytes: 8192, ..file }, 1, &chunks[1], &path(1)).is_err());
    }
}
