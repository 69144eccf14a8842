#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tozstore_fuzz::api::api_sealed(data));
