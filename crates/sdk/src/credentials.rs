//! The credentials of a client: who it is, how it logs in, and the keys that open its records.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tozstore_api::SecretText;
use tozstore_crypto::{
    ClientId, EncryptionPrivateKey, EncryptionPublicKey, SigningKeyPair, SigningPublicKey,
};
use zeroize::Zeroizing;

use crate::Error;

/// Credentials of one client.
///
/// Whoever holds them can read all that the client can, and write in its name. Clones share one copy in memory, which
/// is wiped when the last of them is dropped. `Debug` shows the public half alone.
///
/// As text they are the JSON object that the official clients keep in their configuration files:
/// `version`, `api_url`, `api_key_id`, `api_secret`, `client_id`, `client_email`, `public_key`, `private_key`,
/// `public_signing_key`, `private_signing_key`. Names in camel case are read as well.
#[derive(Clone)]
pub struct Credentials {
    api_url: Arc<str>,
    inner: Arc<Inner>,
}

struct Inner {
    api_key_id: String,
    api_secret: SecretText,
    client_id: ClientId,
    client_email: String,
    encryption_key: EncryptionPrivateKey,
    public_key: EncryptionPublicKey,
    signing_key: Option<SigningKeyPair>,
}

/// A file of credentials has less than a kilobyte.
const MAX_FILE_BYTES: u64 = 64 * 1024;

impl Credentials {
    /// Reads a file in the official format.
    ///
    /// # Errors
    /// [`Error::Caller`] if the file cannot be read, [`Error::Credentials`] if it does not hold credentials.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let trouble = |reason: &dyn fmt::Display| {
            Error::Caller(format!("the credentials file {} cannot be read: {reason}", path.display()))
        };
        let metadata = fs::metadata(path).map_err(|error| trouble(&error))?;
        if metadata.len() > MAX_FILE_BYTES {
            return Err(trouble(&"it is too large"));
        }
        warn_if_readable_by_others(path, &metadata);
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| trouble(&error))?);
        Self::from_json(&text)
    }

    /// Writes a file in the official format, readable and writable by its owner alone. A file that is there is
    /// replaced in one step: after a crash it is the old or the new one.
    ///
    /// # Errors
    /// [`Error::Caller`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        write_private_file(path, self.to_json().as_bytes()).map_err(|error| {
            Error::Caller(format!("the credentials file {} cannot be written: {error}", path.display()))
        })
    }

    /// Reads the JSON text of the official format.
    ///
    /// # Errors
    /// [`Error::Credentials`]: a member is missing or malformed, or public and private keys do not belong together.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // The parser's own message could quote a secret.
        let form: Form = serde_json::from_str(text).map_err(|error| {
            Error::Credentials(format!(
                "the text is not the JSON object of credentials (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        form.check()
    }

    /// The JSON text of the official format. It holds the secrets: keep it like a password.
    pub fn to_json(&self) -> Zeroizing<String> {
        let inner = &self.inner;
        let private_key = inner.encryption_key.expose_text();
        let signing =
            inner.signing_key.as_ref().map(|pair| (pair.public_key().to_string(), pair.expose_text()));
        let written = WrittenForm {
            version: if signing.is_some() { 2 } else { 1 },
            api_url: &self.api_url,
            api_key_id: &inner.api_key_id,
            api_secret: inner.api_secret.expose(),
            client_id: inner.client_id,
            client_email: &inner.client_email,
            public_key: inner.public_key,
            private_key: &private_key,
            public_signing_key: signing.as_ref().map(|(public, _)| public.as_str()),
            private_signing_key: signing.as_ref().map(|(_, private)| private.as_str()),
        };
        // An object of strings always has a JSON text.
        Zeroizing::new(serde_json::to_string_pretty(&written).unwrap_or_default())
    }

    /// Puts credentials together from their parts.
    pub(crate) fn new(
        api_url: &str,
        client_id: ClientId,
        api_key_id: String,
        api_secret: SecretText,
        encryption_key: EncryptionPrivateKey,
        signing_key: SigningKeyPair,
    ) -> Self {
        let public_key = encryption_key.public_key();
        let inner = Inner {
            api_key_id,
            api_secret,
            client_id,
            client_email: String::new(),
            encryption_key,
            public_key,
            signing_key: Some(signing_key),
        };
        Self { api_url: api_url.into(), inner: Arc::new(inner) }
    }

    /// The same credentials, for a server at another address: one that was moved, or is reached by another name.
    #[must_use]
    pub fn with_api_url(self, api_url: &str) -> Self {
        Self { api_url: api_url.into(), ..self }
    }

    /// Where the server is, such as `https://store.example.com`.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Name of the API credential.
    pub fn api_key_id(&self) -> &str {
        &self.inner.api_key_id
    }

    /// The client's id.
    pub fn client_id(&self) -> ClientId {
        self.inner.client_id
    }

    /// An e-mail address that some clients keep here; often empty.
    pub fn client_email(&self) -> &str {
        &self.inner.client_email
    }

    /// The key that others share with.
    pub fn public_key(&self) -> EncryptionPublicKey {
        self.inner.public_key
    }

    /// The key that checks this client's signatures, if it has one.
    pub fn public_signing_key(&self) -> Option<SigningPublicKey> {
        self.inner.signing_key.as_ref().map(SigningKeyPair::public_key)
    }

    pub(crate) fn api_secret(&self) -> &SecretText {
        &self.inner.api_secret
    }

    pub(crate) fn encryption_key(&self) -> &EncryptionPrivateKey {
        &self.inner.encryption_key
    }

    pub(crate) fn signing_key(&self) -> Option<&SigningKeyPair> {
        self.inner.signing_key.as_ref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("api_url", &self.api_url)
            .field("client_id", &self.inner.client_id)
            .field("public_key", &self.inner.public_key)
            .field("public_signing_key", &self.public_signing_key())
            .finish_non_exhaustive()
    }
}

/// As the file has it. Unknown members are left alone: applications keep their own beside these.
#[derive(Deserialize)]
struct Form {
    #[serde(alias = "apiUrl", default)]
    api_url: Option<String>,
    #[serde(alias = "apiKeyId")]
    api_key_id: String,
    #[serde(alias = "apiSecret")]
    api_secret: SecretText,
    #[serde(alias = "clientId")]
    client_id: ClientId,
    #[serde(alias = "clientEmail", default)]
    client_email: Option<String>,
    #[serde(alias = "publicKey", default)]
    public_key: Option<EncryptionPublicKey>,
    #[serde(alias = "privateKey")]
    private_key: SecretText,
    #[serde(alias = "publicSigningKey", default)]
    public_signing_key: Option<String>,
    #[serde(alias = "privateSigningKey", default)]
    private_signing_key: Option<SecretText>,
}

impl Form {
    fn check(self) -> Result<Credentials, Error> {
        let malformed = |what: &str| Error::Credentials(format!("the credentials are malformed: {what}"));
        let api_url =
            self.api_url.filter(|url| !url.is_empty()).ok_or_else(|| malformed("api_url is missing"))?;
        let encryption_key = EncryptionPrivateKey::from_text(self.private_key.expose())
            .map_err(|_| malformed("private_key is not a key"))?;
        let public_key = encryption_key.public_key();
        if self.public_key.is_some_and(|given| given != public_key) {
            return Err(malformed("public_key does not belong to private_key"));
        }
        let signing_key = match self.private_signing_key.filter(|text| !text.expose().is_empty()) {
            Some(text) => Some(
                SigningKeyPair::from_text(text.expose())
                    .map_err(|_| malformed("private_signing_key is not a key pair"))?,
            ),
            None => None,
        };
        let given_public = self.public_signing_key.filter(|text| !text.is_empty());
        if let (Some(given), Some(pair)) = (given_public, &signing_key)
            && given.parse::<SigningPublicKey>().ok() != Some(pair.public_key())
        {
            return Err(malformed("public_signing_key does not belong to private_signing_key"));
        }
        let inner = Inner {
            api_key_id: self.api_key_id,
            api_secret: self.api_secret,
            client_id: self.client_id,
            client_email: self.client_email.unwrap_or_default(),
            encryption_key,
            public_key,
            signing_key,
        };
        Ok(Credentials { api_url: api_url.into(), inner: Arc::new(inner) })
    }
}

/// As the file is written. Borrows every secret, so that no copy of it stays behind.
#[derive(Serialize)]
struct WrittenForm<'a> {
    version: u32,
    api_url: &'a str,
    api_key_id: &'a str,
    api_secret: &'a str,
    client_id: ClientId,
    client_email: &'a str,
    public_key: EncryptionPublicKey,
    private_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_signing_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_signing_key: Option<&'a str>,
}

/// Writes beside the file and renames: a rename within a folder is one step.
pub(crate) fn write_private_file(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
    let temporary = folder.join(name);
    let written = write_new_private_file(&temporary, contents).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may hold secrets; that it cannot be removed either is not worth hiding the first error for.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_folder(&folder)
}

fn write_new_private_file(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &Path, metadata: &fs::Metadata) {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "credentials file is open to other users of this machine; use mode 0600");
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_path: &Path, _metadata: &fs::Metadata) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// `queen_client_config` of the vectors of an account login by an official client.
    const SNAKE: &str = r#"{
        "version": 2, "api_url": "https://api.e3db.com", "api_key_id": "kid", "api_secret": "sec",
        "client_id": "a1111111-1111-4111-8111-111111111111",
        "public_key": "-D-otEnd25LTdUWFgLsi65_wGk932ls0g8Awr2OFUBY",
        "private_key": "1WNcs2eWOAYsinAD9is9jpagsh51gKatQMRMICCpRFI",
        "public_signing_key": "zMBF6MAr_0VYY2pcRNVZPLiz2-u_66cbdxYJDy0hc68",
        "private_signing_key": "S0aqZUVr8QbphmsUobbVTtTkKqM7HCSlgKM-QbSvb5PMwEXowCv_RVhjalxE1Vk8uLPb67_rpxt3FgkPLSFzrw"
    }"#;

    fn camel(text: &str) -> String {
        let mut text = text.to_owned();
        for (snake, camel) in [
            ("api_url", "apiUrl"),
            ("api_key_id", "apiKeyId"),
            ("api_secret", "apiSecret"),
            ("client_id", "clientId"),
            ("public_key", "publicKey"),
            ("private_key", "privateKey"),
            ("public_signing_key", "publicSigningKey"),
            ("private_signing_key", "privateSigningKey"),
        ] {
            text = text.replace(&format!("\"{snake}\""), &format!("\"{camel}\""));
        }
        text
    }

    #[test]
    fn official_files_are_read_in_both_spellings_and_come_back() {
        for text in [SNAKE.to_owned(), camel(SNAKE), SNAKE.replace("\"version\": 2", "\"version\": \"2\"")] {
            let credentials = Credentials::from_json(&text).unwrap();
            assert_eq!(credentials.api_url(), "https://api.e3db.com");
            let (first, second): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&credentials.to_json()).unwrap(), serde_json::from_str(SNAKE).unwrap());
            for (name, value) in second.as_object().unwrap() {
                assert_eq!(&first[name], value, "{name}");
            }
        }
    }

    #[test]
    fn a_file_of_version_1_has_no_signing_keys() {
        let mut form: serde_json::Value = serde_json::from_str(SNAKE).unwrap();
        let object = form.as_object_mut().unwrap();
        object.insert("version".to_owned(), 1.into());
        object.remove("public_signing_key");
        object.insert("private_signing_key".to_owned(), serde_json::Value::Null);
        let credentials = Credentials::from_json(&form.to_string()).unwrap();
        assert_eq!(credentials.public_signing_key(), None);
        assert!(credentials.to_json().contains("\"version\": 1"));
    }

    #[test]
    fn keys_that_do_not_belong_together_are_refused_without_being_told() {
        let other = "-D-otEnd25LTdUWFgLsi65_wGk932ls0g8Awr2OFUBY";
        for (member, value) in [
            ("private_key", other),
            ("public_signing_key", other),
            ("private_signing_key", "AAAA"),
            ("private_key", "secret words"),
            ("client_id", "secret words"),
        ] {
            let mut form: serde_json::Value = serde_json::from_str(SNAKE).unwrap();
            form[member] = value.into();
            let error = Credentials::from_json(&form.to_string()).unwrap_err();
            assert!(matches!(error, Error::Credentials(_)), "{member}");
            assert!(!error.to_string().contains("secret words"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", Credentials::from_json(SNAKE).unwrap());
        for secret in ["sec\"", "1WNcs2eWOAY", "S0aqZUVr8Q"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn files_are_replaced_whole_and_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.json");
        fs::write(&path, "old").unwrap();
        let credentials = Credentials::from_json(SNAKE).unwrap();
        credentials.save(&path).unwrap();
        assert_eq!(Credentials::load(&path).unwrap().client_id(), credentials.client_id());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
