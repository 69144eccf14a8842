//! Replays the corpora of the fuzz targets through the very functions that the targets call.
#![allow(clippy::unwrap_used, reason = "a test panics to report what it found")]

#[path = "../../../fuzz/src/api.rs"]
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

macro_rules! replay {
    ($($target:ident)+) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), targets::$target);
        }
    )+};
}

replay! {
    api_access_key api_file api_group api_hook api_note api_path api_policy api_record api_sealed api_search api_term_search
}

/// A corpus that no longer reads would try nothing.
#[test]
fn bodies_of_the_sealed_corpus_are_read_but_for_the_broken_ones() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/api_sealed");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_read = targets::is_sealed_body(&std::fs::read(&path).unwrap());
        assert_eq!(is_read, !matches!(name, "cut" | "count"), "{name}");
    }
}
