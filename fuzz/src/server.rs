//! Targets of `server`: nothing panics, and what an archive holds is the same when it is written again.

use tozstore_crypto::blake2b_256;
use tozstore_server::archive::{
    ArchiveError, ArchiveReader, ArchiveWriter, MAGIC, Part, Totals, decode_rows, encode_row,
};

/// `archive`: an archive as it is, and frames of which the digests fit: for each a kind, two bytes of length, a payload.
pub fn archive(data: &[u8]) {
    let _ = read(data);
    let mut bytes = MAGIC.to_vec();
    let mut digest = blake2b_256(MAGIC);
    let mut rest = data;
    while let Some((&[kind, high, low], behind)) = rest.split_first_chunk::<3>() {
        let (payload, behind) = behind.split_at(behind.len().min(u16::from_be_bytes([high, low]).into()));
        rest = behind;
        let len = (payload.len() as u32).to_be_bytes();
        let frame = [&[kind], &len[..], payload].concat();
        digest = blake2b_256(&[&digest[..], &frame].concat());
        bytes.extend_from_slice(&frame);
        bytes.extend_from_slice(&digest);
    }
    if let Ok((again, totals)) = read(&bytes) {
        let (third, totals_again) = read(&again).expect("what was written can be read");
        assert_eq!(totals, totals_again);
        assert_eq!(again, third);
    }
}

/// `archive_rows`: the rows of a frame, of as many columns as the first byte says.
pub fn archive_rows(data: &[u8]) {
    let Some((&columns, payload)) = data.split_first() else { return };
    if let Some(rows) = decode_rows(payload, columns.into()) {
        let mut again = Vec::new();
        rows.iter().for_each(|row| encode_row(row, &mut again));
        assert_eq!(again, payload);
    }
}

/// Reads an archive and writes it again.
fn read(bytes: &[u8]) -> Result<(Vec<u8>, Totals), ArchiveError> {
    let mut reader = ArchiveReader::new(bytes)?;
    let mut writer = ArchiveWriter::new(Vec::new(), reader.header())?;
    loop {
        match reader.next_part()? {
            Part::ServerKey(key) => writer.server_key(&key)?,
            Part::Table(head) => writer.begin_table(&head)?,
            Part::Rows(rows) => rows.iter().try_for_each(|row| writer.row(row))?,
            Part::TableEnd(sum) => assert_eq!(writer.end_table()?, sum),
            Part::Blob(head) => writer.begin_blob(&head)?,
            Part::Bytes(bytes) => writer.bytes(&bytes)?,
            Part::End(totals) => {
                let (out, found, _) = writer.finish()?;
                assert_eq!(found, totals);
                return Ok((out, totals));
            }
        }
    }
}
