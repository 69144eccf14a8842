//! Groups: a key pair of their own, which every member holds.
//!
//! ```text
//! membership key    box(group private key, nonce, member, authorizer)    one for each member
//! group access key  box(access key, nonce, group, sharer)                one for each writer and record type
//! ```
//!
//! Both have the form of a [`WrappedAccessKey`]. A member opens the first with its own private key and gets the group's,
//! with which it opens the second. Members that leave keep what they opened: removing one changes no key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    AccessKey, EncryptionPrivateKey, EncryptionPublicKey, OpenError, ParseError, Suite, WrappedAccessKey,
};

/// The keys of a group.
pub struct GroupKeyPair(EncryptionPrivateKey);

impl GroupKeyPair {
    /// Fresh random keys.
    pub fn generate() -> Self {
        Self(EncryptionPrivateKey::generate())
    }

    /// The key that access keys are wrapped for.
    pub fn public_key(&self) -> EncryptionPublicKey {
        self.0.public_key()
    }

    /// Wraps the private key for a member, who may be the authorizer. `authorizer` is the member that lets it in.
    pub fn wrap(&self, member: &EncryptionPublicKey, authorizer: &EncryptionPrivateKey) -> MembershipKey {
        // The same box over 32 bytes: the form does not say what is inside.
        MembershipKey(AccessKey::from_bytes(self.0.expose()).wrap(member, authorizer))
    }

    /// Opens an access key that was shared with the group. `sharer` is who wrapped it: the writer of the records.
    ///
    /// # Errors
    /// It was wrapped for another group or by another sharer, or altered.
    pub fn open(
        &self,
        wrapped: &WrappedAccessKey,
        sharer: &EncryptionPublicKey,
    ) -> Result<AccessKey, OpenError> {
        wrapped.open(sharer, &self.0)
    }
}

impl fmt::Debug for GroupKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("GroupKeyPair")
    }
}

/// A group's private key as it lies at the server, wrapped for one member. Its text is that of a [`WrappedAccessKey`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MembershipKey(WrappedAccessKey);

impl MembershipKey {
    /// Opens the key with the member's own private key. `authorizer` is who wrapped it, `group` the public key that the
    /// private key must belong to; both come from the server.
    ///
    /// # Errors
    /// It was wrapped for another member or by another authorizer, altered, or is the key of another group.
    pub fn open(
        &self,
        group: &EncryptionPublicKey,
        authorizer: &EncryptionPublicKey,
        own: &EncryptionPrivateKey,
    ) -> Result<GroupKeyPair, OpenError> {
        let opened = self.0.open(authorizer, own)?;
        let keys = GroupKeyPair(EncryptionPrivateKey::from_bytes(opened.expose()));
        if keys.public_key() == *group { Ok(keys) } else { Err(OpenError) }
    }

    /// The formats that the key inside is used with.
    pub const fn suite(&self) -> Suite {
        self.0.suite()
    }
}

impl fmt::Display for MembershipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MembershipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MembershipKey({self})")
    }
}

impl FromStr for MembershipKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(Self)
    }
}

/// What a member needs to open the access key of a record type that was shared with its group, as the server puts it
/// together. The chain that the protocol allows has one link here, as everywhere in practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAccessChain {
    /// The group's private key, wrapped for the member.
    pub membership_key: MembershipKey,
    /// Who wrapped that.
    pub authorizer: EncryptionPublicKey,
    /// The group.
    pub group: EncryptionPublicKey,
    /// The access key, wrapped for the group.
    pub access_key: WrappedAccessKey,
    /// Who wrapped that: the writer of the records.
    pub sharer: EncryptionPublicKey,
}

impl GroupAccessChain {
    /// Opens the access key with the member's own private key.
    ///
    /// # Errors
    /// A link was made for someone else or by someone else, or altered.
    pub fn open(&self, own: &EncryptionPrivateKey) -> Result<AccessKey, OpenError> {
        self.membership_key.open(&self.group, &self.authorizer, own)?.open(&self.access_key, &self.sharer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_open_what_is_shared_with_the_group() {
        let private = EncryptionPrivateKey::generate;
        let (creator, manager, reader, sharer, stranger) =
            (private(), private(), private(), private(), private());
        let group = GroupKeyPair::generate();
        // The creator lets the manager in, the manager the reader.
        let for_manager = group.wrap(&manager.public_key(), &creator);
        let opened = for_manager.open(&group.public_key(), &creator.public_key(), &manager).unwrap();
        let access_key = AccessKey::generate();
        let chain = GroupAccessChain {
            membership_key: opened.wrap(&reader.public_key(), &manager),
            authorizer: manager.public_key(),
            group: group.public_key(),
            access_key: access_key.wrap(&group.public_key(), &sharer),
            sharer: sharer.public_key(),
        };
        assert_eq!(chain.open(&reader).unwrap().fingerprint(), access_key.fingerprint());
        assert_eq!(chain.open(&stranger).err(), Some(OpenError));

        let other = stranger.public_key();
        for broken in [
            GroupAccessChain { authorizer: other, ..chain.clone() },
            GroupAccessChain { group: other, ..chain.clone() },
            GroupAccessChain { sharer: other, ..chain.clone() },
            GroupAccessChain { access_key: access_key.wrap(&other, &sharer), ..chain.clone() },
            GroupAccessChain { membership_key: for_manager, ..chain },
        ] {
            assert_eq!(broken.open(&reader).err(), Some(OpenError));
        }
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", GroupKeyPair::generate()), "GroupKeyPair");
    }
}
