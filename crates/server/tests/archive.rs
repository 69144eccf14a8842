//! The archive format: what is damaged in any way is found, and what is not comes back.
#![allow(clippy::panic, clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

use tozstore_api::Timestamp;
use tozstore_crypto::{FileTally, StoreId};
use tozstore_server::archive::{
    ArchiveError, ArchiveHeader, ArchiveReader, ArchiveWriter, BlobHead, MAGIC, MAX_FRAME_BYTES, Part,
    TableHead, Totals,
};
use tozstore_server::blobs::BlobKey;
use tozstore_server::store::raw::{RawRow, RawValue};

fn head(name: &str, columns: &[(&str, &str)]) -> TableHead {
    let columns = columns.iter().map(|&(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    TableHead { name: name.to_owned(), columns }
}

fn rows() -> Vec<RawRow> {
    (0..3)
        .map(|n| {
            let text = if n == 0 { RawValue::Null } else { RawValue::Text(format!("text {n}\0")) };
            vec![RawValue::Bytes(vec![n as u8; 16]), text, RawValue::Integer(n), RawValue::Integer(n % 2)]
        })
        .collect()
}

fn blobs() -> [Vec<u8>; 3] {
    [b"sealed bytes".to_vec(), Vec::new(), vec![7; 100]]
}

fn blob_head(n: usize, bytes: &[u8]) -> BlobHead {
    let mut tally = FileTally::new();
    tally.count(bytes);
    let sealed = tally.finish();
    BlobHead {
        key: BlobKey::from_bytes([n as u8; 16]),
        len_bytes: sealed.len_bytes,
        checksum: sealed.checksum,
    }
}

fn sample() -> Vec<u8> {
    let header = ArchiveHeader {
        store_id: StoreId::from_bytes([9; 16]),
        created: Timestamp::from_micros(1_800_000_000_000_001),
        program: "0.1.0".into(),
        engine: "sqlite".into(),
        schema: 10,
    };
    let mut archive = ArchiveWriter::new(Vec::new(), &header).unwrap();
    archive.server_key(&[3; 32]).unwrap();
    let columns = [("id", "bytes"), ("name", "text"), ("count", "integer"), ("is_new", "flag")];
    archive.begin_table(&head("things", &columns)).unwrap();
    rows().iter().for_each(|row| archive.row(row).unwrap());
    assert_eq!(archive.end_table().unwrap().rows, 3);
    archive.begin_table(&head("none", &columns[..1])).unwrap();
    archive.end_table().unwrap();
    for (n, bytes) in blobs().iter().enumerate() {
        archive.begin_blob(&blob_head(n, bytes)).unwrap();
        bytes.chunks(64).for_each(|piece| archive.bytes(piece).unwrap());
    }
    archive.finish().unwrap().0
}

fn read(bytes: &[u8]) -> Result<Vec<Part>, ArchiveError> {
    let mut archive = ArchiveReader::new(bytes)?;
    let mut parts = Vec::new();
    loop {
        let part = archive.next_part()?;
        let is_end = matches!(part, Part::End(_));
        parts.push(part);
        if is_end {
            return Ok(parts);
        }
    }
}

/// Where each frame begins, and the end.
fn frames(archive: &[u8]) -> Vec<usize> {
    let mut places = vec![MAGIC.len()];
    while let Some(&at) = places.last().filter(|&&at| at < archive.len()) {
        let len = u32::from_be_bytes(archive[at + 1..at + 5].try_into().unwrap());
        places.push(at + 5 + len as usize + 32);
    }
    assert_eq!(places.last(), Some(&archive.len()));
    places
}

#[test]
fn what_was_written_comes_back() {
    let sample = sample();
    let parts = read(&sample).unwrap();
    let mut found = (Vec::new(), Vec::new());
    for part in &parts {
        match part {
            Part::Rows(rows) => found.0.extend(rows.clone()),
            Part::Blob(head) => found.1.push((*head, Vec::new())),
            Part::Bytes(bytes) => found.1.last_mut().unwrap().1.extend_from_slice(bytes),
            _ => {}
        }
    }
    assert_eq!(found.0, rows());
    let expected = blobs().into_iter().enumerate().map(|(n, bytes)| (blob_head(n, &bytes), bytes));
    assert_eq!(found.1, expected.collect::<Vec<_>>());
    let totals = Totals { tables: 2, rows: 3, blobs: 3, blob_bytes: 112 };
    assert!(matches!(parts.last(), Some(Part::End(end)) if *end == totals), "{parts:?}");
    assert!(matches!(&parts[0], Part::ServerKey(key) if **key == [3; 32]));
}

/// The bytes that docs/formats/archive.md describes: what reads archives of today must go on to.
#[test]
fn the_bytes_are_those_of_the_format() {
    let sample = sample();
    assert!(sample.starts_with(b"TOZARCHIVE\x00\x01\x01\x00\x00\x00"));
    let digest = tozstore_crypto::blake2b_256(&sample).map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(
        digest,
        include_str!("archive.digest").trim(),
        "the format has changed: give it another version"
    );
}

#[test]
fn every_flipped_bit_is_found() {
    let sample = sample();
    for at in 0..sample.len() {
        for bit in 0..8 {
            let mut damaged = sample.clone();
            damaged[at] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_is_found_and_so_is_what_is_behind_the_end() {
    let sample = sample();
    for len in 0..sample.len() {
        let error = read(&sample[..len]).unwrap_err();
        let expected = if len < MAGIC.len() {
            matches!(error, ArchiveError::NoArchive)
        } else {
            matches!(error, ArchiveError::Cut)
        };
        assert!(expected, "{len}: {error}");
    }
    for more in [&b"\0"[..], &sample] {
        assert!(matches!(read(&[&sample, more].concat()), Err(ArchiveError::Trailing)));
    }
}

#[test]
fn frames_that_are_gone_or_elsewhere_or_there_twice_are_found() {
    let sample = sample();
    let places = frames(&sample);
    let frame = |n: usize| &sample[places[n]..places[n + 1]];
    let count = places.len() - 1;
    let join = |order: &[usize]| {
        let mut archive = MAGIC.to_vec();
        order.iter().for_each(|&n| archive.extend_from_slice(frame(n)));
        archive
    };
    let order: Vec<usize> = (0..count).collect();
    assert_eq!(join(&order), sample);
    for n in 0..count {
        let mut without = order.clone();
        without.remove(n);
        assert!(read(&join(&without)).is_err(), "without {n}");
        let mut twice = order.clone();
        twice.insert(n, n);
        assert!(read(&join(&twice)).is_err(), "twice {n}");
        for other in n + 1..count {
            let mut swapped = order.clone();
            swapped.swap(n, other);
            assert!(read(&join(&swapped)).is_err(), "{n} and {other}");
        }
    }
}

#[test]
fn other_files_and_other_versions_are_told() {
    assert!(matches!(read(b""), Err(ArchiveError::NoArchive)));
    assert!(matches!(read(b"PK\x03\x04 and more of it"), Err(ArchiveError::NoArchive)));
    let mut newer = sample();
    newer[MAGIC.len() - 1] += 1;
    assert!(matches!(read(&newer), Err(ArchiveError::Newer)));
    // A length is not believed before the bytes are there.
    let mut long = sample();
    long.truncate(MAGIC.len());
    long.extend_from_slice(&[1, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(read(&long), Err(ArchiveError::Malformed { frame: 0, .. })));
    long.truncate(MAGIC.len() + 1);
    long.extend_from_slice(&(MAX_FRAME_BYTES as u32).to_be_bytes());
    assert!(matches!(read(&long), Err(ArchiveError::Cut)));
}

/// Archives whose checksums fit, and whose content does not.
#[test]
fn what_the_writer_was_told_wrongly_is_refused() {
    let header = || ArchiveReader::new(&sample()[..]).unwrap().header().clone();
    let table = head("t", &[("a", "integer")]);
    let begin = || ArchiveWriter::new(Vec::new(), &header()).unwrap();
    let refused = |archive: ArchiveWriter<Vec<u8>>| {
        let bytes = archive.finish().unwrap().0;
        matches!(read(&bytes), Err(ArchiveError::Malformed { .. }))
    };
    let mut other_kind = begin();
    other_kind.begin_table(&table).unwrap();
    other_kind.row(&[RawValue::Text("1".into())]).unwrap();
    other_kind.end_table().unwrap();
    assert!(refused(other_kind));

    let mut twice = begin();
    for _ in 0..2 {
        twice.begin_table(&table).unwrap();
        twice.end_table().unwrap();
    }
    assert!(refused(twice));

    let mut open = begin();
    open.begin_table(&table).unwrap();
    assert!(refused(open));

    for bytes in [&b"short"[..], b"much longer than it should be"] {
        let mut blob = begin();
        blob.begin_blob(&blob_head(1, b"sealed bytes")).unwrap();
        blob.bytes(bytes).unwrap();
        assert!(refused(blob), "{bytes:?}");
    }

    let mut late = begin();
    late.begin_blob(&blob_head(1, b"")).unwrap();
    late.begin_table(&table).unwrap();
    assert!(refused(late));
}
