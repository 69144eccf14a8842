//! The file of an archive: there is nothing under its name before all of it is written, and never in the place of another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Code, Failure, Outcome};

const BUFFER_BYTES: usize = 1024 * 1024;

/// An archive that is being written. Dropping it removes what was written.
pub struct ArchiveFile {
    /// None for standard output, and once it is kept.
    parts: Option<Parts>,
}

struct Parts {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl ArchiveFile {
    /// Begins a file that only its owner can read, or standard output.
    ///
    /// # Errors
    /// Something is there already, or it cannot be written.
    pub fn create(path: &Path) -> Outcome<(Self, Box<dyn Write + Send>)> {
        if super::is_dash(path) {
            let out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
            return Ok((Self { parts: None }, Box::new(out)));
        }
        if fs::symlink_metadata(path).is_ok() {
            return Err(exists(path));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".part-{}", std::process::id()));
        let temporary = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options.open(&temporary).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, file) = opened.map_err(|error| not_written(path, &error))?;
        let parts = Parts { path: path.to_owned(), temporary, file };
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        Ok((Self { parts: Some(parts) }, Box::new(out)))
    }

    /// Makes what was written durable, and gives it its name.
    ///
    /// # Errors
    /// Something is there by now, or it cannot be written.
    pub fn keep(mut self) -> Outcome {
        let Some(Parts { path, temporary, file }) = &self.parts else { return Ok(()) };
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => not_written(path, &error),
        };
        file.sync_all().map_err(failed)?;
        // A link, unlike a rename, never replaces what is there. Not all file systems have links.
        match fs::hard_link(temporary, path) {
            Ok(()) => fs::remove_file(temporary).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(path)),
            Err(_) => fs::rename(temporary, path).map_err(failed)?,
        }
        #[cfg(unix)]
        {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = File::open(folder.unwrap_or(Path::new(".")));
            folder.and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        self.parts = None;
        Ok(())
    }
}

impl Drop for ArchiveFile {
    fn drop(&mut self) {
        if let Some(parts) = &self.parts {
            let _ = fs::remove_file(&parts.temporary);
        }
    }
}

/// Opens an archive, or standard input.
///
/// # Errors
/// It cannot be read.
pub fn open(path: &Path) -> Outcome<Box<dyn Read + Send>> {
    if super::is_dash(path) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())));
    }
    let file = File::open(path).map_err(|error| {
        let what = format!("cannot read {}: {error}", path.display());
        Failure::new(Code::Failed, what, "check the path and its permissions")
    })?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

fn exists(path: &Path) -> Failure {
    let what = format!("{} is there already", path.display());
    Failure::new(Code::Conflict, what, "choose another name; archives are never written over")
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot write {}: {error}", path.display());
    Failure::new(Code::Failed, what, "check the path, its permissions, and the room on the disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole_and_in_the_place_of_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive");
        let (file, mut out) = ArchiveFile::create(&path).unwrap();
        out.write_all(b"some").unwrap();
        assert!(!path.exists());
        drop((file, out));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let (file, mut out) = ArchiveFile::create(&path).unwrap();
        out.write_all(b"all").unwrap();
        out.flush().unwrap();
        file.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(ArchiveFile::create(&path).err().unwrap().code, Code::Conflict);
    }
}
