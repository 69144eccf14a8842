//! Arguments of the commands on the account, and where its password comes from.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const ACCOUNT_EXAMPLES: &str = "\
Examples:
  tozstore account create --email me@example.org --api-url http://127.0.0.1:8080
  tozstore account login --email me@example.org --password-file password
  tozstore account password
  tozstore account recover --email me@example.org --paper-key-file paper-key
  tozstore account delete

The password comes from --password-file, else from TOZSTORE_ACCOUNT_PASSWORD, else from a prompt; a
new one from --new-password-file, else from TOZSTORE_NEW_ACCOUNT_PASSWORD, else from a prompt; the
paper key from --paper-key-file, else from TOZSTORE_PAPER_KEY, else from a prompt.";

/// Commands on the account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account, and stay logged in
    Create(AccountCreateArguments),
    /// Log in to an account
    Login(AccountLoginArguments),
    /// Forget the account on this machine; nothing changes at the server
    Logout,
    /// Change the name of the owner, or the e-mail address to log in by
    Change(AccountChangeArguments),
    /// Change the password; all other sessions of the account end
    Password(AccountPasswordArguments),
    /// Make a new paper key, the second way in; the old one is taken no more
    PaperKey(PasswordArguments),
    /// Log in with the paper key, and set a new password
    Recover(AccountRecoverArguments),
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

/// What to change.
#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true, args = ["name", "email"])]
pub struct AccountChangeArguments {
    /// Name of the owner
    #[arg(long)]
    pub name: Option<String>,
    /// E-mail address to log in by; nothing is sent there
    #[arg(long)]
    pub email: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// The old password and the new one.
#[derive(Debug, Args)]
pub struct AccountPasswordArguments {
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
    /// Where the new one comes from.
    #[command(flatten)]
    pub new: NewPasswordArguments,
}

/// How to get back in.
#[derive(Debug, Args)]
pub struct AccountRecoverArguments {
    /// E-mail address of the account
    #[arg(long)]
    pub email: String,
    /// File whose first line is the paper key
    #[arg(long, value_name = "FILE")]
    pub paper_key_file: Option<PathBuf>,
    /// Where the new password comes from.
    #[command(flatten)]
    pub new: NewPasswordArguments,
    /// Let a new client administer the account: for when somebody else knew the password. Backups of
    /// clients stay readable to the old one alone
    #[arg(long)]
    pub new_client: bool,
}

/// Where a new account password comes from.
#[derive(Debug, Args)]
pub struct NewPasswordArguments {
    /// File whose first line is the new account password
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
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
