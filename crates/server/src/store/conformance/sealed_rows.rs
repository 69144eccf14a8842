//! Sealed rows.

use std::sync::Arc;

use super::samples::{account_id, client, client_id};
use super::{Open, read, write};
use crate::clock::SystemClock;
use crate::store::{SealedKey, SealedRun, SealedTable, WriteTx};

/// Rows are put, replaced, read by runs in both directions, and removed; those of others stay as they are.
pub async fn sealed_rows(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    for table in SealedTable::ALL {
        write(&store, move |tx| {
            for (owner, key, value) in
                [(1, "b", "1"), (1, "a\0x", "2"), (1, "", "3"), (1, "a", "4"), (2, "a", "5"), (0, "z", "6")]
            {
                put(tx, table, owner, key.as_bytes(), value)?;
            }
            put(tx, table, 1, b"\xff", "7")?;
            put(tx, table, 1, b"b", "8")
        })
        .await
        .unwrap();
        let all = SealedRun::of_prefix(client_id(1), b"");
        let runs = [
            (all.clone(), false, 10, "3 4 2 8 7"),
            (all.clone(), true, 10, "7 8 2 4 3"),
            (all.clone(), true, 2, "7 8"),
            (all.clone(), false, 2, "3 4"),
            (SealedRun::of_prefix(client_id(1), b"a"), false, 10, "4 2"),
            (SealedRun::of_prefix(client_id(1), b"a"), true, 1, "2"),
            (SealedRun::of_prefix(client_id(1), b"a").after(b"a"), false, 10, "2"),
            (all.clone().after(b"a").before(b"b"), false, 10, "2"),
            (all.clone().after(b"b").before(b"a"), false, 10, ""),
            (SealedRun::of_prefix(client_id(1), b"\xff"), true, 10, "7"),
            (SealedRun::of_prefix(client_id(3), b""), true, 10, ""),
            (SealedRun::of_prefix(client_id(2), b""), true, 10, "5"),
        ];
        for (run, falling, limit, expected) in runs {
            let asked = run.clone();
            let rows = read(&store, move |tx| tx.sealed_rows(table, &asked, falling, limit)).await;
            let values: Vec<_> = rows.iter().map(|(_, value)| String::from_utf8_lossy(value)).collect();
            assert_eq!(values.join(" "), expected, "{table:?} {run:?} {falling} {limit}");
        }
        let row = move |owner, key: &'static [u8]| SealedKey::new(client_id(owner), key);
        let found = read(&store, move |tx| {
            Ok((tx.sealed_row(table, &row(1, b"a\0x"))?, tx.sealed_row(table, &row(1, b"a\0"))?))
        });
        assert_eq!(found.await, (Some(b"2".to_vec()), None));
        let removed = write(&store, move |tx| {
            let run = SealedRun::of_prefix(client_id(1), b"");
            Ok((
                tx.delete_sealed_row(table, &row(1, b"b"))?,
                tx.delete_sealed_row(table, &row(1, b"b"))?,
                tx.delete_sealed_rows(table, &run, 3)?,
                tx.sealed_rows(table, &run, false, 10)?.len(),
                tx.delete_sealed_rows(table, &run, 3)?,
                tx.sealed_row(table, &row(2, b"a"))?.is_some(),
            ))
        });
        assert_eq!(removed.await.unwrap(), (true, false, 3, 1, 1, true), "{table:?}");
    }
}

/// The rows of a deleted client go in steps, but for its bundles if others name it, and for what is still to be done.
pub async fn sealed_rows_are_erased(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        for n in [1, 2, 3] {
            tx.insert_client(&client(n))?;
            for table in SealedTable::ALL {
                // Client 2 is named by others.
                if table != SealedTable::Named || n == 2 {
                    for key in [b"a", b"b", b"c"] {
                        put(tx, table, n, key, "value")?;
                    }
                }
            }
        }
        tx.delete_client(client_id(1))?;
        tx.delete_client(client_id(2)).map(drop)
    })
    .await
    .unwrap();
    for step in 0.. {
        assert!(step < 200, "erasure does not end");
        if !write(&store, |tx| tx.erase_step(2)).await.unwrap() {
            break;
        }
    }
    for (n, expected) in [
        (1, vec![SealedTable::Exposures]),
        (2, vec![SealedTable::BundleHeads, SealedTable::Bundles, SealedTable::Exposures, SealedTable::Named]),
        (3, SealedTable::ALL.into_iter().filter(|table| *table != SealedTable::Named).collect()),
    ] {
        let left = read(&store, move |tx| {
            let run = SealedRun::of_prefix(client_id(n), b"");
            let mut left = Vec::new();
            for table in SealedTable::ALL {
                match tx.sealed_rows(table, &run, false, 10)?.len() {
                    0 => {}
                    3 => left.push(table),
                    other => panic!("{other} rows are left in {table:?}"),
                }
            }
            Ok(left)
        });
        assert_eq!(left.await, expected, "{n}");
    }
}

fn put(
    tx: &mut dyn WriteTx,
    table: SealedTable,
    owner: u32,
    key: &[u8],
    value: &str,
) -> Result<(), crate::store::StoreError> {
    tx.put_sealed_row(table, &SealedKey::new(client_id(owner), key), account_id(1), value.as_bytes())
}
