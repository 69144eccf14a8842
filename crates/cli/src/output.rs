//! Everything that is printed: results on standard output, remarks and errors on standard error.
//!
//! Names and values come from other people. They are shown with control characters escaped, so that a record cannot
//! move the cursor, set the terminal's title or hide a line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::exit::{Failure, Outcome};

/// Where output goes, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// Output as the global options ask for.
    pub const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether results are JSON.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Whether only results and errors are printed.
    pub const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints one line of a result, escaped.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn line(self, text: &str) -> Outcome {
        self.bytes(format!("{}\n", printable(text)).as_bytes())
    }

    /// Prints bytes exactly as they are.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn bytes(self, bytes: &[u8]) -> Outcome {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Prints one JSON document on a line of its own.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn document(self, document: &impl Serialize) -> Outcome {
        let mut text = serde_json::to_string(document).map_err(io::Error::other)?;
        text.push('\n');
        self.bytes(text.as_bytes())
    }

    /// Prints `document` when JSON is asked for, else the pairs of names and values, aligned.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn pairs(self, document: &impl Serialize, pairs: &[(&str, String)]) -> Outcome {
        if self.json { self.document(document) } else { self.bytes(aligned_pairs(pairs).as_bytes()) }
    }

    /// Prints the pairs of names and values, aligned, under a line of their own. For people.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn section<'a>(self, title: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Outcome {
        let pairs: Vec<(&str, String)> =
            pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let lines = aligned_pairs(&pairs);
        let lines = lines.lines().map(|line| format!("  {line}\n")).collect::<String>();
        self.bytes(format!("{}:\n{lines}", printable(title)).as_bytes())
    }

    /// Prints rows under their heads, aligned. For people; programs get one document per line.
    ///
    /// # Errors
    /// Standard output takes no more.
    pub fn table<const N: usize>(self, heads: [&str; N], rows: &[[String; N]]) -> Outcome {
        self.bytes(aligned_rows(heads, rows).as_bytes())
    }

    /// Tells a person what happened, on standard error. Programs and `--quiet` do not hear it.
    pub fn remark(self, text: &str) {
        if !self.json && !self.quiet {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{}", printable(text));
        }
    }

    /// Shows a line on a terminal that the next one takes the place of; an empty one takes it away.
    pub fn passing(self, text: &str) {
        let mut err = io::stderr().lock();
        if !self.json && !self.quiet && err.is_terminal() {
            // Back to the beginning of the line, and what is behind the text away.
            let _ = write!(err, "\r{}\x1b[K", printable(text));
            let _ = err.flush();
        }
    }

    /// Tells why the command failed.
    pub fn failure(self, failure: &Failure) {
        let mut err = io::stderr().lock();
        let _ = if self.json {
            let mut error = json!({
                "code": failure.code.name(),
                "exit": failure.code as u8,
                "message": failure.what,
                "advice": failure.advice,
            });
            if let Some(id) = &failure.request_id {
                error["request_id"] = id.as_str().into();
            }
            writeln!(err, "{}", json!({ "error": error }))
        } else {
            let (what, advice) = (printable(&failure.what), printable(&failure.advice));
            writeln!(err, "error: {what}\n  try: {advice}")
        };
    }

    /// Asks a question that is answered with yes or no; no terminal means no.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn confirm(self, question: &str) -> Outcome<bool> {
        if !io::stdin().is_terminal() {
            return Ok(false);
        }
        write!(io::stderr().lock(), "{} [y/N] ", printable(question))?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// The text with everything escaped that a terminal would act on or not show.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if is_unsafe(c) && c.is_ascii() => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\x{:02x}", u32::from(c));
            }
            c if is_unsafe(c) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Control characters, and those that reorder or hide text: see UAX #9 and Unicode TR #36.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Lines of a value stay lines; every one after the first is set in, so that a value cannot pass for a field.
fn aligned_pairs(pairs: &[(&str, String)]) -> String {
    let names: Vec<Cow<'_, str>> = pairs.iter().map(|(name, _)| printable(name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, (_, value)) in names.iter().zip(pairs) {
        let mut lines = value.split('\n');
        let first = lines.next().unwrap_or_default();
        push_line(&mut text, &format!("{name:<width$}  {}", printable(first)));
        for line in lines {
            push_line(&mut text, &format!("{:<width$}  | {}", "", printable(line)));
        }
    }
    text
}

fn aligned_rows<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[Cow<'_, str>; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let mut widths = heads.map(|head| head.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heads.map(Cow::Borrowed)).chain(&rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        push_line(&mut text, &cells.collect::<Vec<_>>().join("  "));
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_steered() {
        for (text, expected) in [
            ("plain äöü 🙂", "plain äöü 🙂"),
            ("a\u{1b}[2Jb", "a\\x1b[2Jb"),
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{7f}", "a\\x7f"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn a_value_cannot_pass_for_a_field() {
        let pairs = [("title", "x\nowner  me".to_owned()), ("id", "1".to_owned())];
        assert_eq!(aligned_pairs(&pairs), "title  x\n       | owner  me\nid     1\n");
    }

    #[test]
    fn rows_are_aligned() {
        let rows = [["a".to_owned(), "long cell".to_owned()], ["bbb".to_owned(), String::new()]];
        assert_eq!(aligned_rows(["ID", "NAME"], &rows), "ID   NAME\na    long cell\nbbb\n");
    }
}
