#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tozstore_fuzz::crypto::sealed_group_entry(data));
