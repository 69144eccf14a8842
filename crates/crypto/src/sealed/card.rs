//! Contact cards: by which one client comes to know another without the server (section 4).

use std::fmt;
use std::str::FromStr;

use super::{BundleChain, ClientKeys, Digest, Encoded, Kind, Object, Reader, Signed, Writer};
use crate::label::SealedLabel;
use crate::{
    ClientId, ParseError, SigningPublicKey, StoreId, VerifyError, decode_base64url, encode_base64url,
};

const TEXT_MARK: &str = "tozcard1.";
/// The base64url of the largest object, its length, its signature and a key.
const MAX_TEXT_BYTES: usize = TEXT_MARK.len() + (4 + Card::MAX_BYTES + 64 + 32).div_ceil(3) * 4;

/// What a card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The store in which the client is.
    pub store: StoreId,
    /// Whose card it is.
    pub client: ClientId,
    /// The place of the bundle in its chain.
    pub sequence: u32,
    /// The digest of the bundle: what counts.
    pub bundle: Digest,
    /// What the card says the client is called, at most 64 bytes; not who it is.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
}

impl Object for Card {
    const KIND: Kind = Kind::Card;
    const LABEL: SealedLabel = SealedLabel::Card;
    const MAX_BYTES: usize = 1 << 10;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            store: StoreId::from_bytes(reader.array()?),
            client: ClientId::from_bytes(reader.array()?),
            sequence: reader.u32()?,
            bundle: reader.digest()?,
            name: reader.text(0..=64)?.to_owned(),
            made_ms: reader.u64()?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.store.as_bytes());
        writer.array(self.client.as_bytes());
        writer.u32(self.sequence);
        writer.array(self.bundle.as_bytes());
        writer.short(self.name.as_bytes());
        writer.u64(self.made_ms);
    }
}

/// A card with the key that signed it. Its text is `tozcard1.` and base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCard {
    card: Signed<Card>,
    signing_key: SigningPublicKey,
}

impl ContactCard {
    /// The card of a client whose newest keys these are.
    ///
    /// # Errors
    /// The name is longer than 64 bytes or has a U+0000, or the keys are not those of the newest bundle.
    pub fn new(chain: &BundleChain, keys: &ClientKeys, name: &str, made_ms: u64) -> Result<Self, ParseError> {
        let bundle = chain.head();
        let signing_key = keys.signing_key();
        if signing_key.public_key() != bundle.object().signing_key {
            return Err(ParseError::new("the keys of the newest bundle"));
        }
        let card = Card {
            store: chain.store(),
            client: chain.client(),
            sequence: bundle.object().sequence,
            bundle: bundle.digest(),
            name: name.to_owned(),
            made_ms,
        };
        let signing_public_key = signing_key.public_key();
        Ok(Self { card: Encoded::new(&card)?.sign(&signing_key), signing_key: signing_public_key })
    }

    /// What it says. The signature was checked when it was read.
    pub const fn card(&self) -> &Card {
        self.card.object()
    }

    /// That the bundle which the card names is in this chain, and has the key that signed the card.
    ///
    /// # Errors
    /// It is the card of another client, or of other keys.
    pub fn verify(&self, chain: &BundleChain) -> Result<(), VerifyError> {
        let card = self.card();
        let bundle = chain.find(&card.bundle).ok_or(VerifyError)?.object();
        if (card.store, card.client, card.sequence) == (bundle.store, bundle.client, bundle.sequence)
            && self.signing_key == bundle.signing_key
        {
            Ok(())
        } else {
            Err(VerifyError)
        }
    }
}

impl fmt::Display for ContactCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer::new();
        self.card.write(&mut writer);
        writer.array(self.signing_key.as_bytes());
        let bytes = writer.finish().map_err(|_| fmt::Error)?;
        write!(f, "{TEXT_MARK}{}", encode_base64url(bytes))
    }
}

impl FromStr for ContactCard {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: ParseError = ParseError::new("a contact card");
        let encoded = text.strip_prefix(TEXT_MARK).ok_or(EXPECTED)?;
        // Padding would be a second text of the same card.
        if text.len() > MAX_TEXT_BYTES || encoded.ends_with('=') {
            return Err(EXPECTED);
        }
        let bytes = decode_base64url(encoded)?;
        let mut reader = Reader::new(&bytes);
        let card = Self { card: Signed::read(&mut reader)?, signing_key: reader.signing_key()? };
        reader.finish()?;
        card.card.verify(&card.signing_key).map_err(|_| EXPECTED)?;
        Ok(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKeyPair;
    use crate::sealed::{BundleLink, BundleReason};

    const STORE: StoreId = StoreId::from_bytes([1; 16]);
    const CLIENT: ClientId = ClientId::from_bytes([2; 16]);

    fn chain_and_keys(seed: u8) -> (BundleChain, ClientKeys) {
        let registered = SigningKeyPair::from_seed(&[seed; 32]);
        let first = BundleLink::first(&registered, STORE, CLIENT).unwrap();
        (BundleChain::begin(STORE, CLIENT, &first).unwrap(), ClientKeys::derive(&registered, STORE, CLIENT))
    }

    #[test]
    fn a_card_names_a_bundle_of_its_chain() {
        let (mut chain, keys) = chain_and_keys(7);
        let card = ContactCard::new(&chain, &keys, "Alice’s practice", 5).unwrap();
        let text = card.to_string();
        assert_eq!(text.parse(), Ok(card.clone()));
        assert_eq!(card.verify(&chain), Ok(()));
        assert_eq!(card.verify(&chain_and_keys(8).0), Err(VerifyError));

        let new = ClientKeys::generate();
        let next = BundleLink::successor(chain.head(), &keys, &new, BundleReason::Routine, 9).unwrap();
        chain.push(&next).unwrap();
        assert_eq!(card.verify(&chain), Ok(()));
        assert!(ContactCard::new(&chain, &keys, "", 5).is_err());
        assert!(ContactCard::new(&chain, &new, &"x".repeat(65), 5).is_err());
        assert!(ContactCard::new(&chain, &new, "a\0b", 5).is_err());
    }

    #[test]
    fn no_other_text_is_a_card() {
        let (chain, keys) = chain_and_keys(7);
        let text = ContactCard::new(&chain, &keys, "name", 5).unwrap().to_string();
        for at in 0..text.len() {
            let mut broken = text.clone().into_bytes();
            broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
            let broken = String::from_utf8(broken).unwrap();
            assert!(broken.parse::<ContactCard>().is_err(), "{at}");
            assert!(text[..at].parse::<ContactCard>().is_err(), "{at}");
        }
        for broken in [format!("{text}="), format!(" {text}"), format!("{text}A"), "A".repeat(100_000)] {
            assert!(broken.parse::<ContactCard>().is_err());
        }
    }
}
