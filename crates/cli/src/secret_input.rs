//! Secrets that are given: the first line of a file or of standard input, or a variable.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use tozstore::Secret;
use zeroize::Zeroizing;

use crate::exit::{Code, Failure, Outcome};

/// Bytes that such a secret may have.
const MAX_SECRET_BYTES: usize = 4096;

/// The first line of a file.
///
/// # Errors
/// It cannot be read, is no text, or is too long.
pub fn first_line_of_file(path: &Path) -> Outcome<Secret> {
    std::fs::File::open(path)
        .and_then(first_line)
        .map_err(|error| failure(&path.display().to_string(), &error))
}

/// The first line of standard input; at a terminal, asked for and not shown.
///
/// # Errors
/// It cannot be read, is no text, or is too long.
pub fn first_line_of_standard_input(question: &str) -> Outcome<Secret> {
    if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(question).map_err(|error| failure("the terminal", &error))?;
        return Ok(Secret::new(typed));
    }
    first_line(io::stdin().lock()).map_err(|error| failure("standard input", &error))
}

/// The value of a variable, if it is set to one.
pub fn variable(name: &str) -> Option<Secret> {
    let value = Zeroizing::new(std::env::var(name).ok()?);
    (!value.is_empty()).then(|| Secret::new(value.as_str()))
}

fn first_line(source: impl Read) -> io::Result<Secret> {
    // Full size from the start: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES + 1));
    source.take(MAX_SECRET_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_SECRET_BYTES {
        return Err(io::Error::other("its first line is too long"));
    }
    let text = std::str::from_utf8(line).map_err(|_| io::Error::other("it is not text"))?;
    Ok(Secret::new(text))
}

fn failure(what: &str, error: &io::Error) -> Failure {
    Failure::new(
        Code::Failed,
        format!("cannot read the secret in {what}: {error}"),
        "check the path and its permissions",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_taken_without_its_end() {
        for (text, expected) in [("a b \nc", "a b "), ("a\r\n", "a"), ("a", "a"), ("", "")] {
            assert_eq!(first_line(text.as_bytes()).unwrap().expose(), expected);
        }
        assert!(first_line(&vec![b'a'; MAX_SECRET_BYTES + 1][..]).is_err());
        assert!(first_line(&[0xff][..]).is_err());
    }
}
