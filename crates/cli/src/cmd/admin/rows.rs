//! The rows of a server, opened as it would open them itself.

use std::sync::Arc;

use tozstore_server::config::{Config, ConfigOverrides};
use tozstore_server::store::Store;
use tozstore_server::{admin, open_store};

use crate::args::StoreArguments;
use crate::cmd::serve::variables;
use crate::exit::{Code, Failure, Outcome};

/// The rows of the server that is set up so.
pub(super) async fn open(arguments: &StoreArguments) -> Outcome<Arc<dyn Store>> {
    let overrides = ConfigOverrides { data_dir: arguments.data.clone(), ..ConfigOverrides::default() };
    let config = Config::load(arguments.config.as_deref(), variables(), overrides).map_err(not_opened)?;
    open_store(&config).await.map_err(not_opened)
}

fn not_opened(error: impl std::fmt::Display) -> Failure {
    Failure::new(
        Code::Failed,
        format!("the rows of the server cannot be opened: {error}"),
        "give the settings that `serve` is given, and stop the server if its rows lie in a file",
    )
}

/// What to tell when it could not be done.
pub(super) fn failed(error: admin::AdminError) -> Failure {
    let (code, advice) = match error {
        admin::AdminError::NoAccount => {
            (Code::NotFound, "look at the id: `tozstore account login --json` prints it")
        }
        _ => (Code::Failed, "look at the store, then try again"),
    };
    Failure::new(code, error.to_string(), advice)
}
