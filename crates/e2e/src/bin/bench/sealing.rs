//! Sealing and opening one record of 10 fields of 100 bytes, and revoking one of many readers, on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tozstore_crypto::{AccessKey, open_field, seal_field};

use crate::AnyError;
use crate::revoke::crypto::time_of_revocation;

const FIELDS: usize = 10;
const FIELD_BYTES: usize = 100;
/// Readers that a revocation leaves, and what it may take with 1,000 of them, in milliseconds.
const REMAINING: [u64; 3] = [10, 100, 1_000];
const REVOCATION_MS: f64 = 250.0;

pub(crate) fn run(round: Duration) -> Result<(), AnyError> {
    revocations(round)?;
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
    Ok(())
}

/// What the client computes to revoke one reader of a sealed type.
fn revocations(round: Duration) -> Result<(), AnyError> {
    println!("## What the client computes to revoke one reader, one core\n");
    println!(
        "Processor time of one thread; with 1,000 readers left it is to stay below {REVOCATION_MS:.0} ms.\n"
    );
    println!("| readers left | ms |\n| ---: | ---: |");
    for remaining in REMAINING {
        let taken = time_of_revocation(remaining, round)?;
        println!("| {remaining} | {:.1} |", taken.as_secs_f64() * 1_000.0);
    }
    println!();
    Ok(())
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
