//! Replays the corpora of the fuzz targets through the very functions that the targets call.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test panics to report what it found")]

#[path = "../../../fuzz/src/server.rs"]
mod targets;

use std::path::PathBuf;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        run(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{target} has no corpus");
}

#[test]
fn archive() {
    replay("archive", targets::archive);
}

#[test]
fn archive_rows() {
    replay("archive_rows", targets::archive_rows);
}
