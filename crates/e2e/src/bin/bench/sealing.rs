//! Sealing and opening one record of 10 fields of 100 bytes, on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tozstore_crypto::{AccessKey, open_field, seal_field};

const FIELDS: usize = 10;
const FIELD_BYTES: usize = 100;

pub(crate) fn run(round: Duration) {
    let key = AccessKey::generate();
    let value = "v".repeat(FIELD_BYTES);
    let sealed: Vec<String> = (0..FIELDS).map(|_| seal_field(&key, &value)).collect();
    let seal = per_second(round, || {
        for _ in 0..FIELDS {
            black_box(seal_field(&key, black_box(&value)));
        }
    });
    let open = per_second(round, || {
        for field in &sealed {
            black_box(open_field(&key, black_box(field)).is_ok());
        }
    });
    println!("## One record of {FIELDS} fields of {FIELD_BYTES} bytes, one core\n");
    println!("| SDK | records sealed per second | records opened per second |");
    println!("| --- | --- | --- |");
    println!("| tozstore | {seal:.0} | {open:.0} |");
}

fn per_second(round: Duration, mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut times = 0_u64;
    while begun.elapsed() < round {
        for _ in 0..16 {
            work();
        }
        times += 16;
    }
    times as f64 / begun.elapsed().as_secs_f64()
}
