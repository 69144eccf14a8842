//! Where a client keeps what it remembers of sealed types.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::Error;
use crate::credentials::write_private_file;

/// What makes the bytes to keep out of those that are kept.
pub type ChangeState<'a> = dyn FnMut(Option<&[u8]>) -> Result<Vec<u8>, Error> + 'a;

/// Keeps the bytes of a client's state between runs, and between processes that hold the same credentials.
///
/// They hold no secrets, and are authenticated: what altered them is found out. Whoever puts old ones back undoes the
/// memory of what was seen since.
pub trait StateStore: Send + Sync {
    /// Calls `change` with what is kept, and keeps what it returns. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// What `change` returns, and then nothing is changed; or the bytes cannot be read or written.
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error>;
}

/// Keeps the state in memory: for programs that run once, and for tests. Nothing is known at the next start.
#[derive(Debug, Default)]
pub struct MemoryStateStore(Mutex<Option<Vec<u8>>>);

impl MemoryStateStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl StateStore for MemoryStateStore {
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *kept = Some(change(kept.as_deref())?);
        Ok(())
    }
}

/// Keeps the state in a file that its owner alone reads, under a lock of its own, replaced in one step.
#[derive(Clone, Debug)]
pub struct FileStateStore {
    path: PathBuf,
}

/// The most bytes of a state file.
const MAX_FILE_BYTES: u64 = 65 << 20;

impl FileStateStore {
    /// A store in this file, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn trouble(&self, what: &str, reason: &dyn std::fmt::Display) -> Error {
        Error::Caller(format!("the state file {} cannot be {what}: {reason}", self.path.display()))
    }

    fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.trouble("read", &error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.trouble("read", &error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(self.trouble("read", &"it is too large"));
        }
        Ok(Some(bytes))
    }
}

impl StateStore for FileStateStore {
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error> {
        // The file itself is replaced, so the lock is on one beside it.
        let mut lock_name = self.path.clone().into_os_string();
        lock_name.push(".lock");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&lock_name).map_err(|error| self.trouble("locked", &error))?;
        lock.lock().map_err(|error| self.trouble("locked", &error))?;
        let kept = self.read()?;
        let changed = change(kept.as_deref())?;
        if kept.as_ref() == Some(&changed) {
            return Ok(());
        }
        write_private_file(&self.path, &changed).map_err(|error| self.trouble("written", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_what_was_returned_and_nothing_of_what_failed() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStateStore::new(folder.path().join("state"));
        store.update(&mut |kept| Ok([kept.unwrap_or(b"new"), b"!"].concat())).unwrap();
        store.update(&mut |kept| Ok([kept.unwrap_or(b"new"), b"!"].concat())).unwrap();
        let failed = store.update(&mut |_| Err(Error::Conflict));
        assert!(matches!(failed, Err(Error::Conflict)));
        let mut seen = None;
        store
            .update(&mut |kept| {
                seen = kept.map(<[u8]>::to_vec);
                Ok(kept.unwrap_or_default().to_vec())
            })
            .unwrap();
        assert_eq!(seen.as_deref(), Some(&b"new!!"[..]));
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&store.path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn several_threads_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStateStore::new(folder.path().join("state"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        store.update(&mut |kept| Ok([kept.unwrap_or_default(), b"x"].concat())).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read(&store.path).unwrap().len(), 40);
    }
}
