//! Where a store lies: what a server is told of it, without the server.

use std::path::{Path, PathBuf};

use tozstore_api::Timestamp;
use zeroize::Zeroizing;

use super::MovingError;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::keys::{self, KEY_FILE};
use crate::store::raw::RawStore;
use crate::store::{RawPostgres, RawSqlite, StoreError};
use crate::{BLOB_DIR, DATABASE_FILE};

/// A place of rows, files and the server's key.
#[derive(Clone, Debug)]
pub struct Place {
    config: Config,
}

impl Place {
    /// Where a server of this set-up has its data.
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// The place in words, without the password of a database.
    pub fn shown(&self) -> String {
        let dir = self.config.data_dir.display();
        match self.config.store.url.address() {
            None => format!("sqlite:{dir}"),
            Some(url) => {
                let behind = url.split_once("://").map_or("", |(_, rest)| rest);
                let host = behind.rsplit_once('@').map_or(behind, |(_, host)| host);
                format!("postgres://{}", host.split('?').next().unwrap_or_default())
            }
        }
    }

    /// Whether these are the same rows, as far as the set-ups tell.
    pub(super) fn has_rows_of(&self, other: &Self) -> bool {
        let url = |place: &Self| place.config.store.url.address().map(str::to_owned);
        url(self) == url(other) && (url(self).is_some() || self.dir() == other.dir())
    }

    /// Whether these are the same files.
    pub(super) fn has_files_of(&self, other: &Self) -> bool {
        let (ours, others) = (&self.config.files, &other.config.files);
        if ours.url.is_empty() && others.url.is_empty() {
            return self.dir() == other.dir();
        }
        (&ours.url, &ours.endpoint) == (&others.url, &others.endpoint)
    }

    /// The rows, beside servers that run on them.
    pub(super) fn beside(&self) -> Result<Box<dyn RawStore>, StoreError> {
        Ok(match self.config.store.url.address() {
            Some(url) => Box::new(RawPostgres::beside(url, self.ca_file())?),
            None => Box::new(RawSqlite::beside(&self.config.data_dir.join(DATABASE_FILE))?),
        })
    }

    /// The rows, to be filled.
    pub(super) fn alone(&self, now: Timestamp) -> Result<Box<dyn RawStore>, MovingError> {
        keys::create_private_dir(&self.config.data_dir)
            .map_err(|error| StoreError::Internal(error.into()))?;
        Ok(match self.config.store.url.address() {
            Some(url) => Box::new(RawPostgres::alone(url, self.ca_file(), now)?),
            None => Box::new(RawSqlite::alone(&self.config.data_dir.join(DATABASE_FILE), now)?),
        })
    }

    /// The files, beside servers that run on them.
    pub(super) fn blobs(&self) -> Result<Blobs, MovingError> {
        if !self.config.files.url.is_empty() {
            return Blobs::in_s3(&self.config.files).map_err(|error| MovingError::Blobs(error.to_string()));
        }
        let path = self.config.data_dir.join(BLOB_DIR);
        Blobs::beside(&path).map_err(|error| MovingError::Blobs(format!("{}: {error}", path.display())))
    }

    /// The server's key, if there is one.
    pub(super) fn server_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, MovingError> {
        keys::read_root(&self.key_path()).map_err(|error| StoreError::Internal(error.into()).into())
    }

    /// Puts a server's key there, unless it is there.
    pub(super) fn put_server_key(&self, key: &[u8; 32]) -> Result<(), MovingError> {
        match self.server_key()? {
            Some(there) if *there == *key => Ok(()),
            Some(_) => Err(MovingError::KeyThere(self.key_path().display().to_string())),
            None => {
                let path = self.key_path();
                keys::create(&path, key).map_err(|error| StoreError::Internal(error.into()).into())
            }
        }
    }

    fn key_path(&self) -> PathBuf {
        let path = &self.config.server_key_file;
        if path.as_os_str().is_empty() { self.config.data_dir.join(KEY_FILE) } else { path.clone() }
    }

    fn ca_file(&self) -> Option<&Path> {
        Some(self.config.store.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// The data folder, by the one name that it has.
    fn dir(&self) -> PathBuf {
        self.config.data_dir.canonicalize().unwrap_or_else(|_| self.config.data_dir.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let mut config = Config::default();
        config.store.url = "postgres://user:pass@word@db:5432/tozstore?options=x".to_owned().into();
        assert_eq!(Place::new(config).shown(), "postgres://db:5432/tozstore");
    }
}
