//! How rows lie in a frame, and what the rows of a table come to.

use tozstore_crypto::blake2b_256;

use crate::store::raw::{RawRow, RawValue};

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;

/// Appends a row: for each value a byte that tells what it is, then 8 bytes of an integer, or 4 bytes of a length and
/// that many bytes. Numbers are big-endian.
///
/// A value is shorter than 4 GiB, as every engine sees to; what is beyond is cut off.
pub fn encode_row(row: &[RawValue], out: &mut Vec<u8>) {
    let put = |out: &mut Vec<u8>, kind, bytes: &[u8]| {
        let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
        out.push(kind);
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    for value in row {
        match value {
            RawValue::Bytes(bytes) => put(out, BYTES, bytes),
            RawValue::Text(text) => put(out, TEXT, text.as_bytes()),
            RawValue::Integer(number) => {
                out.push(INTEGER);
                out.extend_from_slice(&number.to_be_bytes());
            }
            RawValue::Null => out.push(NULL),
        }
    }
}

/// The rows of a frame, each of so many columns; none if it does not consist of such rows, or of no row.
pub fn decode_rows(mut payload: &[u8], columns: usize) -> Option<Vec<RawRow>> {
    if columns == 0 || payload.is_empty() {
        return None;
    }
    let mut rows = Vec::new();
    while !payload.is_empty() {
        let mut row = Vec::with_capacity(columns.min(payload.len()));
        for _ in 0..columns {
            row.push(decode_value(&mut payload)?);
        }
        rows.push(row);
    }
    Some(rows)
}

fn decode_value(payload: &mut &[u8]) -> Option<RawValue> {
    let (&kind, rest) = payload.split_first()?;
    *payload = rest;
    Some(match kind {
        NULL => RawValue::Null,
        INTEGER => {
            let (number, rest) = payload.split_first_chunk::<8>()?;
            *payload = rest;
            RawValue::Integer(i64::from_be_bytes(*number))
        }
        BYTES | TEXT => {
            let (len, rest) = payload.split_first_chunk::<4>()?;
            let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            *payload = rest;
            if kind == BYTES {
                RawValue::Bytes(bytes.to_vec())
            } else {
                RawValue::Text(std::str::from_utf8(bytes).ok()?.to_owned())
            }
        }
        _ => return None,
    })
}

/// Rows, whatever their order: how many, and the sum of their BLAKE2b-256 as little-endian numbers modulo 2^256. Tells
/// accidents in copying; who chooses rows on purpose may find others of the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSum {
    /// How many.
    pub rows: u64,
    /// The sum.
    pub digest: [u8; 32],
}

impl RowSum {
    /// Adds a row.
    pub fn add(&mut self, row: &[RawValue]) {
        let mut encoded = Vec::new();
        encode_row(row, &mut encoded);
        self.add_encoded(&encoded);
    }

    pub(super) fn add_encoded(&mut self, row: &[u8]) {
        self.rows += 1;
        let mut carry = 0;
        for (sum, byte) in self.digest.iter_mut().zip(blake2b_256(row)) {
            let total = u16::from(*sum) + u16::from(byte) + carry;
            *sum = (total & 0xff) as u8;
            carry = total >> 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i64) -> RawRow {
        vec![
            RawValue::Integer(n),
            RawValue::Null,
            RawValue::Bytes(vec![0, 255]),
            RawValue::Text("ä\0".into()),
        ]
    }

    #[test]
    fn rows_come_back() {
        let mut payload = Vec::new();
        let rows = [row(1), row(i64::MIN), row(-1)];
        rows.iter().for_each(|row| encode_row(row, &mut payload));
        assert_eq!(decode_rows(&payload, 4).unwrap(), rows);
        for len in 0..payload.len() {
            let whole = decode_rows(&payload[..len], 4).is_some();
            assert_eq!(whole, len > 0 && len % (payload.len() / 3) == 0, "{len}");
        }
        assert!(decode_rows(&payload, 5).is_none() && decode_rows(&payload, 0).is_none());
        assert!(decode_rows(&[TEXT, 0, 0, 0, 1, 0xff], 1).is_none());
        assert!(decode_rows(&[4], 1).is_none());
        assert!(decode_rows(&[BYTES, 0xff, 0xff, 0xff, 0xff, 0], 1).is_none());
    }

    #[test]
    fn sums_tell_rows_but_not_their_order() {
        let sum = |rows: &[i64]| {
            let mut sum = RowSum::default();
            rows.iter().for_each(|&n| sum.add(&row(n)));
            sum
        };
        assert_eq!(sum(&[1, 2, 3]), sum(&[3, 1, 2]));
        assert_ne!(sum(&[1, 2, 3]), sum(&[1, 2, 4]));
        assert_ne!(sum(&[1, 1]), sum(&[2, 2]));
        assert_ne!(sum(&[1]).digest, sum(&[1, 1]).digest);
        // A carry goes through all bytes and is dropped at the end.
        let mut all = RowSum { rows: 0, digest: [255; 32] };
        all.add(&row(1));
        let one = sum(&[1]).digest;
        let expected = one.iter().scan(true, |borrow, &byte| {
            let less = byte.wrapping_sub((*borrow).into());
            *borrow &= byte == 0;
            Some(less)
        });
        assert_eq!(all.digest.to_vec(), expected.collect::<Vec<_>>());
    }
}
