//! Accounts: who owns a set of clients, and logs in with a password or a paper key.
//!
//! The protocol fixes how keys are made from the password: PBKDF2 with 1000 rounds, which is few. Who has the server's
//! database can try passwords quickly, so only a long, generated password protects the account:
//! see [`password_advice`].

use std::fmt;

use futures_util::Stream;
use http::Method;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tozstore_api::{
    AccountSession, AnswerChallenge, AskChallenge, Challenge, CreateAccount, KEY_PAPER, KEY_PASSWORD, KeySet,
    NewProfile, Profile, SecretText,
};
use tozstore_crypto::{
    AccountId, AccountKey, AccountSalt, ClientId, EncryptionPrivateKey, SigningKeyPair, account_signing_key,
    answer_challenge, generate_paper_key,
};

use crate::client::bearer;
use crate::clients::ClientDetails;
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
    transport: Transport,
    email: String,
    login_key: SigningKeyPair,
    login_with: &'static str,
    token: Mutex<SecretText>,
    profile: Profile,
    queen: Client,
}

const PROFILE_PATH: &str = "/v1/account/profile";
const PROFILE_META_PATH: &str = "/v1/account/profile/meta";
const CHALLENGE_PATH: &str = "/v1/account/challenge";
const LOGIN_PATH: &str = "/v1/account/auth";
const DELETE_PATH: &str = "/v2/account";
/// Names in the metadata of a profile: the sealed credentials, once under the password and once under the paper key.
const SEALED_FOR_PASSWORD: &str = "backupClient";
const SEALED_FOR_PAPER_KEY: &str = "paperBackup";
/// Members that the protocol asks for and that mean nothing here.
const PLAN: &str = "free0";
/// Shorter passwords are warned of.
const ADVISED_PASSWORD_CHARS: usize = 16;

/// What to say about a password before it is used, if there is something to say.
///
/// ```
/// assert!(tozstore::password_advice("correct horse").is_some());
/// assert!(tozstore::password_advice("kP3v-9sXq-Lw2t-Zr8b").is_none());
/// ```
pub fn password_advice(password: &str) -> Option<&'static str> {
    if password.is_empty() {
        return Some("An empty password protects nothing.");
    }
    (password.chars().count() < ADVISED_PASSWORD_CHARS).then_some(
        "This password is short. Whoever gets at the server's data can try very many passwords; use a generated one \
         of at least 16 characters.",
    )
}

impl Account {
    /// Creates an account with its administering client. Returns the paper key too, the second way in: write it down,
    /// there is no copy and no way back into the account without password and paper key.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the address has an account already.
    pub async fn create(api_url: &str, new: NewAccount<'_>) -> Result<(Self, Secret), Error> {
        if let Some(advice) = password_advice(new.password.expose()) {
            tracing::warn!("{advice}");
        }
        let paper_key = Secret::new(std::mem::take(&mut *generate_paper_key()));
        let (password_half, paper_half) = (LoginHalf::new(new.password), LoginHalf::new(&paper_key));
        let (encryption_key, signing_key) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        let body = CreateAccount {
            profile: NewProfile {
                name: new.name.to_owned(),
                email: new.email.to_owned(),
                auth_salt: password_half.auth_salt.to_string(),
                enc_salt: password_half.enc_salt.to_string(),
                paper_auth_salt: paper_half.auth_salt.to_string(),
                paper_enc_salt: paper_half.enc_salt.to_string(),
                signing_key: KeySet::signing(password_half.login_key.public_key()),
                paper_signing_key: KeySet::signing(paper_half.login_key.public_key()),
            },
            account: tozstore_api::NewAccount {
                company: Some(String::new()),
                plan: Some(PLAN.to_owned()),
                public_key: KeySet::encryption(encryption_key.public_key()),
                signing_key: KeySet::signing(signing_key.public_key()),
            },
        };
        let transport = Transport::new(api_url, Limits::default())?;
        let answer = transport.send(&Request::post(PROFILE_PATH.to_owned()).json(&body)?).await?;
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
            email: session.profile.email.clone(),
            login_key: password_half.login_key,
            login_with: KEY_PASSWORD,
            token: Mutex::new(session.token),
            profile: session.profile,
            queen: Client::new(credentials.clone())?,
        };
        // The official account client seals the same names.
        let config = credentials.to_json();
        let mut meta = Map::new();
        meta.insert("backupEnabled".to_owned(), "enabled".into());
        meta.insert(SEALED_FOR_PASSWORD.to_owned(), password_half.config_key.seal_config(&config).into());
        meta.insert(SEALED_FOR_PAPER_KEY.to_owned(), paper_half.config_key.seal_config(&config).into());
        account.send(Request::put(PROFILE_META_PATH.to_owned()).json(&meta)?).await?;
        Ok((account, paper_key))
    }

    /// Logs in with the password.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or password are wrong.
    pub async fn login(api_url: &str, email: &str, password: &Secret) -> Result<Self, Error> {
        Self::login_as(api_url, email, password, KEY_PASSWORD).await
    }

    /// Logs in with the paper key.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or paper key are wrong.
    pub async fn login_with_paper_key(api_url: &str, email: &str, paper_key: &Secret) -> Result<Self, Error> {
        Self::login_as(api_url, email, paper_key, KEY_PAPER).await
    }

    /// The account's id.
    pub fn id(&self) -> AccountId {
        self.profile.id
    }

    /// Name of its owner.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// E-mail address, as it was typed when the account was created.
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
        let request = Request::delete(format!("{DELETE_PATH}/{}", self.id()));
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

    /// Sends a request in the account's name. A token that the server refuses is renewed, once.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        let mut token = self.token.lock().await;
        request.authorization = bearer(token.expose());
        match self.transport.send(&request).await {
            Err(failure) if failure.status == Some(401) => {
                *token = log_in(&self.transport, &self.email, &self.login_key, self.login_with).await?.token;
                request.authorization = bearer(token.expose());
                drop(token);
                self.transport.send(&request).await
            }
            settled => settled,
        }
    }

    async fn login_as(
        api_url: &str,
        email: &str,
        secret: &Secret,
        login_with: &'static str,
    ) -> Result<Self, Error> {
        let transport = Transport::new(api_url, Limits::default())?;
        let challenge = ask_challenge(&transport, email).await?;
        let auth_salt =
            if login_with == KEY_PAPER { &challenge.paper_auth_salt } else { &challenge.auth_salt };
        let login_key = account_signing_key(secret.expose(), &parse_salt(auth_salt)?);
        let session = answer(&transport, email, challenge, &login_key, login_with).await?;
        let meta: Map<String, Value> = {
            let mut request = Request::get(PROFILE_META_PATH.to_owned());
            request.authorization = bearer(session.token.expose());
            transport.send(&request).await?.json()?
        };
        let profile = session.profile;
        let (name, enc_salt) = if login_with == KEY_PAPER {
            (SEALED_FOR_PAPER_KEY, &profile.paper_enc_salt)
        } else {
            (SEALED_FOR_PASSWORD, &profile.enc_salt)
        };
        let sealed = meta.get(name).and_then(Value::as_str).ok_or(UntrustedData::SealedCredentials)?;
        let config_key = AccountKey::derive(secret.expose(), &parse_salt(enc_salt)?);
        let config = config_key.open_config(sealed).map_err(|_| UntrustedData::SealedCredentials)?;
        // The address in the config is that of the day of registration; the one that answers now is the one to use.
        let credentials = Credentials::from_json(&config)?.with_api_url(api_url);
        if credentials.client_id() != session.account.client.client_id {
            return Err(UntrustedData::SealedCredentials.into());
        }
        Ok(Self {
            transport,
            email: email.to_owned(),
            login_key,
            login_with,
            token: Mutex::new(session.token),
            profile,
            queen: Client::new(credentials)?,
        })
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

/// What one of the two ways in is made of.
struct LoginHalf {
    auth_salt: AccountSalt,
    enc_salt: AccountSalt,
    login_key: SigningKeyPair,
    config_key: AccountKey,
}

impl LoginHalf {
    fn new(secret: &Secret) -> Self {
        let (auth_salt, enc_salt) = (AccountSalt::random(), AccountSalt::random());
        Self {
            login_key: account_signing_key(secret.expose(), &auth_salt),
            config_key: AccountKey::derive(secret.expose(), &enc_salt),
            auth_salt,
            enc_salt,
        }
    }
}

fn parse_salt(text: &str) -> Result<AccountSalt, Error> {
    Ok(text.parse().map_err(|_| UntrustedData::WrongAnswer("salt"))?)
}

async fn log_in(
    transport: &Transport,
    email: &str,
    login_key: &SigningKeyPair,
    login_with: &str,
) -> Result<AccountSession, Error> {
    let challenge = ask_challenge(transport, email).await?;
    answer(transport, email, challenge, login_key, login_with).await
}

async fn ask_challenge(transport: &Transport, email: &str) -> Result<Challenge, Error> {
    // Official clients write the address in small letters here, whatever was typed at creation.
    let body = AskChallenge { email: email.to_lowercase() };
    let request = Request::post(CHALLENGE_PATH.to_owned()).harmless().json(&body)?;
    transport.send(&request).await?.json()
}

async fn answer(
    transport: &Transport,
    email: &str,
    challenge: Challenge,
    login_key: &SigningKeyPair,
    login_with: &str,
) -> Result<AccountSession, Error> {
    let response = answer_challenge(login_key, &challenge.challenge)
        .map_err(|_| UntrustedData::WrongAnswer("login challenge"))?
        .to_string();
    let keyid = login_with.to_owned();
    let body =
        AnswerChallenge { email: email.to_lowercase(), challenge: challenge.challenge, response, keyid };
    let request = Request::new(Method::POST, LOGIN_PATH.to_owned()).json(&body)?;
    transport.send(&request).await?.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_passwords_are_warned_of_and_paper_keys_are_not() {
        assert!(password_advice("").is_some());
        assert!(password_advice("correct horse").is_some());
        assert!(password_advice(&generate_paper_key()).is_none());
    }
}
