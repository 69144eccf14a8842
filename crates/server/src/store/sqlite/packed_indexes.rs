//! Record indexes as bytes: ascending, each as the distance from the one before, in LEB128 (7 bits a byte, low ones
//! first).

use crate::store::StoreError;

const MORE: u8 = 0x80;
const BITS: u8 = 0x7f;

/// Packs ascending indexes.
pub(super) fn pack(indexes: &[u64]) -> Vec<u8> {
    let (mut bytes, mut before) = (Vec::with_capacity(indexes.len() * 2), 0);
    for index in indexes {
        let mut rest = index.wrapping_sub(before);
        before = *index;
        while let Ok(low) = u8::try_from(rest & u64::from(BITS)) {
            rest >>= 7;
            if rest == 0 {
                bytes.push(low);
                break;
            }
            bytes.push(low | MORE);
        }
    }
    bytes
}

/// Unpacks ascending indexes behind those that are there.
///
/// # Errors
/// [`StoreError::Corrupt`]: the bytes were not packed by [`pack`].
pub(super) fn unpack(bytes: &[u8], indexes: &mut Vec<u64>) -> Result<(), StoreError> {
    let corrupt = || StoreError::Corrupt("a list of records does not read back".into());
    indexes.reserve(bytes.len());
    let (mut index, mut distance, mut shift, mut begun) = (0_u64, 0_u64, 0, false);
    for byte in bytes {
        let low = u64::from(byte & BITS);
        // The tenth byte has room for one bit.
        if shift > 63 || (shift == 63 && low > 1) {
            return Err(corrupt());
        }
        distance |= low << shift;
        if byte & MORE != 0 {
            shift += 7;
            continue;
        }
        if distance == 0 && begun {
            return Err(corrupt());
        }
        index = index.checked_add(distance).ok_or_else(corrupt)?;
        indexes.push(index);
        (distance, shift, begun) = (0, 0, true);
    }
    if shift == 0 { Ok(()) } else { Err(corrupt()) }
}

/// Takes one number from the front of bytes, as [`pack`] writes it.
///
/// # Errors
/// [`StoreError::Corrupt`]: the bytes do not begin with one.
pub(super) fn take_number(bytes: &mut &[u8]) -> Result<u64, StoreError> {
    let (mut number, mut shift) = (0_u64, 0);
    while let [byte, rest @ ..] = *bytes {
        *bytes = rest;
        if shift > 56 {
            break;
        }
        number |= u64::from(byte & BITS) << shift;
        if byte & MORE == 0 {
            return Ok(number);
        }
        shift += 7;
    }
    Err(StoreError::Corrupt("a packed number does not read back".into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn unpacked(bytes: &[u8]) -> Result<Vec<u64>, StoreError> {
        let mut indexes = Vec::new();
        unpack(bytes, &mut indexes).map(|()| indexes)
    }

    #[test]
    fn distances_take_a_byte_for_seven_bits() {
        assert_eq!(pack(&[1, 2, 130, 258]), [1, 1, 0x80, 1, 0x80, 1]);
        assert!(pack(&[]).is_empty());
        assert_eq!(pack(&[0, u64::MAX]).len(), 11);
    }

    #[test]
    fn what_is_cut_repeated_or_too_large_is_corrupt() {
        for bytes in [&[0x80][..], &[1, 0], &[0xff; 10], &[0x80; 11], &[1, 0xff, 0xff]] {
            assert!(matches!(unpacked(bytes), Err(StoreError::Corrupt(_))), "{bytes:?}");
        }
        let largest = pack(&[u64::MAX]);
        assert!(unpacked(&[largest, vec![1]].concat()).is_err());
    }

    #[test]
    fn a_number_is_taken_from_the_front() {
        let packed = pack(&[300, 301]);
        let mut rest = packed.as_slice();
        assert_eq!((take_number(&mut rest).unwrap(), take_number(&mut rest).unwrap()), (300, 1));
        assert!(take_number(&mut rest).is_err());
        assert!(take_number(&mut [0x80_u8; 11].as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            indexes in prop_oneof![
                prop::collection::btree_set(any::<u64>(), 0..50),
                prop::collection::btree_set(0..1_000_u64, 0..500),
            ],
        ) {
            let indexes: Vec<_> = BTreeSet::into_iter(indexes).collect();
            prop_assert_eq!(unpacked(&pack(&indexes)).unwrap(), indexes);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(indexes) = unpacked(&bytes) {
                prop_assert!(indexes.is_sorted_by(|one, next| one < next));
            }
        }
    }
}
