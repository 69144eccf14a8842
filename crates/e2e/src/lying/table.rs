//! The table in `docs/threat-model.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One of the two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Sealed types.
    Sealed,
    /// Interop types.
    Interop,
}

/// The table, as the document has it.
pub struct Table {
    text: String,
    cells: BTreeMap<(u32, Format), String>,
}

const HEADER: &str = "| # | attack | sealed, measured | interop, measured |";

impl Table {
    /// Reads the document.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(path()).expect("docs/threat-model.md");
        let mut cells = BTreeMap::new();
        for line in rows(&text) {
            let [number, _, sealed, interop] = columns(line);
            let number: u32 = number.parse().expect("the number of a row");
            cells.insert((number, Format::Sealed), sealed.to_owned());
            cells.insert((number, Format::Interop), interop.to_owned());
        }
        Self { text, cells }
    }

    /// All cells.
    pub const fn cells(&self) -> &BTreeMap<(u32, Format), String> {
        &self.cells
    }

    /// Writes the document with these cells in the place of its own.
    pub fn write(&self, cells: &BTreeMap<(u32, Format), String>) {
        let mut text = self.text.clone();
        for line in rows(&self.text) {
            let [number, attack, _, _] = columns(line);
            let row = number.parse().expect("the number of a row");
            let [sealed, interop] =
                [Format::Sealed, Format::Interop].map(|format| cells[&(row, format)].clone());
            text = text.replace(line, &format!("| {number} | {attack} | {sealed} | {interop} |"));
        }
        std::fs::write(path(), text).expect("docs/threat-model.md");
    }
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/threat-model.md"))
}

fn rows(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().skip_while(|line| *line != HEADER).skip(2).peekable();
    assert!(lines.peek().is_some(), "docs/threat-model.md has no table with the header {HEADER:?}");
    lines.take_while(|line| line.starts_with('|'))
}

fn columns(line: &str) -> [&str; 4] {
    let columns: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    columns.try_into().unwrap_or_else(|_| panic!("four columns: {line}"))
}
