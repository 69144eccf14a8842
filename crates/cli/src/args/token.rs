//! Arguments of the commands on registration tokens.

use clap::{Args, Subcommand};

use super::PasswordArguments;

pub(super) const TOKEN_EXAMPLES: &str = "\
Examples:
  tozstore token create --name laptops --uses 10 > token
  tozstore token create --one-time | tozstore client register --profile alice
  tozstore token list
  tozstore token delete TOKEN-ID";

/// Commands on registration tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token; it is all that is printed
    Create(TokenCreateArguments),
    /// List the tokens, each by the first characters of its text
    List(PasswordArguments),
    /// Delete a token: it registers nobody from then on
    Delete(TokenDeleteArguments),
}

/// What the token allows.
#[derive(Debug, Args)]
pub struct TokenCreateArguments {
    /// A name to know it by
    #[arg(long)]
    pub name: Option<String>,
    /// The token registers one client, and is gone
    #[arg(long, conflicts_with = "uses")]
    pub one_time: bool,
    /// Clients that the token registers, at most [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which token.
#[derive(Debug, Args)]
pub struct TokenDeleteArguments {
    /// The first characters of the token, as `token list` shows them
    #[arg(value_name = "TOKEN-ID")]
    pub id: String,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}
