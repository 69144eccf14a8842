//! The account password: from a file, a variable or the terminal. Never from the command line.

use std::io::IsTerminal;

use tozstore::Secret;

use crate::args::PasswordArguments;
use crate::exit::{Code, Failure, Outcome};
use crate::secret_input;

/// The variable that holds the password.
const VARIABLE: &str = "TOZSTORE_ACCOUNT_PASSWORD";

/// The password of an account that is there.
///
/// # Errors
/// There is none, and no terminal to ask at.
pub fn existing(arguments: &PasswordArguments, email: &str) -> Outcome<Secret> {
    match given(arguments)? {
        Some(password) => Ok(password),
        None => prompt(&format!("Password of {email}: ")),
    }
}

/// The password of an account that is to be; asked for twice.
///
/// # Errors
/// There is none, and no terminal to ask at; or the two are not the same.
pub fn new(arguments: &PasswordArguments, email: &str) -> Outcome<Secret> {
    if let Some(password) = given(arguments)? {
        return Ok(password);
    }
    let first = prompt(&format!("New password of {email}: "))?;
    let second = prompt("The same again: ")?;
    if first.expose() != second.expose() {
        return Err(Failure::new(
            Code::Failed,
            "the two passwords are not the same",
            "try again; nothing was done",
        ));
    }
    Ok(first)
}

fn given(arguments: &PasswordArguments) -> Outcome<Option<Secret>> {
    let password = match &arguments.password_file {
        Some(path) => Some(secret_input::first_line_of_file(path)?),
        None => secret_input::variable(VARIABLE),
    };
    if password.as_ref().is_some_and(|password| password.expose().is_empty()) {
        return Err(Failure::new(Code::Failed, "the password is empty", "give one in --password-file"));
    }
    Ok(password)
}

fn prompt(question: &str) -> Outcome<Secret> {
    let no_password = || {
        Failure::new(
            Code::Refused,
            "the account password is needed, and there is no terminal to ask for it",
            format!("give it in --password-file FILE or {VARIABLE}"),
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(no_password());
    }
    rpassword::prompt_password(question).map(Secret::new).map_err(|_| no_password())
}
