//! The secrets of groups: one for each generation of a group's key (section 10).

use zeroize::Zeroizing;

use super::digest::derive;
use super::seal;
use super::{Digest, SUITE, Subject, Wrap, WrapPrivateKey, WrapPublicKey};
use crate::label::SealedLabel;
use crate::secret::{Secret, secret_type};
use crate::{GroupId, OpenError, ParseError, StoreId};

/// A group in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupPlace {
    /// The store.
    pub store: StoreId,
    /// The group.
    pub group: GroupId,
}

/// What an entry says about a generation of a group's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupGeneration {
    /// Its number.
    pub generation: u64,
    /// [`GroupSecret::canary`] of its secret.
    pub canary: Digest,
}

/// The attempt at an entry of a group's log for which a secret is wrapped.
#[derive(Clone, Copy, Debug)]
pub struct GroupEntryPlace {
    /// The group.
    pub group: GroupPlace,
    /// The entry's position.
    pub position: u64,
    /// The digest of the entry before; none at position 0.
    pub previous: Option<Digest>,
    /// The author's bundle.
    pub author_bundle: Digest,
    /// The generation after this entry.
    pub generation: GroupGeneration,
}

secret_type! {
    /// The secret of one generation of a group: its members have it, and it opens what is wrapped to the group.
    GroupSecret, 32
}

impl GroupSecret {
    /// A fresh random secret. Every attempt at an entry draws one: none is used in two.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    #[cfg(test)]
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The commitment to this secret that the signed entry carries.
    pub fn canary(&self, place: &GroupPlace, generation: u64) -> Digest {
        let parts: [&[u8]; 3] = [place.store.as_bytes(), place.group.as_bytes(), &generation.to_le_bytes()];
        Digest::keyed(self.0.expose(), SealedLabel::GroupCanary, &parts)
    }

    /// This secret's generation, with the commitment to it.
    pub fn generation(&self, place: &GroupPlace, generation: u64) -> GroupGeneration {
        GroupGeneration { generation, canary: self.canary(place, generation) }
    }

    /// The key that opens what is wrapped to this generation of the group. Its public half is in the signed entry.
    pub fn wrap_private_key(&self, place: &GroupPlace, generation: u64) -> WrapPrivateKey {
        let parts: [&[u8]; 3] = [place.store.as_bytes(), place.group.as_bytes(), &generation.to_le_bytes()];
        WrapPrivateKey::from_seed(&derive(self.0.expose(), SealedLabel::GroupKemSeed, &parts))
    }

    /// Seals the secret of an older generation under this newer one.
    pub fn seal_link(
        &self,
        place: &GroupPlace,
        new: &GroupGeneration,
        old: &GroupGeneration,
        old_secret: &Self,
    ) -> Vec<u8> {
        seal::seal(&self.link_key(), &link_place(place, new, old), old_secret.0.expose())
    }

    /// Opens what [`Self::seal_link`] made.
    ///
    /// # Errors
    /// It is another link, or what it holds is not the secret that the older entry committed to.
    pub fn open_link(
        &self,
        place: &GroupPlace,
        new: &GroupGeneration,
        old: &GroupGeneration,
        link: &[u8],
    ) -> Result<Self, OpenError> {
        Self::committed(&seal::open(&self.link_key(), &link_place(place, new, old), link)?, place, old)
    }

    /// Of an opened wrap or link, if it is the secret that the entry committed to.
    fn committed(bytes: &[u8], place: &GroupPlace, generation: &GroupGeneration) -> Result<Self, OpenError> {
        let secret = Self(Secret::copy_of(bytes.try_into().map_err(|_| OpenError)?));
        if secret.canary(place, generation.generation) == generation.canary {
            Ok(secret)
        } else {
            Err(OpenError)
        }
    }

    fn link_key(&self) -> Zeroizing<[u8; 32]> {
        derive(self.0.expose(), SealedLabel::GroupLinkKey, &[])
    }
}

impl Wrap {
    /// Wraps the secret of a group for a member.
    ///
    /// # Errors
    /// The secret is not that of the generation.
    pub fn of_group_secret(
        place: &GroupEntryPlace,
        reader: &WrapPublicKey,
        (subject, subject_head): (Subject, Digest),
        secret: &GroupSecret,
    ) -> Result<Self, ParseError> {
        if secret.canary(&place.group, place.generation.generation) != place.generation.canary {
            return Err(ParseError::new("the secret of this generation"));
        }
        let mut wrap = Self { subject, subject_head, from_segment: 0, wrapped: Vec::new() };
        wrap.wrapped = reader.wrap(&wrap.group_info(place), secret.0.expose())?;
        Ok(wrap)
    }

    /// Opens the wrap with the member's key, and checks the secret against the signed entry. That the entry's public
    /// key is the one that follows from the secret is left to compare.
    ///
    /// # Errors
    /// It is for another member, attempt or group, or holds another secret.
    pub fn open_group_secret(
        &self,
        place: &GroupEntryPlace,
        reader: &WrapPrivateKey,
    ) -> Result<GroupSecret, OpenError> {
        if self.from_segment != 0 {
            return Err(OpenError);
        }
        let opened = reader.open(&self.group_info(place), &self.wrapped)?;
        GroupSecret::committed(&opened, &place.group, &place.generation)
    }

    fn group_info(&self, place: &GroupEntryPlace) -> Zeroizing<Vec<u8>> {
        SealedLabel::WrapGroupSecret.frame(&[
            &[SUITE],
            place.group.store.as_bytes(),
            place.group.group.as_bytes(),
            &place.position.to_le_bytes(),
            place.previous.as_ref().map_or(&[], |digest| digest.as_bytes()),
            place.author_bundle.as_bytes(),
            &self.subject.to_bytes(),
            self.subject_head.as_bytes(),
            &place.generation.generation.to_le_bytes(),
            place.generation.canary.as_bytes(),
        ])
    }
}

fn link_place(place: &GroupPlace, new: &GroupGeneration, old: &GroupGeneration) -> Zeroizing<Vec<u8>> {
    SealedLabel::GroupLink.frame(&[
        &[SUITE],
        place.store.as_bytes(),
        place.group.as_bytes(),
        &new.generation.to_le_bytes(),
        new.canary.as_bytes(),
        &old.generation.to_le_bytes(),
        old.canary.as_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientId;

    const PLACE: GroupPlace =
        GroupPlace { store: StoreId::from_bytes([1; 16]), group: GroupId::from_bytes([2; 16]) };

    #[test]
    fn a_wrapped_secret_opens_for_its_member_in_its_attempt_alone() {
        let secret = GroupSecret::generate();
        let entry = GroupEntryPlace {
            group: PLACE,
            position: 5,
            previous: Some(Digest::from_bytes([5; 32])),
            author_bundle: Digest::from_bytes([6; 32]),
            generation: secret.generation(&PLACE, 3),
        };
        let reader = WrapPrivateKey::from_seed(&[7; 32]);
        let member = (Subject::Client(ClientId::from_bytes([8; 16])), Digest::from_bytes([9; 32]));
        let wrap = Wrap::of_group_secret(&entry, &reader.public_key(), member, &secret).unwrap();
        let opened = wrap.open_group_secret(&entry, &reader).unwrap();
        assert_eq!(opened.0.expose(), secret.0.expose());
        let public = |secret: &GroupSecret| secret.wrap_private_key(&PLACE, 3).public_key();
        assert_eq!(public(&opened), public(&secret));

        let elsewhere = GroupPlace { group: GroupId::from_bytes([3; 16]), ..PLACE };
        for wrong in [
            GroupEntryPlace { group: elsewhere, ..entry },
            GroupEntryPlace { position: 6, ..entry },
            GroupEntryPlace { previous: None, ..entry },
            GroupEntryPlace { author_bundle: Digest::from_bytes([7; 32]), ..entry },
            GroupEntryPlace { generation: secret.generation(&PLACE, 4), ..entry },
            GroupEntryPlace { generation: GroupSecret::generate().generation(&PLACE, 3), ..entry },
        ] {
            assert!(wrap.open_group_secret(&wrong, &reader).is_err(), "{wrong:?}");
        }
        assert!(wrap.open_group_secret(&entry, &WrapPrivateKey::from_seed(&[8; 32])).is_err());
        assert!(Wrap { from_segment: 1, ..wrap.clone() }.open_group_secret(&entry, &reader).is_err());
        let head = Digest::from_bytes([0; 32]);
        assert!(Wrap { subject_head: head, ..wrap }.open_group_secret(&entry, &reader).is_err());
        let other = GroupSecret::generate();
        assert!(Wrap::of_group_secret(&entry, &reader.public_key(), member, &other).is_err());
    }

    #[test]
    fn a_newer_generation_opens_an_older_one() {
        let (old_secret, new_secret) = (GroupSecret::generate(), GroupSecret::generate());
        let (old, new) = (old_secret.generation(&PLACE, 3), new_secret.generation(&PLACE, 4));
        let link = new_secret.seal_link(&PLACE, &new, &old, &old_secret);
        let opened = new_secret.open_link(&PLACE, &new, &old, &link).unwrap();
        assert_eq!(opened.0.expose(), old_secret.0.expose());
        assert!(old_secret.open_link(&PLACE, &new, &old, &link).is_err());
        let other = GroupGeneration { generation: 2, ..old };
        assert!(new_secret.open_link(&PLACE, &new, &other, &link).is_err());
        let foreign = new_secret.seal_link(&PLACE, &new, &old, &GroupSecret::generate());
        assert!(new_secret.open_link(&PLACE, &new, &old, &foreign).is_err());
    }
}
