//! Becoming a client: registration, and the backup of credentials.

use tozstore_api::{
    BACKUP_CLIENT_HEADER, KeySet, NewClient, RecordType, RegisterClient, RegisteredClient, SecretText, paths,
};
use tozstore_crypto::{ClientId, EncryptionPrivateKey, SigningKeyPair};

use crate::transport::{Request, Transport};
use crate::{Client, Credentials, Error, Fields, Limits, UntrustedData};

/// How a client is registered.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RegisterOptions {
    /// Whether to back the credentials up with the account, see [`Client::backup`]. Off by default: it gives all that
    /// the client can read to whoever administers the account.
    pub backup: bool,
    /// The kind of the client, if the registration token asks for a certain one.
    pub kind: Option<String>,
}

impl RegisterOptions {
    /// No backup, no kind.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to back the credentials up with the account.
    #[must_use]
    pub fn backup(mut self, backup: bool) -> Self {
        self.backup = backup;
        self
    }

    /// The kind of the client.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }
}

/// A client that was just registered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Registration {
    /// Its credentials. There is no other copy: save them before anything else.
    pub credentials: Credentials,
    /// The client that administers the account, to which credentials can be backed up.
    pub backup_client: Option<ClientId>,
    /// How the backup went, if one was asked for. Its failure does not undo the registration.
    pub backup: Option<Result<(), Error>>,
}

/// The record type of backups, of the interop protocol.
const KEY_BACKUP_TYPE: &str = "tozny.key_backup";

impl Client {
    /// Registers a new client, with fresh keys, under the account that the registration token is of.
    ///
    /// # Errors
    /// [`Error::Credentials`] if the token is not known, [`Error::Refused`] if it does not allow this. After
    /// [`Error::Unanswered`] a client may be there whose credentials nobody has; it can be deleted.
    pub async fn register(api_url: &str, token: &str, name: &str) -> Result<Registration, Error> {
        Self::register_with(api_url, token, name, &RegisterOptions::default()).await
    }

    /// Registers a new client in a certain way.
    ///
    /// # Errors
    /// As for [`register`](Self::register).
    pub async fn register_with(
        api_url: &str,
        token: &str,
        name: &str,
        options: &RegisterOptions,
    ) -> Result<Registration, Error> {
        let (encryption_key, signing_key) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        let client = NewClient {
            name: name.to_owned(),
            public_key: KeySet::encryption(encryption_key.public_key()),
            signing_key: KeySet::signing(signing_key.public_key()),
            kind: options.kind.clone(),
        };
        let body = RegisterClient { token: SecretText::new(token), client };
        let transport = Transport::new(api_url, Limits::default())?;
        let answer = transport.send(&Request::post(paths::REGISTER.to_owned()).json(&body)?).await?;
        let registered: RegisteredClient = answer.json()?;
        if registered.public_key.encryption_key() != Some(encryption_key.public_key()) {
            return Err(UntrustedData::WrongAnswer("public key").into());
        }
        let backup_client =
            answer.headers.get(BACKUP_CLIENT_HEADER).and_then(|id| id.to_str().ok()?.parse().ok());
        let RegisteredClient { client_id, api_key_id, api_secret, .. } = registered;
        let credentials =
            Credentials::new(api_url, client_id, api_key_id, api_secret, encryption_key, signing_key);
        let backup = match (options.backup, backup_client) {
            (false, _) => None,
            (true, None) => Some(Err(Error::NotFound("a client to back up to"))),
            (true, Some(backup_client)) => {
                let client = Self::new(credentials.clone())?;
                Some(client.backup(token, backup_client).await)
            }
        };
        Ok(Registration { credentials, backup_client, backup })
    }

    /// Backs this client's credentials up with its account: they are written as a record of type `tozny.key_backup`
    /// and shared with the client that administers the account.
    ///
    /// **This gives the account's administrator everything**: whoever logs in to the account can read all that this
    /// client can read, and write in its name, from now on and until the client is deleted. Nothing is lost without a
    /// backup as long as the credentials are kept elsewhere.
    ///
    /// # Errors
    /// Those of writing and sharing a record. What was done before the failure stays done.
    pub async fn backup(&self, registration_token: &str, backup_client: ClientId) -> Result<(), Error> {
        self.write(KEY_BACKUP_TYPE, self.backup_fields()).plain("client", self.id().to_string()).await?;
        self.share(KEY_BACKUP_TYPE, backup_client).await?;
        let path = paths::backup(registration_token, self.id());
        // Says that there is a backup; saying so twice does nothing more.
        self.send(Request::post(path).harmless()).await?;
        Ok(())
    }

    /// One field for each name of the configuration; each value is a JSON string literal inside the string.
    fn backup_fields(&self) -> Fields {
        let credentials = self.credentials();
        let literal = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
        let mut fields = Fields::default();
        let mut add = |name: &str, value: &str| fields.insert(name, literal(value));
        add("version", if credentials.signing_key().is_some() { "2" } else { "1" });
        add("client_id", &credentials.client_id().to_string());
        add("api_key_id", credentials.api_key_id());
        add("api_secret", credentials.api_secret().expose());
        add("client_email", credentials.client_email());
        add("public_key", &credentials.public_key().to_string());
        add("private_key", &credentials.encryption_key().expose_text());
        if let Some(pair) = credentials.signing_key() {
            add("public_signing_key", &pair.public_key().to_string());
            add("private_signing_key", &pair.expose_text());
        }
        add("api_url", credentials.api_url());
        fields
    }

    pub(crate) fn checked_type(record_type: &str) -> Result<RecordType, Error> {
        RecordType::new(record_type).map_err(|error| Error::Caller(error.to_string()))
    }
}
