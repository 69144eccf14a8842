//! The file of a SQLite store: where it lies, who may open it, how connections are set up.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use crate::store::StoreError;

const FILE_NAME: &str = "tozstore.db";
/// Statements of one connection that stay prepared; there are fewer.
const PREPARED_STATEMENTS: usize = 256;
/// The log is cut back to this size when it starts again.
const LOG_BYTES: u32 = 64 * 1024 * 1024;

/// A database file that this process alone has opened.
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// The operating system lets go of the lock when this is closed, however the process ends.
    _lock: File,
}

impl DatabaseFile {
    /// Finds or makes the file, and locks it against other processes.
    pub(super) fn lock(path: &Path) -> Result<Self, StoreError> {
        let path = if path.is_dir() || path.extension().is_none() {
            make_directory(path).map_err(|error| failed("make", path, &error))?;
            path.join(FILE_NAME)
        } else {
            path.to_owned()
        };
        let lock_path = path.with_added_extension("lock");
        let lock = open_private(&lock_path).map_err(|error| failed("open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("{} is in use by another server", path.display());
                return Err(StoreError::Internal(text.into()));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &lock_path, &error)),
        }
        // SQLite gives its log the same permissions.
        open_private(&path).map_err(|error| failed("open", &path, &error))?;
        Ok(Self { path, _lock: lock })
    }

    /// Opens the file that is there, beside whoever has it locked.
    pub(super) fn open_beside(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        if !path.is_file() {
            return Err(StoreError::Internal(format!("there is no store at {}", path.display()).into()));
        }
        open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)
    }

    pub(super) fn open_to_write(&self, options: &SqliteOptions) -> Result<Connection, StoreError> {
        let conn = open(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)?;
        let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(StoreError::Internal("the file system does not allow a write-ahead log".into()));
        }
        // What is deleted is overwritten where that costs no more writing: erased must not mean merely unlisted.
        conn.query_row("PRAGMA secure_delete = FAST", [], |_| Ok(()))?;
        // The writer copies the log to the database by itself, when it is idle.
        conn.execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {LOG_BYTES};"
        ))?;
        Ok(conn)
    }

    pub(super) fn open_to_read(&self, options: &SqliteOptions) -> Result<Connection, StoreError> {
        open(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, options)
    }
}

fn open(path: &Path, access: OpenFlags, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(Duration::from_millis(options.busy_timeout_ms.into()))?;
    conn.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; \
         PRAGMA cell_size_check = ON; PRAGMA cache_size = -{};",
        options.cache_kib
    ))?;
    Ok(conn)
}

#[cfg(unix)]
fn make_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Opens a file that others on this machine may not read, and makes it if it is not there.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Internal(format!("cannot {verb} {}: {error}", path.display()).into())
}
