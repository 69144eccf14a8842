//! Arguments of the commands on clients.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tozstore::ClientId;

use super::PasswordArguments;

pub(super) const CLIENT_EXAMPLES: &str = "\
Examples:
  tozstore client register --token-file token --api-url http://127.0.0.1:8080
  tozstore client register --profile bob --name 'Laptop of Bob' < token
  tozstore client list
  tozstore client disable 1a2b3c4d-....

The registration token comes from --token-file, else from TOZSTORE_REGISTRATION_TOKEN, else from
standard input. It is not taken from the command line, where every process can read it.";

/// Commands on clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make keys, register them at the server, keep them as the profile
    Register(RegisterArguments),
    /// List the clients of the account
    List(PasswordArguments),
    /// Let a disabled client of the account in again
    Enable(AdministeredClientArguments),
    /// Keep a client of the account out: it can do nothing until it is enabled
    Disable(AdministeredClientArguments),
    /// Delete a client of the account, with what it wrote
    Delete(ClientDeleteArguments),
    /// Show the public part of a client, this one by default
    Info(ClientInfoArguments),
}

/// How to register.
#[derive(Debug, Args)]
pub struct RegisterArguments {
    /// A name that other clients see [default: the profile's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Keep a copy of the credentials at the server, encrypted for the account: whoever logs in to the
    /// account can then read all that this client can
    #[arg(long)]
    pub backup: bool,
    /// File that holds the registration token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Which client of the account.
#[derive(Debug, Args)]
pub struct AdministeredClientArguments {
    /// Id of the client
    #[arg(value_name = "CLIENT")]
    pub client: ClientId,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which client of the account, and whether to ask.
#[derive(Debug, Args)]
pub struct ClientDeleteArguments {
    /// Which client.
    #[command(flatten)]
    pub target: AdministeredClientArguments,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Which client.
#[derive(Debug, Args)]
pub struct ClientInfoArguments {
    /// Id of the client [default: the profile's own]
    #[arg(value_name = "CLIENT")]
    pub client: Option<ClientId>,
}
