//! Replays the corpora of the fuzz targets through the very functions that the targets call.
#![allow(clippy::unwrap_used, reason = "a test panics to report what it found")]

#[path = "../../../fuzz/src/crypto.rs"]
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

replay! { account_config field file keys note record_signature request sealed_wrap sealed_bundle sealed_card sealed_group_entry sealed_log_entry sealed_record sealed_record_parts signed_field wrapped_access_key }
