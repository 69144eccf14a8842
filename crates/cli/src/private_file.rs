//! Files that hold secrets: readable by their owner alone, replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::exit::{Code, Failure, Outcome};

/// Creates a file that is not there yet.
///
/// # Errors
/// The file is there, or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> Outcome {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => not_written(path, &error),
    };
    let temporary = write_beside(path, bytes).map_err(failed)?;
    // A link, unlike a rename, never replaces what is there. Where file systems have no links, the caller's own check
    // that nothing is there has to do.
    let linked = fs::hard_link(&temporary, path);
    match linked {
        Ok(()) => fs::remove_file(&temporary).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&temporary).map_err(failed)?;
            Err(exists(path))
        }
        Err(_) => fs::rename(&temporary, path).map_err(failed),
    }
}

/// Writes a file, in the place of the one that is there.
///
/// # Errors
/// The file cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Outcome {
    let failed = |error: io::Error| not_written(path, &error);
    let temporary = write_beside(path, bytes).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)
}

/// Reads a file of at most `max_bytes`, unless others than its owner could read it too. `None` when it is not there.
///
/// # Errors
/// The file cannot be read, is too large, or is readable by others.
pub fn read(path: &Path, max_bytes: u64) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
    let failed = |error: io::Error| {
        let advice = "check the path and its permissions";
        Failure::new(Code::Failed, format!("cannot read {}: {error}", path.display()), advice)
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    refuse_readers(path, &metadata)?;
    // Full size from the start: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len().min(max_bytes) as usize + 1));
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max_bytes {
        return Err(failed(io::Error::other("it is too large to be one of ours")));
    }
    Ok(Some(bytes))
}

/// Creates a folder that its owner alone can enter.
///
/// # Errors
/// The folder cannot be created.
pub fn create_folder(path: &Path) -> Outcome {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("cannot create the folder {}: {error}", path.display()),
            "check its permissions, or name another folder in TOZSTORE_CONFIG_DIR",
        )
    })
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let temporary = path.with_extension(format!("{}-{moment}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The half-written file holds secrets; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

#[cfg(unix)]
fn refuse_readers(path: &Path, metadata: &fs::Metadata) -> Outcome {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::Refused,
        format!("{} holds secrets, and others can read it (mode {mode:03o})", path.display()),
        format!(
            "take it from them: chmod 600 '{}'; if they may have read it, register a new client",
            path.display()
        ),
    ))
}

#[cfg(not(unix))]
fn refuse_readers(_path: &Path, _metadata: &fs::Metadata) -> Outcome {
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        Code::Conflict,
        format!("{} is there already", path.display()),
        "choose another name with --profile; nothing was replaced",
    )
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Code::Failed,
        format!("cannot write {}: {error}", path.display()),
        "check the folder's permissions and the space that is left",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().code, Code::Conflict);
        assert_eq!(read(&path, 100).unwrap().unwrap().as_slice(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(read(&path, 5).unwrap().unwrap().as_slice(), b"three");
        assert!(read(&path, 4).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "temporary files are gone");
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        create(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, 100).unwrap_err().code, Code::Refused, "{mode:o}");
        }
    }

    #[test]
    fn a_missing_file_is_not_an_error() {
        assert!(read(Path::new("/nonexistent/file"), 100).unwrap().is_none());
    }
}
