//! Logging in to an account, with the password or the paper key.
//!
//! The protocol fixes how keys are made from the password: PBKDF2 with 1000 rounds, which is few. Who has the server's
//! database can try passwords quickly, so only a long, generated password protects the account:
//! see [`password_advice`].

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tozstore_api::{
    AccountSession, AnswerChallenge, AskChallenge, Challenge, KEY_PAPER, KEY_PASSWORD, Profile, paths,
};
use tozstore_crypto::{AccountKey, AccountSalt, SigningKeyPair, account_signing_key, answer_challenge};

use crate::client::bearer;
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{Account, Client, Credentials, Error, Limits, Secret, UntrustedData};

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
    /// Logs in with the password.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or password are wrong.
    pub async fn login(api_url: &str, email: &str, password: &Secret) -> Result<Self, Error> {
        Session::open(api_url, email, password, Way::Password).await?.into_account(password).await
    }

    /// Logs in with the paper key.
    ///
    /// # Errors
    /// [`Error::Credentials`] if address or paper key are wrong.
    pub async fn login_with_paper_key(api_url: &str, email: &str, paper_key: &Secret) -> Result<Self, Error> {
        Session::open(api_url, email, paper_key, Way::Paper).await?.into_account(paper_key).await
    }
}

/// One of the two ways into an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By its paper key.
    Paper,
    /// By its password.
    Password,
}

impl Way {
    /// Where the metadata of the profile hold the sealed credentials. The official account client has the same names.
    pub(crate) const fn sealed_name(self) -> &'static str {
        match self {
            Self::Paper => "paperBackup",
            Self::Password => "backupClient",
        }
    }

    /// Where they are while the secret is being changed: sealed under the one that is to be.
    pub(crate) const fn next_name(self) -> &'static str {
        match self {
            Self::Paper => "paperBackupNext",
            Self::Password => "backupClientNext",
        }
    }

    const fn key_id(self) -> &'static str {
        match self {
            Self::Paper => KEY_PAPER,
            Self::Password => KEY_PASSWORD,
        }
    }

    /// The key that the credentials are sealed under.
    pub(crate) fn config_key(self, secret: &Secret, profile: &Profile) -> Result<AccountKey, Error> {
        let salt = match self {
            Self::Paper => &profile.paper_enc_salt,
            Self::Password => &profile.enc_salt,
        };
        Ok(AccountKey::derive(secret.expose(), &parse_salt(salt)?))
    }
}

/// What a new password or paper key is made into.
pub(crate) struct NewWay {
    pub(crate) auth_salt: AccountSalt,
    pub(crate) enc_salt: AccountSalt,
    pub(crate) login_key: SigningKeyPair,
    pub(crate) config_key: AccountKey,
}

impl NewWay {
    pub(crate) fn new(secret: &Secret) -> Self {
        let (auth_salt, enc_salt) = (AccountSalt::random(), AccountSalt::random());
        Self {
            login_key: account_signing_key(secret.expose(), &auth_salt),
            config_key: AccountKey::derive(secret.expose(), &enc_salt),
            auth_salt,
            enc_salt,
        }
    }
}

/// How to log in again: all but the secret itself.
pub(crate) struct Login {
    pub(crate) email: String,
    pub(crate) key: SigningKeyPair,
    pub(crate) way: Way,
}

impl Login {
    pub(crate) async fn log_in(&self, transport: &Transport) -> Result<AccountSession, Error> {
        let challenge = ask_challenge(transport, &self.email).await?;
        self.answer(transport, challenge).await
    }

    async fn answer(&self, transport: &Transport, challenge: Challenge) -> Result<AccountSession, Error> {
        let response = answer_challenge(&self.key, &challenge.challenge)
            .map_err(|_| UntrustedData::WrongAnswer("login challenge"))?
            .to_string();
        let (email, keyid) = (self.email.to_lowercase(), self.way.key_id().to_owned());
        let body = AnswerChallenge { email, challenge: challenge.challenge, response, keyid };
        transport.send(&Request::post(paths::ACCOUNT_LOGIN.to_owned()).json(&body)?).await?.json()
    }
}

/// A login whose sealed credentials were not opened yet.
pub(crate) struct Session {
    pub(crate) transport: Transport,
    pub(crate) api_url: String,
    pub(crate) login: Login,
    pub(crate) session: AccountSession,
    pub(crate) meta: Map<String, Value>,
}

impl Session {
    pub(crate) async fn open(api_url: &str, email: &str, secret: &Secret, way: Way) -> Result<Self, Error> {
        let transport = Transport::new(api_url, Limits::default())?;
        let challenge = ask_challenge(&transport, email).await?;
        let salt = if way == Way::Paper { &challenge.paper_auth_salt } else { &challenge.auth_salt };
        let key = account_signing_key(secret.expose(), &parse_salt(salt)?);
        let login = Login { email: email.to_owned(), key, way };
        let session = login.answer(&transport, challenge).await?;
        let api_url = api_url.to_owned();
        let mut opened = Self { transport, api_url, login, session, meta: Map::new() };
        opened.meta = opened.send(Request::get(paths::ACCOUNT_PROFILE_META.to_owned())).await?.json()?;
        Ok(opened)
    }

    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        request.authorization = bearer(self.session.token.expose());
        self.transport.send(&request).await
    }

    /// The credentials of the account's client, if they are there under this name and open.
    fn credentials_at(&self, name: &str, key: &AccountKey) -> Option<Credentials> {
        let config = key.open_config(self.meta.get(name)?.as_str()?).ok()?;
        // The address in the config is that of the day of registration; the one that answers now is the one to use.
        let credentials = Credentials::from_json(&config).ok()?.with_api_url(&self.api_url);
        (credentials.client_id() == self.session.account.client.client_id).then_some(credentials)
    }

    /// The credentials of the account's client, and whether they lie where a change of the secret that broke off left
    /// them.
    pub(crate) fn credentials(&self, secret: &Secret) -> Result<(Credentials, bool), Error> {
        let way = self.login.way;
        let key = way.config_key(secret, &self.session.profile)?;
        let in_place = self.credentials_at(way.sealed_name(), &key).map(|credentials| (credentials, false));
        let beside = || self.credentials_at(way.next_name(), &key).map(|credentials| (credentials, true));
        in_place.or_else(beside).ok_or(Error::Untrusted(UntrustedData::SealedCredentials))
    }

    pub(crate) async fn into_account(mut self, secret: &Secret) -> Result<Account, Error> {
        let (credentials, lie_beside) = self.credentials(secret)?;
        let way = self.login.way;
        if let Some(sealed) = self.meta.remove(way.next_name()).filter(|_| lie_beside) {
            self.meta.insert(way.sealed_name().to_owned(), sealed);
            let request = Request::put(paths::ACCOUNT_PROFILE_META.to_owned()).json(&self.meta)?;
            if let Err(failure) = self.send(request).await {
                // They open from where they are as well.
                tracing::warn!(error = %failure.error, "the sealed credentials of the account stay where they were");
            }
        }
        self.with_client(credentials)
    }

    pub(crate) fn with_client(self, credentials: Credentials) -> Result<Account, Error> {
        let Self { transport, login, session, .. } = self;
        let (token, queen) = (Mutex::new(session.token), Client::new(credentials)?);
        Ok(Account { transport, login, token, profile: session.profile, queen })
    }
}

fn parse_salt(text: &str) -> Result<AccountSalt, Error> {
    Ok(text.parse().map_err(|_| UntrustedData::WrongAnswer("salt"))?)
}

async fn ask_challenge(transport: &Transport, email: &str) -> Result<Challenge, Error> {
    // Official clients write the address in small letters here, whatever was typed at creation.
    let body = AskChallenge { email: email.to_lowercase() };
    let request = Request::post(paths::ACCOUNT_CHALLENGE.to_owned()).harmless().json(&body)?;
    transport.send(&request).await?.json()
}

#[cfg(test)]
mod tests {
    use tozstore_crypto::generate_paper_key;

    use super::*;

    #[test]
    fn short_passwords_are_warned_of_and_paper_keys_are_not() {
        assert!(password_advice("").is_some());
        assert!(password_advice("correct horse").is_some());
        assert!(password_advice(&generate_paper_key()).is_none());
    }
}
