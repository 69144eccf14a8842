//! Accounts: who owns a set of clients, and logs in with a password or a paper key.

use std::fmt;

use futures_util::Stream;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tozstore_api::{AccountSession, CreateAccount, KeySet, NewProfile, Profile, SecretText, paths};
use tozstore_crypto::{AccountId, ClientId, EncryptionPrivateKey, SigningKeyPair, generate_paper_key};

use crate::client::bearer;
use crate::clients::ClientDetails;
use crate::logins::{Login, NewWay, Way, password_advice};
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{Client, Credentials, Error, Limits, Secret, UntrustedData};

/// An account that is to be.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Name of its owner.
    pub name: &'a str,
    /// E-mail address, the name to log in by. Nothing is sent there.
    pub email: &'a str,
    /// The password; see [`password_advice`].
    pub password: &'a Secret,
}

/// An account, logged in.
///
/// It has one client of its own, which administers the others: its credentials lie sealed in the account's profile and
/// were opened with the password.
pub struct Account {
    pub(crate) transport: Transport,
    pub(crate) login: Login,
    pub(crate) token: Mutex<SecretText>,
    pub(crate) profile: Profile,
    pub(crate) queen: Client,
}

/// Members that the protocol asks for and that mean nothing here.
const PLAN: &str = "free0";

impl Account {
    /// Creates an account with its administering client. Returns the paper key too, the second way in: write it down,
    /// there is no copy and no way back into the account without password and paper key.
    ///
    /// # Errors
    /// [`Error::Refused`] (409) if the address has an account already.
    pub async fn create(api_url: &str, new: NewAccount<'_>) -> Result<(Self, Secret), Error> {
        if let Some(advice) = password_advice(new.password.expose()) {
            tracing::warn!("{advice}");
        }
        let paper_key = Secret::new(std::mem::take(&mut *generate_paper_key()));
        let (by_password, by_paper) = (NewWay::new(new.password), NewWay::new(&paper_key));
        let (encryption_key, signing_key) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        let body = CreateAccount {
            profile: NewProfile {
                name: new.name.to_owned(),
                email: new.email.to_owned(),
                auth_salt: by_password.auth_salt.to_string(),
                enc_salt: by_password.enc_salt.to_string(),
                paper_auth_salt: by_paper.auth_salt.to_string(),
                paper_enc_salt: by_paper.enc_salt.to_string(),
                signing_key: KeySet::signing(by_password.login_key.public_key()),
                paper_signing_key: KeySet::signing(by_paper.login_key.public_key()),
            },
            account: tozstore_api::NewAccount {
                company: Some(String::new()),
                plan: Some(PLAN.to_owned()),
                public_key: KeySet::encryption(encryption_key.public_key()),
                signing_key: KeySet::signing(signing_key.public_key()),
            },
        };
        let transport = Transport::new(api_url, Limits::default())?;
        let request = Request::post(paths::ACCOUNT_PROFILE.to_owned()).json(&body)?;
        let answer = transport.send(&request).await.map_err(email_taken)?;
        let session: AccountSession = answer.json()?;
        let client = session.account.client;
        let api_secret = client.api_secret.ok_or(UntrustedData::WrongAnswer("client"))?;
        let credentials = Credentials::new(
            api_url,
            client.client_id,
            client.api_key_id,
            api_secret,
            encryption_key,
            signing_key,
        );
        let account = Self {
            transport,
            login: Login {
                email: session.profile.email.clone(),
                key: by_password.login_key,
                way: Way::Password,
            },
            token: Mutex::new(session.token),
            profile: session.profile,
            queen: Client::new(credentials.clone())?,
        };
        let config = credentials.to_json();
        let mut meta = Map::new();
        meta.insert("backupEnabled".to_owned(), "enabled".into());
        meta.insert(
            Way::Password.sealed_name().to_owned(),
            by_password.config_key.seal_config(&config).into(),
        );
        meta.insert(Way::Paper.sealed_name().to_owned(), by_paper.config_key.seal_config(&config).into());
        account.put_meta(&meta).await?;
        Ok((account, paper_key))
    }

    /// The account's id.
    pub fn id(&self) -> AccountId {
        self.profile.id
    }

    /// Name of its owner.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// E-mail address, as it was typed when it was last set.
    pub fn email(&self) -> &str {
        &self.profile.email
    }

    /// The client that administers the account. It can do all that other clients can.
    pub fn queen(&self) -> &Client {
        &self.queen
    }

    /// All clients of the account, in the order of their registration, the administering one included.
    pub fn clients(&self) -> impl Stream<Item = Result<ClientDetails, Error>> + Send + 'static {
        self.queen.account_clients()
    }

    /// One client of the account.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not of this account.
    pub async fn client(&self, client_id: ClientId) -> Result<ClientDetails, Error> {
        self.queen.account_client(client_id).await
    }

    /// Lets a client work again.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not of this account.
    pub async fn enable_client(&self, client_id: ClientId) -> Result<(), Error> {
        self.queen.enable_account_client(client_id, true).await
    }

    /// Stops a client: it can do nothing until it is enabled again. Nothing of it is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not of this account.
    pub async fn disable_client(&self, client_id: ClientId) -> Result<(), Error> {
        self.queen.enable_account_client(client_id, false).await
    }

    /// Deletes a client.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not of this account.
    pub async fn delete_client(&self, client_id: ClientId) -> Result<(), Error> {
        self.queen.delete_account_client(client_id).await
    }

    /// Deletes the account with all its clients and all that they wrote. There is no way back.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn delete(self) -> Result<(), Error> {
        let request = Request::delete(paths::account(self.id()));
        match self.queen.send_signed(request).await {
            // An earlier try was done, and its answer lost.
            Err(failure) if failure.was_repeated && matches!(failure.status, Some(401 | 404)) => Ok(()),
            Err(failure) => Err(failure.naming("the account")),
            Ok(_) => Ok(()),
        }
    }

    /// The token of the present session.
    pub(crate) async fn token(&self) -> tokio::sync::MutexGuard<'_, SecretText> {
        self.token.lock().await
    }

    /// What the clients of the account keep with its profile.
    pub(crate) async fn meta(&self) -> Result<Map<String, Value>, Error> {
        self.send(Request::get(paths::ACCOUNT_PROFILE_META.to_owned())).await?.json()
    }

    /// Replaces that.
    pub(crate) async fn put_meta(&self, meta: &Map<String, Value>) -> Result<(), Error> {
        self.send(Request::put(paths::ACCOUNT_PROFILE_META.to_owned()).json(meta)?).await?;
        Ok(())
    }

    /// Sends a request in the account's name. A token that the server refuses is renewed, once.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        let mut token = self.token.lock().await;
        request.authorization = bearer(token.expose());
        match self.transport.send(&request).await {
            Err(failure) if failure.status == Some(401) => {
                *token = self.login.log_in(&self.transport).await?.token;
                request.authorization = bearer(token.expose());
                drop(token);
                self.transport.send(&request).await
            }
            settled => settled,
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.profile.id)
            .field("queen", &self.queen)
            .finish_non_exhaustive()
    }
}

/// The error of a request that gives the account an address.
pub(crate) fn email_taken(failure: Failure) -> Error {
    failure.in_conflict(
        "there is an account with this e-mail address already: log in to it, or use another address",
    )
}
