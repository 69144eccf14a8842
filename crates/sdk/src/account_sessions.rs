//! Sessions of accounts: what an earlier login left, without the password.

use std::fmt;

use crate::client::bearer;
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{Account, Error, Limits, Secret};

/// A session of an account, which the server ends after some time. Until then it makes, lists and deletes registration
/// tokens. It has neither the password nor the account's client, so it administers no clients.
pub struct AccountSession {
    transport: Transport,
    token: Secret,
}

impl AccountSession {
    /// Takes up the session of a [token](Account::session_token). Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Caller`] if the server's address is none.
    pub fn new(api_url: &str, token: Secret) -> Result<Self, Error> {
        Ok(Self { transport: Transport::new(api_url, Limits::default())?, token })
    }

    /// Sends a request in the account's name.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        request.authorization = bearer(self.token.expose());
        self.transport.send(&request).await
    }
}

impl fmt::Debug for AccountSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSession").finish_non_exhaustive()
    }
}

impl Account {
    /// The token of the present session, to go on with an [`AccountSession`] later. Whoever has it can make and delete
    /// registration tokens until the server ends the session.
    pub async fn session_token(&self) -> Secret {
        Secret::new(self.token().await.expose())
    }
}
