//! What was measured so far, in a file: a run that was cut off goes on where it stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{AnyError, median};

/// Numbers of readers and records.
pub(crate) type Cell = (u64, u64);

/// The figures.
pub(crate) struct Results {
    path: PathBuf,
    /// Milliseconds until each revocation returned.
    times: BTreeMap<Cell, Vec<f64>>,
    /// Bytes that one sends, by readers.
    sent: BTreeMap<u64, u64>,
}

impl Results {
    pub(crate) fn open(folder: &Path) -> Result<Self, AnyError> {
        let path = folder.join("results.json");
        let mut results = Self { path, times: BTreeMap::new(), sent: BTreeMap::new() };
        if !results.path.exists() {
            return Ok(results);
        }
        let broken = || format!("{} is not what was written: remove the folder", results.path.display());
        let json: Value = serde_json::from_slice(&std::fs::read(&results.path)?)?;
        let number = |of: &Value, name: &str| of[name].as_u64();
        for cell in json["times"].as_array().ok_or_else(broken)? {
            let place = number(cell, "readers").zip(number(cell, "records")).ok_or_else(broken)?;
            let times = cell["ms"].as_array().ok_or_else(broken)?.iter().filter_map(Value::as_f64);
            results.times.insert(place, times.collect());
        }
        for cell in json["sent"].as_array().ok_or_else(broken)? {
            let (readers, bytes) = number(cell, "readers").zip(number(cell, "bytes")).ok_or_else(broken)?;
            results.sent.insert(readers, bytes);
        }
        Ok(results)
    }

    pub(crate) fn insert(&mut self, cell: Cell, times: Vec<f64>) -> Result<(), AnyError> {
        self.times.insert(cell, times);
        self.save()
    }

    pub(crate) fn insert_sent(&mut self, readers: u64, bytes: u64) -> Result<(), AnyError> {
        self.sent.insert(readers, bytes);
        self.save()
    }

    pub(crate) fn has(&self, cell: Cell) -> bool {
        self.times.contains_key(&cell)
    }

    /// Bytes of the requests of one revocation.
    pub(crate) fn sent(&self, readers: u64) -> Option<u64> {
        self.sent.get(&readers).copied()
    }

    /// The median, and the longest.
    pub(crate) fn of(&self, cell: Cell) -> Option<(f64, f64)> {
        let times = self.times.get(&cell)?;
        Some((median(times.iter().copied()), times.iter().copied().fold(0.0, f64::max)))
    }

    fn save(&self) -> Result<(), AnyError> {
        let times = self
            .times
            .iter()
            .map(|((readers, records), ms)| json!({ "readers": readers, "records": records, "ms": ms }));
        let sent = self.sent.iter().map(|(readers, bytes)| json!({ "readers": readers, "bytes": bytes }));
        let json = json!({ "times": times.collect::<Vec<_>>(), "sent": sent.collect::<Vec<_>>() });
        // Never half a file.
        let fresh = self.path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(&json)?)?;
        Ok(std::fs::rename(fresh, &self.path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::open(folder.path()).unwrap();
        results.insert((10, 1_000), vec![3.0, 1.0, 2.0]).unwrap();
        results.insert_sent(10, 15_000).unwrap();
        let again = Results::open(folder.path()).unwrap();
        assert_eq!((again.of((10, 1_000)), again.sent(10)), (Some((2.0, 3.0)), Some(15_000)));
        assert!(again.has((10, 1_000)) && !again.has((10, 10_000)) && again.of((100, 1_000)).is_none());
        std::fs::write(folder.path().join("results.json"), "{}").unwrap();
        assert!(Results::open(folder.path()).is_err());
    }
}
