//! What the client of a profile knows of keys, kept between runs: so that a server cannot exchange them unseen.

use std::path::PathBuf;

use tozstore::KnownKeys;

use crate::exit::{Code, Failure, Outcome};
use crate::private_file;
use crate::profile::{ProfileFolder, ProfileName, create_parent};

/// Room for as many keys as the SDK remembers.
const MAX_KNOWN_BYTES: u64 = 64 * 1024 * 1024;

/// The file, and what it held.
pub struct KnownFile {
    path: PathBuf,
    text: String,
}

impl KnownFile {
    /// Reads what the profile knows; nothing, when there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn load(folder: &ProfileFolder, name: &ProfileName) -> Outcome<(Self, KnownKeys)> {
        let path = folder.known_keys_path(name);
        let Some(bytes) = private_file::read(&path, MAX_KNOWN_BYTES)? else {
            return Ok((Self { path, text: String::new() }, KnownKeys::default()));
        };
        let damaged = || {
            Failure::new(
                Code::Untrusted,
                format!("{} does not hold known keys", path.display()),
                "restore it; or remove it, and the keys that the server gives next are taken as the true ones",
            )
        };
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| damaged())?;
        let known = KnownKeys::from_json(&text).map_err(|_| damaged())?;
        Ok((Self { path, text }, known))
    }

    /// Keeps what is known by now, if that is more than before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, known: &KnownKeys) -> Outcome {
        let text = known.to_json();
        if known.is_empty() || text == self.text {
            return Ok(());
        }
        create_parent(&self.path)?;
        private_file::replace(&self.path, text.as_bytes())
    }
}
