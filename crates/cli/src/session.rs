//! The account that goes with a profile: who it is, and the server's session token until it lapses.

use serde::{Deserialize, Serialize};
use tozstore::{Account, AccountSession, Error, Secret};
use zeroize::Zeroizing;

use crate::args::PasswordArguments;
use crate::exit::{Code, Failure, Outcome};
use crate::profile::{ProfileFolder, ProfileName, create_parent};
use crate::{password, private_file};

/// Bytes that a session file may have.
const MAX_SESSION_BYTES: u64 = 64 * 1024;

/// The session file of a profile.
pub struct SessionFile(Form);

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    email: String,
    api_url: String,
    token: Secret,
}

impl SessionFile {
    /// Reads the session of a profile.
    ///
    /// # Errors
    /// There is none, others can read it, or it is damaged.
    pub fn load(folder: &ProfileFolder, name: &ProfileName, api_url: Option<&str>) -> Outcome<Self> {
        let Some(Self(mut form)) = Self::find(folder, name)? else {
            return Err(Failure::new(
                Code::Refused,
                format!("profile {name} is logged in to no account"),
                "log in: tozstore account login --email EMAIL; or create one: tozstore account create --email EMAIL",
            ));
        };
        if let Some(api_url) = api_url {
            form.api_url = api_url.to_owned();
        }
        Ok(Self(form))
    }

    /// The session of a profile, if there is one.
    ///
    /// # Errors
    /// Others can read it, or it is damaged.
    pub fn find(folder: &ProfileFolder, name: &ProfileName) -> Outcome<Option<Self>> {
        let path = folder.session_path(name);
        let Some(bytes) = private_file::read(&path, MAX_SESSION_BYTES)? else {
            return Ok(None);
        };
        // The parser's own words could quote the token.
        let form = serde_json::from_slice::<Form>(&bytes).ok().filter(|form| form.version == 1).ok_or_else(
            || {
                let what = format!("{} is not a session file", path.display());
                Failure::new(Code::Refused, what, "log in again: tozstore account login --email EMAIL")
            },
        )?;
        Ok(Some(Self(form)))
    }

    /// Keeps the session of an account that was just logged in to.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn keep(
        folder: &ProfileFolder,
        name: &ProfileName,
        api_url: &str,
        account: &Account,
    ) -> Outcome {
        let form = Form {
            version: 1,
            email: account.email().to_owned(),
            api_url: api_url.to_owned(),
            token: account.session_token().await,
        };
        let path = folder.session_path(name);
        create_parent(&path)?;
        let text = Zeroizing::new(serde_json::to_string_pretty(&form).map_err(std::io::Error::other)?);
        private_file::replace(&path, text.as_bytes())
    }

    /// Removes the session of a profile. Tells whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(folder: &ProfileFolder, name: &ProfileName) -> Outcome<bool> {
        let path = folder.session_path(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => {
                let what = format!("cannot remove {}: {error}", path.display());
                Err(Failure::new(Code::Failed, what, "check the folder's permissions"))
            }
        }
    }

    /// Where the account's server is.
    pub fn api_url(&self) -> &str {
        &self.0.api_url
    }

    /// E-mail address of the account.
    pub fn email(&self) -> &str {
        &self.0.email
    }

    /// Logs in to the account anew, with its password.
    ///
    /// # Errors
    /// There is no password, or the server refuses it.
    pub async fn log_in(&self, arguments: &PasswordArguments) -> Outcome<Account> {
        let password = password::existing(arguments, &self.0.email)?;
        Ok(Account::login(&self.0.api_url, &self.0.email, &password).await?)
    }

    /// Acts on the account's tokens: with the session while it lasts, else after logging in again.
    ///
    /// # Errors
    /// Those of the action and of logging in.
    pub async fn with_tokens<T>(
        &self,
        folder: &ProfileFolder,
        name: &ProfileName,
        arguments: &PasswordArguments,
        action: impl AsyncFn(&AccountSession) -> Result<T, Error>,
    ) -> Outcome<T> {
        let kept = AccountSession::new(&self.0.api_url, Secret::new(self.0.token.expose()))?;
        match action(&kept).await {
            Err(Error::Credentials(_)) => {}
            settled => return Ok(settled?),
        }
        let account = self.log_in(arguments).await?;
        Self::keep(folder, name, &self.0.api_url, &account).await?;
        let renewed = AccountSession::new(&self.0.api_url, account.session_token().await)?;
        Ok(action(&renewed).await?)
    }
}
