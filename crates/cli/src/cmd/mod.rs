//! The commands: one file for each noun.

mod account;
mod admin;
mod authorizer;
mod client;
mod completions;
mod demo;
mod explain;
mod file;
mod group;
mod hook;
mod man;
mod note;
mod profile;
mod record;
mod record_search;
mod sealed;
mod serve;
mod sharing;
mod token;
mod trust;
mod whoami;

use tozstore::{Client, FileStateStore, SealedClient};

use crate::args::{Arguments, Command};
use crate::exit::Outcome;
use crate::known::KnownFile;
use crate::output::Output;
use crate::profile::{ProfileFolder, ProfileName, create_parent};

/// What every command on a profile works with.
pub struct Context {
    profile: ProfileName,
    api_url: Option<String>,
    folder: ProfileFolder,
    output: Output,
}

impl Context {
    /// Acts as the client of the profile, and keeps what it learnt of keys on the way.
    async fn with_client<T>(&self, action: impl AsyncFnOnce(&Client) -> Outcome<T>) -> Outcome<T> {
        let credentials = self.folder.load(&self.profile, self.api_url.as_deref())?;
        let (file, known) = KnownFile::load(&self.folder, &self.profile)?;
        let client = Client::builder(credentials).known_keys(known).build()?;
        let outcome = action(&client).await;
        if let Err(failure) = file.save(&client.known_keys()) {
            // The action itself is done or not done; its own outcome says which.
            self.output.remark(&format!("warning: {}", failure.what));
        }
        outcome
    }

    /// The same with the client's sealed types, and with what it remembers of them.
    async fn with_sealed<T>(&self, action: impl AsyncFnOnce(&SealedClient) -> Outcome<T>) -> Outcome<T> {
        self.with_client(async |client| action(&self.sealed(client).await?).await).await
    }

    async fn sealed(&self, client: &Client) -> Outcome<SealedClient> {
        let path = self.folder.sealed_state_path(&self.profile);
        create_parent(&path)?;
        Ok(client.sealed(FileStateStore::new(path)).await?)
    }
}

/// Runs one command.
pub async fn run(arguments: Arguments, output: Output) -> Outcome {
    let global = arguments.global;
    if let Command::Admin(command) = arguments.command {
        return admin::run(command, output).await;
    }
    match &arguments.command {
        Command::Serve(arguments) => return serve::run(arguments, output).await,
        Command::Demo => return demo::run(output).await,
        Command::Completions(arguments) => return completions::run(arguments, output),
        Command::Man(arguments) => return man::run(arguments, output),
        _ => {}
    }
    let context = Context {
        profile: global.profile,
        api_url: global.api_url,
        folder: ProfileFolder::locate()?,
        output,
    };
    match arguments.command {
        Command::Account(command) => account::run(command, &context).await,
        Command::Authorizer(command) => authorizer::run(command, &context).await,
        Command::Client(command) => client::run(command, &context).await,
        Command::Explain(arguments) => explain::run(&arguments, &context).await,
        Command::File(command) => file::run(command, &context).await,
        Command::Group(command) => group::run(command, &context).await,
        Command::Hook(command) => hook::run(command, &context).await,
        Command::Note(command) => note::run(command, &context).await,
        Command::Profile(command) => profile::run(command, &context),
        Command::Record(command) => record::run(command, &context).await,
        Command::Revoke(arguments) => sharing::revoke(&arguments, &context).await,
        Command::Sealed(command) => sealed::run(command, &context).await,
        Command::Share(arguments) => sharing::share(&arguments, &context).await,
        Command::Sharing => sharing::list(&context).await,
        Command::Token(command) => token::run(command, &context).await,
        Command::Trust(command) => trust::run(command, &context).await,
        Command::Whoami(arguments) => whoami::run(&arguments, &context).await,
        // Done above: these need no profile.
        Command::Admin(_) | Command::Serve(_) | Command::Demo | Command::Completions(_) | Command::Man(_) => {
            Ok(())
        }
    }
}
