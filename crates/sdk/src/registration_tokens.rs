//! Registration tokens: what allows a new client to register under an account.

use std::fmt;

use tozstore_api::{NewRegistrationToken, Permissions, paths};

use crate::transport::{Answer, Failure, Request};
use crate::{Account, AccountSession, Error, Secret};

/// What a registration token allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenOptions {
    /// Its name, for its owner to tell it from others.
    pub name: Option<String>,
    /// Whether clients registered with it may work at once.
    pub enabled: bool,
    /// Whether its first use deletes it.
    pub one_time: bool,
    /// Kinds of clients that it registers; empty for all.
    pub kinds: Vec<String>,
    /// Registrations that it allows; no limit if none.
    pub max_uses: Option<u64>,
}

impl Default for TokenOptions {
    /// No name, clients work at once, no limit of uses or kinds.
    fn default() -> Self {
        Self { name: None, enabled: true, one_time: false, kinds: Vec::new(), max_uses: None }
    }
}

/// A registration token. Whoever has it can register clients.
#[non_exhaustive]
pub struct RegistrationToken {
    /// The token itself.
    pub token: Secret,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether clients registered with it may work at once.
    pub enabled: bool,
    /// Whether its first use deletes it.
    pub one_time: bool,
    /// Kinds of clients that it registers; empty for all.
    pub kinds: Vec<String>,
    /// Registrations that it was used for.
    pub uses: u64,
    /// Registrations that it allows; no limit if none.
    pub max_uses: Option<u64>,
}

impl From<tozstore_api::RegistrationToken> for RegistrationToken {
    fn from(token: tozstore_api::RegistrationToken) -> Self {
        Self {
            token: token.token,
            name: token.name,
            enabled: token.permissions.enabled.unwrap_or(false),
            one_time: token.permissions.one_time.unwrap_or(false),
            kinds: token.permissions.allowed_types.unwrap_or_default(),
            uses: token.uses,
            max_uses: (token.total_uses_allowed > 0).then_some(token.total_uses_allowed),
        }
    }
}

impl fmt::Debug for RegistrationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationToken")
            .field("name", &self.name)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// Makes a registration token.
    ///
    /// # Errors
    /// Those of any request. After [`Error::Unanswered`] it may be there: look at [`tokens`](Self::tokens).
    pub async fn create_token(&self, options: TokenOptions) -> Result<RegistrationToken, Error> {
        created(&self.send(creation(options)?).await?)
    }

    /// All registration tokens of the account.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn tokens(&self) -> Result<Vec<RegistrationToken>, Error> {
        listed(&self.send(Request::get(paths::REGISTRATION_TOKENS.to_owned())).await?)
    }

    /// Deletes a registration token. Clients that it registered stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not one of this account.
    pub async fn delete_token(&self, token: &str) -> Result<(), Error> {
        deleted(self.send(deletion(token)).await)
    }
}

impl AccountSession {
    /// As [`Account::create_token`].
    ///
    /// # Errors
    /// [`Error::Credentials`] if the session has lapsed, else those of any request.
    pub async fn create_token(&self, options: TokenOptions) -> Result<RegistrationToken, Error> {
        created(&self.send(creation(options)?).await?)
    }

    /// As [`Account::tokens`].
    ///
    /// # Errors
    /// [`Error::Credentials`] if the session has lapsed, else those of any request.
    pub async fn tokens(&self) -> Result<Vec<RegistrationToken>, Error> {
        listed(&self.send(Request::get(paths::REGISTRATION_TOKENS.to_owned())).await?)
    }

    /// As [`Account::delete_token`].
    ///
    /// # Errors
    /// [`Error::Credentials`] if the session has lapsed, [`Error::NotFound`] if it is not a token of this account.
    pub async fn delete_token(&self, token: &str) -> Result<(), Error> {
        deleted(self.send(deletion(token)).await)
    }
}

fn creation(options: TokenOptions) -> Result<Request, Error> {
    let TokenOptions { name, enabled, one_time, kinds, max_uses } = options;
    let permissions = Permissions {
        enabled: Some(enabled),
        one_time: Some(one_time),
        allowed_types: (!kinds.is_empty()).then_some(kinds),
        ..Permissions::default()
    };
    let body = NewRegistrationToken { name, permissions: Some(permissions), total_uses_allowed: max_uses };
    Request::post(paths::REGISTRATION_TOKENS.to_owned()).json(&body)
}

fn created(answer: &Answer) -> Result<RegistrationToken, Error> {
    Ok(answer.json::<tozstore_api::RegistrationToken>()?.into())
}

fn listed(answer: &Answer) -> Result<Vec<RegistrationToken>, Error> {
    let tokens: Vec<tozstore_api::RegistrationToken> = answer.json()?;
    Ok(tokens.into_iter().map(Into::into).collect())
}

fn deletion(token: &str) -> Request {
    Request::delete(paths::registration_token(token))
}

fn deleted(answer: Result<Answer, Failure>) -> Result<(), Error> {
    match answer {
        // An earlier try was done, and its answer lost.
        Err(failure) if failure.is_not_found() && failure.was_repeated => Ok(()),
        Err(failure) => Err(failure.naming("the registration token")),
        Ok(_) => Ok(()),
    }
}
