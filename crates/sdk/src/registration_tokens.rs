//! Registration tokens: what allows a new client to register under an account.

use std::fmt;

use tozstore_api::{NewRegistrationToken, Permissions, paths};

use crate::transport::Request;
use crate::{Account, Error, Secret};

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

const TOKENS_PATH: &str = "/v1/account/tokens";

impl Account {
    /// Makes a registration token.
    ///
    /// # Errors
    /// Those of any request. After [`Error::Unanswered`] it may be there: look at [`tokens`](Self::tokens).
    pub async fn create_token(&self, options: TokenOptions) -> Result<RegistrationToken, Error> {
        let TokenOptions { name, enabled, one_time, kinds, max_uses } = options;
        let permissions = Permissions {
            enabled: Some(enabled),
            one_time: Some(one_time),
            allowed_types: (!kinds.is_empty()).then_some(kinds),
            ..Permissions::default()
        };
        let body =
            NewRegistrationToken { name, permissions: Some(permissions), total_uses_allowed: max_uses };
        let answer = self.send(Request::post(TOKENS_PATH.to_owned()).json(&body)?).await?;
        Ok(answer.json::<tozstore_api::RegistrationToken>()?.into())
    }

    /// All registration tokens of the account.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn tokens(&self) -> Result<Vec<RegistrationToken>, Error> {
        let answer = self.send(Request::get(TOKENS_PATH.to_owned())).await?;
        let tokens: Vec<tozstore_api::RegistrationToken> = answer.json()?;
        Ok(tokens.into_iter().map(Into::into).collect())
    }

    /// Deletes a registration token. Clients that it registered stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not one of this account.
    pub async fn delete_token(&self, token: &str) -> Result<(), Error> {
        match self.send(Request::delete(format!("{TOKENS_PATH}/{}", paths::segment(token)))).await {
            // An earlier try was done, and its answer lost.
            Err(failure) if failure.is_not_found() && failure.was_repeated => Ok(()),
            Err(failure) => Err(failure.naming("the registration token")),
            Ok(_) => Ok(()),
        }
    }
}
