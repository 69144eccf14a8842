//! Arguments of `explain`.

use clap::Args;
use tozstore::RecordId;

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
}
