#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tozstore_fuzz::crypto::sealed_access_key_wrap(data));
