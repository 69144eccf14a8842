//! Minting ids: ordered by time, with a hint of where their rows live.
//!
//! ```text
//! 48 bits  milliseconds since 1970          UUID version 7 (RFC 9562, section 5.7)
//!  4 bits  version, 0111
//! 12 bits  fraction of the millisecond      section 6.2, method 3
//!  2 bits  variant, 10
//! 46 bits  random
//! 16 bits  placement
//! ```
//!
//! An account draws its placement at random. Its clients carry it, and so do their records: whoever sees an id knows
//! where to look, before any row is read.

use tozstore_api::{SecretText, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, RecordId, Version};
use zeroize::Zeroizing;

use crate::http::Error;

/// Where rows live, once there is more than one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement(pub u16);

/// An id of a row, which says where the row lives.
pub trait Placed {
    /// The placement in its last 16 bits.
    fn placement(&self) -> Placement;
}

macro_rules! placed {
    ($($id:ty),+) => {$(
        impl Placed for $id {
            fn placement(&self) -> Placement {
                let bytes = self.as_bytes();
                Placement(u16::from_be_bytes([bytes[14], bytes[15]]))
            }
        }
    )+};
}

placed!(AccountId, ClientId, GroupId, NoteId, RecordId);

/// A new account, with a placement of its own.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_account_id(now: Timestamp) -> Result<AccountId, Error> {
    let placement = Placement(u16::from_be_bytes(random_bytes()?));
    Ok(AccountId::from_bytes(mint(now, random_bytes()?, placement)))
}

/// A client's id but for its placement: drawn before the transaction in which its account is found.
#[derive(Clone, Copy, Debug)]
pub struct ClientIdSeed {
    now: Timestamp,
    random: [u8; 16],
}

impl ClientIdSeed {
    /// Draws what is random in an id.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn draw(now: Timestamp) -> Result<Self, Error> {
        Ok(Self { now, random: random_bytes()? })
    }

    /// The id of a new client of this account.
    pub fn place(self, account: AccountId) -> ClientId {
        ClientId::from_bytes(mint(self.now, self.random, account.placement()))
    }
}

/// A new record of a writer.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_record_id(now: Timestamp, writer: ClientId) -> Result<RecordId, Error> {
    Ok(RecordId::from_bytes(mint(now, random_bytes()?, writer.placement())))
}

/// A new group, placed with the client that makes it.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_group_id(now: Timestamp, creator: ClientId) -> Result<GroupId, Error> {
    Ok(GroupId::from_bytes(mint(now, random_bytes()?, creator.placement())))
}

/// A new note of a writer, or of nobody that the server knows: such a note has a placement of its own.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_note_id(now: Timestamp, writer: Option<ClientId>) -> Result<NoteId, Error> {
    let placement = match writer {
        Some(writer) => writer.placement(),
        None => Placement(u16::from_be_bytes(random_bytes()?)),
    };
    Ok(NoteId::from_bytes(mint(now, random_bytes()?, placement)))
}

/// A new version of a record: random, so that it cannot be guessed.
pub fn new_version() -> Version {
    Version::random()
}

/// A new API key, API secret or registration token: 256 random bits as 64 hexadecimal digits, which no client escapes.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_secret() -> Result<SecretText, Error> {
    let bytes = Zeroizing::new(random_bytes::<32>()?);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
        }
    }
    Ok(SecretText::new(text))
}

/// Bytes from the system's generator.
///
/// # Errors
/// The system gives none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("no random bytes: {error}").into()))?;
    Ok(bytes)
}

fn mint(now: Timestamp, random: [u8; 16], placement: Placement) -> [u8; 16] {
    let micros = now.micros().max(0).unsigned_abs();
    let fraction = (micros % 1000) * 4096 / 1000;
    let mut bytes = random;
    bytes[..6].copy_from_slice(&(micros / 1000).to_be_bytes()[2..]);
    bytes[6..8].copy_from_slice(&(0x7000 | fraction as u16).to_be_bytes());
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    bytes[14..].copy_from_slice(&placement.0.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_in_order_of_time() {
        let at = |micros| new_account_id(Timestamp::from_micros(micros)).unwrap();
        let ids = [at(1_706_704_496_123_001), at(1_706_704_496_123_456), at(1_706_704_496_124_000)];
        assert!(ids.is_sorted());
        assert!(ids[0].to_string().starts_with("018d5f83-"), "{}", ids[0]);
        for id in ids {
            let text = id.to_string();
            assert_eq!(text.as_bytes()[14], b'7');
            assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        }
    }

    #[test]
    fn clients_and_records_are_placed_with_their_account() {
        let now = Timestamp::from_micros(1_706_704_496_123_456);
        let account = new_account_id(now).unwrap();
        let client = ClientIdSeed::draw(now).unwrap().place(account);
        let record = new_record_id(now, client).unwrap();
        assert_eq!(client.placement(), account.placement());
        assert_eq!(record.placement(), account.placement());
        assert_ne!(ClientIdSeed::draw(now).unwrap().place(account), client);
    }

    #[test]
    fn secrets_are_64_hexadecimal_digits() {
        let secret = new_secret().unwrap();
        assert_eq!(secret.expose().len(), 64);
        assert!(secret.expose().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(secret.expose(), new_secret().unwrap().expose());
    }
}
