//! Notes with a file: announced (`POST /v2/storage/notes/files`, with the whole note, answered as for a record's file), sent
//! to the address that the answer names, and committed (`PATCH /v2/storage/notes/files/{id}`). Only then is there a note.
//!
//! What the bytes are stands in the note's `file_meta`, an object of texts. Whoever reads the note finds the address of the
//! bytes there as well.

use tozstore_crypto::FileChecksum;

use crate::{MAX_COMPRESSION_BYTES, Plain, RAW};

const CHECKSUM: &str = "checksum";
const SIZE: &str = "size";
const COMPRESSION: &str = "compression";
/// Name of the entry with the address of the bytes. The server alone writes it.
pub const NOTE_FILE_URL: &str = "file_url";

/// What the `file_meta` of a note says of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteFileMeta {
    /// MD5 of the sealed bytes, as in `Content-MD5`.
    pub checksum: FileChecksum,
    /// How many sealed bytes there are.
    pub size: u64,
    /// How the plaintext is compressed: [`RAW`] in every client.
    pub compression: String,
}

/// What is wrong with the `file_meta` of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file_meta of a note with a file has {0}")]
pub struct NoteFileError(&'static str);

impl NoteFileMeta {
    /// Reads the entries.
    ///
    /// # Errors
    /// Checksum or size are missing, or one of the entries is not of its form.
    pub fn from_plain(file_meta: &Plain) -> Result<Self, NoteFileError> {
        let checksum = file_meta.value(CHECKSUM).and_then(|text| text.parse().ok());
        let size = file_meta.value(SIZE).and_then(|text| text.parse().ok());
        let compression = file_meta.value(COMPRESSION).filter(|text| !text.is_empty()).unwrap_or(RAW);
        if compression.len() > MAX_COMPRESSION_BYTES {
            return Err(NoteFileError("a short name of a compression"));
        }
        Ok(Self {
            checksum: checksum.ok_or(NoteFileError("a checksum: the padded base64 of 16 bytes"))?,
            size: size.ok_or(NoteFileError("a size: the number of sealed bytes"))?,
            compression: compression.to_owned(),
        })
    }

    /// The entries.
    pub fn to_plain(&self) -> Plain {
        let entries = [
            (CHECKSUM, self.checksum.to_string()),
            (SIZE, self.size.to_string()),
            (COMPRESSION, self.compression.clone()),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUM_TEXT: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

    fn read(text: &str) -> Result<NoteFileMeta, NoteFileError> {
        NoteFileMeta::from_plain(&Plain::from_json(text).unwrap())
    }

    #[test]
    fn what_clients_say_of_a_file_is_read() {
        for more in ["", r#","compression":"""#, r#","compression":"raw","file_name":"a","file_url":"u""#] {
            for size in ["141", r#""141""#] {
                let meta = read(&format!(r#"{{"checksum":"{CHECKSUM_TEXT}","size":{size}{more}}}"#)).unwrap();
                assert_eq!((meta.size, meta.compression.as_str()), (141, RAW));
                assert_eq!(NoteFileMeta::from_plain(&meta.to_plain()), Ok(meta));
            }
        }
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for text in [
            "{}".to_owned(),
            r#"{"size":1}"#.to_owned(),
            format!(r#"{{"checksum":"{CHECKSUM_TEXT}"}}"#),
            format!(r#"{{"checksum":"{CHECKSUM_TEXT}","size":-1}}"#),
            format!(r#"{{"checksum":"{CHECKSUM_TEXT}","size":1.5}}"#),
            r#"{"checksum":"1B2M2Y8AsgTpgAmY7PhCfg","size":1}"#.to_owned(),
            format!(r#"{{"checksum":"{CHECKSUM_TEXT}","size":1,"compression":"{}"}}"#, "x".repeat(65)),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
