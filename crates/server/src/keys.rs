//! The server's own key, and what is derived from it: tokens, sealed copies, salts that give nothing away.
//!
//! It lies in a file beside the data, never in the store: whoever reads the store can forge no token and open no
//! sealed copy. Replicas of one store share the file. Losing it ends all sessions, blanks the listing of
//! registration tokens and changes the secrets of hooks; nothing else is lost.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::{fs, io};

use tozstore_api::{SecretText, Timestamp};
use tozstore_crypto::{
    AccountId, ClientId, HookSecret, Label, MacKey, NoteId, PendingFileId, RecordId, SealingKey,
    decode_base64url, encode_base64url,
};
use zeroize::Zeroizing;

use crate::blobs::BlobKey;

/// Name of the key's file in the data directory.
pub const KEY_FILE: &str = "server.key";

/// All keys of the server, derived from one.
#[derive(Debug)]
pub struct ServerKeys {
    access_tokens: MacKey,
    account_tokens: MacKey,
    attempts: MacKey,
    challenges: MacKey,
    file_transfers: MacKey,
    hooks: MacKey,
    registration_tokens: SealingKey,
    unknown_accounts: MacKey,
    commitment: [u8; 32],
}

/// Why the server's key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerKeyError {
    /// The file cannot be read or made.
    #[error("the server's key {path} cannot be read or made: {source}")]
    Io {
        /// The file.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is not a key.
    #[error("the server's key {0} does not have 32 bytes")]
    Length(String),
    /// The other servers on the store have another key.
    #[error(
        "this server's key {0} is not that of the other servers on this store: copy theirs here, or name it with \
         server_key_file. If theirs is lost for good, stop them all and start one server with store.new_server_key = true"
    )]
    Other(String),
    /// Others than the owner may read the file.
    #[error("the server's key {0} can be read by others than its owner: set its mode to 0600")]
    Readable(String),
}

/// A token that checked out: whose it is, and when it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenFacts<Id> {
    /// Whose it is.
    pub subject: Id,
    /// When it was issued.
    pub issued: Timestamp,
}

/// What the bearer of an address may do, once it proved to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileTransfer {
    /// Fetch these bytes, as long as this record has them.
    Download(RecordId, BlobKey),
    /// Fetch these bytes, as long as this note has them.
    NoteDownload(NoteId, BlobKey),
    /// Send the bytes of this file, as long as it is pending.
    Upload(PendingFileId),
}

impl FileTransfer {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Download(record, key) => [&b"d"[..], record.as_bytes(), key.as_bytes()].concat(),
            Self::NoteDownload(note, key) => [&b"n"[..], note.as_bytes(), key.as_bytes()].concat(),
            Self::Upload(pending) => [&b"u"[..], pending.as_bytes()].concat(),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok();
        let two = |ids: &[u8]| {
            let (owner, key) = ids.split_at_checked(16)?;
            Some((id(owner)?, BlobKey::from_bytes(id(key)?)))
        };
        match bytes.split_first()? {
            (b'd', ids) => two(ids).map(|(record, key)| Self::Download(RecordId::from_bytes(record), key)),
            (b'n', ids) => two(ids).map(|(note, key)| Self::NoteDownload(NoteId::from_bytes(note), key)),
            (b'u', pending) => Some(Self::Upload(PendingFileId::from_bytes(id(pending)?))),
            _ => None,
        }
    }
}

impl ServerKeys {
    /// Reads the key in a data directory, or makes it there if there is none.
    ///
    /// # Errors
    /// The file cannot be read or made, is not a key, or can be read by others.
    pub fn open(data_dir: &Path) -> Result<Self, ServerKeyError> {
        let path = data_dir.join(KEY_FILE);
        let io_error = |source| ServerKeyError::Io { path: path.display().to_string(), source };
        if !path.exists() {
            let mut root = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *root).map_err(|error| io_error(io::Error::other(error)))?;
            create(&path, &root).map_err(io_error)?;
        }
        Self::open_file(&path)
    }

    /// Reads the key in a file, which must be there.
    ///
    /// # Errors
    /// The file cannot be read, is not a key, or can be read by others.
    pub fn open_file(path: &Path) -> Result<Self, ServerKeyError> {
        match read_root(path)? {
            Some(root) => Ok(Self::derive(&root)),
            None => Err(ServerKeyError::Io {
                path: path.display().to_string(),
                source: io::ErrorKind::NotFound.into(),
            }),
        }
    }

    /// The keys under a root key: `BLAKE2b-256(root, label ‖ purpose)` each.
    pub fn derive(root: &[u8; 32]) -> Self {
        let root = MacKey::from_bytes(root);
        let key = |label, purpose: &[u8]| Zeroizing::new(root.tag(label, &[purpose]));
        Self {
            access_tokens: MacKey::from_bytes(&key(Label::AccessToken, b"client")),
            account_tokens: MacKey::from_bytes(&key(Label::AccessToken, b"account")),
            attempts: MacKey::from_bytes(&key(Label::ServerKey, b"attempts")),
            challenges: MacKey::from_bytes(&key(Label::Challenge, b"")),
            file_transfers: MacKey::from_bytes(&key(Label::FileTransfer, b"")),
            hooks: MacKey::from_bytes(&key(Label::HookSecret, b"")),
            registration_tokens: SealingKey::from_bytes(&key(Label::RegistrationToken, b"")),
            unknown_accounts: MacKey::from_bytes(&key(Label::UnknownAccount, b"")),
            commitment: *key(Label::ServerKey, b"commitment"),
        }
    }

    /// An access token of a client.
    pub fn issue_access_token(&self, client: ClientId, issued: Timestamp, expires: Timestamp) -> SecretText {
        issue(&self.access_tokens, client.as_bytes(), issued, expires)
    }

    /// Whose access token this is, if it is one and has not lapsed. The client may have been disabled since.
    pub fn check_access_token(&self, token: &str, now: Timestamp) -> Option<TokenFacts<ClientId>> {
        let (subject, issued) = check(&self.access_tokens, token, now)?;
        Some(TokenFacts { subject: ClientId::from_bytes(subject), issued })
    }

    /// An account token.
    pub fn issue_account_token(
        &self,
        account: AccountId,
        issued: Timestamp,
        expires: Timestamp,
    ) -> SecretText {
        issue(&self.account_tokens, account.as_bytes(), issued, expires)
    }

    /// Whose account token this is, if it is one and has not lapsed. The account may have been deleted since.
    pub fn check_account_token(&self, token: &str, now: Timestamp) -> Option<TokenFacts<AccountId>> {
        let (subject, issued) = check(&self.account_tokens, token, now)?;
        Some(TokenFacts { subject: AccountId::from_bytes(subject), issued })
    }

    /// A login challenge for an e-mail address: nonce, end of life, and the proof that we made it.
    pub fn issue_challenge(&self, email_key: &str, nonce: [u8; 16], expires: Timestamp) -> Vec<u8> {
        let expires = expires.micros().to_be_bytes();
        let tag = self.challenges.tag(Label::Challenge, &[email_key.as_bytes(), &nonce, &expires]);
        [&nonce[..], &expires, &tag].concat()
    }

    /// When this challenge lapses, if we made it for this address and it has not lapsed yet.
    pub fn check_challenge(&self, email_key: &str, challenge: &[u8], now: Timestamp) -> Option<Timestamp> {
        let (nonce, rest) = challenge.split_first_chunk::<16>()?;
        let (expires, tag) = rest.split_first_chunk::<8>()?;
        let tag = <&[u8; 32]>::try_from(tag).ok()?;
        self.challenges.verify(Label::Challenge, &[email_key.as_bytes(), nonce, expires], tag).ok()?;
        let expires = Timestamp::from_micros(i64::from_be_bytes(*expires));
        (now < expires).then_some(expires)
    }

    /// Permission to send or fetch the bytes of one file: fit for an address.
    pub fn issue_file_transfer(&self, transfer: FileTransfer, expires: Timestamp) -> String {
        let payload = [&transfer.to_bytes()[..], &expires.micros().to_be_bytes()].concat();
        let tag = self.file_transfers.tag(Label::FileTransfer, &[&payload]);
        format!("{}.{}", encode_base64url(&payload), encode_base64url(tag))
    }

    /// What this permits, if we gave it and it has not lapsed yet.
    pub fn check_file_transfer(&self, token: &str, now: Timestamp) -> Option<FileTransfer> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (payload, tag) = token.split_once('.')?;
        let payload = decode_base64url(payload).ok()?;
        let tag = <[u8; 32]>::try_from(decode_base64url(tag).ok()?).ok()?;
        self.file_transfers.verify(Label::FileTransfer, &[&payload], &tag).ok()?;
        let (transfer, expires) = payload.split_last_chunk::<8>()?;
        let expires = Timestamp::from_micros(i64::from_be_bytes(*expires));
        if now < expires { FileTransfer::from_bytes(transfer) } else { None }
    }

    /// A salt for an address without an account: always the same, so that asking twice tells nothing.
    pub fn decoy_salt(&self, email_key: &str, which: &str) -> String {
        let tag = self.unknown_accounts.tag(Label::UnknownAccount, &[email_key.as_bytes(), which.as_bytes()]);
        encode_base64url(&tag[..16])
    }

    /// Tells nothing of the keys, but whether two servers have the same.
    pub const fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    /// A number for an address, the same in all servers with this key; nobody else can tell which.
    pub fn attempts_hash(&self, address: &str) -> u64 {
        let tag = self.attempts.tag(Label::ServerKey, &[address.as_bytes()]);
        tag.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// What the deliveries to a hook are signed with. The store has the nonce alone.
    pub fn hook_secret(&self, nonce: &[u8; 16]) -> HookSecret {
        HookSecret::from_bytes(&Zeroizing::new(self.hooks.tag(Label::HookSecret, &[nonce])))
    }

    /// A registration token for the store to keep, readable to its account alone.
    pub fn seal_registration_token(&self, hash: &[u8; 32], token: &str) -> String {
        encode_base64url(self.registration_tokens.seal_secret(
            Label::RegistrationToken,
            &[hash],
            token.as_bytes(),
        ))
    }

    /// The token, if it was sealed under this key for the row with this hash.
    pub fn open_registration_token(&self, hash: &[u8; 32], sealed: &str) -> Option<SecretText> {
        let sealed = decode_base64url(sealed).ok()?;
        let token = self.registration_tokens.open_secret(Label::RegistrationToken, &[hash], &sealed).ok()?;
        std::str::from_utf8(&token).ok().map(SecretText::new)
    }
}

const MAX_TOKEN_BYTES: usize = 128;
const TOKEN_VERSION: &str = "v1";
const PAYLOAD_BYTES: usize = 16 + 8 + 8;

/// `v1.<subject ‖ issued ‖ expires>.<tag>`, both parts base64url: characters that any header takes.
fn issue(key: &MacKey, subject: &[u8; 16], issued: Timestamp, expires: Timestamp) -> SecretText {
    let payload = [&subject[..], &issued.micros().to_be_bytes(), &expires.micros().to_be_bytes()].concat();
    let tag = key.tag(Label::AccessToken, &[&payload]);
    SecretText::new(format!("{TOKEN_VERSION}.{}.{}", encode_base64url(&payload), encode_base64url(tag)))
}

fn check(key: &MacKey, token: &str, now: Timestamp) -> Option<([u8; 16], Timestamp)> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (payload, tag) = token.strip_prefix(TOKEN_VERSION)?.strip_prefix('.')?.split_once('.')?;
    let payload = <[u8; PAYLOAD_BYTES]>::try_from(decode_base64url(payload).ok()?).ok()?;
    let tag = <[u8; 32]>::try_from(decode_base64url(tag).ok()?).ok()?;
    key.verify(Label::AccessToken, &[&payload], &tag).ok()?;
    let (subject, times) = payload.split_first_chunk::<16>()?;
    let (issued, expires) = times.split_first_chunk::<8>()?;
    let expires = Timestamp::from_micros(i64::from_be_bytes(expires.try_into().ok()?));
    (now < expires).then_some((*subject, Timestamp::from_micros(i64::from_be_bytes(*issued))))
}

/// The root key in a file, if there is one.
pub(crate) fn read_root(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, ServerKeyError> {
    let shown = path.display().to_string();
    let io_error = |source| ServerKeyError::Io { path: shown.clone(), source };
    let mut file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io_error)?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(io_error)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ServerKeyError::Readable(shown));
        }
    }
    let mut key = Zeroizing::new([0; 32]);
    file.read_exact(&mut *key).map_err(|_| ServerKeyError::Length(shown.clone()))?;
    match file.read(&mut [0]) {
        Ok(0) => Ok(Some(key)),
        _ => Err(ServerKeyError::Length(shown)),
    }
}

/// Makes a folder that its owner alone can enter, unless it is there.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the file of a root key whole or not at all; a replica that was faster wins.
pub(crate) fn create(path: &Path, root: &[u8; 32]) -> io::Result<()> {
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let draft = path.with_extension(format!("key.{}", encode_base64url(suffix)));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(root)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_address_permits_one_transfer_until_it_lapses() {
        let keys = ServerKeys::derive(&[7; 32]);
        let (record, pending) = (RecordId::from_bytes([1; 16]), PendingFileId::from_bytes([2; 16]));
        let (note, key) = (NoteId::from_bytes([1; 16]), BlobKey::from_bytes([3; 16]));
        for transfer in [
            FileTransfer::Download(record, key),
            FileTransfer::NoteDownload(note, key),
            FileTransfer::Upload(pending),
        ] {
            let token = keys.issue_file_transfer(transfer, at(20));
            assert!(
                token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
                "{token}"
            );
            assert_eq!(keys.check_file_transfer(&token, at(19)), Some(transfer));
            assert_eq!(keys.check_file_transfer(&token, at(20)), None);
            assert_eq!(ServerKeys::derive(&[8; 32]).check_file_transfer(&token, at(19)), None);
            for place in 0..token.len() {
                let mut altered = token.clone().into_bytes();
                altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
                let altered = String::from_utf8(altered).unwrap();
                assert_eq!(keys.check_file_transfer(&altered, at(19)), None, "{place}");
            }
        }
    }

    #[test]
    fn a_token_holds_until_it_lapses_and_for_its_purpose_alone() {
        let keys = ServerKeys::derive(&[7; 32]);
        let client = ClientId::from_bytes([1; 16]);
        let token = keys.issue_access_token(client, at(10), at(20));
        let facts = TokenFacts { subject: client, issued: at(10) };
        assert_eq!(keys.check_access_token(token.expose(), at(19)), Some(facts));
        assert_eq!(keys.check_access_token(token.expose(), at(20)), None);
        assert_eq!(keys.check_account_token(token.expose(), at(19)), None);
        assert_eq!(ServerKeys::derive(&[8; 32]).check_access_token(token.expose(), at(19)), None);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }

    #[test]
    fn an_altered_token_is_refused() {
        let keys = ServerKeys::derive(&[7; 32]);
        let token = keys.issue_access_token(ClientId::from_bytes([1; 16]), at(10), at(20));
        for at_byte in 0..token.expose().len() {
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes[at_byte] = if bytes[at_byte] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert_eq!(keys.check_access_token(&altered, at(19)), None, "{altered}");
        }
        for text in ["", "v1", "v1.", "v1..", "v1.AA.AA", &"v1.".repeat(100)] {
            assert_eq!(keys.check_access_token(text, at(19)), None, "{text}");
        }
    }

    #[test]
    fn a_challenge_is_for_one_address_and_a_time() {
        let keys = ServerKeys::derive(&[7; 32]);
        let challenge = keys.issue_challenge("a@example.com", [1; 16], at(20));
        assert_eq!(keys.check_challenge("a@example.com", &challenge, at(19)), Some(at(20)));
        assert_eq!(keys.check_challenge("a@example.com", &challenge, at(20)), None);
        assert_eq!(keys.check_challenge("b@example.com", &challenge, at(19)), None);
        assert_eq!(keys.check_challenge("a@example.com", &challenge[1..], at(19)), None);
    }

    #[test]
    fn the_file_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let token = ServerKeys::open(dir.path()).unwrap().issue_access_token(
            ClientId::from_bytes([1; 16]),
            at(1),
            at(9),
        );
        let again = ServerKeys::open(dir.path()).unwrap();
        assert!(again.check_access_token(token.expose(), at(2)).is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let path = dir.path().join(KEY_FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(ServerKeys::open(dir.path()), Err(ServerKeyError::Readable(_))));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, [0; 33]).unwrap();
        assert!(matches!(ServerKeys::open(dir.path()), Err(ServerKeyError::Length(_))));
    }
}
