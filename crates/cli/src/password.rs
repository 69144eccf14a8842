//! The account password and the paper key: from a file, a variable or the terminal. Never from the command line.

use std::io::IsTerminal;
use std::path::PathBuf;

use tozstore::Secret;

use crate::args::{NewPasswordArguments, PasswordArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::secret_input;

/// A secret of the account, and where it comes from.
struct Source {
    what: &'static str,
    variable: &'static str,
    option: &'static str,
}

const PASSWORD: Source =
    Source { what: "the account password", variable: "TOZSTORE_ACCOUNT_PASSWORD", option: "--password-file" };
const NEW_PASSWORD: Source = Source {
    what: "the new account password",
    variable: "TOZSTORE_NEW_ACCOUNT_PASSWORD",
    option: "--new-password-file",
};
const PAPER_KEY: Source =
    Source { what: "the paper key", variable: "TOZSTORE_PAPER_KEY", option: "--paper-key-file" };

/// The password of an account that is there.
///
/// # Errors
/// There is none, and no terminal to ask at.
pub fn existing(arguments: &PasswordArguments, email: &str) -> Outcome<Secret> {
    match PASSWORD.given(arguments.password_file.as_ref())? {
        Some(password) => Ok(password),
        None => PASSWORD.prompt(&format!("Password of {email}: ")),
    }
}

/// The password of an account that is to be; asked for twice.
///
/// # Errors
/// There is none, and no terminal to ask at; or the two are not the same.
pub fn new(arguments: &PasswordArguments, email: &str) -> Outcome<Secret> {
    PASSWORD.new_one(arguments.password_file.as_ref(), email)
}

/// The password that an account is to have from now on; asked for twice.
///
/// # Errors
/// There is none, and no terminal to ask at; or the two are not the same.
pub fn changed(arguments: &NewPasswordArguments, email: &str) -> Outcome<Secret> {
    NEW_PASSWORD.new_one(arguments.new_password_file.as_ref(), email)
}

/// The paper key of an account.
///
/// # Errors
/// There is none, and no terminal to ask at.
pub fn paper_key(file: Option<&PathBuf>, email: &str) -> Outcome<Secret> {
    let given = match PAPER_KEY.given(file)? {
        Some(key) => key,
        None => PAPER_KEY.prompt(&format!("Paper key of {email}: "))?,
    };
    // Copied from paper, or from the line that showed it.
    Ok(Secret::new(given.expose().trim()))
}

impl Source {
    fn new_one(&self, file: Option<&PathBuf>, email: &str) -> Outcome<Secret> {
        if let Some(password) = self.given(file)? {
            return Ok(password);
        }
        let first = self.prompt(&format!("New password of {email}: "))?;
        let second = self.prompt("The same again: ")?;
        if first.expose() != second.expose() {
            return Err(Failure::new(
                Code::Failed,
                "the two passwords are not the same",
                "try again; nothing was done",
            ));
        }
        Ok(first)
    }

    fn given(&self, file: Option<&PathBuf>) -> Outcome<Option<Secret>> {
        let secret = match file {
            Some(path) => Some(secret_input::first_line_of_file(path)?),
            None => secret_input::variable(self.variable),
        };
        if secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(Failure::new(
                Code::Failed,
                format!("{} is empty", self.what),
                format!("give one in {}", self.option),
            ));
        }
        Ok(secret)
    }

    fn prompt(&self, question: &str) -> Outcome<Secret> {
        let nothing_given = || {
            Failure::new(
                Code::Refused,
                format!("{} is needed, and there is no terminal to ask for it", self.what),
                format!("give it in {} FILE or {}", self.option, self.variable),
            )
        };
        if !std::io::stdin().is_terminal() {
            return Err(nothing_given());
        }
        rpassword::prompt_password(question).map(Secret::new).map_err(|_| nothing_given())
    }
}
