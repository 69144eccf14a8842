//! Bundles of keys: `/v3/clients/{client_id}/bundles` and `/v3/bundles`.

use tozstore_crypto::sealed::{BundleLink, Reader, Writer};
use tozstore_crypto::{ClientId, ParseError};

use super::{SealedBody, read_flag};

/// Bundles of a page.
pub const MAX_BUNDLES_PER_PAGE: usize = 100;
/// Clients whose newest bundles are asked for at once.
pub const MAX_BUNDLE_LOOKUPS: usize = 500;

impl SealedBody for BundleLink {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Self::read(reader)
    }

    fn write(&self, writer: &mut Writer) {
        self.write(writer);
    }
}

/// A part of a client's chain: `u8 (1 deleted), list(Link)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundlePage {
    /// Whether the client was deleted.
    pub deleted: bool,
    /// The bundles, by ascending sequence.
    pub links: Vec<BundleLink>,
}

impl SealedBody for BundlePage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { deleted: read_flag(reader)?, links: reader.list(MAX_BUNDLES_PER_PAGE, BundleLink::read)? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u8(self.deleted.into());
        writer.list(&self.links, |writer, link| link.write(writer));
    }
}

/// Whose newest bundles are asked for: `list(id)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundlesOf(pub Vec<ClientId>);

impl SealedBody for BundlesOf {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| reader.array().map(ClientId::from_bytes);
        reader.list(MAX_BUNDLE_LOOKUPS, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, client| writer.array(client.as_bytes()));
    }
}

/// The newest bundles of clients, in the order in which they were asked for: `list(id, u8 (1 deleted), opt(Link))`. It
/// may end early: the rest is asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeads(pub Vec<BundleHead>);

/// The newest bundle of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHead {
    /// The client.
    pub client: ClientId,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its bundle; none if it has none, or is none.
    pub link: Option<BundleLink>,
}

impl SealedBody for BundleHeads {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(BundleHead {
                client: ClientId::from_bytes(reader.array()?),
                deleted: read_flag(reader)?,
                link: reader.opt(BundleLink::read)?,
            })
        };
        reader.list(MAX_BUNDLE_LOOKUPS, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, head| {
            writer.array(head.client.as_bytes());
            writer.u8(head.deleted.into());
            writer.opt(head.link.as_ref(), |writer, link| link.write(writer));
        });
    }
}

#[cfg(test)]
mod tests {
    use tozstore_crypto::{SigningKeyPair, StoreId};

    use super::*;

    #[test]
    fn bodies_come_back_and_nothing_is_left_over() {
        let client = ClientId::from_bytes([2; 16]);
        let link = BundleLink::first(&SigningKeyPair::generate(), StoreId::from_bytes([1; 16]), client);
        let link = link.unwrap();
        let page = BundlePage { deleted: true, links: vec![link.clone()] };
        assert_eq!(BundlePage::from_bytes(&page.to_bytes().unwrap()), Ok(page));
        let heads = BundleHeads(vec![
            BundleHead { client, deleted: false, link: Some(link) },
            BundleHead { client, deleted: true, link: None },
        ]);
        let mut bytes = heads.to_bytes().unwrap();
        assert_eq!(BundleHeads::from_bytes(&bytes), Ok(heads));
        bytes.push(0);
        assert!(BundleHeads::from_bytes(&bytes).is_err());
        let many = BundlesOf(vec![client; MAX_BUNDLE_LOOKUPS + 1]);
        assert!(BundlesOf::from_bytes(&many.to_bytes().unwrap()).is_err());
    }
}
