//! Values of the records of a packed row as bytes: so that a search finds those with a prefix without a step in an index
//! for each record.
//!
//! Values stand in their order, each once, and behind it the places in the row of the records that have it:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | how many bytes the value has in common with the one before |
//! | 1 | how many more it has (7 bits); the high bit says that it was cut |
//! | as said | those bytes |
//! | LEB128 | bytes that the places take |
//! | as said | the places, ascending, as [`pack`] packs indexes |
//!
//! Of a long value the front is kept alone, which bounds what the second copy of all values takes. What the front does not
//! tell, the index tells.

use super::packed_indexes::{pack, take_number, unpack};
use crate::store::StoreError;

/// Bytes of a value that are kept.
pub(super) const KEPT_BYTES: usize = 48;

const CUT: u8 = 0x80;

/// The front of a stored value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Front {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Front {
    pub(super) fn of(stored: &[u8]) -> Self {
        Self { bytes: stored.iter().take(KEPT_BYTES).copied().collect(), is_cut: stored.len() > KEPT_BYTES }
    }
}

/// Packs the values of the records of a row, which are in the order of the records.
pub(super) fn pack_values(values: &[Front]) -> Vec<u8> {
    let mut ordered: Vec<_> = values.iter().zip(0_u64..).collect();
    ordered.sort_unstable();
    let (mut bytes, mut before) = (Vec::with_capacity(values.len() * 8), [].as_slice());
    for group in ordered.chunk_by(|one, next| one.0 == next.0) {
        let Some((value, _)) = group.first() else { continue };
        let common = value.bytes.iter().zip(before).take_while(|(one, other)| one == other).count();
        let more = value.bytes.get(common..).unwrap_or_default();
        let places: Vec<_> = group.iter().map(|(_, place)| *place).collect();
        let places = pack(&places);
        bytes.push(short(common));
        bytes.push(short(more.len()) | if value.is_cut { CUT } else { 0 });
        bytes.extend_from_slice(more);
        bytes.extend(pack(&[u64::try_from(places.len()).unwrap_or(u64::MAX)]));
        bytes.extend(places);
        before = &value.bytes;
    }
    bytes
}

/// Unpacks the values of a row of so many records, in the order of the records.
///
/// # Errors
/// [`StoreError::Corrupt`]: the bytes were not packed by [`pack_values`] from as many.
pub(super) fn unpack_values(bytes: &[u8], records: usize) -> Result<Vec<Front>, StoreError> {
    let mut values: Vec<Option<Front>> = vec![None; records];
    let (mut groups, mut places) = (Groups::new(bytes), Vec::new());
    while let Some(packed) = groups.next()? {
        places.clear();
        unpack(packed, &mut places)?;
        for place in &places {
            let value = usize::try_from(*place).ok().and_then(|place| values.get_mut(place));
            let value = value.filter(|value| value.is_none()).ok_or_else(corrupt)?;
            *value = Some(Front { bytes: groups.value.clone(), is_cut: groups.is_cut });
        }
    }
    values.into_iter().map(|value| value.ok_or_else(corrupt)).collect()
}

/// The values of a row, one after the other, each with its packed places.
pub(super) struct Groups<'a> {
    rest: &'a [u8],
    /// The front of the value that was read last, and whether more of it was cut.
    pub(super) value: Vec<u8>,
    pub(super) is_cut: bool,
}

impl<'a> Groups<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, value: Vec::with_capacity(KEPT_BYTES), is_cut: false }
    }

    /// Reads the next value; returns the places of the records that have it.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        let Some(Group { common, more, is_cut, places }) = Group::take(&mut self.rest)? else {
            return Ok(None);
        };
        if common > self.value.len() || common + more.len() > KEPT_BYTES {
            return Err(corrupt());
        }
        self.value.truncate(common);
        self.value.extend_from_slice(more);
        self.is_cut = is_cut;
        Ok(Some(places))
    }
}

/// A value as it stands there.
struct Group<'a> {
    common: usize,
    more: &'a [u8],
    is_cut: bool,
    places: &'a [u8],
}

impl<'a> Group<'a> {
    #[inline]
    fn take(bytes: &mut &'a [u8]) -> Result<Option<Self>, StoreError> {
        let [common, more, rest @ ..] = *bytes else {
            return if bytes.is_empty() { Ok(None) } else { Err(corrupt()) };
        };
        let is_cut = more & CUT != 0;
        let (more, mut rest) = rest.split_at_checked(usize::from(more & !CUT)).ok_or_else(corrupt)?;
        let length = usize::try_from(take_number(&mut rest)?).map_err(|_| corrupt())?;
        let (places, rest) = rest.split_at_checked(length).ok_or_else(corrupt)?;
        *bytes = rest;
        Ok(Some(Self { common: usize::from(*common), more, is_cut, places }))
    }
}

/// Sets the marks of the records whose value begins with a prefix of at most [`KEPT_BYTES`]. Values are not put together
/// for it: in their order, one that has more in common with the one before than that has with the prefix is on the same
/// side of it.
///
/// # Errors
/// [`StoreError::Corrupt`]: the bytes were not packed by [`pack_values`].
pub(super) fn mark_prefix(
    bytes: &[u8],
    prefix: &[u8],
    marks: &mut [u8],
    marked: u8,
) -> Result<(), StoreError> {
    let (mut rest, mut agreed, mut is_within) = (bytes, 0, false);
    while let Some(group) = Group::take(&mut rest)? {
        if is_within {
            if group.common < prefix.len() {
                break;
            }
        } else if group.common > agreed {
            continue;
        } else {
            let wanted = prefix.get(group.common..).unwrap_or_default();
            let further = group.more.iter().zip(wanted).take_while(|(one, other)| one == other).count();
            agreed = group.common + further;
            is_within = further == wanted.len();
            if !is_within {
                if group.more.get(further) > wanted.get(further) {
                    break;
                }
                continue;
            }
        }
        mark(group.places, marks, marked)?;
    }
    Ok(())
}

/// Sets the marks at packed places.
pub(super) fn mark(mut places: &[u8], marks: &mut [u8], mark: u8) -> Result<(), StoreError> {
    let mut place = 0_u64;
    while !places.is_empty() {
        place = place.checked_add(take_number(&mut places)?).ok_or_else(corrupt)?;
        let marked = usize::try_from(place).ok().and_then(|place| marks.get_mut(place));
        *marked.ok_or_else(corrupt)? = mark;
    }
    Ok(())
}

/// A length of at most [`KEPT_BYTES`].
fn short(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

fn corrupt() -> StoreError {
    StoreError::Corrupt("packed values do not read back".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fronts(values: &[&str]) -> Vec<Front> {
        values.iter().map(|value| Front::of(value.as_bytes())).collect()
    }

    #[test]
    fn values_stand_once_and_share_their_beginnings() {
        let packed = pack_values(&fronts(&["red", "blue", "reed", "red"]));
        assert_eq!(packed, b"\x00\x04blue\x01\x01\x00\x03red\x02\x00\x03\x02\x02ed\x01\x02");
        assert!(pack_values(&[]).is_empty());
    }

    #[test]
    fn long_values_are_cut() {
        let (whole, long) = ("x".repeat(KEPT_BYTES), "x".repeat(KEPT_BYTES + 1));
        let packed = pack_values(&fronts(&[&long, &whole, &format!("{long}y")]));
        assert_eq!(packed.len(), 2 + KEPT_BYTES + 2 + 2 + 3);
        let mut groups = Groups::new(&packed);
        for (is_cut, places) in [(false, [1].as_slice()), (true, &[0, 2])] {
            assert_eq!(groups.next().unwrap(), Some(places));
            assert_eq!((groups.value.as_slice(), groups.is_cut), (whole.as_bytes(), is_cut));
        }
    }

    #[test]
    fn what_was_not_packed_so_is_corrupt() {
        let two = pack_values(&fronts(&["a", "b"]));
        assert_eq!(unpack_values(&two, 2).unwrap(), fronts(&["a", "b"]));
        let twice = [two.as_slice(), b"\x00\x01c\x01\x01"].concat();
        for (bytes, records) in [
            (two.as_slice(), 1),
            (&two, 3),
            (&two[..9], 2),
            (&twice, 2),
            (b"\x01\x01a\x01\x00", 1),
            (&[0; 1], 1),
        ] {
            assert!(matches!(unpack_values(bytes, records), Err(StoreError::Corrupt(_))), "{bytes:?}");
        }
        assert!(mark(&[2], &mut [0; 2], 1).is_err());
        assert!(mark(&[0x80], &mut [0; 2], 1).is_err());
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            values in prop::collection::vec(prop_oneof!["[ab]{0,3}", "[ab]{46,50}", "é{20,30}"], 0..300),
        ) {
            let fronts: Vec<_> = values.iter().map(|value| Front::of(value.as_bytes())).collect();
            let packed = pack_values(&fronts);
            prop_assert_eq!(&unpack_values(&packed, fronts.len()).unwrap(), &fronts);
            let (mut groups, mut before) = (Groups::new(&packed), None);
            let mut marks = vec![0; fronts.len()];
            while let Some(places) = groups.next().unwrap() {
                let front = Front { bytes: groups.value.clone(), is_cut: groups.is_cut };
                prop_assert!(before.is_none_or(|before| before < front));
                before = Some(front);
                mark(places, &mut marks, 1).unwrap();
            }
            prop_assert!(marks.iter().all(|mark| *mark == 1));
        }

        #[test]
        fn those_with_a_prefix_are_marked(
            values in prop::collection::vec(prop_oneof!["[abc]{0,4}", "[ab]{46,50}"], 0..200),
            prefix in prop_oneof!["[abc]{0,3}", "[ab]{45,48}"],
            taken in any::<prop::sample::Index>(),
        ) {
            let fronts: Vec<_> = values.iter().map(|value| Front::of(value.as_bytes())).collect();
            let packed = pack_values(&fronts);
            // One that is there, too: a long one drawn at random is not.
            let whole = if values.is_empty() { &prefix } else { taken.get(&values) };
            for prefix in [prefix.as_bytes(), &whole.as_bytes()[..whole.len().min(KEPT_BYTES)]] {
                let mut marks = vec![0; fronts.len()];
                mark_prefix(&packed, prefix, &mut marks, 1).unwrap();
                let expected: Vec<_> = fronts.iter().map(|front| u8::from(front.bytes.starts_with(prefix))).collect();
                prop_assert_eq!(marks, expected);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), records in 0..4_usize) {
            if let Ok(values) = unpack_values(&bytes, records) {
                prop_assert_eq!(values.len(), records);
            }
            let mut groups = Groups::new(&bytes);
            while let Ok(Some(places)) = groups.next() {
                let _ = mark(places, &mut [0; 4], 1);
            }
            let _ = mark_prefix(&bytes, b"ab", &mut [0; 4], 1);
        }
    }
}
