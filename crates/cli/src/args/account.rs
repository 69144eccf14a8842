//! Arguments of the commands on the account, and where its password comes from.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const ACCOUNT_EXAMPLES: &str = "\
Examples:
  tozstore account create --email me@example.org --api-url http://127.0.0.1:8080
  tozstore account login --email me@example.org --password-file password
  tozstore account delete

The password comes from --password-file, else from TOZSTORE_ACCOUNT_PASSWORD, else from a prompt.";

/// Commands on the account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account, and stay logged in
    Create(AccountCreateArguments),
    /// Log in to an account
    Login(AccountLoginArguments),
    /// Forget the account on this machine; nothing changes at the server
    Logout,
    /// Delete the account at the server, with its tokens and clients
    Delete(AccountDeleteArguments),
}

/// The account that is to be.
#[derive(Debug, Args)]
pub struct AccountCreateArguments {
    /// E-mail address to log in by; nothing is sent there
    #[arg(long)]
    pub email: String,
    /// Name of the owner [default: the e-mail address]
    #[arg(long)]
    pub name: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which account.
#[derive(Debug, Args)]
pub struct AccountLoginArguments {
    /// E-mail address of the account
    #[arg(long)]
    pub email: String,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Where the account password comes from: never from the command line, where all processes can read it.
#[derive(Debug, Args)]
pub struct PasswordArguments {
    /// File whose first line is the account password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// How to delete the account.
#[derive(Debug, Args)]
pub struct AccountDeleteArguments {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}
