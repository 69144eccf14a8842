//! Wraps of access keys: how one reader of a type gets them out of one entry of its log (section 6).

use zeroize::Zeroizing;

use super::{
    AccessKey, Digest, NameKey, Reader, SegmentHead, Subject, TypePlace, Wrap, WrapPrivateKey, WrapPublicKey,
};
use crate::label::SealedLabel;
use crate::{OpenError, ParseError};

/// The most segments of a type (section 20).
pub const MAX_SEGMENTS: usize = 256;
pub(super) const MAX_MESSAGE_BYTES: usize = 4 + MAX_SEGMENTS * 36 + 33;

/// The attempt at an entry for which keys are wrapped: what staged for one opens in no other.
#[derive(Clone, Copy, Debug)]
pub struct EntryPlace<'a> {
    /// The type.
    pub record_type: &'a TypePlace,
    /// The entry's position.
    pub position: u64,
    /// The digest of the entry before; none at position 0.
    pub previous: Option<Digest>,
    /// The author's bundle.
    pub author_bundle: Digest,
    /// The heads of all segments after this entry, ascending.
    pub heads: &'a [SegmentHead],
}

/// What came out of a wrap: keys of segments, ascending, and that of hidden names.
#[derive(Debug)]
pub struct OpenedAccessKeys {
    /// The head keys of `from_segment` and all later segments.
    pub keys: Vec<(SegmentHead, AccessKey)>,
    /// The key of field names, if they are hidden.
    pub name_key: Option<NameKey>,
}

impl Wrap {
    /// Wraps the head keys of `from_segment` and all later segments, given as `keys` in the order of the heads.
    ///
    /// # Errors
    /// Keys and heads do not belong together.
    pub fn of_access_keys(
        place: &EntryPlace<'_>,
        reader: &WrapPublicKey,
        (subject, subject_head): (Subject, Digest),
        from_segment: u32,
        keys: &[&AccessKey],
        name_key: Option<&NameKey>,
    ) -> Result<Self, ParseError> {
        let heads = heads_from(place.heads, from_segment).ok_or(ParseError::new("a segment of the type"))?;
        let belongs = |(head, key): (&SegmentHead, &&AccessKey)| {
            key.canary(place.record_type, head.segment, head.number) == head.canary
        };
        if heads.len() != keys.len() || !heads.iter().zip(keys).all(belongs) {
            return Err(ParseError::new("the keys of these segments"));
        }
        let mut message = Zeroizing::new(Vec::with_capacity(MAX_MESSAGE_BYTES));
        message.extend_from_slice(&u32::try_from(keys.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (head, key) in heads.iter().zip(keys) {
            message.extend_from_slice(&head.segment.to_le_bytes());
            message.extend_from_slice(key.expose());
        }
        message.push(u8::from(name_key.is_some()));
        message.extend_from_slice(name_key.map_or(&[], |key| key.expose()));
        let mut wrap = Self { subject, subject_head, from_segment, wrapped: Vec::new() };
        wrap.wrapped = reader.wrap(&wrap.access_key_info(place), &message)?;
        Ok(wrap)
    }

    /// Opens the wrap with the subject's key, and checks every key against what the signed entry committed to.
    /// `name_key` is the commitment in the settings, if names are hidden.
    ///
    /// # Errors
    /// It is for another subject, attempt or place, or holds other keys.
    pub fn open_access_keys(
        &self,
        place: &EntryPlace<'_>,
        reader: &WrapPrivateKey,
        name_key: Option<&Digest>,
    ) -> Result<OpenedAccessKeys, OpenError> {
        let message = reader.open(&self.access_key_info(place), &self.wrapped)?;
        self.read_message(place, &message, name_key).ok_or(OpenError)
    }

    fn read_message(
        &self,
        place: &EntryPlace<'_>,
        message: &[u8],
        expected_name_key: Option<&Digest>,
    ) -> Option<OpenedAccessKeys> {
        let heads = heads_from(place.heads, self.from_segment)?;
        let mut reader = Reader::new(message);
        if usize::try_from(reader.u32().ok()?) != Ok(heads.len()) {
            return None;
        }
        let mut keys = Vec::new();
        for head in heads {
            if reader.u32() != Ok(head.segment) {
                return None;
            }
            let key = Zeroizing::new(reader.array::<32>().ok()?);
            keys.push((*head, AccessKey::committed(&key, place.record_type, head).ok()?));
        }
        let name_key = reader.opt(|reader| reader.array().map(Zeroizing::new)).ok()?;
        reader.finish().ok()?;
        let name_key = match (name_key, expected_name_key) {
            (None, None) => None,
            (Some(key), Some(commitment)) => {
                Some(NameKey::committed(&key, place.record_type, commitment).ok()?)
            }
            _ => return None,
        };
        Some(OpenedAccessKeys { keys, name_key })
    }

    fn access_key_info(&self, place: &EntryPlace<'_>) -> Zeroizing<Vec<u8>> {
        let heads = encoded_heads(place.heads);
        let (position, from_segment) = (place.position.to_le_bytes(), self.from_segment.to_le_bytes());
        let (subject, heads) = (self.subject.to_bytes(), Digest::of(SealedLabel::Heads, &[&heads]));
        let last: [&[u8]; 7] = [
            &position,
            place.previous.as_ref().map_or(&[], |digest| digest.as_bytes()),
            place.author_bundle.as_bytes(),
            &subject,
            self.subject_head.as_bytes(),
            &from_segment,
            heads.as_bytes(),
        ];
        SealedLabel::WrapAccessKeys.frame(&[&place.record_type.parts()[..], &last].concat())
    }
}

/// `list of (segment u32, number u64, canary 32)`.
pub(super) fn encoded_heads(heads: &[SegmentHead]) -> Vec<u8> {
    let mut bytes = (u32::try_from(heads.len()).unwrap_or(u32::MAX)).to_le_bytes().to_vec();
    for head in heads {
        bytes.extend_from_slice(&head.segment.to_le_bytes());
        bytes.extend_from_slice(&head.number.to_le_bytes());
        bytes.extend_from_slice(head.canary.as_bytes());
    }
    bytes
}

/// The heads from one segment on, if that segment is there.
fn heads_from(heads: &[SegmentHead], from_segment: u32) -> Option<&[SegmentHead]> {
    heads.get(heads.iter().position(|head| head.segment == from_segment)?..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, GroupId, StoreId};

    struct Case {
        record_type: TypePlace,
        keys: [AccessKey; 3],
        heads: Vec<SegmentHead>,
        reader: WrapPrivateKey,
        name_key: NameKey,
    }

    fn case() -> Case {
        let record_type = TypePlace {
            store: StoreId::from_bytes([1; 16]),
            writer: ClientId::from_bytes([2; 16]),
            type_name: "notes".parse().unwrap(),
        };
        let keys = [3, 4, 5].map(|byte| AccessKey::from_bytes(&[byte; 32]));
        let heads = (0..3_u8)
            .map(|at| keys[usize::from(at)].head(&record_type, at.into(), 10 + u64::from(at)))
            .collect();
        let name_key = NameKey::generate();
        Case { record_type, keys, heads, reader: WrapPrivateKey::from_seed(&[7; 32]), name_key }
    }

    fn place(case: &Case) -> EntryPlace<'_> {
        EntryPlace {
            record_type: &case.record_type,
            position: 5,
            previous: Some(Digest::from_bytes([5; 32])),
            author_bundle: Digest::from_bytes([6; 32]),
            heads: &case.heads,
        }
    }

    fn wrap(case: &Case, from_segment: u32, name_key: Option<&NameKey>) -> Wrap {
        let subject = (Subject::Client(ClientId::from_bytes([8; 16])), Digest::from_bytes([9; 32]));
        let keys: Vec<_> = case.keys[from_segment as usize..].iter().collect();
        Wrap::of_access_keys(&place(case), &case.reader.public_key(), subject, from_segment, &keys, name_key)
            .unwrap()
    }

    #[test]
    fn a_wrap_has_the_keys_from_its_segment_on() {
        let case = case();
        for from_segment in 0..3 {
            let opened =
                wrap(&case, from_segment, None).open_access_keys(&place(&case), &case.reader, None).unwrap();
            let segments: Vec<_> = opened.keys.iter().map(|(head, _)| head.segment).collect();
            assert_eq!(segments, (from_segment..3).collect::<Vec<_>>());
            for (head, key) in &opened.keys {
                assert_eq!(key.expose(), case.keys[head.segment as usize].expose());
            }
        }
    }

    #[test]
    fn a_wrap_opens_in_its_attempt_for_its_subject_alone() {
        let case = case();
        let wrap = wrap(&case, 1, None);
        let right = place(&case);
        let other_type = TypePlace { type_name: "other".parse().unwrap(), ..case.record_type.clone() };
        let fewer_heads = &case.heads[..2];
        for wrong in [
            EntryPlace { record_type: &other_type, ..right },
            EntryPlace { position: 6, ..right },
            EntryPlace { previous: None, ..right },
            EntryPlace { author_bundle: Digest::from_bytes([7; 32]), ..right },
            EntryPlace { heads: fewer_heads, ..right },
            EntryPlace { heads: &[], ..right },
        ] {
            assert!(wrap.open_access_keys(&wrong, &case.reader, None).is_err(), "{wrong:?}");
        }
        assert!(wrap.open_access_keys(&right, &WrapPrivateKey::from_seed(&[8; 32]), None).is_err());
        let other = Subject::Group(GroupId::from_bytes([8; 16]));
        for wrong in [
            Wrap { subject: other, ..wrap.clone() },
            Wrap { subject_head: Digest::from_bytes([0; 32]), ..wrap.clone() },
            Wrap { from_segment: 0, ..wrap.clone() },
            Wrap { from_segment: 2, ..wrap.clone() },
        ] {
            assert!(wrong.open_access_keys(&right, &case.reader, None).is_err(), "{wrong:?}");
        }
        assert!(wrap.open_access_keys(&right, &case.reader, None).is_ok());
        assert_ne!(wrap.leaf(0), wrap.leaf(1));
    }

    #[test]
    fn the_name_key_comes_if_and_only_if_names_are_hidden() {
        let case = case();
        let commitment = case.name_key.commitment(&case.record_type);
        let (with, without) = (wrap(&case, 0, Some(&case.name_key)), wrap(&case, 0, None));
        let opened = with.open_access_keys(&place(&case), &case.reader, Some(&commitment)).unwrap();
        assert_eq!(opened.name_key.unwrap().expose(), case.name_key.expose());
        assert!(with.open_access_keys(&place(&case), &case.reader, None).is_err());
        assert!(without.open_access_keys(&place(&case), &case.reader, Some(&commitment)).is_err());
        let other = NameKey::generate().commitment(&case.record_type);
        assert!(with.open_access_keys(&place(&case), &case.reader, Some(&other)).is_err());
    }

    #[test]
    fn keys_that_are_not_those_of_the_entry_are_not_wrapped_and_not_taken() {
        let mut case = case();
        case.keys[1] = AccessKey::generate();
        let keys: Vec<_> = case.keys.iter().collect();
        let subject = (Subject::Client(ClientId::from_bytes([8; 16])), Digest::from_bytes([9; 32]));
        let public = case.reader.public_key();
        assert!(Wrap::of_access_keys(&place(&case), &public, subject, 0, &keys, None).is_err());
        // Made all the same, by somebody who has no such scruples.
        let mut wrap =
            Wrap { subject: subject.0, subject_head: subject.1, from_segment: 2, wrapped: Vec::new() };
        let message = [&[1, 0, 0, 0, 2, 0, 0, 0][..], &[0x77; 32], &[0]].concat();
        wrap.wrapped = public.wrap(&wrap.access_key_info(&place(&case)), &message).unwrap();
        assert!(wrap.open_access_keys(&place(&case), &case.reader, None).is_err());
    }
}
