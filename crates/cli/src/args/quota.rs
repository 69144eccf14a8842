//! Arguments of the commands on quotas.

use clap::{Args, Subcommand};

use super::StoreArguments;

/// Commands on quotas.
#[derive(Debug, Subcommand)]
pub enum QuotaCommand {
    /// Show what an account keeps, and its own quotas
    Show(QuotaShowArguments),
    /// Give an account quotas of its own; what is not named is as it is for all accounts
    Set(QuotaSetArguments),
    /// Count again what everybody keeps, after a version without quotas wrote beside a newer one
    Recount(StoreArguments),
}

/// Which account.
#[derive(Debug, Args)]
pub struct QuotaShowArguments {
    /// Id of the account
    #[arg(value_name = "ACCOUNT_ID")]
    pub account: String,
    /// Where the rows are.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Quotas that are to be.
#[derive(Debug, Args)]
pub struct QuotaSetArguments {
    /// Id of the account
    #[arg(value_name = "ACCOUNT_ID")]
    pub account: String,
    /// Records that it may keep
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub records: Option<u64>,
    /// Bytes of its records and their files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub bytes: Option<u64>,
    /// Files of its records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub files: Option<u64>,
    /// Where the rows are.
    #[command(flatten)]
    pub store: StoreArguments,
}
